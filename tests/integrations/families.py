"""A small model of each family with random weights, and what it reads."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.spectral_norm import SpectralNorm

from examples.published import articulated, face_vid2vid, first_order, live_portrait, thin_plate_spline


@dataclass(frozen=True)
class Family:
    """A model, its inputs, and the blocks that are to be recognised in it, with how many there are."""

    name: str
    make: Callable[[], nn.Module]
    draw: Callable[[], dict[str, Any]]
    blocks: Mapping[str, int]

    @torch.no_grad()
    def model(self) -> nn.Module:
        """With statistics and spectral norms like those of a trained model."""
        torch.manual_seed(31)
        model = self.make()
        for module in model.modules():
            if isinstance(module, _BatchNorm):
                assert module.running_mean is not None and module.running_var is not None
                nn.init.uniform_(module.running_mean, -0.2, 0.2)
                nn.init.uniform_(module.running_var, 0.5, 2)
            for hook in module._forward_pre_hooks.values():
                if isinstance(hook, SpectralNorm):
                    for _ in range(10):
                        hook(module, None)
        return model.eval()

    def inputs(self, seed: int = 32) -> dict[str, Any]:
        torch.manual_seed(seed)
        return self.draw()


def picture() -> Tensor:
    coarse = torch.rand(2, 3, 8, 8)
    return nn.functional.interpolate(coarse, 64, mode="bilinear")


def pair(count: int, rank: int) -> tuple[Tensor, Tensor]:
    driving = torch.rand(2, count, rank) * 1.8 - 0.9
    return driving, driving + 0.3 * torch.rand(2, count, rank) - 0.15


def turned(count: int, rank: int) -> Tensor:
    return torch.eye(rank) + 0.2 * torch.rand(2, count, rank, rank) - 0.1


def keypoints(count: int, rank: int, jacobians: bool) -> dict[str, dict[str, Tensor]]:
    named = {name: {"value": value} for name, value in zip(("kp_driving", "kp_source"), pair(count, rank), strict=True)}
    for each in named.values() if jacobians else ():
        each["jacobian"] = turned(count, rank)
    return named


def regions(count: int) -> dict[str, dict[str, Tensor]]:
    found = {}
    for name, shift in zip(("driving_region_params", "source_region_params"), pair(count, 2), strict=True):
        shape = 0.2 * turned(count, 2)
        found[name] = {"shift": shift, "affine": shape, "covar": shape @ shape.mT}
    return found


def background() -> Tensor:
    moved = torch.eye(3).repeat(2, 1, 1)
    moved[:, :2] += 0.1 * torch.rand(2, 2, 3) - 0.05
    return moved


FAMILIES = [
    Family(
        "face-vid2vid",
        lambda: face_vid2vid.OcclusionAwareGenerator(face_vid2vid.SMALL),
        lambda: {"source_image": picture(), **keypoints(15, 3, jacobians=False)},
        {"generator": 1, "dense motion": 1},
    ),
    Family(
        "face-vid2vid with jacobians",
        lambda: face_vid2vid.OcclusionAwareGenerator(face_vid2vid.SMALL),
        lambda: {"source_image": picture(), **keypoints(15, 3, jacobians=True)},
        {"generator": 1, "dense motion": 1},
    ),
    Family(
        "face-vid2vid keypoints",
        lambda: face_vid2vid.KPDetector(face_vid2vid.SMALL),
        lambda: {"x": torch.randn(2, 4, 4, 12, 10)},
        {"keypoint detector": 1},
    ),
    Family(
        "LivePortrait",
        lambda: live_portrait.Rendering(live_portrait.SMALL, narrow=5, hidden=4),
        lambda: {
            "feature_3d": torch.randn(2, 4, 4, 16, 12),
            **dict(zip(("kp_driving", "kp_source"), pair(5, 3), strict=True)),
        },
        {
            "warping": 1,
            "dense motion": 1,
            "decoder": 1,
            "residual block": 8,
            "normalisation": 18,
            "spectral norm, once in evaluation": 18,
        },
    ),
    Family(
        "first-order-model",
        lambda: first_order.OcclusionAwareGenerator(first_order.SMALL),
        lambda: {"source_image": picture(), **keypoints(10, 2, jacobians=True)},
        {"generator": 1, "dense motion": 1, "anti-aliased resizing": 1},
    ),
    Family(
        "first-order-model without jacobians",
        lambda: first_order.OcclusionAwareGenerator(first_order.SMALL),
        lambda: {"source_image": picture(), **keypoints(10, 2, jacobians=False)},
        {"generator": 1, "dense motion": 1, "anti-aliased resizing": 1},
    ),
    Family(
        "first-order-model keypoints",
        lambda: first_order.KPDetector(first_order.SMALL),
        lambda: {"x": picture()},
        {"keypoint detector": 1, "anti-aliased resizing": 1},
    ),
    Family(
        "articulated-animation",
        lambda: articulated.Generator(articulated.SMALL),
        lambda: {"source_image": picture(), **regions(6)},
        {"generator": 1, "flow predictor": 1, "anti-aliased resizing": 1},
    ),
    Family(
        "articulated-animation with a moving background",
        lambda: articulated.Generator(articulated.SMALL),
        lambda: {"source_image": picture(), **regions(6), "bg_params": background()},
        {"generator": 1, "flow predictor": 1, "anti-aliased resizing": 1},
    ),
    Family(
        "articulated-animation regions",
        lambda: articulated.RegionPredictor(articulated.SMALL),
        lambda: {"x": picture()},
        {"region predictor": 1, "anti-aliased resizing": 1},
    ),
    Family(
        "thin-plate-spline",
        lambda: thin_plate_spline.Animation(thin_plate_spline.SMALL),
        lambda: {
            "source_image": picture(),
            **dict(zip(("kp_driving", "kp_source"), ({"fg_kp": each} for each in pair(15, 2)), strict=True)),
        },
        {"dense motion": 1, "inpainting": 1, "anti-aliased resizing": 1},
    ),
    Family(
        "thin-plate-spline with a moving background",
        lambda: thin_plate_spline.Animation(thin_plate_spline.SMALL),
        lambda: {
            "source_image": picture(),
            **dict(zip(("kp_driving", "kp_source"), ({"fg_kp": each} for each in pair(15, 2)), strict=True)),
            "bg_param": background(),
        },
        {"dense motion": 1, "inpainting": 1, "anti-aliased resizing": 1},
    ),
]

each_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)


def tensors(value: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """All tensors of nested outputs, by path."""
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from tensors(each, f"{name}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, each in enumerate(value):
            yield from tensors(each, f"{name}.{index}")
    else:
        assert value is None, type(value)


def assert_same(found: Any, expected: Any, tolerance: float = 1e-4) -> None:
    """Within a share of each output's range."""
    ours, theirs = dict(tensors(found)), dict(tensors(expected))
    assert list(ours) == list(theirs)
    for name, tensor in theirs.items():
        assert ours[name].dtype == tensor.dtype, name
        spread = float(tensor.max() - tensor.min())
        distance = float((ours[name] - tensor).abs().max())
        assert distance <= tolerance * spread, f"{name}: off by {distance / spread:.2g} of its range"


def total(outputs: Any) -> Tensor:
    """A number that depends on every output in a way of its own."""
    return torch.stack([(tensor * tensor.detach().cos()).sum() for _, tensor in tensors(outputs)]).sum()
