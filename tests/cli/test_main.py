"""Exit codes and what is said of errors. The faults are injected by a stand-in for the project."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
import pytest

from lakeorch import __version__, cli
from lakeorch.cli import main, options
from lakeorch.errors import (
    CatalogError,
    ConflictError,
    EngineError,
    Finding,
    Interrupted,
    Place,
    ProjectError,
    UsageError,
)

ROOT = Path(__file__).parent.parent.parent
FINDING = Finding(Place("sql_models/a/b.sql", 2, 3), "no column amont", 'did you mean "amount"?', "  amont", 5)
ERRORS = [
    (ProjectError((FINDING,)), 2),
    (UsageError("no such selector"), 2),
    (CatalogError("the catalog is locked"), 2),
    (EngineError("division by zero"), 1),
    (ConflictError("a.b", "moved"), 1),
    (Interrupted("stopped"), 130),
    (KeyboardInterrupt(), 130),
    (OSError(errno.ENOSPC, "No space left on device", "/lake/x.parquet"), 2),
    (RuntimeError("surprise"), 1),
]
COMMANDS = [["run"], ["plan"], ["validate"], ["list"], ["query", "SELECT 1"]]
Break = Callable[[BaseException], None]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Break:
    """Makes every command fail with an error."""

    def with_error(error: BaseException) -> None:
        def fail(*_: object) -> Any:
            raise error

        monkeypatch.setattr(options, "open_project", fail)

    return with_error


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: arguments[0])
@pytest.mark.parametrize(("error", "code"), ERRORS, ids=lambda value: type(value).__name__)
def test_every_error_has_its_exit_code_and_no_traceback(
    error: BaseException, code: int, arguments: list[str], broken: Break, capsys: pytest.CaptureFixture[str]
) -> None:
    broken(error)
    assert main(arguments) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    assert err.strip() or arguments == ["validate"]
    assert out == ""


@pytest.mark.parametrize("command", ["run", "plan", "list", "validate"])
@pytest.mark.parametrize(("error", "code"), ERRORS, ids=lambda value: type(value).__name__)
def test_with_json_an_error_is_the_one_document_on_stdout(
    error: BaseException, code: int, command: str, broken: Break, capsys: pytest.CaptureFixture[str]
) -> None:
    broken(error)
    assert main([command, "--json"]) == code
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert err.strip() == ""
    assert document["status"] == ("interrupted" if code == 130 else "error")
    assert document["steps"] == []
    if isinstance(error, ProjectError):
        expected = {"file": "sql_models/a/b.sql", "line": 2, "column": 3}
        expected |= {"message": FINDING.message, "hint": FINDING.hint}
        assert document["findings"] == [expected]
    else:
        assert document["error"]["message"]


def test_a_usage_error_with_json_is_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--json", "--threads", "none"]) == 2
    out, err = capsys.readouterr()
    assert "not a valid integer" in json.loads(out)["error"]["message"]
    assert err == ""


def test_findings_are_shown_with_the_line_and_a_caret(broken: Break, capsys: pytest.CaptureFixture[str]) -> None:
    broken(ProjectError((FINDING, FINDING)))
    assert main(["run"]) == 2
    assert click.unstyle(capsys.readouterr().err).splitlines() == [
        *2
        * [
            "sql_models/a/b.sql:2:3: no column amont",
            "    2 │   amont",
            "      │   ^^^^^",
            '    hint: did you mean "amount"?',
            "",
        ],
        "2 mistakes; nothing was written",
    ]


def test_a_message_and_its_hint(broken: Break, capsys: pytest.CaptureFixture[str]) -> None:
    broken(CatalogError("the catalog is locked", hint="end the other program"))
    main(["list"])
    assert click.unstyle(capsys.readouterr().err) == "error: the catalog is locked\nhint: end the other program\n"


def test_a_full_disk_is_named(broken: Break, capsys: pytest.CaptureFixture[str]) -> None:
    broken(OSError(errno.ENOSPC, "No space left on device", "/lake/x.parquet"))
    main(["run"])
    assert click.unstyle(capsys.readouterr().err) == "error: /lake/x.parquet: No space left on device\n"


@pytest.mark.parametrize("way", ["flag", "flag first", "variable"])
def test_a_bug_says_so_and_debug_shows_where(
    way: str, broken: Break, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(ZeroDivisionError("three\nlines\nlong"))
    assert main(["plan"]) == 1
    err = click.unstyle(capsys.readouterr().err)
    assert err.splitlines()[0] == "error: ZeroDivisionError: three\\nlines\\nlong"
    assert "bug in lakeorch" in err
    if way == "variable":
        monkeypatch.setenv("LAKEORCH_DEBUG", "1")
    assert main({"flag": ["plan", "--debug"], "flag first": ["--debug", "plan"], "variable": ["plan"]}[way]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["validat"], "Did you mean 'validate'?"),
        (["run", "--selct", "x"], "--select"),
        (["run", "--publish", "some"], "'connected', 'passed', 'all'"),
        (["run", "--threads", "0"], "not in the range"),
        (["run", "--var", "novalue"], "'novalue' is not NAME=VALUE"),
        (["run", "a", "b"], "unexpected extra argument"),
        (["query"], "Missing argument"),
        (["list", "."], "hint: the folder of models is given by -p here: lakeorch list -p ."),
        (["run", "-p", "."], "hint: the folder of models stands alone here: lakeorch run FOLDER"),
        ([], "Usage: lakeorch"),
    ],
)
def test_a_wrong_command_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert out == ""


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"lakeorch {__version__}\n"
    assert main(["--help"]) == 0
    help_text = capsys.readouterr().out
    listed = [line.split(maxsplit=1)[0] for line in help_text.partition("Build:")[2].splitlines() if line[:2] == "  "]
    assert sorted(listed) == sorted(cli.COMMANDS)
    # a summary that does not fit is cut with dots
    assert "..." not in help_text.partition("Build:")[2]


@pytest.mark.parametrize("arguments", [["run"], ["plan"], ["validate"], ["list"]])
def test_the_default_folder(arguments: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = []
    monkeypatch.chdir(tmp_path)
    assert options.folder_or_default(None) == "."
    (tmp_path / "sql_models").mkdir()
    monkeypatch.setattr(options, "open_project", lambda *given: seen.append(given) or 1 / 0)
    main([*arguments, "--var", "A=1=2", "--var", "b=", "--env", "prod"])
    assert seen[0][:3] == (None, "prod", {"a": "1=2", "b": ""})
    assert options.folder_or_default(None) == "sql_models"


class Tables:
    """A project with a query and nothing else."""

    def __init__(self, count: int = 3, error: Exception | None = None) -> None:
        self.count, self.error, self.sql = count, error, ""

    def query(self, sql: str, *, at: str | None = None) -> pa.RecordBatchReader:
        self.sql = sql
        schema = pa.schema([("n", pa.int64())])

        def batches() -> Any:
            yield pa.record_batch([pa.array(range(self.count))], schema=schema)
            if self.error:
                raise self.error

        return pa.RecordBatchReader.from_batches(schema, batches())


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Tables:
    stand_in = Tables()
    monkeypatch.setattr(options, "open_project", lambda *_: stand_in)
    return stand_in


def test_query_reads_sql_from_standard_input(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    monkeypatch.setattr(sys, "stdin", io.StringIO("SELECT n\nFROM a.b"))
    assert main(["query", "-", "-o", "/dev/null"]) == 0
    assert tables.sql == "SELECT n\nFROM a.b"


def test_a_file_gets_the_format_of_its_ending(tables: Tables, tmp_path: Path) -> None:
    assert main(["query", "x", "-o", str(tmp_path / "a.json")]) == 0
    assert json.loads((tmp_path / "a.json").read_text()) == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert main(["query", "x", "-o", str(tmp_path / "a.json"), "--format", "csv"]) == 0
    assert (tmp_path / "a.json").read_text() == '"n"\n0\n1\n2\n'
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_query_that_breaks_leaves_the_file_as_it_was(
    tables: Tables, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.csv").write_text("old")
    tables.error = EngineError("out of memory")
    assert main(["query", "x", "-o", str(tmp_path / "a.csv")]) != 0
    assert (tmp_path / "a.csv").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert "Traceback" not in capsys.readouterr().err


def test_a_missing_folder_for_the_output(tables: Tables, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "x", "-o", str(tmp_path / "none" / "a.csv")]) == 2
    assert f"there is no folder {tmp_path / 'none'}\n" in capsys.readouterr().err


def test_binary_is_kept_off_a_terminal(
    tables: Tables, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(["query", "x", "--format", "parquet"]) == 2
    assert "add `-o FILE.parquet`, or pipe it" in click.unstyle(capsys.readouterr().err)


def test_a_reader_that_leaves_is_no_error() -> None:
    script = """
import sys
sys.path.insert(0, '.')
import pyarrow as pa
from lakeorch.cli import main, options
schema = pa.schema([("n", pa.int64())])
batch = pa.record_batch([pa.array(range(10000))], schema=schema)
class Project:
    def query(self, sql, at=None):
        return pa.RecordBatchReader.from_batches(schema, (batch for _ in range(100)))
options.open_project = lambda *_: Project()
sys.exit(main(["query", "x", "--format", "csv"]))
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(100)
        process.stdout.close()
        complaint = process.stderr.read()
    assert complaint == b""
    assert process.returncode == 0


def test_a_process_does_not_look_for_garbage_when_it_ends() -> None:
    script = """
import atexit, gc
atexit.register(lambda: print(gc.get_freeze_count() > 0))
from lakeorch.cli import main
main(["--version"])
print(gc.get_freeze_count() > 0)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1:] == ["False", "True"]


def test_the_list_of_commands_says_what_each_says_of_itself() -> None:
    for name, line in cli.COMMANDS.items():
        command = cli.program.get_command(None, name)
        assert command is not None
        assert command.get_short_help_str(200) == line
