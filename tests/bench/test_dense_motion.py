"""A network written the way the field writes it, and the same network calling the ops."""

import pytest
import torch
from torch import Tensor

from examples.dense_motion import DenseMotion, FusedDenseMotion

KEYPOINTS, CHANNELS, SIZE = 5, 6, (4, 16, 20)


def outputs_and_gradients(network: DenseMotion, inputs: list[Tensor]) -> list[Tensor]:
    leaves = [tensor.clone().requires_grad_() for tensor in inputs]
    output = network(*leaves)
    wanted = [*leaves, *network.parameters()]
    return [output, *torch.autograd.grad((output * output.detach().cos()).sum(), wanted)]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 5e-5), (torch.float64, 1e-10)], ids=str)
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last_3d], ids=str)
@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
def test_outputs_and_gradients_are_equal(
    dtype: torch.dtype, tolerance: float, memory_format: torch.memory_format, training: bool
) -> None:
    torch.manual_seed(11)
    settings = {"keypoints": KEYPOINTS, "channels": CHANNELS, "depth": SIZE[0], "compressed": 3, "width": 8}
    eager, fused = DenseMotion(**settings), FusedDenseMotion(**settings)
    fused.load_state_dict(eager.state_dict())
    feature = torch.randn(2, CHANNELS, *SIZE, dtype=dtype).to(memory_format=memory_format)
    kp_driving = torch.rand(2, KEYPOINTS, 3, dtype=dtype) * 2 - 1
    inputs = [feature, kp_driving, kp_driving + 0.1 * torch.randn_like(kp_driving)]

    expected = outputs_and_gradients(eager.to(dtype).train(training), inputs)
    found = outputs_and_gradients(fused.to(dtype).train(training), inputs)
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours - theirs).norm() <= tolerance * theirs.norm()
