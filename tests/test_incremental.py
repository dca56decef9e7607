"""Append and merge under hard conditions: no row lost, none twice, none altered on its way."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from lakeorch.errors import ProjectError
from lakeorch.execute import Executor
from lakeorch.project import Project
from tests.conftest import Make
from tests.test_run import actions, load, reasons, rows

APPEND = "/* ---\nmaterialized: append\n--- */\n"
LOG = {"raw/a.csv": "x\n1\n", "models/r/t.sql": APPEND + "SELECT x FROM read_csv('raw/*.csv')"}


@pytest.mark.parametrize("pattern", ["'raw/**/*.csv'", "'./raw/*.csv'", "['raw/a.csv', 'raw/b*.csv']"])
def test_another_pattern_for_the_same_files_reads_none_twice(make: Make, pattern: str) -> None:
    folder = make({**LOG, "raw/b.csv": "x\n2\n"})
    Project(folder).run()
    make({"models/r/t.sql": APPEND + f"SELECT x FROM read_csv({pattern})"})
    Project(folder).run()
    assert rows(folder, "FROM r.t ORDER BY x") == [(1,), (2,)]
    make({"raw/b2.csv": "x\n3\n"})
    Project(folder).run()
    assert rows(folder, "FROM r.t ORDER BY x") == [(1,), (2,), (3,)]
    assert Project(folder).run().status == "nothing to do"


def test_a_renamed_file_is_not_new_but_a_copy_is(make: Make) -> None:
    folder = make(LOG)
    Project(folder).run()
    (folder.parent / "raw/a.csv").rename(folder.parent / "raw/z.csv")
    assert Project(folder).run().status == "nothing to do"
    make({"raw/y.csv": "x\n1\n"})
    Project(folder).run()
    assert rows(folder, "FROM r.t") == [(1,), (1,)]


@pytest.mark.parametrize("trouble", ["gone", "spoilt"])
def test_a_lost_list_of_files_stops_the_model_before_data_moves(make: Make, trouble: str) -> None:
    folder = make(LOG)
    Project(folder).run()
    make({"raw/b.csv": "x\n2\n"})
    for listing in (folder.parent / "warehouse/_lakeorch/files").iterdir():
        listing.unlink() if trouble == "gone" else listing.write_text("{")
    with pytest.raises(ProjectError) as error:
        Project(folder).run()
    assert "is gone from the warehouse" in error.value.findings[0].message
    assert rows(folder, "FROM r.t") == [(1,)]
    assert Project(folder).run(full=True).status == "published"
    assert rows(folder, "FROM r.t ORDER BY x") == [(1,), (2,)]


@pytest.mark.parametrize("first", [True, False])
def test_a_file_that_comes_while_files_are_read_is_read_once(
    make: Make, monkeypatch: pytest.MonkeyPatch, first: bool
) -> None:
    folder = make(LOG)
    if not first:
        Project(folder).run()
        make({"raw/b.csv": "x\n2\n"})
    before_build(monkeypatch, lambda: make({"raw/late.csv": "x\n99\n"}))
    Project(folder).run()
    monkeypatch.undo()
    Project(folder).run()
    expected = [(1,), (99,)] if first else [(1,), (2,), (99,)]
    assert rows(folder, "FROM r.t ORDER BY x") == expected


def test_a_file_that_changes_while_it_is_read_is_read_again(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make(LOG)
    before_build(monkeypatch, lambda: make({"raw/a.csv": "x\n5\n"}))
    assert Project(folder).run().status == "published"
    monkeypatch.undo()
    assert rows(folder, "FROM r.t") == [(5,)]
    assert Project(folder).run().status == "nothing to do"


def before_build(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Does something once, between the survey of the files and the first build."""
    original, done = Executor.build, []

    def build(self: Executor, *args: object) -> object:
        if not done:
            done.append(act())
        return original(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Executor, "build", build)


