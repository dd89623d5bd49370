"""What holds for the tests of all ops."""

from collections.abc import Iterator

import pytest
import torch

import ptus_kernels
from tests.ops.contract import OpContract


@pytest.fixture(autouse=True)
def poisoned_memory(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fill every fresh tensor with NaN, also those that the kernels allocate: what they do not write shows."""
    if request.node.get_closest_marker("unpoisoned"):
        yield
        return
    # Filling memory needs deterministic mode, in which some of Triton's backwards raise.
    torch.use_deterministic_algorithms(True, warn_only=ptus_kernels.info()["backend"] == "triton")
    assert torch.empty(1).isnan()
    yield
    torch.use_deterministic_algorithms(False)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of a contract that ask for a `variant` with each that the op has."""
    if "variant" in metafunc.fixturenames and metafunc.cls is not None and issubclass(metafunc.cls, OpContract):
        variants = metafunc.cls.variants
        metafunc.parametrize("variant", variants, ids=["-".join(map(str, variant.values())) for variant in variants])
