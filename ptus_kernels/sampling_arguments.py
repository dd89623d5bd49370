"""Checks of what the sampling ops have in common."""

from torch import Tensor

from ptus_kernels.checks import Checks

MODES = ("bilinear", "nearest")
PADDING_MODES = ("zeros", "border", "reflection")


def check_sampling(
    checks: Checks, rank: int, input: Tensor, points: tuple[str, Tensor], mode: str, padding_mode: str
) -> Tensor:
    """Check what sampling ops have in common, and return the points in the type they are computed in."""
    checks.tensor("input", input, "N C D H W" if rank == 3 else "N C H W")
    checks.tensor(*points, "N d h w 3" if rank == 3 else "N h w 2")
    if points[1].numel() > 0:
        for axis in "DHW"[3 - rank :]:
            checks.positive_size("input", axis)
    checks.one_of("mode", mode, MODES)
    checks.one_of("padding_mode", padding_mode, PADDING_MODES)
    return checks.coordinates(*points, input)
