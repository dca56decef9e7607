"""A model's query as an engine takes it, and the way back from there to the file.

The author's text is kept to the letter; only the spans that mean something to lakeorch are replaced.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lakeorch.engines import Engine
from lakeorch.model import ClockUse, FileRead, Model
from lakeorch.sources.files import absolute_pattern, find_files, literal_path
from lakeorch.types import identifier, literal

if TYPE_CHECKING:
    from lakeorch.graph import Graph

# what can follow a table in FROM that is not a name for it
_AFTER_A_TABLE = frozenset(
    ("where", "join", "left", "right", "inner", "full", "cross", "natural", "asof", "positional", "semi", "anti", "on",
     "using", "group", "order", "having", "limit", "offset", "qualify", "window", "union", "except", "intersect",
     "tablesample", "select", "pivot", "unpivot", "fetch")
)  # fmt: skip
_READERS = {"parquet": "read_parquet", "json": "read_json_auto", "jsonl": "read_json_auto", "ndjson": "read_json_auto"}


@dataclass(frozen=True, slots=True)
class Statement:
    """A query for an engine.

    Attributes:
        sql: the text.
        pieces: where each piece of it begins, where that lies in the file, and whether it is the author's own text.
    """

    sql: str
    pieces: tuple[tuple[int, int, bool], ...]

    def offset(self, position: int) -> int:
        """The offset in the model's file of a position in `sql`; for replaced text, where the original begins."""
        start, origin, own = self.pieces[bisect.bisect_right(self.pieces, position, key=lambda piece: piece[0]) - 1]
        return origin + position - start if own else origin


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which of the files of a read are wanted, and by which column they are told apart."""

    paths: tuple[str, ...]
    column: str


@dataclass(frozen=True, slots=True)
class _Edit:
    start: int
    end: int
    text: str


def statement(
    model: Model,
    graph: Graph,
    engine: Engine,
    *,
    now: datetime,
    folder: Path,
    only: Mapping[str, Sequence[str]] | None = None,
    present: Mapping[str, Sequence[str]] | None = None,
    file_column: str = "filename",
    stand_ins: Mapping[tuple[str, ...], str] | None = None,
) -> Statement:
    """The engine text of a model.

    Table names become full names, variables the engine's own form, reads of the clock literals, and file patterns
    absolute, so that the current folder of the process never counts.

    Args:
        model: what to write.
        graph: resolves its table names.
        engine: quotes names and writes variables.
        now: the time that the run is bound to.
        folder: the project root.
        only: for each file pattern in it, the listed paths to read in its place; for none, the read yields no row.
        present: for each file pattern in it, the paths that are taken to be behind it; by default those that are.
        file_column: tells the files of a read apart where only some of its rows are wanted; DuckDB leaves the other
            files alone only where it is called `filename`, which data can have a column of its own for.
        stand_ins: by the patterns of a read, the relation that takes its place, as the engine writes it.
    """
    instead, text = stand_ins or {}, model.source.text
    reads = [read for read in model.files if read.patterns not in instead]
    edits = [
        *(_Edit(r.span.start, r.span.end, engine.quote(full_name(model, r.name, graph))) for r in model.references),
        *(_Edit(use.span.start, use.span.end, engine.variable(use.name)) for use in model.variables),
        *(_Edit(use.span.start, use.span.end, _moment(use, now)) for use in model.clock),
        *(_Edit(r.call.start, r.call.end, instead[r.patterns]) for r in model.files if r.patterns in instead),
        *(e for r in reads for e in _file_edits(text, r, folder, only or {}, present or {}, file_column)),
    ]
    parts: list[str] = []
    pieces: list[tuple[int, int, bool]] = []
    length, at = 0, model.body.start
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        for part, origin, own in ((text[at : edit.start], at, True), (edit.text, edit.start, False)):
            parts.append(part)
            pieces.append((length, origin, own))
            length += len(part)
        at = edit.end
    parts.append(text[at : model.body.end])
    pieces.append((length, at, True))
    return Statement("".join(parts), tuple(pieces))


def full_name(model: Model, name: str, graph: Graph) -> str:
    """The name of a table that a model refers to: a model's, or else as it would stand in the catalog."""
    return graph.resolve(model, name) or (name if "." in name else f"{model.namespace}.{name}")


def _moment(use: ClockUse, now: datetime) -> str:
    now = now.astimezone(UTC)
    local = now.replace(tzinfo=None)
    value = {"timestamptz": now, "timestamp": local, "date": local.date(), "time": local.time()}[use.type]
    # in parentheses: the literal then takes `::date` and operators as the call did
    return f"({literal(value)})"


