"""Which files of a warehouse nothing needs any more.

Only what lakeorch's own layout knows is ever deleted: files in `data/` and `metadata/` of a table's folder, and those
below `_lakeorch`. Whatever else lies in the warehouse is counted and left.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from lakeorch.lake.storage import Stored

OWN = "_lakeorch"
_PARTS = ("data", "metadata")
_NAMED = re.compile(rf"/{OWN}/(files|queries)/([0-9a-f]+)\.json$")
_TORN = re.compile(rf"/{OWN}/\w+/[^/]+\.tmp$")
_REJECTED = re.compile(r"/metadata/(rejected-\d+\.metadata\.json|[^/]*\.avro)$")
_DIGEST = re.compile(r"[0-9a-f]{16,}")


@dataclass(frozen=True, slots=True)
class Swept:
    """What a look at all files of a warehouse found.

    Attributes:
        gone: unreferenced files, deleted or to be deleted.
        kept: how many files something needs, or are too young to be judged.
        unknown: files that lakeorch's layout does not know.
    """

    gone: tuple[Stored, ...]
    kept: int
    unknown: tuple[Stored, ...]


def sort_out(
    files: Iterable[Stored],
    *,
    warehouse: str,
    folders: Collection[str],
    alive: Collection[str],
    digests: Collection[str],
    known: Collection[str],
    horizon: int,
) -> Swept:
    """Tells apart what is needed, what is not, and what is none of lakeorch's business.

    Args:
        files: of the warehouse.
        warehouse: its place.
        folders: of tables, those of which may be deleted from.
        alive: files that are needed.
        digests: what file lists and queries are named by, as far as something names them.
        known: files that are no table's but have their purpose: the catalog's own.
        horizon: what was written at this time or later is kept, milliseconds since 1970 UTC.
    """
    gone: list[Stored] = []
    unknown: list[Stored] = []
    kept = 0
    parts = {f"{folder}/{part}" for folder in folders for part in _PARTS}
    for file in files:
        own = file.path.startswith(f"{warehouse}/{OWN}/")
        if file.path in alive or file.path in known or (own and not _may_go(file.path, digests)):
            kept += 1
        elif not own and not _lies_in(file.path, parts):
            unknown.append(file)
        elif file.modified >= horizon:
            kept += 1
        else:
            gone.append(file)
    return Swept(tuple(gone), kept, tuple(unknown))


def _may_go(path: str, digests: Collection[str]) -> bool:
    """Whether a file below `_lakeorch` is one that is swept: records, leases and the like have rules of their own."""
    named = _NAMED.search(path)
    return _TORN.search(path) is not None if named is None else named[2] not in digests


def _lies_in(path: str, folders: Collection[str]) -> bool:
    while "/" in path:
        path = path.rpartition("/")[0]
        if path in folders:
            return True
    return False


def never_made(files: Iterable[Stored], warehouse: str, known: Collection[str]) -> set[str]:
    """Folders of tables that never came into being: all that lies there are rejected or unfinished first steps.

    A metadata file of another name than a rejected one's would mean that the table was there once, or is there for
    another catalog: such a folder is left alone.

    Args:
        files: of the warehouse.
        warehouse: its place.
        known: folders of tables that are there, or were dropped by lakeorch.
    """
    found: set[str] = set()
    spoilt: set[str] = set()
    for file in files:
        inside = file.path.removeprefix(f"{warehouse}/")
        folder = f"{warehouse}/" + "/".join(inside.split("/")[:2])
        if folder in known or inside.count("/") < 2 or inside.startswith(f"{OWN}/"):
            continue
        rest = file.path.removeprefix(folder)
        data = rest.startswith("/data/") and rest.endswith(".parquet")
        (found if data or _REJECTED.fullmatch(rest) else spoilt).add(folder)
    return found - spoilt


def digests_in(text: str) -> set[str]:
    """Everything in a text that could be the name of a file list or a query."""
    return set(_DIGEST.findall(text))
