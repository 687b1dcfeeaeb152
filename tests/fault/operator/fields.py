# SPDX-License-Identifier: Apache-2.0
"""Every field of both kinds: set, set wrong, and put back. What is wrong is told by a condition, and
nothing is left of it when it is put back: the objects are those from before.

The cases are those of the CRDs (tests/integration/kubernetes/crd_cases.py), made from the option tables.
The server behind this has no CRD, so the operator gets what a CRD would have refused, too.
"""
import json
import os
import re
import sys
from pathlib import Path

from scenarios import NIGHTLY, POLL, SINK
from world import CRONS, FLOWS, SPACE, TIME, Key, Stuck, World

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "integration/kubernetes"))
import crd_cases  # noqa: E402
import crd_judge  # noqa: E402

BASES = {"DataFlow": (FLOWS, {"source": POLL, "sink": SINK}, "Running"), "DataFlowCron": (CRONS, NIGHTLY, "Scheduled")}
BATCH = 150
UID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def cases(source, build):
    """(name, manifest, who refuses it), without those that ask for a reset, which are counted and stay so."""
    return [c for c in crd_cases.manifests(crd_judge.tables_of(source, build))
            if not (c[1].get("spec") or {}).get("checkpointReset")]


class Trial:
    """One flow that goes through one case."""

    def __init__(self, world, number, case):
        self.world, self.number = world, number
        self.case, manifest, self.who = case
        self.resource, self.base, self.phase = BASES[manifest["kind"]]
        self.name, self.spec = f"f{number:04d}", manifest.get("spec")
        world.create(self.resource, self.name, self.base)

    def flow(self):
        return self.world.find(self.resource, self.name)

    def is_at_rest(self):
        return self.world.is_seen(self.resource, self.name, self.phase)

    def is_seen(self):
        """The newest spec was looked at."""
        flow = self.flow()
        return flow.get("status", {}).get("observedGeneration") == flow["metadata"]["generation"]

    def shape(self):
        """Its objects; how often the spec was written is not part of it, nor that a Role went and came, nor
        positions, which are never removed from a flow that had some."""
        with self.world.store.lock:
            mine = {k.resource + k.name: o for k, o in self.world.store.objects.items() if k.space == SPACE
                    and not k.resource.endswith("events") and not k.name.endswith("-checkpoint") and re.search(rf"\b{self.name}\b", k.name)}
            text = UID.sub("UID", TIME.sub("TIME", json.dumps(mine, sort_keys=True, indent=1)))
        return re.sub(r'"(resourceVersion|generation|observedGeneration)": "?\d+"?', r'"\1": N', text)

    def write(self, spec):
        body = {name: value for name, value in self.flow().items() if name != "spec"}
        if spec is not None:
            body["spec"] = spec
        body["metadata"] = {"name": self.name, "namespace": SPACE}
        self.world.store.update(Key(self.resource, SPACE, self.name), body)

    def told(self):
        """What the operator says of the case against who refuses it; None: as it should be."""
        valid = next((c for c in self.flow().get("status", {}).get("conditions", []) if c["type"] == "SpecValid"), {})
        wrong = self.who == crd_cases.BOTH or self.who.startswith("validator")
        if self.who != crd_cases.FREE and wrong != (valid.get("status") == "False"):
            return f"{self.case} ({self.who}): SpecValid is {valid.get('status')}: {valid.get('message')}"
        return None


def lines_that_differ(before, after):
    return [f"- {a.strip()}\n        + {b.strip()}" for a, b in zip(before.splitlines(), after.splitlines()) if a != b][:5]


def run_batch(numbered):
    problems = []
    with World() as world:
        trials = [Trial(world, number, case) for number, case in numbered]

        def until(what, holds):
            try:
                world.until(what, lambda: all(map(holds, trials)), 90)
            except Stuck:
                for t in trials:
                    if not holds(t):
                        problems.append(f"{t.case}: not {what}: {(t.flow() or {}).get('status', {}).get('message')}")
        until("at rest", Trial.is_at_rest)
        world.rest()
        before = {t.number: t.shape() for t in trials}
        for t in trials:
            t.write(t.spec)
        until("looked at", Trial.is_seen)
        world.rest()
        problems += filter(None, (t.told() for t in trials))
        for t in trials:
            t.write(t.base)
        until("as it was", lambda t: t.is_at_rest() and t.shape() == before[t.number])
        for t in trials:
            if t.shape() != before[t.number]:
                problems.append(f"{t.case}: something is left: " + "; ".join(lines_that_differ(before[t.number], t.shape())))
    return problems


def batches():
    numbered = list(enumerate(cases(os.environ["DF_SOURCE_DIR"], os.environ["DF_BUILD_DIR"])))
    return [numbered[i:i + BATCH] for i in range(0, len(numbered), BATCH)]
