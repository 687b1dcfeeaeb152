# SPDX-License-Identifier: Apache-2.0
"""Own kinds of stages: transforms as functions, sources and sinks as classes."""
import dataclasses
import inspect

from . import _native

# DF_OPT_... of dataflow_ext.h
_TYPES = {str: 1, bool: 3, int: 4, float: 5}
_FLAGS = {"replays": 1, "idempotent": 4, "holds_position": 8, "line": 16}


@dataclasses.dataclass(frozen=True)
class Option:
    """One option of a kind: its type (str, bool, int, float, or one of the names "size", "duration", "any"),
    its default as a manifest would have it, one sentence about it."""

    type: object = str
    default: object = None
    doc: str = ""
    required: bool = False

    def _row(self, name):
        kinds = {"size": 6, "duration": 7, "any": 14}
        number = kinds.get(self.type) or _TYPES.get(self.type)
        if number is None:
            raise TypeError(f"option {name}: no type {self.type!r}")
        default = self.default
        if isinstance(default, bool):
            default = "true" if default else "false"
        return name, number, None if default is None else str(default), self.doc or name, self.required


class _Stage:
    """What own sources and sinks have: their options as attributes."""

    options: dict = {}

    def __init__(self, **options):
        self.__dict__.update(options)

    def open(self, stage):
        """Connects. `stage` waits, logs, and opens partitions."""

    def close(self):
        """Once for each open. An object that was closed is not used again."""


class Source(_Stage):
    """A source: `read` adds records to a batch and marks positions.

    With a method seek(partition, position) it can go back (a sink lost what it had accepted); with
    ack(positions), a list of (partition, position), it hears what is durable. `line = True`: it is a pipe,
    without positions."""

    line = False
    holds_position = False
    seek = None
    ack = None

    def read(self, batch, timeout):
        """Adds what is there, at most batch.room bytes, and returns nothing; DONE at the end of the input. Waits in
        stage.wait only, at most `timeout` seconds. batch.room 0: nothing may be added now."""
        raise NotImplementedError


class Sink(_Stage):
    """A sink: `write` makes a parcel durable and returns nothing (AGAIN: not now), or raises: an OSError is tried again, Reject refuses
    the whole parcel, parcel.reject(index, text) one record of it."""

    idempotent = False
    flush = None

    def write(self, parcel):
        raise NotImplementedError


def _rows(options):
    return [(option if isinstance(option, Option) else Option(option))._row(name)
            for name, option in options.items()]


def _doc(thing, name):
    text = inspect.getdoc(thing) or f"{name}, of the program."
    return " ".join(text.split("\n\n")[0].split())


def register(env, kind, name=None):
    """Makes a class of sources or sinks known: `type: NAME` in a manifest."""
    name = name or kind.__name__.lower()
    if issubclass(kind, Source):
        what, traits = "source", {"line": kind.line, "holds_position": kind.holds_position,
                                  "replays": kind.seek is not None}
    elif issubclass(kind, Sink):
        what, traits = "sink", {"idempotent": kind.idempotent}
    else:
        raise TypeError("a subclass of Source or Sink is expected")
    flags = sum(_FLAGS[trait] for trait, has in traits.items() if has)
    env.register(what, name, _doc(kind, name), kind, _rows(kind.options), flags)
    return kind


def transform(env, function, name=None, options=None, expand=False):
    """Makes a function known as a transform. It gets a Record, and its options by name."""
    name = name or getattr(function, "__name__", "transform")
    if options or inspect.isclass(function):
        def factory(**given):
            if inspect.isclass(function):
                return function(**given)
            return lambda record: function(record, **given)
    else:
        def factory():
            return function
    env.register("expand" if expand else "transform", name, _doc(function, name), factory,
                 _rows(options or getattr(function, "options", None) or {}), 0)
    return function
