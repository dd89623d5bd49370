"""What holds for all tests: how hypothesis searches, and which kernels are under test."""

import pytest
import torch
import torch._inductor.config
from hypothesis import HealthCheck, settings

import ptus_kernels
from ptus_kernels.backend import HAS_TRITON
from tests.on_device import run_ops_on, without_measuring

# Helpers that assert get pytest's account of what they compared.
pytest.register_assert_rewrite("tests.ops.contract", "tests.ops.precision")

# The ops' contract is inherited by one class an op, which hypothesis calls differing executors.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow])

# What torch.compile made of these ops at another time, perhaps with other schemas, is not under test.
torch._inductor.config.force_disable_caches = True

LONGEST = ("test_sanitizers", "test_capabilities", "test_cuda_compiles", "test_interpreter")

# "repeatable" draws the same examples in every run; --hypothesis-profile=search looks for new ones.
settings.register_profile("repeatable", CALM, derandomize=True, max_examples=60, database=None)
settings.register_profile("brief", CALM, derandomize=True, max_examples=20, database=None)
settings.register_profile("search", CALM, max_examples=3000)
settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--device", type=torch.device, help="run the ops there, with tensors copied to it and back")


def pytest_configure(config: pytest.Config) -> None:
    if config.option.device is not None:
        run_ops_on(config.option.device)
        if config.option.device.type == "cuda" and HAS_TRITON:
            without_measuring()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take minutes, so that no process is left alone with one of them in the end."""
    items.sort(key=lambda item: item.path.stem not in LONGEST)


def pytest_report_header() -> str:
    facts = ptus_kernels.info()
    sanitized = ", sanitized" if facts.get("build", {}).get("sanitized") else ""
    capability = facts.get("cpu_capability", "no compiled kernels")
    return f"ptus_kernels: backend {facts['backend']}, {capability}{sanitized}, torch {torch.__version__}"
