"""`ptus animate` as it is called: with a stand-in for the model but for one test."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from skimage import data

import ptus.animator
from ptus.cli import main
from ptus.images import Pixels
from ptus.model import PRESETS, PTUS
from ptus.model.checkpoint import save_model
from ptus.model.motion import Motion
from tests.standin import StandIn
from tests.video.clips import VARIABLE, moving_square, sound_packets, times, write_clip

PHOTO: Pixels = np.asarray(data.astronaut())[:, 50:401]  # type: ignore[no-untyped-call]
"""One face; of odd width."""
SHARED = Path(__file__).parents[2].parent / "shared" / "data"
BOXES = ("--driving-face", "8", "8", "24", "24")


def _bgr(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels[..., ::-1])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a photo, a driving video and a checkpoint, in which the command runs; the model is a stand-in."""
    cv2.imwrite(str(tmp_path / "photo.png"), _bgr(PHOTO))
    write_clip(tmp_path / "driving.mp4", moving_square(10), sound="aac")
    (tmp_path / "model.safetensors").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ptus.animator, "load_model", lambda path: StandIn())
    return tmp_path


def _animate(*arguments: str, driving: str = "driving.mp4", source: str = "photo.png", output: str = "out.mp4") -> None:
    _run(source, driving, output, *BOXES, *arguments)


def _run(source: Path | str, driving: Path | str, output: str, *arguments: str) -> None:
    """The command with some checkpoint; the faces are looked for."""
    files = ["--source", str(source), "--driving", str(driving), "--output", output, "--model", "model.safetensors"]
    main(["animate", *files, *arguments])


def _frames(path: str | Path) -> list[Pixels]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24").astype(np.uint8) for frame in container.decode(video=0)]


