"""A turned head is where its motion says, and the body stays."""

import numpy as np
import pytest
import torch

from ptus.training import turning
from ptus.training.known import BODY, FACE, KnownMotion
from ptus.training.turning import turned

SIDE = 128
BOX = torch.tensor([[-0.3, -0.4, 0.3, 0.2]])


def known() -> KnownMotion:
    """A head of half the frame's height that looks ahead, with a mark on its nose."""
    random = torch.Generator().manual_seed(0)
    canonical = torch.rand(1, len(FACE), 3, generator=random) - 0.5
    canonical[0, FACE.index("nose tip")] = torch.tensor([0.0, -0.3, -0.7])  # the very front of the prior's ellipsoid
    translation, scale = torch.tensor([[0.05, 0.1, 0.0]]), torch.tensor([[0.5]])
    face = scale.unsqueeze(1) * canonical + translation.unsqueeze(1)
    return KnownMotion(torch.eye(3)[None], translation, scale, canonical, face, torch.rand(1, len(BODY), 3))


def marked(x: float, y: float) -> torch.Tensor:
    rows, columns = torch.meshgrid(*[torch.linspace(-1, 1, SIDE)] * 2, indexing="ij")
    return torch.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 0.002).expand(1, 3, -1, -1)


@pytest.mark.parametrize("seed", range(4))
def test_the_picture_shows_what_is_said(seed: int) -> None:
    before = known()
    at = before.face[0, FACE.index("nose tip"), :2].tolist()
    picture, _, after = turned(marked(*at), BOX, before, np.random.default_rng(seed))
    row, column = divmod(int(picture[0, 0].argmax()), SIDE)
    found = torch.tensor([column, row]) / (SIDE - 1) * 2 - 1
    expected = after.face[0, FACE.index("nose tip"), :2]
    assert (expected - torch.tensor(at)).norm() > 0.05
    assert (found - expected).norm() < 0.05


def test_the_equation_of_posed_keypoints_holds() -> None:
    before = known()
    _, _, after = turned(marked(0, 0), BOX, before, np.random.default_rng(1))
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
