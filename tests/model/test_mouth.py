"""Mouths open from corner to corner, and their inside is painted."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from ptus.model import PTUS, ModelConfig, Motion, standing
from ptus.model.composition import local_motions
from ptus.model.mouth import CHIN, CORNERS, LIPS, SAME, TEETH_SEEN, WIDER, Mouth, without_opening
from ptus.model.mouth_inside import TEETH_BELOW
from ptus.model.parting import parted
from ptus.model.rotation import from_angles, product, upright
from tests.model.conftest import SLIM, SWITCHED

SIZE = (401, 401)
FACE = torch.from_numpy(standing.face(15))[None]
GREY = torch.full((1, 3, 4, 4), 0.0)  # logits: half as light as white


def talking(
    upper: float,
    lower: float,
    roll: float = 0.0,
    yaw: float = 0.0,
    scale: float = 0.6,
    sideways: float = 0.0,
    chin: float = 0.0,
) -> Motion:
    """A head whose lips and chin are so far below where they are at rest, and its corners drawn apart."""
    rotation = from_angles(torch.tensor([[yaw, 0.0, roll]]))
    moved = torch.zeros_like(FACE)
    moved[0, [*LIPS, CHIN], 1] = torch.tensor([upper, lower, chin])
    moved[0, CORNERS, 0] = torch.tensor([-sideways, sideways])
    return Motion(
        body=torch.zeros(1, SLIM.body_keypoints, 3),
        canonical=FACE,
        rotation=rotation,
        translation=torch.tensor([[0.05, -0.1, 0.0]]),
        scale=torch.tensor([[scale]]),
        expression=product(moved, rotation),
        gaze=torch.zeros(1, 2),
    )


def mouth(source: Motion, driven: Motion, colours: Tensor = GREY) -> Mouth:
    _, local = local_motions(SLIM, source, driven)
    return Mouth.between(source, driven, local, colours.to(driven.scale).expand(len(driven), -1, -1, -1))


def beside_lips(motion: Motion, aside: float) -> Tensor:
    """Above the upper lip's edge and below the lower one's, (2, 2)."""
    steps = aside * motion.scale * torch.tensor([[-1.0], [1.0]]) * upright(motion.rotation)[0, 1]
    places: Tensor = motion.face[0, LIPS, :2] + steps
    return places


def driven_at(motion: Motion, share: float) -> Tensor:
    """Between the lips, of the way from the upper one to the lower: (1, 2)."""
    upper, lower = motion.face[:, LIPS, :2].unbind(dim=1)
    return torch.lerp(upper, lower, share)


def sampled(maps: Tensor, places: Tensor) -> Tensor:
    """(1, C, H, W) at places (N, 2): (N, C)."""
    found: Tensor = grid_sample(maps, places[None, None], align_corners=True)[0, :, 0].T
    return found


def paint(found: Mouth, size: tuple[int, int] = SIZE) -> Tensor:
    """On black, then the share that is painted: (1, 4, H, W)."""
    black = found.paint(torch.zeros(1, 3, *size))
    return torch.cat((black, 1 - (found.paint(torch.ones(1, 3, *size)) - black)[:, :1]), dim=1)


@pytest.mark.parametrize("heads", [((0.0, 0.6), (0.0, 0.6)), ((0.4, 0.6), (-0.3, 0.3))])
@pytest.mark.parametrize("lips", [(-0.05, 0.25), (0.0, 0.05), (0.05, 0.4)])
def test_lips_are_seen_where_they_were(heads: tuple[tuple[float, float], ...], lips: tuple[float, float]) -> None:
    (roll_there, scale_there), (roll, scale) = heads
    source = talking(0.0, 0.0, roll_there, 0.0, scale_there)
    driven = talking(*lips, roll, 0.0, scale, chin=0.7 * lips[1])
    flow = mouth(source, driven).at(SIZE).permute(0, 3, 1, 2)
    down = source.scale * upright(source.rotation)[0, 1]
    for aside in (0.012, 0.04):
        found = sampled(flow, beside_lips(driven, aside))
        torch.testing.assert_close(found, -torch.tensor(lips)[:, None] * down, rtol=0, atol=2e-3)
    corners = driven.face[0, CORNERS, :2]
    assert sampled(flow, corners).abs().max() < 5e-3
    assert sampled(flow, corners + 1.2 * (corners - corners.mean(dim=0))).abs().max() < 5e-3
    others = [number for number in range(15) if number not in (*CORNERS, *LIPS, CHIN)]
    assert sampled(flow, driven.face[0, others, :2]).abs().max() < 2e-3


@pytest.mark.parametrize("gap", [0.0, 0.02])
def test_lips_that_meet_leave_no_line_of_the_teeth_between_them(gap: float) -> None:
    """Not even where the estimate leaves them a little apart, or teeth are seen beyond the arches of open lips."""
    source, driven = talking(-0.02, 0.25), talking(0.0, gap)
    middle = driven.face[0, LIPS, :2].mean(dim=0)
    column, row = ((middle + 1) / 2 * (SIZE[0] - 1)).round().int().tolist()
    rows = torch.arange(row - 5, row + 6)
    seen = 2 * rows / (SIZE[0] - 1) - 1 + mouth(source, driven).at(SIZE)[0, rows, column, 1]
    upper, lower = source.face[0, LIPS, 1]
    beyond = 0.5 * TEETH_SEEN * source.scale.item()
    assert ((seen < upper - beyond) | (seen > lower + beyond)).all()
    assert (seen < upper).any() and (seen > lower).any()


@pytest.mark.parametrize("roll", [0.0, 0.4])
@pytest.mark.parametrize("drop", [0.0, 0.06, 0.12])
def test_skin_below_goes_from_the_lip_to_the_chin(roll: float, drop: float) -> None:
    """As far as each goes, without a flap: beside it skin goes along less and less, and below it."""
    source, driven = talking(0.0, 0.0, roll), talking(0.0, 0.12, roll, chin=drop)
    flow = mouth(source, driven).at(SIZE).permute(0, 3, 1, 2)
    right, down = 0.6 * upright(driven.rotation)[0]
    chin = driven.face[0, CHIN, :2]
    steps = sampled(flow, torch.stack((beside_lips(driven, 0.02)[1], chin))) @ down / 0.36
    torch.testing.assert_close(steps, -torch.tensor([0.12, drop]), rtol=0, atol=0.012)
    aside = torch.tensor([0.0, 0.2, 0.4, 0.65])[:, None] * right
    along = -(sampled(flow, chin + aside) @ down / 0.36)
    assert (along.diff() <= 1e-3).all() and along[-1] < 1e-3 and along[1] >= 0.6 * drop
    below = -(sampled(flow, chin + torch.tensor([0.0, 0.1, 0.2, 0.31])[:, None] * down) @ down / 0.36)
    assert (below.diff() <= 1e-3).all() and below[-1] < 1e-3


def test_nods_make_steps_shorter_in_the_frame_that_they_are_in() -> None:
    rotations = [from_angles(torch.tensor([[0.0, pitch, 0.0]])) for pitch in (0.0, 0.6)]
    for there, here in ((0, 1), (1, 0), (1, 1)):
        source, driven = (
            replace(motion, rotation=turn, expression=product(motion.expression, turn))
            for motion, turn in ((talking(0.0, 0.0), rotations[there]), (talking(0.0, 0.3), rotations[here]))
        )
        flow = mouth(source, driven).at(SIZE).permute(0, 3, 1, 2)
        found = sampled(flow, beside_lips(driven, 0.015))[1, 1]
        wanted = -0.3 * 0.6 * torch.linalg.vector_norm(rotations[there][0, 1, :2])
        torch.testing.assert_close(found, wanted, rtol=0, atol=2e-3)


def test_a_smile_may_be_higher_on_one_side() -> None:
    """The line between corners is tilted, and all that moves is within the patch."""
    source, driven = talking(0.0, 0.0), talking(0.0, 0.2)
    driven.expression[0, CORNERS, 1] = torch.tensor([0.15, -0.15])
    found = mouth(source, driven)
    share = paint(found)[0, 3]
    for corner, inwards in zip(driven.face[0, CORNERS, :2], (1, -1), strict=True):
        place = corner + torch.tensor([0.03 * inwards, 0.0])
        column, row = ((place + 1) / 2 * (SIZE[1] - 1)).round().int().tolist()
        lit = share[:, column].nonzero().flatten().float()
        assert (lit.mean() - row).abs() < 12
    moves = parted(found.lips.maps)
    for maps in (moves[..., [0, -1]], moves[..., [0, -1], :], found.inside.maps[..., [0, -1], :]):
        assert maps.abs().max() < 1e-5


def test_nothing_moves_and_nothing_is_painted_of_a_mouth_that_stays() -> None:
    for shown in (talking(0.0, 0.0), talking(-0.02, 0.2, roll=0.3, yaw=0.4)):
        found = mouth(shown, shown)
        assert found.at(SIZE).abs().max() < 1e-6
        pictures = torch.rand(1, 3, *SIZE)
        assert found.paint(pictures).equal(pictures)


def test_what_opens_is_painted_between_lips_from_corner_to_corner() -> None:
    driven = talking(-0.05, 0.25)
    painted = paint(mouth(talking(0.0, 0.0), driven))
    x, y = (driven.face[0, LIPS, axis] for axis in (0, 1))
    inside = torch.stack((x, torch.stack((y[0] + 0.02, y[1] - 0.02))), dim=1)
    assert (sampled(painted, inside)[:, 3] > 0.99).all()
    assert (
        sampled(painted, torch.cat([driven_at(driven, share) for share in (0.15, 0.17, 0.2, 0.5)]))[:, 3] > 0.99
    ).all()
    assert sampled(painted, beside_lips(driven, 0.01))[:, 3].abs().max() < 0.02
    share = painted[0, 3]
    columns = torch.linspace(-1, 1, SIZE[1])[share.amax(dim=0) > 0.5]
    corners = driven.face[0, CORNERS, 0]
    assert columns.min() == pytest.approx(float(corners[0]), abs=0.03)
    assert columns.max() == pytest.approx(float(corners[1]), abs=0.03)


def test_what_a_source_shows_between_its_lips_stays_and_is_not_painted() -> None:
    """Teeth of a smile are as they were, wherever the lips go; beyond what was seen begins what is painted."""
    source, driven = talking(-0.02, 0.06), talking(-0.06, 0.3)
    found = mouth(source, driven)
    flow, painted = found.at(SIZE).permute(0, 3, 1, 2), paint(found)
    x, at_rest = talking(0.0, 0.0).face[0, LIPS[0], :2]
    shown, above, below = (torch.stack((x, at_rest + 0.6 * down))[None] for down in (0.04, -0.04, 0.15))
    assert sampled(flow, shown).abs().max() < 1e-3 and sampled(painted, shown)[0, 3] == 0
    for unseen in (above, below):
        assert sampled(painted, unseen)[0, 3] > 0.9
    shut = mouth(source, talking(0.0, 0.04))
    assert paint(shut)[0, 3].max() == 0
    inside = driven_at(talking(0.0, 0.04), 0.5)
    assert sampled(shut.at(SIZE).permute(0, 3, 1, 2), inside).abs().max() < 2e-3


def test_teeth_that_a_source_shows_stay_in_the_head_where_corners_go_elsewhere() -> None:
    """What the corners take along is taken back."""
    source, driven = talking(-0.02, 0.06), talking(-0.06, 0.3)
    driven.expression[0, CORNERS, 1] += 0.08
    found = mouth(source, driven)
    tooth = talking(0.04, 0.04).face[0, LIPS[:1], :2]
    assert sampled(paint(found), tooth)[0, 3] == 0
    flow = sampled(found.at(SIZE).permute(0, 3, 1, 2), tooth)
    torch.testing.assert_close(flow, torch.tensor([[0.0, 0.08 * 0.6]]), rtol=0, atol=2e-3)


@pytest.mark.parametrize(("wider", "share"), [(SAME, 0.0), ((SAME + WIDER) / 2, 0.5), (2 * WIDER, 1.0)])
def test_mouths_are_not_painted_for_a_little_that_an_estimate_errs(wider: float, share: float) -> None:
    driven = talking(0.0, wider)
    painted = sampled(paint(mouth(talking(0.0, 0.0), driven)), driven_at(driven, 0.5))[0, 3]
    whole = min(wider / 2 / 0.012, 1)
    assert float(painted) == pytest.approx(share * whole, abs=0.1)


def test_teeth_stay_in_the_head_while_lips_bare_them() -> None:
    """Light above, dark below where they end, wherever the upper lip is; none where it covers them.

    A lip that rises by much of the opening bares the lower ones too.
    """
    rest = talking(0.0, 0.0)
    x, at_rest = rest.face[0, LIPS[0], :2].tolist()
    for raised, end in ((0.0, TEETH_BELOW), (-0.02, TEETH_BELOW), (-0.08, TEETH_BELOW)):
        painted, edge = paint(mouth(rest, talking(raised, 0.3))), at_rest + end * 0.6
        above, below = sampled(painted, torch.tensor([[x, edge - 0.006], [x, edge + 0.012]]))[:, :3].mean(dim=1)
        assert above > 0.25 and below < 0.2
    grin = sampled(paint(mouth(rest, talking(-0.03, 0.05))), torch.tensor([[x, at_rest + 0.6 * 0.035]]))
    assert grin[0, 0] > 0.33
    covered = paint(mouth(rest, talking(0.1, 0.4)))
    assert covered[0, :3].max() < 0.36  # a tongue is no lighter


def test_colours_are_those_of_the_face() -> None:
    grey = paint(mouth(talking(0.0, 0.0), talking(-0.05, 0.3)))[0, :3]
    torch.testing.assert_close(grey, grey[:1].expand_as(grey))
    red = torch.tensor([0.8, 0.3, 0.2]).logit().view(1, 3, 1, 1).expand_as(GREY)
    tinted = paint(mouth(talking(0.0, 0.0), talking(-0.05, 0.3), red))[0, :3]
    assert (tinted[0] >= tinted[1]).all() and (tinted[0] - tinted[1]).max() > 0.2
    tongue = paint(mouth(talking(0.0, 0.0), talking(0.05, 0.4), red))[0, :3]
    middle, low = (driven_at(talking(0.05, 0.4), share) for share in (0.5, 0.92))
    assert sampled(tongue[None], low)[0, 0] > 1.8 * sampled(tongue[None], middle)[0, 0]
    dark = paint(mouth(talking(0.0, 0.0), talking(-0.05, 0.3), GREY - 3))[0, :3]
    assert 0 < dark.max() < 0.1


def test_light_on_teeth_is_that_of_the_side_that_is_seen() -> None:
    """What is on the left of the picture is dark, and that is where the far side of the face is, or the near one."""
    colours = torch.tensor([-4.0, -4.0, 3.0, 3.0]).view(1, 1, 1, 4).expand(1, 3, 4, 4)
    lit = []
    for yaw in (-0.8, 0.8):
        source = talking(0.0, 0.0, yaw=yaw)
        place = source.face[0, LIPS, 0].mean()
        source = replace(source, translation=source.translation - torch.tensor([[float(place), 0.0, 0.0]]))
        painted = paint(mouth(source, replace(talking(-0.05, 0.2, yaw=yaw), translation=source.translation), colours))
        halves = (source.face[0, CORNERS, 0] - source.face[0, LIPS[0], 0]).abs()
        lit.append((bool(halves[1] > halves[0]), float(painted[0, :3].max())))
    (seen_right, first), (also_right, second) = lit
    assert seen_right != also_right
    assert (first if seen_right else second) > 3 * (second if seen_right else first)


def test_a_mouth_of_a_turned_head_stays_between_its_corners() -> None:
    """Half of it is hardly seen."""
    driven = talking(0.0, 0.3, yaw=0.7)
    share = paint(mouth(talking(0.0, 0.0, yaw=0.7), driven))[0, 3]
    columns = torch.linspace(-1, 1, SIZE[1])[share.amax(dim=0) > 0.5]
    corners = driven.face[0, CORNERS, 0]
    assert columns.min() > corners[0] - 0.01 and columns.max() < corners[1] + 0.01
    halves = (driven.face[0, LIPS[0], 0] - corners).abs()
    assert halves.max() > 1.5 * halves.min()


def test_steps_of_a_larger_frame_are_laid_on_more_finely() -> None:
    found = mouth(talking(0.0, 0.0), talking(0.0, 0.3))
    small, large = found.at((101, 101)), found.at(SIZE)
    torch.testing.assert_close(large[:, ::4, ::4], small)
    half = found.at((201, 201), end=0.5)
    torch.testing.assert_close(large[:, 100:301, 100:301], half)


def test_each_of_a_batch_is_moved_by_itself() -> None:
    sources = [talking(0.0, 0.0, 0.1, 0.2, 0.5), talking(0.0, 0.1, -0.4, -0.3, 0.3)]
    driven = [talking(-0.05, 0.2, 0.3), talking(0.0, 0.4, -0.2, 0.5, 0.5)]
    together = mouth(Motion.cat(sources), Motion.cat(driven))
    alone = [mouth(*pair) for pair in zip(sources, driven, strict=True)]
    torch.testing.assert_close(together.at(SIZE), torch.cat([one.at(SIZE) for one in alone]))
    black = torch.zeros(1, 3, *SIZE)
    torch.testing.assert_close(
        together.paint(black.expand(2, -1, -1, -1)), torch.cat([one.paint(black) for one in alone])
    )


def test_maps_have_the_gradients_of_their_differences() -> None:
    source, driven = (
        Motion(*(part.double() for part in motion.tensors()))
        for motion in (talking(0.0, 0.013, 0.2, 0.3), talking(-0.031, 0.217, -0.1, 0.2, 0.5))
    )

    def maps(before: Tensor, now: Tensor, scale: Tensor, colours: Tensor) -> Tensor:
        found = mouth(replace(source, expression=before), replace(driven, expression=now, scale=scale), colours)
        return torch.cat(
            (found.lips.maps[..., ::8, ::9].flatten(1), found.inside.maps[..., ::8, ::7].flatten(1)), dim=1
        )

    inputs = [source.expression, driven.expression, driven.scale, torch.randn(1, 3, 4, 4, dtype=torch.float64)]
    assert torch.autograd.gradcheck(maps, [part.clone().requires_grad_() for part in inputs], eps=1e-7, atol=1e-4)


def test_a_mouth_that_is_shut_has_finite_gradients() -> None:
    expression = talking(0.0, 0.0).expression.requires_grad_()
    found = mouth(talking(0.0, 0.0), replace(talking(0.0, 0.0), expression=expression))
    (found.at(SIZE).sum() + found.paint(torch.rand(1, 3, *SIZE)).sum()).backward()
    assert expression.grad is not None and expression.grad.isfinite().all()


@pytest.mark.parametrize("roll", [0.0, 0.5])
def test_without_openings_lips_and_chin_go_as_corners_do_and_lids_stay(roll: float) -> None:
    """Lids do along the head alone."""
    source, driven = talking(0.0, 0.0, roll), talking(-0.1, 0.3, roll, sideways=0.05)
    moved = product(driven.expression, driven.rotation.transpose(1, 2))
    moved[:, [*CORNERS, CHIN, standing.OPENINGS[0][0]], 1] += 0.1
    moved[:, [LIPS[0], CHIN, standing.OPENINGS[0][1]], 0] += 0.02
    driven = replace(driven, expression=product(moved, driven.rotation))
    local, _ = local_motions(SLIM, source, driven)
    found = without_opening(local, source)
    added = product(found.source - found.driving, source.rotation.transpose(1, 2))[0] / 0.6
    torch.testing.assert_close(added[[*LIPS, CHIN]], torch.tensor([[0.0, -0.1, 0.0]] * 3))
    torch.testing.assert_close(added[CORNERS], torch.tensor([[0.05, -0.1, 0.0], [-0.05, -0.1, 0.0]]))
    torch.testing.assert_close(added[list(standing.OPENINGS[0])], torch.tensor([[0.0] * 3, [-0.02, 0.0, 0.0]]))


@pytest.mark.parametrize("name", ["slim", "without face–body"])
@torch.no_grad()
def test_the_models_flow_follows(name: str, make: Callable[[ModelConfig], PTUS]) -> None:
    model, side = make(SWITCHED[name]), SLIM.size
    source, driven = talking(0.0, 0.0), talking(-0.05, 0.3)
    if not model.config.face_body:
        source, driven = (_with_body(motion, model.config) for motion in (source, driven))
    rendered = model.render_with_warp(model.encode(torch.rand(1, 3, side, side)), source, driven)
    flow = rendered.flow.permute(0, 3, 1, 2)
    for aside in (0.03, 0.05):
        torch.testing.assert_close(
            sampled(flow, beside_lips(driven, aside)), beside_lips(source, aside), rtol=0, atol=0.025
        )
    assert rendered.warped.face_flow.mouth is not None
    painted = paint(rendered.warped.face_flow.mouth, (side, side))[0]
    there = painted[3] == 1
    assert there.sum() > 20
    torch.testing.assert_close(rendered.pictures[0, :, there], painted[:3, there], rtol=0, atol=1e-5)


def _with_body(motion: Motion, config: ModelConfig) -> Motion:
    """With as many keypoints of the face as a model has that estimates no body."""
    more = config.estimated_face_keypoints - motion.canonical.shape[1]
    pad = torch.zeros(1, more, 3)
    return replace(
        motion,
        body=motion.body[:, :0],
        canonical=torch.cat((motion.canonical, pad), dim=1),
        expression=torch.cat((motion.expression, pad), dim=1),
    )
