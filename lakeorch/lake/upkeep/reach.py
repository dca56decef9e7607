"""Which files a table needs: all that is reachable from a metadata file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from pyiceberg.io import FileIO
from pyiceberg.manifest import ManifestFile
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot

from lakeorch.errors import CatalogError, LakeorchError
from lakeorch.lake.scan import plain

T = TypeVar("T")


@dataclass
class Reach:
    """Collects reachable files; a manifest that many snapshots share is read once.

    Attributes:
        files: plain paths of all that was reached so far.
    """

    files: set[str] = field(default_factory=set)
    _manifests: dict[str, frozenset[str]] = field(default_factory=dict)
    _lists: dict[str, list[ManifestFile]] = field(default_factory=dict)

    def table(self, io: FileIO, metadata: TableMetadata, location: str) -> None:
        """Adds a metadata file, those before it that it names, and the files of all its snapshots.

        Raises:
            CatalogError: a file that must be read cannot be: what else is needed is then unknown.
        """
        self.files.add(plain(location))
        self.files.update(plain(entry.metadata_file) for entry in metadata.metadata_log)
        self.files.update(plain(file.statistics_path) for file in metadata.statistics)
        self.files.update(plain(file.statistics_path) for file in metadata.partition_statistics)
        self.snapshots(io, metadata.snapshots)

    def snapshots(self, io: FileIO, snapshots: Iterable[Snapshot]) -> None:
        """Adds the files of snapshots. Raises CatalogError as `table`."""
        self.files |= self.of(io, snapshots)

    def of(self, io: FileIO, snapshots: Iterable[Snapshot]) -> set[str]:
        """The files of snapshots, without adding them. Raises CatalogError as `table`."""
        found: set[str] = set()
        for snapshot in snapshots:
            found.add(plain(snapshot.manifest_list))
            for manifest in self.manifests(io, snapshot):
                found.add(plain(manifest.manifest_path))
                found |= self._listed(io, manifest)
        return found

    def manifests(self, io: FileIO, snapshot: Snapshot) -> list[ManifestFile]:
        """The manifests of a snapshot."""
        known = self._lists.get(snapshot.manifest_list)
        if known is None:
            known = self._lists[snapshot.manifest_list] = _read(snapshot.manifest_list, lambda: snapshot.manifests(io))
        return known

    def _listed(self, io: FileIO, manifest: ManifestFile) -> frozenset[str]:
        known = self._manifests.get(manifest.manifest_path)
        if known is None:
            entries = _read(manifest.manifest_path, lambda: manifest.fetch_manifest_entry(io, discard_deleted=True))
            known = frozenset(plain(entry.data_file.file_path) for entry in entries)
            self._manifests[manifest.manifest_path] = known
        return known


def _read(path: str, read: Callable[[], list[T]]) -> list[T]:
    with readable(plain(path)):
        return read()


@contextmanager
def readable(place: str) -> Iterator[None]:
    """Says plainly that something cannot be read: a torn manifest fails in many ways.

    Whatever it is, nothing may be deleted on the strength of a guess.
    """
    try:
        yield
    except LakeorchError:
        raise
    except Exception as error:
        raise CatalogError(
            f"{place}: it cannot be read: {error}",
            hint="a kept snapshot needs it: restore it from a backup, or drop the table; nothing was deleted",
        ) from error
