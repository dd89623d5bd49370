"""Everything that only a machine with a GPU can show, in one command: `python -m tests.gpu.check`, or `make gpu-check`.

Builds the kernels, runs the tests of the GPU and of the ops on both backends, looks for errors of memory and races,
measures, and prints a summary. The environment is taken as it is; nothing is installed or fetched. `--device cpu` runs
what of this can run without a GPU, which shows that the check itself works.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch.utils.cpp_extension import CUDA_HOME

from tests.gpu.stages import Command, Outcome, run_all
from tests.gpu.summary import failures, load_results, status, summary

ROOT = Path(__file__).parents[2]
LOGS = ROOT / "build" / "gpu-check"
SECONDS = 470  # of the whole: under eight minutes
BUILD_SECONDS, TEST_SECONDS = 180, 270
ROW_SECONDS = 50  # what the benchmark may take for the last row that it begins, and to write
MEMORY = 3 << 30  # bytes that a process of tests may need on the GPU
ERROR = 99  # exit status of compute-sanitizer where it found something
PYTHON = (sys.executable, "-u", "-m")
PYTEST = (*PYTHON, "pytest", "-p", "no:cacheprovider")
OPS = ("tests/ops", "--ignore=tests/ops/test_grid_sample_large.py", "--hypothesis-profile=brief")
LARGE = "tests/gpu/test_large.py"
# What compares bits, or messages that name the device, is left out where it cannot hold.
NOT_HERE = "not arguments and not compiles_into"
LEFT_OUT = {"cpu": NOT_HERE, "cuda": NOT_HERE, "triton": f"{NOT_HERE} and not bits and not one_at_a_time"}


def backends_of(device: str) -> Sequence[str]:
    """The backends that are checked on a kind of device."""
    return ("cuda", "triton") if device == "cuda" else ("cpu",)


def build(device: str) -> Command:
    """Compile, for the GPU that is there alone."""
    environment = {"MAX_JOBS": os.environ.get("MAX_JOBS", str(os.cpu_count()))}
    if device == "cuda":
        capabilities = {torch.cuda.get_device_capability(n) for n in range(torch.cuda.device_count())}
        listed = ";".join(f"{major}.{minor}" for major, minor in sorted(capabilities))
        environment |= {"PTUS_KERNELS_CUDA": "1", "TORCH_CUDA_ARCH_LIST": listed}
    return Command("build", (sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"), environment)


def dealt_out(stage: str, selection: Sequence[str], hands: int, environment: dict[str, str]) -> list[Command]:
    """Commands that run these tests of pytest in so many processes.

    Raises:
        RuntimeError: with what pytest printed, where it cannot list them.
    """
    listing = subprocess.run(
        [*PYTEST, "--collect-only", "-q", *selection],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    tests = [line for line in listing.stdout.splitlines() if line.startswith("tests/") and "::" in line]
    if listing.returncode != 0 or not tests:
        raise RuntimeError(f"{stage}: no list of tests\n{listing.stdout}")
    options = [option for option in selection if option.startswith("--") and not option.startswith("--ignore")]
    return [
        Command(stage, (*PYTEST, *options, *tests[hand::hands]), environment) for hand in range(min(hands, len(tests)))
    ]


def tests(device: str, at_a_time: int) -> list[Command]:
    """The tests of the GPU, and those of the ops on each backend."""
    processors = os.cpu_count() or 1
    environment = {
        "PTUS_KERNELS_CACHE_DIR": str(LOGS / "cache"),
        "OMP_NUM_THREADS": str(max(1, processors // at_a_time)),
    }
    backends = backends_of(device)
    hands = max(1, at_a_time // len(backends))
    of_gpu = ["tests/gpu", f"--ignore={LARGE}"]
    commands = dealt_out("tests of the GPU", [LARGE], 1, environment)  # one at a time: each takes much of the memory
    commands += dealt_out("tests of the GPU", of_gpu, max(1, at_a_time // 4), environment)
    for backend in reversed(backends):  # Triton compiles as it goes, and takes longer
        selection = [*OPS, f"--device={device}", "-k", LEFT_OUT[backend]]
        chosen = {**environment, "PTUS_KERNELS_BACKEND": backend}
        commands += dealt_out(f"tests of ops, {backend}", selection, hands, chosen)
    return commands


def sanitizer() -> str | None:
    """Where compute-sanitizer is."""
    folders = [] if CUDA_HOME is None else [str(Path(CUDA_HOME, part)) for part in ("bin", "compute-sanitizer")]
    return shutil.which("compute-sanitizer", path=os.pathsep.join([os.environ.get("PATH", os.defpath), *folders]))


def sanitized(device: str, tool: str) -> list[Command]:
    """Small calls of every op under memcheck and racecheck, and an error that memcheck must find."""
    # Each tensor is then an allocation of its own, whose bounds are known.
    environment = {"PYTORCH_NO_CUDA_MEMORY_CACHING": "1"}

    def under(check: str, program: Sequence[str], **expected: int) -> Command:
        options = ("--tool", check, "--error-exitcode", str(ERROR), "--target-processes", "application-only")
        return Command(
            check,
            (tool, *options, *PYTHON, *program),
            environment,
            only_if=" SUMMARY: ",
            unable="Device not supported",
            **expected,
        )

    commands = [under("memcheck", ("tests.gpu.planted_error",), expected=ERROR)]
    for check in ("memcheck", "racecheck"):
        commands += [
            under(check, ("tests.gpu.small_calls", backend, f"--device={device}")) for backend in backends_of(device)
        ]
    return commands


def benchmark(device: str, results: Path, seconds: float) -> Command:
    """Measure both backends in so many seconds: what matters most comes first."""
    limit = f"{max(1, seconds - ROW_SECONDS):.0f}"
    asked = ("--device", device, "--backend", ",".join(backends_of(device)), "--seconds", limit)
    return Command("benchmark", (*PYTHON, "bench", *asked, "--json", str(results)))


def processes(device: str) -> int:
    """How many tests run at a time: one for each processor, as far as the GPU's memory goes."""
    most = os.cpu_count() or 1
    return most if device == "cpu" else max(1, min(most, torch.cuda.mem_get_info()[0] // MEMORY))


def results_of(device: str) -> Path:
    """Where the benchmark stores its results. To be asked for when the kernels are built, which this imports."""
    from ptus_kernels.measurements import file_name_of

    if device == "cpu":
        return LOGS / "cpu.json"
    return ROOT / "bench" / "results" / file_name_of(torch.cuda.get_device_name())


def check(device: str, start: float) -> list[Outcome]:
    """Run all stages that can still run, and return what came of each command."""
    print("build", flush=True)
    outcomes = run_all([build(device)], LOGS, start + BUILD_SECONDS, 1, ROOT)
    if status(outcomes) == "failed":
        return outcomes
    at_a_time = processes(device)
    print(f"tests, {at_a_time} at a time", flush=True)
    try:
        commands = tests(device, at_a_time)
    except RuntimeError as error:
        commands = []
        now = time.monotonic()
        outcomes.append(Outcome("tests", "failed", "pytest cannot list them", now, now, str(error)))
    tool = sanitizer()
    if tool is None:
        why = "compute-sanitizer was not found"
        outcomes += [Outcome(stage, "skipped", why) for stage in ("memcheck", "racecheck")]
    else:
        commands = [*sanitized(device, tool), *commands]
    outcomes += run_all(commands, LOGS, min(time.monotonic() + TEST_SECONDS, start + SECONDS), at_a_time, ROOT)
    print("benchmark", flush=True)
    results = results_of(device)
    results.unlink(missing_ok=True)  # what is there afterwards is of this run
    measuring = benchmark(device, results, start + SECONDS - time.monotonic())
    return outcomes + run_all([measuring], LOGS, start + SECONDS, 1, ROOT)


def main(arguments: Sequence[str] | None = None) -> int:
    """Check, and return the exit status: 0 where nothing failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.gpu.check", description=__doc__)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    device = parser.parse_args(arguments).device
    if device == "cuda" and not torch.cuda.is_available():
        print("PyTorch sees no GPU here; --device cpu runs what can run without one", file=sys.stderr)
        return 1
    start = time.monotonic()
    outcomes = check(device, start)
    measured = any(outcome.stage == "benchmark" for outcome in outcomes)
    print(failures(outcomes))
    print(summary(outcomes, load_results(results_of(device)) if measured else "not measured"))
    print(f"{time.monotonic() - start:.0f} s; logs in {LOGS.relative_to(ROOT)}")
    return int(status(outcomes) == "failed")


if __name__ == "__main__":
    sys.exit(main())
