"""The motion of an upper body in numbers, and its transfer from one person to another."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor
from torch.nn.functional import pad

from ptus.model import rotation as rotations
from ptus.model import standing
from ptus.model.gaze import SHUT

WIDER = 2.0  # how many times as open as the driver's eyes the source's count at most, when they close: noise grows too


@dataclass(frozen=True)
class Motion:
    """Where a person is in a frame. Coordinates (x, y, z) in [-1, 1] of the frame, x right, y down, z away.

    Args:
        body: keypoints of the body, (B, K_b, 3).
        canonical: the face's keypoints in its own space, looking ahead, x_c: (B, K_f, 3).
        rotation: head pose R, (B, 3, 3), for row vectors.
        translation: of the head, t: (B, 3).
        scale: half the head's size, s: (B, 1).
        expression: what moves in the face apart from the head, δ: (B, K_f, 3).
        gaze: how far the middles of the irises are to the right of those of the lower lids, left eye first, across a
            head as wide as one that looks ahead, in units of its half size: (B, 2). Zeros where nobody looked.
    """

    body: Tensor
    canonical: Tensor
    rotation: Tensor
    translation: Tensor
    scale: Tensor
    expression: Tensor
    gaze: Tensor

    @property
    def face(self) -> Tensor:
        """Keypoints of the face in the frame, x = s (x_c R + δ) + t: (B, K_f, 3)."""
        posed = rotations.product(self.canonical, self.rotation) + self.expression
        return self.scale.unsqueeze(1) * posed + self.translation.unsqueeze(1)

    @property
    def neutral_face(self) -> Tensor:
        """The face's keypoints moved by the head alone, x = s x_c R + t: (B, K_f, 3)."""
        posed = rotations.product(self.canonical, self.rotation)
        return self.scale.unsqueeze(1) * posed + self.translation.unsqueeze(1)

    def about(self, canonical: Tensor) -> "Motion":
        """The same keypoints, as the expression of a face that has other canonical ones, (B, K_f, 3).

        Between frames of one person whatever differs in the canonical keypoints is expression.
        """
        moved = rotations.product(self.canonical - canonical, self.rotation)
        return replace(self, canonical=canonical.expand_as(self.canonical), expression=self.expression + moved)

    def __len__(self) -> int:
        """How many frames it is of."""
        return self.body.shape[0]

    def __getitem__(self, frames: slice | list[int]) -> "Motion":
        """Some of the frames."""
        return Motion(*(tensor[frames] for tensor in self.tensors()))

    def tensors(self) -> tuple[Tensor, ...]:
        """All of it, in the order of the fields."""
        return tuple(getattr(self, field.name) for field in fields(self))

    def to(self, target: torch.device | torch.dtype) -> "Motion":
        """The same on a device, or of a type."""
        return Motion(*(tensor.to(target) for tensor in self.tensors()))

    def expand(self, frames: int) -> "Motion":
        """The motion of one frame, as that of many."""
        return Motion(*(tensor.expand(frames, *tensor.shape[1:]) for tensor in self.tensors()))

    @staticmethod
    def cat(motions: Sequence["Motion"]) -> "Motion":
        """The motions one after the other."""
        return Motion(*(torch.cat(parts) for parts in zip(*(motion.tensors() for motion in motions), strict=True)))


def lids_and_lips(face: Tensor) -> Tensor:
    """Upper and lower keypoints of the eyes and the mouth, of those that a face (B, K, 3) has: (B, N, 2, 3)."""
    points = face.unbind(dim=1)
    there = [pair for pair in standing.OPENINGS if max(pair) < len(points)]
    if not there:
        return face.new_zeros(len(face), 0, 2, 3)
    pairs: Tensor = torch.stack([points[number] for pair in there for number in pair], dim=1).unflatten(1, (-1, 2))
    return pairs


def eye_heights(motion: Motion) -> Tensor:
    """How far open eyes are, along the head, in units of its half size: (B, 2); of faces without lids (B, 0)."""
    lids = lids_and_lips(motion.face)[:, : len(standing.EYES)]
    down = motion.rotation[:, None, 1]
    return (lids.diff(dim=2).squeeze(2) * down).sum(dim=2) / motion.scale


