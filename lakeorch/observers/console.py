"""The live screen: a row per model, and totals. With more models than lines, what runs and what just ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from lakeorch.model import Action
from lakeorch.observe import Event
from lakeorch.observers.tally import DONE, Row, Tally, why
from lakeorch.observers.text import count, duration, number, one_line, size

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
STYLES = {
    Action.BUILD: ("✓", "green"),
    Action.VIEW: ("✓", "green"),
    Action.AMEND: ("✓", "green"),
    Action.SKIP: ("·", "dim"),
    Action.FAILED: ("✗", "bold red"),
    Action.HELD: ("!", "yellow"),
}
BAR = 7
AROUND = 5  # heading, column names, "more" line, totals, and the line where the cursor stands
NARROW = 100
SOON = 2.0  # seconds: what is done by then need not be foretold


class Screen:
    """A live screen on a terminal; use it as a context manager around the run, so that it is always taken down.

    Args:
        console: the terminal; standard output when None.
        clock: seconds since 1970, for the elapsed times.
    """

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.time) -> None:
        from rich.console import Console

        self._console = console or Console()
        self._clock = clock
        self._tally = Tally()
        # events come from the run's threads, drawing from the screen's own
        self._lock = threading.Lock()
        self._live: Live | None = None

    def __enter__(self) -> Screen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def __call__(self, event: Event) -> None:
        """Takes an event of the run."""
        with self._lock:
            self._tally.add(event)
            show = event.kind == "run_started" and not self._tally.idle
        if show:
            from rich.live import Live

            # transient: the report that follows says what lasts
            self._live = Live(get_renderable=self.draw, console=self._console, refresh_per_second=8, transient=True)
            self._live.start()
        elif event.kind == "run_finished":
            self._stop()

    def draw(self) -> RenderableType:
        """The screen as it is now."""
        from rich.console import Group
        from rich.text import Text

        with self._lock:
            now = self._clock()
            wide = self._console.width >= NARROW
            room = max(3, self._console.height - AROUND)
            rows = self._tally.visible(room)
            table = _columns(wide, self._console.width, rows)
            for row in rows:
                table.add_row(*_cells(row, now, wide))
            parts: list[RenderableType] = [table]
            if hidden := len(self._tally.rows) - len(rows):
                parts.append(Text(f"  … and {count(hidden, 'more model')}", style="dim"))
            parts.append(_totals(self._tally, now))
            return Group(*parts)

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


def _columns(wide: bool, width: int, rows: list[Row]) -> Table:
    from rich.table import Table

    longest = max([len("model"), *(len(row.step.model) for row in rows)])
    table = Table(box=None, padding=(0, 2 if wide else 1, 0, 0), expand=True, header_style="dim")
    table.add_column("model", width=min(longest, width * 3 // 10), no_wrap=True, overflow="ellipsis")
    table.add_column("state", width=BAR + 5, no_wrap=True)
    table.add_column("time", width=6, justify="right", no_wrap=True)
    table.add_column("rows", width=11 if wide else 7, justify="right", no_wrap=True)
    table.add_column("size", width=7, justify="right", no_wrap=True)
    table.add_column("why", ratio=1, no_wrap=True, overflow="ellipsis")
    return table


def _cells(row: Row, now: float, wide: bool) -> list[Text]:
    from rich.text import Text

    name = Text(row.step.model, style="dim" if row.action is Action.SKIP or row.state == "waiting" else "")
    if row.state == "waiting":
        return [name, Text("· waiting", style="dim"), *[Text()] * 3, Text(one_line(row.step.reason), style="dim")]
    rows, written, elapsed, reason = row.rows, row.bytes, now - row.started, row.step.reason
    style = "red" if row.action is Action.FAILED else "dim"
    if row.outcome:
        rows, written = row.outcome.rows, row.outcome.bytes
        elapsed, reason = row.outcome.seconds, why(row.outcome)
    left = row.left(now)
    if left is not None and left >= SOON:
        reason = f"{duration(left)} left · {reason}"
    ran = row.state == "running" or row.action in {Action.BUILD, Action.FAILED, Action.AMEND}
    return [
        name,
        _state(row, now),
        Text(duration(elapsed) if ran else ""),
        Text((f"{rows:,}" if wide and rows < 10**9 else number(rows)) if rows else ""),
        Text(size(written) if written else ""),
        Text(one_line(reason), style=style),
    ]


def _state(row: Row, now: float) -> Text:
    from rich.text import Text

    if row.state == "done":
        mark, style = STYLES[row.action]
        return Text(f"{mark} {DONE[row.action]}", style=style)
    if row.fraction is None:
        return Text(f"{SPINNER[int(now * 8) % len(SPINNER)]} running", style="cyan")
    done = round(max(0.0, min(row.fraction, 1.0)) * BAR)
    percent = f" {max(0.0, min(row.fraction, 1.0)):4.0%}"
    return Text.assemble(("━" * done, "cyan"), ("─" * (BAR - done), "dim"), (percent, "cyan"))


def _totals(tally: Tally, now: float) -> Text:
    from rich.text import Text

    counts = tally.counts()
    total = len(tally.rows)
    done = total - counts["waiting"] - counts["running"]
    rows, written = tally.written()
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append("publishing" if tally.publishing else f"{done:,} of {count(total, 'model')}", style="bold")
    text.append(f" · {duration(max(0.0, now - tally.started))}", style="dim")
    for word, style in (("running", "cyan"), ("failed", "bold red"), ("held", "yellow"), ("skipped", "dim")):
        if counts[word]:
            text.append(f" · {counts[word]:,} {word}", style=style)
    if rows:
        text.append(f" · {number(rows)} rows, {size(written)}", style="dim")
    return text
