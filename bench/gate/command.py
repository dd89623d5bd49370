"""The command that refuses a slower kernel."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.command_line import call
from bench.compare.changes import Comparison
from bench.compare.command import compare_results
from bench.gate.builds import Build, base_build, commit_to_compare, working_tree
from bench.gate.pooling import pool
from bench.rows import Results
from bench.stored import load
from ptus.errors import UserError

ROOT = Path(__file__).parent.parent.parent


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    return call(gate, "gate", arguments)


def gate(base: str = "HEAD~1", runs: int = 5, op: str = "") -> int:
    """Build a commit beside the working tree, measure both in turn, and say what is slower now.

    Every run is a process of its own, since where a process has its memory and its code makes a difference that no
    number of rounds within it shows. The two builds take turns, each first in every other pair, so that a machine that
    slows down or heats up does not favour one; runs are then pooled (bench/gate/pooling.py) and compared as by
    `python -m bench compare`.

    Args:
        base: the commit to compare with.
        runs: of each build.
        op: the ops to measure, with commas between them; all if none is named. Of each the rows of README's table.

    Returns:
        1 where the working tree is slower, fails, or takes more memory; otherwise 0.

    Raises:
        UserError: where there is nothing to compare, the commit cannot be built or measured, or noise hides the answer.
    """
    if runs < 2:
        raise UserError(f"--runs: expected at least 2, to see how far runs of the same build lie apart, got {runs}")
    commit = commit_to_compare(ROOT, base)
    builds = base_build(ROOT, commit), working_tree(ROOT)
    print(f"old: {base} ({commit[:12]}); new: the working tree; {runs} runs of each, in turn", flush=True)
    old, new = in_turn(*builds, runs, op)
    return verdict(compare_results(old, new))


def verdict(comparison: Comparison) -> int:
    """1 for a comparison with something worse, 0 for one without.

    Raises:
        UserError: where nothing is known to be worse but some rows were too noisy to tell, which is no pass.
    """
    if comparison.undecided and not comparison.worse:
        raise UserError(f"{len(comparison.undecided)} rows are too noisy to tell: try more --runs or a quieter machine")
    return int(comparison.worse)


def in_turn(base: Build, new: Build, runs: int, op: str) -> tuple[Results, Results]:
    """The pooled results of either build."""
    collected: dict[str, list[Results]] = {base.name: [], new.name: []}
    for position in range(runs):
        for build in (base, new) if position % 2 == 0 else (new, base):
            collected[build.name].append(measure(build, op))
    return pool(collected[base.name]), pool(collected[new.name])


def measure(build: Build, op: str) -> Results:
    """One run of a build, in a process of its own.

    Raises:
        UserError: where nothing comes of it.
    """
    with tempfile.TemporaryDirectory() as folder:
        stored = Path(folder) / "results.json"
        done = build.run(
            *("-m", "bench", "run", "--readme", "--no-compile", "--json", str(stored)), *(("--op", op) if op else ())
        )
        if not stored.exists():
            raise UserError(
                f"the benchmark of the {build.name} build failed (status {done.returncode}): {_end(done.stdout)}"
            )
        return load(stored)


def _end(text: str) -> str:
    return (text.strip().splitlines() or ["it printed nothing"])[-1]
