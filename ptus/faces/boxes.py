"""Where faces are, and which of several is meant."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from ptus.errors import UserError
from ptus.images import Pixels

RIVAL = 0.7
"""A second face at least this share of the first one's width leaves it open whose face is meant."""


class FaceBox(NamedTuple):
    """A face from brows to chin and cheek to cheek, in pixels."""

    x: float
    y: float
    width: float
    height: float

    def scaled(self, factor: float) -> "FaceBox":
        """The box in a picture resized by `factor`."""
        return FaceBox(*(factor * side for side in self))

    def moved(self, right: float, down: float) -> "FaceBox":
        """The box that much further right and down, in pixels."""
        return FaceBox(self.x + right, self.y + down, self.width, self.height)

    @property
    def centre(self) -> tuple[float, float]:
        """The middle, x and y."""
        return self.x + self.width / 2, self.y + self.height / 2

    def meets(self, other: "FaceBox") -> bool:
        """Whether the middle of one box lies in the other."""
        (x, y), (other_x, other_y) = self.centre, other.centre
        widest, highest = max(self.width, other.width), max(self.height, other.height)
        return abs(x - other_x) < widest / 2 and abs(y - other_y) < highest / 2


class FaceDetector(Protocol):
    """Finds faces."""

    def __call__(self, pixels: Pixels, smallest: float = 0.06) -> list[FaceBox]:
        """The faces of a picture (H, W, 3), the largest first; an empty list where there are none.

        Args:
            pixels: the picture.
            smallest: the least width of a face, as a share of the picture's shorter side.
        """


def only_face(boxes: Sequence[FaceBox], what: str, option: str) -> FaceBox:
    """The face that is meant: the largest, where no other is nearly as large.

    Args:
        boxes: the faces that were found, the largest first.
        what: they were found in.
        option: that says where the face is.

    Raises:
        UserError: for no face, and for two of nearly the same size.
    """
    if not boxes:
        raise UserError(f"found no face in {what}; say where it is (brows to chin) with {option} X Y WIDTH HEIGHT")
    rivals = [box for box in boxes if box.width >= RIVAL * boxes[0].width]
    if len(rivals) > 1:
        choices = ", ".join(f"{option} {box.x:.0f} {box.y:.0f} {box.width:.0f} {box.height:.0f}" for box in rivals)
        raise UserError(f"found {len(rivals)} faces of similar size in {what}; choose one: {choices}")
    return boxes[0]


def checked_face(box: Sequence[float], width: int, height: int, what: str, option: str) -> FaceBox:
    """The user's own box.

    Raises:
        UserError: where it is not within the picture, `width` × `height` pixels.
    """
    x, y, face_width, face_height = box
    inside = x >= 0 and y >= 0 and x + face_width <= width and y + face_height <= height
    if not (inside and face_width >= 1 and face_height >= 1):
        given = " ".join(f"{side:g}" for side in box)
        raise UserError(f"{option} {given} is not within {what}, which is {width}×{height}")
    return FaceBox(x, y, face_width, face_height)
