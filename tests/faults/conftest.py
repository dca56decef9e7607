from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import pytest

from .forks import Forks


@pytest.fixture(scope="session")
def forks() -> Iterator[Sequence[Forks]]:
    """Two, because each imports everything once more."""
    with ExitStack() as stack:
        yield [stack.enter_context(Forks()) for _ in range(2)]
