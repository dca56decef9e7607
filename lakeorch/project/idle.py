"""The quickest answer: nothing that a run depends on has moved since one that found nothing to do.

What a run found is remembered in `<root>/.lakeorch/idle/` together with a digest of everything that it depended on:
the model files and raw files (by size and times, as a file system changes them with every write), the settings, and
where every table of the catalog stands. Equal digests mean that the run would find the same again. Losing the file
costs time, nothing else; this module imports nothing heavy.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import lakeorch
from lakeorch.errors import UsageError
from lakeorch.masking import is_secret, stand_in
from lakeorch.model import Action, Outcome
from lakeorch.project import kept
from lakeorch.project.config import Config
from lakeorch.project.kept import digest
from lakeorch.project.result import Result
from lakeorch.sources.files import find_files

FORMAT = 4
# a file written again within the clock's grain keeps its times: what was young when it was looked at is not trusted
GRAIN_NS = 2_000_000_000
SQLITE = "sqlite:///"

Asked = tuple[Sequence[str], Sequence[str]]


def asked(select: Sequence[str], exclude: Sequence[str]) -> Asked:
    """What is selected and what is left out: of each one selector, or several."""
    return _listed(select), _listed(exclude)


def _listed(selectors: Sequence[str]) -> tuple[str, ...]:
    return (selectors,) if isinstance(selectors, str) else tuple(selectors)


def recall(config: Config, asked: Asked) -> Result | None:
    """What a run of the same project found, where it would find the same now; None where that is not certain.

    Args:
        config: of the project.
        asked: what is selected and what is left out.
    """
    started = time.monotonic()
    try:
        entry = kept.read(_folder(config), _question(config, asked))
        patterns = [str(pattern) for pattern in entry["patterns"]]
        now = {"models": _models(config), "files": _raw(config, patterns), "tables": pointers(config)}
        day = datetime.now(UTC).date().isoformat() if entry["day"] else ""
        if entry["state"] != now or not now["tables"] or entry["day"] != day:
            return None
        outcomes = tuple(
            Outcome(model, Action(action), reason, snapshot_id=snapshot and int(snapshot))
            for model, action, reason, snapshot in entry["outcomes"]
        )
        departed = tuple(str(name) for name in entry["departed"])
    except (OSError, ValueError, KeyError, TypeError, sqlite3.Error, UsageError):
        return None
    run_id = str(entry["run_id"])
    seconds = time.monotonic() - started
    return Result(
        run_id, "nothing to do", outcomes, (), seconds, config.warehouse, departed, environment=config.environment
    )


def remember(
    config: Config,
    asked: Asked,
    result: Result,
    *,
    patterns: Iterable[str],
    tables: str,
    clock: bool,
    started_ns: int,
) -> None:
    """Keeps what a run found that had nothing to do; quietly does not where that could mislead.

    Args:
        config: of the project.
        asked: what was selected and what was left out.
        result: of the run.
        patterns: the raw files that the selected models read.
        tables: what `pointers` gave before the run looked.
        clock: a selected model reads the clock, so that the answer holds for today only.
        started_ns: when the run began to look, nanoseconds since 1970.
    """
    patterns = sorted(patterns)
    if any("://" in pattern for pattern in patterns) or not tables:
        return
    with contextlib.suppress(OSError, ValueError, UsageError):
        if pointers(config) != tables:
            return  # somebody moved a table, before the run looked or after
        youngest = max(_youngest(config, patterns), default=0)
        if youngest > started_ns - GRAIN_NS:
            return
        answer = {
            "patterns": patterns,
            "day": datetime.now(UTC).date().isoformat() if clock else "",
            "state": {"models": _models(config), "files": _raw(config, patterns), "tables": tables},
            "outcomes": [
                [o.model, str(o.action), o.reason, o.snapshot_id and str(o.snapshot_id)] for o in result.outcomes
            ],
            "departed": list(result.departed),
            "run_id": result.run_id,
        }
        kept.write(_folder(config), _question(config, asked), answer)


def _folder(config: Config) -> Path:
    return config.root / ".lakeorch" / "idle"


def _question(config: Config, asked: Asked) -> str:
    """Everything that is asked and set, as a digest, of a secret only what is slow to guess: it names a file."""
    settings = [config.folder, config.catalog, config.warehouse, config.engine, config.environment]
    given = config.variables.items()
    variables = {name: stand_in(name, value) if is_secret(name) else value for name, value in given}
    return digest([FORMAT, lakeorch.__version__, [list(part) for part in asked], settings, variables, config.defaults])


def _models(config: Config) -> str:
    return digest([[path, *_stamp(seen)] for path, seen in _below(config.folder)])


def _raw(config: Config, patterns: Sequence[str]) -> str:
    found = {pattern: find_files(pattern, config.root) for pattern in patterns}
    return digest([[p, [[f, *_stamp((config.root / f).stat())] for f in files]] for p, files in found.items()])


def _youngest(config: Config, patterns: Sequence[str]) -> Iterator[int]:
    for _, seen in _below(config.folder):
        yield max(seen.st_mtime_ns, seen.st_ctime_ns)
    for pattern in patterns:
        for file in find_files(pattern, config.root):
            seen = (config.root / file).stat()
            yield max(seen.st_mtime_ns, seen.st_ctime_ns)


def _below(folder: Path) -> list[tuple[str, os.stat_result]]:
    """Every file that could be a model or a check: what begins with `_` or `.` holds none."""
    found: list[tuple[str, os.stat_result]] = []
    waiting = [str(folder)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.name[0] in "_.":
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    found.append((entry.path, entry.stat()))
    return sorted(found, key=lambda pair: pair[0])


def _stamp(seen: os.stat_result) -> tuple[int, int, int, int]:
    return seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino


def pointers(config: Config) -> str:
    """Where every table stands, in production and in the environment, as a digest, by one statement on the file.

    Empty where the catalog is no SQLite file, or cannot be read.
    """
    if not config.catalog.startswith(SQLITE):
        return ""
    file = Path(config.catalog.removeprefix(SQLITE)).absolute()
    names = config.catalogs
    marks = ", ".join("?" * len(names))
    columns = "catalog_name, table_namespace, table_name, metadata_location"
    query = f"SELECT {columns} FROM iceberg_tables WHERE catalog_name IN ({marks}) ORDER BY 1, 2, 3"
    try:
        # for writing, although nothing is written: only then does SQLite take the files of its log away at the end
        with contextlib.closing(sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True, timeout=1.0)) as connection:
            return digest(connection.execute(query, names).fetchall())
    except sqlite3.Error:
        return ""
