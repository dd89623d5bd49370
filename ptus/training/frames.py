"""Frames at training size: each clip is decoded once, and mapped into memory from then on."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from ptus.data.dataset import Clip
from ptus.data.truth import read_motion
from ptus.errors import UserError
from ptus.files import replacing
from ptus.images import resized
from ptus.training.known import KnownMotion
from ptus.video import VideoReader


@dataclass(frozen=True)
class CachedClip:
    """A clip's frames, ready to be trained on.

    Args:
        frames: (T, S, S, 3) of uint8, RGB, mapped from a file.
        boxes: the faces, brows to chin: (T, 4), x0, y0, x1, y1 in [-1, 1] of the frame.
        known: what is known of the motion in them.
    """

    frames: npt.NDArray[np.uint8]
    boxes: npt.NDArray[np.float32]
    known: KnownMotion


def cached_clips(clips: Sequence[Clip], folder: Path, size: int, *, progress: bool = True) -> list[CachedClip]:
    """The frames of clips, decoded to `folder` where they are not there yet; says what decoding took.

    Raises:
        UserError: where a clip cannot be decoded, is not as clips.csv says, or the folder cannot be written to.
    """
    missing = [clip for clip in clips if not _is_there(clip, folder, size)]
    start, decoded = time.perf_counter(), 0
    for clip in tqdm(missing, desc="decoding", unit="clip", disable=None if progress else True):
        try:
            _decode(clip, folder, size)
        except OSError as error:
            raise UserError(f"cannot write to {folder}: {error.strerror}; make room, or give another folder") from error
        decoded += clip.frames
    if decoded and progress:
        seconds = time.perf_counter() - start
        print(f"decoded {decoded} frames in {seconds:.1f} s, {1000 * seconds / decoded:.2f} ms each, once for all")
    return [CachedClip(np.load(_path(clip, folder, size), mmap_mode="r"), _boxes(clip), _known(clip)) for clip in clips]


def _path(clip: Clip, folder: Path, size: int) -> Path:
    return folder / f"{clip.id}-{size}.npy"


def _is_there(clip: Clip, folder: Path, size: int) -> bool:
    path = _path(clip, folder, size)
    if not path.is_file() or path.stat().st_mtime < clip.path.stat().st_mtime:
        return False
    try:
        stored = np.load(path, mmap_mode="r")
    except (ValueError, EOFError, OSError):
        return False
    return bool(stored.shape == (clip.frames, size, size, 3) and stored.dtype == np.uint8)


def _decode(clip: Clip, folder: Path, size: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(_path(clip, folder, size)) as partial, VideoReader(clip.path) as video:
        frames = np.lib.format.open_memmap(partial, "w+", np.uint8, (clip.frames, size, size, 3))
        count = 0
        for frame in video:
            if count < clip.frames:
                frames[count] = resized(frame.pixels, size, size)
            count += 1
        if count != clip.frames:
            raise UserError(f"{clip.path} has {count} frames, clips.csv says {clip.frames}; run ptus prepare again")
        frames.flush()


def _boxes(clip: Clip) -> npt.NDArray[np.float32]:
    edges = [(box.x, box.y, box.x + box.width, box.y + box.height) for box in clip.face_boxes()]
    sides = np.array([clip.width, clip.height] * 2, np.float32)
    return (2 * np.array(edges, np.float32) / sides - 1).astype(np.float32)


def _known(clip: Clip) -> KnownMotion:
    if clip.motion is None:
        return KnownMotion.nothing(clip.frames)
    motion = read_motion(clip.motion)
    if len(motion.scale) != clip.frames:
        raise UserError(f"{clip.motion} has {len(motion.scale)} frames, the clip {clip.frames}; run ptus prepare again")
    try:
        return KnownMotion.of(motion)
    except UserError as error:
        raise UserError(f"{clip.motion}: {error}") from error
