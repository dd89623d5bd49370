"""Pictures as large as their source."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from ptus.model import PRESETS, PTUS
from ptus.model.composition import local_motions
from ptus.model.enlarging import enlarged
from ptus.model.eyes import EyeFlow
from ptus.model.face_flow import FaceFlow
from ptus.model.inference import for_inference
from ptus.model.layers import identity_grid
from ptus.model.mouth import Mouth
from ptus.model.source_edges import Sides
from tests.model.test_mouth import talking

SIDE = 16
ALL, NOTHING = 30.0, -30.0  # logits of the source's share


def still(size: int = SIDE) -> Tensor:
    return identity_grid((size, size), torch.zeros(())).unsqueeze(0)


def same(logit: float) -> Tensor:
    return torch.full((1, 1, SIDE, SIDE), logit)


@pytest.mark.parametrize("size", [SIDE, 17, 48, 101])
def test_what_does_not_move_is_the_source_itself(size: int) -> None:
    source, drawn = torch.rand(1, 3, size, size), torch.rand(1, 3, SIDE, SIDE)
    found = enlarged(source, still(), same(ALL), drawn, FaceFlow())
    torch.testing.assert_close(found, source, rtol=0, atol=1e-4)


@pytest.mark.parametrize("size", [SIDE, 48])
def test_what_moves_by_a_pixel_moves_by_as_much_of_a_larger_picture(size: int) -> None:
    source, moved = torch.rand(1, 3, size, size), size // SIDE
    right = still() + torch.tensor([2 / (SIDE - 1), 0.0])  # each point is seen a pixel farther right
    found = enlarged(source, right, same(ALL), torch.zeros(1, 3, SIDE, SIDE), FaceFlow())
    torch.testing.assert_close(found[..., :-moved], source[..., moved:], rtol=0, atol=1e-4)


@pytest.mark.parametrize("size", [SIDE, 48])
def test_beyond_its_edges_a_source_goes_on_as_its_mirror_image_but_above(size: int) -> None:
    source, moved, step = torch.rand(1, 3, size, size), 2 * (size // SIDE), 2 * 2 / (SIDE - 1)
    drawn, beyond = torch.zeros(1, 3, SIDE, SIDE), slice(-moved, None)
    right, below, above = (
        enlarged(source, still() + torch.tensor(way), same(ALL), drawn, FaceFlow())
        for way in ((step, 0.0), (0.0, step), (0.0, -step))
    )
    torch.testing.assert_close(right[..., beyond], source[..., beyond].flip(3), rtol=0, atol=1e-4)
    torch.testing.assert_close(below[..., beyond, :], source[..., beyond, :].flip(2), rtol=0, atol=1e-4)
    first = source[..., : size // SIDE, :]  # what lies above is of the first of the flow's own rows
    assert above[..., 0, :].min() >= first.min() - 1e-4 and above[..., 0, :].max() <= first.max() + 1e-4


def test_where_the_picture_goes_on_edges_are_the_sources() -> None:
    source, far = torch.rand(1, 3, 48, 48), still() + 0.7
    edges = [
        enlarged(source, far, same(ALL), torch.zeros(1, 3, SIDE, SIDE), FaceFlow(), Sides(*[on] * 4))
        for on in (True, False)
    ]
    rim = torch.ones(48, 48, dtype=torch.bool)
    rim[:-1, 1:-1] = False  # along the upper edge all may move
    held, free = ((found - source)[..., rim].abs() for found in edges)
    assert held.mean() < 0.1 < free.mean()


def test_what_the_source_does_not_show_is_drawn() -> None:
    drawn = torch.rand(1, 3, 1, 1).expand(-1, -1, SIDE, SIDE)
    found = enlarged(torch.rand(1, 3, 40, 40), still(), same(NOTHING), drawn, FaceFlow())
    torch.testing.assert_close(found, drawn[..., :1, :1].expand_as(found))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("sources", [1, 3])
@torch.no_grad()
def test_of_the_models_own_size_it_is_the_decoders_picture(
    slim: PTUS, pictures: Tensor, boxes: Tensor, dtype: torch.dtype, sources: int
) -> None:
    model, shown = for_inference(slim, dtype), pictures[:sources]
    appearance, motion = model.encode(shown), model.estimate(pictures, boxes)
    source, driven = motion[:sources], motion[[1, 2, 0]]
    expected = model.render(appearance, source, driven)
    found = model.render(appearance, source, driven, shown)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


@torch.no_grad()
def test_what_a_model_renders_fits_what_is_around_it(slim: PTUS, pictures: Tensor, boxes: Tensor) -> None:
    model, appearance, source = for_inference(slim), slim.encode(pictures[:1]), slim.estimate(pictures[:1], boxes[:1])
    driven = replace(source, translation=source.translation + 0.3, body=source.body + 0.3)
    found = [model.render(appearance, source, driven, pictures[:1], Sides(bottom=on)) for on in (True, False)]
    held, free = ((picture - pictures[:1])[..., -1, 8:-8].abs().mean() for picture in found)
    assert held < free / 2


def test_pictures_of_the_decoder_alone_fit_nothing_around_them(slim: PTUS, pictures: Tensor, boxes: Tensor) -> None:
    motion = slim.estimate(pictures[:1], boxes[:1])
    with pytest.raises(ValueError, match="large: expected the source pictures"):
        slim.render(slim.encode(pictures[:1]), motion, motion, goes_on=Sides(top=True))


@torch.no_grad()
def test_eyes_and_mouth_of_a_larger_picture_are_as_fine_as_it_is() -> None:
    """At each of its points they are where the frame has them, not where the nearest of the flow's points does."""
    source, driven = talking(0.0, 0.0), talking(-0.05, 0.25, chin=0.15)
    _, local = local_motions(PRESETS["slim-128"], source, driven)
    mouth = Mouth.between(source, driven, local, torch.zeros(1, 3, 4, 4))
    face = FaceFlow(None, EyeFlow.between(source, driven, local), mouth)
    size, end = 120, (119 / 120) * (SIDE / (SIDE - 1))
    picture = torch.rand(1, 3, 1, size).expand(-1, -1, size, -1).contiguous()
    added = face.fine((SIDE, SIDE))
    assert added is not None
    found = enlarged(picture, still() + added, same(ALL), torch.zeros(1, 3, SIDE, SIDE), face)
    torch.testing.assert_close(found, mouth.paint(picture, end), rtol=0, atol=1e-4)  # columns are of one colour
    rows = torch.linspace(0, 1, size).view(1, 1, size, 1).expand(1, 3, size, size).contiguous()
    found = enlarged(rows, still() + added, same(ALL), torch.zeros(1, 3, SIDE, SIDE), face)
    fine = face.fine((size, size), end)
    assert fine is not None
    moved = (found - rows)[0, 0] * (size - 1) / size * 2
    seen = fine[0, ..., 1] * (SIDE - 1) / SIDE
    painted = mouth.paint(torch.zeros(1, 3, size, size), end)[0].amax(dim=0) > 0
    torch.testing.assert_close(moved[~painted], seen[~painted], rtol=0, atol=1e-3)
    assert seen.abs().max() > 0.1
