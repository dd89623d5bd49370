"""Tables of results: the full one on the terminal, and README's. `python -m bench.table` writes README's again."""

from collections.abc import Callable, Sequence
from pathlib import Path

from bench.rows import Results, Row, Stages
from ptus.files import replacing

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
RESULTS = ROOT / "bench" / "results"
BEGIN, END = "<!-- speed table: python -m bench.table -->", "<!-- end of the speed table -->"
MIB = 1 << 20
ALWAYS = ("ours", "eager", "compiled")

Column = tuple[str, Callable[[Row], str]]


def _median(contender: str) -> Callable[[Row], str]:
    def show(row: Row) -> str:
        times = row.times.get(contender)
        return "–" if times is None else f"{times.median * 1e3:.3g}"

    return show


def _median_and_spread(contender: str) -> Callable[[Row], str]:
    def show(row: Row) -> str:
        times = row.times.get(contender)
        if times is None:
            return "–"
        median, minimum, low, high = (1e3 * each for each in (times.median, times.minimum, times.low, times.high))
        return f"{median:.3g} ({minimum:.3g}; {low:.3g}–{high:.3g})"

    return show


def _ratio(contender: str) -> Callable[[Row], str]:
    def show(row: Row) -> str:
        ratio = row.ratio(contender)
        slower = " slower" if contender == "compiled" and row.slower_than_compiled else ""
        return "–" if ratio is None else f"{ratio:.1f}{slower}"

    return show


def _mib(size: int | None) -> str:
    return "–" if size is None else f"{size / MIB:.3g}"


def _memory(row: Row) -> str:
    return f"{_mib(row.memory.get('ours'))} of {_mib(row.memory_allowed)}"


def _memory_ratio(row: Row) -> str:
    return "–" if row.memory_ratio is None else f"{row.memory_ratio:.1f}"


def _target(row: Row) -> str:
    if row.figure is None:
        return "–"
    return f"{row.target}: {row.figure:.2f}, {'reached' if row.reached else 'missed'}"


def _others(row: Row) -> str:
    times = [f"{name} {_median(name)(row)} ms" for name in row.times if name not in ALWAYS]
    return "; ".join([*times, *(f"{name}: {reason}" for name, reason in row.absent.items())]) or "–"


_OP: Column = ("op", lambda row: row.op)
_CASE: Column = ("case", lambda row: row.case)
_DIRECTION: Column = ("direction", lambda row: row.direction)
_BATCH: Column = ("batch", lambda row: str(row.batch))
_RATIOS: list[Column] = [("× eager", _ratio("eager")), ("× compiled", _ratio("compiled"))]
_FLOOR: Column = ("% of floor", lambda row: f"{100 * row.share_of_floor:.0f}")
_MEMORY_RATIO: Column = ("× eager's memory", _memory_ratio)
_TARGET: Column = ("target", _target)

FULL: list[Column] = [
    _OP,
    _CASE,
    _DIRECTION,
    ("backend", lambda row: row.backend),
    ("type", lambda row: row.dtype),
    ("format", lambda row: row.memory_format),
    _BATCH,
    ("ms (min; quartiles)", _median_and_spread("ours")),
    ("eager", _median_and_spread("eager")),
    ("compiled", _median_and_spread("compiled")),
    *_RATIOS,
    ("eager's format", lambda row: row.eager_format or "–"),
    ("GB/s", lambda row: f"{row.bytes_moved / row.ours.median / 1e9:.1f}"),
    ("floor ms", lambda row: f"{row.floor * 1e3:.3g}"),
    _FLOOR,
    ("peak MiB of allowed", _memory),
    _MEMORY_RATIO,
    _TARGET,
    ("others", _others),
]
SHORT: list[Column] = [
    _OP,
    _CASE,
    _DIRECTION,
    _BATCH,
    ("ms", _median("ours")),
    ("eager", _median("eager")),
    ("compiled", _median("compiled")),
    *_RATIOS,
    _FLOOR,
    _MEMORY_RATIO,
    _TARGET,
]


def caption(results: Results) -> str:
    """Where and when the figures were measured, in one line."""
    machine = results.machine
    backends = ", ".join(dict.fromkeys(row.backend for row in results.rows)) or "none"
    device = machine["gpu"] or f"{machine['cpu']}, {machine['threads']} threads"
    note = f"; {machine['note']}" if "note" in machine else ""
    return (
        f"{device}, kernels: {backends} ({machine['capability']}), torch {machine['torch']}, {machine['date']}; "
        f"copy: {results.bandwidth / 1e9:.1f} GB/s{note}"
    )


def terminal(results: Results) -> list[str]:
    """The full table, a line each, and what was not measured."""
    lines = [caption(results), *_aligned([[heading for heading, _ in FULL], *_cells(results.rows, FULL)])]
    return [*lines, *(f"not measured: {name}: {reason}" for name, reason in results.not_measured.items())]


def models(results: Results) -> list[str]:
    """What the models' rows say in frames and training steps a second, and where the time of a call goes."""
    lines = []
    for row in results.rows:
        stages = [each for each in results.stages if (each.model, each.direction) == (row.op, row.direction)]
        if not stages:
            continue
        unit = "frames" if row.direction == "forward" else "training steps"
        rates = (f"{name} {row.batch / times.median:.2f}" for name, times in row.times.items())
        lines += ["", f"{row.op}, {row.backend}, batch {row.batch}, {unit} a second: {', '.join(rates)}"]
        lines += _stage_table(stages) if row.batch == 1 else []
    return lines


def _stage_table(stages: Sequence[Stages]) -> list[str]:
    names = list(dict.fromkeys(name for each in stages for name in each.seconds))
    cells = [["stage", *(f"{each.form}, ms" for each in stages)]]
    cells += [[name, *(f"{1e3 * each.seconds.get(name, 0):.2f}" for each in stages)] for name in names]
    cells.append(["sum", *(f"{1e3 * sum(each.seconds.values()):.2f}" for each in stages)])
    return _aligned(cells)


def _cells(rows: Sequence[Row], columns: Sequence[Column]) -> list[list[str]]:
    return [[show(row) for _, show in columns] for row in rows]


def _aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]


def markdown(results: Results) -> str:
    """README's table."""
    rows = [row for row in results.rows if row.readme]
    lines = [[heading for heading, _ in SHORT], ["---"] * len(SHORT), *_cells(rows, SHORT)]
    return "\n".join([caption(results), "", *("| " + " | ".join(line) + " |" for line in lines)])


def with_tables(readme: str, results: Sequence[Results]) -> str:
    """README with a table for each of the results that have rows for it, between the markers.

    Raises:
        ValueError: where the markers are not there once each.
    """
    if readme.count(BEGIN) != 1 or readme.count(END) != 1:
        raise ValueError(f"README needs {BEGIN} and {END}, once each")
    before, rest = readme.split(BEGIN)
    after = rest.split(END)[1]
    shown = [each for each in results if any(row.readme for row in each.rows)]
    tables = "\n\n".join(map(markdown, shown)) or "Not measured yet."
    return f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}"


def stored() -> list[Results]:
    """All results in bench/results, by file name."""
    return [Results.load(path) for path in sorted(RESULTS.glob("*.json"))]


if __name__ == "__main__":
    with replacing(README) as partial:
        partial.write_text(with_tables(README.read_text(encoding="utf-8"), stored()), encoding="utf-8")
