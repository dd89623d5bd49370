"""The whole model, in every configuration."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import ptus_kernels
from ptus.model import PRESETS, PTUS, ModelConfig
from ptus.model.accounting import parts
from ptus.model.hair import Hair
from ptus.model.inference import for_inference
from ptus.model.layers import identity_grid

Make = Callable[[ModelConfig], PTUS]


def test_shapes(config: ModelConfig, make: Make, pictures: Tensor, boxes: Tensor) -> None:
    model = make(config).requires_grad_(False)
    appearance, motion = model.encode(pictures[:1]), model.estimate(pictures, boxes)
    rendered = model.render_with_warp(appearance, motion[:1], motion)
    assert rendered.pictures.shape == pictures.shape and rendered.pictures.dtype == torch.float32
    assert rendered.pictures.min() >= 0 and rendered.pictures.max() <= 1
    assert rendered.flow.shape == (3, config.size, config.size, 2)
    assert motion.body.shape == (3, config.estimated_body_keypoints, 3)
    assert motion.face.shape == (3, config.estimated_face_keypoints, 3)
    assert rendered.warped.deformation.shape == (3, *config.volume_size, 3)
    assert (rendered.warped.face_region is None) == (not config.face_body)


def test_gradients_reach_every_parameter(config: ModelConfig, make: Make, pictures: Tensor, boxes: Tensor) -> None:
    model = make(config).train()
    model(pictures[:2], boxes[:2], pictures[1:], boxes[1:]).square().sum().backward()
    silent = [
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is None or not parameter.grad.any() or not parameter.grad.isfinite().all()
    ]
    assert not silent


def test_no_motion_is_the_identity(config: ModelConfig, make: Make, pictures: Tensor, boxes: Tensor) -> None:
    model = make(config).requires_grad_(False)
    for name, parameter in model.decoder.named_parameters():
        if name.endswith("shown_and_flow.weight"):
            torch.nn.init.normal_(parameter, std=0.1)
    appearance, motion = model.encode(pictures), model.estimate(pictures, boxes)
    rendered = model.render_with_warp(appearance, motion, motion)
    still = identity_grid(config.volume_size, motion.body)
    there = identity_grid((config.size, config.size), motion.body)
    torch.testing.assert_close(rendered.warped.deformation, still.expand(3, -1, -1, -1, -1), rtol=0, atol=2e-6)
    torch.testing.assert_close(rendered.flow, there.expand(3, -1, -1, -1), rtol=0, atol=4e-6)
    moved = model.render_with_warp(appearance, motion, motion[[1, 2, 0]])
    assert (moved.warped.deformation - still).abs().max() > 1e-3


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_fused_and_reference_agree(
    dtype: torch.dtype, config: ModelConfig, make: Make, pictures: Tensor, boxes: Tensor
) -> None:
    model, frames, at = make(config).to(dtype), pictures.to(dtype), boxes.to(dtype)

    def found() -> list[Tensor]:
        model.zero_grad()
        rendered = model(frames[:2], at[:2], frames[1:], at[1:])
        rendered.sum().backward()
        return [rendered.detach(), *(parameter.grad for parameter in model.parameters() if parameter.grad is not None)]

    fused = found()
    with ptus_kernels.use_backend("reference"):
        reference = found()
    torch.testing.assert_close(fused[0], reference[0], rtol=0, atol=1e-4 if dtype == torch.float32 else 1e-10)
    if dtype == torch.float32:  # what does not move lies on the borders of cells, where this rounds to either side
        ours, theirs = (torch.cat([gradient.flatten() for gradient in outcome[1:]]) for outcome in (fused, reference))
        assert (ours - theirs).norm() <= 1e-2 * theirs.norm()
        return
    for ours, theirs in zip(fused[1:], reference[1:], strict=True):
        assert (ours - theirs).norm() <= 1e-9 * theirs.norm() + 1e-12


def test_one_source_for_many_frames(slim: PTUS, pictures: Tensor, boxes: Tensor) -> None:
    appearance, motion = slim.encode(pictures[:1]), slim.estimate(pictures, boxes)
    together = slim.render(appearance, motion[:1], motion)
    for number in range(3):
        alone = slim.render(appearance, motion[:1], motion[number : number + 1])
        torch.testing.assert_close(together[number : number + 1], alone, rtol=0, atol=1e-5)


def test_folded_norms_change_nothing(config: ModelConfig, make: Make, pictures: Tensor, boxes: Tensor) -> None:
    model = make(config)
    for name, buffer in model.named_buffers():
        if buffer.is_floating_point():
            torch.nn.init.uniform_(buffer, 0.5, 1.5) if name.endswith("var") else torch.nn.init.normal_(buffer, std=0.1)
    drawn = torch.get_rng_state()
    ready = for_inference(model)
    assert torch.get_rng_state().equal(drawn)
    assert not any(isinstance(module, torch.nn.modules.batchnorm._BatchNorm) for module in ready.modules())
    arguments = (pictures[:2], boxes[:2], pictures[1:], boxes[1:])
    torch.testing.assert_close(ready(*arguments), model(*arguments).detach(), rtol=0, atol=1e-4)


def test_half_types_keep_motion_in_float32(slim: PTUS, pictures: Tensor, boxes: Tensor) -> None:
    half = for_inference(slim, torch.bfloat16)
    motion = half.estimate(pictures, boxes)
    assert all(tensor.dtype == torch.float32 for tensor in motion.tensors())
    rendered = half.render_with_warp(half.encode(pictures[:1]), motion[:1], motion)
    exact = slim.render(slim.encode(pictures[:1]), motion[:1], motion)
    assert rendered.warped.deformation.dtype == rendered.flow.dtype == torch.float32
    assert (rendered.pictures - exact).abs().mean() < 0.01


def test_one_source_or_one_of_each(slim: PTUS, pictures: Tensor, boxes: Tensor) -> None:
    """Appearances and motions of sources may both be of one frame or of as many as are driven."""
    motion = slim.estimate(pictures, boxes)
    one, each = slim.encode(pictures[:1]), slim.encode(pictures[:1].expand_as(pictures))
    expected = slim.render(one, motion[:1], motion)
    for appearance, source in ((one, motion[:1].expand(3)), (each, motion[:1]), (each, motion[:1].expand(3))):
        torch.testing.assert_close(slim.render(appearance, source, motion), expected, rtol=0, atol=1e-4)


def test_compiles(slim: PTUS, pictures: Tensor, boxes: Tensor) -> None:
    appearance, motion = slim.encode(pictures[:1]), slim.estimate(pictures, boxes)
    compiled = torch.compile(slim.warping, fullgraph=True, dynamic=False, backend="aot_eager")
    hair = Hair.of(appearance.picture, motion[:1])
    given = appearance.expand(3), motion[:1].expand(3), motion, hair.expand(3)
    torch.testing.assert_close(compiled(*given).features, slim.warping(*given).features, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", PRESETS)
def test_size(name: str) -> None:
    *_, total = parts(PRESETS[name])
    assert total.parameters <= 12_000_000
    if PRESETS[name].size == 256:
        assert total.frame_flops <= 12e9
    assert total.frame_flops > 1e9


def test_pictures_of_another_size(slim: PTUS, boxes: Tensor) -> None:
    with pytest.raises(ValueError, match=r"frames: expected \(B, 3, 128, 128\), got \(3, 3, 64, 64\)"):
        slim.estimate(torch.zeros(3, 3, 64, 64), boxes)
    with pytest.raises(ValueError, match=r"source: expected \(B, 3, 128, 128\), got \(3, 128, 128\)"):
        slim.encode(torch.zeros(3, 128, 128))
    with pytest.raises(ValueError, match=r"face_boxes: expected \(3, 4\), got \(4,\)"):
        slim.estimate(torch.zeros(3, 3, 128, 128), boxes[0])
