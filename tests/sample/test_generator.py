"""The generator of the sample input, and the rules of sql_models/README.md followed by hand on what it writes."""

import csv
import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest

LANDING = Path(__file__).parents[2] / "sql_models" / "_landing"
NAMES = ["store_id", "receipt_no", "line_no", "sold_at", "customer_id", "product_id", "quantity", "unit_price",
         "currency", "discount_pct"]  # fmt: skip
QUARANTINED = {"malformed_line", "missing_key", "unknown_store", "bad_time", "implausible_time", "bad_number",
               "unknown_product", "unknown_currency", "missing_rate"}  # fmt: skip
HANDLED = {"after_midnight", "corrected_lines", "crlf_files", "customer_updates", "decimal_commas", "discounts",
           "dst_repeated_hour", "dst_skipped_hour", "duplicates_across_files", "duplicates_in_file",
           "foreign_currency", "late_files", "orphan_customers", "rate_corrections", "rate_gaps", "resent_lines",
           "returns", "untidy_currencies", "unusable_rates"}  # fmt: skip


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(LANDING / "generate.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def make(out: Path, *arguments: object) -> Path:
    done = run(*arguments, "--out", out)
    assert done.returncode == 0, done.stderr
    return out


def contents(folder: Path) -> dict[str, object]:
    """Every file made, by its path: bytes, or rows where another version of the writer may pack them otherwise."""
    files = (p for p in sorted(folder.rglob("*")) if p.suffix in {".csv", ".jsonl", ".json", ".parquet"})
    return {
        p.relative_to(folder).as_posix(): pq.read_table(p).to_pylist() if p.suffix == ".parquet" else p.read_bytes()
        for p in files
    }


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The input made with the default arguments."""
    return make(tmp_path_factory.mktemp("landing"))


@pytest.fixture(scope="module")
def dirt(landing: Path) -> dict[str, object]:
    return json.loads((landing / "dirt.json").read_text(encoding="utf-8"))


# --- the rules, by hand ----------------------------------------------------------------------------------------------


class Rules:
    """The README, followed step by step over the files of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.zones = {row["store_id"]: ZoneInfo(row["time_zone"]) for row in table(folder / "stores/stores.csv")}
        self.products = {row["product_id"] for row in table(folder / "products/products.csv")}
        self.rates: dict[str, dict[date, Decimal]] = defaultdict(dict)
        published = [row for path in folder.glob("rates/*.csv") for row in table(path)]
        for row in sorted(published, key=lambda row: row["published_at"]):
            if re.fullmatch(r"\d+(\.\d+)?", row["eur_per_unit"]) and Decimal(row["eur_per_unit"]) > 0:
                self.rates[row["currency"]][date.fromisoformat(row["rate_date"])] = Decimal(row["eur_per_unit"])
        self.reasons: Counter[str] = Counter()
        self.copies = 0
        self.special: Counter[str] = Counter()
        self.totals: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        self.apply()

    def apply(self) -> None:
        winners: dict[tuple[str, str, str], tuple[tuple[str, str, int], dict[str, str], date]] = {}
        for path in sorted(self.folder.glob("pos/*/*")):
            delivered = re.search(r"delivered_(\d{4}-\d{2}-\d{2})", path.name)[1]
            for number, row in enumerate(self.rows(path)):
                reason, day = self.judge(path.suffix, row, date.fromisoformat(delivered))
                if reason:
                    self.reasons[reason] += 1
                    continue
                place = (delivered, path.name, number)
                key = (row["store_id"], row["receipt_no"], row["line_no"])
                self.copies += key in winners
                if key not in winners or place > winners[key][0]:
                    winners[key] = (place, row, day)
        for _, row, day in winners.values():
            self.totals[row["store_id"], str(day)] += self.revenue(row, day)
            self.special.update(returns=int(row["quantity"]) < 0, discounts=Decimal(row["discount_pct"] or 0) > 0)
        self.sales = len(winners)

    @staticmethod
    def rows(path: Path) -> list[dict[str, str] | None]:
        """The rows of a till file as text; None for a torn one."""
        if path.suffix == ".parquet":
            rows = pq.read_table(path).rename_columns(NAMES).to_pylist()
            return [{name: "" if value is None else str(value).strip() for name, value in row.items()} for row in rows]
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        if path.suffix == ".csv":
            fields = [[f.strip().replace(",", ".") for f in line.split(";")] for line in lines[1:]]
            return [dict(zip(NAMES, f, strict=True)) if len(f) == len(NAMES) else None for f in fields]
        parsed = []
        for line in lines:
            try:
                parsed.append({name: (value or "").strip() for name, value in json.loads(line).items()})
            except ValueError:
                parsed.append(None)
        return parsed

    def judge(self, suffix: str, row: dict[str, str] | None, delivered: date) -> tuple[str, date]:
        """The first rule that a row breaks, or nothing and its business date."""
        if row is None:
            return "malformed_line", delivered
        row["currency"] = row["currency"].upper()
        if not (row["receipt_no"] and row["store_id"].isdigit() and row["line_no"].isdigit()):
            return "missing_key", delivered
        if row["store_id"] not in self.zones:
            return "unknown_store", delivered
        try:
            local = self.local_time(suffix, row["sold_at"], self.zones[row["store_id"]])
        except ValueError:
            return "bad_time", delivered
        day = (local - timedelta(hours=5)).date()
        good_numbers = (
            re.fullmatch(r"-?\d{1,4}", row["quantity"])
            and int(row["quantity"])
            and re.fullmatch(r"\d{1,7}(\.\d\d?)?", row["unit_price"])
            and re.fullmatch(r"(\d{1,2}(\.\d\d?)?)?", row["discount_pct"])
        )
        known = row["currency"] == "EUR" or row["currency"] in self.rates
        broken = {
            "implausible_time": not delivered - timedelta(days=62) <= day <= delivered,
            "bad_number": not good_numbers,
            "unknown_product": row["product_id"] not in self.products,
            "unknown_currency": not known,
            "missing_rate": known and self.rate(row["currency"], day) is None,
        }
        return next((reason for reason, holds in broken.items() if holds), ""), day

    @staticmethod
    def local_time(suffix: str, text: str, zone: ZoneInfo) -> datetime:
        """What a right clock in the store showed, without a zone."""
        if suffix == ".csv":  # the second of two equal hours; winter time in the hour that is left out
            wall = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=zone)
            first, second = (wall.replace(fold=fold).utcoffset() for fold in (0, 1))
            moment = (wall - min(first, second)).replace(tzinfo=UTC)
        elif suffix == ".jsonl":
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is None:
                raise ValueError(text)
        else:
            moment = datetime.fromtimestamp(int(text) / 1000, UTC)
        return moment.astimezone(zone).replace(tzinfo=None)

    def rate(self, currency: str, day: date) -> Decimal | None:
        if currency == "EUR":
            return Decimal(1)
        week = (day - timedelta(days=back) for back in range(8))
        return next((self.rates[currency][d] for d in week if d in self.rates[currency]), None)

    def revenue(self, row: dict[str, str], day: date) -> Decimal:
        def cents(amount: Decimal) -> Decimal:
            return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)

        gross = int(row["quantity"]) * Decimal(row["unit_price"])
        discount = cents(gross * Decimal(row["discount_pct"] or 0) / 100)
        return cents((gross - discount) * self.rate(row["currency"], day))


