"""The report: exponents of exact data, what is missing is said, and a page that needs nothing beside itself."""

import io
import re
from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser
from math import prod
from pathlib import Path

import pytest
from PIL import Image

from bench.cases import CASES
from bench.report.command import report
from bench.report.growth import exponent_of, series_of
from bench.report.growth_pictures import LONGEST, growth, key_of
from bench.report.labels import apart
from bench.report.machines import by_machine, common_work, machines
from bench.report.roofline import roofline
from bench.report.speedup import by_op, of_op
from bench.report.style import Picture
from bench.rows import Results, Row, Times
from ptus.errors import UserError
from tests.bench.examples import RESULTS, ROW

SIZES = ((4, 8, 8), (8, 16, 16), (16, 32, 32))


def times(median: float) -> Times:
    return Times(median, median * 0.9, median * 0.95, median * 1.05, 9)


def row(batch: int = 1, size: tuple[int, ...] = (16, 64, 64), power: float = 1.0, op: str = "warp_blend") -> Row:
    """A row whose time and memory grow with the batch and the volume to the power."""
    amount = float(batch * prod(size)) ** power
    return replace(
        ROW,
        op=op,
        batch=batch,
        size=size,
        times={"ours": times(1e-9 * amount), "eager": times(1e-8 * amount)},
        memory={"ours": int(100 * amount), "eager": None},
    )


