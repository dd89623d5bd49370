"""Two processes train as one does on the samples of both."""

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.multiprocessing.spawn import spawn

from ptus.training.batch import Batch
from ptus.training.config import LossWeights, TrainingConfig
from ptus.training.losses.perceptual import PyramidLoss
from ptus.training.processes import SynchronizedBatchNorm
from ptus.training.trainer import Trainer
from tests.training.conftest import ESTIMATORS_ALONE, SIDE, SMALL, some_motion

PROCESSES, STEPS = 2, 2


def _join(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder / 'store'}", rank=rank, world_size=PROCESSES)


def _batch(step: int) -> Batch:
    random = torch.Generator().manual_seed(step)
    source, driving = torch.rand(2, 4, 3, SIDE, SIDE, generator=random)
    boxes = torch.tensor([[-0.3, -0.6, 0.3, 0.0]]) + 0.1 * torch.rand(4, 1, generator=random)
    known = some_motion(len(boxes))  # less is known in the first process
    return Batch(source, boxes, driving, boxes.flip(0), known, known)


def _train(rank: int, processes: int, weights: LossWeights) -> dict[str, Tensor]:
    """Losses and gradient of every step: in float64, where sums in another order are as good."""
    torch.set_default_dtype(torch.float64)
    samples = 4 // processes
    config = TrainingConfig(
        steps=STEPS, batch=samples, warm_up=0, adversarial_from=0, learning_rate=1e-4, weights=weights
    )
    trainer = Trainer(SMALL, config, PyramidLoss(), torch.device("cpu"))
    found = {}
    for step in range(STEPS):
        parts = {name: tensor.chunk(processes)[rank] for name, tensor in _batch(step).tensors().items()}
        for name, loss in trainer.train_step(Batch(**parts)).losses.items():
            found[f"{step} {name}"] = loss.reshape(1)
    return found


def _train_part(rank: int, folder: Path, weights: LossWeights) -> None:
    _join(rank, folder)
    found = _train(rank, PROCESSES, weights)
    save_file({name: value.contiguous() for name, value in found.items()}, folder / f"{rank}")
    dist.destroy_process_group()


@pytest.mark.parametrize("drawn", [True, False], ids=["all", "estimators alone"])
def test_two_processes_have_the_losses_of_one(drawn: bool, tmp_path: Path) -> None:
    weights = LossWeights() if drawn else ESTIMATORS_ALONE
    spawn(_train_part, (tmp_path, weights), PROCESSES)
    try:
        alone = _train(0, 1, weights)
    finally:
        torch.set_default_dtype(torch.float32)
    together = [load_file(tmp_path / str(rank)) for rank in range(PROCESSES)]
    expected_losses = {"0 gradient", "0 known_motion"} | ({"0 adversarial", "1 discriminators"} if drawn else set())
    assert expected_losses <= alone.keys()
    for name, expected in alone.items():
        if name == "1 gradient":
            continue  # where it is near 0, Adam's step turns the rounding of its sign into a step
        rounding = 1e-9 if name.startswith("0") else 1e-5
        for found in together:
            torch.testing.assert_close(found[name], expected, rtol=rounding, atol=rounding, msg=name)


def _normalise(rank: int, folder: Path) -> None:
    _join(rank, folder)
    given = load_file(folder / "given")
    norm = SynchronizedBatchNorm.of(nn.BatchNorm2d(3))
    norm.load_state_dict({name.removeprefix("norm."): value for name, value in given.items() if "norm." in name})
    features = given["features"].chunk(PROCESSES)[rank].clone().requires_grad_()
    result = norm(features)
    result.backward(given["gradient"].chunk(PROCESSES)[rank])
    assert features.grad is not None
    found = {"result": result.detach(), "gradient": features.grad} | dict(norm.state_dict())
    save_file({name: value.contiguous() for name, value in found.items()}, folder / f"{rank}")
    dist.destroy_process_group()


def test_batch_statistics_are_of_all_processes(tmp_path: Path) -> None:
    norm, features, gradient = nn.BatchNorm2d(3), torch.randn(4, 3, 5, 6) * 3 + 1, torch.randn(4, 3, 5, 6)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    stored = {f"norm.{name}": value.clone() for name, value in norm.state_dict().items()}
    save_file({"features": features, "gradient": gradient} | stored, tmp_path / "given")
    spawn(_normalise, (tmp_path,), PROCESSES)
    features.requires_grad_()
    result = norm(features)
    result.backward(gradient)
    together = [load_file(tmp_path / str(rank)) for rank in range(PROCESSES)]
    torch.testing.assert_close(torch.cat([each["result"] for each in together]), result)
    torch.testing.assert_close(torch.cat([each["gradient"] for each in together]), features.grad)
    for name, value in norm.state_dict().items():
        torch.testing.assert_close(together[0][name], value)


def test_a_synchronised_norm_is_an_ordinary_one_in_eval_mode() -> None:
    norm = nn.BatchNorm2d(3)
    norm(torch.randn(4, 3, 5, 6))
    norm.eval()
    features = torch.randn(2, 3, 5, 6)
    assert torch.equal(SynchronizedBatchNorm.of(norm)(features), norm(features))
