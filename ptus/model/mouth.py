"""Mouths that open: lips part along arches from corner to corner, and what they show is painted.

What a source's lips hide no flow can show, and few filmed mouths teach a network little more than their mean colour.
Teeth belong to the head: they stay while lips bare them, those that a source shows and those that are painted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ptus.model import standing
from ptus.model.composition import Motions
from ptus.model.motion import Motion
from ptus.model.mouth_inside import painted
from ptus.model.parting import Edges, drawn_out, parted, parting, share_left
from ptus.model.patches import Patch, pixel, points
from ptus.model.rotation import height, product, upright, width
from ptus.model.soft_edges import LaidEdges
from ptus_kernels import grid_sample_2d

# Lengths are in units of the head's half size.
ABOVE, BELOW = 0.2, 0.3  # how far above lips and below a chin skin goes with them
JAW = 0.6  # how far beside a chin
UPPER_LIP, LOWER_LIP = 0.05, 0.09  # how thick lips are: they go along wholly
LEAST_HALF = 0.045  # from a mouth's middle to a corner, also of a head that is seen from the side
LEAST_CHIN = 0.05  # from lower lip to chin
ROUNDNESS = 2.5  # an arch is 1 - |x|^2.5: a little fuller than a parabola
SAME, WIDER = 0.03, 0.06  # how much higher a mouth is than it was from which what it shows begins to be painted, and is
SEEN_TO = 0.012  # how far beyond the lips as they were the source fades
SLIT = 0.06  # how high what a source shows is from which all of it is shown, and nothing of half as much
MEET = 0.025  # how close lips of a mouth that closes are when they meet
TEETH_SEEN = 0.015  # how far beyond the arches of open lips teeth may be seen: lips that meet hide them
LEAST_HIGH = 0.03  # of the patch
CHEEKS = 0.4  # how far beyond its corners skin is looked at, of the way from a mouth's middle
LIPS_PATCH, INSIDE_PATCH = (65, 65), (81, 49)  # points down and across
CORNERS = [list(standing.FACE).index(name) for name in ("left mouth corner", "right mouth corner")]
LIPS = list(standing.OPENINGS[-1])
CHIN = list(standing.FACE).index("chin")
POINTS = [*CORNERS, *LIPS, CHIN]


@dataclass(frozen=True)
class Mouth:
    """A mouth of the driven frame, with its lips.

    Args:
        lips: maps of lips that part.
        down: what a step down the driven head is in the source, (B, 2).
        half: the driven head's half size, (B, 1).
        inside: what is painted: RGB times its share, then that share.
    """

    lips: Patch
    down: Tensor
    half: Tensor
    inside: Patch

    @classmethod
    def between(cls, source: Motion, driven: Motion, local: Motions, colours: Tensor) -> "Mouth":
        """From the motion that is shown to that of the source.

        Args:
            source: of faces that have a mouth, as all of them.
            driven: the motion that is shown.
            local: what the expression adds in the driven frame.
            colours: of the source, logits, (B, 3, h, w).
        """
        now, before = (keypoints[:, POINTS, :2] for keypoints in (local.driving, local.source))
        centre = now[:, 2:4].mean(dim=1)
        to_head = upright(driven.rotation).transpose(1, 2) / driven.scale.unsqueeze(1)
        now, before = (product(keypoints - centre.unsqueeze(1), to_head) for keypoints in (now, before))
        line = _Line.of(now)
        here, there = (_Heights.of(keypoints, line.share) for keypoints in (now, before))
        here, there = here.shut_from(there)
        chin, jaw = now[:, 4, 0], JAW * width(driven.rotation).squeeze(1)
        off = here.corners.abs() + line.tilt.abs()

        half = torch.stack((torch.maximum(line.farthest, chin.abs() + jaw), off + here.reach(there)), dim=1)
        columns, rows = points(half, LIPS_PATCH)
        below, arch = rows - line.at(columns, here.corners), _arch(line.aside(columns))
        along_jaw = (1 - ((columns - _maps(chin)) / _maps(jaw)).square()).clamp(min=0).square()
        lips = Patch.over(_lips(here, there, below, arch, along_jaw), driven, centre, half)

        high = off + torch.maximum(here.edges.upper.abs(), here.edges.lower.abs()) + LEAST_HIGH
        half = torch.stack((line.farthest, high), dim=1)
        columns, rows = points(half, INSIDE_PATCH)
        at_line, aside = line.at(columns, here.corners), line.aside(columns)
        at_rest, edges = _maps(before[:, 2, 1]) - at_line, here.edges.arched(_arch(aside))
        unseen = there.edges.arched(_arch(aside)).beyond(rows - at_line + _maps(here.corners - there.corners))
        unseen = unseen + _maps((SLIT - there.edges.height).clamp(min=0))
        shown = _maps(here.opens(there)) * (unseen / SEEN_TO).clamp(min=0, max=1)
        inside = painted(rows - at_line, aside, edges, at_rest, *_colours(source, colours))
        down = source.scale * upright(source.rotation)[:, 1] * (height(source.rotation) / height(driven.rotation))
        return cls(lips, down, driven.scale, Patch.over(inside * shown.unsqueeze(1), driven, centre, half))

    def at(self, size: Sequence[int], end: float = 1.0) -> Tensor:
        """What lips add on a frame of a size (H, W), as `Patch.on`: (B, H, W, 2), zeros beyond them."""
        laid = self.lips.on(size, end)
        return laid.spread(parted(laid.maps) * self.down[..., None, None]).permute(0, 2, 3, 1)

    def edges(self, size: Sequence[int], end: float = 1.0) -> LaidEdges:
        """Of lips, likewise."""
        return LaidEdges(self.lips.on(size, end), self.down / end, pixel(size, end) / self.half)

    def paint(self, pictures: Tensor, end: float = 1.0) -> Tensor:
        """Pictures (B, 3, H, W), RGB in [0, 1], with the inside of the mouth.

        Args:
            pictures: of the driven frame.
            end: as `Patch.on`.
        """
        laid = self.inside.on(pictures.shape[2:], end)
        colour, share = laid.maps.split((3, 1), dim=1)
        return pictures + laid.spread(colour - share * pictures[..., laid.rows, laid.columns])


def without_opening(local: Motions, source: Motion) -> Motions:
    """Motions in which lips and chin go as the mouth's corners do, and lids stay where they are along the head.

    That is what is left for `EyeFlow` and `Mouth` to add.

    Args:
        local: what the expression adds in the source.
        source: the motion that it has.
    """
    down = source.rotation[:, 1]
    added = list((local.source - local.driving).unbind(dim=1))
    of_corners = (added[CORNERS[0]] + added[CORNERS[1]]) / 2
    for number in (*LIPS, CHIN):
        added[number] = of_corners
    for lid in (lid for eye in standing.EYES for lid in eye):
        added[lid] = added[lid] - (added[lid] * down).sum(dim=1, keepdim=True) * down
    return replace(local, source=local.driving + torch.stack(added, dim=1))


@dataclass(frozen=True)
class _Line:
    """From corner to corner of a mouth, in the head's own plane, seen from the lips' middle; numbers (B,).

    Args:
        left: how far the left corner is to the left.
        right: how far the right corner is to the right.
        tilt: how much lower that is.
    """

    left: Tensor
    right: Tensor
    tilt: Tensor

    @classmethod
    def of(cls, keypoints: Tensor) -> "_Line":
        """Of the keypoints in POINTS, (B, 5, 2)."""
        left, right = keypoints[:, 0], keypoints[:, 1]
        return cls((-left[:, 0]).clamp(min=LEAST_HALF), right[:, 0].clamp(min=LEAST_HALF), right[:, 1] - left[:, 1])

    @property
    def share(self) -> Tensor:
        """Of the way from the left corner, where the lips' middle is."""
        return self.left / (self.left + self.right)

    @property
    def farthest(self) -> Tensor:
        """How far the farther corner is."""
        return torch.maximum(self.left, self.right)

    def aside(self, columns: Tensor) -> Tensor:
        """How far points are aside, of the way to a corner: from -1 to 1."""
        return (columns / torch.where(columns < 0, _maps(self.left), _maps(self.right))).clamp(min=-1, max=1)

    def at(self, columns: Tensor, middle: Tensor) -> Tensor:
        """How low it is above or below points, (B, 1, w), that low in the middle; beyond corners as there."""
        within = torch.minimum(torch.maximum(columns, _maps(-self.left)), _maps(self.right))
        return _maps(middle) + _maps(self.tilt / (self.left + self.right)) * within


