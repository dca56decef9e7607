"""SQL as tokens with exact places: what can be read from the words alone, without a parse tree.

Files, variables and the clock are read here, because the tree forgets where some of them stood.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from sqlglot import Dialect, TokenType
from sqlglot.errors import TokenError

from lakeorch.errors import Finding, Source, Span
from lakeorch.model import ClockUse, FileRead, VariableUse
from lakeorch.sources import READERS

if TYPE_CHECKING:
    from sqlglot.tokenizer_core import Token

Moment = Literal["timestamptz", "date", "timestamp", "time"]

CLOCK_CALLS: dict[str, Moment] = {
    "now": "timestamptz",
    "get_current_timestamp": "timestamptz",
    "transaction_timestamp": "timestamptz",
    "today": "date",
    "current_date": "date",
    "current_localtimestamp": "timestamp",
    "current_localtime": "time",
    "get_current_time": "time",
}
CLOCK_WORDS: dict[str, Moment] = {
    "current_timestamp": "timestamptz",
    "current_date": "date",
    "localtimestamp": "timestamp",
    "current_time": "time",
    "localtime": "time",
}

_TELLING = frozenset({*CLOCK_CALLS, *CLOCK_WORDS, *READERS, "getvariable", "age"})
_SIGNS = (TokenType.PARAMETER, TokenType.PLACEHOLDER)
_STRINGS = (TokenType.STRING, TokenType.HEREDOC_STRING)
# a word behind one of these, or before one of those, is a name that somebody gave and not the clock
_NAMING_BEFORE = (TokenType.DOT, TokenType.ALIAS, TokenType.PARAMETER)
_NAMING_AFTER = (TokenType.DOT, TokenType.COLON, TokenType.COLON_EQ, TokenType.FARROW)
_BETWEEN = re.compile(r"(?:\s+|--[^\n]*|/\*(?:(?!\*/).)*\*/)*", re.DOTALL)
_OPENING = re.compile(r"[eE]?'|\"|/\*|\$\w*\$")
_BRACKETS = (TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE)
_CLOSE = (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE)


@cache
def dialect() -> Dialect:
    """The dialect of models."""
    return Dialect.get_or_raise("duckdb")


def span_of(first: Token, last: Token | None = None) -> Span:
    """The text from one token to another."""
    return Span(first.start, (last or first).end + 1)


def tokenize(source: Source, start: int) -> list[Token] | Finding:
    """The tokens of a file from `start` on, with offsets into the file; or what cannot be read."""
    # Blanks keep every offset true; the settings block itself may hold what looks like SQL comments.
    text = " " * start + source.text[start:]
    tokenizer = dialect().tokenizer()
    try:
        return tokenizer.tokenize(text)
    except TokenError:
        read = tokenizer.tokens
    gap = _BETWEEN.match(text, read[-1].end + 1 if read else start)
    at = min(gap.end() if gap else start, len(text) - 1)
    opening = _OPENING.match(text, at)
    if not opening:
        return source.finding(Span(at, at + 1), "this cannot be read as SQL")
    wanted = "*/" if opening[0] == "/*" else opening[0].lstrip("eE")
    return source.finding(Span(*opening.span()), f"this is not closed: {wanted} is missing")


@dataclass(frozen=True, slots=True)
class Words:
    """What the tokens of one statement say."""

    files: tuple[FileRead, ...]
    variables: tuple[VariableUse, ...]
    clock: tuple[ClockUse, ...]
    findings: tuple[Finding, ...]


def read_words(source: Source, tokens: Sequence[Token]) -> Words:
    """Finds file-reading calls, variables and clock reads, and the words that would hide such things."""
    reader = _Reader(source, tokens)
    # most words of a query are none of these, so they are not looked at twice
    telling = (at for at, token in enumerate(tokens) if token.token_type in _SIGNS or token.text.lower() in _TELLING)
    found = [use for at in telling if (use := reader.read(at))]
    return Words(
        tuple(use for use in found if isinstance(use, FileRead)),
        tuple(use for use in found if isinstance(use, VariableUse)),
        tuple(use for use in found if isinstance(use, ClockUse)),
        tuple(use for use in found if isinstance(use, Finding)),
    )


class _Reader:
    def __init__(self, source: Source, tokens: Sequence[Token]) -> None:
        self.source = source
        self.tokens = tokens

    def kind(self, at: int) -> TokenType | None:
        return self.tokens[at].token_type if 0 <= at < len(self.tokens) else None

    def read(self, at: int) -> FileRead | VariableUse | ClockUse | Finding | None:
        token = self.tokens[at]
        kind = token.token_type
        if kind in _STRINGS:
            return None
        if kind in _SIGNS:
            return self._variable(at)
        word = token.text.lower()
        if self.kind(at + 1) == TokenType.L_PAREN:
            return self._call(at, word) if self.kind(at - 1) != TokenType.DOT else None
        if word not in CLOCK_WORDS or kind == TokenType.IDENTIFIER:
            return None
        if self.kind(at - 1) in _NAMING_BEFORE or self.kind(at + 1) in _NAMING_AFTER:
            return None
        return ClockUse(CLOCK_WORDS[word], span_of(token))

    def _variable(self, at: int) -> VariableUse | Finding | None:
        token, after = self.tokens[at], self.kind(at + 1)
        sign = self.source.text[token.start]
        if sign == "?" or (sign == "$" and after == TokenType.NUMBER):
            last = self.tokens[at + 1] if after == TokenType.NUMBER else token
            hint = "write $name and give its value by --var name=value or in lakeorch.yml"
            return self.source.finding(span_of(token, last), "variables have names here, not numbers", hint=hint)
        if sign != "$" or after is None or after in _STRINGS:
            return None
        name = self.tokens[at + 1]
        return VariableUse(name.text, span_of(token, name))

    def _call(self, at: int, word: str) -> FileRead | ClockUse | Finding | None:
        token = self.tokens[at]
        if word in CLOCK_CALLS and self.kind(at + 2) == TokenType.R_PAREN:
            return ClockUse(CLOCK_CALLS[word], span_of(token, self.tokens[at + 2]))
        if word in READERS:
            return self._file_read(at)
        if word == "getvariable":
            hint = "write $name"
            message = "getvariable() hides from the plan which variable the model uses"
            return self.source.finding(span_of(token), message, hint=hint)
        if word == "age" and self._arguments(at + 1) == 1:
            message = "age() of one argument reads the clock unseen"
            return self.source.finding(span_of(token), message, hint="write age(current_date, …)")
        return None

    def _file_read(self, at: int) -> FileRead | Finding:
        token = self.tokens[at]
        end = self._closing(at + 1)
        found = self._literals(at + 2)
        if found is None or end is None:
            first = self.tokens[min(at + 2, len(self.tokens) - 1)]
            message = f"{token.text.lower()} needs its files as text, or as a list of texts, in first place"
            hint = f"{token.text.lower()}('raw/*.csv'): which files a model reads must be known before it runs"
            return self.source.finding(span_of(first), message, hint=hint)
        patterns, last = found
        return FileRead(patterns, span_of(self.tokens[at + 2], self.tokens[last]), span_of(token, self.tokens[end]))

    def _literals(self, at: int) -> tuple[tuple[str, ...], int] | None:
        """The text or list of texts that begins at a token, and the token it ends with; None for anything else."""
        if self.kind(at) in _STRINGS:
            patterns, last = [self._text(at)], at
        elif self.kind(at) == TokenType.L_BRACKET:
            patterns, last = [], at + 1
            while self.kind(last) in _STRINGS:
                patterns.append(self._text(last))
                last += 1 if self.kind(last + 1) != TokenType.COMMA else 2
            if self.kind(last) != TokenType.R_BRACKET or not patterns:
                return None
        else:
            return None
        if self.kind(last + 1) not in (TokenType.COMMA, TokenType.R_PAREN):
            return None
        return tuple(patterns), last

    def _text(self, at: int) -> str:
        """The value of a string; from the file, because the tokenizer reads a backslash in it as an escape."""
        token = self.tokens[at]
        raw = self.source.text[token.start : token.end + 1]
        return raw[1:-1].replace("''", "'") if raw[0] == "'" else token.text

    def _closing(self, at: int) -> int | None:
        for index, depth, _ in self._inside(at):
            if depth == 0:
                return index
        return None

    def _arguments(self, at: int) -> int:
        commas = sum(kind == TokenType.COMMA and depth == 1 for _, depth, kind in self._inside(at))
        return 0 if self.kind(at + 1) == TokenType.R_PAREN else commas + 1

    def _inside(self, at: int) -> Iterator[tuple[int, int, TokenType]]:
        """The tokens from an opening bracket to the closing one, each with the depth behind it."""
        depth = 0
        for index in range(at, len(self.tokens)):
            kind = self.tokens[index].token_type
            depth += (kind in _BRACKETS) - (kind in _CLOSE)
            yield index, depth, kind
            if depth == 0:
                return
