"""A whole project whose warehouse lies in an object store, from the command line."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fsspec import get_filesystem_class
from pyiceberg.io import load_file_io

from lakeorch.lake.remote import remote_files
from tests.cli.test_commands import Capture, document, lakeorch
from tests.conftest import Make
from tests.rest import RestServer
from tests.s3 import BUCKET, ObjectStore
from tests.test_catalogs import FILES, REVENUE

LATEST = "/* ---\nmaterialized: merge\nunique_key: [id]\n--- */\nSELECT id, amount FROM staging.sales"
# partitions, an order, and text in which a URL's and a pattern's own letters stand
DAYS = (
    "/* ---\npartition_by: [day]\nsort_by: [id]\n--- */\n"
    "SELECT id, 'a %20*[1]?/' || id % 2 AS day FROM staging.sales WHERE id > 0"
)
PYTHON = (
    '"""---\ncolumns: {{id: long, amount: long}}\n---"""\n\nimport {module}\n\n\n'
    "def model(sales: {type}) -> {type}:\n    return sales\n"
)
WAREHOUSE = f"s3://{BUCKET}/lake"


@pytest.fixture
def store() -> Iterator[ObjectStore]:
    # a file system that fsspec made for another test's server, or another login, would be taken again
    get_filesystem_class("s3").clear_instance_cache()
    with ObjectStore().served() as store:
        yield store


@pytest.fixture(params=["sqlite", "postgres", "rest", "rest, table by table"])
def models(request: pytest.FixtureRequest, make: Make, store: ObjectStore, tmp_path: Path) -> Iterator[Path]:
    with ExitStack() as stack:
        catalog = f"sqlite:///{tmp_path}/catalog.db"
        if request.param == "postgres":
            catalog = request.getfixturevalue("postgres")().replace("+psycopg", "")
        elif request.param.startswith("rest"):
            server = RestServer(transactions=request.param == "rest", properties=store.properties())
            catalog = stack.enter_context(server.served()).uri
        settings = {"catalog": catalog, "warehouse": WAREHOUSE, "properties": store.properties()}
        files = {"models/marts/latest.sql": LATEST, "models/marts/days.sql": DAYS}
        yield make({**FILES, **files, "lakeorch.yml": json.dumps(settings)})


def test_runs_with_every_kind_of_catalog(models: Path, make: Make, capsys: Capture) -> None:
    code, first = document(capsys, "run", models)
    assert (code, first["status"]) == (0, "published"), first
    assert lakeorch(capsys, "run", models)[1] == "nothing to do: 4 models up to date\n"
    make({"raw/sales/2.csv": "id,amount\n3,30\n"})
    assert document(capsys, "run", models)[1]["status"] == "published"
    assert _rows(capsys, models, REVENUE) == ["3,60"]
    assert _rows(capsys, models, "SELECT id, amount FROM marts.latest ORDER BY id") == ["1,10", "2,20", "3,30"]
    assert _rows(capsys, models, "SELECT min(day) FROM marts.days") == ['"a %20*[1]?/0"']
    assert _rows(capsys, models, REVENUE, "--at", first["run_id"]) == ["2,30"]


@pytest.mark.parametrize("models", ["sqlite"], indirect=True)
def test_a_failed_check_then_back_and_maintenance(models: Path, make: Make, capsys: Capture) -> None:
    first = document(capsys, "run", models)[1]["run_id"]
    make({"raw/sales/2.csv": "id,amount\n2,21\n3,30\n"})
    assert document(capsys, "run", models)[1]["status"] == "failed"  # id 2 comes twice
    make({"raw/sales/2.csv": "id,amount\n3,30\n"})
    assert document(capsys, "run", models)[1]["status"] == "published"
    assert document(capsys, "verify", "marts.latest", "-p", models)[0] == 0
    assert document(capsys, "rollback", "--to", first, "-p", models)[0] == 0
    assert _rows(capsys, models, "SELECT count(*) FROM marts.latest") == ["2"]
    assert lakeorch(capsys, "run", models, "--unpin")[0] == 0

    policy = json.loads((models.parent / "lakeorch.yml").read_text()) | {"keep_snapshots": 1, "keep_for": "1s"}
    make({"lakeorch.yml": json.dumps(policy)})
    time.sleep(1)
    code, done = document(capsys, "maintain", "-p", models, "--grace", "0")
    assert code == 0
    assert done["deleted"] > 0
    assert _rows(capsys, models, "SELECT id, amount FROM marts.latest ORDER BY id") == ["1,10", "2,20", "3,30"]


def _rows(capsys: Capture, models: Path, sql: str, *more: object) -> list[str]:
    code, out, err = lakeorch(capsys, "query", sql, "-p", models, "--format", "csv", *more)
    assert code == 0, err
    return out.splitlines()[1:]


def test_other_engines_python_and_raw_files(
    make: Make, store: ObjectStore, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Polars and a user's own code see local copies; raw files are found by the environment's settings."""
    names = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")
    for name, value in zip(names, store.properties().values(), strict=True):
        monkeypatch.setenv(name, value)
    settings = {"warehouse": WAREHOUSE, "properties": store.properties(), "catalog": f"sqlite:///{tmp_path}/catalog.db"}
    io = load_file_io(store.properties(), WAREHOUSE)
    for number in (1, 2):
        with io.new_output(f"s3://{BUCKET}/raw/{number}/sales.csv").create() as stream:
            stream.write(f"id,amount\n{number},{number}0\n".encode())
    models = make(
        {
            "models/staging/sales.sql": f"SELECT id, amount FROM read_csv('s3://{BUCKET}/raw/*/sal?s.csv')",
            "models/marts/by_polars.sql": "/* ---\nengine: polars\n--- */\nSELECT id, amount FROM staging.sales",
            "models/marts/by_frame.py": PYTHON.format(type="polars.LazyFrame", module="polars"),
            "models/marts/by_relation.py": PYTHON.format(type="duckdb.DuckDBPyRelation", module="duckdb"),
            "lakeorch.yml": json.dumps(settings),
        }
    )
    code, told = document(capsys, "run", models)
    assert (code, told["status"]) == (0, "published"), told
    for table in ("by_polars", "by_frame", "by_relation"):
        assert _rows(capsys, models, f"SELECT id, amount FROM marts.{table} ORDER BY id") == ["1,10", "2,20"]
    with io.new_output(f"s3://{BUCKET}/raw/3/sales.csv").create() as stream:
        stream.write(b"id,amount\n3,30\n")
    with io.new_output(f"s3://{BUCKET}/raw/2/sales.csv").create(overwrite=True) as stream:
        stream.write(b"id,amount\n2,21\n")
    assert document(capsys, "run", models)[1]["status"] == "published"
    assert _rows(capsys, models, "SELECT id, amount FROM staging.sales ORDER BY id") == ["1,10", "2,21", "3,30"]


