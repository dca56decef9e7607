"""One table while it is built: the open change, where files go, how SQL sees the rows that stand and the new ones."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from lakeorch.engines import Query, Relation, Session, Target, relation
from lakeorch.errors import LakeorchError
from lakeorch.lake import Draft, Mode, Scan
from lakeorch.model import Model
from lakeorch.types import identifier

WRITTEN = "_lakeorch.written"
STANDING = "_lakeorch.standing"
PATH = "_lakeorch_path"
_RAW = "_lakeorch.standing as it lies"


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What a build does to a table's files: `paths` come, `removed` go (all that stand where `mode` is `replace`)."""

    paths: tuple[str, ...]
    mode: Mode
    removed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Build:
    """One step's work on its table.

    Attributes:
        draft: the open change.
        yields: the columns that the query yields; the table may have others, which left the query.
        stem: beginning of the names of all files written for it.
        open: gives a session over relations, cancellable while it is open.
        quote: a relation's name as the engine writes it.
    """

    model: Model
    draft: Draft
    yields: tuple[str, ...]
    stem: str
    open: Callable[[Sequence[Relation]], AbstractContextManager[Session]]
    quote: Callable[[str], str]

    @property
    def names(self) -> tuple[str, ...]:
        """The table's columns as they will be."""
        return tuple(field.name for field in self.draft.fields)

    def target(self, part: str = "") -> Target:
        """Where rows of the table go, in its partitions and order; `part` tells the files of one build apart."""
        draft = self.draft
        stem = f"{self.stem}-{part}" if part else self.stem
        return Target(draft.directory, stem, draft.fields, draft.partition_by, self.model.settings.sort_by)

    def scratch(self) -> Target:
        """Where rows go that are not the table's yet: in no partitions and no order; `discard` them."""
        return replace(self.target("new"), partition_by=(), sort_by=())

    def written(self, paths: Sequence[str]) -> Relation:
        """Files of this build as the relation WRITTEN."""
        return relation(Scan(WRITTEN, self.draft.fields, tuple(paths)))

    def standing(self, paths: Sequence[str] | None = None, *, with_paths: bool = True) -> list[Relation]:
        """The rows that stand, or those of some of their files, as the relation STANDING.

        It has the columns that the table will have: those that it lacks are NULL. Last comes the path of each row's
        file, for which another engine must not have left row-level deletes, unless it is asked for without.

        Raises:
            LakeorchError: it did.
        """
        scan = self.draft.scan()
        if scan.has_deletes and with_paths:
            name = self.draft.name
            raise LakeorchError(
                f"{name}: another engine deleted single rows of this table, which are not rewritten one by one",
                hint=f"lakeorch run --full -s {name}",
            )
        if paths is not None:
            scan = replace(scan, paths=tuple(paths))
        known = {field.name for field in scan.fields}
        columns = [identifier(name) if name in known else f"NULL AS {identifier(name)}" for name in self.names]
        columns += [PATH] if with_paths else []
        raw = relation(scan, name=_RAW, path_column=PATH if with_paths else "")
        return [raw, Query(STANDING, f"SELECT {', '.join(columns)} FROM {self.quote(_RAW)}")]


def discard(paths: Sequence[str]) -> None:
    """Removes files that no record and no reader knows."""
    for path in paths:
        with contextlib.suppress(OSError):
            Path(path).unlink()
