"""Keypoints and jacobians to try the motion ops on."""

from collections.abc import Sequence

import torch
from hypothesis import strategies as st
from torch import Tensor

from tests.ops.inputs import normal, uniform
from tests.ops.layouts import LAYOUTS, laid_out


def keypoint_pair(
    seed: int, batch: int, count: int, dtype: torch.dtype, moved: float = 0.3, rank: int = 3
) -> tuple[Tensor, Tensor]:
    """Driving and source keypoints (B, K, rank), up to `moved` apart along each axis."""
    driving = uniform(seed, (batch, count, rank), -1, 1, torch.float64)
    source = driving + uniform(seed + 1, (batch, count, rank), -moved, moved, torch.float64)
    return driving.to(dtype), source.to(dtype)


def keypoint_pair_inside_cells(
    seed: int, batch: int, count: int, size: Sequence[int], align_corners: bool, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """The same, chosen so that every voxel of a small volume moves well into a cell of the sampler."""
    driving = uniform(seed, (batch, count, len(size)), -1, 1, torch.float64)
    shifts = []
    for axis, voxels in enumerate(reversed(size)):
        whole = uniform(seed + 1 + axis, (batch, count), -1, 2, torch.float64).floor()
        scale = voxels - 1 if align_corners else voxels
        # Without aligned corners voxel i lies at i n / (n - 1) - 1/2: with 2 or 3 voxels that is a multiple of 1/2.
        shifts.append((whole + 0.23) * 2 / scale)
    return driving.to(dtype), (driving + torch.stack(shifts, -1)).to(dtype)


def jacobians(seed: int, batch: int, count: int, dtype: torch.dtype, rank: int = 3) -> Tensor:
    """(B, K, rank, rank), not far from the identity."""
    noise = normal(seed, (batch, count, rank, rank), torch.float64)
    return (torch.eye(rank, dtype=torch.float64) + 0.2 * noise).to(dtype)


def backgrounds(seed: int, batch: int, dtype: torch.dtype, rank: int = 2) -> Tensor:
    """The background's affine motions (B, rank, rank + 1), not far from the identity."""
    noise = normal(seed, (batch, rank, rank + 1), torch.float64)
    return (torch.eye(rank, rank + 1, dtype=torch.float64) + 0.1 * noise).to(dtype)


def covariances(seed: int, batch: int, count: int, dtype: torch.dtype) -> Tensor:
    """Of heatmaps of images, (B, K, 2, 2): ellipses that lie any way, and a part that is not symmetric."""
    noise = normal(seed, (batch, count, 2, 2), torch.float64)
    lower = torch.eye(2, dtype=torch.float64) + 0.5 * noise.tril()
    return (0.1 * lower @ lower.transpose(-1, -2) + 0.05 * torch.eye(2, dtype=torch.float64) + 0.005 * noise).to(dtype)


def control_points(seed: int, batch: int, count: int, points: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Driving and source control points (B, K, P, 2) of splines; of five, four about the corners of a square."""
    corners = torch.tensor([[-0.6, -0.6], [0.6, -0.6], [-0.6, 0.6], [0.6, 0.6], [0, 0]], dtype=torch.float64)
    around = corners.repeat(-(-points // 5), 1)[:points]
    driving = around + uniform(seed, (batch, count, points, 2), -0.3, 0.3, torch.float64)
    return driving.to(dtype), (driving + uniform(seed + 1, driving.shape, -0.2, 0.2, torch.float64)).to(dtype)


def types_beside(feature_type: torch.dtype) -> list[torch.dtype]:
    """The types that coordinates may have beside a feature."""
    return [torch.float64] if feature_type == torch.float64 else [torch.float32, torch.float16, torch.bfloat16]


@st.composite
def drawn_keypoints(
    draw: st.DrawFn, seed: int, batch: int, count: int, feature_type: torch.dtype, rank: int = 3
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Any keypoints, and jacobians or none, that go with a feature of this type."""
    types, layouts = st.sampled_from(types_beside(feature_type)), st.sampled_from(LAYOUTS)
    moved = draw(st.sampled_from([0.1, 0.0, 1.0, 5.0, 1e4]))
    driving, source = keypoint_pair(seed, batch, count, torch.float64, moved, rank)
    jacobian = jacobians(seed + 2, batch, count, draw(types), rank) if draw(st.booleans()) else None
    return (
        laid_out(driving.to(draw(types)), draw(layouts)),
        laid_out(source.to(draw(types)), draw(layouts)),
        None if jacobian is None else laid_out(jacobian, draw(layouts)),
    )


@st.composite
def drawn_background(draw: st.DrawFn, seed: int, batch: int, feature_type: torch.dtype, rank: int = 2) -> Tensor | None:
    """A background's motion, or none, that goes with a feature of this type."""
    if not draw(st.booleans()):
        return None
    background = backgrounds(seed, batch, draw(st.sampled_from(types_beside(feature_type))), rank)
    return laid_out(background, draw(st.sampled_from(LAYOUTS)))


@st.composite
def drawn_control_points(draw: st.DrawFn, seed: int, batch: int, feature_type: torch.dtype) -> tuple[Tensor, Tensor]:
    """Control points of some splines, that go with a feature of this type."""
    count, points = draw(st.sampled_from([1, 2, 5])), draw(st.sampled_from([5, 3, 8]))
    types, layouts = st.sampled_from(types_beside(feature_type)), st.sampled_from(["contiguous", "reversed", "sliced"])
    driving, source = control_points(seed, batch, count, points, torch.float64)
    return laid_out(driving.to(draw(types)), draw(layouts)), laid_out(source.to(draw(types)), draw(layouts))
