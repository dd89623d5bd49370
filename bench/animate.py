"""The command that measures `ptus animate` from file to file beside the model alone."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
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
from ptus.animation.pipeline import Job, write_animation
from ptus.animation.reenactment import Reenactment, Seen, Stages
from ptus.animation.views import Viewer
from ptus.animator import Animator, fast_dtype, usual_batch
from ptus.demo.photo import Photo, load_photo
from ptus.demo.talking import Driver, driver_at
from ptus.errors import UserError
from ptus.faces import HaarDetector
from ptus.files import replacing
from ptus.memory import keep_freed_memory
from ptus.model.checkpoint import load_model
from ptus.model.motion import TransferOptions
from ptus.model.shipped import SHIPPED
from ptus.stopping import Stop
from ptus.video import VideoReader
from ptus.video.audio import AudioTrack

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
        animate: seconds of `ptus animate` from opened inputs to the closed file: beside that decoding, finding faces,
            cropping, putting back and encoding.
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


def animate(source: Path | None = None, driving: Path | None = None, rounds: int = 7, json: Path | None = None) -> int:
    """Measure `ptus animate` from file to file beside the model alone, in turn, with the weights that come along.

    Args:
        source: photo; without it, a portrait that comes along.
        driving: video; without it, a puppet that is drawn first.
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
    photo = load_photo(source, None, LONGEST_SIDE)
    with driver_at(driving, None) as driver, TemporaryDirectory() as scratch:
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
            job = Job(
                source=photo.pixels,
                driving=video,
                expression=None,
                sound=AudioTrack.of(driver.path, video.origin),
                faces=(photo.face, driver.face, None),
                options=TransferOptions(),
            )
            assert write_animation(job, animator, output, Stop()) == frames

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
    source = Viewer(detector, stages.size, "the source", "--source", photo.face).view(photo.pixels)
    with VideoReader(driver.path) as video:
        viewer = Viewer(detector, stages.size, "the driving video", "--driving", driver.face)
        views = list(viewer.views(frame.pixels for frame in video))
    batches: list[Seen] = [stages.seen(views[first : first + batch]) for first in range(0, len(views), batch)]
    reenactment = Reenactment(stages, TransferOptions(), source)
    reenactment.set_references(views[0])

    def render() -> None:
        for seen in batches:
            reenactment.render(seen).cpu()

    return render, len(views)


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