@pytest.mark.parametrize(
    ("ending", "reader", "first", "second", "value"),
    [
        ("csv", "read_csv", "code\nabc\n1.10\n", "code\n007\n", "007"),
        ("csv", "read_csv", "code\nabc\n", "code\nTRUE\n", "TRUE"),
        ("csv", "read_csv", "code\nabc\n", "code\n12:30\n", "12:30"),
        ("json", "read_json", '{"code": "abc"}\n', '{"code": "2024-01-02"}\n', "2024-01-02"),
    ],
)
def test_new_files_are_read_with_the_types_of_all(
    make: Make, ending: str, reader: str, first: str, second: str, value: str
) -> None:
    sql = APPEND + f"SELECT r.code FROM {reader}('raw/*.{ending}') AS r"
    folder = make({f"raw/a.{ending}": first, "models/r/t.sql": sql})
    Project(folder).run()
    make({f"raw/b.{ending}": second})
    assert Project(folder).run().status == "published"
    assert (value,) in rows(folder, "FROM r.t")


def test_options_of_the_reader_stay_in_force(make: Make) -> None:
    sql = APPEND + "SELECT parse_filename(filename) AS f, x FROM read_csv('raw/*.csv', filename = true, delim = ';')"
    folder = make({"raw/a.csv": "x;y\n1;2\n", "models/r/t.sql": sql})
    Project(folder).run()
    make({"raw/b.csv": "x;y\n3;4\n"})
    Project(folder).run()
    assert rows(folder, "FROM r.t ORDER BY x") == [("a.csv", 1), ("b.csv", 3)]


def test_an_edited_check_is_applied_to_the_old_rows_too(make: Make) -> None:
    folder = make({**LOG, "raw/a.csv": "x\n-1\n"})
    Project(folder).run()
    make(
        {
            "raw/b.csv": "x\n2\n",
            "models/r/t.sql": LOG["models/r/t.sql"].replace("\n--- */", "\ncolumns: {x: {checks: [{min: 0}]}}\n--- */"),
        }
    )
    result = Project(folder).run()
    assert (result.status, result.outcomes[0].checks[0].failed_rows) == ("failed", 1)


def test_a_foreign_append_stays_and_the_model_goes_on_and_comes_to_rest(make: Make) -> None:
    folder = make({**LOG, "models/r/t.sql": APPEND + "SELECT x FROM read_csv('raw/*.csv') WHERE x < 50"})
    Project(folder).run()
    load(folder, "r.t").append(pa.table({"x": pa.array([40], pa.int64())}))
    make({"raw/b.csv": "x\n77\n"})  # a new file without a new row
    Project(folder).run()
    assert Project(folder).run().status == "nothing to do"
    make({"raw/c.csv": "x\n3\n"})
    Project(folder).run()
    assert rows(folder, "FROM r.t ORDER BY x") == [(1,), (3,), (40,)]


def test_joined_driving_tables_miss_no_pair(make: Make) -> None:
    block = "/* ---\nmaterialized: append\nappend_from: [a.l, a.r]\n--- */\n"
    folder = make(
        {
            "models/a/l.sql": "SELECT unnest([1, 2]) AS x",
            "models/a/r.sql": "SELECT unnest([1, 2]) AS x",
            "models/a/j.sql": block + "SELECT l.x FROM l JOIN r USING (x)",
        }
    )
    Project(folder).run()
    make({"models/a/l.sql": "SELECT unnest([1, 2, 3]) AS x"})
    Project(folder).run()
    make({"models/a/r.sql": "SELECT unnest([1, 2, 3, 3]) AS x"})
    Project(folder).run()
    assert rows(folder, "FROM a.j ORDER BY x") == [(1,), (2,), (3,), (3,)]


def test_a_driving_table_joined_with_itself_misses_no_pair(make: Make) -> None:
    folder = make(
        {
            "models/a/l.sql": "SELECT unnest([1, 2]) AS x",
            "models/a/j.sql": APPEND + "SELECT p.x, q.x AS y FROM l p, l q WHERE p.x < q.x",
        }
    )
    Project(folder).run()
    make({"models/a/l.sql": "SELECT unnest([1, 2, 3]) AS x"})
    Project(folder).run()
    assert rows(folder, "FROM a.j ORDER BY ALL") == [(1, 2), (1, 3), (2, 3)]


