# SPDX-License-Identifier: Apache-2.0
"""shadow.py SEED CHANGES WRITER: random transactions on the tables of test_cdc_shadow.sh, as SQL on stdout, until
about CHANGES rows are changed. What a writer beside this one makes impossible fails and is rolled back."""
import random
import sys

seed, changes, writer = sys.argv[1], int(sys.argv[2]), sys.argv[3]
rng = random.Random(f"{seed}/{writer}")
count = 0
added = {"a": [], "b": [], "c": []}  # columns that this writer made


def some(rows):
    global count
    count += rows
    return rows


def text():
    return rng.choice(["''", "'x'", "null", "E'é\\t\\\\'", f"repeat('{rng.randint(0, 9)}', {rng.randint(1, 3000)})"])


def insert():
    at, rows = rng.randint(1, 3000), some(rng.choice([1, 1, 3, 20]))
    among = f"generate_series({at}, {at + rows - 1}) g on conflict do nothing"
    return rng.choice([
        f"insert into a (id, n, doc) select g, {rng.randint(-9, 9)}, {text()} from {among}",
        f"insert into b (k, m, t) select 'k' || g % 40, g, {text()} from {among}",
        f"insert into c (u, v, j) select g, g / {rng.randint(1, 9)}.0, jsonb_build_object('g', g) from {among}"])


def update():
    at, rows = rng.randint(1, 3000), some(rng.choice([1, 1, 5, 40]))
    ids = f"between {at} and {at + rows - 1}"
    table = rng.choice("abc")
    if added[table] and rng.random() < 0.5:
        name, value = rng.choice(added[table])
        return f"update {table} set {name} = {value} where {dict(a='id', b='m', c='u')[table]} {ids}"
    return {"a": f"update a set {rng.choice(['n = n + 1', 'doc = ' + text(), 'id = id'])} where id {ids}",
            "b": f"update b set {rng.choice(['t = ' + text(), 'n = coalesce(n, 0) + 1'])} where m {ids}",
            "c": f"update c set {rng.choice(['v = v * -1.50', 'l = array[u::int, null]', 'at = now()'])} where u {ids}"}[table]


def delete():
    at, rows = rng.randint(1, 3000), some(rng.choice([1, 2, 15]))
    table, key = rng.choice([("a", "id"), ("b", "m"), ("c", "u")])
    return f"delete from {table} where {key} between {at} and {at + rows - 1}"


def move():
    at, to = rng.randint(1, 3000), rng.randint(1, 3000)
    some(2)
    return rng.choice([f"update a set id = {to} where id = {at} and not exists (select from a where id = {to})",
                       f"update b set k = 'moved' || m where m = {at}",
                       f"update c set u = {to} where u = {at} and not exists (select from c where u = {to})"])


def all_rows():
    some(2000)
    return rng.choice(["update a set n = -n", "update b set n = m", "update c set v = v + 1", "delete from a where id % 7 = 3"])


def ddl():
    table = rng.choice("abc")
    if added[table] and rng.random() < 0.4:
        return f"alter table {table} drop {added[table].pop(rng.randrange(len(added[table])))[0]}"
    kind, value = rng.choice([("int", "7"), ("text", "'seven'"), ("boolean", "true"), ("numeric", "7.50")])
    name = f"x{writer}_{len(added[table])}_{rng.randint(0, 10 ** 9)}"
    added[table].append((name, value))
    if rng.random() < 0.3:  # rows of before have the default when they are changed
        some(2000)
        return f"alter table {table} add {name} {kind} default {value}; update {table} set {name} = {name}"
    return f"alter table {table} add {name} {kind}"


def rare():
    return rng.choice(["truncate a", "truncate b, c", "alter table a alter n type bigint; update a set n = 5000000000 where id % 50 = 1",
                       "alter table b replica identity full", "alter table b replica identity default", "create index on c (v)"])


kinds = [(insert, 40), (update, 35), (delete, 8), (move, 8), (all_rows, 0.4), (ddl, 0.4), (rare, 0.2)]


def statement():
    return rng.choices([k for k, _ in kinds], [w for _, w in kinds])[0]()


print("set lock_timeout = '5s'; set deadlock_timeout = '100ms';")
while count < changes:
    print("begin;")
    for _ in range(rng.choice([1, 1, 2, 5, 12])):
        saved = rng.random() < 0.15
        if saved:
            print("savepoint s;")
        print(statement() + ";")
        if saved:
            print(rng.choice(["rollback to s;", "release s;"]))
    print(rng.choices(["commit;", "rollback;"], [12, 1])[0])
