"""Measuring a model on clips: what `ptus evaluate` is made of, one measure a module."""
