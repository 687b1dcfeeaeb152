# SPDX-License-Identifier: Apache-2.0
"""The program's ends of a pipeline: feed records in, take parcels out, watch what passes."""
import asyncio
import collections

from . import _native
from ._loop import readable

_OK = 0
_EIO = _native.statuses()["DF_EIO"]
_EDATA = _native.statuses()["DF_EDATA"]
_SLICE_MS = 50

Row = collections.namedtuple("Row", "payload key headers time_us offset partition op")
Row.__doc__ = "One record of a parcel: bytes, key, headers, µs since 1970, and where it comes from."


class Parcel:
    """Records taken out of a pipeline together. done() settles it: they are durable now. As a context it is
    done at its end, or given back when the block raises."""

    def __init__(self, native):
        self._native = native

    def __len__(self):
        return len(self._native)

    def __iter__(self):
        return map(Row._make, self._native.rows())

    def payloads(self):
        """The payloads alone, as a list of bytes; None is a tombstone."""
        return self._native.payloads()

    def value(self, index, path=None):
        """The value of a record, or the one at a path in it."""
        return self._native.get(index) if path is None else self._native.get(index, path)

    def done(self):
        """Durable: the positions may pass."""
        self._native.settle(_OK)

    def again(self):
        """Not now: the same records come again, after a back-off."""
        self._native.settle(_EIO)

    def reject(self):
        """All of them go to the error sink."""
        self._native.settle(_EDATA)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        try:
            self.done() if kind is None else self.again()
        except _native.StateError:
            pass  # settled inside of the block


class _Port:
    def __init__(self, native):
        self._native = native

    def fileno(self):
        return self._native.fileno()

    def close(self):
        """Feed: the end of the input. Take: what was not settled goes back."""
        self._native.close()

    @property
    def stats(self):
        """(records, dropped, queued bytes)"""
        return self._native.stats()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def _ready(self, ms):
        return self._native.ready(ms)


class Feed(_Port):
    """Pushes records into a pipeline whose source is of kind `host`. A record is bytes, a str, or a tuple
    (payload, key, headers, time_us, offset, op)."""

    def push(self, rows, start=0):
        """Copies what there is room for and tells how many; 0: none now. EOFError: the pipeline has ended."""
        taken = self._native.push(rows if isinstance(rows, list) else list(rows), start)
        if taken is False:
            raise EOFError("the pipeline has ended")
        return taken

    def send(self, rows):
        """Pushes all of them, however long that takes."""
        rows = rows if isinstance(rows, list) else list(rows)
        at = 0
        while at < len(rows):
            taken = self.push(rows, at)
            at += taken
            if not taken:
                self._ready(_SLICE_MS)

    async def send_async(self, rows):
        rows = rows if isinstance(rows, list) else list(rows)
        at = 0
        while at < len(rows):
            taken = self.push(rows, at)
            at += taken
            if not taken:
                await readable(self.fileno(), _SLICE_MS / 1e3)

    @property
    def acked(self):
        """How many pushed records, counted from the first, are settled without a gap."""
        return self._native.acked()


class Take(_Port):
    """Takes parcels out of a pipeline whose sink is of kind `host`, or watches one (tap): iterate over it."""

    def take(self, timeout=None):
        """The next parcel; None when none came in `timeout` seconds; EOFError: nothing comes any more."""
        left = None if timeout is None else timeout * 1e3
        while True:
            native = self._native.take()
            if native is False:
                raise EOFError("nothing comes any more")
            if native is not None:
                return Parcel(native)
            if left is not None and left <= 0:
                return None
            slice_ms = _SLICE_MS if left is None else min(_SLICE_MS, left)
            self._ready(int(slice_ms))
            if left is not None:
                left -= max(slice_ms, 1)

    def __iter__(self):
        while True:
            try:
                yield self.take()
            except EOFError:
                return

    async def __aiter__(self):
        while True:
            native = self._native.take()
            if native is False:
                return
            if native is None:
                await readable(self.fileno(), _SLICE_MS / 1e3)
            else:
                yield Parcel(native)
                await asyncio.sleep(0)
