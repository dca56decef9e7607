"""`lakeorch connect`: what it prints works as pasted, and shows what `lakeorch query` shows."""

from __future__ import annotations

import ast
import csv
import io
import json
import os
import site
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import pytest

import lakeorch as lo
from lakeorch.project.connect import engines
from tests.cli.test_commands import Capture, document, lakeorch
from tests.conftest import Make

TABLE = "marts.customer_revenue"
# the iceberg extension is shipped as a wheel for exactly this engine version
DUCKDB = "1.5.5"
# what an engine's `rows` are as a list of rows
AS_LIST = {
    "pyiceberg": "[list(row.values()) for row in rows.to_pylist()]",
    "polars": "rows.rows()",
    "duckdb": "rows.fetchall()",
    "pandas": "rows.to_numpy().tolist()",
    "daft": "[list(row.values()) for row in rows.to_pylist()]",
}
# `INSTALL iceberg` finds the extension where it would put it: from a wheel, not from the network
INSTALLED = f"""
import pathlib, shutil, sys
import duckdb, duckdb_extension_avro, duckdb_extension_iceberg

platform = duckdb.sql("PRAGMA platform").fetchone()[0]
target = pathlib.Path(sys.argv[1]) / ".duckdb/extensions/v{DUCKDB}" / platform
target.mkdir(parents=True)
for module in (duckdb_extension_avro, duckdb_extension_iceberg):
    name = module.__name__.removeprefix("duckdb_extension_") + ".duckdb_extension"
    shutil.copy(pathlib.Path(module.__path__[0]) / "extensions/v{DUCKDB}" / name, target)
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published project, in a folder whose name needs care."""
    folder = tmp_path_factory.mktemp("connect") / "Chloé's shop"
    lo.init(folder)
    assert lo.Project(folder).run().status == "published"
    return folder


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A Python of its own with the engines that lakeorch does not need itself, and an environment for it."""
    place = tmp_path_factory.mktemp("engines")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True, capture_output=True)
    program = place / "bin/python"
    # what is installed here is used and not downloaded once more
    [packages] = place.glob("lib/python*/site-packages")
    (packages / "here.pth").write_text("\n".join(site.getsitepackages()), encoding="utf-8")
    wheels = ["pandas", "daft", "pytz", f"duckdb=={DUCKDB}"]
    wheels += [f"duckdb-extension-{name}=={DUCKDB}" for name in ("avro", "iceberg")]
    pip = [sys.executable, "-m", "pip", "--python", program, "--disable-pip-version-check"]
    install = [*pip, "install", "-q", "--no-compile", *wheels]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{' '.join(wheels)} cannot be installed here (no package index?): {done.stderr.strip()[-200:]}")
    subprocess.run([program, "-c", INSTALLED, str(place)], check=True, capture_output=True)
    keep = {key: os.environ[key] for key in ("PATH", "LANG", "TMPDIR") if key in os.environ}
    return program, keep | {"HOME": str(place), "PYTHONUTF8": "1", "POLARS_ICEBERG_PLANNER": "pyiceberg"}


def texts(rows: list[list[object]]) -> list[list[str]]:
    return sorted([str(value) for value in row] for row in rows)


def pasted(
    engine: str, shop: Path, capsys: Capture, program: Path | str, environment: Mapping[str, str]
) -> list[list[str]]:
    """The rows that the printed snippet reads, run as it is with a line behind it that hands them over."""
    code, out, err = lakeorch(capsys, "connect", engine, "-p", shop, "--table", TABLE)
    assert (code, err) == (0, "")
    handed = f"\nimport json, os, sys\nprint(json.dumps({AS_LIST[engine]}, default=str), file=sys.stderr)\n"
    # an engine's own threads may abort the interpreter on its way out (Daft's do, once in many): the rows are all read
    handed += "sys.stdout.flush()\nsys.stderr.flush()\nos._exit(0)\n"
    done = subprocess.run(
        [program, "-W", "ignore", "-c", out + handed],
        env=environment,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()  # it shows something by itself
    return texts(json.loads(done.stderr.splitlines()[-1]))


@pytest.fixture(scope="module")
def expected(shop: Path) -> list[list[str]]:
    command = [sys.executable, "-m", "lakeorch", "query", f"FROM {TABLE}", "-p", str(shop), "--format", "csv"]
    environment = os.environ | {"PYTHONPATH": str(Path(lo.__file__).parents[1])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    rows = texts([list(row) for row in list(csv.reader(io.StringIO(done.stdout)))[1:]])
    assert len(rows) == 5
    return rows


@pytest.mark.parametrize("engine", ["pyiceberg", "polars"])
def test_engines_that_lakeorch_brings_along(
    engine: str, shop: Path, capsys: Capture, expected: list[list[str]]
) -> None:
    environment = os.environ | {"POLARS_ICEBERG_PLANNER": "pyiceberg"}
    assert pasted(engine, shop, capsys, sys.executable, environment) == expected


@pytest.mark.parametrize("engine", ["duckdb", "pandas", "daft"])
def test_engines_of_their_own(
    engine: str, shop: Path, capsys: Capture, expected: list[list[str]], python: tuple[Path, dict[str, str]]
) -> None:
    assert pasted(engine, shop, capsys, *python) == expected


def test_every_engine_that_is_said_to_be_executed_is(shop: Path) -> None:
    said = {name for name in engines() if lo.Project(shop).connect(name).executed}
    assert said == set(AS_LIST)


def test_spark_is_python_that_names_its_packages(shop: Path) -> None:
    snippet = lo.Project(shop).connect("Spark", TABLE)
    ast.parse(snippet.code)
    assert "iceberg-spark-runtime" in snippet.code
    assert f"jdbc:sqlite:{shop}/warehouse/catalog.db" in snippet.code
    assert f'spark.table("lakeorch.{TABLE}")' in snippet.code
    assert "Not executed" in snippet.note


def test_trino_registers_every_table(shop: Path) -> None:
    snippet = lo.Project(shop).connect("trino", TABLE)
    assert snippet.code.count("CALL ") == 4
    assert "Chloé''s shop/warehouse/marts/customer_revenue'" in snippet.code
    assert 'SELECT * FROM iceberg."marts"."customer_revenue";' in snippet.code


def test_without_an_engine_they_are_listed(shop: Path, capsys: Capture) -> None:
    code, out, _ = lakeorch(capsys, "connect", "-p", shop)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[2:-2]] == list(engines())
    doc = document(capsys, "connect", "-p", shop)[1]
    assert [snippet["engine"] for snippet in doc["snippets"]] == list(engines())
    one = document(capsys, "connect", "daft", "-p", shop)[1]
    assert one == json.loads(json.dumps(asdict(lo.Project(shop).connect("daft"))))


def test_the_table_is_one_at_the_end(shop: Path) -> None:
    assert 'load_table("marts.customer_revenue")' in lo.Project(shop).connect("pandas").code


def test_what_cannot_be_connected(shop: Path, make: Make, capsys: Capture) -> None:
    code, _, err = lakeorch(capsys, "connect", "polar", "-p", shop)
    assert (code, 'did you mean "polars"?' in err) == (2, True)
    code, _, err = lakeorch(capsys, "connect", "polars", "-p", shop, "-t", "marts.customer_revenu")
    assert (code, f'did you mean "{TABLE}"?' in err) == (2, True)
    folder = make({"models/a/t.sql": "SELECT 1 AS x"})
    code, _, err = lakeorch(capsys, "connect", "polars", "-p", folder)
    assert (code, "nothing is published yet" in err) == (2, True)


SECRETS = """
models: sql_models
environments:
  far:
    catalog: SCHEME://lake:hunter2@db.example.com:5433/lake
    warehouse: s3://bucket/warehouse
    properties: {s3.endpoint: "http://store.example.com", s3.secret-access-key: swordfish}
