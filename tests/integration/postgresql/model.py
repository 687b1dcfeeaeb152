#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# A batch means what its records one by one mean: random inserts, partial rows, deletes and key
# changes go through dfproc in batches of several sizes, and the table and the refused records are
# compared with a map that applies one record after the other.
#   model.py DIR URL [SEED [SECONDS]]
# Without SECONDS each mode meets each table once, in batches of one size; with them, of all sizes,
# and with further seeds for so long.
import json
import os
import random
import subprocess
import sys
import time

DEFAULTS = {"b": 5, "c": 7}
COLUMNS = ["id", "u", "a", "b", "c", "v", "gone"]
# name: what stands after the columns; what the table refuses beside its key
TABLES = {
    "plain": {"sql": "", "rules": ()},
    "defaults": {"sql": "alter table {t} alter gone set default '2000-01-01', alter v set default 2",
                 "rules": ("defaults",)},
    "noticing": {"sql": "alter table {t} add check (a <> 13 or b <> 3), alter a set not null",
                 "rules": ("check", "null")},
    "checked": {"sql": "alter table {t} add check (a <> 13 or b <> 3)", "rules": ("check", "whole")},
    "ordering": {"sql": "alter table {t} add unique (u)", "rules": ("unique",)},
    "parts": {"sql": "", "rules": (), "by": " partition by hash (id)"},
}
UPSERT = [("always", False), ("always", True), ("ifNewer", False), ("ifNewer", True)]
SIZES = [1, 2, 3, 7, 1000]


class Refused(Exception):
    pass


class Model:
    """One record after the other, into a map from key to row."""

    def __init__(self, rules, mode):
        self.rules, self.mode, self.rows = rules, mode, {}
        self.defaults = dict.fromkeys(COLUMNS) | DEFAULTS
        if "defaults" in rules:
            self.defaults |= {"gone": True, "v": 2}

    def allowed(self, row):
        if "null" in self.rules and row["a"] is None:
            raise Refused
        if "check" in self.rules and row["a"] == 13 and row["b"] == 3:
            raise Refused

    def alone(self, row):
        if "unique" in self.rules and row["u"] is not None:
            if any(r["u"] == row["u"] and r["id"] != row["id"] for r in self.rows.values()):
                raise Refused

    def insert(self, record):
        row = self.defaults | record
        self.allowed(row)
        there = self.rows.get(row["id"])
        try:
            if there:
                raise Refused
            self.alone(row)
        except Refused:
            written = {k: row[k] for k in COLUMNS if k in record or self.defaults[k] is None}
            equal = there and all(there[k] == x for k, x in written.items())
            if self.mode["conflict"] == "skip" or (self.mode["conflict"] == "equal" and equal):
                return
            raise
        self.rows[row["id"]] = row

    def leaves_a(self, record):
        """A record without a NOT NULL column is an update of its own, which offers no whole row first."""
        lacks_version = self.mode["strategy"] == "ifNewer" and "v" not in record
        return "null" in self.rules and "a" not in record and not lacks_version

    def upsert(self, record):
        new = self.defaults | record
        there = self.rows.get(new["id"])
        if not (there and self.leaves_a(record)):
            self.allowed(new)
        if not there:
            self.alone(new)
            self.rows[new["id"]] = new
            return
        if set(record) == {"id"} and not self.mode["soft"]:
            return
        if self.mode["strategy"] == "ifNewer" and there["v"] is not None:
            if new["v"] is None or new["v"] <= there["v"]:
                return
        row = there | ({"gone": None} if self.mode["soft"] else {}) | record
        self.allowed(row)
        self.alone(row)
        self.rows[row["id"]] = row

    def delete(self, record):
        there = self.rows.get(record["id"])
        version = record.get("v")
        if not there:
            return
        if self.mode["strategy"] == "ifNewer" and None not in (version, there["v"]):
            if version < there["v"]:
                return
        if not self.mode["soft"]:
            del self.rows[record["id"]]
            return
        row = there | {"gone": True}
        if self.mode["strategy"] == "ifNewer" and version is not None:
            row["v"] = version
        self.rows[record["id"]] = row

    def move(self, old, record):
        """One record: a row that is refused under its new key stays under the old one."""
        there, new = self.rows.get(old), record["id"]
        if old == new:
            self.upsert(record)
            return
        if self.mode["soft"] or self.mode["strategy"] == "ifNewer":
            raise Refused
        before = dict(self.rows)
        try:
            if there:
                del self.rows[old]
                self.rows.setdefault(new, there | {"id": new})
            self.upsert(record)
        except Refused:
            self.rows = before
            raise

    def truncate(self):
        if self.mode["soft"]:
            self.rows = {key: row | {"gone": True} for key, row in self.rows.items()}
        else:
            self.rows = {}

    def apply(self, op, record, old):
        if op == "t" and self.mode["upsert"]:
            self.truncate()
            return
        if record is None or record.get("id") is None:
            raise Refused
        if not self.mode["upsert"]:
            self.insert(record)
        elif old is not None:
            self.move(old, record)
        elif op == "d":
            self.delete(record)
        else:
            self.upsert(record)


