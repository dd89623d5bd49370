"""Runs the commands of a check: several at a time, each in a process of its own with a time limit and a log."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Command:
    """One process of a stage.

    Args:
        stage: what it is part of.
        arguments: the program and its arguments.
        environment: variables beside those of this process.
        expected: the exit status of success.
        only_if: a line that its output must hold to count as success; None for nothing.
        unable: what its output holds where the program cannot do its work on this machine; that is then no failure.
    """

    stage: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    expected: int = 0
    only_if: str | None = None
    unable: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of a command, or of a stage that has none.

    Args:
        stage: the command's.
        status: "passed", "failed" or "skipped".
        why: what is to be said about it.
        start: seconds, by a clock that only compares.
        end: the same.
        output: what the process printed.
        log: the file that holds it.
    """

    stage: str
    status: str
    why: str = ""
    start: float = 0
    end: float = 0
    output: str = ""
    log: Path | None = None


def run(command: Command, log: Path, deadline: float, folder: Path) -> Outcome:
    """Run a command until it ends or `time.monotonic()` reaches the deadline, when all its processes are killed."""
    start = time.monotonic()
    if start >= deadline:
        return Outcome(command.stage, "failed", "no time was left", start, start)
    with log.open("wb") as file:
        try:
            process = subprocess.Popen(
                command.arguments,
                cwd=folder,
                env={**os.environ, **command.environment},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            return Outcome(command.stage, "failed", str(error), start, time.monotonic(), log=log)
        try:
            exit_status: int | None = process.wait(deadline - start)
        except subprocess.TimeoutExpired:
            exit_status = None
        finally:
            # Also what the process has left behind.
            if _group_is_there(process.pid):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    end = time.monotonic()
    output = log.read_text(encoding="utf-8", errors="replace")
    return Outcome(command.stage, *_judged(command, exit_status, end - start, output), start, end, output, log)


def _group_is_there(leader: int) -> bool:
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    return True


def _judged(command: Command, exit_status: int | None, seconds: float, output: str) -> tuple[str, str]:
    """The status of a command that has ended, and why."""
    if command.unable is not None and command.unable in output:
        lines = [line for line in output.splitlines() if command.unable in line]
        return "skipped", lines[0].strip(" =")
    if exit_status is None:
        return "failed", f"timed out after {seconds:.0f} s"
    if exit_status != command.expected:
        expected = f", expected {command.expected}" if command.expected else ""
        return "failed", f"exit status {exit_status}{expected}"
    if command.only_if is not None and command.only_if not in output:
        return "failed", f"did not print {command.only_if!r}"
    return "passed", ""


def run_all(commands: Sequence[Command], logs: Path, deadline: float, at_a_time: int, folder: Path) -> list[Outcome]:
    """Run commands in this order, so many at a time, and say when each has ended."""
    logs.mkdir(parents=True, exist_ok=True)

    def run_numbered(number: int, command: Command) -> Outcome:
        name = command.stage.replace(" ", "-").replace("/", "-")
        outcome = run(command, logs / f"{name}-{number}.log", deadline, folder)
        seconds = f"{outcome.end - outcome.start:.0f} s"
        print(f"  {outcome.stage} {number}: {outcome.status}, {seconds} {outcome.why}".rstrip(), flush=True)
        return outcome

    with ThreadPoolExecutor(max(1, at_a_time)) as pool:
        return list(pool.map(run_numbered, range(1, len(commands) + 1), commands))