@dataclass(frozen=True)
class TransferOptions:
    """How much of a driver's motion is taken.

    Args:
        relative: add the driver's change since a reference frame to the source's own motion; otherwise go where the
            driver is.
        pose: strength of head rotation, translation and scale, 0 (the source's own) to 2.
        expression: strength of the expression and of where eyes look, 0 to 2.
        body: strength of the body's motion, 0 to 2.
    """

    relative: bool = True
    pose: float = 1.0
    expression: float = 1.0
    body: float = 1.0

    def __post_init__(self) -> None:
        """Refuse strengths out of range.

        Raises:
            ValueError: naming the strength.
        """
        for name in ("pose", "expression", "body"):
            if not 0 <= getattr(self, name) <= 2:
                raise ValueError(f"{name}: expected a strength from 0 to 2, got {getattr(self, name)}")


def transfer(source: Motion, driving: Motion, reference: Motion, options: TransferOptions) -> Motion:
    """The source person, moved as the driver moves.

    With strength p, from the reference's rotation R_r to the driver's R_d:

        R = R_s (R_rᵀ R_d)^p,   t = t_s + p (s_s / s_r) (t_d - t_r),   s = s_s (s_d / s_r)^p,
        δ = (δ_s R_sᵀ + p (δ_d R_dᵀ - δ_r R_rᵀ)) R, and gaze likewise,   body = body_s + p (s_s / s_r) (body_d - body_r)

    Where the driver's eyes are less open than in the reference, the source's close by the same share instead of the
    same step: h = h_s (1 + p (h_d / h_r - 1)) of an eye's height, so that eyes that shut do so in any face. Of a
    reference whose eyes are nearly shut the step is taken, and none closes by more than WIDER times that.

    A driver who is s_r / s_s as large as the source goes as much farther in the frame. Absolute motion is the same with
    the source itself as reference, so that strength 1 puts the source where the driver is. Canonical keypoints stay the
    source's: they are the person. The driver's are those of its reference in every frame, so that a smile that an
    estimator takes for another face is an expression all the same.

    Args:
        source: of one frame, or as many as `driving`.
        driving: of any number of frames.
        reference: of one frame: that of the driver which looks like the source; of absolute motion any one of it.
        options: what to take.
    """
    frames = len(driving)
    source = source if len(source) == frames else source.expand(frames)
    driving = driving.about(reference.canonical)
    start = reference.expand(frames) if options.relative else source
    pace = source.scale / start.scale
    turn = rotations.power(rotations.product(start.rotation.transpose(1, 2), driving.rotation), options.pose)
    rotation = rotations.product(source.rotation, turn)
    expression = _in_head(source) + options.expression * _change(source, driving, start)
    return Motion(
        body=source.body + options.body * pace.unsqueeze(2) * (driving.body - start.body),
        canonical=source.canonical,
        rotation=rotation,
        translation=source.translation + options.pose * pace * (driving.translation - start.translation),
        scale=source.scale * (driving.scale / start.scale) ** options.pose,
        expression=rotations.product(expression, rotation),
        gaze=source.gaze + options.expression * (driving.gaze - start.gaze),
    )


def _in_head(motion: Motion) -> Tensor:
    """The expression in the head's own space, δ Rᵀ."""
    return rotations.product(motion.expression, motion.rotation.transpose(1, 2))


def _change(source: Motion, driving: Motion, start: Motion) -> Tensor:
    """Of the expression in the head's own space, upper lids as far as the source's eyes close by the driver's share.

    That is known where they were open to start from.
    """
    change = _in_head(driving) - _in_head(start)
    own, now, before = (eye_heights(motion) for motion in (source, driving, start))
    if not own.shape[1]:
        return change
    known = (before / SHUT - 1).clamp(min=0, max=1)
    further = known * (before - now).clamp(min=0) * ((own / before.clamp(min=SHUT)).clamp(max=WIDER) - 1)
    parts = list(change.unbind(dim=1))
    for (upper, _), step in zip(standing.EYES, further.unbind(dim=1), strict=False):
        parts[upper] = parts[upper] + pad(step.unsqueeze(1), (1, 1))
    return torch.stack(parts, dim=1)
