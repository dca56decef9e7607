"""The READMEs of examples that are shell sessions: run, compared; `python -m tests.examples.test_sessions` rewrites."""

from __future__ import annotations

import csv
import sys
import tempfile
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pytest

from tests import sessions
from tests.sessions import ROOT, Session

EXAMPLES = ("event_log", "bad_day", "rides")


def started(name: str, folder: Path) -> Session:
    """A copy of an example, in its own folder, before its first command."""
    variables = sessions.project(folder, f"examples/{name}")
    return Session(folder / name, variables)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_readme_prints_what_it_says(name: str, tmp_path: Path) -> None:
    session = started(name, tmp_path)
    text = (ROOT / "examples" / name / "README.md").read_text(encoding="utf-8")
    told = list(session.told(text))
    assert told
    for command, written, seen in told:
        assert "Traceback" not in seen
        assert sessions.settled(seen) == sessions.settled(written), f"`{command}`; python -m {__name__} rewrites it"
    if name == "event_log":
        _late_events_leave_no_trace(session)


def _late_events_leave_no_trace(session: Session) -> None:
    """What three days of append and merge made is what one full rebuild makes."""
    names = ("raw.events", "core.orders", "marts.revenue_per_day")
    grown = [_rows(session, name) for name in names]
    session.run("lakeorch run models --full -s raw.events -s core.orders -s marts.revenue_per_day", "")
    assert [_rows(session, name) for name in names] == grown
    assert all(len(rows) > 1 for rows in grown)


def _rows(session: Session, name: str) -> list[list[str]]:
    text = session.run(f'lakeorch query -p models --format csv "FROM {name} ORDER BY ALL"', "")
    return list(csv.reader(StringIO(text)))


def main(names: Sequence[str]) -> None:
    """Runs sessions again and writes down what they printed."""
    for name in names or EXAMPLES:
        path = ROOT / "examples" / name / "README.md"
        with tempfile.TemporaryDirectory() as folder:
            session = started(name, Path(folder))
            path.write_text(sessions.rewritten(path.read_text(encoding="utf-8"), session), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
