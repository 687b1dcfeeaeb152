# SPDX-License-Identifier: Apache-2.0
"""What docs/options.md says of `properties`: the allow-list of properties.c, which has no place in an option table."""
import re
import sys
from pathlib import Path

OF = {"BOTH": "source and sink", "SOURCE": "source", "SINK": "sink"}


def lines():
    text = next(Path(__file__).parent.rglob("properties.c")).read_text(encoding="utf-8")
    allowed = re.findall(r'\{"([\w.]+)", FOR_(BOTH|SOURCE|SINK)\}', text)
    taken = re.findall(r'\{"([\w.]+)", "([^"]+)"\}', text[text.index("taken[] = {"):])
    if not allowed or not taken:
        sys.exit("options_page.py: no properties in properties.c")
    return ["### kafka properties", "",
            "What `properties` of a kafka source or sink may hold, by librdkafka's names:", "",
            "| Property | Of |", "|---|---|", *("| `%s` | %s |" % (name, OF[role]) for name, role in allowed),
            "", "Not these, which an option or the guarantee of delivery decides:", "",
            "| Property | Instead |", "|---|---|", *("| `%s` | %s |" % row for row in taken), ""]
