"""Which files are raw videos, and which of them are the same."""

from pathlib import Path

import numpy as np
import pytest

from ptus.data.raw import SAMPLE_BYTES, find_videos, fingerprint
from ptus.errors import UserError


def test_videos_are_found_once_each_and_named_within_their_folder(tmp_path: Path) -> None:
    for name in ("b.MOV", "a/c.mp4", "a/d.txt", "set/clips/e.mp4", "other/odd.bin"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    places = [tmp_path, tmp_path / "a" / "c.mp4", tmp_path / "other" / "odd.bin"]
    found = find_videos(places, left_out=tmp_path / "set")
    assert [name for _, name in found] == ["a/c.mp4", "b.MOV", "odd.bin"]
    assert found == find_videos([tmp_path, tmp_path / "other" / "odd.bin"], left_out=tmp_path / "set")
    with pytest.raises(UserError, match="no video in"):
        find_videos([tmp_path / "set"], left_out=tmp_path / "set")


@pytest.mark.parametrize("length", [0, 100, 5 * SAMPLE_BYTES])
def test_a_fingerprint_is_of_what_is_in_a_file(length: int, tmp_path: Path) -> None:
    data = np.random.default_rng(0).integers(0, 256, length, dtype=np.uint8).tobytes()
    first, copy, longer, other = (tmp_path / name for name in ("first", "copy", "longer", "other"))
    first.write_bytes(data)
    copy.write_bytes(data)
    longer.write_bytes(data + b"\0")
    other.write_bytes(b"\1" + data[1:])
    assert fingerprint(first) == fingerprint(copy)
    assert len({fingerprint(path) for path in (first, longer, other)}) == 3


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read"):
        fingerprint(tmp_path)
