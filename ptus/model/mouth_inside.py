"""What is between lips that part: dark, with teeth above and a tongue below, in the colours of the face."""

import torch
from torch import Tensor

from ptus.model.parting import Edges, way

# Lengths are in units of the head's half size.
RIM = 0.012  # how soft the rim is
TEETH_BELOW, TEETH_RIM = 0.025, 0.015  # how far teeth end below an upper lip at rest, and how soft they end
RAISED, BARED = 0.12, 0.22  # shares of an opening that an upper lip rises by: lower teeth begin to be bared, and are
BOTH = 0.1  # how high teeth are at most, upper and lower ones
GAP, GAP_SHADE = 0.007, 0.2  # σ of the line where they meet, and how dark it is
TEETH_RISE = 0.06  # how much higher teeth end at the corners
WHITE, TEETH_LIGHT = 0.5, 1.2  # how pale teeth are, between skin and grey, and how light beside it
SHADE, SHADE_BELOW = 0.75, 0.05  # how light teeth are right below the lip, and how far its shade falls
DARK, TONGUE = 0.3, 0.7  # how light beside lips
TONGUE_FROM, TONGUE_WHOLE = 0.55, 0.85  # of the way down
TONGUE_HEIGHT = 0.2  # of a mouth in which it is seen wholly


def painted(below: Tensor, aside: Tensor, lips: Edges, at_rest: Tensor, lip: Tensor, skin: Tensor) -> Tensor:
    """Paint the inside of mouths.

    Args:
        below: points of maps, how far each is below the corners' line, in units of the head's half size, (B, h, w), or
            what broadcasts to that, as `aside` and `at_rest`.
        aside: how far each is aside, of the way from the middle to a corner.
        lips: edges of the lips at these points.
        at_rest: how far the upper lip is below the corners' line where the head's expression is the source's.
        lip: colour of lips, RGB in [0, 1], (B, 3).
        skin: colour of skin that is lit, likewise.

    Returns:
        RGB times its share, and the share: (B, 4, h, w).
    """
    inwards = torch.minimum(below - lips.upper, lips.lower - below)
    share = (inwards / RIM).clamp(min=0, max=1)
    from_middle = (1 - aside.square()).clamp(min=0)
    warm = lip * lip / lip.amax(dim=1, keepdim=True).clamp(min=1e-3)  # grey where lips are
    down = (way(below, lips) - TONGUE_FROM) / (TONGUE_WHOLE - TONGUE_FROM)
    wide = (lips.height / TONGUE_HEIGHT).clamp(max=1)
    tongue = (down.clamp(min=0, max=1) * wide * from_middle).unsqueeze(1)
    colour = torch.lerp(_plane(DARK * warm), _plane(TONGUE * warm), tongue)
    pale = TEETH_LIGHT * torch.lerp(skin, skin.mean(dim=1, keepdim=True).expand_as(skin), WHITE)
    lit = SHADE + (1 - SHADE) * ((below - lips.upper) / SHADE_BELOW).clamp(min=0, max=1)
    raised = (at_rest - lips.upper) / lips.height.clamp(min=RIM)
    bared = ((raised - RAISED) / (BARED - RAISED)).clamp(min=0, max=1) * from_middle
    meet = at_rest + TEETH_BELOW - TEETH_RISE * aside.square()
    end = meet + bared * (lips.upper + BOTH - meet).clamp(min=0)
    lit = lit * (1 - GAP_SHADE * torch.exp(((below - meet) / GAP).square() / -2))
    teeth = ((end - below) / TEETH_RIM + 0.5).clamp(min=0, max=1) * (1 - aside.square().square()).clamp(min=0)
    teeth, lit = teeth.unsqueeze(1), (lit * (1 - aside.square() / 2)).unsqueeze(1)
    colour = torch.lerp(colour, (_plane(pale) * lit).clamp(max=1), teeth)
    return torch.cat((colour * share.unsqueeze(1), share.unsqueeze(1)), dim=1)


def _plane(colour: Tensor) -> Tensor:
    return colour[..., None, None]
