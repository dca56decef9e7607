"""What column lineage says, as values and as the text that a published table carries."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["copied", "derived", "filter"]
Path = tuple[str, ...]

ALL = "*"
FILE = "file:"

_KINDS: tuple[Kind, ...] = get_args(Kind)
_PLAIN = re.compile(r'[^."*]+')
_PART = re.compile(r'"((?:[^"]|"")*)"|([^."]+)')


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """One column of an input has a say in one column of a model.

    A column is a path: `price`, or `address.city` for a field of a struct; a name that holds a dot, a quote or a star
    stands in double quotes. `*` stands for all columns.

    Attributes:
        source: a model, a table of the catalog, or `file:` and the pattern of the files that are read.
        column: of the source; `*` where which of its columns cannot be told.
        target_column: of the model; `*` on a filter edge, which concerns all its rows.
        kind: `copied` for the value as it is, in the rows that take it from there, up to the cast to the common type
            of a set operation; `derived` for a part of how the value is made; `filter` for what decides which rows
            appear, how often, or how they are grouped.
    """

    source: str
    column: str
    target_column: str
    kind: Kind


def join_path(path: Path) -> str:
    """A path as text: `address.city`."""
    return ".".join(part if _PLAIN.fullmatch(part) else '"' + part.replace('"', '""') + '"' for part in path)


def split_path(text: str) -> Path:
    """The names in a path's text; the opposite of `join_path`. `*` for all columns is the path `("*",)`."""
    return tuple(quoted.replace('""', '"') if plain == "" else plain for quoted, plain in _PART.findall(text))


def to_json(edges: Iterable[Edge]) -> str:
    """Edges as compact canonical JSON: target column → kind → source → columns.

    Args:
        edges: of one model.
    """
    doc: dict[str, dict[str, dict[str, list[str]]]] = {}
    for edge in sorted(set(edges)):
        kinds = doc.setdefault(edge.target_column, {})
        kinds.setdefault(edge.kind, {}).setdefault(edge.source, []).append(edge.column)
    return json.dumps(doc, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def from_json(text: str) -> tuple[Edge, ...]:
    """Reads what `to_json` wrote, sorted.

    Raises:
        ValueError: it is something else.
    """
    try:
        return tuple(
            sorted(
                Edge(str(source), str(column), str(target), _KINDS[_KINDS.index(kind)])
                for target, kinds in json.loads(text).items()
                for kind, sources in kinds.items()
                for source, columns in sources.items()
                for column in columns
            )
        )
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError("this is not column lineage") from error
