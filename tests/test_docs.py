"""The code of the pages in docs runs, a page from top to bottom, and what they link is there."""

import importlib.util
import re
import shutil
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted(DOCS.glob("*.md"))
BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)
NEEDED = {"export.md": ("onnx", "onnxscript", "onnxruntime")}


@pytest.mark.once
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = [name for name in NEEDED.get(page.name, ()) if importlib.util.find_spec(name) is None]
    if missing or shutil.which("c++") is None:
        pytest.skip(f"{', '.join(missing) or 'a C++ compiler'} is not installed")
    monkeypatch.chdir(tmp_path)
    blocks = [block["code"] for block in BLOCK.finditer(page.read_text(encoding="utf-8"))]
    assert blocks
    names: dict[str, object] = {"__name__": "docs"}
    for code in blocks:
        exec(compile(code, page.name, "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_linked_is_there(page: Path) -> None:
    for path in re.findall(r"\]\(([^):]+)\)", page.read_text(encoding="utf-8")):
        assert (DOCS / path).is_file()
