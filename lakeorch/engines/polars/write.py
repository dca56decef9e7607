"""Writes a LazyFrame into Parquet files as Iceberg wants them, batch by batch: typed, a field id for every column."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from lakeorch.engines.polars.types import to_polars
from lakeorch.model import Field

if TYPE_CHECKING:
    import pyarrow as pa

# Polars counts bytes in memory: about this makes files of a few hundred megabytes
_FILE_SIZE = 2 * 1024 * 1024 * 1024


def sink(frame: pl.LazyFrame, fields: Sequence[Field], folder: str, stem: str, written: list[str]) -> pl.LazyFrame:
    """A plan that writes a frame when it is collected.

    Args:
        frame: yields the fields' columns, by name.
        fields: of the table; of types that have no fields inside.
        folder: a local folder that exists.
        stem: beginning of every file name.
        written: gets the paths of the files that hold rows, once they are written.
    """
    typed = frame.select(pl.col(field.name).cast(to_polars(field.type)) for field in fields)

    def named(context: Any) -> str:
        return f"{stem}_{context.index_in_partition}.parquet"

    def done(given: Any) -> None:
        written.extend(str(each.path) for each in given.paths if each.num_rows)

    target = pl.PartitionBy(folder, approximate_bytes_per_file=_FILE_SIZE, file_path_provider=named)
    plan = typed.sink_parquet(
        target,
        arrow_schema=_schema(fields),
        compression="zstd",
        maintain_order=False,
        sinked_paths_callback=done,
        lazy=True,
    )
    assert plan is not None, "a lazy sink is a plan"
    return plan


def _schema(fields: Sequence[Field]) -> pa.Schema:
    import pyarrow as pa

    plain = pl.DataFrame(schema={field.name: to_polars(field.type) for field in fields}).to_arrow().schema
    return pa.schema(
        pa.field(column.name, column.type, True, metadata={"PARQUET:field_id": str(field.id)})
        for column, field in zip(plain, fields, strict=True)
    )


def discard(folder: str, stem: str) -> None:
    """Removes what an unfinished write left behind."""
    for path in Path(folder).glob(f"{stem}_*.parquet"):
        path.unlink(missing_ok=True)