@dataclass(frozen=True)
class _Heights:
    """How far down the head a mouth is, (B,) each, and its lips.

    Args:
        corners: the line from corner to corner, where lips are open farthest.
        edges: of the lips, below that line.
        chin: below it.
    """

    corners: Tensor
    edges: Edges
    chin: Tensor

    @classmethod
    def of(cls, keypoints: Tensor, share: Tensor) -> "_Heights":
        """Of the keypoints in POINTS, (B, 5, 2), where lips are open farthest at a share of the way between corners."""
        left, right, upper, lower, chin = keypoints[..., 1].unbind(dim=1)
        corners = torch.lerp(left, right, share)
        return cls(corners, Edges.of(upper, lower, corners), chin - corners)

    @property
    def top(self) -> Tensor:
        """Above it nothing goes along."""
        return self.edges.upper - ABOVE

    @property
    def jaw(self) -> Tensor:
        """Where the chin is, or the lower lip at least lets it be."""
        return torch.maximum(self.chin, self.edges.lower + LOWER_LIP + LEAST_CHIN)

    def shut_from(self, other: "_Heights") -> tuple["_Heights", "_Heights"]:
        """Both, with lips that meet where they close from the other, and hide what teeth there are beside an arch."""
        now, before = self.edges, other.edges
        closing = ((before.height - now.height) / before.height.clamp(min=MEET)).clamp(min=0).square()
        nearer, hidden = MEET / 2 * closing, TEETH_SEEN * closing
        met = Edges.of(now.upper + nearer, now.lower - nearer, torch.zeros_like(nearer))
        return replace(self, edges=met), replace(other, edges=Edges(before.upper - hidden, before.lower + hidden))

    def opens(self, other: "_Heights") -> Tensor:
        """How far a mouth opens from another: 0 where it is drawn out, 1 where what it showed stays."""
        wider = self.edges.height - other.edges.height
        return ((wider - SAME) / (WIDER - SAME)).clamp(min=0, max=1)

    def reach(self, other: "_Heights") -> Tensor:
        """How far from the line something moves between two."""
        return torch.maximum(-torch.minimum(self.top, other.top), self.jaw + BELOW)


