"""A catalog behind a server that speaks Iceberg's REST protocol.

pyiceberg's RestCatalog owns address, login and sessions. What it lacks is a commit over several tables: by the server's
own transaction where it lists `POST /v1/{prefix}/transactions/commit` among its endpoints, else table by table with a
fate file. A server that sends no list is taken to have none: then less is promised than may hold, never more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pyiceberg.catalog.rest import Endpoint, Endpoints, RestCatalog, TableResponse
from pyiceberg.catalog.rest.response import _handle_non_200_response
from pyiceberg.exceptions import (
    BadRequestError,
    CommitFailedException,
    CommitStateUnknownException,
    ForbiddenError,
    NamespaceAlreadyExistsError,
    NoSuchNamespaceError,
    NoSuchTableError,
    RESTError,
    ServiceUnavailableError,
    TableAlreadyExistsError,
)
from pyiceberg.table import CommitTableRequest, Table
from pyiceberg.table.metadata import TableMetadata
from requests import HTTPError, PreparedRequest, RequestException, Response, Session
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from lakeorch.lake.fate import Fate
from lakeorch.lake.metadata import Files
from lakeorch.lake.pointers import ATOMIC, ROLLED_FORWARD
from lakeorch.lake.port import CommitMissedError, TableCommit, identifier
from lakeorch.lake.published import published_of
from lakeorch.lake.remedy import passing, plainly
from lakeorch.lake.requests import body, holding, is_new, request_for, without_rows
from lakeorch.lake.storage import Storage
from lakeorch.lake.versions import Timeline, timeline_of
from lakeorch.model import Published

TIMEOUT_S = 60.0
_READERS = 8
_TRANSACTION = Endpoint.from_string("POST /v1/{prefix}/transactions/commit")
_LOGGED_OUT = (401, 419)
# what the answer to a commit means: not made, or not known; every attempt looks before it sends
_MEANING: Mapping[int, type[Exception]] = {
    404: NoSuchTableError,
    409: CommitFailedException,
    **dict.fromkeys((500, 502, 504), CommitStateUnknownException),
}


class ServerCatalog(RestCatalog):
    """A RestCatalog that tells absence from failure, and commits over several tables.

    Reading where all tables stand takes a request for each namespace and for each table, several at a time; the answers
    hold the metadata, so that no metadata file is read besides.

    Args:
        name: what pyiceberg calls it.
        place: what to call it in messages.
        properties: `uri`, and what pyiceberg wants for login and file system; `warehouse` is the server's own name.
        storage: where the fate file lies.
    """

    def __init__(self, name: str, *, place: str, properties: Mapping[str, str], storage: Storage) -> None:
        self.place = place
        self._answers: dict[str, _Answer] = {}
        with plainly(place), _answered():
            super().__init__(name, **properties)
        self._fate = Fate(storage, self._now, self._update)

    def _create_session(self) -> Session:
        session = super()._create_session()
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Patient())
        return session

    @property
    def is_transactional(self) -> bool:
        """Whether the server commits several tables at once."""
        return _TRANSACTION in self._supported_endpoints

    @property
    def guarantee(self) -> str:
        """What it promises about a commit over several tables."""
        return ATOMIC if self.is_transactional else ROLLED_FORWARD

    # ---- reading -----------------------------------------------------------------------------------------------

    def pointers(self, of: Collection[str] | None = None) -> dict[str, str]:
        """Table → location of its metadata file; tables that may not be read are left out, and with `of` all others."""
        with plainly(self.place), _answered(), ThreadPoolExecutor(_READERS) as pool:
            names = self._listed(pool) if of is None else list(of)
            answers = list(pool.map(_allowed(self._ask), names))
        return {name: answer.location for name, answer in zip(names, answers, strict=True) if answer}

    def _listed(self, pool: ThreadPoolExecutor) -> list[str]:
        """The names of all tables."""
        spaces: list[tuple[str, ...]] = []
        level: list[tuple[str, ...]] = [()]
        while level:
            level = [space for found in pool.map(self._spaces, level) for space in found]
            spaces += level
        return [name for found in pool.map(self._names, spaces) for name in found]

    def _spaces(self, parent: tuple[str, ...]) -> list[tuple[str, ...]]:
        try:
            below = self.list_namespaces(parent)
        except (BadRequestError, NoSuchNamespaceError):
            if not parent:
                raise
            return []  # gone meanwhile, or a server that knows one level only
        # a server that knows one level may also answer with that level again
        return [space for space in below if len(space) == len(parent) + 1 and space[: len(parent)] == parent]

    def _names(self, space: tuple[str, ...]) -> list[str]:
        try:
            return [".".join(found) for found in self.list_tables(space)]
        except (NoSuchNamespaceError, ForbiddenError):
            return []

    def everywhere(self) -> frozenset[str]:
        """The locations of all metadata files that the server tells of."""
        return frozenset(self.pointers().values())

    def pointer(self, name: str) -> str | None:
        """The location of one table's metadata file, None when there is no such table."""
        with plainly(self.place), _answered():
            answer = self._ask(name)
        return answer.location if answer else None

    def published(self, pointers: Mapping[str, str]) -> dict[str, Published]:
        """What the tables say of themselves."""
        return self._each(pointers, lambda name, at: published_of(name, at, self._answer(name, at).document))

    def timelines(self, pointers: Mapping[str, str]) -> dict[str, Timeline]:
        """The past of tables."""
        return self._each(pointers, lambda name, at: timeline_of(name, at, self._answer(name, at).document))

    def _each(self, pointers: Mapping[str, str], read: Callable[[str, str], Any]) -> dict[str, Any]:
        with plainly(self.place), _answered(), ThreadPoolExecutor(_READERS) as pool:
            return dict(zip(pointers, pool.map(read, pointers, pointers.values()), strict=True))

    def table(self, name: str, location: str) -> Table:
        """A table as a metadata file describes it."""
        with plainly(self.place), _answered():
            return self._response_to_table(identifier(name), self._answer(name, location).response)

    def unborn(self, name: str, metadata: TableMetadata) -> Table:
        """A table that exists nowhere yet."""
        io = self._load_file_io(metadata.properties, metadata.location)
        return Table(identifier(name), metadata, "", io, self)

    def _answer(self, name: str, location: str) -> _Answer:
        """What the server said of a table when it stood there; an older metadata file is read."""
        known = self._answers.get(name)
        if known is None or (known.location != location and location not in known.older):
            known = self._ask(name)
        if known is not None and known.location == location:
            return known
        document = Files.of({**self.properties, **(known.config if known else {})}).document(location)
        return _Answer(location, json.dumps({"metadata-location": location, "metadata": document}))

    def _ask(self, name: str) -> _Answer | None:
        url = self.url(Endpoints.load_table, **self._split_identifier_for_path(identifier(name)))
        response = self._send("GET", url)
        try:
            _check(response, {404: NoSuchTableError})
        except NoSuchTableError:
            self._answers.pop(name, None)
            return None
        location = response.json().get("metadata-location")
        if not location:
            raise RESTError(f"it does not say where the metadata of {name} lies")
        answer = _Answer(location, response.text)
        self._answers[name] = answer
        return answer

    def _now(self, name: str) -> TableMetadata | None:
        with _answered():
            answer = self._ask(name)
        return answer.response.metadata if answer else None

    # ---- commits -----------------------------------------------------------------------------------------------

    def commit(self, changes: Sequence[TableCommit], held: Mapping[str, str | None]) -> None:
        """Makes all changes, or none; see `port.Catalog`.

        Raises:
            CommitMissedError: a table is not where it was expected; nothing was changed, unless the server takes one
                table at a time and another writer came in between.
            RESTError: the server failed: look what became of it.
        """
        requests = [request_for(change) for change in changes]
        with _answered():
            for name, location in held.items():
                if location is not None:
                    requests.append(holding(name, self._answer(name, location).response.metadata))
                elif self._ask(name) is not None:
                    raise CommitMissedError(name)
            for space in sorted({tuple(r.identifier.namespace.root) for r in requests if is_new(r)}):
                self._make_namespace(space)
            if len(requests) == 1:
                self._update(requests[0])
            elif self.is_transactional:
                self._transact(requests)
            elif requests:
                self._fate.commit(requests)

    def register(self, tables: Mapping[str, str]) -> None:
        """Puts tables of another catalog into this one, one after the other.

        Raises:
            CommitMissedError: a table is there; those before it were put in.
            RESTError: the server failed: look which are there.
        """
        with _answered():
            for name, location in tables.items():
                self._make_namespace(identifier(name)[:-1])
                try:
                    self.register_table(identifier(name), location)
                except TableAlreadyExistsError as error:
                    raise CommitMissedError(name) from error

    def settle(self) -> None:
        """Carries a commit through that another run has begun."""
        if not self.is_transactional:
            with _answered():
                self._fate.settle()

    def drop(self, tables: Mapping[str, str]) -> None:
        """Takes tables out of the catalog, one after the other; their files stay.

        Raises:
            CommitMissedError: a table is not where it was expected; none was dropped.
            RESTError: the server failed: look which are left.
        """
        with _answered():
            for name, location in tables.items():
                found = self._ask(name)
                if found is None or found.location != location:
                    raise CommitMissedError(name)
            for name in tables:
                self.drop_table(identifier(name))

    def _make_namespace(self, space: tuple[str, ...]) -> None:
        for depth in range(1, len(space) + 1):
            if not self.namespace_exists(space[:depth]):
                with suppress(NamespaceAlreadyExistsError):
                    self.create_namespace(space[:depth])

    def _transact(self, requests: Sequence[CommitTableRequest]) -> None:
        try:
            self._post(self.url("transactions/commit"), {"table-changes": [body(request) for request in requests]})
        except (RESTError, _TableMissingError) as error:
            new = [request for request in requests if is_new(request)]
            if passing(error) or not new:
                raise
            # Many servers make no table inside a transaction: they refuse the request, or say that the table is not
            # there, as Iceberg's own does. Made before it, empty, it shows no row too early.
            for request in new:
                self._update(without_rows(request))
            raise CommitMissedError("new tables were made empty first") from error

    def _update(self, request: CommitTableRequest) -> None:
        where = self._split_identifier_for_path(request.identifier)
        self._post(self.url(Endpoints.update_table, **where), body(request))

    def _post(self, url: str, document: Mapping[str, Any]) -> None:
        with _answered():
            try:
                _check(self._send("POST", url, json.dumps(document)), _MEANING)
            except NoSuchTableError as error:
                raise _TableMissingError(str(error)) from error
            except CommitFailedException as error:
                raise CommitMissedError(str(error)) from error

    def _send(self, method: str, url: str, text: str = "") -> Response:
        response = self._session.request(method, url, data=text.encode())
        if response.status_code in _LOGGED_OUT:
            self._refresh_token()
            response = self._session.request(method, url, data=text.encode())
        return response


