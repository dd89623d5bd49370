"""Checkpoints: what is written comes back, and what cannot be used is refused in one line."""

import json
import struct
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from ptus.errors import UserError
from ptus.model import PTUS, ModelConfig
from ptus.model.checkpoint import CONFIG_KEY, at_size, load_model, read_config, save_model
from tests.model.conftest import SLIM


@pytest.fixture(scope="module")
def path(slim: PTUS, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("checkpoints") / "slim.safetensors"
    save_model(slim, path)
    return path


def altered(path: Path, target: Path, config: object = None, drop: str | None = None) -> Path:
    """The checkpoint with another configuration, or without a weight."""
    weights = load_file(path)
    if drop is not None:
        del weights[drop]
    save_file(weights, target, metadata={CONFIG_KEY: json.dumps(asdict(SLIM) if config is None else config)})
    return target


def test_what_is_saved_comes_back(slim: PTUS, path: Path) -> None:
    loaded = load_model(path, size=128)
    assert loaded.config == slim.config == read_config(path) and not loaded.training
    for name, tensor in loaded.state_dict().items():
        expected = slim.state_dict()[name]
        assert tensor.dtype == expected.dtype
        torch.testing.assert_close(tensor, expected.half().float() if tensor.is_floating_point() else expected)
    assert path.stat().st_size <= 24_000_000


def test_saving_is_all_or_nothing(slim: PTUS, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot write"):
        save_model(slim, tmp_path / "no such folder" / "slim.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no .*; give a checkpoint, or make one with `ptus init`"):
        load_model(tmp_path / "none.safetensors")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read|is not a checkpoint"):
        load_model(tmp_path)


@pytest.mark.parametrize("length", [0, 4, 1000, 1_000_000])
def test_truncated(path: Path, tmp_path: Path, length: int) -> None:
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(path.read_bytes()[:length])
    with pytest.raises(UserError, match="is not a checkpoint, or is damaged"):
        load_model(damaged)


def test_a_header_that_claims_too_much(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(struct.pack("<Q", 1 << 60) + b"{}")
    with pytest.raises(UserError, match="is not a checkpoint, or is damaged"):
        load_model(damaged)


def test_somebody_elses(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.zeros(3)}, foreign)
    with pytest.raises(UserError, match="is not a ptus checkpoint; `ptus init` makes one"):
        load_model(foreign)


def test_another_size(path: Path) -> None:
    with pytest.raises(UserError, match="is a model for 128×128 pixels, not 256×256"):
        load_model(path, size=256)


def test_weights_serve_another_size_that_has_the_same_layers(slim: PTUS) -> None:
    larger = at_size(slim, 256)
    assert larger.config == replace(slim.config, size=256)
    for name, tensor in slim.state_dict().items():
        assert torch.equal(larger.state_dict()[name], tensor)
    with pytest.raises(UserError, match="a model for 128 pixels has other layers than one for 512"):
        at_size(slim, 512)


def test_weights_that_do_not_fit(path: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"lacks weight decoder\.picture_and_shown\.bias"):
        load_model(altered(path, tmp_path / "a.safetensors", drop="decoder.picture_and_shown.bias"))
    with pytest.raises(UserError, match=r"weight .* has shape .*, expected .*: it is damaged, or of another version"):
        load_model(altered(path, tmp_path / "b.safetensors", config={**asdict(SLIM), "volume_channels": 16}))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"size": 100}, "size: expected one of 128, 256, 512, got 100"),
        ({"size": "128"}, "size: expected int, got '128'"),
        ({"face_body": 1}, "face_body: expected bool, got 1"),
        ({"width": 1 << 30}, "width: expected 1 to 512"),
        ({"volume_depth": 12}, "volume_depth: expected a multiple of 8, got 12"),
        ({"unknown": 1}, "unknown: not known"),
    ],
)
def test_configurations_that_cannot_be_used(
    path: Path, tmp_path: Path, changed: dict[str, object], message: str
) -> None:
    strange = altered(path, tmp_path / "strange.safetensors", config={**asdict(SLIM), **changed})
    with pytest.raises(UserError, match=f"has a configuration that cannot be used: {message}"):
        load_model(strange)


def test_a_configuration_that_is_no_configuration(path: Path, tmp_path: Path) -> None:
    for config in ([1, 2], "slim", {"size": 128}):
        with pytest.raises(UserError, match="has a configuration that cannot be used"):
            load_model(altered(path, tmp_path / "strange.safetensors", config=config))


def test_numbers_out_of_range() -> None:
    with pytest.raises(ValueError, match="body_keypoints: expected 1 to 64, got 0"):
        ModelConfig(body_keypoints=0)
