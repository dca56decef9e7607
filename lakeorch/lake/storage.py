"""Small text files under `<warehouse>/_lakeorch/`, on local disk or in an object store.

A write is seen whole or not at all: on disk by write, fsync and rename; in an object store one put is atomic. Only what
may be lost in a power cut goes without the fsync.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TextIO
from urllib.parse import urlparse

from pyarrow.fs import FileSelector, FileType
from pyiceberg.io import FileIO
from pyiceberg.io.pyarrow import PyArrowFileIO

from lakeorch.errors import CatalogError


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that is there: a plain path on local disk, a URL in an object store.

    `modified` is when it was last written, milliseconds since 1970 UTC, by the clock of the place where it lies.
    """

    path: str
    bytes: int
    modified: int


class Storage(Protocol):
    """Text by name; names are relative paths with `/`."""

    def read(self, name: str) -> str | None:
        """The text, None when there is no such file."""
        ...

    def write(self, name: str, text: str, *, lasting: bool = True) -> None:
        """Replaces the file as a whole; what need not outlast a power cut, which may tear it, is written sooner."""
        ...

    def create(self, name: str, text: str) -> bool:
        """Writes a file that is not there yet; False, and nothing is written, where it is."""
        ...

    def remove(self, name: str) -> None:
        """Removes the file; a missing one is no error."""
        ...

    def names(self, folder: str) -> list[str]:
        """The names of all files of a folder, `folder/file`; none where there is no such folder."""
        ...


class DiskStorage:
    """Storage in a local folder, which is made when first written to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> str | None:
        """The text, None when there is no such file."""
        try:
            return (self._folder / name).read_text("utf-8", errors="replace")
        except FileNotFoundError:
            return None

    def write(self, name: str, text: str, *, lasting: bool = True) -> None:
        """Writes beside the file, brings it to disk, renames."""
        with self._beside(name, text, lasting=lasting) as beside:
            beside.replace(self._folder / name)

    def create(self, name: str, text: str) -> bool:
        """Writes beside the file, brings it to disk, links: only one of several at once succeeds."""
        with self._beside(name, text, lasting=True) as beside:
            try:
                os.link(beside, self._folder / name)
            except FileExistsError:
                return False
            finally:
                beside.unlink()
        return True

    @contextmanager
    def _beside(self, name: str, text: str, *, lasting: bool) -> Iterator[Path]:
        beside = self._folder / f"{name}.{uuid.uuid4().hex}.tmp"
        try:
            with _new_file(beside) as file:
                file.write(text)
                if lasting:
                    file.flush()
                    os.fsync(file.fileno())
            yield beside
        except OSError:
            beside.unlink(missing_ok=True)
            raise

    def remove(self, name: str) -> None:
        """Removes the file; a missing one is no error."""
        (self._folder / name).unlink(missing_ok=True)

    def names(self, folder: str) -> list[str]:
        """The names of all whole files of a folder."""
        found = (self._folder / folder).glob("*.json")
        return sorted(path.relative_to(self._folder).as_posix() for path in found)


def _new_file(path: Path) -> TextIO:
    try:
        return path.open("w", encoding="utf-8")
    except FileNotFoundError:  # only where there is no folder for it is one made
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("w", encoding="utf-8")


class ObjectStorage:
    """Storage below a URL, by way of pyiceberg's own file access and its settings."""

    def __init__(self, io: FileIO, url: str) -> None:
        self._io = io
        self._url = url

    def read(self, name: str) -> str | None:
        """The text, None when there is no such object."""
        try:
            with self._io.new_input(f"{self._url}/{name}").open() as stream:
                return bytes(stream.read()).decode("utf-8", errors="replace")
        except FileNotFoundError:
            return None

    def write(self, name: str, text: str, *, lasting: bool = True) -> None:
        """One put."""
        del lasting
        with self._io.new_output(f"{self._url}/{name}").create(overwrite=True) as stream:
            stream.write(text.encode("utf-8"))

    def create(self, name: str, text: str) -> bool:
        """One put after a look, where the store knows no conditional one: two at the very same time both succeed."""
        try:
            with self._io.new_output(f"{self._url}/{name}").create(overwrite=False) as stream:
                stream.write(text.encode("utf-8"))
        except FileExistsError:
            return False
        return True

    def remove(self, name: str) -> None:
        """Removes the object; a missing one is no error."""
        try:
            self._io.delete(f"{self._url}/{name}")
        except FileNotFoundError:
            return

    def names(self, folder: str) -> list[str]:
        """The names of all objects of a folder."""
        found = (file.path for file in stored(self._io, f"{self._url}/{folder}"))
        return sorted(path.removeprefix(f"{self._url}/") for path in found if path.endswith(".json"))


def stored(io: FileIO, place: str) -> Iterator[Stored]:
    """Every file below a folder or URL, in no order; none where there is no such place.

    Raises:
        CatalogError: the file access in use cannot list.
    """
    if not isinstance(io, PyArrowFileIO):
        hint = "leave the property py-io-impl out, or set it to pyiceberg.io.pyarrow.PyArrowFileIO"
        raise CatalogError(f"{place}: {type(io).__name__} cannot list files", hint=hint)
    scheme, netloc, path = PyArrowFileIO.parse_location(place, io.properties)
    before = "" if scheme == "file" else f"{urlparse(place).scheme}://"
    files = io.fs_by_scheme(scheme, netloc)
    for found in files.get_file_info(FileSelector(path, allow_not_found=True, recursive=True)):
        if found.type == FileType.File:
            yield Stored(f"{before}{found.path}", int(found.size or 0), (found.mtime_ns or 0) // 1_000_000)
