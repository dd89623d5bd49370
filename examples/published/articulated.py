"""Articulated animation (Siarohin et al. 2021): regions with covariances, a moving background, skip connections."""

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
    mixed,
    resized,
    sparse_motions,
    spread,
    with_background,
)

Sizes = first_order.Sizes
SMALL = replace(first_order.SMALL, keypoints=6)
Region = dict[str, Tensor]


def region_heatmaps(region: Region, size: torch.Size) -> Tensor:
    """exp(-½ dᵀ Σ⁻¹ d) around each region's centre: (B, K, H, W)."""
    offsets = coordinates(size, region["shift"]) - spread(region["shift"], 2)
    inverse = torch.inverse(region["covar"])
    return torch.exp(-0.5 * torch.einsum("bkhwi,bkij,bkhwj->bkhw", offsets, inverse, offsets))


class PixelwiseFlowPredictor(nn.Module):
    """Section 3.4."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        channels_in = (sizes.keypoints + 1) * 4
        self.hourglass = Hourglass(2, channels_in, sizes.motion_width, sizes.motion_levels, sizes.motion_widest)
        self.mask = nn.Conv2d(self.hourglass.out_filters, sizes.keypoints + 1, 7, padding=3)
        self.occlusion = nn.Conv2d(self.hourglass.out_filters, 1, 7, padding=3)
        self.num_regions, self.region_var, self.scale_factor = sizes.keypoints, 0.01, sizes.scale
        self.use_covar_heatmap = self.use_deformed_source = self.revert_axis_swap = True
        self.down = AntiAliasInterpolation(3, sizes.scale)

    def create_heatmap_representations(self, image: Tensor, driving: Region, source: Region) -> Tensor:
        """Differences of the regions' heatmaps."""
        maps = region_heatmaps(driving, image.shape[2:]) - region_heatmaps(source, image.shape[2:])
        return with_background(maps).unsqueeze(2)

    def create_sparse_motions(
        self, image: Tensor, driving: Region, source: Region, bg_params: Tensor | None = None
    ) -> Tensor:
        """The motions of the background and of each region; an axis that points the other way is turned back."""
        jacobian = None
        if "affine" in driving:
            jacobian = source["affine"] @ torch.inverse(driving["affine"])
            jacobian = jacobian * torch.sign(jacobian[..., :1, :1])
        return sparse_motions(image.shape[2:], driving["shift"], source["shift"], jacobian, bg_params)

    def create_deformed_source_image(self, image: Tensor, motions: Tensor) -> Tensor:
        """The image under each motion."""
        return deformed(image, motions)

    def forward(
        self,
        source_image: Tensor,
        driving_region_params: Region,
        source_region_params: Region,
        bg_params: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """An image (B, 3, H, W) and regions to a flow and an occlusion map of a quarter of its size."""
        image = self.down(source_image)
        regions = (driving_region_params, source_region_params)
        motions = self.create_sparse_motions(image, *regions, bg_params)
        images = self.create_deformed_source_image(image, motions)
        seen = torch.cat((self.create_heatmap_representations(image, *regions), images), dim=2)
        prediction = self.hourglass(seen.flatten(1, 2))
        flow = mixed(motions, self.mask(prediction).softmax(dim=1))
        return {"optical_flow": flow, "occlusion_map": torch.sigmoid(self.occlusion(prediction))}


class Generator(nn.Module):
    """Section 3.4, with skip connections."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.pixelwise_flow_predictor = PixelwiseFlowPredictor(sizes)
        widths = [min(sizes.widest, sizes.width * 2**level) for level in range(sizes.downs + 1)]
        self.first = Same(2, 3, widths[0], 7)
        self.down_blocks = nn.ModuleList(Down(2, *pair) for pair in pairwise(widths))
        self.bottleneck = nn.Sequential(*(Residual(2, widths[-1]) for _ in range(sizes.residuals)))
        self.up_blocks = nn.ModuleList(Up(2, *pair) for pair in zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.final = nn.Conv2d(widths[0], 3, 7, padding=3)
        self.skips = True

    @staticmethod
    def deform_input(inp: Tensor, optical_flow: Tensor) -> Tensor:
        """Sample an image or a feature by a flow of any size."""
        return F.grid_sample(inp, resized(optical_flow, inp.shape[2:]), align_corners=False)

    def apply_optical(
        self,
        input_previous: Tensor | None = None,
        input_skip: Tensor | None = None,
        motion_params: dict[str, Tensor] | None = None,
    ) -> Tensor:
        """A skip connection, warped, where the occlusion map shows it; elsewhere what came before."""
        assert input_skip is not None
        if motion_params is None:
            return input_skip if input_previous is None else input_previous
        warped = self.deform_input(input_skip, motion_params["optical_flow"])
        if "occlusion_map" not in motion_params:
            return warped
        occlusion = F.interpolate(motion_params["occlusion_map"], size=warped.shape[2:], mode="bilinear")
        kept = 0 if input_previous is None else input_previous * (1 - occlusion)
        return warped * occlusion + kept

    def forward(
        self,
        source_image: Tensor,
        driving_region_params: Region,
        source_region_params: Region,
        bg_params: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """A picture (B, 3, H, W) and regions to "prediction" (B, 3, H, W), and what explains it."""
        skips = [self.first(source_image)]
        for down in self.down_blocks:
            skips.append(down(skips[-1]))
        motion = self.pixelwise_flow_predictor(
            source_image=source_image,
            driving_region_params=driving_region_params,
            source_region_params=source_region_params,
            bg_params=bg_params,
        )
        feature = self.bottleneck(self.apply_optical(input_skip=skips[-1], motion_params=motion))
        for up, skip in zip(self.up_blocks, reversed(skips), strict=False):
            feature = up(self.apply_optical(feature, skip, motion))
        picture = torch.sigmoid(self.final(self.apply_optical(feature, skips[0], motion)))
        return {
            "deformed": self.deform_input(source_image, motion["optical_flow"]),
            "occlusion_map": motion["occlusion_map"],
            "prediction": self.apply_optical(picture, source_image, motion),
        }


class RegionPredictor(nn.Module):
    """Section 3.2: centre and covariance of each region's heatmap."""

    def __init__(self, sizes: Sizes, temperature: float = 0.1) -> None:
        super().__init__()
        self.predictor = Hourglass(2, 3, sizes.motion_width // 2, sizes.motion_levels, sizes.motion_widest)
        self.regions = nn.Conv2d(self.predictor.out_filters, sizes.keypoints, 7)
        self.temperature, self.pca_based = temperature, True
        self.down = AntiAliasInterpolation(3, sizes.scale)

    def region2affine(self, region: Tensor) -> Region:
        """Mean and covariance of heatmaps (B, K, H, W)."""
        grid = coordinates(region.shape[2:], region)
        mean = (region.unsqueeze(-1) * grid).sum(dim=(2, 3))
        offsets = grid - spread(mean, 2)
        covariance = offsets.unsqueeze(-1) * offsets.unsqueeze(-2) * region[..., None, None]
        return {"shift": mean, "covar": covariance.sum(dim=(2, 3))}

    def forward(self, x: Tensor) -> Region:
        """A picture (B, 3, H, W) to centres, covariances and their square roots."""
        logits = self.regions(self.predictor(self.down(x)))
        region = (logits / self.temperature).flatten(2).softmax(dim=2).view_as(logits)
        found = self.region2affine(region)
        axes, lengths, _ = torch.linalg.svd(found["covar"])
        return {**found, "heatmap": region, "affine": axes * lengths.sqrt().unsqueeze(-2)}
