"""The animator, with a stand-in for the model, and once with a small model."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from skimage import data

from ptus.animation.crop import Crop
from ptus.animation.lost import LOST_FRAMES, Lost
from ptus.animation.reenactment import Stages
from ptus.animation.views import View
from ptus.animator import Animator, usual_batch
from ptus.errors import UserError
from ptus.faces.boxes import FaceBox
from ptus.images import Pixels
from ptus.model import PRESETS, PTUS
from ptus.model.motion import TransferOptions
from tests.standin import StandIn

FACE = (40, 30, 50, 50)
GREY = np.full((151, 201, 3), 100, np.uint8)


def _driving(count: int, step: tuple[int, int, int] = (0, 3, 0)) -> list[Pixels]:
    """Frames of one colour that changes by `step` from each to the next."""
    return [np.full((120, 160, 3), np.add((60, 60, 60), np.multiply(step, n)), np.uint8) for n in range(count)]


def _animator(batch_size: int = 1) -> tuple[Animator, StandIn]:
    model = StandIn()
    return Animator(model, device="cpu", batch_size=batch_size), model  # type: ignore[arg-type]


def _middle(pictures: list[Pixels]) -> list[tuple[int, ...]]:
    """The colour where the face is, in each."""
    return [tuple(int(level) for level in picture[55, 65]) for picture in pictures]


def test_more_small_frames_than_large_ones_are_taken_at_a_time() -> None:
    assert [usual_batch(torch.device("cpu"), size) for size in (128, 256, 512, 2048)] == [8, 4, 2, 1]
    assert usual_batch(torch.device("cuda"), 512) == 16


@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_results_do_not_depend_on_the_batch(batch_size: int) -> None:
    animator, model = _animator(batch_size)
    animator.prepare(GREY, FACE)
    results = list(animator.animate(_driving(7), face=FACE))
    assert [result.shape for result in results] == [GREY.shape] * 7
    assert _middle(results) == [(100, 100 + 3 * n, 100) for n in range(7)]
    assert max(model.batches) == min(batch_size, 7)


def test_frames_are_streamed() -> None:
    """The first result is there before many frames have been read, and what is not asked for is not read."""
    read: list[None] = []

    def endless() -> Iterator[Pixels]:
        while True:
            read.append(None)
            yield GREY

    animator, _ = _animator(2)
    animator.prepare(GREY, FACE)
    results = animator.animate(endless(), face=FACE)
    for _ in range(5):
        next(results)
    assert len(read) < 25
    results.close()
    assert len(read) < 30


def test_absolute_motion_goes_where_the_driver_is() -> None:
    animator, _ = _animator()
    animator.prepare(GREY, FACE)
    results = animator.animate(_driving(3), TransferOptions(relative=False), face=FACE)
    assert _middle(list(results)) == [(60, 60 + 3 * n, 60) for n in range(3)]


@pytest.mark.parametrize(
    ("options", "moved"),
    [
        (TransferOptions(body=0), (0, 6, 8)),  # only the face
        (TransferOptions(pose=0, expression=0), (4, 0, 0)),  # only the body
        (TransferOptions(pose=0.5, expression=2), (4, 3, 16)),
    ],
)
def test_each_motion_has_its_strength(options: TransferOptions, moved: tuple[int, int, int]) -> None:
    animator, _ = _animator()
    animator.prepare(GREY, FACE)
    last = _middle(list(animator.animate(_driving(3, (2, 3, 4)), options, face=FACE)))[-1]
    assert last == tuple(np.add((100, 100, 100), moved))


@pytest.mark.parametrize("relative", [True, False])
def test_the_expression_may_come_from_another_video(relative: bool) -> None:
    animator, _ = _animator(2)
    animator.prepare(GREY, FACE)
    results = animator.animate(
        _driving(5, (2, 3, 0)),
        TransferOptions(relative),
        face=FACE,
        expression_frames=_driving(3, (9, 9, 5)),
        expression_face=FACE,
    )
    start = 100 if relative else 60
    expected = [(start + 2 * n, start + 3 * n, start + 5 * min(n, 2)) for n in range(5)]
    assert _middle(list(results)) == expected


def test_a_source_video_gives_each_frame_its_appearance_and_is_held() -> None:
    animator, _ = _animator(2)
    sources = [np.full((151, 201, 3), (100, 100, 10 * n), np.uint8) for n in range(4)]
    animator.prepare(iter(sources), FACE)
    results = list(animator.animate(_driving(6), face=FACE))
    assert _middle(results) == [(100, 100 + 3 * n, 10 * min(n, 3)) for n in range(6)]
    with pytest.raises(ValueError, match="prepare"):
        next(animator.animate(_driving(1), face=FACE))


@pytest.mark.parametrize(("photo", "side"), [(GREY, 107), (GREY[:61, :100], 64)])
def test_the_squares_may_be_had_alone(photo: Pixels, side: int) -> None:
    animator, _ = _animator()
    animator.prepare(photo, (30, 10, 40, 30))
    found = next(animator.animate(_driving(1), face=FACE, paste_back=False))
    assert found.shape == (side, side, 3) and found[side // 2, side // 2].tolist() == [100, 100, 100]


def _striped(level: int = 0) -> Pixels:
    """A picture whose details are finer than the model's pixels."""
    return np.ascontiguousarray(np.where(np.arange(201)[:, None] % 2, 200, (level, 40, 40)), np.uint8)[None].repeat(
        151, 0
    )


