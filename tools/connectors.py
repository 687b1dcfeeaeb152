# SPDX-License-Identifier: Apache-2.0
"""What the folders of libdataflow/connectors say about themselves, for the generated pages."""
import functools
import importlib.util
import re
from pathlib import Path

FOLDERS = Path(__file__).resolve().parent.parent / "libdataflow/connectors"
PARQUET = Path(__file__).resolve().parent.parent / "cmake/parquet.cmake"


@functools.cache
def declared():
    """{kind: words of df_connector(…)} of the folders that are modules: see cmake/connector.cmake."""
    found = {}
    for path in sorted(FOLDERS.glob("*/CMakeLists.txt")):
        for call in re.findall(r"^df_connector\(([^)]*)\)", re.sub(r'"[^"]*"', '""', path.read_text(encoding="utf-8")), re.M):
            words = call.split()
            kinds = re.search(r"\bKINDS((?: [a-z][\w-]*)+)", " ".join(words))
            found.update({kind: words for kind in (kinds[1].split() if kinds else words[:1])})
    return found


def modules():
    """Kinds that come as a module of their own."""
    return set(declared())


def examples():
    """Kinds that are there to be copied: development builds have them, users do not."""
    return {kind for kind, words in declared().items() if "EXAMPLE" in words}


def packages():
    """What a package for each module has to know: {folder: {kinds, doc, net, needs}}, users' modules only."""
    found = {}
    for path in sorted(FOLDERS.glob("*/CMakeLists.txt")):
        text = path.read_text(encoding="utf-8")
        name = re.search(r"^df_connector\((\w+)", text, re.M)[1]
        kinds = [kind for kind, words in declared().items() if words[0] == name]
        if not set(kinds) & examples():
            found[name] = {"kinds": kinds, "doc": re.search(r'\bDOC "([^"]*)"', text)[1], "net": "NET" in declared()[kinds[0]],
                           "needs": re.findall(r'\bNEEDS "([^"]*)" ([^\s)]+)', text)}
            if "PARQUET" in declared()[kinds[0]]: # a codec whose library is not there at the build is left out
                text = PARQUET.read_text(encoding="utf-8")
                found[name]["needs"] += [(module, "") for module in re.findall(r'"[A-Z0-9]+ ([\w-]+)"', text)]
    return found


def more_options(kind):
    """Lines for docs/options.md beyond the option tables: `lines()` in options_page.py of the kind's folder."""
    path = FOLDERS / kind / "options_page.py"
    if not path.exists():
        return []
    spec = importlib.util.spec_from_file_location("options_page", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.lines()
