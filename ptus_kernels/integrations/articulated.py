"""articulated-animation (Siarohin et al. 2021): regions with covariances, a background motion, skip connections."""

from typing import Any

import torch
from torch import Tensor, nn

from ptus_kernels.compose_motion import compose_motion
from ptus_kernels.grid_sample import grid_sample_2d
from ptus_kernels.integrations.block import Block, Trial
from ptus_kernels.integrations.motion import affine, driving_to_source, moved_keypoints, near_identity, resized
from ptus_kernels.integrations.swapping import Accelerated
from ptus_kernels.motion_features import motion_features
from ptus_kernels.warp_blend import warp_blend

FAMILY = "articulated-animation"


class FlowPredictor(Accelerated):
    """Sections 3.3 and 3.4: the hourglass's input from one op, the flow from another."""

    hourglass: nn.Module
    mask: nn.Module
    occlusion: nn.Module | None
    scale_factor: float
    down: nn.Module
    region_var: float
    use_covar_heatmap: bool
    revert_axis_swap: bool

    def forward(
        self,
        source_image: Tensor,
        driving_region_params: dict[str, Tensor],
        source_region_params: dict[str, Tensor],
        bg_params: Tensor | None = None,
    ) -> Any:
        """As the block's own, which runs itself where the background's motion is a perspective, or may become one."""
        background = None if bg_params is None or bg_params.requires_grad else affine(bg_params)
        if bg_params is not None and background is None:
            return super().forward(source_image, driving_region_params, source_region_params, bg_params)
        image = self.down(source_image) if self.scale_factor != 1 else source_image
        driving, source, jacobian = driving_region_params["shift"], source_region_params["shift"], None
        if "affine" in driving_region_params:
            jacobian = driving_to_source(source_region_params["affine"], driving_region_params["affine"])
            if self.revert_axis_swap:
                jacobian = jacobian * jacobian[..., :1, :1].sign()
        seen = motion_features(
            image,
            driving,
            source,
            jacobian,
            covariance_driving=driving_region_params["covar"] if self.use_covar_heatmap else None,
            covariance_source=source_region_params["covar"] if self.use_covar_heatmap else None,
            background=background,
            kp_variance=self.region_var,
            align_corners=self._ptus_align_corners,
        )
        prediction = self.hourglass(seen)
        flow = compose_motion(self.mask(prediction), driving, source, jacobian, background=background)
        found = {"optical_flow": flow}
        if self.occlusion is not None:
            found["occlusion_map"] = torch.sigmoid(self.occlusion(prediction))
        return found


class Generator(Accelerated):
    """Section 3.4; its own `forward` calls these."""

    @classmethod
    def deform_input(cls, inp: Tensor, optical_flow: Tensor) -> Tensor:
        """Sample an image (B, C, H, W) at the points of a flow, which may be of another size."""
        points = resized(optical_flow, inp.shape[2:], align_corners=False)
        return grid_sample_2d(inp, points, align_corners=cls._ptus_align_corners)

    def apply_optical(
        self,
        input_previous: Tensor | None = None,
        input_skip: Tensor | None = None,
        motion_params: dict[str, Tensor] | None = None,
    ) -> Any:
        """Warp the skip connection and blend it with what came before, by the occlusion map, in one op."""
        if motion_params is None or input_skip is None:
            return super().apply_optical(input_previous, input_skip, motion_params)  # type: ignore[misc]
        points = resized(motion_params["optical_flow"], input_skip.shape[2:], align_corners=False)
        occlusion = motion_params.get("occlusion_map")
        background = None if occlusion is None else input_previous
        return warp_blend(input_skip, points, occlusion, background, align_corners=self._ptus_align_corners)


class RegionPredictor(Accelerated):
    """Section 3.2: mean and covariance of each region's heatmap."""

    pca_based: bool

    def region2affine(self, region: Tensor) -> dict[str, Tensor]:
        """From heatmaps (B, K, H, W); no matrix a point is written."""
        height, width = region.shape[2:]
        y, x = (
            torch.linspace(-1, 1, size, dtype=region.dtype, device=region.device) if size > 1 else region.new_zeros(1)
            for size in (height, width)
        )
        across, down = region.sum(dim=2), region.sum(dim=3)  # marginals, (B, K, W) and (B, K, H)
        mean = torch.stack((across @ x, down @ y), dim=-1)
        found = {"shift": mean}
        if self.pca_based:
            dx, dy = x - mean[..., :1], y - mean[..., 1:]
            xx, yy = (across * dx.square()).sum(-1), (down * dy.square()).sum(-1)
            xy = ((region @ dx.unsqueeze(-1)).squeeze(-1) * dy).sum(-1)
            found["covar"] = torch.stack((xx, xy, xy, yy), dim=-1).unflatten(-1, (2, 2))
        return found


