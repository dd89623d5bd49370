"""What is drawn of performances, and how much of it is kept."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from ptus.evaluation.performances import Picked
from ptus.evaluation.sheets import CAPTION, MOST_ROWS, TILE, TITLE, Gallery, error_colours
from tests.evaluation.faces import drawn, moment


def _pick(task: str, clip: str) -> Picked:
    return Picked(task, "one", clip, 3, "l1", 0.1, {"model": moment(drawn(0), drawn(1))})  # type: ignore[arg-type]


def test_errors_are_bright_where_they_are_large() -> None:
    driving = np.full((64, 64, 3), 100, np.uint8)
    result = driving.copy()
    result[:, 32:] += 80
    colours = error_colours(moment(result, driving)).astype(int).sum(-1)
    assert (colours[:, :32] < 30).all() and (colours[:, 32:] > 500).all()


def test_the_overview_keeps_some_of_each_task_and_the_worst_frames_are_all_written(tmp_path: Path) -> None:
    gallery = Gallery(tmp_path / "worst", "model")
    for number in range(MOST_ROWS + 2):
        gallery.take(_pick("self", f"clip{number}"))
        gallery.take(_pick("cross", f"clip{number}"))
    gallery.write_overview(["model"], tmp_path / "overview.png")
    assert len(list((tmp_path / "worst").iterdir())) == MOST_ROWS + 2
    overview = cv2.imread(str(tmp_path / "overview.png"))
    assert overview is not None
    assert overview.shape[0] == pytest.approx(TITLE + 2 * MOST_ROWS * (TILE + CAPTION), abs=20)
