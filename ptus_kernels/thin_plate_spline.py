"""Thin-plate splines through control points."""

from torch import Tensor

from ptus_kernels.checks import Checks
from ptus_kernels.reference import thin_plate_spline as reference
from ptus_kernels.registration import register
from ptus_kernels.spline_fitting import fitted


def thin_plate_spline(kp_driving: Tensor, kp_source: Tensor, *, regularization: float = 0.01) -> Tensor:
    """Fit thin-plate splines that take driving to source control points.

    Solves (L + regularization · 1) [w; Θ] = [source; 0], where L = [[U, X], [Xᵀ, 0]], U_ij = r² log(r² + 1e-9) for
    r = ‖driving_i - driving_j‖, and X has the rows (x, y, 1) of the driving points. The motion of a point g is then
    Θᵀ [g; 1] + Σ_j w_j r_j² log(r_j² + 1e-9), r_j = ‖g - driving_j‖. Thin-Plate Spline Motion Model (Zhao and Zhang
    2022), equation 2; the regularization is that of its published code.

    Args:
        kp_driving: driving control points (B, K, P, 2) of K splines, as (x, y) in [-1, 1]; float32 or a half type, or
            float64. On a GPU P is at most 61.
        kp_source: source control points, as `kp_driving`.
        regularization: added to the whole diagonal of L; with 0 the splines go through their points exactly, and must
            have three that are not on one line.

    Returns:
        (B, K, P + 3, 2): the P weights w, then the rows of Θ for x, y and 1; float32, or float64 with float64 points.

    Raises:
        TypeError: for a type that does not fit.
        ValueError: for a rank, size or device that does not fit, no points, or a regularization below 0.
    """
    checks = Checks("thin_plate_spline")
    checks.tensor("kp_driving", kp_driving, "B K P 2")
    kp_driving = kp_driving if kp_driving.dtype.itemsize >= 4 else kp_driving.float()
    return fitted(checks, kp_driving, kp_driving, kp_source, regularization)[2]


def _fake(kp_driving: Tensor, kp_source: Tensor, regularization: float) -> Tensor:
    batch, count, points, _ = kp_driving.shape
    return kp_driving.new_empty((batch, count, points + 3, 2))


register("thin_plate_spline", fake=_fake, twice_differentiable=reference.thin_plate_spline, tensors=2, features=())
