"""UNION, INTERSECT and EXCEPT: two relations become one, by position or by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from lakeorch.graph.lineage.stars import some_of
from lakeorch.graph.lineage.values import NOTHING, Column, Relation, Rest, Value, derived, either, flat, union

Columns = Sequence[Column | Rest]


def combined(left: Relation, right: Relation, node: exp.SetOperation) -> Relation:
    """The relation of a set operation.

    Only UNION takes values from both sides. Whatever compares rows, all but UNION ALL, lets every column decide which
    rows appear.
    """
    if not isinstance(node, exp.Union):
        columns: Columns = left.columns
    elif node.args.get("by_name"):
        columns = _by_name(left, right)
    else:
        columns = _by_position(left.columns, right.columns)
    rows = left.rows | right.rows
    if isinstance(node, exp.Union) and not node.args.get("distinct"):
        return Relation(columns, rows, left.order | right.order)
    return Relation(columns, rows | left.deps().keys() | right.deps().keys(), NOTHING)


def _by_position(left: Columns, right: Columns) -> list[Column | Rest]:
    ahead = 0
    for each in zip(left, right, strict=False):
        if not all(isinstance(column, Column) for column in each):
            break
        ahead += 1
    behind = 0
    for each in zip(reversed(left[ahead:]), reversed(right[ahead:]), strict=False):
        if not all(isinstance(column, Column) for column in each):
            break
        behind += 1
    middle = _unclear(left[ahead : len(left) - behind], right[ahead : len(right) - behind])
    first = [_one(*each) for each in zip(left[:ahead], right[:ahead], strict=True)]
    last = [_one(*each) for each in zip(left[len(left) - behind :], right[len(right) - behind :], strict=True)]
    return [*first, *middle, *last] if behind else [*first, *middle]


def _unclear(left: Columns, right: Columns) -> list[Column | Rest]:
    """Columns of which it cannot be told which one meets which."""
    if not left and not right:
        return []
    alone = len(right) == 1 and isinstance(right[0], Rest)
    others = flat(right[0]) if alone else derived(*(flat(column) for column in right)).deps
    named = [column for column in left if isinstance(column, Column)]
    if len(named) == len(left):
        return [Column(each.name, either((each.value, Value(others))), each.text) for each in named]
    rest = some_of(left)
    return [replace(rest, deps=union((rest.deps, others)))]


def _one(left: Column | Rest, right: Column | Rest) -> Column | Rest:
    if isinstance(left, Rest) or isinstance(right, Rest):
        raise TypeError("only columns that are known meet one by one")
    return Column(left.name, either((left.value, right.value)), left.text)


def _by_name(left: Relation, right: Relation) -> list[Column | Rest]:
    found: list[Column | Rest] = []
    seen: set[str] = set()
    for side, other in ((left, right), (right, left)):
        for column in side.columns:
            if isinstance(column, Rest):
                found.append(column)
            elif column.name.lower() not in seen:
                seen.add(column.name.lower())
                values = (column.value, other.named(column.name) or other.guessed(column.name) or Value())
                found.append(Column(column.name, either(values), column.text))
    closed = [column for column in found if isinstance(column, Column)]
    rests = [column for column in found if isinstance(column, Rest)]
    return [*closed, some_of(rests)] if rests else found
