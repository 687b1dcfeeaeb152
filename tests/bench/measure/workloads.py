# SPDX-License-Identifier: Apache-2.0
"""The workloads with a floor, start-up and idle memory. Each gives a list of results."""
import json
import os
import re
import signal
import statistics
import subprocess
import time
import types

from .bed import Run, Series
from .core import MANIFESTS
from .records import PERIOD, TABLE, Data, bad, edited, event, flat, order, small
from .report import Result, yes


def w1(bench):
    data = bench.topic("small", small, 3 * bench.options.records)

    def ours():
        run = bench.ours("null", data)
        bench.audit_counts(run, received=data.count, sent=data.count)
        return run
    return [bench.rounds(Result("W1", "Kafka → null, %d B" % data.size, "librdkafka consumer", 0.90),
                         lambda: bench.consume(data.name), ours, data.count)]


def w2(bench):
    data = bench.topic("events", event, bench.options.records)
    kept = sum('"public":true' in line for line in data.lines) * (data.count // PERIOD)

    def ours():
        run = bench.ours("filter", data)
        bench.audit_counts(run, received=data.count, sent=kept, filtered=data.count - kept)
        return run
    return [bench.rounds(Result("W2", "Kafka → filter → null, %d B" % data.size, "Kafka → null, same topic", 0.60),
                         lambda: bench.ours("null", data), ours, data.count)]


def into_fresh(bench, work):
    """The run that fills a topic of its own, and that topic's records, bytes and hash."""
    target = bench.fresh_topic()
    run = work(target)
    found = json.loads(bench.consume(target, "65536", "hash").out)
    bench.delete_topic(target)
    return run, (found["records"], found["bytes"], found["hash"])


def w3(bench):
    data = bench.topic("orders", order, bench.options.records)
    finished = os.path.join(bench.folder, "orders.edited")
    Data.save(finished, [edited(line) for line in data.lines])

    def floor():
        taken = bench.consume(data.name)
        made, floor.sums = into_fresh(bench, lambda target: bench.produce(target, finished, data.count, "lz4"))
        bench.must("records of the floor", data.count, floor.sums[0])
        return Series(taken, made)

    def ours():
        run, sums = into_fresh(bench, lambda target: bench.ours("kafka", data, TARGET=target))
        bench.audit_counts(run, received=data.count, sent=data.count)
        bench.must("records, bytes and hash", floor.sums, sums)
        return run
    result = Result("W3", "Kafka → Kafka, two fields edited, idempotent, lz4, %d B" % data.size,
                    "consume, then produce", 0.75, cpu_goal=4)
    return [bench.rounds(result, floor, ours, data.count)]


def w4(bench):
    data = bench.topic("orders", order, bench.options.records)

    def run_of(manifest):
        run, sums = into_fresh(bench, lambda target: bench.ours(manifest, data, TARGET=target))
        bench.audit_counts(run, received=data.count, sent=data.count)
        run_of.sums = getattr(run_of, "sums", sums)
        bench.must("records, bytes and hash", run_of.sums, sums)
        return run
    result = Result("W4", "W3 exactly once, %d B" % data.size, "W3 at least once", 0.90)
    return [bench.rounds(result, lambda: run_of("kafka"), lambda: run_of("kafka_exact"), data.count)]


def w15(bench):
    """Bodies of one schema: what is written from JSON is what is read."""
    data = bench.topic("orders", order, bench.options.records)
    schema = os.path.join(MANIFESTS, "order.avsc")
    tool = bench.program("avro_floor")
    if not os.path.exists(tool):
        raise SystemExit("W15 needs avro-c: libavro-dev")
    bodies = bench.fresh_topic()
    bench.ours("avro_write", data, TARGET=bodies, SCHEMA=schema)
    kept = bench.consume(bodies, "65536", "hash")
    sums = [json.loads(kept.out)[name] for name in ("records", "bytes", "hash")]
    size = sums[1] // data.count

    def floor(*words):
        run = Run([tool, bench.bed.env["DF_KAFKA"]] + list(words), bench.bed.env)
        bench.must("records of the floor", data.count, json.loads(run.out)["records"])
        return run

    def read(name, topic):
        run = bench.ours(name, topic, SCHEMA=schema)
        bench.audit_counts(run, received=data.count, sent=data.count)
        return run

    def write():
        run, found = into_fresh(bench, lambda target: bench.ours("avro_write", data, TARGET=target, SCHEMA=schema))
        bench.audit_counts(run, received=data.count, sent=data.count)
        bench.must("records, bytes and hash", tuple(sums), found)
        return run

    def floor_write():
        return into_fresh(bench, lambda target: floor(data.name, schema, target, bodies))[0]
    topic = types.SimpleNamespace(name=bodies)
    kind = "%d B (%d B as JSON)" % (size, data.size)
    found = [
        bench.rounds(Result("W15", "Kafka Avro → null, " + kind, "consumer and avro-c", 1.0),
                     lambda: floor(bodies, schema), lambda: read("avro_read", topic), data.count),
        bench.rounds(Result("W15", "Kafka Avro → null, " + kind, "JSON → filter on one field → null", 0.75),
                     lambda: bench.ours("filter", data), lambda: read("avro_read", topic), data.count),
        bench.rounds(Result("W15", "JSON → Kafka Avro, " + kind, "consumer, avro-c, producer", 0.75),
                     floor_write, write, data.count)]
    bench.delete_topic(bodies)
    return found


def copy_file(bench, data):
    path = os.path.join(bench.folder, data.name + ".copy")
    if not os.path.exists(path):
        bench.to_table(data)
        subprocess.run(["psql", bench.bed.env["DF_PG"], "-Xqc", "\\copy bench to '%s'" % path],
                       check=True, env=bench.bed.env)
    return path


def w5(bench):
    data = bench.topic("flat", flat, bench.options.records)
    bench.table()
    path = copy_file(bench, data)

    def floor():
        bench.bed.sql("truncate bench; checkpoint")
        return Run(["psql", bench.bed.env["DF_PG"], "-Xqc", "\\copy bench from '%s'" % path], bench.bed.env)
    result = Result("W5", "Kafka → PostgreSQL, %d B, 8 columns" % data.size, "`psql \\copy`", 0.85, cpu_goal=2)
    return [bench.rounds(result, floor, lambda: bench.to_table(data), data.count)]


def w11(bench):
    """A program of its own, since it needs no server."""
    done = subprocess.run([os.path.join(MANIFESTS, "w11"), "--build", bench.build, "--json", "--rounds",
                           str(bench.options.rounds), "--records", "2000" if bench.options.quick else "10000"],
                          stdout=subprocess.PIPE, text=True)
    if not done.stdout:
        raise SystemExit("w11: exit code %d" % done.returncode)
    found = json.loads(done.stdout)
    result = Result("W11", "ten transformations on nested JSON, %d B, file to file" % found["record_bytes"],
                    found["floor"], found["goal"])
    result.cells = ["CPU %.0f" % found["floor_cpu_per_million"], "wall × %.1f" % found["wall_ratio"],
                    "%.1f (%.1f to %.1f)" % (found["ratio"], found["low"], found["high"]),
                    "%.2f" % found["cpu_per_million"], "%.1f" % found["peak_mib"]]
    result.goal_text, result.met = "≥ %.0f" % found["goal"], yes(found["met"])
    return [result]


def w12(bench):
    clean = bench.topic("flat", flat, bench.options.records)
    results = []
    for share, goal in ((0.01, 0.95), (0.50, 0.50)):
        data = bench.topic("bad%d" % (share * 100), bad(share), bench.options.records)
        bench.table(TABLE + ", check (items >= 0)")

        def ours(data=data):
            run = bench.to_table(data, "errors", ERRORS=os.path.join(bench.folder, "errors.jsonl"))
            refused = (PERIOD - len(data.good())) * (data.count // PERIOD)
            bench.audit_counts(run, errored=refused, sent=data.count - refused)
            os.unlink(os.path.join(bench.folder, "errors.jsonl"))
            return run
        results.append(bench.rounds(Result("W12", "W5, %d %% bad records" % (share * 100), "W5 clean", goal),
                                    lambda: bench.to_table(clean), ours, data.count))
    return results


def watch(bench, command, until):
    """Starts a flow, waits until a line of its output fits; the seconds that took."""
    begin = time.monotonic()
    child = subprocess.Popen(command, env=bench.bed.env, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    seconds = until(child) - begin
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=60)
    return seconds


def w14(bench):
    data = bench.topic("small", small, 3 * bench.options.records)
    bench.table()
    empty = bench.topic("empty", small, PERIOD)
    ready, first = [], []

    def both_ready(child):
        seen = set()
        for line in child.stderr:
            match = re.search(r"(source|sink): ready", line)
            if match:
                seen.add(match.group(1))
            if len(seen) == 2:
                return time.monotonic()
        raise SystemExit("the flow ended before it was ready")

    def first_record(child):
        child.stdout.readline()
        return time.monotonic()
    for _ in range(2 * bench.options.rounds + 1):
        ready.append(watch(bench, bench.command("postgresql", empty), both_ready) * 1e3)
        first.append(watch(bench, bench.command("stdout", data), first_record) * 1e3)
    results = []
    for what, values, goal in (("exec → ready", ready[1:], 60), ("exec → first record", first[1:], 250)):
        middle = statistics.median(values)
        results.append(Result("W14", "%s, Kafka flow" % what).plain(
            "%.0f ms (%.0f to %.0f)" % (middle, min(values), max(values)), "≤ %d ms" % goal, middle <= goal))
    return results


def w16(bench):
    """A program of its own, since it needs no server; it checks order and content of all records."""
    runs = []
    for _ in range(bench.options.rounds):
        done = subprocess.run([bench.program("embed"), str(5 * bench.options.records)], check=True, stdout=subprocess.PIPE)
        runs.append(json.loads(done.stdout))
    rates = [run["records"] / run["flow_s"] / 1e6 for run in runs]
    floor, middle = (statistics.median(run[name] / run["records"] * 1e9 for run in runs) for name in ("floor_s", "flow_s"))
    return [Result("W16", "inside a program: push → function → take, 100 B, one core").plain(
        "%.1f M/s (%.1f to %.1f); %.0f ns a record, %.0f of them copy and call" % (
            statistics.median(rates), min(rates), max(rates), middle, floor),
        "≥ 3 M/s", min(rates) >= 3)]


def idle(bench):
    data = bench.topic("empty", small, PERIOD)
    bench.table()
    child = subprocess.Popen(bench.command("postgresql_idle", data), env=bench.bed.env, stderr=subprocess.DEVNULL)
    time.sleep(5)
    with open("/proc/%d/status" % child.pid) as f:
        rss = int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)) / 1024
    child.send_signal(signal.SIGTERM)
    child.wait(timeout=60)
    return [Result("idle", "Kafka → PostgreSQL that waits").plain("%.1f MiB" % rss, "≤ 14 MiB", rss <= 14)]
