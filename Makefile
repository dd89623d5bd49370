# Every target does its own set-up. A python on the PATH that has torch is used as it is; otherwise .venv is made, with
# this version of torch. Needed beforehand: Python 3.10 or later, a C++17 compiler and make.

TORCH := 2.13.0

HAS_TORCH := -c 'import sys, importlib.util; sys.exit(importlib.util.find_spec("torch") is None)'
ACTIVE := $(shell for p in python3 python; do $$p $(HAS_TORCH) 2>/dev/null && command -v $$p && break; done)
VENV := $(if $(ACTIVE),,.venv)
PYTHON := $(or $(ACTIVE),.venv/bin/python)

# One stamp for each environment; a virtual environment that was made anew is newer than its stamp.
PREFIX := $(if $(ACTIVE),$(shell $(ACTIVE) -c 'import sys; print(sys.prefix)'),.venv)
STAMP := build/installed$(subst /,-,$(abspath $(PREFIX)))
CONFIG := $(wildcard $(if $(ACTIVE),$(PREFIX)/pyvenv.cfg))

.PHONY: test demo bench bench-gate gpu-check lint build install clean

# A process a core, one thread each, which is quicker here than one process with all of them.
test: build
	OMP_NUM_THREADS=1 $(PYTHON) -m pytest --numprocesses auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder

# DRIVING names a video of someone who talks. Without it, that of the test data where it lies beside the project, otherwise
# a puppet that is drawn.
DRIVING := $(wildcard ../shared/data/clips/d14.mp4)
demo: build
	$(PYTHON) -m ptus demo $(if $(DRIVING),--driving $(DRIVING))

bench: build
	$(PYTHON) -m bench --readme

# Before a kernel is changed for good: is the working tree slower than the commit before it? BASE names another commit,
# OP the ops to measure, with commas between them.
BASE := HEAD~1
bench-gate: build
	$(PYTHON) -m bench gate --base $(BASE) $(if $(OP),--op $(OP))

# On a machine with a GPU, whose environment is taken as it is: nothing is installed, so that no network is needed.
gpu-check:
	$(PYTHON) -m tests.gpu.check

lint: install
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy
	@if command -v clang-format >/dev/null; then \
		echo clang-format --dry-run; git ls-files csrc | xargs clang-format --dry-run --Werror; \
	else echo 'clang-format is not installed: the C++ is not checked'; fi

# Compiles only what changed since the last time, which `pip install -e` would not.
build: install
	$(PYTHON) setup.py --quiet build_ext --inplace

install: $(STAMP)

# The torch that is there stays: the constraint turns what would replace it into an error.
$(STAMP): pyproject.toml setup.py $(CONFIG) $(VENV:%=%/torch-$(TORCH))
	@mkdir -p build
	$(PYTHON) -c 'from importlib.metadata import version; print("torch==" + version("torch"))' > build/constraints.txt
	$(PYTHON) -m pip install --constraint build/constraints.txt 'setuptools>=77' wheel ninja 'pybind11>=2.12'
	PTUS_KERNELS_BUILD=0 $(PYTHON) -m pip install --constraint build/constraints.txt --no-build-isolation \
		--editable '.[bench,data,demo,lint,test]'
	touch $@

.venv/torch-$(TORCH):
	python3 -c 'import sys; sys.version_info >= (3, 10) or sys.exit("Python 3.10 or later is needed")'
	python3 -m venv .venv
	.venv/bin/python -m pip install torch==$(TORCH)
	touch $@

# Leaves the environment alone.
clean:
	rm -rf build dist *.egg-info ptus_kernels/*.so .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
