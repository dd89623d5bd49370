"""The command line: one sub-command a module of `ptus.commands`."""

import sys
from collections.abc import Callable, Sequence

import tyro

from ptus.commands.animate import animate
from ptus.commands.demo import demo
from ptus.commands.evaluate import evaluate
from ptus.commands.info import info
from ptus.commands.init import init
from ptus.commands.prepare import prepare
from ptus.commands.train import train
from ptus.errors import UserError
from ptus.memory import keep_freed_memory

COMMANDS: dict[str, Callable[..., None]] = {
    "animate": animate,
    "demo": demo,
    "evaluate": evaluate,
    "info": info,
    "init": init,
    "prepare": prepare,
    "train": train,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `ptus`; exits with status 2 and one line on stderr where the user's input cannot be used.

    Args:
        arguments: the command line without the program's name; None for that of this process.
    """
    keep_freed_memory()
    try:
        tyro.extras.subcommand_cli_from_dict(
            COMMANDS, prog="ptus", description="Talking upper bodies from one picture.", args=arguments
        )
    except UserError as error:
        print(f"ptus: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
