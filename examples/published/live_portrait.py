"""LivePortrait (Guo et al. 2024): warping and the SPADE decoder (Park et al. 2019)."""

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import spectral_norm

from examples.published import face_vid2vid
from examples.published.face_vid2vid import VolumeHourglass
from examples.published.layers import Same, deformed, heatmaps, mixed, sparse_motions, with_background

Sizes = face_vid2vid.Sizes
PUBLISHED = Sizes(keypoints=21)
SMALL = replace(face_vid2vid.SMALL, keypoints=5)


class DenseMotionNetwork(nn.Module):
    """As face-vid2vid's, keypoints (B, K, 3) as they are, no jacobians."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.compress = nn.Conv3d(sizes.channels, sizes.compressed, 1)
        self.norm = nn.BatchNorm3d(sizes.compressed)
        self.hourglass = VolumeHourglass((sizes.keypoints + 1) * (sizes.compressed + 1), sizes)
        self.mask = nn.Conv3d(self.hourglass.out_filters, sizes.keypoints + 1, 7, padding=3)
        self.occlusion = nn.Conv2d(self.hourglass.out_filters * sizes.depth, 1, 7, padding=3)
        self.num_kp, self.flag_estimate_occlusion_map = sizes.keypoints, True

    def create_heatmap_representations(self, feature: Tensor, kp_driving: Tensor, kp_source: Tensor) -> Tensor:
        """Of features under each motion, (B, K + 1, C, D, H, W)."""
        driving, source = (heatmaps(keypoints, feature.shape[3:], 0.01) for keypoints in (kp_driving, kp_source))
        return with_background(driving - source).unsqueeze(2)

    def create_sparse_motions(self, feature: Tensor, kp_driving: Tensor, kp_source: Tensor) -> Tensor:
        """The motions of the background and of each keypoint."""
        return sparse_motions(feature.shape[2:], kp_driving, kp_source, None)

    def create_deformed_feature(self, feature: Tensor, motions: Tensor) -> Tensor:
        """The feature under each motion."""
        return deformed(feature, motions)

    def forward(self, feature: Tensor, kp_driving: Tensor, kp_source: Tensor) -> dict[str, Tensor]:
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


class WarpingNetwork(nn.Module):
    """Warps the volume and projects it to a feature map."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.dense_motion_network = DenseMotionNetwork(sizes)
        width = sizes.width * 2**sizes.downs
        self.third = Same(2, sizes.channels * sizes.depth, width)
        self.fourth = nn.Conv2d(width, width, 1)
        self.flag_use_occlusion_map = True

    def deform_input(self, inp: Tensor, deformation: Tensor) -> Tensor:
        """Sample a volume by a deformation of its size."""
        return F.grid_sample(inp, deformation, align_corners=False)

    def forward(self, feature_3d: Tensor, kp_driving: Tensor, kp_source: Tensor) -> dict[str, Tensor]:
        """A volume (B, C, D, H, W) and keypoints (B, K, 3) to "out" (B, C', H, W)."""
        motion = self.dense_motion_network(feature=feature_3d, kp_driving=kp_driving, kp_source=kp_source)
        warped = self.deform_input(feature_3d, motion["deformation"])
        out = self.fourth(self.third(warped.flatten(1, 2))) * motion["occlusion_map"]
        return {"occlusion_map": motion["occlusion_map"], "deformation": motion["deformation"], "out": out}


class SPADE(nn.Module):
    """Equation 1 of SPADE: instance norm, scaled and shifted by maps made from another feature."""

    def __init__(self, channels: int, channels_of_map: int, hidden: int = 128) -> None:
        super().__init__()
        self.param_free_norm = nn.InstanceNorm2d(channels)
        self.mlp_shared = nn.Sequential(nn.Conv2d(channels_of_map, hidden, 3, padding=1), nn.ReLU())
        self.mlp_gamma = nn.Conv2d(hidden, channels, 3, padding=1)
        self.mlp_beta = nn.Conv2d(hidden, channels, 3, padding=1)

    def forward(self, x: Tensor, segmap: Tensor) -> Tensor:
        """(B, C, H, W) and a map of any size."""
        hidden = self.mlp_shared(F.interpolate(segmap, size=x.shape[2:]))
        result: Tensor = self.param_free_norm(x) * (1 + self.mlp_gamma(hidden)) + self.mlp_beta(hidden)
        return result


