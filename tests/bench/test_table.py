"""README's speed table says what is stored, and a row says what was measured."""

from dataclasses import replace

import pytest

from bench.rows import Stages, Times
from bench.table import BEGIN, END, README, caption, markdown, models, stored, terminal, with_tables
from tests.bench.examples import RESULTS, ROW


def test_readme_shows_the_stored_results() -> None:
    readme = README.read_text(encoding="utf-8")
    assert with_tables(readme, stored()) == readme, "run: python -m bench.table"


def test_another_result_changes_the_table() -> None:
    readme = with_tables(README.read_text(encoding="utf-8"), [RESULTS])
    slower = replace(
        RESULTS, rows=[replace(ROW, times={**ROW.times, "ours": Times.of([2e-3, 2e-3])}), *RESULTS.rows[1:]]
    )
    assert with_tables(readme, [RESULTS]) == readme
    assert with_tables(readme, [slower]) != readme


def test_a_result_without_rows_for_the_table_is_left_out() -> None:
    other = replace(RESULTS, rows=[replace(row, readme=False) for row in RESULTS.rows])
    readme = README.read_text(encoding="utf-8")
    assert with_tables(readme, [RESULTS, other]) == with_tables(readme, [RESULTS])
    assert "Not measured yet." in with_tables(readme, [other])


@pytest.mark.parametrize("readme", ["", BEGIN, f"{BEGIN}{END}{BEGIN}{END}"])
def test_a_readme_without_its_markers_is_refused(readme: str) -> None:
    with pytest.raises(ValueError, match="once each"):
        with_tables(readme, [RESULTS])


def test_readmes_table() -> None:
    lines = markdown(replace(RESULTS, rows=[*RESULTS.rows, replace(ROW, readme=False)])).splitlines()[2:]
    assert lines == [
        "| op | case | direction | batch | ms | eager | compiled | × eager | × compiled | % of floor "
        "| × eager's memory | target |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        "| grid_sample_3d | face-vid2vid | forward | 1 | 1.1 | 22 | 11 | 20.0 | 10.0 | 50 | 3.0 "
        "| ≥ 9 × eager: 20.00, reached |",
        "| grid_sample_3d | face-vid2vid | forward | 1 | 1.1 | 22 | – | 20.0 | – | 50 | 3.0 "
        "| ≥ 9 × eager: 8.00, missed |",
    ]


def test_the_terminal_shows_spread_bandwidth_memory_and_who_is_absent() -> None:
    heading, _, row, without_compile = terminal(RESULTS)
    assert "Some CPU, 2 threads" in heading and "copy: 40.0 GB/s" in heading
    for cell in ("1.1 (1; 1.05–1.15)", "22 (20; 21–23)", "20.0  ", "8.58 of 8.68", "monai: not installed", "0.55"):
        assert cell in row
    assert "–" in without_compile and "compiled: left out" in without_compile


def test_another_contender_and_what_was_not_measured_are_named() -> None:
    faster = replace(ROW, times={**ROW.times, "interpol": Times.of([2e-3, 2e-3])})
    *_, row, last = terminal(replace(RESULTS, rows=[faster], not_measured={"a row": "no time"}))
    assert "interpol 2 ms" in row
    assert last == "not measured: a row: no time"


def test_slower_than_compiled_is_said() -> None:
    slower = replace(ROW, times={"ours": Times.of([1.4, 1.4]), "compiled": Times.of([1.0, 1.0])})
    assert " slower" in terminal(replace(RESULTS, rows=[slower]))[2]


def test_a_models_frames_and_stages() -> None:
    stages = [
        Stages("network", "ours", "forward", {"convolutions": 3e-3, "motion": 1e-3}),
        Stages("network", "eager", "forward", {"convolutions": 3e-3, "motion": 20e-3}),
    ]
    lines = models(replace(RESULTS, rows=[replace(ROW, op="network", batch=1)], stages=stages))
    assert lines[1] == "network, cpu, batch 1, frames a second: ours 909.09, eager 45.45, compiled 90.91"
    assert lines[2:] == [
        "stage         ours, ms  eager, ms",
        "convolutions  3.00      3.00",
        "motion        1.00      20.00",
        "sum           4.00      23.00",
    ]


def test_a_gpu_is_named() -> None:
    gpu = replace(RESULTS, machine={**RESULTS.machine, "gpu": "Some GPU", "capability": "sm_90"})
    assert caption(gpu).startswith("Some GPU, kernels: cpu (sm_90)")
