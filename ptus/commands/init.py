"""`ptus init`."""

from pathlib import Path

import torch

from ptus.errors import UserError
from ptus.model import PRESETS, PTUS
from ptus.model.checkpoint import save_model


def init(*, output: Path, size: str = "slim-256", seed: int = 0) -> None:
    """Write an untrained model, to be trained or measured.

    Args:
        output: The file to write, *.safetensors.
        size: Which model: slim-128, slim-256, slim-512, or face-vid2vid-128, -256, -512, the baseline.
        seed: Of the random weights.
    """
    if size not in PRESETS:
        raise UserError(f"--size {size} is not known; give one of {', '.join(PRESETS)}")
    if output.suffix != ".safetensors":
        raise UserError(f"--output {output} must end in .safetensors")
    torch.manual_seed(seed)
    save_model(PTUS(PRESETS[size]), output)
    print(f"{output}: {size}, untrained")
