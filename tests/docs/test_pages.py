"""The pages of docs/: every command is run, in order, and prints what the page says.

`python -m tests.docs.test_pages [PAGE…]` runs them again and writes down what they printed.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from lakeorch.cli import program
from tests import sessions
from tests.sessions import ROOT, Session

Told = list[tuple[str, str, str]]

DOCS = ROOT / "docs"
PAGES = sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md") if "```console" in path.read_text("utf-8"))
_EMPTY = "<!-- project: none -->"
_ASIDE = re.compile(r"\]\((?!\w+://)([^)#\s]+)[^)]*\)")


def started(page: str, folder: Path) -> tuple[str, Session]:
    """A page's text, and where its commands run: beside the sample project, or in an empty folder."""
    text = (DOCS / page).read_text(encoding="utf-8")
    variables = sessions.environment(folder) if _EMPTY in text else sessions.project(folder)
    return text, Session(folder, variables)


def told(page: str, folder: Path) -> Told:
    """Each command of a page, its output as written and as seen."""
    folder.mkdir(parents=True)
    text, session = started(page, folder)
    return list(session.told(text))


@pytest.fixture(scope="module")
def telling(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Future[Told]]]:
    """The pages that are tested, run side by side: a command takes a second, and there are many."""
    folder = tmp_path_factory.mktemp("pages")
    wanted = [page for page in PAGES if any(f"[{page}]" in item.name for item in request.session.items)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {page: pool.submit(told, page, folder / page) for page in wanted}


@pytest.mark.parametrize("page", PAGES)
def test_the_page_prints_what_it_says(page: str, telling: Mapping[str, Future[Told]]) -> None:
    found = telling[page].result()
    assert found
    for command, written, seen in found:
        assert "Traceback" not in seen, seen
        assert sessions.settled(seen) == sessions.settled(written), (
            f"`{command}`; python -m tests.docs.test_pages {page}"
        )


def test_no_page_is_left_out_of_the_navigation() -> None:
    named = re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.M)
    assert sorted(named) == sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))


def test_every_command_is_shown_at_work() -> None:
    told = "\n".join(
        command
        for page in PAGES
        for block in sessions.blocks("console", (DOCS / page).read_text("utf-8"))
        for command, output in sessions.commands(block)
        if output.strip()
    )
    assert [name for name in program.commands if f"lakeorch {name}" not in told] == []


@pytest.mark.parametrize("page", sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")))
def test_links_lead_somewhere(page: str) -> None:
    path = DOCS / page
    links = _ASIDE.findall(path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def main(pages: Sequence[str]) -> None:
    """Runs pages again and writes down what they printed."""
    for page in pages or PAGES:
        with tempfile.TemporaryDirectory() as folder:
            text, session = started(page, Path(folder))
            (DOCS / page).write_text(sessions.rewritten(text, session), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
