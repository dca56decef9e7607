"""What the DuckDB engine writes, as pyiceberg sees it: types, field ids, statistics, partitions."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io.pyarrow import parquet_file_to_data_file
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.transforms import parse_transform as iceberg_transform
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegerType,
    ListType,
    LongType,
    MapType,
    NestedField,
    StringType,
    StructType,
    TimestampType,
    TimestamptzType,
    TimeType,
    UUIDType,
)

from lakeorch.engines import Engine, Files, Session, Target
from lakeorch.engines.duckdb import DuckDBSession
from lakeorch.engines.duckdb import engine as start
from lakeorch.errors import EngineError
from lakeorch.model import Field
from lakeorch.types import Transform, parse_transform

TYPES: dict[str, Any] = {
    "boolean": BooleanType(),
    "int": IntegerType(),
    "long": LongType(),
    "float": FloatType(),
    "double": DoubleType(),
    "decimal(9,2)": DecimalType(9, 2),
    "decimal(18,3)": DecimalType(18, 3),
    "decimal(38,4)": DecimalType(38, 4),
    "date": DateType(),
    "time": TimeType(),
    "timestamp": TimestampType(),
    "timestamptz": TimestamptzType(),
    "string": StringType(),
    "uuid": UUIDType(),
    "binary": BinaryType(),
}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = start(2)
    yield engine
    engine.close()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with engine.session((), {}, "/") as session:
        yield session


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[SqlCatalog]:
    catalog = SqlCatalog("t", uri="sqlite://", warehouse=str(tmp_path / "lake"))
    catalog.create_namespace("n")
    yield catalog
    catalog.engine.dispose()


def published(catalog: SqlCatalog, schema: Schema, paths: tuple[str, ...], spec: PartitionSpec | None = None) -> Table:
    table = catalog.create_table("n.t", schema, partition_spec=spec or PartitionSpec())
    with table.transaction() as tx, tx.update_snapshot().fast_append() as append:
        for path in paths:
            append.append_data_file(parquet_file_to_data_file(table.io, tx.table_metadata, path))
    return table


VALUES = [
    ("boolean", "true", True),
    ("int", "(-7)::TINYINT", -7),
    ("int", "65535::USMALLINT", 65535),
    ("long", "4294967295::UINTEGER", 4294967295),
    ("decimal(9,2)", "1.5", Decimal("1.50")),
    ("decimal(18,3)", "(-1.5)", Decimal("-1.500")),
    ("decimal(38,4)", "170141183460469231731687303715884.1057", Decimal("170141183460469231731687303715884.1057")),
    ("float", "0.5", 0.5),
    ("double", "'-inf'", float("-inf")),
    ("date", "'1969-12-31'", date(1969, 12, 31)),
    ("timestamp", "'1969-12-31 23:59:59.999999'", datetime(1969, 12, 31, 23, 59, 59, 999999)),
    ("timestamp", "'2025-01-01'::TIMESTAMP_NS", datetime(2025, 1, 1)),
    ("string", "'äöü😀'", "äöü😀"),
    ("string", "'x'::ENUM('x', 'y')", "x"),
    ("string", "'101'::BIT", "101"),
    ("binary", "'a\\x00b'::BLOB", b"a\x00b"),
    ("int", "NULL", None),
]


@pytest.mark.parametrize(("type", "sql", "value"), VALUES)
def test_values_arrive(
    catalog: SqlCatalog, session: Session, tmp_path: Path, type: str, sql: str, value: object
) -> None:
    fields = (Field(1, "x", type),)
    paths = session.write(f"SELECT {sql} AS x", Target(str(tmp_path / "d"), "f", fields))
    table = published(catalog, Schema(NestedField(1, "x", TYPES[type])), paths)
    assert table.scan().to_arrow().to_pylist() == [{"x": value}]


def test_other_types_arrive(catalog: SqlCatalog, session: Session, tmp_path: Path) -> None:
    names = ["time", "timestamptz", "uuid"]
    fields = tuple(Field(number, name, name) for number, name in enumerate(names, 1))
    sql = (
        "SELECT TIME '10:00:00.5' AS time, TIMESTAMPTZ '2025-01-01 02:00:00+02' AS timestamptz, "
        "'12345678-1234-1234-1234-123456789abc'::UUID AS uuid"
    )
    paths = session.write(sql, Target(str(tmp_path / "d"), "f", fields))
    schema = Schema(*(NestedField(number, name, TYPES[name]) for number, name in enumerate(names, 1)))
    table = published(catalog, schema, paths)
    [row] = table.scan().to_arrow().to_pylist()
    assert str(row["time"]) == "10:00:00.500000"
    assert row["timestamptz"].isoformat() == "2025-01-01T00:00:00+00:00"
    assert str(row["uuid"]).endswith("123456789abc") or row["uuid"].hex().endswith("123456789abc")
    session.add(Files("n.t", fields, paths))
    assert session.digest("FROM n.t") == session.digest(sql)


def test_huge_sums_are_exact_and_overflow_is_loud(session: Session, tmp_path: Path) -> None:
    target = Target(str(tmp_path), "f", (Field(1, "x", "decimal(38,0)"),))
    [path] = session.write("SELECT sum(x) AS x FROM (VALUES (9223372036854775807), (9223372036854775807)) t(x)", target)
    assert pq.read_table(path)["x"].to_pylist() == [Decimal(18446744073709551614)]
    with pytest.raises(EngineError):
        session.write("SELECT 170141183460469231731687303715884105727::HUGEINT AS x", target)


ELEMENT = Field(6, "element", "struct<d: string>", (Field(7, "d", "string"),))
LIST = Field(5, "b c", "list<struct<d: string>>", (ELEMENT,))
NESTED = (
    Field(1, "id", "long"),
    Field(2, "s", 'struct<a: int, "b c": list<struct<d: string>>>', (Field(4, "a", "int"), LIST)),
    Field(
        3,
        "m",
        "map<string, struct<e: long>>",
        (Field(8, "key", "string"), Field(9, "value", "struct<e: long>", (Field(10, "e", "long"),))),
    ),
)
NESTED_STRUCT = StructType(
    NestedField(4, "a", IntegerType()),
    NestedField(5, "b c", ListType(6, StructType(NestedField(7, "d", StringType())), element_required=False)),
)
NESTED_MAP = MapType(8, StringType(), 9, StructType(NestedField(10, "e", LongType())), value_required=False)
NESTED_SCHEMA = Schema(
    NestedField(1, "id", LongType()), NestedField(2, "s", NESTED_STRUCT), NestedField(3, "m", NESTED_MAP)
)


def test_nested_types_carry_field_ids(catalog: SqlCatalog, session: Session, tmp_path: Path) -> None:
    sql = "SELECT 1 AS id, {'a': 7, 'b c': [{'d': 'x'}]} AS s, MAP {'k': {'e': 5}} AS m -- end"
    paths = session.write(sql, Target(str(tmp_path / "d"), "f", NESTED))
    table = published(catalog, NESTED_SCHEMA, paths)
    expected = {"id": 1, "s": {"a": 7, "b c": [{"d": "x"}]}, "m": [("k", {"e": 5})]}
    assert table.scan().to_arrow().to_pylist() == [expected]
    session.add(Files("n.t", NESTED, paths))
    assert session.digest("FROM n.t") == session.digest("SELECT * FROM n.t")


# ---- files ----


def test_one_small_file_named_by_its_stem(session: Session, tmp_path: Path) -> None:
    target = Target(f"file://{tmp_path}/new/folder", "run-7", (Field(1, "x", "long"),), sort_by=("x desc",))
    [path] = session.write("FROM range(200000) t(x) -- end", target)
    assert path.startswith(f"file://{tmp_path}/new/folder/run-7_")
    local = path.removeprefix("file://")
    assert pq.ParquetFile(local).metadata.row_group(0).column(0).compression == "ZSTD"
    assert pq.read_table(local)["x"].to_pylist() == list(range(199999, -1, -1))
    session.add(Files("n.t", target.fields, (path,)))
    assert [b.num_rows for b in session.fetch("SELECT count(*) FROM n.t")] == [1]


@pytest.mark.parametrize("parts", [(), (Transform("identity", "x"),)])
def test_no_rows_no_file(session: Session, tmp_path: Path, parts: tuple[Transform, ...]) -> None:
    target = Target(str(tmp_path / "d"), "f", (Field(1, "x", "long"),), parts)
    assert session.write("SELECT 1 AS x WHERE false", target) == ()
    assert not [path for path in (tmp_path / "d").rglob("*") if path.is_file()]


def test_writing_twice_keeps_what_is_there(session: Session, tmp_path: Path) -> None:
    for parts in ((), (parse_transform("x"),)):
        target = Target(str(tmp_path / "d"), "f", (Field(1, "x", "long"),), parts)
        first, second = (session.write("SELECT 1 AS x", target) for _ in range(2))
        assert set(first).isdisjoint(second)
        assert all(Path(path).exists() for path in first + second)


def test_error_in_a_written_query_has_its_place(session: Session, tmp_path: Path) -> None:
    target = Target(str(tmp_path), "f", (Field(1, "x", "int"),))
    sql = "SELECT CAST(y AS INTEGER) AS x\nFROM (VALUES ('1'), ('é')) t(y)"
    with pytest.raises(EngineError, match="Could not convert string 'é'") as caught:
        session.write(sql, target)
    assert caught.value.position == sql.index("CAST")
    assert not list(tmp_path.glob("*.parquet"))


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on file sizes there")
def test_a_failed_write_leaves_no_part_of_a_file(tmp_path: Path) -> None:
    code = f"""
