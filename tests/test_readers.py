"""Other engines read what lakeorch published: pyiceberg alone, Polars, DuckDB's iceberg extension."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lakeorch.project import Project

SAMPLE = Path(__file__).parents[1] / "sql_models"
TABLES = ("marts.daily_sales", "staging.quarantine", "core.sales", "raw.pos_csv")
# the iceberg extension is shipped as a wheel for exactly this engine version
DUCKDB = "1.5.5"

PYICEBERG_ALONE = """
import json, sys
from pyiceberg.catalog.sql import SqlCatalog

catalog = SqlCatalog("lakeorch", uri=f"sqlite:///{sys.argv[1]}/catalog.db", warehouse=sys.argv[1])
found = {}
for namespace in catalog.list_namespaces():
    for identifier in catalog.list_tables(namespace):
        table = catalog.load_table(identifier)
        facts = table.current_snapshot().summary.additional_properties
        found[".".join(identifier)] = {
            "location": table.metadata_location,
            "rows": table.scan().to_arrow().num_rows,
            "snapshot": str(table.current_snapshot().snapshot_id),
            "facts": {key: value for key, value in facts.items() if key.startswith("lakeorch.")},
        }
print(json.dumps({"tables": found, "lakeorch": "lakeorch" in sys.modules}))
"""

DUCKDB_ALONE = """
import json, sys
import duckdb

import duckdb_extension_avro, duckdb_extension_iceberg

con = duckdb.connect(config={"autoinstall_known_extensions": "false"})
for extension in (duckdb_extension_avro, duckdb_extension_iceberg):
    name = extension.__name__.removeprefix("duckdb_extension_")
    con.execute(f"LOAD '{extension.__path__[0]}/extensions/v{duckdb.__version__}/{name}.duckdb_extension'")
rows = {name: sorted(map(str, con.execute("SELECT * FROM iceberg_scan(?)", [path]).fetchall()))
        for name, path in json.loads(sys.argv[1]).items()}
print(json.dumps(rows))
"""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readers") / "sql_models"
    shutil.copytree(SAMPLE, folder)
    assert Project(folder).run().status == "published"
    return folder


def seen_by_pyiceberg(folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-c", PYICEBERG_ALONE, str(folder.parent / "warehouse")]
    doc = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, cwd="/").stdout)
    assert not doc["lakeorch"]
    tables: dict[str, Any] = doc["tables"]
    return tables


def test_pyiceberg_alone_lists_what_every_snapshot_is_made_of(published: Path) -> None:
    tables = seen_by_pyiceberg(published)
    assert len(tables) == 17
    for name, table in tables.items():
        facts = table["facts"]
        inputs = json.loads(facts["lakeorch.inputs"])
        assert inputs["tables"] or inputs["files"], name
        for up, snapshot in inputs["tables"].items():
            assert tables[up]["snapshot"] == snapshot
        assert json.loads(facts["lakeorch.audit"])["failed"] == 0
        assert facts["lakeorch.fingerprint"]
        assert facts["lakeorch.run-id"] == tables["raw.stores"]["facts"]["lakeorch.run-id"]
        assert table["rows"] == Project(published).query(f"SELECT count(*) AS n FROM {name}").read_all()["n"][0].as_py()


@pytest.mark.parametrize("name", TABLES)
def test_polars_reads_the_same_rows(published: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")  # the faster planner is a package of its own
    location = seen_by_pyiceberg(published)[name]["location"]
    theirs = pl.scan_iceberg(location).collect()
    ours = pl.from_arrow(Project(published).query(f"SELECT * FROM {name}").read_all())
    assert isinstance(ours, pl.DataFrame)
    assert theirs.columns == ours.columns
    assert sorted(map(str, theirs.rows())) == sorted(map(str, ours.rows()))


def test_duckdb_reads_the_same_rows_with_its_iceberg_extension(
    published: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("duckdb")
    python = place / "bin/python"
    extensions = [f"duckdb-extension-{name}=={DUCKDB}" for name in ("avro", "iceberg")]
    wheels = [f"duckdb=={DUCKDB}", *extensions, "pytz"]
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True, capture_output=True)
    done = subprocess.run([python, "-m", "pip", "install", "-q", *wheels], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{' '.join(wheels)} cannot be installed here (no package index?): {done.stderr.strip()[-200:]}")
    tables = seen_by_pyiceberg(published)
    asked = {name: tables[name]["location"] for name in TABLES}
    read = subprocess.run(
        [python, "-c", DUCKDB_ALONE, json.dumps(asked)], capture_output=True, text=True, check=False, cwd="/"
    )
    assert read.returncode == 0, read.stderr
    theirs = json.loads(read.stdout)
    for name in TABLES:
        ours = subprocess.run(
            [python, "-c", DUCKDB_ROWS, *sorted(data_files(asked[name]))], capture_output=True, text=True, check=True
        )
        assert theirs[name] == json.loads(ours.stdout), name


DUCKDB_ROWS = """
import json, sys
import duckdb

rows = duckdb.execute("SELECT * FROM read_parquet(?)", [sys.argv[1:]]).fetchall()
print(json.dumps(sorted(map(str, rows))))
"""


def data_files(location: str) -> set[str]:
    from pyiceberg.table import StaticTable

    tasks = StaticTable.from_metadata(location).scan().plan_files()
    return {task.file.file_path.removeprefix("file://") for task in tasks}
