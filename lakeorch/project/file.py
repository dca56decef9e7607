"""What may stand in `lakeorch.yml`, as pydantic models, and how `${…}` in it is filled in.

Imported only where there is such a file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, MutableMapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from lakeorch.lint import Level
from lakeorch.masking import hide, is_secret
from lakeorch.model import Materialized
from lakeorch.parse.yaml import locate
from lakeorch.project.declared import Declared, Layer, may_be_environment

if TYPE_CHECKING:
    from lakeorch.errors import Finding, Source
    from lakeorch.parse.yaml import Path, Places

_PLACEHOLDER = re.compile(r"\$\{(?:keyring:([^/{}]+)/([^{}]+)|([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?)\}")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT])(i?)B", re.I)
_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_LAKE = frozenset({"catalog", "warehouse"})
# stands for the address of a lake that is not used
_UNUSED = "unused://"


def _uri(text: str) -> str:
    if text and "://" not in text:
        raise ValueError(f"a catalog is a URI, as in sqlite:///{text if text.endswith('.db') else 'lake/catalog.db'}")
    return text


def _variable(name: str) -> str:
    if not _NAME.fullmatch(name.lower()):
        raise ValueError(f'"{name}" is not a name for a variable: letters, digits and underscores')
    return name.lower()


def _environment(name: str) -> str:
    if not may_be_environment(name):
        raise ValueError(f'"{name}" is no name for an environment: up to 64 letters, digits, _ and -, as in dev')
    return name


def _rule(name: str) -> str:
    from lakeorch import plugins
    from lakeorch.errors import suggestion

    known = plugins.names("lint")
    if name not in known:
        raise ValueError(f'no rule is called "{name}": {suggestion(name, known) or "there are " + ", ".join(known)}')
    return name


def _duration(text: str) -> str:
    from lakeorch.parse.scalars import duration

    duration(text)
    return text


Duration = Annotated[str, AfterValidator(_duration)]


def _single(value: object) -> object:
    if isinstance(value, list | dict):
        # told here: each kind that a value may be would have a complaint of its own
        given = "a list" if isinstance(value, list) else "keys with values"
        raise ValueError(f"a variable is one text, number, date, or true or false, not {given}")
    return value


Value = Annotated[str | int | float | bool | date | datetime | None, BeforeValidator(_single)]
Variables = dict[Annotated[str, AfterValidator(_variable)], Value]
Properties = dict[str, str]
Lint = dict[Annotated[str, AfterValidator(_rule)], Level]


def _in_bytes(size: str) -> int:
    """`4GB` and `512 MiB` as a number of bytes; raises ValueError where it is no such size."""
    match = _SIZE.fullmatch(size.strip())
    if not match:
        raise ValueError("a size is a number and a unit: 512MB, 4GB, 2.5GiB")
    amount, unit, binary = match.groups()
    return int(float(amount) * (1024 if binary else 1000) ** (1 + "KMGT".index(unit.upper())))


def _size(text: str) -> str:
    if text:
        _in_bytes(text)
    return text


class Environment(BaseModel):
    """Where a project's tables lie and what its models are given."""

    model_config = ConfigDict(extra="forbid")

    catalog: Annotated[str, AfterValidator(_uri)] = ""
    warehouse: str = ""
    engine: str = ""
    threads: Annotated[int, Field(ge=1)] | None = None
    memory: Annotated[str, AfterValidator(_size)] = ""
    variables: Variables = Field(default_factory=dict)
    properties: Properties = Field(default_factory=dict)

    def layer(self) -> Layer:
        """The same as plain values."""
        return Layer(**self._layer())

    def _layer(self) -> dict[str, Any]:
        given = {name: getattr(self, name) for name in Environment.model_fields}
        return {**given, "memory": _in_bytes(self.memory) if self.memory else None}


class Defaults(BaseModel):
    """Settings that the models of a folder have unless they say otherwise; a subset of a model's own."""

    model_config = ConfigDict(extra="forbid")

    owner: str | None = None
    tags: list[str] | None = None
    materialized: Materialized | None = None
    engine: str | None = None
    lint: Lint | None = None
    keep_snapshots: Annotated[int, Field(ge=1)] | None = None
    keep_for: Duration | None = None


class Maintain(BaseModel):
    """When a run that published something goes on to maintain the lake."""

    model_config = ConfigDict(extra="forbid")

    every: Duration


