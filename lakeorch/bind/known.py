"""What names everything that a query is bound on, so that it need not be bound again while that stays.

A query's columns follow from its text, from what the names in it mean, from the columns of those tables, from the types
of the variables and from the raw files; so do the mistakes in it, of which there were none where it is known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lakeorch.bind.columns import Columns, hash_of
from lakeorch.brief import Brief
from lakeorch.cache import Cache, digest
from lakeorch.errors import UsageError
from lakeorch.masking import is_secret
from lakeorch.model import Scalar, Schema
from lakeorch.sources.files import find_files, stamp_of

if TYPE_CHECKING:
    from lakeorch.graph import Graph

# pattern → what names the content of the files behind it; empty where that is not known
Contents = Callable[[str], str]


@dataclass(frozen=True)
class Known:
    """Names what queries are bound on.

    Attributes:
        engine: what binds them.
        columns: of the tables that are known so far.
        contents: names what raw files hold.
        secret: tells the variables whose values must not be found in a hash.
    """

    graph: Graph
    cache: Cache
    engine: str
    variables: Mapping[str, Scalar]
    columns: Columns
    folder: Path
    contents: Contents

    def query(self, name: str, brief: Brief, identity: str, inputs: Sequence[str]) -> str:
        """Names what a query is bound on; empty where something of it has no name.

        Args:
            name: of the model or check.
            brief: of it.
            identity: names its text and what the names in it mean.
            inputs: the tables that it reads, in full; the columns of all must be known.
        """
        tables = [self.columns.hash(each) for each in inputs]
        files = [self.contents(pattern) for pattern in brief.patterns]
        if not (identity and all(tables) and all(files)) or any(map(is_secret, brief.variables)):
            return ""
        values = [f"{each}={self.variables[each]!r}" if each in self.variables else each for each in brief.variables]
        return digest("query", self.engine, name, identity, *tables, *files, *values)

    def checks(self, name: str, identity: str, looks_at: Sequence[str]) -> str:
        """Names what the checks of a model are bound on; empty where something of it has no name."""
        tables = [self.columns.hash(each) for each in (name, *looks_at)]
        return digest("checks", self.engine, name, identity, *tables) if identity and all(tables) else ""

    def recall(self, key: str) -> str:
        """The hash of the columns that a query yielded, which was right; empty where that is not known."""
        found = self.cache.bound.get(key) if key else None
        return found if found is not None and found in self.cache.schemas else ""

    def learn(self, key: str, schema: Schema) -> None:
        """Remembers a query that is right, and its columns; of checks, which yield none, that they are."""
        hashed = hash_of(schema)
        if key and (hashed in self.cache.schemas or self.cache.schemas.put(hashed, schema)):
            self.cache.bound.put(key, hashed)

    def stamps(self, brief: Brief) -> list[object]:
        """The sizes and times of the files that a query reads: the same before and after, and none was written."""
        found: list[object] = []
        for pattern in brief.patterns:
            try:
                found += [(path, stamp_of(self.folder / path)) for path in find_files(pattern, self.folder)]
            except UsageError:
                found.append(pattern)
        return found
