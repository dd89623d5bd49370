"""Spectral norm, computed once in evaluation, and again whenever what it is made of has changed."""

import copy
import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import remove_spectral_norm, spectral_norm
from torch.nn.utils.parametrizations import spectral_norm as parametrized
from torch.nn.utils.spectral_norm import SpectralNorm

from ptus_kernels import accelerate


def network() -> Any:
    torch.manual_seed(8)
    layer = spectral_norm(nn.Conv2d(3, 4, 3))
    with torch.no_grad():
        layer(torch.randn(1, 3, 5, 5))
    return layer.eval()


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How often a weight was computed since the last time this was asked."""
    count = [0]
    own = SpectralNorm.compute_weight

    def counted(self: SpectralNorm, module: nn.Module, do_power_iteration: bool) -> Tensor:
        count[0] += 1
        return own(self, module, do_power_iteration)

    monkeypatch.setattr(SpectralNorm, "compute_weight", counted)

    def since() -> int:
        seen, count[0] = count[0], 0
        return seen

    return since


IMAGE = torch.randn(1, 3, 6, 6, generator=torch.Generator().manual_seed(1))


def same(layer: nn.Module, plain: nn.Module) -> bool:
    return torch.equal(layer(IMAGE), plain(IMAGE))


@pytest.mark.parametrize("without_gradients", [torch.no_grad, torch.inference_mode])
def test_once_in_evaluation(without_gradients: Any, computed: Callable[[], int]) -> None:
    layer, plain = network(), network()
    accelerate(layer)
    computed()
    with without_gradients():
        for _ in range(3):
            layer(IMAGE)
        assert computed() == 1
        assert same(layer, plain)


CHANGES: dict[str, Callable[[Any], object]] = {
    "another checkpoint": lambda layer: layer.load_state_dict({k: 2 * v for k, v in layer.state_dict().items()}),
    "an assigned checkpoint": lambda layer: layer.load_state_dict(
        {k: 2 * v for k, v in layer.state_dict().items()}, assign=True
    ),
    "another type": lambda layer: layer.bfloat16().float(),
    "a step in place": lambda layer: layer.weight_orig.mul_(3),
    "another parameter": lambda layer: setattr(layer, "weight_orig", nn.Parameter(torch.ones(4, 3, 3, 3))),
    "another vector": lambda layer: layer.weight_u.mul_(2),
    "another weight": lambda layer: setattr(layer, "weight", torch.zeros(4, 3, 3, 3)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_again_after_a_change(change: Callable[[Any], object], computed: Callable[[], int]) -> None:
    layer, plain = network(), network()
    accelerate(layer)
    with torch.no_grad():
        layer(IMAGE)
        change(layer)
        change(plain)
        computed()
        layer(IMAGE)
        assert computed() == 1
        assert same(layer, plain)


def test_training_and_gradients_are_as_before() -> None:
    layer, plain = network(), network()
    accelerate(layer)
    with torch.no_grad():
        layer(IMAGE)
    found, expected = (torch.autograd.grad(each(IMAGE).square().sum(), each.weight_orig)[0] for each in (layer, plain))
    assert torch.equal(found, expected)
    for each in (layer, plain):
        each.train()(IMAGE)
        each.eval()
    with torch.no_grad():
        assert same(layer, plain)
        assert torch.equal(layer.weight_u, plain.weight_u)


def test_copies_compute_their_own(computed: Callable[[], int]) -> None:
    layer = network()
    accelerate(layer)
    with torch.no_grad():
        layer(IMAGE)
        file = io.BytesIO()
        torch.save(layer, file)
        file.seek(0)
        for other in (copy.deepcopy(layer), torch.load(file, weights_only=False)):
            other.weight_orig.mul_(2)
            plain = network()
            plain.weight_orig.mul_(2)
            computed()
            other(IMAGE)
            other(IMAGE)
            assert computed() == 1
            assert same(other, plain)


def test_undone_and_removed() -> None:
    layer = network()
    names = list(layer.state_dict())
    report = accelerate(layer)
    assert list(layer.state_dict()) == names
    remove_spectral_norm(copy.deepcopy(layer))
    report.undo()
    (hook,) = layer._forward_pre_hooks.values()
    assert type(hook) is SpectralNorm
    assert vars(hook).keys() == {"name", "dim", "n_power_iterations", "eps"}


def test_a_parametrization_is_left_alone() -> None:
    report = accelerate(parametrized(nn.Conv2d(3, 4, 3)))
    (left,) = report.left_alone
    assert "parametrize.cached()" in left.reason