def _lips(here: _Heights, there: _Heights, down: Tensor, arch: Tensor, along_jaw: Tensor) -> Tensor:
    """Maps of lips that part: skin above goes with the upper lip, below with the lower one, then with the chin.

    Args:
        here: as they are.
        there: as they were.
        down: points, below the line from corner to corner, (B, h, w), or what broadcasts to that, as all of these.
        arch: the share of an opening that is left beside its middle.
        along_jaw: the same of a step of the chin.

    Returns:
        As `parting`.
    """
    edges, before = here.edges.arched(arch), there.edges.arched(arch)
    top, chin = _maps(torch.minimum(here.top, there.top)), _maps(here.jaw)
    above = (before.upper - edges.upper) * share_left(down, edges.upper - UPPER_LIP, top)
    from_lip = share_left(down, edges.lower + LOWER_LIP, chin)
    below = torch.lerp(_maps(there.chin - here.chin) * along_jaw, before.lower - edges.lower, from_lip)
    in_head = down + _maps(here.corners - there.corners)
    stays = torch.maximum(torch.minimum(in_head, before.lower), before.upper) - down
    between = torch.lerp(drawn_out(down, edges, before), stays, _maps(here.opens(there)))
    return parting(down, edges, above, between, below * share_left(down, chin, chin + BELOW))


def _arch(aside: Tensor) -> Tensor:
    """The share of an opening that is left so far aside, of the way to a corner."""
    return 1 - aside.abs().pow(ROUNDNESS)


def _colours(source: Motion, colours: Tensor) -> tuple[Tensor, Tensor]:
    """Of the source's lips, and of the skin beside them, (B, 3) each."""
    corners, lips = (source.face[:, numbers, :2] for numbers in (CORNERS, LIPS))
    middle = lips.mean(dim=1, keepdim=True)
    places = torch.cat((middle, corners + CHEEKS * (corners - middle)), dim=1).unsqueeze(1)
    found = grid_sample_2d(colours, places, padding_mode="border", align_corners=False).squeeze(2).sigmoid()
    of_lips, cheeks = found.split((1, len(CORNERS)), dim=2)
    # Of a turned head the side that is seen: beyond the other one may lie what is behind the head.
    seen = (corners - middle).square().sum(dim=2).square()
    shares = (seen / seen.sum(dim=1, keepdim=True)).unsqueeze(1)
    return of_lips.squeeze(2), (shares * cheeks).sum(dim=2)


def _maps(numbers: Tensor) -> Tensor:
    """(B,) → (B, 1, 1)."""
    return numbers[:, None, None]
