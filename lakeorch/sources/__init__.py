"""Data that lakeorch does not make: where it lies and what identifies it. One file per kind of source."""

# The engine's table functions whose first argument names files: a call of one in a model is an input of it.
READERS = frozenset(
    {
        "parquet_scan",
        "read_blob",
        "read_csv",
        "read_csv_auto",
        "read_json",
        "read_json_auto",
        "read_json_objects",
        "read_json_objects_auto",
        "read_ndjson",
        "read_ndjson_auto",
        "read_ndjson_objects",
        "read_parquet",
        "read_text",
    }
)
