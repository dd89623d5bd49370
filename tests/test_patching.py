"""torch.nn.functional.grid_sample, rerouted inside a block."""

from collections.abc import Iterator
from threading import Barrier, Thread

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ptus_kernels import info, patched, use_backend

PYTORCHS = F.grid_sample
needs_kernels = pytest.mark.skipif("cpu_capability" not in info(), reason="the ops are not registered")


class Calls(TorchDispatchMode):
    """Names of the ops that run inside."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        self.names.append(func._opname)
        return func(*args, **(kwargs or {}))


def sampled(*arguments: object, **options: object) -> tuple[Tensor, list[str]]:
    """The result inside the block, and the ops that ran."""
    with patched(), Calls() as calls:
        result = F.grid_sample(*arguments, **options)  # type: ignore[arg-type]
    return result, [name for name in calls.names if "grid_sample" in name]


def image_and_grid(rank: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    sizes, points = (5, 6, 7)[:rank], (3, 4, 2)[:rank]
    return torch.randn(2, 3, *sizes, dtype=dtype), (torch.rand(2, *points, rank) * 3 - 1.5).to(dtype)


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    torch.manual_seed(5)
    yield
    assert F.grid_sample is PYTORCHS


@needs_kernels
@pytest.mark.parametrize("rank", [2, 3])
@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("align_corners", [False, True])
def test_the_fused_sampler_runs_and_gives_the_same(
    rank: int, mode: str, padding_mode: str, align_corners: bool
) -> None:
    arguments = (*image_and_grid(rank), mode, padding_mode, align_corners)
    result, names = sampled(*arguments)
    assert names == [f"grid_sample_{rank}d"]
    torch.testing.assert_close(result, PYTORCHS(*arguments))


@needs_kernels
def test_gradients_are_the_same() -> None:
    input, grid = (tensor.requires_grad_() for tensor in image_and_grid(2))
    with patched():
        found = torch.autograd.grad(F.grid_sample(input, grid).square().sum(), (input, grid))
    expected = torch.autograd.grad(PYTORCHS(input, grid, align_corners=False).square().sum(), (input, grid))
    torch.testing.assert_close(found, expected)


def test_transforms_are_pytorchs() -> None:
    input, grid = image_and_grid(2)
    expected = torch.func.jacrev(lambda grid: PYTORCHS(input, grid, align_corners=False))(grid)
    with patched():
        assert torch.equal(torch.func.jacrev(lambda grid: F.grid_sample(input, grid))(grid), expected)
        compiled = torch.compile(torch.func.grad(lambda grid: F.grid_sample(input, grid).sum()), backend="aot_eager")
        torch.testing.assert_close(compiled(grid), expected.sum(dim=(0, 1, 2, 3)))


@pytest.mark.parametrize("align_corners", [False, True])
def test_bicubic_is_pytorchs(align_corners: bool) -> None:
    input, grid = image_and_grid(2)
    result, names = sampled(input, grid, mode="bicubic", align_corners=align_corners)
    assert "grid_sample_2d" not in names
    assert torch.equal(result, PYTORCHS(input, grid, mode="bicubic", align_corners=align_corners))


def test_no_batch_is_the_same() -> None:
    input, grid = image_and_grid(2)
    assert sampled(input[:0], grid[:0])[0].shape == (0, 3, 3, 4)


@pytest.mark.parametrize(
    ("input", "grid", "options"),
    [
        (torch.randn(2, 3, 4, 4), torch.zeros(2, 4, 4, 3), {}),
        (torch.randn(2, 3, 4, 4), torch.zeros(1, 4, 4, 2), {}),
        (torch.randn(2, 3, 4), torch.zeros(2, 4, 1), {}),
        (torch.randn(2, 3, 4, 0), torch.zeros(2, 4, 4, 2), {}),
        (torch.randn(2, 3, 4, 4), torch.zeros(2, 4, 4, 2, dtype=torch.float64), {}),
        (torch.randn(2, 3, 4, 4).bfloat16(), torch.zeros(2, 4, 4, 2), {}),
        (torch.randn(2, 3, 4, 4), torch.zeros(2, 4, 4, 2), {"mode": "cubic"}),
        (torch.randn(2, 3, 4, 4), torch.zeros(2, 4, 4, 2), {"padding_mode": "circular"}),
    ],
)
def test_errors_are_pytorchs(input: Tensor, grid: Tensor, options: dict[str, str]) -> None:
    with pytest.raises((RuntimeError, ValueError)) as expected:
        PYTORCHS(input, grid, align_corners=False, **options)
    with pytest.raises(type(expected.value)) as found:
        sampled(input, grid, align_corners=False, **options)
    assert str(found.value) == str(expected.value)


@pytest.mark.parametrize("types", [(torch.bfloat16, torch.float32), (torch.float16, torch.float16)], ids=str)
def test_types_under_autocast_are_pytorchs(types: tuple[torch.dtype, torch.dtype]) -> None:
    input, grid = (tensor.to(dtype) for tensor, dtype in zip(image_and_grid(2), types, strict=True))
    with torch.autocast("cpu"):
        expected = PYTORCHS(input, grid, align_corners=False)
        result, _ = sampled(input, grid)
    assert result.dtype == expected.dtype
    torch.testing.assert_close(result, expected)


@pytest.mark.parametrize("types", [(torch.float64, torch.float64), (torch.bfloat16, torch.bfloat16)], ids=str)
def test_other_types(types: tuple[torch.dtype, torch.dtype]) -> None:
    input, grid = (tensor.to(dtype) for tensor, dtype in zip(image_and_grid(3), types, strict=True))
    result, _ = sampled(input, grid)
    torch.testing.assert_close(result, PYTORCHS(input, grid, align_corners=False), atol=5e-2, rtol=5e-2)


def test_the_plain_backend_does_not_call_itself() -> None:
    arguments = image_and_grid(3)
    with use_backend("reference"):
        result, _ = sampled(*arguments)
    torch.testing.assert_close(result, PYTORCHS(*arguments, align_corners=False))


def test_nested_blocks_end_with_the_outer_one() -> None:
    with patched():
        with patched():
            pass
        assert F.grid_sample is not PYTORCHS


def test_an_error_ends_the_block() -> None:
    with pytest.raises(KeyError), patched():
        raise KeyError


def test_blocks_of_threads_overlap() -> None:
    inside, first_left = Barrier(2), Barrier(2)
    still_patched = []

    def first() -> None:
        with patched():
            inside.wait()
        first_left.wait()

    def second() -> None:
        with patched():
            inside.wait()
            first_left.wait()
            still_patched.append(F.grid_sample is not PYTORCHS)

    threads = [Thread(target=first), Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert still_patched == [True]


@needs_kernels
def test_a_compiled_model_keeps_the_sampler_it_met() -> None:
    input, grid = image_and_grid(2)
    met: list[str] = []

    def backend(graph: torch.fx.GraphModule, _: list[Tensor]) -> torch.fx.GraphModule:
        met.extend(str(node.target) for node in graph.graph.nodes)
        return graph

    @torch.compile(backend=backend, fullgraph=True)
    def compiled(input: Tensor, grid: Tensor) -> Tensor:
        return F.grid_sample(input, grid, align_corners=False)

    with patched():
        result = compiled(input, grid)
    assert "ptus_kernels.grid_sample_2d.default" in met
    torch.testing.assert_close(result, PYTORCHS(input, grid, align_corners=False))
