"""thin-plate-spline-motion-model (Zhao & Zhang 2022): splines of five keypoints each, masks of several sizes."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ptus_kernels.compose_splines import compose_splines
from ptus_kernels.grid_sample import grid_sample_2d
from ptus_kernels.integrations import first_order
from ptus_kernels.integrations.block import Block, Trial
from ptus_kernels.integrations.motion import affine, moved_keypoints, resized
from ptus_kernels.integrations.swapping import Accelerated
from ptus_kernels.occlusion_blend import occlusion_blend
from ptus_kernels.spline_features import spline_features
from ptus_kernels.warp_blend import warp_blend

FAMILY = "thin-plate-spline-motion-model"
POINTS = 5  # of a spline


class DenseMotion(Accelerated):
    """Sections 3.1 and 3.2: the hourglass's input from one op, the deformation from another."""

    hourglass: nn.Module
    maps: nn.Module
    occlusion: nn.ModuleList
    up: nn.ModuleList
    scale_factor: float
    down: nn.Module
    kp_variance: float
    num_tps: int
    multi_mask: bool

    def forward(
        self,
        source_image: Tensor,
        kp_driving: dict[str, Tensor],
        kp_source: dict[str, Tensor],
        bg_param: Tensor | None = None,
        dropout_flag: bool = False,
        dropout_p: float = 0,
    ) -> Any:
        """As the block's own, which runs itself under dropout, and where the background's motion is a perspective."""
        background = None if bg_param is None else affine(bg_param)
        if dropout_flag or (bg_param is not None and background is None):
            return super().forward(source_image, kp_driving, kp_source, bg_param, dropout_flag, dropout_p)
        image = self.down(source_image) if self.scale_factor != 1 else source_image
        driving, source = (each["fg_kp"].unflatten(1, (self.num_tps, POINTS)) for each in (kp_driving, kp_source))
        seen = spline_features(
            image,
            driving,
            source,
            background=background,
            kp_variance=self.kp_variance,
            align_corners=self._ptus_align_corners,
        )
        deformed = seen[:, 1 + self.num_tps * POINTS :].unflatten(1, (self.num_tps + 1, image.shape[1]))
        predictions = self.hourglass(seen, mode=1)
        logits = self.maps(predictions[-1])
        return {
            "deformed_source": deformed,
            "contribution_maps": F.softmax(logits, dim=1),
            "deformation": compose_splines(logits, driving, source, background=background),
            "occlusion_map": self._occlusion_maps(predictions),
        }

    def _occlusion_maps(self, predictions: list[Tensor]) -> list[Tensor]:
        """From the coarsest to the finest: of the hourglass's last levels, then of levels above it."""
        finest = predictions[-1]
        if not self.multi_mask:
            return [torch.sigmoid(self.occlusion[0](finest))]
        inside = len(self.occlusion) - len(self.up)
        seen = list(predictions[len(predictions) - inside :])
        for enlarge in self.up:
            finest = enlarge(finest)
            seen.append(finest)
        return [torch.sigmoid(network(each)) for network, each in zip(self.occlusion, seen, strict=True)]


class Inpainting(Accelerated):
    """Section 3.3: every encoder level is warped and occluded in one op, and only once where no gradient is asked."""

    first: nn.Module
    down_blocks: nn.ModuleList
    resblock: nn.ModuleList
    up_blocks: nn.ModuleList
    final: nn.Module
    multi_mask: bool

    def deform_input(self, inp: Tensor, deformation: Tensor) -> Tensor:
        """Sample an image (B, C, H, W) at the points of a deformation, which may be of another size."""
        points = resized(deformation, inp.shape[2:], align_corners=True)
        return grid_sample_2d(inp, points, align_corners=self._ptus_align_corners)

    def forward(self, source_image: Tensor, dense_motion: dict[str, Any]) -> dict[str, Any]:
        """As the block's own."""
        encoded = [self.first(source_image)]
        for block in self.down_blocks:
            encoded.append(block(encoded[-1]))
        deformation = dense_motion["deformation"]
        levels = [self._warped(*pair, deformation) for pair in self._pairs(encoded, dense_motion)]
        detached = levels
        if torch.is_grad_enabled():
            pairs = self._pairs(encoded, dense_motion)
            detached = [self._warped(feature.detach(), mask.detach(), deformation) for feature, mask in pairs]

        decoded = levels[0]
        for step, enlarge in enumerate(self.up_blocks):
            if step > 0:
                decoded = torch.cat((decoded, levels[step]), dim=1)
            decoded = enlarge(self.resblock[2 * step + 1](self.resblock[2 * step](decoded)))

        occlusion = self._sized(dense_motion["occlusion_map"][-1], decoded)
        decoded = torch.addcmul(levels[-1], decoded, 1 - occlusion)
        decoded = torch.sigmoid(self.final(decoded))
        deformed = self.deform_input(source_image, deformation)
        return {
            **{name: dense_motion[name] for name in ("contribution_maps", "deformed_source", "occlusion_map")},
            "deformed": deformed,
            "warped_encoder_maps": detached,
            "prediction": occlusion_blend(deformed, occlusion, decoded),
        }

    def _pairs(self, encoded: list[Tensor], dense_motion: dict[str, Any]) -> list[tuple[Tensor, Tensor]]:
        """Every encoder level with its occlusion map, the coarsest first."""
        maps = dense_motion["occlusion_map"]
        pairs = enumerate(reversed(encoded))
        return [(feature, self._sized(maps[level if self.multi_mask else 0], feature)) for level, feature in pairs]

    def _sized(self, occlusion: Tensor, feature: Tensor) -> Tensor:
        """A map for this feature; where there is one for each size, it is of the right one already."""
        if self.multi_mask or occlusion.shape[2:] == feature.shape[2:]:
            return occlusion
        return F.interpolate(occlusion, size=feature.shape[2:], mode="bilinear", align_corners=True)

    def _warped(self, feature: Tensor, occlusion: Tensor, deformation: Tensor) -> Tensor:
        points = resized(deformation, feature.shape[2:], align_corners=True)
        return warp_blend(feature, points, occlusion, align_corners=self._ptus_align_corners)


