"""Clips of puppets: one each, with its face track and its true motion."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import torch

from ptus.data.dataset import write_track
from ptus.data.puppets.acting import Performance, perform
from ptus.data.puppets.features import LANDMARKS
from ptus.data.puppets.person import make_person
from ptus.data.puppets.rendering import Drawn, Puppet
from ptus.data.puppets.torso import KEYPOINTS
from ptus.data.puppets.voice import write_voice
from ptus.data.records import ClipRecord, Record
from ptus.data.sharpness import face_sharpness
from ptus.data.truth import TrueMotion, write_motion
from ptus.faces import FaceBox
from ptus.video import VideoWriter
from ptus.video.audio import AudioTrack

FPS = 25
FRAMES = 100
COMMENT = "Synthetic: a drawn puppet, rendered by ptus prepare"


@dataclass(frozen=True)
class PuppetClip:
    """A clip to be rendered; a task.

    Args:
        seed: of the data set.
        index: of the puppet: with the seed it decides everything about it.
        size: side of the clip, pixels.
        frames: how long it is.
    """

    seed: int
    index: int
    size: int
    frames: int = FRAMES

    @property
    def key(self) -> str:
        """Names the clip and its record."""
        return f"puppet-{self.seed}-{self.index:05}"

    @property
    def name(self) -> str:
        """As the user knows it."""
        return self.key

    @property
    def identity(self) -> str:
        """Every puppet is a person of its own."""
        return self.key

    def run(self, folder: Path) -> Record:
        """Render it."""
        for name in ("clips", "motion", "tracks"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng((self.seed, self.index))
        puppet = Puppet(make_person(random), self.size)
        performance = perform(random, self.frames, FPS)
        path = folder / "clips" / f"{self.key}.mp4"
        drawn: list[Drawn] = []
        sharpness, boxes = [], []
        with TemporaryDirectory() as scratch:
            voice = Path(scratch) / "voice.wav"
            write_voice(voice, performance.mouth, FPS, puppet.person.voice, random)
            sound = AudioTrack.of(voice)
            with VideoWriter(path, Fraction(FPS), self.size, self.size, comment=COMMENT, audio=sound) as video:
                for frame in puppet.play(performance):
                    video.write(frame.pixels)
                    boxes.append(puppet.face_box(frame))
                    sharpness.append(face_sharpness(frame.pixels, boxes[-1]))
                    drawn.append(frame._replace(pixels=frame.pixels[:0]))
        write_motion(folder / "motion" / f"{self.key}.safetensors", _truth(puppet, performance, drawn))
        write_track(folder / "tracks" / f"{self.key}.csv", boxes)
        seconds = self.frames / FPS
        return Record(self.key, self.name, self.identity, seconds, [self._record(boxes, seconds, median(sharpness))])

    def _record(self, boxes: list[FaceBox], seconds: float, sharpness: float) -> ClipRecord:
        return ClipRecord(
            id=self.key,
            fps=str(FPS),
            frames=self.frames,
            size=self.size,
            audio=True,
            start=0.0,
            seconds=seconds,
            square=self.size,
            face=round(median(box.height for box in boxes), 1),
            sharpness=round(sharpness, 4),
        )


def _truth(puppet: Puppet, performance: Performance, drawn: list[Drawn]) -> TrueMotion:
    return TrueMotion(
        rotation=torch.from_numpy(np.stack([frame.pose.rotation for frame in drawn])),
        translation=torch.from_numpy(np.stack([frame.pose.translation for frame in drawn])),
        scale=torch.tensor([[frame.pose.scale] for frame in drawn]),
        face=torch.from_numpy(np.stack([frame.face for frame in drawn])),
        canonical=torch.from_numpy(puppet.canonical),
        body=torch.from_numpy(np.stack([frame.body for frame in drawn])),
        eyes=torch.from_numpy(performance.eyes),
        mouth=torch.from_numpy(performance.mouth)[:, None],
        face_names=LANDMARKS,
        body_names=KEYPOINTS,
    )
