# SPDX-License-Identifier: Apache-2.0
"""What the operator asks a server for, beside what the chart's role allows: it needs no more, and no verb is unused."""
import re
from pathlib import Path

from scenarios import KAFKA, MAPS, POLL, SINK, FOREIGN, create, make_cron, run, until
from world import CRONS, FLOWS, SPACE, Key, Stuck

ROLE = Path(__file__).resolve().parents[3] / "deploy/helm/dataflow-operator/templates/rbac.yaml"
RULE = re.compile(r"resources: \[(.*?)\]\n\s+verbs: \[(.*?)\]")
VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "WATCH": "watch"}

# Used, and by nothing that happens here.
ELSEWHERE = {
    ("jobs", "get"): "of a name that is taken",
    ("events", "patch"): "of an event that is told again",
    ("events", "list"): "why a Job gets no pods",
    ("dataflows/finalizers", "update"): "asked for by the server, for children that block a deletion",
    ("dataflowcrons/finalizers", "update"): "the same",
}


def allowed():
    role = ROLE.read_text("utf-8").split("\n---\n")[0]
    return {(resource, verb) for resources, verbs in RULE.findall(role)
            for resource in resources.split(", ") for verb in verbs.split(", ")}


def asked(w):
    """An apply that makes an object needs the right to create it, too."""
    made, verbs = set(), set()
    for _, method, words, _ in list(w.server.heard):
        resource, _, rest = words.partition(" ")[2].partition("/")
        part = rest.partition("/")[2]
        resource += f"/{part}" if part else ""
        verbs.add((resource, VERBS.get(method) or ("get" if rest else "list")))
        if method == "PATCH" and not part and not resource.startswith("dataflow"):
            made.add((resource, "create"))
    return verbs, made


def rights(w):
    w.store.create(Key("v1/secrets", "vault", "db"), {
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": {"url": "eA==", "other": "eQ=="},
        "metadata": {"annotations": {"dataflow.dataflow.io/allow-namespaces": SPACE}}})
    create(w, {"source": KAFKA, "sink": FOREIGN, "replicas": 2, "podDisruptionBudget": True}, "many")
    w.change(FLOWS, "many", {"spec": {"replicas": 1}})
    w.change(FLOWS, "many", {"spec": {"sink": {"config": {"connectionStringSecretRef": {"key": "other"}}}}})
    until(w, FLOWS, "many", "Running")
    w.change(FLOWS, "many", {"spec": {"sink": {"config": None, "type": None}}})
    w.change(FLOWS, "many", {"spec": {"sink": SINK}})
    until(w, FLOWS, "many", "Running")
    w.until("the copy is gone", lambda: not any(
        k.resource == "v1/secrets" and k.space == SPACE for k in w.store.objects.copy()))
    create(w, {"source": POLL, "sink": SINK})
    w.change(FLOWS, "orders", {"spec": {"source": {"config": None, "type": None}}})
    w.change(FLOWS, "orders", {"spec": {"source": KAFKA}})
    until(w, FLOWS, "orders", "Running")
    create(w, name="lost")
    w.delete(MAPS, "df-lost-checkpoint")
    until(w, FLOWS, "lost", "Error")
    w.change(FLOWS, "orders", {"metadata": {"finalizers": ["dataflow.dataflow.io/finalizer"]}})
    w.delete(FLOWS, "orders")
    w.until("it is gone", lambda: not w.find(FLOWS, "orders"))
    make_cron(w, successfulJobsHistoryLimit=0)
    run(w, "dfc-nightly-1")
    until(w, CRONS, "nightly", "Completed")
    w.until("no Job", lambda: not any(k.resource == "batch/v1/jobs" for k in w.store.objects.copy()))
    w.change(CRONS, "nightly", {"metadata": {"finalizers": ["dataflow.dataflow.io/finalizer"]}})
    w.delete(CRONS, "nightly")
    w.until("it is gone", lambda: not w.find(CRONS, "nightly"))
    w.rest()
    (verbs, made), may = asked(w), allowed()
    lacks = sorted((verbs | made) - may)
    unused = sorted(right for right in may - verbs - made - ELSEWHERE.keys() if right[1] != "list")
    if lacks or unused:
        raise Stuck(f"the role lacks {lacks}; nothing uses {unused}")
    return f"{len(may)} verbs are allowed and used"


RIGHTS = {"rights": rights}
