"""How wrong an op may be: not much more than plain PyTorch is on the same numbers."""

import torch

from tests.ops.calls import Call


def assert_no_worse_than_eager(call: Call) -> None:
    """The norm of the error is at most 1.5 times that of plain PyTorch's, plus one unit in the last place.

    For calls with many elements, which make the two comparable.
    """
    outcomes = zip(call.outcome(), call.eager_outcome(), call.exact_outcome(), strict=True)
    for position, (actual, eager, exact) in enumerate(outcomes):
        assert actual.dtype == eager.dtype
        error, eager_error = (actual - exact).norm(), (eager - exact).norm()
        allowed = 1.5 * eager_error + torch.finfo(actual.dtype).eps * exact.norm()
        assert error <= allowed, f"{_name(position)}: error {error:.3e}, plain PyTorch's {eager_error:.3e}"


def assert_close_to_exact(call: Call) -> None:
    """The same for each element of any call, with leave to be as wrong as inputs rounded a little differently are."""
    exacts, nearby = call.exact_outcome(), call.nearby_outcomes(16)
    for position, (actual, eager, exact) in enumerate(zip(call.outcome(), call.eager_outcome(), exacts, strict=True)):
        assert actual.shape == exact.shape and actual.dtype == eager.dtype
        limits = torch.finfo(actual.dtype)
        allowed = 1.5 * (eager - exact).abs() + limits.eps * exact.abs() + limits.smallest_normal
        allowed += torch.stack([(outcome[position] - exact).abs() for outcome in nearby]).amax(0)
        # Where large numbers cancel, their rounding remains; inputs are of the order of 1. A point that the op makes
        # itself, as that of a background which stands still, is rounded by eps / 2 of [-1, 1]: eps / 4 of the side.
        ulps = max(4, max(call.feature.shape[2:], default=0) / 4)
        allowed += ulps * torch.finfo(call.computing_type).eps * (1 + exact.abs().amax() if exact.numel() else 0)
        wrong = ~((actual - exact).abs() <= allowed)
        assert not wrong.any(), (
            f"{_name(position)}: at {wrong.nonzero()[0].tolist()} expected {exact[wrong][0]:.9g} ± "
            f"{allowed[wrong][0]:.3g}, got {actual[wrong][0]:.9g}; {wrong.sum()} of {wrong.numel()} elements are wrong"
        )


def _name(position: int) -> str:
    return "output" if position == 0 else f"gradient of tensor {position}"
