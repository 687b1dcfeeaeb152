# SPDX-License-Identifier: Apache-2.0
"""A table whose plan is large, made for test_plan_campaign.sh: its metadata is synthetic, its data files are one small
file under 10,000 names and more.

    plan_campaign.py FOLDER FILES DELETES SNAPSHOTS     serves it as shop.large, and prints the port
"""
import http.server
import json
import os
import sys

from deletes import PLACES, DeleteWriter, store  # sets the path
import pyarrow
import pyarrow.parquet
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.manifest import (DataFile, DataFileContent, FileFormat, ManifestEntry, ManifestEntryStatus, ManifestWriterV2,
                                write_manifest_list)
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.typedef import Record
from pyiceberg.types import LongType, NestedField

folder, files, deletes, snapshots = sys.argv[1], *map(int, sys.argv[2:5])
EACH = 1000  # entries of a manifest
io, schema, last = PyArrowFileIO(), Schema(NestedField(1, "id", LongType(), required=False)), snapshots


class Table:
    """As much of a table as store() asks for."""
    def __init__(self):
        self.io = io

    def location(self):
        return "file://" + folder


def data_of(i):
    return DataFile.from_args(content=DataFileContent.DATA, file_path="file://%s/links/%d.parquet" % (folder, i),
                              file_format=FileFormat.PARQUET, partition=Record(), record_count=1, file_size_in_bytes=size)


def delete_of(i):
    """For one data file each: every other one is of the table, and deletes a row that it does not have."""
    path = "file://%s/links/%d.parquet" % (folder, i if i % 2 else files + i)
    bound = {2147483546: path.encode()}
    return DataFile.from_args(content=DataFileContent.POSITION_DELETES, file_path=places, file_format=FileFormat.PARQUET,
                              partition=Record(), record_count=1, file_size_in_bytes=places_size, lower_bounds=bound,
                              upper_bounds=bound)


def manifests(writer, make, count):
    for at in range(0, count, EACH):
        out = io.new_output("file://%s/m-%s-%d.avro" % (folder, make.__name__, at))
        with writer(PartitionSpec(), schema, out, last, "deflate") as w:
            for i in range(at, min(at + EACH, count)):
                w.add_entry(ManifestEntry.from_args(status=ManifestEntryStatus.ADDED, snapshot_id=last, sequence_number=None,
                                                    file_sequence_number=None, data_file=make(i)))
        yield w.to_manifest_file()


os.makedirs(folder + "/links")
os.makedirs(folder + "/data")
path, size = store(Table(), [{"id": 1}], pyarrow.schema([pyarrow.field("id", pyarrow.int64(), True, {b"PARQUET:field_id": b"1"})]))
places, places_size = store(Table(), [{"file_path": "none", "pos": 0}], PLACES)
real = path.removeprefix("file://")
for i in range(files):
    os.symlink(real, "%s/links/%d.parquet" % (folder, i))
with write_manifest_list(2, io.new_output("file://%s/list.avro" % folder), last, last - 1, last, "deflate") as w:
    w.add_manifests([*manifests(ManifestWriterV2, data_of, files), *manifests(DeleteWriter, delete_of, deletes)])
TABLE = {"format-version": 2, "table-uuid": "5b2ad0a5-2b4e-4a0f-9f0e-6d1a0d5d0001", "location": "file://" + folder,
         "last-sequence-number": last, "last-updated-ms": 0, "last-column-id": 1, "current-schema-id": 0,
         "schemas": [{"type": "struct", "schema-id": 0, "fields": [{"id": 1, "name": "id", "type": "long", "required": False}]}],
         "default-spec-id": 0, "partition-specs": [{"spec-id": 0, "fields": []}], "last-partition-id": 999,
         "default-sort-order-id": 0, "sort-orders": [{"order-id": 0, "fields": []}], "properties": {},
         "current-snapshot-id": last, "refs": {"main": {"snapshot-id": last, "type": "branch"}},
         "snapshots": [{"snapshot-id": i, "parent-snapshot-id": i - 1, "sequence-number": i, "timestamp-ms": i,
                        "manifest-list": "file://%s/list%s.avro" % (folder, "" if i == last else "-%d" % i),
                        "summary": {"operation": "append" if i == last else "replace", "added-records": "1"}, "schema-id": 0}
                       for i in range(1, snapshots + 1)], "snapshot-log": [], "metadata-log": []}
ANSWER = json.dumps({"metadata-location": "file://%s/m.json" % folder, "metadata": TABLE, "config": {}}).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        body = ANSWER if self.path.split("?")[0].endswith("/tables/large") else b"{}"
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], len(ANSWER), flush=True)
server.serve_forever()
