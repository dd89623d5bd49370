"""What is known of the motion in the frames of a rendered clip: head pose, and where keypoints are."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ptus.data.truth import TrueMotion
from ptus.errors import UserError
from ptus.model import standing
from ptus.model.gaze import SHUT
from ptus.model.rotation import product, upright, width

LANDMARKS, BODY = (*standing.FACE, *standing.IRISES), tuple(standing.BODY)
"""The landmarks that are known: those that the first keypoints of face and body are to be, then the irises."""


@dataclass(frozen=True)
class KnownMotion:
    """The motion in B frames, as in `ptus.model.Motion`; all NaN for a frame of which nothing is known.

    Args:
        rotation: (B, 3, 3).
        translation: (B, 3).
        scale: (B, 1).
        canonical: of the landmarks in LANDMARKS, (B, 17, 3).
        face: the same in the frame, (B, 17, 3).
        body: (B, 10, 3).
    """

    rotation: Tensor
    translation: Tensor
    scale: Tensor
    canonical: Tensor
    face: Tensor
    body: Tensor

    @classmethod
    def of(cls, motion: TrueMotion) -> "KnownMotion":
        """What a rendered clip says.

        Raises:
            UserError: where it lacks a landmark.
        """
        for names, wanted in ((motion.face_names, LANDMARKS), (motion.body_names, BODY)):
            for name in wanted:
                if name not in names:
                    raise UserError(f"it lacks the {name}; delete it and label the clip anew, or render that anew")
        landmarks = [motion.face_names.index(name) for name in LANDMARKS]
        return cls(
            rotation=motion.rotation,
            translation=motion.translation,
            scale=motion.scale,
            canonical=motion.canonical[landmarks].expand(len(motion.scale), -1, -1),
            face=motion.face[:, landmarks],
            body=motion.body[:, [motion.body_names.index(name) for name in BODY]],
        )

    @classmethod
    def nothing(cls, frames: int) -> "KnownMotion":
        """Of frames of which nothing is known."""
        shapes = [(3, 3), (3,), (1,), (len(LANDMARKS), 3), (len(LANDMARKS), 3), (len(BODY), 3)]
        return cls(*(torch.full((frames, *shape), torch.nan) for shape in shapes))

    @classmethod
    def unpacked(cls, packed: Tensor) -> "KnownMotion":
        """From the rows that `packed` gives."""
        parts = cls.nothing(1)
        columns = packed.split([part.numel() for part in parts.tensors()], dim=1)
        shapes = [part.shape[1:] for part in parts.tensors()]
        return cls(*(column.reshape(-1, *shape) for column, shape in zip(columns, shapes, strict=True)))

    def __getitem__(self, frames: slice) -> "KnownMotion":
        """Of some of the frames."""
        return KnownMotion(*(tensor[frames] for tensor in self.tensors()))

    @property
    def gaze(self) -> Tensor:
        """Where eyes look, as in `ptus.model.Motion`, NaN where they are shut: (B, 2)."""
        upper, lower = (self.face[:, [eye[lid] for eye in standing.EYES], :2] for lid in (0, 1))
        axes, irises = upright(self.rotation).transpose(1, 2), self.face[:, len(standing.FACE) :, :2]
        beside, open_by = (product(apart, axes) / self.scale.unsqueeze(1) for apart in (irises - lower, lower - upper))
        return torch.where(open_by[..., 1] > SHUT, beside[..., 0] / width(self.rotation), torch.nan)

    def has_head(self) -> bool:
        """Whether pose, place and size of the head, and the face, are known in every frame."""
        return all(bool(part.isfinite().all()) for part in (self.rotation, self.translation, self.scale, self.face))

    def packed(self) -> Tensor:
        """All of it, a row a frame: (B, 145)."""
        return torch.cat([tensor.flatten(1) for tensor in self.tensors()], dim=1)

    def moved(self, mirrored: bool, turn: Tensor, zoom: Tensor, shift: Tensor) -> "KnownMotion":
        """Of the frames mirrored if asked, then enlarged, turned and shifted.

        A mirrored face is that of another person, whose left is the first one's right. So is a stretched one: with a
        zoom Z, whose depth is its geometric mean z, s c R Z = (z s) (c R Z Rᵀ / z) R, where c becomes c R Z Rᵀ / z.

        Args:
            mirrored: whether left and right change places first.
            turn: a rotation of the plane for row vectors, (2, 2).
            zoom: of width and height, about the middle of the frame, (2,).
            shift: (2,).
        """
        mirror = torch.diag(torch.tensor([-1.0 if mirrored else 1.0, 1.0, 1.0]))
        whole = torch.eye(3)
        whole[:2, :2] = turn
        place = torch.cat((shift, torch.zeros(1)))
        mean = zoom.prod().sqrt()
        stretch = torch.diag(torch.cat((zoom, mean[None])))

        def points(given: Tensor) -> Tensor:
            return given @ mirror @ stretch @ whole + place

        face, body = (_mirrored(LANDMARKS), _mirrored(BODY)) if mirrored else (slice(None), slice(None))
        rotation = mirror @ self.rotation @ mirror
        stretched = rotation @ stretch @ rotation.transpose(1, 2) / mean
        return KnownMotion(
            rotation=rotation @ whole,
            translation=points(self.translation),
            scale=mean * self.scale,
            canonical=(self.canonical @ mirror @ stretched)[:, face],
            face=points(self.face)[:, face],
            body=points(self.body)[:, body],
        )

    def tensors(self) -> tuple[Tensor, ...]:
        """All of it, in the order of the fields."""
        return tuple(getattr(self, field.name) for field in fields(self))


def _mirrored(names: tuple[str, ...]) -> list[int]:
    """Which point of a mirrored picture has each name."""
    other = {"left": "right", "right": "left"}
    return [names.index(" ".join(other.get(word, word) for word in name.split())) for name in names]
