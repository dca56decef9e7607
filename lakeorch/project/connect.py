"""How other engines read a project's tables: for each a snippet that works as pasted.

No secret stands in a snippet: what looks like one in the catalog's address or in the project's properties is read from
the environment of whoever runs it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeorch.errors import UsageError, suggestion
from lakeorch.lake.pointers import is_served
from lakeorch.masking import is_secret, mask
from lakeorch.model import Inputs, Published
from lakeorch.project.config import Config
from lakeorch.types import literal

if TYPE_CHECKING:
    from lakeorch.lake import Lake

PASSWORD = "LAKEORCH_CATALOG_PASSWORD"
_POSTGRES = re.compile(r"postgres(?:ql)?(?:\+\w+)?://")
_ICEBERG_FOR_SPARK = "org.apache.iceberg:iceberg-spark-runtime-3.5_2.12:1.10.1"
_JDBC = {
    "sqlite": ("org.sqlite.JDBC", "org.xerial:sqlite-jdbc:3.53.1.0"),
    "postgresql": ("org.postgresql.Driver", "org.postgresql:postgresql:42.7.7"),
}


@dataclass(frozen=True, slots=True)
class Snippet:
    """How one engine reads a table.

    Attributes:
        engine: its name.
        language: of the code: `python`, or `text` for settings and SQL.
        packages: what pip has to install; empty where pip is not the way.
        code: the lines to paste; in Python the rows are in `rows` then.
        note: what must be known besides; may be empty.
        executed: whether lakeorch's own tests run it and compare the rows.
    """

    engine: str
    language: str
    packages: tuple[str, ...]
    code: str
    note: str = ""
    executed: bool = True


@dataclass(frozen=True)
class _Subject:
    """What a snippet speaks of: a project's lake, its tables, and the one to read."""

    config: Config
    tables: Mapping[str, Published]
    table: Published

    @property
    def catalog(self) -> str:
        """The name of the catalog that knows the table: an environment has its own for what it changed."""
        return self.config.catalogs[-1 if "lakeorch.clone" in self.table.properties else 0]

    @property
    def database(self) -> str:
        """What keeps the catalog: `sqlite`, `postgresql`; `https` or `http` for a server."""
        return "postgresql" if _POSTGRES.match(self.config.catalog) else self.config.catalog.partition(":")[0]

    @property
    def is_served(self) -> bool:
        """Whether the catalog is behind a server that speaks Iceberg's REST protocol."""
        return is_served(self.config.catalog)

    @property
    def packages(self) -> tuple[str, ...]:
        """With what pyiceberg reaches this catalog and warehouse."""
        extras = [
            *([] if self.is_served else ["sql-sqlite"]),
            "pyarrow",
            *(["s3fs"] if self.config.warehouse.startswith("s3") else []),
        ]
        driver = ["psycopg[binary]"] if self.database == "postgresql" else []
        return (f"pyiceberg[{','.join(extras)}]", *driver)

    def opened(self, imports: str = "", *more: str) -> str:
        """Python that opens `table` with pyiceberg, then `more`."""
        config = self.config
        kind = "rest" if self.is_served else "sql"
        # SQLAlchemy, which pyiceberg uses, takes another driver where none is named
        uri = _POSTGRES.sub("postgresql+psycopg://", config.catalog)
        arguments = [_text(self.catalog), f'type="{kind}"', f"uri={_address(uri)}"]
        if not self.is_served:
            arguments.append(f"warehouse={_text(config.warehouse)}")
        if config.properties:
            pairs = (f"{_text(key)}: {_property(key, value)}" for key, value in config.properties.items())
            arguments.append(f"**{{{', '.join(pairs)}}}")
        lines = [
            *([imports] if imports else []),
            "from pyiceberg.catalog import load_catalog",
            "",
            "catalog = load_catalog(",
            *(f"    {argument}," for argument in arguments),
            ")",
            f"table = catalog.load_table({_text(self.table.name)})",
            *more,
        ]
        asks = any("os.environ" in line for line in lines)
        return "\n".join([*(["import os", ""] if asks else []), *lines]) + "\n"


def engines() -> tuple[str, ...]:
    """The engines for which there is a snippet."""
    return tuple(_SNIPPETS)


def snippet(config: Config, lake: Lake, engine: str, table: str | None = None) -> Snippet:
    """What to paste to read a table with an engine.

    Args:
        config: of the project.
        lake: tells which tables there are.
        engine: one of `engines()`; letter case does not count.
        table: the table to read; None for one at the end of the project's graph.

    Raises:
        UsageError: there is no such engine or table, or nothing is published.
    """
    write = _SNIPPETS.get(engine.lower())
    if write is None:
        hint = suggestion(engine, _SNIPPETS) or f"there are: {', '.join(_SNIPPETS)}"
        raise UsageError(f'no snippet for "{engine}"', hint=hint)
    tables = {name: found for name, found in lake.published().items() if found.snapshot_id is not None}
    if not tables:
        raise UsageError("nothing is published yet", hint="lakeorch run")
    name = (table or _last(tables)).lower()
    if name not in tables:
        raise UsageError(f"no table {name} is published", hint=suggestion(name, tables) or "lakeorch list")
    return write(_Subject(config, tables, tables[name]))


