"""Stored results that a user names."""

from pathlib import Path

from bench.rows import Results
from bench.schema import MalformedError
from ptus.errors import UserError


def load(path: Path) -> Results:
    """Read a file of results.

    Raises:
        UserError: where it is missing, cannot be read, or holds something else.
    """
    try:
        results = Results.load(path)
    except MalformedError as error:
        raise UserError(str(error)) from None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    if not results.rows:
        raise UserError(f"{path}: no rows were measured")
    for position, row in enumerate(results.rows):
        seconds = [
            each for times in row.times.values() for each in (times.minimum, times.low, times.median, times.high)
        ]
        if min([*seconds, results.bandwidth, row.batch, *row.size]) <= 0:
            raise UserError(f"{path}: rows[{position}]: expected times, bandwidth, batch and size above 0")
    return results


def machine_of(results: Results) -> str:
    """The machine in a few words: what was measured on, and how."""
    facts = results.machine
    if facts["device"] == "cuda":
        return f"{facts['gpu']} ({facts['capability']})"
    return f"{facts['cpu']} ({facts['capability']}, {facts['threads']} threads)"
