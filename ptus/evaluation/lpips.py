"""LPIPS (Zhang et al. 2018, version 0.1): the distance of pictures in the features of VGG-16."""

from pathlib import Path

import torch
import torchmetrics
from torch import Tensor, nn

from ptus.evaluation.moments import Moment, Values, as_tensor
from ptus.evaluation.weights import load_weights

OPTION = "--lpips-weights"
HOW = (
    "give VGG-16's ImageNet weights, named as torchvision does, in safetensors: the file of timm/vgg16.tv_in1k at the "
    "Hugging Face hub is one"
)
STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Channels of VGG-16's convolutions; a stage ends where its features are compared and the next one halves them."""
HEADS = Path(torchmetrics.__file__).parent / "functional" / "image" / "lpips_models" / "vgg.pth"
"""The five learned weightings of features, which torchmetrics carries."""
SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)
"""By which pictures from -1 to 1 are brought to what the network was trained on."""


class Lpips(nn.Module):
    """Measures LPIPS over the frame.

    Args:
        weights: of VGG-16, *.safetensors.

    Raises:
        UserError: where that file cannot be used.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, weights: Path) -> None:
        super().__init__()
        self.register_buffer("shift", torch.tensor(SHIFT).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE).view(1, 3, 1, 1), persistent=False)
        self.features, self.ends = _vgg16()
        load_weights(self, weights, OPTION, HOW)
        heads = torch.load(HEADS, map_location="cpu", weights_only=True)
        self.heads = nn.ParameterList(
            nn.Parameter(heads[f"lin{stage}.model.1.weight"], requires_grad=False) for stage in range(len(STAGES))
        )

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """The distances (B) of pictures (B, 3, H, W), RGB in [0, 1]."""
        pictures = (torch.cat([first, second]) * 2 - 1 - self.shift) / self.scale
        distance = pictures.new_zeros(len(first))
        heads = iter(self.heads)
        for index, layer in enumerate(self.features):
            pictures = layer(pictures)
            if index in self.ends:
                unit = pictures / (pictures.square().sum(1, keepdim=True) + 1e-8).sqrt()
                one, other = unit.chunk(2)
                weighted = nn.functional.conv2d((one - other).square(), next(heads))
                distance = distance + weighted.mean((1, 2, 3))
        return distance

    @torch.inference_mode()
    def measure(self, moment: Moment) -> Values:
        """LPIPS between result and driver's frame."""
        device = self.shift.device
        return {"lpips": float(self(as_tensor(moment.result).to(device), as_tensor(moment.driving).to(device)))}


def _vgg16() -> tuple[nn.Sequential, set[int]]:
    """VGG-16's convolutions, numbered as torchvision's, and after which of them features are compared."""
    layers: list[nn.Module] = []
    ends: set[int] = set()
    channels = 3
    for number, stage in enumerate(STAGES):
        if number:
            layers.append(nn.MaxPool2d(2))
        for width in stage:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        ends.add(len(layers) - 1)
    return nn.Sequential(*layers), ends
