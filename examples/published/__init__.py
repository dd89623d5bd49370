"""Blocks of five families of models, small, as their papers describe them, with the names their authors gave the parts.

They are here to show and to test what `ptus_kernels.accelerate` does; every intermediate is written to memory.
"""
