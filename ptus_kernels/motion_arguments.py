"""Checks of what the ops of motions have in common."""

from collections.abc import Sequence

from torch import Tensor

from ptus_kernels.checks import Checks


def check_field(
    checks: Checks, rank: int, mask_logits: Tensor, motions: int, what: str, size: Sequence[int] | None
) -> tuple[int, ...]:
    """Check that the masks are of so many motions and can be resized to `size`, and return the size of the field."""
    if mask_logits.shape[1] != motions + 1:
        expected = f"{motions + 1} channels (the background and {motions} {what})"
        checks.fail("mask_logits", expected, tuple(mask_logits.shape))
    field = checks.sizes("size", mask_logits.shape[2:] if size is None else size, "D H W" if rank == 3 else "H W")
    if mask_logits.shape[2:].numel() == 0 and 0 not in field:
        checks.fail("mask_logits", "at least one voxel to resize", tuple(mask_logits.shape))
    return field


def check_motion(
    checks: Checks, rank: int, feature: Tensor, kp_driving: Tensor, kp_source: Tensor, jacobian: Tensor | None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Check keypoints and jacobians against a feature of B samples, and return them in the type of coordinates."""
    checks.tensor("kp_driving", kp_driving, f"B K {rank}")
    checks.tensor("kp_source", kp_source, f"B K {rank}")
    checks.positive_size("kp_driving", "K")
    if jacobian is not None:
        checks.tensor("jacobian", jacobian, f"B K {rank} {rank}")
        jacobian = checks.coordinates("jacobian", jacobian, feature)
    return (
        checks.coordinates("kp_driving", kp_driving, feature),
        checks.coordinates("kp_source", kp_source, feature),
        jacobian,
    )


def check_background(checks: Checks, rank: int, feature: Tensor, background: Tensor | None) -> Tensor | None:
    """Check the background's affine motion, and return it in the type of coordinates."""
    if background is None:
        return None
    checks.tensor("background", background, f"B {rank} {rank + 1}")
    return checks.coordinates("background", background, feature)