class SPADEResnetBlock(nn.Module):
    """SPADE, activation, convolution, twice, and a shortcut."""

    def __init__(self, channels_in: int, channels: int, channels_of_map: int, hidden: int) -> None:
        super().__init__()
        middle = min(channels_in, channels)
        self.learned_shortcut = channels_in != channels
        self.norm_0 = SPADE(channels_in, channels_of_map, hidden)
        self.norm_1 = SPADE(middle, channels_of_map, hidden)
        self.conv_0 = spectral_norm(nn.Conv2d(channels_in, middle, 3, padding=1))
        self.conv_1 = spectral_norm(nn.Conv2d(middle, channels, 3, padding=1))
        if self.learned_shortcut:
            self.norm_s = SPADE(channels_in, channels_of_map, hidden)
            self.conv_s = spectral_norm(nn.Conv2d(channels_in, channels, 1, bias=False))

    def actvn(self, x: Tensor) -> Tensor:
        """The activation."""
        return F.leaky_relu(x, 0.2)

    def shortcut(self, x: Tensor, seg1: Tensor) -> Tensor:
        """What the block's change is added to."""
        return self.conv_s(self.norm_s(x, seg1)) if self.learned_shortcut else x

    def forward(self, x: Tensor, seg1: Tensor) -> Tensor:
        """(B, C, H, W) and a map of any size."""
        changed = self.conv_0(self.actvn(self.norm_0(x, seg1)))
        changed = self.conv_1(self.actvn(self.norm_1(changed, seg1)))
        result: Tensor = self.shortcut(x, seg1) + changed
        return result


class SPADEDecoder(nn.Module):
    """A feature map (B, C, H, W) to a picture of eight times its size."""

    def __init__(self, channels: int = 256, narrow: int = 64, hidden: int = 128) -> None:
        super().__init__()
        wide = 2 * channels
        self.fc = nn.Conv2d(channels, wide, 3, padding=1)
        for index in range(6):
            setattr(self, f"G_middle_{index}", SPADEResnetBlock(wide, wide, channels, hidden))
        self.up = nn.Upsample(scale_factor=2)
        self.up_0 = SPADEResnetBlock(wide, channels, channels, hidden)
        self.up_1 = SPADEResnetBlock(channels, narrow, channels, hidden)
        self.conv_img = nn.Sequential(nn.Conv2d(narrow, 12, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, feature: Tensor) -> Tensor:
        """To (B, 3, 8 H, 8 W)."""
        x = self.fc(feature)
        for index in range(6):
            x = getattr(self, f"G_middle_{index}")(x, feature)
        for block in (self.up_0, self.up_1):
            x = block(self.up(x), feature)
        return torch.sigmoid(self.conv_img(F.leaky_relu(x, 0.2)))


class Rendering(nn.Module):
    """Warping and decoding: from a feature volume and keypoints to a picture."""

    def __init__(self, sizes: Sizes, narrow: int = 64, hidden: int = 128) -> None:
        super().__init__()
        self.warping_module = WarpingNetwork(sizes)
        self.spade_generator = SPADEDecoder(sizes.width * 2**sizes.downs, narrow, hidden)

    def forward(self, feature_3d: Tensor, kp_driving: Tensor, kp_source: Tensor) -> dict[str, Tensor]:
        """A volume (B, C, D, H, W) and keypoints (B, K, 3) to "prediction" (B, 3, 8 H, 8 W), and what explains it."""
        warped = self.warping_module(feature_3d, kp_driving, kp_source)
        return {**warped, "prediction": self.spade_generator(warped["out"])}
