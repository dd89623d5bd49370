"""Data sets of upper-body clips: their format, making them from raw videos, and rendering them."""
