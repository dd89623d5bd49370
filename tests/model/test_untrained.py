"""What an untrained model begins with: volumes convolved as by PyTorch, and a source that is shown as it is."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from ptus.model import PTUS, ModelConfig
from ptus.model.decoder import LARGEST_SHOWN
from ptus.model.layers import VolumeConv
from ptus.model.warping import SHOWN_AT_FIRST
from tests.model.conftest import SLIM


def test_planes_beside_their_neighbours_make_a_volumes_convolution() -> None:
    convolution, volume = VolumeConv(5, 7), torch.randn(2, 5, 6, 9, 8)
    weight = convolution.weight.view(7, 3, 5, 3, 3).transpose(1, 2)
    torch.testing.assert_close(convolution(volume), F.conv3d(volume, weight, padding=1), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def showing(logit: float) -> PTUS:
    """A model whose last occlusion map is the same everywhere."""
    model = PTUS(SLIM).eval()
    last = model.decoder.picture_and_shown
    assert last.bias is not None
    last.weight[3:] = 0
    last.bias[3:] = logit
    return model


@pytest.mark.parametrize("logit", [30.0, -30.0])
@torch.no_grad()
def test_the_source_is_shown_where_it_is_seen(logit: float) -> None:
    """With driving = source as much of it as an occlusion map can give, to rounding of the flow, or take away.

    It cannot take lids and lips away.
    """
    model = showing(logit)
    source, box = torch.rand(1, 3, SLIM.size, SLIM.size), torch.tensor([[-0.3, -0.6, 0.3, 0.0]])
    motion = model.estimate(source, box)
    found = model.render_with_warp(model.encode(source), motion, motion)
    share = torch.sigmoid(torch.tensor(LARGEST_SHOWN)).item()
    assert share > 0.98
    shown, drawn = (source, found.drawn) if logit > 0 else (found.drawn, source)
    of_source = found.warped.openings.of_source
    assert of_source is not None
    face = of_source.on((SLIM.size, SLIM.size)) > 0
    difference = (found.pictures - (share * shown + (1 - share) * drawn)).abs()
    assert difference.where(~face, 0).mean() < 1e-3
    assert (source - found.drawn).abs().mean() > 0.1


def test_volumes_are_shown_at_first(config: ModelConfig) -> None:
    model = PTUS(config)
    bias = model.warping.occlusion.bias
    assert bias is not None and bias.tolist() == [SHOWN_AT_FIRST]


def test_what_is_drawn_learns_also_where_the_source_is_shown() -> None:
    model = showing(30.0)
    source, box = torch.rand(1, 3, SLIM.size, SLIM.size), torch.tensor([[-0.3, -0.6, 0.3, 0.0]])
    motion = model.estimate(source, box)
    model.render(model.encode(source), motion, motion).sum().backward()
    gradient = model.decoder.picture_and_shown.weight.grad
    assert gradient is not None and gradient[:3].abs().mean() > 1e-3


@torch.no_grad()
def test_drawing_begins_from_colours_of_the_source_and_not_from_its_details() -> None:
    model = showing(-30.0)
    last = model.decoder.picture_and_shown
    assert last.bias is not None
    last.weight[:3] = 0
    last.bias[:3] = torch.tensor([0.0, 1.0, 0.0])
    box, side = torch.tensor([[-0.3, -0.6, 0.3, 0.0]]), SLIM.size
    source = torch.tensor([0.2, 0.5, 0.9])[None, :, None, None].repeat(1, 1, side, side)
    source[..., side // 2 :] = 0.4
    source += 0.05 * torch.tensor([1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0]).repeat(side // 8)
    motion = model.estimate(source, box)
    drawn = model.render_with_warp(model.encode(source), motion, motion).drawn[0]
    expected = torch.tensor([[0.2, 0.4], [0.5, 0.4], [0.9, 0.4]])
    expected[1] = (expected[1].logit() + 1).sigmoid()
    for half, place in enumerate((slice(8, side // 2 - 8), slice(side // 2 + 8, -8))):
        found = drawn[..., place]
        torch.testing.assert_close(found, expected[:, half, None, None].expand_as(found), rtol=0, atol=2e-3)


@torch.no_grad()
def test_beyond_the_sources_edge_is_its_border() -> None:
    model = showing(30.0)
    source, box = torch.full((1, 3, SLIM.size, SLIM.size), 0.75), torch.tensor([[-0.3, -0.6, 0.3, 0.0]])
    motion = model.estimate(source, box)
    away = replace(motion, body=motion.body + 1.0, translation=motion.translation + 1.0)
    appearance = model.encode(source)
    moved = model.render_with_warp(appearance, away, motion)
    assert moved.flow.abs().max() > 1.1
    share = torch.sigmoid(torch.tensor(LARGEST_SHOWN))
    torch.testing.assert_close(moved.pictures, share * source + (1 - share) * moved.drawn, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("far", "expected"), [(0.5, 2 / 31 + 2 / 63), (0.01, 0.02), (0.0, 0.0)])
@torch.no_grad()
def test_each_level_makes_flow_finer_by_a_point_of_the_one_before_at_most(far: float, expected: float) -> None:
    """And by no more than the farthest that anything moves; by nothing before it is learned."""
    model, flows = PTUS(SLIM).eval(), []
    source, box = torch.rand(1, 3, SLIM.size, SLIM.size), torch.tensor([[-0.3, -0.6, 0.3, 0.0]])
    appearance, motion = model.encode(source), model.estimate(source, box)
    driven = replace(motion, body=motion.body + torch.tensor([far, 0.0, 0.0]))
    for learned in (0.0, 30.0):
        for name, parameter in model.decoder.named_parameters():
            if name.endswith("shown_and_flow.bias"):
                parameter[1:] = learned
        flows.append(model.render_with_warp(appearance, motion, driven).flow)
    torch.testing.assert_close(flows[1] - flows[0], torch.full_like(flows[0], expected), rtol=0, atol=1e-5)
