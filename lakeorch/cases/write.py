"""Rows as the text of a case file, so that reading it gives the same rows again."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from lakeorch.model import Scalar

if TYPE_CHECKING:
    import pyarrow as pa

_WIDTH = 110
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = ("null", "true", "false")


def case_text(
    model: str,
    name: str,
    given: Mapping[str, pa.Table],
    files: Mapping[str, pa.Table],
    expected: pa.Table,
    variables: Mapping[str, Scalar],
    now: datetime | None,
) -> str:
    """A file with one case.

    Args:
        model: the model's name.
        name: of the case.
        given: the rows of its inputs; columns in which all rows are NULL are left out, inputs without rows too.
        files: the rows that stand for files, by pattern.
        expected: the rows that it yields.
        variables: the values of `$name` that it uses.
        now: what the clock shows, where it reads it.
    """
    lines = [f"model: {model}"]
    if now is not None:
        lines.append(f"now: {now.isoformat()}")
    if variables:
        lines.append(f"variables: {written(dict(variables))}")
    lines += ["cases:", f"  {_quoted(name)}:"]
    for key, tables in (("given", given), ("files", files)):
        kept = {at: table for at, table in tables.items() if table.num_rows}
        if kept:
            lines.append(f"    {key}:")
        for at, table in kept.items():
            lines.append(f"      {_key(at)}:")
            lines += _rows(table, " " * 8)
    lines.append("    expect:")
    lines += _rows(expected, " " * 6, whole=True)
    return "\n".join(lines) + "\n"


def written(value: object) -> str:
    """A value as it is written between the braces of a row."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else _quoted(str(value))
    if isinstance(value, Decimal):
        # what a reader of YAML would take for another number goes into quotes
        plain = format(value, "f")
        return plain if Decimal(str(float(plain))) == value else _quoted(plain)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, datetime):
        return _quoted(value.isoformat(sep=" "))
    if isinstance(value, bytes):
        return _quoted(value.decode())
    if isinstance(value, list) and value and all(isinstance(item, tuple) for item in value):
        return written(dict(value))
    if isinstance(value, list):
        return f"[{', '.join(written(item) for item in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(str(key))}: {written(item)}" for key, item in value.items()) + "}"
    text = str(value)
    return text if _WORD.fullmatch(text) and text.lower() not in _RESERVED else _quoted(text)


def _rows(table: pa.Table, indent: str, *, whole: bool = False) -> Iterator[str]:
    """The rows of a table, one or more lines for each; with `whole`, columns that are NULL in all rows too."""
    names = [field.name for field in table.schema]
    kept = [name for name in names if whole or table[name].null_count < table.num_rows]
    for row in table.select(kept or names[:1]).to_pylist():
        line = f"{indent}- {{"
        for number, (name, value) in enumerate(row.items()):
            item = f"{_key(name)}: {written(value)}" + (", " if number < len(row) - 1 else "}")
            if len(line) + len(item) > _WIDTH and line.strip() != "- {":
                yield line.rstrip()
                line = f"{indent}   "
            line += item
        yield line


def _key(name: str) -> str:
    return name if _WORD.fullmatch(name.replace(".", "_")) and name.lower() not in _RESERVED else _quoted(name)


def _quoted(text: str) -> str:
    """A text in quotes as YAML reads them: what does not print is escaped."""
    if '"' in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in quoted)
