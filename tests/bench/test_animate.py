"""What is left of the model's own speed from file to file is measured on the same frames, and kept."""

import json
import math
from pathlib import Path

import pytest
from torch import Tensor

from bench import animate
from ptus.animation.reenactment import Reenactment, Seen
from ptus.data.dataset import read_track
from ptus.data.puppets.clips import PuppetClip
from ptus.demo.photo import load_photo
from ptus.demo.talking import Driver
from ptus.errors import UserError
from ptus.model.source_edges import WHOLE_PICTURE, Sides
from ptus.video import VideoReader

pytestmark = pytest.mark.once

FRAMES, SIDE = 6, 128


@pytest.fixture
def driver(tmp_path: Path) -> Driver:
    """A puppet that talks for a moment."""
    clip = PuppetClip(0, 4, SIDE, FRAMES)
    clip.run(tmp_path)
    return Driver(tmp_path / "clips" / f"{clip.key}.mp4", read_track(tmp_path / "tracks" / f"{clip.key}.csv")[0])


def test_both_take_the_same_frames(driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = load_photo(None, None, SIDE)
    rendered, render = [], Reenactment.render

    def counted(self: Reenactment, *seen: Seen, large: Tensor | None = None, goes_on: Sides = WHOLE_PICTURE) -> Tensor:
        rendered.append((len(seen[0][0]), goes_on))
        return render(self, *seen, large=large, goes_on=goes_on)

    monkeypatch.setattr(Reenactment, "render", counted)
    found = animate.measured(photo, driver, 2, tmp_path / "out.mp4")
    assert sum(frames for frames, _ in rendered) == 2 * (1 + 2) * FRAMES  # of both, in two rounds and the one before
    assert len({goes_on for _, goes_on in rendered}) == 1
    assert found.frames == FRAMES and found.size == photo.pixels.shape[1::-1]
    assert 0 < found.model.median < math.inf and 0 < found.animate.median < math.inf
    with VideoReader(tmp_path / "out.mp4") as video:
        assert len(list(video)) == FRAMES
    animate._store(found, tmp_path / "kept.json")
    kept = json.loads((tmp_path / "kept.json").read_text())
    assert kept["share"] == found.share and kept["machine"]["threads"] == found.machine["threads"]
    with pytest.raises(UserError, match="cannot write"):
        animate._store(found, tmp_path / "none" / "kept.json")
    assert f"{100 * found.share:.0f} % of the model's own" in found.lines()[-1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rounds", "1"], "--rounds: expected at least 2"),
        (["--driving", "none.mp4"], "none.mp4"),
        (["--source", "none.jpg"], "none.jpg"),
    ],
)
def test_what_cannot_be_used_ends_with_2_and_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert animate.main(arguments) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