def run(*rows: Row, **more: object) -> Results:
    return replace(RESULTS, rows=list(rows), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_the_exponent_of_exact_data(exponent: float) -> None:
    points = [(size, 3e-4 * size**exponent) for size in (1, 2, 4, 32)]
    assert exponent_of(points) == pytest.approx(exponent)


def test_the_exponent_of_noisy_data_is_that_of_least_squares() -> None:
    assert exponent_of([(1, 1.0), (10, 1.0), (100, 100.0)]) == pytest.approx(1.0)


@pytest.mark.parametrize("points", [[], [(1, 1.0)], [(2, 1.0), (2, 3.0)], [(1, 0.0), (2, 1.0)]])
def test_no_exponent(points: list[tuple[int, float]]) -> None:
    with pytest.raises(ValueError, match="an exponent needs"):
        exponent_of(points)


def test_a_series_is_alike_in_all_but_one_variable() -> None:
    rows = [row(batch) for batch in (1, 2, 4)] + [row(size=size) for size in SIZES] + [row(op="grid_sample_3d")]
    (over_batch,) = series_of(rows, "time", "batch")
    assert [size for size, _ in over_batch.ours] == [1, 2, 4]
    (over_volume,) = series_of(rows, "time", "volume")
    assert [size for size, _ in over_volume.ours] == [*(prod(size) for size in SIZES), 65536]
    assert over_volume.exponent == pytest.approx(1.0)
    assert over_volume.eagers_exponent == pytest.approx(1.0)
    (memory,) = series_of(rows, "memory", "volume")
    assert memory.exponent == pytest.approx(1.0, abs=1e-3)
    assert memory.eager == []
    assert series_of([replace(each, memory={"ours": 0}) for each in rows], "memory", "batch") == []


def test_a_case_named_by_its_size_is_the_same_case_in_another_size() -> None:
    large = replace(row(size=(16, 128, 128)), case=f"{ROW.case}, 128×128")
    (series,) = series_of([large, row()], "time", "volume")
    assert series.row.case == ROW.case
    assert series.exponent == pytest.approx(1.0)
    assert series_of([replace(large, case="another, 128×128"), row()], "time", "volume") == []


def test_every_size_of_an_op_has_a_case_to_be_compared_with() -> None:
    rows = [
        replace(row(size=case.size, op=case.op.name), case=case.name)
        for case in CASES
        if not case.deterministic and not case.graphs
    ]
    several = {each.op for each in rows if len({other.size for other in rows if other.op == each.op}) > 1}
    several.remove("spade_modulate")  # its cases are layers, of other channels each
    assert several == {each.row.op for each in series_of(rows, "time", "volume")} != set()


@pytest.mark.parametrize(("power", "warned"), [(1.0, False), (1.1, False), (1.2, True), (2.0, True)])
def test_growth_beyond_linear_is_warned_about(power: float, warned: bool) -> None:
    picture = growth([row(batch, power=power) for batch in (1, 4, 16)], "time", "batch")
    assert isinstance(picture, Picture)
    (note,) = picture.notes
    assert f"time ~ batch^{power:.2f}" in note
    assert note.startswith("warning: faster than linear") is warned


def test_one_batch_tells_no_growth() -> None:
    said = growth([row()], "time", "batch")
    assert isinstance(said, str)
    assert "no two rows with time differ in the batch alone" in said


def test_contenders_that_are_missing_are_said() -> None:
    compiled = replace(row(2), times=row(2).times | {"compiled": times(1e-3)})
    rows = [replace(row(), absent={"compiled": "left out"}), compiled]
    assert by_op(rows).notes == ("compiled: not timed in 1 of 2 rows (left out).",)
    alone = [replace(row(), times={"ours": times(1e-3)}, absent={})]
    assert len(of_op("warp_blend", alone).notes) == 2


def test_what_the_roofline_leaves_out_is_said() -> None:
    rows = [row(), replace(row(op="nearest"), operations=0)]
    notes = " ".join(roofline(run(*rows, peak_operations=None)).notes)
    assert "not in the picture: nearest, forward" in notes
    assert "peak was not measured" in notes
    assert roofline(run(rows[1])).light
    fast = replace(row(), times={"ours": times(1e-6)})
    assert "1 of 1 rows are above the roof" in " ".join(roofline(run(fast)).notes)


def test_machines_are_compared_in_what_both_did() -> None:
    gpu = {**RESULTS.machine, "device": "cuda", "gpu": "Some GPU"}
    there = [replace(each, backend=backend) for each in (row(), row(4)) for backend in ("cuda", "triton")]
    results = [run(row(), row(2)), run(*there, machine=gpu)]
    runs = by_machine(results)
    assert [label.split(", ")[-2] for label in runs] == ["cpu", "cuda", "triton"]
    assert len(common_work(runs)) == 1
    assert isinstance(machines(results), Picture)
    said = machines([run(row(2)), run(row(4))])
    assert isinstance(said, str)
    assert "no work in common" in said


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_needs_nothing_and_escapes_what_it_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hostile = '<script src="https://example.org">&"'
    odd = replace(row(), case=hostile, absent={"eager": hostile}, times={"ours": times(1e-3)})
    rows = [odd, *(row(batch, power=1.5) for batch in (1, 2))]
    machine = {**RESULTS.machine, "cpu": hostile}
    run(*rows, machine=machine, not_measured={hostile: hostile}).store(tmp_path / "one.json")
    run(row()).store(tmp_path / "two.json")
    output = tmp_path / "out"
    assert report((tmp_path / "one.json", tmp_path / "two.json"), output) == 0

    assert "warning: faster than linear" in capsys.readouterr().out
    text = (output / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "iframe", "object"}
    for tag, attributes in page.tags:
        for attribute in ("src", "srcset", "href"):
            if attribute in attributes:
                assert (attributes[attribute] or "").startswith("data:image/png;base64,"), tag
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style and "@import" not in style
    assert "prefers-color-scheme: dark" in style
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in [each for _, each in page.tags]
    assert hostile in page.text
    assert "2026-01-31" in page.text
    assert sum(tag == "tr" for tag, _ in page.tags) == 2 + len(rows) + 1

    files = sorted(path.name for path in output.iterdir())
    assert {"machines.png", "one-speedup.png", "one-roofline.png", "one-time-batch.png", "report.html"} <= set(files)
    assert text.count("<img ") == len(files) - 1
    for encoded in re.findall(r"base64,([^\"]*)", text):
        Image.open(io.BytesIO(b64decode(encoded))).verify()


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    RESULTS.store(tmp_path / "one.json")
    RESULTS.store(tmp_path / "other" / "one.json")
    with pytest.raises(UserError, match="two of the files have the same name"):
        report((tmp_path / "one.json", tmp_path / "other" / "one.json"), tmp_path)
    with pytest.raises(UserError, match=r"none\.json: No such file"):
        report((tmp_path / "none.json",), tmp_path)


def test_a_size_that_the_case_names_is_not_said_twice() -> None:
    rows = [row(size=(16, 64, 64)), replace(row(size=(16, 128, 128)), case=f"{ROW.case}, 128×128")]
    assert [name.count("×") for name in apart(rows)] == [0, 1]
    assert [name.count("×") for name in apart([rows[0], replace(rows[1], case=ROW.case)])] == [2, 2]


def test_no_line_of_a_key_is_longer_than_a_panel_has_room_for() -> None:
    names = ("a case", "a case of a very long name, 9×9")
    rows = [replace(row(batch=batch), case=name) for batch in (1, 8) for name in names]
    formats = [replace(each, memory_format="contiguous") for each in rows]
    labels = key_of(series_of([*rows, *formats], "time", "batch"))
    assert len(labels) == 4 and any("\n" in label for label in labels)
    assert max(len(line) for label in labels for line in label.split("\n")) <= LONGEST