def test_joined_driving_files_are_refused(make: Make) -> None:
    sql = APPEND + "SELECT a.x FROM read_csv('raw/a*.csv') a JOIN read_csv('raw/b*.csv') b USING (x)"
    folder = make({"raw/a.csv": "x\n1\n", "raw/b.csv": "x\n1\n", "models/r/t.sql": sql})
    with pytest.raises(ProjectError) as error:
        Project(folder).run()
    assert "joins or unites" in error.value.findings[0].message


def test_files_in_a_union_all_bring_new_rows(make: Make) -> None:
    sql = APPEND + "SELECT x FROM read_csv('raw/a*.csv') UNION ALL SELECT x FROM read_csv('raw/b*.csv')"
    folder = make({"raw/a.csv": "x\n1\n", "raw/b.csv": "x\n2\n", "models/r/t.sql": sql})
    Project(folder).run()
    make({"raw/b3.csv": "x\n3\n"})
    Project(folder).run()
    assert rows(folder, "FROM r.t ORDER BY x") == [(1,), (2,), (3,)]


def test_a_column_added_upstream_makes_no_row_new(make: Make) -> None:
    folder = make({"models/a/src.sql": "SELECT 1 AS x", "models/a/log.sql": APPEND + "SELECT x FROM a.src"})
    Project(folder).run()
    make({"models/a/src.sql": "SELECT unnest([1, 1, 2]) AS x, 7 AS y"})
    Project(folder).run()
    assert rows(folder, "FROM a.log ORDER BY x") == [(1,), (1,), (2,)]


@pytest.mark.parametrize("kind", ["append", "merge\nunique_key: [id]", "history\nunique_key: [id]"])
def test_a_column_that_comes_without_new_rows_is_there_for_readers(make: Make, kind: str) -> None:
    settings = f"/* ---\nmaterialized: {kind}\n--- */\n"
    folder = make(
        {
            "models/a/log.sql": f"{settings}SELECT id FROM read_csv('raw/*.csv')",
            "models/a/reader.sql": "SELECT count(*) AS n FROM a.log",
            "raw/1.csv": "id\n1\n",
        }
    )
    assert Project(folder).run().status == "published"
    added = "NULL::BIGINT" if kind.startswith("history") else "id * 2"
    make(
        {
            "models/a/log.sql": f"{settings}SELECT id, {added} AS twice FROM read_csv('raw/*.csv')",
            "models/a/reader.sql": "SELECT count(*) AS n, count(twice) AS twice FROM a.log",
        }
    )
    assert Project(folder).run().status == "published"
    assert rows(folder, "FROM a.reader") == [(1, 0)]
    assert Project(folder).run().status == "nothing to do"


def test_odd_column_names(make: Make) -> None:
    block = "/* ---\nmaterialized: merge\nunique_key: ['a\"b']\n--- */\n"
    src = 'SELECT {} AS "a""b", {} AS "Sélect x"'
    folder = make({"models/a/src.sql": src.format(1, 2), "models/a/m.sql": block + "SELECT * FROM a.src"})
    Project(folder).run()
    make({"models/a/src.sql": src.format("unnest([1, 2])", 5)})
    Project(folder).run()
    assert rows(folder, "FROM a.m ORDER BY 1") == [(1, 5), (2, 5)]


def test_only_the_letter_case_of_a_column_changes(make: Make) -> None:
    folder = make({"models/a/t.sql": "SELECT 1 AS ID, 2 AS v", "models/a/log.sql": APPEND + "SELECT ID, v FROM t"})
    Project(folder).run()
    make({"models/a/t.sql": "SELECT 5 AS id, 2 AS v", "models/a/log.sql": APPEND + "SELECT id, v FROM t"})
    Project(folder).run()
    assert rows(folder, "FROM a.t") == [(5, 2)]
    assert rows(folder, "FROM a.log ORDER BY id") == [(1, 2), (5, 2)]


