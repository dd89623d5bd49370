"""What a model is made of: one typed configuration, stored in every checkpoint."""

from dataclasses import dataclass, fields
from typing import Any

from ptus.model import standing

SIDES = (128, 256, 512)
VOLUME_SIDES = {128: 32, 256: 64, 512: 64}


@dataclass(frozen=True)
class ModelConfig:
    """Sizes and switches of a `PTUS` model.

    Args:
        size: side of the square pictures it reads and writes, pixels: 128, 256 or 512.
        body_keypoints: keypoints of the whole frame, K_b.
        face_keypoints: canonical keypoints of the face, K_f; of fewer than ten none is read from close up, and
            eyes do not look elsewhere.
        volume_channels: channels of the feature volume, C.
        volume_depth: depth of the feature volume, D.
        width: channels of the feature maps where the decoder starts.
        motion_width: channels of the networks that predict a deformation.
        face_body: estimate face and body apart, and mix their motions by a face region, in which a solid head's
            surroundings have a motion too; without it one set of K_b + K_f keypoints is estimated on the whole frame.
        local_global: split the face's motion into head pose and expression; without it its keypoints move freely, and
            are not read from close up.
        coarse_to_fine: the face's expression moves it at the size of what is warped, and the decoder makes flow
            finer; without it all motions are composed at once, at the volume's size.
        rigid_head: the head moves as a solid body; without it each keypoint takes along what is about it.
    """

    size: int = 256
    body_keypoints: int = 12
    face_keypoints: int = 15
    volume_channels: int = 32
    volume_depth: int = 16
    width: int = 128
    motion_width: int = 96
    face_body: bool = True
    local_global: bool = True
    coarse_to_fine: bool = True
    rigid_head: bool = True

    def __post_init__(self) -> None:
        """Refuse what no model can be built from.

        Raises:
            ValueError: for a size that there is not, a number out of range, or switches that contradict each other.
        """
        if self.size not in SIDES:
            raise ValueError(f"size: expected one of {', '.join(map(str, SIDES))}, got {self.size}")
        for name, largest in _LARGEST.items():
            value = getattr(self, name)
            if not 1 <= value <= largest:
                raise ValueError(f"{name}: expected 1 to {largest}, got {value}")
        for name in ("volume_depth", "width", "motion_width"):
            if getattr(self, name) % 8:
                raise ValueError(f"{name}: expected a multiple of 8, got {getattr(self, name)}")

    @property
    def volume_side(self) -> int:
        """Height and width of the feature volume."""
        return VOLUME_SIDES[self.size]

    @property
    def volume_size(self) -> tuple[int, int, int]:
        """(D, H, W) of the feature volume."""
        return self.volume_depth, self.volume_side, self.volume_side

    @property
    def mask_size(self) -> tuple[int, int, int]:
        """(d, h, w) at which the logits of motion masks are predicted: an eighth of the volume's points."""
        return self.volume_depth // 2, self.volume_side // 2, self.volume_side // 2

    @property
    def estimated_face_keypoints(self) -> int:
        """How many keypoints the face estimator predicts: those of the body too where there is no estimator for it."""
        return self.face_keypoints + (0 if self.face_body else self.body_keypoints)

    @property
    def estimated_body_keypoints(self) -> int:
        """How many keypoints the body estimator predicts."""
        return self.body_keypoints if self.face_body else 0

    @property
    def reads_close_up(self) -> bool:
        """Whether eyes and mouth are read again from close up, and so where eyes look."""
        return self.local_global and self.face_keypoints >= standing.EYES_AND_MOUTH

    @property
    def solid_head(self) -> bool:
        """Whether the head's motion is one, of its pose."""
        return self.local_global and self.rigid_head

    @property
    def parts_lids_and_lips(self) -> bool:
        """Whether lids and lips have flows of their own, and the insides of mouths are painted."""
        return self.coarse_to_fine and self.solid_head and self.face_keypoints >= len(standing.FACE)

    @property
    def has_surroundings(self) -> bool:
        """Whether the head's surroundings are a motion of their own, which fills the place that the head leaves."""
        return self.face_body and self.solid_head

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ModelConfig":
        """The configuration stored in a checkpoint.

        Raises:
            ValueError: for an unknown or missing name, or a value of another type or out of range.
        """
        types = {field.name: type(field.default) for field in fields(cls)}
        for name in sorted(types.keys() ^ values.keys()):
            raise ValueError(f"{name}: {'missing' if name in types else 'not known'}")
        for name, value in values.items():
            if type(value) is not types[name]:
                raise ValueError(f"{name}: expected {types[name].__name__}, got {value!r}")
        return cls(**values)


# What is read from a file decides how much memory is taken: far above any sensible model, and far below any machine's.
_LARGEST = {
    "body_keypoints": 64,
    "face_keypoints": 64,
    "volume_channels": 128,
    "volume_depth": 64,
    "width": 512,
    "motion_width": 512,
}


def _presets() -> dict[str, ModelConfig]:
    presets = {}
    for size in SIDES:
        presets[f"slim-{size}"] = ModelConfig(size)
        presets[f"face-vid2vid-{size}"] = ModelConfig(size, face_body=False, coarse_to_fine=False, rigid_head=False)
    return presets


PRESETS = _presets()
"""Configurations by name: `slim-<size>`, and as baseline of the same size `face-vid2vid-<size>` (Wang et al. 2021)."""
