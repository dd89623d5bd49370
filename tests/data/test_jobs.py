"""Tasks done by several processes, of which some end badly."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from ptus.data.cutting import ChangedError, Cutter
from ptus.data.jobs import run_tasks
from ptus.data.preparing import make_dataset
from ptus.data.records import Record, read_records
from ptus.data.survey import Limits, survey
from ptus.errors import UserError
from ptus.faces import HaarDetector
from ptus.stopping import Stop
from ptus.video import VideoReader
from tests.data.puppets import shot
from tests.video.clips import write_clip

SETTINGS = {"size": 64}


@dataclass(frozen=True)
class Trial:
    """A task that ends as it is told to."""

    key: str
    end: str = "well"

    @property
    def name(self) -> str:
        return self.key

    def run(self, folder: Path) -> Record:
        if self.end == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.end == "broken":
            raise KeyError("a frame")
        if self.end == "full":
            raise OSError(28, "No space left on device")
        if self.end == "refused":
            raise UserError("cannot write there")
        return Record(self.key, self.name, "Ada", seconds=1.0)


def made(folder: Path, *tasks: Trial) -> list[Record]:
    return make_dataset(tasks, {task.key: "Ada" for task in tasks}, SETTINGS, folder, 2, Stop())


@pytest.mark.parametrize(
    ("end", "says"), [("killed", "was ended by SIGKILL"), ("broken", "failed: KeyError: 'a frame'")]
)
def test_a_crash_is_listed_and_tried_again(end: str, says: str, tmp_path: Path) -> None:
    first = made(tmp_path, Trial("a"), Trial("b", end), Trial("c"))
    assert [record.error for record in first] == [None, f"the process that read it {says}", None]
    assert list(read_records(tmp_path)) == ["a", "c"]
    assert [record.error for record in made(tmp_path, Trial("a"), Trial("b"), Trial("c"))] == [None] * 3


@pytest.mark.parametrize(("end", "says"), [("full", "No space left"), ("refused", "cannot write there")])
def test_what_no_other_task_could_do_either_ends_the_run(end: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=says):
        made(tmp_path, Trial("a", end), Trial("b"))
    assert "a" not in read_records(tmp_path)


def test_nothing_is_begun_once_the_user_wants_to_stop(tmp_path: Path) -> None:
    stop = Stop()
    stop.signal = signal.SIGINT
    assert list(run_tasks([Trial("a")], tmp_path, 1, stop)) == []


def test_a_damaged_record_is_an_error_that_names_it(tmp_path: Path) -> None:
    made(tmp_path, Trial("a"))
    (tmp_path / "records" / "a.json").write_text('{"clips": 3}')
    with pytest.raises(UserError, match=r"a\.json is damaged .*; delete it"):
        made(tmp_path, Trial("a"))


def test_a_video_that_changes_between_two_readings_leaves_no_clip(tmp_path: Path) -> None:
    for name in ("clips", "tracks"):
        (tmp_path / name).mkdir()
    raw = write_clip(tmp_path / "raw.mp4", shot(0, 40))
    with VideoReader(raw) as video:
        pieces = survey(video, HaarDetector(), Limits(size=64, shortest=0.5, longest=1.0)).pieces
    assert len(pieces) == 2
    write_clip(raw, shot(0, 30))
    with pytest.raises(ChangedError):
        Cutter(raw, "raw.mp4", "raw", tmp_path, 64).cut(pieces)
    assert not list((tmp_path / "clips").iterdir()) and not list((tmp_path / "tracks").iterdir())
