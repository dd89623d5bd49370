"""What the tests of the GPU have in common: the backend that is under test."""

from collections.abc import Iterator

import pytest

import ptus_kernels
from ptus_kernels.backend import HAS_TRITON
from tests.on_device import first_config


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Triton take its first block sizes: to compile and measure all of them takes most of the time."""
    if HAS_TRITON:
        monkeypatch.setattr("ptus_kernels.triton.tuning._choose", first_config)


@pytest.fixture(params=["cuda", "triton"])
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """Force each backend in turn."""
    name: str = request.param
    try:
        forced = ptus_kernels.use_backend(name)
        with forced:
            yield name
    except RuntimeError as error:
        if str(error).startswith("use_backend"):
            pytest.skip(str(error))
        raise
