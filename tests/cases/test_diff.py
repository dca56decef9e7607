"""What differs between expected and actual rows, and which row is held against which."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lakeorch.cases.diff import Difference, Row, compare

rows = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["a", None]), st.floats(0, 1)), max_size=8)


def test_equal_rows_in_any_order() -> None:
    assert compare([(1, "a"), (2, "b")], [(2, "b"), (1, "a")], ordered=False) == ()


def test_repeats_count() -> None:
    assert compare([(1,), (1,)], [(1,)], ordered=False) == (Difference("missing", (1,), None),)
    assert compare([(1,)], [(1,), (1,)], ordered=False) == (Difference("unexpected", None, (1,)),)


def test_the_nearest_row_is_the_one_that_was_meant() -> None:
    expected: list[Row] = [(1, "a", 10), (2, "b", 20), (3, "c", 30)]
    actual: list[Row] = [(2, "b", 21), (3, "x", 31), (1, "a", 10)]
    assert compare(expected, actual, ordered=False) == (
        Difference("changed", (2, "b", 20), (2, "b", 21), (2,)),
        Difference("changed", (3, "c", 30), (3, "x", 31), (1, 2)),
    )


def test_rows_that_share_nothing_are_not_held_against_each_other() -> None:
    assert compare([(1, "a")], [(2, "b")], ordered=False) == (
        Difference("missing", (1, "a"), None),
        Difference("unexpected", None, (2, "b")),
    )


def test_null_is_a_value() -> None:
    assert compare([(1, None)], [(1, None)], ordered=False) == ()
    assert compare([(1, None)], [(1, "")], ordered=False) == (Difference("changed", (1, None), (1, ""), (1,)),)


def test_order_counts_where_it_is_asked_for() -> None:
    assert compare([(1,), (2,)], [(2,), (1,)], ordered=True) == (
        Difference("moved", (1,), (2,)),
        Difference("moved", (2,), (1,)),
    )
    assert compare([(1,), (2,)], [(1,), (2,)], ordered=True) == ()


@given(rows, rows, st.booleans())
def test_no_row_is_lost_and_equal_means_no_difference(expected: list[Row], actual: list[Row], ordered: bool) -> None:
    found = compare(expected, actual, ordered=ordered)
    assert (found == ()) == (
        expected == actual if ordered else sorted(map(repr, expected)) == sorted(map(repr, actual))
    )
    if all(difference.kind != "moved" for difference in found):
        came = [difference.actual for difference in found if difference.actual is not None]
        wanted = [difference.expected for difference in found if difference.expected is not None]
        assert len(actual) - len(came) == len(expected) - len(wanted)
