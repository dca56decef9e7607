"""How far a step is: what its engine says, what lies in its files so far, and how long its last build took."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field

from lakeorch.model import Published

SECONDS = "lakeorch.seconds"


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A step that writes.

    Attributes:
        directory, stem: where its files go, and what their names begin with.
        expected: seconds that the last build took; None where that is not known.
        began: on the monotonic clock.
    """

    directory: str
    stem: str
    expected: float | None
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """How long it has been at it."""
        return time.monotonic() - self.began

    def bytes(self) -> int:
        """What is in its files so far; 0 in an object store, where a file is seen when it is whole."""
        try:
            with os.scandir(self.directory) as files:
                return sum(file.stat().st_size for file in files if file.name.startswith(self.stem))
        except OSError:  # there is no folder yet, or a file was just taken away
            return 0


def expected(table: Published | None, refresh: str) -> float | None:
    """The seconds that a table's last build took, where that was one of the same kind: full, or of what is new."""
    if table is None or table.properties.get("lakeorch.refresh") != refresh:
        return None
    try:
        return float(table.properties[SECONDS])
    except (KeyError, ValueError):
        return None