class File(Environment):
    """The whole of `lakeorch.yml`: the settings of an environment stand at its top, for all environments."""

    name: str = ""
    models: str = ""
    environments: dict[Annotated[str, AfterValidator(_environment)], Environment] = Field(default_factory=dict)
    defaults: dict[str, Defaults] = Field(default_factory=dict)
    owners: dict[str, str] = Field(default_factory=dict)
    lint: Lint = Field(default_factory=dict)
    keep_snapshots: Annotated[int, Field(ge=1)] | None = None
    keep_for: Duration | None = None
    maintain: Maintain | None = None

    def declared(self) -> Declared:
        """The same as plain values."""
        return Declared(
            **self._layer(),
            name=self.name,
            models=self.models,
            environments={name: each.layer() for name, each in self.environments.items()},
            owners=self.owners,
            defaults=self._folders(),
            lint=self._levels(),
            maintain_every=self._maintained(),
        )

    def _folders(self) -> dict[str, dict[str, object]]:
        """`defaults` by namespace: `staging/pos` is `staging.pos`, `.` every model. `lint` is no setting of a model.

        What stands at the top of the file holds for every model, too.
        """
        kept = self.model_dump(exclude_none=True, include={"keep_snapshots", "keep_for"})
        found = {"": kept} if kept else {}
        for folder, given in self.defaults.items():
            own = given.model_dump(exclude_none=True, exclude={"lint"})
            found.setdefault(namespace_of(folder), {}).update(own)
        return found

    def _maintained(self) -> int | None:
        """Seconds after which the lake is maintained once more, None for never."""
        from lakeorch.parse.scalars import duration

        return duration(self.maintain.every) if self.maintain else None

    def _levels(self) -> dict[str, Lint]:
        """`lint` by namespace; what stands at the top of the file holds for every model."""
        found: dict[str, Lint] = {"": dict(self.lint)}
        for folder, given in self.defaults.items():
            found.setdefault(namespace_of(folder), {}).update(given.lint or {})
        return found


def namespace_of(folder: str) -> str:
    """The namespace of the models in a folder, as `defaults` names it; empty for all of them."""
    return folder.strip("/.").replace("/", ".").lower()


def fill_in(data: object, places: Places, source: Source, env: str | None) -> tuple[Finding, ...]:
    """Puts values in place of `${NAME}`, `${NAME:-default}` and `${keyring:service/name}`, in `data` itself.

    They come from the process environment and from the keyring of the system, and are never shown where the name of
    a setting, a variable or a place says that they are secret. In environments that are not used such values are left
    out of `data`, as their secrets need not be there; that they have a lake of their own stays told. A variable whose
    whole value is a placeholder is typed as if it had been written in the file. A user or a password in an address is
    quoted as addresses want it.

    Returns:
        A finding for each value that is not there.
    """
    findings: list[Finding] = []
    for holder, key, path in [*_texts(data, ())]:
        text = holder[key]
        if not _PLACEHOLDER.search(text):
            continue
        if path[0] == "environments" and len(path) > 1 and path[1] != env:
            if key in _LAKE:
                holder[key] = _UNUSED
            else:
                del holder[key]
            continue
        values: list[str] = []
        for match in _PLACEHOLDER.finditer(text):
            try:
                values.append(_value(match))
            except LookupError as error:
                findings.append(_missing(match, path, places, source, *error.args))
                values.append("")
            if match[1] or is_secret(match[3]) or is_secret(key):
                hide(values[-1])
            if _is_login(text, match):
                values[-1] = _quoted(values[-1])
        filled = _filled(text, values)
        whole = _PLACEHOLDER.fullmatch(text) and "variables" in path[:-1]
        holder[key] = _typed(filled) if whole else filled
    return tuple(findings)


def _is_login(text: str, placeholder: re.Match[str]) -> bool:
    """Whether a placeholder stands for the user or the password of an address."""
    scheme, _, before = _PLACEHOLDER.sub("", text[: placeholder.start()]).rpartition("://")
    return bool(scheme) and "/" not in before and "@" in text[placeholder.end() :]


def _quoted(login: str) -> str:
    """A user or a password as it stands in an address; what is written so already stays."""
    return re.sub(r"%(?![0-9A-Fa-f]{2})|[@/:?#\s]", lambda found: quote(found[0], safe=""), login)


def _filled(text: str, values: Sequence[str]) -> str:
    rest = iter(values)
    return _PLACEHOLDER.sub(lambda _: next(rest), text)


def _value(match: re.Match[str]) -> str:
    """What stands for a placeholder; raises LookupError with what is wrong and what to do."""
    service, name, variable, default = match.groups()
    if service:
        return _from_keyring(service, name)
    if variable not in os.environ and default is None:
        raise LookupError(
            f"the environment variable {variable} is not set", f"set it, or write ${{{variable}:-default}}"
        )
    return os.environ.get(variable, default or "")


def _from_keyring(service: str, name: str) -> str:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ModuleNotFoundError:
        message = "the library keyring is not installed"
        raise LookupError(message, "pip install 'lakeorch[keyring]'") from None
    try:
        found = keyring.get_password(service, name)
    except KeyringError as error:
        raise LookupError(f"the keyring cannot be read: {error}", "unlock it, or use an environment variable") from None
    if found is None:
        message = f"the keyring holds nothing for {name} of {service}"
        raise LookupError(message, f"put it there: keyring set {service} {name}")
    return found


def _texts(data: object, path: Path) -> Iterator[tuple[MutableMapping[str, Any], str, Path]]:
    """Every text under a key: the mapping that holds it, its key, its path."""
    if not isinstance(data, dict):
        return
    for key, value in data.items():
        if isinstance(value, str):
            yield data, key, (*path, key)
        else:
            yield from _texts(value, (*path, key))


def _missing(match: re.Match[str], path: Path, places: Places, source: Source, message: str, hint: str) -> Finding:
    from lakeorch.errors import Span

    span = locate(places, path)
    at = source.text.find(match[0], span.start, span.end)
    found = Span(at, at + len(match[0])) if at >= 0 else span
    return source.finding(found, message, hint=hint)


def _typed(text: str) -> Any:
    from lakeorch.project.config import typed_scalar

    return typed_scalar(text)
