"""The step, its state on disk, and runs of it."""

import dataclasses
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ptus.data.dataset import read_clips
from ptus.data.truth import TrueMotion, write_motion
from ptus.errors import UserError
from ptus.model import standing
from ptus.model.checkpoint import load_model
from ptus.stopping import Stop
from ptus.training.batch import Batch
from ptus.training.config import LossWeights, Precision, TrainingConfig
from ptus.training.frames import cached_clips
from ptus.training.loop import BAD_BATCH, MODEL, STATE, Intervals, run
from ptus.training.pairs import BOX_ERROR, Pairs, batches, jittered
from ptus.training.state import load_state, read_configs, save_state
from ptus.training.trainer import NotFiniteError, Trainer
from tests.training.conftest import ESTIMATORS_ALONE, FRAMES, QUICK, SIDE, SMALL

Make = Callable[..., Trainer]
OFTEN = Intervals(scalars=1, pictures=2, checkpoint=2)
SHARES = ("face", "eyes_mouth", "drawn")  # weigh other losses


@pytest.fixture
def pairs(data: Path) -> Pairs:
    return Pairs(cached_clips(read_clips(data, "train"), data / "cache", SIDE, progress=False), seed=0)


def weights_of(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}


def assert_equal(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in found.items():
        assert torch.equal(tensor, expected[name]), name


def test_a_step_has_every_loss(make_trainer: Make, batch: Batch) -> None:
    trainer = make_trainer(dataclasses.replace(QUICK, adversarial_from=0))
    losses = trainer.train_step(batch).losses
    switchable = {name for name in vars(LossWeights()) if name not in SHARES}
    assert losses.keys() == {*switchable, "gradient", "discriminators"}
    assert all(loss.isfinite() for loss in losses.values())


@pytest.mark.parametrize("name", SHARES)
def test_parts_of_a_picture_can_be_left_out(name: str, make_trainer: Make, batch: Batch) -> None:
    found = []
    for share in (0.0, 1.0):
        weights = dataclasses.replace(LossWeights(), **{name: share})
        found.append(make_trainer(dataclasses.replace(QUICK, weights=weights)).train_step(batch).losses)
    for loss in ("perceptual", "pixels"):
        assert found[1][loss] > found[0][loss] + 1e-3


@pytest.mark.parametrize("name", [name for name in vars(LossWeights()) if name not in SHARES])
def test_a_loss_can_be_switched_off(name: str, make_trainer: Make, batch: Batch) -> None:
    weights = dataclasses.replace(LossWeights(), **{name: 0.0})
    trainer = make_trainer(dataclasses.replace(QUICK, adversarial_from=0, weights=weights))
    assert name not in trainer.train_step(batch).losses


def test_estimators_are_trained_alone_where_nothing_is_drawn(make_trainer: Make, batch: Batch) -> None:
    trainer = make_trainer(dataclasses.replace(QUICK, adversarial_from=0, weights=ESTIMATORS_ALONE))
    before = weights_of(trainer)
    outcome = trainer.train_step(batch)
    assert outcome.rendered is None
    learned = {name for name, parameter in trainer.model.named_parameters() if not torch.equal(parameter, before[name])}
    assert {name.split(".")[0] for name in learned} == {"body", "face"}


def test_face_boxes_err_each_by_itself_and_not_far() -> None:
    boxes = np.array([[-0.5, -0.5, 0.5, 0.5]] * 500, np.float32)
    found = jittered(boxes, np.random.default_rng(0))
    sides = found[:, 2:] - found[:, :2]
    np.testing.assert_allclose(sides[:, 0], sides[:, 1], rtol=1e-5)
    centres = (found[:, :2] + found[:, 2:]) / 2
    assert np.abs(centres.mean(axis=0)).max() < 0.02
    np.testing.assert_allclose(centres.std(axis=0), BOX_ERROR, rtol=0.15)
    np.testing.assert_allclose(np.log(sides).std(axis=0), BOX_ERROR, rtol=0.15)


def test_statistics_are_averaged_as_weights_are(make_trainer: Make, batch: Batch) -> None:
    trainer = make_trainer(QUICK)
    name = "face.points.features.0.1.running_mean"
    before = trainer.averaged.state_dict()[name].clone()
    trainer.train_step(batch)
    kept = 1 / 10  # of what was there, in the first step
    expected = torch.lerp(before, trainer.model.state_dict()[name], 1 - kept)
    torch.testing.assert_close(trainer.averaged.state_dict()[name], expected)
    assert not torch.equal(expected, trainer.model.state_dict()[name])


def test_the_same_batch_is_learned(make_trainer: Make, batch: Batch) -> None:
    trainer = make_trainer(dataclasses.replace(QUICK, steps=80, adversarial_from=100))
    batch.driving.mul_(0.1)
    losses = [float(trainer.train_step(batch).losses["pixels"]) for _ in range(80)]
    assert losses[-1] < 0.2 * losses[0]


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_keeps_weights_and_motion_in_float32(
    precision: Precision, make_trainer: Make, batch: Batch
) -> None:
    trainer = make_trainer(dataclasses.replace(QUICK, precision=precision))
    losses = trainer.train_step(batch).losses
    assert all(loss.isfinite() for name, loss in losses.items() if name != "gradient")  # which float16 has yet to scale
    assert {parameter.dtype for parameter in trainer.model.parameters()} == {torch.float32}
    with trainer.autocast():
        motion = trainer.model.estimate(batch.source, batch.source_boxes)
    assert {tensor.dtype for tensor in motion.tensors()} == {torch.float32}


@pytest.mark.parametrize("weights", [QUICK.weights, ESTIMATORS_ALONE], ids=["all", "estimators alone"])
def test_resuming_is_bit_for_bit(weights: LossWeights, make_trainer: Make, batch: Batch, tmp_path: Path) -> None:
    """Also where what draws has no gradients."""
    config = dataclasses.replace(QUICK, weights=weights)
    whole = make_trainer(config)
    for _ in range(5):
        whole.train_step(batch)
    for stop in (1, 3):  # before the discriminators' first step, and after
        first = make_trainer(config)
        for _ in range(stop):
            first.train_step(batch)
        save_state(first, tmp_path / STATE)
        assert read_configs(tmp_path / STATE) == (SMALL, config)
        second = make_trainer(config)
        load_state(second, tmp_path / STATE)
        assert second.step == stop
        for _ in range(5 - stop):
            second.train_step(batch)
        assert_equal(weights_of(second), weights_of(whole))
        assert_equal(second.averaged.state_dict(), whole.averaged.state_dict())
        assert_equal(second.discriminators.state_dict(), whole.discriminators.state_dict())


def test_a_state_that_does_not_fit(make_trainer: Make, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no .*; start without --resume"):
        read_configs(tmp_path / STATE)
    path = tmp_path / STATE
    save_state(make_trainer(), path)
    other = Trainer(dataclasses.replace(SMALL, width=24), QUICK, torch.nn.Identity(), torch.device("cpu"))
    with pytest.raises(UserError, match=r"does not fit: .* has shape"):
        load_state(other, path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(UserError, match="cannot be read, it may be damaged"):
        read_configs(path)


def test_nothing_changes_where_a_loss_is_not_finite(make_trainer: Make, batch: Batch) -> None:
    trainer = make_trainer()
    trainer.train_step(batch)
    before = weights_of(trainer)
    batch.driving[0, 0, 0, 0] = torch.nan
    with pytest.raises(NotFiniteError, match="pixels nan"):
        trainer.train_step(batch)
    after = weights_of(trainer)
    learned = {name for name, _ in trainer.model.named_parameters()}
    assert_equal({name: after[name] for name in learned}, {name: before[name] for name in learned})
    assert trainer.step == 1


def test_a_run_writes_what_it_should(make_trainer: Make, pairs: Pairs, tmp_path: Path) -> None:
    trainer = make_trainer()
    run(trainer, batches(pairs, QUICK.batch, 0, QUICK.steps, 0), tmp_path, Stop(), OFTEN)
    assert trainer.step == QUICK.steps
    assert load_model(tmp_path / MODEL).config == SMALL
    assert read_configs(tmp_path / STATE) == (SMALL, QUICK)
    assert [path.suffixes for path in (tmp_path / "logs").iterdir()]


def test_a_run_stops_when_asked_and_goes_on(make_trainer: Make, pairs: Pairs, tmp_path: Path) -> None:
    whole = make_trainer()
    run(whole, batches(pairs, QUICK.batch, 0, QUICK.steps, 0), tmp_path, Stop(), OFTEN)
    stop = Stop()
    stop.signal = signal.SIGTERM
    first, folder = make_trainer(), tmp_path / "stopped"
    folder.mkdir()
    run(first, batches(pairs, QUICK.batch, 0, QUICK.steps, 0), folder, stop, OFTEN)
    assert first.step == 1
    second = make_trainer()
    load_state(second, folder / STATE)
    run(second, batches(pairs, QUICK.batch, second.step, QUICK.steps, 0), folder, Stop(), OFTEN)
    assert_equal(weights_of(second), weights_of(whole))


def test_a_bad_batch_is_kept(make_trainer: Make, pairs: Pairs, tmp_path: Path) -> None:
    good, bad = list(batches(pairs, QUICK.batch, 0, 2, 0))
    bad.driving[0] = torch.inf
    trainer = make_trainer()
    with pytest.raises(UserError, match="step 1: a loss is not finite"):
        run(trainer, [good, bad], tmp_path, Stop(), OFTEN)
    kept = load_file(tmp_path / BAD_BATCH)
    assert torch.equal(kept["driving"], bad.driving) and torch.equal(kept["source"], bad.source)
    resumed = make_trainer()
    load_state(resumed, tmp_path / STATE)
    assert resumed.step == 1


def test_pairs_depend_on_their_number_alone(pairs: Pairs) -> None:
    ours = list(batches(pairs, 2, 0, 4, workers=0))
    for number, batch in enumerate(batches(pairs, 2, 1, 4, workers=2), start=1):
        for name, tensor in batch.tensors().items():
            torch.testing.assert_close(tensor, ours[number].tensors()[name], rtol=0, atol=0, equal_nan=True)
    assert not torch.equal(ours[0].source, ours[1].source)


def test_boxes_stay_on_the_face(pairs: Pairs, monkeypatch: pytest.MonkeyPatch) -> None:
    levels = {"LARGEST_GAIN": 0.0, "SWAPPED": 0.0, "STRONGEST_COLOURS": 1e-6, "LARGEST_SHADE": 0.0, "BLURRED": 0.0}
    for name, value in levels.items():
        monkeypatch.setattr(f"ptus.training.variation.{name}", value)
    monkeypatch.setattr("ptus.training.pairs.BOX_ERROR", 0.0)
    columns = torch.linspace(-1, 1, SIDE)
    for number in range(12):
        sample = pairs[number]
        skin = (sample.source[0, 0] > 0.7).float()
        centre = (skin.sum(dim=0) * columns).sum() / skin.sum()
        x0, _, x1, _ = sample.source_boxes[0]
        assert abs(centre - (x0 + x1) / 2) < 0.1, number


def test_frames_are_decoded_once(data: Path, tmp_path: Path) -> None:
    clips = read_clips(data)
    first = [np.array(clip.frames) for clip in cached_clips(clips, tmp_path, 64, progress=False)]
    assert [frames.shape for frames in first] == [(FRAMES, 64, 64, 3)] * 3
    written = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    cached_clips(clips, tmp_path, 64, progress=False)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == written
    next(iter(written)).write_bytes(b"damaged")
    again = cached_clips(clips, tmp_path, 64, progress=False)
    assert all(np.array_equal(ours.frames, theirs) for ours, theirs in zip(again, first, strict=True))


def test_labels_without_irises_are_named_with_the_way_out(data: Path, tmp_path: Path) -> None:
    """As those of data sets that were labelled before irises were."""
    path, landmarks = tmp_path / "labels.safetensors", len(standing.FACE)
    head, points = (torch.eye(3).expand(FRAMES, 3, 3), torch.zeros(FRAMES, 3)), torch.zeros(FRAMES, landmarks, 3)
    body, one = torch.zeros(FRAMES, len(standing.BODY), 3), torch.ones(FRAMES, 1)
    names = tuple(standing.FACE), tuple(standing.BODY)
    write_motion(
        path, TrueMotion(*head, one, points, points[0].clone(), body, torch.ones(FRAMES, 2), one.clone(), *names)
    )
    clip = dataclasses.replace(read_clips(data)[0], motion=path)
    with pytest.raises(UserError, match=r"labels\.safetensors: it lacks the left iris; delete it and label"):
        cached_clips([clip], tmp_path, 64, progress=False)


def test_parts_can_be_trained_alone(make_trainer: Make, batch: Batch, tmp_path: Path) -> None:
    parts = ("face.points", "decoder")
    trainer = make_trainer(dataclasses.replace(QUICK, only=parts))
    before = weights_of(trainer)
    trainer.train_step(batch)
    for name, tensor in weights_of(trainer).items():
        assert torch.equal(tensor, before[name]) != name.startswith(parts), name
    save_state(trainer, tmp_path / STATE)
    again = make_trainer(dataclasses.replace(QUICK, only=parts))
    load_state(again, tmp_path / STATE)
    assert_equal(weights_of(again), weights_of(trainer))
    with pytest.raises(UserError, match=r"only: .*nose.*; the model has appearance, .*, and what is in these"):
        make_trainer(dataclasses.replace(QUICK, only=("decoder", "nose")))
    unseen = make_trainer(dataclasses.replace(QUICK, only=("decoder",), weights=ESTIMATORS_ALONE))
    with pytest.raises(UserError, match="only: no loss that is switched on depends on decoder; switch one on, or"):
        unseen.train_step(batch)


def test_learning_rate() -> None:
    config = TrainingConfig(steps=1000, warm_up=100)
    factors = [config.learning_rate_factor(step) for step in (0, 99, 100, 550, 1000)]
    assert factors == pytest.approx([0.01, 1, 1, 0.505, 0.01])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"steps": 0}, "steps: expected at least 1, got 0"),
        ({"learning_rate": 0.0}, "learning_rate: expected more than 0, got 0.0"),
        ({"ema": 1.0}, "ema: expected at least 0 and less than 1, got 1.0"),
    ],
)
def test_configurations_that_cannot_be_used(changed: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(QUICK, **changed)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="pixels: expected a weight of at least 0, got -1"):
        LossWeights(pixels=-1)
