"""lakeorch.yml: what it may say, what is said of mistakes in it, and what is never shown."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from lakeorch import masking
from lakeorch.errors import Finding, ProjectError, UsageError
from lakeorch.masking import redacted
from lakeorch.project.config import Config, load_config, mask, typed_scalar

FULL = """\
name: shop
models: transform
catalog: sqlite:///lake/catalog.db
warehouse: lake
threads: 3
variables: {since: 2025-01-01, rate: 1.5, country: NO}
environments:
  prod:
    catalog: postgresql://shop:${SHOP_PASSWORD}@db.example/shop
    warehouse: s3://shop/lake
    variables: {rate: 2}
    properties: {s3.secret-access-key: "${SHOP_KEY}", s3.endpoint: "${SHOP_ENDPOINT:-http://localhost:9000}"}
defaults:
  .: {owner: data}
  staging: {owner: ingest, tags: [daily]}
  staging/pos: {tags: [hourly]}
owners: {data: "#data", ingest: ingest@example.org}
"""


@pytest.fixture(autouse=True)
def _nothing_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test takes for a secret is none in the next."""
    monkeypatch.setattr(masking, "_hidden", set())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "transform" / "staging" / "pos").mkdir(parents=True)
    return tmp_path


def load(root: Path, text: str | None = None, env: str | None = None, **variables: str) -> Config:
    if text is not None:
        (root / "lakeorch.yml").write_text(text, encoding="utf-8")
    return load_config(root, env, variables)


def findings(root: Path, text: str, env: str | None = None) -> tuple[Finding, ...]:
    with pytest.raises(ProjectError) as caught:
        load(root, text, env)
    return caught.value.findings


def test_without_a_file_everything_has_a_default(root: Path) -> None:
    config = load_config(root / "transform", None, {})
    assert (config.root, config.folder) == (root, root / "transform")
    assert config.catalog == f"sqlite:///{root}/warehouse/catalog.db"
    assert config.warehouse == f"{root}/warehouse"
    assert (config.engine, config.threads, config.variables) == ("duckdb", None, {})
    assert config.defaults_for("staging") == {}


def test_a_full_file(root: Path) -> None:
    config = load(root, FULL)
    assert (config.name, config.folder, config.threads) == ("shop", root / "transform", 3)
    assert config.catalog == f"sqlite:///{root}/lake/catalog.db"
    assert config.warehouse == f"{root}/lake"
    assert config.variables == {"since": date(2025, 1, 1), "rate": 1.5, "country": "NO"}
    assert config.owners["data"] == "#data"


def test_an_environment_lies_over_the_top_and_var_over_both(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "hunter2")
    monkeypatch.setenv("SHOP_KEY", "abc")
    config = load(root, FULL, "prod", since="2025-06-01")
    assert config.catalog == "postgresql://shop:hunter2@db.example/shop"
    assert config.warehouse == "s3://shop/lake"
    assert config.variables == {"since": date(2025, 6, 1), "rate": 2, "country": "NO"}
    assert config.properties == {"s3.secret-access-key": "abc", "s3.endpoint": "http://localhost:9000"}
    assert config.threads == 3


@pytest.mark.parametrize(
    ("size", "bytes"), [("512MB", 512 * 10**6), ("2.5 GiB", 5 * 2**29), ("1tb", 10**12), ("64kb", 64_000)]
)
def test_memory_is_a_size(root: Path, size: str, bytes: int) -> None:
    assert load(root, f"memory: 1GB\nenvironments: {{small: {{memory: {size}}}}}\n", "small").memory == bytes


