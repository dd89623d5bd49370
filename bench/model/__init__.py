"""Whole models and paths through them, fused and in eager form."""
