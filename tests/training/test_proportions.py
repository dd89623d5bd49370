"""Faces of other proportions are where their motion says, and the same person's in both frames of a pair."""

import numpy as np
import pytest
import torch

from ptus.model import standing
from ptus.training import proportions
from ptus.training.frames import CachedClip
from ptus.training.known import LANDMARKS, KnownMotion
from ptus.training.pairs import Pairs
from ptus.training.proportions import of_other_proportions
from tests.training.spotted import SCALE, SIDE, brightest, known, marked

SEEDS = range(6)


def standing_face(motion: KnownMotion) -> torch.Tensor:
    """Canonical keypoints and expression, as a head held upright has them."""
    return (motion.face - motion.translation.unsqueeze(1)) @ motion.rotation.transpose(1, 2) / motion.scale


@pytest.mark.parametrize("name", LANDMARKS)
@pytest.mark.parametrize("yaw", [-0.4, 0.0, 0.4])
def test_the_picture_shows_what_is_said(name: str, yaw: float) -> None:
    before, landmark = known(yaw), LANDMARKS.index(name)
    picture = marked(before.face[0, landmark, :2])
    for seed in SEEDS:
        ((shown, after),) = of_other_proportions([(picture, before)], np.random.default_rng(seed))
        assert (brightest(shown) - after.face[0, landmark, :2]).norm() < 0.04 * SCALE


def test_every_landmark_but_the_forehead_moves() -> None:
    before = known()
    moves = []
    for seed in range(40):
        ((_, after),) = of_other_proportions([(marked(torch.zeros(2)), before)], np.random.default_rng(seed))
        moves.append((after.face - before.face)[0].norm(dim=1) / SCALE)
    farthest = torch.stack(moves).amax(dim=0)
    assert {LANDMARKS[number] for number in (farthest < 0.03).nonzero().flatten().tolist()} == {"forehead"}
    assert farthest.max() < 0.2


@pytest.mark.parametrize("seed", SEEDS)
def test_a_feature_takes_its_step_and_grows_about_its_middle(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    nose = proportions.Feature(("nose",), reach=0.16, down=0.06)
    mouth = proportions.Feature(("mouth", "lip"), reach=0.25, grows=True)
    monkeypatch.setattr(proportions, "PAIRED", ())
    monkeypatch.setattr(proportions, "SINGLE", (nose,))
    before = known(mouth=0.2)
    frame, tip = (marked(torch.zeros(2)), before), LANDMARKS.index("nose tip")
    ((_, after),) = of_other_proportions([frame], np.random.default_rng(seed))
    (change,) = proportions._drawn(np.random.default_rng(seed))
    torch.testing.assert_close((after.canonical - before.canonical)[0, tip, :2], change.step, atol=1e-4, rtol=0)
    assert change.step.norm() > 0

    monkeypatch.setattr(proportions, "SINGLE", (mouth,))
    ((_, after),) = of_other_proportions([frame], np.random.default_rng(seed))
    (change,) = proportions._drawn(np.random.default_rng(seed))
    ends = [[LANDMARKS.index(f"{side} mouth corner") for side in ("left", "right")], standing.OPENINGS[2]]
    for axis, (first, last) in enumerate(ends):
        now, then = ((of.canonical[0, last] - of.canonical[0, first])[axis] for of in (after, before))
        growth = float(change.growth[axis])
        assert min(1, growth) < now / then < max(1, growth)
        assert abs(now / then - 1) > 0.3 * abs(growth - 1)


def test_both_frames_show_the_same_other_person() -> None:
    frames = [(marked(torch.zeros(2)), known(yaw)) for yaw in (-0.5, 0.5)]
    (_, left), (_, right) = of_other_proportions(frames, np.random.default_rng(3))
    torch.testing.assert_close(left.canonical, right.canonical)
    # An open mouth is drawn somewhat otherwise than a closed one; what no expression moves is as the canonical face has
    # it, but for its depth, by which a turned head shows it elsewhere along its plane.
    ((_, ahead),) = of_other_proportions([(marked(torch.zeros(2)), known())], np.random.default_rng(3))
    torch.testing.assert_close(standing_face(ahead), ahead.canonical, atol=1e-5, rtol=0)
    for turned in (left, right):
        assert (standing_face(turned) - turned.canonical).abs().max() < 0.06
    assert (left.canonical - known().canonical).abs().max() > 0.03


def test_all_frames_stay_where_one_is_seen_from_the_side() -> None:
    frames = [(marked(torch.zeros(2)), known(yaw)) for yaw in (0.0, 1.4)]
    after = of_other_proportions(frames, np.random.default_rng(0))
    assert all(
        found is given
        for pair, pair_after in zip(frames, after, strict=True)
        for given, found in zip(pair, pair_after, strict=True)
    )


def test_features_that_keep_place_and_size_leave_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proportions, "PAIRED", ())
    monkeypatch.setattr(proportions, "SINGLE", (proportions.Feature(("chin",), reach=0.25),))
    picture = marked(torch.tensor([0.2, 0.1]))
    ((shown, after),) = of_other_proportions([(picture, known(0.3))], np.random.default_rng(0))
    torch.testing.assert_close(shown, picture, atol=1e-4, rtol=0)
    torch.testing.assert_close(after.face, known(0.3).face)


def drawn(share: float, monkeypatch: pytest.MonkeyPatch) -> list[KnownMotion]:
    """What is known of the sources of pairs of which this share has other proportions, once that of drivers is held
    against it."""
    for name, value in {"OPENED": 0.0, "TURNED": 0.0, "PROPORTIONED": share}.items():
        monkeypatch.setattr(f"ptus.training.pairs.{name}", value)
    both = KnownMotion(*(tensor.repeat(2, *[1] * (tensor.dim() - 1)) for tensor in known().tensors()))
    frames = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3), np.uint8)
    pairs = Pairs([CachedClip(frames, np.array([[-0.3, -0.4, 0.3, 0.2]] * 2, np.float32), both)], seed=0)
    sources = []
    for sample in (pairs[number] for number in range(20)):
        source, driving = (KnownMotion.unpacked(packed) for packed in (sample.source_known, sample.driving_known))
        torch.testing.assert_close(source.canonical, driving.canonical)
        sources.append(source)
    return sources


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_share_of_pairs_shows_faces_of_other_proportions(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, found = drawn(0.0, monkeypatch), drawn(share, monkeypatch)
    others = [
        not torch.allclose(before.canonical, after.canonical, atol=1e-4)
        for before, after in zip(plain, found, strict=True)
    ]
    assert abs(sum(others) / len(others) - share) < 0.3 and any(others) == (share > 0) and all(others) == (share == 1)
