"""Edges of lids and lips in pictures: a pixel that one crosses shows of each side as much as it covers.

Flow has steps there, which alone would be stairs of whole pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

from ptus.model.parting import parted
from ptus.model.patches import Laid

Look = Callable[[Tensor], Tensor]
"""What a source shows at places (B, h, w, 2): its colours, (B, 3, h, w)."""


@dataclass(frozen=True)
class LaidEdges:
    """Lids or lips laid on a frame.

    Args:
        laid: maps of what parts.
        down: what a step down the driven head is in the source, in the coordinates of its places, (B, 2).
        pixel: how high one of the frame is, in units of the head's half size, (B, 1).
    """

    laid: Laid
    down: Tensor
    pixel: Tensor

    def soften(self, pictures: Tensor, places: Tensor, share: Tensor, look: Look) -> Tensor:
        """Pictures without stairs.

        Args:
            pictures: (B, 3, H, W), in which each pixel shows one side.
            places: where it sees that in the source, (B, H, W, 2).
            share: of the source in it, (B, 1, H, W).
            look: at the source.
        """
        rows, columns = self.laid.rows, self.laid.columns
        at, own = places[:, rows, columns], parted(self.laid.maps)
        added = torch.zeros_like(pictures[..., rows, columns])
        for step, more in zip(self.laid.maps[:, :3].split(1, dim=1), self._more(), strict=True):
            other = (step - own) * self.down[..., None, None]
            added = added + more * look(at + rearrange(other, "b n h w -> b h w n"))
        return pictures + self.laid.spread(share[..., rows, columns] * added)

    def _more(self) -> tuple[Tensor, Tensor, Tensor]:
        """By how much more pixels show each side than they do with steps, (B, 1, h, w) each; together nothing."""
        under_upper, over_lower = self.laid.maps[:, 3:].split(1, dim=1)
        pixel = self.pixel[..., None, None]
        upper, lower = ((0.5 + inside / pixel).clamp(min=0, max=1) for inside in (under_upper, over_lower))
        above, between = 1 - upper, (upper + lower - 1).clamp(min=0)
        hides = (under_upper < 0).to(above.dtype)
        shows = (1 - hides) * (over_lower >= 0)
        return above - hides, between - shows, hides + shows - above - between
