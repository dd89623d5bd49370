"""A model made ready to run without being trained any further."""

from copy import deepcopy

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ptus.model.layers import ConvBlock, ResBlock, ResBlock3d
from ptus.model.model import PTUS


def for_inference(model: PTUS, dtype: torch.dtype = torch.float32) -> PTUS:
    """A copy in eval mode, its normalisations folded into the convolutions before them.

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
    return ready.to(dtype)


def _fold(block: nn.Module, convolution: str, norm: str) -> None:
    setattr(block, convolution, fuse_conv_bn_eval(getattr(block, convolution), getattr(block, norm)))
    setattr(block, norm, nn.Identity())
