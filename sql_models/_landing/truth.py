"""What the sample stores truly sold: the chain, its customers, products and rates, and every line of every receipt.

Nothing here is spoiled but the files of rates and customers, and nothing here reads a file: `generate.py` sums the
answer key from these lines, so it owes nothing to the models that it checks.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

CENT = Decimal("0.01")
DAY = timedelta(days=1)
RATE_HOLDS = 7 * DAY  # a rate is used for so long after its date, then no longer
BUSINESS_DAY_STARTS = time(5)  # local time of the store
LINES_PER_DAY = 22  # of an average store at --scale 1
WEEKDAYS = (0.9, 0.9, 1.0, 1.0, 1.2, 1.4, 0.8)  # Monday first
HOURS = (2, 5, 9, 9, 7, 6, 8, 9, 7, 6, 6, 8, 10, 10, 8, 6, 5, 4, 3, 2, 1, 1, 1, 1)  # from 05:00 on
UNITS_PER_EUR = {"GBP": "0.86", "PLN": "4.26", "USD": "1.16", "CHF": "0.93", "AUD": "1.77", "CZK": "24.4",
                 "JPY": "172"}  # fmt: skip


class Store(NamedTuple):
    """A shop in a railway station: open around the clock, some foreign cash is taken."""

    store_id: int
    city: str
    country: str
    zone: str
    currency: str
    form: str  # of its files: csv (local time), jsonl (time with offset), parquet (milliseconds of UTC)
    foreign: tuple[str, ...]
    comma: bool = False  # writes 1,50 for 1.50
    crlf: bool = False  # writes a byte order mark and ends lines as Windows does


CHAIN = (
    Store(1, "Berlin", "DE", "Europe/Berlin", "EUR", "csv", ("CHF", "PLN"), comma=True),
    Store(2, "London", "GB", "Europe/London", "GBP", "csv", ("EUR", "USD"), crlf=True),
    Store(3, "Warsaw", "PL", "Europe/Warsaw", "PLN", "jsonl", ("EUR", "CZK")),
    Store(4, "New York", "US", "America/New_York", "USD", "jsonl", ("EUR",)),
    Store(5, "Zurich", "CH", "Europe/Zurich", "CHF", "parquet", ("EUR", "USD")),
    Store(6, "Sydney", "AU", "Australia/Sydney", "AUD", "csv", ("JPY",)),
)


@dataclass(frozen=True)
class Line:
    """One true line of a receipt."""

    store_id: int
    receipt_no: str
    line_no: int
    business_date: date
    sold_at: datetime  # UTC
    customer_id: str
    product_id: str
    quantity: int
    unit_price: Decimal
    currency: str
    discount_pct: Decimal


@dataclass
class World:
    """The settings, what is true, and the tally of what was spoiled."""

    stores: list[Store]
    days: list[date]
    scale: float
    seed: int
    products: dict[str, tuple[str, str, Decimal]] = field(default_factory=dict)
    customers: list[str] = field(default_factory=list)
    rates: dict[str, dict[date, Decimal]] = field(default_factory=dict)  # currency -> date -> euro for one unit
    drops: dict[tuple[int, date], float] = field(default_factory=dict)  # planted: the share of sales that is left
    key: dict[tuple[int, date], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    lines: int = 0
    sales: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)
    handled: Counter[str] = field(default_factory=Counter)

    def random(self, *part: object) -> Random:
        """A stream of random numbers of its own for each part, so that one part does not disturb another."""
        return Random("/".join(map(str, (self.seed, *part))))

    def rate(self, currency: str, day: date) -> Decimal | None:
        """The rate that holds on a day: the newest published one, unless it is too old."""
        if currency == "EUR":
            return Decimal(1)
        dates = [d for d in self.rates[currency] if d <= day <= d + RATE_HOLDS]
        return self.rates[currency][max(dates)] if dates else None


def cents(amount: Decimal) -> Decimal:
    """Round to two places, halves away from zero."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def revenue_eur(line: Line, rate: Decimal) -> Decimal:
    """The worth of a line: the discount is rounded in the currency of the sale, then the net amount in euro."""
    gross = line.quantity * line.unit_price
    return cents((gross - cents(gross * line.discount_pct / 100)) * rate)


