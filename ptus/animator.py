"""A picture, or a video, animated by a driving video: streaming, in batches, on the CPU or a GPU."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain, count, islice
from pathlib import Path

import numpy as np
import torch

from ptus.animation.cuda_graphs import GraphedCall
from ptus.animation.lost import Lost, note_lost
from ptus.animation.reenactment import Reenactment, Stages, pixels_of
from ptus.animation.views import View, Viewer
from ptus.errors import UserError
from ptus.faces import FaceDetector, HaarDetector
from ptus.images import Pixels
from ptus.model import PTUS
from ptus.model.checkpoint import load_model
from ptus.model.motion import TransferOptions
from ptus.model.shipped import SHIPPED
from ptus.model.source_edges import WHOLE_PICTURE
from ptus.threads import prefetch

BATCHES_AHEAD = 2
GPU_BATCH, CPU_BATCH_SIDES = 16, 1024
"""Frames a batch: on a GPU, and on the CPU as many as side by side are so wide, in pixels."""

Moment = tuple[View, ...]
"""The views of one output frame: driving, expression where it has a video of its own, source where it is a video."""


class Animator:
    """Animates sources.

        animator = Animator.from_pretrained()
        animator.prepare(picture)
        for result in animator.animate(frames):
            ...

    Pictures and frames are arrays (H, W, 3) of uint8, RGB, of any size. Memory does not grow with their number.

    Args:
        model: in any mode; it stays as it is.
        device: to run on; None for a GPU where there is one, otherwise the CPU.
        dtype: of appearance and rendering, torch.float32 or torch.bfloat16; None for `fast_dtype` of the device.
        compile: run the model through `torch.compile`.
        cuda_graphs: replay the model as a CUDA graph; on a GPU only.
        batch_size: frames at a time; None for 16 on a GPU, and on the CPU 8, 4 or 2 of 128, 256 or 512 pixels. Results
            differ by rounding only.
        detector: finds faces; None for the cascades that OpenCV carries.

    Attributes:
        lost: where the faces of the videos were lost, of the results that the last call of `animate` has given.

    Raises:
        ValueError: for a batch size below 1, another dtype, and CUDA graphs without CUDA.
    """

    def __init__(
        self,
        model: PTUS,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        compile: bool = False,
        cuda_graphs: bool = False,
        batch_size: int | None = None,
        detector: FaceDetector | None = None,
    ) -> None:
        where = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        dtype = dtype or fast_dtype(where)
        if dtype not in (torch.float32, torch.bfloat16):
            raise ValueError(f"dtype: expected torch.float32 or torch.bfloat16, got {dtype}")
        if cuda_graphs and where.type != "cuda":
            raise ValueError(f"cuda_graphs: needs a CUDA device, got {where}")
        self.batch_size = usual_batch(where, model.config.size) if batch_size is None else batch_size
        if self.batch_size < 1:
            raise ValueError(f"batch_size: expected at least 1, got {batch_size}")
        self.size = model.config.size
        self._stages = Stages(model, where, dtype, compile)
        self._cuda_graphs = cuda_graphs
        self._one_shape = compile or cuda_graphs
        self._detector = detector or HaarDetector()
        self._photo: View | None = None
        self._source_views: Iterator[View] | None = None
        self.lost: list[Lost] = []

    @classmethod
    def from_pretrained(
        cls,
        path: Path | str = SHIPPED,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        compile: bool = False,
        cuda_graphs: bool = False,
        batch_size: int | None = None,
        detector: FaceDetector | None = None,
    ) -> "Animator":
        """An animator with the model of a checkpoint; without a path, of the one that comes along.

        The other arguments are the constructor's.

        Raises:
            UserError: where the file is missing, damaged or not a checkpoint.
        """
        return cls(
            load_model(Path(path)),
            device=device,
            dtype=dtype,
            compile=compile,
            cuda_graphs=cuda_graphs,
            batch_size=batch_size,
            detector=detector,
        )

    def prepare(self, source: Pixels | Iterable[Pixels], face: Sequence[float] | None = None) -> None:
        """Take a source.

        Args:
            source: a picture, or the frames of a video: then each driving frame takes its appearance from the next of
                them, the last one being held. A video serves one call of `animate`.
            face: x, y, width and height of the face (brows to chin) in the source's first frame, pixels; None to look
                for it.

        Raises:
            UserError: where no face is found in a picture, or two of nearly the same size; for a video `animate` does.
            TypeError: for what is neither a picture nor frames, and for a picture of another type than uint8.
            ValueError: for a picture of another shape.
        """
        if isinstance(source, (str, bytes, Path)) or not isinstance(source, Iterable):
            raise TypeError(f"source: expected a picture or the frames of a video, got {type(source).__name__}")
        viewer = Viewer(self._detector, self.size, "the source", "--source-face", face)
        self._photo = self._source_views = None
        if isinstance(source, np.ndarray):
            self._photo = viewer.view(source)
        else:
            self._source_views = viewer.views(source)

    def animate(
        self,
        frames: Iterable[Pixels],
        options: TransferOptions | None = None,
        *,
        face: Sequence[float] | None = None,
        expression_frames: Iterable[Pixels] | None = None,
        expression_face: Sequence[float] | None = None,
        paste_back: bool = True,
    ) -> Generator[Pixels, None, None]:
        """The source as the driving frames have it, one result a frame.

        Args:
            frames: the driving video, of one size. The first is what relative motion starts from. Read in a thread.
            options: how much of the motion is taken.
            face: the face's x, y, width and height in the first driving frame; None to look for it.
            expression_frames: a video that expression and gaze are taken from instead, one frame for each driving
                frame, the last one being held.
            expression_face: as `face`, in that video.
            paste_back: give whole source frames with the animated square put back, at their own size; otherwise the
                squares alone. These have the source's own details, up to `LARGEST_SIDE` pixels a side, and at least the
                model's size S.

        Raises:
            UserError: where no face is found in a video, or two of nearly the same size.
            ValueError: where no source has been prepared, and, as all below, for a frame of another shape.
            TypeError: for a frame that is no array of uint8.
        """
        if self._photo is None and self._source_views is None:
            raise ValueError("animate: no source; call prepare first (a source video serves once)")
        viewer = Viewer(self._detector, self.size, "the driving video", "--driving-face", face)
        videos = {viewer.what: viewer.views(frames)}
        if expression_frames is not None:
            viewer = Viewer(self._detector, self.size, "the expression video", "--expression-face", expression_face)
            videos[viewer.what] = _held(viewer.views(expression_frames), viewer.what)
        if self._source_views is not None:
            videos["the source"] = _held(self._source_views, "the source")
        reenactment = Reenactment(
            self._stages, options or TransferOptions(), self._photo, detailed=True, put_back=paste_back
        )
        photo, self._source_views, self.lost = self._photo, None, []
        return self._results(reenactment, photo, videos, paste_back, self.lost)

    def _results(
        self,
        reenactment: Reenactment,
        photo: View | None,
        videos: dict[str, Iterator[View]],
        paste_back: bool,
        lost: list[Lost],
    ) -> Generator[Pixels, None, None]:
        """The results of `animate`, of what it was called with, whatever is prepared meanwhile."""
        drivers = len(videos) if photo is not None else len(videos) - 1
        numbers = count()
        batches = prefetch(_batches(zip(*videos.values(), strict=False), self.batch_size), BATCHES_AHEAD)
        rendering = self._rendered(reenactment, batches, drivers, photo, paste_back)
        with closing(prefetch(rendering, BATCHES_AHEAD)) as rendered:
            for moments, pictures in rendered:
                for moment, picture in zip(moments, pictures, strict=True):
                    number = next(numbers)
                    for video, view in zip(videos, moment, strict=True):
                        note_lost(lost, number, video, view)
                    source = photo or moment[-1]
                    yield source.crop.paste(picture, source.frame) if paste_back else picture

    def _rendered(
        self,
        reenactment: Reenactment,
        batches: Iterator[list[Moment]],
        drivers: int,
        photo: View | None,
        paste_back: bool,
    ) -> Iterator[tuple[list[Moment], list[Pixels]]]:
        """Each batch with its pictures, (H, H, 3)."""
        first = next(batches, None)
        if first is None:
            return
        reenactment.set_references(*first[0][:drivers])
        videos = len(first[0])
        goes_on = (photo or first[0][-1]).goes_on() if paste_back else WHOLE_PICTURE

        def render(*flat: torch.Tensor) -> torch.Tensor:
            seen, large = flat[: 2 * videos], flat[2 * videos :]
            pairs = zip(seen[::2], seen[1::2], strict=True)
            return reenactment.render(*pairs, large=large[0] if large else None, goes_on=goes_on)

        call = GraphedCall(render) if self._cuda_graphs else render
        for batch in chain([first], batches):
            # A compiled or recorded model is made for one shape: a short last batch is filled up with its last frame.
            filled = batch + [batch[-1]] * (self.batch_size - len(batch)) if self._one_shape else batch
            flat: list[torch.Tensor] = []
            for video in range(videos):
                flat.extend(self._stages.seen([moment[video] for moment in filled]))
            sources = [moment[-1] for moment in filled]
            large = self._stages.large(sources, put_back=paste_back) if videos > drivers else None
            flat.extend([] if large is None else [large])
            yield batch, pixels_of(call(*flat))[: len(batch)]


def usual_batch(device: torch.device, size: int) -> int:
    """How many frames of so many pixels a side a device takes at a time."""
    return max(1, CPU_BATCH_SIDES // size) if device.type == "cpu" else GPU_BATCH


def fast_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the device computes in it, float32 where it would only convert to and fro."""
    if device.type == "cuda":
        fast = torch.cuda.get_device_capability(device) >= (8, 0)
    else:
        fast = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return torch.bfloat16 if fast else torch.float32


def _held(views: Iterator[View], what: str) -> Iterator[View]:
    """The views, the last one again and again."""
    last = None
    for last in views:
        yield last
    if last is None:
        raise UserError(f"{what} has no frames; give another")
    while True:
        yield last


def _batches(moments: Iterator[Moment], size: int) -> Iterator[list[Moment]]:
    while batch := list(islice(moments, size)):
        yield batch
