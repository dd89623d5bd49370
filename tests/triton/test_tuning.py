"""Block sizes are measured once, kept on disk, and what is read back is not trusted."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

pytest.importorskip("triton", reason="triton is not installed")

import triton

from ptus_kernels.triton import tuning
from ptus_kernels.triton.tuning import Config

pytestmark = pytest.mark.once

CONFIGS = (Config(64, 32, 4), Config(32, 32, 4), Config(16, 16, 1))
KEY = "warp float32 3x6"


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Config]:
    """A device on which the second of the configurations is the fastest; lists what is measured on it."""
    found: list[Config] = []

    def milliseconds(run: Callable[[Config], Any], config: Config) -> float:
        found.append(config)
        return abs(CONFIGS.index(config) - 1)

    monkeypatch.setenv("PTUS_KERNELS_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Some GPU/1")
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)
    monkeypatch.setattr(tuning, "_milliseconds", milliseconds)
    monkeypatch.setattr(tuning, "_known", {})
    monkeypatch.setattr(tuning, "_chosen", {})
    return found


def choose(configs: tuple[Config, ...] = CONFIGS) -> Config | None:
    return tuning._choose(lambda config: None, configs, "warp", torch.empty(1), (4, 33))


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "_known", {})


def test_the_fastest_is_measured_once_and_kept(
    measured: list[Config], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert choose() == choose() == CONFIGS[1]
    forget(monkeypatch)
    assert choose() == CONFIGS[1]
    assert measured == list(CONFIGS)
    (file,) = tmp_path.iterdir()
    assert file.name.startswith("some-gpu-1-triton-")
    assert json.loads(file.read_text()) == {KEY: {"points": 32, "channels": 32, "num_warps": 4}}


def test_the_first_runs_where_results_must_be_repeatable(
    measured: list[Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    on_gpu: Any = SimpleNamespace(is_cuda=True, device=torch.device("cuda:0"), dtype=torch.float32)

    def launched() -> Config:
        return tuning.launch(lambda config: config, CONFIGS, "warp", on_gpu, (4, 33))

    assert launched() == CONFIGS[1]
    monkeypatch.setattr(torch, "are_deterministic_algorithms_enabled", lambda: True)
    assert launched() == CONFIGS[0]


def test_what_others_wrote_meanwhile_stays(
    measured: list[Config], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose()
    (file,) = tmp_path.iterdir()
    file.write_text(json.dumps({"other": {"points": 1, "channels": 2, "num_warps": 4}}))
    monkeypatch.setattr(tuning, "_known", {file: {}})
    choose()
    assert set(json.loads(file.read_text())) == {"other", KEY}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[1, 2",
        "[]",
        "null",
        json.dumps({KEY: 3}),
        json.dumps({KEY: {"points": 32}}),
        json.dumps({KEY: {"points": 32, "channels": 32, "num_warps": "4"}}),
        json.dumps({KEY: {"points": 32, "channels": 32, "num_warps": True}}),
        json.dumps({KEY: {"points": 32, "channels": 32, "num_warps": 4, "more": 1}}),
        json.dumps({KEY: {"points": 4096, "channels": 4096, "num_warps": 4}}),
        100_000 * "[",
    ],
)
def test_a_file_that_makes_no_sense_is_ignored(
    content: str, measured: list[Config], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose()
    (file,) = tmp_path.iterdir()
    file.write_text(content)
    forget(monkeypatch)
    measured.clear()
    assert choose() == CONFIGS[1]
    assert measured == list(CONFIGS)


def test_nothing_is_measured_while_a_graph_is_captured(
    measured: list[Config], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    assert choose() is None
    assert not measured and not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_does_no_harm(
    measured: list[Config], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PTUS_KERNELS_CACHE_DIR", str(tmp_path / "file" / "folder"))
    assert choose() == CONFIGS[1]


# What `launch` asks of a tensor on a GPU.
ON_GPU: Any = SimpleNamespace(is_cuda=True, device=torch.device("cuda", 0), dtype=torch.float32)


def test_a_launch_takes_the_best_on_sums_of_0(measured: list[Config], monkeypatch: pytest.MonkeyPatch) -> None:
    def run(config: Config) -> Config:
        assert not sums.any()
        sums.add_(1)
        return config

    monkeypatch.setattr(triton.knobs.runtime, "interpret", False)
    for capturing, expected in ((True, CONFIGS[0]), (False, CONFIGS[1]), (True, CONFIGS[1])):
        monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda capturing=capturing: capturing)
        sums = torch.full((3,), torch.nan)
        assert tuning.launch(run, CONFIGS, "warp", ON_GPU, (4, 33), sums=(None, sums)) == expected
    assert measured == list(CONFIGS)


def test_sums_in_no_fixed_order_are_not_deterministic(measured: list[Config], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "are_deterministic_algorithms_enabled", lambda: True)
    tuning.launch(lambda config: None, CONFIGS, "warp", ON_GPU, (4, 33), sums=(None,))
    with pytest.raises(RuntimeError, match="warp in Triton adds to a gradient in no fixed order"):
        tuning.launch(lambda config: None, CONFIGS, "warp", ON_GPU, (4, 33), sums=(torch.zeros(1),))
    monkeypatch.setattr(torch, "is_deterministic_algorithms_warn_only_enabled", lambda: True)
    with pytest.warns(UserWarning, match="no fixed order"):
        tuning.launch(lambda config: None, CONFIGS, "warp", ON_GPU, (4, 33), sums=(torch.zeros(1),))


def test_where_the_choices_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PTUS_KERNELS_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert tuning.cache_folder() == Path("/cache/ptus_kernels")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/someone")
    assert tuning.cache_folder() == Path("/home/someone/.cache/ptus_kernels")
