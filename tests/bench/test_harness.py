"""What is timed: contenders in turn, on inputs that change, and who is absent is named."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from bench.contenders import Contender, deterministically
from bench.device import Cpu, Run
from bench.harness import FEWEST_ROUNDS, WARM_UP, Harness, bytes_moved, in_turn
from bench.peers import Peer
from bench.prepare import bytes_of, prepare
from bench.settings import Setting
from tests.bench.small import CASE, HARNESS, OP, SETTING, Ticking, product, setting_of


class Recording(Ticking):
    """Keeps which inputs were read, in order."""

    def __init__(self) -> None:
        super().__init__(2)
        self.series: list[list[Run]] = []

    def seconds(self, runs: Sequence[Run]) -> float:
        self.series.append(list(runs))
        return super().seconds(runs)


class InSeries(Recording):
    """Times several calls at once, as a GPU does."""

    def calls(self, seconds: float, copies: int) -> int:
        return 2 * copies


def contender(copies: int) -> Contender:
    return Contender([lambda: [] for _ in range(copies)])


def test_contenders_take_turns_and_inputs_rotate() -> None:
    device, one, other = Recording(), contender(3), contender(2)
    seconds = in_turn({"one": one, "other": other}, device, 1e-3)
    rounds = [series for (series,) in device.series[4:]]  # after two estimates of each
    assert len(rounds) == 2 * (WARM_UP + FEWEST_ROUNDS)
    assert [one.runs.index(run) for run in rounds[0::2]] == [i % 3 for i in range(WARM_UP + FEWEST_ROUNDS)]
    assert [other.runs.index(run) for run in rounds[1::2]] == [i % 2 for i in range(WARM_UP + FEWEST_ROUNDS)]
    assert [len(taken) for taken in seconds.values()] == [FEWEST_ROUNDS] * 2


def test_a_series_of_calls_takes_each_copy_as_often() -> None:
    device, one = InSeries(), contender(3)
    in_turn({"one": one}, device, 1e-3)
    for series in device.series[2:]:
        assert [series.count(run) for run in one.runs] == [2, 2, 2]


def test_a_contender_is_timed_within_its_mode() -> None:
    seen: list[bool] = []

    def run() -> list[Tensor]:
        seen.append(torch.are_deterministic_algorithms_enabled())
        return []

    in_turn({"one": Contender([run], deterministically), "other": Contender([run])}, Ticking(2), 1e-3)
    assert seen == [True, True, False, False, *([True, False] * (WARM_UP + FEWEST_ROUNDS))]
    assert not torch.are_deterministic_algorithms_enabled()


def test_inputs_differ_and_exceed_the_caches() -> None:
    copies = HARNESS.draw(SETTING)
    assert len({float(inputs["a"].sum()) for inputs in copies}) == len(copies)
    a_call = bytes_of([*copies[0].values(), copies[0]["a"]])
    assert len(copies) * a_call > 2 * HARNESS.device.cache_bytes


def test_the_processors_cache_is_found() -> None:
    assert Cpu(1).cache_bytes > 1 << 16


@pytest.mark.parametrize(("direction", "factor", "results"), [("forward", 1, 1), ("backward", 2, 2), ("both", 3, 3)])
def test_a_row_of_each_direction(direction: str, factor: int, results: int) -> None:
    row = HARNESS.measure(setting_of(OP, direction)).row
    tensor = 4 * 2 * 4 * 6
    assert row.operations == factor * 2 * 4 * 6
    assert row.bytes_moved == {"forward": 3, "backward": 5, "both": 8}[direction] * tensor
    assert row.floor == row.bytes_moved / HARNESS.bandwidth
    assert row.memory_allowed is not None and row.memory_allowed - 2 * (256 << 10) == results * tensor
    assert row.times.keys() == {"ours", "eager"} and row.ours.median == pytest.approx(1e-3)
    assert row.absent == {"compiled": "left out"}


def test_bytes_that_must_move() -> None:
    assert bytes_moved("forward", read=10, written=3, results=3) == 13
    assert bytes_moved("backward", read=10, written=3, results=10) == 23
    assert bytes_moved("both", read=10, written=3, results=13) == 13 + 23


def halved(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    return {"a": inputs["a"] / 2, "b": inputs["b"]}


def doubled_product(a: Tensor, b: Tensor) -> Tensor:
    return 2 * a * b


def not_there() -> object:
    raise ModuleNotFoundError("No module named 'nowhere'")


PEERS = (
    Peer("converted", lambda: doubled_product, halved),
    Peer("wrong", lambda: doubled_product, dict),
    Peer("nowhere", not_there, dict),  # type: ignore[arg-type]
    Peer("without backward", lambda: lambda a, b: product(a, b).detach(), dict),
)


@pytest.mark.parametrize("direction", ["forward", "backward", "both"])
def test_peers_are_converted_checked_and_named_when_absent(direction: str) -> None:
    row = HARNESS.measure(setting_of(replace(OP, peers=PEERS), direction)).row
    forward = {"without backward"} if direction == "forward" else set()
    assert row.times.keys() == {"ours", "eager", "converted"} | forward
    assert row.absent["wrong"].startswith("WrongResultError: wrong, tensor 0: off by ")
    assert row.absent["nowhere"] == "ModuleNotFoundError: No module named 'nowhere'"
    assert ("without backward" in row.absent) == (not forward)


def eager_that_fails_when_timed(a: Tensor, b: Tensor) -> Tensor:
    if a.dtype == torch.float16:
        raise NotImplementedError("no kernel for float16\nand more")
    return a * b


def test_an_eager_form_that_fails_is_named() -> None:
    setting = replace(setting_of(replace(OP, eager=eager_that_fails_when_timed)), dtype="float16")
    row = HARNESS.measure(setting).row
    assert row.absent["eager"] == "NotImplementedError: no kernel for float16"
    assert row.times.keys() == {"ours"} and row.eager_format is None


def test_deterministic_mode_is_measured_beside_the_other() -> None:
    modes: list[bool] = []

    def ours(a: Tensor, b: Tensor) -> Tensor:
        modes.append(torch.are_deterministic_algorithms_enabled())
        return a * b

    case = replace(CASE, op=replace(OP, ours=ours), deterministic=True)
    row = HARNESS.measure(Setting(case, "forward", "reference")).row
    assert row.times.keys() == {"ours", "eager", "any order"}
    assert True in modes and False in modes


@pytest.mark.once
def test_compiled_in_each_direction() -> None:
    harness = Harness(Ticking(2), 1e10, with_compile=True, seconds_a_row=1e-3)
    for direction in ("forward", "backward", "both"):
        row = harness.measure(setting_of(OP, direction)).row
        assert "compiled" in row.times, row.absent


class Normalised(nn.Module):
    """A product, normalised by its batch in training and as it is in evaluation."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(2)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        result: Tensor = self.norm(a * b)
        return result


def test_each_call_has_its_mode_whatever_was_prepared_since() -> None:
    form, inputs = Normalised(), HARNESS.draw(SETTING)[0]
    both, forward = prepare(form, inputs, "both"), prepare(form, inputs, "forward")
    evaluated, trained = forward.run()[0], both.run()[0]
    assert not torch.allclose(evaluated, trained)
    assert torch.equal(both.run()[0], trained)


def test_a_model_that_normalises_is_measured_in_training() -> None:
    ours, eager = Normalised(), Normalised()
    op = replace(OP, ours=ours, eager=eager, limits_memory=False)
    row = HARNESS.measure(setting_of(op, "both")).row
    assert row.times.keys() == {"ours", "eager"}
    assert ours.norm.num_batches_tracked == eager.norm.num_batches_tracked == 0
