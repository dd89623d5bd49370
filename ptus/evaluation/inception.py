"""The Inception v3 of December 2015 (Szegedy et al. 2015), whose features FID compares, with its PyTorch port's names.

It differs from torchvision's in that averages leave out padding and the last block pools by maxima.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ptus.evaluation.weights import load_weights

OPTION = "--fid-weights"
HOW = (
    "convert torch-fidelity's weights-inception-2015-12-05-6726825d.pth, of its release v0.2.0 at GitHub: "
    "safetensors.torch.save_file(torch.load(FILE, weights_only=True), 'inception.safetensors')"
)
SIDE = 299


class Unit(nn.Module):
    """Convolution, normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int | tuple[int, int], stride: int = 1, pad: bool = True):
        super().__init__()
        rows, columns = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (rows // 2, columns // 2) if pad else 0
        self.conv = nn.Conv2d(inputs, outputs, (rows, columns), stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, C, H, W)."""
        return F.relu(self.bn(self.conv(features)))


class Block(nn.Module):
    """Branches beside each other, their results joined; each is a chain of units, and a pair of units is a fork.

    Args:
        units: by name.
        branches: the names in each chain, "average", "max" or "halve" for what pools, and pairs of names for forks.
    """

    def __init__(self, units: Mapping[str, Unit], branches: Sequence[Sequence[str | tuple[str, str]]]) -> None:
        super().__init__()
        self.branches = branches
        for name, unit in units.items():
            self.add_module(name, unit)

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, C, H, W)."""
        return torch.cat([self._chain(features, branch) for branch in self.branches], 1)

    def _chain(self, features: Tensor, branch: Sequence[str | tuple[str, str]]) -> Tensor:
        for step in branch:
            if step == "average":
                features = F.avg_pool2d(features, 3, 1, 1, count_include_pad=False)
            elif step == "max":
                features = F.max_pool2d(features, 3, 1, 1)
            elif step == "halve":
                features = F.max_pool2d(features, 3, 2)
            elif isinstance(step, tuple):
                features = torch.cat([self.get_submodule(name)(features) for name in step], 1)
            else:
                features = self.get_submodule(step)(features)
        return features


class Inception(nn.Module):
    """Makes 2048 features of a picture.

    Args:
        weights: *.safetensors.

    Raises:
        UserError: where that file cannot be used.
    """

    num_features = 2048
    """As torchmetrics asks for it."""

    def __init__(self, weights: Path) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Unit(3, 32, 3, 2, pad=False)
        self.Conv2d_2a_3x3 = Unit(32, 32, 3, pad=False)
        self.Conv2d_2b_3x3 = Unit(32, 64, 3)
        self.Conv2d_3b_1x1 = Unit(64, 80, 1)
        self.Conv2d_4a_3x3 = Unit(80, 192, 3, pad=False)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = _fives(192, 32), _fives(256, 64), _fives(288, 64)
        self.Mixed_6a = _to_17(288)
        self.Mixed_6b, self.Mixed_6c, self.Mixed_6d, self.Mixed_6e = (_sevens(width) for width in (128, 160, 160, 192))
        self.Mixed_7a = _to_8(768)
        self.Mixed_7b, self.Mixed_7c = _forks(1280, "average"), _forks(2048, "max")
        load_weights(self, weights, OPTION, HOW)

    @torch.inference_mode()
    def forward(self, pictures: Tensor) -> Tensor:
        """Features (B, 2048) of pictures (B, 3, H, W), uint8."""
        x = (_resized(pictures.float()) - 128) / 128
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, 2)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(F.max_pool2d(x, 3, 2))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        features: Tensor = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))
        return features.mean((2, 3))


def _resized(pictures: Tensor) -> Tensor:
    """Bilinear as TensorFlow 1 did it: point i of 299 is read at i · H / 299, and no pixel is averaged away."""
    height, width = pictures.shape[2:]
    for dimension, total in ((2, height), (3, width)):
        at = torch.arange(SIDE, device=pictures.device, dtype=torch.float32) * (total / SIDE)
        low = at.long()
        share = (at - low).view(-1, *[1] * (3 - dimension))
        first = pictures.index_select(dimension, low)
        second = pictures.index_select(dimension, (low + 1).clamp(max=total - 1))
        pictures = first + (second - first) * share
    return pictures


