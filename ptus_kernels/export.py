"""ONNX files of models that use the ops."""

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ptus_kernels.backend import use_backend

OPSET = 20
"""The first in which GridSample takes volumes, and the version that files are written in."""

NEEDED = ("onnx", "onnxscript")


def save_onnx(
    model: nn.Module,
    inputs: tuple[Any, ...],
    path: str | os.PathLike[str],
    *,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    dynamic_shapes: dict[str, Any] | tuple[Any, ...] | None = None,
) -> None:
    """Write a model as ONNX, of opset 20, in standard operators only: GridSample where the ops sample.

    The ops are traced in plain PyTorch, which defines what they compute, so that the result is the same to rounding.

    Args:
        model: in the mode, on the device and of the type in which it is to run.
        inputs: of its `forward`, to trace it with; nested tuples become inputs one after the other.
        path: of the file to write. The weights are in it.
        input_names: of the inputs; None for the arguments' names.
        output_names: of the outputs; None for names that PyTorch makes.
        dynamic_shapes: sizes that may vary, as for `torch.export.export`; None for none.

    Raises:
        ImportError: where the packages that this needs are not installed.
        torch.onnx.OnnxExporterError: for a model that has no equal in ONNX, or that cannot be traced.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        message = f"save_onnx: needs {' and '.join(missing)}: pip install 'ptus[export]'"
        raise ImportError(message, name=missing[0])
    with use_backend("reference"), torch.no_grad():
        program = torch.onnx.export(
            model,
            inputs,
            input_names=input_names,
            output_names=output_names,
            dynamic_shapes=dynamic_shapes,
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        program.save(partial, external_data=False)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
