"""The files of FOLDER/tests: what stands in them, with the place of every value. Imports pydantic."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path as FilePath
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from lakeorch.errors import Finding, Place, ProjectError, Source, Span
from lakeorch.model import Scalar
from lakeorch.parse import Places, load_yaml, locate, read_source, validate
from lakeorch.parse.keys import Strict
from lakeorch.parse.yaml import Path

FOLDER = "tests"
_FIELD = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^",]*))\s*(,|$)')
_FORM = "a list of rows as {column: value}, or lines of text with the names in the first"


@dataclass(frozen=True)
class Document:
    """A file of cases and where its values stand."""

    source: Source
    places: Places


@dataclass(frozen=True)
class Rows:
    """Rows as written.

    Attributes:
        document: where they stand.
        path: of the rows in it.
        columns: every name that a row has, in lower case, in the order of the file.
        records: the rows; a column that one of them leaves out is NULL there.
        lines: where each row stands, for rows of text.
    """

    document: Document
    path: Path
    columns: tuple[str, ...]
    records: tuple[Mapping[str, object], ...]
    lines: tuple[Span, ...] = ()

    def span(self, row: int | None = None, column: str = "") -> Span:
        """Where a row's value stands, or the row, or the name of a column in the first row that has it."""
        places = self.document.places
        if self.lines:
            return self.lines[row + 1] if row is not None else self.lines[0]
        if row is None:
            row = next((at for at, record in enumerate(self.records) if column in record), 0)
            return self._entry(row, column, key=True)
        return self._entry(row, column) if column else locate(places, (*self.path, row))

    def _entry(self, row: int, column: str, *, key: bool = False) -> Span:
        places = self.document.places
        inside = (each for each in places if each[:-1] == (*self.path, row) and str(each[-1]).lower() == column)
        return locate(places, next(inside, (*self.path, row)), key=key)


@dataclass(frozen=True)
class Case:
    """One test of a model.

    Attributes:
        name: as the file calls it.
        document: the file.
        model: the name of the model, as written.
        expect: the rows that the query must yield; None where it must fail.
        error: a part of the message with which it must fail.
        ordered: whether the order of the rows counts.
        given: the rows of its inputs, by the name as written; those of others are empty.
        files: the rows that take the place of files, by pattern.
        variables: values of `$name` that differ from the project's.
        now: what the clock shows; None where it may not be read.
    """

    name: str
    document: Document
    model: str
    expect: Rows | None
    error: str = ""
    ordered: bool = False
    given: Mapping[str, Rows] = field(default_factory=dict)
    files: Mapping[str, Rows] = field(default_factory=dict)
    variables: Mapping[str, Scalar] = field(default_factory=dict)
    now: datetime | None = None

    @property
    def place(self) -> Place:
        """Where the case is written."""
        return self.document.source.place(self.span().start)

    def span(self, *keys: str) -> Span:
        """Where a key of the case stands, or of the file where the case does not have it; the case's name for none."""
        places = self.document.places
        for path in (("cases", self.name, *keys), keys):
            if path and path in places:
                return locate(places, path, key=True)
        return locate(places, ("cases", self.name), key=True)

    def finding(self, span: Span, message: str, *, hint: str = "", model: str = "") -> Finding:
        """A finding in the file of the case."""
        return self.document.source.finding(span, message, hint=hint, model=model)


def read_cases(folder: FilePath, root: FilePath) -> tuple[tuple[Case, ...], tuple[Finding, ...]]:
    """The cases of a model folder, in the order of files and lines, and what is wrong with the files."""
    cases: list[Case] = []
    findings: list[Finding] = []
    for path in _files(folder / FOLDER):
        source, wrong = read_source(path, (path.relative_to(root) if path.is_relative_to(root) else path).as_posix())
        findings += wrong
        if source is None:
            continue
        try:
            data, places = load_yaml(source)
        except ProjectError as error:
            findings += error.findings
            continue
        file, wrong = validate(FileBlock, data, places, source)
        findings += wrong
        if file is not None:
            cases += _cases(file, Document(source, places))
    return tuple(cases), tuple(findings)


