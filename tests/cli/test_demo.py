"""`ptus demo` as it is called."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from ptus.cli import main
from ptus.data.dataset import read_track
from ptus.data.puppets.clips import PuppetClip
from ptus.demo.talking import PUPPET_FRAMES


def _status(*arguments: object) -> int | str | None:
    with pytest.raises(SystemExit) as exit_info:
        main([str(argument) for argument in arguments])
    return exit_info.value.code


def test_it_runs_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "folder"
    main(["demo", "--output-dir", str(out), "--frames", "8", "--fps", "12", "--size", "128"])
    assert sorted(path.name for path in out.iterdir()) == ["demo.mp4", "demo.png", "talking.mp4", "talking.png"]
    with av.open(str(out / "demo.mp4")) as container:
        assert container.metadata["comment"].startswith("Synthetic")
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert container.streams.video[0].average_rate == 12
    assert len(frames) == 8 and frames[0].shape == (128, 128, 3)
    assert np.abs(frames[0].astype(int) - frames[3]).max() > 30
    sheet = cv2.imread(str(out / "demo.png"))
    assert sheet is not None and sheet.shape[1] > 1000 and sheet.std() > 30
    with av.open(str(out / "talking.mp4")) as container:
        assert container.metadata["comment"].startswith("Synthetic") and container.streams.audio
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == PUPPET_FRAMES and frames[0].shape == (128, 3 * 128, 3)
    assert np.abs(frames[0][:, -128:].astype(int) - frames[30][:, -128:]).max() > 30
    sheet = cv2.imread(str(out / "talking.png"))
    assert sheet is not None and sheet.shape[1] > 1000 and sheet.std() > 30
    told = capsys.readouterr().out
    assert "ms a frame" in told and f"{PUPPET_FRAMES} frames by the trained model" in told


def test_a_given_driver_moves_the_photo_and_is_never_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = PuppetClip(seed=0, index=0, size=64, frames=4)
    clip.run(tmp_path)
    box = read_track(tmp_path / "tracks" / f"{clip.key}.csv")[0]
    out = tmp_path / "out"
    out.mkdir()
    driving = (tmp_path / "clips" / f"{clip.key}.mp4").rename(out / "driving.mp4")
    face = [str(round(side)) for side in box]
    arguments = ["--frames", "2", "--size", "128", "--output-dir", out, "--driving-face", *face]
    main(["demo", *map(str, arguments), "--driving", str(driving)])
    with av.open(str(out / "talking.mp4")) as container:
        assert len(list(container.decode(video=0))) == 4
    before = (out / "talking.mp4").read_bytes()
    capsys.readouterr()
    assert _status("demo", *arguments, "--driving", out / "talking.mp4") == 2
    assert "would be overwritten" in capsys.readouterr().err
    assert (out / "talking.mp4").read_bytes() == before


def test_help_names_the_commands_and_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert _status("--help") == 0
    assert "demo" in capsys.readouterr().out
    assert _status("demo", "--help") == 0
    told = capsys.readouterr().out
    assert all(
        option in told for option in ("--source", "--output-dir", "--face", "--frames", "--fps", "--size", "--driving")
    )


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """A folder of things that cannot be animated."""
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((200, 200, 3), 128, np.uint8))
    cv2.imwrite(str(tmp_path / "tiny.png"), np.full((20, 200, 3), 128, np.uint8))
    (tmp_path / "words.jpg").write_text("not a picture")
    (tmp_path / "empty.jpg").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--source", "nowhere.jpg"], "give the path"),
        (["--source", "."], "give the path"),
        (["--source", "words.jpg"], "give a JPEG or PNG"),
        (["--source", "empty.jpg"], "give a JPEG or PNG"),
        (["--source", "tiny.png"], "at least 64"),
        (["--source", "wall.png"], "--face X Y WIDTH HEIGHT"),
        (["--source", "wall.png", "--face", "100", "100", "120", "50"], "not within the photo"),
        (["--source", "wall.png", "--face", "100", "100", "8", "8"], "crop"),
        (["--output-dir", "words.jpg"], "choose another --output-dir"),
        (["--frames", "0"], "at least 1"),
        (["--fps", "0"], "at least 1"),
        (["--size", "16"], "128 to 1024"),
        (["--driving", "nowhere.mp4"], "give the path"),
        (["--driving", "words.jpg"], "give another copy"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(
    inputs: Path,
    arguments: list[str],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(inputs)
    before = sorted(inputs.iterdir())
    assert _status("demo", *arguments) == 2
    told = capfd.readouterr()
    assert told.out == ""
    assert told.err.startswith("ptus: ") and told.err.count("\n") == 1 and says in told.err
    assert sorted(inputs.iterdir()) == before
