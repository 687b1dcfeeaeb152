# SPDX-License-Identifier: Apache-2.0
"""DataFlow: pipelines that move records from a source through transformations to sinks and lose none.

    import dataflow

    @dataflow.transform
    def total(record):
        record["total"] = record["price"] * record["quantity"]

    dataflow.Pipeline.from_file("orders.yaml", resolve=True).run()
"""
import enum
import functools
import logging
import os
import pathlib

from . import _kinds, _native
from ._kinds import Option, Sink, Source
from ._native import (AGAIN, DONE, UNCHANGED, ArgumentError, AuthenticationError, Batch, CanceledError, ConnectionFailed,
                      DataError, Error, ExistsError, FencedError, NotFoundError, NotSupportedError, Partition,
                      Record, RejectedError, SpecError, Stage, StateError, TemporaryError)
from ._pipeline import Event, Pipeline, Problem
from ._ports import Feed, Parcel, Row, Take

__version__ = _native.version()
_LEVELS = {1: logging.ERROR, 2: logging.WARNING, 3: logging.INFO, 4: logging.DEBUG}
_log = logging.getLogger("dataflow")
_OWN_MODULES = pathlib.Path(__file__).parent / "lib" / "modules"  # of a wheel that brings the library


class Reject(_native.Refusal):
    """Raised by a transform or a sink: the record goes to the error sink. No value of it belongs in the text.
    `reason` is a word for metrics (docs/errors.md)."""

    def __init__(self, text, reason=None):
        super().__init__(text)
        self.reason = reason


class Op(enum.IntEnum):
    """What happened to the row that a record tells of."""

    NONE, INSERT, UPDATE, DELETE, TRUNCATE = range(5)


class Env(_native.Env):
    """The library in this process: which kinds of stages there are, the log, the metrics.

    Lines of its log go to the logger "dataflow"; `log_level` is a level of logging."""

    def __new__(cls, *, log_level=logging.INFO, module_path=None):
        level = 1 + sum(log_level <= limit for limit in (logging.WARNING, logging.INFO, logging.DEBUG))
        if module_path is None and _OWN_MODULES.is_dir():
            module_path = str(_OWN_MODULES)
        return super().__new__(cls, log=_to_logging, log_level=level, module_path=module_path)

    def __init__(self, **unused):
        pass


def _to_logging(level, line):
    _log.log(_LEVELS.get(level, logging.INFO), "%s", line)


@functools.cache
def env():
    """The environment that is used when none is named."""
    return Env()


os.register_at_fork(after_in_child=env.cache_clear)  # a child makes its own


def transform(function=None, *, name=None, options=None, expand=False, env=None):
    """Registers a function as a transform: `- type: NAME` in a manifest.

    The function gets a Record. It edits it and returns nothing, or returns False to drop it, or raises
    dataflow.Reject to send it to the error sink. With expand=True it returns (or yields) the records that take
    its place: bytes are payloads, anything else is a value. With `options`, a dict of Option, it gets them by
    name."""
    if function is None:
        return functools.partial(transform, name=name, options=options, expand=expand, env=env)
    return _kinds.transform(env or globals()["env"](), function, name, options, expand)


def register(kind=None, *, name=None, env=None):
    """Registers a subclass of Source or Sink: `type: NAME` in a manifest; NAME is the class's in small letters."""
    if kind is None:
        return functools.partial(register, name=name, env=env)
    return _kinds.register(env or globals()["env"](), kind, name)


__all__ = [
    "AGAIN", "DONE", "UNCHANGED", "ArgumentError", "AuthenticationError", "Batch", "CanceledError",
    "ConnectionFailed", "DataError", "Env", "Error", "Event", "ExistsError", "Feed", "FencedError",
    "NotFoundError", "NotSupportedError", "Op", "Option", "Parcel", "Partition", "Pipeline", "Problem", "Record",
    "Reject", "RejectedError", "Row", "Sink", "Source", "SpecError", "Stage", "StateError", "Take",
    "TemporaryError", "env", "register", "transform",
]
