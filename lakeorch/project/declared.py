"""What `lakeorch.yml` says, checked, as plain values; and how it is known again without being checked once more.

Loading the libraries that read and check the file takes longer than all that a run with nothing to do does besides.
A run therefore keeps what a file says, under a hash of its bytes and of what checked it. A file that says anything of
the surroundings (`${…}`), or that holds a secret, is read each time: neither may be written down.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import lakeorch
from lakeorch.masking import is_secret, mask
from lakeorch.model import Scalar
from lakeorch.project import kept

if TYPE_CHECKING:
    from lakeorch.lint import Level

# what reads and checks the file, besides this package
CHECKED_BY = ("yaml", "pydantic", "pydantic_core")
_ENVIRONMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")


def may_be_environment(name: str) -> bool:
    """Whether an environment may be called so: up to 64 letters, digits, `_` and `-`."""
    return _ENVIRONMENT.fullmatch(name) is not None


@dataclass(frozen=True, repr=False)
class Layer:
    """Where a project's tables lie and what its models are given, for one environment or for all; empty: not said.

    Attributes:
        memory: in bytes.
    """

    catalog: str = ""
    warehouse: str = ""
    engine: str = ""
    threads: int | None = None
    memory: int | None = None
    variables: Mapping[str, Scalar] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, repr=False)
class Declared(Layer):
    """The whole of a `lakeorch.yml`; a layer for all environments.

    Attributes:
        name: of the project.
        models: its folder of models, relative to the root.
        environments: by name.
        owners: owner → how to reach them.
        defaults: settings of the models per folder, by namespace.
        lint: what is told of each rule of lint per folder, by namespace.
        maintain_every: seconds after which the lake is maintained once more, None for never.
    """

    name: str = ""
    models: str = ""
    environments: Mapping[str, Layer] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    lint: Mapping[str, Mapping[str, Level]] = field(default_factory=dict)
    maintain_every: int | None = None


def recall(root: Path, content: bytes) -> Declared | None:
    """What a file of this content said when it was checked; None where that is not known."""
    try:
        found = kept.read(_folder(root), _question(content))
    except OSError:  # a library in an archive is no file
        found = None
    if found is None:
        return None
    found["environments"] = {name: Layer(**layer) for name, layer in found["environments"].items()}
    return Declared(**found)


def remember(root: Path, content: bytes, check: Callable[[], Declared]) -> None:
    """Keeps what a file says, where it is not known, nothing else had a part in it and nothing in it is secret.

    Args:
        root: of the project.
        content: of the file.
        check: finds out what it says.
    """
    # behind a backslash a `$` could be written in other letters
    if b"${" in content or b"\\" in content or recall(root, content) is not None:
        return
    declared = check()
    layers = (declared, *declared.environments.values())
    # the rules of lint that there are depend on what is plugged in
    if any(declared.lint.values()) or any(map(_is_secretive, layers)):
        return
    with contextlib.suppress(OSError, TypeError):  # JSON has no dates
        kept.write(_folder(root), _question(content), asdict(declared))


def _is_secretive(layer: Layer) -> bool:
    given = {**layer.variables, **layer.properties, "catalog": layer.catalog, "warehouse": layer.warehouse}
    return any(is_secret(name) or mask(str(value)) != str(value) for name, value in given.items())


def _folder(root: Path) -> Path:
    return root / ".lakeorch" / "declared"


def _question(content: bytes) -> str:
    own, above = Path(__file__), Path(__file__).parent.parent
    found = [Path(spec.origin) for name in CHECKED_BY if (spec := find_spec(name)) and spec.origin]
    seen = [file.stat() for file in (*found, own, own.with_name("file.py"), above / "parse" / "yaml.py")]
    stamps = [[each.st_size, each.st_mtime_ns, each.st_ctime_ns, each.st_ino] for each in seen]
    return kept.digest([lakeorch.__version__, stamps, content.hex()])
