"""A day's work with the Python API, cell by cell: run it whole, or in an editor that knows `# %%` cells."""

# %% [markdown]
# The input: 2,000 trips of a bicycle rental, always the same.

# %%
import random
from datetime import date, timedelta
from pathlib import Path

import polars as pl

import lakeorch as lo

HERE = Path(__file__).parent
chance = random.Random(7)
trips = pl.DataFrame(
    {
        "trip_id": range(2_000),
        "station": [chance.choice(["Harbour", "Market", "Museum", "Park", "Station"]) for _ in range(2_000)],
        "started_on": [date(2025, 5, 1) + timedelta(days=chance.randrange(30)) for _ in range(2_000)],
        "minutes": [chance.randint(1, 90) for _ in range(2_000)],
    }
)
(HERE / "raw").mkdir(exist_ok=True)
trips.write_csv(HERE / "raw" / "trips.csv")

# %% [markdown]
# A project is a folder of models. Is it right? What would a run do, and why?

# %%
project = lo.Project(HERE / "models")
assert project.validate() == ()
for step in project.plan().steps:
    print(f"{step.action:6} {step.model:15} {step.reason}")


# %% [markdown]
# Run it. An observer is a function that gets every event.


# %%
def notice(event: lo.Event) -> None:
    """Prints what became of each model."""
    if event.outcome:
        print(f"{event.model}: {event.outcome.rows:,} rows")


first = project.run(observers=[notice])
assert first.status == "published"
assert project.run().status == "nothing to do"

# %% [markdown]
# A query streams Arrow record batches, which Polars, pandas and DuckDB take as they are.

# %%
stations = pl.from_arrow(project.query("FROM marts.stations ORDER BY trips DESC").read_all())
print(stations)
assert isinstance(stations, pl.DataFrame)
assert stations["trips"].sum() == trips.height

# %% [markdown]
# Another value of a variable is another query: only the model that uses it is stale.

# %%
longer = lo.Project(HERE / "models", variables={"shortest": "10"})
print([(step.model, step.reason) for step in longer.plan().steps if step.action == "build"])
second = longer.run()
assert [outcome.model for outcome in second.outcomes if outcome.action == "build"] == ["marts.stations"]

# %% [markdown]
# What did that change? Rows are told apart by the model's key.

# %%
change = project.diff("marts.stations")
print(f"{change.rows_before} → {change.rows_after} rows, equal: {change.equal}")
for version in project.history("marts.stations"):
    print(version.state, version.facts["lakeorch.run-id"], version.facts["lakeorch.reason"])

# %% [markdown]
# Every earlier state can be read, made again row for row, and returned to.

# %%
before = pl.from_arrow(project.query("FROM marts.stations ORDER BY trips DESC", at=first.run_id).read_all())
assert stations.equals(before)
assert [verified.status for verified in project.verify("marts.stations")] == ["same"]

project.rollback(second.run_id)
after = pl.from_arrow(project.query("FROM marts.stations ORDER BY trips DESC").read_all())
assert stations.equals(after)
print([(line.model, line.state) for line in longer.list()])

# %% [markdown]
# Mistakes are values, with their places: nothing is printed, nothing is half done.

# %%
try:
    project.query("SELECT tripps FROM marts.stations")
except lo.ProjectError as error:
    print([(finding.message, finding.hint) for finding in error.findings])