"""


@pytest.mark.parametrize("scheme", ["postgresql+psycopg", "postgresql", "postgres"])
@pytest.mark.parametrize("engine", engines())
def test_no_secret_is_printed(engine: str, scheme: str, tmp_path: Path) -> None:
    from lakeorch.model import Published
    from lakeorch.project.config import load_config
    from lakeorch.project.connect import snippet

    (tmp_path / "sql_models").mkdir()
    (tmp_path / "lakeorch.yml").write_text(SECRETS.replace("SCHEME", scheme), encoding="utf-8")
    table = Published("a.t", "s3://bucket/warehouse/a/t/metadata/1.metadata.json", 1, 1, (1,), {}, ())
    lake = SimpleLake({"a.t": table})
    found = snippet(load_config(tmp_path, "far", {}), lake, engine)  # type: ignore[arg-type]  # only this is asked
    assert "hunter2" not in repr(found)
    assert "swordfish" not in repr(found)
    assert "LAKEORCH_CATALOG_PASSWORD" in found.code
    if found.language == "python":
        ast.parse(found.code)
    if "load_catalog" in found.code:
        told = load_catalog_call(found.code)
        assert told["uri"] == "postgresql+psycopg://lake:pw@db.example.com:5433/lake"
        assert told["s3.secret-access-key"] == "key"
        assert told["s3.endpoint"] == "http://store.example.com"
        assert "psycopg[binary]" in found.packages
    else:
        assert "jdbc:postgresql://db.example.com:5433/lake" in found.code


SERVED = """
catalog: https://catalog.example.com/api
warehouse: s3://bucket/lake
properties: {warehouse: analytics, token: hunter2, s3.endpoint: http://store.example.com}
"""


@pytest.mark.parametrize("engine", engines())
def test_a_catalog_behind_a_server(engine: str, tmp_path: Path) -> None:
    from lakeorch.model import Published
    from lakeorch.project.config import load_config
    from lakeorch.project.connect import snippet

    (tmp_path / "sql_models").mkdir()
    (tmp_path / "lakeorch.yml").write_text(SERVED, encoding="utf-8")
    table = Published("a.t", "s3://bucket/lake/a/t/metadata/1.metadata.json", 1, 1, (1,), {}, ())
    lake = SimpleLake({"a.t": table})
    found = snippet(load_config(tmp_path, None, {}), lake, engine)  # type: ignore[arg-type]  # only this is asked
    assert "hunter2" not in repr(found)
    assert "sql-sqlite" not in repr(found.packages)
    assert "jdbc" not in found.code
    if "load_catalog" in found.code:
        told = load_catalog_call(found.code)
        wanted = {"type": "rest", "uri": "https://catalog.example.com/api", "warehouse": "analytics", "token": "tok"}
        assert wanted.items() <= told.items()
    elif engine == "spark":
        assert '.config("spark.sql.catalog.lakeorch.type", "rest")' in found.code
        assert '.config("spark.sql.catalog.lakeorch.token", os.environ["TOKEN"])' in found.code
    else:
        assert "iceberg.rest-catalog.uri=https://catalog.example.com/api" in found.code
        assert "iceberg.rest-catalog.oauth2.token=${ENV:TOKEN}" in found.code


class SimpleLake:
    """As much of a lake as a snippet asks for: a catalog elsewhere cannot be had here."""

    def __init__(self, tables: Mapping[str, object]) -> None:
        self.tables = tables

    def published(self) -> Mapping[str, object]:
        return self.tables


def load_catalog_call(code: str) -> dict[str, str]:
    """What a snippet would call `load_catalog` with, where the secrets are in the environment."""
    lines = code[code.index("catalog = load_catalog(") : code.index("table = ")]
    told: dict[str, str] = {}
    environ = {"LAKEORCH_CATALOG_PASSWORD": "pw", "S3_SECRET_ACCESS_KEY": "key", "TOKEN": "tok"}
    scope = {"os": type("os", (), {"environ": environ}), "load_catalog": lambda _, **facts: told.update(facts)}
    exec(lines, scope)
    return told
