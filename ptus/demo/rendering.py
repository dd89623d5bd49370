"""A pose rendered: the motion field of the volume, what a viewer sees of it, and the picture warped by that."""

import time
from collections.abc import Callable
from typing import NamedTuple, ParamSpec, TypeVar

import torch
from einops import rearrange
from torch import Tensor

import ptus_kernels
from ptus.demo.lifting import LAYERS, Lifted, mask_points
from ptus.demo.matting import Cutout
from ptus.demo.motion import Pose, keypoint_motion
from ptus.demo.space import FaceSpace
from ptus.images import Pixels, Plane

P = ParamSpec("P")
R = TypeVar("R")

UNLIKELY = 1e-4
"""The least share of a part in a point's motion, which keeps its logarithm finite."""


class Frame(NamedTuple):
    """One rendered frame, and what it was made of."""

    pixels: Pixels
    """(H, W, 3)."""
    flow: Plane
    """(H, W, 2): where each pixel comes from, against where it is, in pixels right and down."""
    occlusion: Plane
    """(H, W): 1 where the person is seen, 0 where the background is."""
    seconds: float
    """Spent in the ops of ptus_kernels."""


class Renderer:
    """Renders poses of one lifted portrait.

    Every sampler is told `align_corners=True`, so the pose of the photo gives back the photo.

    Args:
        cutout: person and background of the photo.
        lifted: the person's volume.
        space: coordinates of the photo.
    """

    def __init__(self, cutout: Cutout, lifted: Lifted, space: FaceSpace) -> None:
        self.space = space
        self.lifted = lifted
        self.person = rearrange(torch.from_numpy(cutout.person), "h w c -> 1 c h w")
        self.background = rearrange(torch.from_numpy(cutout.background), "h w c -> 1 c h w")
        self.mask_points = torch.from_numpy(mask_points(space)).float()
        identity = [torch.linspace(-1, 1, side) for side in (space.width, space.height)]
        self.identity = torch.stack(torch.meshgrid(*identity, indexing="xy"), -1)[None]

    @torch.inference_mode()
    def render(self, pose: Pose) -> Frame:
        """Render one pose."""
        clock = _Clock()
        deformation = self._deformation(pose, clock)
        flow, visible = self._seen(deformation, clock)
        warped = clock.time(
            ptus_kernels.warp_blend, self.person, flow, visible, align_corners=True, padding_mode="border"
        )
        colour, occlusion = warped[:, :3], warped[:, 3:]
        picture = colour + (1 - occlusion) * self.background
        half_sides = torch.tensor([self.space.width - 1, self.space.height - 1]) / 2
        return Frame(
            (255 * picture[0].permute(1, 2, 0)).round().clamp(0, 255).to(torch.uint8).numpy(),
            ((flow - self.identity)[0] * half_sides * visible[0, 0, :, :, None]).numpy(),
            occlusion[0, 0].numpy(),
            clock.seconds,
        )

    def _deformation(self, pose: Pose, clock: "_Clock") -> Tensor:
        """The motion field (1, D, H, W, 3) of a pose."""
        motion = keypoint_motion(pose, self.lifted.keypoints, self.space)
        offsets = self.mask_points - motion.kp_driving[0, :, None, None, None]
        moved = torch.einsum("kij,kdhwj->kdhwi", motion.jacobian[0], offsets) + motion.kp_source[0, :, None, None, None]
        sparse = torch.cat([self.mask_points[None], moved])
        # A point belongs to the part that would bring it something of its own.
        shares = clock.time(
            ptus_kernels.grid_sample_3d, self.lifted.parts, sparse, align_corners=True, padding_mode="border"
        )
        logits = shares.clamp(min=UNLIKELY).log().transpose(0, 1)
        size = (LAYERS, self.space.height, self.space.width)
        return clock.time(ptus_kernels.compose_motion, logits, *motion, size=size)

    def _seen(self, deformation: Tensor, clock: "_Clock") -> tuple[Tensor, Tensor]:
        """Look through the moved volume: where what each pixel shows came from, and how much of it there is.

        Returns:
            (1, H, W, 2), normalised, and (1, 1, H, W), 0 where the view goes past the person.
        """
        occupancy = clock.time(
            ptus_kernels.grid_sample_3d, self.lifted.occupancy, deformation, align_corners=True, padding_mode="border"
        )[0, 0]
        passing = torch.ones_like(occupancy[0])
        flow = torch.zeros_like(self.identity[0])
        for layer, origin in zip(occupancy, deformation[0, ..., :2], strict=True):
            hit = passing * layer
            flow += hit[..., None] * origin
            passing -= hit
        visible = 1 - passing
        flow = torch.where(visible[..., None] > 0, flow / visible.clamp(min=1e-6)[..., None], self.identity[0])
        return flow[None], visible[None, None]


class _Clock:
    """Adds up the time that calls take."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def time(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        start = time.perf_counter()
        result = call(*args, **kwargs)
        self.seconds += time.perf_counter() - start
        return result
