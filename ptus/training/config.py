"""How a model is trained: one typed configuration, stored beside the optimiser's state."""

import math
from dataclasses import dataclass, field, is_dataclass, replace
from typing import Any, Literal

Precision = Literal["float32", "bfloat16", "float16"]


@dataclass(frozen=True)
class LossWeights:
    """What each loss counts; 0 switches it off.

    Those of face-vid2vid (Wang et al. 2021, table 6 of its appendix) where it has the loss.

    Args:
        perceptual: difference of the pictures as VGG-19 sees them, or on pyramids without its weights.
        pixels: mean absolute difference of the pictures.
        face: both again for the crop of the head.
        eyes_mouth: and again for crops of eyes and mouth.
        drawn: and again for the whole picture as the decoder draws it, before the source itself is blended in.
        adversarial: the discriminators take the picture for real.
        feature_matching: difference of the pictures as the discriminators see them.
        equivariance: keypoints follow when the picture is moved.
        keypoint_spread: keypoints keep apart.
        keypoint_depth: keypoints lie about the middle of the volume.
        expression: what the head's motion explains is not explained by expression.
        known_motion: where the motion is known, as of rendered clips, it is that.
        known_flow: where landmarks of the face are known, the flow takes them to their places in the source.
        face_region: the face region is where the face is.
    """

    perceptual: float = 10.0
    pixels: float = 10.0
    face: float = 1.0
    eyes_mouth: float = 1.0
    drawn: float = 0.5
    adversarial: float = 1.0
    feature_matching: float = 10.0
    equivariance: float = 20.0
    keypoint_spread: float = 10.0
    keypoint_depth: float = 1.0
    expression: float = 1.0
    known_motion: float = 50.0
    known_flow: float = 10.0
    face_region: float = 2.0

    def __post_init__(self) -> None:
        """Refuse what is no weight.

        Raises:
            ValueError: naming it.
        """
        for name, weight in vars(self).items():
            if not 0 <= weight < math.inf:
                raise ValueError(f"{name}: expected a weight of at least 0, got {weight}")

    @property
    def look_at_pictures(self) -> bool:
        """Whether anything is to be drawn: without it the estimators are trained alone, which takes a fraction."""
        seen = ("perceptual", "pixels", "adversarial", "feature_matching", "known_flow", "face_region")
        return any(getattr(self, name) for name in seen)


@dataclass(frozen=True)
class TrainingConfig:
    """How to train.

    Args:
        steps: how many in all.
        batch: pairs of frames a step and process.
        learning_rate: of the generator; it rises over `warm_up` steps and falls as a cosine to a hundredth.
        discriminator_learning_rate: likewise.
        warm_up: steps.
        adversarial_from: the step from which on there are discriminators.
        clip_norm: the largest norm of the generator's gradient.
        ema: how much of the averaged weights a step keeps.
        precision: of convolutions; motion stays in float32.
        only: modules to train, like `warping` or `face.close_up`, while the others stay as they are; none for all.
        seed: of weights, pairs and augmentation.
        weights: of the losses.
    """

    steps: int = 100_000
    batch: int = 8
    learning_rate: float = 2e-4
    discriminator_learning_rate: float = 2e-4
    warm_up: int = 500
    adversarial_from: int = 5_000
    clip_norm: float = 10.0
    ema: float = 0.999
    precision: Precision = "float32"
    only: tuple[str, ...] = ()
    seed: int = 0
    weights: LossWeights = field(default_factory=LossWeights)

    def __post_init__(self) -> None:
        """Refuse what nothing can be trained with.

        Raises:
            ValueError: naming it.
        """
        for name in ("steps", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected at least 1, got {getattr(self, name)}")
        for name in ("warm_up", "adversarial_from"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: expected at least 0, got {getattr(self, name)}")
        for name in ("learning_rate", "discriminator_learning_rate", "clip_norm"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name}: expected more than 0, got {getattr(self, name)}")
        if not 0 <= self.seed < 1 << 32:
            raise ValueError(f"seed: expected a number from 0 to 2³² - 1, got {self.seed}")
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema: expected at least 0 and less than 1, got {self.ema}")

    def changed_as(self, given: "TrainingConfig") -> tuple["TrainingConfig", list[str]]:
        """This with those of the given numbers that are not the usual ones, and in words what is not the usual then.

        Raises:
            ValueError: for other modules to train.
        """
        usual, unusual = TrainingConfig(), []

        def overlaid(own: Any, given: Any, usual: Any, prefix: str) -> Any:
            values = {}
            for name, number in vars(given).items():
                before, of_all = getattr(own, name), getattr(usual, name)
                if is_dataclass(number):
                    values[name] = overlaid(before, number, of_all, f"{prefix}{name}.")
                    continue
                values[name] = before if number == of_all else number
                if values[name] != before:
                    unusual.append(f"{prefix}{name}: {number} from here on, {before} so far")
                elif before != of_all:
                    unusual.append(f"{prefix}{name}: {before}, as so far")
            return replace(own, **values)

        changed = overlaid(self, given, usual, "")
        if changed.only != self.only:
            raise ValueError("only: a run goes on with the modules that it began with")
        return changed, unusual

    def learning_rate_factor(self, step: int) -> float:
        """What the learning rates are multiplied by at a step."""
        if step < self.warm_up:
            return (step + 1) / self.warm_up
        progress = (step - self.warm_up) / max(1, self.steps - self.warm_up)
        return 0.01 + 0.99 * (1 + math.cos(math.pi * min(1.0, progress))) / 2
