"""The words of a query → a document: a line for each clause, a level for each bracket."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from lakeorch.parse.format.printer import BLANK, END, LINE, NEVER, SOFT, Above, Behind, Doc, End, Group, Line, Nest, width
from lakeorch.parse.format.words import Word

# a query in brackets, a member of a UNION or a CASE is easier to read broken than in a longer line
SHORT = 80
# so many short columns may stand beside SELECT
FEW = 3
# a list in brackets with more elements than MANY, none longer than SMALL, is filled and not broken
MANY, SMALL = 8, 40

_BEGINNINGS = frozenset("select with from values pivot unpivot pivot_wider pivot_longer".split())
_PIVOTS = frozenset("pivot unpivot pivot_wider pivot_longer".split())
_SETS = frozenset("union except intersect".split())
_JOINS = frozenset("left right full inner outer cross natural asof semi anti positional".split())
_CLAUSES = frozenset(
    "select from where having qualify window limit offset fetch pivot unpivot".split() + ["group by", "order by"]
)
_PIVOT_CLAUSES = frozenset("on using into name value limit".split() + ["group by", "order by"])
_LAST = frozenset(("order by", "limit", "offset", "fetch"))
_CONDITIONS = frozenset("where having qualify".split())
_LISTS = frozenset(("group by", "order by", "partition by", "from", "window", "values"))
_IN_BRACKETS = frozenset(("partition by", "order by", "rows", "range", "groups", "where"))


@dataclass(slots=True)
class Bracket:
    """What stands between an opening and a closing word: `( … )`, `[ … ]`, `{ … }`, `CASE … END`."""

    open: Word
    items: list[Item]
    close: Word


Item = Word | Bracket


class Unbalanced(Exception):
    """A bracket is not closed, or closed twice."""


def document(words: Sequence[Word]) -> Doc:
    """The document of one statement.

    Raises:
        Unbalanced: its brackets do not fit.
    """
    return _query(nested(words), END)


def nested(words: Sequence[Word]) -> list[Item]:
    """The words with what is in brackets taken together; raises Unbalanced."""
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
            raise Unbalanced
        else:
            items.append(word)
    if stack:
        raise Unbalanced
    return top


# ---- queries ---------------------------------------------------------------------------------------------------------


def _query(items: Sequence[Item], sep: Line | End) -> Doc:
    """A whole query; `sep` stands between its clauses."""
    if not _is(items[0], "with"):
        return _members(items, sep)
    head = 2 if len(items) > 1 and _is(items[1], "recursive") else 1
    parts: list[Doc] = [_plain(items[:head]), " "]
    rest = items[head:]
    while rest:
        at = next((at for at, item in enumerate(rest) if _is_body(rest, at) and isinstance(item, Bracket)), None)
        if at is None:
            break
        above, name, _ = _apart(rest[:at])
        body = rest[at]
        behind = _take_behind(body)
        parts += [*above, _plain(name), " ", _block(body) if isinstance(body, Bracket) else ""]
        rest = rest[at + 1 :]
        if not (rest and _is(rest[0], ",", keyword=False)):
            parts += behind
            break
        parts += [_word(rest[0]), *behind, BLANK]
        rest = rest[1:]
        if rest and _is(rest[0], *_BEGINNINGS):
            break
    return [*parts, BLANK, _members(rest, sep)] if rest else parts


def _is_body(items: Sequence[Item], at: int) -> bool:
    """Whether an item is the query of a CTE."""
    return at > 0 and _is(items[at - 1], "as", "materialized")


def _members(items: Sequence[Item], sep: Line | End) -> Doc:
    """A SELECT, or several with UNION and the like between them."""
    members: list[list[Item]] = [[]]
    signs: list[list[Item]] = []
    for item in items:
        if _is(item, *_SETS) and members[-1]:
            signs.append([item])
            members.append([])
        elif signs and not members[-1] and _is(item, "all", "distinct", "by", "name"):
            signs[-1].append(item)
        else:
            members[-1].append(item)
    if not signs:
        return _select(items, sep)
    last = next((at for at, item in enumerate(members[-1]) if at and _is(item, *_LAST)), len(members[-1]))
    members[-1], ending = members[-1][:last], members[-1][last:]
    docs: list[Doc] = []
    for member in members:
        above, inner, behind = _apart(member)
        docs.append([*above, Group([_select(inner, LINE)], SHORT), *behind])
    tall = any(width(doc) > SHORT for doc in docs)
    between: Doc = BLANK if tall else sep
    parts: list[Doc] = [docs[0]]
    for sign, doc in zip(signs, docs[1:], strict=True):
        above, inner, behind = _apart(sign)
        parts += [between, *above, _plain(inner), *behind, between, doc]
    return [*parts, BLANK if tall else sep, _select(ending, sep)] if ending else parts


def _select(items: Sequence[Item], sep: Line | End) -> Doc:
    """One SELECT: its clauses."""
    pivot = _is(items[0], *_PIVOTS) and not (len(items) > 1 and isinstance(items[1], Bracket))
    starts = [0] + [at for at in range(1, len(items)) if _starts_clause(items, at, pivot)]
    ends = [*starts[1:], len(items)]
    return _joined((_clause(items[start:end], sep) for start, end in zip(starts, ends, strict=True)), sep)


def _starts_clause(items: Sequence[Item], at: int, pivot: bool) -> bool:
    item = items[at]
    if not isinstance(item, Word):
        return False
    if pivot:
        return item.low in _PIVOT_CLAUSES
    if not item.keyword:
        return False
    if item.low in _JOINS:
        return not _is(items[at - 1], *_JOINS)
    if item.low == "join":
        return not _is(items[at - 1], *_JOINS)
    if item.low == "from":
        return not (_is(items[at - 1], "distinct") and at > 1 and _is(items[at - 2], "is", "not"))
    if item.low == "using":
        return at + 1 < len(items) and _is(items[at + 1], "sample")
    return item.low in _CLAUSES


def _clause(items: Sequence[Item], sep: Line | End) -> Doc:
    above, inner, behind = _apart(items)
    first = inner[0].low if isinstance(inner[0], Word) and inner[0].keyword else ""
    doc: Doc
    if first == "select":
        doc = _columns(inner)
    elif first in _CONDITIONS:
        doc = [_plain(inner[:1]), " ", _terms(inner[1:], sep, 2)]
    elif first in _LISTS:
        doc = _listing(inner[:1], inner[1:])
    elif first in _JOINS or first == "join":
        doc = _join(inner, sep)
    else:
        doc = _expression(inner)
    return [*above, doc, *behind]


def _columns(items: Sequence[Item]) -> Doc:
    """SELECT and its columns: few and short ones beside it, others below it."""
    head = 1
    while head < len(items) and _is(items[head], "distinct", "all"):
        head += 1
    if _is(items[head - 1], "distinct") and head + 1 < len(items) and _is(items[head], "on"):
        head += 2
    many = len(_elements(items[head:])) > FEW
    return _listing(items[:head], items[head:], 0 if many else SHORT)


def _listing(head: Sequence[Item], items: Sequence[Item], limit: int = NEVER - 1) -> Doc:
    """A keyword and a list: beside it where that fits, else below it."""
    elements = _elements(items)
    if not elements:
        return _plain(head)
    if len(elements) == 1 and not _is(head[0], "select"):
        return [_plain(head), " ", _expression(items)]
    return Group([_plain(head), Nest([LINE, _list(elements)])], limit)


def _join(items: Sequence[Item], sep: Line | End) -> Doc:
    at = next((at for at, item in enumerate(items) if _is(item, "on")), None)
    if at is None:
        return _plain(items)
    above, condition, behind = _apart(items[at:])
    table, table_behind = items[:at], _take_behind(items[at - 1])
    on: list[Doc] = [sep, *above, _plain(condition[:1]), " ", _terms(condition[1:], sep, 0), *behind]
    return [_plain(table), *table_behind, Nest(on)]


def _terms(items: Sequence[Item], sep: Line | End, nest: int) -> Doc:
    """Conditions with AND and OR between them, each on a line of its own."""
    terms = _split(items, _is_and_or)
    if len(terms) == 1:
        return _expression(items)
    parts: list[Doc] = [_operand(terms[0])]
    for term in terms[1:]:
        above, inner, behind = _apart(term)
        parts += [sep, *above, _plain(inner[:1]), " ", _operand(inner[1:]), *behind]
    return Nest(parts, nest) if nest else parts


# ---- expressions -----------------------------------------------------------------------------------------------------


def _expression(items: Sequence[Item]) -> Doc:
    """Anything; a long one is broken before its operators."""
    for splits in (_is_and_or, _is_sum):
        parts = _split(items, splits)
        if len(parts) > 1:
            rest: list[Doc] = []
            for part in parts[1:]:
                above, inner, behind = _apart(part)
                rest += [LINE, *above, _plain(inner[:1]), " ", _operand(inner[1:]), *behind]
            return Group([_operand(parts[0]), Nest(rest)])
    return _plain(items)


def _operand(items: Sequence[Item]) -> Doc:
    above, inner, behind = _apart(items)
    return [*above, _expression(inner) if inner else "", *behind]


def _split(items: Sequence[Item], splits: Callable[[Sequence[Item], int], bool]) -> list[Sequence[Item]]:
    """The items cut before each one that `splits`."""
    starts = [0] + [at for at in range(1, len(items)) if splits(items, at)]
    return [items[start:end] for start, end in zip(starts, [*starts[1:], len(items)], strict=True)]


def _is_and_or(items: Sequence[Item], at: int) -> bool:
    if not _is(items[at], "and", "or") or at + 1 >= len(items):
        return False
    if _is(items[at], "or"):
        return True
    # the AND of a BETWEEN is the first one behind it
    before = next((back for back in range(at - 1, -1, -1) if _is(items[back], "and", "or", "between")), None)
    return before is None or not _is(items[before], "between")


def _is_sum(items: Sequence[Item], at: int) -> bool:
    """A `+`, `-` or `||` between two operands, where nothing that binds less stands beside it."""
    item = items[at]
    if not (isinstance(item, Word) and item.low in ("+", "-", "||")) or at + 1 >= len(items):
        return False
    after = _first(items[at + 1])
    return after.space and all(isinstance(each, Bracket) or each.low not in _LOOSER for each in items)


_LOOSER = frozenset("= == <> != < > <= >= := => -> : in like ilike between is not and or".split())


def _bracket(item: Bracket) -> Doc:
    if item.open.low == "case":
        return _case(item)
    opening, closing, above = _word(item.open), _closing(item), [Above(c) for c in item.close.above]
    if not item.items:
        return [opening, *above, closing]
    if _is_query(item):
        return Group([opening, Nest([SOFT, _query(item.items, LINE), *above]), SOFT, closing], SHORT)
    starts = [at for at, each in enumerate(item.items) if _is(each, *_IN_BRACKETS)]
    if starts and item.open.low == "(":
        inside = _sections(item.items, starts)
    else:
        elements = _elements(item.items)
        inside = _terms(item.items, LINE, 0) if len(elements) == 1 else _list(elements)
    limit = SHORT if item.open.low == "{" else NEVER - 1
    return Group([opening, Nest([SOFT, inside, *above]), SOFT, closing], limit)


def _block(item: Bracket) -> Doc:
    """A query in brackets that is never put into one line: the body of a CTE."""
    above = [Above(comment) for comment in item.close.above]
    inside = _query(item.items, END) if item.items else ""
    return [_word(item.open), Nest([END, inside, *above]), END, _closing(item)]


def _sections(items: Sequence[Item], starts: Sequence[int]) -> Doc:
    """What stands in the brackets of a window or an aggregate: PARTITION BY, ORDER BY, WHERE."""
    parts: list[Doc] = []
    if starts[0]:
        parts.append(_list(_elements(items[: starts[0]])))
    for start, end in zip(starts, [*starts[1:], len(items)], strict=True):
        parts.append(_clause(items[start:end], LINE))
    return _joined(parts, LINE)


def _case(item: Bracket) -> Doc:
    arms = [part for part in _split(item.items, lambda items, at: _is(items[at], "when", "else")) if part]
    parts: list[Doc] = [_word(item.open)]
    if arms and not _is(arms[0][0], "when", "else"):
        parts += [" ", _expression(arms.pop(0))]
    halves = [_split(arm, lambda items, at: _is(items[at], "then")) for arm in arms]
    short = all(width(_plain(arm)) <= SHORT for arm in arms)
    inside: list[Doc] = []
    for half in halves:
        inside += [LINE, _arm(half, LINE if not short else None)]
    inside += [Above(comment) for comment in item.close.above]
    return Group([*parts, Nest(inside), LINE, _closing(item)], SHORT)


def _arm(halves: Sequence[Sequence[Item]], sep: Line | None) -> Doc:
    """WHEN … THEN …, with the THEN on a line of its own where there is a `sep`."""
    above, inner, behind = _apart(halves[0])
    parts: list[Doc] = [_plain(inner[:1]), " ", Group([_terms(inner[1:], LINE, 0)], SHORT), *behind]
    for half in halves[1:]:
        above_then, inner, behind = _apart(half)
        parts += [sep or " ", *above_then, _plain(inner[:1]), " ", _expression(inner[1:]), *behind]
    return [*above, Nest(parts)]


# ---- lists -----------------------------------------------------------------------------------------------------------


def _elements(items: Sequence[Item]) -> list[list[Item]]:
    """The items cut behind each comma, which stays with what is before it."""
    found: list[list[Item]] = [[]] if items else []
    for item in items:
        if found[-1] and _is(found[-1][-1], ",", keyword=False):
            found.append([])
        found[-1].append(item)
    return found


def _list(elements: Sequence[Sequence[Item]]) -> Doc:
    """Elements below each other; many small ones as many to a line as it takes."""
    docs = [_element(element) for element in elements]
    if len(docs) > MANY and all(width(doc) <= SMALL for doc in docs):
        return [docs[0], *(Group([LINE, doc]) for doc in docs[1:])]
    return _joined(docs, LINE)


def _element(items: Sequence[Item]) -> Doc:
    above, inner, behind = _apart(items)
    comma = len(inner) > 1 and _is(inner[-1], ",", keyword=False)
    inside = inner[:-1] if comma else inner
    return [*above, _operand(inside), _word(inner[-1]) if comma else "", *behind]


def _joined(docs: Iterable[Doc], sep: Doc) -> Doc:
    parts: list[Doc] = []
    for doc in docs:
        parts += [sep, doc] if parts else [doc]
    return parts


# ---- words -----------------------------------------------------------------------------------------------------------


def _plain(items: Sequence[Item]) -> Doc:
    """Items side by side."""
    parts: list[Doc] = []
    for number, item in enumerate(items):
        first = _first(item)
        if number and (first.space or first.inline):
            parts.append(" ")
        parts.append(_word(item) if isinstance(item, Word) else _bracket(item))
    return parts


def _word(word: Item) -> Doc:
    if isinstance(word, Bracket):
        return _bracket(word)
    text = " ".join([*word.inline, word.text])
    return [*(Above(c) for c in word.above), text, *(Behind(c) for c in word.behind)]


def _closing(item: Bracket) -> Doc:
    """The closing word of a bracket; the comments above it stand further in."""
    close = item.close
    text = " ".join([*close.inline, close.text])
    return [text, *(Behind(comment) for comment in close.behind)]


def _is(item: Item, *lows: str, keyword: bool = True) -> bool:
    return isinstance(item, Word) and item.low in lows and (item.keyword or not keyword)


def _is_query(item: Bracket) -> bool:
    if item.open.low != "(" or not item.items:
        return False
    first = item.items[0]
    if isinstance(first, Bracket):
        return _is_query(first) and any(_is(each, *_SETS, *_LAST) for each in item.items)
    return _is(first, *_BEGINNINGS)


def _first(item: Item) -> Word:
    return item.open if isinstance(item, Bracket) else item


def _apart(items: Sequence[Item]) -> tuple[list[Doc], Sequence[Item], list[Doc]]:
    """Items with the comments above the first and behind the last taken off: they break no line within."""
    first = _first(items[0])
    above: list[Doc] = [Above(comment) for comment in first.above]
    first.above = []
    return above, items, _take_behind(items[-1])


def _take_behind(item: Item) -> list[Doc]:
    last = item.close if isinstance(item, Bracket) else item
    behind: list[Doc] = [Behind(comment) for comment in last.behind]
    last.behind = []
    return behind


def _walk(items: Iterable[Item]) -> Iterator[Word]:
    """Every word, in order."""
    for item in items:
        if isinstance(item, Word):
            yield item
        else:
            yield item.open
            yield from _walk(item.items)
            yield item.close
