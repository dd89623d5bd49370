"""How a pair of frames is varied: both are turned, enlarged, mirrored, recoloured, lit and blurred alike."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch

from ptus.images import Pixels, resized
from ptus.training.known import KnownMotion

Floats = npt.NDArray[np.float32]

LARGEST_GAIN = 0.25  # of a channel and of gamma, as logarithms
LARGEST_TURN = math.radians(10)
LARGEST_ZOOM = 0.25  # a logarithm, as is the stretch
LARGEST_STRETCH = 0.1  # of the height over the width: another face
LARGEST_SHIFT = 0.1
STRONGEST_COLOURS = 1.4  # 1 leaves them
LARGEST_SHADE = 0.35  # of the picture's edges against its middle, a logarithm: light comes from one side
BLURRED, LEAST_SHARPNESS = 0.3, 0.35  # how often, and the least share of the size that is as sharp
SWAPPED = 0.1  # of the pairs have channels swapped: no colour of skin or cloth is to be relied on


@dataclass(frozen=True)
class Variation:
    """Points p of a frame, in [-1, 1], go to (zoom ∘ p) · turn + shift; a mirrored frame is mirrored first.

    Args:
        mirrored: whether left and right change places.
        turn: (2, 2), a rotation for row vectors.
        zoom: how much wider and how much higher everything becomes, (2,).
        shift: (2,).
        gains: what the channels are multiplied by, (3,).
        gamma: power of the levels, in [0, 1].
        colours: how strong they are, 0 for grey.
        channels: their new order, (3,).
        shade: logarithm of how much brighter the right and the lower edge are than the middle, (2,).
        sharpness: share of the frame's size at which it is as sharp; 1 leaves it.
    """

    mirrored: bool
    turn: Floats
    zoom: Floats
    shift: Floats
    gains: Floats
    gamma: float
    colours: float
    channels: npt.NDArray[np.int64]
    shade: Floats
    sharpness: float

    @classmethod
    def random(cls, random: np.random.Generator) -> "Variation":
        """One at random."""
        angle = random.uniform(-LARGEST_TURN, LARGEST_TURN)
        stretch = random.uniform(-LARGEST_STRETCH, LARGEST_STRETCH)
        turn = [[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]]
        return cls(
            mirrored=bool(random.random() < 0.5),
            turn=np.array(turn, np.float32),
            zoom=np.exp(random.uniform(0, LARGEST_ZOOM) + stretch * np.array([-0.5, 0.5])).astype(np.float32),
            shift=random.uniform(-LARGEST_SHIFT, LARGEST_SHIFT, 2).astype(np.float32),
            gains=np.exp(random.uniform(-LARGEST_GAIN, LARGEST_GAIN, 3)).astype(np.float32),
            gamma=math.exp(random.uniform(-LARGEST_GAIN, LARGEST_GAIN)),
            colours=random.uniform(0, STRONGEST_COLOURS),
            channels=random.permutation(3) if random.random() < SWAPPED else np.arange(3),
            shade=random.uniform(-LARGEST_SHADE, LARGEST_SHADE, 2).astype(np.float32),
            sharpness=random.uniform(LEAST_SHARPNESS, 1) if random.random() < BLURRED else 1.0,
        )

    def pictures(self, frames: npt.NDArray[np.uint8]) -> Floats:
        """Frames (T, S, S, 3), RGB → the same in [0, 1]; what comes from beyond the edge is reflected."""
        side = frames.shape[1]
        linear = self.turn.T @ np.diag(self.zoom * [-1.0 if self.mirrored else 1.0, 1.0])
        middle = (side - 1) / 2
        offset = middle + self.shift * side / 2 - linear @ np.full(2, middle)
        whole, coarse = (side, side), (round(side * self.sharpness),) * 2
        moved: list[Pixels] = [
            cv2.warpAffine(frame, np.column_stack((linear, offset)), whole, borderMode=cv2.BORDER_REFLECT_101).astype(
                np.uint8, copy=False
            )
            for frame in frames
        ]
        if self.sharpness < 1:
            moved = [resized(resized(frame, *coarse), *whole) for frame in moved]
        levels = (np.stack(moved).astype(np.float32) / 255)[..., self.channels]
        grey = levels.mean(axis=-1, keepdims=True)
        strong = np.clip(grey + np.float32(self.colours) * (levels - grey), 0, 1)
        across = np.linspace(-1, 1, side, dtype=np.float32)
        light = np.exp(self.shade[0] * across + self.shade[1] * across[:, None])[..., None]
        return np.asarray(np.clip(self.gains * light * strong ** np.float32(self.gamma), 0, 1), np.float32)

    def boxes(self, boxes: Floats) -> Floats:
        """Boxes (T, 4), x0, y0, x1, y1 → boxes around the moved centres, of the new size."""
        low, high = boxes[:, :2], boxes[:, 2:]
        centres, halves = self._points(np.asarray((low + high) / 2, np.float32)), self.zoom * (high - low) / 2
        return np.concatenate((centres - halves, centres + halves), axis=1).astype(np.float32)

    def motion(self, known: KnownMotion) -> KnownMotion:
        """What is known of frames → what is known of them varied."""
        return known.moved(self.mirrored, *map(torch.from_numpy, (self.turn, self.zoom, self.shift)))

    def _points(self, points: Floats) -> Floats:
        mirrored = points * np.array([-1.0 if self.mirrored else 1.0, 1.0], np.float32)
        return ((self.zoom * mirrored) @ self.turn + self.shift).astype(np.float32)
