# SPDX-License-Identifier: Apache-2.0
"""An operator that comes after another one: what the original operator left behind, and pods of another image."""
from scenarios import DEPLOYMENTS, KAFKA, MAPS, POLL, SINK, gone, make_cron, until
from world import CRONS, FLOWS, GROUP, SPACE, Key, Stuck

FLOW_COUNT, AT_ONCE, LIMIT_S = 20, 4, 300


def expect(holds, what):
    if not holds:
        raise Stuck(what)


# ---- the original -----------------------------------------------------------------------------------
def make_original(w, name, owners):
    """A Deployment as the first form of the original made it."""
    w.store.create(Key(DEPLOYMENTS, SPACE, name), {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"ownerReferences": owners},
        "spec": {"replicas": 1, "strategy": {"type": "RollingUpdate"}, "selector": {"matchLabels": {"of": name}},
                 "template": {"metadata": {"labels": {"of": name}},
                              "spec": {"containers": [{"name": "processor", "image": "original:1"}]}}}})
    w.until(f"the pod of {name} is there", lambda: pods_of(w, name))


def pods_of(w, start):
    with w.store.lock:
        return [k.name for k in w.store.objects if k.resource == "v1/pods" and k.name.startswith(start + "-")]


def moments(w, start, what):
    """Versions at which pods with this name came or went."""
    with w.store.lock:
        return [c.version for c in w.store.log if c.type == what and c.key.resource == "v1/pods"
                and c.key.name.startswith(start + "-")]


def original_taken_over(w):
    """Its children have other names, and its ConfigMap the values of Secrets."""
    w.kill(w.operators[0])
    w.create(FLOWS, "orders", {"source": POLL, "sink": SINK})
    key = Key(FLOWS, SPACE, "orders")
    w.store.patch(key, {"status": {"phase": "Running", "message": "Processor pod is running"}}, "status")
    owners = [{"apiVersion": f"{GROUP}/v1", "kind": "DataFlow", "name": "orders", "controller": True,
               "uid": w.store.get(key)["metadata"]["uid"]}]
    make_original(w, "dataflow-orders", owners)
    make_original(w, "dataflow-other", [])
    w.store.create(Key(MAPS, SPACE, "dataflow-orders-spec"), {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"ownerReferences": owners},
        "data": {"spec.json": '{"password": "hunter2"}'}})
    w.replace_operator()
    until(w, FLOWS, "orders", "Running")
    expect(not w.find(DEPLOYMENTS, "dataflow-orders") and not pods_of(w, "dataflow-orders"), "its Deployment is gone")
    expect("hunter2" not in w.shape(), "no value of a Secret is left")
    expect(w.find(DEPLOYMENTS, "dataflow-other"), "what is not of the flow stays")
    expect(max(moments(w, "dataflow-orders", "DELETED")) < min(moments(w, "df-orders", "ADDED")),
           "the pods of two operators never read at once")
    return "its Deployment went with its pod, then the ConfigMap with the secrets, then the new pod came"


def original_cron_deleted(w):
    """The original's finalizer is on it, and the original is gone."""
    make_cron(w)
    w.change(CRONS, "nightly", {"metadata": {"finalizers": [f"{GROUP}/cron-finalizer"]}})
    w.delete(CRONS, "nightly")
    gone(w, CRONS, "nightly")
    return "it went"


# ---- pods of another image --------------------------------------------------------------------------
def image_of(body):
    return body["spec"]["template"]["spec"]["containers"][0]["image"]


def is_rolled_out(body):
    status = body.get("status", {})
    return (status.get("observedGeneration") == body["metadata"]["generation"]
            and status.get("readyReplicas") == body["spec"]["replicas"])


def most_at_once(w, since):
    """How many Deployments were not rolled out at one moment."""
    moving, most = set(), 0
    with w.store.lock:
        changes = [c for c in w.store.log if c.version > since and c.key.resource == DEPLOYMENTS]
    for change in changes:
        (moving.discard if is_rolled_out(change.object) else moving.add)(change.key.name)
        most = max(most, len(moving))
    return most


def start_with(w, image, names):
    """An operator whose pods have this image; how many flows it renewed at once."""
    since = w.store.version
    w.env = {"PROCESSOR_IMAGE": image}
    w.replace_operator()
    for name in names:
        w.until(f"{name} has the image", lambda n=name: image_of(w.find(DEPLOYMENTS, f"df-{n}")) == image
                and is_rolled_out(w.find(DEPLOYMENTS, f"df-{n}")), LIMIT_S)
    w.rest()
    return most_at_once(w, since)


def pods_renewed(w):
    """Another image for all flows, and the one before again."""
    names = [f"flow-{i:02}" for i in range(FLOW_COUNT)]
    kept = names[::10]
    w.env = {"PROCESSOR_IMAGE": "registry.test/dataflow:1"}
    w.replace_operator()
    for name in names:
        policy = {"upgradePolicy": "OnSpecChange"} if name in kept else {}
        w.create(FLOWS, name, {"source": KAFKA, "sink": SINK, **policy})
    w.until("all are ready", lambda: all(
        w.is_seen(FLOWS, name, "Running") and w.is_ready(FLOWS, name) for name in names), LIMIT_S)
    w.rest()
    before = {name: w.find(DEPLOYMENTS, f"df-{name}")["metadata"]["generation"] for name in names}
    most = []
    for image in ("registry.test/dataflow:2", "registry.test/dataflow:1"):
        most.append(start_with(w, image, [name for name in names if name not in kept]))
    expect(all(0 < n <= AT_ONCE for n in most), f"at most {AT_ONCE} at once, not {most}")
    after = {name: w.find(DEPLOYMENTS, f"df-{name}")["metadata"]["generation"] for name in names}
    expect(all(after[name] == before[name] for name in kept), "those that want it on a change of the spec alone stay")
    return f"{FLOW_COUNT - len(kept)} flows were renewed twice, {max(most)} at once at most"


SUCCESSORS = {f.__name__: f for f in (original_taken_over, original_cron_deleted, pods_renewed)}
