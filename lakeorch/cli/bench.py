"""`lakeorch bench`: what models and whole runs take."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from lakeorch.cli import options
from lakeorch.cli.output import say
from lakeorch.errors import UsageError

if TYPE_CHECKING:
    from lakeorch.project.bench.result import Bench
    from lakeorch.project.bench.turns import Progress

TONES = {"failed": "red", "different": "red", "slower": "red", "faster": "green"}
FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@options.folder
@options.selection
@click.option("--engines", multiple=True, metavar="NAMES", help="Engines to measure, between commas; by default one.")
@click.option(
    "--repeat", type=click.IntRange(min=1), default=5, show_default=True, metavar="N", help="How often each is timed."
)
@click.option("--only", type=click.Choice(["models", "runs"]), help="Time single models only, or whole runs only.")
@click.option("--against", metavar="FOLDER|REVISION", help="Time another folder of models too, or a git revision.")
@click.option("--baseline", type=FILE, metavar="FILE", help="Compare with what --save wrote.")
@click.option("--save", type=FILE, metavar="FILE", help="Write all figures there, as a baseline.")
@click.option(
    "--threshold",
    type=click.FloatRange(min=1, min_open=True),
    default=1.2,
    show_default=True,
    help="How many times as long as the baseline's is a regression.",
)
@click.option("--html", type=FILE, metavar="FILE", help="Write a page with plots; it needs no network.")
@click.option("--threads", type=click.IntRange(min=1), metavar="N", help="How many threads the engine has.")
@options.surroundings
@options.as_json
def command(
    folder: str | None,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    engines: tuple[str, ...],
    repeat: int,
    only: Literal["models", "runs"] | None,
    against: str | None,
    baseline: Path | None,
    save: Path | None,
    threshold: float,
    html: Path | None,
    threads: int | None,
    env: str | None,
    variables: dict[str, str],
    as_json: bool,
) -> int:
    """Time models and whole runs; your lake is only read.

    Models read their published inputs and write to a scratch folder. Exit code 1: a model failed on the first engine,
    an answer differs, or something takes longer than in the baseline.
    """
    _require_folders(save, html)
    project = options.open_project(folder, env, variables, threads)
    live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    told = _Line() if live else None
    try:
        found = project.bench(
            select,
            exclude,
            engines=engines,
            repeat=repeat,
            only=only,
            against=against,
            baseline=baseline,
            threshold=threshold,
            progress=told,
        )
    finally:
        if told:
            told.clear()
    for path, text in ((save, json.dumps(found.to_dict(), indent=1)), (html, found.to_html() if html else "")):
        if path:
            _write(path, text)
    say(json.dumps(found.to_dict(), indent=2) if as_json else "\n".join(_lines(found)))
    return 0 if found.ok else 1


def _lines(found: Bench) -> list[str]:
    from lakeorch.project.bench import text

    head, *rows = text.table(found)
    lines = [click.style(text.heading(found), dim=True), "", click.style(head, dim=True), *rows]
    told = [(kind, line) for kind, about in text.notes(found) for line in about]
    lines += [""] * bool(told) + [
        f"{click.style(kind, fg=TONES.get(kind, 'yellow'), bold=True)}  {line}" for kind, line in told
    ]
    ended = text.conclusion(found)
    return [*lines, "", ended] if ended else lines


def _require_folders(*paths: Path | None) -> None:
    """Told before the work is done, not after it."""
    for path in paths:
        if path and not path.parent.is_dir():
            raise UsageError(f"{path} cannot be written: there is no folder {path.parent}")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error


class _Line:
    """One line at the foot of a terminal, which says how far it is."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        """Shows it in the place of what stood there."""
        from lakeorch.observers.text import duration

        seconds = time.monotonic() - self._began
        parts = [progress.what, duration(seconds)]
        if progress.total:
            parts.insert(0, f"{progress.done / progress.total:4.0%}")
        if progress.total and progress.done > progress.total // 10:
            parts.append(f"about {duration(seconds / progress.done * (progress.total - progress.done))} left")
        sys.stderr.write("\r\x1b[K" + " · ".join(parts))
        sys.stderr.flush()

    def clear(self) -> None:
        """Takes the line away."""
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
