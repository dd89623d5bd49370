"""`ptus animate` called by tests."""

from pathlib import Path

import av
import numpy as np
from skimage import data

from ptus.cli import main
from ptus.images import Pixels

PHOTO: Pixels = np.asarray(data.astronaut())[:, 50:401]  # type: ignore[no-untyped-call]
"""One face; of odd width."""
BOXES = ("--driving-face", "8", "8", "24", "24")


def bgr(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels[..., ::-1])


def animate(*arguments: str, driving: str = "driving.mp4", source: str = "photo.png", output: str = "out.mp4") -> None:
    run(source, driving, output, *BOXES, *arguments)


def run(source: Path | str, driving: Path | str, output: str, *arguments: str) -> None:
    """The command with some checkpoint; the faces are looked for."""
    files = ["--source", str(source), "--driving", str(driving), "--output", output, "--model", "model.safetensors"]
    main(["animate", *files, *arguments])


def frames_of(path: str | Path) -> list[Pixels]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24").astype(np.uint8) for frame in container.decode(video=0)]


def even_sided(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels[: len(pixels) // 2 * 2, : pixels.shape[1] // 2 * 2])
