"""A first look at a raw video: which of its frames can become clips, and why the others cannot."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby, pairwise
from math import ceil
from statistics import median

from ptus.animation.crop import Crop, upper_body
from ptus.data.records import Rejection
from ptus.data.sharpness import face_sharpness
from ptus.data.shots import GRADUAL, Change, ShotDetector
from ptus.faces import FaceBox, FaceDetector
from ptus.faces.tracking import FaceTracker
from ptus.video import TimedFrame, VideoReader

SEARCH_EVERY = 3
"""Frames from one search of the whole frame to the next, where no face is followed."""
LOST_SECONDS = 1.0
"""A face that is not found for so long is lost: from where it was found last."""
CHECK_SECONDS = 1.0
"""From one look for other faces to the next, and length of the windows in which blur is judged."""
RIVAL = 0.5
"""Another face in the square counts if it has at least this share of the first one's width."""
SHARP_EVERY = 5
BLURRED = 0.012
"""Faces whose median sharpness in a window is less are blurred: a Gaussian blur of a 50th of the face's width or more
takes a sharp face below it, dim and soft ones of cheap cameras stay above."""
LEAST_INSIDE = 0.97
"""Least share of the square that is within the frame, since beyond it the border is repeated; less is a head alone."""


@dataclass(frozen=True)
class Limits:
    """What makes a clip.

    Args:
        size: side of a clip, pixels; the square in the raw video must have as much.
        shortest: seconds of a clip.
        longest: as `shortest`.
    """

    size: int
    shortest: float
    longest: float


@dataclass(frozen=True)
class Piece:
    """Frames of a raw video that become a clip: those from `start`, one for each box."""

    start: int
    crop: Crop
    boxes: list[FaceBox]
    sharpness: float


@dataclass
class _Seen:
    """What is known about a frame."""

    time: float
    end: float
    shot: int
    box: FaceBox | None = None
    sharpness: float | None = None
    flaw: str | None = None


@dataclass
class Survey:
    """The pieces of a video that can become clips, and what was left out."""

    seconds: float = 0.0
    pieces: list[Piece] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)


def survey(video: VideoReader, detector: FaceDetector, limits: Limits) -> Survey:
    """Look through a video once, a frame at a time."""
    frames = list(_watch(video, detector))
    window = max(1, round(CHECK_SECONDS * video.rate))
    for run in _runs(frames):
        if frames[run.start].flaw is None:
            _mark_blurred(frames[run.start : run.stop], window)
    result = Survey(seconds=frames[-1].end - frames[0].time)
    for run in _runs(frames):
        flaw = frames[run.start].flaw
        seconds = frames[run.stop - 1].end - frames[run.start].time
        if flaw is None and seconds < limits.shortest:
            flaw = "too short"
        pieces = [run] if flaw is not None else _parts(run, ceil(seconds / limits.longest))
        for part in pieces:
            piece = _piece(frames, part, video.width, video.height)
            why = flaw or _flaw_of(piece, limits.size, video.width, video.height)
            if why is None and piece is not None:
                result.pieces.append(piece)
            else:
                start, end = frames[part.start].time, frames[part.stop - 1].end
                result.rejections.append(Rejection(str(why), round(start, 3), round(end, 3)))
    return result


def _watch(video: VideoReader, detector: FaceDetector) -> Iterator[_Seen]:
    """Every frame: its shot, its face, and what is wrong with it as far as a single frame tells."""
    shots, shot = ShotDetector(), -1
    watch = _FaceWatch(detector, video.rate)
    held: list[_Seen] = []
    dissolving = False
    for frame in video:
        change = shots.look(frame.pixels)
        if change is Change.CUT or (dissolving and change is Change.NONE):
            yield from held
            held, shot = [], shot + 1
            watch.start_shot()
        dissolving = change is Change.DISSOLVE
        held.append(_Seen(float(frame.time), float(frame.time + frame.duration), shot))
        if dissolving:
            for seen in held[-GRADUAL - 1 :]:
                seen.flaw = "dissolve or change of light"
        else:
            watch.look(frame, held)
    yield from held


