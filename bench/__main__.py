"""`python -m bench`: what can be done with the benchmark's results, a sub-command each."""

import sys
from collections.abc import Callable, Sequence

import tyro

from bench.compare.command import compare_files
from bench.gate.command import gate
from bench.report.command import report
from ptus.errors import UserError

COMMANDS: dict[str, Callable[..., int]] = {"report": report, "compare": compare_files, "gate": gate}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 2, and one line on stderr, where what the user gave cannot be used."""
    try:
        return tyro.extras.subcommand_cli_from_dict(
            COMMANDS, prog="python -m bench", description="Benchmarks of ptus_kernels.", args=arguments
        )
    except UserError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
