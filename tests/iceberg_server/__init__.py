"""Iceberg's own REST catalog, for tests that ask for it: the tests' own server is to behave as it does.

It needs Java 17 and some jars, which Maven fetches:

    mvn -f tests/iceberg_server/pom.xml dependency:copy-dependencies -DoutputDirectory=$HOME/iceberg-jars
    LAKEORCH_ICEBERG_JARS=$HOME/iceberg-jars pytest tests/test_catalogs.py
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_JARS = "LAKEORCH_ICEBERG_JARS"


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Runs the server until the end of the block.

    Args:
        folder: where it keeps its catalog and its log.

    Returns:
        Its address.
    """
    jars = os.environ.get(_JARS)
    if not jars:
        pytest.skip(f"{_JARS} names no folder with the jars of Iceberg's REST catalog, see tests/iceberg_server")
    folder.mkdir()
    source = Path(__file__).with_name("Serve.java")
    command = ["java", "-cp", f"{jars}/*", str(source), str(folder / "catalog.db"), (folder / "warehouse").as_uri()]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
    assert server.stdin is not None
    assert server.stdout is not None
    with server:
        port = server.stdout.readline().strip()
        assert port, (folder / "log").read_text()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.stdin.close()
