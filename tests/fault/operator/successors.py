# SPDX-License-Identifier: Apache-2.0
"""An operator that comes after another one: what the original operator left behind, and pods of another image."""
from scenarios import CDC, DEPLOYMENTS, KAFKA, MAPS, NIGHTLY, POLL, SINK, gone, make_cron, original_deployment, owners_of, until
from world import CRONS, FLOWS, GROUP, SPACE, Key, Stuck

FLOW_COUNT, AT_ONCE, LIMIT_S = 20, 4, 300


def expect(holds, what):
    if not holds:
        raise Stuck(what)


# ---- the original -----------------------------------------------------------------------------------
def make_original(w, name, owners):
    """A Deployment as the first form of the original made it."""
    w.store.create(Key(DEPLOYMENTS, SPACE, name), original_deployment(name, owners))
    w.until(f"the pod of {name} is there", lambda: pods_of(w, name))


def pods_of(w, start):
    with w.store.lock:
        return [k.name for k in w.store.objects if k.resource == "v1/pods" and k.name.startswith(start + "-")]


def moments(w, start, what):
    """Versions at which pods with this name came or went."""
    with w.store.lock:
        return [c.version for c in w.store.log if c.type == what and c.key.resource == "v1/pods"
                and c.key.name.startswith(start + "-")]


def left_by_original(w, resource, name, spec, finalizer=""):
    """An object that the original had in hand when it went; the reference of its children."""
    w.kill(w.operators[0])
    w.create(resource, name, spec)
    key = Key(resource, SPACE, name)
    w.store.patch(key, {"status": {"phase": "Running", "message": "Processor pod is running"}}, "status")
    if finalizer:
        w.change(resource, name, {"metadata": {"finalizers": [f"{GROUP}/{finalizer}"]}})
    return owners_of(w, resource, name)


def make_map(w, name, owners, data):
    w.store.create(Key(MAPS, SPACE, name), {"apiVersion": "v1", "kind": "ConfigMap", "data": data,
                                            "metadata": {"ownerReferences": owners}})


def original_taken_over(w):
    """Its children have other names, and its ConfigMap the values of Secrets."""
    owners = left_by_original(w, FLOWS, "orders", {"source": POLL, "sink": SINK})
    make_original(w, "dataflow-orders", owners)
    make_original(w, "dataflow-other", [])
    make_map(w, "dataflow-orders-spec", owners, {"spec.json": '{"password": "hunter2"}'})
    w.replace_operator()
    until(w, FLOWS, "orders", "Running")
    expect(not w.find(DEPLOYMENTS, "dataflow-orders") and not pods_of(w, "dataflow-orders"), "its Deployment is gone")
    expect("hunter2" not in w.shape(), "no value of a Secret is left")
    expect(w.find(DEPLOYMENTS, "dataflow-other"), "what is not of the flow stays")
    expect(max(moments(w, "dataflow-orders", "DELETED")) < min(moments(w, "df-orders", "ADDED")),
           "the pods of two operators never read at once")
    return "its Deployment went with its pod, then the ConfigMap with the secrets, then the new pod came"


def readers(w):
    """Which operators' pods there were, moment by moment."""
    there, seen = {}, []
    with w.store.lock:
        for change in w.store.log:
            if change.key.resource == "v1/pods":
                there[change.key] = change.object["spec"]["containers"][0]["image"] == "original:1"
                if change.type == "DELETED":
                    del there[change.key]
                seen.append(set(there.values()))
    return seen


def told(w):
    """Reasons of events."""
    with w.store.lock:
        return {o["reason"] for k, o in w.store.objects.items() if k.resource.endswith("/events")}


def messages(w, resource, name):
    with w.store.lock:
        return {(c.object.get("status") or {}).get("message", "") for c in w.store.log if c.key == Key(resource, SPACE, name)}


def original_later_form(w):
    """Its children have our names without our labels, so no watch shows them; one of its first form is there too."""
    owners = left_by_original(w, FLOWS, "orders", {"source": POLL, "sink": SINK}, "finalizer")
    make_original(w, "dataflow-orders", owners)
    make_original(w, "df-orders", owners)
    make_map(w, "df-orders-spec", owners, {"spec.json": '{"password": "hunter2"}'})
    make_map(w, "df-orders-checkpoint", owners, {"checkpoint.json": "of the original"})
    w.replace_operator()
    until(w, FLOWS, "orders", "Running")
    w.rest()
    expect(not w.find(DEPLOYMENTS, "dataflow-orders"), "that of the first form is gone")
    expect(w.find(DEPLOYMENTS, "df-orders")["spec"]["selector"]["matchLabels"][f"{GROUP}/kind"] == "DataFlow",
           "its Deployment is ours")
    expect({True, False} not in readers(w), "the pods of two operators never read at once")
    positions = w.find(MAPS, "df-orders-checkpoint")
    expect(positions["data"] == {"checkpoint.json": "of the original"}, "the positions are as they were")
    expect(positions["metadata"]["labels"][f"{GROUP}/owned"] == "true", "they are seen from now on")
    conditions = {c["type"]: c["status"] for c in w.find(FLOWS, "orders")["status"]["conditions"]}
    expect(conditions["HasPositions"] == "True", "the flow remembers them")
    expect("hunter2" not in w.shape(), "no value of a Secret is left")
    for name in ("dataflow-orders", "df-orders"):
        expect(f"Waiting for Deployment {name} of the operator before to end" in messages(w, FLOWS, "orders"),
               "the status says what is waited for")
    return "both Deployments went with their pods, one after another; the positions are used on"


