"""What an evaluation found, and its files: results.json and results.csv."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ptus.evaluation.catalogue import MEASURES, TASKS, Task
from ptus.evaluation.meter import Means
from ptus.evaluation.moments import Values
from ptus.evaluation.performances import Scores
from ptus.evaluation.regions import EYES, MOUTH
from ptus.files import replacing

FORMAT = 1
COLUMNS = ("task", "method", "source", "clip", "kind", "measure", "unit", "value")
ALL = "all"
"""Stands for the mean over all performances, in place of a source and a clip."""


@dataclass(frozen=True)
class Evaluation:
    """Everything an evaluation found.

    Args:
        date: when, ISO 8601 in UTC.
        about: model, baseline, data, and the weights that measures needed, as they are stored.
        methods: in the order of the columns.
        scores: of every performance and method.
        fids: by task and method, over all performances.
        not_computed: measures and what else is missing, each with the reason or how to get it.
        notes: what must be known to read the numbers.
    """

    date: str
    about: Mapping[str, Any]
    methods: Sequence[str]
    scores: Sequence[Scores]
    fids: Mapping[Task, Mapping[str, float]]
    not_computed: Mapping[str, str]
    notes: Sequence[str]

    def overall(self, task: Task, method: str) -> Values:
        """Means over performances, in which each counts the same however long it is; and FID, which is over all."""
        means = Means()
        for score in self.scores:
            if (score.task, score.method) == (task, method):
                means.add(score.values)
        values = means.values
        if method in self.fids.get(task, {}):
            values["fid"] = self.fids[task][method]
        return values

    @property
    def tasks(self) -> list[Task]:
        """Those that there are performances of."""
        return [task for task in TASKS if any(score.task == task for score in self.scores)]


def write_results(evaluation: Evaluation, folder: Path) -> None:
    """Write results.json and results.csv; each appears whole or not at all."""
    with replacing(folder / "results.json") as partial:
        partial.write_text(json.dumps(_as_json(evaluation), indent=2, allow_nan=False) + "\n", encoding="utf-8")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for task in evaluation.tasks:
        for method in evaluation.methods:
            writer.writerows(_rows((task, method, ALL, ALL), evaluation.overall(task, method)))
    for score in evaluation.scores:
        writer.writerows(_rows((score.task, score.method, score.source, score.clip), score.values))
    with replacing(folder / "results.csv") as partial:
        partial.write_bytes(text.getvalue().encode())


def kinds() -> tuple[set[str], set[str]]:
    """The names of results, and those of diagnostics."""
    split: tuple[set[str], set[str]] = (set(), set())
    for measure in MEASURES:
        split[measure.diagnostic].update(measure.names)
    return split


def _as_json(evaluation: Evaluation) -> dict[str, Any]:
    results, diagnostics = kinds()

    def part(values: Values, names: set[str]) -> Values:
        return {name: value for name, value in sorted(values.items()) if name in names}

    return {
        "format": FORMAT,
        "date": evaluation.date,
        **evaluation.about,
        "regions": {"eyes": EYES, "mouth": MOUTH, "meaning": "x0, y0, x1, y1 as shares of the face box"},
        "measures": [
            {name: value for name, value in asdict(measure).items() if name != "needs"} for measure in MEASURES
        ],
        "not_computed": dict(evaluation.not_computed),
        "notes": list(evaluation.notes),
        "overall": {
            task: {
                method: {
                    "results": part(evaluation.overall(task, method), results),
                    "diagnostics": part(evaluation.overall(task, method), diagnostics),
                }
                for method in evaluation.methods
            }
            for task in evaluation.tasks
        },
        "performances": [
            {
                "task": score.task,
                "method": score.method,
                "source": score.source,
                "clip": score.clip,
                "frames": score.frames,
                "results": part(score.values, results),
                "diagnostics": part(score.values, diagnostics),
            }
            for score in evaluation.scores
        ],
    }


def _rows(who: tuple[str, ...], values: Values) -> list[tuple[str, ...]]:
    rows = []
    for measure in MEASURES:
        kind = "diagnostic" if measure.diagnostic else "result"
        for name in measure.names:
            if name in values:
                if not math.isfinite(values[name]):
                    raise ValueError(f"{name} of {who}: expected a finite number, got {values[name]}")
                rows.append((*who, kind, name, measure.unit, f"{values[name]:.6g}"))
    return rows
