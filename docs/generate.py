"""Writes docs/reference/ from the code: `python docs/generate.py`. A test fails where the pages are behind the code."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

REFERENCE = Path(__file__).parent / "reference"
sys.path.insert(0, str(REFERENCE.parents[1]))
_MADE = "<!-- written by docs/generate.py: edit the code, not this page -->\n"

# what the keys are for; which keys there are, and of which type, comes from the code
_MODEL = {
    "description": "What the table holds; stored as the table's comment.",
    "owner": "Who answers for it; selected with `owner:x`.",
    "materialized": "How the table is kept; see [Load files and keep history](../how-to/incremental.md).",
    "unique_key": "For `merge` and `history`: the columns by which a row is known again.",
    "updated_at": "For `history`: the column that says when a row changed; the time of the run where there is none.",
    "deleted": "For `history`: what becomes of the current version of a row that left the source.",
    "partition_by": "`column`, `year(c)`, `month(c)`, `day(c)`, `hour(c)`, `truncate(n, c)` or `bucket(n, c)`.",
    "sort_by": "Columns by which the rows of each file are sorted; `desc` behind one where it falls. "
    "A build then writes one file, or one for each partition.",
    "columns": "Column → type (a contract), description, checks; a type alone may stand for the three.",
    "checks": "[Checks](checks.md) on the whole table.",
    "tags": "Selected with `tag:x`.",
    "engine": "The plug-in that runs the model.",
    "refresh": "`{every: 1h}`: how long a model that reads the clock stays fresh.",
    "keep_snapshots": "How many of its newest versions `lakeorch maintain` keeps; 10 where none is given.",
    "keep_for": "`lakeorch maintain` keeps whatever the table was at within this time; `7d` where none is given.",
    "append_from": "For `append` and `merge`: the inputs whose new rows make new rows.",
    "inputs": "For a [Python model](../how-to/python.md): parameter → table, where that is not its name.",
}
_FILE = {
    "name": "Of the project; its folder's name where none is given.",
    "models": "The folder of models, relative to `lakeorch.yml`.",
    "catalog": "URI of the [catalog](../how-to/catalogs.md); the warehouse's own `catalog.db` where none is given.",
    "warehouse": "Folder or URL of the data; `warehouse` where none is given.",
    "engine": "The plug-in that runs models which name none.",
    "memory": "How much memory the engine may take before it goes to disk, as in `4GB`; its own default if none.",
    "threads": "How many models are built at once; the number of processors where none is given.",
    "variables": "Values for `$name` in models.",
    "properties": "Handed to the catalog and the file system: endpoints, credentials.",
    "environments": "Name → the keys of an environment (below), which win over those at the top.",
    "defaults": "Folder → settings of its models unless they say otherwise; `.` is every model.",
    "owners": "Owner → how to reach them.",
    "lint": "Rule of `lakeorch lint` → level.",
    "keep_snapshots": "How many of the newest versions of a table `lakeorch maintain` keeps; 10 where none is given.",
    "keep_for": "`lakeorch maintain` keeps whatever a table was at within this time; `7d` where none is given.",
    "maintain": "`{every: 7d}`: a run that published something maintains the lake when the last time is so long ago.",
    "owner": "Default owner.",
    "tags": "Default tags.",
    "materialized": "Default kind.",
}
_CHECK_FORMS = {
    "not_null": ("column or table", "`not_null`; `not_null: [a, b]`"),
    "unique": ("column or table", "`unique`; `unique: [a, b]`"),
    "accepted": ("column", "`accepted: [new, paid]`"),
    "relationship": ("column", "`relationship: core.stores.store_id`"),
    "min": ("column", "`min: 0`"),
    "max": ("column", "`max: 100`"),
    "matches": ("column", "`matches: '^[A-Z]{2}$'`"),
    "rows": ("table", "`rows: {min: 1, max: 7}`"),
    "expression": ("column or table", '`expression: "net + tax = gross"`'),
    "freshness": ("column or table", "`freshness: 1d`; `freshness: {column: loaded_at, within: 1d}`"),
    "sql": ("project", "a file in `FOLDER/checks/`"),
}
PROPERTIES = {
    "lakeorch.run-id": "The run that made the snapshot.",
    "lakeorch.model": "The model.",
    "lakeorch.fingerprint": "Hash of the normalised query, and of the settings and variables that change data.",
    "lakeorch.settings": "JSON: the settings, variables and views behind the fingerprint.",
    "lakeorch.inputs": "JSON: `tables`, name → snapshot id; `files`, pattern → digest of the files' contents.",
    "lakeorch.checks": "Hash of the checks.",
    "lakeorch.refresh": "`full` or `incremental`.",
    "lakeorch.reason": "Why the model was stale.",
    "lakeorch.engine": "Name and version of the engine.",
    "lakeorch.code-version": "Git commit of the project, `+dirty` where files had changed; `none` without git.",
    "lakeorch.version": "The version of lakeorch.",
    "lakeorch.seconds": "How long the build took; the next one of the same kind is foretold from it.",
    "lakeorch.audit": "JSON: how many checks were run, passed, failed, warned.",
}


def commands() -> str:
    """The help of every command."""
    import click

    from lakeorch.cli import COMMANDS, program

    parts = ["# Commands\n", _MADE, _help(program, "lakeorch")]
    for name in sorted(COMMANDS):
        command = program.get_command(click.Context(program), name)
        assert command is not None
        parts += [f"## {name}\n", _help(command, f"lakeorch {name}")]
        if isinstance(command, click.Group):
            parts += [_help(inner, f"lakeorch {name} {each}") for each, inner in sorted(command.commands.items())]
    return "\n".join(parts)


def _help(command: Any, path: str) -> str:
    import click

    given = {"help_option_names": ["-h", "--help"], "max_content_width": 100, "terminal_width": 100}
    context = click.Context(command, info_name=path, **given)
    text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    return f"```text\n{text}\n```\n"


def settings() -> str:
    """The keys of a settings block and of lakeorch.yml."""
    from lakeorch.parse.keys import ColumnBlock, SettingsBlock
    from lakeorch.project.file import Defaults, Environment, File

    column = {"type": "A type of Iceberg or DuckDB.", "description": "Stored with the column.", "checks": "Its checks."}
    return "\n".join(
        [
            "# Settings\n",
            _MADE,
            "Unknown keys are mistakes, and the nearest known one is named.\n",
            "## Of a model\n\nIn the comment above the query, between `/* ---` and `--- */`.\n",
            _keys(SettingsBlock, _MODEL),
            "### Of a column\n",
            _keys(ColumnBlock, column),
            "## Of a project: `lakeorch.yml`\n\nOptional. `${NAME}` and `${NAME:-default}` are filled in from the "
            "process environment, `${keyring:service/name}` from the system's keyring.\n",
            _keys(File, _FILE),
            "### Of an environment\n",
            _keys(Environment, _FILE),
            "### Defaults of a folder\n",
            _keys(Defaults, _FILE),
        ]
    )


def _keys(model: Any, told: Mapping[str, str]) -> str:
    lines = ["| Key | Takes | Default | What it is |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        shown = f"`{default}`" if default not in (None, "", [], {}) else ""
        lines.append(f"| `{name}` | {_type(field.annotation)} | {shown} | {told[name]} |")
    return "\n".join(lines) + "\n"


_WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false"}


def _type(told: Any) -> str:
    """A type in words."""
    origin, inside = get_origin(told), get_args(told)
    if origin is Literal:
        return " ".join(f"`{value}`" for value in inside)
    if origin is list:
        return "list"
    if origin is dict:
        return "mapping"
    real = [one for one in inside if one is not type(None)]
    if real and hasattr(told, "__metadata__"):
        return _type(real[0])
    if real:
        return " or ".join(dict.fromkeys(_type(one) for one in real))
    return _WORDS.get(told, "mapping")


def checks() -> str:
    """What stands in the docstrings of the checks."""
    from importlib import import_module

    from lakeorch import plugins

    lines = [
        "# Checks\n",
        _MADE,
        "Under a column in `columns`, or under the table's `checks`. Beside a check may stand `severity: warn`, which "
        "reports and publishes all the same, and `name: …`.\n",
    ]
    for name in sorted(plugins.names("checks")):
        module = import_module(f"lakeorch.checks.{name}")
        where, form = _CHECK_FORMS[name]
        rule = _sentence(module.__doc__)
        detail = inspect.getdoc(getattr(module, "condition", None) or module.query) or ""
        lines += [f"## {name}\n", f"{rule}\n", f"Written: {form} ({where}).\n"]
        lines.append(f"What breaks it: {_lower(detail.removeprefix('True where '))}\n")
    return "\n".join(lines)


def _sentence(text: str | None) -> str:
    """The rule in a module's docstring, which begins with the check's name."""
    rule = (text or "").strip().splitlines()[0].partition(": ")[2]
    return rule[:1].upper() + rule[1:]


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def properties() -> str:
    """The properties of a snapshot that lakeorch makes."""
    rows = "\n".join(f"| `{name}` | {told} |" for name, told in PROPERTIES.items())
    return "\n".join(
        [
            "# Properties\n",
            _MADE,
            "Every snapshot that lakeorch makes carries these in its summary. They are text; any Iceberg reader sees "
            "them.\n",
            f"| Property | What it says |\n|---|---|\n{rows}\n",
            "What was made in an environment also carries its name, `lakeorch.environment`, and what was promoted the "
            "id of the promotion, `lakeorch.promotion`.\n",
            "Tables carry `lakeorch.sql` (the query), `lakeorch.pinned` where a roll-back has pinned them, "
            "`lakeorch.same-as` where a rebuild gave the rows that were there, `lakeorch.clone` where they are an "
            "environment's own (which one, and what of production's they grew from), and the ecosystem's own `comment` "
            "and `owner`. Descriptions of columns are Iceberg's.\n",
        ]
    )


PAGES: Mapping[str, Callable[[], str]] = {
    "commands.md": commands,
    "settings.md": settings,
    "checks.md": checks,
    "properties.md": properties,
}


def main() -> None:
    """Writes the pages."""
    REFERENCE.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
