"""The kernels of spade_modulate: sums over blocks of points, their whole, and what each point gets.

Strides are those of volumes (n, c, z, y, x) with a depth of 1, so that tiles are those of every other op.
"""

import triton
import triton.language as tl

from ptus_kernels.triton.tiles import block_of_channels, block_of_points, of_channels, of_points, offsets_at, tile_at


@triton.jit
def sum_points(tile, CHANNELS_LAST: tl.constexpr):
    """For each channel the sum over the points of a tile."""
    return tl.sum(tile, axis=0 if CHANNELS_LAST else 1)


@triton.jit
def sum_at(sums, n, block, blocks, channel, channels, NUMBER: tl.constexpr):
    """Where the sums of a block of points lie: (n, block, 2, channel)."""
    return sums + ((n * blocks + block) * 2 + NUMBER) * channels + channel


@triton.jit
def spade_moments_kernel(
    sums, x, x_strides, size, channels, blocks,
    CHANNELS_LAST: tl.constexpr, WIDE: tl.constexpr, POINTS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Write the mean of each channel over a block of points, and the sum of its squares off that mean."""
    R: tl.constexpr = sums.dtype.element_ty
    block, n, pz, py, px, there = block_of_points(size, blocks, POINTS, WIDE)
    channel, has_channel = block_of_channels(tl.program_id(1) * CHANNELS, channels, px, CHANNELS)
    mask = of_points(there, CHANNELS_LAST) & of_channels(has_channel, CHANNELS_LAST)
    from_x = tile_at(x, x_strides, n, channel, offsets_at(x_strides, pz, py, px), CHANNELS_LAST)
    numbers = tl.load(from_x, mask=mask, other=0).to(R)
    mean = sum_points(numbers, CHANNELS_LAST) / tl.sum(there.to(R))
    off = tl.where(mask, numbers - of_channels(mean, CHANNELS_LAST), 0)
    tl.store(sum_at(sums, n, block, blocks, channel, channels, 0), mean, mask=has_channel)
    tl.store(
        sum_at(sums, n, block, blocks, channel, channels, 1), sum_points(off * off, CHANNELS_LAST), mask=has_channel
    )


@triton.jit
def sums_of_blocks(sums, n, start, blocks, channel, channels, NUMBER: tl.constexpr, BLOCKS: tl.constexpr):
    """The sums of BLOCKS blocks from `start` on, a row each, 0 where there is none; and the blocks' numbers."""
    block = start + tl.arange(0, BLOCKS)[:, None]
    mask = (block < blocks) & (channel < channels)[None, :]
    return tl.load(sum_at(sums, n, block, blocks, channel[None, :], channels, NUMBER), mask=mask, other=0), block


@triton.jit
def points_of_blocks(block, points, POINTS: tl.constexpr, R: tl.constexpr):
    """How many points each block has: the last may have fewer than the others, and there may be none behind it."""
    return tl.maximum(tl.minimum(points - block * POINTS, POINTS), 0).to(R)


@triton.jit
def spade_statistics_kernel(
    statistics, sums, eps: tl.float64, points, channels, blocks,
    POINTS: tl.constexpr, CHANNELS: tl.constexpr, BLOCKS: tl.constexpr,
):  # fmt: skip
    """Bring the moments of all blocks together: the mean and the inverse deviation of each channel, (n, 2, channel)."""
    R: tl.constexpr = statistics.dtype.element_ty
    n = tl.program_id(0).to(tl.int64)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    total = tl.cast(points, R)
    mean, squares = tl.zeros((CHANNELS,), R), tl.zeros((CHANNELS,), R)
    for start in range(0, blocks, BLOCKS):
        means, block = sums_of_blocks(sums, n, start, blocks, channel, channels, 0, BLOCKS)
        mean += tl.sum(means * (points_of_blocks(block, points, POINTS, R) / total), axis=0)
    for start in range(0, blocks, BLOCKS):
        means, block = sums_of_blocks(sums, n, start, blocks, channel, channels, 0, BLOCKS)
        within, block = sums_of_blocks(sums, n, start, blocks, channel, channels, 1, BLOCKS)
        off = means - mean[None, :]
        squares += tl.sum(within + off * off * points_of_blocks(block, points, POINTS, R), axis=0)
    to = statistics + n * 2 * channels + channel
    tl.store(to, mean, mask=channel < channels)
    tl.store(to + channels, 1 / tl.sqrt(squares / total + tl.cast(eps, R)), mask=channel < channels)


@triton.jit
def read_normalisation(statistics, n, channel, channels, has_channel):
    """The mean and the inverse deviation of each channel."""
    of_sample = statistics + n * 2 * channels + channel
    mean = tl.load(of_sample, mask=has_channel, other=0)
    return mean, tl.load(of_sample + channels, mask=has_channel, other=0)


@triton.jit
def normalise(tile, mean, inverse_deviation, CHANNELS_LAST: tl.constexpr):
    """(x - mean) / deviation."""
    return (tile - of_channels(mean, CHANNELS_LAST)) * of_channels(inverse_deviation, CHANNELS_LAST)


@triton.jit
def spade_kernel(
    output, output_strides, x, x_strides, gamma, gamma_strides, beta, beta_strides, statistics,
    negative_slope: tl.float64, size, channels, blocks,
    SCALE: tl.constexpr, CHANNELS_LAST: tl.constexpr, WIDE: tl.constexpr,
    POINTS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Write a block of points of the output times a block of channels."""
    R: tl.constexpr = statistics.dtype.element_ty
    _, n, pz, py, px, there = block_of_points(size, blocks, POINTS, WIDE)
    channel, has_channel = block_of_channels(tl.program_id(1) * CHANNELS, channels, px, CHANNELS)
    mask = of_points(there, CHANNELS_LAST) & of_channels(has_channel, CHANNELS_LAST)
    mean, inverse = read_normalisation(statistics, n, channel, channels, has_channel)
    offset = offsets_at(x_strides, pz, py // SCALE, px // SCALE)
    tile = tl.load(tile_at(x, x_strides, n, channel, offset, CHANNELS_LAST), mask=mask, other=0).to(R)
    offset = offsets_at(gamma_strides, pz, py, px)
    scale = tl.load(tile_at(gamma, gamma_strides, n, channel, offset, CHANNELS_LAST), mask=mask, other=0).to(R)
    offset = offsets_at(beta_strides, pz, py, px)
    shift = tl.load(tile_at(beta, beta_strides, n, channel, offset, CHANNELS_LAST), mask=mask, other=0).to(R)
    value = normalise(tile, mean, inverse, CHANNELS_LAST) * (1 + scale) + shift
    value = tl.where(value > 0, value, value * tl.cast(negative_slope, R))
    to = tile_at(output, output_strides, n, channel, offsets_at(output_strides, pz, py, px), CHANNELS_LAST)
    tl.store(to, value.to(output.dtype.element_ty), mask=mask)


@triton.jit
def spade_gradient_kernel(
    passed, passed_strides, sums, grad_gamma, grad_gamma_strides, grad_beta, grad_beta_strides,
    grad_output, grad_output_strides, x, x_strides, gamma, gamma_strides, beta, beta_strides, statistics,
    negative_slope: tl.float64, size, channels, blocks,
    SCALE: tl.constexpr, CHANNELS_LAST: tl.constexpr, WIDE: tl.constexpr,
    POINTS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Take a block of points of x, with all points of the output that each becomes, times a block of channels.

    Written are the gradients of gamma and beta, what passes to the normalised x and, over the block, for each channel
    the sum of that and of its products with the normalised x. Gradients that are None were not asked for.
    """
    R: tl.constexpr = statistics.dtype.element_ty
    block, n, pz, py, px, there = block_of_points(size, blocks, POINTS, WIDE)
    channel, has_channel = block_of_channels(tl.program_id(1) * CHANNELS, channels, px, CHANNELS)
    mask = of_points(there, CHANNELS_LAST) & of_channels(has_channel, CHANNELS_LAST)
    mean, inverse = read_normalisation(statistics, n, channel, channels, has_channel)
    from_x = tile_at(x, x_strides, n, channel, offsets_at(x_strides, pz, py, px), CHANNELS_LAST)
    normalised = normalise(tl.load(from_x, mask=mask, other=0).to(R), mean, inverse, CHANNELS_LAST)
    total = tl.zeros_like(normalised)
    for step in range(SCALE * SCALE):
        y, x_there = py * SCALE + step // SCALE, px * SCALE + step % SCALE
        offset = offsets_at(gamma_strides, pz, y, x_there)
        scale = tl.load(tile_at(gamma, gamma_strides, n, channel, offset, CHANNELS_LAST), mask=mask, other=0).to(R)
        offset = offsets_at(beta_strides, pz, y, x_there)
        shift = tl.load(tile_at(beta, beta_strides, n, channel, offset, CHANNELS_LAST), mask=mask, other=0).to(R)
        offset = offsets_at(grad_output_strides, pz, y, x_there)
        given = tile_at(grad_output, grad_output_strides, n, channel, offset, CHANNELS_LAST)
        gradient = tl.load(given, mask=mask, other=0).to(R)
        above = normalised * (1 + scale) + shift > 0
        gradient = tl.where(above, gradient, gradient * tl.cast(negative_slope, R))
        if grad_gamma is not None:
            offset = offsets_at(grad_gamma_strides, pz, y, x_there)
            to = tile_at(grad_gamma, grad_gamma_strides, n, channel, offset, CHANNELS_LAST)
            tl.store(to, (gradient * normalised).to(grad_gamma.dtype.element_ty), mask=mask)
        if grad_beta is not None:
            offset = offsets_at(grad_beta_strides, pz, y, x_there)
            to = tile_at(grad_beta, grad_beta_strides, n, channel, offset, CHANNELS_LAST)
            tl.store(to, gradient.to(grad_beta.dtype.element_ty), mask=mask)
        total += gradient * (1 + scale)
    if passed is not None:
        to = tile_at(passed, passed_strides, n, channel, offsets_at(passed_strides, pz, py, px), CHANNELS_LAST)
        tl.store(to, total, mask=mask)
        plain = sum_points(tl.where(mask, total, 0), CHANNELS_LAST)
        products = sum_points(tl.where(mask, total * normalised, 0), CHANNELS_LAST)
        tl.store(sum_at(sums, n, block, blocks, channel, channels, 0), plain, mask=has_channel)
        tl.store(sum_at(sums, n, block, blocks, channel, channels, 1), products, mask=has_channel)


@triton.jit
def spade_means_kernel(means, sums, points, channels, blocks, CHANNELS: tl.constexpr, BLOCKS: tl.constexpr):
    """Bring the sums of all blocks together, as means over the points: (n, 2, channel)."""
    R: tl.constexpr = means.dtype.element_ty
    n = tl.program_id(0).to(tl.int64)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    plain, products = tl.zeros((CHANNELS,), R), tl.zeros((CHANNELS,), R)
    for start in range(0, blocks, BLOCKS):
        of_blocks, _ = sums_of_blocks(sums, n, start, blocks, channel, channels, 0, BLOCKS)
        plain += tl.sum(of_blocks, axis=0)
        of_blocks, _ = sums_of_blocks(sums, n, start, blocks, channel, channels, 1, BLOCKS)
        products += tl.sum(of_blocks, axis=0)
    to = means + n * 2 * channels + channel
    tl.store(to, plain / tl.cast(points, R), mask=channel < channels)
    tl.store(to + channels, products / tl.cast(points, R), mask=channel < channels)


@triton.jit
def spade_input_gradient_kernel(
    grad_x, grad_x_strides, passed, passed_strides, means, x, x_strides, statistics, size, channels, blocks,
    CHANNELS_LAST: tl.constexpr, WIDE: tl.constexpr, POINTS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Write a block of points of the gradient of x times a block of channels."""
    R: tl.constexpr = statistics.dtype.element_ty
    _, n, pz, py, px, there = block_of_points(size, blocks, POINTS, WIDE)
    channel, has_channel = block_of_channels(tl.program_id(1) * CHANNELS, channels, px, CHANNELS)
    mask = of_points(there, CHANNELS_LAST) & of_channels(has_channel, CHANNELS_LAST)
    mean, inverse = read_normalisation(statistics, n, channel, channels, has_channel)
    plain, products = read_normalisation(means, n, channel, channels, has_channel)
    from_x = tile_at(x, x_strides, n, channel, offsets_at(x_strides, pz, py, px), CHANNELS_LAST)
    normalised = normalise(tl.load(from_x, mask=mask, other=0).to(R), mean, inverse, CHANNELS_LAST)
    from_passed = tile_at(passed, passed_strides, n, channel, offsets_at(passed_strides, pz, py, px), CHANNELS_LAST)
    off = tl.load(from_passed, mask=mask, other=0) - of_channels(plain, CHANNELS_LAST)
    gradient = of_channels(inverse, CHANNELS_LAST) * (off - normalised * of_channels(products, CHANNELS_LAST))
    to = tile_at(grad_x, grad_x_strides, n, channel, offsets_at(grad_x_strides, pz, py, px), CHANNELS_LAST)
    tl.store(to, gradient.to(grad_x.dtype.element_ty), mask=mask)
