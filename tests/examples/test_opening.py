"""How openings are compared; MediaPipe itself is not here."""

from pathlib import Path

import numpy as np
import pytest

from examples import opening_with_mediapipe
from examples.opening_with_mediapipe import followed, main
from ptus.errors import UserError


def test_half_as_far_follows_wholly_by_half() -> None:
    driving = np.array([0.0, 0.5, np.nan, 1.0, 0.2])
    result = np.array([0.3, 0.55, 0.1, 0.8, np.nan])
    correlation, share = followed(result, driving)
    assert correlation == pytest.approx(1) and share == pytest.approx(0.5)
    assert followed(-result, driving)[0] == pytest.approx(-1)


def a_face(eyes: float, mouth: float, look: float) -> np.ndarray:
    """A mesh whose eyes and mouth, each one wide, are open so far, with irises so far from left corners."""
    mesh = np.zeros((478, 3))
    for _upper, lower, _left, right, opening in (
        (159, 145, 33, 133, eyes),
        (386, 374, 362, 263, eyes),
        (13, 14, 61, 291, mouth),
    ):
        mesh[lower, 1], mesh[right, 0] = opening, 1.0
    mesh[[468, 473], 0] = look
    mesh[[362, 263, 473], 0] += 2  # the right eye is elsewhere
    return mesh


def test_it_says_what_follows(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    driving = np.stack([a_face(0.02 * frame, 0.1 + 0.05 * (frame % 2), 0.3 + 0.1 * frame) for frame in range(4)])
    result = np.stack([a_face(0.01 * frame, 0.1, 0.5 - 0.05 * frame) for frame in range(6)])
    monkeypatch.setattr(opening_with_mediapipe, "seen", lambda path: ({"d": driving, "r": result}[path.stem], None))
    main(Path("d.mp4"), Path("r.mp4"))
    _, eyes, mouth, gaze = capsys.readouterr().out.splitlines()
    assert eyes.split() == ["eyes", "1.00", "0.50"]
    assert mouth.split() == ["mouth", "0.00", "0.00"]
    assert gaze.split() == ["gaze", "-1.00", "0.50"]
    monkeypatch.setattr(opening_with_mediapipe, "seen", lambda path: (np.full((3, 478, 3), np.nan), None))
    with pytest.raises(UserError, match="no face found"):
        main(Path("d.mp4"), Path("r.mp4"))
