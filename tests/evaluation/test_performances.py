"""Sources driven by clips: what methods get that are known."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from ptus.animation.reenactment import Stages
from ptus.animation.views import View
from ptus.errors import UserError
from ptus.evaluation.catalogue import MEASURES, Task
from ptus.evaluation.meter import Instruments
from ptus.evaluation.methods import CopySource, Method
from ptus.evaluation.own_keypoints import OwnKeypoints
from ptus.evaluation.performances import Picked, Scores, Setting, first_view, perform
from ptus.images import Pixels
from ptus.model import PRESETS, PTUS
from tests.evaluation.clips import DrawnClip
from tests.evaluation.faces import KnownFace

ONE, OTHER = DrawnClip("one"), DrawnClip("other", phase=1.0)


class By:
    """A method that makes its pictures of source and driver by a function."""

    def __init__(self, name: str, make: Callable[[View, View], Pixels]) -> None:
        self.name = name
        self._make = make

    def perform(self, source: View, first: View) -> Callable[[Sequence[View]], list[Pixels]]:
        return lambda views: [self._make(source, view) for view in views]


@pytest.fixture(scope="module")
def instruments() -> Instruments:
    torch.manual_seed(0)
    stages = Stages(PTUS(PRESETS["slim-128"]), torch.device("cpu"), torch.float32, compile=False)
    return Instruments(KnownFace(), OwnKeypoints(stages))


def _run(
    instruments: Instruments, methods: list[Method], task: Task, source: DrawnClip, clip: DrawnClip, **changed: Any
) -> tuple[dict[str, Scores], Picked]:
    shared = {"size": 128, "batch": 1, "limit": None, "fids": {}, "tick": lambda: None, "note": print, **changed}
    setting = Setting(methods=methods, instruments=instruments, **shared)
    scores, picked = perform(setting, task, (source.id, first_view(source, setting)), clip)
    return {score.method: score for score in scores}, picked


def test_who_copies_the_source_gets_exactly_what_the_baseline_gets(instruments: Instruments) -> None:
    copying = By("model", lambda source, view: source.picture.copy())
    for task, source in (("self", ONE), ("cross", OTHER)):
        scores, _ = _run(instruments, [copying, CopySource()], task, source, ONE)  # type: ignore[arg-type]
        assert scores["model"].values == scores["copy the source"].values
        assert scores["model"].values["blink_correlation"] == scores["model"].values["lip_correlation"] == 0


def test_who_shows_the_truth_gets_the_best_there_is(instruments: Instruments) -> None:
    scores, _ = _run(instruments, [By("truth", lambda source, view: view.picture), CopySource()], "self", ONE, ONE)
    truth, copy = scores["truth"].values, scores["copy the source"].values
    for name in ("l1", "l1_eyes", "l1_mouth", "epe", "flicker", "own_keypoint_distance", "own_expression_distance"):
        assert truth[name] == 0 != copy[name]
    assert truth["blink_correlation"] == pytest.approx(1)
    assert truth["lip_correlation"] == pytest.approx(1)
    assert truth["psnr"] == 100 > copy["psnr"]
    assert copy["flicker"] == pytest.approx(-copy["temporal_l1_driving"])


def test_only_what_the_catalogue_lists_is_measured_and_only_motion_of_others(instruments: Instruments) -> None:
    for task, source in (("self", ONE), ("cross", OTHER)):
        scores, _ = _run(instruments, [CopySource()], task, source, ONE)  # type: ignore[arg-type]
        listed = {name for measure in MEASURES if task in measure.tasks for name in measure.names}
        assert scores["copy the source"].values.keys() <= listed
        assert scores["copy the source"].frames == ONE.frames - 1


def test_batches_and_limits_measure_the_same_frames(instruments: Instruments) -> None:
    single, _ = _run(instruments, [CopySource()], "self", ONE, ONE)
    batched, _ = _run(instruments, [CopySource()], "self", ONE, ONE, batch=4)
    assert single == batched
    limited, _ = _run(instruments, [CopySource()], "self", ONE, ONE, limit=5)
    shorter, _ = _run(instruments, [CopySource()], "self", ONE, DrawnClip("one", frames=5))
    assert limited == shorter != single


def test_the_worst_frame_is_picked(instruments: Instruments) -> None:
    def broken(source: View, view: View) -> Pixels:
        blinks = np.array_equal(view.frame, list(DrawnClip("one").views(128, print))[6].frame)
        return np.zeros_like(view.picture) if blinks else view.picture

    _, picked = _run(instruments, [By("model", broken)], "self", ONE, ONE)
    assert picked.frame == 6
    assert not picked.moments["model"].result.any()
    assert picked.value == pytest.approx(picked.moments["model"].driving.mean() / 255, abs=1e-4)


def test_two_frames_are_too_few(instruments: Instruments) -> None:
    with pytest.raises(UserError, match=r"short\.mp4 has 2 frames, too few"):
        _run(instruments, [CopySource()], "self", ONE, DrawnClip("short", frames=2))
