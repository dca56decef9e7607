"""The DuckDB engine: types both ways, relations, errors with their place, and what a session keeps to itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeorch.engines import Empty, Engine, Files, Query, Relation, Rows, Session, Target
from lakeorch.engines.duckdb import engine as start
from lakeorch.engines.duckdb.faults import engine_error
from lakeorch.errors import EngineError, Interrupted
from lakeorch.model import Column, Field, Scalar

STRUCT = "struct<a: int, b: list<struct<c: string>>>"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = start(2)
    yield engine
    engine.close()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with engine.session((), {}, "/") as session:
        yield session


def values(session: Session, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in session.fetch(sql).read_all().to_pylist()]


# ---- types ----

FROM_DUCKDB = [
    ("TRUE", "boolean"),
    ("1::TINYINT", "int"),
    ("1::SMALLINT", "int"),
    ("1::INTEGER", "int"),
    ("1::UTINYINT", "int"),
    ("1::USMALLINT", "int"),
    ("1::UINTEGER", "long"),
    ("1::BIGINT", "long"),
    ("1::UBIGINT", "decimal(20,0)"),
    ("1::HUGEINT", "decimal(38,0)"),
    ("1::UHUGEINT", "decimal(38,0)"),
    ("sum(1::BIGINT)", "decimal(38,0)"),
    ("1::FLOAT", "float"),
    ("1::DOUBLE", "double"),
    ("1::DECIMAL(9,2)", "decimal(9,2)"),
    ("'x'", "string"),
    ("'x'::ENUM('x', 'y')", "string"),
    ("'101'::BIT", "string"),
    ("'{}'::JSON", "string"),
    ("uuid()", "uuid"),
    ("'x'::BLOB", "binary"),
    ("DATE '2025-01-01'", "date"),
    ("TIME '10:00:00'", "time"),
    ("TIMESTAMP '2025-01-01 10:00:00'", "timestamp"),
    ("'2025-01-01'::TIMESTAMP_S", "timestamp"),
    ("'2025-01-01'::TIMESTAMP_MS", "timestamp"),
    ("'2025-01-01'::TIMESTAMP_NS", "timestamp"),
    ("TIMESTAMPTZ '2025-01-01 10:00:00+02'", "timestamptz"),
    ("NULL", "int"),
    ("[NULL]", "list<int>"),
    ("[1]", "list<int>"),
    ("[1, 2]::INTEGER[2]", "list<int>"),
    ("MAP {'a': 1::BIGINT}", "map<string, long>"),
    ("{'a': 1, 'b': [{'c': 'x'}]}", STRUCT),
    ("{'a b': 1}", 'struct<"a b": int>'),
]


@pytest.mark.parametrize(("sql", "expected"), FROM_DUCKDB)
def test_type_of_a_result(session: Session, sql: str, expected: str) -> None:
    assert session.columns(f"SELECT {sql} AS x") == (Column("x", expected),)


@pytest.mark.parametrize(
    ("sql", "remedy"),
    [
        ("INTERVAL 1 DAY", "EXTRACT(epoch FROM x)"),
        ("TIMETZ '10:00:00+02'", "CAST(x AS TIME)"),
        ("1::BIGNUM", "CAST(x AS DECIMAL(38,0))"),
        ("union_value(a := 1)", "CAST(x AS VARCHAR)"),
        ("1::VARIANT", "CAST(x AS VARCHAR)"),
        ("row(1, 2)", "struct_pack(name := …)"),
        ("[INTERVAL 1 DAY]", "EXTRACT(epoch FROM x)"),
    ],
)
def test_type_that_iceberg_lacks(session: Session, sql: str, remedy: str) -> None:
    query = f"SELECT 1 AS one, {sql} AS x"
    with pytest.raises(EngineError, match="column x is of type") as caught:
        session.columns(query)
    assert caught.value.position == query.rindex("x")
    assert caught.value.hint.endswith(remedy)


ICEBERG = [
    *("boolean", "int", "long", "float", "double", "decimal(9,2)", "decimal(38,0)", "date", "time", "timestamp"),
    *("timestamptz", "string", "uuid", "binary", "list<long>", "map<string, list<int>>", STRUCT),
]


@pytest.mark.parametrize("type", ICEBERG)
def test_type_there_and_back(session: Session, type: str) -> None:
    session.add(Empty("n.t", (Column("x", type),)))
    assert session.columns('FROM "n"."t"') == (Column("x", type),)


# ---- relations ----


def test_columns_keeps_duplicates_and_takes_any_form_of_query(session: Session) -> None:
    assert [c.name for c in session.columns("SELECT 1 AS id, 2 AS id, 3 AS ID")] == ["id", "id", "ID"]
    for sql in (
        "FROM range(3) t(i)",
        "WITH w AS (SELECT 1 AS i) FROM w -- end",
        "VALUES (1)",
        "(SELECT 1) UNION SELECT 2",
    ):
        assert len(session.columns(sql)) == 1


def test_columns_runs_nothing(session: Session) -> None:
    assert session.columns("SELECT error('this ran') AS x") == (Column("x", "int"),)


def test_add_takes_the_place_of_a_relation(session: Session, tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [5]}), tmp_path / "f.parquet")
    one = pa.table({"x": [1]})
    steps: list[tuple[Relation, list[tuple[int]]]] = [
        (Empty("a.b.t", (Column("x", "long"),)), []),
        (Rows("a.b.t", one), [(1,)]),
        (Rows("a.b.t", pa.table({"x": [2]})), [(2,)]),
        (Query("a.b.t", "SELECT 3 AS x -- end"), [(3,)]),
        (Files("a.b.t", (), ()), []),
        (Empty("a.b.t", (Column("y", "string"),)), []),
    ]
    for relation, expected in steps:
        session.add(relation)
        assert values(session, 'SELECT * FROM "a.b"."t"') == expected


def test_reserved_namespaces(engine: Engine, session: Session) -> None:
    for name in ("temp.t", "system.t", "memory.t", "main.t", "information_schema.t", "t", 'odd"name.t'):
        session.add(Empty(name, (Column("x", "int"),)))
        assert session.columns(f"FROM {engine.quote(name)}") == (Column("x", "int"),)


def test_sessions_do_not_see_each_other(engine: Engine) -> None:
    with engine.session([Query("n.t", "SELECT 1 AS x")], {"v": 1}, "/") as one:
        with engine.session([Query("n.t", "SELECT 'a' AS x")], {"v": "a"}, "/") as two:
            assert values(two, f"SELECT x, {engine.variable('v')} FROM n.t") == [("a", "a")]
        assert values(one, f"SELECT x, {engine.variable('v')} FROM n.t") == [(1, 1)]
    with engine.session((), {}, "/") as three, pytest.raises(EngineError):
        three.columns("FROM n.t")


def test_python_variables_are_no_tables(session: Session) -> None:
    mine = pa.table({"x": [1]})
    with pytest.raises(EngineError, match="there is no table mine"):
        session.columns("FROM mine")
    assert mine


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        7,
        -1.5,
        float("inf"),
        "it's",
        date(2025, 1, 1),
        datetime(2025, 1, 1, 2),
        datetime(2025, 1, 1, tzinfo=UTC),
    ],
)
def test_variables(engine: Engine, value: Scalar) -> None:
    with engine.session((), {"odd name": value}, "/") as session:
        [(got,)] = values(session, f"SELECT {engine.variable('odd name')} AS v LIMIT 1")
    assert got == value


def test_time_zone_is_utc(session: Session) -> None:
    assert values(session, "SELECT CAST(TIMESTAMPTZ '2025-01-01 00:30:00+02' AS DATE)::VARCHAR") == [("2024-12-31",)]


def test_files_are_read_by_field_id(engine: Engine, session: Session, tmp_path: Path) -> None:
    folder = tmp_path / "odd [1]*,dir"
    old = (
        Field(1, "id", "int"),
        Field(2, "price", "decimal(5,2)"),
        Field(3, "s", "struct<a: int>", (Field(4, "a", "int"),)),
    )
    paths = session.write("SELECT 1 AS id, 1.25 AS price, {'a': 7} AS s", Target(str(folder), "f", old))
    new = (
        Field(2, "amount", "decimal(9,2)"),
        Field(9, "added", "string"),
        Field(1, "id", "long"),
        Field(3, "s", "struct<a: long, b: string>", (Field(4, "a", "long"), Field(8, "b", "string"))),
    )
    session.add(Files("n.t", new, paths, "path"))
    assert [c.type for c in session.columns("FROM n.t")] == [*(f.type for f in new), "string"]
    [(amount, added, id, struct, path)] = values(session, "FROM n.t")
    assert (str(amount), added, id, struct) == ("1.25", None, 1, {"a": 7, "b": None})
    assert (path,) == paths
    session.add(Files("n.t", new, (), "path"))
    assert values(session, "FROM n.t") == []
    assert [c.name for c in session.columns("FROM n.t")] == ["amount", "added", "id", "s", "path"]


# ---- errors ----


@pytest.mark.parametrize(
    ("sql", "at", "name", "message"),
    [
        ("SELECT zz FROM n.t", "zz", "zz", 'there is no column "zz"'),
        ("SELECT 'äöü' AS a, zz FROM n.t", "zz", "zz", 'there is no column "zz"'),
        ("SELECT t.zz FROM n.t", "zz", "zz", '"t" has no column "zz"'),
        ("/* zz */ SELECT id -- zz\n, s.zz FROM n.t", "zz FROM", "zz", "zz"),
        ("SELECT id FROM n.t JOIN n.t u USING (zz)", "zz", "zz", "left side"),
        ("FROM nope", "nope", "nope", "there is no table nope"),
        ("SELECT nofunc(1)", "nofunc", "nofunc", "there is no function nofunc()"),
        ("SELECT sum(s) FROM n.t", "sum", "sum", "the types do not fit: sum(STRUCT(a INTEGER))"),
        ("SELECT id FROM n.t WHERE", "", "", "syntax error"),
        ("SELECT id FRM n.t x", "n.t", "", "syntax error"),
    ],
)
def test_place_of_an_error(session: Session, sql: str, at: str, name: str, message: str) -> None:
    session.add(Empty("n.t", (Column("id", "int"), Column("s", "struct<a: int>"))))
    for run in (session.columns, session.digest, session.fetch):
        with pytest.raises(EngineError) as caught:
            run(sql)
        assert message in caught.value.message
        assert caught.value.name == name
        if at:
            assert caught.value.position == sql.rindex(at)


def test_error_while_a_stream_is_read(session: Session) -> None:
    sql = "SELECT CAST(CASE WHEN i = 900000 THEN 'x' ELSE i::VARCHAR END AS INTEGER) AS x FROM range(1000000) t(i)"
    stream = session.fetch(sql)
    with pytest.raises(EngineError, match="Could not convert string 'x'") as caught:
        for _ in stream:
            pass
    assert caught.value.position == sql.index("CAST")
    assert values(session, "SELECT 1") == [(1,)]


def test_error_in_a_query_relation(session: Session) -> None:
    with pytest.raises(EngineError) as caught:
        session.add(Query("n.v", "SELECT\n nope"))
    assert caught.value.position == 8


def test_broken_csv(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "broken.csv"
    fixed = "header = true, auto_detect = false, columns = {'a': 'INT', 'b': 'INT'}"
    for text, options, message in [
        ("a,b\n1,2\n3,4,5\n", fixed, ", line 3: Expected Number of Columns: 2 Found: 3 (the line: 3,4,5)"),
        ("a,b\n1,2\nx,5\n", fixed, """, line 3: Error when converting column "a". Could not convert string "x" to"""),
        (
            "a,b\n1,2\n3,4,5\n",
            fixed.replace("auto_detect = false, ", ""),
            ": cannot tell how this CSV file is laid out",
        ),
    ]:
        path.write_text(text)
        with pytest.raises(EngineError) as caught:
            values(session, f"FROM read_csv('{path}', {options})")
        assert caught.value.message.startswith(f"{path}{message}")
        assert "\n" not in caught.value.message
        assert caught.value.hint


def test_plain_words_for_resources() -> None:
    full = '{"exception_type":"IO","exception_message":"Could not write: No space left on device","errno":"28"}'
    assert "the disk is full" in engine_error(duckdb.IOException(f"IO Error: {full}"), "", "").message
    denied = '{"exception_type":"IO","exception_message":"Cannot open file \\"x\\": Permission denied","errno":"13"}'
    assert "no permission" in engine_error(duckdb.IOException(f"IO Error: {denied}"), "", "").message
    memory = '{"exception_type":"Out of Memory","exception_message":"could not allocate block of size 1 KiB"}'
    assert "out of memory" in engine_error(duckdb.OutOfMemoryException(memory), "", "").message
    assert engine_error(ValueError("not JSON {"), "", "").message == "not JSON {"


def test_extensions_are_not_fetched(session: Session) -> None:
    with pytest.raises(EngineError) as caught:
        session.columns("FROM 's3://bucket/x.parquet'")
    assert "no DuckDB extensions" in caught.value.hint


# ---- digest, progress, cancel ----


def test_digest_is_of_a_multiset(session: Session) -> None:
    rows = "SELECT * FROM (VALUES (1, 'a', [1]), (2, 'b', NULL), (2, 'b', NULL), (NULL, NULL, [])) t(i, s, l)"
    digest = session.digest(f"{rows} -- end")
    assert digest == session.digest(f"{rows} ORDER BY i DESC")
    assert digest.startswith(f"duckdb:{session.digest('SELECT 1').split(':')[1]}:4:")
    for other in (
        f"SELECT DISTINCT * FROM ({rows})",
        f"{rows} WHERE i IS NOT NULL",
        f"SELECT i, coalesce(s, ''), l FROM ({rows})",
        f"SELECT s, i, l FROM ({rows})",
        "SELECT * FROM (VALUES (1, 'b', [1]), (2, 'a', NULL), (2, 'b', NULL), (NULL, NULL, [])) t(i, s, l)",
    ):
        assert session.digest(other) != digest
    assert session.digest(f"{rows} LIMIT 0") == session.digest("SELECT 1 WHERE false")


def test_cancel_stops_the_running_statement_and_later_ones(engine: Engine) -> None:
    seen: list[float | None] = []
    with engine.session((), {}, "/") as session:

        def stop() -> None:
            seen.append(session.progress())
            session.cancel()

        timer = threading.Timer(0.2, stop)
        timer.start()
        started = time.monotonic()
        with pytest.raises(Interrupted):
            session.digest("SELECT a.i + b.i FROM range(100000000) a(i), range(100000) b(i)")
        assert time.monotonic() - started < 10
        with pytest.raises(Interrupted):
            session.columns("SELECT 1")
        timer.join()
    assert seen == [None] or (seen[0] is not None and 0 <= seen[0] <= 1)
    with engine.session((), {}, "/") as session:
        assert values(session, "SELECT 1") == [(1,)]


def test_a_session_that_cannot_be_opened_leaves_nothing(engine: Engine) -> None:
    with pytest.raises(EngineError):
        engine.session([Query("n.v", "SELECT nope")], {}, "/")
    with engine.session((), {}, "/") as session:
        [(databases,)] = values(session, "SELECT count(*) FROM duckdb_databases() WHERE NOT internal")
    assert databases == 2, "the engine's first one, and this session's"


def test_late_calls_are_harmless(session: Session) -> None:
    engine = start(1)
    with engine.session((), {}, "/") as closed:
        stream = closed.fetch("FROM range(10000000)")
        assert next(iter(stream)).num_rows
    closed.cancel()
    assert closed.progress() is None
    with engine.session((), {}, "/") as left_open:
        engine.close()
        with pytest.raises(EngineError):
            left_open.columns("SELECT 1")


def test_progress_is_silent_and_unknown_when_idle(session: Session, capfd: pytest.CaptureFixture[str]) -> None:
    session.digest("SELECT sum(i) FROM range(50000000) t(i)")
    assert session.progress() in (None, 1.0)
    assert capfd.readouterr() == ("", "")


def test_threads_share_an_engine(engine: Engine) -> None:
    found: list[object] = []

    def work(number: int) -> None:
        for _ in range(10):
            with engine.session([Query("n.t", f"SELECT {number} AS x")], {}, "/") as session:
                found.append(values(session, "FROM n.t") == [(number,)])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 40


def test_many_relations_are_cheap(engine: Engine) -> None:
    columns = tuple(Column(f"c{i}", "long" if i % 2 else "string") for i in range(30))
    with engine.session((), {}, "/") as session:
        started = time.perf_counter()
        for i in range(200):
            session.add(Empty(f"n.t{i}", columns))
            session.columns(f"SELECT c1, c2, count(*) FROM n.t{i} WHERE c3 > 1 GROUP BY ALL")
        # 0.2 s alone on two cores; the limit only catches a change of kind
        assert time.perf_counter() - started < 4


def test_the_engine_goes_to_disk_in_the_memory_that_it_is_given(tmp_path: Path) -> None:
    small = start(2, 60_000_000)
    with small.session([], {}, str(tmp_path)) as session:
        sql = "SELECT x, hash(x) AS h, random() AS r FROM range(6_000_000) t(x) ORDER BY r"
        [path] = session.write(
            sql,
            Target(
                str(tmp_path), "t", (Field(1, "x", "long"), Field(2, "h", "decimal(20, 0)"), Field(3, "r", "double"))
            ),
        )
        assert session.fetch(f"SELECT count(*) AS n FROM '{path}'").read_all()["n"][0].as_py() == 6_000_000
        assert session.fetch("SELECT current_setting('memory_limit') AS m").read_all()["m"][0].as_py() == "57.2 MiB"
    small.close()
