"""Secrets are used and never shown: planted ones are looked for in everything that lakeorch writes or prints."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keyring
import keyring.errors
import pytest

from lakeorch import masking
from lakeorch.cli import main
from lakeorch.errors import ProjectError
from lakeorch.project import Project
from lakeorch.project.config import load_config
from tests.conftest import Make
from tests.postgres import NewDatabase

PASSWORD, KEY, TOKEN, KEPT = "Pw'ord-Xq7", "s3key/Xq7+abc", "token-Xq7-42", "ring-Xq7"
SECRETS = (PASSWORD, KEY, TOKEN, KEPT)
FILES = {
    "models/raw/days.sql": "SELECT range AS day, md5($api_token || range) AS seal FROM range(3)",
    "models/marts/broken.sql": "SELECT CAST($api_token AS INTEGER) AS n FROM raw.days",
    "models/marts/ring.sql": "SELECT count(*) AS n, $vault_pwd = 'x' AS same FROM raw.days",
}
YML = """\
catalog: {catalog}
variables: {{api_token: "${{SHOP_TOKEN}}", vault_pwd: "${{keyring:shop/vault}}"}}
properties: {{s3.secret-access-key: "${{SHOP_S3}}"}}
"""


def ring(service: str, username: str) -> str | None:
    """What a keyring holds."""
    if service == "locked":
        raise keyring.errors.KeyringLocked("it is locked")
    return {("shop", "vault"): KEPT}.get((service, username))


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masking, "_hidden", set())
    monkeypatch.setattr(keyring, "get_password", ring)
    for name, value in {"SHOP_PASSWORD": PASSWORD, "SHOP_S3": KEY, "SHOP_TOKEN": TOKEN}.items():
        monkeypatch.setenv(name, value)


def project(make: Make, catalog: str, more: Mapping[str, str] | None = None) -> Path:
    return make({**FILES, "lakeorch.yml": YML.format(catalog=catalog), **(more or {})})


def told(capfd: pytest.CaptureFixture[str], folder: Path, commands: Sequence[Sequence[str]]) -> str:
    """Everything that commands print."""
    for command in commands:
        main([*command, str(folder), "--debug"])
    out, err = capfd.readouterr()
    return out + err


def shown(text: str | bytes) -> list[str]:
    data = text.encode() if isinstance(text, str) else text
    return [secret for secret in SECRETS if any(form.encode() in data for form in forms(secret))]


def forms(secret: str) -> set[str]:
    from urllib.parse import quote

    return {secret, quote(secret, safe=""), repr(secret)[1:-1]}


COMMANDS: tuple[tuple[str, ...], ...] = (
    ("validate",),
    ("plan",),
    ("run",),
    ("run", "--json"),
    ("run", "--publish", "passed"),
    ("plan", "--full", "--json"),
    ("list", "--json", "-p"),
    ("show", "raw.days", "--json", "-p"),
    ("history", "raw.days", "--json", "-p"),
    ("runs", "--json", "-p"),
    ("query", "SELECT $api_token::INTEGER AS n", "-p"),
    ("query", "SELECT nothing FROM raw.days", "-p"),
    ("verify", "raw.days", "--json", "-p"),
    ("lineage", "marts.ring", "--html", "-p"),
    ("graph", "--html", "-p"),
    *(("connect", engine, "-p") for engine in ("pyiceberg", "duckdb", "spark", "trino")),
)


def test_no_planted_secret_is_printed_or_written(
    make: Make, capfd: pytest.CaptureFixture[str], postgres: NewDatabase, tmp_path: Path
) -> None:
    server, _, place = postgres().partition("@")
    folder = project(make, f"{server}:${{SHOP_PASSWORD}}@{place}")
    assert load_config(folder, None, {}).catalog.count(PASSWORD) == 1
    printed = told(capfd, folder, COMMANDS)
    assert "Could not convert string '***' to INT32" in printed  # the failure that a secret was in, with its traceback
    assert "Traceback" in printed
    assert shown(printed) == []
    written = {path: shown(path.read_bytes()) for path in tmp_path.rglob("*") if path.is_file()}
    assert len([path for path in written if path.suffix == ".json"]) > 3
    assert {path: found for path, found in written.items() if found} == {}


@pytest.mark.parametrize("catalog", ["postgresql+psycopg://u:{}@127.0.0.1:9/x", "postgresql+nothing://u:{}@h/x"])
def test_an_unreachable_catalog_tells_no_password(make: Make, capfd: pytest.CaptureFixture[str], catalog: str) -> None:
    folder = project(make, catalog.format("${SHOP_PASSWORD}"))
    printed = told(capfd, folder, [("run",), ("run", "--json"), ("list", "-p")])
    assert "Traceback" in printed
    assert shown(printed) == []


def test_a_mistake_in_the_settings_tells_no_secret(make: Make, capfd: pytest.CaptureFixture[str]) -> None:
    folder = make({**FILES, "lakeorch.yml": "catalog: ${SHOP_TOKEN}\nthreads: ${SHOP_TOKEN}\n"})
    printed = told(capfd, folder, [("run",), ("validate", "--json")])
    assert "a catalog is a URI" in printed
    assert shown(printed) == []


def test_a_secret_moves_the_plan_without_being_kept(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = project(make, "sqlite:///lake/catalog.db", {"models/marts/broken.sql": "SELECT 1 AS n"})
    assert Project(folder).run().status == "published"
    assert Project(folder).run().status == "nothing to do"
    [same] = Project(folder).verify("raw.days")
    assert same.status == "same"
    monkeypatch.setenv("SHOP_TOKEN", "another")
    [unknown] = Project(folder).verify("raw.days")
    assert (unknown.status, "$api_token" in unknown.reason) == ("unknown", True)
    [given] = Project(folder, variables={"api_token": TOKEN}).verify("raw.days")
    assert given.status == "same"
    reasons = {step.model: step.reason for step in Project(folder).plan().steps}
    assert reasons["raw.days"] == "variable changed: api_token"


def test_what_the_keyring_cannot_give_is_a_finding(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def mistakes(placeholder: str) -> list[tuple[str, str]]:
        folder = make({"lakeorch.yml": f'name: a\nvariables: {{x: "{placeholder}"}}\n'})
        with pytest.raises(ProjectError) as caught:
            load_config(folder, None, {})
        assert caught.value.findings[0].place.line == 2
        return [(found.message, found.hint) for found in caught.value.findings]

    assert mistakes("${keyring:shop/other}") == [
        ("the keyring holds nothing for other of shop", "put it there: keyring set shop other")
    ]
    [(message, hint)] = mistakes("${keyring:locked/a}")
    assert (message, hint) == ("the keyring cannot be read: it is locked", "unlock it, or use an environment variable")

    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == "keyring":
            raise ModuleNotFoundError(name=name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    assert mistakes("${keyring:shop/vault}") == [
        ("the library keyring is not installed", "pip install 'lakeorch[keyring]'")
    ]


@pytest.mark.parametrize(
    "name", ["api_token", "password", "db_pass", "s3.access-key-id", "client.secret", "key", "header.Authorization"]
)
def test_names_that_mean_a_secret(name: str) -> None:
    assert masking.is_secret(name)


@pytest.mark.parametrize("name", ["partition_key", "monkey", "passenger", "since", "keyword", "store_key"])
def test_names_that_do_not(name: str) -> None:
    assert not masking.is_secret(name)