def _file_edits(
    text: str,
    read: FileRead,
    folder: Path,
    only: Mapping[str, Sequence[str]],
    present: Mapping[str, Sequence[str]],
    file_column: str,
) -> Iterator[_Edit]:
    call, argument = read.call, read.argument
    wanted: list[str] = []
    for pattern in read.patterns:
        listed = [literal_path(path, folder) for path in only[pattern]] if pattern in only else []
        wanted += listed if pattern in only else [absolute_pattern(pattern, folder)]
    if not wanted:
        # column names and types still come from the files that were there before
        yield from _wrapped(text, read, [absolute_pattern(pattern, folder) for pattern in read.patterns], " LIMIT 0")
        return
    everything = _everything(text, read, folder, only, present)
    if everything:
        paths = tuple(str(folder / path) for pattern in read.patterns for path in only[pattern])
        yield from _wrapped(text, read, everything, "", Chosen(paths, file_column))
    elif argument == call and len(wanted) > 1:
        yield _Edit(call.start, call.end, f"{_reader(read.patterns[0])}({_listed(wanted)})")
    else:
        yield _Edit(argument.start, argument.end, _listed(wanted))


def _everything(
    text: str,
    read: FileRead,
    folder: Path,
    only: Mapping[str, Sequence[str]],
    present: Mapping[str, Sequence[str]],
) -> list[str]:
    """All files of a read that is to yield some of them only, where types are guessed from what the files hold.

    Guessed from the new files alone they could differ, and `007` would become 7 on its way. Empty where nothing is
    guessed, or all files are wanted.
    """
    if any(pattern not in only or "://" in pattern for pattern in read.patterns):
        return []
    reader = _reader(read.patterns[0]) if read.argument == read.call else text[read.call.start : read.argument.start]
    if not re.search(r"csv|json|parquet", reader, re.IGNORECASE):
        return []
    found = {p: present[p] if p in present else find_files(p, folder) for p in read.patterns}
    if all(set(files) <= set(only[pattern]) for pattern, files in found.items()):
        return []
    return [literal_path(path, folder) for files in found.values() for path in files]


def _wrapped(text: str, read: FileRead, paths: list[str], end: str, chosen: Chosen | None = None) -> Iterator[_Edit]:
    """The read inside of a sub-query that takes some of its rows; it shows the columns that the author asked for."""
    call, argument = read.call, read.argument
    named = re.search(r"\bfilename\s*=\s*(?:'([^']+)'|true)", text[argument.end : call.end], re.IGNORECASE)
    hidden = option = ""
    if chosen is not None:
        column = identifier(named.group(1) or "filename" if named else chosen.column)
        end = f" WHERE {column} IN ({literal(chosen.paths)})"
        if not named:
            value = "true" if chosen.column == "filename" else literal(chosen.column)
            hidden, option = f" EXCLUDE ({column})", f", filename = {value}"
    if argument == call:
        single = chosen is None and len(paths) == 1
        source = _listed(paths) if single else f"{_reader(read.patterns[0])}({_listed(paths)}{option})"
        yield _Edit(call.start, call.end, f"(SELECT *{hidden} FROM {source}{end})")
        return
    function = re.match(r"\w+", text[call.start :])
    alias = "" if _has_alias(text, call.end) or function is None else f" AS {identifier(function.group())}"
    yield _Edit(call.start, call.start, f"(SELECT *{hidden} FROM ")
    yield _Edit(argument.start, argument.end, _listed(paths) + option)
    yield _Edit(call.end, call.end, f"{end}){alias}")


def _has_alias(text: str, at: int) -> bool:
    """Whether a name for the relation follows; a table function without one is called by its own name."""
    after = re.match(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(\"|\w+)?", text[at:], re.DOTALL)
    word = (after.group(1) or "").lower() if after else ""
    return bool(word) and word not in _AFTER_A_TABLE


def _listed(paths: list[str]) -> str:
    return literal(paths[0]) if len(paths) == 1 else f"[{literal(paths)}]"


def _reader(path: str) -> str:
    """The function that reads what a quoted path in FROM names."""
    suffixes = [suffix.lstrip(".").lower() for suffix in Path(path).suffixes]
    return next((_READERS[suffix] for suffix in reversed(suffixes) if suffix in _READERS), "read_csv_auto")
