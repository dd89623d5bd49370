"""Sources driven by clips: every method at once, frame by frame, so that a clip is decoded once and never held."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

from ptus.animation.views import View
from ptus.errors import UserError
from ptus.evaluation.catalogue import Task
from ptus.evaluation.clips import EvaluatedClip, Note, face_in_square
from ptus.evaluation.fid import FidMeter
from ptus.evaluation.meter import Instruments, Meter, Observer
from ptus.evaluation.methods import Method
from ptus.evaluation.moments import Moment, Values
from ptus.images import Pixels
from ptus.threads import prefetch

LEAST_FRAMES = 3
"""Shorter clips have no course over time."""


@dataclass(frozen=True)
class Scores:
    """What one method got in one performance."""

    task: Task
    method: str
    source: str
    clip: str
    frames: int
    values: Values


@dataclass(frozen=True)
class Picked:
    """A frame to look at: of all in a performance, the one where it is hardest.

    Args:
        task: of the performance.
        source: the clip that the source is from.
        clip: of the driver.
        frame: its number in the clip, from 0.
        measure: by which it was chosen: `l1` of the model in self-reenactment, otherwise `change`, the driver's mean
            difference from its first frame.
        value: of that measure, 0 to 1.
        moments: by method.
    """

    task: Task
    source: str
    clip: str
    frame: int
    measure: str
    value: float
    moments: dict[str, Moment]


@dataclass(frozen=True)
class Setting:
    """What all performances share.

    Args:
        methods: the model is the first.
        instruments: to measure with.
        size: side of the squares, pixels.
        batch: frames at a time.
        limit: frames of a clip that are measured at most; None for all.
        fids: by task; empty where FID is not measured.
        tick: is called after each frame.
        note: is told what is wrong with a clip.
    """

    methods: Sequence[Method]
    instruments: Instruments
    size: int
    batch: int
    limit: int | None
    fids: Mapping[Task, FidMeter]
    tick: Callable[[], object]
    note: Note


def first_view(clip: EvaluatedClip, setting: Setting) -> View:
    """The source that a clip gives: its first frame."""
    views = clip.views(setting.size, setting.note)
    try:
        view = next(views, None)
    finally:
        close = getattr(views, "close", None)
        if close is not None:
            close()
    if view is None:
        raise UserError(f"{clip.path} has no frames; leave it out")
    return view


def perform(setting: Setting, task: Task, source: tuple[str, View], clip: EvaluatedClip) -> tuple[list[Scores], Picked]:
    """Drive a source by a clip with every method, and measure.

    Args:
        setting: shared by all performances.
        task: self-reenactment where the source is the clip's own first frame.
        source: the clip that it is from, and its view.
        clip: the driver.

    Raises:
        UserError: where the clip is shorter than LEAST_FRAMES.
    """
    with closing(prefetch(islice(clip.views(setting.size, setting.note), setting.limit), 2 * setting.batch)) as views:
        first = next(views, None)
        if first is None:
            raise UserError(f"{clip.path} has no frames; leave it out")
        performances = {method.name: method.perform(source[1], first) for method in setting.methods}
        driver = Observer(setting.instruments, face_in_square(first))
        meters: dict[str, Meter] = {}
        hardest: tuple[float, int, dict[str, Moment]] = (-1.0, 0, {})
        count = 0
        for batch in _batches(first, views, setting.batch):
            results = {name: make(batch) for name, make in performances.items()}
            for index, view in enumerate(batch):
                moments = {name: _moment(source[1], view, pictures[index]) for name, pictures in results.items()}
                driving = driver.observe(view.picture)
                if not meters:
                    meters = {
                        name: Meter(setting.instruments, task, moment, driving) for name, moment in moments.items()
                    }
                else:
                    measured = {name: meter.add(moments[name], driving) for name, meter in meters.items()}
                    if task in setting.fids:
                        setting.fids[task].add(moments)
                    value = _hardness(task, measured[setting.methods[0].name], view.picture, first.picture)
                    if value > hardest[0]:
                        hardest = (value, count, moments)
                count += 1
                setting.tick()
    if count < LEAST_FRAMES:
        raise UserError(f"{clip.path} has {count} frames, too few to measure; give at least {LEAST_FRAMES}")
    scores = [
        Scores(task, name, source[0], clip.id, count - 1, dict(sorted(meter.values.items())))
        for name, meter in meters.items()
    ]
    value, frame, moments = hardest
    return scores, Picked(task, source[0], clip.id, frame, "l1" if task == "self" else "change", value, moments)


def _batches(first: View, views: Iterator[View], size: int) -> Iterator[list[View]]:
    batch = [first, *islice(views, size - 1)]
    while batch:
        yield batch
        batch = list(islice(views, size))


def _moment(source: View, view: View, result: Pixels) -> Moment:
    return Moment(source.picture, view.picture, result, face_in_square(source), face_in_square(view))


def _hardness(task: Task, measured: Values, now: Pixels, first: Pixels) -> float:
    if task == "self":
        return measured["l1"]
    return float(abs(now.astype(int) - first).mean()) / 255
