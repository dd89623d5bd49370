"""A data set in numbers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ptus.data.dataset import SPLITS, Split
from ptus.data.records import ClipRecord, Record
from ptus.data.splits import split_of


@dataclass(frozen=True)
class SplitSummary:
    """What is in one split."""

    name: str
    identities: int
    clips: int
    frames: int
    seconds: float


@dataclass(frozen=True)
class Summary:
    """What became of all raw videos.

    Args:
        videos: how many there are.
        seconds: how long those are that could be read.
        splits: what is in each.
        clips: all, with the names of their splits.
        rejected: seconds left out, by reason, the most first.
        parts: how many parts were left out, by reason.
        broken: names of the videos that could not be read, and why.
        damaged: names of those of which a part could be read, and what was wrong.
    """

    videos: int
    seconds: float
    splits: list[SplitSummary]
    clips: list[tuple[Split, ClipRecord]]
    rejected: dict[str, float]
    parts: dict[str, int]
    broken: list[tuple[str, str]]
    damaged: list[tuple[str, str]]

    @property
    def clip_seconds(self) -> float:
        """How long all clips are."""
        return sum(split.seconds for split in self.splits)


def summarise(records: Sequence[Record]) -> Summary:
    """Count what is in records."""
    clips = [(split_of(record.identity), clip) for record in records for clip in record.clips]
    splits = []
    for name in SPLITS:
        here = [clip for split, clip in clips if split == name]
        people = {record.identity for record in records if record.clips and split_of(record.identity) == name}
        frames, seconds = sum(clip.frames for clip in here), sum(clip.seconds for clip in here)
        splits.append(SplitSummary(name, len(people), len(here), frames, seconds))
    rejected: Counter[str] = Counter()
    parts: Counter[str] = Counter()
    for record in records:
        for rejection in record.rejections:
            rejected[rejection.reason] += rejection.end - rejection.start  # type: ignore[assignment]  # of floats too
            parts[rejection.reason] += 1
    return Summary(
        videos=len(records),
        seconds=sum(record.seconds for record in records),
        splits=splits,
        clips=clips,
        rejected=dict(rejected.most_common()),
        parts=dict(parts),
        broken=[(record.name, record.error) for record in records if record.error is not None],
        damaged=[(record.name, record.damage) for record in records if record.damage is not None],
    )


def duration(seconds: float) -> str:
    """A length of time as people read it."""
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
