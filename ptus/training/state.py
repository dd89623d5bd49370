"""A training run on disk: everything that a run needs to go on as if it had never stopped, in one safetensors file."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ptus.errors import UserError
from ptus.files import replacing
from ptus.model import ModelConfig
from ptus.training.config import LossWeights, TrainingConfig
from ptus.training.trainer import Trainer

KEY = "ptus-training"


def save_state(trainer: Trainer, path: Path) -> None:
    """Write the state of a run; the file appears whole or not at all.

    Raises:
        UserError: where it cannot be written.
    """
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in _tensors(trainer).items()}
    facts = {
        "model": asdict(trainer.model.config),
        "config": asdict(trainer.config),
        "step": trainer.step,
        "scaler": trainer.scaler.state_dict(),
    }
    try:
        with replacing(path) as partial:
            save_file(tensors, partial, metadata={KEY: json.dumps(facts)})
    except (OSError, SafetensorError) as error:
        raise UserError(f"cannot write {path}: {error}; make room, or choose another folder") from error


def read_configs(path: Path) -> tuple[ModelConfig, TrainingConfig]:
    """What a run trains, and how.

    Raises:
        UserError: where there is no state of a run.
    """
    facts, _ = _read(path, with_tensors=False)
    try:
        values = dict(facts["config"])
        weights, only = LossWeights(**values.pop("weights")), values.pop("only", ())
        return ModelConfig.from_dict(facts["model"]), TrainingConfig(**values, weights=weights, only=tuple(only))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} has a configuration that cannot be used: {error}; start anew") from error


def load_state(trainer: Trainer, path: Path) -> None:
    """Bring a trainer of the same configuration to where a run was.

    Raises:
        UserError: where there is no state of a run, or it does not fit.
    """
    facts, stored = _read(path)
    for prefix, optimizer in _optimizers(trainer).items():
        # What never had a gradient has none: discriminators before their first step, or all that draws.
        _fill(optimizer, {name.split(".")[1] for name in stored if name.startswith(f"{prefix}.")})
    expected = _tensors(trainer)
    for name in sorted(expected.keys() ^ stored.keys()):
        raise UserError(f"{path} does not fit: {name} is {'missing' if name in expected else 'not known'}; start anew")
    for name, tensor in expected.items():
        if tensor.shape != stored[name].shape:
            raise UserError(f"{path} does not fit: {name} has shape {tuple(stored[name].shape)}; start anew")
        tensor.detach().copy_(stored[name])
    trainer.step = int(facts["step"])
    if trainer.scaler.is_enabled() and facts["scaler"]:  # a run that began in another precision has none
        trainer.scaler.load_state_dict(facts["scaler"])


def _tensors(trainer: Trainer) -> dict[str, Tensor]:
    named: dict[str, Tensor] = {}
    modules = {"model": trainer.model, "averaged": trainer.averaged, "discriminators": trainer.discriminators}
    for prefix, module in modules.items():
        named.update({f"{prefix}.{name}": tensor for name, tensor in module.state_dict(keep_vars=True).items()})
    for prefix, optimizer in _optimizers(trainer).items():
        for number, parameter in enumerate(optimizer.param_groups[0]["params"]):
            for name, tensor in optimizer.state.get(parameter, {}).items():
                named[f"{prefix}.{number}.{name}"] = tensor
    return named


def _optimizers(trainer: Trainer) -> dict[str, torch.optim.Optimizer]:
    return {"optimizer": trainer.optimizer, "discriminator_optimizer": trainer.discriminator_optimizer}


def _fill(optimizer: torch.optim.Optimizer, numbers: set[str]) -> None:
    """The state that Adam makes in its first step, of the parameters of these numbers."""
    for number, parameter in enumerate(optimizer.param_groups[0]["params"]):
        if str(number) in numbers:
            optimizer.state[parameter] = {
                "step": torch.zeros(()),
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
            }


def _read(path: Path, with_tensors: bool = True) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if KEY not in metadata:
                raise UserError(f"{path} is not the state of a training run; `ptus train` writes one")
            facts: dict[str, Any] = json.loads(metadata[KEY])
            names = file.keys() if with_tensors else []
            return facts, {name: file.get_tensor(name) for name in names}
    except FileNotFoundError as error:
        raise UserError(f"there is no {path}; start without --resume") from error
    except (OSError, SafetensorError, json.JSONDecodeError) as error:
        raise UserError(f"{path} cannot be read, it may be damaged ({error}); start anew") from error
