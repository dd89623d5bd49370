"""`pytest bench`, as it is called."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parent.parent.parent


def run_bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_row_is_measured_and_printed() -> None:
    done = run_bench("--no-compile", "-k", "occlusion_blend and forward")
    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = (line for line in done.stdout.splitlines() if line.startswith("occlusion_blend "))
    assert "forward" in row and "≥ 2.2 × eager: " in row


def test_a_table_without_a_column_is_not_stored(tmp_path: Path) -> None:
    done = run_bench("--no-compile", "--store", str(tmp_path / "rows.json"))
    assert done.returncode != 0
    assert "--store needs every column" in done.stderr
    assert not list(tmp_path.iterdir())
