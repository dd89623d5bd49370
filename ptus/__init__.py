"""Talking upper-body synthesis on top of ptus_kernels."""
