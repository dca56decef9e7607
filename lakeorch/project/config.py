"""`lakeorch.yml`, resolved: which lake, which engine, which variables. Optional; without it everything has a default.

The file is read once, filled in from the process environment and the system's keyring (`${NAME}`, `${NAME:-default}`,
`${keyring:service/name}`), checked against `file.File` and laid together with one of its environments and with `--var`.
What comes out is a `Config`. A file that was checked before is known again (`declared`).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lakeorch.errors import Finding, Place, ProjectError, Source, UsageError, suggestion
from lakeorch.masking import hide, is_secret, mask
from lakeorch.model import Scalar
from lakeorch.project import declared
from lakeorch.project.declared import Declared, Layer, may_be_environment

if TYPE_CHECKING:
    from lakeorch.lint import Level

Value = TypeVar("Value")

FILE = "lakeorch.yml"
CATALOG = "lakeorch"
MODELS = "sql_models"
_SQLITE = "sqlite:///"
_SERVED = ("http", "https")


@dataclass(frozen=True, repr=False)
class Config:
    """What a project is told, with every default filled in and every path made absolute.

    Attributes:
        root: the project root: paths in SQL and in `lakeorch.yml` are relative to it.
        folder: the folder of models.
        name: of the project; the root's name where none is given.
        environment: the chosen environment; empty for production.
        shares: the environment has no catalog or warehouse of its own: production's tables show through.
        environments: those that `lakeorch.yml` declares, each with whether it shares production's tables.
        catalog_name: of production's catalog inside its database.
        catalog: URI of the catalog.
        warehouse: folder or URL of the data.
        engine: the plug-in that runs models which name none.
        threads: how many models are built at once; None for the number of processors.
        memory: bytes that the engine may take before it goes to disk; None for its own default.
        variables: values for `$name`.
        properties: handed to the catalog and the file system: endpoints, credentials.
        owners: owner → how to reach them.
        defaults: settings of the models per folder, by namespace; read them with `defaults_for`.
        maintain_every: seconds after which a run that published something maintains the lake; None for never.
        lint: what is told of each rule per folder, by namespace; read it with `lint_for`.
    """

    root: Path
    folder: Path
    name: str
    environment: str
    catalog: str
    warehouse: str
    engine: str = "duckdb"
    threads: int | None = None
    memory: int | None = None
    variables: Mapping[str, Scalar] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    lint: Mapping[str, Mapping[str, Level]] = field(default_factory=dict)
    maintain_every: int | None = None
    shares: bool = False
    environments: Mapping[str, bool] = field(default_factory=dict)
    catalog_name: str = CATALOG

    @property
    def catalogs(self) -> tuple[str, ...]:
        """The catalogs of the database that are seen, by name: production's, then the environment's own."""
        own = (f"{self.catalog_name}_{self.environment}",) if self.shares else ()
        return (self.catalog_name, *own)

    def defaults_for(self, namespace: str) -> dict[str, object]:
        """The settings that models of a namespace have unless they say otherwise; those of a deeper folder win."""
        return _laid_together(self.defaults, namespace)

    def lint_for(self, namespace: str) -> dict[str, Level]:
        """What is told of the rules of lint for models of a namespace; a deeper folder wins, rule by rule."""
        return _laid_together(self.lint, namespace)

    def __repr__(self) -> str:
        """The fields, with passwords and keys masked: a traceback or a log may show it."""
        shown = {f.name: getattr(self, f.name) for f in fields(self)}
        for name in ("variables", "properties"):
            shown[name] = {k: "***" if is_secret(k) else _masked(v) for k, v in shown[name].items()}
        shown |= {"catalog": mask(self.catalog), "warehouse": mask(self.warehouse)}
        return f"Config({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


def _laid_together(folders: Mapping[str, Mapping[str, Value]], namespace: str) -> dict[str, Value]:
    """What holds for a namespace: of all models, of its first folder, and so on down to its own."""
    found: dict[str, Value] = dict(folders.get("", {}))
    parts = namespace.split(".")
    for depth in range(1, len(parts) + 1):
        found.update(folders.get(".".join(parts[:depth]), {}))
    return found


def load_config(folder: Path, env: str | None, variables: Mapping[str, str]) -> Config:
    """Finds the project that a folder belongs to and resolves its settings.

    Args:
        folder: the folder of models, or the folder that holds `lakeorch.yml`.
        env: the environment to use; None for the settings at the top of the file. One that is not declared has those
            settings too.
        variables: `--var`, as text; typed as YAML would type them.

    Raises:
        UsageError: there is no such folder, or that is no name for an environment.
        ProjectError: `lakeorch.yml` is wrong; carries every finding.
    """
    given = folder.resolve()
    if not given.is_dir():
        what = "is a file" if given.exists() else "does not exist"
        raise UsageError(f"the folder {folder} {what}", hint="give the folder that holds <namespace>/<table>.sql")
    if any("\\" in part for part in given.parts[1:]):
        # DuckDB takes it for a separator of folders, so that no file below it would be found
        raise UsageError(f"the path {given} has a backslash in the name of a folder", hint="rename or move the folder")
    at = next((path for path in (given, *given.parents) if (path / FILE).is_file()), None)
    typed = {name.lower(): typed_scalar(text) for name, text in variables.items()}
    if env is not None:
        require_name(env)
    if at is None:
        _refuse_near_miss(given)
        return _resolve(given.parent, given, Declared(), None, env or "", typed)
    file = _read(at, env or "")
    chosen = file.environments.get(env) if env else None
    models = _models(at, given, file)
    if missing := [name for name in {*file.defaults, *file.lint} if name and not _inside(models, name)]:
        raise ProjectError(_without_folder(at, models, missing))
    return _resolve(at, models, file, chosen, env or "", typed)


def require_name(env: str) -> None:
    """Raises UsageError where that is no name for an environment."""
    # an empty one, a variable of a script that was not set, must not mean production
    if not may_be_environment(env):
        hint = "up to 64 letters, digits, _ and -, as in dev; leave --env out for production"
        raise UsageError(f'"{env}" is no name for an environment', hint=hint)


def typed_scalar(text: str) -> Scalar:
    """The value of a `--var`: `3` a number, `2025-10-01` a date, `true` a boolean, `"3"` and the rest text."""
    from lakeorch.parse.yaml import load_yaml

    if not text.strip():
        return text
    try:
        value, _ = load_yaml(Source("--var", text))
    except ProjectError:
        return text
    # `a: b`, `[a]` and `a # b` are text here
    plain = isinstance(value, dict | list) or (isinstance(value, str) and text.strip()[0] not in "\"'")
    return text if plain else value


def remember(config: Config) -> None:
    """Keeps what `lakeorch.yml` says, so that it need not be checked again; does nothing where there is none."""
    with contextlib.suppress(OSError, ProjectError):
        content = (config.root / FILE).read_bytes()
        declared.remember(config.root, content, lambda: _checked(content, config.root, config.environment))


def _read(root: Path, env: str) -> Declared:
    """What `lakeorch.yml` says."""
    content = (root / FILE).read_bytes()
    known = declared.recall(root, content)
    if known is None or (known.models and not (root / known.models).is_dir()):
        return _checked(content, root, env)
    return known


def _checked(content: bytes, root: Path, env: str) -> Declared:
    from lakeorch.parse.yaml import load_yaml, validate
    from lakeorch.project.file import File, fill_in

    try:
        source = Source(FILE, content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ProjectError((Finding(Place(FILE), "not UTF-8", hint="save the file as UTF-8"),)) from error
    data, places = load_yaml(source)
    findings = fill_in(data, places, source, env)
    file, wrong = validate(File, data, places, source)
    if file is None or findings:
        raise ProjectError((*findings, *wrong))
    if file.models and not (root / file.models).is_dir():
        from lakeorch.parse.yaml import locate

        raise ProjectError((source.finding(locate(places, ("models",)), f"there is no folder {file.models}"),))
    return file.declared()


def _inside(models: Path, namespace: str) -> bool:
    """Whether there is a folder for a namespace, whose name may be written in capitals too."""
    folders = [models]
    for part in namespace.split("."):
        folders = [at for folder in folders for at in folder.iterdir() if at.name.lower() == part and at.is_dir()]
    return bool(folders)


def _without_folder(root: Path, models: Path, namespaces: Sequence[str]) -> tuple[Finding, ...]:
    """Settings of folders that are not there: they hold for no model, which nobody would notice."""
    from lakeorch.parse.yaml import load_yaml, locate
    from lakeorch.project.file import namespace_of

    source = Source(FILE, (root / FILE).read_text(encoding="utf-8-sig"))
    data, places = load_yaml(source)
    folders = data.get("defaults", {}) if isinstance(data, dict) else {}
    known = [at.relative_to(models).as_posix() for at in models.rglob("*/")]
    return tuple(
        source.finding(
            locate(places, ("defaults", folder), key=True),
            f"there is no folder {folder} in {models.name}",
            hint=suggestion(folder, known) or f"there are: {', '.join(sorted(known)) or 'none'}",
        )
        for folder in folders
        if namespace_of(folder) in namespaces
    )


def _models(root: Path, given: Path, file: Declared) -> Path:
    """The folder of models: as given, or what `lakeorch.yml` says where its own folder was given."""
    declared = (root / file.models).resolve() if file.models else None
    if given == root:
        return declared or (root / MODELS if (root / MODELS).is_dir() else root)
    if declared and declared in given.parents:
        inside = given.relative_to(root).as_posix()
        raise UsageError(
            f"{inside} lies inside the project's folder of models, {file.models}",
            hint=f"give {file.models} and choose with --select path:{inside}",
        )
    return given


def _resolve(
    root: Path, folder: Path, file: Declared, chosen: Layer | None, env: str, variables: Mapping[str, Scalar]
) -> Config:
    """Lays the environment over the top of the file, and that over the defaults."""
    layers = [layer for layer in (chosen, file) if layer is not None]
    catalog, warehouse = _lake(root, layers)
    merged: dict[str, Scalar] = {}
    properties: dict[str, str] = {}
    for layer in reversed(layers):
        merged |= layer.variables
        properties |= layer.properties
    merged |= variables
    environments = {name: _shares(found) for name, found in file.environments.items()}
    shares = bool(env) and environments.get(env, True)
    # a lake of its own in production's database has a name of its own there
    apart = bool(env) and not shares
    apart = apart and _database(catalog, properties) == _database(_lake(root, [file])[0], file.properties)
    for value in (catalog, *(v for each in (merged, properties) for k, v in each.items() if is_secret(k))):
        hide(value)
    return Config(
        root=root,
        folder=folder,
        name=file.name or root.name,
        environment=env,
        catalog=catalog,
        warehouse=warehouse,
        engine=_first(layers, "engine") or "duckdb",
        threads=next((layer.threads for layer in layers if layer.threads), None),
        memory=next((layer.memory for layer in layers if layer.memory), None),
        variables=merged,
        properties=properties,
        owners=file.owners,
        defaults=file.defaults,
        lint=file.lint,
        shares=shares,
        environments=environments,
        catalog_name=f"{CATALOG}_{env}" if apart else CATALOG,
        maintain_every=file.maintain_every,
    )


def _first(layers: Sequence[Layer], name: str) -> str:
    """What the first layer that says something of a setting says; empty where none does."""
    return next((getattr(layer, name) for layer in layers if getattr(layer, name)), "")


def _lake(root: Path, layers: Sequence[Layer]) -> tuple[str, str]:
    """The catalog's URI and the warehouse, each with its default."""
    warehouse = _first(layers, "warehouse") or "warehouse"
    if "://" not in warehouse:
        warehouse = str(root / warehouse)
    at = root / "warehouse" if "://" in warehouse else Path(warehouse)
    return _absolute(_first(layers, "catalog"), root) or f"{_SQLITE}{at / 'catalog.db'}", warehouse


