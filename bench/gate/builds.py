"""Two builds beside each other: the working tree's, and a commit's in a git worktree under build/gate."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ptus.errors import UserError

COMPILED_FROM = ("csrc", "setup.py")
MEASURED_WITH = ("bench", "examples", "ptus")  # always the working tree's, so that both are measured alike
PACKAGE = "ptus_kernels"


@dataclass(frozen=True)
class Build:
    """A package to measure.

    Args:
        name: for readers.
        folder: what a process is started in, to import this package and the working tree's benchmark.
    """

    name: str
    folder: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python in a process of its own that imports this build; what it prints on stdout is kept."""
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=self.folder, env=environment, stdout=subprocess.PIPE, text=True, check=False)


def git(root: Path, *arguments: str) -> str:
    """What git says, in the repository at `root`.

    Raises:
        UserError: where git fails or is not there.
    """
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise UserError("the gate compares commits, and there is no git") from None
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        raise UserError(f"git {' '.join(arguments)}: {reason}")
    return done.stdout.strip()


def commit_to_compare(root: Path, base: str) -> str:
    """The commit that `base` names.

    Raises:
        UserError: where there is none, or it is the commit that is checked out and nothing has been changed since.
    """
    try:
        commit = git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{base}^{{commit}}")
    except UserError:
        raise UserError(f"nothing to compare with: there is no commit {base!r}") from None
    if commit == git(root, "rev-parse", "HEAD") and not git(root, "status", "--porcelain"):
        raise UserError(f"nothing to compare: the working tree is {base} itself, unchanged")
    return commit


def working_tree(root: Path) -> Build:
    """The working tree's package, as it is built there."""
    return _linked(root, root, "new")


def base_build(root: Path, commit: str) -> Build:
    """A commit's package, compiled in a worktree that later runs use again.

    Compiled libraries are copied from the working tree where their sources are the same there; otherwise only what
    changed since the worktree's last commit is compiled.

    Raises:
        UserError: where it cannot be checked out or compiled.
    """
    tree = root / "build" / "gate" / "base"
    if (tree / ".git").exists():
        git(tree, "checkout", "--quiet", "--force", "--detach", commit)
    else:
        tree.parent.mkdir(parents=True, exist_ok=True)
        git(root, "worktree", "add", "--quiet", "--force", "--detach", str(tree), commit)
    if same_sources(root, commit):
        _copy_libraries(root, tree)
    else:
        _compile(tree)
    return _linked(root, tree, "base")


def same_sources(root: Path, commit: str) -> bool:
    """Whether the working tree compiles from the same files as the commit, none of them new and unknown to git."""
    changed = git(root, "diff", "--name-only", commit, "--", *COMPILED_FROM)
    unknown = git(root, "ls-files", "--others", "--exclude-standard", "--", *COMPILED_FROM)
    return not changed and not unknown


def _copy_libraries(root: Path, tree: Path) -> None:
    for old in (tree / PACKAGE).glob("*.so"):
        old.unlink()
    for library in (root / PACKAGE).glob("*.so"):
        shutil.copy2(library, tree / PACKAGE)


def _compile(tree: Path) -> None:
    command = [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"]
    if subprocess.run(command, cwd=tree, stdout=sys.stderr, check=False).returncode != 0:
        raise UserError(f"the commit to compare with does not compile, see above: {tree}")


def _linked(root: Path, tree: Path, name: str) -> Build:
    """A folder with the package of one tree and the benchmark of the working tree.

    Raises:
        UserError: where a process started there would import another package.
    """
    folder = root / "build" / "gate" / name
    folder = folder.with_name(f"{name}-path")
    folder.mkdir(parents=True, exist_ok=True)
    for target in (tree / PACKAGE, *(root / part for part in MEASURED_WITH)):
        link = folder / target.name
        link.unlink(missing_ok=True)
        link.symlink_to(target.absolute(), target_is_directory=True)
    build = Build(name, folder)
    found = build.run("-c", f"import {PACKAGE}; print({PACKAGE}.__file__)").stdout.strip()
    if not found or Path(found).resolve() != (tree / PACKAGE / "__init__.py").resolve():
        raise UserError(f"the gate would measure {found or 'nothing'} in place of {tree / PACKAGE}")
    return build
