"""The check itself, without a GPU: its stages pass, fail, are skipped and run out of time, and the summary says so."""

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from bench.rows import Results
from tests.gpu import check
from tests.gpu.stages import Command, Outcome, run, run_all
from tests.gpu.summary import failures, load_results, status, summary

pytestmark = pytest.mark.once

PROGRAM = "import sys; print(sys.argv[1]); sys.exit(int(sys.argv[2]))"


def command(stage: str = "stage", prints: str = "done", exit_status: int = 0) -> Command:
    return Command(stage, (sys.executable, "-c", PROGRAM, prints, str(exit_status)))


def outcome_of(of: Command, folder: Path, seconds: float = 60) -> Outcome:
    return run(of, folder / "log", time.monotonic() + seconds, folder)


def test_what_ends_well_passes(tmp_path: Path) -> None:
    outcome = outcome_of(command(prints="all is well"), tmp_path)
    assert (outcome.status, outcome.why, outcome.output) == ("passed", "", "all is well\n")
    assert (tmp_path / "log").read_text() == outcome.output
    assert outcome.end > outcome.start


def test_the_environment_and_the_folder_are_those_asked_for(tmp_path: Path) -> None:
    program = "import os; print(os.environ['OF_THE_STAGE'], os.getcwd())"
    asked = Command("stage", (sys.executable, "-c", program), {"OF_THE_STAGE": "here"})
    assert outcome_of(asked, tmp_path).output == f"here {tmp_path}\n"


def test_what_ends_badly_fails(tmp_path: Path) -> None:
    outcome = outcome_of(command(prints="a reason", exit_status=3), tmp_path)
    assert (outcome.status, outcome.why) == ("failed", "exit status 3")
    assert "a reason" in failures([outcome])
    outcome = outcome_of(replace(command(exit_status=0), expected=99), tmp_path)
    assert (outcome.status, outcome.why) == ("failed", "exit status 0, expected 99")
    assert outcome_of(replace(command(exit_status=99), expected=99), tmp_path).status == "passed"


def test_what_does_not_say_that_it_worked_fails(tmp_path: Path) -> None:
    asked = replace(command(prints="nothing"), only_if="SUMMARY")
    assert outcome_of(asked, tmp_path).why == "did not print 'SUMMARY'"
    assert outcome_of(replace(command(prints="a SUMMARY"), only_if="SUMMARY"), tmp_path).status == "passed"


def test_a_missing_program_fails(tmp_path: Path) -> None:
    outcome = outcome_of(Command("stage", (str(tmp_path / "missing"),)), tmp_path)
    assert outcome.status == "failed" and "No such file" in outcome.why


