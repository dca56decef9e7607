"""The select list: which columns it makes, under which names, and of what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from sqlglot import exp

from lakeorch.graph.lineage.expressions import is_fixed, origins_of, value_of
from lakeorch.graph.lineage.scopes import Scope
from lakeorch.graph.lineage.stars import filtered_star, is_star, picks, star
from lakeorch.graph.lineage.values import DERIVED, Column, Rest, Value, derived
from lakeorch.types import Type

_SPREADING = re.compile(r"(?:columns|unnest|generate_subscripts)\s*\(", re.I)


def spreads(sql: str) -> bool:
    """Whether anything in a text may make several columns or rows of one item; most texts are spared the search."""
    return _SPREADING.search(sql) is not None


def select_list(items: list[exp.Expr], scope: Scope, *, spread: bool) -> Iterator[tuple[exp.Expr, Column | Rest]]:
    """The columns of a select list, each with the item that makes it.

    Each alias is made known to the scope, for the items behind it and for the clauses that see it.

    Args:
        items: as parsed.
        scope: of FROM.
        spread: whether to look for COLUMNS(…) and unnest(…).
    """
    for item in items:
        columns = _columns(item, scope, spread)
        yield from ((item, column) for column in columns)
        if isinstance(item, exp.Alias) or _renames(item):
            for column in columns:
                if isinstance(column, Column):
                    scope.aliases.setdefault(column.name.lower(), column.value)


def _renames(item: exp.Expr) -> bool:
    star = item.this if isinstance(item, exp.Column) else item
    return isinstance(star, exp.Star) and bool(star.args.get("rename"))


def _columns(item: exp.Expr, scope: Scope, spread: bool) -> list[Column | Rest]:
    if is_star(item):
        return star(item, scope, value_of)
    filtered = filtered_star(item, scope, value_of)
    if filtered is not None:
        return filtered
    if spread:
        parts = list(item.walk(prune=lambda each: isinstance(each, exp.Query)))
        for part in parts:
            if isinstance(part, exp.Columns) and not part.args.get("unpack"):
                return list(_each(item, part, scope))
        for part in parts:
            if isinstance(part, exp.Anonymous) and part.name.lower() == "generate_subscripts":
                scope.rows |= origins_of(part, scope)
        unnested = [part for part in parts if isinstance(part, exp.Explode)]
        if unnested:
            return _unnested(item, unnested, scope)
    return [Column(_name(item), value_of(item, scope), item)]


def _name(item: exp.Expr) -> str:
    """The name that an item gives its column; empty for an expression."""
    return item.alias_or_name if isinstance(item, exp.Alias | exp.Column) else ""


def _each(item: exp.Expr, columns: exp.Columns, scope: Scope) -> Iterator[Column | Rest]:
    """One column for each that COLUMNS(…) stands for."""
    inner = item.this if isinstance(item, exp.Alias) else item
    for column in picks(columns, scope, value_of):
        if isinstance(column, Column):
            name = _made(item.alias, columns, column.name) if isinstance(item, exp.Alias) else column.name
            yield Column(name, value_of(inner, scope.with_picked(column.value)))
        elif inner is columns and inner is item:
            yield column
        else:
            others = dict.fromkeys(origins_of(inner, scope.with_picked(Value())), DERIVED)
            made = column if inner is columns else column.computed()
            made = replace(made, deps={**made.deps, **others})
            yield made if inner is item else Rest(deps=made.flat().deps)


def _made(alias: str, columns: exp.Columns, name: str) -> str:
    r"""The name by an alias such as `max_\1`."""
    pattern = columns.this
    if "\\" not in alias or not isinstance(pattern, exp.Literal):
        return alias.replace("\\0", name)
    match = re.search(pattern.name, name)
    groups = [match[0], *match.groups()] if match else [name]
    return re.sub(r"\\(\d)", lambda at: groups[int(at[1])] if int(at[1]) < len(groups) else "", alias)


# ---- unnest ----------------------------------------------------------------------------------------------------


def _unnested(item: exp.Expr, calls: list[exp.Explode], scope: Scope) -> list[Column | Rest]:
    for call in calls:
        value = value_of(call.this, scope)
        if value.members() is None and not is_fixed(call.this):
            scope.rows.update(value.flat())
    inner = item.this if isinstance(item, exp.Alias) else item
    if inner is not calls[0]:
        return [Column(_name(item), value_of(item, scope), item)]
    value = value_of(inner.this, scope)
    deep = any(option.this.name.lower() in ("recursive", "max_depth") for option in inner.expressions)
    members = value.members()
    if members is not None:
        return [made for name, member in members for made in _opened(name, member, deep=deep)]
    parsed = value.parsed()
    within = parsed.members[0][1] if parsed and parsed.kind == "list" else None
    if deep and within and within.kind == "struct":
        return list(_leaves(within, derived(value.flat())))
    name = _name(item)
    if deep or (parsed is None and not name and not isinstance(inner.this, exp.Array)):
        return [Rest(deps=derived(value.flat()).deps)]
    return [Column(name, derived(value.flat()), item)]


def _opened(name: str, value: Value, *, deep: bool) -> Iterator[Column]:
    members = value.members() if deep else None
    if members is None:
        yield Column(name, value)
        return
    for each, member in members:
        yield from _opened(each, member, deep=True)


def _leaves(type: Type, value: Value) -> Iterator[Column]:
    for name, member in type.members:
        if member.kind == "struct":
            yield from _leaves(member, value)
        else:
            yield Column(name, value)
