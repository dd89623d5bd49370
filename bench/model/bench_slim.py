"""The slim model: a driving frame of a source that is encoded once, and a training step."""

from collections.abc import Sequence
from copy import deepcopy
from functools import partial

import torch
from torch import Tensor, nn

from bench.case import Asked, Inputs
from bench.model.entry import Entry
from bench.settings import Measure, Setting
from bench.targets import Rate
from ptus.model import PRESETS, PTUS, Motion
from ptus.model.appearance import Appearance, AppearanceEncoder
from ptus.model.body import BodyEstimator
from ptus.model.decoder import Decoder
from ptus.model.face import FaceEstimator
from ptus.model.inference import for_inference
from ptus.model.warping import Warping
from ptus_kernels import use_backend

FACE = (-0.3, -0.6, 0.3, 0.0)
STAGES: dict[type[nn.Module], str] = {
    nn.Conv2d: "convolutions",
    nn.Conv3d: "convolutions",
    AppearanceEncoder: "encoding, the rest",
    BodyEstimator: "estimating, the rest",
    FaceEstimator: "estimating, the rest",
    Warping: "warping, the rest",
    Decoder: "decoding, the rest",
}


def untrained(name: str) -> PTUS:
    """The model of this name, always with the same weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return PTUS(PRESETS[name])


class Frames(nn.Module):
    """Driving frames to pictures of one source: estimation and rendering, as `ptus animate` does it.

    Of frames in bfloat16 appearance and rendering are too; motion is estimated in float32 always.
    """

    source: Tensor

    def __init__(self, model: PTUS) -> None:
        super().__init__()
        self.model = for_inference(model)
        side = model.config.size
        self.register_buffer("source", torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(4)))
        self._ready: tuple[PTUS, Appearance, Motion] | None = None

    def forward(self, frames: Tensor, face_boxes: Tensor) -> Tensor:
        """(B, 3, S, S) and (B, 4) → (B, 3, S, S), of the frames' type."""
        generator, appearance, motion = self._made_ready(frames.dtype)
        driven = self.model.estimate(frames.to(self.source.dtype), face_boxes)
        return generator.render(appearance, motion, driven).to(frames.dtype)

    def _made_ready(self, dtype: torch.dtype) -> tuple[PTUS, Appearance, Motion]:
        """What renders in a type, and the source that it has encoded."""
        if self._ready is None or self._ready[1].volume.dtype != dtype:
            generator = self.model if dtype == self.source.dtype else deepcopy(self.model).to(dtype)
            box = torch.tensor([FACE], device=self.source.device)
            self._ready = generator, generator.encode(self.source), self.model.estimate(self.source, box)
        return self._ready


class InPlainPyTorch(nn.Module):
    """The same module with every op in plain PyTorch."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = deepcopy(module)

    def forward(self, **inputs: Tensor) -> Tensor:
        """As the module's."""
        with use_backend("reference"):
            result: Tensor = self.module(**inputs)
            return result


def _pictures(random: torch.Generator, batch: int, side: int) -> Tensor:
    coarse = torch.rand(batch, 3, 8, 8, generator=random, device=random.device)
    return nn.functional.interpolate(coarse, side, mode="bilinear", align_corners=False)


def _boxes(random: torch.Generator, batch: int) -> Tensor:
    moved = 0.1 * torch.rand(batch, 1, 2, generator=random, device=random.device)
    return (torch.tensor(FACE, device=random.device).view(2, 2) + moved).flatten(1)


def driving_frames(random: torch.Generator, batch: int, side: int) -> Inputs:
    """What `Frames` reads."""
    return {"frames": _pictures(random, batch, side), "face_boxes": _boxes(random, batch)}


def pairs(random: torch.Generator, batch: int, side: int) -> Inputs:
    """What the model reads in training."""
    return {
        "source": _pictures(random, batch, side),
        "source_box": _boxes(random, batch),
        "driving": _pictures(random, batch, side),
        "driving_box": _boxes(random, batch),
    }


def _frames(name: str, readme: bool, asked: Sequence[Asked]) -> Entry:
    side = PRESETS[name].size
    model = Frames(untrained(name))
    return Entry(
        name,
        "driving frame",
        ours=model,
        eager=InPlainPyTorch(model),
        size=(side, side),
        draw=partial(driving_frames, side=side),
        features=("frames",),
        stages=STAGES,
        outside="the rest",
        directions=("forward",),
        dtypes=("float32", "bfloat16"),
        readme=readme,
        asked=asked,
    )


def _rate(frames: float, dtype: str) -> Asked:
    """Of batches, on two cores; in bfloat16 on those that have matrix units for it."""
    return Asked("forward", Rate(frames), dtype=dtype, batch=8)


def _training(name: str) -> Entry:
    side = PRESETS[name].size
    model = untrained(name)
    return Entry(
        f"{name} training",
        "a step",
        ours=model,
        eager=InPlainPyTorch(model),
        size=(side, side),
        draw=partial(pairs, side=side),
        features=("source", "driving"),
        stages=STAGES,
        outside="the rest",
        directions=("both",),
        readme=False,
    )


ENTRIES = [
    _frames("slim-256", readme=True, asked=[_rate(15, "float32"), _rate(40, "bfloat16")]),
    _frames("slim-512", readme=False, asked=[_rate(12, "bfloat16")]),
    _training("slim-256"),
]
CASES = [entry.to_case() for entry in ENTRIES]


def bench_slim(setting: Setting, measure: Measure) -> None:
    """A row a setting."""
    measure(setting)