def _database(catalog: str, properties: Mapping[str, str]) -> tuple[str | None, ...]:
    """Where a catalog's tables stand, however its address is written: two that are equal here show the same tables."""
    if catalog.startswith(_SQLITE):
        path, _, options = catalog.removeprefix(_SQLITE).partition("?")
        return (os.path.realpath(path), options)
    from urllib.parse import urlsplit

    found = urlsplit(catalog)
    place = (found.netloc.rpartition("@")[2].lower(), found.path.rstrip("/"))
    # a server tells its catalogs apart by what it is asked for; drivers and users lead to the same database
    return (*place, properties.get("warehouse"), properties.get("prefix")) if found.scheme in _SERVED else place


def _shares(environment: Layer) -> bool:
    return not (environment.catalog or environment.warehouse)


def _absolute(catalog: str, root: Path) -> str:
    """A SQLite URI with the path made absolute: its own rule is the current folder, ours the project root."""
    if not catalog.startswith(_SQLITE) or catalog == f"{_SQLITE}:memory:":
        return catalog
    return _SQLITE + str(root / catalog.removeprefix(_SQLITE))


def _masked(value: object) -> object:
    return mask(value) if isinstance(value, str) else value


def _refuse_near_miss(folder: Path) -> None:
    """A file that was meant to be `lakeorch.yml` must not be passed over in silence."""
    for path in (folder, folder.parent):
        if (path / "lakeorch.yaml").is_file():
            raise UsageError(f"{path / 'lakeorch.yaml'} is not read", hint=f"call it {FILE}")
