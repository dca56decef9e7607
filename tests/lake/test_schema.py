from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyiceberg.schema import Schema as IcebergSchema
from pyiceberg.types import LongType, NestedField, StringType, TimestampNanoType

from lakeorch.errors import LakeorchError
from lakeorch.lake.schema import columns_of, evolve, fields_of, partition_spec, sort_order, with_docs
from lakeorch.model import Column, Field
from lakeorch.types import PRIMITIVES, Transform, Type, canonical

_names = st.text("abc_", min_size=1, max_size=3)
_leaves = st.one_of(
    st.sampled_from(PRIMITIVES).map(Type),
    st.tuples(st.integers(1, 38), st.integers(0, 9)).filter(lambda s: s[1] <= s[0]).map(lambda s: Type("decimal", s)),
    st.integers(1, 40).map(lambda size: Type("fixed", (size,))),
)
_types = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        inner.map(lambda t: Type("list", members=(("element", t),))),
        st.tuples(inner, inner).map(lambda t: Type("map", members=(("key", t[0]), ("value", t[1])))),
        st.lists(st.tuples(_names, inner), min_size=1, max_size=3, unique_by=lambda m: m[0]).map(
            lambda members: Type("struct", members=tuple(members))
        ),
    ),
    max_leaves=6,
)
_columns = st.lists(st.tuples(_names, _types), min_size=1, max_size=4, unique_by=lambda c: c[0]).map(
    lambda columns: tuple(Column(name, str(type), "d" * (len(name) - 1)) for name, type in columns)
)


def _ids(fields: tuple[Field, ...]) -> list[int]:
    return [id for field in fields for id in (field.id, *_ids(field.children))]


@given(_columns)
def test_columns_survive_the_way_to_iceberg_and_back(columns: tuple[Column, ...]) -> None:
    schema = evolve(None, 0, columns, "t", full=True)
    assert columns_of(schema) == columns
    ids = _ids(fields_of(schema))
    assert sorted(ids) == list(range(1, len(ids) + 1))
    again = IcebergSchema.model_validate_json(schema.model_dump_json())
    assert columns_of(again) == columns
    assert fields_of(again) == fields_of(schema)


@given(_columns, _columns)
def test_a_full_change_yields_the_query_and_spends_ids_once(
    before: tuple[Column, ...], after: tuple[Column, ...]
) -> None:
    old = evolve(None, 0, before, "t", full=True)
    new = evolve(old, old.highest_field_id, after, "t", full=True)
    assert columns_of(new) == after
    was = {field.id: field for field in fields_of(old)}
    for field in fields_of(new):
        if field.id in was:
            assert field.name == was[field.id].name
        else:
            assert field.id > old.highest_field_id
    assert len(set(_ids(fields_of(new)))) == len(_ids(fields_of(new)))


@given(_columns)
def test_the_same_columns_are_the_same_schema(columns: tuple[Column, ...]) -> None:
    old = evolve(None, 0, columns, "t", full=True)
    for full in (True, False):
        assert evolve(old, old.highest_field_id, columns, "t", full=full) == old


def _changed(was: str, now: str, *, full: bool) -> Field:
    old = evolve(None, 0, (Column("c", was),), "n.t", full=True)
    return fields_of(evolve(old, old.highest_field_id, (Column("c", now),), "n.t", full=full))[0]


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("int", "long"),
        ("float", "double"),
        ("decimal(10,2)", "decimal(12,2)"),
        ("list<int>", "list<long>"),
        ("map<string, int>", "map<string, long>"),
        ("struct<a: int>", "struct<a: long, b: string>"),
    ],
)
def test_widening_keeps_the_id(was: str, now: str) -> None:
    for full in (True, False):
        assert _changed(was, now, full=full).id == 1
        assert _changed(was, now, full=full).type == canonical(now)


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("long", "int"),
        ("string", "long"),
        ("decimal(12,2)", "decimal(10,2)"),
        ("decimal(12,2)", "decimal(12,3)"),
        ("timestamp", "timestamptz"),
        ("int", "list<int>"),
        ("list<string>", "list<long>"),
        ("map<int, string>", "map<long, string>"),
        ("struct<a: int>", "struct<a: string>"),
        ("struct<a: int>", "map<string, int>"),
    ],
)
def test_another_type_is_a_new_column_or_an_error(was: str, now: str) -> None:
    field = _changed(was, now, full=True)
    assert (field.name, field.type) == ("c", canonical(now))
    assert field.id > 1
    with pytest.raises(LakeorchError) as caught:
        _changed(was, now, full=False)
    text = f"{caught.value} {caught.value.hint}"
    assert all(word in text for word in ("n.t", "column c", canonical(was), canonical(now), "--full"))