def original_slot_deleted(w):
    """A flow that holds a replication slot, deleted before anybody took it over."""
    owners = left_by_original(w, FLOWS, "orders", {"source": CDC, "sink": SINK}, "finalizer")
    make_original(w, "df-orders", owners)
    w.delete(FLOWS, "orders")
    w.replace_operator()
    gone(w, FLOWS, "orders")
    w.until("its end is told", lambda: {"CleanedUp", "CleanupFailed"} & told(w))
    expect("TakenOver" in told(w) and "CleanupFailed" not in told(w), f"the slot is removed: {told(w)}")
    expect(max(moments(w, "df-orders", "DELETED")[:1]) < min(moments(w, "df-orders-end", "ADDED")),
           "its pod ends before the Job begins")
    return "its pod ended, then a Job removed the slot, then it went"


def original_cron_positions(w):
    """The read positions have another name than ours, and its CronJob has ours."""
    owners = left_by_original(w, CRONS, "nightly", {**NIGHTLY, "source": POLL}, "cron-finalizer")
    key = Key("batch/v1/cronjobs", SPACE, "dfc-nightly")
    w.store.create(key, {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"ownerReferences": owners}, "spec": {
        "schedule": "30 2 1 1 *", "jobTemplate": {"spec": {"template": {"metadata": {}, "spec": {
            "containers": [{"name": "processor", "image": "original:1"}]}}}}}})
    w.store.patch(key, {"status": {"active": [{"name": "dfc-nightly-7"}]}}, "status")
    make_map(w, "df-nightly-checkpoint", owners, {"checkpoint.json": "early"})
    w.replace_operator()
    w.until("it waits for the run", lambda: "Waiting for Job dfc-nightly-7 of the operator before to end"
            in messages(w, CRONS, "nightly"))
    expect(w.store.get(key)["spec"]["suspend"], "no other run begins")
    w.store.patch(Key(MAPS, SPACE, "df-nightly-checkpoint"), {"data": {"checkpoint.json": "late"}})
    w.store.patch(key, {"status": {"active": None}}, "status")
    until(w, CRONS, "nightly", "Scheduled")
    w.rest()
    expect(w.find(MAPS, "dfc-nightly-checkpoint")["data"] == {"checkpoint.json": "late"}, "the positions are used on")
    expect(not w.find(MAPS, "df-nightly-checkpoint"), "they are in one place")
    expect(not w.store.get(key)["spec"]["suspend"], "the schedule goes on")
    return "its run ended, its positions were moved, the schedule goes on"


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


def renewed_by_two(w):
    """Another one leads while pods are renewed that never become ready: it renews no more beside them."""
    names = [f"flow-{i:02}" for i in range(FLOW_COUNT // 2)]
    w.env = {"PROCESSOR_IMAGE": "registry.test/dataflow:1"}
    w.replace_operator()
    for name in names:
        w.create(FLOWS, name, {"source": KAFKA, "sink": SINK})
    for name in names:
        until(w, FLOWS, name, "Running")
    w.env = {"PROCESSOR_IMAGE": "registry.test/never:2"}
    for _ in range(2):
        w.replace_operator()
        w.until("it leads", lambda: " leads" in w.log_of(len(w.operators)))
        w.until("some are renewed", lambda: sum("never" in image_of(w.find(DEPLOYMENTS, f"df-{n}")) for n in names) >= AT_ONCE)
        w.rest()
    count = sum("never" in image_of(w.find(DEPLOYMENTS, f"df-{n}")) for n in names)
    expect(count == AT_ONCE, f"{AT_ONCE} are renewed, not {count}")
    return f"{count} flows were renewed by two operators"


SUCCESSORS = {f.__name__: f for f in (original_taken_over, original_later_form, original_slot_deleted,
                                      original_cron_positions, original_cron_deleted, pods_renewed, renewed_by_two)}