def test_the_result_has_the_drivers_times_and_sound_and_the_photos_size(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(folder.iterdir())
    _animate()
    assert set(folder.iterdir()) - before == {folder / "out.mp4"}
    assert times(Path("out.mp4")) == times(Path("driving.mp4"))
    assert sound_packets(Path("out.mp4")) == [p for p in sound_packets(Path("driving.mp4")) if p[0] < Fraction(10, 25)]
    frames = _frames("out.mp4")
    assert frames[0].shape == (512, 350, 3)
    assert np.abs(frames[0].astype(int) - PHOTO[:, :350]).mean() < 6
    with av.open("out.mp4") as container:
        assert container.metadata["comment"].startswith("Synthetic")
    assert capsys.readouterr().out == "out.mp4: 10 frames\n"


@pytest.mark.parametrize(
    ("suffix", "time_base", "ticks"),
    [
        (".mp4", Fraction(1001, 30000), list(range(8))),
        (".mkv", Fraction(1, 1000), VARIABLE),
        (".mp4", Fraction(1, 1000), VARIABLE),
        (".mp4", Fraction(1, 90000), [tick * 91 for tick in VARIABLE]),
    ],
)
def test_times_are_kept(folder: Path, suffix: str, time_base: Fraction, ticks: list[int]) -> None:
    write_clip(folder / f"d{suffix}", moving_square(8), time_base=time_base, ticks=ticks)
    _animate("--batch-size", "3", driving=f"d{suffix}")
    assert times(Path("out.mp4")) == [tick * time_base for tick in ticks]


def test_without_pasting_back_the_square_is_written(folder: Path) -> None:
    _animate("--no-paste-back", "--audio", "none")
    assert _frames("out.mp4")[0].shape == (64, 64, 3)
    with av.open("out.mp4") as container:
        assert not container.streams.audio


def test_side_by_side_shows_source_driving_and_result(folder: Path) -> None:
    _animate("--side-by-side")
    frames = _frames("out.mp4")
    assert frames[0].shape == (512, 2 * ((351 + round(64 * 512 / 48) + 351) // 2), 3)
    driver = cv2.resize(frames[5][:, 351 : 351 + 683], (64, 48), interpolation=cv2.INTER_AREA)
    assert np.abs(driver.astype(int) - moving_square(10)[5]).mean() < 6


def test_a_source_video_is_shown_at_the_drivers_times_with_its_own_sound(folder: Path) -> None:
    levels = [np.full((48, 64, 3), 20 * n, np.uint8) for n in range(5)]
    write_clip(folder / "source.mp4", levels, time_base=Fraction(1, 50), sound="aac", seconds=0.1)
    box = ("--source-face", "20", "10", "20", "20")
    _animate(*box, "--audio", "source", "--pose", "0", "--expression", "0", "--body", "0", source="source.mp4")
    shown = [round(frame[24, 32].mean() / 20) for frame in _frames("out.mp4")]
    assert shown == [0, 2, 4, 4, 4, 4, 4, 4, 4, 4]
    assert sound_packets(Path("out.mp4")) == sound_packets(Path("source.mp4"))


def test_the_face_may_appear_late_in_a_source_video(folder: Path) -> None:
    wall = np.full_like(_even(PHOTO), 90)
    write_clip(folder / "late.mp4", [wall] * 4 + [_even(PHOTO)] * 6)
    _animate("--side-by-side", "--audio", "none", source="late.mp4")
    frames = _frames("out.mp4")
    assert len(frames) == 10
    assert np.abs(frames[2][:, :350].astype(int) - 90).mean() < 6
    assert np.abs(frames[6][:, :350].astype(int) - PHOTO[:, :350]).mean() < 6


def test_the_expression_may_come_from_another_video(folder: Path) -> None:
    write_clip(folder / "still.mp4", [np.full((48, 64, 3), 90, np.uint8)] * 4)
    brighter = [np.full((48, 64, 3), (90, 90, 90 + 10 * n), np.uint8) for n in range(4)]
    write_clip(folder / "blue.mp4", brighter)
    box = ("--expression-face", "8", "8", "24", "24")
    _animate("--expression-driving", "blue.mp4", *box, "--audio", "none", driving="still.mp4")
    change = np.array([frame[100, 170] for frame in _frames("out.mp4")], int)
    assert (np.diff(change[:, 2]) > 4).all() and np.abs(np.diff(change[:, :2], axis=0)).max() < 6


def test_it_runs_end_to_end_with_a_model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    torch.manual_seed(0)
    save_model(PTUS(PRESETS["slim-128"]), folder / "model.safetensors")
    write_clip(folder / "talk.mp4", [_even(np.roll(PHOTO, n, axis=1)) for n in range(3)])
    _run("photo.png", "talk.mp4", "out.mp4")
    frames = _frames("out.mp4")
    assert len(frames) == 3 and frames[0].shape == (512, 350, 3)


def _even(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels[: len(pixels) // 2 * 2, : pixels.shape[1] // 2 * 2])


@pytest.fixture
def unusable(folder: Path) -> Path:
    """The folder, with things that cannot be used."""
    cv2.imwrite("wall.png", np.full((200, 200, 3), 128, np.uint8))
    cv2.imwrite("two.png", _bgr(np.concatenate([PHOTO, PHOTO], axis=1)))
    write_clip(folder / "two.mp4", [_even(np.concatenate([PHOTO, PHOTO], axis=1))] * 2)
    write_clip(folder / "wall.mp4", [np.full((200, 200, 3), 128, np.uint8)] * 2)
    Path("empty.mp4").touch()
    Path("words.mp4").write_text("not a video")
    Path("cut.mp4").write_bytes(Path("driving.mp4").read_bytes()[:1500])
    Path("damaged.safetensors").write_bytes(b"\x10" * 100)
    with av.open("sound.mp4", "w") as container:
        stream = container.add_stream("aac", 44100, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), "fltp", "mono")
        frame.sample_rate = 44100
        container.mux([*stream.encode(frame), *stream.encode(None)])
    Path("out.mp4").write_bytes(b"an older video")
    Path("sub").mkdir()
    return folder


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
        ({"--model": None}, "ptus init"),
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
        _animate(output="locked/out.mp4")
    assert "cannot be written to" in capsys.readouterr().err


def test_a_driving_video_that_is_cut_off_is_used_as_far_as_it_goes(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw = np.random.default_rng(0)
    noise = [draw.integers(0, 256, (48, 64, 3), np.uint8) for _ in range(20)]
    path = write_clip(folder / "cut.mp4", noise, options={"movflags": "+faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    _animate(driving="cut.mp4")
    count = len(_frames("out.mp4"))
    assert 4 < count < 16
    assert f"cut.mp4 is damaged or cut off: {count} of 20 frames could be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("stored", "colour"),
    [
        (np.full((90, 81), 120, np.uint8), (120, 120, 120)),
        (np.full((90, 81), 120 * 257, np.uint16), (120, 120, 120)),
        (np.full((90, 81, 3), (30 * 257, 90 * 257, 200 * 257), np.uint16), (200, 90, 30)),
        (np.full((90, 81, 4), (30, 90, 200, 0), np.uint8), (255, 255, 255)),
        (np.full((90, 81, 4), (30, 90, 200, 255), np.uint8), (200, 90, 30)),
    ],
)
def test_pictures_of_any_channels_and_depth_are_sources(
    folder: Path, stored: Pixels, colour: tuple[int, int, int]
) -> None:
    cv2.imwrite("picture.png", stored)
    _animate("--source-face", "30", "20", "20", "20", source="picture.png")
    frame = _frames("out.mp4")[0]
    assert frame.shape == (90, 80, 3) and np.abs(frame.astype(int) - colour).max() < 8


def test_photos_are_turned_upright(folder: Path) -> None:
    from PIL import Image

    picture = Image.fromarray(PHOTO)
    exif = picture.getexif()
    exif[274] = 6  # the camera was held on its side
    picture.rotate(90, expand=True).save("turned.jpg", exif=exif)
    _animate(source="turned.jpg")
    assert np.abs(_frames("out.mp4")[0].astype(int) - PHOTO[:, :350]).mean() < 8


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


@pytest.mark.parametrize(("wish", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopping_finishes_the_file(
    folder: Path, wish: signal.Signals, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clip(folder / "long.mp4", moving_square(10) * 30, sound="aac", seconds=12)
    usual = signal.getsignal(wish)
    _stop_when(lambda: list(folder.glob(".out*")) != [], wish, monkeypatch)
    with pytest.raises(SystemExit) as exit_info:
        _animate(driving="long.mp4")
    assert exit_info.value.code == status and signal.getsignal(wish) == usual
    done = times(Path("out.mp4"))
    assert 0 < len(done) < 300 and done == times(Path("long.mp4"))[: len(done)]
    assert f"{len(done)} frames, stopped early" in capsys.readouterr().out


def test_stopping_before_the_first_frame_leaves_what_was_there(
    unusable: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(path: Path) -> StandIn:
        os.kill(os.getpid(), signal.SIGINT)
        return StandIn()

    monkeypatch.setattr(ptus.animator, "load_model", stopped)
    with pytest.raises(SystemExit) as exit_info:
        _animate()
    assert exit_info.value.code == 130
    assert "nothing is written" in capsys.readouterr().err
    assert Path("out.mp4").read_bytes() == b"an older video"


def _stop_when(ready: Callable[[], bool], wish: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send this process a signal once it is ready; frames are rendered slowly meanwhile."""

    class Slow(StandIn):
        def estimate(self, frames: torch.Tensor, face_boxes: torch.Tensor) -> Motion:
            time.sleep(0.02)
            return super().estimate(frames, face_boxes)

    def wait() -> None:
        while not ready():
            time.sleep(0.01)
        time.sleep(0.3)
        os.kill(os.getpid(), wish)

    monkeypatch.setattr(ptus.animator, "load_model", lambda path: Slow())
    threading.Thread(target=wait, daemon=True).start()


def test_help_names_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["animate", "--help"])
    told = capsys.readouterr().out
    assert all(option in told for option in ("--source", "--driving", "--expression-driving", "--no-paste-back"))


def test_the_driving_video_may_be_a_stream(folder: Path) -> None:
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        _animate(driving=f"http://127.0.0.1:{server.server_port}/driving.mp4")
        server.shutdown()
    assert times(Path("out.mp4")) == times(Path("driving.mp4"))
    with av.open("out.mp4") as container:
        assert not container.streams.audio


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared clips are not here")
def test_a_real_clip_keeps_its_times_and_sound(folder: Path) -> None:
    clip = SHARED / "clips" / "d20.mp4"
    _run(SHARED / "photos" / "s4.jpg", clip, "out.mp4")
    assert times(Path("out.mp4")) == times(clip)
    assert sound_packets(Path("out.mp4")) == sound_packets(clip)
