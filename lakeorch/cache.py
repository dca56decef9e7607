"""What was found out before, kept in `<root>/.lakeorch/plan.cache` under a hash of everything that it follows from.

A value is found again only under the hash of what it would be made from now, so that it cannot be stale: another text,
another default setting, another variable, another table under an old name give another key. What the file as a whole
depends on (lakeorch, the libraries, the plug-ins) is its `versions`; other ones, or a file that is not whole, and it
counts as empty. It holds values only and nothing that could run. Losing it costs time, nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from lakeorch.brief import Brief, Head
from lakeorch.model import Model, Published, Schema

T = TypeVar("T")

# size, times and number of a file: every write to it moves them
Stamp = tuple[int, int, int, int]

# a file written again within the clock's grain keeps its times: what was young when it was looked at is not trusted
GRAIN_NS = 2_000_000_000
# so many values that were of no use now are kept in any case
SPARE = 1_000


def digest(*parts: str) -> str:
    """The hash of some texts, in order."""
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def content_hash(content: bytes) -> str:
    """The hash of what a file holds."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def stamp_of(seen: os.stat_result) -> Stamp:
    """What tells that a file is as it was."""
    return seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino


class Shelf(Generic[T]):
    """Values of one kind by key; knows which of them were of use."""

    def __init__(self, kept: dict[str, T]) -> None:
        self._kept = kept
        self._used: set[str] = set()
        self.changed = False

    def get(self, key: str) -> T | None:
        """A value; None where there is none."""
        found = self._kept.get(key)
        if found is not None:
            self._used.add(key)
        return found

    def put(self, key: str, value: T) -> None:
        """Keeps a value."""
        self._used.add(key)
        if self._kept.get(key) != value:
            self._kept[key] = value
            self.changed = True

    def all(self) -> dict[str, T]:
        """Everything, of use now or not."""
        return self._kept

    def lasting(self) -> dict[str, T]:
        """What is worth keeping: all of it, or what was of use now where most was not."""
        if len(self._kept) <= 2 * len(self._used) + SPARE:
            return self._kept
        return {key: value for key, value in self._kept.items() if key in self._used}


class Pack(Generic[T]):
    """Larger values by key, unpacked when they are asked for.

    Args:
        kind: their type.
        kept: what was kept, packed.
    """

    def __init__(self, kind: Any, kept: dict[str, bytes]) -> None:
        self._decoder: msgspec.msgpack.Decoder[T] = msgspec.msgpack.Decoder(kind)
        self._kept = kept

    def __contains__(self, key: str) -> bool:
        return key in self._kept

    def get(self, key: str) -> T | None:
        """A value; None where there is none."""
        packed = self._kept.get(key)
        return None if packed is None else self._decoder.decode(zlib.decompress(packed))

    def put(self, key: str, value: T) -> bool:
        """Keeps a value and tells whether it did: one that would not come back as it is, is not kept."""
        try:
            text = msgspec.msgpack.encode(value)
            if self._decoder.decode(text) != value:
                return False
        except (TypeError, ValueError, OverflowError):
            return False
        self._kept[key] = zlib.compress(text, 1)
        return True

    def take(self, key: str, packed: bytes) -> None:
        """Keeps a value that was packed elsewhere."""
        self._kept[key] = packed

    def only(self, keys: Iterable[str]) -> dict[str, bytes]:
        """What is kept under these keys."""
        return {key: self._kept[key] for key in keys if key in self._kept}


class _Content(msgspec.Struct, array_like=True):
    """What the file holds, behind its first bytes."""

    versions: str = ""
    files: dict[str, tuple[Stamp, str]] = {}
    briefs: dict[str, Brief] = {}
    models: dict[str, bytes] = {}
    bound: dict[str, str] = {}
    schemas: dict[str, bytes] = {}
    heads: dict[str, Head] = {}
    tables: dict[str, bytes] = {}
    steps: dict[str, str] = {}
    lineage: dict[str, str] = {}


class Cache:
    """What is known of a project from before.

    Args:
        file: where it is kept; None keeps nothing.
        versions: names everything that all of it depends on.

    Attributes:
        briefs, models: key of what a model was read from → the model, in few words and whole.
        bound: key of what a query was bound on → hash of the columns that it yields, which `schemas` has.
        heads, tables: key of a metadata file → the table, in few words and whole.
        steps: key of everything that a decision follows from → the fingerprint of the model, which was up to date.
        lineage: model → hash of the text that tells the lineage of its columns, and of all that this follows from.
    """

    def __init__(self, file: Path | None = None, versions: str = "") -> None:
        self._file = file
        self._versions = versions
        content = _Content() if file is None else _read(file, versions)
        self._files = Shelf(content.files)
        self.briefs = Shelf(content.briefs)
        self.models: Pack[Model] = Pack(Model, content.models)
        self.bound = Shelf(content.bound)
        self.schemas: Pack[Schema] = Pack(Schema, content.schemas)
        self.heads = Shelf(content.heads)
        self.tables: Pack[Published] = Pack(Published, content.tables)
        self.steps = Shelf(content.steps)
        self.lineage = Shelf(content.lineage)
        self._now = time.time_ns()

    def content_of(self, path: str, seen: Stamp) -> str:
        """The hash of a file's content, where the file is as it was; empty where that is not certain."""
        known = self._files.get(path)
        return known[1] if known is not None and known[0] == seen else ""

    def content_before(self, path: str) -> str:
        """The hash of what a file held when it was last learnt; empty where it never was."""
        known = self._files.get(path)
        return known[1] if known is not None else ""

    def learn(self, path: str, seen: Stamp, content: str) -> None:
        """Remembers the content of a file by its stamp, where that is old enough to be trusted."""
        if self._now - max(seen[1], seen[2]) > GRAIN_NS:
            self._files.put(path, (seen, content))

    def save(self) -> None:
        """Writes what was learnt, in one step; a folder that cannot be written to is no error."""
        shelves = (self._files, self.briefs, self.bound, self.heads, self.steps, self.lineage)
        if self._file is None or not any(shelf.changed for shelf in shelves):
            return
        briefs, bound, heads = self.briefs.lasting(), self.bound.lasting(), self.heads.lasting()
        content = _Content(
            self._versions,
            self._files.lasting(),
            briefs,
            self.models.only(briefs),
            bound,
            self.schemas.only(dict.fromkeys(bound.values())),
            heads,
            self.tables.only(heads),
            self.steps.lasting(),
            self.lineage.all(),
        )
        packed = msgspec.msgpack.encode(content)
        beside = self._file.with_suffix(f".{os.getpid()}.tmp")
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            try:
                beside.write_bytes(zlib.crc32(packed).to_bytes(4, "big") + packed)
                beside.replace(self._file)
            except OSError:
                beside.unlink(missing_ok=True)
                raise
        for shelf in shelves:
            shelf.changed = False


def _read(file: Path, versions: str) -> _Content:
    """What a file holds; nothing where it is missing, torn, spoilt, or of other versions."""
    try:
        text = memoryview(file.read_bytes())
        if zlib.crc32(text[4:]) != int.from_bytes(text[:4], "big"):
            return _Content()
        content = msgspec.msgpack.decode(text[4:], type=_Content)
    except (OSError, ValueError):
        return _Content()
    return content if content.versions == versions else _Content()
