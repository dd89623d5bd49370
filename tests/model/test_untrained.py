"""What an untrained model begins with: volumes convolved as by PyTorch, and a source that is shown as it is."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from ptus.model import PTUS
from ptus.model.layers import VolumeConv
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
    """With driving = source all of it, to rounding of the flow, where the occlusion map says so; else nothing of it."""
    model = showing(logit)
    source, box = torch.rand(1, 3, SLIM.size, SLIM.size), torch.tensor([[-0.3, -0.6, 0.3, 0.0]])
    motion = model.estimate(source, box)
    error = (model.render(model.encode(source), motion, motion) - source).abs().mean()
    assert error < 1e-3 if logit > 0 else error > 0.1


@torch.no_grad()
def test_beyond_the_sources_edge_is_its_border() -> None:
    model = showing(30.0)
    source, box = torch.full((1, 3, SLIM.size, SLIM.size), 0.75), torch.tensor([[-0.3, -0.6, 0.3, 0.0]])
    motion = model.estimate(source, box)
    away = replace(motion, body=motion.body + 1.0, translation=motion.translation + 1.0)
    appearance = model.encode(source)
    moved = model.render_with_warp(appearance, away, motion)
    assert moved.flow.abs().max() > 1.1
    torch.testing.assert_close(moved.pictures, source, rtol=0, atol=1e-5)
