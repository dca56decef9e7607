"""What manifests list, read once: a manifest never changes, and its name is never given out again.

A run looks at the same table many times (to read it, to check it, for each model over it), and a table that grows by
small appends has a manifest for each. Of a first reading, pyiceberg spends four fifths on working out how to read such
a file, which is the same for all files of one schema.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache

from cachetools import LRUCache
from pyiceberg.avro.decoder import new_decoder
from pyiceberg.avro.file import _SCHEMA_KEY, META_SCHEMA, AvroFile, AvroFileHeader
from pyiceberg.avro.reader import Reader
from pyiceberg.avro.resolver import construct_reader, resolve_reader
from pyiceberg.io import FileIO
from pyiceberg.manifest import (
    DEFAULT_READ_VERSION,
    MANIFEST_ENTRY_SCHEMAS,
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
    _inherit_from_manifest,
)

# Iceberg's own default, `commit.manifest.target-size-bytes`
MANIFEST_SIZE = 8 * 1024 * 1024

# what is remembered, counted in columns of files, of which each takes about 250 bytes: 10,000 files of 24 columns
_REMEMBERED = 250_000


def _columns(entries: Sequence[ManifestEntry]) -> int:
    return 1 + sum(1 + len(entry.data_file.value_counts or ()) for entry in entries)


_known: LRUCache[str, tuple[ManifestEntry, ...]] = LRUCache(_REMEMBERED, getsizeof=_columns)
_lock = threading.Lock()


def read_entries(io: FileIO, manifest: ManifestFile) -> tuple[ManifestEntry, ...]:
    """All entries of a manifest as it lies there now, those of deleted files included.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no whole manifest.
    """
    with _Input(io.new_input(manifest.manifest_path)) as file:
        return tuple(_inherit_from_manifest(entry, manifest) for entry in file)


def live_entries(io: FileIO, manifest: ManifestFile) -> list[ManifestEntry]:
    """The entries of files that are there, from memory where they were read before; not to be changed.

    Raises: as `read_entries`.
    """
    if not has_files(manifest):
        return []
    with _lock:
        known = _known.get(manifest.manifest_path)
    if known is None:
        known = tuple(e for e in read_entries(io, manifest) if e.status != ManifestEntryStatus.DELETED)
        if _columns(known) <= _REMEMBERED:
            with _lock:
                _known[manifest.manifest_path] = known
    return list(known)


def has_files(manifest: ManifestFile) -> bool:
    """Whether it lists a file that is there."""
    return manifest.has_added_files() or manifest.has_existing_files()


def small_manifests(manifests: Sequence[ManifestFile], least: int) -> list[ManifestFile]:
    """The data manifests that pay to be written as one: `least` or more that are small, or that list nothing more."""
    data = [m for m in manifests if m.content == ManifestContent.DATA]
    small = [m for m in data if m.manifest_length < MANIFEST_SIZE // 4]
    empty = [m for m in data if not has_files(m)]
    return small if len(small) >= least else empty if len(empty) >= least else []


class _Input(AvroFile[ManifestEntry]):
    """A manifest, read as pyiceberg reads it."""

    def __enter__(self) -> _Input:
        with self.input_file.open() as stream:
            self.decoder = new_decoder(stream.read())
        self.header = self._read_header()
        self.reader = _reader(self.header.meta[_SCHEMA_KEY])
        return self

    def _read_header(self) -> AvroFileHeader:
        header: AvroFileHeader = _head().read(self.decoder)
        return header


@lru_cache(maxsize=1)
def _head() -> Reader:
    return construct_reader(META_SCHEMA, {-1: AvroFileHeader})


@lru_cache(maxsize=256)
def _reader(text: str) -> Reader:
    return resolve_reader(
        AvroFileHeader(b"", {_SCHEMA_KEY: text}, b"").get_schema(),
        MANIFEST_ENTRY_SCHEMAS[DEFAULT_READ_VERSION],
        {-1: ManifestEntry, 2: DataFile},
        {0: ManifestEntryStatus, 101: FileFormat, 134: DataFileContent},
    )
