"""Results to look at: the worst frame of every clip, and one overview."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ptus.drawing import DIM, PAPER, draw_text, paste
from ptus.evaluation.catalogue import TASKS, Task
from ptus.evaluation.moments import Moment
from ptus.evaluation.performances import Picked
from ptus.images import Pixels, resized, write_png

TILE = 256
GAP = 8
CAPTION = 28
TITLE = 60
MOST_ROWS = 12
"""Of the overview, for each task: more would make a picture that nothing can show, and take memory."""
FULL_ERROR = 0.25
"""Absolute difference, the mean of the channels, that is shown in the brightest colour."""
ERROR_CAPTION = f"error (bright: {FULL_ERROR:g} or more)"


class Gallery:
    """Writes each clip's worst frame as it comes, and keeps what one overview shows.

    Args:
        folder: for the worst frames; made for the first.
        model: the method whose errors they are.
    """

    def __init__(self, folder: Path, model: str) -> None:
        self._folder = folder
        self._model = model
        self._kept: dict[Task, list[Picked]] = {task: [] for task in TASKS}
        self._left_out = 0

    def take(self, pick: Picked) -> None:
        """Take in a performance; of self-reenactment, write <clip>.png."""
        if pick.task == "self":
            self._write_worst(pick)
        if len(self._kept[pick.task]) < MOST_ROWS:
            self._kept[pick.task].append(pick)
        else:
            self._left_out += 1

    def write_overview(self, methods: Sequence[str], path: Path) -> None:
        """Write one picture with a row for each performance: source, driving frame, every method's result, error."""
        shown = [pick for picks in self._kept.values() for pick in picks]
        left_out = f"; {self._left_out} more are left out" if self._left_out else ""
        title = f"The hardest frame of each performance: largest error, or furthest from the driver's first{left_out}"
        sheet = _sheet(title, 3 + len(methods), len(shown))
        for row, pick in enumerate(shown):
            moments = [pick.moments[method] for method in methods]
            tiles = [moments[0].source, moments[0].driving, *(moment.result for moment in moments)]
            captions = [f"source: {pick.source}", f"driving: {pick.clip}, frame {pick.frame}", *methods]
            if pick.task == "self":
                tiles.append(error_colours(pick.moments[self._model]))
                captions.append(ERROR_CAPTION)
            _fill(sheet, row, tiles, captions)
        write_png(path, sheet)

    def _write_worst(self, pick: Picked) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        moment = pick.moments[self._model]
        sheet = _sheet(f"{pick.clip}, frame {pick.frame}: worst by L1 of the whole frame, {pick.value:.4f}", 4, 1)
        tiles = (moment.source, moment.driving, moment.result, error_colours(moment))
        _fill(sheet, 0, tiles, ("source", "driving", "result", ERROR_CAPTION))
        write_png(self._folder / f"{pick.clip}.png", sheet)


def error_colours(moment: Moment) -> Pixels:
    """Absolute difference of result and driver's frame, black to yellow at FULL_ERROR: (S, S, 3)."""
    error = np.abs(moment.result.astype(np.float32) - moment.driving).mean(-1) / 255
    levels = (255 * np.clip(error / FULL_ERROR, 0, 1)).round().astype(np.uint8)
    return np.asarray(cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB), np.uint8)


def _sheet(title: str, columns: int, rows: int) -> Pixels:
    shape = (TITLE + rows * (TILE + CAPTION) + GAP, GAP + columns * (TILE + GAP), 3)
    sheet = np.full(shape, PAPER, np.uint8)
    draw_text(sheet, title, GAP, 26, 12)
    draw_text(sheet, "Synthetic: results are animated; the persons did not move or speak like this", GAP, 48, 9, DIM)
    return sheet


def _fill(sheet: Pixels, row: int, tiles: Sequence[Pixels], captions: Sequence[str]) -> None:
    for column, (tile, caption) in enumerate(zip(tiles, captions, strict=True)):
        x, y = GAP + column * (TILE + GAP), TITLE + row * (TILE + CAPTION)
        paste(sheet, tile if tile.shape[0] == TILE else resized(tile, TILE, TILE), x, y)
        draw_text(sheet, caption, x, y + TILE + 17, 9)
