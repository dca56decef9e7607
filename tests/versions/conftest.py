from __future__ import annotations

import pytest

from tests.conftest import Make
from tests.versions.shop import SHOP, Shop


@pytest.fixture
def shop(make: Make) -> Shop:
    return Shop(make(SHOP))
