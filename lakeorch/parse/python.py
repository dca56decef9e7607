"""A Python model: its docstring's settings, and what its function `model` takes, read without running anything.

    def model(sales: polars.LazyFrame, fx: duckdb.DuckDBPyRelation, rate: float, now: datetime) -> polars.LazyFrame: ...

A parameter is what its annotation says: a relation is the table of that name, a scalar the project's variable of that
name, and `now: datetime` the time of the run.
"""

from __future__ import annotations

import ast
import hashlib
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lakeorch.errors import Finding, Source, Span, suggestion
from lakeorch.model import ClockUse, Growth, Parameter, Reference, VariableUse
from lakeorch.parse.block import Block
from lakeorch.parse.facts import Facts

FUNCTION = "model"
CLOCK = "now"
RELATIONS = (
    *("pyarrow.RecordBatchReader", "pyarrow.Table", "polars.LazyFrame", "polars.DataFrame"),
    *("duckdb.DuckDBPyRelation", "pandas.DataFrame"),
)
SCALARS = ("str", "int", "float", "bool", "datetime.date", "datetime.datetime")

# Goes up whenever the normal form changes, so that an old hash is never taken for a new one.
_VERSION = "py1"
_OPEN = re.compile(r"""[rRuU]?("{3}|'{3})\s*---[ \t]*(?:\r?\n)""")
_CLOSE = re.compile(r"^[ \t]*---[ \t]*$", re.MULTILINE)
_DEFINED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Module:
    """A module that could be parsed: its tree, and where the settings in its docstring stand."""

    source: Source
    tree: ast.Module
    block: Block | None

    def offset(self, line: int, column: int) -> int:
        """The offset of a place as `ast` tells it: lines from 1, columns in bytes of UTF-8."""
        lines = self.source.text.split("\n")
        before = sum(len(each) + 1 for each in lines[: line - 1])
        return before + len(lines[line - 1].encode()[:column].decode(errors="ignore"))

    def span(self, node: ast.expr | ast.stmt | ast.arg) -> Span:
        """Where a node stands; of what has a body only its first line."""
        start = self.offset(node.lineno, node.col_offset)
        if isinstance(node, _DEFINED):
            return Span(start, self.offset(node.lineno, 10**6))
        return Span(start, self.offset(node.end_lineno or node.lineno, node.end_col_offset or 0))


def parse_module(source: Source) -> Module | Finding:
    """Parses a file; the finding says what is no Python in it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an unknown escape in the settings is no matter of ours
            tree = ast.parse(source.text)
    except SyntaxError as error:
        lines = source.text.split("\n")
        line = min(max(error.lineno or 1, 1), len(lines))
        start = sum(len(each) + 1 for each in lines[: line - 1]) + max(0, (error.offset or 1) - 1)
        return source.finding(Span(start, start + 1), f"this is not Python: {error.msg}")
    except (ValueError, RecursionError, MemoryError) as error:
        return source.finding(Span(0, 1), f"this is not Python: {error}")
    return Module(source, tree, _block(source, tree))


def read_module(module: Module, inputs: Mapping[str, str], places: Mapping[str, Span], root: Path | None) -> Facts:
    """What a Python model says.

    Args:
        module: the file, parsed.
        inputs: parameter → table, of its settings.
        places: where each of them stands.
        root: the project root, which its own modules are imported from; None leaves them out.
    """
    tree, source = module.tree, module.source
    after = module.block.end if module.block else 0
    body = Span(after + len(source.text[after:]) - len(source.text[after:].lstrip()), len(source.text.rstrip()))
    found = [each for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
    function = next((each for each in found if each.name == FUNCTION), None)
    if function is None:
        hint = suggestion(FUNCTION, [each.name for each in found]) or "its parameters are the tables it reads"
        span = Span(body.start, body.start + 1)
        wrong = source.finding(span, "there is no function `model` here: expected def model(…)", hint=hint)
        return Facts(body, findings=(wrong,))
    reader = _Reader(module, dict(inputs), places)
    reader.read(function)
    modules, relative = _imports(module, root)
    digest = hashlib.blake2b(digest_size=16)
    for text in (_normal(tree), repr(sorted(inputs.items())), *(modules[path] for path in sorted(modules))):
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    findings = (*reader.findings, *relative)
    return Facts(
        body,
        tuple(reader.references),
        (),
        tuple(reader.variables),
        tuple(reader.clock),
        "" if findings else f"{_VERSION}:{digest.hexdigest()}",
        Growth(joins=True),
        tuple(reader.parameters),
        tuple(sorted(modules)),
        findings,
    )


class _Reader:
    """The parameters of one function."""

    def __init__(self, module: Module, inputs: dict[str, str], places: Mapping[str, Span]) -> None:
        self._module, self._inputs, self._places = module, inputs, places
        self._names = _imported(module.tree)
        self.parameters: list[Parameter] = []
        self.references: list[Reference] = []
        self.variables: list[VariableUse] = []
        self.clock: list[ClockUse] = []
        self.findings: list[Finding] = []

    def read(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Reads every parameter, and tells what cannot be one."""
        given = function.args
        if isinstance(function, ast.AsyncFunctionDef):
            self._wrong(self._module.span(function), "model is async: expected a plain function, or a generator")
        for each in (given.vararg, given.kwarg):
            if each is not None:
                self._wrong(self._module.span(each), "the tables it reads must be named one by one")
        defaults = [*given.defaults, *(each for each in given.kw_defaults if each is not None)]
        for default in defaults:
            hint = "a variable has its value in lakeorch.yml"
            self._wrong(self._module.span(default), "a parameter of model has no default", hint)
        for each in (*given.posonlyargs, *given.args, *given.kwonlyargs):
            self._parameter(each)
        for name in self._inputs:
            if name not in {each.name for each in self.parameters if each.kind == "input"}:
                near = suggestion(name, [each.name for each in self.parameters]) or "leave it out"
                self._wrong(self._places[name], f'inputs: model takes no table as "{name}"', near)

    def _parameter(self, node: ast.arg) -> None:
        name, span = node.arg, self._module.span(node)
        known = f"expected one of {', '.join((*RELATIONS, *SCALARS))}"
        if node.annotation is None:
            self._wrong(span, f"the parameter {name} has no annotation, which says what it is given", known)
            return
        annotation = self._annotation(node.annotation)
        if annotation in RELATIONS:
            table = self._inputs.get(name, name.lower())
            self.parameters.append(Parameter(name, annotation, "input", table))
            self.references.append(Reference(table, self._places.get(name, Span(span.start, span.start + len(name)))))
        elif name == CLOCK and annotation == "datetime.datetime":
            self.parameters.append(Parameter(name, annotation, "clock"))
            self.clock.append(ClockUse("timestamptz", span))
        elif annotation in SCALARS:
            self.parameters.append(Parameter(name, annotation, "variable", name.lower()))
            self.variables.append(VariableUse(name.lower(), Span(span.start, span.start + len(name))))
        else:
            message = (
                f"the parameter {name} is a {ast.unparse(node.annotation)}, which is nothing that a model is given"
            )
            self._wrong(self._module.span(node.annotation), message, suggestion(annotation, RELATIONS) or known)

    def _annotation(self, node: ast.expr) -> str:
        """The full name of what an annotation names, by the imports of the module."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                node = ast.parse(node.value, mode="eval").body
            except SyntaxError:
                return ""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.insert(0, node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        return ".".join((self._names.get(node.id, node.id), *parts))

    def _wrong(self, span: Span, message: str, hint: str = "") -> None:
        self.findings.append(self._module.source.finding(span, message, hint=hint))


def _block(source: Source, tree: ast.Module) -> Block | None:
    """The settings between `---` and `---` at the beginning of the module's docstring."""
    if ast.get_docstring(tree, clean=False) is None:
        return None
    node = tree.body[0]
    module = Module(source, tree, None)
    span = module.span(node)
    opening = _OPEN.match(source.text, span.start)
    closing = _CLOSE.search(source.text, opening.end(), span.end - 3) if opening else None
    if opening is None:
        return None
    if closing is None:
        # `---` at the end of the docstring may be left out
        return Block(Span(opening.end(), span.end - 3), span.end)
    return Block(Span(opening.end(), closing.start()), span.end)


