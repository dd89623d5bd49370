"""The parts of a model as modules of tensors are the model, in every configuration."""

from collections.abc import Callable

import torch
from torch import Tensor

from ptus.model import PTUS, ModelConfig
from ptus.model.exportable import Encode, Estimate, Render


def test_parts_put_together(
    config: ModelConfig, make: Callable[[ModelConfig], PTUS], pictures: Tensor, boxes: Tensor
) -> None:
    model = make(config).requires_grad_(False)
    appearance, motion = Encode(model)(pictures[:2]), Estimate(model)(pictures, boxes)
    expected = model(pictures[:2], boxes[:2], pictures[1:], boxes[1:])
    source, driven = (tuple(tensor[frames] for tensor in motion) for frames in (slice(0, 2), slice(1, 3)))
    torch.testing.assert_close(Render(model)(appearance, source, driven), expected)
