"""Which files of a table can hold rows that meet conditions, by the bounds that its manifests keep of every column."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from pyiceberg.expressions import (
    EqualTo,
    GreaterThan,
    GreaterThanOrEqual,
    LessThan,
    LessThanOrEqual,
)
from pyiceberg.expressions.visitors import _InclusiveMetricsEvaluator
from pyiceberg.manifest import DataFile
from pyiceberg.schema import Schema
from pyiceberg.types import DateType, IcebergType, IntegerType, LongType, StringType, TimestampType, TimestamptzType

from lakeorch.types import Comparison, Condition

# predicates of unbound terms, which pyiceberg types as abstract
_TERMS: dict[Comparison, Any] = {
    "=": EqualTo,
    "<": LessThan,
    "<=": LessThanOrEqual,
    ">": GreaterThan,
    ">=": GreaterThanOrEqual,
}
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d:\d\d(?:\.\d{1,6})?))?")


def narrowed(files: Iterable[DataFile], schema: Schema, conditions: Sequence[Condition]) -> list[DataFile]:
    """The files that may hold a row which meets all conditions; one that says nothing of a column is among them.

    A condition that cannot be told in Iceberg's own terms does not count. Floating-point columns are left alone: to
    an engine NaN may be larger than every number, and bounds do not know of it.
    """
    tests = [*_tests(schema, conditions)]
    return [file for file in files if all(test.eval(file) for test in tests)]


def _tests(schema: Schema, conditions: Sequence[Condition]) -> Iterator[_InclusiveMetricsEvaluator]:
    fields = {field.name.lower(): field for field in schema.fields}
    for condition in conditions:
        field = fields.get(condition.column)
        value = _value(field.field_type, condition.value) if field else None
        if field is not None and value is not None:
            with contextlib.suppress(ValueError):  # no such day, a number that is too large
                yield _InclusiveMetricsEvaluator(schema, _TERMS[condition.sign](field.name, value))


def _value(type: IcebergType, value: str | int | date | datetime) -> str | int | None:
    """A constant as pyiceberg takes it for a column of this type; None where the two have no meaning in common."""
    if isinstance(type, IntegerType | LongType):
        return value if isinstance(value, int) else None
    if isinstance(type, StringType):
        return value if isinstance(value, str) else None
    text = value if isinstance(value, str) else "" if isinstance(value, int) else value.isoformat()
    if isinstance(type, DateType):
        return text if _DAY.fullmatch(text) else None
    moment = _MOMENT.fullmatch(text)
    if moment is None or not isinstance(type, TimestampType | TimestamptzType):
        return None
    # engines run in UTC
    zone = "+00:00" if isinstance(type, TimestamptzType) else ""
    return f"{moment[1]}T{moment[2] or '00:00:00'}{zone}"