def test_a_removed_description_is_removed_once(make: Make) -> None:
    folder = make({"models/a/t.sql": '/* ---\ncolumns: {x: {description: it}}\n--- */\nSELECT 1 AS "X"'})
    Project(folder).run()
    assert load(folder, "a.t").schema().find_field("X").doc == "it"
    make({"models/a/t.sql": 'SELECT 1 AS "X"'})
    assert actions(Project(folder).run()) == {"a.t": "amend"}
    assert Project(folder).run().status == "nothing to do"


def test_validate_finds_a_type_that_an_append_cannot_take(make: Make) -> None:
    folder = make({"models/a/src.sql": "SELECT 1 AS x", "models/a/log.sql": APPEND + "SELECT x FROM a.src"})
    Project(folder).run()
    make({"models/a/src.sql": "SELECT 'text' AS x"})
    [finding] = Project(folder).validate()
    assert finding.message == "x is int in the table and string in the query"
    assert not Project(folder).validate(["a.src"])


def test_a_check_between_two_models_connects_them(make: Make) -> None:
    """Both change together and fit each other; one of them fails another check: the other must not go alone."""
    files = {
        "raw/c.csv": "id\n1\n2\n",
        "raw/o.csv": "cid,amount\n1,5\n2,5\n",
        "models/a/cust.sql": "SELECT id FROM read_csv('raw/c.csv')",
        "models/a/ord.sql": "/* ---\ncolumns:\n  cid: {checks: [{relationship: a.cust.id}]}\n"
        "  amount: {checks: [{min: 0}]}\n--- */\nSELECT cid, amount FROM read_csv('raw/o.csv')",
    }
    folder = make(files)
    Project(folder).run()
    make({"raw/c.csv": "id\n1\n3\n", "raw/o.csv": "cid,amount\n1,5\n3,-1\n"})
    assert actions(Project(folder).run()) == {"a.cust": "held", "a.ord": "failed"}
    assert rows(folder, "FROM a.cust ORDER BY id") == [(1,), (2,)]


def test_the_warehouse_alone_remembers_what_was_read(make: Make, tmp_path: Path) -> None:
    folder = make(LOG)
    Project(folder).run()
    shutil.rmtree(tmp_path / ".lakeorch", ignore_errors=True)
    make({"raw/b.csv": "x\n2\n"})
    assert reasons(Project(folder).run()) == {"r.t": "new files: 1"}
    assert rows(folder, "FROM r.t ORDER BY x") == [(1,), (2,)]


def test_a_reference_file_is_read_whole_and_may_change(make: Make) -> None:
    sql = "SELECT x, n FROM read_csv('raw/*.csv') a JOIN read_csv('ref/d.csv') d USING (x)"
    block = "/* ---\nmaterialized: append\nappend_from: ['raw/*.csv']\n--- */\n"
    folder = make({"raw/a.csv": "x\n1\n", "ref/d.csv": "x,n\n1,one\n", "models/r/t.sql": block + sql})
    Project(folder).run()
    make({"raw/b.csv": "x\n2\n", "ref/d.csv": "x,n\n1,ONE\n2,two\n"})
    Project(folder).run()
    assert rows(folder, "FROM r.t ORDER BY x") == [(1, "one"), (2, "two")]
    make({"ref/d.csv": "x,n\n1,uno\n2,due\n"})
    assert Project(folder).run().status == "nothing to do"


def test_a_column_that_only_a_new_file_lacks(make: Make) -> None:
    sql = APPEND + "SELECT * FROM read_csv('raw/*.csv', union_by_name = true)"
    folder = make({"raw/a.csv": "x\n1\n", "raw/b.csv": "x,y\n2,b\n", "models/r/t.sql": sql})
    Project(folder).run()
    make({"raw/c.csv": "x\n3\n"})
    Project(folder).run()
    assert rows(folder, "FROM r.t ORDER BY x") == [(1, None), (2, "b"), (3, None)]


