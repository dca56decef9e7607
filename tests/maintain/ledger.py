"""What lies in a warehouse, and what a catalog needs of it, by pyiceberg alone; and rows of any state of a project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pyiceberg.table import StaticTable

from lakeorch.project import Project
from tests.faults.reader import pointers


class Ledger:
    """The books of one lake with a SQLite catalog.

    Args:
        root: the folder of the project.
    """

    def __init__(self, root: Path) -> None:
        self.warehouse = root / "warehouse"
        self.folder = root / "models"

    def project(self) -> Project:
        """The project, opened anew."""
        return Project(self.folder, threads=1)

    def on_disk(self) -> set[str]:
        """Files of tables."""
        below = (path for path in self.warehouse.rglob("*") if path.is_file())
        own = (str(self.warehouse / "catalog.db"), str(self.warehouse / "_lakeorch"))
        return {str(path) for path in below if not str(path).startswith(own)}

    def needed(self) -> set[str]:
        """Files that the catalog's tables name."""
        return {
            path for location in pointers(f"sqlite:///{self.warehouse}/catalog.db").values() for path in _of(location)
        }

    def missing(self) -> set[str]:
        """Files that are needed and not there."""
        return self.needed() - self.on_disk()

    def unaccounted(self) -> set[str]:
        """Files that are there and that the catalog does not need."""
        return self.on_disk() - self.needed()

    def rows(self, table: str, at: str | None = None) -> list[str]:
        """The rows of a table, sorted."""
        found = self.project().query(f"SELECT * FROM {table}", at=at).read_all()
        return sorted(map(str, found.to_pylist()))

    def plan(self) -> set[str]:
        """What a run would do."""
        return {str(step.action) for step in self.project().plan().steps}


def _of(location: str) -> Iterator[str]:
    table = StaticTable.from_metadata(location)
    yield location.removeprefix("file://")
    for entry in table.metadata.metadata_log:
        yield entry.metadata_file.removeprefix("file://")
    for snapshot in table.metadata.snapshots:
        yield snapshot.manifest_list.removeprefix("file://")
        for manifest in snapshot.manifests(table.io):
            yield manifest.manifest_path.removeprefix("file://")
            for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True):
                yield entry.data_file.file_path.removeprefix("file://")