def _last(tables: Mapping[str, Published]) -> str:
    """A table at the end of the longest way through the recorded inputs."""
    inputs = {name: Inputs.from_json(t.properties.get("lakeorch.inputs") or "{}").tables for name, t in tables.items()}
    ahead, rest = 0, {name: {up for up in found if up in tables} for name, found in inputs.items()}
    layer = {name: 0 for name, found in rest.items() if not found}
    while fresh := {name for name, found in rest.items() if name not in layer and found <= layer.keys()}:
        ahead += 1
        layer |= dict.fromkeys(fresh, ahead)
    return min(tables, key=lambda name: (-layer.get(name, 0), name))


# ---- one engine each -------------------------------------------------------------------------------------------


def _pyiceberg(at: _Subject) -> Snippet:
    code = at.opened("", "rows = table.scan().to_arrow()", "print(rows)")
    return Snippet("pyiceberg", "python", at.packages, code, "table.scan(row_filter=…, selected_fields=…) reads less.")


def _polars(at: _Subject) -> Snippet:
    code = at.opened("import polars as pl", "rows = pl.scan_iceberg(table).collect()", "print(rows)")
    return Snippet("polars", "python", ("polars", *at.packages), code, "Filters before .collect() read less.")


def _pandas(at: _Subject) -> Snippet:
    code = at.opened("", "rows = table.scan().to_pandas()", "print(rows)")
    return Snippet("pandas", "python", ("pandas", *at.packages), code)


def _daft(at: _Subject) -> Snippet:
    code = at.opened("import daft", "rows = daft.read_iceberg(table)", "rows.show()")
    return Snippet("daft", "python", ("daft", *at.packages), code)


def _duckdb(at: _Subject) -> Snippet:
    more = (
        "",
        "con = duckdb.connect()",
        'con.execute("INSTALL iceberg")',
        'con.execute("LOAD iceberg")',
        'rows = con.sql("SELECT * FROM iceberg_scan(?)", params=[table.metadata_location])',
        "print(rows)",
    )
    note = "INSTALL downloads DuckDB's extension once. The table is read as it was when its location was looked up."
    return Snippet("duckdb", "python", ("duckdb", "pytz", *at.packages), at.opened("import duckdb", *more), note)


def _spark(at: _Subject) -> Snippet:
    jar = _JDBC.get(at.database, ("", ""))[1]
    settings = {
        "spark.jars.packages": _text(",".join(filter(None, (_ICEBERG_FOR_SPARK, jar)))),
        "spark.sql.extensions": _text("org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions"),
        f"spark.sql.catalog.{at.catalog}": _text("org.apache.iceberg.spark.SparkCatalog"),
        **{f"spark.sql.catalog.{at.catalog}.{key}": value for key, value in _spark_catalog(at).items()},
    }
    lines = [f"    .config({_text(key)}, {value})" for key, value in settings.items()]
    code = [
        *(["import os", ""] if any("os.environ" in line for line in lines) else []),
        "from pyspark.sql import SparkSession",
        "",
        "spark = (",
        "    SparkSession.builder",
        *lines,
        "    .getOrCreate()",
        ")",
        f"rows = spark.table({_text(f'{at.catalog}.{at.table.name}')})",
        "rows.show()",
    ]
    note = "Needs Java; the first start downloads the jars. Not executed by lakeorch's own tests."
    if "://" in at.config.warehouse:
        note += " For an object store add its jars and credentials to Spark."
    return Snippet("spark", "python", ("pyspark==3.5.*",), "\n".join(code) + "\n", note, executed=False)


def _spark_catalog(at: _Subject) -> dict[str, str]:
    """Settings of the catalog in Spark, as Python writes them."""
    config = at.config
    if at.is_served:
        properties = {key: _property(key, value) for key, value in config.properties.items()}
        return {"type": _text("rest"), "uri": _address(config.catalog), **properties}
    address, user = _jdbc(config.catalog)
    settings = {
        "type": "jdbc",
        "jdbc-driver": _JDBC.get(at.database, ("", ""))[0],
        "jdbc.schema-version": "V1",
        "uri": address,
        "warehouse": config.warehouse,
        "jdbc.user": user,
    }
    password = {"jdbc.password": f'os.environ["{PASSWORD}"]'} if user else {}
    return {key: _text(value) for key, value in settings.items() if value} | password


