"""`python -m bench compare OLD.json NEW.json`: what became slower or faster, vanished, or takes more memory."""

from bench.compare.command import main

__all__ = ["main"]
