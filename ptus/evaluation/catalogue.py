"""Every measure: its unit, which way is better, and what it needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ptus.evaluation import identity, inception, landmarks, lpips
from ptus.evaluation.regions import REGIONS

Task: TypeAlias = Literal["self", "cross"]
TASKS: Mapping[Task, str] = {
    "self": "Self-reenactment: the first frame driven by its own clip",
    "cross": "Cross-reenactment: the first frame of each person driven by the clips of others",
}


@dataclass(frozen=True)
class Measure:
    """A measure.

    Args:
        name: as in results.
        unit: "" for none.
        better: "higher", "lower", or "zero" where the nearest to 0 is best.
        tasks: in which it is measured.
        regional: measured over each region too, as `<name>_face` and so on.
        needs: the option that names its weights, and how to get them; None for none.
        diagnostic: in the evaluated model's own eyes, so that it must never be reported as a result.
    """

    name: str
    unit: str
    better: Literal["higher", "lower", "zero"]
    tasks: tuple[Task, ...] = ("self", "cross")
    regional: bool = False
    needs: tuple[str, str] | None = None
    diagnostic: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Of the measure over the frame and each region."""
        return (self.name, *(f"{self.name}_{region}" for region in REGIONS)) if self.regional else (self.name,)


_SELF: tuple[Task, ...] = ("self",)
_CROSS: tuple[Task, ...] = ("cross",)
_FACE = (landmarks.OPTION, landmarks.HOW)
_PERSON = (identity.OPTION, identity.HOW)
MEASURES = (
    Measure("l1", "0–1", "lower", _SELF, regional=True),
    Measure("psnr", "dB", "higher", _SELF, regional=True),
    Measure("ssim", "", "higher", _SELF, regional=True),
    Measure("ms_ssim", "", "higher", _SELF),
    Measure("lpips", "", "lower", _SELF, needs=(lpips.OPTION, lpips.HOW)),
    Measure("akd", "pixels", "lower", _SELF, needs=_FACE),
    Measure("akd_motion", "face widths", "lower", _CROSS, needs=_FACE),
    Measure("faces_missed", "share", "lower", needs=_FACE),
    Measure("csim", "", "higher", needs=_PERSON),
    Measure("aed", "", "lower", needs=_PERSON),
    Measure("fid", "", "lower", needs=(inception.OPTION, inception.HOW)),
    Measure("blink_correlation", "", "higher"),
    Measure("lip_correlation", "", "higher"),
    Measure("epe", "pixels", "lower", _SELF, regional=True),
    Measure("flicker", "0–1", "zero", regional=True),
    Measure("temporal_l1", "0–1", "zero", regional=True),
    Measure("temporal_l1_driving", "0–1", "zero", regional=True),
    Measure("own_keypoint_distance", "pixels", "lower", _SELF, diagnostic=True),
    Measure("own_expression_distance", "", "lower", _SELF, diagnostic=True),
)
CONTEXT = ("temporal_l1", "temporal_l1_driving")
"""What `flicker` is the difference of: stored, and left out of the table."""
