from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.manifest import DataFile, DataFileContent, ManifestContent, ManifestFile
from pyiceberg.schema import Schema as IcebergSchema
from pyiceberg.table import StaticTable
from pyiceberg.transforms import BucketTransform
from pyiceberg.types import LongType, NestedField

from lakeorch.errors import CatalogError, ConflictError, LakeorchError, MovedError
from lakeorch.model import Column, Schema
from lakeorch.types import Transform

from .workshop import ID_GEN, Workshop, rows

ONE = "SELECT range AS id, 1::BIGINT AS gen FROM range(3)"
DAY = (Transform("day", "ts"),)
TS: Schema = (Column("id", "long"), Column("ts", "timestamp"))


def test_a_new_tables_draft(shop: Workshop) -> None:
    draft = shop.lake.draft("n.t", ID_GEN, full=False)
    assert (draft.is_new, draft.base_snapshot_id, draft.partition_by) == (True, None, ())
    assert draft.directory == str(shop.warehouse / "n" / "t" / "data")
    assert [(f.id, f.name, f.type) for f in draft.fields] == [(1, "id", "long"), (2, "gen", "long")]
    scan = draft.scan()
    assert (scan.paths, scan.rows, len(scan.fields)) == ((), 0, 2)
    assert shop.lake.location("n.t") == str(shop.warehouse / "n" / "t")
    assert not Path(draft.directory).exists()


def test_a_table_without_rows_is_published(shop: Workshop) -> None:
    staged = shop.publish(None)
    published = shop.lake.published_one("n.t")
    assert published is not None
    assert (published.snapshot_id, published.rows) == (staged.snapshot_id, 0)
    assert published.properties["lakeorch.fingerprint"] == "fp-key"
    assert shop.table().scan().to_arrow().num_rows == 0
    shop.publish(ONE, key="b")
    again = shop.publish(None, key="c")
    assert shop.lake.published_one("n.t").history[0] == again.snapshot_id  # type: ignore[union-attr]
    assert rows(shop.lake.scan("n.t")) == []


def test_appends_add_and_the_new_files_can_be_read_alone(shop: Workshop) -> None:
    shop.publish(ONE)
    staged = shop.stage("SELECT 9::BIGINT AS id, 2::BIGINT AS gen", mode="append")
    assert rows(staged.added()) == [(9, 2)]
    assert len(rows(staged.scan())) == 4
    shop.lake.publish([staged], "r2")
    summary = shop.table().current_snapshot().summary  # type: ignore[union-attr]
    assert summary is not None
    assert (summary.operation.value, summary["total-records"], summary["added-records"]) == ("append", "4", "1")


def test_a_rewrite_removes_just_those_files(shop: Workshop) -> None:
    shop.publish(ONE)
    shop.publish("SELECT 8::BIGINT AS id, 8::BIGINT AS gen", mode="append", key="b")
    (old,) = [path for path in shop.lake.scan("n.t").paths if rows_in(path) == 1]
    staged = shop.publish("SELECT 9::BIGINT AS id, 9::BIGINT AS gen", mode="rewrite", removed=[old], key="c")
    assert rows(shop.lake.scan("n.t")) == [(0, 1), (1, 1), (2, 1), (9, 9)]
    assert rows(staged.added()) == [(9, 9)]
    table = shop.table()
    assert table.scan().to_arrow().num_rows == 4
    assert table.current_snapshot().summary["total-records"] == "4"  # type: ignore[union-attr, index]
    with pytest.raises(ConflictError, match="replaced meanwhile"):
        shop.stage(ONE, mode="rewrite", removed=[old], key="d")


