"""`ptus prepare`."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import tyro

from ptus.commands.options import Count, File
from ptus.data.jobs import Task, usable_cores
from ptus.data.preparing import make_dataset
from ptus.data.puppets.clips import PuppetClip
from ptus.data.raw import RawVideo, find_videos, fingerprint, read_identities
from ptus.data.records import Record
from ptus.data.summary import duration, summarise
from ptus.data.survey import Limits
from ptus.errors import UserError
from ptus.faces import YuNetDetector
from ptus.stopping import stop_on_signals

SIZES = (64, 1024)


def prepare(
    raw: tyro.conf.Positional[tuple[Path, ...]] = (),
    *,
    output: Annotated[Path, tyro.conf.arg(aliases=("--out",))],
    size: int = 512,
    shortest: float = 2.0,
    longest: float = 10.0,
    identities: File = None,
    face_detector: File = None,
    synthetic: Count = None,
    seed: int = 0,
    workers: Count = None,
) -> None:
    """Make a data set of upper-body clips with sharp faces from raw videos, or of drawn puppets.

    Each shot in which one face is followed is cut to a square that stays in place, with the sound. What is left out,
    and why, is in report.html. Ctrl-C finishes the lists with what is done so far; the same command continues, and does
    nothing again that is done. Whoever makes a data set of people needs their consent.

    Args:
        raw: Videos, and folders of them.
        output: Folder of the data set; made if it is not there.
        size: Side of the clips in pixels, 64 to 1024, even. Nothing is enlarged: what has fewer pixels is left out.
        shortest: Seconds that a clip must have.
        longest: Seconds that a clip may have; longer shots are cut into equal parts.
        identities: CSV file with the columns file,identity; videos that it leaves out are of a person each.
        face_detector: YuNet's model file, *.onnx, to find faces with; without it, OpenCV's cascades.
        synthetic: Instead of raw videos: so many puppets, whose motion is known.
        seed: Of the puppets.
        workers: Processes at a time; without it, one a processor.
    """
    if bool(raw) == (synthetic is not None):
        raise UserError("give either raw videos, or --synthetic N for puppets")
    for option, count in (("--workers", workers), ("--synthetic", synthetic)):
        if count is not None and count < 1:
            raise UserError(f"{option} {count} is too few; give at least 1")
    if size % 2 or not SIZES[0] <= size <= SIZES[1]:
        raise UserError(f"--size {size} does not work; give an even number of {SIZES[0]} to {SIZES[1]} pixels")
    if not 0 < shortest <= longest:
        raise UserError(f"--shortest {shortest:g} --longest {longest:g} does not work; give 0 < shortest ≤ longest")
    if find_spec("matplotlib") is None:
        raise UserError("matplotlib draws the report and is not installed: pip install 'ptus[data]'")
    if synthetic is not None:
        if identities is not None or face_detector is not None:
            raise UserError("--identities and --face-detector are for raw videos; leave them out with --synthetic")
        if seed < 0:
            raise UserError(f"--seed {seed} does not work; give 0 or more")
        puppets = [PuppetClip(seed, index, size) for index in range(synthetic)]
        _make(puppets, {clip.key: clip.identity for clip in puppets}, {"seed": seed, "size": size}, output, workers)
        return
    settings: dict[str, Any] = {"size": size, "shortest": shortest, "longest": longest, "face_detector": None}
    if face_detector is not None:
        YuNetDetector(face_detector)
        settings["face_detector"] = fingerprint(face_detector)
    videos = _raw_videos(raw, output, identities, Limits(size, shortest, longest), face_detector)
    _make(videos, {video.key: video.identity for video in videos}, settings, output, workers)


def _raw_videos(
    raw: tuple[Path, ...], output: Path, identities: Path | None, limits: Limits, face_detector: Path | None
) -> list[RawVideo]:
    found = find_videos(raw, output)
    people = {} if identities is None else read_identities(identities, [name for _, name in found])
    videos: dict[str, RawVideo] = {}
    for path, name in found:
        key = fingerprint(path)
        if key in videos:
            print(f"ptus: {name} is the same video as {videos[key].name}; it is left out", file=sys.stderr)
            continue
        videos[key] = RawVideo(path, name, key, people.get(name, f"{Path(name).stem}-{key}"), limits, face_detector)
    return list(videos.values())


def _make(
    tasks: list[PuppetClip] | list[RawVideo],
    identities: dict[str, str],
    settings: dict[str, Any],
    output: Path,
    workers: int | None,
) -> None:
    given: list[Task] = [*tasks]
    with stop_on_signals() as stop:
        records = make_dataset(given, identities, settings, output, workers or usable_cores(), stop)
    _tell(output, records)
    if stop.signal is not None:
        print("stopped early; the same command continues")
        sys.exit(stop.status)


def _tell(output: Path, records: list[Record]) -> None:
    summary = summarise(records)
    for name, why in (*summary.broken, *summary.damaged):
        print(f"ptus: {name}: {why}", file=sys.stderr)
    print(
        f"{output}: {len(summary.clips)} clips, {duration(summary.clip_seconds)}, of {summary.videos} videos, "
        f"{duration(summary.seconds)}; {output / 'report.html'} shows them, and what was left out"
    )
    for split in summary.splits:
        print(f"{split.name:<11}{split.identities:>6} identities {split.clips:>6} clips  {duration(split.seconds)}")
    for reason, seconds in summary.rejected.items():
        print(f"left out: {reason}, {summary.parts[reason]} parts, {duration(seconds)}")
