"""The gate's parts, on a tiny repository whose "kernels" say how long they take."""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bench.compare.changes import compare
from bench.compare.command import compare_results
from bench.gate.builds import Build, base_build, commit_to_compare, git, same_sources, working_tree
from bench.gate.command import until_clear, verdict
from bench.gate.pooling import Run, pool, pooled_times
from bench.rows import Results, Row, Times
from ptus.errors import UserError
from tests.bench.examples import RESULTS, ROW

pytestmark = pytest.mark.once

# The benchmark of the tiny repository: stores the rows of template.json with the time that the package gives.
BENCH = """
import json, pathlib, sys
import ptus_kernels
template = json.loads((pathlib.Path(__file__).resolve().parent / "template.json").read_text())
for row in template["rows"]:
    row["times"]["ours"] = {name: ptus_kernels.SECONDS for name in ("median", "minimum", "low", "high")} | {"rounds": 9}
if ptus_kernels.SECONDS > 0:
    pathlib.Path(sys.argv[sys.argv.index("--json") + 1]).write_text(json.dumps(template))
else:
    print("a wrong result")
"""
SETUP = "import pathlib; pathlib.Path('ptus_kernels/_cpu.so').write_text(pathlib.Path('csrc/ops.cpp').read_text())"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository of two commits, the second without a change of the kernels."""
    root = tmp_path / "repository"
    write(root / "bench" / "__init__.py", "")
    write(root / "bench" / "__main__.py", BENCH)
    RESULTS.store(root / "bench" / "template.json")
    for name in ("examples", "ptus"):
        write(root / name / "__init__.py", "")
    write(root / "ptus_kernels" / "__init__.py", "SECONDS = 1e-3\n")
    write(root / "csrc" / "ops.cpp", "first")
    write(root / "setup.py", SETUP)
    write(root / ".gitignore", "build/\n*.so\n__pycache__/\n")
    git(root, "init", "--quiet")
    commit(root, "first")
    write(root / "README.md", "second")
    commit(root, "second")
    write(root / "ptus_kernels" / "_cpu.so", "the working tree's")
    return root


def commit(root: Path, message: str) -> str:
    git(root, "add", "--all")
    git(root, "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "--quiet", "--message", message)
    return git(root, "rev-parse", "HEAD")


def status_of_gate(root: Path) -> int:
    builds = base_build(root, commit_to_compare(root, "HEAD~1")), working_tree(root)
    return verdict(compare_results(*until_clear(*builds, runs=2, op="", seconds=0)))


def test_the_same_kernels_pass(root: Path) -> None:
    assert status_of_gate(root) == 0


def test_a_slower_working_tree_does_not_pass(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root / "ptus_kernels" / "__init__.py", "SECONDS = 2e-3\n")
    assert status_of_gate(root) == 1
    assert "slower: 2" in capsys.readouterr().out


def test_a_faster_working_tree_passes(root: Path) -> None:
    write(root / "ptus_kernels" / "__init__.py", "SECONDS = 0.5e-3\n")
    assert status_of_gate(root) == 0


def test_a_benchmark_that_fails_is_no_pass(root: Path) -> None:
    write(root / "ptus_kernels" / "__init__.py", "SECONDS = 0\n")
    with pytest.raises(UserError, match=r"benchmark of the new build failed \(status 0\): a wrong result"):
        status_of_gate(root)


def library(root: Path) -> str:
    return (root / "build" / "gate" / "base" / "ptus_kernels" / "_cpu.so").read_text(encoding="utf-8")


def test_a_library_of_the_same_sources_is_copied_and_of_others_compiled(root: Path) -> None:
    second = git(root, "rev-parse", "HEAD")
    base_build(root, second)
    assert library(root) == "the working tree's"
    write(root / "csrc" / "ops.cpp", "changed")
    base_build(root, second)
    assert library(root) == "first"
    third = commit(root, "third")
    base_build(root, second)
    assert library(root) == "first"
    base_build(root, third)
    assert library(root) == "the working tree's"
    write(root / "csrc" / "new.cpp", "not known to git")
    assert not same_sources(root, third)


def test_a_worktree_that_was_removed_is_made_again(root: Path) -> None:
    first = git(root, "rev-parse", "HEAD~1")
    base_build(root, first)
    subprocess.run(["rm", "-r", str(root / "build")], check=True)
    base_build(root, first)
    assert library(root) == "the working tree's"


def test_a_commit_that_does_not_compile_is_refused(root: Path) -> None:
    write(root / "setup.py", "raise SystemExit(1)")
    broken = commit(root, "broken")
    write(root / "csrc" / "ops.cpp", "changed")
    with pytest.raises(UserError, match="does not compile"):
        base_build(root, broken)


def test_nothing_to_compare(root: Path) -> None:
    with pytest.raises(UserError, match="nothing to compare with: there is no commit 'HEAD~2'"):
        commit_to_compare(root, "HEAD~2")
    with pytest.raises(UserError, match="nothing to compare: the working tree is HEAD itself"):
        commit_to_compare(root, "HEAD")
    write(root / "README.md", "changed")
    assert commit_to_compare(root, "HEAD") == git(root, "rev-parse", "HEAD")


def test_the_fastest_rounds_are_pooled() -> None:
    runs = [Times(9.0, minimum, 5.0, 12.0, 7) for minimum in (1.0, 1.1, 1.2, 1.3, 8.0)]
    assert pooled_times(runs, 5) == Times(1.2, 1.0, 1.1, 1.3, 35)


def test_further_runs_join_the_groups_in_turn() -> None:
    runs = [Times(9.0, minimum, 5.0, 12.0, 7) for minimum in (1.0, 8.0, 1.2, 9.0, 1.1)]
    assert pooled_times(runs, 2) == replace(Times.of([1.0, 8.0]), rounds=35)


def noisy(minima: tuple[float, ...], eager: float = 2.0) -> Results:
    """A build in runs on a busy machine: medians tell nothing."""
    busy = [Times(16.0, minimum, 8.0, 30.0, 9) for minimum in minima]
    rows = [replace(ROW, times={"ours": each, "eager": Times(50, eager, 40, 60, 9)}) for each in busy]
    return pool([run(row) for row in rows], len(minima))


def test_a_slower_kernel_shows_on_a_busy_machine() -> None:
    base = noisy((1.0, 1.05, 1.1, 1.02, 30.0))
    assert verdict(compare(base, noisy((1.5, 1.55, 30.0, 1.6, 1.52)))) == 1
    assert verdict(compare(base, noisy((1.04, 1.08, 30.0, 1.01, 1.06)))) == 0


def test_what_is_too_noisy_is_no_pass() -> None:
    with pytest.raises(UserError, match="1 rows are too noisy to tell"):
        verdict(compare(noisy((1.0, 2.0, 4.0, 8.0, 16.0)), noisy((1.0, 3.0, 5.0, 7.0, 9.0))))


def test_a_row_that_a_run_misses_is_not_measured() -> None:
    other = replace(ROW, case="other")
    pooled = pool([run(ROW, other), run(ROW)], 2)
    assert [row.case for row in pooled.rows] == [ROW.case]
    assert list(pooled.not_measured.values()) == ["measured in 1 of 2 runs"]


def test_the_least_memory_counts() -> None:
    pooled = pool([run(replace(ROW, memory={"ours": count, "eager": None})) for count in (3, 1, 2)], 3)
    assert pooled.rows[0].memory == {"ours": 1, "eager": None}


def run(*rows: Row) -> Run:
    return Run(replace(RESULTS, rows=list(rows)))


def test_a_run_of_other_ops_misses_nothing() -> None:
    other = replace(ROW, op="other")
    pooled = pool([run(ROW, other), run(ROW, other), replace(run(other), ops=frozenset({"other"}))], 2)
    assert [row.op for row in pooled.rows] == [ROW.op, "other"] and not pooled.not_measured
    missing = pool([run(ROW, other), replace(run(ROW), ops=frozenset({ROW.op, "other"}))], 2)
    assert list(missing.not_measured.values()) == ["measured in 1 of 2 runs"]


class Machine:
    """Measures two ops, of which one is disturbed in most of its runs; a second passes a run.

    Args:
        quiet: which of its runs, counted for each build, are not disturbed.
        new: how many times as long as the base the new build takes for that op.
    """

    def __init__(self, quiet: Callable[[int], bool], new: float = 1.0) -> None:
        self.quiet, self.new = quiet, new
        self.asked: list[tuple[str, str]] = []

    def measure(self, build: Build, ops: str) -> Results:
        count = sum(name == build.name for name, _ in self.asked)
        self.asked.append((build.name, ops))
        late = 1.0 if self.quiet(count) else 5.0 + 7.0 * (count % 5)
        taken = {"calm": 1e-3, "disturbed": 1e-3 * late * (self.new if build.name == "new" else 1.0)}
        eager = Times(50, 2e-2, 40, 60, 9)
        rows = [
            replace(ROW, op=op, times={"ours": Times(1.0, seconds, 0.5, 2.0, 9), "eager": eager})
            for op, seconds in taken.items()
            if not ops or op in ops.split(",")
        ]
        return replace(RESULTS, rows=rows)

    def monotonic(self) -> float:
        return float(len(self.asked))


def judged(machine: Machine, monkeypatch: pytest.MonkeyPatch, seconds: float) -> int:
    monkeypatch.setattr("bench.gate.command.measure", machine.measure)
    monkeypatch.setattr("bench.gate.command.time", machine)
    base, new = (Build(name, Path()) for name in ("base", "new"))
    return verdict(compare(*until_clear(base, new, runs=5, op="", seconds=seconds)))


def in_turn(pairs: Sequence[int], ops: str) -> list[tuple[str, str]]:
    """What is asked of the builds in these pairs of runs."""
    return [(name, ops) for pair in pairs for name in (("base", "new") if pair % 2 == 0 else ("new", "base"))]


@pytest.mark.parametrize(("new", "status"), [(1.0, 0), (1.5, 1)])
def test_what_is_too_noisy_is_measured_again_until_it_is_clear(
    monkeypatch: pytest.MonkeyPatch, new: float, status: int
) -> None:
    machine = Machine(lambda count: count % 4 == 0, new)
    assert judged(machine, monkeypatch, seconds=100) == status
    pairs = len(machine.asked) // 2
    assert pairs > 5
    assert machine.asked == [*in_turn(range(5), ""), *in_turn(range(5, pairs), "disturbed")]


def test_it_is_too_noisy_once_the_time_is_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(lambda _: False)
    with pytest.raises(UserError, match="1 rows are too noisy to tell: try more --seconds"):
        judged(machine, monkeypatch, seconds=9)
    assert len(machine.asked) == 20  # a pair that begins in time is ended


def test_a_quiet_machine_measures_nothing_again(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(lambda _: True)
    assert judged(machine, monkeypatch, seconds=100) == 0
    assert machine.asked == in_turn(range(5), "")
