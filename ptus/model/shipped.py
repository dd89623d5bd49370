"""The trained weights that come along."""

from pathlib import Path

SHIPPED = Path(__file__).parents[1] / "weights" / "slim-256.safetensors"
"""A checkpoint of `slim-256`; README.md beside it says what it was trained on, what it can do and what it cannot."""
