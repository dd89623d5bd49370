"""The weights that come along: those that the model card is of, and as good as it says."""

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from ptus import animator
from ptus.cli import main
from ptus.data.dataset import read_track
from ptus.data.puppets.clips import PuppetClip
from ptus.images import write_png
from ptus.model import PRESETS, PTUS
from ptus.model.checkpoint import load_model, read_config
from ptus.model.inference import for_inference
from ptus.model.shipped import SHIPPED
from ptus.video import VideoReader
from tests.cli.animating import PHOTO, even_sided, frames_of

CARD = SHIPPED.with_name("README.md").read_text(encoding="utf-8")
MEASURED = Path(__file__).parents[2] / "docs" / "training" / "held-out.json"
SIDE, FRAMES, EVERY = 256, 40, 4


def test_the_card_is_of_these_weights() -> None:
    assert re.findall(r"`([0-9a-f]{64})`", CARD) == [hashlib.sha256(SHIPPED.read_bytes()).hexdigest()]
    assert SHIPPED.stat().st_size <= 24e6
    assert read_config(SHIPPED) == PRESETS["slim-256"]


@pytest.mark.parametrize(
    ("row", "measure"),
    [
        ("mean absolute error, frame", "l1"),
        ("face", "l1_face"),
        ("eyes", "l1_eyes"),
        ("mouth", "l1_mouth"),
        ("SSIM", "ssim"),
        ("end-point error of optical flow, pixels", "epe"),
        ("eyes' opening, correlation with the driver's", "blink_correlation"),
        ("mouth's opening", "lip_correlation"),
        ("change from frame to frame", "temporal_l1"),
    ],
)
def test_the_card_says_what_was_measured(row: str, measure: str) -> None:
    measured = json.loads(MEASURED.read_text(encoding="utf-8"))
    assert measured["model"]["sha256"] == hashlib.sha256(SHIPPED.read_bytes()).hexdigest()
    own = [performance["results"] for performance in measured["performances"] if performance["task"] == "self"]
    (cells,) = re.findall(rf"^\| {re.escape(row)} \| (.*) \|$", CARD, re.MULTILINE)
    for cell, results in zip(cells.split(" | "), own, strict=True):
        digits = len(cell.split(".")[1])
        assert cell == f"{results[measure]:.{digits}f}"


def clip_of_a_puppet(folder: Path) -> tuple[Tensor, Tensor]:
    """Frames (T, 3, S, S) in [0, 1], and the faces in them (T, 4)."""
    clip = PuppetClip(seed=1, index=3, size=SIDE, frames=FRAMES)
    clip.run(folder)
    with VideoReader(folder / "clips" / f"{clip.key}.mp4") as video:
        frames = np.stack([frame.pixels for frame in video])[::EVERY]
    track = read_track(folder / "tracks" / f"{clip.key}.csv")[::EVERY]
    boxes = torch.tensor([(box.x, box.y, box.x + box.width, box.y + box.height) for box in track])
    return torch.from_numpy(frames).permute(0, 3, 1, 2) / 255, 2 * boxes / SIDE - 1


@torch.inference_mode()
def test_they_are_as_good_as_the_card_says(tmp_path: Path) -> None:
    frames, boxes = clip_of_a_puppet(tmp_path)
    model = for_inference(load_model(SHIPPED))
    motion = model.estimate(frames, boxes)
    shown = model.render(model.encode(frames[:1]), motion[:1], motion[1:])
    error, still = (float((found - frames[1:]).abs().mean()) for found in (shown, frames[:1]))
    row = r"\| an unseen puppet \| (\d\.\d+) \| (\d\.\d+) \|"
    stated_error, stated_still = map(float, re.findall(row, CARD)[0])
    assert error == pytest.approx(stated_error, rel=0.02)
    assert still == pytest.approx(stated_still, rel=0.02)
    assert error < 0.75 * still


def test_animating_takes_them_if_not_told_otherwise(tmp_path: Path) -> None:
    clip = PuppetClip(seed=1, index=3, size=64, frames=2)
    clip.run(tmp_path)
    write_png(tmp_path / "photo.png", PHOTO)
    box = read_track(tmp_path / "tracks" / f"{clip.key}.csv")[0]
    where = {"--source": "photo.png", "--driving": f"clips/{clip.key}.mp4", "--output": "out.mp4"}
    files = [word for option, name in where.items() for word in (option, str(tmp_path / name))]
    main(["animate", *files, "--driving-face", *(str(round(side)) for side in box)])
    first, second = frames_of(tmp_path / "out.mp4")
    assert np.abs(first.astype(int) - even_sided(PHOTO)).mean() < 10
    assert np.abs(first.astype(int) - second).max() > 3


def test_they_are_what_an_animator_takes_if_not_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []

    def noted(path: Path) -> PTUS:
        read.append(path)
        return load_model(path)

    monkeypatch.setattr(animator, "load_model", noted)
    animator.Animator.from_pretrained()
    assert read == [SHIPPED]
