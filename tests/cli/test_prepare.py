"""`ptus prepare` as it is called."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from ptus.cli import main
from ptus.data.dataset import Clip, read_clips
from ptus.data.splits import split_of
from ptus.video import VideoReader
from tests.data.puppets import FPS, shot, write_joined, write_raw
from tests.video.clips import sound_levels

LIMITS = ("--size", "128", "--shortest", "1")


def prepare(*arguments: object, workers: int = 1) -> None:
    main(["prepare", *map(str, arguments), "--workers", str(workers)])


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shots of two puppets, with parts that cannot be used."""
    return write_joined(tmp_path_factory.mktemp("joined") / "joined.mp4")


@pytest.fixture(scope="module")
def raw(joined: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Raw videos: two shots joined, the same file again, one shot, a broken file, and one that is no video."""
    folder = tmp_path_factory.mktemp("raw")
    (folder / "more").mkdir()
    shutil.copy(joined, folder / "joined.mp4")
    shutil.copy(joined, folder / "more" / "again.mp4")
    write_raw(folder / "more" / "zoë's talk.mp4", shot(0, 40))
    (folder / "broken.mp4").write_bytes(joined.read_bytes()[5000:9000])
    (folder / "notes.txt").write_text("not a video")
    return folder


@pytest.fixture(scope="module")
def prepared(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data set made of them."""
    output = tmp_path_factory.mktemp("sets") / "new" / "set"
    prepare(raw, "--out", output, *LIMITS, workers=2)
    return output


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def named(folder: Path, start: str) -> list[Clip]:
    return [clip for clip in read_clips(folder) if clip.id.startswith(start)]


def test_clips_are_listed_with_their_facts(prepared: Path) -> None:
    clips = read_clips(prepared)
    assert [clip.frames for clip in clips] == [50, 50, 40]
    for clip in clips:
        assert (clip.fps, clip.width, clip.height, clip.audio, clip.motion) == (Fraction(FPS), 128, 128, True, None)
        assert clip.split == split_of(clip.identity)
        with VideoReader(clip.path) as video:
            pictures = [frame.pixels for frame in video]
            assert video.rate == clip.fps
        assert len(pictures) == clip.frames and pictures[0].shape == (128, 128, 3)
        for box in clip.face_boxes():
            assert box.x > 0 and box.y > 0 and box.x + box.width < 128 and 0.2 < box.height / 128 < 0.4
    assert len({clip.identity for clip in clips}) == 2, "a person each file"


def test_only_what_belongs_there_is_there(prepared: Path) -> None:
    ids = [clip.id for clip in read_clips(prepared)]
    assert {name for name in contents(prepared) if not name.startswith("records/")} == {
        "clips.csv", "settings.json", "report.html", "report.png",
        *(f"clips/{name}.mp4" for name in ids), *(f"tracks/{name}.csv" for name in ids),
    }  # fmt: skip


def test_a_clip_shows_and_sounds_what_the_raw_video_does(prepared: Path, joined: Path) -> None:
    clip = named(prepared, "joined-")[1]
    with VideoReader(joined) as video:
        expected = [frame.pixels for frame in video][75]
    with VideoReader(clip.path) as video:
        shown = next(iter(video)).pixels
    # The square is nearly the whole frame of this raw video.
    assert np.abs(cv2.resize(expected, (128, 128)).astype(float) - shown).mean() < 25
    levels, rate = sound_levels(clip.path)
    raw_levels, raw_rate = sound_levels(joined)
    assert rate == raw_rate and len(levels) / rate == pytest.approx(2.0, abs=0.06)
    piece = levels[rate // 2 : rate]
    # The tone rises, so that it fits in one place only.
    around = raw_levels[3 * rate + rate // 2 - rate // 10 :][: len(piece) + rate // 5]
    fits = cv2.matchTemplate(around[None].astype(np.float32), piece[None].astype(np.float32), cv2.TM_CCOEFF_NORMED)[0]
    assert fits.max() > 0.95 and abs(int(fits.argmax()) - rate // 10) / rate < 0.001


def test_the_report_tells_what_became_of_everything(prepared: Path) -> None:
    page = (prepared / "report.html").read_text()
    for told in ("3 clips", "no face", "blurred face", "broken.mp4", "zoë&#x27;s talk.mp4", "more/", "data:image/jpeg"):
        assert told in page
    assert "src='http" not in page and "href=" not in page
    picture = cv2.imread(str(prepared / "report.png"))
    assert picture is not None and picture.shape[1] == 1400 and picture.std() > 20


def test_a_second_run_does_nothing_again(prepared: Path, raw: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = contents(prepared)
    times = {path: path.stat().st_mtime_ns for path in (prepared / "clips").iterdir()}
    prepare(raw, "--output", prepared, *LIMITS)
    assert contents(prepared) == before
    assert {path: path.stat().st_mtime_ns for path in (prepared / "clips").iterdir()} == times
    told = capfd.readouterr()
    assert "again.mp4 is the same video as joined.mp4" in told.err and "broken.mp4" in told.err
    assert "3 clips" in told.out


def test_the_same_input_gives_the_same_list(prepared: Path, raw: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(raw, tmp_path / "elsewhere")
    prepare(copied, "--output", tmp_path / "set", *LIMITS)
    assert (tmp_path / "set" / "clips.csv").read_bytes() == (prepared / "clips.csv").read_bytes()


def test_a_run_that_was_killed_is_continued(prepared: Path, raw: Path, tmp_path: Path) -> None:
    partly = shutil.copytree(prepared, tmp_path / "set")
    lost = named(partly, "joined-")[0]
    done = named(partly, "zo-")[0].path
    # As if it had been killed while it wrote a clip: no record, no list, and a part of a file.
    key = lost.id.split("-")[1]
    (partly / "records" / f"{key}.json").unlink()
    lost.path.replace(lost.path.with_name(f".{lost.id}-77.partial.mp4"))
    (partly / "clips.csv").unlink()
    before = done.stat().st_mtime_ns
    prepare(raw, "--output", partly, *LIMITS)
    assert contents(partly) == contents(prepared)
    assert done.stat().st_mtime_ns == before


def test_a_missing_clip_is_made_anew(prepared: Path, raw: Path, tmp_path: Path) -> None:
    partly = shutil.copytree(prepared, tmp_path / "set")
    named(partly, "zo-")[0].path.unlink()
    prepare(raw, "--output", partly, *LIMITS)
    assert contents(partly) == contents(prepared)


def test_ctrl_c_lists_what_is_done_and_leaves_no_halves(tmp_path: Path) -> None:
    output = tmp_path / "set"
    arguments = ["prepare", "--synthetic", "40", "--size", "64", "--output", str(output), "--workers", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "ptus", *arguments], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    waited = time.monotonic() + 60
    while len(list(output.glob("records/[!.]*.json"))) < 2 and time.monotonic() < waited:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and "stopped early" in told
    clips = read_clips(output)
    assert 2 <= len(clips) < 40
    assert not [path for path in output.rglob("*") if path.name.startswith(".")]


def test_identities_come_from_the_list_and_decide_the_split(prepared: Path, raw: Path, tmp_path: Path) -> None:
    listed = tmp_path / "people.csv"
    listed.write_text("file,identity\njoined.mp4,Ada\nmore/zoë's talk.mp4,Ada\n", encoding="utf-8")
    output = shutil.copytree(prepared, tmp_path / "set")
    prepare(raw, "--output", output, *LIMITS, "--identities", listed)
    clips = read_clips(output)
    assert {clip.identity for clip in clips} == {"Ada"}
    assert {clip.split for clip in clips} == {split_of("Ada")}


def test_splits_have_their_shares() -> None:
    splits = [split_of(f"person {number}") for number in range(2000)]
    assert 150 < splits.count("test") < 250 and 150 < splits.count("validation") < 250


def test_puppets_are_the_same_for_the_same_seed(tmp_path: Path) -> None:
    prepare("--synthetic", 1, "--size", 64, "--output", tmp_path / "a")
    prepare("--synthetic", 2, "--size", 64, "--output", tmp_path / "a")
    prepare("--synthetic", 1, "--size", 64, "--output", tmp_path / "b")
    a, b = (read_clips(tmp_path / name) for name in "ab")
    assert [clip.id for clip in a] == ["puppet-0-00000", "puppet-0-00001"] == [clip.identity for clip in a]
    for clip in (*a, *b):
        assert clip.motion is not None and clip.audio and clip.frames == 100 == len(clip.face_boxes())
    assert b[0].path.read_bytes() == a[0].path.read_bytes() != a[1].path.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "give either raw videos, or --synthetic N"),
        (["notes.txt", "--synthetic", "2"], "give either raw videos, or --synthetic N"),
        (["nowhere"], "there is no nowhere; give video files, or folders"),
        (["empty"], "there is no video in empty"),
        (["notes.txt", "--size", "63"], "--size 63 does not work; give an even number"),
        (["notes.txt", "--size", "2048"], "--size 2048 does not work"),
        (["notes.txt", "--shortest", "5", "--longest", "4"], "--shortest 5 --longest 4 does not work"),
        (["notes.txt", "--shortest", "0"], "--shortest 0"),
        (["notes.txt", "--workers", "0"], "--workers 0 is too few"),
        (["--synthetic", "0"], "--synthetic 0 is too few"),
        (["--synthetic", "1", "--seed", "-1"], "--seed -1 does not work"),
        (["--synthetic", "1", "--identities", "people.csv"], "leave them out with --synthetic"),
        (["notes.txt", "--face-detector", "notes.txt"], "is not YuNet's ONNX file"),
        (["notes.txt", "--identities", "nowhere.csv"], "there is no nowhere.csv; give a CSV file"),
        (["notes.txt", "--identities", "notes.txt"], "notes.txt, line 1: expected the columns file,identity"),
        (["notes.txt", "--identities", "people.csv"], "people.csv, line 2, column file: expected the name of a raw"),
        (["notes.txt", "--identities", "twice.csv"], "twice.csv, line 3, column file: expected each raw video once"),
        (["notes.txt", "--output", "full"], "--output full holds other things"),
        (["notes.txt", "--output", "notes.txt"], "cannot write to notes.txt"),
        (["notes.txt", "--output", "other"], "was made with other settings (size 64"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(
    arguments: list[str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("not a video")
    (tmp_path / "people.csv").write_text("file,identity\nsomeone.mp4,Ada\n")
    (tmp_path / "twice.csv").write_text("file,identity\nnotes.txt,Ada\nnotes.txt,Bob\n")
    for name in ("empty", "full", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "full" / "letter.txt").touch()
    settings = {"size": 64, "shortest": 2.0, "longest": 10.0, "face_detector": None}
    (tmp_path / "other" / "settings.json").write_text(json.dumps(settings))
    output = [] if "--output" in arguments else ["--output", "new"]
    with pytest.raises(SystemExit) as stopped:
        main(["prepare", *arguments, *output])
    assert stopped.value.code == 2
    told = capfd.readouterr()
    assert told.err.startswith("ptus: ") and told.err.count("\n") == 1 and says in told.err and not told.out
    assert not (tmp_path / "new").exists()


def test_a_file_that_cannot_be_read_is_listed_and_no_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("not a video")
    prepare(tmp_path / "notes.txt", "--output", tmp_path / "set", *LIMITS)
    assert read_clips(tmp_path / "set") == []
    told = capfd.readouterr()
    assert "notes.txt is not a video that can be read" in told.err and "0 clips" in told.out
