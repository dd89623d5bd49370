"""Points of a picture, each sought near the place where it is likely."""

import torch
from einops import rearrange
from torch import Tensor, nn

from ptus.model.layers import ConvBlock, PreciseLinear, ResBlock, precise
from ptus.model.prior import nearness
from ptus.model.standing import Floats
from ptus_kernels import soft_argmax_2d

REACH = 0.15  # σ of the window about a place, of the picture's half side
FRAME_SIDE = 128  # of a whole frame as points are sought in it, pixels
MAPS = 8  # a place has
WEIGHT_SCALE = 1e-3  # deviation of what an untrained model reads from points beyond what is set


class LocalPoints(nn.Module):
    """Expected coordinates of heatmaps, each seen through a window about a likely place.

    A softmax over the whole picture, begun with weights that say nothing, is the picture's middle wherever its keypoint
    is, and moves with nothing; through its window it soon follows what is there.

    Args:
        places: x and y of the likely places, (P, 2), in [-1, 1] of the maps. Their last row and column look at pixels a
            little inside the picture's edge, so that this is the picture's [-1, 1] but for a few hundredths.
    """

    def __init__(self, places: Floats) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.tensor(places.tolist()))
        self.features = nn.Sequential(
            ConvBlock(3, 32, stride=2), ConvBlock(32, 64, stride=2), ResBlock(64), ResBlock(64)
        )
        self.maps = nn.Conv2d(64, len(places) * MAPS, 3, padding=1, bias=False)

    def forward(self, pictures: Tensor) -> Tensor:
        """Find the points.

        Args:
            pictures: (B, 3, H, W), RGB in [-1, 1].

        Returns:
            How far each point is from its place, (B, P · MAPS · 2), float32.
        """
        places = precise(self.places)
        maps = rearrange(precise(self.maps(self.features(pictures))), "b (p m) h w -> b p m h w", m=MAPS)
        seen = maps + nearness(places.unsqueeze(0), REACH, (1, *maps.shape[3:]))  # each place's is for all its maps
        points = rearrange(soft_argmax_2d(seen.flatten(1, 2)), "b (p m) n -> b p m n", m=MAPS)
        return (points - places.unsqueeze(1)).flatten(1)

    def reader(self, outputs: int, at_first: Tensor | None = None) -> PreciseLinear:
        """A linear layer that reads numbers from what `forward` gives.

        Args:
            outputs: how many numbers.
            at_first: what each reads from each place's mean offset before it is trained, (outputs, P, 2); nothing if
                left out.
        """
        layer = PreciseLinear(self.maps.out_channels * 2, outputs)
        nn.init.normal_(layer.weight, std=WEIGHT_SCALE)
        nn.init.zeros_(layer.bias)
        if at_first is not None:
            of_each_map = (at_first / MAPS).unsqueeze(2).expand(-1, -1, MAPS, -1).flatten(1)
            with torch.no_grad():
                layer.weight += of_each_map.to(layer.weight.device)
        return layer


def following(count: int) -> Tensor:
    """For `reader`: every keypoint (x, y, z) follows its own place, z nothing: (3 count, count, 2)."""
    follows = torch.zeros(count, 3, count, 2, device="cpu")
    number = torch.arange(count, device="cpu")
    follows[number, 0, number, 0] = follows[number, 1, number, 1] = 1
    return follows.flatten(0, 1)
