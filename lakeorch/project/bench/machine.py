"""The machine that a benchmark ran on, and how quick it is at a fixed piece of work."""

from __future__ import annotations

import os
import platform
import random
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

TURNS = 3
WORK = 1_000_000


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine.

    Attributes:
        processor: its name, as the operating system has it.
        processors: how many there are.
        memory: bytes; 0 where it is not told.
        system: of it, and Python's version.
        calibration: the best of a few times for a fixed piece of work on every processor, in seconds. Times of two
            machines are compared only after they were divided by it.
    """

    processor: str
    processors: int
    memory: int
    system: str
    calibration: float

    def to_dict(self) -> dict[str, object]:
        """`machine` in the JSON document."""
        return asdict(self) | {"calibration": round(self.calibration, 6)}

    def is_like(self, other: Machine) -> bool:
        """Whether it may well be the same machine: of the same processors and memory."""
        near = abs(self.memory - other.memory) <= 0.01 * max(self.memory, other.memory)
        return (self.processor, self.processors) == (other.processor, other.processors) and near

    def __str__(self) -> str:
        memory = f", {self.memory / 2**30:.0f} GiB" if self.memory else ""
        return f"{self.processors} × {self.processor}{memory}"


def this_machine() -> Machine:
    """Looks at this machine, which takes a part of a second."""
    return Machine(
        _processor(),
        os.cpu_count() or 1,
        _memory(),
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        _calibration(),
    )


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine() or "unknown"


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not on every system
        return 0


def _calibration() -> float:
    """Compresses the same bytes on every processor at once: plain integer work that no library has a shortcut for."""
    words = random.Random(1).choices([b"order ", b"line ", b"part ", b"42.17 ", b"2025-10-01 "], k=WORK // 6)
    text = b"".join(words)
    count = os.cpu_count() or 1
    best = float("inf")
    with ThreadPoolExecutor(count) as pool:
        for _ in range(TURNS):
            began = time.perf_counter()
            list(pool.map(zlib.compress, [text] * count))
            best = min(best, time.perf_counter() - began)
    return best
