"""`python -m bench`, as it is called: exit statuses, and one line on stderr for what cannot be used."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench.rows import Times
from tests.bench.examples import RESULTS, ROW

pytestmark = pytest.mark.once

ROOT = Path(__file__).parent.parent.parent
SLOW = Times(2e-3, 1.9e-3, 1.95e-3, 2.05e-3, 9)


def bench(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Results, and results with a row that is slower."""
    RESULTS.store(tmp_path / "old.json")
    slow = replace(ROW, times=ROW.times | {"ours": SLOW})
    replace(RESULTS, rows=[slow, *RESULTS.rows[1:]]).store(tmp_path / "new.json")
    return tmp_path / "old.json", tmp_path / "new.json"


def test_compare(files: tuple[Path, Path]) -> None:
    old, new = files
    assert bench("compare", old, old).returncode == 0
    worse = bench("compare", old, new)
    assert worse.returncode == 1
    assert "slower: 1" in worse.stdout


def test_what_cannot_be_used_ends_with_2_and_one_line(files: tuple[Path, Path], tmp_path: Path) -> None:
    old, _ = files
    for arguments in (("compare", old, tmp_path / "none.json"), ("report", tmp_path), ("gate", "--base", "no-commit")):
        done = bench(*arguments)
        assert done.returncode == 2
        assert done.stderr.startswith("bench: ") and done.stderr.count("\n") == 1


def test_report(files: tuple[Path, Path], tmp_path: Path) -> None:
    done = bench("report", *files, "--output", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000
