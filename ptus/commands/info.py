"""`ptus info`."""

from pathlib import Path

from ptus.errors import UserError
from ptus.model import PRESETS
from ptus.model.accounting import parts
from ptus.model.checkpoint import read_config


def info(*, model: str = "slim-256") -> None:
    """Show what a model costs, part by part: parameters, and operations for a source and for each frame.

    Args:
        model: A name as `ptus init` takes, or a checkpoint.
    """
    if model in PRESETS:
        config = PRESETS[model]
    elif Path(model).suffix == ".safetensors":
        config = read_config(Path(model))
    else:
        raise UserError(f"--model {model} is not known; give a checkpoint, or one of {', '.join(PRESETS)}")
    print(config)
    print(f"{'part':<12}{'parameters':>12}{'GFLOP a source':>16}{'GFLOP a frame':>15}")
    for part in parts(config):
        print(f"{part.name:<12}{part.parameters:>12,}{part.source_flops / 1e9:>16.2f}{part.frame_flops / 1e9:>15.2f}")
