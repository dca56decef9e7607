"""What holds of a lake with a SQLite catalog holds with a Postgres one: the same tests on a real server."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.postgres import NewDatabase

from . import test_publish, test_records, test_reject
from .workshop import Workshop


@pytest.fixture
def shop(tmp_path: Path, postgres: NewDatabase) -> Iterator[Workshop]:
    shop = Workshop(tmp_path, postgres())
    yield shop
    shop.close()


def taken(module: ModuleType) -> dict[str, object]:
    """The tests of a module that need nothing but a lake."""
    tests = {name: test for name, test in vars(module).items() if name.startswith("test_")}
    return {name: test for name, test in tests.items() if "shop" in inspect.signature(test).parameters}


for module in (test_publish, test_records, test_reject):
    globals().update(taken(module))