class _FaceWatch:
    """Follows the face of a shot and notes on its frames where it is, and where it is lost or not alone."""

    def __init__(self, detector: FaceDetector, rate: Fraction) -> None:
        self._detector = detector
        self._lost = max(SEARCH_EVERY, round(LOST_SECONDS * rate))
        self._check = max(1, round(CHECK_SECONDS * rate))
        self.start_shot()

    def start_shot(self) -> None:
        """Forget the face."""
        self._tracker: FaceTracker | None = None
        self._followed = 0
        self._crowded = 0
        self._met = False

    def look(self, frame: TimedFrame, shot: list[_Seen]) -> None:
        """Note what is in a frame, the last of `shot`, which holds the frames since the shot began."""
        now = shot[-1]
        if self._tracker is None:
            found = self._detector(frame.pixels) if len(shot) % SEARCH_EVERY == 1 else []
            if not found:
                now.flaw = "lost face" if self._met else "no face"
                return
            self._met = True
            self._tracker, self._followed, self._crowded = FaceTracker(self._detector, found[0]), 0, 0
        now.box = self._tracker.follow(frame.pixels)
        if self._tracker.unseen >= self._lost:
            for seen in shot[-self._tracker.unseen :]:
                seen.flaw = "lost face"
            self._tracker = None
            return
        if self._followed % self._check == 0:
            height, width = frame.pixels.shape[:2]
            if _others(self._detector(frame.pixels), now.box, upper_body(now.box, width, height)):
                self._crowded = self._check
                for seen in shot[-min(self._check, self._followed + 1) :]:
                    seen.flaw = "several faces"
        if self._crowded:
            self._crowded -= 1
            now.flaw = "several faces"
        if self._followed % SHARP_EVERY == 0:
            now.sharpness = face_sharpness(frame.pixels, now.box)
        self._followed += 1


def _others(faces: Sequence[FaceBox], face: FaceBox, crop: Crop) -> list[FaceBox]:
    """The faces beside the one that is followed, in its square."""
    return [
        other
        for other in faces
        if not other.meets(face)
        and other.width >= RIVAL * face.width
        and crop.left < other.centre[0] < crop.left + crop.side
        and crop.top < other.centre[1] < crop.top + crop.side
    ]


def _runs(frames: Sequence[_Seen]) -> list[range]:
    """Neighbouring frames of one shot with the same flaw, or none."""
    runs, start = [], 0
    for _, group in groupby(frames, key=lambda seen: (seen.shot, seen.flaw)):
        end = start + len(list(group))
        runs.append(range(start, end))
        start = end
    return runs


def _mark_blurred(frames: Sequence[_Seen], window: int) -> None:
    """Note the windows in which the face is blurred; the last window takes in what is left over."""
    for part in _parts(range(len(frames)), max(1, len(frames) // window)):
        measured = [seen.sharpness for number in part if (seen := frames[number]).sharpness is not None]
        if measured and median(measured) < BLURRED:
            for number in part:
                frames[number].flaw = "blurred face"


def _parts(run: range, count: int) -> list[range]:
    """A run in parts that are equally long, but for a frame."""
    bounds = [run.start + len(run) * number // count for number in range(count + 1)]
    return [range(first, last) for first, last in pairwise(bounds)]


def _piece(frames: Sequence[_Seen], part: range, width: int, height: int) -> Piece | None:
    """A part with the square that is placed by the median of its boxes; None where there are no boxes."""
    seen = [frames[number] for number in part]
    boxes = [frame.box for frame in seen if frame.box is not None]
    if len(boxes) < len(seen):
        return None
    middle = FaceBox(*(median(sides) for sides in zip(*boxes, strict=True)))
    measured = [frame.sharpness for frame in seen if frame.sharpness is not None]
    return Piece(part.start, upper_body(middle, width, height), boxes, median(measured) if measured else 0.0)


def _flaw_of(piece: Piece | None, size: int, width: int, height: int) -> str | None:
    """What is wrong with a piece as a whole."""
    if piece is None:
        return "lost face"
    left, top, side = piece.crop
    if side < size:
        return "small face"
    inside_x = max(0, min(left + side, width) - max(left, 0))
    inside_y = max(0, min(top + side, height) - max(top, 0))
    if inside_x * inside_y < LEAST_INSIDE * side**2:
        return "no upper body in view"
    for box in piece.boxes:
        if box.x < left or box.y < top or box.x + box.width > left + side or box.y + box.height > top + side:
            return "face leaves the square"
    return None
