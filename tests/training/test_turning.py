"""A turned head is where its motion says, and the body stays."""

import numpy as np
import pytest
import torch

from ptus.model import Motion
from ptus.model.prior import head_region
from ptus.model.rotation import from_angles
from ptus.training import turning
from ptus.training.frames import CachedClip
from ptus.training.known import BODY, LANDMARKS, KnownMotion
from ptus.training.pairs import Pairs
from ptus.training.turning import turned

SIDE = 128
BOX = torch.tensor([[-0.3, -0.4, 0.3, 0.2]])


def known(rotation: torch.Tensor | None = None) -> KnownMotion:
    """A head of half the frame's height, with a mark on its nose; looking ahead unless it is turned."""
    rotation = torch.eye(3)[None] if rotation is None else rotation
    random = torch.Generator().manual_seed(0)
    canonical = torch.rand(1, len(LANDMARKS), 3, generator=random) - 0.5
    canonical[0, LANDMARKS.index("nose tip")] = torch.tensor(
        [0.0, -0.3, -0.7]
    )  # the very front of the prior's ellipsoid
    translation, scale = torch.tensor([[0.05, 0.1, 0.0]]), torch.tensor([[0.5]])
    face = scale.unsqueeze(1) * canonical @ rotation + translation.unsqueeze(1)
    return KnownMotion(rotation, translation, scale, canonical, face, torch.rand(1, len(BODY), 3))


def marked(x: float, y: float) -> torch.Tensor:
    rows, columns = torch.meshgrid(*[torch.linspace(-1, 1, SIDE)] * 2, indexing="ij")
    return torch.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 0.002).expand(1, 3, -1, -1)


def head(motion: KnownMotion) -> torch.Tensor:
    """White where the head is."""
    nothing = motion.body[:, :0]
    whole = Motion(nothing, nothing, motion.rotation, motion.translation, motion.scale, nothing, motion.gaze)
    return (head_region(whole, (1, SIDE, SIDE))[0, 0, 0] > 0).float()


@pytest.mark.parametrize("seed", range(4))
def test_the_picture_shows_what_is_said(seed: int) -> None:
    before = known()
    at = before.face[0, LANDMARKS.index("nose tip"), :2].tolist()
    picture, _, after = turned(marked(*at), BOX, before, np.random.default_rng(seed))
    row, column = divmod(int(picture[0, 0].argmax()), SIDE)
    found = torch.tensor([column, row]) / (SIDE - 1) * 2 - 1
    expected = after.face[0, LANDMARKS.index("nose tip"), :2]
    assert (expected - torch.tensor(at)).norm() > 0.05
    assert (found - expected).norm() < 0.05


def test_a_head_that_shrinks_leaves_none_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its surroundings close in: what was beside the larger head is beside the smaller one."""
    monkeypatch.setattr(turning, "LARGEST_ANGLES", (0.0, 0.0, 0.0))
    monkeypatch.setattr(turning, "LARGEST_STEP", 0.0)
    monkeypatch.setattr(turning, "LARGEST_ZOOM", 0.8)
    before = known()
    seeds = [np.random.default_rng(seed) for seed in range(40)]
    seed = int(np.argmin([turned(marked(0, 0), BOX, before, random)[2].scale for random in seeds]))
    picture, _, after = turned(head(before).expand(1, 3, -1, -1), BOX, before, np.random.default_rng(seed))
    assert float(after.scale) < 0.6 * float(before.scale)
    found, expected = picture[0, 0] > 0.5, head(after) > 0.5
    assert (found & expected).sum() > 0.9 * expected.sum()
    assert (found & ~expected).sum() < 0.1 * expected.sum()


def test_the_equation_of_posed_keypoints_holds() -> None:
    before = known(from_angles(torch.tensor([[0.4, -0.2, 0.3]])))
    _, _, after = turned(marked(0, 0), BOX, before, np.random.default_rng(1))
    assert (after.rotation - before.rotation).abs().max() > 0.05
    posed = after.scale.unsqueeze(1) * after.canonical @ after.rotation + after.translation.unsqueeze(1)
    torch.testing.assert_close(after.face, posed)
    torch.testing.assert_close(after.rotation @ after.rotation.transpose(1, 2), torch.eye(3)[None])
    assert torch.equal(after.body, before.body)


def test_the_box_goes_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turning, "LARGEST_ANGLES", (0.0, 0.0, 0.0))
    before = known()
    _, box, after = turned(marked(0, 0), BOX, before, np.random.default_rng(2))
    scale = after.scale / before.scale
    corners = ((BOX.view(2, 2) - before.translation[:, :2]) * scale + after.translation[:, :2]).flatten()
    torch.testing.assert_close(box[0, 2:] - box[0, :2], scale[0] * (BOX[0, 2:] - BOX[0, :2]))
    assert (box[0] - corners).abs().max() < 0.05


def test_where_nothing_is_known_there_is_no_head() -> None:
    assert known().has_head()
    assert not KnownMotion.nothing(1).has_head()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_sources_of_pairs_are_turned_where_their_motion_is_known(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ptus.training.pairs.TURNED", share)
    still, boxes = np.full((2, SIDE, SIDE, 3), 128, np.uint8), BOX.repeat(2, 1).numpy()
    at = known()
    twice = KnownMotion(*(tensor.repeat(2, *[1] * (tensor.dim() - 1)) for tensor in at.tensors()))
    sample = Pairs([CachedClip(still, boxes, twice)], seed=0)[0]
    source, driving = (KnownMotion.unpacked(packed) for packed in (sample.source_known, sample.driving_known))
    assert torch.equal(source.body, driving.body)
    assert torch.equal(source.rotation, driving.rotation) == (share == 0)
    unknown = Pairs([CachedClip(still, boxes, KnownMotion.nothing(2))], seed=0)[0]
    assert unknown.source_known.isnan().all()
