"""The one layout of a query. Words are moved, never changed: what a model computes, and its fingerprint, stay.

The tokens are laid out as they stand in the file, so that nothing can get lost in a tree and back: `words` sees to
letters and blanks, `nesting` to brackets, `shape` to lines, `printer` makes the text.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from lakeorch.errors import Finding, ProjectError, Source, Span
from lakeorch.parse.block import find_block
from lakeorch.parse.format.nesting import UnbalancedError
from lakeorch.parse.format.printer import render
from lakeorch.parse.format.shape import document
from lakeorch.parse.format.words import comments, read_words
from lakeorch.parse.query import read_query
from lakeorch.parse.tokens import tokenize

if TYPE_CHECKING:
    from sqlglot.tokenizer_core import Token

__all__ = ["format_sql", "lay_out"]

# a comment between the words of a line moves to its end, and that may let the next pass do better
PASSES = 5


def format_sql(source: Source) -> str:
    """A model or check with its query laid out; the settings block and the comments around the query stay.

    Args:
        source: the whole file.

    Returns:
        The text for the file. It is the text that was given where another one would not mean exactly the same.

    Raises:
        ProjectError: the query cannot be read.
    """
    block, findings = find_block(source)
    if findings:
        raise ProjectError(findings)
    start = block.end if block else 0
    facts = read_query(source, start)
    if facts.findings:
        raise ProjectError(facts.findings)
    try:
        text = lay_out(source, facts.body)
    except (UnbalancedError, RecursionError):
        return source.text
    # nothing is known that gets here changed; what a fingerprint stands for is too dear to trust in that
    after = read_query(Source(source.file, text), start)
    same = after.query_hash == facts.query_hash and _comments(text, after.body) == _comments(source.text, facts.body)
    return text if same else source.text


def lay_out(source: Source, body: Span) -> str:
    """The file with the query at `body` laid out; raises UnbalancedError."""
    text = source.text
    newline = _newline(text)
    query, tail = text[body.start : body.end], text[body.end :]
    for _ in range(PASSES):
        tokens = _tokens(query)
        # a comment that moved to the end of the last line now stands behind the query
        query, left = query[: tokens[-1].end + 1], query[tokens[-1].end + 1 :]
        tail = f"{left}{newline}{tail}" if left and tail.strip() else left + tail
        before, query = query, render(document(read_words(query, tokens)), newline)
        if query == before:
            break
    return _head(text[: body.start], newline) + query + _tail(tail, newline)


def _head(head: str, newline: str) -> str:
    """What stands before the query: as it is, with at most one empty line behind it."""
    kept = head.strip()
    gap = head[len(head.rstrip()) :]
    return f"{kept}{newline * min(gap.count(chr(10)), 2) or ' '}" if kept else ""


def _tail(tail: str, newline: str) -> str:
    """What stands behind the query: a semicolon, comments."""
    kept = tail.strip()
    if not kept:
        return newline
    gap = tail[: len(tail) - len(tail.lstrip())]
    between = newline * min(gap.count("\n"), 2) or ("" if kept[0] == ";" else "  ")
    return f"{between}{kept}{newline}"


def _newline(text: str) -> str:
    """How most lines of a file end."""
    return "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"


def _comments(text: str, body: Span) -> list[str]:
    """The comments of a query and behind it, sorted: one that ends a line may move behind another."""
    query = text[body.start : body.end]
    gaps = [query[one.end + 1 : other.start] for one, other in itertools.pairwise(_tokens(query))]
    gaps.append(text[body.end :])
    return sorted(gap[start:end].rstrip() for gap in gaps for start, end in comments(gap))


def _tokens(query: str) -> list[Token]:
    tokens = tokenize(Source("", query), 0)
    assert not isinstance(tokens, Finding), "the query was read before"
    return tokens
