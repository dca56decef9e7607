"""Taking tables out of the catalog: their files stay for a while, so that it can be undone.

What was dropped, and when, is noted in `<warehouse>/_lakeorch/dropped/`; maintenance keeps the files until its grace
has passed since, then deletes them and the note.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from lakeorch.errors import MovedError
from lakeorch.lake.commit import patiently
from lakeorch.lake.port import Catalog
from lakeorch.lake.scan import plain
from lakeorch.lake.storage import Storage

_FOLDER = "dropped"


@dataclass(frozen=True, slots=True)
class Dropped:
    """A table that was taken out of the catalog.

    Attributes:
        table: its name.
        location: of its last metadata file: registering that brings it back.
        folder: where its files lie.
        at: when, milliseconds since 1970 UTC.
        name: of the note.
    """

    table: str
    location: str
    folder: str
    at: int
    name: str


def drop(catalog: Catalog, storage: Storage, tables: Mapping[str, str]) -> list[Dropped]:
    """Takes tables out of the catalog, all or none.

    Args:
        catalog: of the tables.
        storage: for the notes, which are written first: without one, maintenance would leave the files for ever.
        tables: name → the metadata file at which the decision was made.

    Raises:
        MovedError: a table is no more where it was.
    """
    notes = note(catalog, storage, tables)
    patiently(catalog, lambda: _drop(catalog, tables))
    return notes


def note(catalog: Catalog, storage: Storage, tables: Mapping[str, str]) -> list[Dropped]:
    """Notes that tables are about to be dropped; a note of a table that then stays does no harm.

    Args:
        catalog: of the tables.
        storage: for the notes.
        tables: name → metadata file.
    """
    now = int(time.time() * 1000)
    found = []
    for table, location in sorted(tables.items()):
        folder = plain(catalog.table(table, location).metadata.location)
        name = f"{_FOLDER}/{table}-{uuid.uuid4().hex[:8]}.json"
        found.append(Dropped(table, plain(location), folder, now, name))
    for each in found:
        storage.write(each.name, json.dumps(asdict(each)))
    return found


def _drop(catalog: Catalog, tables: Mapping[str, str]) -> None:
    pointers = catalog.pointers()
    there = {name: location for name, location in tables.items() if name in pointers}
    if not there:
        return  # the reply was lost, the commit was not
    for name, location in tables.items():
        if pointers.get(name) != location:
            raise MovedError(name, "it moved while it was to be dropped", hint="look again, and try again")
    catalog.drop(tables)


def drops(storage: Storage) -> Sequence[Dropped]:
    """The notes of all dropped tables; one that cannot be read is passed over: they are written whole."""
    found = []
    for name in storage.names(_FOLDER):
        try:
            found.append(Dropped(**json.loads(storage.read(name) or "")))
        except (ValueError, TypeError):
            continue
    return found
