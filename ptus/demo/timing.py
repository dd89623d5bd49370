"""The fused ops against eager PyTorch, on the frames of the demo."""

from typing import NamedTuple

import numpy as np
from tqdm import tqdm

import ptus_kernels
from ptus.demo.motion import Pose, scripted_pose
from ptus.demo.rendering import Frame, Renderer

COMPARED_FRAMES = 3


class Comparison(NamedTuple):
    """Seconds in ops, frame by frame."""

    fused: list[float]
    eager: list[float]
    largest_difference: int
    """Between the pictures of both, in levels of 255."""


def compare_backends(renderer: Renderer, frames: int) -> Comparison | None:
    """Render some frames of the script in turns by the chosen backend and in plain PyTorch.

    Args:
        renderer: of the demo.
        frames: length of the script; at most COMPARED_FRAMES of them, spread evenly, are rendered.

    Returns:
        The times; None where the chosen backend is plain PyTorch itself.
    """
    facts = ptus_kernels.info()
    if facts["backend"] == "reference" or facts["backends"]["cpu"] != "built":
        return None
    count = min(COMPARED_FRAMES, frames)
    fused, eager, differences = [], [], []
    for index in tqdm(range(count), desc="timing against eager", unit="frame", disable=None):
        pose = scripted_pose((2 * index + 1) / (2 * count))
        ours = _warm(renderer, pose)
        with ptus_kernels.use_backend("reference"):
            theirs = _warm(renderer, pose)
        fused.append(ours.seconds)
        eager.append(theirs.seconds)
        differences.append(int(np.abs(ours.pixels.astype(np.int16) - theirs.pixels).max()))
    return Comparison(fused, eager, max(differences))


def _warm(renderer: Renderer, pose: Pose) -> Frame:
    """The second of two renderings: the first one after the other backend's pays for what that left in memory."""
    renderer.render(pose)
    return renderer.render(pose)