def test_a_rewrite_of_one_file_of_a_manifest_keeps_the_others(shop: Workshop) -> None:
    draft = shop.lake.draft("n.t", ID_GEN, full=True)
    paths = [shop.write(draft, f"SELECT {n}::BIGINT AS id, 1::BIGINT AS gen") for n in range(3)]
    first = shop.lake.stage(draft, paths, mode="replace", summary={}, properties={}, key="a")
    shop.lake.publish([first], "r1")
    shop.publish("SELECT 9::BIGINT AS id, 9::BIGINT AS gen", mode="rewrite", removed=[paths[1]], key="b")
    assert rows(shop.lake.scan("n.t")) == [(0, 1), (2, 1), (9, 9)]
    assert sorted(shop.table().scan().to_arrow()["id"].to_pylist()) == [0, 2, 9]
    added = {entry["data_file"]["file_path"] for entry in shop.table().inspect.entries().to_pylist()}
    assert paths[0] in added


def rows_in(path: str) -> int:
    return int(pq.read_metadata(path).num_rows)


def test_columns_added_widened_and_dropped_are_read_by_id(shop: Workshop) -> None:
    shop.publish("SELECT 1::INTEGER AS a, 'x' AS b", columns=(Column("a", "int"), Column("b", "string")))
    wide = (Column("a", "long"), Column("b", "string"), Column("c", "string"))
    shop.publish("SELECT 2::BIGINT AS a, 'y' AS b, 'z' AS c", columns=wide, mode="append", key="b")
    assert rows(shop.lake.scan("n.t")) == [(1, "x", None), (2, "y", "z")]
    assert shop.table().scan().to_arrow().num_rows == 2

    with pytest.raises(LakeorchError, match="column b is string"):
        shop.lake.draft("n.t", (Column("a", "long"), Column("b", "long")), full=False)

    shop.publish("SELECT 5::BIGINT AS b, 3::BIGINT AS a", columns=(Column("b", "long"), Column("a", "long")), key="c")
    table = shop.table()
    assert table.scan().to_arrow().to_pylist() == [{"b": 5, "a": 3}]
    assert [(f.name, f.field_id) for f in table.schema().fields] == [("b", 4), ("a", 1)]
    old = table.metadata.snapshots[0].snapshot_id
    assert rows(shop.lake.scan("n.t", old)) == [(1, "x")]


def test_a_draft_alone_changes_nothing(shop: Workshop) -> None:
    shop.publish(ONE)
    before = shop.table().metadata
    shop.lake.draft("n.t", (Column("id", "string"),), full=True, partition_by=(Transform("identity", "id"),))
    assert shop.table().metadata == before


def test_descriptions_become_iceberg_docs(shop: Workshop) -> None:
    shop.publish(ONE, columns=(Column("id", "long", "the id"), Column("gen", "long")))
    assert shop.table().schema().find_field("id").doc == "the id"
    published = shop.lake.published_one("n.t")
    assert published is not None
    assert published.columns == (Column("id", "long", "the id"), Column("gen", "long"))


def test_table_properties_are_set_changed_and_removed(shop: Workshop) -> None:
    shop.publish(ONE, properties={"comment": "one", "owner": "me", "lakeorch.sql": "SELECT 1", "empty": ""})
    assert shop.table().properties == {
        "write.parquet.compression-codec": "zstd", "comment": "one", "owner": "me", "lakeorch.sql": "SELECT 1",
    }  # fmt: skip
    shop.publish(ONE, key="b", properties={"comment": "two", "owner": "", "lakeorch.none": None})
    assert "owner" not in shop.table().properties
    assert shop.table().properties["comment"] == "two"


# ---- partitions ------------------------------------------------------------------------------------------------


def _days(shop: Workshop, days: Sequence[int], key: str) -> None:
    draft = shop.lake.draft("n.t", TS, full=True, partition_by=DAY)
    assert draft.partition_by == DAY
    paths = [shop.write(draft, f"SELECT {d}::BIGINT AS id, TIMESTAMP '2026-01-{d:02} 12:00:00' AS ts") for d in days]
    staged = shop.lake.stage(draft, paths, mode="replace", summary={}, properties={}, key=key)
    shop.lake.publish([staged], key)


