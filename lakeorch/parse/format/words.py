"""The words of a query, ready to be laid out: how each is written, whether a blank stands before it, its comments."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import TokenType as T

from lakeorch.parse.digest import glued_tokens

if TYPE_CHECKING:
    from sqlglot.tokenizer_core import Token


def vocabulary(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


# words that DuckDB takes for nothing but keywords, unless quoted or behind a dot
_RESERVED = vocabulary(
    "all and any array as asc both case collate desc distinct else end except fetch for from group having in intersect "
    "into is isnull join lateral leading like ilike glob limit not notnull null offset on only or order pivot placing "
    "qualify select similar some table then to trailing union unpivot using when where window with"
)
JOINS = vocabulary("left right full inner outer cross natural asof semi anti positional")
_UNITS = vocabulary("year month week day hour minute second millisecond microsecond quarter decade century")
_FRAMES = vocabulary("rows range groups")
_OPEN = frozenset("([{")
_CLOSE = frozenset(")]}")
_NAMING = frozenset((":", ":=", "=>"))
_QUOTES = "'\"$"
# signs that become another sign where no gap parts them
_MERGING = frozenset("~!@#^&|`?%+-*/<>=:.$")
_BINARY_OR_NOT = frozenset(("+", "-"))
# what stands close to its word, or not, as its author had it
_AS_WRITTEN = frozenset(("@", "#", "~", "!", "?"))
_VALUES = frozenset(("null", "true", "false", "end"))
_CALLED = frozenset(("array", "cast", "try_cast"))


@dataclass(slots=True)
class Word:
    """A token and the comments that go with it.

    Attributes:
        text: as it will be written.
        low: as written, in lower case, one blank between its parts.
        keyword: whether it is one here, and not a name.
        space: whether a blank stands before it.
        above: comments on lines of their own before it.
        inline: comments on its line before it.
        behind: comments that end its line.
    """

    text: str
    low: str
    keyword: bool
    space: bool
    above: list[str] = field(default_factory=list)
    inline: list[str] = field(default_factory=list)
    behind: list[str] = field(default_factory=list)

    @property
    def shown(self) -> str:
        """The text with the comments on its line before it."""
        return " ".join((*self.inline, self.text))


def read_words(text: str, tokens: Sequence[Token]) -> list[Word]:
    """The words of one statement, with the comments between them; those before and behind it are not looked at.

    Args:
        text: the file.
        tokens: of the statement.
    """
    reader = _Reader(text, tokens)
    words = [reader.word(at) for at in range(len(tokens))]
    for before, after, at in zip(words, words[1:], range(len(words)), strict=False):
        _attach(before, after, text[tokens[at].end + 1 : tokens[at + 1].start])
    for before, comma, after in zip(words, words[1:], words[2:], strict=False):
        if comma.low == ",":
            # a comma stands right behind its word, so the comments between them move on
            after.above[:0], comma.above = comma.above, []
            comma.behind[:0], before.behind = before.behind, []
    return words


def comments(gap: str) -> Iterator[tuple[int, int]]:
    """Where the comments of a text between tokens begin and end; comments in comments belong to them."""
    at = 0
    while match := _COMMENT.search(gap, at):
        at = match.end()
        depth = 1 if match[0] == "/*" else 0
        while depth and (inner := _NESTED.search(gap, at)):
            depth += 1 if inner[0] == "/*" else -1
            at = inner.end()
        yield match.start(), at


_COMMENT = re.compile(r"--[^\n]*|/\*")
_NESTED = re.compile(r"/\*|\*/")


def _attach(before: Word, after: Word, gap: str) -> None:
    spans = list(comments(gap))
    for number, (start, end) in enumerate(spans):
        comment = gap[start:end].rstrip()
        since = gap[spans[number - 1][1] if number else 0 : start]
        until = gap[end : spans[number + 1][0] if number + 1 < len(spans) else len(gap)]
        opens_line = "\n" in since or bool(after.above)
        ends_line = "\n" in until or comment.startswith("--")
        if ends_line and not opens_line:
            before.behind.append(comment)
        elif ends_line:
            after.above.append(comment)
        elif after.low in _CLOSE or after.low == ",":
            before.text += f" {comment}"
        else:
            after.inline.append(comment)


class _Reader:
    """Says of each token how it is written."""

    def __init__(self, text: str, tokens: Sequence[Token]) -> None:
        self.tokens = tokens
        self.raws = [text[token.start : token.end + 1] for token in tokens]
        self.lows = [" ".join(raw.split()).lower() if raw[0] not in _QUOTES else raw for raw in self.raws]
        self.glued = glued_tokens(tokens, self.raws)
        self.keywords = [self._is_keyword(at) for at in range(len(tokens))]
        self.types = self._types()
        self.open: list[str] = []

    def word(self, at: int) -> Word:
        low, raw = self.lows[at], self.raws[at]
        space = self._space(at)
        if raw in _OPEN:
            self.open.append(raw)
        elif raw in _CLOSE and self.open:
            self.open.pop()
        return Word(self._text(at), low, self.keywords[at], space)

    def low(self, at: int) -> str:
        return self.lows[at] if 0 <= at < len(self.lows) else ""

    # ---- letters ----

    def _text(self, at: int) -> str:
        raw, low = self.raws[at], self.lows[at]
        if raw[0] in _QUOTES or "'" in raw:
            return raw
        if low in ("true", "false") and not self._named(at):
            return low
        if self.keywords[at] or at in self.types:
            return low.upper()
        return " ".join(raw.split())

    def _named(self, at: int) -> bool:
        """Whether a word stands where only a name can."""
        return self.low(at - 1) in (".", "as", "$") or self.low(at + 1) in _NAMING

    def _is_keyword(self, at: int) -> bool:
        low = self.lows[at]
        kind = self.tokens[at].token_type
        if kind in (T.STRING, T.IDENTIFIER, T.HEREDOC_STRING) or not low[0].isalpha():
            return False
        if low == "as":
            return self.low(at - 1) != "."
        behind_as = self.low(at - 1) == "as" and low in ("not", "materialized")
        if self._named(at) and not behind_as:
            return False
        if kind in (T.GROUP_BY, T.ORDER_BY, T.PARTITION_BY, T.GROUPING_SETS, T.SIMILAR_TO):
            return True
        if low in _RESERVED:
            return True
        if low in JOINS:
            return self._joins(at)
        rule = _SOMETIMES.get(low)
        return rule is not None and rule(self, at)

    def _joins(self, at: int) -> bool:
        while self.low(at) in JOINS:
            at += 1
        return self.low(at) == "join"

    def _types(self) -> set[int]:
        """The names of types behind `::` and in CAST, where they are no more than names that SQL has."""
        found = set()
        casts: list[bool] = []
        for at, low in enumerate(self.lows):
            if low == "(":
                casts.append(self.low(at - 1) in ("cast", "try_cast"))
            elif low == ")" and casts:
                casts.pop()
            before = self.low(at - 1)
            named = self.tokens[at].token_type in (T.VAR, T.IDENTIFIER, T.STRUCT) or not low[0].isalpha()
            if not named and (before == "::" or (before == "as" and casts and casts[-1])):
                found.add(at)
        return found

    # ---- blanks ----

    def _space(self, at: int) -> bool:
        """Whether a blank stands before a token."""
        if at == 0 or at in self.glued:
            return False
        before, raw = self.raws[at - 1], self.raws[at]
        apart = self.tokens[at].start > self.tokens[at - 1].end + 1
        if before in _OPEN or raw in _CLOSE or raw in (",", ";"):
            return False
        if before in _AS_WRITTEN or raw in ("!", "?"):
            return apart
        close = self._close(at, before, raw)
        return not close or (apart and before[-1] in _MERGING and raw[0] in _MERGING)

    def _close(self, at: int, before: str, raw: str) -> bool:
        """Whether a token belongs to the one before it."""
        if before in (".", "::", "$"):
            return True
        if raw == ".":
            number = self.tokens[at - 1].token_type == T.NUMBER
            return self._is_value(at - 1) and (not number or self.tokens[at].start == self.tokens[at - 1].end + 1)
        if raw == "::":
            return True
        if ":" in (before, raw):
            return raw == ":" or bool(self.open and self.open[-1] == "[")
        if before in _BINARY_OR_NOT and not self._is_value(at - 2):
            return True
        if before == "*" and self.low(at) == "columns":
            return not self._is_value(at - 2)
        if raw == "(":
            name = self._is_value(at - 1) or self.lows[at - 1] in _CALLED
            return name and before not in (")", "]", "}", "*")
        return raw == "[" and (self._is_value(at - 1) or self.low(at - 1) == "array")

    def _is_value(self, at: int) -> bool:
        """Whether a token ends something that has a value, so that a sign behind it stands between two."""
        if at < 0:
            return False
        raw = self.raws[at]
        if raw in _CLOSE:
            return True
        if raw == "*":
            return not self._is_value(at - 1)
        if raw[0].isalnum() or raw[0] in "_'\"$.":
            return raw not in (".", "$") and (not self.keywords[at] or self.lows[at] in _VALUES)
        return not raw[0].isascii()


def _before(*words: str) -> Callable[[_Reader, int], bool]:
    return lambda reader, at: reader.low(at + 1) in words


def _after(*words: str) -> Callable[[_Reader, int], bool]:
    return lambda reader, at: reader.low(at - 1) in words


def _in_frame(reader: _Reader, at: int) -> bool:
    """Whether a word stands in the frame of a window, `ROWS BETWEEN … AND …`, itself not its first word."""
    for back in range(at - 1, max(-1, at - 16), -1):
        low = reader.low(back)
        if low in _FRAMES:
            return _begins_frame(reader, back)
        if low in ("(", ")", ","):
            return False
    return False


def _begins_frame(reader: _Reader, at: int) -> bool:
    after = reader.low(at + 1)
    return after in ("between", "unbounded", "current") or reader.low(at + 2) in ("preceding", "following")


def _is_between(reader: _Reader, at: int) -> bool:
    return at > 0 and (reader.low(at - 1) in (*_FRAMES, "not", "symmetric") or reader.low(at - 1)[-1:] not in "(,")


def _is_unit(reader: _Reader, at: int) -> bool:
    return reader.low(at - 2) == "interval" and reader.low(at - 1) != "("


def _changes_star(reader: _Reader, at: int) -> bool:
    return reader.low(at - 1) == "*" or (reader.low(at - 1) == ")" and reader.low(at + 1) == "(")


def _replaces_in_star(reader: _Reader, at: int) -> bool:
    """`* REPLACE (…)`, which the function `replace(…)` behind a sign of multiplication is not."""
    star = reader.low(at - 1) == "*" and reader.low(at - 2) in ("select", ",", ".", "distinct", "(")
    return reader.low(at + 1) == "(" and (star or reader.low(at - 1) == ")")


# words that are names as well: keywords only beside the words that make them so
_SOMETIMES: dict[str, Callable[[_Reader, int], bool]] = {
    "between": _is_between,
    "by": lambda reader, at: reader.low(at + 1) == "name" and reader.low(at - 1) in ("union", "all"),
    "name": lambda reader, at: reader.low(at - 1) == "by" and reader.low(at - 2) in ("union", "all"),
    "cast": _before("("),
    "try_cast": _before("("),
    "current": _in_frame,
    "escape": lambda reader, at: reader.low(at + 1).startswith("'"),
    "exists": _before("("),
    "exclude": _changes_star,
    "filter": lambda reader, at: reader.low(at - 1) == ")" and reader.low(at + 1) == "(",
    "first": _after("nulls"),
    "following": _in_frame,
    "groups": _begins_frame,
    "ignore": _before("nulls"),
    "interval": lambda reader, at: reader.low(at + 1)[:1].isdigit() or reader.low(at + 1)[:1] in ("'", "("),
    "last": _after("nulls"),
    "materialized": _after("as", "not"),
    "nulls": lambda reader, at: reader.low(at - 1) in ("ignore", "respect") or reader.low(at + 1) in ("first", "last"),
    "over": lambda reader, at: reader.low(at - 1) in (")", "nulls"),
    "preceding": _in_frame,
    "range": _begins_frame,
    "recursive": _after("with"),
    "rename": _changes_star,
    "replace": _replaces_in_star,
    "respect": _before("nulls"),
    "row": lambda reader, at: reader.low(at - 1) == "current" and _in_frame(reader, at),
    "rows": _begins_frame,
    "sample": _after("using"),
    "symmetric": _after("between"),
    "time": lambda reader, at: reader.low(at - 1) == "at" and reader.low(at + 1) == "zone",
    "at": lambda reader, at: reader.low(at + 1) == "time" and reader.low(at + 2) == "zone",
    "unbounded": _in_frame,
    "values": _before("("),
    "within": _before("group"),
    "zone": lambda reader, at: reader.low(at - 1) == "time" and reader.low(at - 2) == "at",
    **dict.fromkeys((*_UNITS, *(f"{unit}s" for unit in _UNITS)), _is_unit),
}