@pytest.mark.parametrize(
    "arguments",
    [(), ("--seed", 1), ("--start", "2026-03-02", "--seed", 2), ("--days", 60, "--stores", 8, "--scale", 0.5)],
    ids=lambda arguments: " ".join(map(str, arguments)) or "defaults",
)
def test_the_rules_alone_lead_from_the_files_to_the_answer_key(tmp_path: Path, arguments: tuple[object, ...]) -> None:
    folder = make(tmp_path, *arguments)
    rules = Rules(folder)
    key = {(r["store_id"], r["business_date"]): Decimal(r["revenue_eur"]) for r in table(folder / "answer_key.csv")}
    assert rules.totals == key
    dirt = json.loads((folder / "dirt.json").read_text(encoding="utf-8"))
    handled = dirt["handled"]
    assert rules.reasons == dirt["quarantined"]
    assert rules.sales == dirt["sales"]
    assert rules.sales + rules.copies + rules.reasons.total() == dirt["lines"]
    assert rules.copies == sum(
        handled[kind] for kind in ("duplicates_across_files", "duplicates_in_file", "corrected_lines")
    )
    assert rules.special == {"returns": handled["returns"], "discounts": handled["discounts"]}


# --- the generator ---------------------------------------------------------------------------------------------------


def test_the_same_arguments_make_the_same_files(landing: Path, tmp_path: Path) -> None:
    assert contents(make(tmp_path)) == contents(landing)


def test_the_shipped_input_is_what_the_defaults_make(landing: Path) -> None:
    assert contents(LANDING) == contents(landing)


def test_the_shipped_input_is_small(landing: Path) -> None:
    files = [p for p in landing.rglob("*") if p.is_file()]
    assert len(files) < 120
    assert sum(p.stat().st_size for p in files) < 1_000_000


def test_another_seed_makes_other_sales(landing: Path, tmp_path: Path) -> None:
    other = contents(make(tmp_path, "--seed", 8))
    for name, content in contents(landing).items():
        if name.startswith(("pos/", "rates/", "answer_key")):
            assert other.get(name) != content, name


