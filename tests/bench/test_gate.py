"""The gate's parts, on a tiny repository whose "kernels" say how long they take."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from bench.compare.changes import compare
from bench.compare.command import compare_results
from bench.gate.builds import base_build, commit_to_compare, git, same_sources, working_tree
from bench.gate.command import in_turn, verdict
from bench.gate.pooling import pool, pooled_times
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
    return verdict(compare_results(*in_turn(*builds, runs=2, op="")))


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
    pooled = pooled_times(runs)
    assert pooled == Times(1.2, 1.0, 1.1, 1.3, 35)


def noisy(minima: tuple[float, ...], eager: float = 2.0) -> Results:
    """A build in runs on a busy machine: medians tell nothing."""
    busy = [Times(16.0, minimum, 8.0, 30.0, 9) for minimum in minima]
    return pool([run(replace(ROW, times={"ours": each, "eager": Times(50, eager, 40, 60, 9)})) for each in busy])


def test_a_slower_kernel_shows_on_a_busy_machine() -> None:
    base = noisy((1.0, 1.05, 1.1, 1.02, 30.0))
    assert verdict(compare(base, noisy((1.5, 1.55, 30.0, 1.6, 1.52)))) == 1
    assert verdict(compare(base, noisy((1.04, 1.08, 30.0, 1.01, 1.06)))) == 0


def test_what_is_too_noisy_is_no_pass() -> None:
    with pytest.raises(UserError, match="1 rows are too noisy to tell"):
        verdict(compare(noisy((1.0, 2.0, 4.0, 8.0, 16.0)), noisy((1.0, 3.0, 5.0, 7.0, 9.0))))


def test_a_row_that_a_run_misses_is_not_measured() -> None:
    other = replace(ROW, case="other")
    pooled = pool([run(ROW, other), run(ROW)])
    assert [row.case for row in pooled.rows] == [ROW.case]
    assert list(pooled.not_measured.values()) == ["measured in 1 of 2 runs"]


def test_the_least_memory_counts() -> None:
    pooled = pool([run(replace(ROW, memory={"ours": count, "eager": None})) for count in (3, 1, 2)])
    assert pooled.rows[0].memory == {"ours": 1, "eager": None}


def run(*rows: Row) -> Results:
    return replace(RESULTS, rows=list(rows))