def test_results_have_the_sources_own_details() -> None:
    animator, _ = _animator()
    animator.prepare(_striped(), FACE)
    for result in animator.animate(_driving(2, step=(0, 0, 0)), face=FACE):
        np.testing.assert_array_equal(result, _striped())


def test_results_have_the_details_of_each_frame_of_a_source_video() -> None:
    animator, _ = _animator(2)
    animator.prepare(map(_striped, (0, 10, 20)), FACE)
    results = list(animator.animate(_driving(3, step=(0, 0, 0)), face=FACE))
    for level, result in zip((0, 10, 20), results, strict=True):
        np.testing.assert_array_equal(result, _striped(level))


@pytest.mark.parametrize(("side", "large"), [(60, None), (64, None), (65, 65), (1024, 1024), (1300, 1024)])
def test_details_are_those_of_squares_that_are_larger_than_the_model_sees(side: int, large: int | None) -> None:
    stages = Stages(StandIn(), torch.device("cpu"), torch.float32, compile=False)  # type: ignore[arg-type]
    frame = np.zeros((side, side, 3), np.uint8)
    found = stages.large([View(frame, Crop(0, 0, side), frame[:64, :64], (0, 0, 1, 1))] * 2, put_back=True)
    assert (None if found is None else tuple(found.shape)) == (None if large is None else (2, large, large, 3))


def test_small_squares_of_larger_frames_are_rendered_to_be_put_back() -> None:
    stages = Stages(StandIn(), torch.device("cpu"), torch.float32, compile=False)  # type: ignore[arg-type]
    frame = np.zeros((80, 60, 3), np.uint8)
    seen = np.full((64, 64, 3), 7, np.uint8)
    views = [View(frame, Crop(0, 10, 60), seen, (0, 0, 1, 1))]
    found = stages.large(views, put_back=True)
    assert found is not None and (found[0].numpy() == seen).all()
    assert stages.large(views, put_back=False) is None


@pytest.mark.parametrize("video", [False, True])
def test_the_model_is_told_where_the_frame_goes_on_beyond_what_is_put_back(video: bool) -> None:
    animator, model = _animator()
    for paste_back, expected in ((True, (True, False, True, False)), (False, (False,) * 4)):
        animator.prepare([GREY] if video else GREY, (70, 30, 50, 50))  # GREY is wider than its square
        next(animator.animate(_driving(1), face=FACE, paste_back=paste_back))
        assert model.goes_on[-1] == expected


