"""`ptus init` and `ptus info`."""

import os
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from ptus.cli import main
from ptus.model import PRESETS
from ptus.model.checkpoint import load_model


def test_init_then_info(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new.safetensors"
    main(["init", "--size", "slim-128", "--output", str(path)])
    assert load_model(path).config == PRESETS["slim-128"]
    main(["info", "--model", str(path)])
    of_file = capsys.readouterr().out.partition("\n")[2]
    main(["info", "--model", "slim-128"])
    assert of_file == capsys.readouterr().out
    assert [line.split()[0] for line in of_file.splitlines()[1:]] == [
        "part", "appearance", "body", "face", "warping", "decoder", "all",
    ]  # fmt: skip


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--version"])
    assert capsys.readouterr().out == f"ptus {version('ptus')}\n"


def test_whoever_reads_no_further_gets_no_traceback() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        done = subprocess.run([sys.executable, "-m", "ptus", "info", "--help"], stdout=closed, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (141, b"")


def test_the_same_seed_gives_the_same_model(tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.safetensors" for name in "abc"]
    for path, seed in zip(paths, "112", strict=True):
        main(["init", "--size", "slim-128", "--seed", seed, "--output", str(path)])
    first, second, other = (path.read_bytes() for path in paths)
    assert first == second != other


def test_init_without_a_decomposition(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new.safetensors"
    main(["init", "--size", "slim-128", "--without", "face-body", "local-global", "--output", str(path)])
    assert capsys.readouterr().out == f"{path}: slim-128, without face-body, without local-global, untrained\n"
    assert load_model(path).config == replace(PRESETS["slim-128"], face_body=False, local_global=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["init", "--size", "slim-100", "--output", "new.safetensors"], "--size slim-100 is not known; give one of"),
        (["init", "--output", "new.pt"], "--output new.pt must end in .safetensors"),
        (["init", "--output", "no/such/folder/new.safetensors"], "cannot write no/such/folder/new.safetensors"),
        (["info", "--model", "huge"], "--model huge is not known; give a checkpoint, or one of"),
        (["info", "--model", "none.safetensors"], "there is no none.safetensors"),
        (["init", "--output", "a.safetensors", "--seed", str(1 << 64)], "does not work; give a number from 0 to"),
    ],
)
def test_what_cannot_be_done(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