def test_what_takes_too_long_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    program = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
child.wait()
"""
    outcome = outcome_of(Command("stage", (sys.executable, "-c", program)), tmp_path, seconds=2)
    assert (outcome.status, outcome.why) == ("failed", "timed out after 2 s")
    assert outcome.end - outcome.start < 10
    child = Path("/proc", outcome.output.strip(), "stat")
    patience = time.monotonic() + 10
    while child.exists() and child.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < patience, "what the process started is still there"
        time.sleep(0.05)


def test_what_has_no_time_left_fails_and_does_not_start(tmp_path: Path) -> None:
    outcome = outcome_of(command(), tmp_path, seconds=-1)
    assert (outcome.status, outcome.why) == ("failed", "no time was left")
    assert not (tmp_path / "log").exists()


def test_later_commands_run_though_an_earlier_one_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commands = [command("first", exit_status=1), command("second"), command("second", prints="more")]
    outcomes = run_all(commands, tmp_path / "logs", time.monotonic() + 60, 2, tmp_path)
    assert [(outcome.stage, outcome.status) for outcome in outcomes] == [
        ("first", "failed"),
        ("second", "passed"),
        ("second", "passed"),
    ]
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == [
        "first-1.log",
        "second-2.log",
        "second-3.log",
    ]
    assert "first 1: failed" in capsys.readouterr().out


BUILD = """In file included from <command-line>:
csrc/cuda/warp.cu(12): warning #177-D: variable "a" was declared but never referenced
csrc/cpu/warp.cpp:7:3: warning: unused variable 'b' [-Wunused-variable]
csrc/cpu/warp.cpp:7:3: warning: unused variable 'b' [-Wunused-variable]
"""
TESTS = """SKIPPED [1] tests/gpu/test_gpu.py:9: there is no second GPU
========= 12 passed, 1 skipped in 3.21s =========
"""


def test_the_summary_says_what_each_stage_found() -> None:
    outcomes = [
        Outcome("build", "passed", start=0, end=61, output=BUILD),
        Outcome("tests of the GPU", "passed", start=61, end=70, output=TESTS),
        Outcome("tests of the GPU", "failed", "exit status 1", 61, 75, "=== 1 failed, 7 passed in 1.0s ==="),
        Outcome("memcheck", "skipped", "compute-sanitizer was not found"),
    ]
    lines = summary(outcomes, "not measured").splitlines()
    assert lines[1].split() == ["build", "passed", "61"]
    assert lines[2].split(maxsplit=5)[4:] == ["failed", "14  19 passed, 1 skipped, 1 failed; exit status 1"]
    assert lines[3].split(maxsplit=3)[1:] == ["skipped", "0", "compute-sanitizer was not found"]
    assert lines[4:] == [
        "warnings of the build: 3",
        '  csrc/cuda/warp.cu(12): warning #177-D: variable "a" was declared but never referenced',
        "  2 × csrc/cpu/warp.cpp:7:3: warning: unused variable 'b' [-Wunused-variable]",
        "skipped tests: 1",
        "  tests/gpu/test_gpu.py:9: there is no second GPU",
        "targets of the benchmark: not measured",
    ]
    assert status(outcomes) == "failed"
    assert [status([outcome]) for outcome in outcomes] == ["passed", "passed", "failed", "skipped"]


def test_targets_are_counted_and_those_missed_are_named() -> None:
    of_row = {"op": "warp_blend", "case": "usual", "direction": "forward", "target": "≥ 9 × eager"}
    rows = [
        SimpleNamespace(**of_row, figure=10.0, reached=True),
        SimpleNamespace(**of_row, figure=8.0, reached=False),
        SimpleNamespace(**{**of_row, "target": None}, figure=None, reached=None),
    ]
    lines = summary([], cast(Results, SimpleNamespace(rows=rows))).splitlines()
    assert lines[-2:] == [
        "targets of the benchmark: 1 reached, 1 missed",
        "  missed: warp_blend, usual, forward: ≥ 9 × eager, found 8.00",
    ]


@pytest.mark.parametrize("text", [None, "", "{}"])
def test_results_that_cannot_be_read_are_none(text: str | None, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    if text is not None:
        path.write_text(text)
    assert str(load_results(path)).startswith("no results: ")


@pytest.fixture
def short_check(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """A check whose stages are quick; lists those that were planned."""
    planned: list[str] = []

    def build(device: str) -> Command:
        planned.append("build")
        return command("build")

    def tests(device: str, at_a_time: int) -> Sequence[Command]:
        planned.append("tests")
        return [command("tests of ops", exit_status=1), command("tests of the GPU")]

    def benchmark(device: str, results: Path, seconds: float) -> Command:
        planned.append("benchmark")
        return command("benchmark")

    for name, plan in (("build", build), ("tests", tests), ("benchmark", benchmark)):
        monkeypatch.setattr(check, name, plan)
    monkeypatch.setattr(check, "LOGS", tmp_path)
    monkeypatch.setattr(check, "ROOT", tmp_path)
    monkeypatch.setattr(check, "sanitizer", lambda: None)
    return planned


def test_all_stages_run_though_a_test_failed(short_check: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main(["--device", "cpu"]) == 1
    assert short_check == ["build", "tests", "benchmark"]
    printed = capsys.readouterr().out
    assert "memcheck                skipped" in printed and "compute-sanitizer was not found" in printed
    assert "tests of ops failed: exit status 1" in printed
    assert "targets of the benchmark: no results: " in printed


def test_all_is_well_if_nothing_failed(short_check: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "tests", lambda device, at_a_time: [command("tests of the GPU")])
    assert check.main(["--device", "cpu"]) == 0


def test_nothing_runs_on_kernels_that_were_not_built(short_check: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "build", lambda device: command("build", exit_status=1))
    assert check.main(["--device", "cpu"]) == 1
    assert short_check == []


def test_no_time_left_is_a_failure(short_check: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "tests", lambda device, at_a_time: [])
    monkeypatch.setattr(check, "SECONDS", 0)
    assert check.main(["--device", "cpu"]) == 1


def stub(folder: Path, prints: str, exit_status: int) -> str:
    """A program in place of compute-sanitizer, which runs nothing."""
    path = folder / "compute-sanitizer"
    path.write_text(f"#!/bin/sh\necho '{prints}'\nexit {exit_status}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("prints", "exit_status", "found"),
    [
        ("========= ERROR SUMMARY: 0 errors", 0, ["failed", "passed", "passed"]),  # it missed the planted error
        ("========= ERROR SUMMARY: 1 error", 99, ["passed", "failed", "failed"]),
        ("========= Device not supported. See the manual", 1, ["skipped", "skipped", "skipped"]),
        ("nothing", 0, ["failed", "failed", "failed"]),
    ],
)
def test_an_error_that_the_sanitizer_finds_is_a_failure(
    prints: str, exit_status: int, found: list[str], tmp_path: Path
) -> None:
    commands = check.sanitized("cpu", stub(tmp_path, prints, exit_status))
    outcomes = run_all(commands, tmp_path / "logs", time.monotonic() + 60, 2, tmp_path)
    assert [outcome.stage for outcome in outcomes] == ["memcheck", "memcheck", "racecheck"]
    assert [outcome.status for outcome in outcomes] == found


def test_the_sanitizer_is_found_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = stub(tmp_path, "", 0)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert check.sanitizer() == tool


def test_every_test_is_dealt_to_one_process() -> None:
    selection = ["tests/ops/test_soft_argmax.py", "--device=cpu", "-k", "registration or inference"]
    one = check.dealt_out("tests", selection, 1, {})
    three = check.dealt_out("tests", selection, 3, {})
    listed = [argument for argument in one[0].arguments if "::" in argument]
    assert len(one) == 1 and len(three) == min(3, len(listed)) and len(listed) > 1
    dealt = [argument for each in three for argument in each.arguments if "::" in argument]
    assert sorted(dealt) == sorted(listed)
    assert all("--device=cpu" in each.arguments for each in three)
    with pytest.raises(RuntimeError, match="no list of tests"):
        check.dealt_out("tests", ["tests/ops/missing.py"], 1, {})


def test_without_a_gpu_that_is_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert check.main([]) == 1
    assert "sees no GPU" in capsys.readouterr().err