def test_partitions_are_read_from_the_footers(shop: Workshop) -> None:
    _days(shop, [1, 2, 3], "a")
    table = shop.table()
    tasks = list(table.scan(row_filter="ts >= '2026-01-03T00:00:00'").plan_files())
    assert len(tasks) == 1
    _days(shop, [1, 2], "b")
    assert len(shop.table().specs()) == 1


def test_another_partitioning_comes_with_full_and_stays_without(shop: Workshop) -> None:
    _days(shop, [1, 2], "a")
    draft = shop.lake.draft("n.t", TS, full=False, partition_by=(Transform("month", "ts"),))
    assert draft.partition_by == DAY
    sql = "SELECT 1::BIGINT AS id, TIMESTAMP '2026-01-01' AS ts"
    shop.publish(sql, columns=TS, partition_by=(Transform("month", "ts"),), key="b")
    assert [str(f.transform) for f in shop.table().spec().fields] == ["month"]
    shop.publish(sql, columns=TS, key="c")
    assert shop.table().spec().is_unpartitioned()
    _days(shop, [4], "d")
    assert len(shop.table().specs()) == 3
    assert shop.table().scan().to_arrow().num_rows == 1


@pytest.mark.parametrize("partition_by", [(), (Transform("identity", "id"),)])
def test_the_partition_column_itself_may_leave(shop: Workshop, partition_by: tuple[Transform, ...]) -> None:
    _days(shop, [1, 2], "a")
    shop.publish("SELECT 7::BIGINT AS id", columns=(Column("id", "long"),), key="b", partition_by=partition_by)
    assert shop.table().scan().to_arrow().to_pylist() == [{"id": 7}]
    assert shop.table().scan(row_filter="id = 7").to_arrow().num_rows == 1
    shop.publish("SELECT 8::BIGINT AS id", columns=(Column("id", "long"),), key="c", partition_by=partition_by)
    assert rows(shop.lake.scan("n.t")) == [(8,)]


def test_a_file_with_rows_of_two_partitions_is_refused(shop: Workshop) -> None:
    draft = shop.lake.draft("n.t", TS, full=True, partition_by=DAY)
    path = shop.write(draft, "SELECT range AS id, TIMESTAMP '2026-01-01' + INTERVAL (range) DAY AS ts FROM range(2)")
    with pytest.raises(LakeorchError, match="does not fit"):
        shop.lake.stage(draft, [path], mode="replace", summary={}, properties={}, key="k")


def test_null_is_a_partition(shop: Workshop) -> None:
    shop.publish("SELECT 1::BIGINT AS id, NULL::TIMESTAMP AS ts", columns=TS, partition_by=DAY)
    assert shop.table().scan(row_filter="ts is null").to_arrow().num_rows == 1


def test_a_partition_whose_value_the_footer_does_not_tell_is_refused(shop: Workshop) -> None:
    columns = (Column("s", "string"),)
    draft = shop.lake.draft("n.t", columns, full=True, partition_by=(Transform("identity", "s"),))
    path = shop.write(draft, "SELECT repeat('x', 20000) AS s")
    if pq.read_metadata(path).row_group(0).column(0).statistics.has_min_max:
        table = pq.read_table(path)
        pq.write_table(table, path, write_statistics=False)
    with pytest.raises(LakeorchError, match="partition column"):
        shop.lake.stage(draft, [path], mode="replace", summary={}, properties={}, key="k")


def test_tables_of_other_engines_with_partitions_we_cannot_write(shop: Workshop) -> None:
    catalog = shop.foreign()
    catalog.create_namespace("n")
    table = catalog.create_table("n.t", IcebergSchema(NestedField(1, "id", LongType())))
    with table.update_spec() as update:
        update.add_field("id", BucketTransform(4), "id_bucket")
    catalog.engine.dispose()
    with pytest.raises(LakeorchError, match="id_bucket") as caught:
        shop.lake.draft("n.t", (Column("id", "long"),), full=False)
    assert "--full" in caught.value.hint
    assert shop.lake.draft("n.t", (Column("id", "long"),), full=True).partition_by == ()


