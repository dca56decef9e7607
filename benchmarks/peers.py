"""The tools that lakeorch is measured beside, each in a virtual environment that is made when it is first needed.

They lie in `~/.cache/lakeorch-benchmarks` (or `$XDG_CACHE_HOME`). Where one cannot be installed, that is said, and the
benchmark goes on without it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from measure import run
from projects import TOOLS, Draft

# what each is told to install: dbt's version 2 fetches parts of itself from elsewhere
PACKAGES = {"dbt": ("dbt-core==1.10.*", "dbt-duckdb==1.9.*"), "sqlmesh": ("sqlmesh[duckdb]",)}
_QUIET = {"DO_NOT_TRACK": "1", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "1"}
_WORDS = {
    ("dbt", "load"): ("parse", "--no-partial-parse"),
    ("dbt", "build"): ("run",),
    ("sqlmesh", "load"): ("info", "--skip-connection"),
    ("sqlmesh", "build"): ("plan", "--auto-apply", "--no-prompts"),
}


@dataclass(frozen=True)
class Peer:
    """An installed tool: its name, and the program to start."""

    name: str
    program: Path

    def project(self, models: Sequence[Draft], folder: Path) -> Path:
        """Writes the models as the tool has them."""
        return TOOLS[self.name](models, folder / self.name)

    def do(self, what: str, folder: Path) -> str:
        """`load` reads a project, from nothing kept; `build` makes what has to be made."""
        if what == "load":
            for kept in ("target/partial_parse.msgpack", ".cache"):
                run("rm", "-rf", folder / kept)
        return run(self.program, *_WORDS[self.name, what], cwd=folder, env=_QUIET)


def installed() -> Iterator[Peer]:
    """Every tool that is installed, or can be."""
    for name in PACKAGES:
        found = _program(name)
        if found is not None:
            yield Peer(name, found)


def _program(name: str) -> Path | None:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lakeorch-benchmarks"
    folder = cache / name
    program = folder / "bin" / name
    if not program.exists():
        print(f"installing {name} into {folder}", file=sys.stderr)
        venv.create(folder, clear=True, with_pip=True)
        command = [str(folder / "bin/pip"), "install", "--quiet", "--only-binary=:all:", *PACKAGES[name]]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            print(f"{name} cannot be installed, and is left out: {why}")
            return None
    return program
