"""Results come back as they were stored, and a file that is something else is refused in words."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.rows import Results, Row, Stages, Times
from bench.schema import MalformedError
from tests.bench.examples import RESULTS, ROW


def test_results_are_loaded_as_they_were_stored(tmp_path: Path) -> None:
    path = tmp_path / "results" / "some.json"
    more = replace(
        RESULTS, stages=[Stages("network", "ours", "forward", {"rest": 1e-3})], not_measured={"a row": "time"}
    )
    more.store(path)
    assert Results.load(path) == more
    assert [file.name for file in path.parent.iterdir()] == ["some.json"]


def without_ours(stored: dict[str, Any]) -> None:
    del stored["rows"][0]["times"]["ours"]


def without_operations(stored: dict[str, Any]) -> None:
    del stored["rows"][1]["operations"]


def with_another_column(stored: dict[str, Any]) -> None:
    stored["rows"][0]["speed"] = 1


def with_a_time_in_words(stored: dict[str, Any]) -> None:
    stored["rows"][0]["times"]["eager"]["median"] = "fast"


def with_a_truth_for_a_number(stored: dict[str, Any]) -> None:
    stored["rows"][0]["batch"] = True


def with_infinite_bandwidth(stored: dict[str, Any]) -> None:
    stored["bandwidth"] = float("inf")


def with_rows_by_name(stored: dict[str, Any]) -> None:
    stored["rows"] = {}


def of_a_machine_without_date(stored: dict[str, Any]) -> None:
    del stored["machine"]["date"]


def of_another_schema(stored: dict[str, Any]) -> None:
    stored["schema"] = 1


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (without_ours, r"rows\[0\]: times: expected 'ours'"),
        (without_operations, r"rows\[1\]: operations is missing"),
        (with_another_column, r"rows\[0\]: unknown speed"),
        (with_a_time_in_words, r"rows\[0\]\.times\.eager\.median: expected int or float, got 'fast'"),
        (with_a_truth_for_a_number, r"rows\[0\]\.batch: expected int, got True"),
        (with_infinite_bandwidth, "bandwidth: expected a finite number"),
        (with_rows_by_name, "rows: expected list, got {}"),
        (of_a_machine_without_date, "machine: date missing"),
        (of_another_schema, '"schema": 2'),
    ],
)
def test_a_malformed_file_is_refused(tmp_path: Path, damage: Callable[[dict[str, Any]], None], message: str) -> None:
    path = tmp_path / "some.json"
    RESULTS.store(path)
    stored = json.loads(path.read_text(encoding="utf-8"))
    damage(stored)
    path.write_text(json.dumps(stored), encoding="utf-8")
    with pytest.raises(MalformedError, match=f"some.json: .*{message}"):
        Results.load(path)


@pytest.mark.parametrize("text", ["", "[]", "no JSON", '{"schema": 2'])
def test_what_holds_no_results_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "some.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(MalformedError, match=r"some\.json: expected"):
        Results.load(path)


def test_slower_than_compiled_only_beyond_the_spread() -> None:
    ours = Times.of([1.0, 1.1, 1.2, 1.3, 1.4])

    def beside(compiled: Times) -> Row:
        return replace(ROW, times={"ours": ours, "compiled": compiled})

    assert not beside(Times.of([0.9, 1.0, 1.1, 1.2, 1.3])).slower_than_compiled
    assert beside(Times.of([0.8, 0.8, 0.9, 0.9, 1.0])).slower_than_compiled
    assert not replace(ROW, times={"ours": ours}).slower_than_compiled


def test_ratios() -> None:
    assert ROW.ratio("eager") == pytest.approx(20)
    assert ROW.ratio("compiled") == pytest.approx(10)
    assert ROW.ratio("monai") is None
    assert ROW.share_of_floor == pytest.approx(0.5)
    assert ROW.memory_ratio == pytest.approx(3)
    assert replace(ROW, memory={"ours": None, "eager": None}).memory_ratio is None
    assert replace(ROW, memory={"ours": 4096, "eager": 1 << 20}).memory_ratio is None
