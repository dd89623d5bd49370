"""What is known of motion: from rendered clips, through variations, into a loss."""

import dataclasses
import re

import numpy as np
import pytest
import torch
from torch import Tensor

from ptus.data.truth import TrueMotion
from ptus.errors import UserError
from ptus.model import ModelConfig, Motion, standing
from ptus.model.layers import identity_grid
from ptus.model.rotation import from_angles
from ptus.training.known import BODY, LANDMARKS, KnownMotion
from ptus.training.losses.truth import KEYPOINTS, known_flow_loss, known_motion_loss, told
from ptus.training.variation import Variation

FRAMES = 4
CONFIG = ModelConfig(face_keypoints=KEYPOINTS + 2, body_keypoints=len(BODY) + 2)


@pytest.fixture
def true() -> TrueMotion:
    """A head that turns and speaks, with landmarks in another order and some more."""
    random = torch.Generator().manual_seed(0)
    face_names, body_names = (*LANDMARKS[::-1], "left temple"), (*BODY[::-1], "elbow")
    rotation = from_angles(torch.rand(FRAMES, 3, generator=random) - 0.5)
    translation, scale = torch.rand(FRAMES, 3, generator=random) - 0.5, torch.rand(FRAMES, 1, generator=random) + 0.2
    canonical = torch.rand(len(face_names), 3, generator=random) - 0.5
    expression = 0.1 * torch.rand(FRAMES, len(face_names), 3, generator=random)
    face = scale.unsqueeze(1) * (canonical @ rotation + expression) + translation.unsqueeze(1)
    for side in ("left", "right"):  # eyes that are open, whatever else
        upper, lower = (face_names.index(f"{side} eye {lid} lid") for lid in ("upper", "lower"))
        face[:, upper] = face[:, lower] - 0.2 * scale * rotation[:, 1]
    body = torch.rand(FRAMES, len(body_names), 3, generator=random)
    openness = torch.rand(FRAMES, 3, generator=random)
    return TrueMotion(
        rotation, translation, scale, face, canonical, body, openness[:, :2], openness[:, 2:], face_names, body_names
    )


def estimated(known: KnownMotion, more: int = 2) -> Motion:
    """A motion that says what is known, with some keypoints more than are known."""

    def with_more(points: Tensor) -> Tensor:
        return torch.cat((points, points[:, :more]), dim=1)

    place, scale = known.translation.unsqueeze(1), known.scale.unsqueeze(1)
    canonical = known.canonical[:, :KEYPOINTS]
    expression = (known.face[:, :KEYPOINTS] - place) / scale - canonical @ known.rotation
    return Motion(
        with_more(known.body),
        with_more(canonical),
        known.rotation,
        known.translation,
        known.scale,
        with_more(expression),
        known.gaze,
    )


def test_landmarks_are_found_by_name(true: TrueMotion) -> None:
    known = KnownMotion.of(true)
    assert torch.equal(known.face, true.face[:, : len(LANDMARKS)].flip(1))
    assert torch.equal(known.body, true.body[:, : len(BODY)].flip(1))
    with pytest.raises(UserError, match="it lacks the chin"):
        KnownMotion.of(dataclasses.replace(true, face_names=tuple(re.sub("chin", "jaw", n) for n in true.face_names)))


def test_packing_loses_nothing(true: TrueMotion) -> None:
    known = KnownMotion.of(true)
    again = KnownMotion.unpacked(known.packed())
    assert all(torch.equal(*pair) for pair in zip(known.tensors(), again.tensors(), strict=True))


def test_the_loss_is_zero_where_all_is_right(true: TrueMotion) -> None:
    known = KnownMotion.of(true)
    assert known_motion_loss(estimated(known), known.packed(), CONFIG) < 1e-6


@pytest.mark.parametrize("part", ["rotation", "translation", "scale", "canonical", "expression", "body", "gaze"])
def test_the_loss_sees_every_part(true: TrueMotion, part: str) -> None:
    known = KnownMotion.of(true)
    motion = estimated(known)
    wrong = dataclasses.replace(motion, **{part: getattr(motion, part) + 0.1})
    assert known_motion_loss(wrong, known.packed(), CONFIG) > 1e-3


