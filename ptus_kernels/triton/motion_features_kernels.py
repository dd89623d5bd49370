"""The kernels of motion_features and spline_features: a program takes a block of points through one motion."""

import triton
import triton.language as tl

from ptus_kernels.triton.coordinates import identity_coordinate
from ptus_kernels.triton.heatmaps import (
    flat_heat,
    flat_heat_gradient,
    heat,
    heat_gradient,
    heatmap,
    store_covariance_sums,
)
from ptus_kernels.triton.motion import (
    identity_point,
    moved_point,
    read_motion,
    read_vector,
    store_motion_sums,
    store_vector,
)
from ptus_kernels.triton.sampling import corner_of, moved, slopes_of, stencil_of
from ptus_kernels.triton.splines import bend, read_affine, read_pair, store_affine_sums, store_bend_sums
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
def move(
    at, kp_driving, driving_strides, kp_source, source_strides, jacobian, jacobian_strides, background,
    background_strides, spline, spline_strides, n, k, points, RANK: tl.constexpr,
):  # fmt: skip
    """Where motion k of sample n takes points; the driving and source keypoint and the jacobian of its affine part."""
    if spline is None:
        driving, source, rows = read_motion(
            kp_driving, driving_strides, kp_source, source_strides, jacobian, jacobian_strides, background,
            background_strides, n, k, RANK,
        )  # fmt: skip
        x, y, z = moved_point(at, driving, source, rows)
        return (x, y, z), driving, source, rows
    else:
        R: tl.constexpr = kp_driving.dtype.element_ty
        driving, source, rows = read_affine(spline, spline_strides, background, background_strides, n, k, points, R)
        x, y, z = moved_point(at, driving, source, rows)
        bend_x, bend_y = bend(at, kp_driving, driving_strides, spline, spline_strides, n, k, points)
        return (x + bend_x, y + bend_y, z), driving, source, rows


@triton.jit
def first_channel(k, channels, keypoints, points, SPLINE: tl.constexpr):
    """The first channel of the feature warped by motion k: after its heatmap, or of splines after all heatmaps."""
    if SPLINE:
        return 1 + keypoints * points + k * channels
    else:
        return k * (channels + 1) + 1