def test_a_key_is_not_put_on_rows_that_were_written_without_it(make: Make) -> None:
    folder = make({"raw/a.csv": "x\n1\n1\n", "models/r/t.sql": "SELECT x FROM read_csv('raw/*.csv')"})
    Project(folder).run()
    block = "/* ---\nmaterialized: merge\nunique_key: x\n--- */\n"
    make({"models/r/t.sql": block + "SELECT DISTINCT x FROM read_csv('raw/*.csv')"})
    with pytest.raises(ProjectError):
        Project(folder).run()
    Project(folder).run(full=True)
    assert rows(folder, "FROM r.t") == [(1,)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[NULL::INT]", "[]::INT[]"),
        ("[]::INT[]", "NULL::INT[]"),
        ("{'a': NULL::INT}", "NULL::STRUCT(a INT)"),
        ("[[1], [2]]", "[[1, 2]]"),
        ("0.0::DOUBLE", "'-0.0'::DOUBLE"),
        ("['NULL']", "[NULL::VARCHAR]"),
    ],
)
def test_values_that_hash_alike_are_told_apart(make: Make, before: str, after: str) -> None:
    folder = make({"models/a/t.sql": f"SELECT {before} AS c"})
    Project(folder).run()
    make({"models/a/t.sql": f"SELECT {after} AS c"})
    result = Project(folder).run()
    assert "the rows stayed the same" not in reasons(result)["a.t"]


def test_a_date_that_no_reader_knows_fails_its_model_alone(make: Make) -> None:
    folder = make({"models/a/t.sql": "SELECT DATE 'infinity' AS d", "models/b/u.sql": "SELECT 1 AS x"})
    result = Project(folder).run()
    assert actions(result) == {"a.t": "failed", "b.u": "build"}
    assert "years 1 to 9999" in result.outcomes[0].error


def test_a_float_variable_is_a_double_whatever_its_digits(make: Make) -> None:
    folder = make({"lakeorch.yml": "models: models\nvariables: {f: 1.5}\n", "models/a/t.sql": "SELECT $f AS f"})
    Project(folder).run()
    assert str(load(folder, "a.t").schema().find_field("f").field_type) == "double"


def test_a_table_that_became_a_view_is_named_as_departed(make: Make) -> None:
    folder = make({"models/a/t.sql": "SELECT 1 AS x"})
    Project(folder).run()
    make({"models/a/t.sql": "/* ---\nmaterialized: view\n--- */\nSELECT 1 AS x"})
    assert Project(folder).run().departed == ("a.t",)


def test_a_foreign_append_during_the_run_reaches_what_reads_the_table(make: Make) -> None:
    folder = make({**LOG, "models/r/n.sql": "SELECT count(*) AS n FROM t"})
    Project(folder).run()
    make({"raw/b.csv": "x\n2\n"})
    done: list[int] = []

    def meddle(event: object) -> None:
        if getattr(event, "kind", "") == "publish_started" and not done:
            done.append(1)
            load(folder, "r.t").append(pa.table({"x": pa.array([50], pa.int64())}))

    assert Project(folder).run(observers=[meddle]).status == "published"
    assert rows(folder, "FROM r.t ORDER BY x") == [(1,), (2,), (50,)]
    assert rows(folder, "FROM r.n") == [(3,)]
    assert Project(folder).run().status == "nothing to do"


