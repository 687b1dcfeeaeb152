# SPDX-License-Identifier: Apache-2.0
"""The binding from outside: what arrives, what is raised, and what happens when a program does the wrong thing."""
import asyncio
import contextlib
import datetime
import decimal
import gc
import json
import math
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import unittest

import dataflow

HOSTS = "{source: {type: host}, sink: {type: host}}"


def flow(text, **options):
    return dataflow.Pipeline.from_yaml(textwrap.dedent(text), **options)


def pass_through(pipeline, rows):
    """Feeds rows, and answers what comes out; the run has ended well then."""
    out = []
    with pipeline.feed() as feed, pipeline.take() as take:
        pipeline.start()
        feed.send(rows)
        feed.close()
        for parcel in take:
            with parcel:
                out += list(parcel)
    pipeline.wait()
    return out


class Flows(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.env = dataflow.Env()

    def transform(self, function, **options):
        return dataflow.transform(function, env=self.env, **options)

    def run_over(self, rows, name, errors=False, **options):
        text = f"source: {{type: host}}\nsink: {{type: host}}\ntransformations: [{{type: {name}}}]\n"
        if errors:
            text += f"errors: {{type: stdio, config: {{path: {self.folder}/errors}}}}\n"
        with flow(text, env=self.env, **options) as pipeline:
            return pass_through(pipeline, rows)

    def errors(self):
        return [json.loads(line) for line in (self.folder / "errors").read_text().splitlines()]


class Records(Flows):
    def test_rows_keep_key_headers_and_time(self):
        rows = [(b"a", b"k", [("h", b"1"), ("h", None)], 1_700_000_000_000_000, 7, dataflow.Op.UPDATE), b"b", "c",
                (None, b"tombstone")]
        with flow(HOSTS) as pipeline:
            out = pass_through(pipeline, rows)
        self.assertEqual([row.payload for row in out], [b"a", b"b", b"c", None])
        self.assertEqual(out[0][1:5], (b"k", [("h", b"1"), ("h", None)], 1_700_000_000_000_000, 7))
        self.assertEqual(out[0].op, dataflow.Op.UPDATE)
        self.assertEqual(out[3].key, b"tombstone")

    def test_values_arrive_as_they_are(self):
        zone = datetime.timezone(datetime.timedelta(hours=2))
        values = {
            "none": None, "yes": True, "small": -5, "large": 1 << 80, "real": 1.5, "text": "grün",
            "bytes": b"\x00\xff", "exact": decimal.Decimal("1.10"), "list": [1, [2, {"a": None}]],
            "at": datetime.datetime(2024, 2, 29, 12, 0, 0, 5, tzinfo=zone),
            "local": datetime.datetime(1900, 1, 1, 1, 2, 3), "day": datetime.date(1969, 12, 31),
            "clock": datetime.time(23, 59, 59, 500000),
        }
        seen = {}

        def first(record):
            record.value = values

        def second(record):
            seen.update(record.value)
            seen["one"] = record["list[1][1].a"], record.get("nothing", 5), "day" in record, "x" in record

        self.transform(first)
        self.transform(second)
        with flow("source: {type: host}\nsink: {type: 'null'}\ntransformations: [{type: first}, {type: second}]",
                  env=self.env) as pipeline:
            with pipeline.feed() as feed:
                pipeline.start()
                feed.send([b"{}"])
            pipeline.wait()
        self.assertEqual(seen.pop("one"), (None, 5, True, False))
        large = seen.pop("large")
        self.assertEqual(seen, {name: value for name, value in values.items() if name != "large"})
        self.assertEqual((large, type(large)), (decimal.Decimal(1 << 80), decimal.Decimal))
        self.assertEqual(seen["at"].utcoffset(), datetime.timedelta(hours=2))

    def test_not_a_number_and_what_has_no_value(self):
        seen = []

        def odd(record):
            record["x"] = math.nan
            seen.append(record["x"])
            for wrong in (object(), decimal.Decimal("NaN"), {1: 2}, datetime.time(1, tzinfo=datetime.timezone.utc)):
                with self.assertRaises((TypeError, ValueError)):
                    record["y"] = wrong

        self.transform(odd)
        out = self.run_over([b"{}"], "odd")
        self.assertTrue(math.isnan(seen[0]))
        self.assertEqual(out[0].payload, b'{"x":"NaN"}')

    def test_edits(self):
        def edit(record):
            record["a.b"] = [1]
            del record["gone"]
            record.key = b"new"
            record.headers = [("h", "v")]
            record.time_us = 5
            record.op = dataflow.Op.DELETE
            record.set_meta("mine", "m")
            self.assertEqual(record.meta("mine"), "m")
            self.assertIsNone(record.meta("other"))
            with self.assertRaises(KeyError):
                record["gone"]

        self.transform(edit)
        row, = self.run_over([b'{"gone":1}'], "edit")
        self.assertEqual(row, (b'{"a":{"b":[1]}}', b"new", [("h", b"v")], 5, -1, "host", dataflow.Op.DELETE))

    def test_a_payload_that_is_not_json(self):
        def look(record):
            with self.assertRaises(dataflow.DataError):
                record["a"]
            record.payload = b"[]"

        self.transform(look)
        self.assertEqual(self.run_over([b"no json"], "look")[0].payload, b"[]")

    def test_a_record_that_is_kept_is_dead(self):
        kept = []
        self.transform(lambda record: kept.append(record), name="keep")
        self.run_over([b"{}"] * 3, "keep")
        for record in kept:
            with self.assertRaises(dataflow.StateError):
                record.payload


    def test_nesting_without_end(self):
        payload = b"[" * 5000 + b"]" * 5000

        def look(record):
            with self.assertRaises(dataflow.DataError):
                record.value
            endless = []
            endless.append(endless)
            with self.assertRaises(dataflow.DataError):
                record.value = endless

        self.transform(look)
        self.assertEqual(self.run_over([payload], "look")[0].payload, payload)

    def test_threads_read_one_parcel(self):
        seen = []

        class Pool(dataflow.Sink):
            """Reads each record of a parcel on four threads."""

            def write(self, parcel):
                def read():
                    seen.extend(parcel.get(n)["n"] for n in range(len(parcel)))

                threads = [threading.Thread(target=read) for _ in range(4)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()

        dataflow.register(Pool, env=self.env)
        with flow("{source: {type: host}, sink: {type: pool}}", env=self.env) as pipeline:
            with pipeline.feed() as feed:
                pipeline.start()
                feed.send([b'{"n":%d.5,"list":[1.5,2.5,{"a":3.25}]}' % n for n in range(500)])
            pipeline.wait()
        self.assertEqual(sorted(seen), sorted([decimal.Decimal(f"{n}.5") for n in range(500)] * 4))

    def test_header_names_of_any_bytes(self):
        self.transform(lambda record: None, name="same")
        row, = self.run_over([(b"a", None, [("gr\u00fcn", b"1")])], "same")
        self.assertEqual(row.headers, [("gr\u00fcn", b"1")])

    def test_a_bad_row_in_a_list(self):
        with flow(HOSTS) as pipeline, pipeline.feed() as feed:
            pipeline.start()
            rows = [b"x"] * 300 + [5]
            taken = feed.push(rows)
            self.assertIn(taken, (256, 300))
            with self.assertRaises(TypeError):
                while True:
                    taken += feed.push(rows, taken)
            with self.assertRaises(TypeError):
                feed.push(rows, -1)
            pipeline.stop(now=True)


class Refusals(Flows):
    def test_drop_reject_and_raise(self):
        def judge(record):
            n = record["n"]
            if n == 1:
                return False
            if n == 2:
                raise dataflow.Reject("two is too many", "invalid_data")
            if n == 3:
                raise ValueError("secret value")
            if n == 4:
                record.reject("by hand")

        self.transform(judge)
        out = self.run_over([b'{"n":%d}' % n for n in range(6)], "judge", errors=True)
        self.assertEqual([row.payload for row in out], [b'{"n":0}', b'{"n":5}'])
        texts = [row["error"]["message"] for row in self.errors()]
        self.assertEqual(texts[0], "two is too many")
        self.assertEqual(self.errors()[0]["error"]["reason"], "invalid_data")
        self.assertRegex(texts[1], r"^ValueError \(in judge, line \d+\)$")
        self.assertEqual(texts[2], "by hand")

    def test_messages_with_show_values(self):
        def fail(record):
            raise ValueError("the value")

        self.transform(fail)
        self.run_over([b"{}"], "fail", errors=True, show_values=True)
        self.assertIn("the value", self.errors()[0]["error"]["message"])

    def test_the_first_exception_is_the_cause_twice_in_a_row(self):
        def boom(record):
            raise ZeroDivisionError(f"at {record['n']}")

        self.transform(boom)
        for _ in range(2):
            with self.assertRaises(dataflow.RejectedError) as raised:
                self.run_over([b'{"n":1}', b'{"n":2}'], "boom")
            self.assertIsInstance(raised.exception.__cause__, ZeroDivisionError)
            self.assertEqual(str(raised.exception.__cause__), "at 1")
            self.assertEqual(raised.exception.__cause__.__traceback__.tb_frame.f_code.co_name, "boom")

    def test_a_cause_is_its_own_pipelines(self):
        def boom(record):
            raise ZeroDivisionError(record["n"])

        self.transform(boom)
        made = []
        for n in range(3):  # all of one name
            one = flow("source: {type: host}\ntransformations: [{type: boom}]\nsink: {type: host}\n", env=self.env)
            feed = one.feed()
            one.start()
            feed.send([b'{"n":%d}' % n])
            made.append((one, feed))
        for n in (2, 1, 0):
            one, feed = made[n]
            with self.assertRaises(dataflow.RejectedError) as raised:
                one.wait()
            self.assertEqual(str(raised.exception.__cause__), str(n))
            feed.close()
            one.close()

    def test_a_manifest_with_problems(self):
        with self.assertRaises(dataflow.SpecError) as raised:
            flow("source: {type: hosst}\nsink: {type: host, config: {a: 1}}\n")
        first, second = raised.exception.problems
        self.assertEqual((first.line, first.column, first.field), (1, 16, "spec.source.type"))
        self.assertIn("host", first.hint)
        self.assertEqual(second.line, 2)

    def test_secrets_are_asked_for_and_missing_ones_refused(self):
        asked = []

        def resolve(kind, name, key):
            asked.append((kind, name, key))
            return str(self.folder / "out") if name == "PLACE" else None

        text = "source: {type: generate, config: {count: 3}}\nsink: {type: stdio, config: {path: '${env:PLACE}'}}"
        with flow(text, resolve=resolve) as pipeline:
            pipeline.run()
        self.assertEqual(len((self.folder / "out").read_text().splitlines()), 3)
        self.assertEqual(asked[0], ("env", "PLACE", None))
        with flow(text.replace("PLACE", "NONE"), resolve=resolve) as pipeline:
            with self.assertRaises(dataflow.Error):
                pipeline.run()


class Stages(Flows):
    def test_expand_with_more_children_than_there_is_room_for(self):
        @dataflow.transform(expand=True, env=self.env)
        def explode(record):
            """Children of a record."""
            for n in range(record["n"]):
                yield {"n": record["n"], "child": n} if n % 2 else b'{"n":%d,"child":%d}' % (record["n"], n)

        with flow("source: {type: host}\nsink: {type: host}\ntransformations: [{type: explode}]\n"
                  "memoryLimit: 8MiB", env=self.env) as pipeline:
            out = pass_through(pipeline, [b'{"n":0}', b'{"n":60000}', b'{"n":3}'])
        seen = [json.loads(row.payload) for row in out]
        self.assertEqual(seen, [{"n": 60000, "child": n} for n in range(60000)] +
                         [{"n": 3, "child": n} for n in range(3)])

    def test_a_failing_expansion_refuses_its_record(self):
        def explode(record):
            yield b"1"
            raise ValueError

        self.transform(explode, expand=True)
        out = self.run_over([b"{}", b"{}"], "explode", errors=True)
        self.assertEqual([row.payload for row in out], [b"1", b"1"])
        self.assertEqual(len(self.errors()), 2)

    def test_options_by_name(self):
        def scale(record, factor, note):
            record["n"] = record["n"] * factor
            record["note"] = note

        self.transform(scale, options={"factor": dataflow.Option(int, required=True, doc="By how much."),
                                       "note": dataflow.Option(str, "none")})
        with flow("source: {type: host}\nsink: {type: host}\n"
                  "transformations: [{type: scale, config: {factor: -3}}]", env=self.env) as pipeline:
            out = pass_through(pipeline, [b'{"n":2}'])
        self.assertEqual(out[0].payload, b'{"n":-6,"note":"none"}')
        with self.assertRaises(dataflow.SpecError) as raised:
            flow("source: {type: host}\nsink: {type: host}\ntransformations: [{type: scale}]", env=self.env)
        self.assertIn("factor", str(raised.exception))

    def counter(self, end=1000):
        class Counter(dataflow.Source):
            """Counts."""

            options = {"end": int}

            def __init__(self, end):
                self.end = end if end is not None else 0
                if self.end < 0:
                    raise ValueError("end is below 0")

            def open(self, stage):
                self.part = stage.partition("counter")
                self.next = int(self.part.position or b"0")

            def read(self, batch, timeout):
                while batch.room and self.next < self.end:
                    self.next += 1
                    batch.add(self.part, {"n": self.next})
                    batch.mark(self.part, str(self.next))
                return dataflow.DONE if self.next == self.end else None

        dataflow.register(Counter, env=self.env)
        return f"source: {{type: counter, config: {{end: {end}}}}}\n"

    def test_a_source_resumes_where_the_store_says(self):
        seen = []

        class Collect(dataflow.Sink):
            """Collects."""

            def write(self, parcel):
                seen.extend(parcel.get(n, "n") for n in range(len(parcel)))

        dataflow.register(Collect, env=self.env)
        for end in (500, 1200):
            with flow(self.counter(end) + "sink: {type: collect}" if end == 500 else
                      f"source: {{type: counter, config: {{end: {end}}}}}\nsink: {{type: collect}}",
                      env=self.env, name="count", store=str(self.folder)) as pipeline:
                pipeline.run()
        self.assertEqual(seen, list(range(1, 1201)))

    def test_a_constructor_judges_its_options(self):
        with self.assertRaises(dataflow.SpecError) as raised:
            with flow(self.counter(-1) + "sink: {type: 'null'}", env=self.env) as pipeline:
                pipeline.check()
        self.assertIn("end is below 0", str(raised.exception))

    def test_a_sink_refuses_fails_and_is_tried_again(self):
        seen, tries = [], []

        class Picky(dataflow.Sink):
            """Refuses sevens; its connection breaks now and then."""

            def open(self, stage):
                self.stage = stage

            def write(self, parcel):
                tries.append(len(parcel))
                if len(tries) in (1, 3):
                    raise ConnectionResetError("gone")
                for n in range(len(parcel)):
                    if parcel.get(n, "n") % 7 == 0:
                        parcel.reject(n, "a seven")
                    else:
                        seen.append(parcel.get(n)["n"])

        dataflow.register(Picky, env=self.env)
        text = self.counter(100) + f"sink: {{type: picky}}\nerrors: {{type: stdio, config: {{path: {self.folder}/errors}}}}"
        with flow(text, env=self.env) as pipeline:
            pipeline.run()
            stats = pipeline.stats()
        self.assertEqual(sorted(seen), [n for n in range(1, 101) if n % 7])
        self.assertEqual((stats["sent"], stats["errored"], len(self.errors())), (86, 14, 14))
        self.assertGreaterEqual(stats["retries"], 1)

    def test_an_exception_of_a_sink_ends_the_run_and_is_the_cause(self):
        class Broken(dataflow.Sink):
            def write(self, parcel):
                raise KeyError("a bug")

        dataflow.register(Broken, env=self.env)
        with flow(self.counter(5) + "sink: {type: broken}", env=self.env) as pipeline:
            with self.assertRaises(dataflow.Error) as raised:
                pipeline.run()
        self.assertIsInstance(raised.exception.__cause__, KeyError)

    def test_an_answer_that_is_none_of_the_words(self):
        """write that ends with `return file.write(...)`: its count is no status."""

        class Counts(dataflow.Sink):
            def write(self, parcel):
                return len(parcel)

        dataflow.register(Counts, env=self.env)
        with flow(self.counter(5) + "sink: {type: counts}", env=self.env) as pipeline:
            with self.assertRaises(dataflow.Error) as raised:
                pipeline.run()
        self.assertIn("it answered 5", str(raised.exception))

    def test_a_raised_class_means_its_status(self):
        tries = []

        class Shaky(dataflow.Sink):
            def write(self, parcel):
                tries.append(len(parcel))
                if len(tries) < 3:
                    raise dataflow.ConnectionFailed("gone")

        dataflow.register(Shaky, env=self.env)
        with flow(self.counter(5) + "sink: {type: shaky}", env=self.env) as pipeline:
            pipeline.run()
        self.assertEqual(len(tries), 3)

    def test_what_cannot_be_a_value_is_no_record(self):
        class Odd(dataflow.Source):
            """Makes a row that no record can have, and goes on."""

            line = True

            def open(self, stage):
                self.part = stage.partition("odd")

            def read(self, batch, timeout):
                if not batch.room:
                    return None
                batch.add(self.part, {"n": 1})
                with contextlib.suppress(TypeError):
                    batch.add(self.part, {"n": object()})
                batch.add(self.part, {"n": 2})
                return dataflow.DONE

        dataflow.register(Odd, env=self.env)
        self.transform(lambda record: [{"n": 5}, {"n": {1, 2}}], name="half", expand=True)
        with flow(f"source: {{type: odd}}\nsink: {{type: host}}\n"
                  f"errors: {{type: stdio, config: {{path: {self.folder}/errors}}}}", env=self.env) as pipeline:
            with pipeline.take() as take:
                pipeline.start()
                out = [row.payload for parcel in take for row in self.settled(parcel)]
            pipeline.wait()
        self.assertEqual(out, [b'{"n":1}', b'{"n":2}'])
        self.assertEqual(len(self.errors()), 1)
        out = self.run_over([b"{}"], "half", errors=True)
        self.assertEqual([row.payload for row in out], [b'{"n":5}'])

    @staticmethod
    def settled(parcel):
        with parcel:
            return list(parcel)

    def test_a_partition_after_the_end(self):
        kept = []

        class Keeps(dataflow.Source):
            line = True

            def open(self, stage):
                kept.append(stage.partition("p"))

            def read(self, batch, timeout):
                return dataflow.DONE

        dataflow.register(Keeps, env=self.env)
        with flow("{source: {type: keeps}, sink: {type: 'null'}}", env=self.env) as pipeline:
            pipeline.run()
        with self.assertRaises(dataflow.StateError):
            kept[0].position

    def test_options_of_references_and_of_nothing(self):
        seen = []

        class Picky(dataflow.Sink):
            options = {"place": str, "pause": dataflow.Option("duration"), "share": float}

            def __init__(self, place, pause, share):
                if not place:
                    raise ValueError("place is empty")
                seen.append((place, pause, share))

            def write(self, parcel):
                pass

        dataflow.register(Picky, env=self.env)
        with flow(self.counter(5) + "sink: {type: picky, config: {place: '${env:PLACE}'}}", env=self.env,
                  resolve=lambda kind, name, key: "here", set={"source.config.end": 3}) as pipeline:
            gc.collect()
            pipeline.run()
            self.assertEqual(pipeline.stats()["sent"], 3)
        self.assertEqual(seen[-1], ("here", None, None))

    def test_a_name_that_is_taken(self):
        self.transform(lambda record: None, name="mine")
        with self.assertRaises(dataflow.ExistsError):
            self.transform(lambda record: None, name="mine")


class Handles(Flows):
    def test_events_report_and_metrics(self):
        with flow("source: {type: generate, config: {count: 10}}\nsink: {type: 'null'}", name="seen") as pipeline:
            self.assertEqual(pipeline.report("plan")["pipeline"]["name"], "seen")
            pipeline.run()
            self.assertTrue(any(event.type == "state" for event in pipeline.events()))
            self.assertIn('dataflow_', dataflow.env().metrics())
            self.assertEqual(pipeline.stats("sink")["sent"] or pipeline.stats()["sent"], 10)
            with self.assertRaises(dataflow.NotFoundError):
                pipeline.stats("nobody")
        self.assertIn("transforms", json.loads(dataflow.env().describe()))

    def test_what_was_closed_says_so(self):
        pipeline = flow(HOSTS)
        feed, take = pipeline.feed(), pipeline.take()
        pipeline.start()
        feed.send([b"1"])
        parcel = take.take(5)
        take.close()
        for call in (parcel.payloads, parcel.done, take.take, lambda: len(parcel)):
            with self.assertRaises(dataflow.StateError):
                call()
        pipeline.close()
        pipeline.close()
        for call in (pipeline.wait, pipeline.stats, pipeline.fileno, pipeline.stop):
            with self.assertRaises(dataflow.StateError):
                call()
        feed.close()

    def test_the_collector_may_take_everything_at_any_time(self):
        for _ in range(20):
            pipeline = flow(HOSTS)
            feed, take = pipeline.feed(), pipeline.take()
            pipeline.start()
            feed.send([b"x"] * 100)
            parcel = take.take(5)
            del pipeline
            del take
            gc.collect()
            self.assertEqual(parcel.payloads()[0], b"x")
            del feed, parcel

    def test_a_parcel_that_is_let_go_comes_again(self):
        with flow(HOSTS) as pipeline:
            feed, take = pipeline.feed(), pipeline.take()
            pipeline.start()
            feed.send([b"1"])
            take.take(5)  # dropped without a word
            again = take.take(20)
            self.assertEqual(again.payloads(), [b"1"])
            again.done()
            feed.close()
            take.close()

    def test_the_last_reference_goes_inside_of_a_callback(self):
        held = []

        def drop(record):
            held.clear()

        self.transform(drop)
        held.append(flow("source: {type: generate, config: {count: 1000}}\nsink: {type: 'null'}\n"
                         "transformations: [{type: drop}]", env=self.env))
        held[0].start()
        while held:
            time.sleep(0.01)

    def test_inside_of_a_callback(self):
        raised = []

        def call_back(record):
            try:
                pipeline.close()
            except dataflow.StateError as error:
                raised.append(str(error))

        self.transform(call_back)
        with flow("source: {type: host}\nsink: {type: 'null'}\ntransformations: [{type: call_back}]",
                  env=self.env) as pipeline:
            with pipeline.feed() as feed:
                pipeline.start()
                feed.send([b"{}"])
            pipeline.wait()
        self.assertEqual(len(raised), 1)

    def test_other_threads_run_while_one_waits(self):
        """No call that can wait holds the interpreter: a counter of another thread does not halt."""
        stop, longest = threading.Event(), [0.0]

        def count():
            last = time.monotonic()
            while not stop.is_set():
                time.sleep(0.001)
                now = time.monotonic()
                longest[0] = max(longest[0], now - last)
                last = now

        counter = threading.Thread(target=count)
        with flow("source: {type: host}\nsink: {type: stdio, config: {path: /dev/null}}") as pipeline:
            feed = pipeline.feed()
            pipeline.start()
            counter.start()
            self.assertFalse(pipeline.wait(2))
            closer = threading.Timer(0.2, pipeline.stop)
            closer.start()
            pipeline.wait()
            feed.close()
        stop.set()
        counter.join()
        self.assertLess(longest[0], 1.5)  # a machine that is busy with other things halts it too

    def test_close_while_another_thread_waits(self):
        pipeline = flow(HOSTS)
        take = pipeline.take()
        pipeline.start()
        ended = []

        def wait():
            with contextlib.suppress(dataflow.Error):
                pipeline.wait()
            ended.append(True)

        def watch():
            with contextlib.suppress(dataflow.Error):
                for parcel in take:
                    parcel.done()
            ended.append(True)

        threads = [threading.Thread(target=wait), threading.Thread(target=watch)]
        for thread in threads:
            thread.start()
        pipeline.close()
        for thread in threads:
            thread.join(10)
        self.assertEqual(ended, [True, True])

    def test_a_forked_child(self):
        pipeline = flow(HOSTS)
        feed, take = pipeline.feed(), pipeline.take()
        pipeline.start()
        feed.send([b"1", b"2"])
        child = os.fork()
        if child == 0:
            code = 1
            with contextlib.suppress(BaseException):
                told = []
                for call in (lambda: feed.push([b"3"]), take.take, pipeline.stats, pipeline.stop, pipeline.close):
                    try:
                        call()
                    except dataflow.StateError as error:
                        told.append(f"made in process {os.getppid()}" in str(error))
                del feed, take, pipeline
                gc.collect()
                with dataflow.Pipeline.from_yaml(HOSTS, dataflow.Env()) as own:
                    code = 0 if told == [True] * 5 and pass_through(own, [b"x"])[0].payload == b"x" else 2
            os._exit(code)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        feed.close()
        out = []
        for parcel in take:
            with parcel:
                out += parcel.payloads()
        self.assertEqual(out, [b"1", b"2"])
        pipeline.close()


class Loops(Flows):
    def test_asyncio(self):
        async def main():
            out = []
            with flow(HOSTS) as pipeline:
                feed, take = pipeline.feed(), pipeline.take()
                pipeline.start()

                async def write():
                    await feed.send_async([b"%d" % n for n in range(20000)])
                    feed.close()

                writer = asyncio.create_task(write())
                async for parcel in take:
                    with parcel:
                        out += parcel.payloads()
                await writer
                await pipeline.wait_async()
            return out

        self.assertEqual(asyncio.run(main()), [b"%d" % n for n in range(20000)])

    def test_a_cancelled_task_stops_the_pipeline(self):
        async def main():
            with flow(HOSTS) as pipeline:
                feed = pipeline.feed()
                task = asyncio.create_task(pipeline.run_async())
                await asyncio.sleep(0)
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
                feed.close()
                return pipeline.wait(10)

        self.assertTrue(asyncio.run(main()))

    def test_an_interrupt_ends_a_run_in_order(self):
        program = textwrap.dedent("""
            import dataflow, sys, time
            print("ready", flush=True)
            with dataflow.Pipeline.from_yaml("{source: {type: generate, config: {rate: 1000}}, "
                                             "sink: {type: stdio, config: {path: %r}}}") as pipeline:
                try:
                    pipeline.run()
                except KeyboardInterrupt:
                    print("interrupted", flush=True)
            print("closed", flush=True)
        """ % str(self.folder / "out"))
        child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        self.assertEqual(child.stdout.readline(), "ready\n")
        while not (self.folder / "out").exists() or not (self.folder / "out").stat().st_size:
            self.assertIsNone(child.poll())
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=30)
        self.assertEqual((out, child.returncode), ("interrupted\nclosed\n", 0))
        self.assertTrue((self.folder / "out").read_text().endswith("\n"))

    def test_a_program_that_ends_with_a_pipeline_at_work(self):
        program = ("import dataflow\n"
                   "p = dataflow.Pipeline.from_yaml(\"{source: {type: generate}, sink: {type: 'null'}}\")\n"
                   "p.start()\n")
        self.assertEqual(subprocess.run([sys.executable, "-c", program], timeout=30).returncode, 0)


if __name__ == "__main__":
    unittest.main()
