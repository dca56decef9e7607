"""The values that pass between the steps: frozen, plain, stdlib only.

Read this file first. Files become `Model`s (parse), models a graph, the graph and what is `Published` become
`Step`s (plan), a step becomes a staged snapshot (execute), a `Verdict` (audit) and finally an `Outcome` (run).
Types of columns are Iceberg's own words everywhere, as in `types.py`; an engine translates at its own door.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Literal

from lakeorch.errors import Place, Source, Span

Materialized = Literal["table", "view", "append", "merge", "history"]
Severity = Literal["error", "warn"]
Refresh = Literal["full", "incremental", "none"]
Scalar = str | int | float | bool | date | datetime | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a relation: name, Iceberg type, description."""

    name: str
    type: str
    description: str = ""


Schema = tuple[Column, ...]

# what a history table has besides the columns of its query
VERSION_COLUMNS: Schema = (
    Column("valid_from", "timestamptz", "Since when the row was so"),
    Column("valid_to", "timestamptz", "Until when, itself not included; NULL while it is so"),
    Column("current", "boolean", "Whether it is so still"),
)


@dataclass(frozen=True, slots=True)
class Field:
    """A column as Iceberg stores it: with its id, and the fields of a nested type (element; key, value; members)."""

    id: int
    name: str
    type: str
    children: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class Reference:
    """A table name in a query, as written (lower case): `staging.sales` or `sales`. `span` covers the name only."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class FileRead:
    """A table function over files, or a quoted path in FROM.

    Attributes:
        patterns: the literal paths or globs, in order; paths are relative to the project root.
        argument: span of the literal (or list) that names them.
        call: span of the whole call; equals `argument` for a quoted path in FROM.
    """

    patterns: tuple[str, ...]
    argument: Span
    call: Span


@dataclass(frozen=True, slots=True)
class VariableUse:
    """`$name` in a query."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class ClockUse:
    """`now()`, `current_date` and the like; bound once per run. `type` is what the call yields, in Iceberg's words."""

    type: Literal["timestamptz", "date", "timestamp", "time"]
    span: Span


@dataclass(frozen=True, slots=True)
class Check:
    """A rule on data.

    Attributes:
        kind: the name of a plug-in in `lakeorch.checks`, or `sql` for a file in FOLDER/checks.
        columns: the columns it is about; empty for a rule on the table.
        options: what the plug-in was given: its own words (`min`, `to`, `values`, `pattern`, `sql`, …).
        severity: `error` stops the publish, `warn` is only told.
    """

    kind: str
    columns: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    severity: Severity = "error"
    place: Place = Place("")

    @property
    def name(self) -> str:
        """A label for screens and records: `unique(store_id, day)`, `sql(counts_reconcile)`; one for each check."""
        label = str(self.options.get("name") or ", ".join(self.columns))
        if self.kind == "relationship":
            label += f" in {self.options.get('to')}.{self.options.get('column')}"
        elif self.kind == "expression":
            label = label or str(self.options.get("sql"))
        return f"{self.kind}({label})" if label else self.kind

    def __hash__(self) -> int:
        return hash((self.kind, self.columns, self.severity, self.place))


@dataclass(frozen=True, slots=True)
class ColumnSettings:
    """What a model promises about one column: `type` is an Iceberg type or empty where none is declared."""

    name: str
    type: str = ""
    description: str = ""
    place: Place = Place("")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings block of a model, validated and completed with the project's defaults.

    Attributes:
        refresh_every: seconds after which a model that reads the clock is stale, None for "when the date moves".
        updated_at: of a history, the column with a row's change time; empty for the time of the run.
        deleted: of a history, what becomes of a row that left the source: closed, or kept as current.
        keep_snapshots: how many of the newest versions maintenance keeps; None for the default.
        keep_for: seconds for which maintenance keeps whatever the table was at; None for the default.
        append_from: driving inputs of append and merge (table names or file patterns); empty for the default.
        inputs: of a Python model, which table each parameter stands for, where that is not its name.
        partition_by: Iceberg transforms as written: `day(ts)`, `bucket(16, id)`, `region`.
        sort_by: column names, each optionally followed by `desc`.
        places: line and column of each settings key that was written.
    """

    description: str = ""
    owner: str = ""
    materialized: Materialized = "table"
    unique_key: tuple[str, ...] = ()
    updated_at: str = ""
    deleted: Literal["close", "keep"] = "close"
    partition_by: tuple[str, ...] = ()
    sort_by: tuple[str, ...] = ()
    columns: tuple[ColumnSettings, ...] = ()
    checks: tuple[Check, ...] = ()
    tags: tuple[str, ...] = ()
    engine: str = ""
    refresh_every: int | None = None
    keep_snapshots: int | None = None
    keep_for: int | None = None
    append_from: tuple[str, ...] = ()
    inputs: tuple[tuple[str, str], ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a Python model: what it is given, `polars.LazyFrame` or `int`; of which table or variable."""

    name: str
    annotation: str
    kind: Literal["input", "variable", "clock"]
    reads: str = ""


@dataclass(frozen=True, slots=True)
class Growth:
    """How the rows of a query follow from the rows of its inputs.

    Attributes:
        joins: it combines rows of several relations.
        branches: how many SELECTs its set operations (UNION, …) put together; 1 where there are none.
        loose: names and paths, as written, on the optional side of an outer join or in a sub-query of a condition.
        volatile: it calls a function that gives another value each time.
    """

    joins: bool = False
    branches: int = 1
    loose: frozenset[str] = frozenset()
    volatile: bool = False


