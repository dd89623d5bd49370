"""Sources driven by clips: what methods get that are known."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from ptus.animation.reenactment import Stages
from ptus.animation.views import View
from ptus.errors import UserError
from ptus.evaluation.catalogue import MEASURES, Task
from ptus.evaluation.clips import Note
from ptus.evaluation.fid import FidMeter
from ptus.evaluation.meter import Instruments
from ptus.evaluation.methods import CopySource, Method
from ptus.evaluation.own_keypoints import OwnKeypoints
from ptus.evaluation.performances import Picked, Scores, Setting, first_view, perform
from ptus.images import Pixels
from ptus.model import PRESETS, PTUS
from tests.evaluation.clips import DrawnClip
from tests.evaluation.faces import Colour, DrawnLandmarks, FewFeatures, KnownFace

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


def test_faces_that_are_missed_are_counted_and_the_rest_compared(instruments: Instruments) -> None:
    def hidden(index: int, view: View) -> View:
        return view._replace(picture=np.zeros_like(view.picture)) if index in (2, 5) else view

    class Hidden(DrawnClip):
        def views(self, size: int, note: Note) -> Iterator[View]:
            return (hidden(index, view) for index, view in enumerate(super().views(size, note)))

    seeing = replace(instruments, landmarks=DrawnLandmarks(), identity=Colour())
    missing = By("model", lambda source, view: np.zeros_like(view.picture))
    truth = By("truth", lambda source, view: view.picture)
    scores, _ = _run(seeing, [missing, truth], "self", ONE, Hidden("one"))
    assert scores["model"].values["faces_missed"] == 1
    assert not {"akd", "csim", "aed"} & scores["model"].values.keys()
    found = scores["truth"].values
    assert found["faces_missed"] == found["akd"] == 0  # where the driver has no face, none is missed
    assert found["csim"] == pytest.approx(1) and found["aed"] == pytest.approx(0, abs=1e-6)


def test_in_cross_reenactment_the_person_is_the_source(instruments: Instruments) -> None:
    seeing = replace(instruments, landmarks=DrawnLandmarks(), identity=Colour())
    other = By("model", lambda source, view: source.picture[..., ::-1].copy())
    scores, _ = _run(seeing, [other, CopySource()], "cross", OTHER, ONE)
    assert scores["copy the source"].values["csim"] == pytest.approx(1)
    assert scores["copy the source"].values["akd_motion"] == 0
    assert scores["model"].values["csim"] < 0.999


def test_fid_takes_in_every_measured_frame_of_its_task(instruments: Instruments) -> None:
    fids: dict[Task, FidMeter] = {"cross": FidMeter(FewFeatures(), ["truth", "copy the source"])}  # type: ignore[arg-type]
    methods: list[Method] = [By("truth", lambda source, view: view.picture), CopySource()]
    _run(instruments, methods, "self", ONE, ONE, fids=fids)
    assert fids["cross"].frames == 0
    _run(instruments, methods, "cross", OTHER, ONE, fids=fids)
    assert fids["cross"].frames == ONE.frames - 1
    assert fids["cross"].values["truth"] == pytest.approx(0, abs=1e-4) != fids["cross"].values["copy the source"]
