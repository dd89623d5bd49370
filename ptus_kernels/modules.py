"""The ops as nn modules: options are set once, tensors are passed as to the function of the same name."""

from collections.abc import Sequence

from torch import Tensor, nn

from ptus_kernels.compose_motion import compose_motion
from ptus_kernels.compose_splines import compose_splines
from ptus_kernels.grid_sample import grid_sample_2d, grid_sample_3d
from ptus_kernels.motion_features import motion_features
from ptus_kernels.occlusion_blend import occlusion_blend
from ptus_kernels.soft_argmax import soft_argmax_2d, soft_argmax_3d
from ptus_kernels.spade_modulate import spade_modulate
from ptus_kernels.spline_features import spline_features
from ptus_kernels.thin_plate_spline import thin_plate_spline
from ptus_kernels.warp_blend import warp_blend


class _Sampler(nn.Module):
    def __init__(self, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool = False) -> None:
        super().__init__()
        self.mode = mode
        self.padding_mode = padding_mode
        self.align_corners = align_corners

    def extra_repr(self) -> str:
        return f"mode={self.mode!r}, padding_mode={self.padding_mode!r}, align_corners={self.align_corners}"


class GridSample2d(_Sampler):
    """`ptus_kernels.grid_sample_2d` with these options."""

    def forward(self, input: Tensor, grid: Tensor) -> Tensor:
        """Sample (N, C, H, W) at (N, h, w, 2)."""
        return grid_sample_2d(input, grid, self.mode, self.padding_mode, self.align_corners)


class GridSample3d(_Sampler):
    """`ptus_kernels.grid_sample_3d` with these options."""

    def forward(self, input: Tensor, grid: Tensor) -> Tensor:
        """Sample (N, C, D, H, W) at (N, d, h, w, 3)."""
        return grid_sample_3d(input, grid, self.mode, self.padding_mode, self.align_corners)


class MotionFeatures(nn.Module):
    """`ptus_kernels.motion_features` with these options."""

    def __init__(self, kp_variance: float = 0.01, align_corners: bool = False) -> None:
        super().__init__()
        self.kp_variance = kp_variance
        self.align_corners = align_corners

    def forward(
        self,
        feature: Tensor,
        kp_driving: Tensor,
        kp_source: Tensor,
        jacobian: Tensor | None = None,
        *,
        covariance_driving: Tensor | None = None,
        covariance_source: Tensor | None = None,
        background: Tensor | None = None,
    ) -> Tensor:
        """Build (B, (K + 1)(C + 1), [D,] H, W) from a feature (B, C, [D,] H, W) and keypoints (B, K, rank)."""
        return motion_features(
            feature,
            kp_driving,
            kp_source,
            jacobian,
            covariance_driving=covariance_driving,
            covariance_source=covariance_source,
            background=background,
            kp_variance=self.kp_variance,
            align_corners=self.align_corners,
        )

    def extra_repr(self) -> str:
        """The options."""
        return f"kp_variance={self.kp_variance}, align_corners={self.align_corners}"


class ComposeMotion(nn.Module):
    """`ptus_kernels.compose_motion` to a motion field of this size ([D,] H, W), or the logits' own."""

    def __init__(self, size: Sequence[int] | None = None) -> None:
        super().__init__()
        self.size = size

    def forward(
        self,
        mask_logits: Tensor,
        kp_driving: Tensor,
        kp_source: Tensor,
        jacobian: Tensor | None = None,
        *,
        background: Tensor | None = None,
    ) -> Tensor:
        """Compose (B, [D,] H, W, rank) from logits (B, K + 1, [d,] h, w) and keypoints (B, K, rank)."""
        return compose_motion(mask_logits, kp_driving, kp_source, jacobian, background=background, size=self.size)

    def extra_repr(self) -> str:
        """The options."""
        return f"size={self.size}"


class ThinPlateSpline(nn.Module):
    """`ptus_kernels.thin_plate_spline` with this option."""

    def __init__(self, regularization: float = 0.01) -> None:
        super().__init__()
        self.regularization = regularization

    def forward(self, kp_driving: Tensor, kp_source: Tensor) -> Tensor:
        """Fit (B, K, P + 3, 2) to driving and source control points (B, K, P, 2)."""
        return thin_plate_spline(kp_driving, kp_source, regularization=self.regularization)

    def extra_repr(self) -> str:
        """The options."""
        return f"regularization={self.regularization}"


