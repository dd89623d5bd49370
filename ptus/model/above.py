"""What lies above a source's upper edge: hair that the edge cuts off, and whatever is behind a head.

Drawn out of the first row, hair would become a pillar wherever a head shrinks or sinks. It goes on as an ellipse about
the head instead; what is beyond that is drawn, in the colours that are seen to the head's left and right.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ptus.model.hair import Hair
from ptus.model.head_frame import HALF_HEIGHT, HALF_WIDTH, MIDDLE, HeadFrame
from ptus.model.motion import Motion
from ptus.model.patches import may_look
from ptus.model.prior import AROUND
from ptus.model.rotation import downwards
from ptus_kernels import grid_sample_2d

FADE = 0.05  # over which what is seen gives way to what is drawn above and about it, of the picture's half side
ASIDE, SAMPLES = 0.15, 4  # over which it does to both sides, and colours are taken, likewise; of how many points


@dataclass(frozen=True)
class CutOff:
    """A head that a source's upper edge may cut. Nothing here has a gradient but colours: what nobody sees is no sign
    of where a head is.

    Args:
        source: the motion of the head.
        crown: how far hair reaches above, in units of the head's rim, (B, 1, 1).
        middle: of what the edge cuts, its x, (B, 1, 1).
        half: how far from there hair may reach to both sides, (B, 1, 1).
        cut: 1 where the edge is as near as hair may be, 0 where it is not, (B, 1, 1).
    """

    source: Motion
    crown: Tensor
    middle: Tensor
    half: Tensor
    cut: Tensor

    @classmethod
    def of(cls, source: Motion, hair: Hair) -> "CutOff":
        """That of a source's head and its hair."""
        source = Motion(*(tensor.detach() for tensor in source.tensors()))
        scale, down = source.scale, downwards(source.rotation)
        x, y = (source.translation[:, :2] + MIDDLE * scale * down).split(1, dim=1)
        across, along = down.split(1, dim=1)
        high = (HALF_WIDTH * across).square() + (HALF_HEIGHT * along).square()
        lean = (HALF_HEIGHT**2 - HALF_WIDTH**2) * across * along / high
        beyond = (hair.farthest + AROUND) * scale * high.sqrt() - (y + 1)
        half, cut = hair.farthest * HALF_WIDTH * scale, (beyond / FADE).clamp(min=0, max=1)
        numbers = hair.over_the_top, x + lean * (-1 - y), half, cut
        return cls(source, *(number[..., None] for number in numbers))

    def is_passed(self, places: Tensor) -> bool:
        """Whether a point of places, as below, lies above the edge where it cuts a head; true where nobody may look."""
        return not may_look(places) or bool(((places[..., 1] < -1) & (self.cut > 0)).any())

    def behind(self, places: Tensor, colours: Tensor) -> tuple[Tensor, Tensor]:
        """What is behind a head, where points lie above the edge and its hair.

        Args:
            places: where points are seen in the source, (B, H, W, 2).
            colours: of the source, (B, C, h, w).

        Returns:
            Colours (B, C, H, W), from those to the left of the head to those to the right, and the share in which they
            are to be shown, (B, 1, H, W).
        """
        places = places.detach()
        x, y = places.unbind(-1)
        outward, half = x - self.middle, self.half
        from_head = HeadFrame.at(self.source, places).distance().sqrt().squeeze(1)
        above, aside = -1 - y, outward.abs() - half
        beyond = (from_head - self.crown) * self.source.scale.unsqueeze(-1)
        share = self.cut * (above / FADE).clamp(0, 1) * (beyond / FADE).clamp(0, 1) * (1 - aside / ASIDE).clamp(0, 1)
        steps = torch.linspace(0, ASIDE, SAMPLES, device=x.device, dtype=x.dtype)
        sides = torch.cat((self.middle - half - steps, self.middle + half + steps), dim=1)
        edge = torch.stack((sides, torch.full_like(sides, -1)), dim=-1)
        found = grid_sample_2d(colours, edge, padding_mode="border", align_corners=False).mean(dim=3, keepdim=True)
        left, right = found.split(1, dim=2)
        way = (outward / (2 * half) + 0.5).clamp(0, 1).unsqueeze(1)
        return torch.lerp(left, right, way), share.unsqueeze(1)
