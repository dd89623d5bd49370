"""README's speed table says what is stored, and a row says what was measured."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.rows import Results, Row, Times
from bench.table import BEGIN, END, README, markdown, stored, terminal, with_tables

ROW = Row(
    op="grid_sample_3d",
    case="channels last",
    direction="forward",
    ours=Times.of([1.0e-3, 1.1e-3, 1.2e-3]),
    eager=Times.of([20e-3, 22e-3, 24e-3]),
    compiled=Times.of([11e-3, 11e-3, 11e-3]),
    eager_format="contiguous",
    bytes_moved=22_000_000,
    floor=0.55e-3,
    memory=9_000_000,
    memory_allowed=9_100_000,
    target="≥ 9 × eager",
    figure=20.0,
    reached=True,
)
RESULTS = Results(
    machine={
        "cpu": "Some CPU",
        "threads": 2,
        "backend": "auto",
        "capability": "avx2",
        "torch": "2.13.0",
        "date": "2026-01-31",
    },
    bandwidth=40e9,
    rows=[ROW, replace(ROW, case="contiguous", compiled=None, figure=8.0, reached=False)],
)


def test_readme_shows_the_stored_results() -> None:
    readme = README.read_text(encoding="utf-8")
    assert with_tables(readme, stored()) == readme, "run: python -m bench.table"


def test_another_result_changes_the_table() -> None:
    readme = with_tables(README.read_text(encoding="utf-8"), [RESULTS])
    slower = replace(RESULTS, rows=[replace(ROW, ours=Times.of([2e-3, 2e-3])), *RESULTS.rows[1:]])
    assert with_tables(readme, [RESULTS]) == readme
    assert with_tables(readme, [slower]) != readme


@pytest.mark.parametrize("readme", ["", BEGIN, f"{BEGIN}{END}{BEGIN}{END}"])
def test_a_readme_without_its_markers_is_refused(readme: str) -> None:
    with pytest.raises(ValueError, match="once each"):
        with_tables(readme, [RESULTS])


def test_results_are_loaded_as_they_were_stored(tmp_path: Path) -> None:
    path = tmp_path / "results" / "some.json"
    RESULTS.store(path)
    assert Results.load(path) == RESULTS


def test_readmes_table() -> None:
    assert markdown(RESULTS).splitlines()[2:] == [
        "| op | case | direction | ms | eager | compiled | × eager | × compiled | % of floor | target |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        "| grid_sample_3d | channels last | forward | 1.1 | 22 | 11 | 20.0 | 10.0 | 50 | ≥ 9 × eager: 20.00, reached |",
        "| grid_sample_3d | contiguous | forward | 1.1 | 22 | – | 20.0 | – | 50 | ≥ 9 × eager: 8.00, missed |",
    ]


def test_the_terminal_shows_minima_bandwidth_and_memory() -> None:
    heading, _, row, without_compile = terminal(RESULTS)
    assert "Some CPU, 2 threads" in heading and "copy: 40.0 GB/s" in heading
    for cell in ("1.1 (1)", "22 (20)", "20.0  ", "9,000,000 of 9,100,000", "contiguous"):
        assert cell in row
    assert "–" in without_compile


def test_slower_than_compiled_only_beyond_the_spread() -> None:
    ours = Times.of([1.0, 1.1, 1.2, 1.3, 1.4])
    within = replace(ROW, ours=ours, compiled=Times.of([0.9, 1.0, 1.1, 1.2, 1.3]))
    beyond = replace(ROW, ours=ours, compiled=Times.of([0.8, 0.8, 0.9, 0.9, 1.0]))
    assert not within.slower_than_compiled
    assert beyond.slower_than_compiled
    assert not replace(ROW, compiled=None).slower_than_compiled
    assert " slower" in terminal(replace(RESULTS, rows=[beyond]))[2]
