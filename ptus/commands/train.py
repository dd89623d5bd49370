"""`ptus train`."""

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import torch
import torch.distributed as dist
import tyro
from torch import nn

from ptus.commands.options import File
from ptus.data.dataset import Clip, read_clips
from ptus.errors import UserError
from ptus.model import PRESETS
from ptus.model.checkpoint import at_size, load_model
from ptus.stopping import stop_on_signals
from ptus.training.config import TrainingConfig
from ptus.training.frames import CachedClip, cached_clips
from ptus.training.loop import STATE, Intervals, run
from ptus.training.losses.perceptual import PyramidLoss, VggLoss
from ptus.training.pairs import Pairs, batches
from ptus.training.state import load_state, read_configs
from ptus.training.trainer import Trainer

CACHE = "cache"


@dataclass(frozen=True)
class Place:
    """Which process this is, and where it computes."""

    device: torch.device
    rank: int = 0


def train(
    *,
    data: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="DIR [DIR ...]")],
    output: Path,
    size: Annotated[str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")] = None,
    config: TrainingConfig = TrainingConfig(),  # noqa: B008 - frozen
    intervals: Intervals = Intervals(),  # noqa: B008 - frozen
    init_from: File = None,
    resume: bool = False,
    vgg19: File = None,
    workers: int = 1,
    device: Literal["auto", "cpu", "cuda"] = "auto",
) -> None:
    """Train a model on data sets; `torchrun --nproc-per-node N -m ptus train …` trains on several GPUs.

    Ctrl-C or SIGTERM saves and stops. Progress is shown here, and by `tensorboard --logdir OUTPUT/logs`.

    Args:
        data: Folders that `ptus prepare` wrote; the clips of all of them are trained on.
        output: Folder to write to: model.safetensors, state.safetensors, logs.
        size: Which model, as `ptus init` takes: slim-256 unless given. With --init-from, at whose size its weights are
            trained on.
        config: How to train.
        intervals: Steps between what is written.
        init_from: Checkpoint whose weights to start from.
        resume: Go on where the run in --output stopped, with its model and configuration; options of --config that are
            given here and are not the usual ones replace the run's own.
        vgg19: VGG-19's weights, *.safetensors with torchvision's names; without them pictures are compared on pyramids.
        workers: Processes that load pairs.
        device: Where to compute.
    """
    if size is not None and size not in PRESETS:
        raise UserError(f"--size {size} is not known; give one of {', '.join(PRESETS)}")
    if resume and (init_from is not None or size is not None):
        raise UserError("--resume goes on with the run's own model and weights; leave out --init-from and --size")
    if not resume and (output / STATE).exists():
        raise UserError(f"{output} has a run already; give --resume to go on with it, or another --output")
    model_config, start = PRESETS[size or "slim-256"], None
    if workers < 0:
        raise UserError(f"--workers {workers}: give at least 0, which loads pairs in the process that trains")
    if resume:
        model_config, stored = read_configs(output / STATE)
        try:
            config, unusual = stored.changed_as(config)
        except ValueError as error:
            raise UserError(f"--resume: {error}; leave that out, or begin another run with --init-from") from error
    elif init_from is not None:
        start = load_model(init_from)
        start = start if size is None else at_size(start, model_config.size)
        model_config = start.config
    perceptual: nn.Module = PyramidLoss() if vgg19 is None else VggLoss(vgg19)
    clips = {folder: read_clips(folder, "train") for folder in data}
    for folder, there in clips.items():
        if not there:
            raise UserError(
                f"{folder} has no clips to train on: chance, by each person's name, keeps some for testing; "
                "run ptus prepare with videos of more persons"
            )
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write to {output}: {error.strerror}; choose another --output") from error

    place = _join_processes(device)
    try:
        if place.rank == 0:
            _cached(clips, model_config.size, progress=True)
        if dist.is_initialized():
            dist.barrier()
        pairs = Pairs(_cached(clips, model_config.size, progress=False), config.seed)
        trainer = Trainer(model_config, config, perceptual, place.device, start)
        if resume:
            load_state(trainer, output / STATE)
            if place.rank == 0 and unusual:
                print("\n".join(unusual))
        loaded = batches(pairs, config.batch, trainer.step, config.steps, workers)
        with stop_on_signals() as stop, closing(loaded):
            run(trainer, loaded, output, stop, intervals)
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()
    if place.rank == 0:
        print(f"{output}: step {trainer.step} of {config.steps}")
    if stop.signal is not None:
        sys.exit(stop.status)


def _cached(clips: Mapping[Path, Sequence[Clip]], size: int, *, progress: bool) -> list[CachedClip]:
    """The frames of all data sets; each folder keeps its own."""
    return [
        clip for folder, there in clips.items() for clip in cached_clips(there, folder / CACHE, size, progress=progress)
    ]


def _join_processes(device: str) -> Place:
    """Join the processes that torchrun started, if it did."""
    has_gpu = torch.cuda.is_available()
    if device == "cuda" and not has_gpu:
        raise UserError("--device cuda: PyTorch sees no GPU here; leave the option out")
    kind = "cuda" if device != "cpu" and has_gpu else "cpu"
    if "LOCAL_RANK" not in os.environ:
        return Place(torch.device(kind))
    local = int(os.environ["LOCAL_RANK"])
    place = torch.device(kind, local) if kind == "cuda" else torch.device(kind)
    if kind == "cuda":
        torch.cuda.set_device(place)
    dist.init_process_group("nccl" if kind == "cuda" else "gloo")
    return Place(place, dist.get_rank())
