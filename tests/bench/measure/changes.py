# SPDX-License-Identifier: Apache-2.0
"""W8: the changes of a table into a topic. Each run reads the same backlog by a copy of one slot."""
import json
import os

from .bed import Run
from .records import TABLE, flat
from .report import Result

BOTH = '"$1" -d "$2" --slot "$3" --start -o proto_version=1 -o publication_names="$4" --endpos "$5" -f - >/dev/null & ' \
       'reader=$!; "$6" "$7" "$8" "$9" lz4 <"${10}" && wait $reader'


class Backlog:
    """Inserts and updates that a slot keeps; one more slot for each run."""

    def __init__(self, bench, data):
        self.bench, self.data = bench, data
        self.name, self.number = "bench_%d" % os.getpid(), 0
        bench.table("change bigserial primary key, " + TABLE)
        bench.bed.sql("create publication %s for table bench" % self.name)
        bench.bed.sql("select pg_create_logical_replication_slot('%s', 'pgoutput')" % self.name)
        bench.to_table(data)
        bench.bed.sql("update bench set items = items + 1 where change % 2 = 0")
        self.count = 1 + data.count + data.count // 2  # to_table empties it first
        self.end = bench.bed.sql("select pg_current_wal_lsn()")

    def slot(self):
        self.number += 1
        name = "%s_%d" % (self.name, self.number)
        self.bench.bed.sql("select pg_copy_logical_replication_slot('%s', '%s')" % (self.name, name))
        return name

    def drop(self, name):
        self.bench.bed.sql("select pg_drop_replication_slot('%s')" % name)

    def end_all(self):
        self.bench.bed.sql("select pg_drop_replication_slot(slot_name) from pg_replication_slots "
                           "where starts_with(slot_name, '%s')" % self.name)
        self.bench.bed.sql("drop publication " + self.name)


def w8(bench):
    data = bench.topic("flat", flat, bench.options.records)
    backlog = Backlog(bench, data)

    def into_topic(work):
        slot, topic = backlog.slot(), bench.fresh_topic()
        run = work(slot, topic)
        found = json.loads(bench.consume(topic, "65536").out)
        bench.must("records in the topic", backlog.count, found["records"])
        bench.delete_topic(topic)
        backlog.drop(slot)
        return run

    def floor(slot, topic):
        env = bench.bed.env
        return Run(["sh", "-c", BOTH, "sh", "pg_recvlogical", env["DF_PG"], slot, backlog.name, backlog.end,
                    bench.program("floor_produce"), env["DF_KAFKA"], topic, str(backlog.count), data.file], env)

    def ours(slot, topic):
        run = bench.ours("cdc", data, TOPIC=topic, SLOT=slot, NAME=slot.replace("_", "-"), PUBLICATION=backlog.name)
        bench.audit_counts(run, received=backlog.count, sent=backlog.count)
        return run
    result = Result("W8", "PostgreSQL changes → Kafka, lz4, %d B, 9 columns" % data.size,
                    "`pg_recvlogical` beside a producer", 0.90, cpu_goal=6)
    try:
        return [bench.rounds(result, lambda: into_topic(floor), lambda: into_topic(ours), backlog.count)]
    finally:
        backlog.end_all()
