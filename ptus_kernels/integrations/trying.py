"""Tries a block's replacement on a small stand-in: recognised is what computes the same, not what looks the same."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ptus_kernels.backend import use_backend
from ptus_kernels.integrations.block import Block, Trial
from ptus_kernels.integrations.swapping import swap

TOLERANCE = 1e-4  # of an output's range


def difference(block: Block, module: nn.Module, align_corners: bool) -> str | None:
    """In what the replacement computes something else than the block's own methods, in words; None if in nothing.

    Both run on the CPU on small random inputs that reach beyond the borders, in evaluation and in training, whatever
    backend and type the user has chosen. The block's own modules, parameters and hooks take no part.

    Args:
        block: what the module was recognised as.
        module: the block.
        align_corners: with which the replacement reads motions.
    """
    with _usual_settings(), torch.device("cpu"), torch.autocast("cpu", enabled=False), torch.no_grad():
        try:
            trial = block.trial(module)
        except Exception as error:  # it has this block's structure, and something else in it
            return f"it cannot be tried: {type(error).__name__}: {error}"
        state = torch.get_rng_state()
        for training in (False, True):
            for method, arguments in trial.calls:
                outcomes: list[Any] = []
                for accelerated in (False, True):
                    torch.set_rng_state(state)
                    try:
                        stand_in = _stand_in(module, trial, training)
                        if accelerated:
                            swap(stand_in, block.mixin, align_corners)
                        outcomes.append(getattr(stand_in, method)(**copy.deepcopy(arguments)))
                    except Exception as error:  # whatever a stranger's code raises is a reason to leave it alone
                        whose = "the replacement's" if accelerated else "its"
                        return f"{whose} {method} raised {type(error).__name__} when it was tried: {error}"
                found = _difference(outcomes[0], outcomes[1], method)
                if found is not None:
                    return found
    return None


@contextmanager
def _usual_settings() -> Iterator[None]:
    """Random numbers that are always the same, float32 and the backend that suits the CPU; then the user's again."""
    usual = torch.get_default_dtype()
    with torch.random.fork_rng(devices=[]), use_backend("auto"):
        torch.default_generator.manual_seed(17)  # torch.manual_seed would seed every GPU too
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(usual)


def _stand_in(module: nn.Module, trial: Trial, training: bool) -> nn.Module:
    """A block with the class and the plain attributes of another, and small modules of its own."""
    stand_in = type(module).__new__(type(module))
    nn.Module.__init__(stand_in)
    fresh = set(stand_in.__dict__)
    stand_in.__dict__.update({name: value for name, value in module.__dict__.items() if name not in fresh})
    stand_in.__dict__.update(trial.attributes)
    stand_in._buffers.update(trial.buffers)
    stand_in._modules.update({name: copy.deepcopy(part) for name, part in trial.modules.items()})
    return stand_in.train(training)


def _difference(expected: Any, found: Any, name: str) -> str | None:
    if isinstance(expected, Tensor) and isinstance(found, Tensor):
        return _difference_of_tensors(expected, found, name)
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        if expected.keys() != found.keys():
            return f"{name} has {', '.join(map(str, expected))}; the ops give {', '.join(map(str, found))}"
        pairs = [(expected[key], found[key], f"{name}: {key}") for key in expected]
    elif isinstance(expected, Sequence) and isinstance(found, Sequence) and len(expected) == len(found):
        pairs = [(*pair, f"{name}: {index}") for index, pair in enumerate(zip(expected, found, strict=True))]
    else:
        same = expected is None and found is None
        return None if same else f"{name} is of {type(expected).__name__}; the ops give {type(found).__name__}"
    return next((words for pair in pairs if (words := _difference(*pair)) is not None), None)


def _difference_of_tensors(expected: Tensor, found: Tensor, name: str) -> str | None:
    if expected.shape != found.shape or expected.dtype != found.dtype:
        described = [f"{tuple(tensor.shape)} of {tensor.dtype}" for tensor in (expected, found)]
        return f"{name} is {described[0]}; the ops give {described[1]}"
    spread = float(expected.max() - expected.min())
    distance = float((expected - found).abs().max())
    if distance <= TOLERANCE * spread:
        return None
    return f"{name} differs by {distance / max(spread, 1e-12):.1g} of its range from what the ops compute"
