"""Frames of five published models before and after `accelerate`: from keypoints to a picture, at their own sizes.

Weights are random. Keypoint detectors, which are other networks, are left out.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from bench.case import Inputs
from bench.inputs import VOLUME, feature, jacobians, keypoints
from bench.model.entry import Entry
from bench.model.later import Later
from bench.settings import Measure, Setting
from examples.published import articulated, face_vid2vid, first_order, live_portrait, thin_plate_spline
from examples.published.layers import AntiAliasInterpolation
from ptus_kernels import accelerate

STAGES: dict[type[nn.Module], str] = {
    nn.Conv2d: "convolutions",
    nn.Conv3d: "convolutions",
    AntiAliasInterpolation: "convolutions",
    nn.BatchNorm2d: "normalisations",
    nn.BatchNorm3d: "normalisations",
}
POINTS = 5  # of a spline
SIDES = ("driving", "source")


class Frame(nn.Module):
    """A model whose arguments come as single tensors, and its picture.

    Args:
        model: gives a mapping with a "prediction".
        arguments: the model's, from the single tensors.
        accelerated: whether it is accelerated.
    """

    def __init__(self, model: nn.Module, arguments: Callable[[Inputs], dict[str, Any]], accelerated: bool) -> None:
        super().__init__()
        self.model = model
        self.arguments = arguments
        if accelerated:
            report = accelerate(model)
            assert report.replaced and not report.left_alone, report

    def forward(self, **inputs: Tensor) -> Tensor:
        """(B, 3, H, W)."""
        picture: Tensor = self.model(**self.arguments(inputs))["prediction"]
        return picture


def picture(random: torch.Generator, batch: int, side: int) -> Tensor:
    """A smooth picture (B, 3, side, side)."""
    coarse = torch.rand(batch, 3, side // 8, side // 8, generator=random, device=random.device)
    return nn.functional.interpolate(coarse, side, mode="bilinear", align_corners=False)


def draw_turned(random: torch.Generator, batch: int, count: int, side: int) -> Inputs:
    """A picture, keypoints and jacobians of driver and source."""
    found = {"source_image": picture(random, batch, side)}
    for name, each in zip(SIDES, keypoints(random, batch, count), strict=True):
        found[name] = each[..., :2]
        found[f"{name}_jacobian"] = jacobians(random, batch, count)[..., :2, :2]
    return found


def turned(inputs: Inputs) -> dict[str, Any]:
    """Arguments of the first-order model."""
    return {
        "source_image": inputs["source_image"],
        **{f"kp_{name}": {"value": inputs[name], "jacobian": inputs[f"{name}_jacobian"]} for name in SIDES},
    }


def draw_still(random: torch.Generator, batch: int, count: int, side: int) -> Inputs:
    """A picture and keypoints in 3-D, without jacobians, as face-vid2vid's published configuration has it."""
    driving, source = keypoints(random, batch, count)
    return {"source_image": picture(random, batch, side), "driving": driving, "source": source}


def still(inputs: Inputs) -> dict[str, Any]:
    """Arguments of face-vid2vid."""
    return {"source_image": inputs["source_image"], **{f"kp_{name}": {"value": inputs[name]} for name in SIDES}}


def in_regions(inputs: Inputs) -> dict[str, Any]:
    """Arguments of articulated animation."""
    regions = {}
    for name in SIDES:
        shape = 0.2 * inputs[f"{name}_jacobian"]
        regions[f"{name}_region_params"] = {"shift": inputs[name], "affine": shape, "covar": shape @ shape.mT}
    return {"source_image": inputs["source_image"], **regions}


def draw_splines(random: torch.Generator, batch: int, count: int, side: int) -> Inputs:
    """A picture and the keypoints of splines."""
    driving, source = (each[..., :2] for each in keypoints(random, batch, count * POINTS))
    return {"source_image": picture(random, batch, side), "driving": driving, "source": source}


def in_splines(inputs: Inputs) -> dict[str, Any]:
    """Arguments of thin-plate-spline motion."""
    return {
        "source_image": inputs["source_image"],
        **{f"kp_{name}": {"fg_kp": inputs[name]} for name in SIDES},
    }


def draw_volume(random: torch.Generator, batch: int) -> Inputs:
    """LivePortrait's feature volume and keypoints."""
    driving, source = keypoints(random, batch, live_portrait.PUBLISHED.keypoints)
    return {"feature_3d": feature(random, batch, 32, VOLUME), "driving": driving, "source": source}


def in_volume(inputs: Inputs) -> dict[str, Any]:
    """Arguments of LivePortrait."""
    return {"feature_3d": inputs["feature_3d"], **{f"kp_{name}": inputs[name] for name in SIDES}}


def _live_portrait() -> live_portrait.Rendering:
    """With a weak last convolution.

    Random weights alone would give logits down to -87, and the sigmoid after them would make of an ulp of the inputs
    4e-4 of the picture's range, in plain PyTorch as on the ops.
    """
    model = live_portrait.Rendering(live_portrait.PUBLISHED)
    with torch.no_grad():
        for parameter in model.spade_generator.conv_img.parameters():
            parameter.mul_(1 / 16)
    return model


def _frame(make: Callable[[], nn.Module], arguments: Callable[[Inputs], dict[str, Any]], accelerated: bool) -> Frame:
    return Frame(make(), arguments, accelerated)


def _entry(
    name: str,
    side: int,
    make: Callable[[], nn.Module],
    draw: Callable[[torch.Generator, int], Inputs],
    arguments: Callable[[Inputs], dict[str, Any]],
) -> Entry:
    return Entry(
        name,
        "driving frame",
        ours=Later(partial(_frame, make, arguments, accelerated=True)),
        eager=Later(partial(_frame, make, arguments, accelerated=False)),
        size=(side, side),
        draw=draw,
        features=("feature_3d",) if name == "LivePortrait" else ("source_image",),
        stages=STAGES,
        outside="the rest",
        directions=("forward",),
        readme=False,
        # A 7×7×7 convolution in float64 takes PyTorch 25 GB.
        checked_in="float32",
    )


ENTRIES = [
    _entry(
        "face-vid2vid",
        256,
        partial(face_vid2vid.OcclusionAwareGenerator, face_vid2vid.Sizes()),
        partial(draw_still, count=15, side=256),
        still,
    ),
    _entry("LivePortrait", 512, _live_portrait, draw_volume, in_volume),
    _entry(
        "first-order-model",
        256,
        partial(first_order.OcclusionAwareGenerator, first_order.Sizes()),
        partial(draw_turned, count=10, side=256),
        turned,
    ),
    _entry(
        "articulated-animation",
        384,
        partial(articulated.Generator, articulated.Sizes()),
        partial(draw_turned, count=10, side=384),
        in_regions,
    ),
    _entry(
        "thin-plate-spline",
        256,
        partial(thin_plate_spline.Animation, thin_plate_spline.PUBLISHED),
        partial(draw_splines, count=10, side=256),
        in_splines,
    ),
]
CASES = [entry.to_case() for entry in ENTRIES]


def bench_families(setting: Setting, measure: Measure) -> None:
    """A row a setting."""
    measure(setting)
