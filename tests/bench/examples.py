"""Results as a run would leave them."""

from dataclasses import replace

from bench.rows import Results, Row, Times

ROW = Row(
    op="grid_sample_3d",
    case="face-vid2vid",
    direction="forward",
    backend="cpu",
    dtype="float32",
    memory_format="channels last",
    batch=1,
    size=(16, 64, 64),
    times={
        "ours": Times.of([1.0e-3, 1.1e-3, 1.2e-3]),
        "eager": Times.of([20e-3, 22e-3, 24e-3]),
        "compiled": Times.of([11e-3, 11e-3, 11e-3]),
    },
    absent={"monai": "not installed"},
    eager_format="contiguous",
    bytes_moved=22_000_000,
    operations=33_000_000,
    floor=0.55e-3,
    memory={"ours": 9_000_000, "eager": 27_000_000},
    memory_allowed=9_100_000,
    target="≥ 9 × eager",
    figure=20.0,
    reached=True,
    readme=True,
)
RESULTS = Results(
    machine={
        "cpu": "Some CPU",
        "gpu": None,
        "device": "cpu",
        "threads": 2,
        "capability": "avx2",
        "torch": "2.13.0",
        "triton": None,
        "date": "2026-01-31",
    },
    bandwidth=40e9,
    peak_operations=80e9,
    rows=[
        ROW,
        replace(
            ROW,
            memory_format="contiguous",
            times={name: ROW.times[name] for name in ("ours", "eager")},
            absent={"compiled": "left out"},
            figure=8.0,
            reached=False,
        ),
    ],
)
