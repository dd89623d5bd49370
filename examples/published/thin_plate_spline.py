"""Thin-plate-spline motion (Zhao & Zhang 2022): motions that are splines of five keypoints each."""

import math
from dataclasses import replace
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from examples.published import first_order
from examples.published.layers import (
    AntiAliasInterpolation,
    Down,
    Hourglass,
    Residual,
    Same,
    Up,
    coordinates,
    deformed,
    heatmaps,
    mixed,
    moved,
    resized,
    with_background,
)

Sizes = first_order.Sizes
PUBLISHED = Sizes(downs=3)
SMALL = replace(first_order.SMALL, keypoints=3, downs=3, motion_levels=3)
POINTS = 5

Keypoints = dict[str, Tensor]


def radial(squared: Tensor) -> Tensor:
    """U(r) = r² log r²."""
    return squared * torch.log(squared + 1e-9)


def splines(size: torch.Size, driving: Tensor, source: Tensor) -> Tensor:
    """Equations 1 and 2: grids under the splines from driving to source points (B, K, P, 2): (B, K, *, 2)."""
    batch, count, points, _ = driving.shape
    affine = torch.cat((driving, torch.ones_like(driving[..., :1])), dim=-1)
    among = radial((driving.unsqueeze(3) - driving.unsqueeze(2)).square().sum(-1))
    above = torch.cat((among, affine), dim=3)
    below = torch.cat((affine.mT, affine.new_zeros(batch, count, 3, 3)), dim=3)
    system = torch.cat((above, below), dim=2) + 0.01 * torch.eye(points + 3, dtype=driving.dtype, device=driving.device)
    values = torch.cat((source, source.new_zeros(batch, count, 3, 2)), dim=2)
    weights = torch.inverse(system) @ values

    grid = coordinates(size, driving).flatten(0, 1)
    distances = (grid - driving.unsqueeze(3)).square().sum(-1)
    terms = torch.cat((radial(distances).mT, grid.expand(batch, count, -1, -1)), dim=3)
    grids: Tensor = terms @ weights[:, :, :-1] + weights[:, :, -1:]
    return grids.view(batch, count, *size, 2)


class DenseMotionNetwork(nn.Module):
    """Sections 3.1 and 3.2, with an occlusion map for each size of the inpainting network."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        channels_in = 1 + sizes.keypoints * POINTS + (sizes.keypoints + 1) * 3
        self.hourglass = Hourglass(2, channels_in, sizes.motion_width, sizes.motion_levels, sizes.motion_widest)
        widths = self.hourglass.out_channels
        self.maps = nn.Conv2d(widths[-1], sizes.keypoints + 1, 7, padding=3)
        ups = round(math.log2(1 / sizes.scale))
        above = [widths[-1] // 2**level for level in range(ups + 1)]
        self.up = nn.ModuleList(Up(2, *pair) for pair in pairwise(above))
        inside = widths[len(widths) - (sizes.downs + 1 - ups) :]
        self.occlusion = nn.ModuleList(nn.Conv2d(each, 1, 7, padding=3) for each in (*inside, *above[1:]))
        self.occlusion_num, self.up_nums = sizes.downs + 1, ups
        self.num_tps, self.kp_variance, self.scale_factor = sizes.keypoints, 0.01, sizes.scale
        self.multi_mask = True
        self.down = AntiAliasInterpolation(3, sizes.scale)

    def create_heatmap_representations(self, image: Tensor, kp_driving: Keypoints, kp_source: Keypoints) -> Tensor:
        """Of every keypoint of every spline, and zeros before."""
        driving, source = (heatmaps(kp["fg_kp"], image.shape[2:], self.kp_variance) for kp in (kp_driving, kp_source))
        return with_background(driving - source)

    def create_transformations(
        self, image: Tensor, kp_driving: Keypoints, kp_source: Keypoints, bg_param: Tensor | None
    ) -> Tensor:
        """The background's motion, and the splines: (B, K + 1, H, W, 2)."""
        driving, source = (kp["fg_kp"].unflatten(1, (self.num_tps, POINTS)) for kp in (kp_driving, kp_source))
        still = coordinates(image.shape[2:], driving).expand(len(image), 1, *image.shape[2:], 2)
        if bg_param is not None:
            still = moved(still, bg_param)
        return torch.cat((still, splines(image.shape[2:], driving, source)), dim=1)

    def create_deformed_source_image(self, image: Tensor, transformations: Tensor) -> Tensor:
        """The image under each motion."""
        return deformed(image, transformations, align_corners=True)

    def dropout_softmax(self, logits: Tensor, probability: float) -> Tensor:
        """Equations 7 and 8: some splines take no part; the background always does."""
        kept = torch.rand(*logits.shape[:2], 1, 1) >= probability
        kept[:, 0] = True
        return logits.masked_fill(~kept, -torch.inf).softmax(dim=1)

    def forward(
        self,
        source_image: Tensor,
        kp_driving: Keypoints,
        kp_source: Keypoints,
        bg_param: Tensor | None = None,
        dropout_flag: bool = False,
        dropout_p: float = 0,
    ) -> dict[str, Tensor | list[Tensor]]:
        """An image (B, 3, H, W) and keypoints (B, 5 K, 2) to a deformation and occlusion maps."""
        image = self.down(source_image)
        transformations = self.create_transformations(image, kp_driving, kp_source, bg_param)
        images = self.create_deformed_source_image(image, transformations)
        maps = self.create_heatmap_representations(image, kp_driving, kp_source)
        levels = self.hourglass(torch.cat((maps, images.flatten(1, 2)), dim=1), mode=1)
        logits = self.maps(levels[-1])
        masks = self.dropout_softmax(logits, dropout_p) if dropout_flag else logits.softmax(dim=1)
        seen, finest = list(levels[self.up_nums - self.occlusion_num :]), levels[-1]
        for up in self.up:
            finest = up(finest)
            seen.append(finest)
        return {
            "deformed_source": images,
            "contribution_maps": masks,
            "deformation": mixed(transformations, masks),
            "occlusion_map": [torch.sigmoid(net(each)) for net, each in zip(self.occlusion, seen, strict=True)],
        }


