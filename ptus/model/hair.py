"""How far a source's hair reaches: along rays from the head, where colours of hair become those of what is behind it.

Hair goes along with a head, and what is behind it stays. No network has seen hair enough to tell them apart; colours of
the picture itself do, and where they do not, hair is taken to be as long as it mostly is.
"""

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ptus.model.head_frame import HALF_HEIGHT, HALF_WIDTH, MIDDLE, HeadFrame
from ptus.model.motion import Motion
from ptus.model.rotation import product, upright
from ptus_kernels import grid_sample_2d

SIDE = 64  # of the picture that is looked at, pixels
RAYS = 13  # from the left over the top to the right
LOWEST = 1.5  # ray, where those to the sides are 1, that over the top is 0 and that down were 2
LONG = 1.4  # how far hair mostly reaches at most, in units of the head's rim, for where nobody looks
# Distances along rays, likewise.
NEAREST, FARTHEST, STEP = 0.75, 2.3, 0.05  # where they are looked at
HAIR, BEHIND = (0.75, 0.9), (1.6, 2.3)  # what is hair in any case, and what is not in most
ENDS = 0.9, 1.75  # where hair may end
USUAL, SPREAD = 1.25, 0.25  # where it mostly does
BESIDE = 2  # rays to both sides whose colours tell
NOISE = 0.004  # of squared differences of colours
NO_COLOUR = 10.0  # in place of what lies beyond the picture: unlike all there is
SMOOTH = 1.2  # σ of the rays that end alike
SURE = 2.0  # how much more likely an end is for each step that is told well
MARGIN = 0.1  # beyond the last point that has its colours: ends are not sharp
LONGEST = ENDS[1] + MARGIN


@dataclass(frozen=True)
class Hair:
    """How far hair reaches along rays, in units of the head's rim.

    Args:
        reach: (B, RAYS).
    """

    reach: Tensor

    @classmethod
    def of(cls, pictures: Tensor, source: Motion) -> "Hair":
        """That in pictures, without gradient.

        Along each ray the colours from ENDS on are those of hair up to some point, and those of what is behind it from
        there: how much likelier that is for a point than for another is what its colours tell, and those of the rays
        beside it, times how likely hair is to end there.

        Args:
            pictures: (B, 3, S, S), RGB in [0, 1].
            source: the motion in them, of as many.
        """
        pictures = pictures.detach()
        smaller = pictures.shape[-1] // SIDE
        looked_at = avg_pool2d(pictures, smaller) if smaller > 1 else pictures
        count = round((FARTHEST - NEAREST) / STEP) + 1
        along = torch.linspace(NEAREST, FARTHEST, count, device=pictures.device, dtype=source.scale.dtype)
        places = _places(source, along)
        colours = grid_sample_2d(looked_at, places, padding_mode="border", align_corners=False).movedim(1, -1)
        within = places.abs().amax(dim=-1) < 1
        samples = torch.where(within.unsqueeze(-1), colours, NO_COLOUR)
        unlike_hair, unlike_rest = (_unlike(colours, samples[:, :, _between(along, *ends)]) for ends in (HAIR, BEHIND))
        known = within & (torch.maximum(unlike_hair, unlike_rest) < NO_COLOUR)
        told = known * (unlike_rest - unlike_hair) / (unlike_rest + unlike_hair + NOISE)
        ends = _between(along, *ENDS)
        begin = ends.start
        likely = 2 * told[..., begin:].cumsum(dim=-1)[..., : ends.stop - begin]
        likely = likely - ((along[ends] - USUAL) / SPREAD).square() / 2
        rays = torch.arange(RAYS, device=along.device, dtype=along.dtype)
        near = (-((rays[:, None] - rays) / SMOOTH).square() / 2).softmax(dim=1)
        shares = (SURE * (near.unsqueeze(-1) * likely.unsqueeze(1)).sum(dim=2)).softmax(dim=-1)
        return cls((shares * along[ends]).sum(dim=-1) + MARGIN)

    @property
    def over_the_top(self) -> Tensor:
        """How far it reaches there, to its last point that was told: (B, 1)."""
        return self.reach[:, RAYS // 2 - 1 : RAYS // 2 + 2].mean(dim=1, keepdim=True) - MARGIN

    @property
    def farthest(self) -> Tensor:
        """How far it reaches to a side or above, (B, 1)."""
        middle, side = RAYS // 2, int((RAYS - 1) / 2 / LOWEST)
        return self.reach[:, middle - side : middle + side + 1].amax(dim=1, keepdim=True)

    def expand(self, frames: int) -> "Hair":
        """That of one source for many frames."""
        return Hair(self.reach.expand(frames, -1))

    def at(self, head: HeadFrame) -> Tensor:
        """How far it reaches in the direction of points, (B, 1, h, w)."""
        aside, upward = head.across.abs(), -head.along
        share = aside / (aside + upward.abs()).clamp(min=1e-6)
        turned = torch.where(upward < 0, 2 - share, share).clamp(max=LOWEST)
        ray = (torch.where(head.across < 0, -turned, turned) / LOWEST + 1) * ((RAYS - 1) / 2)
        rays = torch.arange(RAYS, device=ray.device, dtype=ray.dtype)
        shares = (1 - (ray.unsqueeze(-1) - rays).abs()).clamp(min=0)
        return (shares * self.reach[:, None, None, None]).sum(dim=-1)


def _places(source: Motion, along: Tensor) -> Tensor:
    """Of points along the rays of a head, (R,) → (B, RAYS, R, 2)."""
    turned = torch.linspace(-LOWEST, LOWEST, RAYS, device=along.device, dtype=along.dtype)
    across = torch.minimum(turned.abs(), 2 - turned.abs()) * turned.sign()
    ray = torch.stack((across, turned.abs() - 1), dim=-1)
    ray = ray / torch.linalg.vector_norm(ray, dim=-1, keepdim=True)
    x, y = (ray[:, None] * along[:, None]).flatten(0, 1).unbind(-1)
    points = torch.stack((HALF_WIDTH * x, HALF_HEIGHT * y + MIDDLE), dim=-1)
    axes = source.scale.detach().unsqueeze(-1) * upright(source.rotation.detach())
    places = product(points, axes) + source.translation[:, None, :2].detach()
    return rearrange(places, "b (k r) n -> b k r n", k=RAYS)


def _unlike(colours: Tensor, samples: Tensor) -> Tensor:
    """Least squared difference of colours (B, RAYS, R, 3) from samples of rays beside them, (B, RAYS, M, 3)."""
    ends = samples[:, :1].expand(-1, BESIDE, -1, -1), samples[:, -1:].expand(-1, BESIDE, -1, -1)
    near = torch.cat((ends[0], samples, ends[1]), dim=1).unfold(1, 2 * BESIDE + 1, 1).movedim(3, 4).flatten(2, 3)
    least: Tensor = (colours.unsqueeze(3) - near.unsqueeze(2)).square().sum(dim=-1).amin(dim=-1)
    return least


def _between(along: Tensor, first: float, last: float) -> slice:
    return slice(round((first - NEAREST) / STEP), round((last - NEAREST) / STEP) + 1)