def test_scale_multiplies_the_sales_and_nothing_else(landing: Path, tmp_path: Path, dirt: dict[str, int]) -> None:
    other = make(tmp_path, "--scale", 3)
    small, big = contents(landing), contents(other)
    assert [n for n in small if not n.startswith("pos/")] == [n for n in big if not n.startswith("pos/")]
    assert all(small[name] == big[name] for name in small if name.startswith(("rates/", "products/", "stores/")))
    assert big["dirt.json"] != small["dirt.json"]
    sales = json.loads((other / "dirt.json").read_text(encoding="utf-8"))["sales"]
    assert 2.5 < sales / dirt["sales"] < 3.5


def test_a_second_call_leaves_no_files_of_the_first(tmp_path: Path, landing: Path) -> None:
    make(tmp_path, "--stores", 7, "--days", 42)
    (tmp_path / "rates" / "notes.txt").write_text("mine", encoding="utf-8")
    make(tmp_path)
    assert contents(tmp_path) == contents(landing)
    assert (tmp_path / "rates" / "notes.txt").exists()


@pytest.mark.parametrize("arguments", [("--stores", 1), ("--days", 1), ("--scale", 0.01, "--days", 8)])
def test_the_smallest_inputs_can_be_made(tmp_path: Path, arguments: tuple[object, ...]) -> None:
    assert table(make(tmp_path, *arguments) / "answer_key.csv")


def test_help_names_every_option() -> None:
    done = run("--help")
    assert done.returncode == 0
    for option in ("--stores", "--days", "--scale", "--seed", "--start", "--out"):
        assert option in done.stdout


@pytest.mark.parametrize("arguments", [("--stores", 0), ("--days", -1), ("--scale", 0), ("--start", "soon")])
def test_senseless_arguments_are_refused(arguments: tuple[object, ...]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert arguments[0] in done.stderr


# --- the dirt --------------------------------------------------------------------------------------------------------


def test_every_kind_of_dirt_is_counted(dirt: dict[str, dict[str, int]]) -> None:
    assert set(dirt["quarantined"]) == QUARANTINED
    assert set(dirt["handled"]) == HANDLED
    assert all(number > 0 for number in (*dirt["quarantined"].values(), *dirt["handled"].values()))
    assert len(dirt["sales_drops"]) == 3


def test_the_dirt_is_in_the_files(landing: Path, dirt: dict[str, dict[str, int]]) -> None:
    """What shows in single files and lines; the rules above have found the rest."""
    handled = dirt["handled"]
    texts = {p.name: p.read_bytes().decode() for p in landing.glob("pos/csv/*")}
    good = [row for p in landing.glob("pos/*/*") for row in Rules.rows(p) if row]
    names = [p.name for p in landing.glob("pos/*/*") if "resend" not in p.name]
    weeks = [re.findall(r"\d{4}-\d{2}-\d{2}", name) for name in names]
    late = [w for w in weeks if date.fromisoformat(w[1]) - date.fromisoformat(w[0]) > timedelta(days=7)]
    assert len(late) == handled["late_files"]
    assert sum(text.startswith("\ufeff") and "\r\n" in text for text in texts.values()) == handled["crlf_files"]
    assert sum(bool(re.search(r";\d+,\d\d;", line)) for t in texts.values() for line in t.splitlines()) >= 1
    assert sum(row["currency"].islower() for row in good) == handled["untidy_currencies"]
    assert any(row["customer_id"].startswith("C9") for row in good)
    sydney = "".join(text for name, text in texts.items() if name.startswith("store_06"))
    assert len(re.findall(r";2025-10-05 02:\d\d:\d\d;", sydney)) >= handled["dst_skipped_hour"] > 0
    berlin = "".join(text for name, text in texts.items() if name.startswith("store_01"))
    assert re.search(r";2025-10-26 02:\d\d:\d\d;", berlin)


def test_the_dirt_is_in_the_rates_and_customers(landing: Path, dirt: dict[str, dict[str, int]]) -> None:
    handled = dirt["handled"]
    rates = [row for path in landing.glob("rates/*.csv") for row in table(path)]
    published = Counter((row["rate_date"], row["currency"]) for row in rates)
    dates, currencies = ({key[n] for key in published} for n in (0, 1))
    assert sum(row["eur_per_unit"] in {"N/A", "0", ""} for row in rates) == handled["unusable_rates"]
    assert sum(number - 1 for number in published.values()) == handled["rate_corrections"]
    assert len(dates) * len(currencies) - len(published) == handled["rate_gaps"]
    customers = Counter(row["customer_id"] for path in landing.glob("customers/*.csv") for row in table(path))
    assert sum(number - 1 for number in customers.values()) == handled["customer_updates"]
