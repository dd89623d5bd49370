"""The command line: one sub-command a module of `ptus.commands`."""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

import tyro

from ptus.errors import UserError
from ptus.memory import keep_freed_memory
from ptus.waiting import wait_asleep


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `ptus`; exits with status 2 and one line on stderr where the user's input cannot be used.

    Args:
        arguments: the command line without the program's name; None for that of this process.
    """
    given = sys.argv[1:] if arguments is None else arguments
    if list(given) == ["--version"]:
        print(f"ptus {version('ptus')}")
        return
    wait_asleep()
    keep_freed_memory()
    try:
        from ptus.commands.registry import COMMANDS  # imports PyTorch

        tyro.extras.subcommand_cli_from_dict(
            COMMANDS, prog="ptus", description="Talking upper bodies from one picture.", args=arguments
        )
    except UserError as error:
        print(f"ptus: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # whoever reads has enough, as `head`: no more is said, also not when streams are closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
