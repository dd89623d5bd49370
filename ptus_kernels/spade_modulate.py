"""SPADE: features are normalised, then scaled and shifted at every pixel by maps that a network predicts."""

from torch import Tensor

from ptus_kernels.backend import implementation
from ptus_kernels.checks import Checks
from ptus_kernels.memory_format import empty_in_format_of
from ptus_kernels.reference import spade_modulate as reference
from ptus_kernels.registration import register

ACTIVATIONS = ("leaky_relu", "none")


def spade_modulate(
    x: Tensor,
    gamma: Tensor,
    beta: Tensor,
    *,
    activation: str = "leaky_relu",
    negative_slope: float = 0.2,
    scale_factor: int = 1,
    eps: float = 1e-5,
) -> Tensor:
    """Compute activation(instance_norm(x) · (1 + γ) + β), with x enlarged to the size of γ and β on the way.

    Spatially adaptive normalisation (Park et al. 2019), equation 1, with the statistics of each sample and channel, as
    in LivePortrait's decoder. Enlarging repeats pixels (nearest), which changes no statistics: the result is that of
    enlarging x first, and the enlarged x is never written.

    Args:
        x: feature (B, C, h, w); float32, float64, float16 or bfloat16.
        gamma: γ (B, C, s · h, s · w) where s is `scale_factor`; of the type of `x`.
        beta: β, as `gamma`.
        activation: "leaky_relu" or "none".
        negative_slope: of the leaky ReLU; finite. 0 makes it a ReLU.
        scale_factor: how many times as high and as wide as `x` the result is; at least 1.
        eps: added to the variance (the biased one); positive.

    Returns:
        (B, C, s · h, s · w) of the type and memory format of `x`.

    Raises:
        TypeError: for a type that does not fit.
        ValueError: for a rank, size, device, activation or number that does not fit.
    """
    checks = Checks("spade_modulate")
    if not isinstance(scale_factor, int) or scale_factor < 1:
        checks.fail("scale_factor", "a whole number from 1 on", repr(scale_factor))
    checks.one_of("activation", activation, ACTIVATIONS)
    checks.finite_number("negative_slope", negative_slope)
    checks.positive_number("eps", eps)
    checks.tensor("x", x, "B C h w")
    size = (*x.shape[:2], x.shape[2] * scale_factor, x.shape[3] * scale_factor)
    for name, map in (("gamma", gamma), ("beta", beta)):
        checks.tensor(name, map, "B C H W")
        if map.shape != size:
            checks.fail(name, f"shape {size}, which is x's times a scale_factor of {scale_factor}", tuple(map.shape))
    x, gamma, beta = checks.of_one_type(x=x, gamma=gamma, beta=beta)
    slope = float(negative_slope) if activation == "leaky_relu" else 1.0
    run = implementation("spade_modulate", reference.spade_modulate, x)
    modulated: Tensor = run(x, gamma, beta, scale_factor, slope, float(eps))
    return modulated


def _fake(x: Tensor, gamma: Tensor, beta: Tensor, scale_factor: int, negative_slope: float, eps: float) -> Tensor:
    return empty_in_format_of(x, gamma.shape)


register(
    "spade_modulate",
    fake=_fake,
    twice_differentiable=reference.spade_modulate,
    tensors=3,
    features=(0, 1, 2),
)
