"""The first-order motion model (Siarohin et al. 2019)."""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

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
    resized,
    sparse_motions,
    with_background,
)

Keypoints = dict[str, Tensor]


@dataclass(frozen=True)
class Sizes:
    """Of the networks; the defaults are those published for faces of 256 × 256.

    Args:
        keypoints: how many.
        motion_width: of the dense-motion hourglass.
        motion_levels: of the hourglass.
        motion_widest: its widest level.
        width: of the generator.
        widest: its widest level.
        downs: how often the generator halves.
        residuals: how many blocks in its middle.
        scale: of the image that the dense-motion network sees.
    """

    keypoints: int = 10
    motion_width: int = 64
    motion_levels: int = 5
    motion_widest: int = 1024
    width: int = 64
    widest: int = 512
    downs: int = 2
    residuals: int = 6
    scale: float = 0.25


SMALL = Sizes(motion_width=8, motion_levels=2, motion_widest=16, width=6, widest=12, residuals=1)


class DenseMotionNetwork(nn.Module):
    """Section 3.2."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        channels_in = (sizes.keypoints + 1) * 4
        self.hourglass = Hourglass(2, channels_in, sizes.motion_width, sizes.motion_levels, sizes.motion_widest)
        self.mask = nn.Conv2d(self.hourglass.out_filters, sizes.keypoints + 1, 7, padding=3)
        self.occlusion = nn.Conv2d(self.hourglass.out_filters, 1, 7, padding=3)
        self.num_kp, self.kp_variance, self.scale_factor = sizes.keypoints, 0.01, sizes.scale
        self.down = AntiAliasInterpolation(3, sizes.scale)

    def create_heatmap_representations(self, image: Tensor, kp_driving: Keypoints, kp_source: Keypoints) -> Tensor:
        """Equation 6."""
        driving, source = (heatmaps(kp["value"], image.shape[2:], self.kp_variance) for kp in (kp_driving, kp_source))
        return with_background(driving - source).unsqueeze(2)

    def create_sparse_motions(self, image: Tensor, kp_driving: Keypoints, kp_source: Keypoints) -> Tensor:
        """Equation 4."""
        jacobian = None
        if "jacobian" in kp_driving:
            jacobian = kp_source["jacobian"] @ torch.inverse(kp_driving["jacobian"])
        return sparse_motions(image.shape[2:], kp_driving["value"], kp_source["value"], jacobian)

    def create_deformed_source_image(self, image: Tensor, motions: Tensor) -> Tensor:
        """The image under each motion."""
        return deformed(image, motions)

    def forward(self, source_image: Tensor, kp_driving: Keypoints, kp_source: Keypoints) -> dict[str, Tensor]:
        """An image (B, 3, H, W) and keypoints to a deformation and an occlusion map of a quarter of its size."""
        image = self.down(source_image)
        motions = self.create_sparse_motions(image, kp_driving, kp_source)
        images = self.create_deformed_source_image(image, motions)
        seen = torch.cat((self.create_heatmap_representations(image, kp_driving, kp_source), images), dim=2)
        prediction = self.hourglass(seen.flatten(1, 2))
        masks = self.mask(prediction).softmax(dim=1)
        return {
            "sparse_deformed": images,
            "mask": masks,
            "deformation": mixed(motions, masks),
            "occlusion_map": torch.sigmoid(self.occlusion(prediction)),
        }


class OcclusionAwareGenerator(nn.Module):
    """Section 3.3."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.dense_motion_network = DenseMotionNetwork(sizes)
        widths = [min(sizes.widest, sizes.width * 2**level) for level in range(sizes.downs + 1)]
        self.first = Same(2, 3, widths[0], 7)
        self.down_blocks = nn.ModuleList(Down(2, *pair) for pair in pairwise(widths))
        self.bottleneck = nn.Sequential(*(Residual(2, widths[-1]) for _ in range(sizes.residuals)))
        self.up_blocks = nn.ModuleList(Up(2, *pair) for pair in zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.final = nn.Conv2d(widths[0], 3, 7, padding=3)

    def deform_input(self, inp: Tensor, deformation: Tensor) -> Tensor:
        """Sample an image or a feature by a deformation of any size."""
        return F.grid_sample(inp, resized(deformation, inp.shape[2:]), align_corners=False)

    def forward(self, source_image: Tensor, kp_driving: Keypoints, kp_source: Keypoints) -> dict[str, Tensor]:
        """A picture (B, 3, H, W) and keypoints to "prediction" (B, 3, H, W), and what explains it."""
        feature = self.first(source_image)
        for down in self.down_blocks:
            feature = down(feature)
        motion = self.dense_motion_network(source_image=source_image, kp_driving=kp_driving, kp_source=kp_source)
        shown = {name: motion[name] for name in ("mask", "sparse_deformed", "occlusion_map")}
        feature = self.deform_input(feature, motion["deformation"])
        feature = feature * F.interpolate(motion["occlusion_map"], size=feature.shape[2:], mode="bilinear")
        shown["deformed"] = self.deform_input(source_image, motion["deformation"])
        feature = self.bottleneck(feature)
        for up in self.up_blocks:
            feature = up(feature)
        shown["prediction"] = torch.sigmoid(self.final(feature))
        return shown


class KPDetector(nn.Module):
    """Section 3.1, keypoints and jacobians."""

    def __init__(self, sizes: Sizes, temperature: float = 0.1) -> None:
        super().__init__()
        self.predictor = Hourglass(2, 3, sizes.motion_width // 2, sizes.motion_levels, sizes.motion_widest)
        self.kp = nn.Conv2d(self.predictor.out_filters, sizes.keypoints, 7)
        self.jacobian = nn.Conv2d(self.predictor.out_filters, 4 * sizes.keypoints, 7)
        self.num_jacobian_maps, self.temperature, self.scale_factor = sizes.keypoints, temperature, sizes.scale
        self.down = AntiAliasInterpolation(3, sizes.scale)

    def gaussian2kp(self, heatmap: Tensor) -> Keypoints:
        """The mean of a heatmap (B, K, H, W)."""
        grid = coordinates(heatmap.shape[2:], heatmap)
        return {"value": (heatmap.unsqueeze(-1) * grid).sum(dim=(2, 3))}

    def forward(self, x: Tensor) -> Keypoints:
        """A picture (B, 3, H, W) to keypoints (B, K, 2) and jacobians (B, K, 2, 2)."""
        feature = self.predictor(self.down(x))
        logits = self.kp(feature)
        weights = (logits / self.temperature).flatten(2).softmax(dim=2).view_as(logits)
        found = self.gaussian2kp(weights)
        maps = self.jacobian(feature).unflatten(1, (self.num_jacobian_maps, 4))
        found["jacobian"] = (weights.unsqueeze(2) * maps).sum(dim=(3, 4)).unflatten(2, (2, 2))
        return found
