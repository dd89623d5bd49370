"""The command that draws the report."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from tyro.conf import Positional

from bench.command_line import call
from bench.rows import Results
from bench.stored import load
from ptus.errors import UserError
from ptus.files import replacing


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    return call(report, "report", arguments)


def report(results: Positional[tuple[Path, ...]], output: Path = Path("build/report")) -> int:
    """Draw stored results: speedups, roofline, growth with the batch and the volume, machines side by side.

    Writes PNGs and one page, report.html, which needs nothing beside itself; prints what grows faster than linearly.

    Args:
        results: files that `python -m bench --json` wrote; their names tell the machines' pictures apart.
        output: the folder to write into.

    Returns:
        0.

    Raises:
        UserError: where a file cannot be used, two are named alike, or Matplotlib is not installed.
    """
    if not results:
        raise UserError("report: expected at least one file of results")
    if find_spec("matplotlib") is None:
        raise UserError("the report is drawn with Matplotlib, which is not there: pip install 'ptus[bench]'")
    if len({path.stem for path in results}) < len(results):
        raise UserError("two of the files have the same name, by which their pictures are told apart: rename one")
    loaded = {path.stem: load(path) for path in results}
    _write(loaded, output)
    return 0


def _write(loaded: dict[str, Results], output: Path) -> None:
    from bench.report.contents import contents
    from bench.report.page import page

    sections = contents(loaded)
    output.mkdir(parents=True, exist_ok=True)
    for section in sections:
        for picture in section.pictures:
            path = output / f"{section.prefix}{picture.name}.png"
            with replacing(path) as partial:
                partial.write_bytes(picture.light)
            print("\n".join([str(path), *(f"  {note}" for note in picture.notes)]))
        print("\n".join(section.missing))
    with replacing(output / "report.html") as partial:
        partial.write_text(page(sections), encoding="utf-8")
    print(output / "report.html")
