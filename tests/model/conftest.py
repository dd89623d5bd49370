"""One small model, and pictures for it."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from ptus.model import PRESETS, PTUS, ModelConfig, Motion

SLIM = PRESETS["slim-128"]
SWITCHED = {
    "slim": SLIM,
    "without face–body": replace(SLIM, face_body=False),
    "without local–global": replace(SLIM, local_global=False),
    "single level": replace(SLIM, coarse_to_fine=False),
    "neither face–body nor local–global": replace(SLIM, face_body=False, local_global=False),
    "head not solid": replace(SLIM, rigid_head=False),
    "single level, without local–global": replace(SLIM, coarse_to_fine=False, local_global=False),
    "face-vid2vid": PRESETS["face-vid2vid-128"],
}


@pytest.fixture(scope="session", params=SWITCHED, ids=str)
def config(request: pytest.FixtureRequest) -> ModelConfig:
    """The slim model, every ablation of it, and the baseline."""
    return SWITCHED[request.param]


@pytest.fixture(scope="session")
def make() -> Callable[[ModelConfig], PTUS]:
    """Makes a model whose estimates differ between pictures, and that has residual flow, as trained ones do."""

    def make(config: ModelConfig) -> PTUS:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(4)
            model = PTUS(config).eval()
            for head in model.face.children():
                if isinstance(head, torch.nn.Linear):
                    torch.nn.init.normal_(head.weight, std=0.1)
            for name, parameter in model.decoder.named_parameters():
                if name.endswith("shown_and_flow.weight"):
                    torch.nn.init.normal_(parameter[1:], std=0.03)
            if model.face.close_up is not None:
                for reader in (model.face.close_up.eye, model.face.close_up.mouth):
                    torch.nn.init.normal_(reader.weight, std=0.01)
        return model

    return make


@pytest.fixture(scope="session")
def slim(make: Callable[[ModelConfig], PTUS]) -> PTUS:
    """The slim model; not to be changed."""
    return make(SLIM).requires_grad_(False)


@pytest.fixture(scope="session")
def pictures() -> Tensor:
    """Three frames (3, 3, 128, 128)."""
    coarse = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(5))
    return torch.nn.functional.interpolate(coarse, 128, mode="bicubic", align_corners=False).clamp(0, 1)


@pytest.fixture(scope="session")
def boxes() -> Tensor:
    """Where their faces are."""
    return torch.tensor([[-0.3, -0.7, 0.3, -0.1], [-0.2, -0.6, 0.35, 0.0], [-0.35, -0.65, 0.25, -0.05]])


@pytest.fixture
def motions(slim: PTUS, pictures: Tensor, boxes: Tensor) -> Motion:
    """The motion of the frames."""
    return slim.estimate(pictures, boxes)