def random_row(rng, keys, whole, always):
    row = {"id": rng.randrange(keys)}
    for name, values in (("u", 9), ("a", 15), ("b", 5), ("c", 3), ("v", 7)):
        if whole or rng.random() < 0.5:
            row[name] = None if rng.random() < 0.1 else rng.randrange(values)
    if "a" in row and rng.random() < 0.2:
        row["a"] = 13
    if always or rng.random() < 0.05:
        row["gone"] = rng.choice([None, "2001-01-01"])
    return row


def random_events(rng, mode, count, always, moves):
    """always: each record has all columns. moves: a key may change by one record, as the source of changes gives it."""
    keys, share, events = rng.choice([2, 5, 40]), rng.choice([0.0, 0.2, 1.0]), []
    while len(events) < count:
        row = random_row(rng, keys, always or rng.random() >= share, always)
        roll = rng.random()
        if not mode["upsert"]:
            # Half of them are new: three batches in a row that are refused whole end a run.
            new = {"id": 100 + len(events), "u": 100 + len(events)}
            again = rng.choice(events)[1] if events and roll < 0.2 else row
            events.append(("c", row | new if roll > 0.5 else again))
        elif roll < 0.2:
            events.append(("d", row if rng.random() < 0.7 else {"id": row["id"]}))
        elif roll < 0.3 and moves:  # the key changes, by one record
            events.append(("u", row, rng.randrange(keys)))
        elif roll < 0.3:  # by two
            events.append(("d", row))
            events.append(("c", row | {"id": rng.randrange(keys)}))
        elif roll < 0.31:
            events.append(("t", None))
        elif roll < 0.32:
            events.append(("u", {"id": None, "a": 1}))
        else:
            events.append((rng.choice("cu"), row))
    return events


def write_changes(path, events):
    """Debezium's envelopes; returns what names a refused record: where its line begins."""
    offsets = []
    with open(path, "w", encoding="utf-8") as out:
        for op, row in events:
            offsets.append(out.tell())
            side = "before" if op == "d" else "after"
            event = {"op": op} | ({side: row} if row is not None else {"source": {}, side: None})
            out.write(json.dumps({"payload": event}) + "\n")
    return offsets


def write_typed(path, events):
    """Lines of tests/tools/typed_rows.c; returns the numbers of the lines."""
    names = {"c": "insert", "u": "update", "d": "delete", "t": "truncate"}
    with open(path, "w", encoding="utf-8") as out:
        for op, row, *old in events:
            line = {"op": names[op], "row": row} | ({"before": {"id": old[0]}} if old else {})
            out.write(json.dumps(line) + "\n")
    return list(range(len(events)))


def expected(events, offsets, rules, mode):
    model, refused = Model(rules, mode), []
    for (op, row, *old), offset in zip(events, offsets):
        record = row and {k: bool(x) or None if k == "gone" else x for k, x in row.items()}
        try:
            model.apply(op, record, old[0] if old else None)
        except Refused:
            refused.append(offset)
    return sorted([r[k] for k in COLUMNS] for r in model.rows.values()), refused