@dataclass(frozen=True, slots=True)
class Model:
    """One file → one table.

    Attributes:
        name: `namespace.table`, lower case; the namespace may itself be dotted.
        source: the whole file.
        body: span of the one SELECT in it, without the settings block, trailing semicolon and trailing comments; of a
            Python model the module behind its docstring.
        query_hash: hash of the normalised query alone: comments, layout and letter case of keywords do not count.
        growth: how its rows follow from its inputs' rows.
        parameters: of a Python model's function.
        modules: files of the project that a Python model imports; `query_hash` knows what they hold.
    """

    name: str
    source: Source
    body: Span
    settings: Settings
    references: tuple[Reference, ...] = ()
    files: tuple[FileRead, ...] = ()
    variables: tuple[VariableUse, ...] = ()
    clock: tuple[ClockUse, ...] = ()
    query_hash: str = ""
    growth: Growth = Growth()
    parameters: tuple[Parameter, ...] = ()
    modules: tuple[str, ...] = ()

    @property
    def is_python(self) -> bool:
        """Whether it is a function in Python, and not a query in SQL."""
        return self.source.file.endswith(".py")

    @property
    def namespace(self) -> str:
        """Everything before the last dot."""
        return self.name.rpartition(".")[0]

    @property
    def sql(self) -> str:
        """The query as written; the module of a Python model."""
        return self.source.text[self.body.start : self.body.end]


@dataclass(frozen=True, slots=True)
class InputFile:
    """A raw file: path (relative to the project root, or a URL), size in bytes, hash of its content."""

    path: str
    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class FileSet:
    """The files behind one pattern, sorted by path; `digest` identifies the whole set."""

    pattern: str
    files: tuple[InputFile, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a snapshot was made from: table → snapshot id (None: it has none), file pattern → digest, the clock.

    Kept in the snapshot property `lakeorch.inputs`; ids are strings there, for readers whose integers are floats.
    """

    tables: Mapping[str, int | None] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    now: str = ""

    def to_json(self) -> str:
        """Canonical JSON: equal inputs give equal text."""
        tables = {name: None if id is None else str(id) for name, id in self.tables.items()}
        doc: dict[str, object] = {"tables": tables, "files": dict(self.files)}
        if self.now:
            doc["now"] = self.now
        return json.dumps(doc, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Inputs:
        """Reads what `to_json` wrote; raises ValueError on anything else."""
        doc = json.loads(text)
        tables = {str(k): None if v is None else int(v) for k, v in doc.get("tables", {}).items()}
        return cls(tables, {str(k): str(v) for k, v in doc.get("files", {}).items()}, str(doc.get("now", "")))


@dataclass(frozen=True, slots=True)
class Published:
    """A table as its catalog shows it.

    Attributes:
        location: of the current metadata file.
        snapshot_id: the newest snapshot of `main` that changed data (a compaction does not), None when empty.
        head_id: the current snapshot of `main`, None when there is none.
        history: the snapshots of `main` that changed data, newest first.
        properties: the `lakeorch.*` facts that hold for `snapshot_id`: its summary, overlaid by `lakeorch.same-as`.
        foreign: data snapshots newer than the newest one that lakeorch made.
        foreign_appends: whether all of `foreign` only added rows.
        rows, bytes: totals of the current snapshot.
        committed_at: of `snapshot_id`, milliseconds since 1970 UTC; 0 when there is none.
        undone: snapshots that `main` was at once and was rolled back from.
    """

    name: str
    location: str
    snapshot_id: int | None
    head_id: int | None
    history: tuple[int, ...]
    properties: Mapping[str, str]
    columns: Schema
    foreign: tuple[int, ...] = ()
    foreign_appends: bool = True
    rows: int = 0
    bytes: int = 0
    committed_at: int = 0
    undone: frozenset[int] = frozenset()


class Action(StrEnum):
    """What happens, or happened, to a model in a run.

    `amend` is a change of metadata alone: the checks or the descriptions were edited, the rows stand.
    """

    SKIP = "skip"
    BUILD = "build"
    VIEW = "view"
    AMEND = "amend"
    FAILED = "failed"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Step:
    """What the plan decided for one model, and why."""

    model: str
    action: Action
    reason: str
    refresh: Refresh = "none"
    inputs: Inputs = field(default_factory=Inputs)
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check's result: `failed_rows` of the audited rows broke it; `sample` holds the first five as text."""

    name: str
    severity: Severity
    passed: bool
    failed_rows: int = 0
    columns: tuple[str, ...] = ()
    sample: tuple[tuple[str, ...], ...] = ()
    message: str = ""
    place: Place = Place("")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The audit of one step: `ok` unless a check of severity `error` failed."""

    results: tuple[CheckResult, ...] = ()

    @property
    def ok(self) -> bool:
        """True when the step may be published."""
        return all(r.passed or r.severity == "warn" for r in self.results)

    def to_json(self) -> str:
        """The counts of the snapshot property `lakeorch.audit`."""
        failed = sum(not r.passed and r.severity == "error" for r in self.results)
        warned = sum(not r.passed and r.severity == "warn" for r in self.results)
        counts = {"run": len(self.results), "passed": len(self.results) - failed - warned}
        broken = {r.name: r.failed_rows for r in self.results if not r.passed}
        return json.dumps({**counts, "failed": failed, "warned": warned} | ({"broken": broken} if broken else {}))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one step.

    Attributes:
        snapshot_id: what the table is at now (or would be, where it was held back); None for a view.
        rows, bytes: written by this step; 0 where nothing was written.
        kept_at: where rejected or held rows can be read; empty when there are none.
        error: why it failed; empty otherwise.
    """

    model: str
    action: Action
    reason: str
    rows: int = 0
    bytes: int = 0
    seconds: float = 0.0
    snapshot_id: int | None = None
    checks: tuple[CheckResult, ...] = ()
    kept_at: str = ""
    error: str = ""
