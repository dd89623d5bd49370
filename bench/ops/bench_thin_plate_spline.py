"""thin_plate_spline beside building the published system of equations, its inverse, and a product."""

import torch

from bench import images
from bench.case import Case, Inputs, Op, Operations
from bench.settings import Measure, Setting
from ptus_kernels import thin_plate_spline

AXES = 2
RADIAL, RADIAL_BACKWARD = 8, 16  # operations of a pair of points: distance, logarithm, product


def control_points(random: torch.Generator, batch: int) -> Inputs:
    """Driving and source points of the splines."""
    driving, source = images.keypoints_2d(random, batch, images.MOTIONS, images.POINTS)
    return {"kp_driving": driving, "kp_source": source}


def operations(inputs: Inputs) -> Operations:
    """Of the distances, one elimination, and two triangular solutions an axis; the backward solves the transposed."""
    batch, splines, points, _ = inputs["kp_driving"].shape
    unknowns = points + 3
    elimination, solution = 2 * unknowns**3 // 3, 2 * unknowns**2 * AXES
    forward = RADIAL * points**2 + elimination + solution
    backward = RADIAL_BACKWARD * points**2 + elimination + 2 * solution  # one more for the matrix's gradient
    return Operations(batch * splines * forward, batch * splines * backward)


THIN_PLATE_SPLINE = Op(
    "thin_plate_spline",
    ours=thin_plate_spline,
    eager=images.fitted_splines,
    features=(),
    operations=operations,
)
CASES = [
    Case(
        THIN_PLATE_SPLINE,
        f"{images.MOTIONS} splines of {images.POINTS} points, TPSMM",
        (images.MOTIONS, images.POINTS),
        control_points,
        dtypes=("float32",),
        targetless=True,
    )
]


def bench_thin_plate_spline(setting: Setting, measure: Measure) -> None:
    """A row a setting."""
    measure(setting)
