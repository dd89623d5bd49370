"""The kernels of grid_sample and warp_blend."""

import triton
import triton.language as tl

from ptus_kernels.triton.occlusion import add_to_map, map_taps, read_occlusion
from ptus_kernels.triton.sampling import corner_of, moved, slopes_of, stencil_of
from ptus_kernels.triton.tiles import (
    block_of_channels,
    block_of_points,
    of_channels,
    of_points,
    offsets_at,
    sum_channels,
    tile_at,
)


@triton.jit
def read_points(points, strides, n, z, y, x, there, RANK: tl.constexpr):
    """Coordinates (x, y, z) of the points at z, y, x; an image's have no z, and x stands in for it."""
    row = points + n * strides[0] + offsets_at(strides, z, y, x)
    at_x = tl.load(row, mask=there, other=0)
    at_y = tl.load(row + strides[1], mask=there, other=0)
    at_z = tl.load(row + 2 * strides[1], mask=there, other=0) if RANK == 3 else at_x
    return at_x, at_y, at_z


@triton.jit
def warp_kernel(
    output, output_strides, input, input_strides, input_size, points, points_strides, occlusion, occlusion_strides,
    occlusion_size, background, background_strides, size, channels, blocks,
    RANK: tl.constexpr, NEAREST: tl.constexpr, PADDING: tl.constexpr, ALIGN_CORNERS: tl.constexpr,
    RESIZED: tl.constexpr, SIGMOID: tl.constexpr, CHANNELS_LAST: tl.constexpr, WIDE: tl.constexpr,
    POINTS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Write a block of points times a block of channels of the output."""
    R: tl.constexpr = points.dtype.element_ty
    _, n, z, y, x, there = block_of_points(size, blocks, POINTS, WIDE)
    channel, has_channel = block_of_channels(tl.program_id(1) * CHANNELS, channels, x, CHANNELS)
    mask = of_points(there, CHANNELS_LAST) & of_channels(has_channel, CHANNELS_LAST)
    at = read_points(points, points_strides, n, z, y, x, there, RANK)
    first, fraction, _ = stencil_of(at, input_size, x, RANK, NEAREST, PADDING, ALIGN_CORNERS)

    result = tl.zeros(mask.shape, R)
    for corner in tl.static_range(1 if NEAREST else 2**RANK):
        offset, weight, present = corner_of(first, fraction, input_size, input_strides, corner)
        voxel = tile_at(input, input_strides, n, channel, offset, CHANNELS_LAST)
        value = tl.load(voxel, mask=mask & of_points(present, CHANNELS_LAST), other=0).to(R)
        result += of_points(weight[0] * weight[1] * weight[2], CHANNELS_LAST) * value

    if occlusion is not None:
        taps = map_taps(z, y, x, size, occlusion_size, R, RESIZED)
        sample = occlusion + n * occlusion_strides[0]
        o = read_occlusion(sample, taps, occlusion_strides, there, R, RESIZED, SIGMOID)
        result *= of_points(o, CHANNELS_LAST)
        if background is not None:
            offset = offsets_at(background_strides, z, y, x)
            behind = tile_at(background, background_strides, n, channel, offset, CHANNELS_LAST)
            result += of_points(1 - o, CHANNELS_LAST) * tl.load(behind, mask=mask, other=0).to(R)
    to = tile_at(output, output_strides, n, channel, offsets_at(output_strides, z, y, x), CHANNELS_LAST)
    tl.store(to, result.to(output.dtype.element_ty), mask=mask)


@triton.jit
def warp_backward_kernel(
    grad_output, grad_output_strides, grad_input, grad_input_strides, grad_points, grad_points_strides,
    grad_occlusion, grad_occlusion_strides, grad_background, grad_background_strides,
    input, input_strides, input_size, points, points_strides, occlusion, occlusion_strides, occlusion_size,
    background, background_strides, size, channels, blocks,
    RANK: tl.constexpr, NEAREST: tl.constexpr, PADDING: tl.constexpr, ALIGN_CORNERS: tl.constexpr,
    RESIZED: tl.constexpr, SIGMOID: tl.constexpr, CHANNELS_LAST: tl.constexpr, WIDE: tl.constexpr,
    POINTS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Take a block of points through all channels. Gradients that are None were not asked for; the input's and the
    map's are added to in no fixed order.
    """
    R: tl.constexpr = points.dtype.element_ty
    _, n, z, y, x, there = block_of_points(size, blocks, POINTS, WIDE)
    at = read_points(points, points_strides, n, z, y, x, there, RANK)
    first, fraction, slope = stencil_of(at, input_size, x, RANK, NEAREST, PADDING, ALIGN_CORNERS)
    o = tl.full(x.shape, 1, R)
    if occlusion is not None:
        taps = map_taps(z, y, x, size, occlusion_size, R, RESIZED)
        sample = occlusion + n * occlusion_strides[0]
        o = read_occlusion(sample, taps, occlusion_strides, there, R, RESIZED, SIGMOID)

    along_x, along_y, along_z, along_o = tl.zeros_like(o), tl.zeros_like(o), tl.zeros_like(o), tl.zeros_like(o)
    for start in range(0, channels, CHANNELS):
        channel, has_channel = block_of_channels(start, channels, x, CHANNELS)
        mask = of_points(there, CHANNELS_LAST) & of_channels(has_channel, CHANNELS_LAST)
        offset = offsets_at(grad_output_strides, z, y, x)
        given = tile_at(grad_output, grad_output_strides, n, channel, offset, CHANNELS_LAST)
        gradient = tl.load(given, mask=mask, other=0).to(R)
        for corner in range(0, 1 if NEAREST else 2**RANK):
            offset, weights, present = corner_of(first, fraction, input_size, input_strides, corner)
            weight = weights[0] * weights[1] * weights[2]
            if grad_points is not None or grad_occlusion is not None:
                voxel = tile_at(input, input_strides, n, channel, offset, CHANNELS_LAST)
                value = tl.load(voxel, mask=mask & of_points(present, CHANNELS_LAST), other=0).to(R)
                dot = sum_channels(gradient * value, CHANNELS_LAST)
                slopes = slopes_of(weights, slope, corner)
                along_x += moved(present, slopes[0], dot)
                along_y += moved(present, slopes[1], dot)
                along_z += moved(present, slopes[2], dot)
                along_o += tl.where(present, weight * dot, 0)
            if grad_input is not None:
                offset = corner_of(first, fraction, input_size, grad_input_strides, corner)[0]
                weight *= o
                # What has no weight takes nothing, not even 0 times an infinite gradient.
                taken = mask & of_points(present & (weight != 0), CHANNELS_LAST)
                voxel = tile_at(grad_input, grad_input_strides, n, channel, offset, CHANNELS_LAST)
                tl.atomic_add(voxel, of_points(weight, CHANNELS_LAST) * gradient, mask=taken, sem="relaxed")
        if background is not None:
            offset = offsets_at(background_strides, z, y, x)
            if grad_occlusion is not None:
                behind = tile_at(background, background_strides, n, channel, offset, CHANNELS_LAST)
                along_o -= sum_channels(gradient * tl.load(behind, mask=mask, other=0).to(R), CHANNELS_LAST)
            if grad_background is not None:
                offset = offsets_at(grad_background_strides, z, y, x)
                to = tile_at(grad_background, grad_background_strides, n, channel, offset, CHANNELS_LAST)
                hidden = of_points(1 - o, CHANNELS_LAST) * gradient
                tl.store(to, hidden.to(grad_background.dtype.element_ty), mask=mask)

    if grad_points is not None:
        to = grad_points + n * grad_points_strides[0] + offsets_at(grad_points_strides, z, y, x)
        tl.store(to, along_x * o, mask=there)
        tl.store(to + grad_points_strides[1], along_y * o, mask=there)
        if RANK == 3:
            tl.store(to + 2 * grad_points_strides[1], along_z * o, mask=there)
    if grad_occlusion is not None:
        sample = grad_occlusion + n * grad_occlusion_strides[0]
        add_to_map(sample, taps, grad_occlusion_strides, there, o, along_o, RESIZED, SIGMOID)
