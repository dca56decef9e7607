"""Make the input of the sample project: point-of-sale files with counted dirt, and the answer key.

The sales are made first, clean, in memory (truth.py). The answer key is summed from them; only then are they written
out, in the format of each store and spoiled on purpose. The rules by which a line counts, or does not, are those of
sql_models/README.md.

    python sql_models/_landing/generate.py                       # the input that ships with the project
    python sql_models/_landing/generate.py --scale 20 --out DIR  # twenty times the sales, elsewhere
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import cycle
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
from truth import (
    BUSINESS_DAY_STARTS,
    CHAIN,
    DAY,
    Line,
    Store,
    World,
    make_customers,
    make_products,
    make_rates,
    make_stores,
    plant_drops,
    revenue_eur,
    sell,
    write_table,
)

HEADER = ("store_id", "receipt_no", "line_no", "sold_at", "customer_id", "product_id", "quantity", "unit_price",
          "currency", "discount_pct")  # fmt: skip
BROKEN = ("malformed_line", "missing_key", "unknown_store", "bad_time", "implausible_time", "bad_number",
          "unknown_product", "unknown_currency")  # fmt: skip

Fields = dict[str, str]
Row = tuple[Fields, bool]  # the fields, and whether the line is torn


@dataclass
class Delivery:
    """One file of a store: its rows, and the day on which it arrived, in its name."""

    store: Store
    name: str
    rows: list[Row] = field(default_factory=list)


@dataclass
class Dirt:
    """Where the dirt of one store comes from: its random numbers, and the ways to break a line, in turn."""

    rng: Random
    breaks: Iterator[str]


@dataclass
class Week:
    """The files that the lines of one week go into."""

    main: Delivery
    second: Delivery | None  # sent again some days later, of some weeks only
    carried: list[Row] | None  # what the next week's file repeats; None in the last week


# --- how it is delivered ---------------------------------------------------------------------------------------------


def till_clock(sold_at: datetime, store: Store) -> tuple[datetime, str]:
    """Local time as a till prints it, and what is odd about it: in spring a till goes on in winter time for an hour."""
    zone = ZoneInfo(store.zone)
    local = sold_at.astimezone(zone)
    winter = sold_at + ((sold_at - timedelta(hours=3)).astimezone(zone).utcoffset() or timedelta())
    real = winter.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)
    if real.replace(tzinfo=None) != winter.replace(tzinfo=None):
        return winter, "dst_skipped_hour"
    repeated = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return local, "dst_repeated_hour" if repeated else ""


def as_fields(line: Line, store: Store) -> Fields:
    """A line as text, the way the store's system writes it."""
    if store.form == "csv":
        sold_at = f"{till_clock(line.sold_at, store)[0]:%Y-%m-%d %H:%M:%S}"
    elif store.form == "jsonl":
        sold_at = line.sold_at.astimezone(ZoneInfo(store.zone)).isoformat()
    else:
        sold_at = str(int(line.sold_at.timestamp()) * 1000)
    discount = str(line.discount_pct) if line.discount_pct else ""
    price = str(line.unit_price)
    if store.comma:
        price, discount = price.replace(".", ","), discount.replace(".", ",")
    return dict(zip(HEADER, (str(line.store_id), line.receipt_no, str(line.line_no), sold_at, line.customer_id,
                             line.product_id, str(line.quantity), price, line.currency, discount),
                    strict=True))  # fmt: skip


def spoil(world: World, dirt: Dirt, fields: Fields, form: str) -> Row:
    """Break a line in the next of the ways that its format allows. A typed Parquet file holds no torn lines."""
    kind = next(k for k in dirt.breaks if not (form == "parquet" and k == "malformed_line"))
    world.quarantined[kind] += 1
    typed = form == "parquet"
    epoch = {"csv": "1970-01-01 00:00:00", "jsonl": "1970-01-01T00:00:00+00:00", "parquet": "0"}[form]
    name, values = {
        "malformed_line": ("", ("",)),
        "missing_key": ("receipt_no", ("",)),
        "unknown_store": ("store_id", ("9999",)),
        "bad_time": ("sold_at", ("",) if typed else ("", "2025-13-45 99:00:00", "yesterday")),
        "implausible_time": ("sold_at", (epoch,)),
        "bad_number": ("quantity", ("0",) if typed else ("0", "1.5", "1x", "")),
        "unknown_product": ("product_id", ("P999", "")),
        "unknown_currency": ("currency", ("XXX", "EURO", "")),
    }[kind]
    return ({**fields, name: dirt.rng.choice(values)} if name else fields), kind == "malformed_line"


