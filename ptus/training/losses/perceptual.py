"""How different two pictures look: as VGG-19 sees them where its weights are given, otherwise on pyramids."""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ptus.errors import UserError

SCALES = 4  # 1, 1/2, 1/4, 1/8, as in first-order-model and face-vid2vid


class PyramidLoss(nn.Module):
    """The substitute that needs no weights: mean absolute difference of pictures and of their gradients, at all scales.

    Gradients make edges count, which a plain difference lets blur; coarse scales give a direction to what is far off.
    """

    def forward(self, found: Tensor, expected: Tensor) -> Tensor:
        """Compare pictures (B, 3, S, S), RGB in [0, 1]: a scalar."""
        total = found.new_zeros(())
        for _ in range(SCALES):
            difference = found - expected
            along_x = (difference[..., 1:] - difference[..., :-1]).abs().mean()
            along_y = (difference[..., 1:, :] - difference[..., :-1, :]).abs().mean()
            total = total + (difference.abs().mean() + along_x + along_y) / SCALES
            found, expected = F.avg_pool2d(found, 2), F.avg_pool2d(expected, 2)
        return total


# VGG-19 as published (Simonyan and Zisserman 2015): channels of its convolutions up to conv5_1, "M" for a maximum of
# four; and the convolutions whose rectified outputs are compared, conv1_1 to conv5_1 (Johnson et al. 2016).
_LAYERS = (64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M", 512, 512, 512, 512, "M", 512)
_COMPARED = (0, 2, 4, 8, 12)
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's pictures


class VggLoss(nn.Module):
    """Mean absolute difference of VGG-19's features, at several scales (face-vid2vid, appendix A.2).

    Args:
        path: its weights trained on ImageNet, as safetensors with torchvision's names (`features.0.weight`, …).

    Raises:
        UserError: where there is no such file, or it holds something else.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, path: Path) -> None:
        super().__init__()
        convolutions, channels = [], 3
        for width in _LAYERS:
            if isinstance(width, int):
                convolutions.append(nn.Conv2d(channels, width, 3, padding=1))
                channels = width
        self.convolutions = nn.ModuleList(convolutions)
        self._load(path)
        self.requires_grad_(False)
        self.register_buffer("mean", torch.tensor(_MEAN).view(3, 1, 1))
        self.register_buffer("deviation", torch.tensor(_DEVIATION).view(3, 1, 1))

    def _load(self, path: Path) -> None:
        try:
            stored = load_file(path)
        except (OSError, SafetensorError) as error:
            raise UserError(f"cannot read VGG-19's weights from {path}: {error}; give a safetensors file") from error
        names = sorted((name for name in stored if name.endswith(".weight") and "features." in name), key=_place)
        for convolution, name in zip(self.convolutions, names, strict=False):
            weight, bias = stored[name], stored.get(name.removesuffix("weight") + "bias")
            if weight.shape != convolution.weight.shape or bias is None:
                raise UserError(f"{path}: {name} is not a layer of VGG-19; give torchvision's weights as safetensors")
            convolution.weight.data, convolution.bias.data = weight.float(), bias.float()
        if len(names) < len(self.convolutions):
            raise UserError(f"{path} does not hold VGG-19; give torchvision's weights as safetensors")

    def forward(self, found: Tensor, expected: Tensor) -> Tensor:
        """Compare pictures (B, 3, S, S), RGB in [0, 1]: a scalar."""
        total = found.new_zeros(())
        for _ in range(SCALES):
            with torch.no_grad():
                wanted = self._features(expected)
            for ours, theirs in zip(self._features(found), wanted, strict=True):
                total = total + (ours - theirs).abs().mean()
            found, expected = F.avg_pool2d(found, 2), F.avg_pool2d(expected, 2)
        return total

    def _features(self, pictures: Tensor) -> list[Tensor]:
        features, found = (pictures - self.mean) / self.deviation, []
        number = 0
        for width in _LAYERS:
            if width == "M":
                features = F.max_pool2d(features, 2, ceil_mode=True)
                continue
            features = F.relu(self.convolutions[number](features))
            if number in _COMPARED:
                found.append(features)
            number += 1
        return found


def _place(name: str) -> int:
    number = name.split(".")[-2]
    return int(number) if number.isdigit() else -1
