"""Splines as the ops that use them begin: fitted to their control points."""

from torch import Tensor

from ptus_kernels.backend import implementation
from ptus_kernels.checks import Checks
from ptus_kernels.reference import thin_plate_spline as reference


def fitted(
    checks: Checks, feature: Tensor, kp_driving: Tensor, kp_source: Tensor, regularization: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Check control points against a feature of B samples, and return them in the type of coordinates, and the splines
    from the driving to the source points.
    """
    checks.tensor("kp_driving", kp_driving, "B K P 2")
    checks.tensor("kp_source", kp_source, "B K P 2")
    checks.positive_size("kp_driving", "K")
    checks.positive_size("kp_driving", "P")
    checks.number_from_zero("regularization", regularization)
    kp_driving = checks.coordinates("kp_driving", kp_driving, feature)
    kp_source = checks.coordinates("kp_source", kp_source, feature)
    run = implementation("thin_plate_spline", reference.thin_plate_spline, kp_driving)
    spline: Tensor = run(kp_driving, kp_source, regularization)
    return kp_driving, kp_source, spline
