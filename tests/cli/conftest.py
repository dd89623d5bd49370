"""A folder with all that `ptus animate` needs, and one with what it cannot use."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

import ptus.animator
from tests.cli.animating import PHOTO, bgr, even_sided
from tests.standin import StandIn
from tests.video.clips import moving_square, write_clip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a photo, a driving video and a checkpoint, in which the command runs; the model is a stand-in."""
    cv2.imwrite(str(tmp_path / "photo.png"), bgr(PHOTO))
    write_clip(tmp_path / "driving.mp4", moving_square(10), sound="aac")
    (tmp_path / "model.safetensors").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ptus.animator, "load_model", lambda path: StandIn())
    return tmp_path


@pytest.fixture
def unusable(folder: Path) -> Path:
    """The folder, with things that cannot be used."""
    cv2.imwrite("wall.png", np.full((200, 200, 3), 128, np.uint8))
    cv2.imwrite("two.png", bgr(np.concatenate([PHOTO, PHOTO], axis=1)))
    write_clip(folder / "two.mp4", [even_sided(np.concatenate([PHOTO, PHOTO], axis=1))] * 2)
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