@pytest.mark.parametrize(("paste_back", "level"), [(False, 240), (True, 208)])
def test_heads_come_to_rest_where_the_frame_goes_on(paste_back: bool, level: int) -> None:
    animator, _ = _animator()
    animator.prepare(GREY, (70, 30, 50, 50))  # GREY goes on to the right of its square
    *_, last = animator.animate(_driving(2, step=(0, 140, 0)), face=FACE, paste_back=paste_back)
    height, width = last.shape[:2]
    assert last[height // 2, width // 2, 1] == pytest.approx(level, abs=2)


def test_the_model_is_told_where_the_face_is() -> None:
    animator, model = _animator()
    photo = np.asarray(data.astronaut())  # type: ignore[no-untyped-call]
    animator.prepare(photo)
    list(animator.animate([photo, np.roll(photo, 4, axis=1)]))
    for x0, y0, x1, y1 in (face.tolist() for face in model.faces):
        assert x1 - x0 == pytest.approx(2 * 0.28, abs=0.02) == pytest.approx(y1 - y0, abs=0.02)
        assert abs(x0 + x1) < 0.2 and -0.6 < (y0 + y1) / 2 < 0


def test_a_face_may_appear_after_some_frames_but_not_never() -> None:
    photo = np.asarray(data.astronaut())  # type: ignore[no-untyped-call]
    animator, _ = _animator(4)
    animator.prepare(photo)
    wall = np.full_like(photo, 90)
    assert len(list(animator.animate([wall, wall, photo, photo]))) == 4
    with pytest.raises(UserError, match=r"no face in the driving video.*--driving-face"):
        list(animator.animate([wall] * 40))
    with pytest.raises(UserError, match=r"no face in the source.*--source-face"):
        animator.prepare(wall)


def _bright_faces(pixels: Pixels, smallest: float = 0.06) -> list[FaceBox]:
    """A face in the middle of whatever is bright."""
    height, width = pixels.shape[:2]
    return [FaceBox(width / 3, height / 3, width / 3, height / 3)] if pixels.mean() > 100 else []


@pytest.mark.parametrize("batch_size", [1, 4])
def test_it_is_known_where_a_face_was_lost(batch_size: int) -> None:
    animator = Animator(StandIn(), device="cpu", batch_size=batch_size, detector=_bright_faces)  # type: ignore[arg-type]
    animator.prepare(GREY, FACE)
    lengths = (10, LOST_FRAMES + 6, 7, 9, 4, LOST_FRAMES + 3)
    dark_or_bright = [np.full((120, 160, 3), level, np.uint8) for level in (40, 200)]
    frames = [dark_or_bright[(part + 1) % 2] for part, length in enumerate(lengths) for _ in range(length)]
    other = frames[: lengths[0]]
    results = animator.animate(frames, face=FACE, expression_frames=other, expression_face=FACE)
    shown = sum(1 for _ in results)
    (first, second) = animator.lost
    assert first.video == second.video == "the driving video"
    # It is searched in every third frame.
    assert abs(first.first - lengths[0]) <= 2 and abs(first.last - (sum(lengths[:2]) - 1)) <= 2
    assert abs(second.first - sum(lengths[:5])) <= 2 and second.last == shown - 1 == sum(lengths) - 1
    assert f"frames {first.first} to {first.last}" in str(first)
    list(animator.animate(frames[:5], face=FACE))
    assert animator.lost == []


def test_a_face_that_appears_late_was_not_lost_before() -> None:
    animator = Animator(StandIn(), device="cpu", detector=_bright_faces)  # type: ignore[arg-type]
    animator.prepare(GREY, FACE)
    dark, bright = ([np.full((120, 160, 3), level, np.uint8)] * (LOST_FRAMES + 3) for level in (40, 200))
    assert len(list(animator.animate([*dark, *bright]))) == 2 * (LOST_FRAMES + 3)
    assert animator.lost == []


def test_a_face_that_is_lost_in_a_video_that_is_held_stays_lost() -> None:
    animator = Animator(StandIn(), device="cpu", detector=_bright_faces)  # type: ignore[arg-type]
    animator.prepare([np.full((151, 201, 3), 40, np.uint8)] * (LOST_FRAMES + 1), FACE)
    bright = [np.full((120, 160, 3), 200, np.uint8)] * (LOST_FRAMES + 9)
    list(animator.animate(bright, face=FACE))
    assert animator.lost == [Lost("the source", 1, LOST_FRAMES + 8)]


def test_without_a_source_nothing_is_animated() -> None:
    with pytest.raises(ValueError, match="prepare"):
        _animator()[0].animate(_driving(1))


def test_what_is_animated_is_what_was_prepared_before() -> None:
    animator, _ = _animator()
    animator.prepare(GREY, FACE)
    (expected,) = animator.animate(_driving(1), face=FACE)
    results = animator.animate(_driving(1), face=FACE)
    animator.prepare(np.zeros_like(GREY[:120]), FACE)
    assert np.array_equal(next(results), expected)


@pytest.mark.parametrize(
    ("picture", "error", "says"),
    [
        (GREY / 255, TypeError, "expected an array of uint8, 0 to 255, got an array of float64"),
        (GREY[..., 0], ValueError, r"expected a picture of shape \(H, W, 3\), got \(151, 201\)"),
        (np.dstack((GREY, GREY[..., 0])), ValueError, r"got \(151, 201, 4\)"),
        ("photo.png", TypeError, "expected a picture or the frames of a video, got str"),
        (3, TypeError, "expected a picture or the frames of a video, got int"),
    ],
)
def test_sources_that_are_no_pictures_are_refused(picture: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        _animator()[0].prepare(picture, FACE)


@pytest.mark.parametrize(
    ("second", "error", "says"),
    [
        (GREY[:100], ValueError, r"the driving video: expected .* \(151, 201, 3\), got \(100, 201, 3\)"),
        (torch.zeros(151, 201, 3), TypeError, "the driving video: expected an array of uint8, 0 to 255, got Tensor"),
    ],
)
def test_frames_that_are_not_like_the_first_are_refused(second: Any, error: type[Exception], says: str) -> None:
    animator, _ = _animator()
    animator.prepare(GREY, FACE)
    with pytest.raises(error, match=says):
        list(animator.animate([GREY, second], face=FACE))


def test_options_that_do_not_fit_are_refused() -> None:
    model = PTUS(PRESETS["slim-128"])
    with pytest.raises(ValueError, match="batch_size"):
        Animator(model, device="cpu", batch_size=0)
    with pytest.raises(ValueError, match="dtype"):
        Animator(model, device="cpu", dtype=torch.float16)
    with pytest.raises(ValueError, match="cuda_graphs"):
        Animator(model, device="cpu", cuda_graphs=True)


def test_a_model_streams_as_it_runs_on_the_whole_clip() -> None:
    torch.manual_seed(0)
    model = PTUS(PRESETS["slim-128"]).eval()
    for parameter in model.parameters():  # an untrained model hardly moves anything
        parameter.data.mul_(1.5)
    photo = np.asarray(data.astronaut())  # type: ignore[no-untyped-call]
    frames = [np.roll(photo, 6 * n, axis=1) for n in range(5)]
    results = []
    for batch_size in (1, 5):
        animator = Animator(model, device="cpu", batch_size=batch_size)
        animator.prepare(photo)
        results.append(np.stack(list(animator.animate(frames))).astype(int))
    assert np.abs(results[0] - results[1]).max() <= 1
    assert results[0].shape == (5, 512, 512, 3)


MEMORY = """
import resource
import numpy as np
from ptus.animator import Animator
from tests.standin import StandIn
frame = np.full((480, 640, 3), 90, np.uint8)
animator = Animator(StandIn(), device="cpu", batch_size=2)
animator.prepare(frame, (200, 100, 100, 100))
for count in (60, 600):
    frames = (frame.copy() for _ in range(count))
    assert sum(1 for _ in animator.animate(frames, face=(200, 100, 100, 100))) == count
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.once
def test_memory_does_not_grow_with_length() -> None:
    said = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True).stdout
    short, long = map(int, said.split())
    assert long - short < 10 * 1024, (short, long)  # KiB; the 540 frames more have 475 MiB
