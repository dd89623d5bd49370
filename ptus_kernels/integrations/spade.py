"""SPADE (Park et al. 2019), in the decoders of LivePortrait and face-vid2vid: one op a normalisation."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ptus_kernels.integrations.block import Block, Trial
from ptus_kernels.integrations.swapping import Accelerated
from ptus_kernels.spade_modulate import spade_modulate

FAMILY = "SPADE"


class Normalisation(Accelerated):
    """Equation 1, with the activation that follows."""

    param_free_norm: nn.InstanceNorm2d
    mlp_shared: nn.Module
    mlp_gamma: nn.Module
    mlp_beta: nn.Module

    def forward(self, x: Tensor, segmap: Tensor, *, activation: str = "none", scale_factor: int = 1) -> Tensor:
        """As the block's own, of an x that is first enlarged (nearest) by a factor, and with an activation after it."""
        if is_hooked(self.param_free_norm):
            assert activation == "none" and scale_factor == 1
            return super().forward(x, segmap)  # type: ignore[no-any-return]
        hidden = self.mlp_shared(nearest(segmap, [size * scale_factor for size in x.shape[2:]]))
        return spade_modulate(
            x,
            self.mlp_gamma(hidden),
            self.mlp_beta(hidden),
            activation=activation,
            scale_factor=scale_factor,
            eps=self.param_free_norm.eps,
        )


class Residual(Accelerated):
    """A residual block: normalised, activated, convolved, twice."""

    learned_shortcut: bool
    conv_0: nn.Module
    conv_1: nn.Module
    conv_s: nn.Module
    norm_0: nn.Module
    norm_1: nn.Module
    norm_s: nn.Module

    def forward(self, x: Tensor, seg1: Tensor, *, scale_factor: int = 1) -> Tensor:
        """As the block's own, of an x that is first enlarged (nearest) by a factor."""
        size = [each * scale_factor for each in x.shape[2:]]
        sized = nearest(seg1, size)  # once for all normalisations that take it
        direct = is_fused(self.norm_0) and is_fused(getattr(self, "norm_s", None))
        if scale_factor != 1 and not direct:
            x, scale_factor = nearest(x, size), 1
        changed = self.conv_0(self._activated(self.norm_0, x, seg1, sized, scale_factor))
        changed = self.conv_1(self._activated(self.norm_1, changed, seg1, sized, 1))
        shortcut = x
        if self.learned_shortcut:
            shortcut = self.norm_s(x, sized, scale_factor=scale_factor) if direct else self.norm_s(x, seg1)
            shortcut = self.conv_s(shortcut)
        result: Tensor = shortcut + changed
        return result

    def _activated(self, norm: nn.Module, x: Tensor, seg1: Tensor, sized: Tensor, scale_factor: int) -> Tensor:
        if is_fused(norm):
            fused: Tensor = norm(x, sized, activation="leaky_relu", scale_factor=scale_factor)
            return fused
        activated: Tensor = F.leaky_relu(norm(x, seg1), 0.2)
        return activated


class Decoder(Accelerated):
    """Six residual blocks, then two that work on an enlarged feature; that need not be written."""

    fc: nn.Module
    up: nn.Module
    up_0: nn.Module
    up_1: nn.Module
    conv_img: nn.Module

    def forward(self, feature: Tensor) -> Tensor:
        """As the block's own."""
        decoded = self.fc(feature)
        for index in range(6):
            decoded = getattr(self, f"G_middle_{index}")(decoded, feature)
        for block in (self.up_0, self.up_1):
            if isinstance(block, Residual) and not is_hooked(block) and not is_hooked(self.up):
                decoded = block(decoded, feature, scale_factor=2)
            else:
                decoded = block(self.up(decoded), feature)
        return torch.sigmoid(self.conv_img(F.leaky_relu(decoded, 0.2)))


def is_hooked(module: nn.Module) -> bool:
    """Whether somebody looks at what goes into a module or comes out of it, which is then to be what it was."""
    hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks)
    return any(hooks)


def is_fused(norm: nn.Module | None) -> bool:
    """Whether a normalisation may do the work of its neighbours."""
    return isinstance(norm, Normalisation) and not is_hooked(norm) and not is_hooked(norm.param_free_norm)


