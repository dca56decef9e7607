"""Every command on real, tiny projects."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from lakeorch.cli import main, program
from lakeorch.project import Project
from tests.conftest import Make, picture

ROOT = Path(__file__).parent.parent.parent
CHAIN = {
    "models/a/one.sql": "/* ---\nowner: data\ntags: [daily]\n--- */\nSELECT i AS id, i % 3 AS grp FROM range(10) t(i)",
    "models/a/two.sql": "SELECT grp, count(*) AS n FROM one GROUP BY grp",
    "models/b/three.sql": "SELECT 7 AS x",
}
FAILING = {
    **CHAIN,
    "models/a/two.sql": "/* ---\ncolumns:\n  n: {checks: [{min: 4}]}\n--- */\n" + CHAIN["models/a/two.sql"],
}
Capture = pytest.CaptureFixture[str]


def lakeorch(capsys: Capture, *arguments: object) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    return (code, *capsys.readouterr())


def document(capsys: Capture, *arguments: object) -> tuple[int, Any]:
    code, out, err = lakeorch(capsys, *arguments, "--json")
    assert err == ""
    return code, json.loads(out)


def test_run_then_nothing_to_do(make: Make, capsys: Capture) -> None:
    folder = make(CHAIN)
    code, out, err = lakeorch(capsys, "run", folder)
    assert (code, err) == (0, "")
    assert sorted(line.split()[:2] for line in out.splitlines()[:3]) == [
        ["built", "a.one"],
        ["built", "a.two"],
        ["built", "b.three"],
    ]
    assert "\x1b" not in out
    before = picture(folder.parent / "warehouse")
    assert lakeorch(capsys, "run", folder) == (0, "nothing to do: 3 models up to date\n", "")
    assert picture(folder.parent / "warehouse") == before


def test_run_json_is_as_pinned(make: Make, capsys: Capture) -> None:
    code, doc = document(capsys, "run", make(CHAIN))
    assert code == 0
    assert doc["status"] == "published"
    assert doc["findings"] == []
    assert {step["model"]: step["action"] for step in doc["steps"]} == dict.fromkeys(
        ["a.one", "a.two", "b.three"], "build"
    )
    keys = {"model", "action", "reason", "rows", "bytes", "seconds", "snapshot_id", "checks"}
    assert all(keys <= set(step) for step in doc["steps"])


def test_a_failed_check_is_exit_1_and_shows_its_rows(make: Make, capsys: Capture) -> None:
    folder = make(FAILING)
    code, out, _ = lakeorch(capsys, "run", folder)
    assert code == 1
    assert "min(n): 2 rows" in out
    assert "at models/a/two.sql:3:" in out
    assert "the rejected rows can be read at" in out
    assert "published  1 table" in out
    again, doc = document(capsys, "run", folder)
    assert (again, doc["status"]) == (1, "failed")


def test_mistakes_are_exit_2_in_every_command(make: Make, capsys: Capture) -> None:
    folder = make({**CHAIN, "models/a/two.sql": "SELECT grpp FROM one"})
    for command in ("run", "plan", "validate"):
        code, out, err = lakeorch(capsys, command, folder)
        assert (code, out) == (2, "")
        assert "models/a/two.sql:1:8: " in err
        assert '"grp"' in err
        code, doc = document(capsys, command, folder)
        assert (code, doc["status"]) == (2, "error")
        (found,) = doc["findings"]
        assert (found["file"], found["line"], found["column"]) == ("models/a/two.sql", 1, 8)
    assert not (folder.parent / "warehouse").exists()


def test_validate_a_right_project(make: Make, capsys: Capture) -> None:
    folder = make(CHAIN)
    assert lakeorch(capsys, "validate", folder) == (0, "no mistakes found\n", "")
    assert document(capsys, "validate", folder)[1]["status"] == "valid"


def test_a_mistake_in_lakeorch_yml(make: Make, capsys: Capture) -> None:
    folder = make({**CHAIN, "lakeorch.yml": "threds: 2\n"})
    for command in ("run", "validate"):
        code, _, err = lakeorch(capsys, command, folder)
        assert code == 2
        assert 'lakeorch.yml:1:1: unknown key "threds"' in err
        assert 'did you mean "threads"?' in err


def test_plan_tells_and_writes_nothing(make: Make, capsys: Capture) -> None:
    folder = make(CHAIN)
    before = picture(folder.parent)
    code, out, _ = lakeorch(capsys, "plan", folder)
    assert code == 0
    assert out.splitlines()[2].split() == ["a.one", "build", "never", "built"]
    assert picture(folder.parent) == before
    lakeorch(capsys, "run", folder)
    assert lakeorch(capsys, "plan", folder)[1] == "nothing to do: 3 models up to date\n"
    assert document(capsys, "plan", folder)[1]["status"] == "nothing to do"
    assert document(capsys, "plan", folder, "--full", "-s", "b.*", "-s", "a.one")[1]["status"] == "planned"


def test_a_long_plan_shows_what_is_to_be_done(make: Make, capsys: Capture) -> None:
    many = {f"models/a/m{i:02}.sql": f"SELECT {i} AS x" for i in range(30)}
    folder = make(many)
    lakeorch(capsys, "run", folder)
    make({"models/a/m07.sql": "SELECT 8 AS x"})
    lines = lakeorch(capsys, "plan", folder)[1].splitlines()
    assert lines[2].split() == ["a.m07", "build", "query", "changed"]
    assert lines[3] == "… and 29 models up to date"


def test_list(make: Make, capsys: Capture) -> None:
    folder = make(CHAIN)
    lakeorch(capsys, "run", folder, "-s", "a.*")
    code, out, _ = lakeorch(capsys, "list", "-p", folder)
    assert code == 0
    rows = {line.split()[0]: line for line in out.splitlines()}
    assert rows["a.one"].split()[1:4] == ["table", "fresh", "10"]
    assert "never built" in rows["b.three"]
    models = {model["model"]: model for model in document(capsys, "list", "-p", folder)[1]["models"]}
    assert models["a.one"]["tags"] == ["daily"]
    assert models["a.one"]["published_at"].endswith("+00:00")
    assert models["b.three"]["rows"] is None


def test_query_in_every_format(make: Make, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    folder = make(CHAIN)
    main(["run", str(folder)])
    capsysbinary.readouterr()

    def query(*arguments: str) -> bytes:
        assert main(["query", "SELECT grp, n FROM a.two ORDER BY grp", "-p", str(folder), *arguments]) == 0
        return capsysbinary.readouterr().out

    assert query().decode().splitlines() == ["grp  n", "───  ─", "  0  4", "  1  3", "  2  3", "(3 rows)"]
    assert query("--format", "csv") == b'"grp","n"\n0,4\n1,3\n2,3\n'
    assert json.loads(query("--format", "json"))[0] == {"grp": 0, "n": 4}
    assert query("--format", "parquet")[:4] == b"PAR1"


def test_a_wrong_query(make: Make, capsys: Capture) -> None:
    folder = make(CHAIN)
    lakeorch(capsys, "run", folder)
    code, out, err = lakeorch(capsys, "query", "-p", folder, "SELECT nn FROM a.two")
    assert (code, out) == (2, "")
    assert "SELECT nn FROM a.two" in err
    assert 'did you mean "n"?' in err


def test_variables_reach_the_models(make: Make, capsys: Capture) -> None:
    folder = make({"models/a/b.sql": "SELECT $since AS since, $n + 1 AS n"})
    code, _, err = lakeorch(capsys, "run", folder, "--var", "n=1")
    assert code == 2
    assert "since" in err
    assert lakeorch(capsys, "run", folder, "--var", "n=1", "--var", "SINCE=2025-10-01")[0] == 0
    out = lakeorch(capsys, "query", "-p", folder, "SELECT * FROM a.b", "--format", "csv")[1]
    assert out.splitlines()[1] == "2025-10-01,2"


def test_a_selector_that_matches_nothing(make: Make, capsys: Capture) -> None:
    code, out, err = lakeorch(capsys, "run", make(CHAIN), "-s", "a.onee")
    assert (code, out) == (2, "")
    assert "a.onee" in err


def test_a_missing_folder(capsys: Capture, tmp_path: Path) -> None:
    for arguments in (
        ["run", tmp_path / "x"],
        ["list", "-p", tmp_path / "x"],
        ["query", "SELECT 1", "-p", tmp_path / "x"],
    ):
        code, out, err = lakeorch(capsys, *arguments)
        assert (code, out) == (2, "")
        assert "does not exist" in err


def on_a_terminal(folder: Path, *arguments: str) -> tuple[int, str]:
    """A command on a pseudo-terminal: its exit code and what it wrote."""
    leader, follower = pty.openpty()
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24", "PYTHONPATH": str(ROOT)}
    environment.pop("NO_COLOR", None)
    with subprocess.Popen(
        [sys.executable, "-m", "lakeorch", *arguments], cwd=folder, stdout=follower, stderr=follower, env=environment
    ) as process:
        os.close(follower)
        written = b""
        while True:
            try:
                part = os.read(leader, 65536)
            except OSError:
                break
            if not part:
                break
            written += part
    os.close(leader)
    return process.returncode, written.decode()


def test_the_live_screen(make: Make) -> None:
    folder = make(CHAIN)
    code, written = on_a_terminal(folder.parent, "run", "models")
    assert code == 0
    assert "\x1b[?25l" in written
    assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")
    # after the screen is taken down the report stays
    report = written[written.rindex("\x1b[?25h") :]
    assert "published" in report
    assert "b.three" in report
    code, written = on_a_terminal(folder.parent, "run", "models")
    assert code == 0
    assert written.replace("\x1b[32m", "").replace("\x1b[0m", "").split("\r\n") == [
        "nothing to do: 3 models up to date",
        "",
    ]


def test_plan_tells_of_stale_models_that_are_not_selected(make: Make, capsys: Capture) -> None:
    folder = make(CHAIN)
    told = "stale and not selected: a.one; a + before the selector takes them along\n"
    assert "not selected" not in lakeorch(capsys, "plan", folder)[1]
    Project(folder).run()
    assert lakeorch(capsys, "plan", folder, "-s", "a.two")[1] == "nothing to do: 1 model up to date\n"
    make({"models/a/one.sql": CHAIN["models/a/one.sql"] + " WHERE i < 9"})
    assert lakeorch(capsys, "plan", folder, "-s", "a.two")[1] == "nothing to do: 1 model up to date\n" + told
    assert "not selected" not in lakeorch(capsys, "plan", folder, "-s", "+a.two")[1]
    behind = document(capsys, "plan", folder, "-s", "a.two")[1]["behind"]
    assert [(step["model"], step["reason"]) for step in behind] == [("a.one", "query changed")]
    # what is wrong with it is no reason not to plan the others
    make({"models/a/one.sql": "SELECT nothing FROM nowhere"})
    assert lakeorch(capsys, "plan", folder, "-s", "a.two")[0] == 0


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_is_130_and_publishes_nothing(make: Make, sign: int) -> None:
    slow = "SELECT count(*) AS n FROM range(200000) a(i), range(200000) b(j) WHERE (i * j) % 7 = 1"
    folder = make({**CHAIN, "models/c/slow.sql": slow})
    with subprocess.Popen(
        [sys.executable, "-m", "lakeorch", "run", "models", "--threads", "2"],
        cwd=folder.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout is not None
        # one step has ended: the slow one runs
        process.stdout.readline()
        time.sleep(0.2)
        process.send_signal(sign)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    # maintenance would wait for a run that left its lease behind
    assert list((folder.parent / "warehouse/_lakeorch/runs").iterdir()) == []
    assert "interrupted" in out + err
    assert "Traceback" not in err
    assert "failed" not in out + err
    assert main(["query", "SELECT 1 FROM a.one", "-p", str(folder)]) == 2


def test_where_the_shell_ignores_ctrl_c_so_does_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for a job that a script has put into the background."""
    monkeypatch.setattr(program.get_command(None, "list"), "callback", lambda **_: os.kill(os.getpid(), signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert main(["list"]) == 0
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
