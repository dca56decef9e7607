"""What can be told of a catalog without the libraries of Iceberg: by its address, or by one statement on its database.

A plan that has nothing to read but pointers is answered before those libraries would be loaded.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from pathlib import Path

from lakeorch.lake.database import Database, DatabaseError, SqliteDatabase

SQLITE = "sqlite:///"
SERVED = ("http://", "https://")
# what a catalog promises about a commit over several tables
ATOMIC = "one catalog transaction over all tables"
ROLLED_FORWARD = "table by table, rolled forward after a crash"
# the column that tells tables from views, which catalogs of an older layout lack
TYPE = "iceberg_type"
_QUERY = "SELECT catalog_name, table_namespace, table_name, metadata_location FROM iceberg_tables"


def is_served(uri: str) -> bool:
    """Whether a catalog is behind a server that speaks Iceberg's REST protocol."""
    return uri.lower().startswith(SERVED)


def sqlite_pointers(uri: str, name: str = "lakeorch", warehouse: str = "") -> dict[str, str] | None:
    """Table → location of its metadata file, as of one moment.

    Args:
        uri: of the catalog.
        name: of the catalog inside its database.
        warehouse: where neither this folder nor the catalog is there, nothing was ever built.

    Returns:
        None where it is no plain SQLite file, or anything is unusual about it: `Lake` then has the answer or tells
        what is wrong.
    """
    file = Path(uri.removeprefix(SQLITE)).absolute()
    if not uri.startswith(SQLITE) or "?" in uri:
        return None
    if not file.is_file():
        new = warehouse and "://" not in warehouse and not file.exists() and not Path(warehouse).exists()
        return {} if new and not uri.endswith(":memory:") else None
    # opened for writing, although nothing is written: only then does SQLite take the files of its log away
    with contextlib.closing(SqliteDatabase(file, "mode=rw", patience_s=1.0)) as database:
        try:
            return pointers_in(database, database.layout(), [name])[name]
        except DatabaseError:
            return None


def pointers_in(
    database: Database | None, layout: Collection[str], names: Sequence[str], only: str = ""
) -> dict[str, dict[str, str]]:
    """The pointers of catalogs of one database, as of one moment: one statement.

    Args:
        database: None for one that is not there.
        layout: the columns of its table of tables, none where there is no such table.
        names: of the catalogs; every one that holds a table where none is given.
        only: one table, where not all are asked for.

    Returns:
        Catalog → table → location of its metadata file.

    Raises:
        DatabaseError: the database failed.
    """
    found: dict[str, dict[str, str]] = {name: {} for name in names}
    if database is None or not layout:
        return found
    where, values = [], list(names)
    if names:
        where.append(f"catalog_name IN ({', '.join('?' for _ in names)})")
    if only:
        where.append("table_namespace = ? AND table_name = ?")
        values += split(only)
    if TYPE in layout:
        where.append(f"({TYPE} = 'TABLE' OR {TYPE} IS NULL)")
    for catalog, space, table, location in database.rows(f"{_QUERY} WHERE {' AND '.join(where) or 'true'}", *values):
        if location:
            found.setdefault(catalog, {})[f"{space}.{table}"] = location
    return found


def split(name: str) -> tuple[str, str]:
    """Namespace and name of a table."""
    space, _, table = name.rpartition(".")
    return space, table