def _trino(at: _Subject) -> Snippet:
    if at.database == "sqlite":
        return Snippet("trino", "text", (), _registrations(at), _NO_SQLITE, executed=False)
    code = [
        f"# etc/catalog/{at.catalog}.properties",
        "connector.name=iceberg",
        *(_trino_server(at) if at.is_served else _trino_database(at)),
        "",
        f"-- then: SELECT * FROM {at.catalog}.{_qualified(at.table.name)};",
    ]
    note = "Add the file system's own settings (fs.native-s3.enabled, …). Not executed by lakeorch's own tests."
    return Snippet("trino", "text", (), "\n".join(code) + "\n", note, executed=False)


def _trino_database(at: _Subject) -> list[str]:
    address, user = _jdbc(at.config.catalog)
    return [
        "iceberg.catalog.type=jdbc",
        f"iceberg.jdbc-catalog.catalog-name={at.catalog}",
        f"iceberg.jdbc-catalog.driver-class={_JDBC.get(at.database, ('',))[0]}",
        f"iceberg.jdbc-catalog.connection-url={address}",
        *([f"iceberg.jdbc-catalog.connection-user={user}"] if user else []),
        *([f"iceberg.jdbc-catalog.connection-password=${{ENV:{PASSWORD}}}"] if user else []),
        "iceberg.jdbc-catalog.schema-version=V1",
        f"iceberg.jdbc-catalog.default-warehouse-dir={at.config.warehouse}",
    ]


def _trino_server(at: _Subject) -> list[str]:
    given = at.config.properties
    logins = [key for key in ("token", "credential") if key in given]
    return [
        "iceberg.catalog.type=rest",
        f"iceberg.rest-catalog.uri={mask(at.config.catalog).replace('***', f'${{ENV:{PASSWORD}}}')}",
        *([f"iceberg.rest-catalog.warehouse={given['warehouse']}"] if "warehouse" in given else []),
        *(["iceberg.rest-catalog.security=OAUTH2"] if logins else []),
        *(f"iceberg.rest-catalog.oauth2.{key}=${{ENV:{_variable(key)}}}" for key in logins),
    ]


_NO_SQLITE = (
    "Trino reaches no SQLite catalog. These statements register every table as it is now, in an Iceberg catalog of "
    "yours called iceberg that has iceberg.register-table-procedure.enabled=true and can read the warehouse. "
    "Not executed by lakeorch's own tests."
)


def _registrations(at: _Subject) -> str:
    lines = []
    for name, table in sorted(at.tables.items()):
        space, _, last = name.rpartition(".")
        folder, _, file = table.location.rpartition("/metadata/")
        told = {"schema_name": space, "table_name": last, "table_location": folder, "metadata_file_name": file}
        facts = ", ".join(f"{key} => {literal(value)}" for key, value in told.items())
        lines.append(f"CALL iceberg.system.register_table({facts});")
    spaces = sorted({name.rpartition(".")[0] for name in at.tables})
    made = [f'CREATE SCHEMA IF NOT EXISTS iceberg."{space}";' for space in spaces]
    return "\n".join([*made, *lines, f"SELECT * FROM iceberg.{_qualified(at.table.name)};"]) + "\n"


_SNIPPETS: Mapping[str, Callable[[_Subject], Snippet]] = {
    "pyiceberg": _pyiceberg,
    "polars": _polars,
    "duckdb": _duckdb,
    "pandas": _pandas,
    "daft": _daft,
    "spark": _spark,
    "trino": _trino,
}


# ---- text ------------------------------------------------------------------------------------------------------


def _text(value: str) -> str:
    """A text as Python writes it, in double quotes."""
    return json.dumps(value, ensure_ascii=False)


def _address(uri: str) -> str:
    """The catalog's address as Python writes it, with a password taken from the environment."""
    masked = mask(uri)
    if masked == uri:
        return _text(uri)
    braced = masked.replace("'", "%27").replace("{", "{{").replace("}", "}}")
    return "f'" + braced.replace("***", f'{{os.environ["{PASSWORD}"]}}') + "'"


def _property(key: str, value: str) -> str:
    if not is_secret(key):
        return _text(value)
    return f'os.environ["{_variable(key)}"]'


def _variable(key: str) -> str:
    """The environment variable that a snippet reads a secret property from."""
    return re.sub("[^A-Z0-9]+", "_", key.upper())


def _jdbc(uri: str) -> tuple[str, str]:
    """A catalog's address as JDBC writes it, and the user in it; the password is left out."""
    scheme, _, rest = _POSTGRES.sub("postgresql://", uri).partition("://")
    if scheme == "sqlite":
        return f"jdbc:sqlite:{rest.removeprefix('/')}", ""
    who, _, place = rest.rpartition("@")
    return f"jdbc:{scheme}://{mask(place)}", who.partition(":")[0]


def _qualified(name: str) -> str:
    space, _, table = name.rpartition(".")
    return f'"{space}"."{table}"'