def test_a_file_of_equal_content_is_taken_for_the_renamed_one_once(make: Make) -> None:
    folder = make(LOG)
    Project(folder).run()
    (folder.parent / "raw/a.csv").rename(folder.parent / "raw/z.csv")
    make({"raw/b.csv": "x\n1\n"})
    Project(folder).run()
    make({"raw/c.csv": "x\n1\n"})
    Project(folder).run()
    assert rows(folder, "FROM r.t") == [(1,), (1,), (1,)]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT x, read_csv.filename AS f FROM read_csv('raw/*.csv')",
        "SELECT x, src AS f FROM read_csv('raw/*.csv', filename = 'src')",
        "SELECT r.x, 1 AS f FROM read_csv('raw/*.csv')r",
    ],
)
def test_names_around_a_read_stay_what_they_are(make: Make, query: str) -> None:
    with_column = "read_csv.filename" in query
    head = "x,filename\n{},f\n" if with_column else "x,y\n{},0\n"
    folder = make({"raw/a.csv": head.format(1), "models/r/t.sql": APPEND + query})
    Project(folder).run()
    make({"raw/b.csv": head.format(2)})
    Project(folder).run()
    assert rows(folder, "SELECT x FROM r.t ORDER BY x") == [(1,), (2,)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT x FROM l UNION ALL SELECT 7", [1, 2, 3, 7]),
        ("SELECT d.x FROM d LEFT JOIN l ON l.x = d.x", [1, 2, 3]),
        ("SELECT d.x FROM d WHERE d.x IN (SELECT x FROM l)", [1, 2, 3]),
        ("WITH c AS (SELECT x FROM l) SELECT d.x FROM d LEFT JOIN c USING (x)", [1, 2, 3]),
        ("SELECT l.x FROM l JOIN d USING (x)", [1, 2, 3]),
        ("SELECT l.x FROM d RIGHT JOIN l USING (x)", [1, 2, 3]),
    ],
)
def test_rows_that_nothing_new_brought_do_not_come_again(make: Make, query: str, expected: list[int]) -> None:
    block = "/* ---\nmaterialized: append\nappend_from: [a.l]\n--- */\n"
    folder = make(
        {
            "models/a/l.sql": "SELECT unnest([1, 2]) AS x",
            "models/a/d.sql": "SELECT unnest([1, 2, 3]) AS x",
            "models/a/j.sql": block + query,
        }
    )
    Project(folder).run()
    make({"models/a/l.sql": "SELECT unnest([1, 2, 3]) AS x"})
    Project(folder).run()
    assert [x for (x,) in rows(folder, "FROM a.j ORDER BY x")] == expected


def test_files_united_with_other_rows_are_refused(make: Make) -> None:
    sql = APPEND + "SELECT x FROM read_csv('raw/*.csv') UNION ALL SELECT 7"
    folder = make({"raw/a.csv": "x\n1\n", "models/r/t.sql": sql})
    [finding] = Project(folder).validate()
    assert "new files alone do not tell" in finding.message


def test_a_volatile_function_beside_joined_drivers_is_refused(make: Make) -> None:
    sql = APPEND + "SELECT p.x, uuid() AS id FROM l p, l q"
    folder = make({"models/a/l.sql": "SELECT unnest([1, 2]) AS x", "models/a/j.sql": sql})
    [finding] = Project(folder).validate()
    assert "a function gives other values each time" in finding.message


@pytest.mark.parametrize("columns", ["id, sub, v, l", "id, sub"])
def test_a_merge_writes_where_a_row_is_new_and_nowhere_else(make: Make, columns: str) -> None:
    first = ["(1, NULL, NULL, [1])", "(2, 'b', 5, NULL)", "(NULL, 'c', 7, [])"]

    def run(*values: str) -> int | None:
        """Publishes these rows of the source; the snapshot that the merge is at then."""
        typed = "id::INT AS id, sub::VARCHAR AS sub, v::INT AS v, l::INT[] AS l"
        make({"models/a/src.sql": f"SELECT {typed} FROM (VALUES {', '.join(values)}) t(id, sub, v, l)"})
        assert Project(folder).run().status == "published"
        snapshot = load(folder, "a.m").current_snapshot()
        return snapshot.snapshot_id if snapshot else None

    block = "/* ---\nmaterialized: merge\nunique_key: [id, sub]\n--- */\n"
    folder = make({"models/a/m.sql": block + f"SELECT {columns} FROM a.src"})
    at = run(*first)
    # rows that are new to the input, and not to the table
    assert run(first[0], *first) == at
    for row in ("(1, NULL, 3, [1])", "(2, 'b', NULL, [])", "(4, NULL, 8, NULL)"):
        moved = run(row)
        assert (moved != at) == ("v" in columns or row.startswith("(4"))
        at = moved
    assert rows(folder, "SELECT id, sub FROM a.m ORDER BY id") == [(1, None), (2, "b"), (4, None), (None, "c")]
    if "v" in columns:
        assert rows(folder, "SELECT v, l FROM a.m ORDER BY id") == [(3, [1]), (None, []), (8, None), (7, [])]