class SplineFeatures(nn.Module):
    """`ptus_kernels.spline_features` with these options."""

    def __init__(self, kp_variance: float = 0.01, regularization: float = 0.01, align_corners: bool = True) -> None:
        super().__init__()
        self.kp_variance = kp_variance
        self.regularization = regularization
        self.align_corners = align_corners

    def forward(
        self, feature: Tensor, kp_driving: Tensor, kp_source: Tensor, *, background: Tensor | None = None
    ) -> Tensor:
        """Build (B, 1 + K P + (K + 1) C, H, W) from a feature map (B, C, H, W) and control points (B, K, P, 2)."""
        return spline_features(
            feature,
            kp_driving,
            kp_source,
            background=background,
            kp_variance=self.kp_variance,
            regularization=self.regularization,
            align_corners=self.align_corners,
        )

    def extra_repr(self) -> str:
        """The options."""
        return (
            f"kp_variance={self.kp_variance}, regularization={self.regularization}, align_corners={self.align_corners}"
        )


class ComposeSplines(nn.Module):
    """`ptus_kernels.compose_splines` to a motion field of this size (H, W), or the logits' own."""

    def __init__(self, size: Sequence[int] | None = None, regularization: float = 0.01) -> None:
        super().__init__()
        self.size = size
        self.regularization = regularization

    def forward(
        self, mask_logits: Tensor, kp_driving: Tensor, kp_source: Tensor, *, background: Tensor | None = None
    ) -> Tensor:
        """Compose (B, H, W, 2) from logits (B, K + 1, h, w) and control points (B, K, P, 2)."""
        return compose_splines(
            mask_logits,
            kp_driving,
            kp_source,
            background=background,
            size=self.size,
            regularization=self.regularization,
        )

    def extra_repr(self) -> str:
        """The options."""
        return f"size={self.size}, regularization={self.regularization}"


class OcclusionBlend(nn.Module):
    """`ptus_kernels.occlusion_blend` with this option."""

    def __init__(self, sigmoid: bool = False) -> None:
        super().__init__()
        self.sigmoid = sigmoid

    def forward(self, foreground: Tensor, occlusion: Tensor, background: Tensor | None = None) -> Tensor:
        """Blend (B, C, [D,] H, W) by an occlusion map (B, 1, h, w)."""
        return occlusion_blend(foreground, occlusion, background, sigmoid=self.sigmoid)

    def extra_repr(self) -> str:
        """The options."""
        return f"sigmoid={self.sigmoid}"


class WarpBlend(_Sampler):
    """`ptus_kernels.warp_blend` with these options."""

    def __init__(
        self,
        sigmoid: bool = False,
        mode: str = "bilinear",
        padding_mode: str = "zeros",
        align_corners: bool = False,
    ) -> None:
        super().__init__(mode, padding_mode, align_corners)
        self.sigmoid = sigmoid

    def forward(
        self, input: Tensor, deformation: Tensor, occlusion: Tensor | None = None, background: Tensor | None = None
    ) -> Tensor:
        """Warp a feature by a deformation, and blend it by an occlusion map."""
        return warp_blend(
            input,
            deformation,
            occlusion,
            background,
            sigmoid=self.sigmoid,
            mode=self.mode,
            padding_mode=self.padding_mode,
            align_corners=self.align_corners,
        )

    def extra_repr(self) -> str:
        """The options."""
        return f"sigmoid={self.sigmoid}, {super().extra_repr()}"


class _SoftArgmax(nn.Module):
    def __init__(self, temperature: float = 1.0) -> None:
        super().__init__()
        self.temperature = temperature

    def extra_repr(self) -> str:
        return f"temperature={self.temperature}"


class SoftArgmax2d(_SoftArgmax):
    """`ptus_kernels.soft_argmax_2d` at this temperature."""

    def forward(self, logits: Tensor) -> Tensor:
        """Find keypoints (B, K, 2) in logits (B, K, H, W)."""
        return soft_argmax_2d(logits, self.temperature)


class SoftArgmax3d(_SoftArgmax):
    """`ptus_kernels.soft_argmax_3d` at this temperature."""

    def forward(self, logits: Tensor) -> Tensor:
        """Find keypoints (B, K, 3) in logits (B, K, D, H, W)."""
        return soft_argmax_3d(logits, self.temperature)


class SpadeModulate(nn.Module):
    """`ptus_kernels.spade_modulate` with these options."""

    def __init__(
        self,
        activation: str = "leaky_relu",
        negative_slope: float = 0.2,
        scale_factor: int = 1,
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        self.activation = activation
        self.negative_slope = negative_slope
        self.scale_factor = scale_factor
        self.eps = eps

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        """Normalise a feature (B, C, h, w), and modulate it by maps (B, C, s · h, s · w)."""
        return spade_modulate(
            x,
            gamma,
            beta,
            activation=self.activation,
            negative_slope=self.negative_slope,
            scale_factor=self.scale_factor,
            eps=self.eps,
        )

    def extra_repr(self) -> str:
        """The options."""
        return (
            f"activation={self.activation!r}, negative_slope={self.negative_slope}, "
            f"scale_factor={self.scale_factor}, eps={self.eps}"
        )
