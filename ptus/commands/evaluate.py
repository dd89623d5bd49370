"""`ptus evaluate`."""

import os
from pathlib import Path
from typing import Annotated, Literal

import tyro

from ptus.animation.inputs import compute_device
from ptus.commands.options import Checkpoint, Count, File
from ptus.data.dataset import Split
from ptus.errors import UserError
from ptus.faces import HaarDetector
from ptus.model.shipped import SHIPPED

WORST = "worst"
"""Folder of the worst frames, in the output."""


def evaluate(
    *,
    model: Checkpoint = SHIPPED,
    data: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="PATH [PATH ...]")],
    output: Path,
    split: Split = "test",
    baseline: File = None,
    frames: Count = None,
    lpips_weights: File = None,
    fid_weights: File = None,
    face_landmarks: File = None,
    identity_network: File = None,
    device: Literal["auto", "cpu", "cuda"] = "auto",
) -> None:
    """Measure a model on clips, beside the source left as it is, and a baseline.

    Self-reenactment (the first frame of a clip, driven by that clip) and cross-reenactment (driven by the clips of
    other persons). Prints a table; writes results.json, results.csv, overview.png, and each clip's worst frame. Nothing
    is downloaded: measures whose weights are not given are listed as not computed.

    Args:
        model: Checkpoint to measure; without it, the one that comes along.
        data: Folder of a data set, or video files, each of another person.
        output: Folder to write to, made if it is not there.
        split: Of the data set.
        baseline: Checkpoint of the face-vid2vid configuration, of the same size.
        frames: Frames of each clip to use at most, from its start.
        lpips_weights: VGG-16, *.safetensors, for LPIPS.
        fid_weights: Inception v3, *.safetensors, for FID.
        face_landmarks: YuNet, *.onnx, for AKD; also places the eye and mouth boxes of blinking and speech.
        identity_network: SFace, *.onnx, for CSIM and AED; needs --face-landmarks too.
        device: To compute on; auto takes a GPU where there is one.
    """
    try:
        from ptus.evaluation.clips import read_data
        from ptus.evaluation.performances import LEAST_FRAMES
        from ptus.evaluation.results import write_results
        from ptus.evaluation.running import MODEL, Weights, evaluate_model
        from ptus.evaluation.sheets import Gallery
        from ptus.evaluation.table import as_text
    except ModuleNotFoundError as error:
        if error.name != "torchmetrics":
            raise
        raise UserError("evaluate needs torchmetrics; install it with pip install torchmetrics") from error
    if frames is not None and frames < LEAST_FRAMES:
        raise UserError(f"--frames {frames} is too few; give at least {LEAST_FRAMES}")
    _check_folder(output)
    where = compute_device(device, cuda_graphs=False)
    clips = read_data(data, split, HaarDetector())
    weights = Weights(lpips_weights, fid_weights, face_landmarks, identity_network)
    gallery = Gallery(output / WORST, MODEL)
    evaluation = evaluate_model(model, baseline, clips, weights, limit=frames, device=where, show=gallery.take)
    gallery.write_overview(evaluation.methods, output / "overview.png")
    write_results(evaluation, output)
    print(as_text(evaluation))
    print(f"\n{output}: results.json, results.csv, overview.png, {WORST}/")


def _check_folder(output: Path) -> None:
    """Find out before any work is done whether the folder can be made and written to.

    Raises:
        UserError: where it cannot.
    """
    existing = output
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if (output / WORST).exists() and not (output / WORST).is_dir():
        raise UserError(f"--output {output}: {output / WORST} is a file; choose another folder")
    if not existing.is_dir():
        raise UserError(f"--output {output}: {existing} is a file; choose another folder")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise UserError(f"--output {output}: {existing} cannot be written to; choose another folder")
