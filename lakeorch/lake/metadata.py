"""Metadata files: read, each once in the life of the process, and written.

A location is never written twice, so what was read from it holds for good.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, TypeVar

from pyiceberg.catalog import MetastoreCatalog
from pyiceberg.io import FileIO, load_file_io
from pyiceberg.serializers import Compressor
from pyiceberg.table.locations import load_location_provider
from pyiceberg.table.metadata import TableMetadata, TableMetadataUtil
from pyiceberg.utils.config import Config

from lakeorch.errors import CatalogError
from lakeorch.lake.change import apply
from lakeorch.lake.port import TableCommit
from lakeorch.lake.published import published_of
from lakeorch.lake.remedy import plainly
from lakeorch.lake.scan import plain
from lakeorch.lake.versions import Timeline, timeline_of
from lakeorch.model import Published

_READERS = 8

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Files:
    """How to get at metadata files.

    Attributes:
        properties: settings of the file system, sorted: equal settings share what was read.
    """

    properties: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, properties: Mapping[str, object]) -> Files:
        """Files by the settings of a catalog."""
        return cls(tuple(sorted((key, str(value)) for key, value in properties.items())))

    def io(self, location: str) -> FileIO:
        """Access to the files beside one."""
        return load_file_io(dict(self.properties), location)

    def published(self, pointers: Mapping[str, str]) -> dict[str, Published]:
        """Table → what its metadata file says."""
        return _each(pointers, lambda name, location: _published(self, name, location))

    def timelines(self, pointers: Mapping[str, str]) -> dict[str, Timeline]:
        """Table → its past, as its metadata file tells it."""
        return _each(pointers, self._timeline)

    def document(self, location: str) -> dict[str, Any]:
        """A metadata file as JSON."""
        return _json(self, location)

    def metadata(self, location: str) -> TableMetadata:
        """A metadata file as pyiceberg has it."""
        return _metadata(self, location)

    def _timeline(self, name: str, location: str) -> Timeline:
        document = _json(self, location)
        with readable(location):
            return timeline_of(name, location, document)


def _each(pointers: Mapping[str, str], read: Callable[[str, str], T]) -> dict[str, T]:
    with ThreadPoolExecutor(max_workers=_READERS) as pool:
        return dict(zip(pointers, pool.map(read, pointers, pointers.values()), strict=True))


def _json(files: Files, location: str) -> dict[str, Any]:
    with readable(location):
        with files.io(location).new_input(location).open() as stream:
            content = bytes(stream.read())
        if location.endswith(".gz.metadata.json"):
            content = gzip.decompress(content)
        document = json.loads(content)
        if not isinstance(document, dict):
            raise ValueError("not an object")
        return document


@contextmanager
def readable(location: str) -> Iterator[None]:
    """Says plainly, of what goes wrong in the block, that the metadata file cannot be read or is damaged."""
    try:
        with plainly(plain(location)):
            yield
    except ValueError as error:
        raise CatalogError(
            f"{plain(location)}: the table's metadata file is damaged",
            hint="restore it from a backup, or drop the table from the catalog and run again",
        ) from error


@lru_cache(maxsize=20_000)
def _published(files: Files, name: str, location: str) -> Published:
    document = _json(files, location)
    with readable(location):
        return published_of(name, location, document)


@lru_cache(maxsize=64)
def _metadata(files: Files, location: str) -> TableMetadata:
    document = _json(files, location)
    with readable(location):
        return TableMetadataUtil.parse_obj(document)


def written(change: TableCommit) -> str:
    """Writes the next metadata file of a table; nobody points to it yet. Returns its location."""
    table, previous = change.table, change.location
    metadata = apply(table.metadata if table else None, change.updates, previous)
    if table and change.when is not None:
        moves = metadata.snapshot_log
        if len(moves) > len(table.metadata.snapshot_log):
            moves = [*moves[:-1], moves[-1].model_copy(update={"timestamp_ms": change.when})]
        metadata = metadata.model_copy(update={"last_updated_ms": change.when, "snapshot_log": moves})
    return write(metadata, change.io, previous)


def write(metadata: TableMetadata, io: FileIO, previous: str | None) -> str:
    """Writes a table's metadata, which follows that at `previous`, where a new file of the table belongs."""
    version = MetastoreCatalog._parse_metadata_version(previous) + 1 if previous else 0
    provider = load_location_provider(metadata.location, metadata.properties)
    location = provider.new_table_metadata_file_location(version)
    text = metadata.model_dump_json(exclude_none=not _tells_none()).encode()
    with plainly(plain(location)), io.new_output(location).create() as stream:
        stream.write(Compressor.get_compressor(location).bytes_compressor()(text))
    return location


@cache
def _tells_none() -> bool:
    """Whether a table without a snapshot says so: a setting of pyiceberg, which reads its settings for every file."""
    return bool(Config().get_bool("legacy-current-snapshot-id"))
