"""The budgets of docs/design.md, section 10: small files, small functions, few public names, layers, light start."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted((ROOT / "lakeorch").rglob("*.py"))
BANNED = ["manager", "handler", "helper", "util", "utils", "common", "base", "core", "context", "service", "processor"]
HEAVY = {"pyarrow", "pyiceberg", "duckdb", "polars", "sqlglot", "pydantic", "rich", "yaml", "sqlalchemy"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def words(identifier: str) -> list[str]:
    """`SnapshotManager` and `snapshot_manager` alike: snapshot, manager."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", identifier)]


def functions(module: ast.Module) -> Iterator[Function]:
    return (node for node in ast.walk(module) if isinstance(node, Function))


def test_there_are_files_to_judge() -> None:
    assert len(FILES) > 30


def test_a_file_has_at_most_400_lines() -> None:
    long = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {file: lines for file, lines in long.items() if lines > 400} == {}


def test_a_function_has_at_most_50_lines() -> None:
    long = {
        f"{name(path)}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for path in FILES
        for node in functions(tree(path))
        if node.end_lineno is not None and node.end_lineno - node.lineno + 1 > 50
    }
    assert long == {}


def test_a_module_offers_at_most_20_names() -> None:
    for path in FILES:
        for node in tree(path).body:
            if isinstance(node, ast.Assign) and any(
                isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets
            ):
                assert len(ast.literal_eval(node.value)) <= 20, name(path)


def test_no_module_or_class_has_a_name_that_says_nothing() -> None:
    found = [name(path) for path in FILES if {*words(path.stem), *words(path.parent.name)} & {*BANNED}]
    found += [
        f"{name(path)}: {node.name}"
        for path in FILES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef) and {*words(node.name)} & {*BANNED}
    ]
    assert found == []


def undocumented(path: Path) -> Iterator[str]:
    module = tree(path)
    if not ast.get_docstring(module):
        yield name(path)
    for node in module.body:
        if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_"):
            if not ast.get_docstring(node):
                yield f"{name(path)}: {node.name}"
            for inner in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(inner, Function) and not inner.name.startswith("_") and not ast.get_docstring(inner):
                    yield f"{name(path)}: {node.name}.{inner.name}"


def test_everything_public_is_documented() -> None:
    assert [found for path in FILES for found in undocumented(path)] == []


def test_nothing_is_left_to_do() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    assert [name(path) for path in FILES if marks.search(path.read_text(encoding="utf-8"))] == []


def test_layers_and_who_may_import_what(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from importlinter.cli import lint_imports

    monkeypatch.chdir(ROOT)
    code = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True, no_logo=True)
    assert code == 0, capsys.readouterr().out


def loaded(code: str) -> set[str]:
    """The heavy modules that a piece of code leaves loaded in a fresh interpreter."""
    script = f"import json, sys\n{code}\nprint(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return {module.partition(".")[0] for module in json.loads(done.stderr.splitlines()[-1])} & HEAVY


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], *([command, "--help"] for command in ("run", "plan", "list", "query"))]
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    assert loaded(f"from lakeorch.cli import main\nassert main({arguments!r}) == 0") == set()


def test_help_loads_little_more_than_any_program_of_click_does() -> None:
    script = """
import sys
import click
@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option("1")
def program(): "A program."
program.main(["--help"], standalone_mode=False)
before = set(sys.modules)
from lakeorch.cli import main
main(["--help"])
print(*sorted(set(sys.modules) - before), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    ours = {"lakeorch", "lakeorch.cli", "lakeorch.cli.options"}
    # atexit, gc, signal, and what they bring; everything else is imported by the command that is called
    assert (
        ours <= {*done.stderr.splitlines()[-1].split()} <= ours | {"atexit", "gc", "signal", "threading", "_weakrefset"}
    )


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded("import lakeorch\nlakeorch.Step, lakeorch.UsageError") == set()


def test_the_measure_of_what_is_loaded_works() -> None:
    assert loaded("import yaml") == {"yaml"}
