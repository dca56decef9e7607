"""Rewriting small files of a table as few large ones: the same rows, in the table's order."""

from __future__ import annotations

import contextlib
from pathlib import Path

from lakeorch.engines import Engine, Target, relation
from lakeorch.errors import LakeorchError
from lakeorch.lake import Pack, Repacked, Scan

OLD = "_lakeorch.old"
NEW = "_lakeorch.new"


def repacked(engine: Engine, pack: Pack, stem: str) -> Repacked:
    """Writes the rows of a pack into new files, and reads both once more to see that they are the same.

    Args:
        engine: to write with.
        pack: small files of one partition, so that the new ones need no partitioning.
        stem: beginning of the names of the new files.

    Raises:
        EngineError: the engine failed.
        LakeorchError: the rows of the new files are not those of the old ones. They are removed.
    """
    target = Target(pack.directory, stem, pack.fields, (), pack.sort_by, pack.file_size)
    with engine.session([relation(pack.scan, name=OLD)], {}, pack.directory) as session:
        paths = session.write(f"SELECT * FROM {engine.quote(OLD)}", target)
        session.add(relation(Scan(NEW, pack.fields, paths)))
        old, new = (session.digest(f"SELECT * FROM {engine.quote(name)}") for name in (OLD, NEW))
    if old != new:
        remove(paths)
        raise LakeorchError(f"{pack.name}: rewriting its small files changed the rows; they were left as they are")
    return Repacked(pack.scan.paths, paths)


def remove(paths: tuple[str, ...]) -> None:
    """Removes files that nobody knows; what lies in an object store is left to the sweep."""
    for path in paths:
        with contextlib.suppress(OSError):
            Path(path).unlink()
