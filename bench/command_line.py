"""Functions called from the command line: options by their types, and errors in one line."""

import sys
from collections.abc import Callable, Sequence

import tyro

from ptus.errors import UserError


def call(function: Callable[..., int], name: str, arguments: Sequence[str]) -> int:
    """Call a function with what the command line says.

    Returns:
        What the function returns; 2, and one line on stderr, where what the user gave cannot be used.
    """
    try:
        return tyro.cli(function, prog=f"python -m bench {name}", args=arguments)
    except UserError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
