"""The fate file: how commits over several tables are carried through where a server takes one table at a time.

`<warehouse>/_lakeorch/fate.json` holds all requests of the one commit that is under way. Whoever creates it, which only
one can, sends them table by table and removes it. Whoever finds it carries that commit through first, dead or alive as
its owner may be: requests tell by their requirements whether they were made before, so that nothing is done twice. What
is to become of a commit is seen from the tables: where none shows it yet and one does not fit any more it is given up,
with nothing changed; once one shows it, the others follow.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from pyiceberg.exceptions import BadRequestError, RESTError
from pyiceberg.table import CommitTableRequest
from pyiceberg.table.metadata import TableMetadata

from lakeorch.lake.port import CommitMissedError
from lakeorch.lake.remedy import plainly
from lakeorch.lake.requests import body, fits, is_done, name_of
from lakeorch.lake.storage import Storage

FILE = "fate.json"
_FORMAT = 1
_READERS = 8
# the server will not take this request, however often it is sent
_REFUSED = (BadRequestError, RESTError)

Load = Callable[[str], TableMetadata | None]
Send = Callable[[CommitTableRequest], None]


class Fate:
    """Commits over several tables, one after the other.

    Args:
        storage: where the file lies.
        load: a table as it is now, None where there is none.
        send: makes one table's request; raises CommitMissedError where a requirement does not hold.
    """

    def __init__(self, storage: Storage, load: Load, send: Send) -> None:
        self._storage = storage
        self._load = load
        self._send = send

    def commit(self, requests: Sequence[CommitTableRequest]) -> None:
        """Makes all requests, in order; those without updates must only hold.

        Raises:
            CommitMissedError: another commit came first, or a table is not as required: look again. Tables that show
                the commit by then keep it.
            RESTError: the server failed: the commit is carried through by whoever comes next.
        """
        changes = [body(request) for request in requests]
        text = json.dumps({"format": _FORMAT, "token": uuid.uuid4().hex, "changes": changes})
        with plainly(FILE):
            created = self._storage.create(FILE, text)
        if not created:
            self.settle()
            raise CommitMissedError("another commit was under way")
        self._carry_through(requests, text)

    def settle(self) -> None:
        """Carries a commit through that is under way, or whose owner died; does nothing where there is none.

        Raises:
            RESTError: the server failed.
        """
        with plainly(FILE):
            text = self._storage.read(FILE)
        if text is None:
            return
        try:
            self._carry_through(list(_requests(text)), text)
        except CommitMissedError:
            return  # another writer was in the way: the next plan finds what is stale
        except RESTError as error:
            if type(error) not in _REFUSED:
                raise

    def _carry_through(self, requests: Sequence[CommitTableRequest], text: str) -> None:
        with ThreadPoolExecutor(_READERS) as pool:
            tables = list(pool.map(self._load, map(name_of, requests)))
        waiting = [(r, table) for r, table in zip(requests, tables, strict=True) if not is_done(r, table)]
        begun = len(waiting) < len(requests)
        # once a table shows it, what the others were made from may move
        stuck = {name_of(r) for r, table in waiting if (r.updates or not begun) and not fits(r, table)}
        if stuck and not begun:
            self._remove(text)
            raise CommitMissedError(", ".join(sorted(stuck)))
        refused: RESTError | None = None
        for request, _ in waiting:
            if not request.updates or name_of(request) in stuck:
                continue
            try:
                self._send(request)
            except CommitMissedError:
                if not is_done(request, self._load(name_of(request))):
                    stuck.add(name_of(request))
            except RESTError as error:
                if type(error) not in _REFUSED:
                    raise
                refused = error
        self._remove(text)
        if refused is not None:
            raise refused
        if stuck:
            raise CommitMissedError(", ".join(sorted(stuck)))

    def _remove(self, text: str) -> None:
        # one that stays is found done; carried through by another, the file may be the next commit's by now
        with suppress(OSError):
            if self._storage.read(FILE) == text:
                self._storage.remove(FILE)


def _requests(text: str) -> Iterator[CommitTableRequest]:
    """What the file says; nothing where it says nothing that can be read."""
    try:
        document = json.loads(text)
        changes = document["changes"] if document["format"] == _FORMAT else []
        yield from [CommitTableRequest.model_validate(change) for change in changes]
    except (ValueError, KeyError, TypeError):
        return
