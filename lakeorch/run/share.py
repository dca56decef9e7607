"""How many steps run side by side: as many as there are threads for what they read."""

from __future__ import annotations

import time
from collections.abc import Callable

# what one thread gets through so soon that a second one would bring little: about two row groups of a narrow table
PER_THREAD = 2 * 1024 * 1024
# seconds over which it is judged whether threads stand idle, and the part of them that must be at work
WINDOW = 0.2
BUSY = 0.7


class Share:
    """The threads of a run, shared out among the steps that are under way.

    An engine gives every query all of its threads, so that two large ones at once are more threads than processors:
    they push each other's data out of the caches and wait for one another, and take the memory of both (TPC-H at
    scale factor 1, two processors: an eighth more processor time than one after the other). Small ones, which are
    one thread each, run side by side. Where a large one turns out not to use its threads - it waits for a network,
    or for one thread of its own - another may start beside it.

    Args:
        threads: how many there are.
        clock: seconds by the clock, and of processor time of this process.
    """

    def __init__(
        self, threads: int, clock: Callable[[], tuple[float, float]] = lambda: (time.monotonic(), time.process_time())
    ) -> None:
        self.threads = threads
        self._clock = clock
        self._since = clock()
        self._taken: dict[str, int] = {}

    def take(self, name: str, bytes: int) -> bool:
        """Gives a step that reads about so many bytes its threads; False where it must wait."""
        wanted = min(self.threads, 1 + bytes // PER_THREAD)
        taken = sum(self._taken.values())
        if self._taken and taken + wanted > self.threads and not self._idle():
            return False
        if not self._taken or wanted > 1:
            self._since = self._clock()  # what it uses shows from here on
        self._taken[name] = wanted
        return True

    def give(self, name: str) -> None:
        """Takes back the threads of a step that has ended."""
        del self._taken[name]

    def _idle(self) -> bool:
        """Whether threads stood idle lately although all are given out."""
        began, used = self._since
        now, total = self._clock()
        if now - began < WINDOW:
            return False
        self._since = now, total
        return total - used < BUSY * self.threads * (now - began)