def test_sort_order_is_told(shop: Workshop) -> None:
    shop.publish(ONE, sort_by=("gen desc", "id"))
    assert [f.source_id for f in shop.table().sort_order().fields] == [2, 1]
    shop.publish("SELECT 1::BIGINT AS id", columns=(Column("id", "long"),), key="b", sort_by=("gen",))
    assert shop.table().sort_order().is_unsorted


# ---- files -----------------------------------------------------------------------------------------------------


def test_a_file_without_field_ids_is_refused(shop: Workshop) -> None:
    draft = shop.lake.draft("n.t", ID_GEN, full=True)
    path = shop.write(draft, ONE)
    duckdb.sql(f"COPY ({ONE}) TO '{path}' (FORMAT parquet)")
    with pytest.raises(LakeorchError, match="field ids"):
        shop.lake.stage(draft, [path], mode="replace", summary={}, properties={}, key="k")


def test_a_file_of_another_type_is_refused(shop: Workshop) -> None:
    draft = shop.lake.draft("n.t", ID_GEN, full=True)
    path = shop.write(draft, "SELECT 'x' AS id, 1::BIGINT AS gen")
    with pytest.raises(LakeorchError, match="does not fit"):
        shop.lake.stage(draft, [path], mode="replace", summary={}, properties={}, key="k")


def test_a_missing_or_broken_file_is_told_plainly(shop: Workshop) -> None:
    draft = shop.lake.draft("n.t", ID_GEN, full=True)
    with pytest.raises(CatalogError, match="gone"):
        shop.lake.stage(draft, [f"{draft.directory}/none.parquet"], mode="replace", summary={}, properties={}, key="k")
    broken = Path(shop.write(draft, ONE))
    broken.write_bytes(b"PAR1 nothing")
    with pytest.raises(LakeorchError, match="Parquet"):
        shop.lake.stage(draft, [str(broken)], mode="replace", summary={}, properties={}, key="k")


def test_bounds_of_a_column_are_dropped_when_one_row_group_has_none(shop: Workshop) -> None:
    """NaN keeps a row group from having bounds; those of the other groups alone would hide rows."""
    columns = (Column("x", "double"),)
    draft = shop.lake.draft("n.t", columns, full=True)
    path = shop.write(draft, "SELECT 1::DOUBLE AS x")
    schema = pa.schema([pa.field("x", pa.float64(), metadata={"PARQUET:field_id": "1"})])
    with pq.ParquetWriter(path, schema) as writer:
        writer.write_table(pa.table({"x": [1.0, 2.0]}, schema=schema))
        writer.write_table(pa.table({"x": [float("nan")]}, schema=schema))
    staged = shop.lake.stage(draft, [path], mode="replace", summary={}, properties={}, key="k")
    ((file,), _) = staged.own_files()
    assert not file.lower_bounds


def test_nested_columns(shop: Workshop) -> None:
    columns = (
        Column("tags", "list<string>"),
        Column("s", "struct<a: int, b: list<long>>"),
        Column("m", "map<string, struct<x: int>>"),
    )
    sql = "SELECT ['a'] AS tags, {'a': 1::INT, 'b': [2::BIGINT]} AS s, map{'k': {'x': 3::INT}} AS m"
    shop.publish(sql, columns=columns)
    assert shop.table().scan().to_arrow().to_pylist() == [
        {"tags": ["a"], "s": {"a": 1, "b": [2]}, "m": [("k", {"x": 3})]}
    ]


