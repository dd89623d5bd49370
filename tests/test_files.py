"""Files that appear whole or not at all."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ptus.files import replacing


def test_a_file_is_replaced_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with replacing(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old" and partial.suffix == ".txt"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_what_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyError), replacing(path) as partial:
        partial.write_text("half")
        raise KeyError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_others_may_read_it_as_they_may_any_new_file(tmp_path: Path) -> None:
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    with replacing(tmp_path / "a.safetensors") as partial:
        save_file({"a": torch.ones(2)}, partial)
    assert (tmp_path / "a.safetensors").stat().st_mode == ordinary.stat().st_mode


def test_a_name_may_be_as_long_as_names_are(tmp_path: Path) -> None:
    path = tmp_path / (83 * "漢" + ".txt")
    with replacing(path) as partial:
        partial.write_text("new")
    assert path.read_text() == "new"