class _TableMissingError(CommitMissedError):
    """The server says that a table of the commit is not there."""


@dataclass(frozen=True)
class _Answer:
    """What a server says of a table: where it stands, and the whole text with its metadata."""

    location: str
    text: str

    @property
    def document(self) -> dict[str, Any]:
        """The metadata as JSON."""
        document: dict[str, Any] = json.loads(self.text)["metadata"]
        return document

    @property
    def older(self) -> frozenset[str]:
        """The metadata files at which the table was before."""
        return frozenset(entry["metadata-file"] for entry in self.document.get("metadata-log") or ())

    @property
    def config(self) -> dict[str, str]:
        """Settings of the file system that the server gives for this table."""
        config: dict[str, str] = json.loads(self.text).get("config") or {}
        return config

    @cached_property
    def response(self) -> TableResponse:
        """The same as pyiceberg has it."""
        return TableResponse.model_validate_json(self.text)


class _Patient(HTTPAdapter):
    """Asks again where only reading is at stake, and waits for no answer for ever."""

    def __init__(self) -> None:
        again = Retry(
            total=4, backoff_factor=0.1, status_forcelist=(429, 502, 503, 504), allowed_methods={"GET", "HEAD"}
        )
        again.raise_on_status = False
        super().__init__(max_retries=again, pool_maxsize=_READERS)

    def send(self, request: PreparedRequest, *args: Any, **words: Any) -> Response:
        """Sends, with a time limit where none is given."""
        return super().send(request, *args, **words | {"timeout": words.get("timeout") or TIMEOUT_S})


def _check(response: Response, meaning: Mapping[int, type[Exception]]) -> None:
    try:
        response.raise_for_status()
    except HTTPError as error:
        _handle_non_200_response(error, dict(meaning))


def _allowed(ask: Callable[[str], _Answer | None]) -> Callable[[str], _Answer | None]:
    """The same, with nothing to say of tables that this user may not read."""

    def told(name: str) -> _Answer | None:
        try:
            return ask(name)
        except ForbiddenError:
            return None

    return told


@contextmanager
def _answered() -> Iterator[None]:
    """Turns a connection that broke, and an answer that is none, into pyiceberg's errors for a server's failures."""
    try:
        yield
    except RequestException as error:
        raise ServiceUnavailableError(f"no answer: {type(error).__name__}") from error
    except NotImplementedError as error:
        raise RESTError(str(error)) from error
    except ValueError as error:
        raise RESTError(f"the answer is not one of an Iceberg REST catalog: {str(error).splitlines()[0]}") from error
