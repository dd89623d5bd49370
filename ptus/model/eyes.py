"""Eyes that close, open and look elsewhere: a flow of lids and irises, finer than any network's."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ptus.model import standing
from ptus.model.composition import Motions
from ptus.model.gaze import CORNERS, HALF_WIDTH, SHUT, iris_shift, lid_arch, seen
from ptus.model.motion import Motion, lids_and_lips
from ptus.model.parting import Edges, drawn_out, parted, parting, share_left
from ptus.model.patches import Patch, pixel, points
from ptus.model.rotation import height, product, upright, width
from ptus.model.soft_edges import LaidEdges

# Lengths are in units of the head's half size.
ABOVE, BELOW = 0.13, 0.12  # how far above and below an eye skin goes with its lids at most
LASHES = 0.02  # how far it goes with them wholly
SLIT = 0.02  # how high what is left of a closing eye is when its lashes hide it
WATERLINE, FULLER = 0.035, 4.0  # how far white reaches below a lower lid, also beside corners: no shut eye shows it
BROW = 0.08  # how far below a brow's keypoint the brow ends: lids do not take it along
LEAST_LID = 0.04  # from there to the lid at least
PATCH = (65, 97)  # points down and across both eyes
IRIS_MAPS = 2  # of the patch, the first ones
BROWS = [list(standing.FACE).index(name) for name in ("left brow middle", "right brow middle")]


@dataclass(frozen=True)
class EyeFlow:
    """What lids and irises add to where points of the driven frame are seen in the source.

    Args:
        patch: over both eyes: what irises add, steps in [-1, 1] of the source to the right and down, then maps of lids
            that part, or none.
        down: what a step down the driven head is in the source, (B, 2).
        half: the driven head's half size, (B, 1).
    """

    patch: Patch
    down: Tensor
    half: Tensor

    @classmethod
    def between(cls, source: Motion, driven: Motion, local: Motions | None) -> "EyeFlow":
        """From the motion that is shown to that of the source.

        Args:
            source: of faces that have lids, as all of them.
            driven: the motion that is shown.
            local: what the expression adds in the driven frame; None where lids are moved by something else.
        """
        wide, lids = width(driven.rotation), _lids(driven.face)
        centre = lids.mean(dim=(1, 2))
        edges = _along_head(lids - centre[:, None, None], driven)
        middle, lower = edges.mean(dim=2), edges[..., 1, :1]
        if local is not None:
            edges = torch.cat((edges, _along_head(_lids(local.source) - centre[:, None, None], driven)), dim=2)
        aside = torch.maximum(middle[..., :1].abs(), lower.abs())
        farthest = torch.cat((aside, edges[..., 1].abs().amax(dim=2, keepdim=True)), dim=2).amax(dim=1)
        half = farthest + torch.cat((HALF_WIDTH * wide, torch.full_like(wide, max(ABOVE, BELOW))), dim=1)
        columns, down = (line.unsqueeze(1) for line in points(half, PATCH))
        across = (columns - middle[..., :1, None]) / wide[..., None, None]
        to_right, to_down = (source.scale * axis for axis in upright(source.rotation).unbind(dim=1))
        axes = (width(source.rotation) * to_right, to_down)
        # Half way between corners is the lower lid's middle; the upper one is highest farther from the nose.
        from_lower = (columns - lower.unsqueeze(-1)) / wide[..., None, None]
        steps = _irises(source, driven, from_lower, down - middle[..., 1:, None])
        right, below = (
            step.sum(dim=1, keepdim=True) * axis[..., None, None] for step, axis in zip(steps, axes, strict=True)
        )
        maps = right + below
        if local is not None:
            left, other = _lids_parting(local, driven, centre, across, down).unbind(dim=1)
            nearer = columns.squeeze(1) < middle[..., 0].mean(dim=1)[:, None, None]
            maps = torch.cat((maps, torch.where(nearer.unsqueeze(1), left, other)), dim=1)
        to_down = to_down * (height(source.rotation) / height(driven.rotation))
        return cls(Patch.over(maps, driven, centre, half), to_down, driven.scale)

    def at(self, size: Sequence[int], end: float = 1.0) -> Tensor:
        """On a frame of a size (H, W), as `Patch.on`: (B, H, W, 2), zeros beyond eyes."""
        laid = self.patch.on(size, end)
        steps = laid.maps[:, :IRIS_MAPS]
        if self.parts:
            steps = steps + parted(laid.maps[:, IRIS_MAPS:]) * self.down[..., None, None]
        return laid.spread(steps).permute(0, 2, 3, 1)

    @property
    def parts(self) -> bool:
        """Whether lids are among the maps."""
        return self.patch.maps.shape[1] > IRIS_MAPS

    def edges(self, size: Sequence[int], end: float = 1.0) -> LaidEdges | None:
        """Of lids, likewise; None where something else moves them."""
        if not self.parts:
            return None
        laid = self.patch.on(size, end)
        lids = replace(laid, maps=laid.maps[:, IRIS_MAPS:])
        return LaidEdges(lids, self.down / end, pixel(size, end) / self.half)


def _irises(source: Motion, driven: Motion, across: Tensor, along: Tensor) -> list[Tensor]:
    """What irises add at points of each eye, to the right and down the head, (B, 2, h, w) each."""
    opening, there = (_along_head(_lids(each.face).diff(dim=2).squeeze(2), each)[..., 1] for each in (driven, source))
    places = (opening, driven.gaze, source.gaze)
    steps = iris_shift(across, along, *(place[..., None, None] for place in places))
    return [seen(there)[..., None, None] * step for step in steps]


def _lids_parting(local: Motions, driven: Motion, centre: Tensor, across: Tensor, down: Tensor) -> Tensor:
    """Maps of the lids of each eye, (B, 2, PARTING_MAPS, h, w): corners stay, and so does skin from the brow on."""

    def heights(keypoints: Tensor) -> Tensor:
        return _along_head(keypoints - centre.view(-1, *[1] * (keypoints.dim() - 2), 2), driven)[..., 1]

    upper, lower = heights(_lids(local.source)).unbind(dim=2)
    corners = (upper + lower) / 2 + CORNERS * (lower - upper).clamp(min=0)
    brows = torch.maximum(*(heights(keypoints[:, BROWS, :2]) for keypoints in (local.source, local.driving)))
    to_brow = upper - brows - BROW
    arch = lid_arch(across).clamp(min=0)
    before = Edges.of(upper, lower, corners)
    lids_now = heights(_lids(local.driving))
    now = Edges.of(lids_now[..., 0], lids_now[..., 1], corners)
    shut = ((before.height - now.height) / before.height.clamp(min=SHUT)).clamp(min=0).square()
    now = Edges(torch.minimum(now.upper + SLIT * shut, now.lower), now.lower)
    top = torch.minimum(before.upper - to_brow.clamp(min=LEAST_LID, max=ABOVE), now.upper - LEAST_LID)
    bottom = torch.maximum(before.lower, now.lower) + BELOW
    place = down - corners[..., None, None]
    edges, edges_before = now.arched(arch), before.arched(arch)
    white = WATERLINE * shut[..., None, None] * (FULLER * arch).clamp(max=1)
    edges_before = Edges(edges_before.upper, edges_before.lower + white)
    above, below = (
        (was - edge) * share_left(place, edge + held, end[..., None, None])
        for was, edge, held, end in (
            (edges_before.upper, edges.upper, -LASHES, top),
            (edges_before.lower, edges.lower, LASHES, bottom),
        )
    )
    return parting(place, edges, above, drawn_out(place, edges, edges_before), below)


def _lids(face: Tensor) -> Tensor:
    """x and y of each eye's upper and lower lid, (B, 2, 2, 2)."""
    return lids_and_lips(face)[:, : len(standing.EYES), :, :2]


def _along_head(apart: Tensor, motion: Motion) -> Tensor:
    """Steps (B, …, 2) of the picture as ones to the right and down the head, in units of its half size."""
    steps = apart.flatten(1, -2) / motion.scale.unsqueeze(1)
    return product(steps, upright(motion.rotation).transpose(1, 2)).view_as(apart)
