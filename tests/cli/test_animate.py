"""`ptus animate` as it is called: with a stand-in for the model but for one test."""

import os
import signal
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

import ptus.animator
from ptus.cli import main
from ptus.images import Pixels
from ptus.model import PRESETS, PTUS
from ptus.model.checkpoint import save_model
from ptus.model.motion import Motion
from ptus.video import VideoReader
from tests.cli.animating import PHOTO, animate, even_sided, frames_of, run
from tests.standin import StandIn
from tests.video.clips import VARIABLE, moving_square, sound_packets, times, write_clip
from tests.video.rtsp import camera

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def test_the_result_has_the_drivers_times_and_sound_and_the_photos_size(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(folder.iterdir())
    animate()
    assert set(folder.iterdir()) - before == {folder / "out.mp4"}
    assert times(Path("out.mp4")) == times(Path("driving.mp4"))
    assert sound_packets(Path("out.mp4")) == [p for p in sound_packets(Path("driving.mp4")) if p[0] < Fraction(10, 25)]
    frames = frames_of("out.mp4")
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
    animate("--batch-size", "3", driving=f"d{suffix}")
    assert times(Path("out.mp4")) == [tick * time_base for tick in ticks]


def test_without_pasting_back_the_square_is_written(folder: Path) -> None:
    animate("--no-paste-back", "--audio", "none")
    assert frames_of("out.mp4")[0].shape == (342, 342, 3)  # as large as it is in the photo
    with av.open("out.mp4") as container:
        assert not container.streams.audio


def test_side_by_side_shows_source_driving_and_result(folder: Path) -> None:
    animate("--side-by-side")
    frames = frames_of("out.mp4")
    assert frames[0].shape == (512, 2 * ((351 + round(64 * 512 / 48) + 351) // 2), 3)
    driver = cv2.resize(frames[5][:, 351 : 351 + 683], (64, 48), interpolation=cv2.INTER_AREA)
    assert np.abs(driver.astype(int) - moving_square(10)[5]).mean() < 6


def test_a_source_video_is_shown_at_the_drivers_times_with_its_own_sound(folder: Path) -> None:
    levels = [np.full((48, 64, 3), 20 * n, np.uint8) for n in range(5)]
    write_clip(folder / "source.mp4", levels, time_base=Fraction(1, 50), sound="aac", seconds=0.1)
    box = ("--source-face", "20", "10", "20", "20")
    animate(*box, "--audio", "source", "--pose", "0", "--expression", "0", "--body", "0", source="source.mp4")
    shown = [round(frame[24, 32].mean() / 20) for frame in frames_of("out.mp4")]
    assert shown == [0, 2, 4, 4, 4, 4, 4, 4, 4, 4]
    assert sound_packets(Path("out.mp4")) == sound_packets(Path("source.mp4"))


def test_the_face_may_appear_late_in_a_source_video(folder: Path) -> None:
    wall = np.full_like(even_sided(PHOTO), 90)
    write_clip(folder / "late.mp4", [wall] * 4 + [even_sided(PHOTO)] * 6)
    animate("--side-by-side", "--audio", "none", source="late.mp4")
    frames = frames_of("out.mp4")
    assert len(frames) == 10
    assert np.abs(frames[2][:, :350].astype(int) - 90).mean() < 6
    assert np.abs(frames[6][:, :350].astype(int) - PHOTO[:, :350]).mean() < 6


def test_the_expression_may_come_from_another_video(folder: Path) -> None:
    write_clip(folder / "still.mp4", [np.full((48, 64, 3), 90, np.uint8)] * 4)
    brighter = [np.full((48, 64, 3), (90, 90, 90 + 10 * n), np.uint8) for n in range(4)]
    write_clip(folder / "blue.mp4", brighter)
    box = ("--expression-face", "8", "8", "24", "24")
    animate("--expression-driving", "blue.mp4", *box, "--audio", "none", driving="still.mp4")
    change = np.array([frame[100, 170] for frame in frames_of("out.mp4")], int)
    assert (np.diff(change[:, 2]) > 4).all() and np.abs(np.diff(change[:, :2], axis=0)).max() < 6


def test_it_runs_end_to_end_with_a_model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    torch.manual_seed(0)
    save_model(PTUS(PRESETS["slim-128"]), folder / "model.safetensors")
    write_clip(folder / "talk.mp4", [even_sided(np.roll(PHOTO, n, axis=1)) for n in range(3)])
    run("photo.png", "talk.mp4", "out.mp4")
    frames = frames_of("out.mp4")
    assert len(frames) == 3 and frames[0].shape == (512, 350, 3)


def test_a_driving_video_that_is_cut_off_is_used_as_far_as_it_goes(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw = np.random.default_rng(0)
    noise = [draw.integers(0, 256, (48, 64, 3), np.uint8) for _ in range(20)]
    path = write_clip(folder / "cut.mp4", noise, options={"movflags": "+faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    animate(driving="cut.mp4")
    count = len(frames_of("out.mp4"))
    assert 4 < count < 16
    assert f"cut.mp4 is damaged or cut off: {count} of 20 frames could be read" in capsys.readouterr().err


def test_a_driver_whose_face_is_lost_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_clip(folder / "gone.mp4", moving_square(30))
    animate(driving="gone.mp4")
    assert len(frames_of("out.mp4")) == 30
    (told,) = capsys.readouterr().err.splitlines()[-1:]
    assert told.startswith("ptus: the driving video shows no face where it was: frames 1 to 29 ")


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
    animate("--source-face", "30", "20", "20", "20", source="picture.png")
    frame = frames_of("out.mp4")[0]
    assert frame.shape == (90, 80, 3) and np.abs(frame.astype(int) - colour).max() < 8


def test_photos_are_turned_upright(folder: Path) -> None:
    from PIL import Image

    picture = Image.fromarray(PHOTO)
    exif = picture.getexif()
    exif[274] = 6  # the camera was held on its side
    picture.rotate(90, expand=True).save("turned.jpg", exif=exif)
    animate(source="turned.jpg")
    assert np.abs(frames_of("out.mp4")[0].astype(int) - PHOTO[:, :350]).mean() < 8


@pytest.mark.parametrize(("wish", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopping_finishes_the_file(
    folder: Path, wish: signal.Signals, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clip(folder / "long.mp4", moving_square(10) * 30, sound="aac", seconds=12)
    usual = signal.getsignal(wish)
    _stop_when(lambda: list(folder.glob(".out*")) != [], wish, monkeypatch)
    with pytest.raises(SystemExit) as exit_info:
        animate(driving="long.mp4")
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
        animate()
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
        animate(driving=f"http://127.0.0.1:{server.server_port}/driving.mp4")
        server.shutdown()
    assert times(Path("out.mp4")) == times(Path("driving.mp4"))
    with av.open("out.mp4") as container:
        assert not container.streams.audio


def test_the_driving_video_may_be_a_camera_in_a_network(folder: Path) -> None:
    with camera(Path("driving.mp4")) as address:
        animate(driving=address)
    there, shown = times(Path("driving.mp4")), times(Path("out.mp4"))
    assert shown[0] == there[0] and set(shown) <= set(there)
    assert len(shown) > 1


def test_frames_of_a_camera_do_not_wait_for_more(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = StandIn()
    monkeypatch.setattr(ptus.animator, "load_model", lambda path: model)
    animate()
    assert max(model.batches) > 1
    model.batches.clear()

    def live(place: str) -> VideoReader:
        reader = VideoReader(Path(place))
        reader.live = True
        return reader

    monkeypatch.setattr("ptus.commands.animate.open_driving", live)
    animate()
    assert set(model.batches) == {1}


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared clips are not here")
def test_a_real_clip_keeps_its_times_and_sound(folder: Path) -> None:
    clip = SHARED / "clips" / "d20.mp4"
    run(SHARED / "photos" / "s4.jpg", clip, "out.mp4")
    assert times(Path("out.mp4")) == times(clip)
    assert sound_packets(Path("out.mp4")) == sound_packets(clip)
