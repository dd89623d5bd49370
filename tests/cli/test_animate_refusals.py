"""What `ptus animate` cannot use: one line, status 2, and what was there stays."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ptus.cli import main
from tests.cli.animating import BOXES, animate


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"--source": "nowhere.png"}, "give the path"),
        ({"--source": "empty.mp4"}, "empty"),
        ({"--source": "words.mp4"}, "not a video"),
        ({"--source": "wall.png"}, "--source-face X Y WIDTH HEIGHT"),
        ({"--source": "two.png"}, "choose one: --source-face"),
        ({"--source": "wall.png", "--source-face": ["100", "100", "120", "50"]}, "not within the source"),
        ({"--driving": "nowhere.mp4"}, "give the path"),
        ({"--driving": "empty.mp4"}, "empty"),
        ({"--driving": "words.mp4"}, "not a video"),
        ({"--driving": "cut.mp4"}, "beginning or index is missing"),
        ({"--driving": "sound.mp4"}, "sound but no video"),
        ({"--driving": "97"}, "camera 97 gives no picture"),
        ({"--driving": "http://localhost:9/x.mp4"}, "cannot read http://localhost:9/x.mp4"),
        ({"--driving": "wall.mp4", "--driving-face": None}, "--driving-face X Y WIDTH HEIGHT"),
        ({"--driving": "two.mp4", "--driving-face": None}, "choose one: --driving-face"),
        ({"--driving-face": ["60", "0", "20", "20"]}, "not within the driving video, which is 64×48"),
        ({"--expression-driving": "words.mp4"}, "not a video"),
        ({"--model": "nowhere.safetensors"}, "nowhere.safetensors"),
        ({"--model": "damaged.safetensors"}, "damaged"),
        ({"--face-detector": "words.mp4"}, "not YuNet"),
        ({"--output": "out.avi"}, "must end in .mp4"),
        ({"--output": "nowhere/out.mp4"}, "no folder nowhere"),
        ({"--output": "driving.mp4"}, "same file as --driving"),
        ({"--output": "./sub/../driving.mp4"}, "same file as --driving"),
        ({"--audio": "source"}, "source has no sound"),
        ({"--pose": "2.5"}, "strength from 0 to 2"),
        ({"--body": "-1"}, "strength from 0 to 2"),
        ({"--batch-size": "0"}, "at least 1"),
        ({"--cuda-graphs": []}, "needs a GPU"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(
    unusable: Path,
    changes: dict[str, str | list[str] | None],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    if "--model" in changes:
        monkeypatch.undo()
        monkeypatch.chdir(unusable)
    arguments: dict[str, str | list[str] | None] = {
        "--source": "photo.png",
        "--driving": "driving.mp4",
        "--driving-face": list(BOXES[1:]),
        "--output": "out.mp4",
        "--model": "model.safetensors",
        **changes,
    }
    words = ["animate"]
    for name, value in arguments.items():
        if value is not None:
            words += [name, *([value] if isinstance(value, str) else value)]
    before = sorted(unusable.iterdir())
    with pytest.raises(SystemExit) as exit_info:
        main(words)
    assert exit_info.value.code == 2
    told = capfd.readouterr()
    lines = [line for line in told.err.splitlines() if not line.startswith("[")]  # OpenCV's own, of cameras
    assert told.out == "" and len(lines) == 1 and lines[0].startswith("ptus: ") and says in lines[0]
    assert sorted(unusable.iterdir()) == before
    assert Path("out.mp4").read_bytes() == b"an older video"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_folder_that_cannot_be_written_to_is_said_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    locked = folder / "locked"
    locked.mkdir(mode=0o500)
    with pytest.raises(SystemExit):
        animate(output="locked/out.mp4")
    assert "cannot be written to" in capsys.readouterr().err


def test_there_may_be_no_room(unusable: Path) -> None:
    """The limit on a file's size stands for a full disk."""
    code = (
        "import resource, sys, ptus.animator; from ptus.cli import main; from tests.standin import StandIn\n"
        "ptus.animator.load_model = lambda path: StandIn()\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, resource.RLIM_INFINITY)); main(sys.argv[1:])"
    )
    words = ["animate", "--source", "photo.png", "--driving", "driving.mp4", "--output", "out.mp4", "--model", "x"]
    before = sorted(unusable.iterdir())
    root = str(Path(__file__).parents[2])
    run = subprocess.run(
        [sys.executable, "-c", code, *words, *BOXES],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert run.returncode == 2
    assert run.stderr.count("\n") == 1 and "cannot write out.mp4" in run.stderr and "make room" in run.stderr
    assert sorted(unusable.iterdir()) == before and Path("out.mp4").read_bytes() == b"an older video"
