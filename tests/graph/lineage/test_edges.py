"""Edges as text: paths, and the JSON that a published table carries."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeorch.graph.lineage import Edge, from_json, join_path, split_path, to_json

EDGES = (
    Edge("raw.a", "x", "x", "copied"),
    Edge("raw.a", "s.p", "total", "derived"),
    Edge("raw.b", "y", "total", "derived"),
    Edge("file:raw/x.csv", "z", "*", "filter"),
)


def test_the_text_is_compact_and_always_the_same() -> None:
    assert to_json(EDGES) == (
        '{"*":{"filter":{"file:raw/x.csv":["z"]}},'
        '"total":{"derived":{"raw.a":["s.p"],"raw.b":["y"]}},'
        '"x":{"copied":{"raw.a":["x"]}}}'
    )
    assert to_json(reversed(EDGES)) == to_json((*EDGES, *EDGES))


def test_there_and_back() -> None:
    assert from_json(to_json(EDGES)) == tuple(sorted(EDGES))
    assert from_json(to_json(())) == ()


@pytest.mark.parametrize("text", ["", "[]", "3", '{"x": 1}', '{"x": {"copied": ["a"]}}', '{"x": {"no": {"a": ["b"]}}}'])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not column lineage"):
        from_json(text)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("a",), "a"),
        (("a", "b c", "d"), "a.b c.d"),
        (("a.b", "c"), '"a.b".c'),
        (('say "x"',), '"say ""x"""'),
        (("*",), '"*"'),
        (("",), '""'),
    ],
)
def test_paths(path: tuple[str, ...], text: str) -> None:
    assert join_path(path) == text
    assert split_path(text) == path


@given(st.lists(st.text(), min_size=1, max_size=4).map(tuple))
def test_every_path_has_a_text_of_its_own(path: tuple[str, ...]) -> None:
    assert split_path(join_path(path)) == path


def test_edges_are_plain_json() -> None:
    assert json.loads(to_json(EDGES))["x"] == {"copied": {"raw.a": ["x"]}}
