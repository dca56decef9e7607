"""An object store as engines open it: by whole URLs, and with the lake's own settings.

DuckDB's own way to S3 is an extension that is loaded from the network and logs in by itself. This one is pyiceberg's,
which the lake uses for all else, so that one set of properties holds for both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from fsspec import AbstractFileSystem
from fsspec.utils import glob_translate
from pyiceberg.io import SCHEMA_TO_FILE_IO, FileIO, load_file_io

from lakeorch.lake.opening import local
from lakeorch.lake.storage import stored

_KNOWN = 100_000
_PATTERN = re.compile(r"[*?\[]")
_LONG_AGO = datetime.fromtimestamp(0, UTC)


class RemoteFiles(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Files of an object store.

    Args:
        io: access to them.
        tables: URL of the folder in which tables lie, whose data files are never written again. Raw files may lie
            there too.
    """

    cachable = False
    protocol = tuple(scheme for scheme in SCHEMA_TO_FILE_IO if scheme not in ("file", "hf"))

    def __init__(self, io: FileIO, tables: str) -> None:
        super().__init__()
        self._io = io
        self._tables = tables.rstrip("/") + "/"
        self._is_for_good = re.compile(re.escape(self._tables) + r"[^/]+/[^/]+/data/.+\.parquet").fullmatch
        # DuckDB asks a dozen times a file
        self._size_for_good = lru_cache(_KNOWN)(self._size)

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path

    def _open(self, path: str, mode: str = "rb", **_: Any) -> Any:
        if "r" in mode:
            return self._io.new_input(path).open()
        return self._io.new_output(path).create(overwrite=True)

    def size(self, path: str) -> int:
        """Bytes of a file. Raises FileNotFoundError where it is not there."""
        return self._size_for_good(path) if self._is_for_good(path) else self._size(path)

    def _size(self, path: str) -> int:
        return len(self._io.new_input(path))

    def isdir(self, _path: str) -> bool:
        """False: there are no folders, and none must be made before a file is written."""
        return False

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Name, size and kind of a file. Raises FileNotFoundError where it is not there."""
        return {"name": path, "size": self.size(path), "type": "file"}

    def modified(self, path: str) -> datetime:
        """When a file was written, as far as it matters: what is not a table's may be written again at any time."""
        return _LONG_AGO if self._is_for_good(path) else datetime.now(UTC)

    def glob(self, path: str, **_: Any) -> list[str]:
        """The files that fit a pattern. What looks like one in the path of a table's file is part of a name."""
        pattern = _PATTERN.search(path)
        if pattern is None or (path.startswith(self._tables) and self.exists(path)):
            return [path]
        folder, fits = path[: pattern.start()].rpartition("/")[0], re.compile(glob_translate(path)).match
        return sorted(file.path for file in stored(self._io, folder) if fits(file.path))


def remote_files(warehouse: str, properties: Mapping[str, str]) -> RemoteFiles | None:
    """The object store that a warehouse lies in, None where it lies on local disk.

    Args:
        warehouse: a folder or a URL.
        properties: settings of the file system, in pyiceberg's words.
    """
    return None if local(warehouse) else RemoteFiles(load_file_io(dict(properties), warehouse), warehouse)
