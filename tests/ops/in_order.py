"""The ops that take some of their tensors by keyword, here with all of them in order, as a `Call` has them."""

from typing import Any

from torch import Tensor

import ptus_kernels


def motion_features(
    feature: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    jacobian: Tensor | None,
    covariance_driving: Tensor | None,
    covariance_source: Tensor | None,
    background: Tensor | None,
    **parameters: Any,
) -> Tensor:
    """`ptus_kernels.motion_features`."""
    return ptus_kernels.motion_features(
        feature,
        kp_driving,
        kp_source,
        jacobian,
        covariance_driving=covariance_driving,
        covariance_source=covariance_source,
        background=background,
        **parameters,
    )


def compose_motion(
    mask_logits: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    jacobian: Tensor | None,
    background: Tensor | None,
    **parameters: Any,
) -> Tensor:
    """`ptus_kernels.compose_motion`."""
    return ptus_kernels.compose_motion(
        mask_logits, kp_driving, kp_source, jacobian, background=background, **parameters
    )


def spline_features(
    feature: Tensor, kp_driving: Tensor, kp_source: Tensor, background: Tensor | None, **parameters: Any
) -> Tensor:
    """`ptus_kernels.spline_features`."""
    return ptus_kernels.spline_features(feature, kp_driving, kp_source, background=background, **parameters)


def compose_splines(
    mask_logits: Tensor, kp_driving: Tensor, kp_source: Tensor, background: Tensor | None, **parameters: Any
) -> Tensor:
    """`ptus_kernels.compose_splines`."""
    return ptus_kernels.compose_splines(mask_logits, kp_driving, kp_source, background=background, **parameters)
