# SPDX-License-Identifier: Apache-2.0
"""One pipeline: from a manifest, run, watched, stopped."""
import asyncio
import atexit
import collections
import json
import os
import weakref

from . import _native
from ._ports import Feed, Take

_FEED, _TAKE, _TAP = 1, 2, 3
_ROLES = {"source": 1, "transform": 2, "sink": 3, "error_sink": 4}
_REPORTS = {"plan": 1, "status": 2, "refs": 3, "positions": 4}
_EVENTS = {1: "state", 2: "retry", 3: "recovered", 4: "reject", 5: "lost"}
_DRAIN, _NOW = 1, 2
_SLICE = 0.05
# A run that ends so may have been ended by an exception of the program.
_OF_PROGRAMS = {_native.statuses()[name] for name in ("DF_EREJECTED", "DF_EINTERNAL", "DF_EDATA", "DF_ENOMEM")}
_live = weakref.WeakSet()

Problem = collections.namedtuple("Problem", "severity line column file field text hint")
Problem.__doc__ = "What is wrong with a manifest, and where; severity 1 is an error, 2 a warning."
Event = collections.namedtuple("Event", "type status stage text")


class Pipeline(_native.Pipeline):
    """A source, transformations, a sink and an error sink. Use it as a context: at its end a pipeline that
    runs is stopped and freed.

    name, space      labels of metrics, keys of positions (default: from the manifest)
    memory_limit     bytes; the smaller of this and the manifest's
    store            a folder where positions are kept, when neither sink nor source keeps them; needs a name
    resolve          what ${env:}, ${file:} and Secrets mean: None refuses them, True takes the process's own,
                     a function gets (kind, name, key) and answers str, bytes or None
    secrets          with resolve=True: the folder of Secrets, laid out NAME/KEY
    set              a dict or list of values in place of the manifest's: {"sink.config.table": "orders"}
    show_values      values of records in messages; else names, types and places only
    files, env_prefix, work_dir
                     what a manifest of others may reach, and a folder for temporary files
    """

    def __new__(cls, env=None, *, set=None, **options):
        if isinstance(set, dict):
            set = [f"{path}={value if isinstance(value, str) else json.dumps(value)}"
                   for path, value in set.items()]
        for path in ("store", "secrets", "files", "work_dir"):
            if options.get(path) is not None:
                options[path] = os.fspath(options[path])
        from . import env as default
        self = super().__new__(cls, env or default(), set=set, **options)
        self._env = env or default()
        _live.add(self)
        return self

    def __init__(self, *unused, **options):
        pass

    @classmethod
    def from_yaml(cls, text, env=None, *, file=None, **options):
        """Of a manifest as text. SpecError has all problems at once."""
        self = cls(env, **options)
        try:
            self.load(text, file)
        except _native.Error as error:
            raise self._with_problems(error) from None
        return self

    @classmethod
    def from_file(cls, path, env=None, **options):
        with open(path, encoding="utf-8") as file:
            return cls.from_yaml(file.read(), env, file=str(path), **options)

    # ---- failures ----

    def _with_problems(self, error):
        error.problems = self.problems if isinstance(error, _native.SpecError) else []
        return error

    def _with_cause(self, error):
        cause = self.take_failure()
        if error.status in _OF_PROGRAMS:
            error.__cause__ = cause
        return self._with_problems(error)

    @property
    def problems(self):
        """What is wrong with the manifest, warnings too."""
        found = []
        while (row := self.problem_at(len(found))) is not None:
            found.append(Problem._make(row))
        return found

    # ---- building by hand ----

    def check(self):
        """Checks the whole graph without I/O; SpecError has all problems."""
        try:
            super().check()
        except _native.Error as error:
            raise self._with_problems(error) from None

    def add_stage(self, role, kind, name=None, config=None, replace=False):
        """role: source, transform, sink or error_sink; stages added in order are linked in order."""
        text = config if config is None or isinstance(config, str) else json.dumps(config)
        self.add(_ROLES[role], kind, name, text, replace)

    # ---- running ----

    def start(self, **options):
        """Starts its threads and returns. limit: records to read; until_exhausted: the run ends where the
        sources end now; dry: sinks accept and forget; from_start=1: stored positions are forgotten."""
        self.take_failure()
        try:
            super().start(**options)
        except _native.Error as error:
            raise self._with_cause(error)

    def wait(self, timeout=None):
        """True when the run has ended well; False after `timeout` seconds. A run that failed raises."""
        try:
            ended = super().wait(-1 if timeout is None else int(timeout * 1e3))
            if ended:
                self.take_failure()
            return ended
        except _native.Error as error:
            raise self._with_cause(error)

    def run(self, **options):
        """Starts and waits for the end. Ctrl-C stops it in order; a second one at once."""
        self.start(**options)
        self.wait()

    def stop(self, now=False):
        """What was read is delivered first, at most stopTimeout; now: it is read again next time."""
        self.stop_how(_NOW if now else _DRAIN)

    async def wait_async(self):
        """As wait, in an asyncio loop; a task that is cancelled stops the pipeline."""
        try:
            while not self.wait(0):
                await asyncio.sleep(_SLICE)
        except asyncio.CancelledError:
            self.stop()
            raise

    async def run_async(self, **options):
        self.start(**options)
        await self.wait_async()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    # ---- watching ----

    def stats(self, stage=None):
        """Counts of a stage or of the whole pipeline, a dict; docs of df_stats say what each means."""
        return self.counts(stage)

    def report(self, what="status"):
        """plan, status, refs or positions, as Python objects."""
        return json.loads(self.report_text(_REPORTS[what]))

    def events(self):
        """What happened since the last look: states, retries, refusals."""
        while not isinstance(row := self.next_event(), bool):
            yield Event(_EVENTS.get(row[0], str(row[0])), *row[1:])

    # ---- ports ----

    def feed(self, stage="source"):
        return Feed(self.open_port(stage, _FEED))

    def take(self, stage="sink"):
        return Take(self.open_port(stage, _TAKE))

    def tap(self, stage, queue_bytes=0):
        """Watches what leaves a stage; never slows the flow, drops and counts when the queue is full."""
        return Take(self.open_port(stage, _TAP, queue_bytes))


@atexit.register
def _close_all():
    for pipeline in list(_live):
        try:
            pipeline.close()
        except _native.Error:
            pass  # of a parent process, or in a callback