# ---- did the rows change? --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "verdict"),
    [
        (ONE, "maybe"),
        (f"{ONE} ORDER BY id DESC", "maybe"),
        ("SELECT range AS id, 1::BIGINT AS gen FROM range(4)", "different"),
        ("SELECT range + 1 AS id, 1::BIGINT AS gen FROM range(3)", "different"),
        ("SELECT range AS id, nullif(1, range)::BIGINT AS gen FROM range(3)", "different"),
        ("SELECT * FROM (VALUES (0::BIGINT, 1::BIGINT), (2, 1), (2, 1)) v(id, gen)", "maybe"),
    ],
)
def test_statistics_prove_a_change_never_equality(shop: Workshop, sql: str, verdict: str) -> None:
    shop.publish(ONE)
    draft = shop.lake.draft("n.t", ID_GEN, full=True)
    assert shop.lake.same_rows(draft, [shop.write(draft, sql)]) == verdict


def test_the_same_rows_in_other_files_may_be_the_same(shop: Workshop) -> None:
    shop.publish(ONE)
    draft = shop.lake.draft("n.t", ID_GEN, full=True)
    paths = [shop.write(draft, f"SELECT * FROM ({ONE}) WHERE id {part}") for part in ("= 0", "> 0", "> 5")]
    assert shop.lake.same_rows(draft, paths) == "maybe"
    assert shop.lake.same_rows(draft, paths[:2]) == "maybe"
    assert shop.lake.same_rows(draft, paths[1:]) == "different"


def test_other_columns_are_other_rows(shop: Workshop) -> None:
    shop.publish(ONE)
    for columns in ((*ID_GEN, Column("x", "string")), ID_GEN[::-1]):
        draft = shop.lake.draft("n.t", columns, full=True)
        assert shop.lake.same_rows(draft, []) == "different"
    assert shop.lake.same_rows(shop.lake.draft("n.new", ID_GEN, full=True), []) == "different"


def test_columns_without_bounds_prove_nothing(shop: Workshop) -> None:
    columns = (Column("x", "double"), Column("n", "long"))
    shop.publish("SELECT 'nan'::DOUBLE AS x, NULL::BIGINT AS n", columns=columns)
    draft = shop.lake.draft("n.t", columns, full=True)
    paths = [shop.write(draft, f"SELECT {x}::DOUBLE AS x, NULL::BIGINT AS n") for x in ("1.0", "'nan'")]
    schema = pa.schema([
        pa.field("x", pa.float64(), metadata={"PARQUET:field_id": "1"}),
        pa.field("n", pa.int64(), metadata={"PARQUET:field_id": "2"}),
    ])  # fmt: skip
    pq.write_table(pa.table({"x": [float("nan")], "n": [None]}, schema=schema), paths[1], write_statistics=False)
    assert shop.lake.same_rows(draft, paths[1:]) == "maybe"


