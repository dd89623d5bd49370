"""The report as one HTML page that needs nothing beside itself."""

from base64 import b64encode
from collections.abc import Sequence
from html import escape

from bench.report.columns import columns
from bench.report.contents import Section
from bench.report.style import Picture
from bench.rows import Results

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --line: #dfe3e8; --faint: #59636e }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ec; --paper: #14171a; --line: #333a41; --faint: #9aa4ae }
}
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1rem; max-width: 62rem; color: var(--ink); background: var(--paper);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
h1 { font-size: 1.5rem } h2 { font-size: 1.25rem; margin-top: 2.5rem }
figure { margin: 2rem 0 } figcaption { font-weight: 600 }
.wide { overflow-x: auto }
.wide img { display: block; width: 100%; min-width: 38rem; max-width: 56rem }
ul { color: var(--faint); font-size: .875rem; padding-left: 1.25rem }
li.warning { color: var(--ink); font-weight: 600 }
table { border-collapse: collapse; font-size: .8125rem; font-variant-numeric: tabular-nums; overflow-wrap: normal }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap }
th { position: sticky; top: 0; background: var(--paper) }
td:first-child { position: sticky; left: 0; background: var(--paper) }
.table { max-height: 85vh; overflow: auto }
"""


def page(sections: Sequence[Section]) -> str:
    """The whole page."""
    body = "\n".join(_section(section) for section in sections)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Benchmark of ptus_kernels</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<h1>Benchmark of ptus_kernels</h1>\n{body}\n</body>\n</html>\n"
    )


def _section(section: Section) -> str:
    parts = [f"<h2>{escape(section.title)}</h2>", *(f"<p>{escape(line)}</p>" for line in section.lines)]
    parts += [_figure(picture) for picture in section.pictures]
    parts += [f"<p>{escape(line)}</p>" for line in section.missing]
    if section.results is not None:
        parts.append(_table(section.results))
    return "\n".join(parts)


def _figure(picture: Picture) -> str:
    notes = "".join(
        f'<li class="warning">{escape(note)}</li>' if note.startswith("warning") else f"<li>{escape(note)}</li>"
        for note in picture.notes
    )
    return (
        f'<figure><figcaption>{escape(picture.title)}</figcaption>\n<div class="wide"><picture>'
        f'<source media="(prefers-color-scheme: dark)" srcset="{_data(picture.dark)}">'
        f'<img src="{_data(picture.light)}" alt="{escape(picture.title)}"></picture></div>\n'
        + (f"<ul>{notes}</ul>" if notes else "")
        + "</figure>"
    )


def _data(png: bytes) -> str:
    return f"data:image/png;base64,{b64encode(png).decode('ascii')}"


def _table(results: Results) -> str:
    shown = columns(results.rows)
    head = "".join(f"<th>{escape(heading)}</th>" for heading, _ in shown)
    rows = "\n".join(
        f"<tr>{''.join(f'<td>{escape(show(row))}</td>' for _, show in shown)}</tr>" for row in results.rows
    )
    return f'<div class="table"><table><thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>'
