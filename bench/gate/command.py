"""The command that refuses a slower kernel."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.command_line import call
from bench.compare.changes import Comparison, compare
from bench.compare.command import compare_results
from bench.gate.builds import Build, base_build, commit_to_compare, working_tree
from bench.gate.pooling import Run, pool
from bench.rows import Results
from bench.stored import load
from ptus.errors import UserError

ROOT = Path(__file__).parent.parent.parent


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    return call(gate, "gate", arguments)


def gate(base: str = "HEAD~1", runs: int = 5, op: str = "", seconds: float = 900) -> int:
    """Build a commit beside the working tree, measure both in turn, and say what is slower now.

    Every run is a process of its own, since where a process has its memory and its code makes a difference that no
    number of rounds within it shows. The two builds take turns, each first in every other pair, so that a machine that
    slows down or heats up does not favour one; runs are then pooled (bench/gate/pooling.py) and compared as by
    `python -m bench compare`. Ops of which a row is too noisy to tell are measured again, still in turn, until none is
    or the time is spent.

    Args:
        base: the commit to compare with.
        runs: of each build, of every op.
        op: the ops to measure, with commas between them; all if none is named. Of each the rows of README's table.
        seconds: what measuring noisy ops again may take, after these runs; a pair that is begun is ended.

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
    return verdict(compare_results(*until_clear(*builds, runs, op, seconds)))


def verdict(comparison: Comparison) -> int:
    """1 for a comparison with something worse, 0 for one without.

    Raises:
        UserError: where nothing is known to be worse but some rows were too noisy to tell, which is no pass.
    """
    if comparison.undecided and not comparison.worse:
        raise UserError(
            f"{len(comparison.undecided)} rows are too noisy to tell: try more --seconds or a quieter machine"
        )
    return int(comparison.worse)


def until_clear(base: Build, new: Build, runs: int, op: str, seconds: float) -> tuple[Results, Results]:
    """The pooled results of either build: of some runs of every op, and of more of those that are too noisy."""
    collected: dict[str, list[Run]] = {base.name: [], new.name: []}

    def measure_both(ops: str) -> None:
        pair = len(collected[base.name])
        for build in (base, new) if pair % 2 == 0 else (new, base):
            asked = frozenset(name.strip() for name in ops.split(",") if name.strip())
            collected[build.name].append(Run(measure(build, ops), asked))

    def pooled() -> tuple[Results, Results]:
        return pool(collected[base.name], runs), pool(collected[new.name], runs)

    for _ in range(runs):
        measure_both(op)
    end = time.monotonic() + seconds
    while (noisy := too_noisy(*pooled())) and time.monotonic() < end:
        print(f"too noisy to tell, measured again: {', '.join(noisy)}", flush=True)
        measure_both(",".join(noisy))
    return pooled()


def too_noisy(base: Results, new: Results) -> list[str]:
    """The ops that more runs may tell something of; none where something is worse already."""
    comparison = compare(base, new)
    return [] if comparison.worse else sorted({each.new.op for each in comparison.undecided})


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
