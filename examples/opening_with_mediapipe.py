"""Say whether eyes and mouth of a result open, close and look as the driver's do, as MediaPipe sees both.

`ptus evaluate` reads that from how dark the eyes and the mouth are, for which it needs no landmarks; teeth, which are
bright, mislead it. Run in the environment that `examples/label_with_mediapipe.py` describes:

    python -m examples.opening_with_mediapipe DRIVING RESULT
"""

import sys
from pathlib import Path

import numpy as np
import tyro

from examples.label_with_mediapipe import Floats, eyes_open, look_aside, mouth_open, seen
from ptus.errors import UserError
from ptus.evaluation.correlation import Correlation


def followed(result: Floats, driving: Floats) -> tuple[float | None, float]:
    """How a measure (T,) follows the driver's: their correlation, and how much it varies, as a share of the driver's.

    Frames in which either is not found (NaN) do not count.
    """
    both = np.isfinite(result) & np.isfinite(driving)
    correlation = Correlation()
    for pair in zip(result[both], driving[both], strict=True):
        correlation.add(*map(float, pair))
    return correlation.value, float(result[both].std() / driving[both].std())


def main(driving: tyro.conf.Positional[Path], result: tyro.conf.Positional[Path], /) -> None:
    """Compare the openings of eyes and mouth, and how far aside eyes look, frame by frame.

    Args:
        driving: the driving video.
        result: what `ptus animate` made of it, as long or shorter.

    Raises:
        UserError: where one is no video, or shows no face, or MediaPipe is not installed.
    """
    theirs, ours = seen(driving)[0], seen(result)[0]
    count = min(len(theirs), len(ours))
    for path, meshes in ((driving, theirs), (result, ours)):
        if np.isnan(meshes[:count]).any(axis=(1, 2)).all():
            raise UserError(f"{path}: no face found")
    print("          correlation   variation of the driver's")
    measures = {"eyes": lambda meshes: eyes_open(meshes).mean(axis=1), "mouth": mouth_open, "gaze": look_aside}
    for name, measure in measures.items():
        correlation, share = followed(measure(ours[:count]), measure(theirs[:count]))
        print(f"{name:8}  {'-' if correlation is None else format(correlation, '11.2f')}   {share:.2f}")


if __name__ == "__main__":
    try:
        tyro.cli(main)
    except UserError as error:
        print(f"opening_with_mediapipe: {error}", file=sys.stderr)
        sys.exit(2)
