"""What a lake keeps beside its tables, below `_lakeorch`: finished steps, lists of files, queries, leases."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from lakeorch.errors import MovedError
from lakeorch.lake.drafting import revived
from lakeorch.lake.leases import Holding, held, sign
from lakeorch.lake.port import Catalog
from lakeorch.lake.records import Record, from_json, stamp_verdict, to_json
from lakeorch.lake.remedy import plainly
from lakeorch.lake.staged import Staged
from lakeorch.lake.storage import Storage


class Shelf:
    """What a lake keeps beside its tables.

    Attributes:
        warehouse: the folder or URL under which new tables lie, without a trailing `/`.
        environment: whose finished steps are kept apart, as rejected rows are; empty for production.
    """

    def __init__(self, catalog: Catalog, warehouse: str, storage: Storage, environment: str = "") -> None:
        self.warehouse = warehouse
        self.environment = environment
        self._catalog = catalog
        self._storage = storage
        self._holding: Holding | None = None

    def record(self, record: Record) -> None:
        """Keeps a finished step; stamps the verdict into its staged change, also the caller's."""
        stamp_verdict(record)
        with plainly(self.warehouse):
            # lost or torn by a power cut, it costs the time of the step, as do files that it names and that were lost
            self._storage.write(self._record(record.key), to_json(record), lasting=False)

    def recall(self, key: str) -> Record | None:
        """A step kept before: None where there is none, it is torn, or it fits the table no more."""
        with plainly(self.warehouse):
            text = self._storage.read(self._record(key))
            return None if text is None else from_json(text, lambda kept: revived(self._catalog, kept))

    def forget(self, keys: Iterable[str]) -> None:
        """Removes records; missing ones are no error."""
        with plainly(self.warehouse):
            for key in keys:
                self._storage.remove(self._record(key))

    def write_listing(self, digest: str, text: str) -> None:
        """Keeps the list of raw files behind a digest."""
        with plainly(self.warehouse):
            if self._storage.read(_listing(digest)) != text:
                self._storage.write(_listing(digest), text)

    def read_listing(self, digest: str) -> str | None:
        """Reads a list kept by `write_listing`."""
        with plainly(self.warehouse):
            return self._storage.read(_listing(digest))

    def write_query(self, fingerprint: str, text: str) -> None:
        """Keeps the query behind a fingerprint."""
        with plainly(self.warehouse):
            if self._storage.read(_query(fingerprint)) != text:
                self._storage.write(_query(fingerprint), text)

    def read_query(self, fingerprint: str) -> str | None:
        """Reads a query kept by `write_query`."""
        with plainly(self.warehouse):
            return self._storage.read(_query(fingerprint))

    @contextlib.contextmanager
    def hold(self, run_id: str) -> Iterator[None]:
        """Holds a lease for the length of the block: nothing that is written within it is taken for rubbish."""
        with contextlib.ExitStack() as stack:
            with plainly(self.warehouse):
                sign(self._storage, self._catalog.place)
                self._holding = stack.enter_context(held(self._storage, run_id))
            yield
        self._holding = None

    def require_kept(self, staged: Iterable[Staged]) -> None:
        """Whether what is to be published is surely still there: maintenance takes nothing behind a record or a lease.

        Raises:
            LakeorchError: the lease was taken away.
            MovedError: a record was: plan again.
        """
        with plainly(self.warehouse):
            if self._holding is not None:
                self._holding.require()
            for change in staged:
                lost = change.recalled and change.writes_data and self._storage.read(self._record(change.key)) is None
                # a twin of this run may have published it, and removed the record
                if lost and not self._is_published(change):
                    raise MovedError(change.name, "maintenance removed what an earlier run had finished")

    def _record(self, key: str) -> str:
        return f"staged/{key}-{self.environment}.json" if self.environment else f"staged/{key}.json"

    def _is_published(self, change: Staged) -> bool:
        location = self._catalog.pointer(change.name)
        if location is None:
            return False
        return change.snapshot_id in self._catalog.published({change.name: location})[change.name].history


def _listing(digest: str) -> str:
    return f"files/{digest}.json"


def _query(fingerprint: str) -> str:
    return f"queries/{fingerprint}.json"
