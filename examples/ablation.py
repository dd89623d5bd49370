"""What each of the model's decompositions is worth: the model, without each of them, and face-vid2vid, side by side.

All learn the same pairs of frames in as many steps, and are measured on the same persons, whom none has seen. What
estimates motion learns first, from what is known of it, and is the same in variants that do not differ in it: chance in
it would outweigh what they do differ in.

    python -m examples.ablation --data SET [SET ...] --clips CLIP [CLIP ...] --puppets SET --output DIR

A run that was stopped goes on where it was. Writes ablation.json, ablation.md (its table) and ablation.png (of puppets
alone, whom nobody has to ask).
"""

import functools
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro

from ptus.animation.reenactment import Stages
from ptus.commands.init import Decomposition, init
from ptus.commands.train import train
from ptus.drawing import DIM, PAPER, draw_text, paste
from ptus.errors import UserError
from ptus.evaluation.clips import EvaluatedClip, read_data
from ptus.evaluation.meter import Means
from ptus.evaluation.methods import ByModel
from ptus.evaluation.moments import Values
from ptus.evaluation.results import kinds
from ptus.evaluation.running import Weights, evaluate_model
from ptus.faces import HaarDetector
from ptus.files import replacing
from ptus.images import Pixels, resized, write_png
from ptus.memory import keep_freed_memory
from ptus.model.accounting import parts
from ptus.model.checkpoint import load_model, save_model
from ptus.training.config import LossWeights, TrainingConfig
from ptus.training.loop import MODEL, STATE
from ptus.training.state import read_configs

FORMAT = 1
VARIANTS: Mapping[str, tuple[str, tuple[Decomposition, ...]]] = {
    "slim": ("slim", ()),
    "without face-body": ("slim", ("face-body",)),
    "without local-global": ("slim", ("local-global",)),
    "without coarse-to-fine": ("slim", ("coarse-to-fine",)),
    "face-vid2vid": ("face-vid2vid", ()),
}
"""By name: which preset, and what is left out of it."""
STILL = "still"
"""The source left as it is."""
BRIEF = TrainingConfig(
    steps=1200,
    batch=4,
    learning_rate=8e-4,
    warm_up=30,
    adversarial_from=1_000_000,
    ema=0.99,
    precision="bfloat16",
    only=("appearance", "warping", "decoder"),
    weights=LossWeights(equivariance=0, keypoint_spread=0, keypoint_depth=0, expression=0),
)
"""Of what moves and draws pictures."""
ESTIMATORS = replace(
    BRIEF,
    steps=3000,
    only=(),
    weights=LossWeights(
        perceptual=0,
        pixels=0,
        adversarial=0,
        feature_matching=0,
        keypoint_spread=0,
        keypoint_depth=0,
        expression=0.1,
        known_flow=0,
        face_region=0,
    ),
)
"""Of what estimates motion: no picture is drawn."""
MEASURES = {
    "l1": "error, frame",
    "l1_face": "face",
    "l1_eyes": "eyes",
    "l1_mouth": "mouth",
    "ssim": "SSIM",
    "epe": "flow, pixels",
    "blink_correlation": "eyes follow",
    "lip_correlation": "mouth follows",
}
"""Columns of the table: what is measured, and its heading."""
TILE, GAP, CAPTION, ROWS = 160, 6, 24, 3


def main(
    *,
    data: tuple[Path, ...],
    clips: tuple[Path, ...],
    puppets: Path,
    output: Path,
    size: int = 128,
    config: TrainingConfig = BRIEF,
    estimators: TrainingConfig = ESTIMATORS,
    frames: int = 250,
) -> None:
    """Train every variant, and measure it.

    Args:
        data: Data sets to train on.
        clips: Videos of persons who are not in them, to measure on.
        puppets: Data set whose test split is measured too.
        output: Folder to write to; each variant has a folder of its own in it.
        size: Of the pictures, pixels: 128, 256 or 512.
        config: How to train what moves and draws pictures; the same for runs that are there already.
        estimators: How to train what estimates motion; likewise.
        frames: Of each clip to measure at most.

    Raises:
        UserError: where something that is given cannot be used.
    """
    keep_freed_memory()
    runs = {name: output / name.replace(" ", "-") for name in VARIANTS}
    for name, run in runs.items():
        told = output / f"estimators-of-{_alike(name).replace(' ', '-')}"
        _train(told, data, size, estimators, functools.partial(_untrained, name, size))
        _train(run, data, size, config, functools.partial(_told, name, size, told / MODEL))
    held_out = {
        "clips": read_data(clips, "test", HaarDetector()),
        "puppets": read_data((puppets,), "test", HaarDetector()),
    }
    found = {
        "format": FORMAT,
        "training": asdict(config),
        "estimators": asdict(estimators),
        "frames_at_most": frames,
        "variants": {name: _facts(run / MODEL) for name, run in runs.items()},
        **{kind: _measured(runs, there, frames) for kind, there in held_out.items()},
    }
    with replacing(output / "ablation.json") as partial:
        partial.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    table = as_table(found)
    with replacing(output / "ablation.md") as partial:
        partial.write_text(table, encoding="utf-8")
    write_png(output / "ablation.png", _sheet(runs, held_out["puppets"][:ROWS], frames))
    print(table)


