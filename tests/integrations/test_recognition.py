"""What looks like a known block and computes something else is left alone, with the reason."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from examples.published import articulated, face_vid2vid, first_order, live_portrait, thin_plate_spline
from examples.published.layers import deformed, heatmaps, resized, with_background
from ptus_kernels import accelerate, use_backend
from ptus_kernels.backend import HAS_TRITON
from ptus_kernels.integrations.report import Report
from tests.integrations.families import FAMILIES, assert_same

SMALL = first_order.SMALL
FIRST_ORDER = next(family for family in FAMILIES if family.name == "first-order-model")


def reason(report: Report, block: str) -> str:
    """Why the one block of this kind was left alone."""
    assert block not in {each.block for each in report.replaced}
    (found,) = [each.reason for each in report.left_alone if each.block == block]
    assert f"left alone, {found}: " in str(report)
    return found


class BorderPadding(first_order.OcclusionAwareGenerator):
    """A subclass."""

    def deform_input(self, inp: Tensor, deformation: Tensor) -> Tensor:
        return F.grid_sample(inp, deformation, padding_mode="border", align_corners=False)


def test_a_subclass_that_overrides_a_method() -> None:
    found = reason(accelerate(BorderPadding(SMALL)), "generator")
    assert found == "BorderPadding overrides deform_input of OcclusionAwareGenerator"


def test_a_subclass_that_adds_a_method_is_fine() -> None:
    class Named(first_order.OcclusionAwareGenerator):
        def name(self) -> str:
            return "mine"

    model = Named(SMALL)
    assert accelerate(model).left_alone == ()
    assert model.name() == "mine"


def test_a_method_of_the_instance() -> None:
    model = first_order.OcclusionAwareGenerator(SMALL)
    model.forward = model.forward  # type: ignore[method-assign]
    assert reason(accelerate(model), "generator") == "forward is replaced on the instance"


def of_first_order(monkeypatch: pytest.MonkeyPatch, kind: type, method: str, replacement: Any) -> Report:
    """Accelerate a model of which a class has another method from the start."""
    monkeypatch.setattr(kind, method, replacement)
    return accelerate(first_order.OcclusionAwareGenerator(SMALL))


def test_another_padding(monkeypatch: pytest.MonkeyPatch) -> None:
    def with_border(self: Any, inp: Tensor, deformation: Tensor) -> Tensor:
        points = resized(deformation, inp.shape[2:])
        return F.grid_sample(inp, points, padding_mode="border", align_corners=False)

    report = of_first_order(monkeypatch, first_order.OcclusionAwareGenerator, "deform_input", with_border)
    assert "differs by" in reason(report, "generator")


def test_another_heatmap(monkeypatch: pytest.MonkeyPatch) -> None:
    def wider(self: Any, image: Tensor, kp_driving: Any, kp_source: Any) -> Tensor:
        maps = [heatmaps(kp["value"], image.shape[2:], 0.02) for kp in (kp_driving, kp_source)]
        return with_background(maps[0] - maps[1]).unsqueeze(2)

    report = of_first_order(monkeypatch, first_order.DenseMotionNetwork, "create_heatmap_representations", wider)
    assert "differs by" in reason(report, "dense motion")


def test_another_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    def centres(size: Any, like: Tensor) -> Tensor:
        axes = [(2 * torch.arange(n) + 1 - n).to(like) / n for n in size]
        return torch.stack(torch.meshgrid(*axes, indexing="ij")[::-1], dim=-1)

    monkeypatch.setattr("examples.published.layers.coordinates", centres)
    report = accelerate(first_order.OcclusionAwareGenerator(SMALL))
    assert "differs by" in reason(report, "dense motion")


def test_another_output(monkeypatch: pytest.MonkeyPatch) -> None:
    own = first_order.DenseMotionNetwork.forward

    def with_flow(self: Any, source_image: Tensor, kp_driving: Any, kp_source: Any) -> dict[str, Tensor]:
        found = own(self, source_image, kp_driving, kp_source)
        return {**found, "flow": found["deformation"]}

    report = of_first_order(monkeypatch, first_order.DenseMotionNetwork, "forward", with_flow)
    assert "forward has sparse_deformed, mask, deformation, occlusion_map, flow" in reason(report, "dense motion")


def test_what_cannot_be_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Any, source_image: Tensor, kp_driving: Any, kp_source: Any) -> dict[str, Tensor]:
        return {"mask": self.there_is_no_such_thing}

    report = of_first_order(monkeypatch, first_order.DenseMotionNetwork, "forward", broken)
    assert "its forward raised AttributeError when it was tried" in reason(report, "dense motion")


def test_what_has_something_else_where_a_block_has_its_own() -> None:
    model = first_order.OcclusionAwareGenerator(SMALL).to("meta")
    assert "it cannot be tried: NotImplementedError" in reason(accelerate(model), "anti-aliased resizing")


def test_another_setting_that_the_ops_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def aligned(self: Any, image: Tensor, motions: Tensor) -> Tensor:
        return deformed(image, motions, align_corners=True)

    def warped(self: Any, inp: Tensor, deformation: Tensor) -> Tensor:
        return F.grid_sample(inp, resized(deformation, inp.shape[2:]), align_corners=True)

    monkeypatch.setattr(first_order.OcclusionAwareGenerator, "deform_input", warped)
    monkeypatch.setattr(first_order.DenseMotionNetwork, "create_deformed_source_image", aligned)
    model, accelerated = FIRST_ORDER.model(), FIRST_ORDER.model()
    assert accelerate(accelerated).left_alone == ()
    with torch.no_grad():
        assert_same(accelerated(**FIRST_ORDER.inputs()), model(**FIRST_ORDER.inputs()))


def test_settings_that_the_ops_do_not_do() -> None:
    predictor = articulated.PixelwiseFlowPredictor(articulated.SMALL)
    predictor.use_deformed_source = False
    assert reason(accelerate(predictor), "flow predictor") == "use_deformed_source is off"

    norm = live_portrait.SPADE(4, 3)
    norm.param_free_norm = nn.InstanceNorm2d(4, affine=True)
    assert reason(accelerate(norm), "normalisation") == "its instance norm learns or tracks something"
    norm.param_free_norm = nn.BatchNorm2d(4, affine=False)  # type: ignore[assignment]
    assert reason(accelerate(norm), "normalisation") == "its normalisation is BatchNorm2d"

    decoder = live_portrait.SPADEDecoder(4, 3, 3)
    decoder.up = nn.Upsample(scale_factor=2, mode="bilinear")
    assert reason(accelerate(decoder), "decoder") == "it does not enlarge to the nearest pixels by 2"


def test_trying_leaves_no_trace() -> None:
    model = thin_plate_spline.Animation(thin_plate_spline.SMALL).train()
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    random = torch.get_rng_state()
    accelerate(model)
    assert torch.equal(torch.get_rng_state(), random)
    assert all(module.training for module in model.modules())
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, state[name])


def test_trying_leaves_the_seeds_of_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FIRST_ORDER.model()
    seeds: list[int] = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeds.append)
    accelerate(model)
    assert seeds == []


@pytest.mark.skipif(not HAS_TRITON, reason="needs Triton")
def test_recognised_whatever_is_forced() -> None:
    torch.set_default_dtype(torch.bfloat16)
    try:
        with use_backend("triton"):
            assert accelerate(first_order.OcclusionAwareGenerator(SMALL)).left_alone == ()
        assert torch.get_default_dtype() == torch.bfloat16
    finally:
        torch.set_default_dtype(torch.float32)


def test_recognised_in_any_type_and_under_autocast() -> None:
    model = face_vid2vid.OcclusionAwareGenerator(face_vid2vid.SMALL).bfloat16()
    with torch.autocast("cpu"), torch.inference_mode():
        assert accelerate(model).left_alone == ()