class Bed:
    def __init__(self, folder, url):
        self.folder, self.url = folder, url
        self.env = os.environ | {"XDG_STATE_HOME": folder + "/state", "PG_TEST_URL": url}

    def sql(self, text):
        done = subprocess.run(["psql", self.url, "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", text],
                              stdout=subprocess.PIPE, check=True, env=self.env)
        return done.stdout.decode()

    def make(self, name, table):
        part = f"create table {name}_p partition of {name} for values with (modulus 1, remainder 0);"
        self.sql(f"set client_min_messages = error; drop table if exists {name}; create table {name} (id int primary key, u int, "
                 f"a int, b int default {DEFAULTS['b']}, c int default {DEFAULTS['c']}, v int, "
                 f"gone timestamptz){table.get('by', '')};" + (part if "by" in table else "") +
                 table["sql"].format(t=name))

    def run(self, name, mode, size, typed):
        options = {"connectionString": "${env:PG_TEST_URL}", "table": name, "batchSize": size}
        if mode["upsert"]:
            options |= {"upsertMode": True, "upsertStrategy": mode["strategy"]}
            if mode["strategy"] == "ifNewer":
                options["upsertVersionColumn"] = "v"
            if mode["soft"]:
                options["softDeleteColumn"] = "gone"
        else:
            options["onConflict"] = mode["conflict"]
        files = {k: f"{self.folder}/{name}.{k}" for k in ("yaml", "jsonl", "errors")}
        manifest = {"source": {"type": "typed" if typed else "stdio", "config": {"path": files["jsonl"]}},
                    "transformations": [] if typed else [{"type": "debeziumUnwrap"}],
                    "sink": {"type": "postgresql", "config": options},
                    "errors": {"type": "stdio", "config": {"path": files["errors"]}}}
        with open(files["yaml"], "w", encoding="utf-8") as out:
            json.dump(manifest, out)
        open(files["errors"], "w", encoding="utf-8").close()
        subprocess.run(["rm", "-rf", self.folder + "/state"], check=True)
        done = subprocess.run(["dfproc", "run", files["yaml"], "--until-exhausted"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.env,
                              check=False)
        last = done.stdout.decode().splitlines()[-1]
        with open(files["errors"], encoding="utf-8") as errors:
            refused = sorted(json.loads(line)["error"]["offset"] for line in errors)
        if done.returncode != 0 or '"retries":0' not in last:
            return last, refused
        rows = self.sql(f"select to_json(array[id, u, a, b, c, v, (gone is not null)::int]) "
                        f"from {name} order by id")
        rows = [json.loads(line) for line in rows.splitlines()]
        return sorted(r[:-1] + [bool(r[-1]) or None] for r in rows), refused


def compare(bed, table, mode, seed, size):
    name = "m"
    typed = mode["upsert"] and seed % 5 > 0
    events = random_events(random.Random(seed), mode, 150, "whole" in TABLES[table]["rules"], typed)
    offsets = (write_typed if typed else write_changes)(f"{bed.folder}/{name}.jsonl", events)
    bed.make(name, TABLES[table])
    want, want_refused = expected(events, offsets, TABLES[table]["rules"], mode)
    rows, refused = bed.run(name, mode, size, typed)
    if (rows, refused) == (want, want_refused):
        return True
    print(f"FAILED  seed {seed} batchSize {size} {table} {mode}")
    if isinstance(rows, str):
        print("        " + rows[:600])
        return False
    print("        rows only there:   ", [r for r in rows if r not in want][:5])
    print("        rows only expected:", [r for r in want if r not in rows][:5])
    lines = {o: i + 1 for i, o in enumerate(offsets)}
    print("        lines refused:     ", sorted(lines[o] for o in set(refused) - set(want_refused)))
    print("        lines not refused: ", sorted(lines[o] for o in set(want_refused) - set(refused)))
    return False


def modes():
    for conflict in ("equal", "skip", "error"):
        yield {"upsert": False, "conflict": conflict}
    for strategy, soft in UPSERT:
        yield {"upsert": True, "strategy": strategy, "soft": soft}


def main():
    bed = Bed(sys.argv[1], sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    start = time.monotonic()
    end = start + (float(sys.argv[4]) if len(sys.argv) > 4 else 0)
    first, good, runs = seed, True, 0
    while True:
        for table in TABLES:
            for mode in modes():
                seed += 1
                for size in SIZES if end > start else (SIZES[seed % len(SIZES)],):
                    good &= compare(bed, table, mode, seed, size)
                    runs += 1
        if time.monotonic() >= end:
            break
    print(f"{'ok     ' if good else 'FAILED '} {runs} runs, seeds {first + 1} to {seed}")
    sys.exit(0 if good else 1)


main()