def _regions(count: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    regions = []
    for shift in moved_keypoints(count, 2):
        shape = 0.3 * near_identity(count, 2)
        regions.append({"shift": shift, "affine": shape, "covar": shape @ shape.mT})
    return regions[0], regions[1]


def _trial_of_flow_predictor(block: Any) -> Trial:
    count, channels = block.num_regions, 3
    modules: dict[str, nn.Module] = {
        "hourglass": nn.Conv2d((count + 1) * (channels + 1), 4, 3, padding=1),
        "mask": nn.Conv2d(4, count + 1, 1),
    }
    if block.scale_factor != 1:
        modules["down"] = nn.Conv2d(channels, channels, 2, stride=2)
    if block.occlusion is not None:
        modules["occlusion"] = nn.Conv2d(4, 1, 1)
    driving, source = _regions(count)
    source["affine"] = source["affine"] * torch.tensor([-1.0, 1.0]).repeat(count)[:count].view(-1, 1, 1)  # swapped axes
    call = {
        "source_image": torch.rand(2, channels, 10, 14),
        "driving_region_params": driving,
        "source_region_params": source,
    }
    bare = {
        "driving_region_params": {name: driving[name] for name in ("shift", "covar")},
        "source_region_params": {name: source[name] for name in ("shift", "covar")},
    }
    moved = torch.tensor([[1.1, 0.1, -0.2], [0.05, 0.9, 0.1], [0.0, 0.0, 1.0]]).repeat(2, 1, 1)
    tilted = moved + 0.1 * torch.eye(3).roll(1, 0)
    calls = [call, {**call, **bare}, {**call, "bg_params": moved}, {**call, "bg_params": tilted}]
    return Trial(modules, [("forward", arguments) for arguments in calls])


def _trial_of_generator(_: Any) -> Trial:
    flow, occlusion = 2.4 * torch.rand(2, 5, 6, 2) - 1.2, torch.rand(2, 1, 5, 6)
    skip, previous = torch.randn(2, 3, 9, 8), torch.randn(2, 3, 9, 8)
    with_map, without = {"optical_flow": flow, "occlusion_map": occlusion}, {"optical_flow": flow}
    calls: list[tuple[str, dict[str, Any]]] = [("deform_input", {"inp": skip, "optical_flow": flow})]
    calls += [
        ("apply_optical", {"input_previous": before, "input_skip": skip, "motion_params": motion})
        for before in (None, previous)
        for motion in (with_map, without, None)
    ]
    return Trial({}, calls)


def _trial_of_region_predictor(_: Any) -> Trial:
    region = (4 * torch.rand(2, 3, 5, 6)).flatten(2).softmax(-1).unflatten(2, (5, 6))
    return Trial({}, [("region2affine", {"region": region})])


def _settings_of_flow_predictor(block: Any) -> str | None:
    return None if block.use_deformed_source else "use_deformed_source is off"


BLOCKS = (
    Block(
        FAMILY,
        "flow predictor",
        FlowPredictor,
        {
            "hourglass": nn.Module,
            "mask": nn.Conv2d,
            "occlusion": (nn.Conv2d, type(None)),
            "num_regions": int,
            "scale_factor": (float, int),
            "region_var": float,
            "use_covar_heatmap": bool,
            "use_deformed_source": bool,
            "revert_axis_swap": bool,
        },
        ("source_image", "driving_region_params", "source_region_params", "bg_params"),
        (
            "forward",
            "create_heatmap_representations",
            "create_sparse_motions",
            "create_deformed_source_image",
        ),
        _trial_of_flow_predictor,
        _settings_of_flow_predictor,
    ),
    Block(
        FAMILY,
        "generator",
        Generator,
        {"pixelwise_flow_predictor": nn.Module, "skips": bool, "up_blocks": nn.ModuleList},
        ("source_image", "driving_region_params", "source_region_params", "bg_params"),
        ("deform_input", "apply_optical"),
        _trial_of_generator,
    ),
    Block(
        FAMILY,
        "region predictor",
        RegionPredictor,
        {"predictor": nn.Module, "regions": nn.Conv2d, "pca_based": bool},
        ("x",),
        ("region2affine",),
        _trial_of_region_predictor,
        align_corners=(False,),
    ),
)
