"""Whether training brings what it is for: a short run on puppets, judged on others that it has not seen."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ptus.cli import main
from ptus.data.dataset import read_clips
from ptus.model.checkpoint import load_model
from ptus.model.inference import for_inference
from ptus.training.frames import CachedClip, cached_clips

SIZE, EVERY = 128, 5


@torch.inference_mode()
def errors(model: Path, clip: CachedClip) -> tuple[float, float]:
    """Mean absolute error of a clip reenacted from its first frame, and of that frame in place of all others."""
    ready = for_inference(load_model(model))
    chosen = range(0, len(clip.frames), EVERY)
    frames = torch.from_numpy(clip.frames[chosen].astype(np.float32) / 255).permute(0, 3, 1, 2)
    motion = ready.estimate(frames, torch.from_numpy(clip.boxes[chosen]))
    rendered = ready.render(ready.encode(frames[:1]), motion[:1], motion[1:])
    return float((rendered - frames[1:]).abs().mean()), float((frames[:1] - frames[1:]).abs().mean())


@pytest.mark.slow
def test_unseen_puppets_are_reenacted(tmp_path: Path) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    main(["prepare", "--synthetic", "24", "--size", str(SIZE), "--output", str(data)])
    steps = "--config.steps 200 --config.warm-up 20 --config.batch 16"
    rates = "--config.learning-rate 1e-3 --config.adversarial-from 1000"
    where = ["--data", str(data), "--output", str(run), "--size", f"slim-{SIZE}"]
    main(["train", *where, *steps.split(), *rates.split()])
    unseen = [clip for clip in read_clips(data) if clip.split != "train"]
    found = [errors(run / "model.safetensors", clip) for clip in cached_clips(unseen, data / "cache", SIZE)]
    ours, copied = np.mean(found, axis=0)
    assert len(unseen) >= 4
    assert ours < 0.6 * copied
