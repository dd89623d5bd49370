"""Which split an identity belongs to."""

from hashlib import blake2b

from ptus.data.dataset import Split

VALIDATION, TEST = 0.1, 0.1
"""Shares of the identities."""


def split_of(identity: str) -> Split:
    """The split of an identity: chance by its name alone, so that a data set may grow and nothing changes sides."""
    chance = int.from_bytes(blake2b(identity.encode(), digest_size=8, person=b"ptus split").digest(), "big") / 2**64
    if chance < TEST:
        return "test"
    return "validation" if chance < TEST + VALIDATION else "train"
