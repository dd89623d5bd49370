"""Records of what was measured: what is read is checked, and what is written can be read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ptus_kernels.measurements import FOLDER, Record, read_record, read_records

pytestmark = pytest.mark.once

GPU = "Made-up GPU 80GB (2)"
FILE = "made-up-gpu-80gb-2.json"


def facts() -> dict[str, Any]:
    times = {"float32": {"cuda": 0.5, "triton": 0.25}, "bfloat16": {"cuda": 1, "triton": 2}}
    return {
        "gpu": GPU,
        "torch_version": "2.11.0",
        "triton_version": "3.6.0",
        "date": "2026-11-24",
        "milliseconds": {"warp_blend": {"forward": times}, "compose_motion": {"backward": times}},
    }


def written(folder: Path, text: str) -> Path:
    path = folder / FILE
    path.write_text(text, encoding="utf-8")
    return path


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    record = Record(**facts())
    assert record.file_name == FILE
    assert read_record(written(tmp_path, record.text())) == record
    assert read_records(tmp_path) == {GPU: record}


def test_ops_are_written_in_order() -> None:
    text = Record(**facts()).text()
    assert text.index('"gpu"') < text.index('"compose_motion"') < text.index('"warp_blend"')
    assert text.index('"bfloat16"') < text.index('"float32"')


def test_the_faster_backend_wins() -> None:
    assert Record(**facts()).fastest() == {
        ("warp_blend", "forward", torch.float32): "triton",
        ("warp_blend", "forward", torch.bfloat16): "cuda",
        ("compose_motion", "backward", torch.float32): "triton",
        ("compose_motion", "backward", torch.bfloat16): "cuda",
    }


def changed(*path: str, to: object) -> Callable[[], dict[str, Any]]:
    """The facts with another value at the end of a path of keys."""

    def made() -> dict[str, Any]:
        whole = facts()
        part = whole
        for key in path[:-1]:
            part = part[key]
        part[path[-1]] = to
        return whole

    return made


OP = ("milliseconds", "warp_blend", "forward")


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (changed("gpu", to=""), "gpu: expected a text"),
        (changed("triton_version", to=3), "triton_version: expected a text"),
        (changed("date", to="yesterday"), "yesterday"),
        (changed("note", to="fast"), "note"),
        (changed("milliseconds", to={}), "milliseconds: expected a mapping with entries"),
        (changed("milliseconds", to=[1]), "milliseconds: expected a mapping with entries"),
        (changed("milliseconds", "Warp!", to=facts()["milliseconds"]["warp_blend"]), "the name of an op, got 'Warp!'"),
        (changed("milliseconds", "warp_blend", "both", to={}), "expected forward, backward, got 'both'"),
        (changed(*OP, "int8", to={}), "got 'int8'"),
        (changed(*OP, "float32", to={"cuda": 1}), r"warp_blend forward float32: expected the times of cuda and triton"),
        (changed(*OP, "float32", "cpu", to=1), "expected cuda, triton, got 'cpu'"),
        (changed(*OP, "float32", "cuda", to="1"), "float32 cuda: expected milliseconds, got '1'"),
        (changed(*OP, "float32", "cuda", to=True), "expected milliseconds, got True"),
        (changed(*OP, "float32", "cuda", to=0), "expected milliseconds, got 0"),
        (changed(*OP, "float32", "cuda", to=float("nan")), "expected milliseconds, got nan"),
        (changed(*OP, "float32", "cuda", to=float("inf")), "expected milliseconds, got inf"),
        (lambda: {"gpu": GPU}, "milliseconds"),
        (lambda: [facts()], "mapping"),
        (changed("gpu", to="Another"), "is kept as another.json"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_record_is_refused(made: Callable[[], object], message: str, tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps(made()))
    with pytest.raises(ValueError, match=message):
        read_record(path)
    with pytest.warns(UserWarning, match=f"left out: .*{FILE}"):
        assert read_records(tmp_path) == {}


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, " " * 2**21], ids=["empty", "cut off", "deep", "large"])
def test_what_is_no_json_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=FILE):
        read_record(written(tmp_path, text))


def test_every_record_that_is_kept_can_be_read() -> None:
    paths = sorted(FOLDER.glob("*.json"))
    assert [read_record(path).file_name for path in paths] == [path.name for path in paths]


def test_the_form_is_documented() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    example = json.loads(text.split("```json\n")[1].split("```")[0])
    assert Record(**example).fastest() == {("compose_motion", "backward", torch.float32): "cuda"}
