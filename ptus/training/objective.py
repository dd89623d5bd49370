"""What a training step makes smaller: every loss of the generator, from one pair of frames a sample."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ptus.model import PTUS, Motion
from ptus.model.crops import crops, head_crops
from ptus.model.discriminator import Discriminators
from ptus.model.model import Rendered
from ptus.training.batch import Batch
from ptus.training.config import LossWeights
from ptus.training.known import LANDMARKS
from ptus.training.losses import priors
from ptus.training.losses.adversarial import adversarial_loss, feature_matching_loss
from ptus.training.losses.equivariance import Transform, equivariance_loss
from ptus.training.losses.truth import known_flow_loss, known_motion_loss, told


@dataclass(frozen=True)
class Outcome:
    """What came of a batch.

    Args:
        losses: every loss by its weight's name, unweighted; those that are switched off are missing.
        rendered: the driving frames as the model draws them, (B, 3, S, S); None where no loss looks at pictures.
    """

    losses: dict[str, Tensor]
    rendered: Tensor | None

    def total(self, weights: LossWeights) -> Tensor:
        """Their weighted sum."""
        return torch.stack([getattr(weights, name) * loss for name, loss in self.losses.items()]).sum()

    def finite(self) -> bool:
        """Whether every loss is a finite number."""
        return all(bool(loss.isfinite()) for loss in self.losses.values())


class Objective(nn.Module):
    """Self-reenactment of driving frames from source frames, and all losses on it.

    Args:
        model: the generator.
        perceptual: compares pictures.
        weights: of the losses; those of weight 0 are not computed.
    """

    def __init__(self, model: PTUS, perceptual: nn.Module, weights: LossWeights) -> None:
        super().__init__()
        self.model = model
        self.perceptual = perceptual
        self.weights = weights

    def forward(self, batch: Batch, transform: Transform, discriminators: Discriminators | None) -> Outcome:
        """Reenact a batch.

        Args:
            batch: the frames.
            transform: what the driving frames are moved by for equivariance.
            discriminators: those that judge; None before there are any.
        """
        model, weights = self.model, self.weights
        count = len(batch.source)
        frames = torch.cat((batch.source, batch.driving))
        boxes = torch.cat((batch.source_boxes, batch.driving_boxes))
        if weights.equivariance:
            frames = torch.cat((frames, transform.pictures(batch.driving)))
            boxes = torch.cat((boxes, transform.boxes(batch.driving_boxes)))
        motion = model.estimate(frames, boxes)
        source, driving, moved = motion[:count], motion[count : 2 * count], motion[2 * count :]
        known = torch.cat((batch.source_known, batch.driving_known))
        losses = self._motion_losses(motion[: 2 * count], known)
        if weights.equivariance:
            losses["equivariance"] = equivariance_loss(driving, moved, transform)
        if not weights.look_at_pictures:
            return Outcome(losses, None)
        driving = driving.about(source.canonical)
        if weights.known_motion:
            source = told(source, batch.source_known, model.config)
            driving = told(driving, batch.driving_known, model.config)
        rendered = model.render_with_warp(model.encode(batch.source), source, driving)
        losses |= self._picture_losses(batch, driving, rendered)
        region = rendered.warped.face_region
        if weights.face_region and region is not None:
            losses["face_region"] = priors.face_region_loss(region, batch.source_boxes, batch.driving_boxes)
        if weights.known_flow:
            losses["known_flow"] = known_flow_loss(
                rendered.flow,
                batch.source_known,
                batch.driving_known,
                lids=not model.config.parts_lids_and_lips,
            )
        if discriminators is not None:
            losses |= self._judgements(batch, rendered.pictures, discriminators)
        return Outcome(losses, rendered.pictures)

    def _motion_losses(self, motion: Motion, known: Tensor) -> dict[str, Tensor]:
        """Of the motion in source and driving frames."""
        weights, losses = self.weights, {}
        if weights.keypoint_spread:
            losses["keypoint_spread"] = priors.spread_loss(motion.body) + priors.spread_loss(motion.canonical)
        if weights.keypoint_depth:
            losses["keypoint_depth"] = priors.depth_loss(torch.cat((motion.body, motion.face), dim=1))
        if weights.expression:
            losses["expression"] = priors.expression_loss(motion)
        if weights.known_motion:
            losses["known_motion"] = known_motion_loss(motion, known, self.model.config)
        return losses

    def _picture_losses(self, batch: Batch, driving: Motion, rendered: Rendered) -> dict[str, Tensor]:
        """Of the whole frame, again of it as drawn, of the head's crop, and of those of eyes and mouth."""
        weights, losses = self.weights, dict[str, Tensor]()
        pairs, side = [(1.0, rendered.pictures, batch.driving)], self.model.config.size
        if weights.drawn:
            pairs.append((weights.drawn, rendered.drawn, batch.driving))
        if weights.face:
            found, expected = (
                head_crops(pictures, batch.driving_boxes, side // 2) for pictures in (rendered.pictures, batch.driving)
            )
            pairs.append((weights.face, found, expected))
        if weights.eyes_mouth and driving.face.shape[1] > max(EYES_AND_MOUTH[0]):
            found, expected = (
                eye_and_mouth_crops(pictures, driving, side // 8) for pictures in (rendered.pictures, batch.driving)
            )
            pairs.append((weights.eyes_mouth, found, expected))
        for share, found, expected in pairs:
            if weights.perceptual:
                _add(losses, "perceptual", share * self.perceptual(found, expected))
            if weights.pixels:
                _add(losses, "pixels", share * (found - expected).abs().mean())
        return losses

    def _judgements(self, batch: Batch, rendered: Tensor, discriminators: Discriminators) -> dict[str, Tensor]:
        weights, losses = self.weights, {}
        if weights.adversarial or weights.feature_matching:
            judged = discriminators(rendered, batch.driving_boxes)
            with torch.no_grad():
                real = discriminators(batch.driving, batch.driving_boxes)
            if weights.adversarial:
                losses["adversarial"] = adversarial_loss(judged)
            if weights.feature_matching:
                losses["feature_matching"] = feature_matching_loss(real, judged)
        return losses


EYES_AND_MOUTH = [
    [LANDMARKS.index(name) for name in names]
    for names in (
        ("left eye upper lid", "left eye lower lid"),
        ("right eye upper lid", "right eye lower lid"),
        ("left mouth corner", "right mouth corner"),
    )
]
CROP = 0.3  # half side of an eye's or a mouth's crop, of the head's half size


def eye_and_mouth_crops(frames: Tensor, motion: Motion, side: int) -> Tensor:
    """Square crops of frames (B, 3, S, S) about both eyes and the mouth, (3 B, 3, side, side); N B where a motion has
    keypoints of N of them only.
    """
    face, half = motion.face.detach(), CROP * motion.scale.detach()
    there = [points for points in EYES_AND_MOUTH if max(points) < face.shape[1]]
    return torch.cat([crops(frames, face[:, points, :2].mean(dim=1), half, side) for points in there])


def _add(losses: dict[str, Tensor], name: str, loss: Tensor) -> None:
    losses[name] = losses[name] + loss if name in losses else loss