def test_raw_files_may_lie_in_the_warehouse(store: ObjectStore) -> None:
    """A bucket is the warehouse, and a folder of it holds what comes in: files that are found, and written again."""
    files = remote_files(f"s3://{BUCKET}", store.properties())
    assert files is not None
    for raw in (b"id\n1\n", b"id\n1\n2\n"):
        with files.open(f"s3://{BUCKET}/raw/1.csv", "wb") as stream:
            stream.write(raw)
        assert files.glob(f"s3://{BUCKET}/raw/*.csv") == [f"s3://{BUCKET}/raw/1.csv"]
        assert files.size(f"s3://{BUCKET}/raw/1.csv") == len(raw)
    odd = f"s3://{BUCKET}/a/t/data/day=[1]*/1.parquet"
    with files.open(odd, "wb") as stream:
        stream.write(b"PAR1")
    assert files.glob(odd) == [odd]
    before = len(store.asked)
    assert {files.size(odd) for _ in range(3)} == {4}
    assert len(store.asked) == before, "a table's file is asked for once"


@pytest.mark.parametrize(
    ("warehouse", "key", "says", "hint"),
    [
        (WAREHOUSE, "", "cannot list 's3://bucket/raw/*.csv': Unable to locate credentials", "the environment gives"),
        ("warehouse", "owner", "requires the extension httpfs", "keep the warehouse in the same object store"),
        ("s3://none/lake", "owner", "The specified bucket does not exist", "check the warehouse"),
    ],
)
def test_what_cannot_be_reached_is_told(
    warehouse: str,
    key: str,
    says: str,
    hint: str,
    make: Make,
    store: ObjectStore,
    tmp_path: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", store.uri)
    if key:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    load_file_io(store.properties(), WAREHOUSE).new_output(f"s3://{BUCKET}/raw/1.csv").create().close()
    catalog = f"sqlite:///{tmp_path}/catalog.db"
    settings = {"warehouse": warehouse, "properties": store.properties(), "catalog": catalog}
    query = f"SELECT * FROM read_csv('s3://{BUCKET}/raw/*.csv')" if "none" not in warehouse else "SELECT 1 AS one"
    models = make({"models/staging/sales.sql": query, "lakeorch.yml": json.dumps(settings)})
    code, _, err = lakeorch(capsys, "run", models)
    assert code != 0
    assert says in err, err
    assert hint in err, err
    assert "bug in lakeorch" not in err
