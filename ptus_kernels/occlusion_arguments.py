"""Checks of what the blending ops have in common."""

from torch import Tensor

from ptus_kernels.checks import Checks


def check_occlusion(checks: Checks, feature: Tensor, occlusion: Tensor, *, is_read: bool, batch: str = "B") -> Tensor:
    """Check a feature's occlusion map, and return it in the type it is computed in.

    A map that is read, because the output has elements, has some too; `batch` names the batch axis.
    """
    checks.tensor("occlusion", occlusion, f"{batch} 1 h_o w_o")
    if is_read:
        checks.positive_size("occlusion", "h_o")
        checks.positive_size("occlusion", "w_o")
    return checks.coordinates("occlusion", occlusion, feature)
