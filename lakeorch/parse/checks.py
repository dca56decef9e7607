"""The checks of a settings block: the short forms people write, turned into `Check`s.

Which kinds exist is not known here: a kind is a plug-in's name (`lakeorch.plugins`). The kinds below have a form of
their own; any other takes `kind: value` or `kind: {option: value}`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import cast

from lakeorch.errors import Finding, Source, suggestion
from lakeorch.model import Check, Severity
from lakeorch.parse.scalars import duration
from lakeorch.parse.yaml import Path, Places, locate

_BESIDE = ("severity", "name")
_Form = Callable[["CheckReader", object, Path, str], tuple[tuple[str, ...], dict[str, object]]]


class _WrongError(Exception):
    """What is wrong with a check, and the path of the offence: its key or its value."""

    def __init__(self, path: Path, message: str, hint: str = "", *, key: bool = False) -> None:
        super().__init__(message)
        self.path, self.message, self.hint, self.key = path, message, hint, key


class CheckReader:
    """Reads lists of checks; mistakes gather in `findings`."""

    def __init__(self, source: Source, places: Places) -> None:
        self.source = source
        self.places = places
        self.findings: list[Finding] = []

    def read(self, items: object, path: Path, column: str = "") -> list[Check]:
        """The checks of one list: of a column where `column` is given, else of the table. Takes a lone name too."""
        if isinstance(items, str):
            items, path = [items], path[:-1]
        checks: list[Check] = []
        if not isinstance(items, list):
            return checks
        for number, item in enumerate(items):
            try:
                checks += self._item(item, (*path, number), column)
            except _WrongError as wrong:
                span = locate(self.places, wrong.path, key=wrong.key)
                self.findings.append(self.source.finding(span, wrong.message, hint=wrong.hint))
        return checks

    def _item(self, item: object, path: Path, column: str) -> list[Check]:
        if isinstance(item, str):
            return [self._check(item, None, path, column, "error", {})]
        if not isinstance(item, Mapping) or not item:
            raise _WrongError(path, "expected a check such as `not_null` or `{min: 0}`")
        severity = item.get("severity", "error")
        if severity not in ("error", "warn"):
            hint = suggestion(str(severity), ("error", "warn"))
            raise _WrongError((*path, "severity"), "expected severity error or warn", hint)
        label = {"name": item["name"]} if "name" in item else {}
        if not isinstance(label.get("name", ""), str):
            raise _WrongError((*path, "name"), "expected a name as text")
        kinds = [str(kind) for kind in item if kind not in _BESIDE]
        if not kinds:
            raise _WrongError(path, "this says no check, only its severity or name")
        told = cast(Severity, severity)
        return [self._check(kind, item[kind], (*path, kind), column, told, label) for kind in kinds]

    def _check(
        self, kind: str, value: object, path: Path, column: str, severity: Severity, label: Mapping[str, object]
    ) -> Check:
        from lakeorch import plugins

        known = plugins.names("checks")
        key = locate(self.places, path, key=True)
        if kind not in known:
            near = suggestion(kind, known) or f"there are {', '.join(sorted(known))}"
            self.findings.append(self.source.finding(key, f'no check is called "{kind}"', hint=near))
            return Check(kind)
        columns, options = _FORMS.get(kind, _any_form)(self, value, path, column)
        place = self.source.place(key.start)
        return Check(kind, columns, {**options, **label}, severity, place)


def _any_form(_: CheckReader, value: object, path: Path, column: str) -> tuple[tuple[str, ...], dict[str, object]]:
    options: dict[str, object] = {}
    if isinstance(value, Mapping):
        options = dict(value)
    elif value is not None:
        options = {"value": value}
    columns: tuple[str, ...] = (column,) if column else ()
    for key in ("columns", "column"):
        if not column and key in options:
            columns = _names(options.pop(key), (*path, key))
    return columns, options


def _of_columns(_: CheckReader, value: object, path: Path, column: str) -> tuple[tuple[str, ...], dict[str, object]]:
    """`not_null` of a column, `not_null: [a, b]` of the table; so `unique`."""
    if column and value in (None, True):
        return (column,), {}
    if column:
        raise _WrongError(
            path, f"under a column write `{path[-1]}` alone", "for several columns use the table's checks"
        )
    if value is None:
        raise _WrongError(path, "which columns? under the table's checks write `unique: [a, b]`")
    return _names(value, path), {}


def _bound(_: CheckReader, value: object, path: Path, column: str) -> tuple[tuple[str, ...], dict[str, object]]:
    _under_column(path, column)
    if not isinstance(value, int | float | date) or isinstance(value, bool):
        raise _WrongError(path, f"expected {path[-1]} to be a number or a date")
    return (column,), {"value": value}


def _accepted(_: CheckReader, value: object, path: Path, column: str) -> tuple[tuple[str, ...], dict[str, object]]:
    _under_column(path, column)
    if not isinstance(value, list) or not value or any(isinstance(item, list | dict) for item in value):
        raise _WrongError(path, "expected a list of values: `accepted: [new, paid]`")
    return (column,), {"values": list(value)}


def _matches(_: CheckReader, value: object, path: Path, column: str) -> tuple[tuple[str, ...], dict[str, object]]:
    _under_column(path, column)
    return (column,), {"pattern": _text(value, path, "a regular expression: `matches: '^[A-Z]{2}$'`")}


def _relationship(_: CheckReader, value: object, path: Path, column: str) -> tuple[tuple[str, ...], dict[str, object]]:
    _under_column(path, column)
    form = "a table and column: `relationship: core.stores.store_id`"
    if isinstance(value, Mapping):
        _only(value, ("to", "column"), path)
        table = _text(value.get("to"), (*path, "to"), form)
        other = _text(value.get("column"), (*path, "column"), form)
    else:
        table, _dot, other = _text(value, path, form).rpartition(".")
    if not table or not other:
        raise _WrongError(path, f"expected {form}")
    return (column,), {"to": table.lower(), "column": other.lower()}


def _rows(_: CheckReader, value: object, path: Path, column: str) -> tuple[tuple[str, ...], dict[str, object]]:
    form = "`rows: {min: 1, max: 9}`, either or both, whole numbers"
    if column:
        raise _WrongError(path, "rows is about the table: write it under the table's checks")
    if not isinstance(value, Mapping) or not value:
        raise _WrongError(path, f"expected {form}")
    _only(value, ("min", "max"), path)
    for key, bound in value.items():
        if not isinstance(bound, int) or isinstance(bound, bool) or bound < 0:
            raise _WrongError((*path, str(key)), f"expected {form}")
    if "min" in value and "max" in value and value["min"] > value["max"]:
        raise _WrongError(path, "min is more than max: no table can pass")
    return (), dict(value)


def _expression(_: CheckReader, value: object, path: Path, column: str) -> tuple[tuple[str, ...], dict[str, object]]:
    sql = _text(value, path, 'a condition that holds in every row: `expression: "net = gross - tax"`')
    return ((column,) if column else ()), {"sql": sql}


def _freshness(_: CheckReader, value: object, path: Path, column: str) -> tuple[tuple[str, ...], dict[str, object]]:
    at, within = path, value
    if not column:
        if not isinstance(value, Mapping):
            raise _WrongError(path, "expected `freshness: {column: loaded_at, within: 1d}`")
        _only(value, ("column", "within"), path)
        column = _text(value.get("column"), (*path, "column"), "a column").lower()
        at, within = (*path, "within"), value.get("within")
    try:
        return (column,), {"seconds": duration(within), "column": column}
    except ValueError as error:
        raise _WrongError(at, str(error)) from None


def _under_column(path: Path, column: str) -> None:
    if not column:
        raise _WrongError(path, f"{path[-1]} is about one column: write it under `columns:`")


def _names(value: object, path: Path) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise _WrongError(path, f"expected a list of columns: `{path[-1]}: [a, b]`")
    return tuple(name.lower() for name in names)


def _text(value: object, path: Path, form: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _WrongError(path, f"expected {form}")
    return value


def _only(value: Mapping[str, object], keys: tuple[str, ...], path: Path) -> None:
    for key in value:
        if key not in keys:
            hint = suggestion(str(key), keys) or f"known keys: {', '.join(keys)}"
            raise _WrongError((*path, str(key)), f'unknown key "{key}"', hint, key=True)


_FORMS: dict[str, _Form] = {
    "not_null": _of_columns,
    "unique": _of_columns,
    "min": _bound,
    "max": _bound,
    "accepted": _accepted,
    "matches": _matches,
    "relationship": _relationship,
    "rows": _rows,
    "expression": _expression,
    "freshness": _freshness,
}