def read_text(text: str) -> tuple[tuple[str, ...], tuple[Mapping[str, object], ...]]:
    """Rows between commas: names in the first line; nothing between two commas, or NULL, is NULL, `""` empty text.

    Raises:
        ValueError: a line does not have as many fields as the first.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return (), ()
    names = tuple(str(name).lower() for name in _fields(lines[0]))
    records = []
    for line in lines[1:]:
        values = _fields(line)
        if len(values) != len(names):
            raise ValueError(f'{len(values)} fields in "{line.strip()}", where the first line names {len(names)}')
        records.append(dict(zip(names, values, strict=True)))
    return names, tuple(records)


def _fields(line: str) -> list[str | None]:
    found: list[str | None] = []
    at = 0
    while True:
        match = _FIELD.match(line, at)
        if not match:
            raise ValueError(f'a quote is not closed or stands inside of a field: "{line.strip()}"')
        plain = (match[2] or "").strip()
        quoted = match[1].replace('""', '"') if match[1] is not None else None
        found.append(plain if quoted is None and plain not in ("", "NULL") else quoted)
        at = match.end()
        if not match[3]:
            return found


def _files(folder: FilePath) -> Iterator[FilePath]:
    for at, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] not in "_.")
        yield from (FilePath(at) / name for name in sorted(files) if name.lower().endswith((".yml", ".yaml")))


# ---- the keys --------------------------------------------------------------------------------------------------------


def _checked_rows(value: object) -> object:
    if isinstance(value, str):
        read_text(value)
    elif not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise ValueError(f"expected {_FORM}")
    return value


def _checked_expectation(value: object) -> object:
    if isinstance(value, dict):
        if set(value) != {"error"} or not isinstance(value["error"], str) or not value["error"]:
            raise ValueError(f"expected {_FORM}; or `error: a part of the message`")
        return value
    return _checked_rows(value)


def _moment(value: object) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    raise ValueError("expected a time such as 2025-10-26T12:00:00Z")


_Rows = Annotated[Any, AfterValidator(_checked_rows)]
_Variables = dict[Annotated[str, AfterValidator(str.lower)], str | int | float | bool | date | datetime | None]


class Givens(Strict):
    """What a case is given; at the top of a file, what all its cases are given."""

    model: str = ""
    now: Annotated[datetime | None, BeforeValidator(_moment)] = None
    variables: _Variables = Field(default_factory=dict)
    given: dict[str, _Rows] = Field(default_factory=dict)
    files: dict[str, _Rows] = Field(default_factory=dict)


class CaseBlock(Givens):
    """One case."""

    description: str = ""
    expect: Annotated[Any, AfterValidator(_checked_expectation)]
    ordered: bool = False


class FileBlock(Givens):
    """A file of FOLDER/tests."""

    cases: dict[str, CaseBlock]


def _cases(file: FileBlock, document: Document) -> Iterator[Case]:
    def rows(mine: Mapping[str, object], path: Path) -> dict[str, Rows]:
        return {name: _rows(document, (*path, name), value) for name, value in mine.items()}

    shared_given, shared_files = rows(file.given, ("given",)), rows(file.files, ("files",))
    for name, block in file.cases.items():
        path = ("cases", name)
        error = block.expect["error"] if isinstance(block.expect, dict) else ""
        yield Case(
            name,
            document,
            block.model or file.model,
            None if error else _rows(document, (*path, "expect"), block.expect),
            error,
            block.ordered,
            {**shared_given, **rows(block.given, (*path, "given"))},
            {**shared_files, **rows(block.files, (*path, "files"))},
            {**file.variables, **block.variables},
            block.now or file.now,
        )


def _rows(document: Document, path: Path, value: object) -> Rows:
    if isinstance(value, str):
        names, records = read_text(value)
        return Rows(document, path, names, records, tuple(_lines(document, path, value)))
    written: Sequence[Mapping[str, object]] = value if isinstance(value, list) else ()
    lower = tuple({str(name).lower(): item for name, item in row.items()} for row in written)
    columns = tuple(dict.fromkeys(name for row in lower for name in row))
    return Rows(document, path, columns, lower)


def _lines(document: Document, path: Path, text: str) -> Iterator[Span]:
    """Where the lines of a block of text stand in the file."""
    span = locate(document.places, path)
    at = span.start
    for line in text.splitlines():
        if line.strip():
            found = document.source.text.find(line.strip(), at, span.end)
            start = found if found >= 0 else span.start
            at = start + len(line.strip()) if found >= 0 else at
            yield Span(start, start + max(1, len(line.strip())))
