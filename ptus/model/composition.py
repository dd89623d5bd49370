"""Face–body and local–global composition: which motions a level mixes, and in which shares."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from ptus.model.config import ModelConfig
from ptus.model.motion import Motion
from ptus.model.rotation import downwards, product

LEAST_SPREAD = 0.05  # of a body's keypoints, of the frame's half side: less is no body


@dataclass(frozen=True)
class Motions:
    """Motions that take points of the driven frame to the source's: motion_k(g) = J_k (g - kd_k) + ks_k.

    Args:
        driving: keypoints in the driven frame, kd: (B, K, 3).
        source: keypoints in the source, ks: (B, K, 3).
        jacobian: J, (B, K, 3, 3), or None where every one is the identity.
    """

    driving: Tensor
    source: Tensor
    jacobian: Tensor | None = None


def coarse_motions(config: ModelConfig, source: Motion, driven: Motion) -> Motions:
    """The body's keypoints, what surrounds the head, then the face's motion without its expression.

    A point g of the driven head lies at (g - t_d) R_dᵀ / s_d in the head's own space, and so at

        (s_s / s_d) (g - t_d) R_dᵀ R_s + t_s

    in the source: one motion, of kd = t_d, ks = t_s. The body's keypoints are a motion each, with the jacobian (b_s /
    b_d) I, b being how far they are spread in the picture: who comes nearer, or is zoomed in on, grows between them
    too. What surrounds the head, where face and body are apart, goes with it in the picture's plane, as its place, size
    and tilt do: it closes in where a head that shrinks or moves leaves a place. Where the head is not solid, or its
    pose unknown, each of the face's keypoints is a motion, and none has a jacobian.
    """
    if not config.local_global:
        return _joined(source.body, driven.body, source.face, driven.face)
    if not config.rigid_head:
        return _joined(source.body, driven.body, source.neutral_face, driven.neutral_face)
    at_source, at_driven = source.translation.unsqueeze(1), driven.translation.unsqueeze(1)
    return _with_head(config, source, driven, at_source, at_driven)


def joint_motions(config: ModelConfig, source: Motion, driven: Motion) -> Motions:
    """All motions at once, for a single level: as the coarse ones, but of the face every keypoint, with expression."""
    if not config.solid_head:
        return _joined(source.body, driven.body, source.face, driven.face)
    return _with_head(config, source, driven, source.face, driven.face)


def local_motions(config: ModelConfig, source: Motion, driven: Motion) -> tuple[Motions, Motions]:
    """What the expression adds to the coarse motions at each of the face's keypoints.

    The keypoint's full motion, less the head's at the same place, is s_s (δ_s - δ_d R_dᵀ R_s) in the source, and
    s_d (δ_s R_sᵀ R_d - δ_d) in the driven frame. Without a head that turns, both are s_s δ_s - s_d δ_d; without head
    pose there is nothing to add.

    Returns:
        The motions to add to the coarse deformation, then the same for a feature that is warped by that already.
    """
    at = driven.face
    if not config.local_global:
        return Motions(at, at), Motions(at, at)
    source_scale, driven_scale = source.scale.unsqueeze(1), driven.scale.unsqueeze(1)
    if not config.rigid_head:
        moved = Motions(at, at + source_scale * source.expression - driven_scale * driven.expression)
        return moved, moved
    turn = product(driven.rotation.transpose(1, 2), source.rotation)
    in_source = source_scale * (source.expression - product(driven.expression, turn))
    in_driven = driven_scale * (product(source.expression, turn.transpose(1, 2)) - driven.expression)
    return Motions(at, at + in_source), Motions(at, at + in_driven)


def displacement(source: Motion, driven: Motion) -> Tensor:
    """How far the keypoint that moves farthest is from its place in the source: (B,), 0 where nothing moves."""
    apart = torch.cat((driven.body - source.body, driven.face - source.face), dim=1)
    farthest: Tensor = torch.linalg.vector_norm(apart, dim=-1).amax(dim=-1)
    return farthest


def joined_logits(body: Tensor, face: Tensor, region: Tensor) -> Tensor:
    """Mask logits whose softmax gives face and body their shares, and each motion its own within them.

    With a face region M = sigmoid(region), the softmax over what is returned is (1 - M) softmax(body) beside
    M softmax(face).

    Args:
        body: of the background and the body's motions, (B, 1 + K_b, d, h, w).
        face: of the face's motions, with the head's surroundings where they have one, (B, K, d, h, w).
        region: logits of the face region, (B, 1, d, h, w).

    Returns:
        (B, 1 + K_b + K, d, h, w).
    """
    level = region + _summed(body)
    return torch.cat((body, face - _summed(face) + level), dim=1)


def _summed(logits: Tensor) -> Tensor:
    """The logarithm of the sum over motions, (B, K, d, h, w) → (B, 1, d, h, w); of one motion it is that motion's."""
    return logits if logits.shape[1] == 1 else logits.logsumexp(dim=1, keepdim=True)


