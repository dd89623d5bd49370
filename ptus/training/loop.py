"""A run: steps, what is written while it goes on, and how it ends."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist
from safetensors.torch import save_file
from torch import Tensor
from tqdm import tqdm

from ptus.errors import UserError
from ptus.files import replacing
from ptus.model.checkpoint import save_model
from ptus.stopping import Stop
from ptus.training.batch import Batch
from ptus.training.objective import Outcome
from ptus.training.processes import rank
from ptus.training.state import save_state
from ptus.training.trainer import NotFiniteError, Trainer

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

STATE, MODEL, BAD_BATCH, LOGS = "state.safetensors", "model.safetensors", "bad-batch.safetensors", "logs"
SHOWN_PAIRS = 4


@dataclass(frozen=True)
class Intervals:
    """Steps between what is written.

    Args:
        scalars: losses to TensorBoard.
        pictures: source, driving and rendered frames to TensorBoard.
        checkpoint: the run's state, and the averaged weights as a model.
    """

    scalars: int = 20
    pictures: int = 500
    checkpoint: int = 1000

    def __post_init__(self) -> None:
        """Refuse what is no interval.

        Raises:
            ValueError: naming it.
        """
        for name, steps in vars(self).items():
            if steps < 1:
                raise ValueError(f"{name}: expected at least 1, got {steps}")


def run(trainer: Trainer, batches: Iterable[Batch], folder: Path, stop: Stop, intervals: Intervals) -> None:
    """Train until the batches, or the user's patience, end; then write state and model.

    Only the first of several processes writes.

    Args:
        trainer: what to train.
        batches: one a step.
        folder: to write to: state.safetensors, model.safetensors (averaged weights) and TensorBoard's logs.
        stop: whether the user wants to stop.
        intervals: how often to write.

    Raises:
        UserError: where a loss is not finite; the batch is then in bad-batch.safetensors, and the run's state is that
            before it.
    """
    writes = rank() == 0
    writer = _writer(folder / LOGS, trainer.step) if writes else None
    steps = trainer.config.steps
    bar = tqdm(total=steps, initial=trainer.step, desc="training", unit="step", disable=None if writes else True)
    try:
        for batch in batches:
            outcome = _step(trainer, batch, folder)
            bar.update()
            if writer is not None:
                _log(writer, trainer, batch, outcome, intervals)
                if trainer.step % intervals.scalars == 0:
                    bar.set_postfix_str(f"pixels {float(outcome.losses.get('pixels', torch.nan)):.4f}")
                if trainer.step % intervals.checkpoint == 0:
                    save(trainer, folder)
            if _anyone_stops(stop, trainer.device):
                break
    finally:
        bar.close()
        if writer is not None:
            writer.close()
    if writes:
        save(trainer, folder)


def _writer(folder: Path, step: int) -> "SummaryWriter":
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UserError("training writes its progress for TensorBoard: pip install tensorboard") from error
    return SummaryWriter(str(folder), purge_step=step)


def save(trainer: Trainer, folder: Path) -> None:
    """Write the run's state, and the averaged weights as a model."""
    save_state(trainer, folder / STATE)
    save_model(trainer.averaged, folder / MODEL)


def _step(trainer: Trainer, batch: Batch, folder: Path) -> Outcome:
    try:
        return trainer.train_step(batch)
    except NotFiniteError as error:
        bad = folder / BAD_BATCH
        if rank() != 0:
            bad = bad.with_stem(f"{bad.stem}-{rank()}")
        with replacing(bad) as partial:
            save_file({name: tensor.contiguous() for name, tensor in batch.tensors().items()}, partial)
        if rank() == 0:
            save(trainer, folder)
        raise UserError(
            f"step {trainer.step}: a loss is not finite ({error}); the batch is in {bad}, "
            "and --resume goes on before it, with a lower --config.learning-rate or without that loss: --config.weights"
        ) from error


def _anyone_stops(stop: Stop, device: torch.device) -> bool:
    """Whether the user wants to stop, told to any of the processes: all of them take the same number of steps."""
    if not dist.is_initialized():
        return stop.signal is not None
    wish = torch.tensor(float(stop.signal is not None), device=device)
    dist.all_reduce(wish, dist.ReduceOp.MAX)
    return bool(wish)


def _log(writer: "SummaryWriter", trainer: Trainer, batch: Batch, outcome: Outcome, intervals: Intervals) -> None:
    if trainer.step % intervals.scalars == 0:
        for name, loss in outcome.losses.items():
            writer.add_scalar(f"loss/{name}", float(loss), trainer.step)
        rate = trainer.optimizer.param_groups[0]["lr"]
        writer.add_scalar("learning rate", rate, trainer.step)
    if outcome.rendered is not None and trainer.step % intervals.pictures == 0:
        writer.add_image("source, driving, rendered", _shown(batch, outcome.rendered), trainer.step)


def _shown(batch: Batch, rendered: Tensor) -> Tensor:
    """A few pairs as one picture (3, rows, columns): a row a pair."""
    count = min(SHOWN_PAIRS, len(rendered))
    rows = torch.cat((batch.source[:count], batch.driving[:count], rendered[:count].float().cpu()), dim=3)
    return torch.cat(tuple(rows), dim=1).clamp(0, 1)