def count(world: World, store: Store, line: Line, rate: Decimal) -> None:
    """Enter a line that counts into the answer key, and into the tally of what is special about it."""
    world.key[line.store_id, line.business_date] += revenue_eur(line, rate)
    world.sales += 1
    local, odd = till_clock(line.sold_at, store)
    signs = {"returns": line.quantity < 0, "discounts": line.discount_pct > 0, odd: odd and store.form == "csv",
             "after_midnight": local.time() < BUSINESS_DAY_STARTS, "orphan_customers": line.customer_id > "C9",
             "foreign_currency": line.currency != store.currency}  # fmt: skip
    world.handled.update(sign for sign, holds in signs.items() if holds)


def deliver(world: World, store: Store, lines: list[Line], breaks: Iterator[str]) -> list[Delivery]:
    """Pack the lines of a store into one file per week, with the dirt, and a second file of some weeks."""
    dirt = Dirt(world.random("dirt", store.store_id), breaks)
    spans = [world.days[n : n + 7] for n in range(0, len(world.days), 7)]
    late = (2 * store.store_id + 1) % len(spans)
    files: list[Delivery] = []
    carried: list[Row] = []
    for number, days in enumerate(spans):
        delivered = days[-1] + (11 * DAY if number == late else DAY)
        name = f"store_{store.store_id:02d}_{days[0]}"
        main = Delivery(store, f"{name}_delivered_{delivered}", carried)
        second = Delivery(store, f"{name}_resend_delivered_{delivered + 3 * DAY}") if number % 2 else None
        carried = []
        week = Week(main, second, carried if number + 1 < len(spans) else None)
        for line in lines:
            if days[0] <= line.business_date <= days[-1]:
                place(world, dirt, line, week)
        files += [file for file in (main, second) if file and file.rows]
        world.handled["late_files"] += number == late
    return files


def place(world: World, dirt: Dirt, line: Line, week: Week) -> None:
    """Write one line into the file or files it is delivered with, and count it if it counts."""
    main, second, store = week.main, week.second, week.main.store
    fields = as_fields(line, store)
    good = (fields, False)
    rate = world.rate(line.currency, line.business_date)
    if rate is None:
        world.quarantined["missing_rate"] += 1
        main.rows.append(good)
        return
    roll = dirt.rng.random()
    if roll < 0.015:  # broken; sometimes the second file brings it again, intact
        main.rows.append(spoil(world, dirt, fields, store.form))
        if second is None or dirt.rng.random() < 0.5:
            return
        second.rows.append(good)
        world.handled["resent_lines"] += 1
    elif roll < 0.023 and week.carried is not None:
        main.rows.append(good)
        week.carried.append(good)
        world.handled["duplicates_across_files"] += 1
    elif roll < 0.028:
        main.rows += [good, good]
        world.handled["duplicates_in_file"] += 1
    elif roll < 0.035 and second is not None:  # the first file has it wrong, the second one right
        main.rows.append(({**fields, "quantity": str(line.quantity + 10)}, False))
        second.rows.append(good)
        world.handled["corrected_lines"] += 1
    elif roll < 0.045:
        main.rows.append(({**fields, "currency": f" {line.currency.lower()}"}, False))
        world.handled["untidy_currencies"] += 1
    else:
        main.rows.append(good)
    count(world, store, line, rate)


# --- files -----------------------------------------------------------------------------------------------------------