def _joined(body_source: Tensor, body_driven: Tensor, face_source: Tensor, face_driven: Tensor) -> Motions:
    return Motions(torch.cat((body_driven, face_driven), dim=1), torch.cat((body_source, face_source), dim=1))


def _with_head(
    config: ModelConfig, source: Motion, driven: Motion, face_source: Tensor, face_driven: Tensor
) -> Motions:
    """The body's motions, that of what surrounds the head, and the face's, of which each turns as the head does."""
    whole = torch.eye(3, dtype=driven.scale.dtype, device=driven.scale.device)
    grown = (_spread(source.body) / _spread(driven.body))[:, None, None, None]
    here, there = [driven.body], [source.body]
    jacobians = [grown * whole.expand(*driven.body.shape, 3)]
    if config.has_surroundings:
        here.append(_in_plane(driven.translation))
        there.append(_in_plane(source.translation))
        jacobians.append(_tilt(source, driven).unsqueeze(1))
    turn = product(driven.rotation.transpose(1, 2), source.rotation)
    rows = (source.scale / driven.scale).unsqueeze(-1) * turn
    jacobians.append(rows.transpose(1, 2).unsqueeze(1).expand(*face_driven.shape, 3))  # acts on columns
    return Motions(
        torch.cat((*here, face_driven), dim=1), torch.cat((*there, face_source), dim=1), torch.cat(jacobians, dim=1)
    )


def _in_plane(points: Tensor) -> Tensor:
    """Points (B, 3) at depth 0: (B, 1, 3)."""
    return pad(points[:, :2], (0, 1)).unsqueeze(1)


def _tilt(source: Motion, driven: Motion) -> Tensor:
    """What the head's size, and its tilt in the picture, do to its surroundings at every depth alike: (B, 3, 3), for
    columns.
    """
    x_driven, y_driven = downwards(driven.rotation).unbind(-1)
    x_source, y_source = downwards(source.rotation).unbind(-1)
    ratio = (source.scale / driven.scale).squeeze(1)
    cosine = ratio * (x_driven * x_source + y_driven * y_source)
    sine = ratio * (x_driven * y_source - y_driven * x_source)
    nothing, one = torch.zeros_like(cosine), torch.ones_like(cosine)
    rows = (cosine, -sine, nothing, sine, cosine, nothing, nothing, nothing, one)
    return torch.stack(rows, dim=-1).view(-1, 3, 3)


def _spread(points: Tensor) -> Tensor:
    """Root mean square distance of points (B, K, 3) from their middle, in the picture's plane: (B,)."""
    if points.shape[1] < 2:
        return points.new_ones(len(points))
    around = points[..., :2] - points[..., :2].mean(dim=1, keepdim=True)
    return around.square().sum(dim=-1).mean(dim=-1).sqrt().clamp(min=LEAST_SPREAD)
