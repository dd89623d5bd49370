"""The losses of generator and discriminators against each other."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

Judgement = Sequence[Sequence[Tensor]]
"""Of each discriminator the features of every layer, the last its scores."""


def discriminator_loss(real: Judgement, rendered: Judgement) -> Tensor:
    """Hinge loss (Lim and Ye 2017), a scalar: scores of real pictures above 1, of rendered ones below -1."""
    scores = [
        F.relu(1 - ours[-1]).mean() + F.relu(1 + theirs[-1]).mean() for ours, theirs in zip(real, rendered, strict=True)
    ]
    return torch.stack(scores).mean()


def adversarial_loss(rendered: Judgement) -> Tensor:
    """The generator's side of it, a scalar."""
    return torch.stack([-layers[-1].mean() for layers in rendered]).mean()


def feature_matching_loss(real: Judgement, rendered: Judgement) -> Tensor:
    """Mean absolute difference of the discriminators' features (Wang et al. 2018, pix2pixHD), a scalar."""
    differences = [
        (ours - theirs.detach()).abs().mean()
        for ours_of_all, theirs_of_all in zip(rendered, real, strict=True)
        for ours, theirs in zip(ours_of_all[:-1], theirs_of_all[:-1], strict=True)
    ]
    return torch.stack(differences).mean()
