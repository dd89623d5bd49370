"""The discriminators."""

import torch
from torch import Tensor

from ptus.model.discriminator import Discriminators


def test_judges_frames_and_faces(pictures: Tensor, boxes: Tensor) -> None:
    discriminators = Discriminators(128)
    frames = pictures.clone().requires_grad_()
    judged = discriminators(frames, boxes)
    assert [layers[-1].shape[:2] for layers in judged] == [(3, 1)] * 3
    sum(layers[-1].sum() for layers in judged).backward()
    assert frames.grad is not None and frames.grad.isfinite().all() and frames.grad.any()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in discriminators.parameters())


def test_the_face_is_what_the_last_one_sees(pictures: Tensor, boxes: Tensor) -> None:
    discriminators = Discriminators(128).eval()
    elsewhere = pictures.clone()
    elsewhere[:, :, 100:] = 0  # below every head's crop
    with torch.no_grad():
        before, after = discriminators(pictures, boxes), discriminators(elsewhere, boxes)
    assert torch.equal(before[-1][-1], after[-1][-1])
    assert not torch.equal(before[0][-1], after[0][-1])