@pytest.mark.parametrize(
    ("password", "written"),
    [("p@ss/w:rd?#", "p%40ss%2Fw%3Ard%3F%23"), ("100%", "100%25"), ("p%40ss", "p%40ss"), ("plain-1_~", "plain-1_~")],
)
def test_a_password_may_hold_what_an_address_may_not(
    root: Path, password: str, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_USER", "me@corp")
    monkeypatch.setenv("SHOP_PASSWORD", password)
    monkeypatch.setenv("SHOP_PLACE", "db.example/a@b")
    config = load(root, "catalog: postgresql://${SHOP_USER}:${SHOP_PASSWORD}@${SHOP_PLACE}\n")
    assert config.catalog == f"postgresql://me%40corp:{written}@db.example/a@b"


def test_no_part_of_a_password_that_a_driver_takes_for_the_host_is_shown(root: Path) -> None:
    load(root, "catalog: postgresql://u:first@secondpart@db.example/shop\n")
    assert redacted("failed to resolve host 'secondpart@db.example'") == "failed to resolve host '***@db.example'"


def test_an_environment_with_a_secret_in_its_address_has_a_lake_of_its_own_also_where_it_is_not_used(
    root: Path,
) -> None:
    lakes = (
        "a: {catalog: 'postgresql://u:${SHOP_PASSWORD}@h/db'}, b: {warehouse: '${SHOP_BUCKET}'}, c: {threads: '${N}'}"
    )
    assert load(root, f"environments: {{{lakes}}}\n").environments == {"a": False, "b": False, "c": True}


def test_secrets_are_never_printed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "p@ss/w:rd")
    monkeypatch.setenv("SHOP_KEY", "topsecret")
    shown = repr(load(root, FULL, "prod", api_token="tttt"))
    for secret in ("p@ss", "w:rd", "topsecret", "tttt"):
        assert secret not in shown
    assert "postgresql://shop:***@db.example/shop" in shown


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("sqlite:////a/b.db", "sqlite:////a/b.db"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("postgresql://u:p@h/d?sslpassword=x&a=1", "postgresql://u:***@h/d?sslpassword=***&a=1"),
        ("https://h/c?token=abc", "https://h/c?token=***"),
    ],
)
def test_mask(uri: str, shown: str) -> None:
    assert mask(uri) == shown


def test_the_secrets_of_other_environments_need_not_be_there(root: Path) -> None:
    assert load(root, FULL).environment == ""


def test_a_missing_secret_is_a_finding_at_its_name(root: Path) -> None:
    found = findings(root, FULL, "prod")
    assert [f.message for f in found] == [
        "the environment variable SHOP_PASSWORD is not set",
        "the environment variable SHOP_KEY is not set",
    ]
    place, line = found[0].place, found[0].line
    assert (place.file, place.line) == ("lakeorch.yml", 9)
    assert line[place.column - 1 :].startswith("${SHOP_PASSWORD}")
    assert found[0].width == len("${SHOP_PASSWORD}")


def test_a_variable_from_the_environment_is_typed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("N", "7")
    config = load(root, 'variables: {n: "${N}", text: "n is ${N}", d: "${D:-2025-01-02}"}\nthreads: ${N}\n')
    assert config.variables == {"n": 7, "text": "n is 7", "d": date(2025, 1, 2)}
    assert config.threads == 7


def test_deeper_folders_win(root: Path) -> None:
    config = load(root, FULL)
    assert config.defaults_for("marts") == {"owner": "data"}
    assert config.defaults_for("staging") == {"owner": "ingest", "tags": ["daily"]}
    assert config.defaults_for("staging.pos.eu") == {"owner": "ingest", "tags": ["hourly"]}
    assert config.defaults_for("staging_other") == {"owner": "data"}


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "hint"),
    [
        ("name: a\nwarehose: x\n", 2, 1, 'unknown key "warehose"', 'did you mean "warehouse"?'),
        ("environments:\n  dev: {catalogue: x}\n", 2, 9, 'unknown key "catalogue"', 'did you mean "catalog"?'),
        ("defaults: {staging: {ownr: x}}\n", 1, 22, 'unknown key "ownr"', 'did you mean "owner"?'),
        ("threads: many\n", 1, 10, 'expected a whole number, got "many"', ""),
        ("memory: 4\n", 1, 9, "expected text, got 4", "put it in quotes"),
        ("memory: 4 apples\n", 1, 9, "a size is a number and a unit: 512MB, 4GB, 2.5GiB", ""),
        ("threads: 0\n", 1, 10, "input should be greater than or equal to 1", ""),
        ("catalog: lake/catalog.db\n", 1, 10, "a catalog is a URI, as in sqlite:///lake/catalog.db", ""),
        ("models: nowhere\n", 1, 9, "there is no folder nowhere", ""),
        ("variables: {a-b: 1}\n", 1, 13, '"a-b" is not a name for a variable: letters, digits and underscores', ""),
        ("variables:\n  v: [1, 2]\n", 2, 6, "a variable is one text, number, date, or true or false, not a list", ""),
        (
            "name: [1\n",
            1,
            9,
            "not valid YAML",
            "look for a bracket or quote that is not closed, or an indent that does not fit",
        ),
        ("- a\n", 1, 1, "expected keys with values, got a list", ""),
    ],
)
def test_mistakes_have_a_place_and_a_remedy(
    root: Path, text: str, line: int, column: int, message: str, hint: str
) -> None:
    (found,) = findings(root, text)
    assert (found.place.file, found.place.line, found.place.column) == ("lakeorch.yml", line, column)
    assert found.message.startswith(message)
    assert found.hint == hint


