"""The tables of the golden queries, in DuckDB, which has the last word on what a query's columns are called."""

from __future__ import annotations

from pathlib import Path

import duckdb

from lakeorch.engines.duckdb.types import to_iceberg
from lakeorch.model import Column, Schema

GOLDEN = Path(__file__).parents[2] / "golden" / "lineage"


class Duck:
    """The tables of `schema.sql`, empty."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        self.connection.execute((GOLDEN / "schema.sql").read_text(encoding="utf-8"))
        self.connection.execute("USE raw")
        tables = self.connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        self.schemas: dict[str, Schema] = {f"raw.{name}": self._schema(name) for (name,) in tables}

    def columns(self, sql: str) -> list[str]:
        """The names that DuckDB gives a query's columns."""
        given = {"factor": 1, "since": "2024-01-01"}
        variables = {name: value for name, value in given.items() if f"${name}" in sql}
        described = self.connection.execute(f"DESCRIBE {sql}", variables).fetchall()
        return [str(row[0]) for row in described]

    def _schema(self, table: str) -> Schema:
        relation = self.connection.table(table)
        columns = zip(relation.columns, relation.types, strict=True)
        return tuple(Column(name, to_iceberg(str(type))) for name, type in columns)
