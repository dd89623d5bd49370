"""`python -m bench report`: pictures and one page from stored results."""

from bench.report.command import main

__all__ = ["main"]
