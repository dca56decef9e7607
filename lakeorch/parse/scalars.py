"""What people write as text in settings: durations, and column types in SQL's words or Iceberg's."""

from __future__ import annotations

import re

from lakeorch.errors import suggestion
from lakeorch.types import PRIMITIVES, canonical

_DURATION = re.compile(r"(\d+)\s*(s|m|h|d|w)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_ALIASES = {
    "int": "tinyint smallint integer int1 int2 int4 int32 short signed",
    "long": "bigint int8 int64",
    "float": "real float4",
    "double": "float8 double precision",
    "boolean": "bool logical",
    "string": "text varchar char bpchar nvarchar character varying",
    "binary": "blob bytea varbinary",
    "timestamp": "datetime timestamp_us",
}
_PHRASES = (
    (re.compile(r"\btimestamp\s+with\s+time\s+zone\b", re.I), "timestamptz"),
    (re.compile(r"\btimestamp\s+without\s+time\s+zone\b", re.I), "timestamp"),
    (re.compile(r"\bdouble\s+precision\b", re.I), "double"),
    (re.compile(r"\bcharacter\s+varying\b", re.I), "varchar"),
    (re.compile(r"\b(?:n?varchar|char|character|bpchar|text)\s*\(\s*\d+\s*\)", re.I), "string"),
    (re.compile(r"\b(?:numeric|dec)\b(?!\s*:)", re.I), "decimal"),
    (re.compile(r"\bdecimal\s*\(\s*(\d+)\s*\)", re.I), r"decimal(\1,0)"),
    # DuckDB's own default where neither precision nor scale is given
    (re.compile(r"\bdecimal\b(?!\s*[(:])", re.I), "decimal(18,3)"),
    (re.compile(r"\bhugeint\b(?!\s*:)", re.I), "decimal(38,0)"),
)
_WORDS = {alias: name for name, aliases in _ALIASES.items() for alias in aliases.split()}
# a word before a colon is the name of a struct's field
_WORD = re.compile(r"\b([A-Za-z_]\w*)\b(?!\s*:)")


def duration(text: object) -> int:
    """Seconds of `30m`, `1h`, `7d`; raises ValueError on anything else."""
    match = _DURATION.fullmatch(text.strip().lower()) if isinstance(text, str) else None
    if not match or not int(match[1]):
        raise ValueError(f"expected a duration such as 30m, 1h or 1d, got {text!r}".replace("'", '"'))
    return int(match[1]) * _SECONDS[match[2]]


def contract_type(text: str) -> str:
    """Reads a declared type in Iceberg's words or SQL's and gives its one spelling.

    Raises:
        ValueError: it is not a type; the message ends with the nearest one where there is any.
    """
    written = text
    for phrase, name in _PHRASES:
        text = phrase.sub(name, text)
    text = _WORD.sub(lambda word: _WORDS.get(word[1].lower(), word[1]), text)
    try:
        return canonical(text)
    except ValueError as error:
        named = re.match(r"'(\w+)' is not an Iceberg type", str(error))
        known = {*PRIMITIVES, "decimal", "numeric", "list", "struct", "map", *_WORDS}
        near = suggestion(named[1], known) if named else ""
        why = near or str(error).rpartition(" is not a type: ")[2]
        raise ValueError(f'"{written}" is not a type: {why}') from None
