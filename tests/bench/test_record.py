"""What a result of the benchmark says about a GPU's backends."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bench.record import main, record_of
from bench.rows import Results, Row, Times
from ptus_kernels.measurements import read_record
from tests.bench.examples import RESULTS, ROW

pytestmark = pytest.mark.once

MACHINE = {**RESULTS.machine, "device": "cuda", "gpu": "Made-up GPU", "torch": "2.11.0", "triton": "3.6.0"}


def row(backend: str, milliseconds: float, **changes: object) -> Row:
    seconds = milliseconds / 1000
    return replace(ROW, backend=backend, times={"ours": Times.of([seconds, seconds])}, **changes)  # type: ignore[arg-type]


def results(*rows: Row) -> Results:
    return replace(RESULTS, machine=MACHINE, rows=[*rows])


def test_cases_are_averaged_as_ratios_are() -> None:
    record = record_of(
        results(
            row("cuda", 1, case="small"), row("triton", 2, case="small"), row("cuda", 100), row("triton", 72, batch=1)
        )
    )
    assert record.milliseconds == {"grid_sample_3d": {"forward": {"float32": {"cuda": 10, "triton": 12}}}}
    assert record.fastest() == {("grid_sample_3d", "forward", torch.float32): "cuda"}
    assert (record.gpu, record.torch_version, record.triton_version) == ("Made-up GPU", "2.11.0", "3.6.0")


def test_directions_and_types_are_kept_apart() -> None:
    changes = [{"direction": "backward"}, {"dtype": "bfloat16"}, {"op": "warp_blend"}]
    rows = [row(backend, 1 + (backend == "cuda"), **change) for change in changes for backend in ("cuda", "triton")]
    assert set(record_of(results(*rows)).fastest()) == {
        ("grid_sample_3d", "backward", torch.float32),
        ("grid_sample_3d", "forward", torch.bfloat16),
        ("warp_blend", "forward", torch.float32),
    }


def test_what_did_not_run_on_both_is_left_out() -> None:
    rows = [row("cuda", 1), row("triton", 2), row("triton", 0.001, case="cuda failed"), row("cuda", 9, batch=8)]
    rows += [row(backend, 1, op="dense motion network") for backend in ("cuda", "triton")]
    rows += [row(backend, 1, direction="both") for backend in ("cuda", "triton")] + [row("reference", 0.1)]
    milliseconds = record_of(results(*rows)).milliseconds
    assert milliseconds == {"grid_sample_3d": {"forward": {"float32": {"cuda": 1, "triton": 2}}}}


def test_results_that_say_nothing_about_a_gpu_are_refused() -> None:
    with pytest.raises(ValueError, match="expected the result of a GPU, got one of 'cpu'"):
        record_of(RESULTS)
    with pytest.raises(ValueError, match="expected cases that ran on cuda and triton, found none"):
        record_of(results(row("cuda", 1), row("triton", 1, batch=8)))


def test_the_command_writes_a_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored = tmp_path / "results.json"
    results(row("cuda", 2), row("triton", 1)).store(stored)
    main([str(stored), "--folder", str(tmp_path)])
    assert read_record(tmp_path / "made-up-gpu.json").fastest() == {
        ("grid_sample_3d", "forward", torch.float32): "triton"
    }
    assert "cuda the faster in 0, triton the faster in 1" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["{}", None], ids=["no results", "no file"])
def test_the_command_says_what_it_cannot_read(text: str | None, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SystemExit, match=r"results\.json"):
        main([str(path), "--folder", str(tmp_path)])
    assert not [*tmp_path.glob("*gpu*")]
