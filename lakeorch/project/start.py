"""The beginning of a project: a small one that runs at once, or models drafted from files that are there."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING

from lakeorch.errors import EngineError, Source, UsageError, suggestion
from lakeorch.project.config import FILE, MODELS, load_config
from lakeorch.sources.files import find_files
from lakeorch.types import identifier, literal

if TYPE_CHECKING:
    from lakeorch.engines import Session
    from lakeorch.model import Column

# a name under which a file travels in a package, because its own would act there
_RENAMED = {"gitignore": ".gitignore"}
_SAMPLES = ("README.md", "data", MODELS)
_NAMESPACE = "staging"
_READERS = {
    **dict.fromkeys(("csv", "tsv", "txt"), "read_csv"),
    **dict.fromkeys(("json", "jsonl", "ndjson"), "read_json"),
    **dict.fromkeys(("parquet", "pq"), "read_parquet"),
}
_PACKED = {"gz", "zst"}


def init(folder: str | Path, data: Sequence[str | Path] = ()) -> tuple[Path, ...]:
    """Makes a project in a folder.

    Args:
        folder: made where it is missing. Without `data` it must be empty; with `data` it may hold a project already.
        data: CSV, JSON and Parquet files, or globs of such with one schema: for each a model in `staging` is drafted
            that reads it, with the columns and types that are found there. Without, a small project is written.

    Returns:
        The files that were written. No file that is there is ever overwritten.

    Raises:
        UsageError: the folder or a model is there already, or a file is missing or of no known kind.
        EngineError: a file cannot be read.
    """
    root = Path(folder).absolute()
    if root.is_file():
        raise UsageError(f"{folder} is a file", hint="give a folder")
    starter = _starter(files("lakeorch.project").joinpath("starter"))
    if not data:
        if root.exists() and any(root.iterdir()):
            hint = "give a new folder, or draft models for this one: --from DATA_FILE"
            raise UsageError(f"{folder} is not empty", hint=hint)
        return _write(root, starter)
    drafts = _drafts(root, [str(path) for path in data])
    if there := [path for path in drafts if (root / path).exists()]:
        raise UsageError(f"already there: {', '.join(there)}", hint="delete it, or give the other files only")
    settings = {path: text for path, text in starter.items() if path.partition("/")[0] not in _SAMPLES}
    return _write(root, {path: text for path, text in settings.items() if not (root / path).exists()} | drafts)


def _write(root: Path, texts: Mapping[str, str]) -> tuple[Path, ...]:
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return tuple(root / path for path in texts)


def _starter(folder: Traversable, at: str = "") -> dict[str, str]:
    """The small project: path → text."""
    found: dict[str, str] = {}
    for entry in sorted(folder.iterdir(), key=lambda entry: (entry.is_dir(), entry.name)):
        path = at + _RENAMED.get(entry.name, entry.name)
        found |= _starter(entry, f"{path}/") if entry.is_dir() else {path: entry.read_text(encoding="utf-8")}
    return found


# ---- drafts ----------------------------------------------------------------------------------------------------


def _drafts(root: Path, patterns: Sequence[str]) -> dict[str, str]:
    """A model for each pattern: path → text."""
    from lakeorch import plugins

    folder = load_config(root, None, {}).folder if (root / FILE).is_file() else root / MODELS
    found: dict[str, str] = {}
    engine = plugins.load("engines", "duckdb").engine(1)
    try:
        with engine.session((), {}, str(root)) as session:
            for given in patterns:
                pattern = _from_root(given, root)
                path = (folder / _NAMESPACE / f"{_model_name(given)}.sql").relative_to(root).as_posix()
                if path in found:
                    raise UsageError(f"two of the files would be {path}", hint="rename one, or give them as one glob")
                found[path] = _draft(session, pattern, given, root)
    finally:
        engine.close()
    return found


def _from_root(given: str, root: Path) -> str:
    """The pattern as a model writes it: relative to the project where the files lie in it."""
    if "://" in given:
        return given
    full = Path(os.path.normpath(Path.cwd() / given))
    pattern = full.relative_to(root).as_posix() if full.is_relative_to(root) else str(full)
    find_files(pattern, root)
    return pattern


def _model_name(pattern: str) -> str:
    """What to call the table of a file: its name, or that of the folder where a glob says nothing else."""
    path = Path(pattern)
    for text in (path.name.partition(".")[0], path.parent.name):
        name = re.sub(r"[^a-z0-9]+", "_", re.sub(r"[*?]|\[.*?\]", "", text).lower()).strip("_")
        if name:
            return name if name[0].isalpha() else f"t_{name}"
    return "data"


def _draft(session: Session, pattern: str, given: str, root: Path) -> str:
    """The text of a model that reads a file and names its columns and their types."""
    from lakeorch.parse.format import format_sql

    call = f"{_reader(given)}({literal(pattern)})"
    columns = session.columns(f"SELECT * FROM {call}")
    for path in find_files(pattern, root):
        other = session.columns(f"SELECT * FROM {_reader(given)}({literal(path)})")
        if [column.name for column in other] != [column.name for column in columns]:
            message = f"{path} has other columns than the first of the files behind {given}"
            raise UsageError(message, hint="give only files of one kind, a glob for each kind")
    names = _names(columns)
    block = [
        "/* ---",
        f"description: {_quoted(f'The rows of {pattern}')}",
        "columns:",
        *(f"  {name}: {{type: {_quoted(column.type)}}}" for name, column in zip(names, columns, strict=True)),
        "--- */",
    ]
    items = [_item(session, column.name, name) for name, column in zip(names, columns, strict=True)]
    listed = ",\n".join(f"    {item}" for item in items)
    text = "\n".join([*block, "SELECT", listed, f"FROM {call}", ""])
    return format_sql(Source(given, text))


def _reader(pattern: str) -> str:
    endings = [ending for ending in pattern.lower().split(".")[1:] if ending not in _PACKED]
    ending = endings[-1] if endings else ""
    if ending not in _READERS:
        hint = suggestion(ending, _READERS) or f"the name must end in one of: {', '.join(sorted(_READERS))}"
        raise UsageError(f"{pattern}: what kind of file is this?", hint=hint)
    return _READERS[ending]


def _names(columns: Sequence[Column]) -> list[str]:
    """A plain name for every column: lower case, words joined by `_`, each only once."""
    found: list[str] = []
    for column in columns:
        # letters lose their accents: Größe is grosse
        text = unicodedata.normalize("NFKD", column.name.casefold()).encode("ascii", "ignore").decode()
        name = re.sub(r"\W+", "_", text).strip("_") or "column"
        name = name if not name[0].isdigit() else f"c_{name}"
        again = 2
        unique = name
        while unique in found:
            unique, again = f"{name}_{again}", again + 1
        found.append(unique)
    return found


def _item(session: Session, written: str, name: str) -> str:
    """An item of the select list; the name in quotes only where the engine would not take it plain."""
    plain = written if _is_plain(session, written) else identifier(written)
    if written == name and plain == written:
        return plain
    return f"{plain} AS {name if _is_plain(session, name) else identifier(name)}"


def _is_plain(session: Session, name: str) -> bool:
    if not re.fullmatch(r"[a-z_][a-z0-9_]*", name):
        return False
    try:
        session.columns(f"SELECT {name} FROM (SELECT 1 AS {identifier(name)})")
    except EngineError:
        return False
    return True


def _quoted(text: str) -> str:
    """A text as YAML reads it, in quotes where it is more than a word."""
    return text if re.fullmatch(r"\w+", text) else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
