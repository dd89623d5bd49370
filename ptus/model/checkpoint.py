"""Checkpoints: safetensors with the model's configuration beside the weights. Nothing in them is ever executed."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ptus.errors import UserError
from ptus.files import replacing
from ptus.model.config import ModelConfig
from ptus.model.model import PTUS

CONFIG_KEY = "ptus"
LARGEST_FILE = 1 << 30


def save_model(model: PTUS, path: Path, dtype: torch.dtype = torch.float16) -> None:
    """Write a model's weights and configuration; the file appears whole or not at all.

    Args:
        model: on any device.
        path: a `.safetensors` file; its folder must exist.
        dtype: of floating-point weights in the file; buffers that count keep their own.

    Raises:
        UserError: where the file cannot be written.
    """
    weights = {
        name: (tensor.to(dtype) if tensor.is_floating_point() else tensor).detach().cpu().contiguous()
        for name, tensor in model.state_dict().items()
    }
    try:
        with replacing(path) as partial:
            save_file(weights, partial, metadata={CONFIG_KEY: json.dumps(asdict(model.config))})
    except (OSError, SafetensorError) as error:
        raise UserError(f"cannot write {path}: {error}; choose another file") from error


def load_model(path: Path, size: int | None = None) -> PTUS:
    """Read a model, ready to run: in float32 on the CPU, in eval mode.

    Args:
        path: what `save_model` wrote.
        size: the side of pictures that is needed, pixels; None takes any.

    Raises:
        UserError: where there is no such file, it is damaged, it is not of this program, or of another size.
    """
    config, weights = _read(path)
    if size is not None and config.size != size:
        raise UserError(
            f"{path} is a model for {config.size}×{config.size} pixels, not {size}×{size}; give one of those"
        )
    with torch.device("meta"):
        model = PTUS(config)
    expected = model.state_dict()
    for name in sorted(expected.keys() ^ weights.keys()):
        where = "lacks" if name in expected else "has an unknown"
        raise UserError(f"{path} {where} weight {name}: it is damaged, or of another version; get it anew")
    for name, tensor in weights.items():
        if tensor.shape != expected[name].shape:
            found, needed = tuple(tensor.shape), tuple(expected[name].shape)
            message = f"{path}: weight {name} has shape {found}, expected {needed}"
            raise UserError(f"{message}: it is damaged, or of another version; get it anew")
        if tensor.is_floating_point():
            weights[name] = tensor.float()
    model.load_state_dict(weights, assign=True)
    return model.eval().requires_grad_(False)


def read_config(path: Path) -> ModelConfig:
    """The configuration in a checkpoint, without reading its weights.

    Raises:
        UserError: as `load_model`.
    """
    return _read(path, with_weights=False)[0]


def _read(path: Path, with_weights: bool = True) -> tuple[ModelConfig, dict[str, torch.Tensor]]:
    try:
        length = path.stat().st_size
        if length > LARGEST_FILE:
            raise UserError(f"{path} has {length:,} bytes, more than any model here; give a ptus checkpoint")
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if CONFIG_KEY not in metadata:
                raise UserError(f"{path} is not a ptus checkpoint; `ptus init` makes one")
            config = ModelConfig.from_dict(json.loads(metadata[CONFIG_KEY]))
            names = file.keys() if with_weights else []
            weights = {name: file.get_tensor(name) for name in names}
    except FileNotFoundError as error:
        raise UserError(f"there is no {path}; give a checkpoint, or make one with `ptus init`") from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; give a checkpoint") from error
    except (SafetensorError, json.JSONDecodeError) as error:
        raise UserError(f"{path} is not a checkpoint, or is damaged ({error}); get it anew") from error
    except (ValueError, AttributeError) as error:
        raise UserError(f"{path} has a configuration that cannot be used: {error}; get it anew") from error
    return config, weights


def at_size(model: PTUS, size: int) -> PTUS:
    """The same weights for pictures of another size, to be trained on at that.

    Args:
        model: to take them from.
        size: side of the pictures, pixels.

    Raises:
        UserError: where a model of that size has other layers.
    """
    resized = PTUS(replace(model.config, size=size))
    try:
        resized.load_state_dict(model.state_dict())
    except RuntimeError:
        raise UserError(f"a model for {model.config.size} pixels has other layers than one for {size}") from None
    return resized
