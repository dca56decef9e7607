"""The words of a query → a document: a line for each clause, a level for each bracket."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lakeorch.parse.format.nesting import (
    BEGINNINGS,
    LAST,
    PIVOTS,
    SETS,
    Bracket,
    Item,
    binds,
    elements,
    first_word,
    is_and_or,
    is_product,
    is_query,
    is_sum,
    last_word,
    length,
    nested,
    says,
    split,
)
from lakeorch.parse.format.printer import (
    BLANK,
    END,
    LINE,
    NEVER,
    SOFT,
    Above,
    Behind,
    Doc,
    End,
    Group,
    Line,
    Nest,
    width,
)
from lakeorch.parse.format.words import JOINS, Word, vocabulary

# a query in brackets, a member of a UNION or a CASE is easier to read broken than in a longer line
SHORT = 80
# so many short columns may stand beside SELECT
FEW = 3
# a list in brackets with more elements than MANY, none longer than SMALL, is filled and not broken
MANY, SMALL = 8, 40

_BY = frozenset(("group by", "order by"))
_CLAUSES = _BY | vocabulary("select from where having qualify window limit offset fetch pivot unpivot")
_PIVOT_CLAUSES = _BY | vocabulary("on using into limit")
_CONDITIONS = vocabulary("where having qualify")
_LISTS = _BY | {"partition by", "from", "window", "values"}
_IN_BRACKETS = frozenset(("partition by", "order by", "rows", "range", "groups", "where"))


def document(words: Sequence[Word]) -> Doc:
    """The document of one statement.

    Raises:
        UnbalancedError: its brackets do not fit.
    """
    return _query(nested(words), END)


# ---- queries ---------------------------------------------------------------------------------------------------------


def _query(items: Sequence[Item], sep: Line | End) -> Doc:
    """A whole query; `sep` stands between its clauses."""
    if not says(items[0], "with"):
        return _members(items, sep)
    head = 2 if len(items) > 1 and says(items[1], "recursive") else 1
    parts: list[Doc] = [_plain(items[:head]), " "]
    rest = items[head:]
    while rest:
        at = next((at for at, item in enumerate(rest) if _is_body(rest, at) and isinstance(item, Bracket)), None)
        if at is None:
            break
        above, name, behind_name = _apart(rest[:at])
        body = rest[at]
        behind = _take_behind(body)
        parts += [*above, _plain(name), *behind_name, " ", _block(body) if isinstance(body, Bracket) else ""]
        rest = rest[at + 1 :]
        if not (rest and says(rest[0], ",", keyword=False)):
            parts += behind
            break
        parts += [_plain(rest[:1]), *behind, BLANK]
        rest = rest[1:]
        if rest and says(rest[0], *BEGINNINGS):
            break
    return [*parts, BLANK, _members(rest, sep)] if rest else parts


def _is_body(items: Sequence[Item], at: int) -> bool:
    """Whether an item is the query of a CTE."""
    return at > 0 and says(items[at - 1], "as", "materialized")


def _members(items: Sequence[Item], sep: Line | End) -> Doc:
    """A SELECT, or several with UNION and the like between them."""
    members: list[list[Item]] = [[]]
    signs: list[list[Item]] = []
    for item in items:
        if says(item, *SETS) and members[-1]:
            signs.append([item])
            members.append([])
        elif signs and not members[-1] and says(item, "all", "distinct", "by", "name"):
            signs[-1].append(item)
        else:
            members[-1].append(item)
    if not signs:
        return _select(items, sep)
    last = next((at for at, item in enumerate(members[-1]) if at and says(item, *LAST)), len(members[-1]))
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
    pivot = says(items[0], *PIVOTS) and not (len(items) > 1 and isinstance(items[1], Bracket))
    clauses = split(items, lambda items, at: _starts_clause(items, at, pivot))
    joins = (clause for clause in clauses if says(clause[0], "join", *JOINS))
    tall = any(length(join) > SHORT for join in joins)
    return _joined((_clause(clause, sep, tall) for clause in clauses), sep)


def _starts_clause(items: Sequence[Item], at: int, pivot: bool) -> bool:
    item = items[at]
    if not isinstance(item, Word):
        return False
    if pivot:
        return item.low in _PIVOT_CLAUSES
    if not item.keyword:
        return False
    if item.low == "join" or item.low in JOINS:
        return not says(items[at - 1], *JOINS)
    if item.low == "from":
        return not (says(items[at - 1], "distinct") and at > 1 and says(items[at - 2], "is", "not"))
    if item.low == "using":
        return at + 1 < len(items) and says(items[at + 1], "sample")
    return item.low in _CLAUSES


def _clause(items: Sequence[Item], sep: Line | End, tall: bool = False) -> Doc:
    """One clause; `tall` puts the ON of a join on a line of its own."""
    above, inner, behind = _apart(items)
    first = inner[0].low if isinstance(inner[0], Word) and inner[0].keyword else ""
    doc: Doc
    if first == "select":
        doc = _columns(inner)
    elif first in _CONDITIONS:
        doc = [_plain(inner[:1]), " ", _terms(inner[1:], sep, 2)]
    elif first in _LISTS:
        doc = _listing(inner[:1], inner[1:])
    elif first in JOINS or first == "join":
        doc = _join(inner, sep) if tall else _plain(inner)
    else:
        doc = _expression(inner)
    return [*above, doc, *behind]


def _columns(items: Sequence[Item]) -> Doc:
    """SELECT and its columns: few and short ones beside it, others below it."""
    head = 1
    while head < len(items) and says(items[head], "distinct", "all"):
        head += 1
    if says(items[head - 1], "distinct") and head + 1 < len(items) and says(items[head], "on"):
        head += 2
    many = len(elements(items[head:])) > FEW
    return _listing(items[:head], items[head:], 0 if many else SHORT)


def _listing(head: Sequence[Item], items: Sequence[Item], limit: int = NEVER - 1) -> Doc:
    """A keyword and a list: beside it where that fits, else below it."""
    listed = elements(items)
    if not listed:
        return _plain(head)
    if len(listed) == 1 and not says(head[0], "select"):
        return [_plain(head), " ", _expression(items)]
    return Group([_plain(head), Nest([LINE, _list(listed)])], limit)


def _join(items: Sequence[Item], sep: Line | End) -> Doc:
    """A join, its condition below it."""
    at = next((at for at, item in enumerate(items) if says(item, "on")), None)
    if at is None:
        return _plain(items)
    above, condition, behind = _apart(items[at:])
    table, table_behind = items[:at], _take_behind(items[at - 1])
    on: list[Doc] = [sep, *above, _plain(condition[:1]), " ", _terms(condition[1:], sep, 0), *behind]
    return [_plain(table), *table_behind, Nest(on)]


def _terms(items: Sequence[Item], sep: Line | End, nest: int) -> Doc:
    """Conditions with AND and OR between them, each on a line of its own."""
    terms = split(items, is_and_or)
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
    for splits in (is_and_or, is_sum, is_product) if binds(items) else (is_and_or,):
        parts = split(items, splits)
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


def _bracket(item: Bracket) -> Doc:
    above, _, behind = _apart([item])
    return [*above, _case(item) if item.open.low == "case" else _enclosed(item), *behind]


def _enclosed(item: Bracket) -> Doc:
    above = _above_close(item)
    opening, closing = _word(item.open), _word(item.close)
    if not item.items:
        return [opening, *above, closing]
    if is_query(item):
        return Group([opening, Nest([SOFT, _query(item.items, LINE), *above]), SOFT, closing], SHORT)
    starts = [at for at, each in enumerate(item.items) if says(each, *_IN_BRACKETS)]
    if starts and item.open.low == "(":
        inside = _sections(item.items, starts)
    else:
        listed = elements(item.items)
        inside = _terms(item.items, LINE, 0) if len(listed) == 1 else _list(listed, fill=True)
    conditions = any(is_and_or(item.items, at) for at in range(1, len(item.items)))
    limit = SHORT if item.open.low == "{" or conditions else NEVER - 1
    return Group([opening, Nest([SOFT, inside, *above]), SOFT, closing], limit)


def _block(item: Bracket) -> Doc:
    """A query in brackets that is never put into one line: the body of a CTE."""
    above = _above_close(item)
    inside = _query(item.items, END) if item.items else ""
    return [_word(item.open), Nest([END, inside, *above]), END, _word(item.close)]


def _sections(items: Sequence[Item], starts: Sequence[int]) -> Doc:
    """What stands in the brackets of a window or an aggregate: PARTITION BY, ORDER BY, WHERE."""
    parts: list[Doc] = []
    if starts[0]:
        parts.append(_list(elements(items[: starts[0]])))
    for start, end in zip(starts, [*starts[1:], len(items)], strict=True):
        parts.append(_clause(items[start:end], LINE))
    return _joined(parts, LINE)


def _case(item: Bracket) -> Doc:
    arms = [part for part in split(item.items, lambda items, at: says(items[at], "when", "else")) if part]
    parts: list[Doc] = [_word(item.open)]
    if arms and not says(arms[0][0], "when", "else"):
        parts += [" ", _expression(arms.pop(0))]
    halves = [split(arm, lambda items, at: says(items[at], "then")) for arm in arms]
    short = all(length(arm) <= SHORT for arm in arms)
    inside: list[Doc] = []
    for half in halves:
        inside += [LINE, _arm(half, LINE if not short else None)]
    return Group([*parts, Nest([*inside, *_above_close(item)]), LINE, _word(item.close)], SHORT)


def _arm(halves: Sequence[Sequence[Item]], sep: Line | None) -> Doc:
    """WHEN … THEN …, with the THEN on a line of its own where there is a `sep`."""
    above, inner, behind = _apart(halves[0])
    parts: list[Doc] = [_plain(inner[:1]), " ", Group([_terms(inner[1:], LINE, 0)], SHORT), *behind]
    for half in halves[1:]:
        above_then, inner, behind = _apart(half)
        parts += [sep or " ", *above_then, _plain(inner[:1]), " ", _expression(inner[1:]), *behind]
    return [*above, Nest(parts)]


# ---- lists -----------------------------------------------------------------------------------------------------------


def _list(listed: Sequence[Sequence[Item]], *, fill: bool = False) -> Doc:
    """Elements below each other; with `fill`, many small ones as many to a line as it takes."""
    docs = [_element(element) for element in listed]
    if fill and len(docs) > MANY and all(width(doc) <= SMALL for doc in docs):
        return [docs[0], *(Group([LINE, doc]) for doc in docs[1:])]
    return _joined(docs, LINE)


def _element(items: Sequence[Item]) -> Doc:
    above, inner, behind = _apart(items)
    comma = len(inner) > 1 and says(inner[-1], ",", keyword=False)
    inside = inner[:-1] if comma else inner
    return [*above, _operand(inside), _plain(inner[-1:]) if comma else "", *behind]


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
        first = first_word(item)
        if number and (first.space or first.inline):
            parts.append(" ")
        parts.append(_word(item) if isinstance(item, Word) else _bracket(item))
    return parts


def _word(word: Word) -> Doc:
    return [*(Above(comment) for comment in word.above), word.shown, *(Behind(comment) for comment in word.behind)]


def _above_close(item: Bracket) -> list[Doc]:
    """Takes the comments above the closing word of a bracket off it: they stand further in."""
    above: list[Doc] = [Above(comment) for comment in item.close.above]
    item.close.above = []
    return above


def _apart(items: Sequence[Item]) -> tuple[list[Doc], Sequence[Item], list[Doc]]:
    """Takes the comments above the first item and behind the last one off them: there they break no line within."""
    first = first_word(items[0])
    above: list[Doc] = [Above(comment) for comment in first.above]
    first.above = []
    return above, items, _take_behind(items[-1])


def _take_behind(item: Item) -> list[Doc]:
    last = last_word(item)
    behind: list[Doc] = [Behind(comment) for comment in last.behind]
    last.behind = []
    return behind
