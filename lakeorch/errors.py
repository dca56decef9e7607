"""Everything lakeorch raises on purpose, and the places in files that it points at.

    LakeorchError               exit code 1
    ├── ProjectError            2    the project is wrong: carries every finding, found before data moved
    ├── UsageError              2    the command is wrong: a folder, a selector, a variable
    ├── CatalogError            2    the catalog or the warehouse cannot be reached, read or written
    ├── EngineError             1    the engine refused or failed a statement
    ├── ConflictError           1    another writer changed a table in a way that must not be overwritten
    │   └── MovedError          1    another run moved a table first, or an input moved: plan again
    └── Interrupted             130  the user asked to stop

Catch `LakeorchError` to catch all of them. A message says what happened; `hint` says what to do about it. No secret
of the project's settings is in either.
"""

from __future__ import annotations

import bisect
import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from lakeorch.masking import redacted


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a file. `file` is relative to the project root (POSIX); line and column count from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake in a project.

    Attributes:
        place: where it is.
        message: what is wrong and what was expected.
        hint: what to do, "did you mean …?"; may be empty.
        line: the text of the source line, for the caret; may be empty.
        width: how many characters the caret underlines, at least 1.
        model: the model's name where known, else empty.
    """

    place: Place
    message: str
    hint: str = ""
    line: str = ""
    width: int = 1
    model: str = ""

    def to_dict(self) -> dict[str, object]:
        """The finding in the JSON documents of the command line."""
        place = self.place
        where: dict[str, object] = {"file": place.file, "line": place.line, "column": place.column}
        return where | {"message": self.message, "hint": self.hint}


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of character offsets in a model's text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Source:
    """A file's text and where it lies; turns offsets into places."""

    file: str
    text: str

    def place(self, offset: int) -> Place:
        """The place of a 0-based character offset (clamped to the text)."""
        offset = max(0, min(offset, len(self.text)))
        starts = _line_starts(self.text)
        line = bisect.bisect_right(starts, offset) - 1
        return Place(self.file, line + 1, offset - starts[line] + 1)

    def line(self, number: int) -> str:
        """The text of a 1-based line without its line end; empty when there is no such line."""
        lines = self.text.splitlines()
        return lines[number - 1] if 0 < number <= len(lines) else ""

    def finding(self, span: Span, message: str, *, hint: str = "", model: str = "") -> Finding:
        """A finding at `span` with its source line and caret width filled in."""
        place = self.place(span.start)
        line = self.line(place.line)
        room = max(1, len(line) - place.column + 1)
        width = max(1, min(span.end - span.start, room))
        return Finding(place, redacted(message), redacted(hint), line, width, model)


@lru_cache(maxsize=8)
def _line_starts(text: str) -> list[int]:
    """The offsets at which lines begin; a file's are asked for many times in a row."""
    starts, at = [0], text.find("\n")
    while at >= 0:
        starts.append(at + 1)
        at = text.find("\n", at + 1)
    return starts


class LakeorchError(Exception):
    """Base of the tree.

    Args:
        message: what happened, in one sentence.
        hint: what the user can do about it; may be empty.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        self.message = redacted(message)
        self.hint = redacted(hint)
        super().__init__(self.message)


class ProjectError(LakeorchError):
    """The project has mistakes; `findings` lists all of them (at least one)."""

    exit_code = 2

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        count = len(findings)
        super().__init__("1 finding" if count == 1 else f"{count} findings")
        self.findings = findings


class UsageError(LakeorchError):
    """The command line or an argument is wrong."""

    exit_code = 2


class CatalogError(LakeorchError):
    """The catalog or the warehouse is gone, locked, corrupt or read-only."""

    exit_code = 2


class EngineError(LakeorchError):
    """An engine refused a statement.

    Args:
        message: the engine's message, one paragraph.
        position: 0-based offset of the offence in the statement that was sent, None where the engine gave none.
        candidates: names the engine would have accepted instead, nearest first.
        name: the offending name where the engine gave it.
    """

    def __init__(
        self,
        message: str,
        *,
        position: int | None = None,
        candidates: tuple[str, ...] = (),
        name: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.position = position
        self.candidates = candidates
        self.name = name


class ConflictError(LakeorchError):
    """Another writer moved `table` between stage and publish; `snapshots` are the ids in the way."""

    def __init__(self, table: str, message: str, *, snapshots: tuple[int, ...] = (), hint: str = "") -> None:
        super().__init__(f"{table}: {message}", hint=hint)
        self.table = table
        self.snapshots = snapshots


class MovedError(ConflictError):
    """A table moved while a run worked on it: nothing foreign is in the way, planning again resolves it."""


class Interrupted(LakeorchError):
    """The run was stopped by the user; finished steps are kept for the next run."""

    exit_code = 130


def suggestion(name: str, known: Iterable[str]) -> str:
    """The hint for a mistyped name: `did you mean "sales"?`, or empty where nothing in `known` is near it."""
    spelled = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(name.lower(), spelled, n=1, cutoff=0.6)
    return f'did you mean "{spelled[near[0]]}"?' if near else ""
