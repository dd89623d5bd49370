"""`python -m bench gate`: is the working tree slower than the commit before it?"""

from bench.gate.command import main

__all__ = ["main"]
