from __future__ import annotations

import pytest

from tests.conftest import Make
from tests.environments.site import FILES, Site


@pytest.fixture
def site(make: Make) -> Site:
    site = Site(make(FILES))
    assert site.production.run().status == "published"
    return site
