# SPDX-License-Identifier: Apache-2.0
"""What the native part asks Python for: dates, decimals, and the words of an exception."""
import datetime
import decimal
import traceback

from . import _native

_UTC = datetime.timezone.utc
_EPOCH = datetime.datetime(1970, 1, 1)
_EPOCH_UTC = datetime.datetime(1970, 1, 1, tzinfo=_UTC)
_EPOCH_DAY = _EPOCH.toordinal()
_MICROSECOND = datetime.timedelta(microseconds=1)
_MIDNIGHT = datetime.datetime(2000, 1, 1)
# DF_V_...: the native part and this one agree on these numbers of dataflow.h.
_NUMBER, _DOUBLE, _BYTES, _TIMESTAMP, _DATE, _TIME = 5, 6, 8, 9, 10, 11
_NO_ZONE = -(1 << 31)


def number(text):
    return decimal.Decimal(text)


def timestamp(us, zone):
    span = datetime.timedelta(microseconds=us)
    if zone is None:
        return _EPOCH + span
    return (_EPOCH_UTC + span).astimezone(
        datetime.timezone(datetime.timedelta(minutes=zone)) if zone else _UTC)


def day(days):
    return datetime.date.fromordinal(_EPOCH_DAY + days)


def clock(us):
    """A time of day; 24:00:00 has no Python time and is its largest one."""
    if us >= 86_400_000_000:
        return datetime.time.max
    return (_MIDNIGHT + datetime.timedelta(microseconds=us)).time()


def _of_datetime(value):
    offset = value.utcoffset()
    if offset is None:
        return _TIMESTAMP, (value - _EPOCH) // _MICROSECOND, _NO_ZONE, None
    minutes = offset // datetime.timedelta(minutes=1)
    return _TIMESTAMP, (value - _EPOCH_UTC) // _MICROSECOND, minutes, None


def _of_decimal(value):
    if not value.is_finite():
        raise ValueError("a Decimal that is not finite: use a float")
    return _NUMBER, 0, 0, str(value)


def _of_time(value):
    if value.utcoffset() is not None:
        raise ValueError("a time of day with a zone has no value in a record")
    us = ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond
    return _TIME, us, 0, None


def parts_of(value):
    """(type, number, zone, text) of a value that is no str, int, float, bytes, dict or list."""
    if isinstance(value, datetime.datetime):  # is a date too, so it comes first
        return _of_datetime(value)
    if isinstance(value, datetime.date):
        return _DATE, value.toordinal() - _EPOCH_DAY, 0, None
    if isinstance(value, datetime.time):
        return _of_time(value)
    if isinstance(value, decimal.Decimal):
        return _of_decimal(value)
    raise TypeError(f"a {type(value).__name__} has no value in a record")


def words_of(error, values):
    """One line: what was raised and where. Its message only when values may be told: it may hold some."""
    if isinstance(error, _native.Refusal):
        return " ".join(str(error).split())
    name = type(error).__name__
    text = f"{name}: {error}" if values and str(error) else name
    frames = traceback.extract_tb(error.__traceback__)
    if frames:
        text += f" (in {frames[-1].name}, line {frames[-1].lineno})"
    return " ".join(text.split())
