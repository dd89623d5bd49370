"""face-vid2vid (Wang et al. 2021)."""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from examples.published.layers import (
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
        channels: of the feature volume.
        depth: of the feature volume.
        compressed: channels while every keypoint warps it.
        motion_width: of the dense-motion hourglass.
        motion_levels: of the hourglass.
        motion_widest: its widest level.
        width: of the generator.
        downs: how often it halves.
        residuals: how many blocks in 3-D, and in 2-D.
    """

    keypoints: int = 15
    channels: int = 32
    depth: int = 16
    compressed: int = 4
    motion_width: int = 32
    motion_levels: int = 5
    motion_widest: int = 1024
    width: int = 64
    downs: int = 2
    residuals: int = 6


SMALL = Sizes(channels=4, depth=4, compressed=2, motion_width=4, motion_levels=2, motion_widest=8, width=6, residuals=1)


class VolumeHourglass(Hourglass):
    """An hourglass with one more block at its end."""

    def __init__(self, channels_in: int, sizes: Sizes) -> None:
        super().__init__(3, channels_in, sizes.motion_width, sizes.motion_levels, sizes.motion_widest)
        self.last = Same(3, self.out_filters, self.out_filters)

    def forward(self, x: Tensor, mode: int = 0) -> Tensor:
        """As many points as it gets."""
        result: Tensor = self.last(super().forward(x))
        return result


class DenseMotionNetwork(nn.Module):
    """Section 3.2."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.compress = nn.Conv3d(sizes.channels, sizes.compressed, 1)
        self.norm = nn.BatchNorm3d(sizes.compressed)
        self.hourglass = VolumeHourglass((sizes.keypoints + 1) * (sizes.compressed + 1), sizes)
        self.mask = nn.Conv3d(self.hourglass.out_filters, sizes.keypoints + 1, 7, padding=3)
        self.occlusion = nn.Conv2d(self.hourglass.out_filters * sizes.depth, 1, 7, padding=3)
        self.num_kp = sizes.keypoints

    def create_heatmap_representations(self, feature: Tensor, kp_driving: Keypoints, kp_source: Keypoints) -> Tensor:
        """Of features under each motion, (B, K + 1, C, D, H, W)."""
        driving, source = (heatmaps(kp["value"], feature.shape[3:], 0.01) for kp in (kp_driving, kp_source))
        return with_background(driving - source).unsqueeze(2)

    def create_sparse_motions(self, feature: Tensor, kp_driving: Keypoints, kp_source: Keypoints) -> Tensor:
        """The motions of the background and of each keypoint."""
        jacobian = None
        if "jacobian" in kp_driving:
            jacobian = kp_source["jacobian"] @ torch.inverse(kp_driving["jacobian"])
        return sparse_motions(feature.shape[2:], kp_driving["value"], kp_source["value"], jacobian)

    def create_deformed_feature(self, feature: Tensor, motions: Tensor) -> Tensor:
        """The feature under each motion."""
        return deformed(feature, motions)

    def forward(self, feature: Tensor, kp_driving: Keypoints, kp_source: Keypoints) -> dict[str, Tensor]:
        """A volume (B, C, D, H, W) and keypoints to a deformation and an occlusion map."""
        compressed = F.relu(self.norm(self.compress(feature)))
        motions = self.create_sparse_motions(compressed, kp_driving, kp_source)
        volumes = self.create_deformed_feature(compressed, motions)
        seen = torch.cat((self.create_heatmap_representations(volumes, kp_driving, kp_source), volumes), dim=2)
        prediction = self.hourglass(seen.flatten(1, 2))
        masks = self.mask(prediction).softmax(dim=1)
        return {
            "mask": masks,
            "deformation": mixed(motions, masks),
            "occlusion_map": torch.sigmoid(self.occlusion(prediction.flatten(1, 2))),
        }


class OcclusionAwareGenerator(nn.Module):
    """Section 3.2, from a picture and keypoints to a picture."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.dense_motion_network = DenseMotionNetwork(sizes)
        widths = [sizes.width * 2**level for level in range(sizes.downs + 1)]
        self.reshape_channel, self.reshape_depth = sizes.channels, sizes.depth
        flat = sizes.channels * sizes.depth
        self.first = Same(2, 3, widths[0], 7)
        self.down_blocks = nn.ModuleList(Down(2, *pair) for pair in pairwise(widths))
        self.second = nn.Conv2d(widths[-1], flat, 1)
        self.resblocks_3d = nn.Sequential(*(Residual(3, sizes.channels) for _ in range(sizes.residuals)))
        self.third = Same(2, flat, widths[-1])
        self.fourth = nn.Conv2d(widths[-1], widths[-1], 1)
        self.resblocks_2d = nn.Sequential(*(Residual(2, widths[-1]) for _ in range(sizes.residuals)))
        self.up_blocks = nn.ModuleList(Up(2, *pair) for pair in zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.final = nn.Conv2d(widths[0], 3, 7, padding=3)

    def deform_input(self, inp: Tensor, deformation: Tensor) -> Tensor:
        """Sample a volume by a deformation of any size."""
        return F.grid_sample(inp, resized(deformation, inp.shape[2:]), align_corners=False)

    def forward(self, source_image: Tensor, kp_driving: Keypoints, kp_source: Keypoints) -> dict[str, Tensor]:
        """A picture (B, 3, H, W) and keypoints to "prediction" (B, 3, H, W), and what explains it."""
        encoded = self.first(source_image)
        for down in self.down_blocks:
            encoded = down(encoded)
        volume = self.second(encoded).unflatten(1, (self.reshape_channel, self.reshape_depth))
        volume = self.resblocks_3d(volume)
        motion = self.dense_motion_network(feature=volume, kp_driving=kp_driving, kp_source=kp_source)
        warped = self.deform_input(volume, motion["deformation"])
        feature = self.fourth(self.third(warped.flatten(1, 2)))
        occlusion = F.interpolate(motion["occlusion_map"], size=feature.shape[2:], mode="bilinear")
        feature = self.resblocks_2d(feature * occlusion)
        for up in self.up_blocks:
            feature = up(feature)
        picture = torch.sigmoid(self.final(feature))
        return {"mask": motion["mask"], "occlusion_map": motion["occlusion_map"], "prediction": picture}


class KPDetector(nn.Module):
    """Section 3.1, canonical keypoints in a volume (B, C, D, H, W)."""

    def __init__(self, sizes: Sizes, temperature: float = 0.1) -> None:
        super().__init__()
        self.predictor = Same(3, sizes.channels, sizes.channels)
        self.kp = nn.Conv3d(sizes.channels, sizes.keypoints, 3, padding=1)
        self.jacobian: nn.Module | None = None
        self.temperature, self.scale_factor = temperature, 1

    def gaussian2kp(self, heatmap: Tensor) -> Keypoints:
        """The mean of a heatmap (B, K, D, H, W)."""
        grid = coordinates(heatmap.shape[2:], heatmap)
        return {"value": (heatmap.unsqueeze(-1) * grid).sum(dim=(2, 3, 4))}

    def forward(self, x: Tensor) -> Keypoints:
        """To keypoints (B, K, 3)."""
        logits = self.kp(self.predictor(x))
        return self.gaussian2kp((logits / self.temperature).flatten(2).softmax(dim=2).view_as(logits))