# --- master data and rates -------------------------------------------------------------------------------------------


def write_table(path: Path, header: str, rows: Iterable[Iterable[object]]) -> None:
    """Write a comma-separated file. No value of ours holds a comma or a quote."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"
    path.write_bytes(text.encode())


def make_stores(world: World, out: Path) -> None:
    """The list of stores with their time zones."""
    rows = ((s.store_id, f"{s.city} Station {s.store_id}", s.city, s.country, s.zone, s.currency) for s in world.stores)
    write_table(out / "stores/stores.csv", "store_id,name,city,country,time_zone,currency", rows)


def make_products(world: World, out: Path) -> None:
    """Forty products with a list price in euro."""
    rng = world.random("products")
    kinds = {"Drinks": ("Coffee", "Tea", "Lemonade", "Water"), "Bakery": ("Bagel", "Pretzel", "Croissant"),
             "Snacks": ("Nuts", "Crisps", "Chocolate"), "Travel": ("Umbrella", "Adapter", "Neck Pillow")}  # fmt: skip
    for number in range(1, 41):
        category = rng.choice(sorted(kinds))
        name = f"{rng.choice(kinds[category])} {number:02d}"
        price = Decimal(rng.randint(150, 900) + (1200 if category == "Travel" else 0)) / 100
        world.products[f"P{number:03d}"] = (name, category, price)
    rows = ((key, *value) for key, value in world.products.items())
    write_table(out / "products/products.csv", "product_id,name,category,list_price_eur", rows)


def make_customers(world: World, out: Path) -> None:
    """A full file, and a second one some weeks later with new and changed customers: the later row wins."""
    rng = world.random("customers")
    start = world.days[0]
    middle = world.days[len(world.days) // 2]
    world.customers = [f"C{number:04d}" for number in range(1, 141)]

    def row(customer: str, changed: datetime) -> tuple[object, ...]:
        mail = f"{customer}@Example.com" if rng.random() < 0.2 else f"{customer.lower()}@example.com"
        signed_up = start - timedelta(days=400 + int(customer[1:]) * 3)
        country = rng.choice(("DE", "GB", "PL", "US", "CH", "AU", ""))
        return customer, mail, country, rng.choice(("basic", "silver", "gold")), signed_up, changed.isoformat(sep=" ")

    then, later = datetime.combine(start - DAY, time(18)), datetime.combine(middle, time(18))
    updated = sorted(rng.sample(world.customers[:120], 15))
    world.handled["customer_updates"] = len(updated)
    header = "customer_id,email,country,segment,signed_up_on,updated_at"
    first = [row(c, then) for c in world.customers[:120]]
    write_table(out / f"customers/customers_{start - DAY}.csv", header, first)
    second = [row(c, later) for c in (*updated, *world.customers[120:])]
    write_table(out / f"customers/customers_{middle}.csv", header, second)


def make_rates(world: World, out: Path) -> None:
    """One file each weekday. Some rates are missing, unusable or corrected a day later; CZK stops for a while."""
    rng = world.random("rates")
    first, last = world.days[0] - 7 * DAY, world.days[-1]
    silent_from = world.days[len(world.days) // 4]
    values = {currency: 1 / Decimal(units) for currency, units in UNITS_PER_EUR.items()}
    world.rates = {currency: {} for currency in values}
    corrections: list[tuple[object, ...]] = []
    for day in (first + n * DAY for n in range((last - first).days + 1)):
        if day.weekday() >= 5:
            continue
        published = f"{day} 15:00:00"
        rows, corrections = [(*row, published) for row in corrections], []
        for currency, value in values.items():
            rate = (value * rng.randint(9940, 10060) / 10000).quantize(Decimal("1e-8"))
            roll = rng.random()
            if roll < 0.03 or (currency == "CZK" and silent_from <= day < silent_from + 16 * DAY):
                world.handled["rate_gaps"] += 1
            elif roll < 0.06:
                world.handled["unusable_rates"] += 1
                rows.append((day, currency, rng.choice(("N/A", "0", "")), published))
            else:
                world.rates[currency][day] = rate
                wrong = roll < 0.10 and day < last - 3 * DAY  # the next file, which has it right, must exist
                rows.append((day, currency, rate * 10 if wrong else rate, published))
                corrections += [(day, currency, rate)] if wrong else []
                world.handled["rate_corrections"] += wrong
        write_table(out / f"rates/rates_{day}.csv", "rate_date,currency,eur_per_unit,published_at", rows)


# --- what was truly sold ---------------------------------------------------------------------------------------------


def plant_drops(world: World) -> None:
    """One day without any sale and two weak ones in the last week, once there are four weeks to compare it with."""
    if len(world.days) >= 35:
        for store, back, share in zip(world.stores, (4, 5, 2), (0.1, 0.0, 0.1), strict=False):
            world.drops[store.store_id, world.days[-back]] = share


def moments(world: World, rng: Random, store: Store, day: date) -> list[datetime]:
    """When receipts are made on a business day, with a few more in the night when the clocks change."""
    zone = ZoneInfo(store.zone)
    opens = datetime.combine(day, BUSINESS_DAY_STARTS, zone)
    closes = datetime.combine(day + DAY, BUSINESS_DAY_STARTS, zone)
    share = world.drops.get((store.store_id, day), 1.0)
    receipts = round(LINES_PER_DAY / 2 * WEEKDAYS[day.weekday()] * world.scale * share)
    receipts = max(receipts, 1) if share else 0
    seconds = [hour * 3600 + rng.randrange(3600) for hour in rng.choices(range(24), HOURS, k=receipts)]
    if share and opens.utcoffset() != closes.utcoffset():
        seconds += [hour * 3600 + rng.randrange(3600) for hour in (20, 21, 21, 22, 22)]
    start, end = opens.astimezone(UTC), closes.astimezone(UTC)
    return sorted(start + timedelta(seconds=s) for s in seconds if start + timedelta(seconds=s) < end)


def sell(world: World, store: Store, day: date, earlier: list[Line]) -> list[Line]:
    """The true lines of a store and business day. A return gives back an earlier line at the price it had."""
    rng = world.random("sales", store.store_id, day)
    products = list(world.products)
    lines: list[Line] = []
    for number, sold_at in enumerate(moments(world, rng, store, day), start=1):
        receipt = f"{day:%y%m%d}-{number:05d}"
        if earlier and rng.random() < 0.05:
            back = rng.choice(earlier)
            again = replace(back, receipt_no=receipt, line_no=1, business_date=day, sold_at=sold_at)
            lines.append(replace(again, quantity=-rng.randint(1, back.quantity)))
            continue
        customer = rng.choice(world.customers) if rng.random() < 0.5 else ""
        if rng.random() < 0.01:
            customer = f"C9{rng.randrange(1000):03d}"  # a card that no customer file knows
        currency = rng.choice(store.foreign) if rng.random() < 0.12 else store.currency
        for line_no in range(1, rng.choice((1, 1, 2, 2, 3, 4)) + 1):
            product = rng.choice(products)
            price = cents(world.products[product][2] * Decimal(UNITS_PER_EUR.get(currency, 1)))
            if currency == "JPY":
                price = price.quantize(Decimal(1)).quantize(CENT)
            discount = Decimal(rng.choice(("5", "7.5", "10", "12.5", "33.33"))) if rng.random() < 0.15 else Decimal(0)
            quantity = rng.choice((1, 1, 1, 2, 3))
            lines.append(Line(store.store_id, receipt, line_no, day, sold_at, customer, product, quantity, price,
                              currency, discount))  # fmt: skip
    earlier += (line for line in lines if line.quantity > 0)
    return lines
