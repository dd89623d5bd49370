"""The square around an upper body, cut out and put back."""

import numpy as np
import pytest

from ptus.animation.crop import FACE_LEVEL, FACE_SHARE, Crop, upper_body
from ptus.faces import FaceBox
from ptus.images import Pixels

SIZE = 64


def _smooth(height: int, width: int) -> Pixels:
    """A picture without detail that resizing could lose."""
    y, x = np.mgrid[:height, :width]
    return np.stack([255 * x / width, 255 * y / height, 128 + 60 * np.sin(x / 20)], axis=-1).astype(np.uint8)


def test_the_face_has_its_share_and_place() -> None:
    crop = upper_body(FaceBox(500, 400, 100, 100), 2000, 1500)
    assert crop.side == round(100 / FACE_SHARE)
    assert abs(crop.left + crop.side / 2 - 550) <= 1 and abs(crop.top + FACE_LEVEL * crop.side - 450) <= 1


@pytest.mark.parametrize(
    ("face", "width", "height"),
    [
        (FaceBox(10, 10, 60, 60), 400, 300),  # moved into the frame
        (FaceBox(330, 200, 60, 60), 400, 300),
        (FaceBox(50, 40, 100, 100), 201, 151),  # the frame is smaller
        (FaceBox(50, 40, 100, 100), 199, 800),  # narrower only
        (FaceBox(50, 40, 100, 100), 900, 211),  # lower only
    ],
)
def test_it_lies_within_the_frame_or_the_frame_within_it(face: FaceBox, width: int, height: int) -> None:
    crop = upper_body(face, width, height)
    for start, total in ((crop.left, width), (crop.top, height)):
        inside = start >= 0 and start + crop.side <= total
        around = start <= 0 and start + crop.side >= total
        assert inside if crop.side <= total else around
    x0, y0, x1, y1 = crop.normalised(face)
    assert -1 <= x0 < x1 <= 1 and -1 <= y0 < y1 <= 1
    assert crop.cut(_smooth(height, width), SIZE).shape == (SIZE, SIZE, 3)


@pytest.mark.parametrize(("width", "height"), [(400, 300), (201, 151), (199, 800), (900, 211)])
def test_what_is_cut_out_and_put_back_is_the_frame(width: int, height: int) -> None:
    frame = _smooth(height, width)
    crop = upper_body(FaceBox(60, 40, 70, 70), width, height)
    back = crop.paste(crop.cut(frame, SIZE), frame)
    assert back.shape == frame.shape
    assert np.abs(back.astype(int) - frame).mean() < 1.5
    assert np.abs(back.astype(int) - frame).max() < 24


@pytest.mark.parametrize(("y", "top"), [(250, 0), (270, 0), (275, 33), (290, 73), (340, 73)])
def test_of_a_frame_nothing_is_left_beside_it_or_more_than_a_little(y: int, top: int) -> None:
    crop = upper_body(FaceBox(800, y, 282, 282), 1920, 1080)
    assert (crop.side, crop.top) == (1007, top)


def test_a_frame_goes_on_where_there_is_more_of_it() -> None:
    assert Crop(0, 0, 100).goes_on(100, 100) == Crop(-20, -5, 130).goes_on(100, 100) == (False,) * 4
    assert Crop(10, 0, 90).goes_on(100, 90) == (True, False, False, False)
    assert Crop(0, 1, 60).goes_on(61, 62) == (False, True, True, True)


def test_beyond_the_frame_its_border_is_repeated() -> None:
    frame = _smooth(100, 100)
    cut = Crop(-50, -50, 200).cut(frame, 200)
    assert (cut[:50, :50] == frame[0, 0]).all() and (cut[150:, 150:] == frame[-1, -1]).all()
    assert (cut[50:150, 50:150] == frame).all()


def test_what_is_put_back_fades_into_the_frame_but_not_at_its_edges() -> None:
    frame, white = np.zeros((200, 300, 3), np.uint8), np.full((SIZE, SIZE, 3), 255, np.uint8)
    pasted = Crop(0, 50, 100).paste(white, frame)[..., 0].astype(int)
    assert pasted[100, 0] == 255 and pasted[100, 50] == 255
    row = pasted[100, 80:110]
    assert (np.diff(row) <= 0).all() and np.abs(np.diff(row)).max() < 64 and row[-1] == 0
    assert pasted[:50].max() == 0 and pasted[50, 50] < 10 and pasted[:, 100:].max() == 0


def test_faces_are_given_in_the_squares_own_coordinates() -> None:
    assert Crop(100, 50, 200).normalised(FaceBox(150, 100, 100, 50)) == pytest.approx((-0.5, -0.5, 0.5, 0.0))
