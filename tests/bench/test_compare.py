"""Two runs compared: a regression is found, noise is not, and a file that cannot be used is refused in one line."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.compare.changes import compare
from bench.compare.command import compare_files
from bench.rows import Results, Row, Times
from ptus.errors import UserError
from tests.bench.examples import RESULTS, ROW

CASES = ("first", "second", "third", "fourth")


def spread(median: float, by: float = 0.05) -> Times:
    return Times(median, median * (1 - 2 * by), median * (1 - by), median * (1 + by), 9)


def row(case: str = "first", ours: float = 1e-3, eager: float | None = 20e-3, **more: Any) -> Row:
    times = {"ours": spread(ours)} | ({} if eager is None else {"eager": spread(eager)})
    return replace(ROW, case=case, times=times, **more)


def run(*rows: Row, **more: Any) -> Results:
    return replace(RESULTS, rows=list(rows), **more)


OLD = run(*(row(case) for case in CASES))


def slower_and_faster(new: Results) -> tuple[list[str], list[str]]:
    changes = compare(OLD, new).changes
    return [each.new.case for each in changes if each.slower], [each.new.case for each in changes if each.faster]


def rows_with(change: Callable[[Row], Row]) -> Results:
    return run(change(OLD.rows[0]), *OLD.rows[1:])


def test_a_run_is_no_worse_than_itself() -> None:
    comparison = compare(OLD, OLD)
    assert not comparison.worse
    assert comparison.machine == 1
    assert slower_and_faster(OLD) == ([], [])


def test_a_slower_row_and_a_faster_one() -> None:
    new = run(row("first", ours=1.5e-3), row("second", ours=0.5e-3), *OLD.rows[2:])
    assert slower_and_faster(new) == (["first"], ["second"])
    assert compare(OLD, new).worse
    assert compare(OLD, new).changes[0].corrected == pytest.approx(1.5)


def test_a_faster_row_alone_is_not_worse() -> None:
    assert not compare(OLD, rows_with(lambda _: row(ours=0.5e-3))).worse


def test_within_the_spread() -> None:
    noisy = replace(OLD.rows[0], times={"ours": spread(1.5e-3, by=0.4), "eager": spread(20e-3)})
    assert slower_and_faster(rows_with(lambda _: noisy)) == ([], [])
    assert [each.new.case for each in compare(OLD, rows_with(lambda _: noisy)).undecided] == ["first"]
    assert not compare(OLD, OLD).undecided


def test_beyond_the_spread_but_within_the_margin() -> None:
    exact = row(ours=1.08e-3)
    exact.times["ours"] = spread(1.08e-3, by=0.001)
    old = row()
    old.times["ours"] = spread(1e-3, by=0.001)
    assert not compare(run(old), run(exact)).worse


def test_a_machine_that_is_slower_throughout_is_not_a_regression() -> None:
    new = run(*(row(case, ours=1.8e-3, eager=36e-3) for case in CASES))
    assert compare(OLD, new).machine == pytest.approx(1.8)
    assert slower_and_faster(new) == ([], [])


def test_a_regression_on_a_machine_that_is_faster_throughout() -> None:
    new = run(row("first", ours=1e-3, eager=10e-3), *(row(case, ours=0.5e-3, eager=10e-3) for case in CASES[1:]))
    assert slower_and_faster(new) == (["first"], [])


def test_a_row_whose_eager_had_a_good_moment_is_not_slower() -> None:
    assert slower_and_faster(rows_with(lambda _: row(eager=10e-3))) == ([], [])


def test_a_row_that_was_disturbed_together_with_its_eager_is_not_slower() -> None:
    assert slower_and_faster(rows_with(lambda _: row(ours=2e-3, eager=40e-3))) == ([], [])


def test_without_eager_the_copy_bandwidth_tells_the_machines_change() -> None:
    old = run(row(eager=None), bandwidth=40e9)
    assert not compare(old, run(row(ours=2e-3, eager=None), bandwidth=20e9)).worse
    assert compare(old, run(row(ours=2e-3, eager=None), bandwidth=40e9)).worse


def test_rows_that_vanished_appeared_or_fail() -> None:
    new = run(*OLD.rows[1:], row("fifth"), not_measured={"first": "a wrong result"})
    comparison = compare(OLD, new)
    assert [each.case for each in comparison.vanished] == ["first"]
    assert [each.case for each in comparison.appeared] == ["fifth"]
    assert comparison.failing == {"first": "a wrong result"}
    assert comparison.worse
    assert compare(OLD, run(*OLD.rows[1:])).worse
    assert not compare(OLD, run(*OLD.rows, row("fifth"))).worse
    assert compare(OLD, run(*OLD.rows, not_measured={"fifth": "a wrong result"})).worse


@pytest.mark.parametrize(
    ("old", "new", "grew"),
    [
        (9_000_000, 9_900_000, False),  # within what counting pages explains
        (9_000_000, 11_000_000, True),
        (0, 5_000_000, True),
        (900_000_000, 910_000_000, False),
        (900_000_000, 990_000_000, True),
        (11_000_000, 9_000_000, False),
        (None, 9_000_000, False),
        (9_000_000, None, False),
    ],
)
def test_memory(old: int | None, new: int | None, grew: bool) -> None:
    comparison = compare(run(row(memory={"ours": old})), run(row(memory={"ours": new})))
    assert comparison.worse is grew


def stored(folder: Path, name: str, results: Results) -> Path:
    path = folder / f"{name}.json"
    results.store(path)
    return path


def test_the_command_prints_what_is_worse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    slow = row("first", ours=1.5e-3, memory={"ours": 20_000_000}, reached=False)
    old, new = stored(tmp_path, "old", OLD), stored(tmp_path, "new", run(slow, *OLD.rows[2:], row("fifth")))
    assert compare_files(old, new) == 1
    printed = capsys.readouterr().out
    titles = ("slower: 1", "takes more memory: 1", "vanished: 1", "misses its target, which it reached: 1", "new: 1")
    for title in titles:
        assert f"\n{title}\n" in printed
    (line,) = (line for line in printed.splitlines() if "20.0 → 13.3" in line)
    assert line.split()[-7:] == ["1", "1.5", "1.50", "1.50", "20.0", "→", "13.3"]
    assert compare_files(old, old) == 0
    assert "nothing is slower" in capsys.readouterr().out


def test_other_machines_are_compared_when_asked(tmp_path: Path) -> None:
    other = replace(OLD, machine={**OLD.machine, "cpu": "Another", "date": "2026-02-01"})
    old, new = stored(tmp_path, "old", OLD), stored(tmp_path, "new", other)
    with pytest.raises(UserError, match=r"not the same machine \(cpu: Some CPU, then Another\); --across-machines"):
        compare_files(old, new)
    assert compare_files(old, new, across_machines=True) == 0


def test_another_day_is_the_same_machine(tmp_path: Path) -> None:
    other = replace(OLD, machine={**OLD.machine, "date": "2026-02-01"})
    assert compare_files(stored(tmp_path, "old", OLD), stored(tmp_path, "new", other)) == 0


@pytest.mark.parametrize(
    ("results", "message"),
    [
        (run(row(), row()), "two rows are grid_sample_3d, first, forward, cpu"),
        (run(), "no rows were measured"),
        (run(row("another")), "no row in common"),
        (run(row(), row("second", ours=0.0)), r"rows\[1\]: expected times, bandwidth, batch and size above 0"),
        (run(row(), bandwidth=0.0), r"rows\[0\]: expected times"),
    ],
)
def test_results_that_cannot_be_compared(tmp_path: Path, results: Results, message: str) -> None:
    with pytest.raises(UserError, match=message):
        compare_files(stored(tmp_path, "old", OLD), stored(tmp_path, "new", results))


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    good, bad = stored(tmp_path, "good", OLD), tmp_path / "bad.json"
    bad.write_text('{"schema": 2', encoding="utf-8")
    for path, message in ((tmp_path / "none.json", "No such file"), (bad, "expected JSON"), (tmp_path, "Is a dir")):
        with pytest.raises(UserError, match=message) as caught:
            compare_files(good, path)
        assert "\n" not in str(caught.value)