def test_frames_of_which_nothing_is_known_do_not_count(true: TrueMotion) -> None:
    known = KnownMotion.of(true)
    motion = estimated(known)
    wrong = dataclasses.replace(motion, body=motion.body + torch.tensor([9.0, 0, 0, 0])[:, None, None])
    packed = known.packed()
    packed[0] = torch.nan
    assert known_motion_loss(wrong, packed, CONFIG) < 1e-6
    nothing = KnownMotion.nothing(FRAMES).packed()
    assert known_motion_loss(wrong, nothing, CONFIG) == 0


def known_pair(true: TrueMotion) -> tuple[KnownMotion, KnownMotion]:
    """What is known of a face in the middle of the frame, and of the same moved to the right with its mouth open."""
    known = KnownMotion.of(true)[:2]
    face = known.face - known.face.mean(dim=1, keepdim=True)
    moved = face + torch.tensor([0.25, 0.0, 0.0])
    moved[:, LANDMARKS.index("lower lip inner edge"), 1] += 0.1
    scale = torch.full_like(known.scale, 0.5)
    return dataclasses.replace(known, face=face, scale=scale), dataclasses.replace(known, face=moved, scale=scale)


def shifting_flow(x: float) -> Tensor:
    """A flow from everywhere to points x beside, (2, 65, 65, 2)."""
    return (identity_grid((65, 65), torch.zeros(1)) + torch.tensor([x, 0.0])).expand(2, -1, -1, -1)


def test_the_flow_takes_landmarks_to_the_source(true: TrueMotion) -> None:
    source, driving = known_pair(true)
    opened = known_flow_loss(shifting_flow(-0.25), source.packed(), driving.packed(), lids=True)
    assert opened == pytest.approx((0.2 / (2 * 13) + 0.2 / (2 * 3)) / 2, rel=1e-4)  # of 13 places, of 3 openings
    still = known_flow_loss(shifting_flow(0.0), source.packed(), driving.packed(), lids=True)
    assert still == pytest.approx(float(opened) + 0.5 / 2 / 2, rel=1e-4)
    same = dataclasses.replace(driving, face=source.face + torch.tensor([0.25, 0.0, 0.0]))
    assert known_flow_loss(shifting_flow(-0.25), source.packed(), same.packed(), lids=True) < 1e-6


def test_lids_that_have_a_flow_of_their_own_do_not_count(true: TrueMotion) -> None:
    source, driving = known_pair(true)
    face = driving.face.clone()
    face[:, [lid for eye in standing.EYES for lid in eye], 1] += 0.3
    blinking = dataclasses.replace(driving, face=face).packed()
    flow, still = shifting_flow(-0.25), driving.packed()
    counted = [float(known_flow_loss(flow, source.packed(), packed, lids=False)) for packed in (still, blinking)]
    assert counted[0] == counted[1] == pytest.approx((0.2 / (2 * 9) + 0.2 / 2) / 2, rel=1e-4)  # of 9 places, of one
    assert known_flow_loss(flow, source.packed(), blinking, lids=True) > 2 * known_flow_loss(
        flow, source.packed(), still, lids=True
    )


def test_landmarks_beyond_the_frame_or_not_known_leave_the_flow_alone(true: TrueMotion) -> None:
    source, driving = known_pair(true)
    flow = shifting_flow(0.0).clone().requires_grad_()
    away = dataclasses.replace(driving, face=driving.face + 3)
    assert known_flow_loss(flow, source.packed(), away.packed(), lids=True) == 0
    packed = driving.packed()
    packed[0] = torch.nan
    loss = known_flow_loss(flow, source.packed(), packed, lids=True)
    loss.backward()
    assert flow.grad is not None and flow.grad.isfinite().all()
    assert not flow.grad[0].any() and flow.grad[1].any()
    alone = known_flow_loss(flow[1:], source[1:].packed(), driving[1:].packed(), lids=True)
    torch.testing.assert_close(loss, alone)


