"""lakeorch: a folder of SQL models becomes published Apache Iceberg tables. See docs/design.md."""

__version__ = "0.1.0"
