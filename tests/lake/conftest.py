from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .workshop import Workshop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    shop = Workshop(tmp_path)
    yield shop
    shop.close()
