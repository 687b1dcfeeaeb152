# SPDX-License-Identifier: Apache-2.0
"""W6, W7 and W9: rows that replace each other, a table that is read, and ClickHouse."""
import hashlib
import json
import os
import subprocess

from .bed import Run, Series
from .records import NOTES, TABLE, flat
from .report import Result

COLUMNS = "id, customer, amount, currency, placed_at, paid, note, items"
KEYED = TABLE.replace("id bigint", "id bigint primary key")
MERGE = "insert into bench select distinct on (id) %s from staging order by id, place desc on conflict (id) do update set %s" % (
    COLUMNS, ", ".join("%s = excluded.%s" % (name, name) for name in COLUMNS.split(", ")[1:]))


def repeated(i, r):
    """Three of ten rows are a newer state of an id that came before."""
    text = flat(i, r)
    return text.replace('{"id":%d,' % i, '{"id":%d,' % r.randrange(i + 1), 1) if r.random() < 0.3 else text


def newest(data):
    """What NOTES finds in a table that holds the last row of each id."""
    rows = {row["id"]: row for row in map(json.loads, data.lines)}
    return "%d|%d|%d" % (len(rows), sum(rows), sum(
        int(hashlib.md5(row["note"].encode()).hexdigest()[:7], 16) for row in rows.values()))


def psql(bench, *commands):
    words = [word for command in commands for word in ("-c", command)]
    return Run(["psql", bench.bed.env["DF_PG"], "-Xq", "-v", "ON_ERROR_STOP=1", *words], bench.bed.env)


def save_table(bench, path):
    psql(bench, "\\copy bench to '%s'" % path)


def w6(bench):
    data = bench.topic("repeated", repeated, bench.options.records, bench.options.records)
    expected, path = newest(data), os.path.join(bench.folder, "repeated.copy")
    bench.table()
    bench.to_table(data)
    save_table(bench, path)
    bench.table(KEYED)

    def checked(work):
        bench.bed.sql("truncate bench; checkpoint")
        run = work()
        bench.must("newest rows", expected, bench.bed.sql(NOTES))
        return run

    def floor():
        return psql(bench, "create temp table staging (like bench, place bigserial)",
                    "\\copy staging (%s) from '%s'" % (COLUMNS, path), MERGE)

    def ours():
        run = bench.ours("upsert", data)
        bench.audit_counts(run, received=data.count, sent=data.count)
        return run
    result = Result("W6", "Kafka → PostgreSQL, upsert, 30 %% repeats, %d B" % data.size,
                    "`\\copy` into a staging table, then one merge", 1.0)
    return [bench.rounds(result, lambda: checked(floor), lambda: checked(ours), data.count)]


def w7(bench):
    data = bench.topic("flat", flat, bench.options.records)
    bench.table("change bigserial primary key, at timestamptz default clock_timestamp(), " + TABLE)
    bench.to_table(data)
    bench.bed.sql("create index on bench (at, change)")
    bench.bed.sql("vacuum analyze bench")

    def read(manifest, **more):
        run = bench.ours(manifest, data, NAME="bench-%d-w7-%d" % (os.getpid(), bench.groups), **more)
        bench.audit_counts(run, received=data.count, sent=data.count)
        return run

    def copy():
        return Run(["psql", bench.bed.env["DF_PG"], "-Xqc", "\\copy bench to /dev/null"], bench.bed.env)

    def into_topic(work):
        topic = bench.fresh_topic()
        run = work(topic)
        bench.must("records in the topic", data.count, json.loads(bench.consume(topic, "65536").out)["records"])
        bench.delete_topic(topic)
        return run
    first = Result("W7", "PostgreSQL table → null, %d B, 10 columns" % data.size, "`COPY TO STDOUT`", 0.85)
    second = Result("W7", "PostgreSQL table → Kafka, lz4, %d B, 10 columns" % data.size, "the same, then produce", 0.80)
    return [bench.rounds(first, copy, lambda: read("table_null"), data.count),
            bench.rounds(second,
                         lambda: into_topic(lambda topic: Series(copy(), bench.produce(topic, data.file, data.count, "lz4"))),
                         lambda: into_topic(lambda topic: read("table_kafka", TARGET=topic)), data.count)]


class ClickHouse:
    """The server's table bench, by its HTTP interface."""

    CREATE = "create table bench (id Int64, customer String, amount Decimal(12,2), currency String, " \
             "placed_at DateTime, paid UInt8, note String, items Int32) engine = MergeTree order by id"
    NOTES = "select concat(toString(count()), '|', toString(sum(id)), '|', toString(sum(bitShiftRight(" \
            "reinterpretAsUInt32(reverse(substring(MD5(note), 1, 4))), 4)))) from bench format TSVRaw"

    def __init__(self, bench):
        self.bench = bench
        if "DF_CLICKHOUSE" not in bench.bed.env:
            bench.bed.start("clickhouse")
        self.url = bench.bed.env["DF_CLICKHOUSE"].rsplit("/", 1)[0] + "/"

    def command(self, statement, *more):
        return ["curl", "-sS", "--fail-with-body", "--url-query", "query=" + statement, *more, self.url]

    def sql(self, statement):
        return subprocess.run(self.command(statement, "--data-binary", ""), check=True, stdout=subprocess.PIPE,
                              text=True).stdout.strip()

    def save(self, path):
        subprocess.run(self.command("select * from bench format RowBinary", "-o", path, "--data-binary", ""), check=True)

    def insert(self, path):
        return Run(self.command("insert into bench format RowBinary", "-T", path), self.bench.bed.env)


def w9(bench):
    data = bench.topic("flat", flat, bench.options.records)
    server, path = ClickHouse(bench), os.path.join(bench.folder, "flat.rowbinary")

    def checked(work):
        server.sql("drop table if exists bench")
        server.sql(ClickHouse.CREATE)
        run = work()
        bench.must("rows", data.sums(), server.sql(ClickHouse.NOTES))
        return run

    def ours():
        run = bench.ours("clickhouse", data)
        bench.audit_counts(run, received=data.count, sent=data.count)
        return run
    checked(ours)
    server.save(path)
    result = Result("W9", "Kafka → ClickHouse, %d B, 8 columns" % data.size, "curl of the same rows as RowBinary", 0.90,
                    cpu_goal=1.6)
    return [bench.rounds(result, lambda: checked(lambda: server.insert(path)), lambda: checked(ours), data.count)]