def nearest(image: Tensor, size: list[int]) -> Tensor:
    """Resized to the nearest pixels; as it is where it has this size."""
    return image if list(image.shape[2:]) == size else F.interpolate(image, size=size, mode="nearest")


def _trial_of_normalisation(block: Any) -> Trial:
    modules = {
        "param_free_norm": nn.InstanceNorm2d(3, eps=block.param_free_norm.eps),
        "mlp_shared": nn.Sequential(nn.Conv2d(4, 5, 3, padding=1), nn.ReLU()),
        "mlp_gamma": nn.Conv2d(5, 3, 3, padding=1),
        "mlp_beta": nn.Conv2d(5, 3, 3, padding=1),
    }
    return Trial(modules, [("forward", {"x": torch.randn(2, 3, 8, 6), "segmap": torch.randn(2, 4, 4, 3)})])


def _trial_of_residual(block: Any) -> Trial:
    width = 4 if block.learned_shortcut else 3
    modules: dict[str, nn.Module] = {
        "norm_0": _Shift(),
        "norm_1": _Shift(),
        "conv_0": nn.Conv2d(3, 3, 3, padding=1),
        "conv_1": nn.Conv2d(3, width, 3, padding=1),
    }
    if block.learned_shortcut:
        modules.update(norm_s=_Shift(), conv_s=nn.Conv2d(3, width, 1, bias=False))
    return Trial(modules, [("forward", {"x": torch.randn(2, 3, 8, 6), "seg1": torch.randn(2, 3, 4, 3)})])


class _Shift(nn.Module):
    """Stands in for a normalisation."""

    def forward(self, x: Tensor, seg1: Tensor) -> Tensor:
        return x + nearest(seg1, list(x.shape[2:]))


def _trial_of_decoder(block: Any) -> Trial:
    modules: dict[str, nn.Module] = {name: _Shift() for name in _RESIDUALS}
    modules.update(fc=nn.Conv2d(3, 3, 3, padding=1), up=block.up, conv_img=nn.Conv2d(3, 3, 3, padding=1))
    return Trial(modules, [("forward", {"feature": torch.randn(2, 3, 4, 3)})])


def _settings_of_normalisation(block: Any) -> str | None:
    norm = block.param_free_norm
    if type(norm) is not nn.InstanceNorm2d:
        return f"its normalisation is {type(norm).__name__}"
    if norm.affine or norm.track_running_stats:
        return "its instance norm learns or tracks something"
    return None


def _settings_of_decoder(block: Any) -> str | None:
    up = block.up
    if type(up) is nn.Upsample and up.mode == "nearest" and up.size is None and up.scale_factor == 2:
        return None
    return "it does not enlarge to the nearest pixels by 2"


_RESIDUALS = (*(f"G_middle_{index}" for index in range(6)), "up_0", "up_1")
BLOCKS = (
    Block(
        FAMILY,
        "normalisation",
        Normalisation,
        {
            "param_free_norm": nn.Module,
            "mlp_shared": nn.Module,
            "mlp_gamma": nn.Conv2d,
            "mlp_beta": nn.Conv2d,
        },
        ("x", "segmap"),
        ("forward",),
        _trial_of_normalisation,
        _settings_of_normalisation,
        align_corners=(False,),
    ),
    Block(
        FAMILY,
        "residual block",
        Residual,
        {
            "learned_shortcut": bool,
            "conv_0": nn.Conv2d,
            "conv_1": nn.Conv2d,
            "norm_0": nn.Module,
            "norm_1": nn.Module,
        },
        ("x", "seg1"),
        ("forward", "shortcut", "actvn"),
        _trial_of_residual,
        align_corners=(False,),
    ),
    Block(
        FAMILY,
        "decoder",
        Decoder,
        {
            **dict.fromkeys(_RESIDUALS, nn.Module),
            "fc": nn.Conv2d,
            "up": nn.Module,
            "conv_img": (nn.Conv2d, nn.Sequential),
        },
        ("feature",),
        ("forward",),
        _trial_of_decoder,
        _settings_of_decoder,
        align_corners=(False,),
    ),
)
