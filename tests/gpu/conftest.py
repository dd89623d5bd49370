"""What the tests of the GPU have in common: the backend that is under test."""

from collections.abc import Iterator

import pytest

import ptus_kernels


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