def test_what_is_known_is_told_and_the_rest_estimated(true: TrueMotion) -> None:
    known = KnownMotion.of(true)
    right = estimated(known)
    wrong = Motion(*(tensor + 0.1 for tensor in right.tensors()))
    packed = known.packed()
    found = told(wrong, packed, CONFIG)
    for name in ("rotation", "translation", "scale", "gaze"):
        torch.testing.assert_close(getattr(found, name), getattr(right, name))
    torch.testing.assert_close(found.face[:, :KEYPOINTS], known.face[:, :KEYPOINTS])
    torch.testing.assert_close(found.body[:, : len(BODY)], known.body)
    assert torch.equal(found.body[:, len(BODY) :], wrong.body[:, len(BODY) :])
    assert torch.equal(found.canonical[:, KEYPOINTS:], wrong.canonical[:, KEYPOINTS:])
    packed[0] = torch.nan
    learned = Motion(*(tensor.clone().requires_grad_() for tensor in wrong.tensors()))
    told(learned, packed, CONFIG).face.sum().backward()
    gradients = [tensor.grad for tensor in learned.tensors() if tensor.grad is not None]
    assert len(gradients) == 5
    assert all(gradient.isfinite().all() for gradient in gradients)
    for name, tensor in zip(vars(wrong), told(wrong, packed, CONFIG).tensors(), strict=True):
        torch.testing.assert_close(tensor[0], getattr(wrong, name)[0])


def test_one_set_of_keypoints_is_told_the_face_and_then_the_body(true: TrueMotion) -> None:
    config = dataclasses.replace(CONFIG, face_keypoints=KEYPOINTS, face_body=False)
    known, joined = KnownMotion.of(true), estimated(KnownMotion.of(true), more=len(BODY) + 2)
    motion = dataclasses.replace(joined, body=joined.body[:, :0])
    found = told(motion, known.packed(), config)
    torch.testing.assert_close(found.face[:, :KEYPOINTS], known.face[:, :KEYPOINTS])
    torch.testing.assert_close(found.face[:, KEYPOINTS:-2], known.body)
    torch.testing.assert_close(found.face[:, -2:], motion.face[:, -2:])
    assert known_motion_loss(found, known.packed(), config) < 1e-6
    assert known_motion_loss(motion, known.packed(), config) > 1e-2


def test_without_head_pose_keypoints_alone_are_known(true: TrueMotion) -> None:
    config, known = dataclasses.replace(CONFIG, local_global=False), KnownMotion.of(true)
    right = estimated(known)
    still = torch.eye(3).expand(FRAMES, 3, 3)
    motion = dataclasses.replace(right, rotation=still, translation=right.translation + 1, scale=right.scale / 2)
    found = told(motion, known.packed(), config)
    torch.testing.assert_close(found.face[:, :KEYPOINTS], known.face[:, :KEYPOINTS])
    torch.testing.assert_close(found.body[:, : len(BODY)], known.body)
    for name in ("rotation", "translation", "scale", "canonical"):
        assert torch.equal(getattr(found, name), getattr(motion, name))
    assert known_motion_loss(found, known.packed(), config) < 1e-6
    assert known_motion_loss(motion, known.packed(), config) > 1e-2


