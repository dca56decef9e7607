"""Order, resolution, views seen through, fingerprints, cycles and the language of selectors."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeorch.errors import Source, Span, UsageError
from lakeorch.graph import Graph
from lakeorch.model import Model, Reference, Settings
from lakeorch.parse import parse_model


def model(name: str, sql: str, block: str = "") -> Model:
    text = (f"/* ---\n{block}\n--- */\n" if block else "") + sql
    found, findings = parse_model(Source(f"models/{name.replace('.', '/')}.sql", text), name)
    assert findings == ()
    assert found is not None
    return found


def graph(**models: str) -> Graph:
    """A graph from `a__t="SELECT …"`; a settings block may stand before a `|`."""
    made = []
    for name, text in models.items():
        block, bar, sql = text.rpartition("|")
        made.append(model(name.replace("__", "."), sql if bar else text, block))
    return Graph(made)


def bare(name: str, *inputs: str) -> Model:
    """A model without the cost of parsing."""
    references = tuple(Reference(name, Span(0, 1)) for name in inputs)
    return Model(name, Source(f"m/{name}.sql", "x"), Span(0, 1), Settings(), references)


SHOP = {
    "raw__sales": "tags: [daily, raw]\nowner: ann|SELECT * FROM 'raw/*.csv'",
    "raw__stores": "tags: [raw]|SELECT * FROM 'stores.json'",
    "staging__sales": "owner: bob|SELECT * FROM raw.sales",
    "staging__stores": "materialized: view|SELECT * FROM raw.stores",
    "core__sales": "tags: [daily]|SELECT * FROM staging.sales JOIN staging.stores USING (id)",
    "marts__daily": "SELECT * FROM core.sales",
    "marts__weekly": "SELECT * FROM daily, ext.calendar",
}


@pytest.fixture(scope="module")
def shop() -> Graph:
    return graph(**SHOP)


# ---- order and edges ----------------------------------------------------------------------------------------------


def test_order_puts_inputs_first_and_does_not_depend_on_the_order_of_files(shop: Graph) -> None:
    position = {name: number for number, name in enumerate(shop.order)}
    assert set(position) == set(shop.models)
    assert all(position[parent] < position[name] for name in shop.models for parent in shop.parents(name))
    assert graph(**dict(reversed(SHOP.items()))).order == shop.order
    assert shop.findings == ()


def test_edges(shop: Graph) -> None:
    assert shop.parents("core.sales") == ("staging.sales", "staging.stores")
    assert shop.parents("marts.weekly") == ("marts.daily",)
    assert shop.children("raw.sales") == ("staging.sales",)
    assert shop.ancestors("core.sales") == tuple(
        name for name in shop.order if name in {"raw.sales", "raw.stores", "staging.sales", "staging.stores"}
    )
    assert shop.ancestors("core.sales", 1) == tuple(n for n in shop.order if n.startswith("staging"))
    assert shop.descendants("staging.sales") == ("core.sales", "marts.daily", "marts.weekly")
    assert shop.descendants("staging.sales", 2) == ("core.sales", "marts.daily")
    assert shop.descendants("staging.sales", 0) == ()


def test_a_table_read_twice_is_one_edge() -> None:
    found = graph(a__t="SELECT 1", a__u="SELECT * FROM a.t, t, a.t x")
    assert found.parents("a.u") == ("a.t",)
    assert found.children("a.t") == ("a.u",)


def test_resolution() -> None:
    found = graph(a__t="SELECT 1", b__t="SELECT 1", b__only="SELECT 1", a__u="SELECT 1", b__c__t="SELECT 1")
    here = found.models["a.u"]
    assert found.resolve(here, "t") == "a.t"
    assert found.resolve(found.models["b.only"], "t") == "b.t"
    assert found.resolve(here, "b.t") == "b.t"
    assert found.resolve(here, "only") == "b.only"
    assert found.resolve(here, "c.t") is None
    assert found.resolve(here, "ext.t") is None
    outside = model("d.x", "SELECT * FROM t")
    assert found.resolve(outside, "t") is None
    (finding,) = found.ambiguities(outside)
    assert finding.message == '"t" could mean a.t, b.c.t or b.t'
    assert str(finding.place) == "models/d/x.sql:1:15"
    assert finding.model == "d.x"


def test_ambiguous_references_are_findings_of_the_graph() -> None:
    found = graph(a__t="SELECT 1", b__t="SELECT 1", c__u="SELECT * FROM t")
    assert [finding.message for finding in found.findings] == ['"t" could mean a.t or b.t']
    assert found.parents("c.u") == ()


def test_duplicates_are_findings_and_the_first_stays() -> None:
    first, second = model("a.t", "SELECT 1"), model("a.t", "SELECT 2")
    found = Graph([first, replace(second, source=Source("models/A/T.sql", second.source.text))])
    assert [(str(f.place), f.message) for f in found.findings] == [
        ("models/A/T.sql:1:1", "a.t is already the name of models/a/t.sql")
    ]
    assert found.models["a.t"] is first


# ---- cycles -------------------------------------------------------------------------------------------------------


def test_a_cycle_names_the_reference_of_each_file() -> None:
    found = graph(
        a__x="SELECT 1 AS one,\n  * FROM b.y",
        b__y="SELECT * FROM c.z",
        c__z="SELECT * FROM a.x",
        d__w="SELECT * FROM a.x",
        e__v="SELECT 1",
    )
    (finding,) = found.findings
    assert str(finding.place) == "models/a/x.sql:2:10"
    assert finding.width == 3
    assert finding.message == (
        "models need each other in a cycle: models/a/x.sql:2:10 a.x reads b.y; "
        "models/b/y.sql:1:15 b.y reads c.z; models/c/z.sql:1:15 c.z reads a.x"
    )
    assert set(found.order) == set(found.models)
    assert found.order.index("d.w") > found.order.index("a.x")


def test_every_group_of_cycles_is_told_once_by_a_shortest_way() -> None:
    found = graph(
        a__a="SELECT * FROM a.b, a.c",
        a__b="SELECT * FROM a.c",
        a__c="SELECT * FROM a.a",
        b__a="SELECT * FROM b.b",
        b__b="SELECT * FROM b.a, a.a",
    )
    assert [finding.message.count(" reads ") for finding in found.findings] == [2, 2]
    assert ["a.c reads a.a" in f.message or "b.b reads b.a" in f.message for f in found.findings] == [True, True]


def test_a_model_that_reads_itself_is_no_cycle_here() -> None:
    found = Graph([bare("a.t", "a.t", "t")])
    assert (found.findings, found.parents("a.t"), found.order) == ((), (), ("a.t",))


@settings(max_examples=200, deadline=None)
@given(edges=st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20))
def test_cycles_are_found_exactly_where_they_are(edges: set[tuple[int, int]]) -> None:
    edges = {(a, b) for a, b in edges if a != b}
    found = Graph([bare(f"n.m{a}", *(f"n.m{b}" for x, b in sorted(edges) if x == a)) for a in range(8)])
    reach = {a: {b for x, b in edges if x == a} for a in range(8)}
    for _ in range(8):
        reach = {a: bs.union(*(reach[b] for b in bs)) for a, bs in reach.items()}
    groups = {frozenset(b for b in reach[a] if a in reach[b]) for a in range(8) if a in reach[a]}
    assert len(found.findings) == len(groups)
    position = {name: number for number, name in enumerate(found.order)}
    for a, b in edges:
        if a not in reach[b]:
            assert position[f"n.m{b}"] < position[f"n.m{a}"]


# ---- size ---------------------------------------------------------------------------------------------------------


def test_a_chain_of_5000_models() -> None:
    size = 5000
    models = [bare("n.m0")] + [bare(f"n.m{n}", f"n.m{n - 1}") for n in range(1, size)]
    found = Graph(models[::-1])
    assert found.order[0] == "n.m0"
    assert len(found.ancestors(f"n.m{size - 1}")) == size - 1
    assert len(found.select([f"+m{size - 1}"])) == size
    ring = Graph([*models[1:], bare("n.m0", f"n.m{size - 1}")])
    assert len(ring.findings) == 1


def test_a_chain_of_5000_views() -> None:
    size = 5000
    view = Settings(materialized="view")
    models = [bare("n.m0", "ext.t")] + [replace(bare(f"n.m{n}", f"n.m{n - 1}"), settings=view) for n in range(1, size)]
    found = Graph([*models, bare("n.last", f"n.m{size - 1}")])
    assert len(found.views_behind("n.last")) == size - 1
    assert found.tables_behind("n.last") == ("n.m0",)
    assert len(found.fingerprint("n.last", {})) == 32


def test_10000_models_take_linear_time() -> None:
    size = 10_000
    models = [bare(f"n.m{n}", *(f"n.m{n - step}" for step in (1, 7, 50) if n >= step)) for n in range(size)]
    start = time.process_time()
    found = Graph(models)
    for name in found.order:
        found.fingerprint(name, {})
    assert time.process_time() - start < 4


# ---- through views ------------------------------------------------------------------------------------------------

VIEWS = {
    "a__t": "SELECT * FROM read_csv(['x.csv', 'y.csv'])",
    "v__one": "materialized: view|SELECT *, now() AS at FROM a.t, 'z.csv'",
    "v__two": "materialized: view|SELECT * FROM v.one, ext.t, 'x.csv'",
    "v__three": "materialized: view|SELECT * FROM v.one, b.u",
    "b__u": "SELECT 1 AS k",
    "c__w": "SELECT * FROM v.two, v.three, b.u, 'w.csv', unknown, ext.more",
}


def test_views_are_seen_through() -> None:
    found = graph(**VIEWS)
    assert found.views_behind("c.w")[0] == "v.one"
    assert set(found.views_behind("c.w")) == {"v.one", "v.two", "v.three"}
    assert set(found.tables_behind("c.w")) == {"a.t", "b.u", "ext.t", "ext.more"}
    assert len(found.tables_behind("c.w")) == 4
    assert set(found.files_behind("c.w")) == {"w.csv", "x.csv", "z.csv"}
    assert found.files_behind("a.t") == ("x.csv", "y.csv")
    assert found.tables_behind("v.two") == ("ext.t", "a.t")
    assert found.views_behind("a.t") == found.tables_behind("a.t") == ()
    assert [found.reads_clock(name) for name in ("c.w", "v.one", "a.t")] == [True, True, False]


def test_what_drives_an_append() -> None:
    told = "materialized: append\nappend_from: [{}]|SELECT * FROM read_csv('x.csv'), a.t, v.one, ext.t"
    found = graph(
        **VIEWS,
        d__own="materialized: append|SELECT * FROM 'x.csv', a.t",
        d__tables="materialized: append|SELECT * FROM a.t, ext.t",
        d__file=told.format("x.csv"),
        d__table=told.format("A.T, ext.t"),
        d__none=told.format("b.u, y.csv"),
    )
    assert found.driving("d.own") == {"x.csv"}
    assert found.driving("d.tables") == {"a.t", "ext.t"}
    assert found.driving("d.file") == {"x.csv"}
    assert found.driving("d.table") == {"a.t", "ext.t"}
    assert found.driving("d.none") == frozenset()


# ---- fingerprints -------------------------------------------------------------------------------------------------

BASE = "owner: x\npartition_by: [a]\ncolumns: {a: int}|SELECT a FROM s.t WHERE d > $since"
VARIABLES: Mapping[str, str] = {"since": "2024", "other": "x"}


def fingerprint(text: str, variables: Mapping[str, object] = VARIABLES, **others: str) -> str:
    return graph(m__t=text, **others).fingerprint("m.t", variables)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("owner: x", "owner: y\ndescription: new\ntags: [t]\nrefresh: {every: 1h}"),
        ("columns: {a: int}", "columns: {a: {type: integer, description: d, checks: [not_null]}, b: {description: e}}"),
        ("SELECT a", "select /* c */\n  a"),
    ],
)
def test_what_does_not_move_a_fingerprint(old: str, new: str) -> None:
    assert fingerprint(BASE.replace(old, new)) == fingerprint(BASE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SELECT a", "SELECT b"),
        ("partition_by: [a]", "partition_by: [b]"),
        ("owner: x", "sort_by: a"),
        ("owner: x", "materialized: append"),
        ("owner: x", "materialized: merge\nunique_key: a"),
        ("owner: x", "engine: duckdb"),
        ("owner: x", "materialized: append\nappend_from: s.t"),
        ("{a: int}", "{a: long}"),
        ("$since", "$other"),
    ],
)
def test_what_moves_a_fingerprint(old: str, new: str) -> None:
    assert fingerprint(BASE.replace(old, new)) != fingerprint(BASE)


def test_only_used_variables_move_a_fingerprint_and_their_type_counts() -> None:
    values = ["2024", 2024, 2024.0, True, None, date(2024, 1, 1), "2024-01-01"]
    assert len({fingerprint(BASE, {"since": value}) for value in values}) == len(values)
    assert fingerprint(BASE, {"since": "2024", "other": "y"}) == fingerprint(BASE)


def test_views_move_the_fingerprints_of_what_inlines_them() -> None:
    def of(view: str, block: str = "materialized: view", below: str = "SELECT 1 AS x") -> str:
        return fingerprint("SELECT * FROM v.b", v__b=f"{block}|SELECT * FROM v.a", v__a=f"{block}|{view}", s__t=below)

    base = of("SELECT * FROM s.t")
    assert of("SELECT * /* c */ FROM s.t") == base
    assert of("SELECT x FROM s.t") != base
    assert of("SELECT * FROM s.t", below="SELECT 2 AS x") == base
    assert of("SELECT * FROM s.t", block="materialized: table") != base
    assert of("SELECT x FROM s.t", block="materialized: table") == of("SELECT * FROM s.t", block="materialized: table")


def test_an_unqualified_name_that_comes_to_mean_another_table_moves_the_fingerprint() -> None:
    base = fingerprint("SELECT * FROM t2", a__t2="SELECT 1")
    assert fingerprint("SELECT * FROM t2", b__t2="SELECT 1") != base
    assert fingerprint("SELECT * FROM t2", a__t2="SELECT 1", b__x="SELECT 1") == base


def test_data_settings_are_plain(shop: Graph) -> None:
    found = graph(m__t=BASE)
    assert found.data_settings("m.t", {"since": date(2024, 1, 1), "other": 1}) == {
        "materialized": "table",
        "partition_by": ["a"],
        "types": {"a": "int"},
        "variables": {"since": ["date", "2024-01-01"]},
    }
    assert shop.data_settings("raw.sales", {}) == {"materialized": "table"}


# ---- selectors ----------------------------------------------------------------------------------------------------

ALL = tuple(name.replace("__", ".") for name in SHOP)


@pytest.mark.parametrize(
    ("selectors", "exclude", "wanted"),
    [
        ([], [], set(ALL)),
        (["core.sales"], [], {"core.sales"}),
        (["CORE.Sales"], [], {"core.sales"}),
        (["daily"], [], {"marts.daily"}),
        (["+staging.sales"], [], {"raw.sales", "staging.sales"}),
        (["core.sales+"], [], {"core.sales", "marts.daily", "marts.weekly"}),
        (["+core.sales+"], [], set(ALL)),
        (["1+core.sales"], [], {"core.sales", "staging.sales", "staging.stores"}),
        (["0+core.sales"], [], {"core.sales"}),
        (["raw.sales+2"], [], {"raw.sales", "staging.sales", "core.sales"}),
        (["1+core.sales+1"], [], {"staging.sales", "staging.stores", "core.sales", "marts.daily"}),
        (["marts.*"], [], {"marts.daily", "marts.weekly"}),
        (["*.sales"], [], {"raw.sales", "staging.sales", "core.sales"}),
        (["marts.[dx]*"], [], {"marts.daily"}),
        (["1+marts.*"], [], {"core.sales", "marts.daily", "marts.weekly"}),
        (["tag:daily"], [], {"raw.sales", "core.sales"}),
        (["tag:da*"], [], {"raw.sales", "core.sales"}),
        (["tag:raw+1"], [], {"raw.sales", "raw.stores", "staging.sales", "staging.stores"}),
        (["owner:ann", "owner:bob"], [], {"raw.sales", "staging.sales"}),
        (["path:models/staging"], [], {"staging.sales", "staging.stores"}),
        (["path:staging/"], [], {"staging.sales", "staging.stores"}),
        (["path:./models/raw/sales.sql"], [], {"raw.sales"}),
        (["path:raw/sales.sql+1"], [], {"raw.sales", "staging.sales"}),
        (["path:models/*/stores.sql"], [], {"raw.stores", "staging.stores"}),
        (["path:."], [], set(ALL)),
        (["path:models"], [], set(ALL)),
        (["state:changed"], [], {"raw.stores", "staging.stores"}),
        (["state:changed+1"], [], {"raw.stores", "staging.stores", "core.sales"}),
        ([" +daily "], ["raw.*", "path:staging"], {"core.sales", "marts.daily"}),
        ([], ["+core.sales"], {"marts.daily", "marts.weekly"}),
        (["daily"], ["daily"], set()),
    ],
)
def test_selector(shop: Graph, selectors: list[str], exclude: list[str], wanted: set[str]) -> None:
    found = shop.select(selectors, exclude, lambda name: name.endswith(".stores"))
    assert set(found) == wanted
    assert found == tuple(name for name in shop.order if name in wanted)


@pytest.mark.parametrize(
    ("selector", "message", "hint"),
    [
        ("core.salse", 'no model is called "core.salse"', '"core.sales"'),
        ("dayli", 'no model is called "dayli"', '"daily"'),
        ("sales", '"sales" could mean core.sales, raw.sales or staging.sales', "namespace"),
        ("nothing.*", 'no model is called "nothing.*"', ""),
        ("tag:dail", "no model has tag 'dail'", '"daily"'),
        ("owner:an", "no model has owner 'an'", '"ann"'),
        ("path:stagin", "no model stands at 'stagin'", '"staging"'),
        ("tags:x", '"tags:" is not a kind of selector', '"tag"'),
        ("state:changed", '"state:" is not a kind of selector', "tag:"),
        ("", "is not a selector", "write a name"),
        ("+", "is not a selector", "write a name"),
        ("a++b", "is not a selector", "write a name"),
        ("x+core.sales", "is not a selector", "write a name"),
    ],
)
def test_a_selector_that_means_nothing(shop: Graph, selector: str, message: str, hint: str) -> None:
    for selectors, exclude in (([selector], []), ([], [selector])):
        with pytest.raises(UsageError) as caught:
            shop.select(selectors, exclude)
        assert message in caught.value.message
        assert hint in caught.value.hint
