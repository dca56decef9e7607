"""The hash of a query: equal for equal queries however they are laid out, different for different ones."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot.tokenizer_core import Token

# Goes up whenever the normal form changes, so that an old hash is never taken for a new one.
_VERSION = "1"

_FOLD = str.maketrans({chr(code): chr(code + 32) for code in range(ord("A"), ord("Z") + 1)})
_PLAIN_QUOTED = re.compile(r'"[A-Za-z_]\w*"', re.ASCII)
# Characters that make DuckDB read the signs around them as one operator: `! ~~` is not `!~~`.
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
    words: list[str] = []
    before = ""
    end = -1
    for token, raw, after in zip(tokens, raws, (*raws[1:], ""), strict=True):
        if token.start == end and _sticks(before, raw):
            words[-1] += "\0"
        # the tree does not tell where a key such as `{key: 1}` or the name of a variable stood
        words.append(_normal(raw, token.start in spelled or before == "$" or after in _NAMING))
        before, end = raw, token.end + 1
    digest = hashlib.blake2b("\n".join(words).encode("utf-8", "surrogatepass"), digest_size=16)
    return f"{_VERSION}:{digest.hexdigest()}"


def _normal(raw: str, spelled: bool) -> str:
    first = raw[0]
    if "'" in raw or (first == "$" and len(raw) > 1):
        return raw
    if first == '"':
        return raw.translate(_FOLD) if not spelled and _PLAIN_QUOTED.fullmatch(raw) else raw
    # a token of two words, GROUP BY, holds the layout between them
    return raw if spelled else "\n".join(raw.split()).translate(_FOLD)


def _sticks(before: str, raw: str) -> bool:
    """Whether two tokens without a gap would mean something else with one: `x'ff'`, `!~~`."""
    if raw[0] == "'":
        return before[-1].isalnum() or before[-1] in "_&'"
    return before[-1] in _SIGNS and raw[0] in _SIGNS and not _OPERATOR.isdisjoint(before + raw)
