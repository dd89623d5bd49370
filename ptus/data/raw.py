"""Raw videos: finding them, telling them apart, whose they are, and making clips of one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from ptus.data.cutting import ChangedError, Cutter
from ptus.data.records import Record
from ptus.data.survey import Limits, survey
from ptus.data.tables import read_table
from ptus.errors import UserError
from ptus.faces import FaceDetector, HaarDetector, YuNetDetector
from ptus.video import VideoReader

SUFFIXES = frozenset(
    {".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".webm", ".wmv"}
)
"""Of files that are looked for in folders."""
SAMPLES, SAMPLE_BYTES = 16, 1 << 16
LONGEST_NAME = 40


@dataclass(frozen=True)
class RawVideo:
    """A raw video, and what to make of it; a task.

    Args:
        path: of the file.
        name: path within the folder that was given, or the file's name.
        key: from the file's contents: the same video has the same key wherever it lies.
        identity: of the person in it.
        limits: what makes a clip.
        face_detector: YuNet's model file; None for OpenCV's cascades.
    """

    path: Path
    name: str
    key: str
    identity: str
    limits: Limits
    face_detector: Path | None

    def run(self, folder: Path) -> Record:
        """Make its clips; what cannot be read becomes a record that says why."""
        detector: FaceDetector = HaarDetector() if self.face_detector is None else YuNetDetector(self.face_detector)
        try:
            with VideoReader(self.path) as video:
                seen = survey(video, detector, self.limits)
                damage = video.damage
        except UserError as error:
            return Record(self.key, self.name, self.identity, error=str(error))
        identifier = re.sub(r"[^A-Za-z0-9]+", "-", Path(self.name).stem).strip("-")[:LONGEST_NAME]
        cutter = Cutter(self.path, self.name, f"{identifier or 'raw'}-{self.key}", folder, self.limits.size)
        try:
            clips = cutter.cut(seen.pieces)
        except ChangedError:
            return Record(self.key, self.name, self.identity, error="it gives other frames when it is read again")
        return Record(self.key, self.name, self.identity, round(seen.seconds, 3), clips, seen.rejections, damage=damage)


def find_videos(places: Sequence[Path], left_out: Path) -> list[tuple[Path, str]]:
    """The videos among files and folders, each once, with their names, in the order of these.

    Args:
        places: files, taken whatever they are, and folders, searched for files with a video's suffix.
        left_out: a folder that is not searched.

    Raises:
        UserError: where there is no such place, or no video in a folder.
    """
    found: dict[Path, str] = {}
    for place in places:
        if place.is_dir():
            inside = [path for path in sorted(place.rglob("*")) if path.suffix.lower() in SUFFIXES and path.is_file()]
            inside = [path for path in inside if left_out.resolve() not in path.resolve().parents]
            if not inside:
                raise UserError(f"there is no video in {place}; give a folder with videos, or the files themselves")
            for path in inside:
                found.setdefault(path.resolve(), path.relative_to(place).as_posix())
        elif place.is_file():
            found.setdefault(place.resolve(), place.name)
        else:
            raise UserError(f"there is no {place}; give video files, or folders of them")
    # Names of files need not be text; what is written about them is.
    named = ((path, name.encode("utf-8", "replace").decode()) for path, name in found.items())
    return sorted(named, key=lambda item: (item[1], item[0]))


def fingerprint(path: Path) -> str:
    """A name for what is in a file: from its length and samples of it, so that large files are quickly told apart.

    Raises:
        UserError: where it cannot be read.
    """
    try:
        length = path.stat().st_size
        digest = blake2b(str(length).encode(), digest_size=5, person=b"ptus raw")
        with path.open("rb") as file:
            for number in range(SAMPLES):
                file.seek(max(0, length - SAMPLE_BYTES) * number // (SAMPLES - 1))
                digest.update(file.read(SAMPLE_BYTES))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; leave it out") from error
    return digest.hexdigest()


def read_identities(path: Path, names: Sequence[str]) -> dict[str, str]:
    """Who is in which raw video, from a CSV file with the columns file and identity.

    Args:
        path: of the CSV file.
        names: of the raw videos.

    Raises:
        UserError: where it cannot be read, or a line names no raw video, or one that another line names.
    """
    mend = "give a CSV file with the columns file,identity to --identities"
    identities: dict[str, str] = {}
    for row in read_table(path, ("file", "identity"), mend):
        name = row.cells["file"]
        if name not in names:
            raise row.error("file", "the name of a raw video, within its folder")
        if name in identities:
            raise row.error("file", "each raw video once")
        identities[name] = row.cells["identity"].strip()
        if not identities[name]:
            raise row.error("identity", "a name")
    return identities
