from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import pytest

from tests.postgres import NewDatabase

from .forks import Forks


@pytest.fixture(scope="session")
def forks() -> Iterator[Sequence[Forks]]:
    """Two, because each imports everything once more."""
    with ExitStack() as stack:
        yield [stack.enter_context(Forks()) for _ in range(2)]


@pytest.fixture
def database(request: pytest.FixtureRequest) -> NewDatabase | None:
    """Makes databases for catalogs; None where the test is asked to use SQLite files."""
    if request.param == "sqlite":
        return None
    made: NewDatabase = request.getfixturevalue("postgres")
    return made