def _fives(inputs: int, pooled: int) -> Block:
    return Block(
        {
            "branch1x1": Unit(inputs, 64, 1),
            "branch5x5_1": Unit(inputs, 48, 1),
            "branch5x5_2": Unit(48, 64, 5),
            "branch3x3dbl_1": Unit(inputs, 64, 1),
            "branch3x3dbl_2": Unit(64, 96, 3),
            "branch3x3dbl_3": Unit(96, 96, 3),
            "branch_pool": Unit(inputs, pooled, 1),
        },
        [
            ["branch1x1"],
            ["branch5x5_1", "branch5x5_2"],
            ["branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"],
            ["average", "branch_pool"],
        ],
    )


def _to_17(inputs: int) -> Block:
    return Block(
        {
            "branch3x3": Unit(inputs, 384, 3, 2, pad=False),
            "branch3x3dbl_1": Unit(inputs, 64, 1),
            "branch3x3dbl_2": Unit(64, 96, 3),
            "branch3x3dbl_3": Unit(96, 96, 3, 2, pad=False),
        },
        [["branch3x3"], ["branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"], ["halve"]],
    )


def _sevens(width: int) -> Block:
    row, column = (1, 7), (7, 1)
    return Block(
        {
            "branch1x1": Unit(768, 192, 1),
            "branch7x7_1": Unit(768, width, 1),
            "branch7x7_2": Unit(width, width, row),
            "branch7x7_3": Unit(width, 192, column),
            "branch7x7dbl_1": Unit(768, width, 1),
            "branch7x7dbl_2": Unit(width, width, column),
            "branch7x7dbl_3": Unit(width, width, row),
            "branch7x7dbl_4": Unit(width, width, column),
            "branch7x7dbl_5": Unit(width, 192, row),
            "branch_pool": Unit(768, 192, 1),
        },
        [
            ["branch1x1"],
            [f"branch7x7_{number}" for number in range(1, 4)],
            [f"branch7x7dbl_{number}" for number in range(1, 6)],
            ["average", "branch_pool"],
        ],
    )


def _to_8(inputs: int) -> Block:
    return Block(
        {
            "branch3x3_1": Unit(inputs, 192, 1),
            "branch3x3_2": Unit(192, 320, 3, 2, pad=False),
            "branch7x7x3_1": Unit(inputs, 192, 1),
            "branch7x7x3_2": Unit(192, 192, (1, 7)),
            "branch7x7x3_3": Unit(192, 192, (7, 1)),
            "branch7x7x3_4": Unit(192, 192, 3, 2, pad=False),
        },
        [["branch3x3_1", "branch3x3_2"], [f"branch7x7x3_{number}" for number in range(1, 5)], ["halve"]],
    )


def _forks(inputs: int, pool: str) -> Block:
    return Block(
        {
            "branch1x1": Unit(inputs, 320, 1),
            "branch3x3_1": Unit(inputs, 384, 1),
            "branch3x3_2a": Unit(384, 384, (1, 3)),
            "branch3x3_2b": Unit(384, 384, (3, 1)),
            "branch3x3dbl_1": Unit(inputs, 448, 1),
            "branch3x3dbl_2": Unit(448, 384, 3),
            "branch3x3dbl_3a": Unit(384, 384, (1, 3)),
            "branch3x3dbl_3b": Unit(384, 384, (3, 1)),
            "branch_pool": Unit(inputs, 192, 1),
        },
        [
            ["branch1x1"],
            ["branch3x3_1", ("branch3x3_2a", "branch3x3_2b")],
            ["branch3x3dbl_1", "branch3x3dbl_2", ("branch3x3dbl_3a", "branch3x3dbl_3b")],
            [pool, "branch_pool"],
        ],
    )