import resource, signal
from lakeorch.engines import Target
from lakeorch.engines.duckdb import engine
from lakeorch.errors import EngineError
from lakeorch.model import Field
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with engine(1).session((), {{}}, "/") as session:
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    try:
        target = Target({str(tmp_path)!r}, "f", (Field(1, "x", "string"),))
        session.write("SELECT hash(i)::VARCHAR AS x FROM range(200000) t(i)", target)
    except EngineError as error:
        print("told:", error.message)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("told: Could not write")
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_made(session: Session, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EngineError, match="cannot create"):
        session.write("SELECT 1 AS x", Target(str(tmp_path / "file" / "d"), "f", (Field(1, "x", "int"),)))


# ---- partitions ----

DAYS = "'1969-12-31', '1970-01-01', '2025-02-28', '2025-03-01', '0044-03-15', '1969-01-01'"
TIMES = (
    "'1969-12-31 23:59:59.999999', '1970-01-01', '2025-01-01 10:59:59', '2025-01-01 11:00:00', '1969-12-31 23:00:00'"
)
INTS = "0, 1, -1, 9, 10, -10, -11, 2147483647, -2147483648"
PARTITIONS = [
    ("identity", "int", INTS),
    ("identity", "long", INTS),
    ("identity", "boolean", "true, false"),
    (
        "identity",
        "string",
        "'', 'a', 'ä', 'a long text of more than 16 characters 1', 'a long text of more than 16 characters 2'",
    ),
    ("identity", "date", DAYS),
    ("identity", "timestamp", TIMES),
    ("identity", "timestamptz", TIMES),
    ("identity", "decimal(9,2)", "0.01, -0.01, 1234567.89"),
    ("identity", "decimal(38,4)", "0.01, -0.01, 1234567.89"),
    ("identity", "time", "'00:00:00', '10:00:00.000001'"),
    ("identity", "uuid", "'12345678-1234-1234-1234-123456789abc', 'ffffffff-1234-1234-1234-123456789abc'"),
    ("identity", "binary", "'a', 'b'"),
    *((unit, "date", DAYS) for unit in ("year", "month", "day")),
    *((unit, type, TIMES) for unit in ("year", "month", "day", "hour") for type in ("timestamp", "timestamptz")),
    ("truncate[10]", "int", INTS.replace("48", "40")),
    ("truncate[3]", "long", INTS),
    ("truncate[2]", "string", "'', 'a', 'ab', 'abc', 'äöü', 'äöx', '😀😀😀'"),
    ("truncate[50]", "decimal(9,2)", "0.00, 0.49, 0.50, -0.01, -0.50, -0.51, 7.35"),
    ("truncate[7]", "decimal(38,4)", "0.0000, 0.0006, 0.0007, -0.0001, -0.0008"),
    ("truncate[2]", "binary", "'a', 'ab', 'abc', 'abd', 'b'"),
]


