"""Threads of the process that wait for work: asleep, or spinning."""

import os


def wait_asleep() -> None:
    """Let OpenMP's threads sleep while they wait, unless the environment says otherwise.

    As it is they spin for a while, which keeps the processor from whoever has work: beside decoding, encoding and
    loading, or any other program, everything then takes longer, up to several times as long. The OpenMP library reads
    that once, when PyTorch is imported: a program has to ask for it before; `ptus` does.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
