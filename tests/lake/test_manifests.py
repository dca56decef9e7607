"""Manifests and their lists: the very bytes that pyiceberg writes."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyiceberg.io import load_file_io
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
    ManifestListWriter,
    ManifestWriter,
    write_manifest,
    write_manifest_list,
)
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.typedef import Record
from pyiceberg.types import LongType, NestedField, StringType

from lakeorch.lake.manifests import Manifest, ManifestList

SCHEMA = Schema(NestedField(1, "id", LongType(), required=False), NestedField(2, "name", StringType(), required=False))
BY_NAME = PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "name"))


@pytest.fixture(autouse=True)
def _no_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    # the mark between the blocks of an Avro file
    monkeypatch.setattr("os.urandom", bytes)


def _filled(writer: ManifestWriter) -> ManifestFile:
    file = DataFile.from_args(
        content=DataFileContent.DATA,
        file_path="a.parquet",
        file_format=FileFormat.PARQUET,
        partition=Record("ä") if writer._spec.fields else Record(),
        record_count=3,
        file_size_in_bytes=500,
        lower_bounds={1: b"\0"},
        spec_id=writer._spec.spec_id,
    )
    with writer:
        writer.add_entry(ManifestEntry.from_args(status=ManifestEntryStatus.ADDED, snapshot_id=7, data_file=file))
    return writer.to_manifest_file()


@pytest.mark.parametrize("spec", [PartitionSpec(), BY_NAME])
def test_a_manifest_and_a_list_are_those_of_pyiceberg(tmp_path: Path, spec: PartitionSpec) -> None:
    io = load_file_io({}, str(tmp_path))
    path, other = tmp_path / "m.avro", tmp_path / "l.avro"

    def written(writer: ManifestWriter) -> bytes:
        _filled(writer)
        return path.read_bytes()

    terms = (spec, SCHEMA, io.new_output(str(path)), 7, "gzip")
    assert written(Manifest(*terms)) == written(write_manifest(2, *terms))

    def listed(writer: ManifestListWriter) -> bytes:
        with writer:
            writer.add_manifests([_filled(Manifest(*terms))])
        return other.read_bytes()

    place = io.new_output(str(other))
    for parent in (None, 5):
        assert listed(ManifestList(place, 7, parent, 3, "gzip")) == listed(
            write_manifest_list(2, place, 7, parent, 3, "gzip")
        )
