"""A small Iceberg REST catalog for tests: real HTTP on loopback, real metadata files, strict about requirements.

Tables are changed by pyiceberg's own functions, under one lock; metadata files lie beside the tables. What it lists
among its endpoints it can do, and nothing else. Its faults are switched on by tests.
"""

from __future__ import annotations

import itertools
import json
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from pyiceberg.catalog import MetastoreCatalog
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.io import load_file_io
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC
from pyiceberg.schema import Schema
from pyiceberg.serializers import FromInputFile
from pyiceberg.table import CommitTableRequest
from pyiceberg.table.metadata import TableMetadata, new_table_metadata
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER
from pyiceberg.table.update import AssertCreate, update_table_metadata

Space = tuple[str, ...]
# what goes wrong with a commit: done, then no answer; done, then 500; its first table done, then 409, as Iceberg's own
# server does where another writer comes in between; not done: 409, 503, 400
Trouble = Literal["lost", "unknown", "torn", "conflict", "busy", "refused"]

# what becomes of a new table in a commit over several: made; 400; 404, as it is not there yet
Creates = Literal["made", "refused", "not found"]

_PREFIX = "lake"
_READING = (
    "GET /v1/{prefix}/namespaces",
    "GET /v1/{prefix}/namespaces/{namespace}",
    "HEAD /v1/{prefix}/namespaces/{namespace}",
    "POST /v1/{prefix}/namespaces",
    "GET /v1/{prefix}/namespaces/{namespace}/tables",
    "POST /v1/{prefix}/namespaces/{namespace}/tables",
    "GET /v1/{prefix}/namespaces/{namespace}/tables/{table}",
    "POST /v1/{prefix}/namespaces/{namespace}/tables/{table}",
    "POST /v1/{prefix}/namespaces/{namespace}/register",
    "DELETE /v1/{prefix}/namespaces/{namespace}/tables/{table}",
)
_TRANSACTION = "POST /v1/{prefix}/transactions/commit"


