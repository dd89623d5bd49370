"""Raw videos that several tests read."""

from pathlib import Path

import numpy as np
import pytest

from tests.data.puppets import SIZE, blurred, shot, write_raw


@pytest.fixture(scope="session")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two puppets: one for 2 s, an empty screen for 1 s, the other for 2 s and, out of focus, for 2 s more."""
    screen = [np.full((SIZE, SIZE, 3), 90, np.uint8)] * 25
    pictures = shot(0, 50) + screen + shot(2, 50) + blurred(shot(2, 50))
    return write_raw(tmp_path_factory.mktemp("raw") / "joined.mp4", pictures)
