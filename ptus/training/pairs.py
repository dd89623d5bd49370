"""Pairs of frames of the same clip, drawn and varied: the same number always gives the same pair."""

import signal
from collections.abc import Generator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ptus.model.standing import OPENINGS
from ptus.stopping import WISHES
from ptus.training.batch import Batch
from ptus.training.frames import CachedClip
from ptus.training.known import KnownMotion
from ptus.training.lids_and_lips import opened
from ptus.training.processes import processes, rank
from ptus.training.proportions import of_other_proportions
from ptus.training.turning import turned
from ptus.training.variation import Variation

TURNED = 0.4
"""Of the sources whose motion is known the head is turned: more people look in more directions than were filmed."""
OPENED = 0.4
"""Of all frames whose motion is known, eyes and mouth are moved, for the same reason."""
PROPORTIONED = 0.5
"""Of the pairs whose motion is known, the face is given other proportions: more people look otherwise, too."""
BOX_ERROR = 0.08
"""Deviation of a face box's place, of its side, and of its side's logarithm."""
DIFFERENT, CANDIDATES = 0.5, 8
"""Share of the driving frames that are chosen for their expression, and from how many."""


def jittered(boxes: npt.NDArray[np.float32], random: np.random.Generator) -> npt.NDArray[np.float32]:
    """Boxes (T, 4), x0, y0, x1, y1 → the same, a little beside the faces."""
    low, high = boxes[:, :2], boxes[:, 2:]
    centres = (low + high) / 2 + BOX_ERROR * random.standard_normal((len(boxes), 2)) * (high - low)
    halves = np.exp(BOX_ERROR * random.standard_normal((len(boxes), 1))) * (high - low) / 2
    return np.concatenate((centres - halves, centres + halves), axis=1).astype(np.float32)


def drawn_frames(clip: CachedClip, random: np.random.Generator) -> npt.NDArray[np.int64]:
    """Numbers of a source and a driving frame.

    People blink seldom: half of the driving frames are, of several, the one whose eyes, or whose mouth, are open most
    differently.
    """
    source, *others = random.integers(len(clip.frames), size=1 + CANDIDATES)
    place, differently = random.integers(len(OPENINGS)), random.random() < DIFFERENT
    if not differently:
        return np.array([source, others[0]])
    upper, lower = (clip.known.face[[source, *others], point] for point in OPENINGS[place])
    opening = torch.linalg.vector_norm(upper - lower, dim=1)
    best = int((opening[1:] - opening[0]).abs().nan_to_num(-1.0).argmax())
    return np.array([source, others[best]])


class Pairs(Dataset[Batch]):
    """Source and driving frame of a clip at random; clips count by the root of their length.

    Both are varied alike; only their face boxes err, each by itself, as those of detectors do.

    Args:
        clips: to draw from.
        seed: of the draws.
    """

    def __init__(self, clips: Sequence[CachedClip], seed: int) -> None:
        self.clips = clips
        self.seed = seed
        lengths = np.sqrt([len(clip.frames) for clip in clips])
        self.chances = lengths / lengths.sum()

    def __getitem__(self, number: int) -> Batch:
        """The pair of this number, as a batch of one."""
        random = np.random.default_rng([self.seed, number])
        clip = self.clips[random.choice(len(self.clips), p=self.chances)]
        chosen = drawn_frames(clip, random)
        variation = Variation.random(random)
        pictures = torch.from_numpy(variation.pictures(clip.frames[chosen])).permute(0, 3, 1, 2).contiguous()
        boxes = torch.from_numpy(jittered(variation.boxes(clip.boxes[chosen]), random))
        known = variation.motion(KnownMotion(*(tensor[chosen] for tensor in clip.known.tensors())))
        frames = [(pictures[frame : frame + 1], known[frame : frame + 1]) for frame in range(2)]
        if random.random() < PROPORTIONED and known.has_head():
            frames = of_other_proportions(frames, random)
        (source, source_known), (driving, driving_known) = (
            _opened(*frame, random, painted=first) for frame, first in zip(frames, (True, False), strict=True)
        )
        source_box = boxes[:1]
        if random.random() < TURNED and source_known.has_head():
            source, source_box, source_known = turned(source, source_box, source_known, random)
        return Batch(source, source_box, driving, boxes[1:], source_known.packed(), driving_known.packed())


def _opened(
    picture: Tensor, known: KnownMotion, random: np.random.Generator, painted: bool
) -> tuple[Tensor, KnownMotion]:
    """A frame, with eyes and mouth moved where chance has it."""
    if random.random() < OPENED and known.has_head():
        return opened(picture, known, random, painted=painted)
    return picture, known


def batches(pairs: Pairs, batch: int, first_step: int, steps: int, workers: int) -> Generator[Batch, None, None]:
    """The batches of steps `first_step` to `steps`, those of this process where there are several.

    A step's pairs have the same numbers however many processes share them.

    Args:
        pairs: to batch.
        batch: pairs a step and process.
        first_step: where to start.
        steps: where to end.
        workers: processes that load ahead; 0 loads in this one.
    """
    numbers = [
        [(step * processes() + rank()) * batch + place for place in range(batch)] for step in range(first_step, steps)
    ]
    loader: DataLoader[Batch] = DataLoader(
        pairs, batch_sampler=numbers, num_workers=workers, collate_fn=_joined, worker_init_fn=_leave_signals
    )
    # A generator: closing it lets go of the processes, which ignore being terminated, whatever an error still holds.
    yield from loader


def _leave_signals(worker: int) -> None:
    """A wish to stop may reach every process: only the one that trains decides what comes of it."""
    for wish in WISHES:
        signal.signal(wish, signal.SIG_IGN)


def _joined(samples: list[Batch]) -> Batch:
    names = samples[0].tensors()
    columns: dict[str, Tensor] = {name: torch.cat([sample.tensors()[name] for sample in samples]) for name in names}
    return Batch(**columns)
