"""How a block loses the channels that do next to nothing."""

from pathlib import Path

import numpy as np
import pytest
import torch

from examples.narrow import LOST, Sums, main
from ptus.errors import UserError
from ptus.model import PRESETS, PTUS
from ptus.model.checkpoint import load_model, save_model
from ptus.model.layers import ResBlock
from tests.cli.animating import PHOTO, even_sided
from tests.video.clips import write_clip


@torch.no_grad()
def a_block(idle: slice) -> ResBlock:
    """With hidden channels of which some are nearly constant, and shifted norms."""
    torch.manual_seed(0)
    block = ResBlock(8).eval()
    for norm in (block.first[1], block.norm):
        assert isinstance(norm, torch.nn.BatchNorm2d) and norm.running_mean is not None
        norm.running_mean.normal_(std=0.1)
        norm.bias.uniform_(0.2, 0.5)
    block.first.get_parameter("0.weight")[idle] *= 1e-3
    block.second.weight[:, idle] *= 0.1
    return block


@torch.no_grad()
def test_channels_that_are_nearly_constant_become_zeros_and_a_constant() -> None:
    block = a_block(slice(2, 6))
    sums, frames = Sums(block), torch.randn(4, 8, 40, 40)
    hook = block.second.register_forward_hook(sums.add)
    before = torch.cat([block(part) for part in frames.split(2)])
    hook.remove()
    kept, lost = sums.narrow()
    assert kept == 4 and 0 < lost < LOST
    weight = block.first.get_parameter("0.weight")
    assert not weight[2:6].any() and not block.second.weight[:, 2:6].any()
    assert weight[[0, 1, 6, 7]].flatten(1).any(dim=1).all()
    inside = (..., slice(1, -1), slice(1, -1))  # at the rim a constant lacks taps
    torch.testing.assert_close(block(frames)[inside], before[inside], rtol=0, atol=8e-3)


@torch.no_grad()
def test_a_block_that_needs_all_its_channels_keeps_them() -> None:
    block = a_block(slice(0, 0))
    sums, frames = Sums(block), torch.randn(4, 8, 40, 40)
    hook = block.second.register_forward_hook(sums.add)
    before = block(frames)
    hook.remove()
    assert sums.narrow() == (8, 0.0)
    assert block(frames).equal(before)


def test_it_reads_a_checkpoint_and_clips_and_writes_a_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    model = PTUS(PRESETS["slim-128"])
    with torch.no_grad():
        model.decoder.refine.second.weight[:, 1::2] = 0
    save_model(model, tmp_path / "model.safetensors")
    clip = write_clip(tmp_path / "talk.mp4", [even_sided(np.roll(PHOTO, n, axis=1)) for n in range(8)])
    main(tmp_path / "model.safetensors", tmp_path / "narrow.safetensors", (clip,))
    assert capsys.readouterr().out.startswith("64 of 128 channels stay, ")
    weight = load_model(tmp_path / "narrow.safetensors").decoder.refine.first.get_parameter("0.weight")
    assert weight.flatten(1).any(dim=1).sum() == 64


def test_without_clips_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="at least one clip"):
        main(tmp_path / "model.safetensors", tmp_path / "narrow.safetensors", ())
