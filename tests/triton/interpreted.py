"""The Triton ops in Triton's interpreter. Run by test_interpreter.py, in a process where it is switched on."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

import ptus_kernels
from tests.ops.calls import Call, Op
from tests.ops.dispatched import dispatched_ops
from tests.ops.inputs import normal, uniform
from tests.ops.precision import assert_close_to_exact
from tests.triton import calls


@pytest.fixture(autouse=True)
def on_triton() -> Iterator[None]:
    """Run the ops in Triton, on memory that holds NaN until it is written."""
    torch.use_deterministic_algorithms(True)
    assert torch.empty(1).isnan()
    with ptus_kernels.use_backend("triton"):
        yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("call", list(calls.all_calls(torch.float32)), ids=repr)
def test_every_call_is_right(call: Call) -> None:
    assert_close_to_exact(call)


@pytest.mark.parametrize("call", list(calls.usual_calls(torch.float16)), ids=repr)
def test_half_types_are_summed_in_float32(call: Call) -> None:
    assert_close_to_exact(call)


@pytest.mark.parametrize("call", list(calls.calls_of_all_gradients(torch.float32)), ids=repr)
def test_gradients_can_be_had_one_at_a_time(call: Call) -> None:
    _, *expected = call.eager_outcome()
    for position, gradient in enumerate(expected):
        tensors = [None if tensor is None else tensor.detach() for tensor in call.tensors]
        leaf = [tensor for tensor in tensors if tensor is not None][position].requires_grad_()
        with dispatched_ops("ptus_kernels") as ops:
            (alone,) = torch.autograd.grad(call.op(*tensors, **call.parameters), leaf, call.grad_output)
        torch.testing.assert_close(alone, gradient, rtol=1e-4, atol=1e-5)
        names = [op._schema.name.removeprefix("ptus_kernels::") for op, _ in ops]
        registered = calls.registered_ops(call)
        assert names[: len(registered)] == [f"{name}_triton" for name in registered]
        backwards = names[len(registered) :]
        assert backwards == [f"{name}_triton_backward" for name in registered[::-1]][: len(backwards)]
        assert backwards
        assert sum(ops[-1][1][-2]) == 1, "a gradient was computed that nobody asked for"


@pytest.mark.parametrize(
    "call",
    [
        calls.grid_sample_call(3, 0, "contiguous", torch.float32),
        calls.occlusion_blend_call(0, "contiguous", torch.float32),
        calls.compose_motion_call(False, (3, 2, 5), "contiguous", torch.float32),
        calls.soft_argmax_call(1.0, "contiguous", torch.float32),
        calls.spade_modulate_call(2, "contiguous", torch.float32),
    ],
    ids=lambda call: call.op.__name__,
)
def test_offsets_of_64_bits(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ptus_kernels.triton.arguments.FARTHEST_OFFSET", -1)
    assert_close_to_exact(call)


def test_a_launch_that_no_gpu_takes_is_refused() -> None:
    feature = torch.zeros(1, 1, 1, 1).expand(1, 2**22, 1, 1)
    with pytest.raises(ValueError, match=r"at most .* 65535 of channels or keypoints, got \(1, 131072\)"):
        ptus_kernels.grid_sample_2d(feature, torch.zeros(1, 1, 1, 2))


@pytest.mark.parametrize("rank", [2, 3])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
def test_points_that_are_not_finite_sample_nothing(rank: int, padding: str) -> None:
    input = normal(0, (1, 2, *(2, 3, 4)[-rank:])).requires_grad_()
    grid = uniform(1, (1, *(1, 1, 5)[-rank:], rank), -1, 1)
    grid[..., 0, 0], grid[..., 1, rank - 1], grid[..., 2, 0] = torch.nan, torch.inf, -torch.inf
    grid.requires_grad_()
    op = (ptus_kernels.grid_sample_2d, ptus_kernels.grid_sample_3d)[rank - 2]
    sampled = op(input, grid, padding_mode=padding)
    grad_input, grad_grid = torch.autograd.grad(sampled.sum(), (input, grid))
    assert not sampled[..., :3].any() and sampled[..., 3:].all()
    assert not grad_grid[..., :3, :].any() and grad_grid.isfinite().all() and grad_input.isfinite().all()


def test_masks_of_very_large_logits_are_hard() -> None:
    logits = torch.full((1, 3, 1, 2, 3), -torch.inf)
    logits[:, 2] = 1e4
    driving, source = uniform(0, (1, 2, 3), -1, 1), uniform(1, (1, 2, 3), -1, 1)
    deformation = ptus_kernels.compose_motion(logits, driving, source)
    with ptus_kernels.use_backend("reference"):
        torch.testing.assert_close(deformation, ptus_kernels.compose_motion(logits, driving, source))


def _empty(*shape: int) -> Tensor:
    return torch.empty(shape)


def test_nothing_comes_of_nothing() -> None:
    """Every op, without samples or without channels; gradients of what is still there are 0."""
    kp, map = normal(1, (2, 2, 3)), normal(2, (2, 1, 3, 4))
    nothing: list[tuple[tuple[Tensor, ...], Op]] = [
        ((_empty(2, 0, 2, 3, 4), normal(0, (2, 1, 2, 2, 3))), ptus_kernels.grid_sample_3d),
        ((normal(0, (2, 2, 3, 4)), _empty(2, 0, 2, 2)), ptus_kernels.grid_sample_2d),
        ((normal(0, (2, 2, 3, 4)), _empty(2, 2, 0, 2), map), ptus_kernels.warp_blend),
        ((_empty(2, 0, 3, 4), map), ptus_kernels.occlusion_blend),
        ((_empty(0, 3, 2, 3, 4), kp[:0], kp[:0]), ptus_kernels.compose_motion),
        ((_empty(0, 3, 2, 3, 4), kp[:0], kp[:0]), ptus_kernels.motion_features),
        ((_empty(2, 0, 2, 3, 4),), ptus_kernels.soft_argmax_3d),
        ((_empty(2, 0, 3, 4), _empty(2, 0, 3, 4), _empty(2, 0, 3, 4)), ptus_kernels.spade_modulate),
        ((_empty(0, 2, 3, 4), *normal(1, (2, 0, 3, 5, 2))), ptus_kernels.spline_features),
        ((_empty(0, 4, 3, 4), *normal(1, (2, 0, 3, 5, 2))), ptus_kernels.compose_splines),
    ]
    for tensors, op in nothing:
        leaves = [tensor.detach().requires_grad_() for tensor in tensors]
        output = op(*leaves)
        assert output.numel() == 0
        assert not any(gradient.any() for gradient in torch.autograd.grad(output.sum(), leaves))


def test_heatmaps_alone() -> None:
    """motion_features of a feature without channels."""
    call = calls.motion_features_call(False, False, "contiguous", torch.float32, channels=0)
    output, _, *gradients = call.outcome()
    with ptus_kernels.use_backend("reference"):
        expected, _, *expected_gradients = call.outcome()
    torch.testing.assert_close(output, expected)
    for actual, gradient in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(actual, gradient)


@pytest.mark.parametrize(
    "call",
    [
        calls.occlusion_blend_call(0, "contiguous", torch.float32),
        calls.soft_argmax_call(1.0, "contiguous", torch.float32),
        calls.spade_modulate_call(2, "contiguous", torch.float32),
    ],
    ids=lambda call: call.op.__name__,
)
def test_registration(call: Call) -> None:
    with dispatched_ops("ptus_kernels") as ops:
        call.outcome()
    for op, arguments in ops:
        torch.library.opcheck(op, arguments)


def test_second_gradients() -> None:
    input, grid = normal(0, (1, 2, 3, 4)), uniform(1, (1, 2, 2, 2), -0.9, 0.9)

    def penalty() -> Tensor:
        leaf = input.clone().requires_grad_()
        moved = grid.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(
            ptus_kernels.grid_sample_2d(leaf, moved).square().sum(), moved, create_graph=True
        )
        (second,) = torch.autograd.grad(gradient.square().sum(), leaf)
        return second

    with ptus_kernels.use_backend("auto"):
        expected = penalty()
    torch.testing.assert_close(penalty(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("call", list(calls.calls_of_all_gradients(torch.float32)), ids=repr)
@pytest.mark.parametrize("forward", ["cpu", "triton"])
def test_the_backward_of_either_backend_follows_the_forward_of_either(
    call: Call, forward: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU where another backend is faster in each direction; here the compiled ops are the CPU's."""
    backward = {"cpu": "triton", "triton": "cuda"}[forward]
    monkeypatch.setattr("ptus_kernels.registration.chooses_backward", lambda output: True)
    monkeypatch.setattr("ptus_kernels.backend._choice_on_gpu", lambda *asked: (backward, "measured on"))
    with ptus_kernels.use_backend(forward), dispatched_ops("ptus_kernels") as ops:
        outcome = call.outcome()
    for actual, expected in zip(outcome, call.eager_outcome(), strict=True):
        torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)
    ran = [op._schema.name.removeprefix("ptus_kernels::") for op, _ in ops]
    names = calls.registered_ops(call)
    first, second = {"cpu": ("", "_triton_backward"), "triton": ("_triton", "_backward")}[forward]
    assert ran == [*(name + first for name in names), *(name + second for name in names[::-1])]


def test_it_compiles_into_one_graph() -> None:
    call = calls.soft_argmax_call(1.0, "contiguous", torch.float32)
    compiled = torch.compile(call.op, fullgraph=True, backend="aot_eager")
    for actual, expected in zip(call.outcome(compiled), call.outcome(), strict=True):
        assert torch.equal(actual, expected)
