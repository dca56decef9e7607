"""DuckDB relations for a user's own code: a database of their own, apart from the engine's sessions."""

from __future__ import annotations

import tempfile
import uuid
from pathlib import Path

import duckdb

from lakeorch.engines import Files, Rows
from lakeorch.engines.duckdb import read_parquet
from lakeorch.engines.duckdb.types import to_duckdb
from lakeorch.types import identifier


def connect() -> duckdb.DuckDBPyConnection:
    """A fresh database in memory, set as the engine's sessions are."""
    spill = Path(tempfile.gettempdir()) / f"lakeorch-{uuid.uuid4().hex[:8]}"
    connection = duckdb.connect(":memory:", config={"temp_directory": str(spill), "preserve_insertion_order": "false"})
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def relation_of(connection: duckdb.DuckDBPyConnection, found: Files | Rows) -> duckdb.DuckDBPyRelation:
    """A table's files, or its rows, as a relation of a connection."""
    if isinstance(found, Rows):
        held = f"#rows {found.name}"
        connection.register(held, found.table)
        return connection.sql(f"FROM {identifier(held)}")
    if found.paths:
        return connection.sql(f"FROM {read_parquet(found)}")
    columns = (f"CAST(NULL AS {to_duckdb(each.type)}) AS {identifier(each.name)}" for each in found.fields)
    return connection.sql(f"SELECT {', '.join(columns)} LIMIT 0")
