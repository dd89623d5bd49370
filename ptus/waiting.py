"""Threads of the process that wait for work: asleep, or spinning."""

import os


def wait_asleep() -> None:
    """Let the threads of GNU's OpenMP, which PyTorch brings along on Linux, sleep while they wait.

    As it is they spin for a while, which keeps the processor from whoever has work: beside decoding, encoding and
    loading, or any other program, everything then takes longer, up to several times as long. The library reads
    OMP_WAIT_POLICY once, when PyTorch is imported: a program has to ask for it before; `ptus` does. What the
    environment says already holds.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