@pytest.mark.parametrize(("transform", "type", "literals"), PARTITIONS)
def test_pyiceberg_infers_the_partition(
    catalog: SqlCatalog, session: Session, tmp_path: Path, transform: str, type: str, literals: str
) -> None:
    kind, _, width = transform.rstrip("]").partition("[")
    schema = Schema(NestedField(1, "x", TYPES[type]), NestedField(2, "n", LongType()))
    spec = PartitionSpec(PartitionField(1, 1000, iceberg_transform(transform), "p"))
    cast = "VARCHAR" if type == "string" else {"binary": "BLOB"}.get(type, type).replace("long", "BIGINT")
    given = f"SELECT unnest([{literals}, NULL, NULL]) AS x"
    sql = f"SELECT CAST(x AS {cast}) AS x, row_number() OVER () AS n FROM ({given})"
    target = Target(
        str(tmp_path / "d"), "f", (Field(1, "x", type), Field(2, "n", "long")), (Transform(kind, "X", int(width or 0)),)
    )
    paths = session.write(sql, target)
    table = published(catalog, schema, paths, spec)

    apply = iceberg_transform(transform).transform(TYPES[type])
    rows = table.scan().to_arrow().to_pylist()
    assert len(rows) == len(literals.split("', '" if "'" in literals else ", ")) + 2
    seen = {}
    for task in table.scan().plan_files():
        found = task.file.partition[0]
        for value in pq.read_table(task.file.file_path)["x"]:
            expected = apply(physical(value.as_py(), type))
            assert found == expected, (value, found, expected)
        assert found not in seen, "two files of one partition in a small write"
        seen[found] = task.file.file_path
    assert None in seen


