"""Results to look at: the worst frame of every clip, and one overview."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ptus.drawing import DIM, PAPER, draw_text, paste
from ptus.evaluation.moments import Moment
from ptus.evaluation.performances import Picked
from ptus.images import Pixels, resized, write_png

TILE = 256
GAP = 8
CAPTION = 28
TITLE = 60
MOST_ROWS = 24
"""Of the overview: more performances would make a picture that nothing can show."""
FULL_ERROR = 0.25
"""Absolute difference, the mean of the channels, that is shown in the brightest colour."""
ERROR_CAPTION = f"error (bright: {FULL_ERROR:g} or more)"


def write_worst(picked: Sequence[Picked], model: str, folder: Path) -> None:
    """Write the frames with the model's largest error, a PNG for each self-reenacted clip: <clip>.png."""
    folder.mkdir(exist_ok=True)
    for pick in picked:
        if pick.task == "self":
            moment = pick.moments[model]
            sheet = _sheet(f"{pick.clip}, frame {pick.frame}: worst by L1 of the whole frame, {pick.value:.4f}", 4, 1)
            tiles = (moment.source, moment.driving, moment.result, error_colours(moment))
            _fill(sheet, 0, tiles, ("source", "driving", "result", ERROR_CAPTION))
            write_png(folder / f"{pick.clip}.png", sheet)


def write_overview(picked: Sequence[Picked], methods: Sequence[str], path: Path) -> None:
    """Write one picture with a row for each performance: source, driving frame, every method's result, error."""
    shown = picked[:MOST_ROWS]
    left_out = f"; {len(picked) - len(shown)} more are left out" if len(picked) > len(shown) else ""
    title = f"The hardest frame of each performance: largest error, or furthest from the driver's first{left_out}"
    sheet = _sheet(title, 3 + len(methods), len(shown))
    for row, pick in enumerate(shown):
        moments = [pick.moments[method] for method in methods]
        tiles = [moments[0].source, moments[0].driving, *(moment.result for moment in moments)]
        captions = [f"source: {pick.source}", f"driving: {pick.clip}, frame {pick.frame}", *methods]
        if pick.task == "self":
            tiles.append(error_colours(moments[0]))
            captions.append(ERROR_CAPTION)
        _fill(sheet, row, tiles, captions)
    write_png(path, sheet)


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