def test_columns_that_left_go_with_full_and_stay_without() -> None:
    old = evolve(None, 0, (Column("a", "long", "doc a"), Column("b", "struct<x: int, y: int>")), "t", full=True)
    query = (Column("c", "long"), Column("b", "struct<y: int>"))
    assert columns_of(evolve(old, 4, query, "t", full=True)) == query
    kept = evolve(old, 4, query, "t", full=False)
    assert [(c.name, c.type, c.description) for c in columns_of(kept)] == [
        ("a", "long", "doc a"),
        ("b", "struct<y: int, x: int>", ""),
        ("c", "long", ""),
    ]
    assert fields_of(kept)[2].id == 5


def test_other_engines_required_columns_become_optional() -> None:
    old = IcebergSchema(NestedField(1, "ID", LongType(), required=True), identifier_field_ids=[1])
    new = evolve(old, 1, (Column("id", "long"),), "t", full=False)
    assert [(f.name, f.field_id, f.required) for f in new.fields] == [("ID", 1, False)]
    assert evolve(old, 1, (), "t", full=False).fields[0].required is False


def test_types_without_a_word_here_are_shown_as_iceberg_calls_them() -> None:
    schema = IcebergSchema(NestedField(1, "t", TimestampNanoType()))
    assert columns_of(schema) == (Column("t", "timestamp_ns"),)


def test_docs_change_alone() -> None:
    schema = IcebergSchema(NestedField(1, "a", LongType(), doc="old"), NestedField(2, "b", StringType(), doc="b"))
    assert [f.doc for f in with_docs(schema, {"A": "new"}).fields] == ["new", "b"]
    assert [f.doc for f in with_docs(schema, {"a": "", "none": "x"}).fields] == [None, "b"]
    assert with_docs(schema, {"a": "old"}) == schema


SCHEMA = evolve(
    None, 0, (Column("id", "long"), Column("ts", "timestamp"), Column("s", "string"), Column("id_day", "long")), "t",
    full=True,
)  # fmt: skip


@pytest.mark.parametrize(
    ("transform", "name"),
    [
        (Transform("identity", "s"), "s"),
        (Transform("day", "ts"), "ts_day"),
        (Transform("month", "ts"), "ts_month"),
        (Transform("truncate", "s", 4), "s_trunc_4"),
    ],
)
def test_partition_fields(transform: Transform, name: str) -> None:
    (field,) = partition_spec(SCHEMA, (transform,), "n.t").fields
    assert (field.name, field.field_id) == (name, 1000)


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        (Transform("bucket", "id", 16), "bucket"),
        (Transform("day", "none"), "none"),
        (Transform("day", "s"), "does not work on s"),
    ],
)
def test_partitions_that_cannot_be(transform: Transform, words: str) -> None:
    with pytest.raises(LakeorchError, match=words):
        partition_spec(SCHEMA, (transform,), "n.t")


def test_sort_orders_are_columns_only() -> None:
    order = sort_order(SCHEMA, ("s desc", "ID"))
    assert [(f.source_id, str(f.direction)) for f in order.fields] == [(3, "DESC"), (1, "ASC")]
    assert sort_order(SCHEMA, ()).is_unsorted
    assert sort_order(SCHEMA, ("lower(s)",)).is_unsorted
    assert sort_order(SCHEMA, ("s desc nulls first",)).is_unsorted
