"""Work done by several processes at once, one a task, so that a decoder that crashes takes one task with it."""

import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, Protocol, TypeAlias

import cv2
import torch

from ptus.data.records import Record, write_record
from ptus.errors import UserError
from ptus.stopping import WISHES, Stop

FAILED = 3
"""Exit status of a process whose task ended in an error of the user's."""
BROKEN = 4
"""Exit status of a process whose task ended in another error, which may be the file's fault."""
PATIENCE = 0.2
"""Seconds between looks at whether the user wants to stop."""

Word: TypeAlias = "Connection[Any, Any]"
"""An end of the pipe on which a process says why it failed."""


class Task(Protocol):
    """What one process does. It is pickled."""

    @property
    def key(self) -> str:
        """Names the record."""

    @property
    def name(self) -> str:
        """As the user knows it."""

    def run(self, folder: Path) -> Record:
        """Make clips in a data set's folder."""


def run_tasks(tasks: Sequence[Task], folder: Path, workers: int, stop: Stop) -> Iterator[tuple[Task, str | None]]:
    """Do tasks, `workers` at a time; gives each that is done, in the order in which they finish, and why it crashed.

    Each leaves its record in the folder, unless it crashed. Once the user wants to stop, those that run are ended, and
    remove what they had half written.

    Args:
        tasks: to do.
        folder: of the data set.
        workers: processes at a time.
        stop: whether the user wants to stop.

    Raises:
        UserError: where a task cannot write, or fails in a way that the others would too.
    """
    linux = sys.platform.startswith("linux")
    context: BaseContext = multiprocessing.get_context("forkserver" if linux else "spawn")
    if linux:
        # Loaded once and forked, instead of anew in every process.
        context.set_forkserver_preload(["__main__", *sorted({type(task).__module__ for task in tasks})])
    waiting = list(reversed(tasks))
    running: dict[int, tuple[BaseProcess, Task, Word]] = {}
    try:
        while (waiting or running) and stop.signal is None:
            while waiting and len(running) < workers:
                task = waiting.pop()
                word, says = context.Pipe(duplex=False)
                process: BaseProcess = context.Process(target=_work, args=(task, folder, says))  # type: ignore[attr-defined]
                process.start()
                says.close()
                running[process.sentinel] = process, task, word
            for sentinel in wait(list(running), PATIENCE):
                assert isinstance(sentinel, int)
                process, task, word = running.pop(sentinel)
                process.join()
                if process.exitcode != 0 and stop.signal is not None:
                    return  # Ctrl-C reached it before it could ignore it
                yield task, _outcome(process, task, word)
    finally:
        for process, _, _ in running.values():
            process.terminate()
        for process, _, _ in running.values():
            process.join()


def _outcome(process: BaseProcess, task: Task, word: Word) -> str | None:
    """None where a process did its task; why it crashed, where that may be the file's fault."""
    code = process.exitcode
    if code == 0:
        return None
    if code is not None and code < 0:
        return f"the process that read it was ended by {signal.Signals(-code).name}"
    if code == FAILED:
        raise UserError(word.recv())
    return f"the process that read it failed: {word.recv() if code == BROKEN else f'exit status {code}'}"


def _work(task: Task, folder: Path, says: Word) -> None:
    """The body of a process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: the parent decides
    for wish in WISHES:
        if wish != signal.SIGINT and signal.getsignal(wish) is not signal.SIG_IGN:
            signal.signal(wish, _end)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    try:
        write_record(folder, task.run(folder))
    except UserError as error:
        says.send(str(error))
        sys.exit(FAILED)
    except OSError as error:
        says.send(f"cannot write to {folder}: {error.strerror}; mend that and run the command again")
        sys.exit(FAILED)
    except Exception as error:  # of what no one has thought of, one file's fault must not stop the others
        traceback.print_exc()
        says.send(f"{type(error).__name__}: {error}")
        sys.exit(BROKEN)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    """End by an exception, so that files half written are removed."""
    sys.exit(128 + number)


def usable_cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
