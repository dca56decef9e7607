"""`*`, `t.*` and `s.*` of a struct, with EXCLUDE, REPLACE, RENAME and LIKE; and COLUMNS(…)."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from sqlglot import exp

from lakeorch.graph.lineage.scopes import Binding, Merged, Scope
from lakeorch.graph.lineage.values import COPIED, Column, Rest, Value, union

ValueOf = Callable[[exp.Expr, Scope], Value]
Placed = tuple[Binding | None, Column | Rest, Merged | None]

_FILTERS = (exp.Like, exp.ILike, exp.Glob, exp.SimilarTo, exp.RegexpLike)


def star(node: exp.Expr, scope: Scope, value_of: ValueOf) -> list[Column | Rest]:
    """The columns of `*` (a Star) or `t.*` (a Column whose name is a Star).

    Args:
        node: the star, with what it leaves out, replaces and renames.
        scope: where it stands.
        value_of: reads the expressions of REPLACE.
    """
    placed: Iterable[Placed] = scope.visible()
    if isinstance(node, exp.Column):
        placed = _qualified([part.name for part in node.parts[:-1]], scope)
        node = node.this
    left_out = {_key(each) for each in node.args.get("except_") or ()}
    replaced = {each.alias.lower(): (each.alias, value_of(each.this, scope)) for each in node.args.get("replace") or ()}
    renamed = {_key(each.this): each.alias for each in node.args.get("rename") or ()}
    found: list[Column | Rest] = []
    seen: list[Merged] = []
    done: set[str] = set()
    for binding, column, merged in placed:
        if isinstance(column, Rest):
            gone = {name for _, name in (*left_out, *renamed)} | replaced.keys()
            found.append(replace(column, hidden=column.hidden | gone))
            continue
        name = column.name.lower()
        again = merged is not None and (merged.given or any(merged is each for each in seen))
        if again or _meant(binding, name, left_out) or (name in replaced and name in done):
            continue
        if merged is not None:
            seen.append(merged)
        done.add(name)
        key = _meant(binding, name, renamed)
        value = replaced[name][1] if name in replaced else merged.value if merged else column.value
        found.append(Column(renamed[key] if key else column.name, value, column.text))
    found += _of_rests(found, done, replaced, renamed)
    like = node.args.get("ilike")
    return _matching(found, exp.ILike(), like.name, wanted=True) if like else found


def picks(node: exp.Expr, scope: Scope, value_of: ValueOf) -> list[Column | Rest]:
    """The columns that COLUMNS(…) stands for."""
    what = node.this
    if is_star(what):
        return star(what, scope, value_of)
    columns = star(exp.Star(), scope, value_of)
    if isinstance(what, exp.Literal) and what.is_string:
        try:
            pattern = re.compile(what.name)
        except re.error:
            return [some_of(columns)]
        return [each for each in columns if isinstance(each, Rest) or pattern.search(each.name)]
    if isinstance(what, exp.Array) and all(isinstance(each, exp.Literal) for each in what.expressions):
        wanted = {each.name.lower() for each in what.expressions}
        return [each for each in columns if isinstance(each, Rest) or each.name.lower() in wanted]
    return [some_of(columns)]


def is_star(node: object) -> bool:
    """Whether a node is `*` or `t.*`."""
    return isinstance(node, exp.Star) or (isinstance(node, exp.Column) and isinstance(node.this, exp.Star))


def filtered_star(node: exp.Expr, scope: Scope, value_of: ValueOf) -> list[Column | Rest] | None:
    """The columns of `* LIKE 'x%'` and the like, None where a node is no such thing."""
    inner = node.this if isinstance(node, exp.Not) else node
    if not isinstance(inner, _FILTERS) or not is_star(inner.this):
        return None
    columns = star(inner.this, scope, value_of)
    pattern = inner.expression
    if not isinstance(pattern, exp.Literal) or inner.args.get("escape"):
        return [some_of(columns)]
    return _matching(columns, inner, pattern.name, wanted=inner is node and not inner.args.get("negate"))


def _matching(columns: Sequence[Column | Rest], node: exp.Expr, text: str, *, wanted: bool) -> list[Column | Rest]:
    if isinstance(node, exp.Glob):
        pattern = fnmatch.translate(text)
    elif isinstance(node, exp.SimilarTo | exp.RegexpLike):
        pattern = text
    else:
        pattern = re.escape(text).replace("%", ".*").replace("_", ".")
    try:
        known = re.compile(pattern, re.I if isinstance(node, exp.ILike) else 0)
    except re.error:
        return [some_of(columns)]
    return [each for each in columns if isinstance(each, Rest) or bool(known.fullmatch(each.name)) is wanted]


def some_of(columns: Sequence[Column | Rest]) -> Rest:
    """Some of these columns, which ones being told by their names alone."""
    rests = [column for column in columns if isinstance(column, Rest)]
    named = {column.name.lower(): column.value for column in reversed(columns) if isinstance(column, Column)}
    return Rest(
        tuple(source for rest in rests for source in rest.sources),
        {name: value for rest in rests for name, value in rest.named.items()} | named,
        union(rest.deps for rest in rests),
        max((rest.kind for rest in rests), default=COPIED),
        frozenset[str]().union(*(rest.hidden for rest in rests)) - named.keys(),
    )


def _qualified(parts: Sequence[str], scope: Scope) -> list[Placed]:
    binding = scope.called_anywhere(".".join(parts))
    if binding is not None:
        return [(None, column, None) for column in binding.relation.columns]
    value = scope.resolve(parts)
    members = value.members()
    if members is None:
        return [(None, Rest(deps=value.flat()), None)]
    return [(None, Column(name, member), None) for name, member in members]


def _key(node: exp.Expr) -> tuple[str, str]:
    """What EXCLUDE or RENAME names: the qualifier, or empty, and the column; in lower case."""
    if isinstance(node, exp.Column):
        return ".".join(part.name for part in node.parts[:-1]).lower(), node.name.lower()
    return "", node.name.lower()


def _meant(binding: Binding | None, name: str, keys: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
    """The entry of EXCLUDE or RENAME that means a column, None where none does."""
    for key in keys:
        if key[1] == name and (not key[0] or binding is None or key[0] in binding.names):
            return key
    return None


def _of_rests(
    found: Sequence[Column | Rest],
    done: set[str],
    replaced: dict[str, tuple[str, Value]],
    renamed: dict[tuple[str, str], str],
) -> list[Column | Rest]:
    """The replaced and renamed columns that are among those whose names are not known."""
    rests = [column for column in found if isinstance(column, Rest)]
    if not rests:
        return []
    more: list[Column | Rest] = [Column(name, value) for lower, (name, value) in replaced.items() if lower not in done]
    for (_, name), new in renamed.items():
        if name not in done:
            whole = replace(some_of(rests), hidden=frozenset())
            more.append(Column(new, whole.column(name) or Value()))
    return more
