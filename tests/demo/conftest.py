"""The bundled portrait, lifted once at a small size."""

import pytest

from ptus.commands.demo import lifted
from ptus.demo.photo import Photo, load_photo
from ptus.demo.rendering import Renderer


@pytest.fixture(scope="session")
def photo() -> Photo:
    """The portrait at 192 pixels."""
    return load_photo(None, None, 192)


@pytest.fixture(scope="session")
def renderer(photo: Photo) -> Renderer:
    """The portrait as a volume."""
    return lifted(photo)
