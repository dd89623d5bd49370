"""The whole model: a source's appearance, anyone's motion, and the picture of the one moved by the other."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.profiler import record_function

from ptus.model.above import CutOff
from ptus.model.appearance import Appearance, AppearanceEncoder
from ptus.model.body import BodyEstimator
from ptus.model.config import ModelConfig
from ptus.model.decoder import Decoder
from ptus.model.enlarging import enlarged
from ptus.model.face import FaceEstimator
from ptus.model.hair import Hair
from ptus.model.layers import precise
from ptus.model.motion import Motion
from ptus.model.source_edges import WHOLE_PICTURE, Sides
from ptus.model.warping import Warped, Warping

STAGES = ("encode", "estimate", "warp", "decode")
"""What a profiler shows of a model, in the order it runs."""


@dataclass(frozen=True)
class Rendered:
    """Pictures, and the warp behind them.

    Args:
        pictures: (B, 3, S, S), RGB in [0, 1], float32.
        drawn: the same before the source itself is blended in.
        shown: logits of the source's share in them, (B, 1, S, S).
        flow: where each of their points is seen in the source, (B, S, S, 2).
        warped: the source's features that they are drawn from.
    """

    pictures: Tensor
    drawn: Tensor
    shown: Tensor
    flow: Tensor
    warped: Warped


class PTUS(nn.Module):
    """Photo-realistic talking upper-body synthesis, slim.

    The three decompositions are the paper's: face and body, local and global motion of the face, coarse-to-fine warping
    of 3-D features; everything beyond its abstract is our own design.

    Args:
        config: sizes and switches.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.appearance = AppearanceEncoder(config)
        self.body = BodyEstimator(config) if config.face_body else None
        self.face = FaceEstimator(config)
        self.warping = Warping(config)
        self.decoder = Decoder(config)

    def encode(self, source: Tensor) -> Appearance:
        """Encode the appearance of source pictures (B, 3, S, S), RGB in [0, 1].

        Raises:
            ValueError: for pictures of another size.
        """
        with record_function("encode"):
            appearance: Appearance = self.appearance(self._input("source", source), precise(source))
            return appearance

    def estimate(self, frames: Tensor, face_boxes: Tensor) -> Motion:
        """Estimate the motion in frames.

        Args:
            frames: (B, 3, S, S), RGB in [0, 1].
            face_boxes: where the faces are, brows to chin: (B, 4), x0, y0, x1, y1 in [-1, 1] of the frame.

        Returns:
            The motion, in float32 whatever the model's type.

        Raises:
            ValueError: for frames of another size, or boxes of another shape.
        """
        pictures = self._input("frames", frames)
        if face_boxes.shape != (len(frames), 4):
            raise ValueError(f"face_boxes: expected ({len(frames)}, 4), got {tuple(face_boxes.shape)}")
        boxes = face_boxes.to(precise(pictures[:0]).dtype)
        with record_function("estimate"):
            body = boxes.new_zeros(len(boxes), 0, 3) if self.body is None else self.body(pictures)
            motion: Motion = self.face(pictures, boxes, body)
            return motion

    def render(
        self,
        appearance: Appearance,
        source: Motion,
        driven: Motion,
        large: Tensor | None = None,
        goes_on: Sides = WHOLE_PICTURE,
    ) -> Tensor:
        """Render a source as a motion has it.

        Args:
            appearance: of one source, or of as many as there are motions.
            source: motion of the source picture itself, of one frame or as many.
            driven: the motion to show, of B frames.
            large: the source pictures at a larger size, (1, 3, H, H) or (B, 3, H, H), RGB in [0, 1], float32: for
                pictures of that size, with the source's own details.
            goes_on: the sides at which these go on in the pictures they are put back into: edges fit what stays there.

        Returns:
            Pictures (B, 3, S, S), or of the size of `large`, RGB in [0, 1], float32.

        Raises:
            ValueError: for sides at which nothing is given to go on.
        """
        if large is None and any(goes_on):
            raise ValueError(f"large: expected the source pictures, since they go on at {goes_on}; got None")
        rendered = self.render_with_warp(appearance, source, driven, goes_on)
        if large is None:
            return rendered.pictures
        with record_function("decode"):
            of_each = large.expand(len(driven), -1, -1, -1)
            face_flow = rendered.warped.face_flow
            pictures: Tensor = enlarged(of_each, rendered.flow, rendered.shown, rendered.drawn, face_flow, goes_on)
            return pictures

    def render_with_warp(
        self, appearance: Appearance, source: Motion, driven: Motion, goes_on: Sides = WHOLE_PICTURE
    ) -> Rendered:
        """As `render`, with the warp behind the pictures, for losses and for looking at.

        Of the sides the top one counts: where a source goes on there, no hair is cut off.
        """
        frames = len(driven)
        of_one = len(appearance.volume) == len(source) == 1
        hair = Hair.of(appearance.picture, source).expand(frames) if self.config.has_surroundings and of_one else None
        if len(appearance.volume) != frames:
            appearance = appearance.expand(frames)
        if len(source) != frames:
            source = source.expand(frames)
        if self.config.has_surroundings and hair is None:
            hair = Hair.of(appearance.picture, source)
        cut_off = None if hair is None or goes_on.top else CutOff.of(source, hair)
        with record_function("warp"):
            warped: Warped = self.warping(appearance, source, driven, hair)
        with record_function("decode"):
            pictures, drawn, shown, flow = self.decoder(warped, appearance, cut_off)
        return Rendered(pictures, drawn, shown, flow, warped)

    def forward(self, source: Tensor, source_box: Tensor, driving: Tensor, driving_box: Tensor) -> Tensor:
        """Self-reenactment, as in training: the source pictures moved to where the driving frames are."""
        return self.render(self.encode(source), self.estimate(source, source_box), self.estimate(driving, driving_box))

    def _input(self, name: str, pictures: Tensor) -> Tensor:
        side = self.config.size
        if pictures.dim() != 4 or pictures.shape[1:] != (3, side, side):
            raise ValueError(f"{name}: expected (B, 3, {side}, {side}), got {tuple(pictures.shape)}")
        weight = self.decoder.picture_and_shown.weight
        return pictures.to(weight.dtype).contiguous(memory_format=torch.channels_last) * 2 - 1
