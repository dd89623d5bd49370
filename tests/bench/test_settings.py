"""Which rows are measured, and in which order."""

from dataclasses import replace

import pytest

from bench.cases import CASES
from bench.model import bench_families, bench_family_paths
from bench.rows import Key
from bench.settings import Filters, Setting, select


def keys(settings: list[Setting]) -> list[Key]:
    return [setting.key for setting in settings]


@pytest.mark.parametrize(("device", "backends"), [("cpu", ["cpu"]), ("cuda", ["cuda", "triton"])])
def test_no_row_twice(device: str, backends: list[str]) -> None:
    settings = select(CASES, device, backends, Filters())
    assert len(set(keys(settings))) == len(settings) > 100


def test_filters_leave_what_they_name() -> None:
    filters = Filters(("warp_blend",), ("warped, 128",), ("both",), ("bfloat16",), (2, 64))
    settings = select(CASES, "cpu", ["cpu"], filters)
    assert {(each.case.name, each.direction, each.dtype, each.batch) for each in settings} == {
        ("warped, 128×128", "both", "bfloat16", batch) for batch in (2, 64)
    }
    assert {each.memory_format for each in settings} == {"channels last", "contiguous"}


def test_what_has_a_target_comes_first() -> None:
    settings = select(CASES, "cuda", ["cuda"], Filters())
    important = [setting.readme or bool(setting.targets) for setting in settings]
    assert important == sorted(important, reverse=True)
    assert any(important) and not all(important)


def test_readmes_rows_are_few_and_usual() -> None:
    settings = select(CASES, "cpu", ["cpu"], Filters(readme=True))
    shown = {setting.case.op.name for setting in settings}
    families = {case.op.name for module in (bench_families, bench_family_paths) for case in module.CASES}
    hidden = {case.op.name for case in CASES} - shown
    assert hidden - families == {
        "motion path", "dense motion network", "slim-512", "slim-256 training", "spline_features", "compose_splines",
        "thin_plate_spline", "soft_argmax_2d",
    }  # fmt: skip
    assert families < hidden  # they take seconds a frame
    assert len(settings) <= 16
    assert all(setting.departures == 0 for setting in settings)


def test_a_model_keeps_its_type() -> None:
    assert not select(CASES, "cpu", ["cpu"], Filters(ops=("dense motion network",), dtypes=("bfloat16",)))


def test_deterministic_mode_only_where_sums_have_an_order() -> None:
    settings = select(CASES, "cuda", ["cuda", "triton"], Filters(cases=("deterministic",)))
    assert {setting.backend for setting in settings} == {"cuda"}
    assert {setting.case.op.name for setting in settings} == {"grid_sample_3d", "warp_blend", "motion_features"}
    assert {setting.direction for setting in settings} == {"backward"}


def test_graphs_only_on_a_gpu_and_at_batch_1() -> None:
    assert not select(CASES, "cpu", ["cpu"], Filters(cases=("graphs",)))
    settings = select(CASES, "cuda", ["cuda"], Filters(cases=("graphs",), batches=(1, 16)))
    assert {setting.batch for setting in settings} == {1}
    (setting,) = (setting for setting in settings if setting.departures == 0)
    assert [str(target) for target in setting.targets] == ["≥ 5 × eager"]


@pytest.mark.parametrize(
    ("op", "direction", "expected"),
    [
        ("grid_sample_3d", "forward", ["≥ 80 % of floor", "≥ 3 × eager", "≥ 2 × compiled"]),
        ("grid_sample_3d", "backward", ["≥ 55 % of floor", "≥ 4 × eager", "≥ 2 × compiled"]),
        ("motion_features", "backward", ["≥ 55 % of floor", "≥ 10 × eager", "≥ 2 × compiled"]),
        ("compose_motion", "forward", ["≥ 80 % of floor", "≥ 10 × eager", "≥ 2 × compiled"]),
        ("warp_blend", "forward", ["≥ 80 % of floor", "≥ 4 × eager", "≥ 2 × compiled"]),
        ("occlusion_blend", "forward", ["≥ 80 % of floor", "≥ 2 × compiled"]),
    ],
)
def test_targets_on_a_gpu_at_batch_16(op: str, direction: str, expected: list[str]) -> None:
    settings = select(CASES, "cuda", ["cuda"], Filters(ops=(op,), directions=(direction,), batches=(1, 16)))
    usual = [each for each in settings if each.departures == 0 and not each.case.targetless]
    found = {each.batch: [str(target) for target in each.targets] for each in usual if not each.case.deterministic}
    assert found == {16: expected, 1: []}


def test_targets_on_the_cpu_belong_to_one_row_each() -> None:
    settings = select(CASES, "cpu", ["cpu"], Filters())
    asked = [setting.asked for setting in settings if setting.asked]
    assert len(asked) == sum(len(case.asked) for case in CASES)
    assert not any(replace(setting, backend="reference").targets for setting in settings)


def test_readme_shows_a_gpu_where_its_targets_are() -> None:
    settings = select(CASES, "cuda", ["cuda", "triton"], Filters(readme=True))
    assert {setting.backend for setting in settings} == {"cuda"}
    assert {(setting.case.op.limits_memory, setting.batch) for setting in settings} == {(True, 16), (False, 1)}
    assert len(settings) <= 16


def test_an_op_without_features_has_one_memory_format() -> None:
    settings = select(CASES, "cpu", ["cpu"], Filters(ops=("thin_plate_spline",)))
    assert {(each.memory_format, each.dtype) for each in settings} == {("contiguous", "float32")}
    assert {each.direction for each in settings} == {"forward", "backward", "both"}
