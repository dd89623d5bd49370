"""The published models of the benchmark: what is timed beside each other computes the same."""

import pickle
from copy import deepcopy
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from bench.correctness import error_of
from bench.model.bench_families import ENTRIES
from bench.model.bench_family_paths import CASES
from bench.model.entry import Entry
from bench.model.later import Later


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.op.name)
def test_paths_are_the_same_with_and_without_the_ops(case) -> None:  # type: ignore[no-untyped-def]
    inputs = case.draw(torch.Generator().manual_seed(2), 1)
    with torch.inference_mode():
        found, expected = case.op.ours(**inputs), case.op.eager(**inputs)
    assert len(found) == len(expected) > 1
    for ours, theirs in zip(found, expected, strict=True):
        assert error_of(ours, theirs.double()) < 1e-4


def test_every_family_has_a_frame_and_a_path() -> None:
    assert [case.op.name for case in CASES] == [f"{entry.name} motion path" for entry in ENTRIES]


def test_published_models_are_not_made_before_they_are_called() -> None:
    assert all(not list(form.parameters()) for entry in ENTRIES for form in (entry.ours, entry.eager))


def test_made_when_called_always_the_same() -> None:
    class Layer(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x)

    first, second = (Later(lambda: Layer(3, 4)) for _ in range(2))
    random = torch.get_rng_state()
    x = torch.randn(2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        assert torch.equal(first.eval()(x=x), second.eval()(x=x))
    assert torch.equal(torch.get_rng_state(), random)
    assert first.model is not None and not first.model.training
    assert next(first.parameters()).dtype == torch.float64
    assert not next(first.parameters()).is_inference()


def test_a_copy_is_made_anew_with_the_same_weights_in_another_process_too() -> None:
    form = Later(partial(nn.Linear, 3, 4))
    form.build(torch.zeros(1))
    for copy in (deepcopy(form), pickle.loads(pickle.dumps(form))):
        assert copy.model is None
        copy.build(torch.zeros(1))
        for weight, expected in zip(copy.parameters(), form.parameters(), strict=True):
            assert torch.equal(weight, expected)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_frames_can_be_sent_to_the_process_that_measures_memory(entry: Entry) -> None:
    copy = pickle.loads(pickle.dumps(entry.to_case()))
    assert copy.op.name == entry.name and copy.checked_in == "float32"
