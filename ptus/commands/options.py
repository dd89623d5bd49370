"""Types of the commands' options, as their help shows them."""

from pathlib import Path
from typing import Annotated, TypeAlias

import tyro

File: TypeAlias = Annotated[Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")]
Checkpoint: TypeAlias = Annotated[Path, tyro.conf.arg(metavar="FILE", help_behavior_hint="")]
"""There is one that comes along, whose place would tell nobody anything."""
Count: TypeAlias = Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")]
Face: TypeAlias = Annotated[
    tuple[float, float, float, float] | None, tyro.conf.arg(metavar="X Y WIDTH HEIGHT", help_behavior_hint="")
]
