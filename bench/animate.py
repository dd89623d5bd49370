"""The command that measures `ptus animate` from file to file beside the model alone."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, islice
from json import dumps
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import torch

from bench.command_line import call
from bench.device import DEVICES
from bench.machine import facts
from bench.rows import Times
from ptus.animation.pipeline import write_animation
from ptus.animation.reenactment import Reenactment, Seen, Stages
from ptus.animation.views import Viewer
from ptus.animator import Animator, fast_dtype, usual_batch
from ptus.demo.photo import Photo, load_photo
from ptus.demo.talking import Driver, driver_at, talking_job
from ptus.errors import UserError
from ptus.faces import HaarDetector
from ptus.files import replacing
from ptus.memory import keep_freed_memory
from ptus.model.checkpoint import load_model
from ptus.model.motion import TransferOptions
from ptus.model.shipped import SHIPPED
from ptus.stopping import Stop
from ptus.video import VideoReader

LONGEST_SIDE = 512  # of the source, pixels
ASKED = 0.8


@dataclass(frozen=True)
class EndToEnd:
    """What was measured.

    Args:
        machine: as in other results.
        size: (width, height) of the result.
        frames: of the driving video.
        batch: frames at a time.
        dtype: of appearance and rendering.
        model: seconds of the model alone for all frames: estimation, transfer of motion and rendering of tensors.
        animate: seconds of `ptus animate` from the photo and the driving file to the closed file: beside that decoding,
            finding faces, cropping, putting back and encoding.
        share: of the model's own frames a second that are left, the median over rounds.
    """

    machine: dict[str, Any]
    size: tuple[int, int]
    frames: int
    batch: int
    dtype: str
    model: Times
    animate: Times
    share: float

    def lines(self) -> list[str]:
        """What there is to say, a line each."""
        machine = self.machine
        rates = self.frames / self.model.median, self.frames / self.animate.median
        reached = "reached" if self.share >= ASKED else "missed"
        return [
            f"{machine['gpu'] or machine['cpu']}, {machine['threads']} threads ({machine['capability']}), "
            f"torch {machine['torch']}, {machine['date']}",
            f"{self.frames} frames of {self.size[0]}×{self.size[1]}, {self.dtype}, {self.batch} at a time, medians of "
            f"{self.model.rounds}: the model alone {rates[0]:.1f} a second, ptus animate {rates[1]:.1f}",
            f"{100 * self.share:.0f} % of the model's own; at least {100 * ASKED:.0f} % is asked: {reached}",
        ]


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    return call(animate, "animate", arguments)


def animate(
    source: Path | None = None,
    driving: Path | None = None,
    face: tuple[int, int, int, int] | None = None,
    driving_face: tuple[float, float, float, float] | None = None,
    rounds: int = 7,
    json: Path | None = None,
) -> int:
    """Measure `ptus animate` from file to file beside the model alone, in turn, with the weights that come along.

    Args:
        source: photo; without it, a portrait that comes along.
        driving: video; without it, a puppet that is drawn first.
        face: x, y, width and height of the face in the photo, brows to chin; without it, it is looked for.
        driving_face: likewise in the video's first frame.
        rounds: of both, after one that is not counted.
        json: file to write the figures to.

    Returns:
        0.

    Raises:
        UserError: where an input cannot be used.
    """
    if rounds < 2:
        raise UserError(f"--rounds: expected at least 2, to see how far they lie apart, got {rounds}")
    keep_freed_memory()
    photo = load_photo(source, face, LONGEST_SIDE)
    with driver_at(driving, driving_face) as driver, TemporaryDirectory() as scratch:
        found = measured(photo, driver, rounds, Path(scratch) / "out.mp4")
    print("\n".join(found.lines()))
    if json is not None:
        _store(found, json)
    return 0


def measured(photo: Photo, driver: Driver, rounds: int, output: Path) -> EndToEnd:
    """Both rates of a photo and a driving video, in turn; results are written to `output`."""
    where = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = load_model(SHIPPED)
    batch, dtype = usual_batch(where, model.config.size), fast_dtype(where)
    animator = Animator(model, device=where, dtype=dtype, batch_size=batch)
    alone, frames = _model_alone(Stages(model, where, dtype, compile=False), photo, driver, batch)

    def whole() -> None:
        with VideoReader(driver.path) as video:
            job = talking_job(photo, driver, video, side_by_side=False)
            written = write_animation(job, animator, output, Stop())
        if written != frames:
            raise UserError(f"{driver.path} gave {frames} frames once, and {written} again; give another video")

    pairs = [(_seconds(alone), _seconds(whole)) for _ in range(1 + rounds)][1:]
    height, width = photo.pixels.shape[:2]
    return EndToEnd(
        machine=facts(DEVICES[where.type](torch.get_num_threads())),
        size=(width, height),
        frames=frames,
        batch=batch,
        dtype=str(dtype).removeprefix("torch."),
        model=Times.of([pair[0] for pair in pairs]),
        animate=Times.of([pair[1] for pair in pairs]),
        share=median(of_model / of_all for of_model, of_all in pairs),
    )


def _model_alone(stages: Stages, photo: Photo, driver: Driver, batch: int) -> tuple[Callable[[], None], int]:
    """What renders all frames of a driver, cut out and on the device already; and how many they are."""
    detector = HaarDetector()
    source = Viewer(detector, stages.size, "the source", "--face", photo.face).view(photo.pixels)
    reenactment = Reenactment(stages, TransferOptions(), source, detailed=True, put_back=True)
    with VideoReader(driver.path) as video:
        viewer = Viewer(detector, stages.size, "the driving video", "--driving-face", driver.face)
        views = viewer.views(frame.pixels for frame in video)
        first = list(islice(views, batch))
        reenactment.set_references(*first[:1])
        rest = iter(lambda: list(islice(views, batch)), [])
        batches: list[Seen] = [stages.seen(several) for several in chain([first], rest)]

    def render() -> None:
        for seen in batches:
            reenactment.render(seen, goes_on=source.goes_on()).cpu()

    return render, sum(len(pictures) for pictures, _ in batches)


def _seconds(run: Callable[[], None]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _store(found: EndToEnd, path: Path) -> None:
    try:
        with replacing(path) as partial:
            partial.write_text(dumps(asdict(found), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None
