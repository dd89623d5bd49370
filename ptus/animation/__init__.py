"""Animating a source: what `ptus.animator` and `ptus animate` are made of."""
