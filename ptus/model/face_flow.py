"""What moves within a face beside its head, at any size: lids and lips are finer than a volume's points."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from ptus.model.composition import Motions
from ptus.model.eyes import EyeFlow
from ptus.model.layers import identity_grid
from ptus.model.mouth import Mouth
from ptus.model.soft_edges import Look
from ptus_kernels import compose_motion


@dataclass(frozen=True)
class LocalFlow:
    """What the expression adds to the flow by masks of the face's keypoints.

    Args:
        logits: of the masks of nothing and of the face's keypoints, (B, 1 + K_f, h, w).
        motions: what the expression adds at each of them; read along x and y.
    """

    logits: Tensor
    motions: Motions

    def at(self, size: Sequence[int]) -> Tensor:
        """Where points are seen in the source if nothing but the expression moves: (B, H, W, 2) for a size (H, W)."""
        driving, source = self.motions.driving[..., :2], self.motions.source[..., :2]
        return compose_motion(self.logits, driving, source, size=tuple(size))


@dataclass(frozen=True)
class FaceFlow:
    """All that moves within a face.

    Args:
        local: what the expression adds; None where head pose is not apart from it, or all is moved at once.
        eyes: what lids and irises add; None where nobody reads where eyes look.
        mouth: what lips add, and the inside of a mouth; None where they are moved with all else.
    """

    local: LocalFlow | None = None
    eyes: EyeFlow | None = None
    mouth: Mouth | None = None

    def at(self, size: Sequence[int], like: Tensor) -> Tensor:
        """Where points are seen in the source if nothing else moves: (B, H, W, 2) for a size (H, W).

        Args:
            size: of the frame.
            like: a tensor of the device and type that are wanted.
        """
        found = identity_grid(size, like) if self.local is None else self.local.at(size)
        added = self.fine(size)
        return found if added is None else found + added

    def fine(self, size: Sequence[int], end: float = 1.0) -> Tensor | None:
        """What eyes and mouth add there, as `Patch.on`: (B, H, W, 2); None if there are none."""
        added = None if self.eyes is None else self.eyes.at(size, end)
        if self.mouth is None:
            return added
        lips = self.mouth.at(size, end)
        return lips if added is None else added + lips

    def finish(self, pictures: Tensor, places: Tensor, share: Tensor, look: Look, end: float = 1.0) -> Tensor:
        """Pictures with soft edges of lids and lips, and the inside of the mouth.

        Args:
            pictures: (B, 3, H, W), RGB in [0, 1].
            places: where their points see the source, (B, H, W, 2), in [-1, 1] of points from -end to end.
            share: of the source in them, (B, 1, H, W).
            look: at the source.
            end: as `Patch.on`.
        """
        size = pictures.shape[2:]
        lids = None if self.eyes is None else self.eyes.edges(size, end)
        for edges in (lids, None if self.mouth is None else self.mouth.edges(size, end)):
            if edges is not None:
                pictures = edges.soften(pictures, places, share, look)
        return pictures if self.mouth is None else self.mouth.paint(pictures, end)
