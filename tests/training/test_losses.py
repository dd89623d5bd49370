"""Each loss on inputs whose loss is known."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from ptus.errors import UserError
from ptus.model import PRESETS, PTUS, standing
from ptus.training.batch import Batch
from ptus.training.config import LossWeights
from ptus.training.losses import perceptual, priors
from ptus.training.losses.adversarial import adversarial_loss, discriminator_loss, feature_matching_loss
from ptus.training.losses.equivariance import Transform, equivariance_loss
from ptus.training.objective import Objective, eye_and_mouth_crops
from tests.model.test_motion import random_motion
from tests.training.conftest import SMALL


def test_pyramid_of_equal_and_of_shifted_levels() -> None:
    pictures = torch.rand(2, 3, 64, 64)
    compare = perceptual.PyramidLoss()
    assert float(compare(pictures, pictures)) == 0
    assert float(compare(pictures, pictures + 0.25)) == pytest.approx(0.25, rel=1e-4)  # no gradient differs


def test_pyramid_counts_edges() -> None:
    flat, edge = torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 64, 64)
    edge[..., 32:] = 1
    compare = perceptual.PyramidLoss()
    by_level = [0.5 + 1 / (64 // 2**level - 1) for level in range(4)]
    assert float(compare(edge, flat)) == pytest.approx(sum(by_level) / 4, rel=1e-5)


@pytest.fixture(scope="module")
def vgg_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of VGG-19's shapes and torchvision's names, with random weights."""
    places = [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28]
    widths = [3, 64, 64, 128, 128, 256, 256, 256, 256, 512, 512, 512, 512, 512]
    random = torch.Generator().manual_seed(2)
    weights: dict[str, Tensor] = {}
    for place, before, after in zip(places, widths[:-1], widths[1:], strict=True):
        weights[f"features.{place}.weight"] = (
            torch.randn(after, before, 3, 3, generator=random) * (2 / before / 9) ** 0.5
        )
        weights[f"features.{place}.bias"] = torch.zeros(after)
    path = tmp_path_factory.mktemp("vgg") / "vgg19.safetensors"
    save_file(weights, path)
    return path


def test_vgg_compares_what_it_is_given(vgg_file: Path) -> None:
    compare = perceptual.VggLoss(vgg_file)
    found = torch.rand(1, 3, 64, 64, requires_grad=True)
    assert float(compare(found.detach(), found.detach())) == 0
    loss = compare(found, torch.rand(1, 3, 64, 64))
    loss.backward()
    assert float(loss.detach()) > 0.1 and found.grad is not None and found.grad.any()
    assert not any(parameter.requires_grad for parameter in compare.parameters())


