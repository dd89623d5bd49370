"""Which face is meant."""

import math

import pytest

from ptus.errors import UserError
from ptus.faces import FaceBox
from ptus.faces.boxes import checked_face, only_face

LARGE = FaceBox(10, 20, 100, 100)


def test_the_largest_face_is_meant_where_others_are_much_smaller() -> None:
    assert only_face([LARGE, FaceBox(200, 20, 69, 69)], "x.jpg", "--face") is LARGE


def test_two_faces_of_similar_size_are_the_users_to_choose_from() -> None:
    with pytest.raises(UserError, match="2 faces") as raised:
        only_face([LARGE, FaceBox(200, 20, 71, 71)], "x.jpg", "--face")
    assert "--face 10 20 100 100, --face 200 20 71 71" in str(raised.value)


def test_no_face_is_said_with_what_to_do() -> None:
    with pytest.raises(UserError, match=r"no face in x\.jpg.*--face X Y WIDTH HEIGHT"):
        only_face([], "x.jpg", "--face")


@pytest.mark.parametrize(
    "box", [(-1, 0, 10, 10), (0, 0, 0, 10), (95, 0, 10, 10), (0, 45, 10, 10), (math.nan, 0, 10, 10)]
)
def test_a_box_beyond_the_picture_is_refused(box: tuple[float, float, float, float]) -> None:
    with pytest.raises(UserError, match=r"--face .* is not within x\.jpg, which is 100×50"):
        checked_face(box, 100, 50, "x.jpg", "--face")


def test_boxes_scale_move_and_meet() -> None:
    assert LARGE.scaled(0.5).moved(1, 2) == (6, 12, 50, 50)
    assert LARGE.meets(FaceBox(50, 60, 40, 40)) and not LARGE.meets(FaceBox(111, 20, 100, 100))
