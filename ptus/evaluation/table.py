"""The results as a table for the terminal."""

from collections.abc import Mapping, Sequence

from ptus.evaluation.catalogue import CONTEXT, MEASURES, TASKS, Measure
from ptus.evaluation.moments import Values
from ptus.evaluation.results import Evaluation

ARROWS = {"higher": "↑", "lower": "↓", "zero": "→0"}
ABSENT = "–"


def as_text(evaluation: Evaluation) -> str:
    """A table for each task, its measures by method; then diagnostics, and what is not computed."""
    lines: list[str] = []
    for task in evaluation.tasks:
        overall = {method: evaluation.overall(task, method) for method in evaluation.methods}
        measures = [measure for measure in MEASURES if task in measure.tasks and measure.name not in CONTEXT]
        lines += ["", TASKS[task]]
        lines += _table([measure for measure in measures if not measure.diagnostic], overall)
        own = [measure for measure in measures if measure.diagnostic]
        if own:
            lines += ["", "Diagnostics in the model's own keypoints: no results, a model can make them 0"]
            lines += _table(own, overall)
    if evaluation.not_computed:
        lines += ["", "Not computed"]
        lines += [f"  {', '.join(names)}: {reason}" for reason, names in _by_reason(evaluation.not_computed).items()]
    lines += [f"Note: {note}" for note in evaluation.notes]
    return "\n".join(lines).lstrip("\n")


def _by_reason(not_computed: Mapping[str, str]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, reason in not_computed.items():
        grouped.setdefault(reason, []).append(name)
    return grouped


def _table(measures: Sequence[Measure], overall: Mapping[str, Values]) -> list[str]:
    rows = [["", *overall]]
    for measure in measures:
        for name in measure.names:
            if any(name in values for values in overall.values()):
                label = f"{name} {ARROWS[measure.better]}" + (f" ({measure.unit})" if measure.unit else "")
                rows.append([label, *(_number(values.get(name)) for values in overall.values())])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for label, *cells in rows:
        aligned = [f"{cell:>{width}}" for cell, width in zip(cells, widths[1:], strict=True)]
        lines.append("  ".join(["", label.ljust(widths[0]), *aligned]))
    return lines


def _number(value: float | None) -> str:
    if value is None:
        return ABSENT
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.2f}"
