"""A document → text: what fits into a line stands in one, what does not is broken where the document says it may be.

A document is text, a list of documents, or one of the marks below. The marks of a group are broken all together or not
at all, the outermost group first. Comments are marks too: one may end a line or have a line of its own, wherever it
stands in the document.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 120
INDENT = 4


@dataclass(frozen=True, slots=True)
class Line:
    """Where a line may end; `flat` is what stands there where it does not."""

    flat: str = " "


@dataclass(frozen=True, slots=True)
class End:
    """Where a line ends in any case; `blank` leaves an empty line."""

    blank: bool = False


@dataclass(frozen=True, slots=True)
class Nest:
    """A document whose lines begin further right."""

    parts: Sequence[Doc]
    by: int = INDENT


@dataclass(frozen=True, slots=True)
class Above:
    """A comment on a line of its own."""

    comment: str


@dataclass(frozen=True, slots=True)
class Behind:
    """A comment at the end of the line, whatever else is still to come in it."""

    comment: str


class Group:
    """A document that stands in one line if it fits.

    Args:
        parts: what is in it.
        limit: at most so many characters make one line.
    """

    __slots__ = ("limit", "parts", "width")

    def __init__(self, parts: Sequence[Doc], limit: int = WIDTH) -> None:
        self.parts = parts
        self.limit = limit
        self.width = width(parts)


Doc = str | Line | End | Nest | Above | Behind | Group | Sequence["Doc"]

LINE = Line()
SOFT = Line("")
END = End()
BLANK = End(blank=True)
# more than any line holds: what cannot stand in one
NEVER = 1 << 30


def width(doc: Doc) -> int:
    """How long a document is in one line; `NEVER` or more where it cannot stand in one."""
    if isinstance(doc, str):
        return NEVER if "\n" in doc else len(doc)
    if isinstance(doc, Line):
        return len(doc.flat)
    if isinstance(doc, Group):
        return doc.width
    if isinstance(doc, Nest):
        return width(doc.parts)
    if isinstance(doc, End | Above | Behind):
        return NEVER
    return sum(width(part) for part in doc)


def render(doc: Doc, newline: str = "\n") -> str:
    """The text of a document, `newline` between its lines and none behind the last."""
    printer = _Printer()
    stack: list[tuple[int, bool, Doc]] = [(0, False, doc)]
    while stack:
        indent, flat, top = stack.pop()
        if isinstance(top, str):
            printer.text(top)
        elif isinstance(top, Line):
            printer.text(top.flat) if flat else printer.end(indent)
        elif isinstance(top, End):
            printer.end(indent, blank=top.blank)
        elif isinstance(top, Above):
            printer.above(top.comment, indent)
        elif isinstance(top, Behind):
            printer.behind.append(top.comment)
        elif isinstance(top, Nest):
            stack += [(indent + top.by, flat, part) for part in reversed(top.parts)]
        elif isinstance(top, Group):
            fits = flat or (top.width <= top.limit and printer.column() + top.width + _up_to_next_line(stack) <= WIDTH)
            stack += [(indent, fits, part) for part in reversed(top.parts)]
        else:
            stack += [(indent, flat, part) for part in reversed(top)]
    printer.end(0)
    return newline.join(printer.lines)


def _up_to_next_line(stack: Sequence[tuple[int, bool, Doc]]) -> int:
    """How much still comes into the line behind a group before it may end."""
    length = 0
    waiting = [(flat, doc) for _, flat, doc in stack[-32:]]
    while waiting and length <= WIDTH:
        flat, doc = waiting.pop()
        if isinstance(doc, str):
            first, ends, _ = doc.partition("\n")
            length += len(first)
            if ends:
                break
        elif isinstance(doc, Line):
            if not flat:
                break
            length += len(doc.flat)
        elif isinstance(doc, End | Above):
            break
        elif not isinstance(doc, Behind):
            # a group that is still to come may be broken at its first line
            inner = doc if isinstance(doc, Sequence) else doc.parts
            waiting += [(flat, part) for part in reversed(inner)]
    return length


class _Printer:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.line = ""
        self.behind: list[str] = []

    def column(self) -> int:
        return len(self.line) - self.line.rfind("\n") - 1

    def text(self, text: str) -> None:
        self.line += text

    def end(self, indent: int, *, blank: bool = False) -> None:
        """Ends the line, unless nothing stands in it yet."""
        blanks = " " * indent
        closed = False
        for comment in self.behind:
            if closed:
                self.lines.append(self.line.rstrip())
                self.line = blanks + comment
            else:
                self.line = f"{self.line.rstrip()}{'  ' if comment.startswith('--') else ' '}{comment}"
            closed = comment.startswith("--")
        self.behind.clear()
        if self.line.strip():
            self.lines.append(self.line.rstrip())
        if blank and self.lines and self.lines[-1]:
            self.lines.append("")
        self.line = blanks

    def above(self, comment: str, indent: int) -> None:
        self.end(indent)
        self.line += comment
        self.end(indent)