def test_what_is_not_vgg(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read VGG-19's weights"):
        perceptual.VggLoss(tmp_path / "none.safetensors")
    save_file(
        {"features.0.weight": torch.zeros(64, 3, 3, 3), "features.0.bias": torch.zeros(64)},
        tmp_path / "few.safetensors",
    )
    with pytest.raises(UserError, match="does not hold VGG-19"):
        perceptual.VggLoss(tmp_path / "few.safetensors")
    save_file(
        {"features.0.weight": torch.zeros(8, 3, 3, 3), "features.0.bias": torch.zeros(8)},
        tmp_path / "other.safetensors",
    )
    with pytest.raises(UserError, match=r"features\.0\.weight is not a layer of VGG-19"):
        perceptual.VggLoss(tmp_path / "other.safetensors")


def test_hinge() -> None:
    def scores(value: float) -> list[list[Tensor]]:
        return [[torch.zeros(1), torch.full((2, 1, 3, 3), float(value))]]

    assert float(discriminator_loss(scores(2), scores(-2))) == 0
    assert float(discriminator_loss(scores(0), scores(0))) == 2
    assert float(discriminator_loss(scores(-1), scores(0.5))) == 3.5
    assert float(adversarial_loss(scores(0.5))) == -0.5


def test_feature_matching_leaves_out_the_scores() -> None:
    real = [[torch.zeros(2), torch.zeros(2), torch.zeros(1)]]
    rendered = [[torch.ones(2), torch.full((2,), 3.0), torch.full((1,), 100.0)]]
    assert float(feature_matching_loss(real, rendered)) == 2


def test_spread() -> None:
    assert float(priors.spread_loss(torch.tensor([[[0.0, 0, 0], [1, 0, 0], [0, 1, 0]]]))) == 0
    assert float(priors.spread_loss(torch.zeros(2, 3, 3))) == pytest.approx(0.1)
    assert float(priors.spread_loss(torch.zeros(2, 0, 3))) == 0


def test_depth_and_expression() -> None:
    keypoints = torch.zeros(1, 2, 3)
    keypoints[..., 2] = torch.tensor([0.5, 0.1])
    assert float(priors.depth_loss(keypoints)) == pytest.approx(0.3)
    motion = random_motion(1)
    assert float(priors.expression_loss(motion)) == pytest.approx(float(motion.expression.abs().mean()))


def test_face_region_is_in_the_box() -> None:
    box, elsewhere = torch.tensor([[-0.5, -0.5, 0.5, 0.0]]), torch.tensor([[5.0, 5.0, 5.1, 5.1]])
    logits = torch.full((1, 1, 4, 16, 16), -20.0)
    line = torch.linspace(-1, 1, 16)
    inside = (line.abs() <= 0.5) & ((line >= -0.5) & (line <= 0)).unsqueeze(-1)
    logits[0, 0, 2][inside] = 20.0  # at one depth is enough
    assert float(priors.face_region_loss(logits, elsewhere, box)) < 1e-6
    assert float(priors.face_region_loss(-logits, elsewhere, box)) > 10
    hair = (line.abs() <= 0.7) & ((line >= -0.7) & (line <= 0)).unsqueeze(-1)
    logits[0, 0, 2][hair] = 20.0  # within the head's crop, and free
    assert float(priors.face_region_loss(logits, elsewhere, box)) < 1e-6
    logits[0, 0, 2, -3:, -3:] = 20.0
    assert float(priors.face_region_loss(logits, elsewhere, box)) > 0.1
    assert float(priors.face_region_loss(logits, torch.tensor([[0.8, 0.8, 1.0, 1.0]]), box)) < 1e-6  # where it was
    logits[0, 0, 2] = 20.0
    assert float(priors.face_region_loss(logits, elsewhere, box)) > 1


def test_crops_of_eyes_and_mouth_hold_them() -> None:
    motion, frames = random_motion(1), torch.zeros(1, 3, 256, 256)
    motion = replace(motion, scale=torch.tensor([[0.4]]), translation=torch.zeros(1, 3), rotation=torch.eye(3)[None])
    motion = replace(motion, canonical=torch.from_numpy(standing.face(15))[None], expression=torch.zeros(1, 15, 3))
    for number, (x, y) in enumerate([(-0.112, -0.13), (0.112, -0.13), (0.0, 0.144)]):  # of a standing head so large
        frames[0, number, round((y + 1) * 127.5), round((x + 1) * 127.5)] = 1
    crops = eye_and_mouth_crops(frames, motion, 33)
    assert crops.shape == (3, 3, 33, 33)
    for number in range(3):
        assert crops[number, number, 14:19, 14:19].max() > 0.2  # its middle
        assert not crops[number, [other for other in range(3) if other != number]].any()


def test_keypoints_that_follow_are_equivariant() -> None:
    transform = Transform.random(4, torch.Generator().manual_seed(3))
    moved = random_motion(2)
    here = torch.cat((moved.body, moved.face), dim=1).clone()
    here[..., :2] = transform.back(here)

    class Followed:
        body, face = here[:, :12], here[:, 12:]

    assert float(equivariance_loss(Followed(), moved, transform)) < 1e-6  # type: ignore[arg-type]
    assert float(equivariance_loss(moved, moved, transform)) > 0.01


def test_a_transform_moves_pictures_boxes_and_points_alike() -> None:
    transform = Transform.random(1, torch.Generator().manual_seed(5))
    pictures = torch.zeros(1, 3, 101, 101)
    pictures[:, :, 60:63, 40:43] = 1  # about (41, 61)
    moved = transform.pictures(pictures)[0, 0]
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, 101), torch.linspace(-1, 1, 101), indexing="ij")
    at = torch.stack(((columns * moved).sum(), (rows * moved).sum())) / moved.sum()
    back = transform.back(torch.cat((at, torch.zeros(1)))[None, None])[0, 0]
    torch.testing.assert_close(back, torch.tensor([2 * 41 / 100 - 1, 2 * 61 / 100 - 1]), rtol=0, atol=0.01)
    box = torch.tensor([[-0.28, 0.12, -0.08, 0.32]])  # its centre is there
    found = transform.boxes(box)[0]
    torch.testing.assert_close((found[:2] + found[2:]) / 2, at, rtol=0, atol=0.01)


def test_equivariance_reaches_the_estimators() -> None:
    model = PTUS(PRESETS["slim-128"])
    transform = Transform.random(1, torch.Generator().manual_seed(5))
    frames, boxes = torch.rand(1, 3, 128, 128), torch.tensor([[-0.3, -0.6, 0.3, 0.0]])
    motion = model.eval().estimate(
        torch.cat((frames, transform.pictures(frames))), torch.cat((boxes, transform.boxes(boxes)))
    )
    equivariance_loss(motion[:1], motion[1:], transform).backward()
    assert model.body is not None
    for part in (model.body.points.maps, model.face.expression):
        assert part.weight.grad is not None and part.weight.grad.any()


@torch.no_grad()
@pytest.mark.parametrize("weight", [0.0, 50.0])
def test_where_motion_is_known_it_warps_whatever_is_estimated(weight: float, batch: Batch) -> None:
    """All of the small model's keypoints are known here: what the driver looks like then changes no picture."""
    model = PTUS(SMALL).eval()
    for head in model.face.children():
        if isinstance(head, torch.nn.Linear):
            torch.nn.init.normal_(head.weight, std=0.1)
    batch.source_known[:], batch.driving_known[:] = batch.source_known[1:], batch.driving_known[:1]
    objective = Objective(model, perceptual.PyramidLoss(), LossWeights(known_motion=weight))
    transform = Transform.random(2, torch.Generator().manual_seed(0))
    first = objective(batch, transform, None).rendered
    batch.driving.copy_(1 - batch.driving)
    assert torch.equal(objective(batch, transform, None).rendered, first) == (weight > 0)
