"""Files that appear whole or not at all."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ptus.errors import UserError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to, which takes its name once the block ends well and is removed if it does not.

    Args:
        path: the file to write; its folder must exist. The suffix is kept, for writers that choose a format by it.
    """
    # A name may have 255 bytes, and in some scripts a character takes four of them.
    partial = path.with_name(f".{path.stem[:48]}-{os.getpid()}.partial{path.suffix}")
    partial.touch()
    usual = partial.stat().st_mode
    try:
        yield partial
        partial.chmod(usual)  # some writers, like that of safetensors, keep their files to the user
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def check_writable(path: Path, suffix: str, option: str, inputs: Mapping[str, Path | None]) -> None:
    """Find out before any work is done whether a file can be written.

    Args:
        path: the file to write.
        suffix: that it must have.
        option: of the command that names it, for messages.
        inputs: files that are read, by the options that name them; None for those not given.

    Raises:
        UserError: for another suffix, a folder that is missing or cannot be written to, a folder in the file's place,
            and where the file is one of those that are read.
    """
    if path.suffix.lower() != suffix:
        raise UserError(f"{option} {path} must end in {suffix}")
    if not path.parent.is_dir():
        raise UserError(f"{option} {path}: there is no folder {path.parent}; make it first")
    if path.is_dir():
        raise UserError(f"{option} {path} is a folder; give the name of a file")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UserError(f"{option} {path}: {path.parent} cannot be written to; choose another folder")
    for name, read in inputs.items():
        if read is not None and path.exists() and read.exists() and path.samefile(read):
            raise UserError(f"{option} {path} is the same file as {name}; choose another")
