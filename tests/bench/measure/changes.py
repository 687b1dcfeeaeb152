# SPDX-License-Identifier: Apache-2.0
"""W8: the changes of a table into a topic. Each run reads the same backlog by a copy of one slot."""
import datetime
import json
import os
import subprocess
import time

from .bed import Run, Watched
from .records import TABLE, flat
from .report import Result

BOTH = '"$1" -d "$2" --slot "$3" --start -o proto_version=1 -o publication_names="$4" --endpos "$5" -f - >/dev/null & ' \
       'reader=$!; "$6" "$7" "$8" "$9" lz4 <"${10}" && wait $reader'


SECONDS, ROWS = 20, 100  # of the run that measures delay, and of one of its transactions
INSERT = "insert into bench (id, customer, amount, currency, placed_at, paid, note, items) select g, 'customer ' || g, " \
         "12.50, 'EUR', now(), true, repeat('n', 100), 3 from generate_series(1, %d) g;\n" % ROWS


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


def until(what, seconds, ask):
    limit = time.monotonic() + seconds
    while not ask():
        if time.monotonic() > limit:
            raise SystemExit("void: " + what)
        time.sleep(0.05)


def delay(bench, data, backlog, rate):
    """From the insert of a row, just before its commit, to the broker's time of its record."""
    slot, topic = backlog.slot(), bench.fresh_topic("message.timestamp.type=LogAppendTime")
    bench.bed.sql("select pg_replication_slot_advance('%s', pg_current_wal_lsn())" % slot)
    bench.bed.sql("alter table bench add at timestamptz; alter table bench alter at set default clock_timestamp()")
    script = os.path.join(bench.folder, "insert.sql")
    with open(script, "w") as f:
        f.write(INSERT)
    flow = Watched(bench.command("cdc", data, TOPIC=topic, SLOT=slot, NAME=slot.replace("_", "-"), PUBLICATION=backlog.name),
                   bench.bed.env, os.path.join(bench.folder, "delay.log"))
    until("the flow does not read", 30, lambda: bench.bed.sql(
        "select active from pg_replication_slots where slot_name = '%s'" % slot) == "t")
    subprocess.run(["pgbench", bench.bed.env["DF_PG"], "-n", "-c", "1", "-f", script, "-T", str(SECONDS), "-R", str(rate / ROWS)],
                   check=True, env=bench.bed.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    count = int(bench.bed.sql("select count(*) from bench where at is not null"))
    until("not all records were sent", 60, lambda: flow.sent() == count)
    flow.end()
    dump = subprocess.run([bench.program("dfaudit"), "topic", "dump", "--topic", topic], check=True, env=bench.bed.env,
                          stdout=subprocess.PIPE, text=True).stdout
    records = [json.loads(line) for line in dump.splitlines()]
    bench.must("records in the topic", count, len(records))
    late = sorted(record["timestamp"] - 1000 * datetime.datetime.fromisoformat(
        json.loads(record["value"])["at"].replace("Z", "+00:00")).timestamp() for record in records)
    bench.delete_topic(topic)
    backlog.drop(slot)
    p99 = late[int(len(late) * 0.99)]
    return Result("W8", "the same at half of that rate: commit → in the topic").plain(
        "%.0f k/s: median %.0f ms, 99 %% %.0f ms" % (count / SECONDS / 1e3, late[len(late) // 2], p99), "≤ 50 ms", p99 <= 50)


def w8(bench):
    data = bench.topic("flat", flat, bench.options.records)
    backlog = Backlog(bench, data)

    def into_topic(work):
        slot, topic = backlog.slot(), bench.fresh_topic()
        before = bench.bed.server_cpu()
        run = work(slot, topic)
        run.server_cpu = bench.bed.server_cpu() - before
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
        bench.rounds(result, lambda: into_topic(floor), lambda: into_topic(ours), backlog.count)
        return [result, delay(bench, data, backlog, result.rate / 2)]
    finally:
        backlog.end_all()