def physical(value: Any, type: str) -> Any:
    """A value as Iceberg's transforms take it."""
    from pyiceberg.utils.datetime import date_to_days, datetime_to_micros, time_to_micros

    if value is None or type in ("string", "boolean", "int", "long", "binary") or type.startswith("decimal"):
        return value
    if type == "uuid":
        return value if not isinstance(value, bytes) else __import__("uuid").UUID(bytes=value)
    if type == "date":
        return date_to_days(value)
    return time_to_micros(value) if type == "time" else datetime_to_micros(value.replace(tzinfo=None))


def test_several_transforms_and_a_sort_order(catalog: SqlCatalog, session: Session, tmp_path: Path) -> None:
    fields = (Field(1, "Store", "string"), Field(2, "day", "date"), Field(3, "n", "long"))
    parts = (parse_transform("store"), parse_transform("month(day)"))
    target = Target(str(tmp_path / "d"), "f", fields, parts, ("n desc",))
    sql = "SELECT 's' || i % 2 AS Store, DATE '2025-01-30' + (i % 3)::INT AS day, i AS n FROM range(60000) t(i)"
    paths = session.write(sql, target)
    assert len(paths) == 4
    for path in paths:
        table = pq.read_table(path)
        assert table.column_names == ["Store", "day", "n"]
        assert table["n"].to_pylist() == sorted(table["n"].to_pylist(), reverse=True)
    schema = Schema(
        NestedField(1, "Store", StringType()), NestedField(2, "day", DateType()), NestedField(3, "n", LongType())
    )
    spec = PartitionSpec(
        PartitionField(1, 1000, iceberg_transform("identity"), "store_p"),
        PartitionField(2, 1001, iceberg_transform("month"), "month_p"),
    )
    assert published(catalog, schema, paths, spec).scan(row_filter="Store == 's1'").to_arrow().num_rows == 30000


# shares of rows in each partition: even, one large among small, more partitions than COPY keeps files open
SPREADS = ["0", "i % 3", "CASE WHEN i % 10 < 8 THEN 0 ELSE i % 7 END", "i % 150", "i // 4000"]


