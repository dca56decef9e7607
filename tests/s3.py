"""An S3 of the tests' own: moto's, over real HTTP on loopback."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import Request, urlopen

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

BUCKET = "bucket"
_KEY = re.compile(r"Credential=([^/]+)/")
# what moto calls the answer to a finished upload, and what S3 does, on which Arrow insists
_MISNAMED = (b"CompleteMultipartUploadResponse", b"CompleteMultipartUploadResult")


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, *_: object) -> None:
        """Says nothing."""


class ObjectStore:
    """A server with one bucket, `BUCKET`, which takes any login.

    Attributes:
        uri: its address.
        asked: every request so far: access key, method and path.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._http = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_Quiet)
        self.uri = f"http://127.0.0.1:{self._http.server_port}"

    @contextmanager
    def served(self) -> Iterator[ObjectStore]:
        """Answers requests until the end of the block."""
        thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            # moto keeps what it has for the whole process
            urlopen(Request(f"{self.uri}/moto-api/reset", method="POST")).close()
            urlopen(Request(f"{self.uri}/{BUCKET}", method="PUT")).close()
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()
            thread.join()

    def properties(self, key: str = "owner") -> dict[str, str]:
        """Settings that let pyiceberg and lakeorch in, as one access key."""
        return {
            "s3.endpoint": self.uri,
            "s3.access-key-id": key,
            "s3.secret-access-key": "secret",
            "s3.region": "us-east-1",
        }

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        key = _KEY.search(environ.get("HTTP_AUTHORIZATION", ""))
        self.asked.append((key.group(1) if key else "", environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        told: list[Any] = []
        body = b"".join(self._moto(environ, lambda status, headers, _=None: told.extend((status, headers))))
        status, headers = told
        if environ["REQUEST_METHOD"] != "HEAD":
            body = body.replace(*_MISNAMED)
            headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
            headers.append(("Content-Length", str(len(body))))
        start(status, headers)
        return [body]
