"""The hash of a query: equal for equal queries however they are laid out, different for different ones."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot.tokenizer_core import Token

# Goes up whenever the normal form changes, so that an old hash is never taken for a new one.
_VERSION = "1"

_FOLD = str.maketrans({chr(code): chr(code + 32) for code in range(ord("A"), ord("Z") + 1)})
_PLAIN_QUOTED = re.compile(r'"[A-Za-z_]\w*"', re.ASCII)
# Signs with which an operator may end in + or -: `@-` is one, `*-` is two.
_OPERATOR = frozenset("~!@#^&|`?%")
_SIGNS = _OPERATOR | frozenset("+-*/<>=")

_NAMING = (":", ":=", "=>")


def query_hash(text: str, tokens: Sequence[Token], spelled: Collection[int]) -> str:
    """Hashes a statement by its tokens.

    Comments and layout are gone with the tokens; keywords, functions, types and names of tables and columns count
    without their letter case. Strings count as written, and so do the names whose case shows in the result. Hashing
    tokens and not a tree means that nothing a tree forgets can make two queries look the same.

    Args:
        text: the file.
        tokens: the statement's.
        spelled: offsets of the names that count as written.
    """
    raws = [text[token.start : token.end + 1] for token in tokens]
    glued = glued_tokens(tokens, raws)
    words: list[str] = []
    before = ""
    for number, (token, raw, after) in enumerate(zip(tokens, raws, (*raws[1:], ""), strict=True)):
        # the tree does not tell where a key such as `{key: 1}` or the name of a variable stood
        word = _normal(raw, token.start in spelled or before == "$" or after in _NAMING)
        words.append(f"\0{word}" if number in glued else word)
        before = raw
    digest = hashlib.blake2b("\n".join(words).encode("utf-8", "surrogatepass"), digest_size=16)
    return f"{_VERSION}:{digest.hexdigest()}"


@lru_cache(maxsize=50_000)
def _normal(raw: str, spelled: bool) -> str:
    first = raw[0]
    if "'" in raw or (first == "$" and len(raw) > 1):
        return raw
    if first == '"':
        return raw.translate(_FOLD) if not spelled and _PLAIN_QUOTED.fullmatch(raw) else raw
    # a token of two words, GROUP BY, holds the layout between them
    return raw if spelled else "\n".join(raw.split()).translate(_FOLD)


def glued_tokens(tokens: Sequence[Token], raws: Sequence[str]) -> set[int]:
    """The tokens that would mean something else with a gap before them.

    DuckDB reads a run of signs as one operator, up to a `+` or `-` at its end; and `x'ff'` is not `x 'ff'`.
    """
    found: set[int] = set()
    number = 1
    while number < len(raws):
        if tokens[number].start != tokens[number - 1].end + 1:
            number += 1
            continue
        before, raw = raws[number - 1][-1], raws[number][0]
        if raw == "'" and (before.isalnum() or before in "_&'"):
            found.add(number)
        elif before in _SIGNS and raw in _SIGNS:
            end = number + 1
            while end < len(raws) and raws[end][0] in _SIGNS and tokens[end].start == tokens[end - 1].end + 1:
                end += 1
            signs = "".join(raws[number - 1 : end])
            size = len(signs if not _OPERATOR.isdisjoint(signs) else signs.rstrip("+-"))
            start = tokens[number - 1].start
            found.update(at for at in range(number, end) if tokens[at].start - start < size)
            number = end
            continue
        number += 1
    return found
