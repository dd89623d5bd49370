"""Models that use the ops give the same in onnxruntime, from standard operators alone."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from ptus.model import PRESETS, PTUS
from ptus.model.exportable import Encode, Estimate, Render
from ptus.model.inference import for_inference
from ptus_kernels import use_backend
from ptus_kernels.export import OPSET, save_onnx
from tests.export.cases import CASES, Inputs, animation
from tests.ops.inputs import normal, uniform

pytestmark = pytest.mark.once

onnx = pytest.importorskip("onnx", reason="the extra `export` is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="the extra `export` is not installed")


def run(path: Path, inputs: Sequence[Tensor]) -> list[Tensor]:
    """What onnxruntime gives on the CPU."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]
    return [
        torch.from_numpy(output)
        for output in session.run(None, dict(zip(names, (tensor.numpy() for tensor in inputs), strict=True)))
    ]


def operators(path: Path) -> set[str]:
    """The operators of a file, all of which are of the standard that it names."""
    written = onnx.load(path)
    assert [(used.domain, used.version) for used in written.opset_import] == [("", OPSET)]
    assert not written.functions
    return {node.op_type for node in written.graph.node}


@pytest.mark.parametrize("name", CASES)
def test_an_op_is_the_same_in_onnxruntime(name: str, tmp_path: Path) -> None:
    module, inputs = CASES[name]
    path = tmp_path / "op.onnx"
    save_onnx(module, inputs, path)
    (actual,) = run(path, inputs)
    torch.testing.assert_close(actual, module(*inputs), rtol=1e-5, atol=1e-5)
    assert ("GridSample" in operators(path)) == name.startswith(("grid_sample", "warp", "motion_features"))
    assert [file.name for file in tmp_path.iterdir()] == ["op.onnx"]


def test_points_that_are_not_finite_sample_nothing(tmp_path: Path) -> None:
    module, (feature, grid) = CASES["grid_sample_3d"]
    grid = grid.clone()
    grid[:, 0, 0, 0, 1], grid[:, 1, 2, 3, 0] = torch.nan, torch.inf
    save_onnx(module, (feature, grid), tmp_path / "op.onnx")
    (actual,) = run(tmp_path / "op.onnx", (feature, grid))
    torch.testing.assert_close(actual, module(feature, grid), rtol=1e-5, atol=1e-5)
    assert not actual[:, :, 0, 0, 0].any() and not actual[:, :, 1, 2, 3].any()


def test_a_model_of_all_ops_takes_any_batch(tmp_path: Path) -> None:
    model, inputs = animation()
    batch = torch.export.Dim("batch")
    path = tmp_path / "model.onnx"
    save_onnx(model, inputs, path, output_names=["picture"], dynamic_shapes=tuple({0: batch} for _ in inputs))
    for count in (1, 2, 5):
        given = [tensor[:1].expand(count, *tensor.shape[1:]).contiguous() for tensor in inputs]
        (actual,) = run(path, given)
        with torch.no_grad():
            torch.testing.assert_close(actual, model(*given), rtol=1e-4, atol=1e-4)


@pytest.fixture(scope="module")
def parts() -> Iterator[dict[str, tuple[nn.Module, Inputs | tuple[Inputs, ...]]]]:
    """The parts of a slim model, each with inputs."""
    torch.manual_seed(0)
    model = for_inference(PTUS(PRESETS["slim-128"]))
    # Neighbours are alike as in photos: in noise every rounding of a coordinate would show.
    coarse = uniform(0, (2, 3, 32, 32), 0, 1)
    source, driving = nn.functional.interpolate(coarse, 128, mode="bilinear", align_corners=True).split(1)
    boxes = torch.tensor([[-0.3, -0.6, 0.3, 0.0]])
    encode, estimate, render = Encode(model), Estimate(model), Render(model)
    with torch.no_grad():
        appearance, at_rest = encode(source), estimate(source, boxes)
        driven = tuple(tensor + 0.02 * normal(n, tensor.shape) for n, tensor in enumerate(estimate(driving, boxes)))
    yield {
        "encode": (encode, (source,)),
        "estimate": (estimate, (source, boxes)),
        "render": (render, (appearance, at_rest, driven)),
    }


@pytest.mark.parametrize("part", ["encode", "estimate", "render"])
def test_a_part_of_the_slim_model_is_the_same(
    part: str, parts: dict[str, tuple[nn.Module, tuple[Tensor, ...]]], tmp_path: Path
) -> None:
    module, inputs = parts[part]
    with torch.no_grad():
        expected = module(*inputs)
        exported = torch.export.export(module, inputs).module()(*inputs)
    save_onnx(module, inputs, tmp_path / "part.onnx")
    operators(tmp_path / "part.onnx")
    actual = run(tmp_path / "part.onnx", torch.utils._pytree.tree_leaves(inputs))
    for one, other, third in zip(actual, _listed(exported), _listed(expected), strict=True):
        torch.testing.assert_close(other, third, rtol=0, atol=0)
        torch.testing.assert_close(one, third, rtol=1e-4, atol=1e-5)


def _listed(outputs: Tensor | tuple[Tensor, ...]) -> list[Tensor]:
    return [outputs] if isinstance(outputs, Tensor) else list(outputs)


def test_a_failure_leaves_no_file_and_the_backend_as_it_was(tmp_path: Path) -> None:
    class Unknown(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum() > 0 else -x

    with use_backend("auto"), pytest.raises(Exception, match=r"(?s)Failed to export"):
        save_onnx(Unknown(), (torch.ones(2),), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"save_onnx: needs onnx and onnxscript: pip install 'ptus\[export\]'"):
        save_onnx(nn.Identity(), (torch.ones(1),), tmp_path / "model.onnx")
