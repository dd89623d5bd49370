"""A data set made, or continued: what is to do, done by several processes, and listed."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ptus.data.dataset import write_clips
from ptus.data.jobs import Task, run_tasks
from ptus.data.records import FOLDER, Record, read_records, write_record
from ptus.data.report import write_report
from ptus.errors import UserError
from ptus.files import replacing
from ptus.stopping import Stop

SETTINGS = "settings.json"
FOLDERS = ("clips", "tracks", FOLDER)


def make_dataset(
    tasks: Sequence[Task],
    identities: dict[str, str],
    settings: dict[str, Any],
    folder: Path,
    workers: int,
    stop: Stop,
) -> list[Record]:
    """Do what is not done yet, then write clips.csv and the report, of everything that the folder holds.

    Args:
        tasks: all that is asked for; what has a record is left out.
        identities: of those that are asked for, by the keys of the tasks: done ones take them too.
        settings: that all clips of the folder share.
        folder: of the data set; made if it is not there.
        workers: processes at a time.
        stop: whether the user wants to stop; what is done so far is listed.

    Returns:
        What became of everything, by the keys' order.

    Raises:
        UserError: where the folder holds something else, or cannot be written to.
    """
    try:
        _open_folder(folder, settings)
        records = read_records(folder)
        for key, identity in identities.items():
            if key in records and records[key].identity != identity:
                records[key] = replace(records[key], identity=identity)
                write_record(folder, records[key])
        left = [task for task in tasks if task.key not in records]
        crashed = {}
        with tqdm(total=len(tasks), initial=len(tasks) - len(left), unit="video", disable=None) as progress:
            for task, crash in run_tasks(left, folder, workers, stop):
                if crash is not None:
                    # No record is kept: it may have been for want of memory, and is tried again next time.
                    crashed[task.key] = Record(task.key, task.name, identities[task.key], error=crash)
                progress.update()
        results = sorted((read_records(folder) | crashed).values(), key=lambda record: record.key)
        clips = [clip for record in results for clip in record.listed(folder)]
        write_clips(folder, clips)
        write_report(folder, results, settings)
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}; choose another --output") from error
    return results


def _open_folder(folder: Path, settings: dict[str, Any]) -> None:
    """Make a folder ready, or check that what it holds can be continued; remove what was half written."""
    kept = folder / SETTINGS
    if folder.is_dir() and any(folder.iterdir()) and not kept.is_file():
        raise UserError(f"--output {folder} holds other things; give an empty folder or one that ptus prepare made")
    for name in (*FOLDERS, "motion") if "seed" in settings else FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for partial in (folder / name).glob(".*.partial*"):
            partial.unlink()
    if not kept.is_file():
        with replacing(kept) as partial:
            partial.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
        return
    try:
        before = json.loads(kept.read_text(encoding="utf-8"))
        differing = sorted(name for name in before.keys() | settings.keys() if before.get(name) != settings.get(name))
    except (ValueError, AttributeError) as error:
        raise UserError(f"{kept} is damaged; give another --output") from error
    if differing:
        named = ", ".join(f"{name} {before.get(name)}" for name in differing)
        raise UserError(f"--output {folder} was made with other settings ({named}); repeat them or give another folder")
