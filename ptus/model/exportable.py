"""The parts of a model as modules whose inputs and outputs are tensors alone: what `torch.export` and ONNX take."""

from torch import Tensor, nn

from ptus.model.appearance import Appearance
from ptus.model.model import PTUS
from ptus.model.motion import Motion

Tensors = tuple[Tensor, ...]


class Encode(nn.Module):
    """`PTUS.encode`: a source's appearance, computed once."""

    def __init__(self, model: PTUS) -> None:
        super().__init__()
        self.model = model

    def forward(self, source: Tensor) -> Tensors:
        """Encode pictures (B, 3, S, S), RGB in [0, 1].

        Returns:
            The volume, then the same compressed, the skip features, the picture itself and its colours.
        """
        found = self.model.encode(source)
        return (found.volume, found.seen, *found.skips, found.picture, found.colours)


class Estimate(nn.Module):
    """`PTUS.estimate`: the motion in frames."""

    def __init__(self, model: PTUS) -> None:
        super().__init__()
        self.model = model

    def forward(self, frames: Tensor, face_boxes: Tensor) -> Tensors:
        """Estimate the motion in frames (B, 3, S, S) with faces at (B, 4), x0, y0, x1, y1 in [-1, 1].

        Returns:
            What a `Motion` consists of, in its order.
        """
        return self.model.estimate(frames, face_boxes).tensors()


class Render(nn.Module):
    """`PTUS.render`: the picture of a source as a motion has it."""

    def __init__(self, model: PTUS) -> None:
        super().__init__()
        self.model = model

    def forward(self, appearance: Tensors, source: Tensors, driven: Tensors) -> Tensor:
        """Render pictures (B, 3, S, S), RGB in [0, 1].

        Args:
            appearance: what `Encode` gives.
            source: what `Estimate` gives of the source.
            driven: the motion to show, likewise.
        """
        volume, seen, *skips, picture, colours = appearance
        found = Appearance(volume, seen, tuple(skips), picture, colours)
        return self.model.render(found, Motion(*source), Motion(*driven))
