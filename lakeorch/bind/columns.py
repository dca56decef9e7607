"""The columns of tables by name: what is known from before is unpacked when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lakeorch.cache import Cache, digest
from lakeorch.model import Schema


class Columns(Mapping[str, Schema]):
    """The columns of tables.

    Args:
        cache: has those that are only named by their hash.
    """

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._known: dict[str, Schema] = {}
        self._hashes: dict[str, str] = {}

    def put(self, name: str, schema: Schema) -> str:
        """Takes a table's columns and returns their hash."""
        self._known[name] = schema
        self._hashes[name] = hash_of(schema)
        return self._hashes[name]

    def recall(self, name: str, hashed: str) -> None:
        """Takes columns that the cache has."""
        self._hashes[name] = hashed

    def hash(self, name: str) -> str:
        """The hash of a table's columns; empty where there is no such table."""
        return self._hashes.get(name, "")

    def __getitem__(self, name: str) -> Schema:
        found = self._known.get(name)
        if found is None:
            kept = self._cache.schemas.get(self._hashes[name])
            assert kept is not None, f"the columns of {name} are named and not kept"
            found = self._known[name] = kept
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._hashes

    def __iter__(self) -> Iterator[str]:
        return iter(self._hashes)

    def __len__(self) -> int:
        return len(self._hashes)


def hash_of(schema: Schema) -> str:
    """Names the columns of a table: equal for equal ones, in order."""
    return digest(*(part for column in schema for part in (column.name, column.type, column.description)))
