"""What a check found, in short."""

import re
from collections.abc import Sequence
from pathlib import Path

from bench.rows import Results
from tests.gpu.stages import Outcome

WARNING = re.compile(r"^.*\bwarning\b\s*(:|#\d).*$", re.IGNORECASE | re.MULTILINE)
COUNTS = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed)\b")
SKIPPED = re.compile(r"^SKIPPED \[\d+\] (.*)$", re.MULTILINE)
TAIL = 40  # lines of what failed
WIDTH = 160


def summary(outcomes: Sequence[Outcome], results: Results | str) -> str:
    """A line for each stage, then the build's warnings, the tests that were skipped, and the benchmark's targets.

    Args:
        outcomes: of all commands; those of one stage follow each other.
        results: of the benchmark, or why there are none.
    """
    stages = list(dict.fromkeys(outcome.stage for outcome in outcomes))
    lines = [f"{'stage':24}{'result':10}{'seconds':>8}  "]
    for stage in stages:
        of_stage = [outcome for outcome in outcomes if outcome.stage == stage]
        seconds = max(outcome.end for outcome in of_stage) - min(outcome.start for outcome in of_stage)
        lines.append(f"{stage:24}{status(of_stage):10}{seconds:8.0f}  {_details(of_stage)}".rstrip())
    built = "\n".join(outcome.output for outcome in outcomes if outcome.stage == "build")
    lines += _listed("warnings of the build", [match[0] for match in WARNING.finditer(built)])
    tests = "\n".join(outcome.output for outcome in outcomes if outcome.stage.startswith("tests"))
    lines += _listed("skipped tests", SKIPPED.findall(tests))
    return "\n".join([*lines, *_targets(results)])


def status(outcomes: Sequence[Outcome]) -> str:
    """Of a stage: failed if a part of it failed, skipped if all were."""
    found = {outcome.status for outcome in outcomes}
    return "failed" if "failed" in found else "passed" if "passed" in found else "skipped"


def failures(outcomes: Sequence[Outcome]) -> str:
    """The end of what each failed command printed."""
    parts = []
    for outcome in outcomes:
        if outcome.status == "failed":
            parts += [f"--- {outcome.stage} failed: {outcome.why} ({outcome.log or 'no log'})"]
            parts += outcome.output.splitlines()[-TAIL:]
    return "\n".join(parts)


def load_results(path: Path) -> Results | str:
    """What the benchmark stored, or why that cannot be read."""
    try:
        return Results.load(path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"no results: {error}"


def _details(outcomes: Sequence[Outcome]) -> str:
    """The counts of the tests that ran, and what is to be said about the parts."""
    counts: dict[str, int] = {}
    for outcome in outcomes:
        last = outcome.output.rstrip().rpartition("\n")[2]
        for number, kind in COUNTS.findall(last):
            counts[kind] = counts.get(kind, 0) + int(number)
    reasons = dict.fromkeys(outcome.why for outcome in outcomes if outcome.why)
    return "; ".join([*([", ".join(f"{n} {kind}" for kind, n in counts.items())] if counts else []), *reasons])


def _listed(title: str, found: Sequence[str]) -> list[str]:
    """Each of the lines once, with how often it was found."""
    distinct = {line: found.count(line) for line in found}
    lines = [f"  {f'{count} × ' if count > 1 else ''}{line.strip()}"[:WIDTH] for line, count in distinct.items()]
    return [f"{title}: {len(found) or 'none'}", *lines]


def _targets(results: Results | str) -> list[str]:
    if isinstance(results, str):
        return [f"targets of the benchmark: {results}"]
    aimed = [row for row in results.rows if row.target is not None]
    missed = [row for row in aimed if not row.reached]
    lines = [f"targets of the benchmark: {len(aimed) - len(missed)} reached, {len(missed)} missed"]
    for row in missed:
        figure = "not measured" if row.figure is None else f"{row.figure:.2f}"
        lines.append(f"  missed: {row.op}, {row.case}, {row.direction}: {row.target}, found {figure}")
    return lines
