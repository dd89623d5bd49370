"""A head of known motion, in a picture of one colour with a white spot somewhere."""

import torch

from ptus.model import standing
from ptus.model.rotation import from_angles
from ptus.training.known import BODY, KnownMotion

SIDE, SCALE = 256, 0.6
SKIN, WHITE = 0.6, 1.0
LOWER_LIP = standing.OPENINGS[2][1]


def known(yaw: float = 0.0, mouth: float = 0.0) -> KnownMotion:
    """A head of more than half the frame's height, its eyes open, its mouth as far as is said."""
    canonical = torch.tensor([*standing.FACE.values(), *standing.IRISES.values()])[None]
    canonical[:, LOWER_LIP, 1] += mouth
    rotation = from_angles(torch.tensor([[yaw, 0.0, 0.1]]))
    translation, scale = torch.tensor([[0.05, -0.1, 0.0]]), torch.tensor([[SCALE]])
    face = SCALE * canonical @ rotation + translation.unsqueeze(1)
    return KnownMotion(rotation, translation, scale, canonical, face, torch.zeros(1, len(BODY), 3))


def marked(at: torch.Tensor, reach: float = 0.03) -> torch.Tensor:
    """A face of one colour with a white spot."""
    rows, columns = torch.meshgrid(*[torch.linspace(-1, 1, SIDE)] * 2, indexing="ij")
    near = torch.exp(-((columns - at[0]) ** 2 + (rows - at[1]) ** 2) / (2 * (reach * SCALE) ** 2))
    return (SKIN + (WHITE - SKIN) * near).expand(1, 3, -1, -1)


def brightest(picture: torch.Tensor) -> torch.Tensor:
    row, column = divmod(int(picture[0].mean(dim=0).argmax()), SIDE)
    return torch.tensor([column, row]) / (SIDE - 1) * 2 - 1
