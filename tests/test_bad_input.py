"""A user's mistakes and a machine's troubles: one clear message, the right exit code, published tables as they were."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import lakeorch.lake.commit
import lakeorch.lake.database
from lakeorch.cli import main
from lakeorch.project import Project
from tests.conftest import Make, picture
from tests.test_run import rows

GOOD = {"models/a/t.sql": "SELECT 1 AS x", "models/a/u.sql": "SELECT x + 1 AS y FROM t"}


def told(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    code = main([str(word) for word in words])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, err or out


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"models/a/t.sql": ""}, "models/a/t.sql:1:1: "),
        ({"models/a/t.sql": "SELECT 1 AS x;\nSELECT 2 AS y"}, "models/a/t.sql:2:1: "),
        ({"models/a/t.sql": "-- no\nINSERT INTO x VALUES (1)"}, "models/a/t.sql:2:1: "),
        ({"models/a/t.sql": "CREATE TABLE x AS SELECT 1"}, "models/a/t.sql:1:1: "),
        ({"models/a/t.sql": "SELECT x\nFROM a.t"}, "models/a/t.sql:2:6: "),
        ({"models/a/t.sql": "/* ---\nowner: [x\n--- */\nSELECT 1 AS x"}, "models/a/t.sql:"),
        ({"models/a/t.sql": "/* ---\nownr: x\n--- */\nSELECT 1 AS x"}, "models/a/t.sql:2:1: "),
        ({"models/a/t.sql": "SELECT * FROM read_csv('raw/none.csv')"}, "models/a/t.sql:1:24: "),
        ({"models/t.sql": "SELECT 1 AS x"}, "models/t.sql:1:1: "),
        ({"lakeorch.yml": "modls: models\n"}, "lakeorch.yml:1:1: "),
    ],
)
def test_mistakes_in_files_are_findings(
    make: Make, capsys: pytest.CaptureFixture[str], files: dict[str, str], expected: str
) -> None:
    folder = make(files)
    for command in ("validate", "plan", "run"):
        code, text = told(capsys, command, folder)
        assert (code, text.startswith(expected)) == (2, True), text
        assert "\n    hint: " in text
    assert not (folder.parent / "warehouse").exists()


def test_a_model_that_cannot_be_read_is_not_one_that_does_not_exist(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make({**GOOD, "models/a/broken.py": "def model(:\n    return []\n", "models/a/open.sql": "SELECT 'a"})
    for name in ("a.broken", "open"):
        code, text = told(capsys, "validate", folder, "-s", name)
        assert code == 2
        assert "models/a/broken.py:1:" in text
        assert "models/a/open.sql:1:" in text


def test_a_file_that_is_not_utf8(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make(GOOD)
    (folder / "a/t.sql").write_bytes(b"SELECT 1 AS x,\n  'caf\xe9' AS y")
    code, text = told(capsys, "run", folder)
    assert code == 2
    assert text.startswith("models/a/t.sql:2:7: ")
    assert "UTF-8" in text


def test_a_missing_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = told(capsys, "run", tmp_path / "nowhere")
    assert code == 2
    assert "does not exist" in text


def test_an_empty_folder(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make({})
    code, text = told(capsys, "run", folder)
    assert code == 2
    assert "no models" in text
    assert not (folder.parent / "warehouse").exists()


def test_a_raw_file_with_a_broken_row(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    sql = "SELECT n FROM read_csv('raw/*.csv', columns={'n': 'INT'})"
    folder = make({"raw/a.csv": "n\n1\n2\n", "models/a/t.sql": sql})
    Project(folder).run()
    make({"raw/b.csv": "n\n3\nfour\n"})
    code, text = told(capsys, "run", folder)
    assert code == 1
    assert "b.csv" in text
    assert "four" in text
    assert rows(folder, "FROM a.t ORDER BY n") == [(1,), (2,)]


def test_a_data_file_that_is_gone(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make(GOOD)
    Project(folder).run()
    [lost] = (folder.parent / "warehouse/a/t/data").glob("*.parquet")
    lost.unlink()
    make({"models/a/u.sql": "SELECT x + 2 AS y FROM t"})
    for words in (("query", "-p", folder, "FROM a.t"), ("run", folder)):
        code, text = told(capsys, *words)
        assert (code, f"a.t: a data file of the table is gone: {lost}" in text) == (1, True), text
        assert "lakeorch run --full -s a.t" in text
    assert Project(folder).run(select="a.t", full=True).status == "published"
    assert rows(folder, "FROM a.t") == [(1,)]


def test_a_backslash_in_the_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "od\\d" / "models"
    folder.mkdir(parents=True)
    code, text = told(capsys, "run", folder)
    assert (code, "backslash" in text) == (2, True), text


def test_unknown_selectors_and_flags(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make(GOOD)
    code, text = told(capsys, "run", folder, "-s", "a.tt")
    assert (code, 'did you mean "a.t"' in text) == (2, True), text
    assert told(capsys, "run", folder, "--publish", "some")[0] == 2
    assert told(capsys, "run", folder, "--var", "novalue")[0] == 2
    assert told(capsys, "run", folder, "--threads", "0")[0] == 2


@pytest.mark.parametrize("trouble", ["corrupt", "locked", "gone", "is a folder"])
def test_a_catalog_in_trouble(
    make: Make, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    monkeypatch.setattr(lakeorch.lake.database, "BUSY_S", 0.3)
    monkeypatch.setattr(lakeorch.lake.commit, "PATIENCE_S", 0.5)
    folder = make(GOOD)
    Project(folder).run()
    make({"models/a/t.sql": "SELECT 5 AS x"})
    file = folder.parent / "warehouse/catalog.db"
    kept = file.read_bytes()
    lock = None
    if trouble == "corrupt":
        file.write_bytes(b"this is no database, only some text that is long enough" * 40)
    elif trouble == "locked":
        lock = sqlite3.connect(file, isolation_level=None)
        lock.execute("BEGIN EXCLUSIVE")
    else:
        file.unlink()
        if trouble == "is a folder":
            file.mkdir()
    code, text = told(capsys, "run", folder)
    if lock:
        lock.close()
    assert code == 2, text
    assert "catalog.db" in text
    if file.is_dir():
        file.rmdir()
    file.write_bytes(kept)
    assert rows(folder, "FROM a.u") == [(2,)]
    assert Project(folder).run().status == "published"
    assert rows(folder, "FROM a.u") == [(6,)]


@pytest.mark.skipif(
    os.geteuid() == 0 and not shutil.which("setpriv"), reason="root writes anywhere, and setpriv is not installed"
)
def test_a_read_only_warehouse(make: Make) -> None:
    folder = make(GOOD)
    Project(folder).run()
    make({"models/a/t.sql": "SELECT 5 AS x"})
    root = folder.parent
    before = picture(root / "warehouse")
    for path in root.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    command = [sys.executable, "-m", "lakeorch", "run", str(folder)]
    if os.geteuid() == 0:  # root without the right to pass over permissions
        lost = "-dac_override,-dac_read_search"
        command = ["setpriv", f"--bounding-set={lost}", f"--inh-caps={lost}", *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    for path in root.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    assert done.returncode == 2, done.stderr
    assert "warehouse" in done.stderr
    assert "Traceback" not in done.stderr
    assert picture(root / "warehouse") == before


def test_a_full_disk(make: Make) -> None:
    """A limit on file size stands in for the disk: the kernel refuses the write in the same way."""
    sql = "SELECT i, hash(i) AS h, hash(i + 1) AS g FROM range(3000000) t(i)"
    folder = make({**GOOD, "models/b/big.sql": "SELECT 1::BIGINT AS i, 2::UBIGINT AS h, 3::UBIGINT AS g"})
    Project(folder).run()
    make({"models/b/big.sql": sql, "models/a/t.sql": "SELECT 3 AS x"})
    command = [sys.executable, "-m", "lakeorch", "run", str(folder)]
    limit = 2_000_000

    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=small)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "b.big" in done.stdout
    assert rows(folder, "SELECT i FROM b.big") == [(1,)]
    assert rows(folder, "FROM a.u") == [(4,)]  # not connected with the failure
    assert Project(folder).run().status == "published"
    assert rows(folder, "SELECT count(*) FROM b.big") == [(3_000_000,)]
