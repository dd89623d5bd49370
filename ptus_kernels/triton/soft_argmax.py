"""soft_argmax_2d and soft_argmax_3d in Triton: an image is a volume of one plane.

Blocks of the volume are summed one a program, each under its own highest logit; who needs the whole adds them up in
float64, since where one voxel has nearly all of the weight, the gradient lives on what the others have.
"""

from collections.abc import Sequence

import torch
import triton
import triton.language as tl
from torch import Tensor

from ptus_kernels.memory_format import empty_in_format_of
from ptus_kernels.triton.arguments import blocks_of, grid, is_wide, strides_of, volume_of
from ptus_kernels.triton.motion import identity_point, store_vector
from ptus_kernels.triton.tiles import offsets_at
from ptus_kernels.triton.tuning import Config, launch

CONFIGS = (Config(1024, 1, 4), Config(2048, 1, 8), Config(512, 1, 4))
# What a block leaves behind: its highest logit, the sum of its weights, and their sums times x, y and z.
NUMBERS = 5


@triton.jit
def block_of_volume(size, keypoints, blocks, POINTS: tl.constexpr, WIDE: tl.constexpr):
    """The voxels of this program: the number of their block, sample, channel, volume; z, y, x; which are there."""
    program, block = tl.program_id(0), tl.program_id(0) % blocks
    volume = (program // blocks).to(tl.int64)
    point = (block.to(tl.int64) if WIDE else block) * POINTS + tl.arange(0, POINTS)
    row = point // size[2]
    there = row < tl.cast(size[0], row.dtype) * size[1]
    return (
        program,
        volume // keypoints,
        volume % keypoints,
        volume,
        row // size[1],
        row % size[1],
        point % size[2],
        there,
    )


@triton.jit
def read_logits(logits, strides, n, k, z, y, x, there, R: tl.constexpr):
    """Logits of channel k of sample n."""
    volume = logits + n * strides[0] + k * strides[1]
    return tl.load(volume + offsets_at(strides, z, y, x), mask=there, other=float("-inf")).to(R)


@triton.jit
def sum_kernel(
    sums, logits, logits_strides, inverse_temperature: tl.float64, size, keypoints, blocks,
    WIDE: tl.constexpr, POINTS: tl.constexpr,
):  # fmt: skip
    """Sum a block."""
    R: tl.constexpr = sums.dtype.element_ty
    program, n, k, _, z, y, x, there = block_of_volume(size, keypoints, blocks, POINTS, WIDE)
    logit = read_logits(logits, logits_strides, n, k, z, y, x, there, R)
    highest = tl.max(logit)
    # A block that is -infinity throughout weighs nothing beside the others.
    origin = tl.where(highest == float("-inf"), 0, highest)
    weight = tl.exp((logit - origin) * tl.cast(inverse_temperature, R))
    at = identity_point(z, y, x, size, R)
    to = sums + 5 * program.to(tl.int64)
    tl.store(to, highest)
    tl.store(to + 1, tl.sum(weight))
    tl.store(to + 2, tl.sum(weight * at[0]))
    tl.store(to + 3, tl.sum(weight * at[1]))
    tl.store(to + 4, tl.sum(weight * at[2]))


@triton.jit
def whole(sums, volume, inverse_temperature, blocks, BLOCKS: tl.constexpr):
    """Add up the blocks of a volume in float64, so many at a time.

    Returns:
        Its highest logit, the sum of its weights, the expected x, y and z.
    """
    highest = tl.full((), float("-inf"), tl.float64)
    total = tl.zeros((), tl.float64)
    x, y, z = total, total, total
    for start in range(0, blocks, BLOCKS):
        block = start + tl.arange(0, BLOCKS)
        row, there = sums + 5 * (volume * blocks + block), block < blocks
        here = tl.load(row, mask=there, other=float("-inf")).to(tl.float64)
        above = tl.maximum(highest, tl.max(here))
        origin = tl.where(above == float("-inf"), 0, above)
        before, now = tl.exp((highest - origin) * inverse_temperature), tl.exp((here - origin) * inverse_temperature)
        total = total * before + tl.sum(now * tl.load(row + 1, mask=there, other=0).to(tl.float64))
        x = x * before + tl.sum(now * tl.load(row + 2, mask=there, other=0).to(tl.float64))
        y = y * before + tl.sum(now * tl.load(row + 3, mask=there, other=0).to(tl.float64))
        z = z * before + tl.sum(now * tl.load(row + 4, mask=there, other=0).to(tl.float64))
        highest = above
    return highest, total, (x / total, y / total, z / total)


@triton.jit
def expectation_kernel(output, sums, inverse_temperature: tl.float64, blocks, RANK: tl.constexpr, BLOCKS: tl.constexpr):
    """Write one keypoint."""
    R: tl.constexpr = output.dtype.element_ty
    volume = tl.program_id(0).to(tl.int64)
    _, _, mean = whole(sums, volume, inverse_temperature, blocks, BLOCKS)
    store_vector(output, volume, mean[0].to(R), mean[1].to(R), mean[2].to(R), True, RANK)


@triton.jit
def offset_from(at, mean, R: tl.constexpr):
    """at - mean, where the mean has more digits than the type has."""
    near = mean.to(R)
    return at - near - (mean - near.to(tl.float64)).to(R)


@triton.jit
def gradient_kernel(
    grad_logits, grad_logits_strides, grad_output, grad_output_strides, sums, logits, logits_strides,
    inverse_temperature: tl.float64, size, keypoints, blocks,
    RANK: tl.constexpr, WIDE: tl.constexpr, POINTS: tl.constexpr, BLOCKS: tl.constexpr,
):  # fmt: skip
    """Write the gradient of a block of logits."""
    R: tl.constexpr = sums.dtype.element_ty
    _, n, k, volume, z, y, x, there = block_of_volume(size, keypoints, blocks, POINTS, WIDE)
    highest, total, mean = whole(sums, volume, inverse_temperature, blocks, BLOCKS)
    logit = read_logits(logits, logits_strides, n, k, z, y, x, there, R)
    inverse = tl.cast(inverse_temperature, R)
    weight = tl.exp((logit - highest.to(R)) * inverse) * (inverse_temperature / total).to(R)
    row = grad_output + n * grad_output_strides[0] + k * grad_output_strides[1]
    at = identity_point(z, y, x, size, R)
    slope = tl.load(row) * offset_from(at[0], mean[0], R)
    slope += tl.load(row + grad_output_strides[2]) * offset_from(at[1], mean[1], R)
    if RANK == 3:
        slope += tl.load(row + 2 * grad_output_strides[2]) * offset_from(at[2], mean[2], R)
    to = grad_logits + n * grad_logits_strides[0] + k * grad_logits_strides[1]
    gradient = (weight * slope).to(grad_logits.dtype.element_ty)
    tl.store(to + offsets_at(grad_logits_strides, z, y, x), gradient, mask=there)


def _sums(logits: Tensor, temperature: float, like: torch.dtype, config: Config) -> Tensor:
    batch, keypoints, *size = logits.shape
    blocks = blocks_of(size, config.points)
    sums = torch.empty((batch * keypoints, blocks, NUMBERS), dtype=like, device=logits.device)
    sum_kernel[grid(batch * keypoints * blocks)](
        sums=sums,
        logits=logits,
        logits_strides=logits.stride(),
        inverse_temperature=1 / temperature,
        size=tuple(size),
        keypoints=keypoints,
        blocks=blocks,
        WIDE=is_wide(logits[:, :1]),
        POINTS=config.points,
        num_warps=config.num_warps,
    )
    return sums


def _blocks_at_a_time(sums: Tensor) -> int:
    return min(1 << (sums.shape[1] - 1).bit_length(), 256)


def soft_argmax(logits: Tensor, temperature: float) -> Tensor:
    """Keypoints (B, K, rank) expected under logits (B, K, [D,] H, W)."""
    wide = torch.float64 if logits.dtype == torch.float64 else torch.float32
    rank, logits = logits.dim() - 2, volume_of(logits)
    output = logits.new_empty((*logits.shape[:2], rank), dtype=wide)
    if output.numel() == 0:
        return output

    def run(config: Config) -> None:
        sums = _sums(logits, temperature, wide, config)
        expectation_kernel[grid(sums.shape[0])](
            output=output,
            sums=sums,
            inverse_temperature=1 / temperature,
            blocks=sums.shape[1],
            RANK=rank,
            BLOCKS=_blocks_at_a_time(sums),
            num_warps=1,
        )

    launch(run, CONFIGS, "soft_argmax", logits, (logits.shape[:2].numel(), logits.shape[2:].numel()))
    return output


def soft_argmax_backward(
    grad_output: Tensor, logits: Tensor, temperature: float, output_mask: Sequence[bool]
) -> list[Tensor]:
    """The gradient of the logits, where the mask asks for it."""
    if not output_mask[0]:
        return []
    grad_logits = empty_in_format_of(logits, logits.shape)
    if grad_output.numel() == 0:
        return [grad_logits.zero_()]
    to, logits = volume_of(grad_logits), volume_of(logits)
    batch, keypoints, *size = logits.shape

    def run(config: Config) -> None:
        sums = _sums(logits, temperature, grad_output.dtype, config)
        gradient_kernel[grid(sums.shape[0] * sums.shape[1])](
            grad_logits=to,
            grad_logits_strides=to.stride(),
            grad_output=grad_output,
            grad_output_strides=strides_of(grad_output),
            sums=sums,
            logits=logits,
            logits_strides=logits.stride(),
            inverse_temperature=1 / temperature,
            size=tuple(size),
            keypoints=keypoints,
            blocks=sums.shape[1],
            RANK=grad_output.shape[-1],
            WIDE=is_wide(logits[:, :1], to[:, :1]),
            POINTS=config.points,
            BLOCKS=_blocks_at_a_time(sums),
            num_warps=config.num_warps,
        )

    shape = (batch * keypoints, logits.shape[2:].numel())
    launch(run, CONFIGS, "soft_argmax_backward", logits, shape)
    return [grad_logits]
