"""The keys of a settings block and what each takes. Imports pydantic: import this module where a block is read."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from lakeorch.errors import suggestion
from lakeorch.model import Materialized
from lakeorch.parse.scalars import contract_type, duration
from lakeorch.types import parse_transform

_SORT = re.compile(r"(\w+)(?:\s+(asc|desc))?", re.I)
_CUT = re.compile(r"\s*(?:truncate|bucket)\s*\(\s*\d+\s*", re.I)
_TRANSFORMS = ("year", "month", "day", "hour", "truncate", "bucket")


def _partition(text: str) -> str:
    try:
        parse_transform(text)
    except ValueError:
        kind = text.partition("(")[0].strip().lower()
        near = suggestion(kind, _TRANSFORMS) if kind not in _TRANSFORMS else ""
        forms = "a column, year(c), month(c), day(c), hour(c), truncate(n, c) or bucket(n, c)"
        raise ValueError(f'"{text}" is not a partition: expected {forms}' + (f"; {near}" if near else "")) from None
    return text.lower()


def _sort(text: str) -> str:
    match = _SORT.fullmatch(text.strip())
    if not match:
        raise ValueError(f'"{text}" is not a sort column: expected a column, `desc` behind it where it falls')
    return match[1].lower() + (" desc" if (match[2] or "").lower() == "desc" else "")


def _engine(name: str) -> str:
    from lakeorch import plugins

    known = plugins.names("engines")
    if name not in known:
        near = suggestion(name, known)
        raise ValueError(f'no engine is called "{name}": {near or "there are " + ", ".join(sorted(known))}')
    return name


def _every(text: str) -> str:
    duration(text)
    return text


def _table(name: str) -> str:
    if not re.fullmatch(r"\w+(\.\w+)*", name):
        raise ValueError(f'"{name}" is not the name of a table')
    return name.lower()


def _listed(value: object) -> object:
    """A lone text may stand for a list of one."""
    return [value] if isinstance(value, str) else value


def _partitions(value: object) -> object:
    """In a list in brackets, YAML cuts `truncate(2, c)` at its comma."""
    found = _listed(value)
    for cut in found if isinstance(found, list) else ():
        if isinstance(cut, str) and _CUT.fullmatch(cut):
            raise ValueError(f'"{cut}" was cut at its comma: in brackets put it in quotes, ["{cut}, column)"]')
    return found


def _column(value: object) -> object:
    """A column may be given by its type alone."""
    return {"type": value} if isinstance(value, str) else {} if value is None else value


_Texts = Annotated[list[str], BeforeValidator(_listed)]
_Names = Annotated[list[Annotated[str, AfterValidator(str.lower)]], BeforeValidator(_listed)]


class Strict(BaseModel):
    """Unknown keys are mistakes, and nothing is converted: `1` is not text."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ColumnBlock(Strict):
    """What stands under one column."""

    type: Annotated[str, AfterValidator(contract_type)] = ""
    description: str = ""
    checks: Annotated[list[Any], BeforeValidator(_listed)] = []


class RefreshBlock(Strict):
    """When a model that reads the clock is stale."""

    every: Annotated[str, AfterValidator(_every)]


class SettingsBlock(Strict):
    """A whole settings block; the forms of checks are read elsewhere."""

    description: str = ""
    owner: str = ""
    materialized: Materialized = "table"
    unique_key: _Names = []
    updated_at: Annotated[str, AfterValidator(str.lower)] = ""
    deleted: Literal["close", "keep"] = "close"
    partition_by: Annotated[list[Annotated[str, AfterValidator(_partition)]], BeforeValidator(_partitions)] = []
    sort_by: Annotated[list[Annotated[str, AfterValidator(_sort)]], BeforeValidator(_listed)] = []
    columns: dict[str, Annotated[ColumnBlock, BeforeValidator(_column)]] = {}
    checks: list[Any] = []
    tags: _Texts = []
    engine: Annotated[str, AfterValidator(_engine)] = ""
    refresh: RefreshBlock | None = None
    keep_snapshots: Annotated[int, Field(ge=1)] | None = None
    keep_for: Annotated[str, AfterValidator(_every)] | None = None
    append_from: _Texts = []
    inputs: dict[str, Annotated[str, AfterValidator(_table)]] = {}