def test_all_mistakes_come_at_once(root: Path) -> None:
    text = "nam: a\nthreads: x\nenvironments: {prod: {catalog: '${NOT_SET_ANYWHERE}'}}\n"
    assert len(findings(root, text, "prod")) == 3


def test_not_utf_8(root: Path) -> None:
    (root / "lakeorch.yml").write_bytes(b"name: caf\xe9\n")
    with pytest.raises(ProjectError) as caught:
        load(root)
    assert caught.value.findings[0].message == "not UTF-8"


def test_an_empty_file_is_no_settings(root: Path) -> None:
    assert load(root, "# nothing yet\n").name == root.name


def test_an_environment_without_a_lake_of_its_own_shares_productions(root: Path) -> None:
    text = FULL.replace("environments:\n", "environments:\n  dev: {variables: {rate: 3}}\n")
    config = load(root, text, "dev")
    assert (config.shares, config.catalogs) == (True, ("lakeorch", "lakeorch_dev"))
    assert (config.catalog, config.variables["rate"]) == (load(root).catalog, 3)
    assert config.environments == {"dev": True, "prod": False}
    undeclared = load(root, env="try-1")
    assert (undeclared.shares, undeclared.catalogs[1]) == (True, "lakeorch_try-1")
    assert undeclared.variables == load(root).variables


def test_a_lake_of_its_own_in_the_database_of_production_has_its_own_name(root: Path) -> None:
    config = load(
        root, "catalog: sqlite:///c.db\nenvironments: {a: {warehouse: a}, b: {catalog: 'sqlite:///b.db'}}", "a"
    )
    assert (config.shares, config.catalogs) == (False, ("lakeorch_a",))
    assert load(root, env="b").catalogs == ("lakeorch",)
    assert load(root, "environments: {a: {warehouse: a}}", "a").catalogs == ("lakeorch",)


SERVER = "catalog: https://lake.example/api\n"
DATABASE = "catalog: postgresql://lake:${SHOP_PASSWORD}@db.example/lake\n"


@pytest.mark.parametrize(
    ("top", "lake"),
    [
        ("", "{warehouse: warehouse}"),
        ("", "{warehouse: ./transform/../warehouse/}"),
        ("", "{catalog: 'sqlite:///warehouse/catalog.db'}"),
        ("catalog: sqlite:///c.db\n", "{catalog: 'sqlite:///./c.db', warehouse: a}"),
        ("catalog: sqlite:///c.db\n", "{catalog: 'sqlite:///linked/c.db'}"),
        (DATABASE, "{catalog: 'postgresql+psycopg://dev@DB.example/lake', warehouse: a}"),
        (SERVER, "{catalog: 'https://lake.example/api/', warehouse: a}"),
        (SERVER + "properties: {warehouse: w}\n", "{catalog: 'https://lake.example/api', properties: {warehouse: w}}"),
    ],
)
def test_an_environment_that_names_productions_own_database_is_not_production(
    root: Path, top: str, lake: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "hunter2")
    (root / "linked").symlink_to(root)
    config = load(root, f"{top}environments: {{a: {lake}}}\n", "a")
    assert (config.shares, config.catalogs) == (False, ("lakeorch_a",))
    assert load(root).catalogs == ("lakeorch",)


