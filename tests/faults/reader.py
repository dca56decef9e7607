"""What any other program sees of a lake: pointers in one statement, then pyiceberg alone. Nothing of lakeorch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

POINTERS = (
    "SELECT table_namespace || '.' || table_name, metadata_location FROM iceberg_tables WHERE catalog_name = 'lakeorch'"
)


def pointers(uri: str) -> dict[str, str]:
    """Table → metadata file, by one statement on the database itself, or by asking the server table for table."""
    if uri.startswith("http"):
        return dict(_served(uri))
    if uri.startswith("sqlite:///"):
        import sqlite3

        path = uri.removeprefix("sqlite:///")
        if not Path(path).exists():
            return {}
        connection: Any = sqlite3.connect(path)
    else:
        import psycopg

        connection = psycopg.connect(uri.replace("+psycopg", ""))
    try:
        there = connection.execute(_TABLES[uri.startswith("sqlite")]).fetchall()
        return dict(connection.execute(POINTERS).fetchall()) if there else {}
    finally:
        connection.close()


def _served(uri: str) -> Iterator[tuple[str, str]]:
    def asked(path: str) -> Any:
        with urlopen(f"{uri}/v1/{path}") as answer:
            return json.load(answer)

    prefix = asked("config")["overrides"]["prefix"]
    for space in asked(f"{prefix}/namespaces")["namespaces"]:
        for found in asked(f"{prefix}/namespaces/{space[0]}/tables")["identifiers"]:
            table = asked(f"{prefix}/namespaces/{space[0]}/tables/{found['name']}")
            yield f"{space[0]}.{found['name']}", table["metadata-location"]


_TABLES = {
    True: "SELECT 1 FROM sqlite_master WHERE name = 'iceberg_tables'",
    False: "SELECT 1 FROM information_schema.tables WHERE table_name = 'iceberg_tables'",
}


def look(uri: str, warehouse: str) -> dict[str, Any]:
    """The state of a lake.

    Args:
        uri: of the catalog.
        warehouse: where its tables lie.

    Returns:
        `tables`: name → [columns, sorted rows], all as text; `runs`: name → the run of every snapshot of main, newest
        first; `facts`: name → descriptions and the query that the table says it was made by; `branches`: name → rows of
        every other branch; `rejected`: the rows behind each metadata file of a rejected new table; `missing`: files
        that the metadata in the catalog names and that are not there.
    """
    from pyiceberg.table import StaticTable

    tables: dict[str, Any] = {}
    runs: dict[str, list[str]] = {}
    facts: dict[str, Any] = {}
    branches: dict[str, Any] = {}
    missing: list[str] = []
    for name, location in sorted(pointers(uri).items()):
        table = StaticTable.from_metadata(location)
        missing += [path for path in _files(table, location) if not Path(path.removeprefix("file://")).exists()]
        if missing:
            continue
        tables[name] = _rows(table.scan().to_arrow())
        runs[name] = _runs(table)
        docs = {field.name: field.doc or "" for field in table.schema().fields}
        said = table.metadata.properties
        facts[name] = [docs, said.get("comment", ""), said.get("lakeorch.sql", "")]
        others = [ref for ref in table.metadata.refs if ref != "main"]
        branches[name] = sorted(_rows(table.scan().use_ref(ref).to_arrow()) for ref in others)
    rejected = sorted(_rejected(str(path)) for path in Path(warehouse).rglob("rejected-*.metadata.json"))
    found = {"tables": tables, "runs": runs, "facts": facts, "branches": branches, "missing": missing}
    return found | {"rejected": rejected}


def _rejected(path: str) -> list[Any]:
    from pyiceberg.exceptions import ValidationError
    from pyiceberg.table import StaticTable

    try:
        return _rows(StaticTable.from_metadata(path).scan().to_arrow())
    except ValidationError:
        return ["torn"]


def _rows(found: Any) -> list[Any]:
    columns = found.column_names
    rows = [[_text(row[column]) for column in columns] for row in found.to_pylist()]
    return [columns, sorted(rows)]


def _text(value: Any) -> str:
    return "time" if isinstance(value, datetime) else str(value)


def _runs(table: Any) -> list[str]:
    """The run of every snapshot of main, newest first."""
    found = []
    snapshot = table.current_snapshot()
    while snapshot is not None:
        found.append(snapshot.summary.additional_properties.get("lakeorch.run-id", ""))
        parent = snapshot.parent_snapshot_id
        snapshot = None if parent is None else table.metadata.snapshot_by_id(parent)
    return found


def _files(table: Any, location: str) -> Iterator[str]:
    """Every file that the metadata names: older metadata, manifest lists, manifests, data of all snapshots."""
    yield location
    for entry in table.metadata.metadata_log:
        yield entry.metadata_file
    for snapshot in table.metadata.snapshots:
        yield snapshot.manifest_list
        if not Path(snapshot.manifest_list.removeprefix("file://")).exists():
            continue
        for manifest in snapshot.manifests(table.io):
            yield manifest.manifest_path
            if not Path(manifest.manifest_path.removeprefix("file://")).exists():
                continue
            for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True):
                yield entry.data_file.file_path
