"""How other engines read a project's tables: for each a snippet that works as pasted.

No secret stands in a snippet: what looks like one in the catalog's address or the project's properties is read from
the environment of whoever runs it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeorch.errors import UsageError, suggestion
from lakeorch.model import Inputs, Published
from lakeorch.project.config import Config, is_secret, mask
from lakeorch.types import identifier, literal

if TYPE_CHECKING:
    from lakeorch.lake import Lake

CATALOG = "lakeorch"
PASSWORD = "LAKEORCH_CATALOG_PASSWORD"
_DRIVERS = {"psycopg": "psycopg[binary]", "psycopg2": "psycopg2-binary", "pymysql": "pymysql"}
_SPARK = "org.apache.iceberg:iceberg-spark-runtime-3.5_2.12:1.10.1"
_JDBC = {"sqlite": "org.xerial:sqlite-jdbc:3.53.1.0", "postgresql": "org.postgresql:postgresql:42.7.7"}


@dataclass(frozen=True, slots=True)
class Snippet:
    """How one engine reads a table.

    Attributes:
        engine: its name.
        language: of the code: `python`, or `text` for settings and SQL.
        packages: what `pip install` needs; empty where that is not the way.
        code: the lines to paste.
        note: what must be known besides; may be empty.
        executed: whether lakeorch's own tests run it and compare the rows.
    """

    engine: str
    language: str
    packages: tuple[str, ...]
    code: str
    note: str = ""
    executed: bool = True


@dataclass(frozen=True)
class _Place:
    """What a snippet speaks of: the project's lake and one table of it."""

    config: Config
    table: Published
    location: str
    tables: Mapping[str, Published]

    @property
    def database(self) -> str:
        """`sqlite`, `postgresql`: what keeps the catalog."""
        return self.config.catalog.partition(":")[0].partition("+")[0]

    def pyiceberg(self) -> tuple[str, ...]:
        """The packages with which pyiceberg reaches this catalog and warehouse."""
        extras = ["sql-sqlite", "pyarrow"] + (["s3fs"] if self.config.warehouse.startswith("s3") else [])
        driver = _DRIVERS.get(self.config.catalog.partition(":")[0].partition("+")[2])
        return (f"pyiceberg[{','.join(extras)}]", *([driver] if driver else []))

    def opening(self) -> str:
        """Python that makes `table`, with pyiceberg."""
        uri, asks = mask(self.config.catalog), False
        shown = repr(uri)
        if "***" in uri:
            asks, braced = True, uri.replace("{", "{{").replace("}", "}}")
            shown = "f" + repr(braced).replace("***", f'{{os.environ["{PASSWORD}"]}}')
        pairs = [("type", '"sql"'), ("uri", shown), ("warehouse", _text(self.config.warehouse))]
        for key, value in self.config.properties.items():
            asks = asks or is_secret(key)
            pairs.append((key, f'os.environ["{_variable(key)}"]' if is_secret(key) else _text(value)))
        told = "".join(f"    {_text(key)}: {value.replace(chr(39), chr(34)) if key == 'uri' else value},\n" for key, value in pairs)
        return (
            ("import os\n\n" if asks else "")
            + "from pyiceberg.catalog import load_catalog\n\n"
            + f'catalog = load_catalog(\n    "{CATALOG}",\n    **{{\n'
            + "".join(f"    {line}\n" for line in told.splitlines())
            + f"    }},\n)\ntable = catalog.load_table({_text(self.table.name)})\n"
        )