@triton.jit
def features_kernel(
    output, output_strides, feature, feature_strides, kp_driving, driving_strides, kp_source, source_strides,
    jacobian, jacobian_strides, background, background_strides, spline, spline_strides, covariance_driving,
    covariance_driving_strides, covariance_source, covariance_source_strides, variance: tl.float64, size, channels,
    keypoints, points, blocks,
    RANK: tl.constexpr, ALIGN_CORNERS: tl.constexpr, CHANNELS_LAST: tl.constexpr, WIDE: tl.constexpr,
    POINTS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Write the heatmap and a block of channels of motion `program_id(1)`, for a block of points."""
    R: tl.constexpr = kp_driving.dtype.element_ty
    _, n, z, y, x, there = block_of_points(size, blocks, POINTS, WIDE)
    k = tl.program_id(1)
    channel, has_channel = block_of_channels(tl.program_id(2) * CHANNELS, channels, x, CHANNELS)
    mask = of_points(there, CHANNELS_LAST) & of_channels(has_channel, CHANNELS_LAST)
    at = identity_point(z, y, x, size, R)
    to_point, driving, source, _ = move(
        at, kp_driving, driving_strides, kp_source, source_strides, jacobian, jacobian_strides, background,
        background_strides, spline, spline_strides, n, k, points, RANK,
    )  # fmt: skip
    first, fraction, _ = stencil_of(to_point, size, x, RANK, False, "zeros", ALIGN_CORNERS)

    result = tl.zeros(mask.shape, R)
    for corner in tl.static_range(8 if RANK == 3 else 4):
        offset, weight, present = corner_of(first, fraction, size, feature_strides, corner)
        voxel = tile_at(feature, feature_strides, n, channel, offset, CHANNELS_LAST)
        value = tl.load(voxel, mask=mask & of_points(present, CHANNELS_LAST), other=0).to(R)
        result += of_points(weight[0] * weight[1] * weight[2], CHANNELS_LAST) * value
    plane = output + first_channel(k.to(tl.int64), channels, keypoints, points, spline is not None) * output_strides[1]
    offset = offsets_at(output_strides, z, y, x)
    to = tile_at(plane, output_strides, n, channel, offset, CHANNELS_LAST)
    tl.store(to, result.to(output.dtype.element_ty), mask=mask)

    driving_heat = heat(covariance_driving, covariance_driving_strides, n, k)
    source_heat = heat(covariance_source, covariance_source_strides, n, k)
    if tl.program_id(2) == 0:
        wide = tl.cast(variance, R)
        sample = output + n * output_strides[0] + offset
        if spline is None:
            height = heatmap(at, driving, driving_heat, wide)[0] - heatmap(at, source, source_heat, wide)[0]
            height = tl.where(k > 0, height, 0).to(output.dtype.element_ty)
            tl.store(sample + k.to(tl.int64) * (channels + 1) * output_strides[1], height, mask=there)
        else:
            tl.store(sample, tl.zeros(x.shape, output.dtype.element_ty), mask=tl.where(k == 0, there, False))
            for j in range(0, points):
                from_point = read_pair(kp_driving, driving_strides, n, k, j, k > 0)
                source_point = read_pair(kp_source, source_strides, n, k, j, k > 0)
                height = flat_heat(at, from_point, wide) - flat_heat(at, source_point, wide)
                place = sample + (1 + (k.to(tl.int64) - 1) * points + j) * output_strides[1]
                tl.store(place, height.to(output.dtype.element_ty), mask=tl.where(k > 0, there, False))


@triton.jit
def features_backward_kernel(
    grad_output, grad_output_strides, grad_feature, grad_feature_strides, sum_driving, sum_source, sum_jacobian,
    sum_covariance_driving, sum_covariance_source, sum_background, sum_spline, feature, feature_strides, kp_driving,
    driving_strides, kp_source, source_strides, jacobian, jacobian_strides, background, background_strides, spline,
    spline_strides, covariance_driving, covariance_driving_strides, covariance_source, covariance_source_strides,
    variance: tl.float64, size, batch, channels, keypoints, points, blocks, WANTS_MOTIONS: tl.constexpr,
    RANK: tl.constexpr, ALIGN_CORNERS: tl.constexpr, CHANNELS_LAST: tl.constexpr, WIDE: tl.constexpr,
    POINTS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Take a block of points through all channels of motion `program_id(1)`. Gradients that are None were not asked
    for; the feature's is added to in no fixed order.
    """
    R: tl.constexpr = kp_driving.dtype.element_ty
    block, n, z, y, x, there = block_of_points(size, blocks, POINTS, WIDE)
    k = tl.program_id(1)
    at = identity_point(z, y, x, size, R)
    to_point, driving, source, rows = move(
        at, kp_driving, driving_strides, kp_source, source_strides, jacobian, jacobian_strides, background,
        background_strides, spline, spline_strides, n, k, points, RANK,
    )  # fmt: skip
    first, fraction, slope = stencil_of(to_point, size, x, RANK, False, "zeros", ALIGN_CORNERS)
    plane = first_channel(k.to(tl.int64), channels, keypoints, points, spline is not None)
    plane = grad_output + plane * grad_output_strides[1]

    along_x, along_y, along_z = tl.zeros(x.shape, R), tl.zeros(x.shape, R), tl.zeros(x.shape, R)
    for start in range(0, channels, CHANNELS):
        channel, has_channel = block_of_channels(start, channels, x, CHANNELS)
        mask = of_points(there, CHANNELS_LAST) & of_channels(has_channel, CHANNELS_LAST)
        offset = offsets_at(grad_output_strides, z, y, x)
        given = tile_at(plane, grad_output_strides, n, channel, offset, CHANNELS_LAST)
        gradient = tl.load(given, mask=mask, other=0).to(R)
        for corner in range(0, 8 if RANK == 3 else 4):
            offset, weights, present = corner_of(first, fraction, size, feature_strides, corner)
            if WANTS_MOTIONS:
                voxel = tile_at(feature, feature_strides, n, channel, offset, CHANNELS_LAST)
                value = tl.load(voxel, mask=mask & of_points(present, CHANNELS_LAST), other=0).to(R)
                dot = sum_channels(gradient * value, CHANNELS_LAST)
                slopes = slopes_of(weights, slope, corner)
                along_x += moved(present, slopes[0], dot)
                along_y += moved(present, slopes[1], dot)
                along_z += moved(present, slopes[2], dot)
            if grad_feature is not None:
                offset = corner_of(first, fraction, size, grad_feature_strides, corner)[0]
                weight = weights[0] * weights[1] * weights[2]
                taken = mask & of_points(present & (weight != 0), CHANNELS_LAST)
                voxel = tile_at(grad_feature, grad_feature_strides, n, channel, offset, CHANNELS_LAST)
                tl.atomic_add(voxel, of_points(weight, CHANNELS_LAST) * gradient, mask=taken, sem="relaxed")

    if WANTS_MOTIONS:
        along = (along_x, along_y, along_z)
        sample = grad_output + n * grad_output_strides[0] + offsets_at(grad_output_strides, z, y, x)
        wide = tl.cast(variance, R)
        place = block * batch + n
        if spline is None:
            row = sample + k.to(tl.int64) * (channels + 1) * grad_output_strides[1]
            gradient = tl.load(row, mask=there, other=0).to(R)
            first_heat = heat(covariance_driving, covariance_driving_strides, n, k)
            second_heat = heat(covariance_source, covariance_source_strides, n, k)
            rising, up = heat_gradient(at, driving, first_heat, wide, gradient)
            falling, down = heat_gradient(at, source, second_heat, wide, -gradient)
            store_motion_sums(
                sum_driving, sum_source, sum_jacobian, sum_background, place, keypoints, k, along, at, driving, rows,
                (rising, falling), RANK,
            )  # fmt: skip
            index = place * keypoints + k - 1
            store_covariance_sums(sum_covariance_driving, index, first_heat, up, k > 0)
            store_covariance_sums(sum_covariance_source, index, second_heat, down, k > 0)
        else:
            store_affine_sums(sum_spline, sum_background, place, keypoints, k, points, along, at)
            for j in range(0, points):
                row = sample + (1 + (k.to(tl.int64) - 1) * points + j) * grad_output_strides[1]
                gradient = tl.load(row, mask=tl.where(k > 0, there, False), other=0).to(R)
                driving_point = read_pair(kp_driving, driving_strides, n, k, j, k > 0)
                source_point = read_pair(kp_source, source_strides, n, k, j, k > 0)
                index = place * keypoints + k - 1
                store_bend_sums(
                    sum_driving, sum_spline, index, j, points, along, at, kp_driving, driving_strides, spline,
                    spline_strides, n, k, flat_heat_gradient(at, driving_point, wide, gradient),
                )  # fmt: skip
                if sum_source is not None:
                    of_x, of_y = flat_heat_gradient(at, source_point, wide, -gradient)
                    store_vector(sum_source, index * points + j, of_x, of_y, 0.0, k > 0, 2)


@triton.jit
def readers_of(voxel, size, shift, R: tl.constexpr, ALIGN_CORNERS: tl.constexpr):
    """The points of an axis that read a voxel when all of them are shifted, by normalised coordinates: those less than
    a voxel away. They lie at least a voxel apart, so that there are two at most: the first, and the one after it.

    Returns:
        The first, its weight, and the weight of the next; the weight of one that is not there is 0.
    """
    scale = tl.cast(size, R) * 0.5 - (0.5 if ALIGN_CORNERS else 0.0)
    centre = 0.0 if ALIGN_CORNERS else -0.5
    last = tl.cast(size, tl.int32) - 1
    step = tl.where(last > 0, 2 * scale / tl.maximum(last, 1).to(R), 1)
    start = (identity_coordinate(tl.zeros_like(voxel), size, R) + shift + 1) * scale + centre
    distance = tl.floor((voxel.to(R) - 1 - start) / step) + 1
    is_near = (distance >= -1) & (distance <= last.to(R))  # false for NaN too
    first = tl.where(is_near, distance, -2).to(tl.int32)
    at_first = (identity_coordinate(first, size, R) + shift + 1) * scale + centre
    at_next = (identity_coordinate(first + 1, size, R) + shift + 1) * scale + centre
    weight = tl.where(is_near & (first >= 0), 1 - tl.abs(at_first - voxel.to(R)), 0)
    next_weight = tl.where(is_near & (first < last), 1 - tl.abs(at_next - voxel.to(R)), 0)
    return first.to(voxel.dtype), tl.maximum(weight, 0), tl.maximum(next_weight, 0)


@triton.jit
def translated_features_backward_kernel(
    grad_output, grad_output_strides, grad_feature, grad_feature_strides, kp_driving, driving_strides, kp_source,
    source_strides, size, channels, keypoints, blocks,
    RANK: tl.constexpr, ALIGN_CORNERS: tl.constexpr, CHANNELS_LAST: tl.constexpr, WIDE: tl.constexpr,
    POINTS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Write the gradient of a block of voxels times a block of channels, where no motion has a jacobian: each voxel
    gathers it from the points that read it, so that nothing is added to and the order is always the same.
    """
    R: tl.constexpr = kp_driving.dtype.element_ty
    _, n, z, y, x, there = block_of_points(size, blocks, POINTS, WIDE)
    channel, has_channel = block_of_channels(tl.program_id(1) * CHANNELS, channels, x, CHANNELS)
    mask = of_points(there, CHANNELS_LAST) & of_channels(has_channel, CHANNELS_LAST)
    result = tl.zeros(mask.shape, R)
    for k in range(0, keypoints + 1):
        driving = read_vector(kp_driving, driving_strides, n, k - 1, k > 0, RANK)
        source = read_vector(kp_source, source_strides, n, k - 1, k > 0, RANK)
        first_x, weight_x, next_x = readers_of(x, size[2], source[0] - driving[0], R, ALIGN_CORNERS)
        first_y, weight_y, next_y = readers_of(y, size[1], source[1] - driving[1], R, ALIGN_CORNERS)
        first_z, weight_z, next_z = readers_of(z, size[0], source[2] - driving[2], R, ALIGN_CORNERS)
        plane = grad_output + tl.cast(k, tl.int64) * (channels + 1) * grad_output_strides[1]
        for corner in range(0, 8 if RANK == 3 else 4):
            weight = tl.where(corner & 1 != 0, next_x, weight_x)
            weight *= tl.where((corner >> 1) & 1 != 0, next_y, weight_y)
            weight *= tl.where(corner >> 2 != 0, next_z, weight_z)
            offset = offsets_at(
                grad_output_strides, first_z + (corner >> 2), first_y + ((corner >> 1) & 1), first_x + (corner & 1)
            )
            point = tile_at(plane, grad_output_strides, n, channel + 1, offset, CHANNELS_LAST)
            gradient = tl.load(point, mask=mask & of_points(weight != 0, CHANNELS_LAST), other=0).to(R)
            result += of_points(weight, CHANNELS_LAST) * gradient
    offset = offsets_at(grad_feature_strides, z, y, x)
    to = tile_at(grad_feature, grad_feature_strides, n, channel, offset, CHANNELS_LAST)
    tl.store(to, result.to(grad_feature.dtype.element_ty), mask=mask)
