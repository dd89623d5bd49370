"""A stand-in for the model, which says in colours what it was given; for tests of everything around the model."""

import torch
from torch import Tensor, nn

from ptus.model.appearance import Appearance
from ptus.model.config import ModelConfig
from ptus.model.motion import Motion
from ptus.model.source_edges import WHOLE_PICTURE, Sides


class StandIn(nn.Module):
    """Gives back the source, brighter or darker by how the driven motion differs from the source's.

    Of a frame, the body's motion is the mean of its red, the head's of its green, the expression of its blue.

    Args:
        size: of pictures, pixels.
    """

    def __init__(self, size: int = 64) -> None:
        super().__init__()
        self.config = ModelConfig()
        object.__setattr__(self.config, "size", size)
        self.batches: list[int] = []
        self.faces: list[Tensor] = []
        self.goes_on: list[Sides] = []

    def __deepcopy__(self, memo: object) -> "StandIn":
        """What is made ready to run is this one, so that a test sees what it was given."""
        return self

    def encode(self, source: Tensor) -> Appearance:
        return Appearance(source, source, (), source, source)

    def estimate(self, frames: Tensor, face_boxes: Tensor) -> Motion:
        self.batches.append(len(frames))
        self.faces.extend(face_boxes)
        red, green, blue = frames.mean(dim=(2, 3)).unbind(1)
        count = len(frames)
        return Motion(
            body=red.reshape(count, 1, 1).expand(count, 1, 3),
            canonical=torch.zeros(count, 1, 3),
            rotation=torch.eye(3).expand(count, 3, 3),
            translation=green.reshape(count, 1).expand(count, 3),
            scale=torch.full((count, 1), 0.01),
            expression=blue.reshape(count, 1, 1).expand(count, 1, 3),
            gaze=torch.zeros(count, 2),
        )

    def render(
        self,
        appearance: Appearance,
        source: Motion,
        driven: Motion,
        large: Tensor | None = None,
        goes_on: Sides = WHOLE_PICTURE,
    ) -> Tensor:
        self.goes_on.append(goes_on)
        moved = [
            (driven.body - source.body)[:, 0, 0],
            (driven.translation - source.translation)[:, 0],
            (driven.expression - source.expression)[:, 0, 0],
        ]
        shown = appearance.volume if large is None else large
        return (shown + torch.stack(moved, dim=1)[:, :, None, None]).clamp(0, 1)
