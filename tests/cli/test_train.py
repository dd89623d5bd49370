"""`ptus train`: a run, another that goes on with it, and what cannot be done."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors import safe_open

from ptus.cli import main
from ptus.data.dataset import write_clips
from ptus.model.checkpoint import load_model
from ptus.training.state import read_configs
from tests.training.conftest import data, write_clip

__all__ = ["data"]

QUICK = ["--size", "slim-128", "--config.batch", "1", "--workers", "0", "--device", "cpu"]


def test_a_run_and_what_follows(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    main(["train", "--data", str(data), "--output", str(first), *QUICK, "--config.steps", "1"])
    assert "step 1 of 1" in capsys.readouterr().out
    assert read_configs(first / "state.safetensors")[1].steps == 1
    with pytest.raises(SystemExit):
        main(["train", "--data", str(data), "--output", str(first), *QUICK])
    assert "has a run already; give --resume to go on with it" in capsys.readouterr().err
    start = ["--init-from", str(first / "model.safetensors")]
    main(["train", "--data", str(data), "--output", str(second), *start, *QUICK, "--config.steps", "1"])
    assert load_model(second / "model.safetensors").config.size == 128
    resume = ["train", "--data", str(data), "--output", str(second), "--resume", "--workers", "0"]
    main(resume)
    assert "step 1 of 1" in capsys.readouterr().out
    main([*resume, "--config.steps", "2", "--config.weights.face", "0.5"])
    printed = capsys.readouterr().out
    assert "steps: 2 from here on, 1 so far\nbatch: 1, as so far\nweights.face: 0.5 from here on, 1.0 so far" in printed
    assert "step 2 of 2" in printed
    assert read_configs(second / "state.safetensors")[1].batch == 1
    main([*resume, "--config.steps", "3", "--config.precision", "float16"])
    assert "step 3 of 3" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main([*resume, "--config.only", "decoder"])
    assert "--resume: only: a run goes on with the modules that it began with" in capsys.readouterr().err


def test_several_data_sets(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more, without = tmp_path / "more", tmp_path / "without"
    write_clips(more, [write_clip(more, "a"), write_clip(more, "d")])
    write_clips(without, [write_clip(without, "e", "test")])
    run = ["train", "--output", str(tmp_path / "run"), *QUICK, "--config.steps", "1", "--data", str(data), str(more)]
    with pytest.raises(SystemExit):
        main([*run, str(without)])
    assert f"{without} has no clips to train on" in capsys.readouterr().err
    main(run)
    assert "step 1 of 1" in capsys.readouterr().out
    assert [path.name for path in sorted((more / "cache").iterdir())] == ["a-128.npy", "d-128.npy"]
    assert (data / "cache" / "a-128.npy").exists()


def test_sigterm_saves_and_stops(data: Path, tmp_path: Path) -> None:
    arguments = ["train", "--data", str(data), "--output", str(tmp_path), *QUICK, "--config.steps", "1000"]
    with subprocess.Popen([sys.executable, "-m", "ptus", *arguments]) as process:
        while not (tmp_path / "logs").exists() and process.poll() is None:  # it is there once signals are heeded
            time.sleep(0.1)
        process.terminate()
    assert process.returncode == 143
    assert 0 < read_step(tmp_path) < 1000


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds processes as Linux lists them")
def test_a_run_that_fails_ends_with_the_processes_that_load(data: Path, tmp_path: Path) -> None:
    given = [*QUICK, "--workers", "2", "--config.steps", "1000"]
    arguments = ["train", "--data", str(data), "--output", str(tmp_path), *given]
    with subprocess.Popen([sys.executable, "-m", "ptus", *arguments], stderr=subprocess.PIPE, text=True) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while len(loading := children.read_text().split()) < 2 or not (tmp_path / "logs").exists():
            assert process.poll() is None
            time.sleep(0.1)
        time.sleep(1)  # until they heed signals their way
        os.kill(int(loading[0]), signal.SIGKILL)
        try:
            assert "is killed by signal" in process.communicate(timeout=60)[1]
        finally:
            process.kill()
    assert process.returncode == 1
    assert not Path("/proc", loading[1]).exists()


def read_step(folder: Path) -> int:
    with safe_open(folder / "state.safetensors", framework="pt") as file:
        step: int = json.loads(file.metadata()["ptus-training"])["step"]
    return step


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--size", "slim-100"], "--size slim-100 is not known"),
        (["--resume"], r"there is no .*state.safetensors; start without --resume"),
        (["--resume", "--init-from", "a.safetensors"], "--resume goes on with the run's own model and weights"),
        (["--resume", "--size", "slim-256"], "--resume goes on with the run's own model and weights"),
        (["--init-from", "none.safetensors"], "there is no none.safetensors"),
        (["--vgg19", "none.safetensors"], "cannot read VGG-19's weights from none.safetensors"),
        (["--data", "none"], "none/clips.csv"),
        (["--workers", "-1"], "--workers -1: give at least 0"),
    ],
)
def test_what_cannot_be_done(
    arguments: list[str],
    message: str,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    given = ["train", "--output", "run", *(["--data", str(data)] if "--data" not in arguments else []), *arguments]
    with pytest.raises(SystemExit) as stopped:
        main(given)
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert re.search(message, error) and len(error.splitlines()) == 1


@pytest.mark.parametrize("option", ["--intervals.checkpoint", "--config.steps", "--config.seed"])
def test_numbers_that_nothing_can_be_done_with(
    option: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["train", "--data", str(data), "--output", str(tmp_path / "run"), option, "-1"])
    assert stopped.value.code == 2
    assert f"{option.rpartition('.')[2]}: expected" in capsys.readouterr().err
