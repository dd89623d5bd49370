"""Walks through models, and reroutes the blocks that are recognised to the fused ops."""

from torch import nn
from torch.nn.utils.parametrizations import _SpectralNorm

from ptus_kernels.integrations import articulated, face_vid2vid, first_order, live_portrait, spade, thin_plate_spline
from ptus_kernels.integrations.block import Block
from ptus_kernels.integrations.report import LeftAlone, Replaced, Report
from ptus_kernels.integrations.spectral_norm import BakedSpectralNorm, bake, hooks_of
from ptus_kernels.integrations.swapping import Accelerated, mixin_of, swap
from ptus_kernels.integrations.trying import difference

BLOCKS: tuple[Block, ...] = (
    *face_vid2vid.BLOCKS,
    *live_portrait.BLOCKS,
    *spade.BLOCKS,
    *first_order.BLOCKS,
    *articulated.BLOCKS,
    *thin_plate_spline.BLOCKS,
)
PYTORCH, SPECTRAL_NORM = "PyTorch", "spectral norm, once in evaluation"
ALREADY = "accelerated already"


def accelerate(*models: nn.Module) -> Report:
    """Reroute models that animate pictures to the fused ops, in place.

    Known are face-vid2vid, LivePortrait, first-order-model, articulated-animation and thin-plate-spline-motion-model.
    Blocks are recognised by their attributes and methods. Each is tried on small inputs first, and is left alone where
    the fused ops compute anything else, or where a subclass overrides one of the methods concerned. Parameters,
    `state_dict`, hooks and results (within rounding) stay as they are, in training too; checkpoints are loaded before
    or after. Copies and pickled models are accelerated as well. Spectral norm (`torch.nn.utils.spectral_norm`) is then
    computed once in evaluation, instead of in every call; see `BakedSpectralNorm` for what makes it compute again.

    Under `torch.compile`, accelerate first and compile then.

    Args:
        models: modules whose blocks are looked for at any depth.

    Returns:
        what was replaced and what was not, and why; its `undo()` takes everything back.

    Raises:
        TypeError: for what is no module.
    """
    for model in models:
        if not isinstance(model, nn.Module):
            raise TypeError(f"accelerate: models: expected torch.nn.Module, got {type(model).__name__}")
    replaced: list[Replaced] = []
    left_alone: list[LeftAlone] = []
    for model in models:
        for name, module in model.named_modules():
            path = f"{_own_class(model).__name__}.{name}".rstrip(".")
            for done in (_reroute(path, module), _bake(path, module)):
                if isinstance(done, Replaced):
                    replaced.append(done)
                elif isinstance(done, LeftAlone):
                    left_alone.append(done)
    return Report(tuple(replaced), tuple(left_alone), models)


def _reroute(path: str, module: nn.Module) -> Replaced | LeftAlone | None:
    """Swap the class of a module that is one of the blocks; None where it is none."""
    if isinstance(module, Accelerated):
        block = next(block for block in BLOCKS if block.mixin is mixin_of(module))
        return LeftAlone(path, block.family, block.name, ALREADY)
    left_alone = None
    for block in BLOCKS:
        if block.has_structure_of(module):
            reason = _swap_if_the_same(block, module)
            if reason is None:
                return Replaced(path, block.family, block.name)
            left_alone = left_alone or LeftAlone(path, block.family, block.name, reason)
    return left_alone


def _swap_if_the_same(block: Block, module: nn.Module) -> str | None:
    """Swap the class of a module that computes what the block's replacement computes; otherwise why not."""
    reason = block.obstacle(module)
    if reason is not None:
        return reason
    reasons = []
    for align_corners in block.align_corners:
        reason = difference(block, module, align_corners)
        if reason is None:
            swap(module, block.mixin, align_corners)
            return None
        reasons.append(reason)
    return reasons[0]  # of the published setting


def _bake(path: str, module: nn.Module) -> Replaced | LeftAlone | None:
    if any(isinstance(hook, BakedSpectralNorm) for hook in hooks_of(module)):
        return LeftAlone(path, PYTORCH, SPECTRAL_NORM, ALREADY)
    if bake(module):
        return Replaced(path, PYTORCH, SPECTRAL_NORM)
    if isinstance(module, _SpectralNorm):
        reason = "a parametrization: use torch.nn.utils.parametrize.cached()"
        return LeftAlone(path, PYTORCH, SPECTRAL_NORM, reason)
    return None


def _own_class(model: nn.Module) -> type[nn.Module]:
    return model._ptus_original if isinstance(model, Accelerated) else type(model)
