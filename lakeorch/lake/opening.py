"""Opening a lake: where it lies and whether it can be opened there, found out before anything is touched."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pyiceberg.io import FileIO, load_file_io

from lakeorch.errors import CatalogError, UsageError
from lakeorch.lake.catalog import DatabaseCatalog
from lakeorch.lake.database import Database, PostgresDatabase, SqliteDatabase, is_postgres
from lakeorch.lake.environment import environment_of
from lakeorch.lake.pointers import SQLITE, is_served
from lakeorch.lake.port import Catalog
from lakeorch.lake.remedy import plainly
from lakeorch.lake.scan import plain
from lakeorch.lake.storage import DiskStorage, ObjectStorage, Storage
from lakeorch.lake.turns import Turns, turns_of

NAME = "lakeorch"
_OWN = "_lakeorch"
_ADDRESSES = "sqlite:///file, postgresql://… and https://… (a REST catalog) work"
_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Opened:
    """What a lake is made of; `io` is access to the warehouse, `own` are files of the catalog itself."""

    catalog: Catalog
    warehouse: str
    storage: Storage
    turns: Turns
    io: FileIO
    own: frozenset[str]


def opened(
    uri: str, warehouse: str, name: str, environment: str, properties: Mapping[str, str], *, create: bool
) -> Opened:
    """Opens a lake's parts; see `Lake.open`."""
    place, own = place_of(uri), files_of(uri)
    root = local(warehouse)
    where = str(root) if root else warehouse.rstrip("/")
    with plainly(place):
        prepare(uri, root, create=create)
    settings = {**properties, "uri": uri, "warehouse": where}
    io = load_file_io(settings, where)
    storage: Storage = DiskStorage(root / _OWN) if root else ObjectStorage(io, f"{where}/{_OWN}")
    catalog: Catalog
    database: Database | None = None
    if is_served(uri):
        from lakeorch.lake.rest import ServerCatalog

        if name != NAME:
            hint = "give the environment a catalog of its own too, in lakeorch.yml"
            raise UsageError(f"{place}: a REST catalog has no room for a second lake, {name}", hint=hint)
        # to a server, `warehouse` is one of its own
        catalog = ServerCatalog(name, place=place, properties={**properties, "uri": uri}, storage=storage)
    else:
        database = database_of(uri, create=create)
        catalog = DatabaseCatalog(name, database, create=create, place=place, properties=settings)
    turns = turns_of(root / _OWN / "turn" if root else None, database, name)
    shown = environment_of(catalog, environment) if environment else catalog
    return Opened(shown, where, storage, turns, io, own)


def local(warehouse: str) -> Path | None:
    """The warehouse's folder, None for an object store."""
    path = plain(warehouse)
    return None if _URL.match(path) else Path(path).absolute()


def place_of(uri: str) -> str:
    """What to call the catalog in messages: a path, or its address without a password."""
    file = _file(uri)
    return str(file) if file else re.sub(r"://[^@/]*@", "://", uri)


def files_of(uri: str) -> frozenset[str]:
    """The files of a SQLite catalog, those of its log included; none for another one."""
    file = _file(uri)
    return frozenset(f"{file}{end}" for end in ("", "-wal", "-shm", "-journal")) if file else frozenset()


def prepare(uri: str, root: Path | None, *, create: bool) -> None:
    """Sees that a lake can be opened; with `create` the folders are there afterwards.

    Raises:
        CatalogError: the file is gone but its tables are not, or the warehouse cannot be written.
        OSError: a folder cannot be made.
    """
    file = _file(uri)
    if file is not None and _is_missing(file):
        _check_not_gone(file, root)
    if create:
        for folder in {folder for folder in (root, file.parent if file else None) if folder}:
            folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK | os.X_OK):
                raise CatalogError(
                    f"{folder}: it cannot be written",
                    hint="give this user the right to write there, or use another warehouse",
                )


def database_of(uri: str, *, create: bool) -> Database | None:
    """The database at an address, not connected yet.

    Without `create`, nothing is written: None stands for a SQLite file that is missing, and one in a folder that may
    not be written is opened read-only.

    Raises:
        CatalogError: there is no such kind of database.
    """
    if is_postgres(uri):
        return PostgresDatabase(uri)
    file = _file(uri)
    if file is None or "?" in uri:
        known = uri.startswith(SQLITE) or "://" not in uri
        what = "that is not an address of a catalog" if known else "there is no such kind of catalog"
        raise CatalogError(f"{place_of(uri)}: {what}", hint=_ADDRESSES)
    if not create and _is_missing(file):
        return None
    if not create and not os.access(file.parent, os.W_OK):
        # A write-ahead log needs a writable folder; without a log nobody is writing, so the file can be taken as is.
        return SqliteDatabase(file, "mode=ro" if Path(f"{file}-wal").exists() else "mode=ro&immutable=1")
    return SqliteDatabase(file)


def _is_missing(file: Path) -> bool:
    return not file.exists() or not file.stat().st_size


def _file(uri: str) -> Path | None:
    path = uri.removeprefix(SQLITE).partition("?")[0]
    return Path(path).absolute() if uri.startswith(SQLITE) and path not in ("", ":memory:") else None


def _check_not_gone(file: Path, root: Path | None) -> None:
    if root is None or not file.is_relative_to(root) or not root.is_dir():
        return
    if next(root.glob("*/*/metadata"), None) is not None:
        raise CatalogError(
            f"{file}: the catalog is gone, but the warehouse still holds tables",
            hint=f"put the file back from a backup, or move {root} away to build everything anew",
        )