class AntiAliasing(first_order.AntiAliasing):
    """As the first-order model's, but without what is left over beyond the last whole step."""

    def forward(self, input: Tensor) -> Tensor:
        """As the block's own."""
        if self.scale == 1.0:
            return input
        height, width = (int(size * self.scale) for size in input.shape[2:])
        return self._every(input, round(1 / self.scale))[..., :height, :width]


class _Levels(nn.Module):
    """Stands in for the hourglass: three levels of features, the finest last."""

    def __init__(self, channels_in: int, channels: list[int]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(nn.Conv2d(channels_in, each, 3, padding=1) for each in channels)

    def forward(self, x: Tensor, mode: int = 0) -> list[Tensor]:
        scales = range(len(self.networks) - 1, -1, -1)
        return [F.avg_pool2d(network(x), 2**scale) for network, scale in zip(self.networks, scales, strict=True)]


def _trial_of_dense_motion(block: Any) -> Trial:
    count, channels = block.num_tps, 3
    inside = len(block.occlusion) - len(block.up) if block.multi_mask else 1
    modules: dict[str, nn.Module] = {
        "hourglass": _Levels(1 + count * POINTS + (count + 1) * channels, [4] * max(inside, 1)),
        "maps": nn.Conv2d(4, count + 1, 1),
        "occlusion": nn.ModuleList(nn.Conv2d(4, 1, 1) for _ in block.occlusion),
    }
    if block.multi_mask:
        modules["up"] = nn.ModuleList(nn.Upsample(scale_factor=2) for _ in block.up)
    if block.scale_factor != 1:
        modules["down"] = nn.Conv2d(channels, channels, 2, stride=2)
    driving, source = ({"fg_kp": each} for each in moved_keypoints(count * POINTS, 2))
    call = {"source_image": torch.rand(2, channels, 16, 24), "kp_driving": driving, "kp_source": source}
    moved = torch.tensor([[1.1, 0.1, -0.2], [0.05, 0.9, 0.1], [0.0, 0.0, 1.0]]).repeat(2, 1, 1)
    tilted = moved + 0.1 * torch.eye(3).roll(1, 0)
    calls = [call, {**call, "bg_param": moved}, {**call, "bg_param": tilted}]
    calls.append({**call, "dropout_flag": True, "dropout_p": 0.3})
    return Trial(modules, [("forward", arguments) for arguments in calls])


def _trial_of_inpainting(block: Any) -> Trial:
    sizes = [(4, 5), (8, 10), (16, 20)] if block.multi_mask else [(8, 10)]
    motion = {
        "contribution_maps": torch.rand(2, 3, 8, 10),
        "deformed_source": torch.rand(2, 3, 3, 8, 10),
        "deformation": 2.4 * torch.rand(2, 8, 10, 2) - 1.2,
        "occlusion_map": [torch.rand(2, 1, *size) for size in sizes],
    }
    modules: dict[str, nn.Module] = {
        "first": nn.Conv2d(3, 4, 3, padding=1),
        "down_blocks": nn.ModuleList([nn.AvgPool2d(2), nn.AvgPool2d(2)]),
        "resblock": nn.ModuleList(nn.Conv2d(each, each, 1) for each in (4, 4, 8, 8)),
        "up_blocks": nn.ModuleList(nn.ConvTranspose2d(each, 4, 2, stride=2) for each in (4, 8)),
        "final": nn.Conv2d(4, 3, 1),
    }
    call = {"source_image": torch.rand(2, 3, 16, 20), "dense_motion": motion}
    return Trial(modules, [("forward", call)], {"num_down_blocks": 2})


BLOCKS = (
    Block(
        FAMILY,
        "dense motion",
        DenseMotion,
        {
            "hourglass": nn.Module,
            "maps": nn.Conv2d,
            "occlusion": nn.ModuleList,
            "num_tps": int,
            "scale_factor": (float, int),
            "kp_variance": float,
            "multi_mask": bool,
        },
        ("source_image", "kp_driving", "kp_source", "bg_param", "dropout_flag", "dropout_p"),
        (
            "forward",
            "create_heatmap_representations",
            "create_transformations",
            "create_deformed_source_image",
        ),
        _trial_of_dense_motion,
        align_corners=(True, False),
    ),
    Block(
        FAMILY,
        "inpainting",
        Inpainting,
        {
            "first": nn.Module,
            "down_blocks": nn.ModuleList,
            "resblock": nn.ModuleList,
            "up_blocks": nn.ModuleList,
            "final": nn.Module,
            "num_down_blocks": int,
            "multi_mask": bool,
        },
        ("source_image", "dense_motion"),
        ("forward", "deform_input", "occlude_input"),
        _trial_of_inpainting,
        align_corners=(True, False),
    ),
    Block(
        FAMILY,
        "anti-aliased resizing",
        AntiAliasing,
        first_order.ANTI_ALIASING_PARTS,
        ("input",),
        ("forward",),
        first_order.trial_of_anti_aliasing,
        align_corners=(False,),
        absent=("int_inv_scale",),
    ),
)
