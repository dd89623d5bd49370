"""Weights of the networks that some measures need: safetensors that the user has, never downloaded, never unpickled."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from ptus.errors import UserError


def load_weights(network: nn.Module, path: Path, option: str, how: str) -> None:
    """Read a network's weights; what the file has besides, such as a classifier, is left.

    Args:
        network: to be filled; afterwards it is in eval mode and takes no gradients.
        path: a `.safetensors` file.
        option: of the command that names the file, for messages.
        how: the way to a right file, for messages.

    Raises:
        UserError: where there is no such file, or its weights are not the network's.
    """
    try:
        stored = load_file(path)
    except FileNotFoundError as error:
        raise UserError(f"{option} {path}: there is no such file; {how}") from error
    except (OSError, SafetensorError) as error:
        raise UserError(f"{option} {path} is not a safetensors file ({error}); {how}") from error
    weights: dict[str, torch.Tensor] = {}
    for name, expected in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            weights[name] = expected
        elif name not in stored or stored[name].shape != expected.shape:
            found = tuple(stored[name].shape) if name in stored else "nothing"
            raise UserError(f"{option} {path}: expected {name} {tuple(expected.shape)}, got {found}; {how}")
        else:
            weights[name] = stored[name].float()
    network.load_state_dict(weights)
    network.eval().requires_grad_(False)
