"""The words of a query taken together by their brackets, and questions about what stands where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lakeorch.parse.format.words import Word, vocabulary

PIVOTS = vocabulary("pivot unpivot pivot_wider pivot_longer")
BEGINNINGS = PIVOTS | vocabulary("select with from values")
SETS = vocabulary("union except intersect")
LAST = frozenset(("order by", "limit", "offset", "fetch"))

_LOOSER = vocabulary("= == <> != < > <= >= := => -> : in like ilike between is not and or")


@dataclass(slots=True)
class Bracket:
    """What stands between an opening and a closing word: `( … )`, `[ … ]`, `{ … }`, `CASE … END`."""

    open: Word
    items: list[Item]
    close: Word


Item = Word | Bracket


class UnbalancedError(Exception):
    """A bracket is not closed, or closed twice."""


def nested(words: Sequence[Word]) -> list[Item]:
    """The words with what is in brackets taken together; raises UnbalancedError."""
    closing = {"(": ")", "[": "]", "{": "}"}
    top: list[Item] = []
    stack: list[tuple[Word, list[Item], str]] = []
    for word in words:
        items = stack[-1][1] if stack else top
        if stack and word.low == stack[-1][2]:
            opening, inside, _ = stack.pop()
            (stack[-1][1] if stack else top).append(Bracket(opening, inside, word))
        elif word.low in closing:
            stack.append((word, [], closing[word.low]))
        elif word.low == "case" and word.keyword:
            stack.append((word, [], "end"))
        elif word.low in closing.values():
            raise UnbalancedError
        else:
            items.append(word)
    if stack:
        raise UnbalancedError
    return top


def says(item: Item, *lows: str, keyword: bool = True) -> bool:
    """Whether an item is one of some words, as a keyword unless `keyword` is false."""
    return isinstance(item, Word) and item.low in lows and (item.keyword or not keyword)


def is_query(item: Bracket) -> bool:
    """Whether a query stands in a bracket."""
    if item.open.low != "(" or not item.items:
        return False
    first = item.items[0]
    if isinstance(first, Bracket):
        return is_query(first) and any(says(each, *SETS, *LAST) for each in item.items)
    return says(first, *BEGINNINGS)


def first_word(item: Item) -> Word:
    """The word an item begins with."""
    return item.open if isinstance(item, Bracket) else item


def last_word(item: Item) -> Word:
    """The word an item ends with."""
    return item.close if isinstance(item, Bracket) else item


def length(items: Sequence[Item]) -> int:
    """How long items are side by side, without the comments between their lines."""
    return len(_text(items))


def _text(items: Sequence[Item]) -> str:
    parts = []
    for number, item in enumerate(items):
        first = first_word(item)
        gap = " " if number and (first.space or first.inline) else ""
        if isinstance(item, Word):
            parts.append(gap + item.shown)
        else:
            # the words of CASE … END stand apart, those of other brackets do not
            blank = " " if item.open.low == "case" else ""
            parts.append(f"{gap}{item.open.shown}{blank}{_text(item.items)}{blank}{item.close.shown}")
    return "".join(parts)


def elements(items: Sequence[Item]) -> list[list[Item]]:
    """The items cut behind each comma, which stays with what is before it."""
    found: list[list[Item]] = [[]] if items else []
    for item in items:
        if found[-1] and says(found[-1][-1], ",", keyword=False):
            found.append([])
        found[-1].append(item)
    return found


def split(items: Sequence[Item], splits: Callable[[Sequence[Item], int], bool]) -> list[Sequence[Item]]:
    """The items cut before each one that `splits`."""
    starts = [0] + [at for at in range(1, len(items)) if splits(items, at)]
    return [items[start:end] for start, end in zip(starts, [*starts[1:], len(items)], strict=True)]


def is_and_or(items: Sequence[Item], at: int) -> bool:
    """Whether an item is an AND or OR between two conditions."""
    if not says(items[at], "and", "or") or at + 1 >= len(items):
        return False
    if says(items[at], "or"):
        return True
    # the AND of a BETWEEN is the first one behind it
    before = next((back for back in range(at - 1, -1, -1) if says(items[back], "and", "or", "between")), None)
    return before is None or not says(items[before], "between")


def binds(items: Sequence[Item]) -> bool:
    """Whether nothing in some items binds less than the signs of sums and products do."""
    return not any(says(each, *_LOOSER, keyword=False) for each in items)


def is_sum(items: Sequence[Item], at: int) -> bool:
    """Whether an item is a sign between the parts of a sum."""
    return _is_operator(items, at, ("+", "-", "||"))


def is_product(items: Sequence[Item], at: int) -> bool:
    """Whether an item is a sign between the factors of a product."""
    return _is_operator(items, at, ("*", "/", "//", "%"))


def _is_operator(items: Sequence[Item], at: int, lows: tuple[str, ...]) -> bool:
    item = items[at]
    if not (isinstance(item, Word) and item.low in lows and item.space) or at + 1 >= len(items):
        return False
    return first_word(items[at + 1]).space
