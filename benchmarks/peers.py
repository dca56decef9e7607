"""The tools that lakeorch is measured beside, each in a virtual environment that is made when it is first needed.

They lie in `~/.cache/lakeorch-benchmarks` (or `$XDG_CACHE_HOME`). Where one cannot be installed, that is said, and the
benchmark goes on without it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from measure import run
from projects import TOOLS, Draft

# what each is told to install: dbt's version 2 fetches parts of itself from elsewhere
PACKAGES = {
    "dbt": ("dbt-core==1.10.*", "dbt-duckdb==1.9.*"),
    "sqlmesh": ("sqlmesh[duckdb]",),
    "lea": ("lea-cli",),
    "yato": ("yato-lib",),
}
PLANNERS = ("dbt", "sqlmesh")
# beside lakeorch, on the DuckDB that lakeorch has
ENGINE = f"duckdb=={version('duckdb')}"
_ENV = {
    "DO_NOT_TRACK": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "1",
    "LEA_WAREHOUSE": "duckdb",
    "LEA_DUCKDB_PATH": "db.duckdb",
    "LEA_USERNAME": "benchmark",
}
_WORDS = {
    ("dbt", "load"): ("parse", "--no-partial-parse"),
    ("dbt", "build"): ("run",),
    ("sqlmesh", "load"): ("info", "--skip-connection"),
    ("sqlmesh", "build"): ("plan", "--auto-apply", "--no-prompts"),
    ("lea", "build"): ("run", "--production"),
    ("yato", "build"): ("run", "--db", "db.duckdb", "sql"),
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
        return run(*self.words(what), cwd=folder, env=self.env)

    def words(self, what: str) -> tuple[object, ...]:
        """The command, to be run in the tool's folder with `env`."""
        return (self.program, *_WORDS[self.name, what])

    @property
    def env(self) -> Mapping[str, str]:
        """What it is given: nothing is sent anywhere."""
        return _ENV


def installed(names: Sequence[str] = PLANNERS) -> Iterator[Peer]:
    """Those of the tools that are installed, or can be."""
    for name in names:
        found = _program(name)
        if found is not None:
            yield Peer(name, found)


def _program(name: str) -> Path | None:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lakeorch-benchmarks"
    folder = cache / f"{name}-{ENGINE}"
    program = folder / "bin" / name
    if not program.exists():
        print(f"installing {name} into {folder}", file=sys.stderr)
        venv.create(folder, clear=True, with_pip=True)
        command = [str(folder / "bin/pip"), "install", "--quiet", "--only-binary=:all:", *PACKAGES[name], ENGINE]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            print(f"{name} cannot be installed, and is left out: {why}")
            return None
    return program
