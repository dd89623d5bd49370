"""Every case that there is."""

from bench.case import Case
from bench.model import (
    bench_dense_motion,
    bench_families,
    bench_family_paths,
    bench_motion_path,
    bench_motion_path_2d,
    bench_slim,
)
from bench.model.entry import Entry
from bench.ops import (
    bench_compose_motion,
    bench_grid_sample,
    bench_motion_features,
    bench_occlusion_blend,
    bench_soft_argmax,
    bench_spade_modulate,
    bench_splines,
    bench_thin_plate_spline,
    bench_warp_blend,
)

CASES: list[Case] = [
    case
    for module in (
        bench_compose_motion,
        bench_grid_sample,
        bench_motion_features,
        bench_occlusion_blend,
        bench_soft_argmax,
        bench_spade_modulate,
        bench_splines,
        bench_thin_plate_spline,
        bench_warp_blend,
        bench_motion_path,
        bench_motion_path_2d,
        bench_dense_motion,
        bench_slim,
        bench_family_paths,
        bench_families,
    )
    for case in module.CASES
]
MODELS: list[Entry] = [bench_dense_motion.ENTRY, *bench_slim.ENTRIES, *bench_families.ENTRIES]