@pytest.mark.parametrize(
    ("top", "lake"),
    [
        (DATABASE, "{catalog: 'postgresql://db.example/other'}"),
        (SERVER, "{catalog: 'https://lake.example/other'}"),
        (SERVER, "{catalog: 'https://lake.example/api', properties: {warehouse: w}}"),
    ],
)
def test_an_environment_in_a_database_of_its_own_needs_no_other_name(
    root: Path, top: str, lake: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "hunter2")
    assert load(root, f"{top}environments: {{a: {lake}}}\n", "a").catalogs == ("lakeorch",)


# empty: a variable of a script that was not set must not mean production
@pytest.mark.parametrize("name", ["", "a b", "-x", "a/b", "ä", "a" * 65])
def test_names_that_no_environment_can_have(root: Path, name: str) -> None:
    with pytest.raises(UsageError, match="no name for an environment"):
        load(root, env=name)
    [found] = findings(root, f'environments: {{"{name}": {{}}}}\n')
    assert (found.place.line, found.place.column) == (1, 16)
    assert "no name for an environment" in found.message


@pytest.mark.parametrize("name", ["missing", "lakeorch.txt"])
def test_a_folder_that_is_none(root: Path, name: str) -> None:
    (root / "lakeorch.txt").touch()
    with pytest.raises(UsageError, match=r"does not exist|is a file"):
        load_config(root / name, None, {})


def test_an_environment_without_a_file(root: Path) -> None:
    assert load_config(root / "transform", "dev", {}).shares


def test_the_root_is_the_nearest_folder_with_the_file(root: Path) -> None:
    load(root, "name: outer\n")
    inner = root / "transform" / "staging"
    (inner / "lakeorch.yml").write_text("name: inner\n")
    assert load_config(inner, None, {}).root == inner
    assert load_config(root / "transform", None, {}).root == root


def test_the_folder_of_models(root: Path) -> None:
    assert load(root, "name: a\n").folder == root
    (root / "sql_models").mkdir()
    assert load(root).folder == root / "sql_models"
    assert load_config(root / "transform", None, {}).folder == root / "transform"
    load(root, FULL)
    with pytest.raises(UsageError, match="lies inside") as caught:
        load_config(root / "transform" / "staging", None, {})
    assert caught.value.hint == "give transform and choose with --select path:transform/staging"


def test_a_file_with_the_wrong_ending_is_not_passed_over(root: Path) -> None:
    (root / "lakeorch.yaml").touch()
    with pytest.raises(UsageError, match=r"lakeorch\.yaml is not read"):
        load_config(root / "transform", None, {})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-1.5", -1.5),
        ("007", "007"),
        ("true", True),
        ("no", "no"),
        ("null", None),
        ("2025-10-01", date(2025, 10, 1)),
        ('"3"', "3"),
        ("", ""),
        ("a: b", "a: b"),
        ("[1", "[1"),
        ("a # b", "a # b"),
        ("{{x}}", "{{x}}"),
        ("it's", "it's"),
    ],
)
def test_var_is_typed_as_yaml_types_it(text: str, value: object) -> None:
    found = typed_scalar(text)
    assert found == value
    assert type(found) is type(value)


def test_settings_of_a_folder_that_is_not_there_are_a_mistake(tmp_path: Path) -> None:
    """They would hold for no model: a misspelt name would let versions expire, or checks be left out, unnoticed."""
    for folder in ("Staging/POS", "marts"):
        (tmp_path / "sql_models" / folder).mkdir(parents=True)
    text = "defaults:\n  stagin: {keep_for: 30d}\n  marts/x: {lint: {select_star: error}}\n  staging/pos: {owner: a}\n"
    (tmp_path / "lakeorch.yml").write_text(text + "  .: {owner: b}\n  marts: {}\n")
    with pytest.raises(ProjectError) as caught:
        load_config(tmp_path, None, {})
    assert [(f.place.line, f.place.column, f.message, f.hint) for f in caught.value.findings] == [
        (2, 3, "there is no folder stagin in sql_models", 'did you mean "Staging"?'),
        (3, 3, "there is no folder marts/x in sql_models", 'did you mean "marts"?'),
    ]
    (tmp_path / "lakeorch.yml").write_text("defaults:\n  staging/pos: {owner: a}\n  .: {owner: b}\n")
    assert load_config(tmp_path, None, {}).defaults_for("staging.pos") == {"owner": "a"}
