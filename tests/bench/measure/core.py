# SPDX-License-Identifier: Apache-2.0
"""What all workloads share: topics, manifests, runs of ours, rounds, audits."""
import atexit
import json
import os
import shutil
import subprocess
import tempfile

from .bed import Bed, ROOT, Run, build
from .records import NOTES, PERIOD, TABLE, Data

MANIFESTS = os.path.join(ROOT, "tests", "bench")


class Bench:
    def __init__(self, options):
        self.options = options
        self.folder = tempfile.mkdtemp(prefix="dataflow-bench.")
        atexit.register(self.clean)
        self.build = options.build
        self.bin = build(options.build, options.no_build)
        self.bed = Bed(self.folder)
        self.groups = 0
        self.data = {}

    def clean(self):
        if hasattr(self, "bed"):
            for data in self.data.values():
                self.delete_topic(data.name)
            self.bed.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def program(self, name):
        return os.path.join(self.bin, name)

    # ---- topics, tables, manifests ----

    def create_topic(self, name, *configs, partitions=1):
        more = [word for config in configs for word in ("--config", config)]
        subprocess.run([self.program("dfaudit"), "topic", "create", "--topic", name, "--partitions",
                        str(partitions)] + more, check=True, env=self.bed.env)

    def fresh_topic(self, *configs):
        """A name that was never used: under load a broker may still take records for a topic of the
        same name that is being deleted, and lose them with it."""
        self.groups += 1
        name = "bench-%d-to-%d" % (os.getpid(), self.groups)
        self.create_topic(name, *configs)
        return name

    def delete_topic(self, name):
        subprocess.run([self.program("dfaudit"), "topic", "delete", "--topic", name], env=self.bed.env)

    def topic(self, name, make, count, period=PERIOD):
        if name not in self.data:
            self.data[name] = Data(self, name, make, count, period)
        return self.data[name]

    def forget(self, name):
        self.data.pop(name).remove()

    def table(self, columns=TABLE):
        self.bed.sql("set client_min_messages = error; drop table if exists bench; "
                     "create table bench (%s)" % columns)

    def manifest(self, name, data, **more):
        """Fills a file of tests/bench; every run has a group of its own and so reads everything."""
        self.groups += 1
        with open(os.path.join(MANIFESTS, name + ".yaml")) as f:
            text = f.read()
        words = {"TOPIC": data.name, "GROUP": "bench-%d-%d" % (os.getpid(), self.groups), **more}
        for word, value in words.items():
            text = text.replace("@%s@" % word, str(value))
        path = os.path.join(self.folder, name + ".yaml")
        with open(path, "w") as f:
            f.write(text)
        return path

    # ---- runs ----

    def command(self, name, data, **more):
        return [self.program("dfproc"), "run", self.manifest(name, data, **more),
                "--state-dir", os.path.join(self.folder, "state")]

    def ours(self, name, data, **more):
        run = Run(self.command(name, data, **more) + ["--until-exhausted"], self.bed.env)
        run.summary = json.loads(run.err.strip().splitlines()[-1])
        run.rss = run.summary["peak_rss_bytes"]
        return run

    def consume(self, topic, *more):
        return Run([self.program("floor_consume"), self.bed.env["DF_KAFKA"], topic] + list(more), self.bed.env)

    def produce(self, topic, file, count, *more):
        with open(file) as f:
            return Run([self.program("floor_produce"), self.bed.env["DF_KAFKA"], topic, str(count)] + list(more),
                       self.bed.env, f)

    def rounds(self, result, floor, ours, count):
        """ABBA: neighbours are compared, so that a slow minute hits both."""
        floor(), ours()
        pairs = []
        for i in range(self.options.rounds):
            first, second = (floor, ours) if i % 2 == 0 else (ours, floor)
            a, b = first(), second()
            pairs.append((a, b) if i % 2 == 0 else (b, a))
        return result.pairs(pairs, count)

    # ---- audits: a run with a mismatch is void ----

    @staticmethod
    def must(what, expected, found):
        if expected != found:
            raise SystemExit("void: %s: expected %s, found %s" % (what, expected, found))

    def audit_counts(self, run, **expected):
        for name, value in expected.items():
            self.must("%s of %s" % (name, run.summary), value, run.summary[name])

    def audit_table(self, data):
        """Count, sum and content of what the table holds."""
        self.must("table", data.sums(), self.bed.sql(NOTES))

    def to_table(self, data, name="postgresql", **more):
        self.bed.sql("truncate bench; checkpoint")
        run = self.ours(name, data, **more)
        self.audit_counts(run, received=data.count, abandoned=0)
        self.audit_table(data)
        return run