def write_text(file: Delivery, path: Path) -> None:
    """A CSV file (semicolons, as decimals may have commas) or one JSON object per line; torn lines end early."""
    texts = [";".join(HEADER)] if file.store.form == "csv" else []
    for number, (fields, torn) in enumerate(file.rows):
        if file.store.form == "csv":
            values = list(fields.values())
            torn_values = values[: 2 + number % 7] if number % 2 else [*values, "0"]
            texts.append(";".join(torn_values if torn else values))
        else:
            text = json.dumps({name: value or None for name, value in fields.items()})
            texts.append(text[: len(text) // 2] if torn else text)
    end = "\r\n" if file.store.crlf else "\n"
    path.write_bytes((("\ufeff" if file.store.crlf else "") + end.join(texts) + end).encode())


def write_parquet(file: Delivery, path: Path) -> None:
    """A typed file. What is empty is NULL."""
    types = {"store_id": pa.int32(), "line_no": pa.int32(), "sold_at": pa.int64(), "quantity": pa.int32(),
             "unit_price": pa.decimal128(10, 2), "discount_pct": pa.decimal128(5, 2)}  # fmt: skip
    columns = {}
    for name in HEADER:
        texts = [fields[name] or None for fields, _ in file.rows]
        kind = types.get(name, pa.string())
        make = Decimal if pa.types.is_decimal(kind) else int if pa.types.is_integer(kind) else str
        columns["sold_at_ms" if name == "sold_at" else name] = pa.array((t and make(t) for t in texts), kind)
    pq.write_table(pa.table(columns), path, compression="zstd")


def write_file(world: World, file: Delivery, out: Path) -> None:
    """Write a delivery below the folder of its format, and tally what shows in the file only."""
    folder = out / "pos" / file.store.form
    folder.mkdir(parents=True, exist_ok=True)
    world.lines += len(file.rows)
    world.handled["crlf_files"] += file.store.crlf
    world.handled["decimal_commas"] += sum("," in fields["unit_price"] for fields, _ in file.rows)
    path = folder / f"{file.name}.{file.store.form}"
    (write_parquet if file.store.form == "parquet" else write_text)(file, path)


def write_answers(world: World, out: Path) -> None:
    """The true totals, and the count of every kind of dirt."""
    rows = ((store_id, day, total) for (store_id, day), total in sorted(world.key.items()))
    write_table(out / "answer_key.csv", "store_id,business_date,revenue_eur", rows)
    dirt = {
        "lines": world.lines,
        "sales": world.sales,
        "quarantined": dict(sorted(world.quarantined.items())),
        "handled": {kind: number for kind, number in sorted(world.handled.items()) if number},
        "sales_drops": [[store_id, str(day)] for store_id, day in world.drops],
    }
    (out / "dirt.json").write_text(json.dumps(dirt, indent=2) + "\n", encoding="utf-8")


def remove_earlier(out: Path) -> None:
    """Remove what an earlier call wrote, and nothing else, so that no file of other settings stays behind."""
    for pattern in ("pos/*/store_*_delivered_*", "rates/rates_????-??-??.csv", "customers/customers_????-??-??.csv"):
        for path in out.glob(pattern):
            path.unlink()


def generate(out: Path, *, stores: int, days: int, scale: float, seed: int, start: date) -> None:
    """Write the whole input below `out`."""
    chain = [CHAIN[n % len(CHAIN)]._replace(store_id=n + 1) for n in range(stores)]
    world = World(chain, [start + n * DAY for n in range(days)], scale, seed)
    out.mkdir(parents=True, exist_ok=True)
    remove_earlier(out)
    for make in (make_stores, make_products, make_customers, make_rates):
        make(world, out)
    plant_drops(world)
    breaks = cycle(BROKEN)
    for store in world.stores:
        earlier: list[Line] = []
        lines = [line for day in world.days for line in sell(world, store, day, earlier)]
        for file in deliver(world, store, lines, breaks):
            write_file(world, file, out)
    write_answers(world, out)


def positive_number(text: str) -> float:
    """An argument above zero."""
    if (number := float(text)) <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not above zero")
    return number


def positive_integer(text: str) -> int:
    """A whole number above zero."""
    if (number := int(text)) <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not above zero")
    return number


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description="Make the input of the sample project: point-of-sale files with counted dirt, and the answer key.",
        epilog="The same arguments make the same files. Without any, the input that ships with the project is made.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--stores", type=positive_integer, default=6, help="number of stores; six cities, then again")
    parser.add_argument("--days", type=positive_integer, default=35, help="number of business days")
    parser.add_argument("--scale", type=positive_number, default=1.0, help="multiplies the sales per store and day")
    parser.add_argument("--seed", type=int, default=7, help="another seed makes other sales and other dirt")
    parser.add_argument("--start", type=date.fromisoformat, default=date(2025, 9, 29), help="the first business day")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder to write to")
    settings = parser.parse_args(arguments)
    generate(**vars(settings))


if __name__ == "__main__":
    main()