@pytest.mark.parametrize("parts", [False, True])
@pytest.mark.parametrize("spread", SPREADS)
def test_a_declared_order_holds_within_every_file(tmp_path: Path, spread: str, *, parts: bool) -> None:
    fields = (Field(1, "p", "long"), Field(2, "x", "long"), Field(3, "s", "int"))
    split = (parse_transform("p"),) if parts else ()
    target = Target(str(tmp_path / "d"), "f", fields, split, ("s desc", "x"))
    made = f"SELECT {spread} AS p, nullif((hash(i) >> 20)::BIGINT, 0) AS x, nullif((hash(i) % 5)::INTEGER, 3) AS s"
    four = start(4)
    with contextlib.closing(four), four.session((), {}, "/") as session:
        paths = session.write(f"{made} FROM range(500_000) t(i)", target)
        wanted = session.fetch(f"SELECT count(DISTINCT p) AS n FROM ({made} FROM range(500_000) t(i))").read_all()
        session.add(Files("n.t", fields, paths))
        written = session.digest("FROM n.t")
        assert written == session.digest(f"{made} FROM range(500_000) t(i)")
    # a partition that a thread leaves while another still writes it gets a second file now and then
    count = wanted["n"][0].as_py() if parts else 1
    assert count <= len(paths) <= count * 1.1
    assert sorted(paths) == sorted(str(path) for path in (tmp_path / "d").rglob("*") if path.is_file())
    for path in paths:
        table = pq.read_table(path)
        rows = list(zip(table["s"].to_pylist(), table["x"].to_pylist(), strict=True))
        assert rows == sorted(rows, key=lambda row: (row[0] is None, -(row[0] or 0), row[1] is None, row[1]))


def test_files_in_order_are_written_once_and_the_others_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Partitions of 8,000 rows, several flushes of four threads, and one partition that is larger than a flush.

    The columns of the order are called as those that DuckDB adds to the rows of a file.
    """
    fields = (Field(1, "p", "long"), Field(2, "filename", "string"), Field(3, "file_row_number", "long"))
    split, order = (parse_transform("p"),), ("filename desc", "File_Row_Number")
    made = (
        "SELECT greatest(i // 8000 - 74, 0) AS p, nullif('s' || hash(i) % 5, 's3') AS filename, "
        "nullif((hash(i) >> 40)::BIGINT % 90000, 7) AS file_row_number FROM range(3_000_000) t(i)"
    )
    written: list[str] = []
    copy = DuckDBSession._copy

    def counted(self: DuckDBSession, sql: str, target: Target, directory: str, stem: str) -> dict[str, int]:
        found = copy(self, sql, target, directory, stem)
        written.extend(found)
        return found

    monkeypatch.setattr(DuckDBSession, "_copy", counted)
    four = start(4)
    with contextlib.closing(four), four.session((), {}, "/") as session:
        paths = session.write(made, Target(str(tmp_path / "d [1]"), "f", fields, split, order))
        session.add(Files("n.t", fields, paths))
        assert session.digest("FROM n.t") == session.digest(made)
    # some were not in order and are written again, most are not
    assert 1 <= len(set(written) - set(paths)) < 100
    assert len(paths) >= 301
    assert set(paths) == {str(path) for path in (tmp_path / "d [1]").rglob("*") if path.is_file()}
    for path in paths:
        table = pq.read_table(path)
        rows = list(zip(table["filename"].to_pylist(), table["file_row_number"].to_pylist(), strict=True))
        keys = [(s is None, -int((s or "s0")[1:]), n is None, n or 0) for s, n in rows]
        assert keys == sorted(keys)


@pytest.mark.parametrize("order", [(), ("x",)])
def test_few_rows_make_a_file_for_every_partition_whatever_the_threads(tmp_path: Path, order: tuple[str, ...]) -> None:
    eight = start(8)
    target = Target(str(tmp_path / "d"), "f", (Field(1, "x", "long"),), (parse_transform("truncate(10, x)"),), order)
    with contextlib.closing(eight), eight.session((), {}, "/") as session:
        for count in (1, 30, 30):
            assert len(session.write(f"SELECT x FROM range({count}) t(x)", target)) == -(-count // 10)
        assert len(session.write("SELECT x FROM range(30) t(x)", replace(target, partition_by=()))) == 1


def test_bucket_is_refused(session: Session, tmp_path: Path) -> None:
    target = Target(str(tmp_path), "f", (Field(1, "x", "long"),), (parse_transform("bucket(4, x)"),))
    with pytest.raises(EngineError, match="cannot write partitions by bucket"):
        session.write("SELECT 1 AS x", target)
