"""Say where the motion in real clips is, as MediaPipe sees it: training then knows it as it knows that of puppets.

Run on a data set of `ptus prepare`, in an environment of its own, because MediaPipe asks for older packages:

    pip install --no-deps mediapipe==0.10.21
    pip install 'numpy<2' 'opencv-contrib-python-headless<4.12' 'protobuf<5' absl-py attrs flatbuffers matplotlib \
        torch safetensors av tyro tqdm einops
    python -m examples.label_with_mediapipe DATA

Each clip that has no motion yet gets DATA/motion/<id>.safetensors, unless no face is found in it. The face's mesh is
fitted frame by frame to its own mean by a similarity (Umeyama 1991), the mean to a standing face by another; of the
body the shoulders are found, and its other keypoints are where a standing body has them between these.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import tyro
from tqdm import tqdm

from ptus.data.dataset import read_clips
from ptus.data.truth import TrueMotion, write_motion
from ptus.errors import UserError
from ptus.model import standing
from ptus.video import VideoReader

Floats = npt.NDArray[np.float64]

LANDMARKS = {
    "left eye upper lid": 159,
    "left eye lower lid": 145,
    "right eye upper lid": 386,
    "right eye lower lid": 374,
    "left mouth corner": 61,
    "right mouth corner": 291,
    "upper lip inner edge": 13,
    "lower lip inner edge": 14,
    "left brow middle": 105,
    "right brow middle": 334,
    "nose tip": 1,
    "chin": 152,
    "left jaw": 58,
    "right jaw": 288,
    "forehead": 10,
}
"""Numbers in MediaPipe's mesh of what `ptus.model.standing` has the places of."""
IRISES = {"left iris": 468, "right iris": 473}
"""Likewise of the irises."""
CORNERS = ((33, 133), (362, 263))
"""Likewise of the corners of the left eye and of the right one, from left to right."""
SOLID = [10, 151, 9, 168, 6, 197, 195, 5, 1, 4, 33, 133, 362, 263, 127, 356, 116, 345, 234, 454, 93, 323]
"""Points of the mesh that move with the head alone."""
SHOULDERS = (12, 11)  # of MediaPipe's pose: the person's right one is on the left of the picture
VISIBLE = 0.5  # MediaPipe also guesses shoulders that it does not see, and is far off
DEPTH = 0.01  # of the head's joint: a picture does not tell it
OPEN_EYE, OPEN_MOUTH = 0.3, 0.6  # their height over their width


@dataclass(frozen=True)
class Similarity:
    """x → scale · x @ rotation + translation."""

    scale: float
    rotation: Floats
    translation: Floats

    @classmethod
    def between(cls, points: Floats, there: Floats) -> "Similarity":
        """The nearest in least squares (Umeyama 1991), of points (N, 3) to others."""
        mean, mean_there = points.mean(axis=0), there.mean(axis=0)
        around, around_there = points - mean, there - mean_there
        left, values, right = np.linalg.svd(around.T @ around_there)
        sign = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
        rotation = left @ np.diag(sign) @ right
        scale = float((values * sign).sum() / np.square(around).sum())
        return cls(scale, rotation, mean_there - scale * mean @ rotation)

    def __call__(self, points: Floats) -> Floats:
        """Points (..., 3), moved."""
        return self.scale * points @ self.rotation + self.translation


NOT_FOUND = Similarity(np.nan, np.full((3, 3), np.nan), np.full(3, np.nan))


def seen(path: Path) -> tuple[Floats, Floats]:
    """The mesh (T, 478, 3) and the shoulders (T, 2, 2) in [-1, 1] of the frame, NaN where they are not seen."""
    try:
        import mediapipe
    except ImportError as error:
        raise UserError(f"MediaPipe is not here ({error}); the first lines of this file say what to install") from error
    meshes, shoulders = [], []
    solutions: Any = mediapipe.solutions
    with (
        VideoReader(path) as video,
        solutions.face_mesh.FaceMesh(refine_landmarks=True) as face,
        solutions.pose.Pose() as pose,
    ):
        for frame in video:
            found, body = face.process(frame.pixels).multi_face_landmarks, pose.process(frame.pixels).pose_landmarks
            mesh = np.full((478, 3), np.nan)
            if found:
                mesh = np.array([(2 * at.x - 1, 2 * at.y - 1, 2 * at.z) for at in found[0].landmark])
            pair = np.full((2, 2), np.nan)
            if body and min(body.landmark[at].visibility for at in SHOULDERS) >= VISIBLE:
                pair = np.array([(2 * body.landmark[at].x - 1, 2 * body.landmark[at].y - 1) for at in SHOULDERS])
            meshes.append(mesh)
            shoulders.append(pair)
    return np.stack(meshes), np.stack(shoulders)


def standing_mesh(meshes: Floats) -> Floats:
    """The mean of meshes (T, 478, 3), each moved onto the others, as a standing face has it."""
    found = meshes[np.isfinite(meshes).all(axis=(1, 2))]
    mean = found[0]
    for _ in range(3):
        mean = np.mean([Similarity.between(mesh[SOLID], mean[SOLID])(mesh) for mesh in found], axis=0)
    places = np.array([standing.FACE[name] for name in LANDMARKS])
    return Similarity.between(mean[list(LANDMARKS.values())], places)(mean)


