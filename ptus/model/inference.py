"""A model made ready to run without being trained any further."""

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, pixel_shuffle
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ptus.model.deformation import MotionReader
from ptus.model.layers import ConvBlock, ResBlock, ResBlock3d
from ptus.model.model import PTUS

FEW = 4  # outputs of a convolution; the CPU's libraries compute 16 at a time, and would leave most of them empty


def for_inference(model: PTUS, dtype: torch.dtype = torch.float32) -> PTUS:
    """A copy in eval mode, its normalisations folded into the convolutions before them, and those arranged for speed.

    Args:
        model: in any mode; it stays as it is.
        dtype: of the weights and features: float32, bfloat16 or float16. Motion stays in float32.
    """
    ready = deepcopy(model).eval().requires_grad_(False)
    for module in list(ready.modules()):
        if isinstance(module, ConvBlock):
            _fold(module, "0", "1")
        elif isinstance(module, ResBlock):
            _fold(module, "second", "norm")
        elif isinstance(module, ResBlock3d):
            _fold(module, "first", "first_norm")
            _fold(module, "second", "norm")
    for parent in list(ready.modules()):
        for name, module in parent.named_children():
            if type(module) is nn.Conv2d and module.out_channels <= FEW and module.kernel_size == (3, 3):
                setattr(parent, name, _InBlocks(module))
    planar = {module.fold[0] for module in ready.modules() if isinstance(module, MotionReader)}
    for module in ready.modules():  # weights as the features lie, with channels last but for what readers fold
        if isinstance(module, nn.Conv2d) and module not in planar:
            module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last)
        elif isinstance(module, nn.Conv3d):
            module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last_3d)
    return ready.to(dtype)


class _InBlocks(nn.Conv2d):
    """A 3×3 convolution with few outputs, for two by two points at once: four times as many outputs of 4×4 inputs.

    Args:
        convolution: of stride 1, padded by 1, for maps of even sides.
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        assert convolution.stride == convolution.padding == (1, 1) and convolution.bias is not None
        super().__init__(convolution.in_channels, 4 * convolution.out_channels, 4, stride=2, padding=1, device="meta")
        shifted = [pad(convolution.weight, (x, 1 - x, y, 1 - y)) for y in range(2) for x in range(2)]
        self.weight = nn.Parameter(torch.stack(shifted, dim=1).flatten(0, 1), requires_grad=False)
        self.bias = nn.Parameter(convolution.bias.repeat_interleave(4), requires_grad=False)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C', H, W)."""
        return pixel_shuffle(super().forward(features), 2)


def _fold(block: nn.Module, convolution: str, norm: str) -> None:
    setattr(block, convolution, fuse_conv_bn_eval(getattr(block, convolution), getattr(block, norm)))
    setattr(block, norm, nn.Identity())