def test_rows_under_row_level_deletes_prove_nothing(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.publish(ONE)
    draft = shop.lake.draft("n.t", ID_GEN, full=True)
    path = shop.write(draft, "SELECT 5::BIGINT AS id, 5::BIGINT AS gen")
    monkeypatch.setattr(DataFile, "content", property(lambda self: DataFileContent.POSITION_DELETES))
    assert shop.lake.same_rows(draft, [path]) == "maybe"


# ---- metadata alone --------------------------------------------------------------------------------------------


def test_an_amend_changes_properties_and_docs_and_no_data(shop: Workshop) -> None:
    first = shop.publish(ONE, properties={"comment": "old", "owner": "me"})
    staged = shop.lake.amend(
        "n.t", first.snapshot_id, properties={"comment": "new", "owner": None}, docs={"id": "the id"}, key="a"
    )
    assert (staged.snapshot_id, staged.writes_data, staged.rows) == (None, False, 0)
    staged = shop.recorded(staged)
    assert len(rows(staged.scan())) == 3
    assert shop.lake.publish([staged], "r2") == {"n.t": first.snapshot_id}
    table = shop.table()
    assert table.properties["comment"] == "new"
    assert "owner" not in table.properties
    assert table.schema().find_field("id").doc == "the id"
    assert len(table.metadata.snapshots) == 1
    location = table.metadata_location
    assert shop.lake.publish([staged], "r3") == {"n.t": first.snapshot_id}
    assert shop.table().metadata_location == location


def test_an_amend_holds_only_for_its_snapshot(shop: Workshop) -> None:
    first = shop.publish(ONE)
    staged = shop.lake.amend("n.t", first.snapshot_id, properties={"comment": "x"}, docs=None, key="a")
    shop.publish(ONE, key="b")
    with pytest.raises(MovedError):
        shop.lake.publish([staged], "r")
    with pytest.raises(MovedError):
        shop.lake.amend("n.t", first.snapshot_id, properties={}, docs=None, key="a")
    with pytest.raises(LakeorchError, match="no table"):
        shop.lake.amend("n.none", None, properties={}, docs=None, key="a")


def test_a_new_snapshot_drops_what_was_said_of_the_old_one(shop: Workshop) -> None:
    first = shop.publish(ONE)
    same = f'{{"snapshot-id": "{first.snapshot_id}", "lakeorch.fingerprint": "later"}}'
    staged = shop.lake.amend("n.t", first.snapshot_id, properties={"lakeorch.same-as": same}, docs=None, key="a")
    shop.lake.publish([staged], "r")
    published = shop.lake.published_one("n.t")
    assert published is not None
    assert published.properties["lakeorch.fingerprint"] == "later"
    shop.publish(ONE, key="b")
    assert "lakeorch.same-as" not in shop.table().properties


# ---- row-level deletes by other engines ------------------------------------------------------------------------


def test_row_level_deletes_are_seen_and_applied(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """pyiceberg writes no delete files; a manifest that says it holds them is enough to see the switch."""
    shop.publish(ONE)
    assert not shop.lake.scan("n.t").has_deletes
    table = shop.lake.scan("n.t").to_arrow()
    assert table.schema == pa.schema([("id", pa.int64()), ("gen", pa.int64())])
    assert table.num_rows == 3
    monkeypatch.setattr(ManifestFile, "content", property(lambda self: ManifestContent.DELETES))
    assert shop.lake.scan("n.t").has_deletes


def test_to_arrow_of_a_new_table_and_of_staged_rows(shop: Workshop) -> None:
    staged = shop.stage(ONE, columns=ID_GEN)
    assert staged.scan().to_arrow().num_rows == 3
    assert shop.lake.draft("n.t", ID_GEN, full=True).scan().to_arrow().num_rows == 0


def test_scanning_what_is_not_there(shop: Workshop) -> None:
    shop.publish(ONE)
    with pytest.raises(LakeorchError, match="no table n"):
        shop.lake.scan("n.none")
    with pytest.raises(LakeorchError, match="no snapshot 5"):
        shop.lake.scan("n.t", 5)


def test_a_pinned_location_shows_the_table_as_it_was(shop: Workshop) -> None:
    shop.publish(ONE)
    published = shop.lake.published_one("n.t")
    assert published is not None
    assert shop.lake.location("n.t") == str(shop.warehouse / "n" / "t")
    shop.publish(None, key="b")
    assert len(rows(shop.lake.scan("n.t", location=published.location))) == 3
    assert StaticTable.from_metadata(published.location).scan().to_arrow().num_rows == 3


@pytest.mark.parametrize(
    ("query", "ids"), [(ONE, ""), ("SELECT 'x' AS id, 1::BIGINT AS gen", "FIELD_IDS {id: 1, gen: 2}")]
)
def test_a_file_is_not_judged_by_another_of_the_same_columns(shop: Workshop, query: str, ids: str) -> None:
    draft = shop.lake.draft("n.t", ID_GEN, full=True)
    good, bad = shop.write(draft, ONE), shop.write(draft, ONE)
    duckdb.sql(f"COPY ({query}) TO '{bad}' (FORMAT parquet{', ' + ids if ids else ''})")
    with pytest.raises(LakeorchError, match=re.escape(bad)):
        shop.lake.stage(draft, [good, bad], mode="replace", summary={}, properties={}, key="k")
