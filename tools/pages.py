# SPDX-License-Identifier: Apache-2.0
"""Markdown pages: their relative links, and the anchors of their headings."""
import re

FENCED = re.compile(r"^(```|~~~).*?^\1", re.M | re.S)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def plain(text):
    """The text with code made blank; lines stay where they are."""
    blank = lambda found: re.sub(r"[^\n]", " ", found[0])
    return re.sub(r"`[^`\n]*`", blank, FENCED.sub(blank, text))


def links(text):
    """(line, path, anchor) of each relative link; a path is "" for one in the page itself."""
    for number, line in enumerate(plain(text).split("\n"), 1):
        for target in LINK.findall(line):
            if not re.match(r"[a-z][\w+.-]*:|/", target):
                path, _, anchor = target.partition("#")
                yield number, path, anchor


def anchors(text):
    """What a link may name behind #: the headings as GitHub writes them."""
    found = set()
    for heading in re.findall(r"^#+ +(.*?) *$", FENCED.sub("", text), re.M):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        found.add(re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-"))
    return found
