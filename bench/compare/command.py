"""The command that compares two runs of the benchmark."""

from collections.abc import Sequence
from pathlib import Path

from tyro.conf import Positional

from bench.command_line import call
from bench.compare.changes import Comparison, compare
from bench.compare.text import text
from bench.rows import Results
from bench.schema import MalformedError
from bench.stored import load
from ptus.errors import UserError

SAME = ("cpu", "gpu", "device", "threads", "capability", "torch", "triton")


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    return call(compare_files, "compare", arguments)


def compare_files(old: Positional[Path], new: Positional[Path], across_machines: bool = False) -> int:
    """List what became slower or faster beyond the measured spread, vanished, or takes more memory.

    How a change of the machine is told from one of the code is said in bench/compare/changes.py.

    Args:
        old: results that `python -m bench --json` wrote, from before.
        new: results from after.
        across_machines: compare although the machines, or the versions of PyTorch, are not the same.

    Returns:
        1 where anything is slower, vanished, fails or takes more memory; otherwise 0.

    Raises:
        UserError: where a file cannot be used, or they have no row in common or are of different machines.
    """
    return int(compare_results(load(old), load(new), across_machines).worse)


def compare_results(old: Results, new: Results, across_machines: bool = False) -> Comparison:
    """Print the comparison of two runs; arguments and errors are those of `compare_files`."""
    differences = [
        f"{fact}: {old.machine[fact]}, then {new.machine[fact]}"
        for fact in SAME
        if old.machine[fact] != new.machine[fact]
    ]
    if differences and not across_machines:
        raise UserError(f"not the same machine ({'; '.join(differences)}); --across-machines compares all the same")
    try:
        comparison = compare(old, new)
    except MalformedError as error:
        raise UserError(str(error)) from None
    if not comparison.changes:
        raise UserError("the two files have no row in common")
    print("\n".join(text(comparison)))
    return comparison
