"""Draws docs/images/ from the sample project: `python docs/pictures.py`.

`graph.svg` and `lineage.svg` are what the commands of these names write; `run.svg` is the screen of a run, half way.
"""

from __future__ import annotations

import io
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IMAGES = Path(__file__).parent / "images"
ROOT = IMAGES.parents[1]
sys.path.insert(0, str(ROOT))

from rich.console import Console  # noqa: E402  (this tree's lakeorch, wherever the script is started)

from lakeorch.observe import Event  # noqa: E402
from lakeorch.observers.console import Screen  # noqa: E402
from lakeorch.project import Project  # noqa: E402

COLUMN = "raw.fx_rates.eur_per_unit"
WIDTH, HEIGHT = 100, 24
# the fonts of the page's reader: an image must not load any
SCREEN = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">
<style>
text {{ font: {char_height}px ui-monospace, Menlo, Consolas, monospace; white-space: pre; }}
{styles}
</style>
<rect width="{width}" height="{height}" rx="8" fill="#16191f"/>
<g transform="translate({terminal_x}, {terminal_y})">
{backgrounds}
{matrix}
</g>
</svg>
"""


@contextmanager
def sample() -> Iterator[Project]:
    """The sample project in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        ignored = shutil.ignore_patterns("_generate*", "__pycache__", ".lakeorch")
        shutil.copytree(ROOT / "sql_models", Path(folder) / "sql_models", ignore=ignored)
        yield Project(Path(folder) / "sql_models", threads=3)


def half_way(project: Project) -> str:
    """Runs the project, and draws the screen as it was shortly before the end."""
    events: list[Event] = []
    project.run(observers=[events.append])
    began = [at for at, event in enumerate(events) if event.kind == "step_started"]
    upto = began[-2]
    screen = Screen(Console(width=WIDTH, height=HEIGHT, file=io.StringIO()), clock=lambda: events[upto].at + 0.02)
    with screen:
        for event in events[: upto + 1]:
            screen(event)
        drawn = screen.draw()
    paper = Console(record=True, width=WIDTH, height=HEIGHT, file=io.StringIO(), force_terminal=True)
    paper.print("[bold green]$[/] lakeorch run sql_models", highlight=False)
    paper.print(drawn)
    # what would clip each line refers to shapes that the frame of this picture does without
    return re.sub(r' clip-path="[^"]*"', "", paper.export_svg(code_format=SCREEN))


def main() -> None:
    """Draws all of them."""
    IMAGES.mkdir(exist_ok=True)
    with sample() as project:
        pictures = {"run": half_way(project), "graph": project.graph().to_svg()}
        pictures["lineage"] = project.lineage(COLUMN, down=True).to_svg()
    for name, text in pictures.items():
        (IMAGES / f"{name}.svg").write_text(text.rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
