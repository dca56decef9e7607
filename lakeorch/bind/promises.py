"""What a model's settings say about its columns, held against the columns that its query yields."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from lakeorch.bind.mistakes import in_settings, of_key
from lakeorch.bind.rules import rule
from lakeorch.bind.text import Statement
from lakeorch.engines import Engine, Session
from lakeorch.errors import EngineError, Finding, LakeorchError, Span, suggestion
from lakeorch.model import VERSION_COLUMNS, Check, Column, Model, Schema
from lakeorch.types import Transform, canonical, parse_transform, parse_type

if TYPE_CHECKING:
    from lakeorch.graph import Graph

_TIMES = ("timestamp", "timestamptz")
_FITS: Mapping[str, tuple[str, ...]] = {
    "year": ("date", *_TIMES),
    "month": ("date", *_TIMES),
    "day": ("date", *_TIMES),
    "hour": _TIMES,
    "truncate": ("int", "long", "decimal", "string", "binary"),
    "bucket": ("int", "long", "decimal", "string", "binary", "fixed", "uuid", "date", "time", *_TIMES),
}
# A value that is a whole partition must be one that readers can compare exactly.
_NO_IDENTITY = ("float", "double", "list", "map", "struct")


class Tables(Protocol):
    """What is known of other tables while a project is bound."""

    graph: Graph

    def table(self, name: str) -> Schema | None:
        """The columns of a table, None where they are not known."""
        ...

    def near(self, name: str) -> str:
        """The hint for a table name that means nothing."""
        ...


def output_names(model: Model, schema: Schema, text: Statement, inputs: set[str]) -> Iterator[Finding]:
    """Names that two columns share, letter case aside, and names that change from run to run.

    Args:
        model: whose query it is.
        schema: what the query yields, duplicates kept.
        text: what the engine was sent.
        inputs: the columns of everything the query reads from tables, in lower case.
    """
    seen: dict[str, str] = {}
    for column in schema:
        key = column.name.lower()
        base = re.sub(r"_\d+$", "", key)
        if key in seen:
            yield _twice(model, seen[key], column.name)
        # an engine makes a repeated name inside a sub-query unique by a number that nobody wrote
        elif base != key and base in seen and not model.files and not _written(model, key) and key not in inputs:
            yield _twice(model, seen[base], base)
        elif (span := _nameless(model, column.name, text)) is not None:
            message = "this column has no name of its own: what stands here is replaced in every run"
            yield model.source.finding(span, message, hint="write … AS name", model=model.name)
        seen.setdefault(key, column.name)


def contract(model: Model, schema: Schema) -> Iterator[Finding]:
    """Columns that the contract promises and the query does not yield, or not with that type."""
    types = {column.name.lower(): column for column in schema}
    for promised in model.settings.columns:
        found = types.get(promised.name.lower())
        if found is None:
            near = suggestion(promised.name, types) or f"it yields: {', '.join(types)}"
            message = f'the query yields no column "{promised.name}", which the contract promises'
            yield in_settings(model, promised.place, message, word=promised.name, hint=near)
        elif promised.type and canonical(promised.type) != canonical(found.type):
            message = (
                f"{promised.name}: the contract promises {canonical(promised.type)}, the query yields {found.type}"
            )
            hint = f"declare {found.type}, or CAST the column in the query"
            yield in_settings(model, promised.place, message, word=promised.name, hint=hint)


def declared(model: Model) -> Iterator[Column | Finding]:
    """The columns of a Python model, which has none before it runs but those of its contract."""
    added = {column.name for column in VERSION_COLUMNS} if model.settings.materialized == "history" else set()
    columns = [each for each in model.settings.columns if each.type or each.name not in added]
    if not columns:
        message = "nobody knows the columns of a Python model before it runs: it must declare them, with their types"
        span = Span(model.body.start, model.body.start + 1)
        hint = "in its docstring: columns: {id: long, name: string}"
        yield model.source.finding(span, message, hint=hint, model=model.name)
    for column in columns:
        if column.type:
            yield Column(column.name, canonical(column.type), column.description)
        else:
            message = f"{column.name}: a column of a Python model needs a type"
            hint = f"{column.name}: {{type: string}}, or what it is"
            yield in_settings(model, column.place, message, word=column.name, hint=hint)


def versions(model: Model, schema: Schema) -> Iterator[Finding]:
    """What keeps the rows of a query from having versions; nothing for models that keep none.

    Args:
        model: whose query it is.
        schema: what the query yields, without the columns that tell versions apart.
    """
    settings = model.settings
    if settings.materialized != "history":
        return
    types = {column.name.lower(): column.type for column in schema}
    for column in VERSION_COLUMNS:
        if column.name in types:
            message = f'the query yields a column "{column.name}", which a history adds itself'
            yield of_key(model, "materialized", message, hint="give it another name with AS")
    for name in settings.unique_key:
        yield from _known(model, "unique_key", name, types)
    if settings.updated_at:
        yield from _known(model, "updated_at", settings.updated_at, types)
        kind = types.get(settings.updated_at)
        if kind is not None and kind not in ("date", *_TIMES):
            message = f"updated_at: {settings.updated_at} is of type {kind}, which is no time"
            hint = f"expected {', '.join(('date', *_TIMES))}: CAST it in the query"
            yield of_key(model, "updated_at", message, word=settings.updated_at, hint=hint)


def keys(model: Model, schema: Schema, engine: Engine) -> Iterator[Finding]:
    """Columns that unique_key, partition_by, sort_by and the checks name and the query does not yield."""
    settings = model.settings
    types = {column.name.lower(): column.type for column in schema}
    for name in settings.unique_key:
        yield from _known(model, "unique_key", name, types)
    for item in settings.sort_by:
        yield from _known(model, "sort_by", item.partition(" ")[0], types)
    for item in settings.partition_by:
        yield from _partition(model, item, types, engine)
    # that a column of the contract is missing is told once, not again for each of its checks
    promised = {column.name.lower() for column in settings.columns}
    for check in settings.checks:
        for name in check.columns:
            if name.lower() not in types and name.lower() not in promised:
                message = f'{check.name}: the query yields no column "{name}"'
                yield in_settings(model, check.place, message, word=name, hint=suggestion(name, types))


def check_query(
    model: Model, check: Check, session: Session, engine: Engine, now: datetime, tables: Tables
) -> Finding | None:
    """What keeps a check from running, if anything.

    Args:
        model: whose settings it stands in; the session knows it as a relation.
        check: one whose columns exist.
        session: binds the check.
        engine: of the session.
        now: the time of the run.
        tables: knows the other tables.
    """
    if check.kind == "sql":
        hint = "write it as a SELECT in a file of the checks folder"
        return in_settings(model, check.place, "sql is not a check for a settings block", hint=hint)
    if check.kind == "relationship" and (wrong := _relationship(model, check, tables)):
        return wrong
    try:
        found = rule(check, engine.quote(model.name), now)
        session.columns(f"SELECT count(*) AS failed FROM (\n{found.query}\n)")
    except (EngineError, ValueError) as error:
        message = error.message if isinstance(error, LakeorchError) else str(error)
        name, hint = (error.name, error.hint) if isinstance(error, EngineError) else ("", "")
        if isinstance(error, EngineError) and error.candidates:
            hint = suggestion(error.name, error.candidates) or hint
        return in_settings(model, check.place, f"{check.name}: {message}", word=name, hint=hint)
    return None


def _twice(model: Model, first: str, second: str) -> Finding:
    message = f'two columns are called "{second}"'
    if first != second:
        message = f'two columns are called "{first}" and "{second}", which differ only in letter case'
    item = re.compile(rf'(?<!\w)"?({re.escape(second)})"?\s*(?=,|\bFROM\b|$)', re.IGNORECASE)
    spans = [match.span(1) for match in item.finditer(model.sql)]
    stars = [match.span() for match in re.finditer(r"(?:\w+\.)?\*(?=\s*(?:,|FROM\b))", model.sql, re.IGNORECASE)]
    start, end = (spans[1:] or stars[1:] or spans[:1] or stars[:1] or [(0, 1)])[0]
    span = Span(model.body.start + start, model.body.start + end)
    hint = f'rename one with AS, or leave it out: * EXCLUDE ("{second}")' if stars else "rename one with AS"
    return model.source.finding(span, message, hint=hint, model=model.name)


def _written(model: Model, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", model.sql, re.IGNORECASE) is not None


def _nameless(model: Model, name: str, text: Statement) -> Span | None:
    """The clock or variable that an engine took into the name of a column."""
    if "(" not in name and " " not in name:
        return None
    for span in (*(use.span for use in model.clock), *(use.span for use in model.variables)):
        at = next(start for start, origin, own in text.pieces if origin == span.start and not own)
        end = next((start for start, _, _ in text.pieces if start > at), len(text.sql))
        quoted = re.findall(r"'[^']*'", text.sql[at:end])
        if quoted and quoted[0] in name:
            return span
    return None


def _known(model: Model, key: str, name: str, types: Mapping[str, str]) -> Iterator[Finding]:
    if name.lower() not in types:
        near = suggestion(name, types) or f"it yields: {', '.join(types)}"
        yield of_key(model, key, f'{key}: the query yields no column "{name}"', word=name, hint=near)


def _partition(model: Model, item: str, types: Mapping[str, str], engine: Engine) -> Iterator[Finding]:
    key = "partition_by"
    try:
        transform = parse_transform(item)
    except ValueError as error:
        yield of_key(model, key, str(error), hint="write a column, or year, month, day, hour, truncate of one")
        return
    if transform.column not in types:
        yield from _known(model, key, transform.column, types)
        return
    kind = parse_type(types[transform.column]).kind
    if not _fits(transform, kind):
        message = f"{key}: {item} does not apply to {transform.column}, which is of type {types[transform.column]}"
        fitting = _FITS.get(transform.kind)
        hint = f"{transform.kind} takes {', '.join(fitting)}" if fitting else "truncate it, or take another column"
        yield of_key(model, key, message, word=item, hint=hint)
    elif transform.kind not in engine.transforms:
        message = f"{key}: the {engine.name} engine cannot write partitions by {transform.kind}"
        hint = f"it can write: {', '.join(sorted(engine.transforms))}"
        yield of_key(model, key, message, word=item, hint=hint)


def _fits(transform: Transform, kind: str) -> bool:
    if transform.kind == "identity":
        return kind not in _NO_IDENTITY
    return kind in _FITS[transform.kind]


def _relationship(model: Model, check: Check, tables: Tables) -> Finding | None:
    to, name = str(check.options["to"]), str(check.options["column"])
    schema = tables.table(to)
    if schema is None:
        message = f'{check.name}: there is no table "{to}"'
        return (
            None
            if to in tables.graph.models
            else in_settings(model, check.place, message, word=to, hint=tables.near(to))
        )
    known = [column.name for column in schema]
    if name.lower() not in (each.lower() for each in known):
        near = suggestion(name, known) or f"it has: {', '.join(known)}"
        return in_settings(model, check.place, f'{check.name}: {to} has no column "{name}"', word=name, hint=near)
    return None
