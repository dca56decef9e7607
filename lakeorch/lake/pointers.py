"""What can be told of a catalog without the libraries of Iceberg: by its address, or by one statement on its file.

A plan that has nothing to read but pointers is answered before those libraries would be loaded.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

SQLITE = "sqlite:///"
SERVED = ("http://", "https://")
# what a catalog promises about a commit over several tables
ATOMIC = "one catalog transaction over all tables"
ROLLED_FORWARD = "table by table, rolled forward after a crash"
_QUERY = "SELECT table_namespace || '.' || table_name, metadata_location FROM iceberg_tables WHERE catalog_name = ?"


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
    try:
        # opened for writing, although nothing is written: only then does SQLite take the files of its log away
        with contextlib.closing(sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True, timeout=1.0)) as connection:
            kinds = {row[1] for row in connection.execute("PRAGMA table_info(iceberg_tables)")}
            only = " AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)" if "iceberg_type" in kinds else ""
            rows = connection.execute(_QUERY + only, (name,)).fetchall()
    except sqlite3.Error:
        return None
    return {table: location for table, location in rows if location}