class Refused(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind = status, kind


class RestServer:
    """The server.

    Attributes:
        uri: its address.
        transactions: whether it commits several tables at once.
        creates: what it says to new tables in such a commit.
        lists: whether it tells its endpoints.
        token: what a client must bring; empty for nothing.
        properties: its own settings of the file system in which metadata files lie.
        asked: every request so far: method and path.
        troubles: what goes wrong with the next commits, in order; None where one goes right.
    """

    def __init__(
        self,
        *,
        transactions: bool,
        creates: Creates = "made",
        lists: bool = True,
        token: str = "",
        properties: Mapping[str, str] | None = None,
    ) -> None:
        self.transactions = transactions
        self.creates = creates
        self.lists = lists
        self.token = token
        self.properties = dict(properties or {})
        self.asked: list[str] = []
        self.troubles: list[Trouble | None] = []
        self._tables: dict[Space, str] = {}
        self._spaces: set[Space] = set()
        self._lock = threading.RLock()
        self._kept: tuple[dict[Space, str], set[Space]] = ({}, set())
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _requests(self))
        self._http.daemon_threads = True
        self.uri = f"http://127.0.0.1:{self._http.server_address[1]}"

    @contextmanager
    def served(self) -> Iterator[RestServer]:
        """Answers requests until the end of the block."""
        thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()
            thread.join()

    def pointers(self) -> dict[str, str]:
        """Table → metadata file, as of one moment."""
        with self._lock:
            return {".".join(name): location for name, location in self._tables.items()}

    def keep(self) -> None:
        """Remembers what there is."""
        with self._lock:
            self._kept = (dict(self._tables), set(self._spaces))

    def restore(self) -> None:
        """What there was at `keep`."""
        with self._lock:
            self._tables, self._spaces = dict(self._kept[0]), set(self._kept[1])

    # ---- what is asked -----------------------------------------------------------------------------------------

    def answer(self, method: str, target: str, body: bytes, token: str) -> tuple[int, Any]:
        """Status and document."""
        url = urlsplit(target)
        words = {key: values[0] for key, values in parse_qs(url.query).items()}
        self.asked.append(f"{method} {unquote(url.path)}")
        if self.token and token != f"Bearer {self.token}":
            raise Refused(401, "NotAuthorizedException", "no such token")
        if url.path == "/v1/config":
            listed = {"endpoints": [*_READING, *([_TRANSACTION] if self.transactions else [])]} if self.lists else {}
            return 200, {"defaults": {}, "overrides": {"prefix": _PREFIX}, **listed}
        parts = url.path.removeprefix(f"/v1/{_PREFIX}/").split("/")
        sent = json.loads(body) if body else {}
        match method, parts:
            case "POST", ["transactions", "commit"] if self.transactions:
                return self._commits([CommitTableRequest.model_validate(c) for c in sent["table-changes"]], sent)
            case "GET", ["namespaces"]:
                return self._children(_space(words["parent"]) if words.get("parent") else ())
            case "POST", ["namespaces"]:
                return self._make_space(tuple(sent["namespace"]))
            case (("GET" | "HEAD"), ["namespaces", space]):
                self._known(_space(space))
                return 200, {"namespace": _space(space), "properties": {}}
            case "GET", ["namespaces", space, "tables"]:
                return self._listed(_space(space))
            case "POST", ["namespaces", space, "tables"]:
                return self._make_table(_space(space), sent)
            case "GET", ["namespaces", space, "tables", table]:
                return 200, self._loaded((*_space(space), unquote(table)))
            case "POST", ["namespaces", space, "tables", table]:
                return self._commits([CommitTableRequest.model_validate(sent)], {"table-changes": [sent]}, one=True)
            case "POST", ["namespaces", space, "register"]:
                return self._put((*_space(space), sent["name"]), sent["metadata-location"])
            case "DELETE", ["namespaces", space, "tables", table]:
                with self._lock:
                    self._loaded((*_space(space), unquote(table)))
                    del self._tables[(*_space(space), unquote(table))]
                return 204, None
        raise Refused(404, "NotFoundException", f"no such endpoint: {method} {url.path}")

    def _children(self, parent: Space) -> tuple[int, Any]:
        with self._lock:
            self._known(parent)
            below = {space[: len(parent) + 1] for space in self._spaces if space[: len(parent)] == parent}
        return 200, {"namespaces": sorted(below - {parent})}

    def _known(self, space: Space) -> None:
        with self._lock:
            if space and space not in self._spaces:
                raise Refused(404, "NoSuchNamespaceException", f"there is no namespace {'.'.join(space)}")

    def _make_space(self, space: Space) -> tuple[int, Any]:
        with self._lock:
            if space in self._spaces:
                raise Refused(409, "AlreadyExistsException", "it exists")
            self._known(space[:-1])
            self._spaces.add(space)
        return 200, {"namespace": space, "properties": {}}

    def _listed(self, space: Space) -> tuple[int, Any]:
        with self._lock:
            self._known(space)
            names = sorted(name[-1] for name in self._tables if name[:-1] == space)
        return 200, {"identifiers": [{"namespace": space, "name": name} for name in names]}

    def _loaded(self, name: Space) -> dict[str, Any]:
        with self._lock:
            location = self._tables.get(name)
        if location is None:
            raise Refused(404, "NoSuchTableException", f"there is no table {'.'.join(name)}")
        metadata = json.loads(self._read(location).model_dump_json())
        return {"metadata-location": location, "metadata": metadata, "config": {}}

    def _make_table(self, space: Space, sent: Mapping[str, Any]) -> tuple[int, Any]:
        name = (*space, sent["name"])
        metadata = new_table_metadata(
            Schema.model_validate(sent["schema"]), UNPARTITIONED_PARTITION_SPEC, UNSORTED_SORT_ORDER, sent["location"]
        )
        return self._put(name, self._written(metadata, 0))

    def _put(self, name: Space, location: str) -> tuple[int, Any]:
        with self._lock:
            self._known(name[:-1])
            if name in self._tables:
                raise Refused(409, "AlreadyExistsException", "it exists")
            self._tables[name] = location
        return 200, self._loaded(name)

    # ---- commits -----------------------------------------------------------------------------------------------

    def _commits(
        self, requests: Sequence[CommitTableRequest], sent: Mapping[str, Any], *, one: bool = False
    ) -> tuple[int, Any]:
        with self._lock:
            trouble = self.troubles.pop(0) if self.troubles else None
            if trouble in {"conflict", "busy", "refused"}:
                status = {"conflict": 409, "busy": 503, "refused": 400}[str(trouble)]
                raise Refused(status, "CommitFailedException", f"asked to answer {status}")
            for change in sent["table-changes"]:
                _check_form(change)
            if len({_name(r) for r in requests}) != len(requests):
                raise Refused(400, "BadRequestException", "a table twice")
            # all are checked and applied before one is moved
            moved = {_name(request): self._applied(request, one=one) for request in requests}
            self._tables |= {
                name: self._written(metadata, next(_numbers)) for name, metadata in moved.items() if metadata
            }
        if trouble == "lost":
            raise ConnectionAbortedError
        if trouble == "unknown":
            raise Refused(500, "CommitStateUnknownException", "asked to answer 500")
        return (200, self._loaded(_name(requests[0]))) if one else (204, None)

    def _applied(self, request: CommitTableRequest, *, one: bool) -> TableMetadata | None:
        """The table after the request; None where it says nothing."""
        name = _name(request)
        now = self._tables.get(name)
        metadata = self._read(now) if now else None
        new = any(isinstance(requirement, AssertCreate) for requirement in request.requirements)
        if metadata is None and (not new or (not one and self.creates == "not found")):
            raise Refused(404, "NoSuchTableException", f"there is no table {'.'.join(name)}")
        if new and not one and self.creates == "refused":
            raise Refused(400, "BadRequestException", "no table is made in a transaction")
        self._known(name[:-1])
        try:
            for requirement in request.requirements:
                requirement.validate(metadata)
        except CommitFailedException as error:
            raise Refused(409, "CommitFailedException", str(error)) from error
        if not request.updates:
            return None
        try:
            return update_table_metadata(
                metadata or MetastoreCatalog._empty_table_metadata(), request.updates, metadata is None, now
            )
        except ValueError as error:
            raise Refused(400, "BadRequestException", str(error)) from error

    def _read(self, location: str) -> TableMetadata:
        return FromInputFile.table_metadata(load_file_io(self.properties, location).new_input(location))

    def _written(self, metadata: TableMetadata, number: int) -> str:
        location = f"{metadata.location}/metadata/{number:05}-{uuid.uuid4()}.metadata.json"
        MetastoreCatalog._write_metadata(metadata, load_file_io(self.properties, location), location)
        return location


_numbers = itertools.count(1)


def _name(request: CommitTableRequest) -> Space:
    return (*request.identifier.namespace.root, request.identifier.name)


def _space(text: str) -> Space:
    return tuple(unquote(text).split("\x1f"))


def _check_form(change: Mapping[str, Any]) -> None:
    """What the specification requires to be said."""
    if not change.get("identifier") or not change.get("requirements") or "updates" not in change:
        raise Refused(400, "BadRequestException", "identifier, requirements and updates are required")
    for requirement in change["requirements"]:
        if requirement["type"] == "assert-ref-snapshot-id" and not {"ref", "snapshot-id"} <= requirement.keys():
            raise Refused(400, "BadRequestException", "assert-ref-snapshot-id names ref and snapshot-id")


def _requests(server: RestServer) -> type[BaseHTTPRequestHandler]:
    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                status, document = server.answer(self.command, self.path, body, self.headers.get("Authorization", ""))
            except Refused as error:
                status = error.status
                document = {"error": {"message": str(error), "type": error.kind, "code": status}}
            except ConnectionAbortedError:
                self.close_connection = True
                return
            text = b"" if document is None else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text)

        do_GET = do_HEAD = do_POST = do_DELETE = _answer

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    return Requests
