"""Interpolation of an image or a volume at the points of a grid: torch.nn.functional.grid_sample, faster."""

from torch import Tensor

from ptus_kernels.backend import implementation
from ptus_kernels.checks import Checks
from ptus_kernels.memory_format import empty_in_format_of
from ptus_kernels.reference import grid_sample as reference
from ptus_kernels.registration import register
from ptus_kernels.sampling_arguments import check_sampling


def grid_sample_3d(
    input: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool = False
) -> Tensor:
    """Sample a volume at the points of a grid.

    The same as `torch.nn.functional.grid_sample` on 5-D input, forward and backward, except that a point with a NaN or
    infinite coordinate samples nothing, whatever the padding. Coordinates are computed in float32 for every type but
    float64. The output keeps the input's memory format.

    Args:
        input: feature volume (N, C, D, H, W); float32, float64, float16 or bfloat16.
        grid: points (N, d, h, w, 3), the last dimension (x, y, z) in [-1, 1]; float32 or a half type, float64 with a
            float64 input.
        mode: "bilinear" (here: trilinear) or "nearest".
        padding_mode: what lies outside: "zeros", "border" or "reflection".
        align_corners: whether -1 and 1 are the centres of the outer voxels, or their outer borders.

    Returns:
        (N, C, d, h, w), in the input's type.

    Raises:
        TypeError: for a type that does not fit.
        ValueError: for a rank, size, device or word that does not fit.
    """
    return _grid_sample(3, input, grid, mode, padding_mode, align_corners)


def grid_sample_2d(
    input: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool = False
) -> Tensor:
    """Sample an image at the points of a grid: `grid_sample_3d` with one dimension less.

    Args:
        input: feature map (N, C, H, W).
        grid: points (N, h, w, 2), the last dimension (x, y) in [-1, 1].
        mode: as in `grid_sample_3d`.
        padding_mode: as in `grid_sample_3d`.
        align_corners: as in `grid_sample_3d`.

    Returns:
        (N, C, h, w), in the input's type.

    Raises:
        TypeError: for a type that does not fit.
        ValueError: for a rank, size, device or word that does not fit.
    """
    return _grid_sample(2, input, grid, mode, padding_mode, align_corners)


def _grid_sample(rank: int, input: Tensor, grid: Tensor, mode: str, padding_mode: str, align_corners: bool) -> Tensor:
    name = f"grid_sample_{rank}d"
    grid = check_sampling(Checks(name), rank, input, ("grid", grid), mode, padding_mode)
    run = implementation(name, reference.grid_sample, input)
    sampled: Tensor = run(input, grid, mode, padding_mode, align_corners)
    return sampled


def _fake(input: Tensor, grid: Tensor, mode: str, padding_mode: str, align_corners: bool) -> Tensor:
    return empty_in_format_of(input, (*input.shape[:2], *grid.shape[1:-1]))


for _name in ("grid_sample_2d", "grid_sample_3d"):
    register(_name, fake=_fake, twice_differentiable=reference.grid_sample_by_taps, tensors=2, features=(0,))