class InpaintingNetwork(nn.Module):
    """Section 3.3."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        widths = [min(sizes.widest, sizes.width * 2**level) for level in range(sizes.downs + 1)]
        self.first = Same(2, 3, widths[0], 7)
        self.down_blocks = nn.ModuleList(Down(2, *pair) for pair in pairwise(widths))
        joined = [widths[-1], *(2 * width for width in widths[-2:0:-1])]
        self.resblock = nn.ModuleList(Residual(2, width) for width in joined for _ in range(2))
        self.up_blocks = nn.ModuleList(Up(2, *pair) for pair in zip(joined, widths[-2::-1], strict=True))
        self.final = nn.Conv2d(widths[0], 3, 7, padding=3)
        self.num_down_blocks, self.multi_mask = sizes.downs, True

    def deform_input(self, inp: Tensor, deformation: Tensor) -> Tensor:
        """Sample an image or a feature by a deformation of any size."""
        return F.grid_sample(inp, resized(deformation, inp.shape[2:], align_corners=True), align_corners=True)

    def occlude_input(self, inp: Tensor, occlusion_map: Tensor) -> Tensor:
        """Where the map shows it."""
        return inp * occlusion_map

    def forward(self, source_image: Tensor, dense_motion: dict[str, Tensor]) -> dict[str, Tensor | list[Tensor]]:
        """A picture (B, 3, H, W) and its dense motion to "prediction" (B, 3, H, W), and what the losses need."""
        encoded = [self.first(source_image)]
        for down in self.down_blocks:
            encoded.append(down(encoded[-1]))
        warped, detached = [], []
        for feature, occlusion in zip(reversed(encoded), dense_motion["occlusion_map"], strict=True):
            warped.append(self.occlude_input(self.deform_input(feature, dense_motion["deformation"]), occlusion))
            apart = self.deform_input(feature.detach(), dense_motion["deformation"])
            detached.append(self.occlude_input(apart, occlusion.detach()))
        decoded = warped[0]
        for step, up in enumerate(self.up_blocks):
            joined = decoded if step == 0 else torch.cat((decoded, warped[step]), dim=1)
            decoded = up(self.resblock[2 * step + 1](self.resblock[2 * step](joined)))
        occlusion = dense_motion["occlusion_map"][-1]
        picture = torch.sigmoid(self.final(decoded * (1 - occlusion) + warped[-1]))
        moved_picture = self.deform_input(source_image, dense_motion["deformation"])
        return {
            **{name: dense_motion[name] for name in ("contribution_maps", "deformed_source", "occlusion_map")},
            "deformed": moved_picture,
            "warped_encoder_maps": detached,
            "prediction": picture * (1 - occlusion) + moved_picture * occlusion,
        }


class Animation(nn.Module):
    """Both networks: from a picture and keypoints to a picture."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.dense_motion_network = DenseMotionNetwork(sizes)
        self.inpainting_network = InpaintingNetwork(sizes)

    def forward(
        self, source_image: Tensor, kp_driving: Keypoints, kp_source: Keypoints, bg_param: Tensor | None = None
    ) -> dict[str, Tensor | list[Tensor]]:
        """A picture (B, 3, H, W) and keypoints (B, 5 K, 2) to what `InpaintingNetwork` gives, and the deformation."""
        motion = self.dense_motion_network(source_image, kp_driving, kp_source, bg_param)
        return {**self.inpainting_network(source_image, motion), "deformation": motion["deformation"]}
