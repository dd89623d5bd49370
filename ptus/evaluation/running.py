"""An evaluation from its inputs to what it found."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from ptus.animation.reenactment import Stages
from ptus.animator import usual_batch
from ptus.errors import UserError
from ptus.evaluation.catalogue import MEASURES, Task
from ptus.evaluation.clips import DataSetClip, EvaluatedClip
from ptus.evaluation.fid import FEW, FidMeter
from ptus.evaluation.identity import IdentityNetwork
from ptus.evaluation.inception import Inception
from ptus.evaluation.landmarks import LandmarkDetector
from ptus.evaluation.lpips import Lpips
from ptus.evaluation.meter import Instruments
from ptus.evaluation.methods import ByModel, CopySource, Method
from ptus.evaluation.own_keypoints import OwnKeypoints
from ptus.evaluation.performances import Picked, Scores, Setting, first_view, perform
from ptus.evaluation.photometric import LEAST_SIDE
from ptus.evaluation.results import Evaluation
from ptus.faces import HaarDetector
from ptus.model import PRESETS, ModelConfig
from ptus.model.checkpoint import load_model

MODEL, BASELINE = "model", "face-vid2vid"
SWITCHES = ("face_body", "local_global", "coarse_to_fine", "rigid_head")
"""Of the configuration, by which the baseline is told."""


@dataclass(frozen=True)
class Weights:
    """Files of the networks that some measures need; None where there is none, and those measures are left out."""

    lpips_weights: Path | None = None
    fid_weights: Path | None = None
    face_landmarks: Path | None = None
    identity_network: Path | None = None


def evaluate_model(
    model: Path,
    baseline: Path | None,
    clips: Sequence[EvaluatedClip],
    weights: Weights,
    *,
    limit: int | None,
    device: torch.device,
    show: Callable[[Picked], object],
) -> Evaluation:
    """Measure a model beside its baselines.

    Args:
        model: a checkpoint.
        baseline: a checkpoint of the face-vid2vid configuration, of the same size.
        clips: to measure on.
        weights: of the networks that some measures need.
        limit: frames of a clip that are used at most.
        device: to compute on.
        show: is given a frame to look at of each performance.

    Raises:
        UserError: where a file cannot be used.
    """
    stages, about_model = _loaded(model, device)
    methods: list[Method] = [ByModel(MODEL, stages), CopySource()]
    about_baseline = None
    if baseline is not None:
        other, about_baseline = _loaded(baseline, device, beside=stages.size)
        methods.append(ByModel(BASELINE, other))
    names = [method.name for method in methods]
    plan = _plan(clips)
    instruments = _instruments(weights, stages, device)
    inception = None if weights.fid_weights is None else Inception(weights.fid_weights).to(device)
    fids = {} if inception is None else {task: FidMeter(inception, names) for task in {task for task, _, _ in plan}}
    scores: list[Scores] = []
    notes: dict[str, None] = {}
    known = [clip.frames for _, _, clip in plan]
    total = sum(min(frames or 0, limit or frames or 0) for frames in known) if all(known) else None
    with tqdm(total=total, desc="frames", unit="frame", disable=None) as progress:
        setting = Setting(
            methods=methods,
            instruments=instruments,
            size=stages.size,
            batch=usual_batch(device, stages.size),
            limit=limit,
            fids=fids,
            tick=lambda: progress.update(1),
            note=lambda text: notes.setdefault(text),
        )
        for task, source, clip in plan:
            progress.set_postfix_str(f"{source.id} → {clip.id}", refresh=False)
            found, pick = perform(setting, task, (source.id, first_view(source, setting)), clip)
            scores += found
            show(pick)
    return Evaluation(
        date=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        about={
            "model": about_model,
            "baseline": about_baseline,
            "data": _about_data(clips, limit),
            "weights": {
                name: {"file": path.name, "sha256": _digest(path)} for name, path in vars(weights).items() if path
            },
        },
        methods=names,
        scores=scores,
        fids={task: fid.values for task, fid in fids.items()},
        not_computed=_not_computed(weights, baseline, stages.size, {task for task, _, _ in plan}),
        notes=[*notes, *_few_frames(fids)],
    )


def _loaded(path: Path, device: torch.device, beside: int | None = None) -> tuple[Stages, dict[str, Any]]:
    """A model in float32, and what is stored about it; the baseline must be one, and as large as the model `beside`."""
    loaded = load_model(path)
    config = loaded.config
    if beside is not None:
        if not _is_baseline(config):
            raise UserError(f"--baseline {path} is not of the face-vid2vid configuration, but {config}")
        if config.size != beside:
            raise UserError(f"--baseline {path} makes {config.size}×{config.size} pixels, the model {beside}×{beside}")
    stages = Stages(loaded, device, torch.float32, compile=False)
    return stages, {"file": path.name, "sha256": _digest(path), "config": asdict(config)}


def _is_baseline(config: ModelConfig) -> bool:
    wanted = PRESETS[f"face-vid2vid-{config.size}"]
    return all(getattr(config, switch) == getattr(wanted, switch) for switch in SWITCHES)


def _plan(clips: Sequence[EvaluatedClip]) -> list[tuple[Task, EvaluatedClip, EvaluatedClip]]:
    """Task, source and driver: each clip by itself, then the first clip of each person with those of all others."""
    sources = list({clip.identity: clip for clip in reversed(clips)}.values())[::-1]
    plan: list[tuple[Task, EvaluatedClip, EvaluatedClip]] = [("self", clip, clip) for clip in clips]
    plan += [("cross", source, clip) for source in sources for clip in clips if clip.identity != source.identity]
    return plan


def _instruments(weights: Weights, stages: Stages, device: torch.device) -> Instruments:
    if weights.identity_network is not None and weights.face_landmarks is None:
        raise UserError("--identity-network needs --face-landmarks too: the face is aligned by its landmarks")
    return Instruments(
        HaarDetector(),
        OwnKeypoints(stages),
        None if weights.lpips_weights is None else Lpips(weights.lpips_weights).to(device),
        None if weights.face_landmarks is None else LandmarkDetector(weights.face_landmarks),
        None if weights.identity_network is None else IdentityNetwork(weights.identity_network),
    )


def _not_computed(weights: Weights, baseline: Path | None, size: int, tasks: set[Task]) -> dict[str, str]:
    """What is missing, with the reason, or the way to get it."""
    given = {f"--{name.replace('_', '-')}": path for name, path in vars(weights).items()}
    missing: dict[str, str] = {}
    for measure in MEASURES:
        if measure.needs is not None and given[measure.needs[0]] is None and tasks & set(measure.tasks):
            missing[measure.name] = f"needs {measure.needs[0]} FILE: {measure.needs[1]}"
    if size < LEAST_SIDE:
        missing["ms_ssim"] = (
            f"needs pictures of at least {LEAST_SIDE}×{LEAST_SIDE} pixels; the model makes {size}×{size}"
        )
    if baseline is None:
        missing[BASELINE] = (
            f"needs --baseline FILE, a checkpoint like `ptus init --size {BASELINE}-{size}` makes, trained"
        )
    if "cross" not in tasks:
        missing["cross-reenactment"] = "needs clips of two persons or more"
    return missing


def _few_frames(fids: Mapping[Task, FidMeter]) -> list[str]:
    """A note on each FID that depends on the number of frames."""
    return [
        f"fid ({task}) is of {fid.frames} frames; below {FEW} it grows as they get fewer, so compare equal numbers only"
        for task, fid in fids.items()
        if fid.frames < FEW
    ]


def _about_data(clips: Sequence[EvaluatedClip], limit: int | None) -> dict[str, Any]:
    listed: list[dict[str, Any]] = [
        {"id": clip.id, "identity": clip.identity, "frames": clip.frames, "sha256": _digest(clip.path)}
        for clip in clips
    ]
    split = {clip.clip.split for clip in clips if isinstance(clip, DataSetClip)}
    kind = {"kind": "data set", "split": next(iter(split))} if split else {"kind": "video files"}
    return {**kind, "frames_at_most": limit, "clips": listed}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
