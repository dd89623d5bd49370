"""Tables of results: the full one on the terminal, and README's. `python -m bench.table` writes README's again."""

from collections.abc import Callable, Sequence
from pathlib import Path

from bench.rows import Results, Row, Times

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
RESULTS = ROOT / "bench" / "results"
BEGIN, END = "<!-- speed table: python -m bench.table -->", "<!-- end of the speed table -->"

Column = tuple[str, Callable[[Row], str]]


def _median(times: Times | None) -> str:
    return "–" if times is None else f"{times.median * 1e3:.3g}"


def _median_and_minimum(times: Times | None) -> str:
    return "–" if times is None else f"{times.median * 1e3:.3g} ({times.minimum * 1e3:.3g})"


def _ratio(times: Times | None, row: Row) -> str:
    return "–" if times is None else f"{times.median / row.ours.median:.1f}"


def _against_compiled(row: Row) -> str:
    return _ratio(row.compiled, row) + (" slower" if row.slower_than_compiled else "")


def _memory(row: Row) -> str:
    measured, allowed = ("–" if each is None else f"{each:,}" for each in (row.memory, row.memory_allowed))
    return f"{measured} of {allowed}"


def _target(row: Row) -> str:
    if row.figure is None:
        return "–"
    return f"{row.target}: {row.figure:.2f}, {'reached' if row.reached else 'missed'}"


_OP: Column = ("op", lambda row: row.op)
_CASE: Column = ("case", lambda row: row.case)
_DIRECTION: Column = ("direction", lambda row: row.direction)
_RATIOS: list[Column] = [
    ("× eager", lambda row: _ratio(row.eager, row)),
    ("× compiled", _against_compiled),
]
_FLOOR: Column = ("% of floor", lambda row: f"{100 * row.floor / row.ours.median:.0f}")
_TARGET: Column = ("target", _target)

FULL: list[Column] = [
    _OP,
    _CASE,
    _DIRECTION,
    ("ms (min)", lambda row: _median_and_minimum(row.ours)),
    ("eager", lambda row: _median_and_minimum(row.eager)),
    ("compiled", lambda row: _median_and_minimum(row.compiled)),
    *_RATIOS,
    ("eager's format", lambda row: row.eager_format),
    ("GB/s", lambda row: f"{row.bytes_moved / row.ours.median / 1e9:.1f}"),
    _FLOOR,
    ("peak bytes of allowed", _memory),
    _TARGET,
]
SHORT: list[Column] = [
    _OP,
    _CASE,
    _DIRECTION,
    ("ms", lambda row: _median(row.ours)),
    ("eager", lambda row: _median(row.eager)),
    ("compiled", lambda row: _median(row.compiled)),
    *_RATIOS,
    _FLOOR,
    _TARGET,
]


def caption(results: Results) -> str:
    """Where and when the figures were measured, in one line."""
    machine = results.machine
    return (
        f"{machine['cpu']}, {machine['threads']} threads, kernels: {machine['backend']} ({machine['capability']}), "
        f"torch {machine['torch']}, {machine['date']}; copy: {results.bandwidth / 1e9:.1f} GB/s"
    )


def terminal(results: Results) -> list[str]:
    """The full table, a line each."""
    cells = [[heading for heading, _ in FULL], *([show(row) for _, show in FULL] for row in results.rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(FULL))]
    return [
        caption(results),
        *("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells),
    ]


def markdown(results: Results) -> str:
    """README's table."""
    lines = [[heading for heading, _ in SHORT], ["---"] * len(SHORT)]
    lines += [[show(row) for _, show in SHORT] for row in results.rows]
    return "\n".join([caption(results), "", *("| " + " | ".join(line) + " |" for line in lines)])


def with_tables(readme: str, results: Sequence[Results]) -> str:
    """README with a table for each of the results between the markers.

    Raises:
        ValueError: where the markers are not there once each.
    """
    if readme.count(BEGIN) != 1 or readme.count(END) != 1:
        raise ValueError(f"README needs {BEGIN} and {END}, once each")
    before, rest = readme.split(BEGIN)
    after = rest.split(END)[1]
    tables = "\n\n".join(markdown(each) for each in results) or "Not measured yet."
    return f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}"


def stored() -> list[Results]:
    """All results in bench/results, by file name."""
    return [Results.load(path) for path in sorted(RESULTS.glob("*.json"))]


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text(encoding="utf-8"), stored()), encoding="utf-8")