def test_a_body_that_is_beside_counts_less_than_one_that_moves_otherwise(true: TrueMotion) -> None:
    known = KnownMotion.of(true)
    motion = estimated(known)
    beside = known_motion_loss(dataclasses.replace(motion, body=motion.body + 0.1), known.packed(), CONFIG)
    driving = torch.tensor([0.0] * (FRAMES // 2) + [0.1] * (FRAMES // 2)).view(-1, 1, 1)
    moved = known_motion_loss(dataclasses.replace(motion, body=motion.body + driving), known.packed(), CONFIG)
    assert moved > 3 * beside > 0


def test_a_mouth_counts_more_than_a_jaw(true: TrueMotion) -> None:
    known = KnownMotion.of(true)
    motion = estimated(known)

    def wrong(name: str) -> float:
        expression = motion.expression.clone()
        expression[:, LANDMARKS.index(name), 1] += 0.1
        return float(known_motion_loss(dataclasses.replace(motion, expression=expression), known.packed(), CONFIG))

    assert wrong("lower lip inner edge") > 12 * wrong("left jaw") > 0


def test_numbers_that_are_not_known_do_not_count_and_others_do(true: TrueMotion) -> None:
    known = KnownMotion.of(true)
    motion = estimated(known)
    packed = KnownMotion.unpacked(known.packed())
    packed.body[:, 3] = torch.nan
    wrong = motion.body.clone()
    wrong[:, 3] += 9
    assert known_motion_loss(dataclasses.replace(motion, body=wrong), packed.packed(), CONFIG) < 1e-6
    wrong[:, 4] += 9
    found = dataclasses.replace(motion, body=wrong.requires_grad_())
    loss = known_motion_loss(found, packed.packed(), CONFIG)
    assert loss > 0.1
    loss.backward()
    assert wrong.grad is not None
    assert wrong.grad.isfinite().all()
    assert wrong.grad.abs().sum(dim=(0, 2)).nonzero().flatten().tolist() == [4]


@pytest.mark.parametrize("seed", range(6))
def test_what_is_known_moves_with_the_picture(true: TrueMotion, seed: int) -> None:
    """A face without expression has none after a variation, and points are where their pictures are."""
    variation = Variation.random(np.random.default_rng(seed))
    before = KnownMotion.of(true)
    neutral = before.scale.unsqueeze(1) * before.canonical @ before.rotation + before.translation.unsqueeze(1)
    varied = variation.motion(dataclasses.replace(before, face=neutral))
    posed = varied.scale.unsqueeze(1) * varied.canonical @ varied.rotation + varied.translation.unsqueeze(1)
    assert torch.allclose(varied.face, posed, atol=1e-5)
    after = variation.motion(before)
    assert torch.allclose(torch.linalg.det(after.rotation), torch.ones(FRAMES), atol=1e-5)
    name, other = ("left jaw", "right jaw") if variation.mirrored else ("left jaw", "left jaw")
    seen = before.face[:, LANDMARKS.index(other), :2].numpy()
    square = np.concatenate((seen, seen), axis=1)
    np.testing.assert_allclose(after.face[:, LANDMARKS.index(name), :2], variation.boxes(square)[:, :2], atol=1e-5)


@pytest.mark.parametrize("mirrored", [False, True])
def test_gaze_is_told_from_irises_however_a_picture_is_varied(mirrored: bool) -> None:
    """It is of the head, which turns and grows with the picture; in a mirror the left eye is the right one."""
    canonical = torch.tensor([*standing.FACE.values(), *standing.IRISES.values()])[None]
    look = torch.tensor([0.04, -0.02])
    canonical[0, KEYPOINTS:, 0] += look
    canonical[0, [lower for _, lower in standing.EYES], 2] = canonical[0, KEYPOINTS:, 2]
    place, scale = torch.tensor([[0.1, 0.0, 0.0]]), torch.tensor([[0.4]])
    rotation = from_angles(torch.tensor([[0.8, 0.0, 0.2]]))
    face = scale * canonical @ rotation + place
    known = KnownMotion(rotation, place, scale, canonical, face, torch.zeros(1, len(BODY), 3))
    torch.testing.assert_close(known.gaze[0], look)
    turn = from_angles(torch.tensor([[0.0, 0.0, 0.3]]))[0, :2, :2]
    moved = known.moved(mirrored, turn, torch.tensor([1.2, 1.2]), torch.tensor([0.1, -0.1]))
    torch.testing.assert_close(moved.gaze, -known.gaze.flip(1) if mirrored else known.gaze)


def test_nobody_knows_where_shut_eyes_look(true: TrueMotion) -> None:
    known = KnownMotion.of(true)
    upper, lower = (LANDMARKS.index(f"right eye {lid} lid") for lid in ("upper", "lower"))
    known.face[0, upper] = known.face[0, lower]
    assert known.gaze.isfinite().tolist() == [[True, False]] + [[True, True]] * (FRAMES - 1)
    motion = dataclasses.replace(estimated(known), gaze=torch.full((FRAMES, 2), 0.01))
    found = told(motion, known.packed(), CONFIG).gaze
    assert found[0, 1] == motion.gaze[0, 1] and found[0, 0] == known.gaze[0, 0]
    without = dataclasses.replace(CONFIG, face_keypoints=9)
    assert torch.equal(told(motion, known.packed(), without).gaze, motion.gaze)


def test_what_is_not_known_stays_unknown() -> None:
    variation = Variation.random(np.random.default_rng(1))
    assert variation.motion(KnownMotion.nothing(2)).packed().isnan().all()
