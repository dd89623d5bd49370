"""From opened inputs to a finished file: decoding, the model and encoding at the same time."""

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from tqdm import tqdm

from ptus.animation.panels import beside, even
from ptus.animation.timeline import Timeline
from ptus.animator import Animator
from ptus.images import Pixels
from ptus.model.motion import TransferOptions
from ptus.stopping import Stop
from ptus.threads import in_background, prefetch
from ptus.video import TimedFrame, VideoReader, VideoWriter
from ptus.video.audio import AudioTrack
from ptus.video.cameras import CameraReader

COMMENT = "Synthetic: animated by ptus animate; the person shown did not move or speak like this."
FRAMES_AHEAD = 4

Face: TypeAlias = tuple[float, float, float, float]
"""x, y, width, height of a face in the first frame, brows to chin, pixels."""


@dataclass
class Job:
    """What goes into one animated video.

    Args:
        source: a picture, or a video that is on the driving video's clock.
        driving: what moves it.
        expression: a video that expression and gaze are taken from instead; None for the driving video.
        sound: to go with the result; None for silence.
        faces: of source, driving and expression video; None for those that are to be looked for.
        options: how much of the motion is taken.
        paste_back: write whole source frames; otherwise the animated squares alone.
        side_by_side: write source, driving frame and result beside each other.
    """

    source: Pixels | VideoReader
    driving: VideoReader | CameraReader
    expression: VideoReader | None
    sound: AudioTrack | None
    faces: tuple[Face | None, Face | None, Face | None]
    options: TransferOptions
    paste_back: bool = True
    side_by_side: bool = False


def write_animation(job: Job, animator: Animator, output: Path, stop: Stop) -> int:
    """Animate, and write what comes of it; ends early, with what is done, where the user wants to stop.

    Returns:
        The number of frames written; with none there is no file.

    Raises:
        UserError: where no face is found, or the file cannot be written.
    """
    timeline = Timeline(stop.until(_as_they_come(job.driving)))
    sources: deque[Pixels] = deque()
    picture = None if isinstance(job.source, VideoReader) else job.source
    if isinstance(job.source, VideoReader):
        shown = timeline.alongside(job.source)
        animator.prepare(_noted(shown, sources) if job.side_by_side else shown, job.faces[0])
    else:
        animator.prepare(job.source, job.faces[0])
    results = animator.animate(
        timeline.driving(),
        job.options,
        face=job.faces[1],
        expression_frames=None if job.expression is None else timeline.alongside(job.expression),
        expression_face=job.faces[2],
        paste_back=job.paste_back,
    )
    total = job.driving.expected_frames
    with closing(results), tqdm(results, total=total, desc="frames", unit="frame", disable=None) as progress:
        pictures = iter(progress)

        def composed() -> Iterator[TimedFrame]:
            for result in pictures:
                driven = timeline.passed()
                if job.side_by_side:
                    source = sources.popleft() if picture is None else picture
                    result = beside((source, driven.pixels, result), result.shape[0])
                yield driven._replace(pixels=even(result))

        return _write(composed(), job, output)


def _write(frames: Iterator[TimedFrame], job: Job, output: Path) -> int:
    first = next(frames, None)
    if first is None:
        return 0
    height, width = first.pixels.shape[:2]

    def encode(frame: TimedFrame) -> None:
        video.write(frame.pixels, frame.time, frame.duration)

    with (
        VideoWriter(
            output,
            job.driving.rate,
            width,
            height,
            comment=COMMENT,
            time_base=job.driving.time_base,
            audio=job.sound,
        ) as video,
        in_background(encode, FRAMES_AHEAD) as write,
    ):
        write(first)
        written = 1
        for frame in frames:
            write(frame)
            written += 1
    return written


def _as_they_come(driving: VideoReader | CameraReader) -> Iterable[TimedFrame]:
    """All frames of a file; of what is live, the newest when one is wanted."""
    return prefetch(driving, 1, drop_old=True) if driving.live else driving


def _noted(pictures: Iterator[Pixels], notes: "deque[Pixels]") -> Iterator[Pixels]:
    for picture in pictures:
        notes.append(picture)
        yield picture
