"""Leases: what tells maintenance that a run is under way, so that nothing made since it began is taken for rubbish.

A lease is `<warehouse>/_lakeorch/runs/<run>.json`. Its holder writes it anew every minute and removes it at the end;
one that was not touched for an hour belongs to a run that died. Maintenance removes such a lease before it deletes
files, and a run publishes only while it still has its own: one that slept for longer starts again.

Beside them each catalog that has tables in the warehouse leaves its name, once: maintenance deletes nothing where there
is one whose tables it cannot see.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

from lakeorch.errors import LakeorchError
from lakeorch.lake.storage import Storage

TOUCH_S = 60.0
STALE_S = 3600.0
_FOLDER = "runs"
_CATALOGS = "catalogs"


@dataclass(frozen=True, slots=True)
class Lease:
    """A run under way.

    Attributes:
        pid, host: of its process, for people.
        started, touched: seconds since 1970 UTC, by the clock of its host.
    """

    run_id: str
    pid: int
    host: str
    started: float
    touched: float

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{_FOLDER}/{self.run_id}.json"

    def is_live(self, now: float) -> bool:
        """Whether it was touched within the hour before `now`, seconds since 1970 UTC."""
        return now - self.touched < STALE_S


class Holding:
    """A lease that this process holds."""

    def __init__(self, storage: Storage, lease: Lease) -> None:
        self._storage = storage
        self._lease = lease

    def require(self) -> None:
        """Raises LakeorchError where the lease was taken away: what was staged may be gone."""
        if self._storage.read(self._lease.name) is None:
            raise LakeorchError(
                f"run {self._lease.run_id} stood still for more than {STALE_S / 3600:.0f} h, and maintenance took it "
                "for dead: what it had staged may be gone",
                hint="run again; nothing was published",
            )

    def touch(self) -> None:
        """Says that the run goes on; not where it went stale, which may just be found out and cost it the lease."""
        now = time.time()
        if self._lease.is_live(now):
            self._lease = replace(self._lease, touched=now)
            self._storage.write(self._lease.name, json.dumps(asdict(self._lease)))


@contextlib.contextmanager
def held(storage: Storage, run_id: str) -> Iterator[Holding]:
    """Holds a lease for the length of the block.

    Raises:
        OSError: it cannot be written.
    """
    now = time.time()
    lease = Lease(run_id, os.getpid(), socket.gethostname(), now, now)
    storage.write(lease.name, json.dumps(asdict(lease)))
    holding, ended = Holding(storage, lease), threading.Event()

    def touch() -> None:
        while not ended.wait(TOUCH_S):
            with contextlib.suppress(OSError):  # tried again in a minute; an hour of it is needed to lose the lease
                holding.touch()

    thread = threading.Thread(target=touch, name="lakeorch-lease", daemon=True)
    thread.start()
    try:
        yield holding
    finally:
        ended.set()
        thread.join()
        with contextlib.suppress(OSError):  # the work is done; what is left behind goes stale
            storage.remove(lease.name)


def leases(storage: Storage) -> list[Lease]:
    """Every lease that is there. One that cannot be read counts as stale: they are written whole."""
    found = []
    for name in storage.names(_FOLDER):
        text = storage.read(name)
        if text is None:
            continue
        try:
            found.append(Lease(**json.loads(text)))
        except (ValueError, TypeError):
            found.append(Lease(name.removeprefix(f"{_FOLDER}/").removesuffix(".json"), 0, "", 0.0, 0.0))
    return found


def sign(storage: Storage, place: str) -> None:
    """Notes that a catalog has tables in this warehouse; nothing is written where that is known.

    Args:
        storage: of the warehouse.
        place: what the catalog is called, without credentials.
    """
    digest = hashlib.blake2b(place.encode(), digest_size=8).hexdigest()
    name = f"{_CATALOGS}/{digest}.json"
    if storage.read(name) is None:
        storage.write(name, json.dumps({"catalog": place}))


def writers(storage: Storage) -> list[str]:
    """Every catalog that has signed; one whose note cannot be read is told by the name of its file."""
    found = []
    for name in storage.names(_CATALOGS):
        try:
            found.append(str(json.loads(storage.read(name) or "")["catalog"]))
        except (ValueError, TypeError, KeyError):
            found.append(name)
    return found
