"""Writers of manifests and of their lists: what depends on a table's partitions alone, or on nothing, is made once.

pyiceberg works the schema of such an Avro file out anew for each file, which takes longer than writing it. The bytes
are the same; only format version 2, in which lakeorch makes its tables, is written here.
"""

from __future__ import annotations

import io
import json
import os
from functools import lru_cache
from typing import NamedTuple

from pyiceberg.avro.codecs import AVRO_CODEC_KEY, CODEC_MAPPING_ICEBERG_TO_AVRO
from pyiceberg.avro.encoder import BinaryEncoder
from pyiceberg.avro.file import _SCHEMA_KEY, MAGIC, META_SCHEMA, SYNC_SIZE, AvroFileHeader, AvroOutputFile, D
from pyiceberg.avro.resolver import construct_writer, resolve_writer
from pyiceberg.avro.writer import Writer
from pyiceberg.io import OutputFile
from pyiceberg.manifest import (
    DEFAULT_READ_VERSION,
    MANIFEST_LIST_FILE_SCHEMAS,
    ManifestEntry,
    ManifestFile,
    ManifestListWriterV2,
    ManifestWriterV2,
    data_file_with_partition,
    manifest_entry_schema_with_data_file,
)
from pyiceberg.schema import Schema
from pyiceberg.types import StructType
from pyiceberg.utils.schema_conversion import AvroSchemaConversion


class _Shape(NamedTuple):
    """What files of one kind have in common: their schema, what writes their records, and the schema as Avro has it."""

    schema: Schema
    writer: Writer
    text: str


@lru_cache(maxsize=256)
def _entries(partition: str) -> _Shape:
    kind = StructType.model_validate_json(partition)
    written, told = (
        manifest_entry_schema_with_data_file(version, data_file_with_partition(kind, version))
        for version in (2, DEFAULT_READ_VERSION)
    )
    return _shape(written, told, "manifest_entry")


def _shape(written: Schema, told: Schema, name: str) -> _Shape:
    text = json.dumps(AvroSchemaConversion().iceberg_to_avro(written, schema_name=name))
    return _Shape(written, resolve_writer(record_schema=told, file_schema=written), text)


@lru_cache(maxsize=1)
def _lists() -> _Shape:
    return _shape(MANIFEST_LIST_FILE_SCHEMAS[2], MANIFEST_LIST_FILE_SCHEMAS[DEFAULT_READ_VERSION], "manifest_file")


@lru_cache(maxsize=1)
def _head() -> Writer:
    return construct_writer(META_SCHEMA)


class _Output(AvroOutputFile[D]):
    """An Avro file of a known shape."""

    def __init__(self, file: OutputFile, shape: _Shape, metadata: dict[str, str]) -> None:
        self.output_file = file
        self.file_schema = shape.schema
        self.sync_bytes = os.urandom(SYNC_SIZE)
        self.writer = shape.writer
        self.metadata = metadata
        self._text = shape.text

    def _write_header(self) -> None:
        codec = self.metadata[AVRO_CODEC_KEY]
        codec = CODEC_MAPPING_ICEBERG_TO_AVRO.get(codec) or codec
        meta = {**self.metadata, _SCHEMA_KEY: self._text, AVRO_CODEC_KEY: codec}
        # its hundred small parts are put together before they go to the file system
        head = io.BytesIO()
        _head().write(BinaryEncoder(head), AvroFileHeader(MAGIC, meta, self.sync_bytes))
        self.encoder.write(head.getvalue())


class Manifest(ManifestWriterV2):
    """A writer of a manifest."""

    def new_writer(self) -> AvroOutputFile[ManifestEntry]:
        """The file, of a shape that depends on the partitions alone."""
        partition = self._spec.partition_type(self._schema).model_dump_json()
        return _Output[ManifestEntry](self._output_file, _entries(partition), self._meta)


class ManifestList(ManifestListWriterV2):
    """A writer of a manifest list."""

    def __enter__(self) -> ManifestList:
        """Opens the file."""
        self._writer = _Output[ManifestFile](self._output_file, _lists(), self._meta)
        self._writer.__enter__()
        return self
