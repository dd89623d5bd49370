"""`python -m bench` and `pytest bench`, as they are called."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.__main__ import main as bench
from bench.cases import CASES
from bench.correctness import WrongResultError
from bench.device import Cpu
from bench.harness import Harness, Measured
from bench.rows import Results
from bench.run import OUT_OF_TIME, STOPPED, STOPPED_STATUS, chosen_backends, main, measure_rows, measure_stages
from bench.settings import Filters, Setting, select
from tests.bench.examples import RESULTS, ROW
from tests.bench.small import CASE

ROOT = Path(__file__).parent.parent.parent
SMALL = ["--op", "occlusion_blend", "--direction", "forward", "--dtype", "float32", "--batch", "1", "--no-compile"]


def measured(setting: Setting) -> Measured:
    names = ("op", "case", "direction", "backend", "dtype", "memory_format", "batch", "size")
    key: dict[str, Any] = dict(zip(names, setting.key, strict=True))
    return Measured(replace(ROW, **key), [1e-3, 1e-3])


def nothing() -> Results:
    return replace(RESULTS, rows=[], not_measured={})


SETTINGS = select([CASE], "cpu", ["reference"], Filters())


def test_every_row_is_measured() -> None:
    results = nothing()
    measure_rows(SETTINGS, measured, results, None)
    assert {row.key for row in results.rows} == {setting.key for setting in SETTINGS}
    assert not results.not_measured


def test_what_comes_too_late_is_listed() -> None:
    results = nothing()
    measure_rows(SETTINGS, measured, results, deadline=0.0)
    assert not results.rows
    assert results.not_measured == {str(setting): OUT_OF_TIME for setting in SETTINGS}


def test_a_run_that_is_stopped_keeps_what_it_has(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def stopped_at_the_second(self: Harness, setting: Setting) -> Measured:
        stored.append(setting)
        if len(stored) > 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return measured(setting)

    stored: list[Setting] = []
    monkeypatch.setattr(Harness, "measure", stopped_at_the_second)
    path = tmp_path / "rows.json"
    assert main(["--op", "soft_argmax_3d", "--device", "cpu", "--json", str(path)]) == STOPPED_STATUS
    results = Results.load(path)
    assert [row.key for row in results.rows] == [stored[0].key]
    assert str(stored[1]) in results.not_measured and set(results.not_measured.values()) == {STOPPED}
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    ("error", "message"),
    [(WrongResultError("off by 2"), "wrong result: off by 2"), (RuntimeError("no image"), "RuntimeError: no image")],
)
def test_a_row_that_fails_is_listed_and_hides_no_other(error: Exception, message: str) -> None:
    def failing_first(setting: Setting) -> Measured:
        if setting is SETTINGS[0]:
            raise error
        return measured(setting)

    results = nothing()
    measure_rows(SETTINGS, failing_first, results, None)
    assert len(results.rows) == len(SETTINGS) - 1
    assert results.not_measured == {str(SETTINGS[0]): message}


@pytest.fixture
def without_measuring(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], None]:
    def replace_measuring(not_measured: dict[str, str]) -> None:
        monkeypatch.setattr("bench.run.measure_all", lambda *_: replace(RESULTS, not_measured=not_measured))

    return replace_measuring


def test_a_failure_shows_in_the_exit_status(
    without_measuring: Callable[[dict[str, str]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    without_measuring({"a row": OUT_OF_TIME})
    assert main([*SMALL, "--device", "cpu"]) == 0
    without_measuring({"a row": "wrong result: off by 2"})
    assert main([*SMALL, "--device", "cpu"]) == 1
    assert "not measured: a row: wrong result: off by 2" in capsys.readouterr().out


def test_json_and_csv_are_written(
    without_measuring: Callable[[dict[str, str]], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    without_measuring({})
    json_file, csv_file = tmp_path / "a" / "rows.json", tmp_path / "b" / "rows.csv"
    assert main([*SMALL, "--device", "cpu", "--json", str(json_file), "--csv", str(csv_file)]) == 0
    assert Results.load(json_file) == replace(RESULTS, not_measured={})
    with csv_file.open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["op"], first["size"], first["ours_rounds"]) == ("grid_sample_3d", "16×64×64", "3")
    assert float(first["eager_ratio"]) == pytest.approx(20) and float(first["memory_ratio"]) == pytest.approx(3)
    assert first["monai_absent"] == "not installed"
    assert second["compiled_median"] == "" and second["compiled_absent"] == "left out"
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["rows.csv", "rows.json"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--op", "warp"], "expected some of .*warp_blend.*, got 'warp'"),
        (["--direction", "up"], "expected some of forward, backward, both, got 'up'"),
        (["--dtype", "int8"], "expected some of float32, bfloat16, float16, got 'int8'"),
        (["--batch", "0"], "expected a whole number of at least 1, got '0'"),
        (["--device", "cpu", "--backend", "triton"], "expected some of cpu, reference on cpu, got 'triton'"),
        (["--device", "cpu", "--case", "nothing like it"], "no row passes"),
        (["--device", "tpu"], "invalid choice"),
    ],
)
def test_what_cannot_be_is_refused(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert re.search(message, capsys.readouterr().err)


def test_backends_that_are_not_built_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.run.library.HAS_CUDA", False)
    assert "'cuda' is not built" in str(chosen_backends("cuda", ["cuda"])[1])
    monkeypatch.setattr("bench.run.library.HAS_CPU", False)
    assert chosen_backends("cpu", []) == (("reference",), None)


def test_commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    called: list[Any] = []

    def run(arguments: list[str]) -> int:
        called.append(arguments)
        return 0

    monkeypatch.setattr("bench.run.main", run)
    assert bench([]) == bench(["--op", "x"]) == bench(["run", "--op", "x"]) == 0
    assert called == [[], ["--op", "x"], ["--op", "x"]]
    assert bench(["walk"]) == 2
    assert "expected one of run, animate, report, compare, gate, got 'walk'" in capsys.readouterr().err


@pytest.mark.once
def test_no_video_library_is_needed() -> None:
    absent = ("tyro", "av", "cv2", "pytest", "pytest_benchmark")
    code = f"import sys; sys.modules |= dict.fromkeys({absent}); import bench.run"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.once
def test_a_row_is_measured_and_printed() -> None:
    command = [sys.executable, "-m", "bench", *SMALL, "--device", "cpu"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("occlusion_blend ")]
    assert len(rows) == 2 and "≥ 2.2 × eager: " in rows[0]


@pytest.mark.once
def test_pytest_benchmark_gets_the_rounds(tmp_path: Path) -> None:
    stored = tmp_path / "benchmark.json"
    arguments = ["--benchmark-only", "--no-compile", "-k", "occlusion_blend and forward", f"--benchmark-json={stored}"]
    command = [sys.executable, "-m", "pytest", "bench", *arguments]
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    done = subprocess.run(command, cwd=ROOT, env=alone, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (benchmark,) = json.loads(stored.read_text(encoding="utf-8"))["benchmarks"]
    assert benchmark["stats"]["rounds"] >= 7 and benchmark["stats"]["median"] > 1e-5
    assert benchmark["extra_info"]["× eager"] > 0


def test_stages_that_fail_lose_no_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no profiler here")

    monkeypatch.setattr("bench.run.stages_of", fail)
    results = replace(RESULTS, not_measured={})
    settings = select(CASES, "cpu", ["cpu"], Filters(ops=("dense motion network",), directions=("forward",)))
    measure_stages(settings, Cpu(2), results, None)
    expected = {"dense motion network, stages, forward, cpu": "RuntimeError: no profiler here"}
    assert results.not_measured == expected and results.rows == RESULTS.rows
