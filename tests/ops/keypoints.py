"""Keypoints and jacobians to try the motion ops on."""

from collections.abc import Sequence

import torch
from hypothesis import strategies as st
from torch import Tensor

from tests.ops.inputs import normal, uniform
from tests.ops.layouts import LAYOUTS, laid_out


def keypoint_pair(seed: int, batch: int, count: int, dtype: torch.dtype, moved: float = 0.3) -> tuple[Tensor, Tensor]:
    """Driving and source keypoints (B, K, 3), up to `moved` apart along each axis."""
    driving = uniform(seed, (batch, count, 3), -1, 1, torch.float64)
    source = driving + uniform(seed + 1, (batch, count, 3), -moved, moved, torch.float64)
    return driving.to(dtype), source.to(dtype)


def keypoint_pair_inside_cells(
    seed: int, batch: int, count: int, size: Sequence[int], align_corners: bool, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """The same, chosen so that every voxel of a small volume moves well into a cell of the sampler."""
    driving = uniform(seed, (batch, count, 3), -1, 1, torch.float64)
    shifts = []
    for axis, voxels in enumerate(reversed(size)):
        whole = uniform(seed + 1 + axis, (batch, count), -1, 2, torch.float64).floor()
        scale = voxels - 1 if align_corners else voxels
        # Without aligned corners voxel i lies at i n / (n - 1) - 1/2: with 2 or 3 voxels that is a multiple of 1/2.
        shifts.append((whole + 0.23) * 2 / scale)
    return driving.to(dtype), (driving + torch.stack(shifts, -1)).to(dtype)


def jacobians(seed: int, batch: int, count: int, dtype: torch.dtype) -> Tensor:
    """(B, K, 3, 3), not far from the identity."""
    return (torch.eye(3, dtype=torch.float64) + 0.2 * normal(seed, (batch, count, 3, 3), torch.float64)).to(dtype)


@st.composite
def drawn_keypoints(
    draw: st.DrawFn, seed: int, batch: int, count: int, feature_type: torch.dtype
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Any keypoints, and jacobians or none, that go with a feature of this type."""
    types = [torch.float64] if feature_type == torch.float64 else [torch.float32, torch.float16, torch.bfloat16]
    layouts = st.sampled_from(LAYOUTS)
    moved = draw(st.sampled_from([0.1, 0.0, 1.0, 5.0, 1e4]))
    driving, source = keypoint_pair(seed, batch, count, torch.float64, moved)
    jacobian = jacobians(seed + 2, batch, count, draw(st.sampled_from(types))) if draw(st.booleans()) else None
    return (
        laid_out(driving.to(draw(st.sampled_from(types))), draw(layouts)),
        laid_out(source.to(draw(st.sampled_from(types))), draw(layouts)),
        None if jacobian is None else laid_out(jacobian, draw(layouts)),
    )
