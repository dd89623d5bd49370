"""The photo animated by the trained model, as someone who talks moves."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from time import perf_counter
from typing import NamedTuple

import cv2
import numpy as np

from ptus.animation.pipeline import Face, Job, write_animation
from ptus.animator import Animator
from ptus.data.dataset import read_track
from ptus.data.puppets.clips import PuppetClip
from ptus.demo.photo import Photo
from ptus.drawing import DIM, PAPER, draw_text, paste
from ptus.errors import UserError
from ptus.images import Pixels, write_png
from ptus.model.motion import TransferOptions
from ptus.stopping import Stop
from ptus.video import VideoReader
from ptus.video.audio import AudioTrack

PUPPET, PUPPET_SIDE, PUPPET_FRAMES = 4, 256, 75  # which of those that `ptus prepare --synthetic` draws, and how
SHOWN, COLUMNS = 6, 2
TILE, GAP, TITLE = 280, 12, 70


class Driver(NamedTuple):
    """A video of someone who talks."""

    path: Path
    face: Face | None
    """Where the face is in its first frame; None where it is to be looked for."""


@contextmanager
def driver_at(path: Path | None, face: Face | None) -> Iterator[Driver]:
    """The given video, or a puppet that is drawn now and gone in the end.

    Raises:
        UserError: where it cannot be read, or the puppet not be written.
    """
    if path is not None:
        VideoReader(path).close()
        yield Driver(path, face)
        return
    with TemporaryDirectory() as scratch:
        clip = PuppetClip(0, PUPPET, PUPPET_SIDE, PUPPET_FRAMES)
        try:
            clip.run(Path(scratch))
        except OSError as error:
            raise UserError(f"cannot write to {gettempdir()}: {error.strerror}; make room there") from error
        first = read_track(Path(scratch) / "tracks" / f"{clip.key}.csv")[0]
        yield Driver(Path(scratch) / "clips" / f"{clip.key}.mp4", first)


def talking_job(photo: Photo, driver: Driver, video: VideoReader, *, side_by_side: bool) -> Job:
    """The photo animated by an opened driver, with its sound."""
    return Job(
        source=photo.pixels,
        driving=video,
        expression=None,
        sound=AudioTrack.of(driver.path, video.origin),
        faces=(photo.face, driver.face, None),
        options=TransferOptions(),
        side_by_side=side_by_side,
    )


def animate_as_someone_talks(photo: Photo, driver: Driver, animator: Animator, output: Path, sheet: Path) -> str:
    """Write source, driver and result beside each other; says how fast it was.

    Args:
        photo: the source.
        driver: whose motion and sound it gets.
        animator: with the model.
        output: video to write.
        sheet: picture of some of its frames to write.

    Raises:
        UserError: where no face is found in the driver, or the video cannot be written.
    """
    with VideoReader(driver.path) as video:
        job = talking_job(photo, driver, video, side_by_side=True)
        start = perf_counter()
        frames = write_animation(job, animator, output, Stop())
        seconds = perf_counter() - start
    write_png(sheet, _sheet(output, frames))
    return f"{output}: {frames} frames by the trained model, {frames / seconds:.1f} a second; {sheet}: some of them"


def _sheet(path: Path, frames: int) -> Pixels:
    """Frames of a video in columns."""
    chosen = {(2 * number + 1) * frames // (2 * SHOWN) for number in range(SHOWN)}
    with VideoReader(path) as video:
        shown = [frame.pixels for number, frame in enumerate(video) if number in chosen]
    height, width = shown[0].shape[:2]
    side = round(TILE * width / height)
    rows = -(-len(shown) // COLUMNS)
    sheet = np.full((TITLE + rows * (TILE + GAP), GAP + COLUMNS * (side + GAP), 3), PAPER, np.uint8)
    draw_text(sheet, "ptus animate", GAP, 32, 18)
    draw_text(sheet, "Synthetic: source, driving frame and result of the weights that come along", GAP, 56, 11, DIM)
    for number, pixels in enumerate(shown):
        tile = np.asarray(cv2.resize(pixels, (side, TILE), interpolation=cv2.INTER_AREA), np.uint8)
        paste(sheet, tile, GAP + number % COLUMNS * (side + GAP), TITLE + number // COLUMNS * (TILE + GAP))
    return sheet
