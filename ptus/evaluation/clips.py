"""What a model is measured on: clips of a data set, or plain video files."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeAlias

from ptus.animation.crop import Crop
from ptus.animation.views import SEARCHED_FRAMES, View, Viewer
from ptus.data.dataset import Clip, Split, read_clips
from ptus.errors import UserError
from ptus.faces import FaceBox, FaceDetector
from ptus.images import Pixels
from ptus.video import VideoReader

Note: TypeAlias = Callable[[str], object]


class EvaluatedClip(Protocol):
    """A clip of one person."""

    @property
    def id(self) -> str:
        """Its name, unlike that of any other clip."""

    @property
    def identity(self) -> str:
        """Whose clip it is."""

    @property
    def path(self) -> Path:
        """Of the video."""

    @property
    def frames(self) -> int | None:
        """How many it has, as far as that is known before it is read."""

    def views(self, size: int, note: Note) -> Iterator[View]:
        """The squares (size, size, 3) around the upper body, one a frame.

        Args:
            size: side of the squares, pixels.
            note: is told what is wrong with the file, once that is known.

        Raises:
            UserError: where the video or its face track cannot be used.
        """


@dataclass(frozen=True)
class DataSetClip:
    """A clip of a data set, which is a square crop already and has its face track."""

    clip: Clip

    @property
    def id(self) -> str:
        """Of the clip."""
        return self.clip.id

    @property
    def identity(self) -> str:
        """Of the person."""
        return self.clip.identity

    @property
    def path(self) -> Path:
        """Of the video."""
        return self.clip.path

    @property
    def frames(self) -> int:
        """As clips.csv says."""
        return self.clip.frames

    def views(self, size: int, note: Note) -> Iterator[View]:
        """The whole frames, resized, with the boxes of the track."""
        boxes = self.clip.face_boxes()
        with VideoReader(self.path) as video:
            if video.width != video.height:
                raise UserError(f"{self.path} is {video.width}×{video.height}, not square; run ptus prepare again")
            square = Crop(0, 0, video.width)
            for frame, box in zip(video, boxes, strict=False):
                yield View(frame.pixels, square, square.cut(frame.pixels, size), square.normalised(box))
        if damage := video.damage:
            note(damage)


@dataclass(frozen=True)
class VideoFile:
    """A video file by itself: its upper body is looked for, as `ptus animate` does, and its person is like no other's.

    Args:
        path: of the file.
        face: where the face is when it is first seen, pixels.
        frames: how many it has, if it says so.
        detector: follows the face.
    """

    path: Path
    face: FaceBox
    frames: int | None
    detector: FaceDetector

    @property
    def id(self) -> str:
        """The file's name without its suffix."""
        return self.path.stem

    @property
    def identity(self) -> str:
        """The same: each file is taken to show another person."""
        return self.path.stem

    def views(self, size: int, note: Note) -> Iterator[View]:
        """The square around the upper body, which stays where it is."""
        viewer = Viewer(self.detector, size, str(self.path), "--data", self.face)
        with VideoReader(self.path) as video:
            yield from viewer.views(frame.pixels for frame in video)
        if damage := video.damage:
            note(damage)


def read_data(places: Sequence[Path], split: Split, detector: FaceDetector) -> list[EvaluatedClip]:
    """The clips of a data set's split, or of video files.

    Args:
        places: one folder of a data set, or video files.
        split: of the data set; without meaning for video files.
        detector: finds faces in video files.

    Raises:
        UserError: where there is nothing there, a mixture, two files of one name, or no face.
    """
    if not any(place.is_dir() for place in places):
        names = [place.stem for place in places]
        for name in names:
            if names.count(name) > 1:
                raise UserError(f"--data has two files named {name}; rename one")
        return [_opened(place, detector) for place in places]
    if len(places) > 1:
        raise UserError("--data takes one folder of a data set, or video files")
    clips = read_clips(places[0], split)
    if not clips:
        raise UserError(f"--data {places[0]} has no clips of the split {split}; choose another --split")
    return [DataSetClip(clip) for clip in clips]


def face_in_square(view: View) -> FaceBox:
    """Where the face is in the square of a view, pixels."""
    size = view.picture.shape[0]
    x0, y0, x1, y1 = ((edge + 1) / 2 * size for edge in view.face)
    return FaceBox(x0, y0, x1 - x0, y1 - y0)


def _opened(path: Path, detector: FaceDetector) -> VideoFile:
    with VideoReader(path) as video:
        frames = (frame.pixels for frame in islice(video, SEARCHED_FRAMES))
        face = _first_face(frames, detector)
        if face is None:
            raise UserError(f"found no face in the first {SEARCHED_FRAMES} frames of {path}; cut it or leave it out")
        return VideoFile(path, face, video.expected_frames, detector)


def _first_face(frames: Iterator[Pixels], detector: FaceDetector) -> FaceBox | None:
    for frame in frames:
        if found := detector(frame):
            height, width = frame.shape[:2]
            box = found[0]
            x, y = max(0.0, box.x), max(0.0, box.y)
            return FaceBox(x, y, min(box.width, width - x), min(box.height, height - y))
    return None
