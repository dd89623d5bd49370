"""Benchmarks: `pytest bench` measures every op beside eager PyTorch and torch.compile; see bench/harness.py."""
