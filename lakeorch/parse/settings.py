"""The settings block of a model: which keys there are, what each takes, which go together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from lakeorch.errors import Finding, Place, Source
from lakeorch.model import VERSION_COLUMNS, Check, ColumnSettings, Settings
from lakeorch.parse.checks import CheckReader
from lakeorch.parse.scalars import duration
from lakeorch.parse.yaml import Path, Places, locate, validate

if TYPE_CHECKING:
    from lakeorch.parse.keys import SettingsBlock

# kinds whose rows have a key, and what the key does there
KEYED = {
    "merge": "the columns by which a new row replaces an old one",
    "history": "the columns by which a row is known again when it changes",
}

# what maintenance keeps of a table's past
KEPT = ("keep_snapshots", "keep_for")


def read_settings(
    data: object, places: Places, source: Source, *, at: Path = (), defaults: Mapping[str, object] | None = None
) -> tuple[Settings, tuple[Finding, ...]]:
    """Validates settings and completes them with defaults.

    Args:
        data: the mapping as written.
        places: where its entries stand.
        source: the file they stand in.
        at: the path of `data` in `places`.
        defaults: settings that hold where `data` says nothing; those that do not apply to the model are left out.

    Returns:
        The settings (the usual ones where there are mistakes) and the findings.
    """
    if not isinstance(data, Mapping):
        return Settings(), (source.finding(locate(places, at), "expected settings as `key: value` lines"),)
    from lakeorch.parse.keys import SettingsBlock

    merged = {**_applicable(defaults or {}, data, python=source.file.endswith(".py")), **data}
    block, findings = validate(SettingsBlock, merged, places, source, at=at)
    checks, wrong = _checks(merged, places, source, at)
    findings += wrong
    if block is None:
        return Settings(), findings
    facts: dict[str, Any] = block.model_dump(exclude={"checks", "columns", "inputs"})
    refresh, keep_for = facts.pop("refresh"), facts.pop("keep_for")

    def place(*path: str) -> Place:
        return source.place(locate(places, (*at, *path), key=True).start)

    plain: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in facts.items()}
    settings = Settings(
        **plain,
        columns=_columns(block, place),
        inputs=tuple(block.inputs.items()),
        checks=checks,
        refresh_every=duration(refresh["every"]) if refresh else None,
        keep_for=duration(keep_for) if keep_for else None,
        places={key: place(key) for key in data},
    )
    return settings, (*findings, *_rules(settings, data, places, source, at))


def _columns(block: SettingsBlock, place: Callable[..., Place]) -> tuple[ColumnSettings, ...]:
    """The columns as written; those that a history adds are described where nothing else is said of them."""
    found = {
        name.lower(): ColumnSettings(name.lower(), told.type, told.description, place("columns", name))
        for name, told in block.columns.items()
    }
    for column in VERSION_COLUMNS if block.materialized == "history" else ():
        told = found.get(column.name) or ColumnSettings(column.name, place=place("materialized"))
        found[column.name] = replace(told, description=told.description or column.description)
    return tuple(found.values())


def _checks(
    data: Mapping[str, Any], places: Places, source: Source, at: Path
) -> tuple[tuple[Check, ...], tuple[Finding, ...]]:
    """The checks of all columns and of the table; read from the data, so that no other mistake hides theirs."""
    reader = CheckReader(source, places)
    found: list[Check] = []
    columns = data.get("columns")
    for name, told in columns.items() if isinstance(columns, dict) else ():
        items = told.get("checks") if isinstance(told, dict) else None
        found += reader.read(items, (*at, "columns", name, "checks"), name.lower())
    found += reader.read(data.get("checks"), (*at, "checks"))
    return tuple(found), tuple(reader.findings)


def _applicable(defaults: Mapping[str, object], data: Mapping[str, object], *, python: bool) -> dict[str, object]:
    kind = data.get("materialized", defaults.get("materialized", "table"))
    out = set()
    if kind == "view":
        out |= {"partition_by", "sort_by", *KEPT}
    if kind not in KEYED:
        out.add("unique_key")
    if kind not in ("append", "merge"):
        out.add("append_from")
    if python:
        out.add("engine")
    return {key: value for key, value in defaults.items() if key not in out}


def _language(settings: Settings, data: Mapping[str, object], *, python: bool) -> Iterator[tuple[str, str, str]]:
    """What goes with the other language only: key, message, hint."""
    if python and settings.materialized == "view":
        yield "materialized", "a Python model is no view: only a query can be inlined", "use materialized: table"
    if python and settings.engine:
        yield "engine", "engine does not apply to a Python model", "annotate its parameters: polars.LazyFrame, …"
    if not python and "inputs" in data:
        yield "inputs", "inputs goes with Python models", "SQL names its tables in FROM"


def _rules(settings: Settings, data: Mapping[str, object], places: Places, source: Source, at: Path) -> list[Finding]:
    """What one key alone cannot show."""
    kind = settings.materialized
    found: list[Finding] = []

    def wrong(key: str, message: str, hint: str = "") -> None:
        found.append(source.finding(locate(places, (*at, key), key=True), message, hint=hint))

    if kind in KEYED and not settings.unique_key:
        wrong("materialized", f"{kind} needs unique_key: {KEYED[kind]}")
    if kind not in KEYED and "unique_key" in data:
        hint = "to require uniqueness write a check: `checks: [unique: [...]]`"
        wrong("unique_key", f"unique_key goes with materialized: merge or history, not {kind}", hint)
    for key in ("updated_at", "deleted"):
        if kind != "history" and key in data:
            wrong(key, f"{key} goes with materialized: history, not {kind}")
    if kind == "view":
        for key in ("partition_by", "sort_by", *KEPT):
            if key in data:
                wrong(key, f"a view has no rows of its own: {key} does not apply")
    if kind not in ("append", "merge") and "append_from" in data:
        wrong("append_from", f"append_from goes with materialized: append or merge, not {kind}")
    for key, message, hint in _language(settings, data, python=source.file.endswith(".py")):
        wrong(key, message, hint)
    seen: set[str] = set()
    for name in cast(Mapping[str, object], data.get("columns", {})):
        if name.lower() in seen:
            message = f'column "{name.lower()}" is here twice: letter case does not count'
            found.append(source.finding(locate(places, (*at, "columns", name), key=True), message))
        seen.add(name.lower())
    return found