def bodies(shoulders: Floats) -> Floats:
    """All keypoints of the body (T, 10, 3) from its shoulders (T, 2, 2); NaN beyond the frame."""
    at = np.array(list(standing.BODY.values()))
    left, right = shoulders[:, 0], shoulders[:, 1]
    across = (right - left) / (2 * at[2, 0])
    lengths = np.linalg.norm(across, axis=1)
    size = np.median(lengths[np.isfinite(lengths)]) if np.isfinite(lengths).any() else np.nan
    down = size * np.stack((-across[:, 1], across[:, 0]), axis=1) / lengths[:, None]
    middle = (left + right) / 2
    x, y = at[:, 0, None], at[:, 1, None] - at[1, 1]
    plane = middle[:, None] + x * across[:, None] + y * down[:, None]
    depth = np.broadcast_to(size * at[:, 2:], (*plane.shape[:2], 1))
    points = np.concatenate((plane, depth), axis=2)
    points[(np.abs(plane) > 1).any(axis=2)] = np.nan
    return points


def opening(meshes: Floats, upper: int, lower: int, left: int, right: int, most: float) -> Floats:
    """Height over width of an eye or a mouth, 0 closed to 1 wide open: (T,)."""
    height = np.linalg.norm(meshes[:, upper] - meshes[:, lower], axis=1)
    opened: Floats = height / np.linalg.norm(meshes[:, left] - meshes[:, right], axis=1) / most
    return opened.clip(0, 1)


def eyes_open(meshes: Floats) -> Floats:
    """Of both eyes, (T, 2)."""
    lids = ((159, 145), (386, 374))
    eyes = [opening(meshes, *pair, *ends, OPEN_EYE) for pair, ends in zip(lids, CORNERS, strict=True)]
    return np.stack(eyes, axis=1)


def mouth_open(meshes: Floats) -> Floats:
    """Of the mouth, (T,)."""
    return opening(meshes, 13, 14, 61, 291, OPEN_MOUTH)


def look_aside(meshes: Floats) -> Floats:
    """How far irises are from the left corner of their eye in the picture, 0, to the right one, 1; of both: (T,)."""
    ways = []
    for (left, right), iris in zip(CORNERS, IRISES.values(), strict=True):
        across = (meshes[:, right] - meshes[:, left])[:, :2]
        ways.append(((meshes[:, iris] - meshes[:, left])[:, :2] * across).sum(axis=1) / np.square(across).sum(axis=1))
    looked: Floats = np.mean(ways, axis=0)
    return looked


def motion_of(meshes: Floats, shoulders: Floats) -> TrueMotion:
    """The motion in frames of which some show a face, from what is `seen` in them; NaN where none does."""
    neutral = standing_mesh(meshes)
    fits = [
        Similarity.between(neutral[SOLID], mesh[SOLID]) if np.isfinite(mesh).all() else NOT_FOUND for mesh in meshes
    ]
    translation = np.stack([fit.translation for fit in fits])
    away = DEPTH - translation[:, 2]
    translation[:, 2] = DEPTH
    meshes = meshes + away[:, None, None] * np.array([0.0, 0.0, 1.0])
    numbers = [*LANDMARKS.values(), *IRISES.values()]

    def tensor(array: Floats) -> torch.Tensor:
        return torch.from_numpy(array.astype(np.float32))

    return TrueMotion(
        rotation=tensor(np.stack([fit.rotation for fit in fits])),
        translation=tensor(translation),
        scale=tensor(np.array([[fit.scale] for fit in fits])),
        face=tensor(meshes[:, numbers]),
        canonical=tensor(neutral[numbers]),
        body=tensor(bodies(shoulders)),
        eyes=tensor(eyes_open(meshes)),
        mouth=tensor(mouth_open(meshes)[:, None]),
        face_names=(*LANDMARKS, *IRISES),
        body_names=tuple(standing.BODY),
    )


def main(data: tyro.conf.Positional[Path], /) -> None:
    """Label the clips of a data set that have no motion yet.

    Args:
        data: made by `ptus prepare`.

    Raises:
        UserError: where it is no data set, or MediaPipe is not installed.
    """
    clips = read_clips(data)
    (data / "motion").mkdir(exist_ok=True)
    for clip in tqdm([clip for clip in clips if clip.motion is None], unit="clip"):
        meshes, shoulders = seen(clip.path)
        if np.isnan(meshes).any(axis=(1, 2)).all():
            tqdm.write(f"{clip.id}: no face found")
        else:
            write_motion(data / "motion" / f"{clip.id}.safetensors", motion_of(meshes, shoulders))


if __name__ == "__main__":
    try:
        tyro.cli(main)
    except UserError as error:
        print(f"label_with_mediapipe: {error}", file=sys.stderr)
        sys.exit(2)
