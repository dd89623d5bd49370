"""One source driven by one performance: batches of what the model sees in, batches of pictures out."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ptus.animation.views import View
from ptus.images import Pixels
from ptus.model import PTUS
from ptus.model.appearance import Appearance
from ptus.model.inference import for_inference
from ptus.model.motion import Motion, TransferOptions, transfer
from ptus.model.source_edges import WHOLE_PICTURE, Sides
from ptus.model.staying import kept_within

LARGEST_SIDE = 1024
"""Of pictures with the source's own details, pixels; larger ones are enlarged from these."""

Seen = tuple[Tensor, Tensor]
"""Pictures (B, S, S, 3) uint8, and face boxes (B, 4), on the model's device."""


class Stages:
    """The model's stages on a device, in its fast number format.

    Motion is estimated in float32 always: keypoints in half precision jitter. Appearance and rendering have the given
    type.

    Args:
        model: in any mode and of any device; it stays as it is.
        device: to run on.
        dtype: torch.float32 or torch.bfloat16.
        compile: run the stages through `torch.compile`; the first batch then takes minutes.
    """

    def __init__(self, model: PTUS, device: torch.device, dtype: torch.dtype, compile: bool) -> None:
        self.size = model.config.size
        self.device = device
        estimator = for_inference(model).to(device)
        generator = estimator if dtype == torch.float32 else for_inference(model, dtype).to(device)
        wrap: Callable[..., Callable[..., object]] = torch.compile if compile else lambda stage: stage
        self._encode, self._render = wrap(generator.encode), wrap(generator.render)
        self._estimate = wrap(estimator.estimate)

    def seen(self, views: Sequence[View]) -> Seen:
        """Views as tensors on the device."""
        pictures = torch.from_numpy(np.stack([view.picture for view in views]))
        boxes = torch.tensor([view.face for view in views], dtype=torch.float32)
        return pictures.to(self.device), boxes.to(self.device)

    def large(self, views: Sequence[View], *, put_back: bool) -> Tensor | None:
        """The same squares with the details that they have in their frames, on the device: (B, H, H, 3) uint8.

        None where they are no larger than what the model sees, nor to be put back into larger frames: then its own
        pictures are as good.
        """
        side = min(views[0].crop.side, LARGEST_SIDE)
        if side > self.size:
            squares = [view.crop.cut(view.frame, side) for view in views]
        elif put_back and any(views[0].goes_on()):
            squares = [view.picture for view in views]
        else:
            return None
        return torch.from_numpy(np.stack(squares)).to(self.device)

    def encode(self, seen: Seen) -> Appearance:
        """The appearance of sources."""
        appearance = self._encode(_floats(seen[0]))
        assert isinstance(appearance, Appearance)
        return appearance

    def estimate(self, seen: Seen) -> Motion:
        """The motion in frames."""
        motion = self._estimate(_floats(seen[0]), seen[1])
        assert isinstance(motion, Motion)
        return motion

    def render(
        self, appearance: Appearance, source: Motion, driven: Motion, large: Tensor | None, goes_on: Sides
    ) -> Tensor:
        """Pictures (B, S, S, 3) uint8, or of the size of the sources' large squares."""
        pictures = self._render(appearance, source, driven, None if large is None else _floats(large), goes_on)
        assert isinstance(pictures, Tensor)
        return (pictures.float().clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)


class Reenactment:
    """Renders a source as one driving video has it, batch after batch.

    Args:
        stages: of the model.
        options: how much of the motion is taken.
        photo: the source where it is a photo; None where each frame has a source of its own.
        detailed: render pictures with the source's own details, as `Stages.large` has them.
        put_back: pictures are put back into the source's frames.
    """

    def __init__(
        self,
        stages: Stages,
        options: TransferOptions,
        photo: View | None,
        *,
        detailed: bool = False,
        put_back: bool = False,
    ) -> None:
        self._stages = stages
        self._options = options
        self._references: list[Motion] = []
        with torch.inference_mode():
            if photo is not None:
                seen = stages.seen([photo])
                large = stages.large([photo], put_back=put_back) if detailed else None
                self._photo = (stages.encode(seen), stages.estimate(seen), large)
        self._has_photo = photo is not None

    @torch.inference_mode()
    def set_references(self, *first: View) -> None:
        """Take what relative motion starts from: the first driving frame, and that of the expression's own video."""
        self._references = [self._stages.estimate(self._stages.seen([view])) for view in first]

    @torch.inference_mode()
    def render(self, *seen: Seen, large: Tensor | None = None, goes_on: Sides = WHOLE_PICTURE) -> Tensor:
        """Pictures (B, S, S, 3) uint8 for driving frames, then frames the expression is from, then source frames.

        The second are there where `set_references` was given two views, the last where there is no photo; then `large`
        is of these frames. Pictures with the source's details are of its size, and fit what stays at the sides where
        the source goes on.
        """
        videos = len(self._references)
        motions = [self._stages.estimate(video) for video in seen[:videos]]
        if self._has_photo:
            appearance, source, large = self._photo
        else:
            appearance, source = self._stages.encode(seen[videos]), self._stages.estimate(seen[videos])
        driven, options = source, self._options
        if videos == 2:
            only = replace(options, pose=0.0, body=0.0)
            driven, options = transfer(source, motions[1], self._references[1], only), replace(options, expression=0.0)
        driven = transfer(driven, motions[0], self._references[0], options)
        driven = kept_within(source, driven, goes_on)
        return self._stages.render(appearance, source, driven, large, goes_on)


def pixels_of(pictures: Tensor) -> list[Pixels]:
    """The pictures of a batch, on the CPU."""
    return list(pictures.cpu().numpy())


def _floats(pictures: Tensor) -> Tensor:
    return pictures.permute(0, 3, 1, 2).float() / 255
