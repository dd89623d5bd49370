"""`ptus init`."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch

from ptus.errors import UserError
from ptus.model import PRESETS, PTUS
from ptus.model.checkpoint import save_model

Decomposition = Literal["face-body", "local-global", "coarse-to-fine"]


def init(*, output: Path, size: str = "slim-256", without: tuple[Decomposition, ...] = (), seed: int = 0) -> None:
    """Write an untrained model, to be trained or measured.

    Args:
        output: The file to write, *.safetensors.
        size: Which model: slim-128, slim-256, slim-512, or face-vid2vid-128, -256, -512, the baseline.
        without: Decompositions to leave out, as to see what each is worth.
        seed: Of the random weights.
    """
    if size not in PRESETS:
        raise UserError(f"--size {size} is not known; give one of {', '.join(PRESETS)}")
    if output.suffix != ".safetensors":
        raise UserError(f"--output {output} must end in .safetensors")
    if not 0 <= seed < 1 << 63:
        raise UserError(f"--seed {seed} does not work; give a number from 0 to 2⁶³ - 1")
    config = replace(PRESETS[size], **{name.replace("-", "_"): False for name in without})
    torch.manual_seed(seed)
    save_model(PTUS(config), output)
    print(f"{output}: {size}{''.join(f', without {name}' for name in without)}, untrained")
