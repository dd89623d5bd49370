"""A puppet's voice: a hum as loud as the mouth is open, so that sound and lips can be compared."""

import wave
from pathlib import Path

import numpy as np

from ptus.data.puppets.person import Floats

RATE = 16000
"""Samples a second."""
HARMONICS = 12
LOUDEST = 0.5


def write_voice(path: Path, mouth: Floats, fps: float, pitch: float, random: np.random.Generator) -> None:
    """Write a WAV file.

    Args:
        path: of the file.
        mouth: openness of each frame, (T,), which is the loudness in the middle of the frame.
        fps: frames a second.
        pitch: of the voice, Hz.
        random: the state that the hum's colour and wavering are drawn from.
    """
    time = np.arange(round(len(mouth) / fps * RATE)) / RATE
    loudness = np.interp(time, (np.arange(len(mouth)) + 0.5) / fps, mouth)
    waver = 0.03 * np.sin(2 * np.pi * random.uniform(0.4, 0.9) * time + random.uniform(0, 2 * np.pi))
    phase = 2 * np.pi * np.cumsum(pitch * (1 + waver)) / RATE
    strengths = random.uniform(0.4, 1.0, HARMONICS) / np.arange(1, HARMONICS + 1)
    hum = sum(strength * np.sin((number + 1) * phase) for number, strength in enumerate(strengths))
    samples = LOUDEST * loudness * hum / strengths.sum()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((32767 * samples).astype("<i2").tobytes())