def _alike(name: str) -> str:
    """The first variant whose estimators are the same."""

    def kind(of: str) -> set[str]:
        preset, without = VARIANTS[of]
        single = {"face-body"} if preset == "face-vid2vid" else set()
        return ({*without} | single) & {"face-body", "local-global"}

    return next(other for other in VARIANTS if kind(other) == kind(name))


def _untrained(name: str, size: int, output: Path) -> None:
    preset, without = VARIANTS[name]
    init(output=output, size=f"{preset}-{size}", without=without)


def _told(name: str, size: int, estimators: Path, output: Path) -> None:
    """As `_untrained`, with estimators that are trained."""
    _untrained(name, size, output)
    model, trained = load_model(output), load_model(estimators)
    model.face.load_state_dict(trained.face.state_dict())
    if model.body is not None and trained.body is not None:
        model.body.load_state_dict(trained.body.state_dict())
    save_model(model, output, torch.float32)


def _train(run: Path, data: tuple[Path, ...], size: int, config: TrainingConfig, begin: Callable[[Path], None]) -> None:
    """Train what `begin` writes, or go on with what is there."""
    if (run / STATE).exists():
        model_config, there = read_configs(run / STATE)
        if (model_config.size, there) != (size, config):
            raise UserError(f"{run} was begun at {model_config.size} pixels with {there}; give another --output")
        train(data=data, output=run, resume=True)
        return
    run.mkdir(parents=True, exist_ok=True)
    untrained = run / "untrained.safetensors"
    begin(untrained)
    train(data=data, output=run, init_from=untrained, config=config)


def _facts(model: Path) -> dict[str, Any]:
    config = load_model(model).config
    total = parts(config)[-1]
    return {"config": asdict(config), "parameters": total.parameters, "flops_a_frame": total.frame_flops}


def _measured(runs: Mapping[str, Path], clips: Sequence[EvaluatedClip], frames: int) -> dict[str, dict[str, Values]]:
    """By clip, then by variant: each clip's first frame, driven by that clip."""
    measured: dict[str, dict[str, Values]] = {clip.id: {} for clip in clips}
    results, _ = kinds()
    for clip in clips:
        for name, run in runs.items():
            evaluation = evaluate_model(
                run / MODEL, None, [clip], Weights(), limit=frames, device=torch.device("cpu"), show=lambda _: None
            )
            ours, copied = (
                {key: value for key, value in score.values.items() if key in results} for score in evaluation.scores
            )
            measured[clip.id][name] = ours
            measured[clip.id][STILL] = copied
    return measured


def as_table(found: Mapping[str, Any]) -> str:
    """What was found, as Markdown: means over clips, and over puppets."""
    lines = [
        f"| | {' | '.join(['parameters', 'GFLOP a frame', *MEASURES.values()])} |",
        f"|---|{'---|' * (2 + len(MEASURES))}",
    ]
    for kind in ("clips", "puppets"):
        lines.append(f"| **{kind}** |{' |' * (2 + len(MEASURES))}")
        for name in (*VARIANTS, STILL):
            means = Means()
            for by_variant in found[kind].values():
                means.add(by_variant[name])
            facts = found["variants"].get(name)
            cost = [f"{facts['parameters'] / 1e6:.2f} M", f"{facts['flops_a_frame'] / 1e9:.2f}"] if facts else ["", ""]
            cells = [_cell(key, means.values) for key in MEASURES]
            lines.append(f"| {name} | {' | '.join([*cost, *cells])} |")
    return "\n".join(lines) + "\n"


def _cell(key: str, values: Values) -> str:
    if key not in values:
        return "–"
    return f"{values[key]:.4f}" if key.startswith("l1") else f"{values[key]:.2f}"


def _sheet(runs: Mapping[str, Path], clips: Sequence[EvaluatedClip], frames: int) -> Pixels:
    """Of each clip the frame that is the median in how much differs from the first, as every variant shows it."""
    methods = {
        name: ByModel(name, Stages(load_model(run / MODEL), torch.device("cpu"), torch.float32, compile=False))
        for name, run in runs.items()
    }
    columns = ("source", "driving", *runs)
    shape = (2 * CAPTION + len(clips) * (TILE + GAP), GAP + len(columns) * (TILE + GAP), 3)
    sheet = np.full(shape, PAPER, np.uint8)
    draw_text(
        sheet, "Drawn puppets; of each the frame that is the median in how much differs from the first", GAP, 17, 9, DIM
    )
    for column, caption in enumerate(columns):
        draw_text(sheet, caption, GAP + column * (TILE + GAP), CAPTION + 16, 8)
    side = next(iter(methods.values())).stages.size
    for row, clip in enumerate(clips):
        views = list(islice(clip.views(side, lambda _: None), frames))
        changes = [float(np.abs(view.picture.astype(np.int16) - views[0].picture).mean()) for view in views]
        usual = views[int(np.argsort(changes)[len(changes) // 2])]
        shown = [method.perform(views[0], views[0])([usual])[0] for method in methods.values()]
        for column, picture in enumerate((views[0].picture, usual.picture, *shown)):
            place = GAP + column * (TILE + GAP), 2 * CAPTION + row * (TILE + GAP)
            paste(sheet, resized(picture, TILE, TILE), *place)
    return sheet


if __name__ == "__main__":
    try:
        tyro.cli(main)
    except UserError as error:
        print(f"ablation: {error}", file=sys.stderr)
        sys.exit(2)