def _imported(tree: ast.Module) -> dict[str, str]:
    """What a name means that the module imports: `pl` is polars, `LazyFrame` is polars.LazyFrame."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                found[each.asname or each.name.partition(".")[0]] = (
                    each.name if each.asname else each.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.update({each.asname or each.name: f"{node.module}.{each.name}" for each in node.names})
    return found


def _imports(module: Module, root: Path | None) -> tuple[dict[str, str], list[Finding]]:
    """The project's own modules that a model imports, also through others: path → normalised text."""
    found: dict[str, str] = {}
    relative = [
        module.source.finding(
            module.span(node),
            "a model is loaded on its own and has no package to import from",
            hint="import from the project root: from lib.rates import …",
        )
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    waiting = [module.tree]
    while waiting and root is not None:
        for path in _project_files(waiting.pop(), root):
            shown = path.relative_to(root).as_posix()
            if shown in found:
                continue
            try:
                source = Source(shown, path.read_bytes().decode("utf-8-sig"))
            except (OSError, UnicodeDecodeError):
                continue  # importing it will say so
            parsed = parse_module(source)
            found[shown] = source.text if isinstance(parsed, Finding) else _normal(parsed.tree)
            if not isinstance(parsed, Finding):
                waiting.append(parsed.tree)
    return found, relative


def _project_files(tree: ast.Module, root: Path) -> Iterator[Path]:
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names += [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
    for name in names:
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            folder = root.joinpath(*parts[:end])
            for path in (folder.with_name(folder.name + ".py"), folder / "__init__.py"):
                if path.is_file():
                    yield path


def _normal(tree: ast.AST) -> str:
    """A tree as text in which layout, comments and docstrings do not count; the same under every Python."""
    if isinstance(tree, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and _has_docstring(tree):
        tree.body[:1] = [] if len(tree.body) > 1 or isinstance(tree, ast.Module) else [ast.Pass()]
    parts = [type(tree).__name__]
    for name, value in ast.iter_fields(tree):
        if value is None or value == [] or name in ("ctx", "kind", "type_comment", "type_ignores"):
            continue
        values = value if isinstance(value, list) else [value]
        told = [_normal(each) if isinstance(each, ast.AST) else f"{type(each).__name__} {each!r}" for each in values]
        parts.append(f"{name}=[{','.join(told)}]")
    return f"({' '.join(parts)})"


def _has_docstring(tree: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    first = tree.body[0] if tree.body else None
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
