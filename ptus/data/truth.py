"""The true motion of a rendered clip: DIR/motion/<id>.safetensors."""

import json
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ptus.errors import UserError
from ptus.files import replacing

NAMES = ("face", "body")
"""What the file's metadata names the points of, as JSON lists."""


@dataclass(frozen=True)
class TrueMotion:
    """The motion of T frames, float32. Coordinates as in `ptus.model.motion.Motion`: [-1, 1] of the frame, z away.

    The expression is what is left of the face: δ = (face - translation) / scale - canonical · rotation.

    Args:
        rotation: of the head, for row vectors, (T, 3, 3).
        translation: of the head, (T, 3).
        scale: half the head's size, (T, 1).
        face: landmarks in the frame, (T, K, 3).
        canonical: landmarks of the neutral face that looks ahead, (K, 3): eyes open, mouth closed.
        body: keypoints of the body in the frame, (T, K_b, 3).
        eyes: openness of the left eye in the picture and the right one, 0 to 1, (T, 2).
        mouth: openness, 0 to 1, (T, 1).
        face_names: of the landmarks.
        body_names: of the body's keypoints.
    """

    rotation: Tensor
    translation: Tensor
    scale: Tensor
    face: Tensor
    canonical: Tensor
    body: Tensor
    eyes: Tensor
    mouth: Tensor
    face_names: tuple[str, ...]
    body_names: tuple[str, ...]

    @property
    def expression(self) -> Tensor:
        """What moves in the face apart from the head, δ: (T, K, 3)."""
        return (self.face - self.translation.unsqueeze(1)) / self.scale.unsqueeze(1) - self.canonical @ self.rotation


def write_motion(path: Path, motion: TrueMotion) -> None:
    """Keep a true motion; the file appears whole or not at all."""
    names = {kind: json.dumps(getattr(motion, f"{kind}_names")) for kind in NAMES}
    with replacing(path) as partial:
        save_file({name: getattr(motion, name).contiguous() for name in _tensors()}, partial, metadata=names)


def read_motion(path: Path) -> TrueMotion:
    """Read a true motion.

    Raises:
        UserError: where it cannot be read, or lacks something.
    """
    try:
        with safe_open(path, framework="pt") as file:
            stored = {name: file.get_tensor(name) for name in _tensors()}
            names = {kind: tuple(json.loads(file.metadata()[kind])) for kind in NAMES}
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} is not the motion of a rendered clip, or is damaged ({error}); render it anew"
        ) from error
    frames = len(stored["mouth"])
    for name, tensor in stored.items():
        if tensor.dtype != torch.float32 or (name != "canonical" and len(tensor) != frames):
            raise UserError(f"{path}: {name} is {tensor.dtype} of shape {tuple(tensor.shape)}; render it anew")
    return TrueMotion(**stored, face_names=names["face"], body_names=names["body"])


def _tensors() -> list[str]:
    return [field.name for field in fields(TrueMotion) if not field.name.endswith("_names")]
