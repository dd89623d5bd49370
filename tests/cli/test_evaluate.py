"""`ptus evaluate` as it is called."""

import csv
import json
from pathlib import Path
from typing import Any

import cv2
import pytest

from ptus.cli import main
from ptus.model import PRESETS
from tests.evaluation.clips import write_data_set
from tests.video.clips import moving_square, write_clip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untrained models, a data set, and a video without a face."""
    folder = tmp_path_factory.mktemp("evaluate")
    for name in ("slim-128", "face-vid2vid-128"):
        main(["init", "--size", name, "--output", str(folder / f"{name}.safetensors")])
    write_data_set(folder / "data", {"a": "test", "b": "test", "c": "train"}, 5)
    write_clip(folder / "square.mp4", moving_square(4))
    (folder / "words.txt").write_text("no video")
    return folder


def _evaluate(folder: Path, *more: object) -> None:
    model, data = folder / "slim-128.safetensors", folder / "data"
    main([str(part) for part in ("evaluate", "--model", model, "--data", data, *more)])


@pytest.fixture(scope="module")
def output(folder: Path) -> Path:
    out = folder / "new" / "out"
    _evaluate(folder, "--output", out, "--baseline", folder / "face-vid2vid-128.safetensors", "--frames", 3)
    return out


@pytest.fixture(scope="module")
def stored(output: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((output / "results.json").read_text("utf-8"))
    return loaded


def test_it_writes_all_it_names_and_nothing_else(output: Path) -> None:
    assert sorted(str(path.relative_to(output)) for path in output.rglob("*")) == [
        "overview.png", "results.csv", "results.json", "worst", "worst/a.png", "worst/b.png",
    ]  # fmt: skip
    for path in output.rglob("*.png"):
        picture = cv2.imread(str(path))
        assert picture is not None and picture.shape[1] > 1000 and picture.std() > 20


def test_the_file_says_what_was_measured(stored: dict[str, Any]) -> None:
    assert stored["model"]["config"]["size"] == PRESETS["slim-128"].size
    assert len(stored["model"]["sha256"]) == 64 != stored["baseline"]["sha256"]
    assert stored["data"]["split"] == "test" and stored["data"]["frames_at_most"] == 3
    assert stored["weights"] == {}
    assert [clip["identity"] for clip in stored["data"]["clips"]] == ["person a", "person b"]
    pairs = [(one["task"], one["source"], one["clip"]) for one in stored["performances"] if one["method"] == "model"]
    assert pairs == [("self", "a", "a"), ("self", "b", "b"), ("cross", "a", "b"), ("cross", "b", "a")]
    assert {one["frames"] for one in stored["performances"]} == {2}


def test_both_baselines_stand_beside_the_model(stored: dict[str, Any]) -> None:
    own = stored["overall"]["self"]
    assert list(own) == ["model", "copy the source", "face-vid2vid"]
    assert len({own[method]["results"]["l1"] for method in own}) == 3
    assert own["copy the source"]["results"]["l1"] < own["model"]["results"]["l1"]  # of a still clip
    assert own["copy the source"]["results"]["blink_correlation"] == 0


def test_own_keypoints_are_no_results(stored: dict[str, Any]) -> None:
    for one in stored["performances"]:
        assert not any("own" in name for name in one["results"])
    assert "own_keypoint_distance" in stored["overall"]["self"]["model"]["diagnostics"]


def test_what_is_not_computed_is_said_and_has_no_number(output: Path, stored: dict[str, Any]) -> None:
    missing = {"lpips", "akd", "akd_motion", "faces_missed", "csim", "aed", "fid", "ms_ssim"}
    assert stored["not_computed"].keys() == missing
    assert stored["not_computed"]["lpips"].startswith("needs --lpips-weights FILE: ")
    with (output / "results.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert not missing & {row["measure"] for row in rows}
    overall = {(row["task"], row["method"], row["measure"]): row for row in rows if row["clip"] == "all"}
    row = overall["self", "model", "psnr"]
    assert float(row["value"]) == pytest.approx(stored["overall"]["self"]["model"]["results"]["psnr"], rel=1e-5)
    assert (row["kind"], row["unit"]) == ("result", "dB")


def test_again_it_is_the_same_but_for_the_date(
    folder: Path, output: Path, stored: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in output.rglob("*") if path.suffix in (".csv", ".png")}
    _evaluate(folder, "--output", output, "--baseline", folder / "face-vid2vid-128.safetensors", "--frames", 3)
    assert {path: path.read_bytes() for path in before} == before
    again = json.loads((output / "results.json").read_text("utf-8"))
    assert {**again, "date": ""} == {**stored, "date": ""}
    told = capsys.readouterr().out
    assert all(part in told for part in ("Self-reenactment", "Cross-reenactment", "Diagnostics", "Not computed"))
    assert all(line in told for line in ("copy the source", "face-vid2vid", "ssim_mouth ↑", "lip_correlation ↑"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--model", "none.safetensors"], "there is no none.safetensors"),
        (["--data", "none"], "none"),
        (["--data", "words.txt"], "words.txt"),
        (["--data", "square.mp4"], "found no face in the first 30 frames of square.mp4"),
        (["--data", "data", "square.mp4"], "one folder of a data set, or video files"),
        (["--data", "square.mp4", "./square.mp4"], "two files named square"),
        (["--split", "validation"], "no clips of the split validation"),
        (["--frames", "2"], "--frames 2 is too few"),
        (["--output", "words.txt"], "words.txt is a file"),
        (["--baseline", "slim-128.safetensors"], "not of the face-vid2vid configuration"),
        (["--lpips-weights", "words.txt"], "--lpips-weights words.txt is not a safetensors file"),
        (["--fid-weights", "slim-128.safetensors"], "--fid-weights slim-128.safetensors: expected Conv2d_1a"),
        (["--face-landmarks", "words.txt"], "not YuNet's ONNX file"),
        (["--identity-network", "words.txt"], "--identity-network needs --face-landmarks too"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(
    folder: Path,
    arguments: list[str],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    given = {"--model": ["slim-128.safetensors"], "--data": ["data"], "--output": ["unwritten"]}
    given[arguments[0]] = arguments[1:]
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", *(part for option, values in given.items() for part in (option, *values))])
    assert stopped.value.code == 2
    told = capfd.readouterr()
    assert told.out == ""
    ours = [line for line in told.err.splitlines() if line.startswith("ptus: ")]
    assert len(ours) == 1 and says in ours[0] and told.err.strip().endswith(ours[0])
    assert not (folder / "unwritten").exists()
