"""Failures of disk, catalog and network in plain words, each with what to do about it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from pyiceberg.exceptions import (
    CommitStateUnknownException,
    ForbiddenError,
    OAuthError,
    RESTError,
    ServerError,
    ServiceUnavailableError,
    TooManyRequestsError,
    UnauthorizedError,
)

from lakeorch.errors import CatalogError, LakeorchError
from lakeorch.lake.database import DatabaseError

_DISK: dict[int, tuple[str, str]] = {
    errno.ENOSPC: ("the disk is full", "free some space and run again; published tables are as they were"),
    errno.EDQUOT: ("the disk quota is used up", "free some space and run again; published tables are as they were"),
    errno.EROFS: ("the file system is read-only", "mount it writable or point the warehouse elsewhere"),
    errno.EACCES: ("permission denied", "give this user the right to read and write there"),
    errno.EPERM: ("permission denied", "give this user the right to read and write there"),
    errno.ENOTDIR: ("a file stands where a folder is needed", "move the file away or point the warehouse elsewhere"),
    errno.EEXIST: ("a file stands where a folder is needed", "move the file away or point the warehouse elsewhere"),
    errno.EISDIR: ("a folder stands where a file is needed", "move the folder away"),
    errno.ENOENT: (
        "the file is gone",
        "tables hold absolute paths: was the project moved? move it back; else put the warehouse back from a backup",
    ),
    errno.EMFILE: ("too many open files", "raise the limit (ulimit -n) or use fewer --threads"),
}

# What SQLite and database drivers say → what happened, what to do.
_DATABASE: tuple[tuple[str, str, str], ...] = (
    ("not a database", "the catalog file is not a SQLite database", "restore it from a backup or move it away"),
    ("malformed", "the catalog file is damaged", "restore it from a backup"),
    ("locked", "the catalog is locked by another program", "wait for it to end, or end it, and run again"),
    ("readonly", "the catalog cannot be written", "give this user the right to write the file and its folder"),
    ("no space left", "the disk is full", "free some space and run again; published tables are as they were"),
    ("is full", "the disk is full", "free some space and run again; published tables are as they were"),
    ("unable to open", "the catalog file cannot be opened", "check that its folder exists and may be written"),
    ("no such table", "the file is not an Iceberg catalog", "check the catalog's address in lakeorch.yml"),
    # said of a full disk too, where the files of the log cannot be made
    ("disk i/o", "the disk is full or failed", "free some space, or check the disk, then run again"),
    ("password", "the catalog refused the login", "check user and password"),
    ("authentication", "the catalog refused the login", "check user and password"),
)

_PASSING_ON_A_SERVER = (ServiceUnavailableError, ServerError, TooManyRequestsError, CommitStateUnknownException)

# What a catalog's server answers → what happened, what to do.
_SERVER: tuple[tuple[tuple[type[RESTError], ...], str, str], ...] = (
    ((UnauthorizedError, OAuthError), "the catalog refused the login", "check token or credential under properties"),
    ((ForbiddenError,), "the catalog refuses this to this user", "ask for the right, or use another user"),
    (
        _PASSING_ON_A_SERVER,
        "the catalog cannot be reached or fails",
        "check that it runs and its address, then run again",
    ),
    ((RESTError,), "the catalog does not take this", "check its address, its version and what it logs"),
)

# Read back and try again: another writer was faster, or the database was busy.
_PASSING = ("locked", "busy", "deadlock", "could not serialize", "unique constraint", "duplicate key")


# what a catalog raises of its own accord, from a commit: it is not known then whether the commit was made
FAILURES: tuple[type[Exception], ...] = (DatabaseError, RESTError)


def passing(error: Exception) -> bool:
    """Whether trying again can help: the database was busy or another writer came first."""
    if not isinstance(error, DatabaseError):
        return isinstance(error, _PASSING_ON_A_SERVER)
    text = str(error).lower()
    return any(words in text for words in _PASSING)


@contextmanager
def plainly(place: str) -> Iterator[None]:
    """Turns failures of disk and database inside the block into CatalogError.

    Args:
        place: what was worked on, for the message; credentials must not be in it.
    """
    try:
        yield
    except LakeorchError:
        raise
    except OSError as error:
        raise _disk(error, place) from error
    except DatabaseError as error:
        raise _database(error, place) from error
    except RESTError as error:
        raise _server(error, place) from error
    except ModuleNotFoundError as error:
        package = "lakeorch[postgres]" if error.name == "psycopg" else error.name
        raise CatalogError(
            f"{place}: the driver {error.name} is not installed", hint=f"pip install '{package}'"
        ) from error


def _disk(error: OSError, place: str) -> CatalogError:
    where = str(error.filename) if error.filename else place
    what, hint = _DISK.get(error.errno or 0, (str(error.strerror or error), "check the warehouse and run again"))
    return CatalogError(f"{where}: {what}", hint=hint)


def _database(error: DatabaseError, place: str) -> CatalogError:
    said = str(error)
    for words, what, hint in _DATABASE:
        if words in said.lower():
            return CatalogError(f"{place}: {what}", hint=hint)
    first = said.splitlines()[0] if said else type(error).__name__
    return CatalogError(f"{place}: the catalog cannot be reached: {first}", hint="check that it runs and its address")


def _server(error: RESTError, place: str) -> CatalogError:
    said = str(error).strip().splitlines()
    what, hint = next((what, hint) for kinds, what, hint in _SERVER if isinstance(error, kinds))
    return CatalogError(f"{place}: {what}{': ' if said else ''}{said[0] if said else ''}", hint=hint)
