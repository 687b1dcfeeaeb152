# SPDX-License-Identifier: Apache-2.0
"""Writes maps, lists and scalars as YAML."""
import json
import re

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*")
WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}


def scalar(value):
    if isinstance(value, str) and PLAIN.fullmatch(value) and value.lower() not in WORDS:
        return value
    if isinstance(value, str) and "'" not in value and value.isprintable():
        return "'%s'" % value
    return json.dumps(value, ensure_ascii=False)


def lines(value, indent=""):
    """The lines of a map or list that is not empty."""
    if isinstance(value, dict):
        for name, member in value.items():
            if isinstance(member, (dict, list)) and member:
                yield "%s%s:" % (indent, scalar(name))
                yield from lines(member, indent + ("  " if isinstance(member, dict) else ""))
            else:
                yield "%s%s: %s" % (indent, scalar(name), scalar(member))
        return
    for item in value:
        if isinstance(item, (dict, list)) and item:
            first, *rest = lines(item, indent + "  ")
            yield "%s- %s" % (indent, first[len(indent) + 2:])
            yield from rest
        else:
            yield "%s- %s" % (indent, scalar(item))


def text(value):
    return "\n".join(lines(value)) + "\n"
