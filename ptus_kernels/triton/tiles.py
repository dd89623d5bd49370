"""What a program works on: a block of the points of one sample, times a block of channels.

The axis along which a feature lies side by side in memory is the tile's last: threads then read it together.
"""

import triton
import triton.language as tl


@triton.jit
def block_of_points(size, blocks, POINTS: tl.constexpr, WIDE: tl.constexpr):
    """The points of this program, of a sample of size (D, H, W) that takes so many blocks.

    Returns:
        The block's and the sample's number, then for each point z, y, x and whether it is there. WIDE makes offsets
        of 64 bits; the sample's number always is.
    """
    program = tl.program_id(0)
    block = program % blocks
    if WIDE:
        block = block.to(tl.int64)
    point = block * POINTS + tl.arange(0, POINTS)
    x = point % size[2]
    row = point // size[2]
    rows = tl.cast(size[0], x.dtype) * size[1]
    return block, (program // blocks).to(tl.int64), row // size[1], row % size[1], x, row < rows


@triton.jit
def block_of_channels(start, channels, like, CHANNELS: tl.constexpr):
    """Channels from `start` on, as offsets like those of the points, and which of them are there."""
    channel = (start + tl.arange(0, CHANNELS)).to(like.dtype)
    return channel, channel < channels


@triton.jit
def of_points(numbers, CHANNELS_LAST: tl.constexpr):
    """A number for each point, as wide as a tile."""
    return numbers[:, None] if CHANNELS_LAST else numbers[None, :]


@triton.jit
def of_channels(numbers, CHANNELS_LAST: tl.constexpr):
    """A number for each channel, as long as a tile."""
    return numbers[None, :] if CHANNELS_LAST else numbers[:, None]


@triton.jit
def sum_channels(tile, CHANNELS_LAST: tl.constexpr):
    """For each point the sum over the channels of a tile."""
    return tl.sum(tile, axis=1 if CHANNELS_LAST else 0)


@triton.jit
def offsets_at(strides, z, y, x):
    """Where points lie in a sample with strides (n, c, z, y, x)."""
    return z * strides[2] + y * strides[3] + x * strides[4]


@triton.jit
def tile_at(data, strides, n, channel, offset, CHANNELS_LAST: tl.constexpr):
    """Where the tile lies of a sample's points at `offset` and of these channels."""
    sample = data + n * strides[0]
    return sample + of_points(offset, CHANNELS_LAST) + of_channels(channel * strides[1], CHANNELS_LAST)
