"""Where boxes go: what must hold of every drawing, on random graphs."""

from __future__ import annotations

import time
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from lakeorch.project.chart.layout import HEIGHT, Layout, layout

SLACK = 1e-6
Parents = dict[str, list[str]]


@st.composite
def graphs(draw: st.DrawFn) -> Parents:
    names = [f"n{i}" for i in range(draw(st.integers(0, 24)))]
    return {
        name: draw(st.lists(st.sampled_from(names[:at]), max_size=4, unique=True)) if at else []
        for at, name in enumerate(names)
    }


def drawn(parents: Parents) -> Layout:
    return layout(parents, {name: 60.0 + 11 * (len(parents[name])) for name in parents})


@settings(max_examples=150, deadline=None)
@given(parents=graphs())
def test_edges_lead_to_the_right_and_nothing_covers_anything(parents: Parents) -> None:
    found = drawn(parents)
    assert set(found.boxes) == set(parents)
    assert set(found.ways) == {(up, name) for name, inputs in parents.items() for up in inputs}
    for (up, name), way in found.ways.items():
        before, after = found.boxes[up], found.boxes[name]
        xs = [before.x + before.width, *(x for x, _ in way), after.x]
        assert xs == sorted(xs)
        assert before.layer < after.layer
        for x, y in way:
            assert not [
                b for b in found.boxes.values() if b.x <= x <= b.x + b.width and abs(b.y - y) < HEIGHT / 2 - SLACK
            ]
    for one, other in combinations(found.boxes.values(), 2):
        apart = one.x + one.width < other.x or other.x + other.width < one.x or abs(one.y - other.y) >= HEIGHT - SLACK
        assert apart
    for box in found.boxes.values():
        assert 0 <= box.x < box.x + box.width <= found.width + SLACK
        assert -SLACK <= box.y - HEIGHT / 2 < box.y + HEIGHT / 2 <= found.height + SLACK


@settings(max_examples=20, deadline=None)
@given(parents=graphs())
def test_the_same_graph_is_drawn_the_same_way(parents: Parents) -> None:
    assert drawn(parents) == drawn(parents)


def test_lines_that_need_not_cross_do_not() -> None:
    # two trees, their nodes given in an order that mixes them
    parents: Parents = {"a": [], "b": [], "b1": ["b"], "a1": ["a"], "b2": ["b"], "a2": ["a"], "a3": ["a1", "a2"]}
    parents["b3"] = ["b1", "b2"]
    parents["end"] = ["a3", "b3"]
    found = drawn(parents)
    order = sorted(("a1", "a2", "b1", "b2"), key=lambda name: found.boxes[name].y)
    assert {frozenset(order[:2]), frozenset(order[2:])} == {frozenset({"a1", "a2"}), frozenset({"b1", "b2"})}


def test_a_source_stands_next_to_what_reads_it_first() -> None:
    found = drawn({"a": [], "b": ["a"], "c": ["b"], "lookup": [], "d": ["c", "lookup"]})
    assert found.boxes["lookup"].layer == found.boxes["d"].layer - 1


def test_a_chain_is_a_straight_line() -> None:
    found = drawn({"a": [], "b": ["a"], "c": ["b"], "d": ["c"], "side": ["a"], "end": ["d", "side"]})
    ys = [found.boxes[name].y for name in "abcd"]
    assert max(ys) - min(ys) < HEIGHT


def test_models_without_neighbours_stand_in_rows_below() -> None:
    found = drawn({"a": [], "b": ["a"], **{f"alone{i}": [] for i in range(40)}})
    below = [found.boxes[f"alone{i}"] for i in range(40)]
    assert min(box.y for box in below) > found.boxes["a"].y + HEIGHT
    assert len({box.y for box in below}) > 2
    assert len({box.x for box in below}) > 2


def test_nothing_to_draw() -> None:
    assert layout({}, {}) == Layout({}, {}, 0.0, 0.0)


def test_a_long_chain_and_a_thousand_models_are_quick() -> None:
    started = time.perf_counter()
    chain: Parents = {f"n{i}": [f"n{i - 1}"] if i else [] for i in range(3000)}
    assert drawn(chain).boxes["n2999"].layer == 2999
    wide: Parents = {
        f"m{i}": [f"m{(i * 7 + k) % (i // 2 + 1)}" for k in range(2)] if i > 200 else [] for i in range(1000)
    }
    wide = {name: list(dict.fromkeys(inputs)) for name, inputs in wide.items()}
    assert len(drawn(wide).boxes) == 1000
    assert time.perf_counter() - started < 20
