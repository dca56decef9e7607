"""Finds the settings block: the YAML between `/* ---` and `--- */` in the comment that leads a model."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lakeorch.errors import Finding, Source, Span

_OPEN = re.compile(r"/\*[ \t]*---[ \t]*(?=\r?\n|\S)")
_CLOSE = re.compile(r"---[ \t]*\*/")
_STRAY = re.compile(r"/\*[ \t]*---[ \t]*\r?\n")
_LINE_COMMENT = re.compile(r"--[^\n]*")
_GAP = re.compile(r"\s*")


@dataclass(frozen=True, slots=True)
class Block:
    """Where the settings of a model stand: `yaml` is their text, `end` the offset behind the comment."""

    yaml: Span
    end: int


def find_block(source: Source) -> tuple[Block | None, tuple[Finding, ...]]:
    """Looks through the comments that lead a file.

    Returns:
        The block, None where there is none, and what is wrong with it. The end of the comment is found by its own
        `--- */`, so that a pattern such as `raw/*.csv` in the settings does not open a comment inside it.
    """
    text, at = source.text, 0
    while True:
        gap = _GAP.match(text, at)
        at = gap.end() if gap else at
        line = _LINE_COMMENT.match(text, at)
        if line:
            at = line.end()
            continue
        opening = _OPEN.match(text, at)
        if opening:
            closing = _CLOSE.search(text, opening.end())
            if closing:
                return Block(Span(opening.end(), closing.start()), closing.end()), ()
            message = 'the settings block is not closed: expected "--- */"'
            return None, (source.finding(Span(at, opening.end()), message),)
        if not text.startswith("/*", at):
            return None, ()
        end = text.find("*/", at)
        if end < 0:
            return None, ()
        at = end + 2


def stray_blocks(source: Source, start: int) -> tuple[Finding, ...]:
    """Settings blocks that stand behind `start`, where nothing reads them."""
    message = "settings are read only from one block, in the comment before the query"
    return tuple(source.finding(Span(*found.span()), message) for found in _STRAY.finditer(source.text, start))
