# SPDX-License-Identifier: Apache-2.0
"""What people do to flows. A scenario is a generator: it acts on the world and waits for what must
come of it, also while the world fails."""
import datetime

from world import CRONS, FLOWS, GROUP, SPACE, Key

KAFKA = {"type": "kafka", "config": {"brokers": "k:9092", "topic": "t", "consumerGroup": "g"}}
POLL = {"type": "memory", "config": {"server": "s"}}  # one reader, positions in a ConfigMap
SINK = {"type": "postgresql", "config": {"connectionStringSecretRef": {"name": "shop", "key": "url"}, "table": "copy"}}
FOREIGN = {"type": "postgresql", "config": {
    "connectionStringSecretRef": {"namespace": "vault", "name": "db", "key": "url"}, "table": "copy"}}
CDC = {"type": "postgresql-cdc", "config": {"connectionStringSecretRef": {"name": "shop", "key": "url"}, "slotName": "s",
                                            "publicationName": "p", "tables": ["t"]}}
DEPLOYMENTS, MAPS, JOBS = "apps/v1/deployments", "v1/configmaps", "batch/v1/jobs"
NIGHTLY = {"schedule": "30 2 1 1 *", "timeZone": "Europe/Berlin", "source": KAFKA, "sink": SINK,
           "triggers": [{"name": "one", "image": "psql:17"}, {"name": "two", "image": "curl:8"}]}


def until(w, resource, name, phase):
    w.until(f"{name} is {phase}", lambda: w.is_seen(resource, name, phase))
    if phase == "Running" and resource == FLOWS:  # with the pods of the newest spec
        w.until(f"{name} is ready", lambda: w.is_ready(resource, name))


def gone(w, resource, name):
    w.until(f"{name} is gone", lambda: not w.find(resource, name))
    w.until("its children are gone", lambda: not any(
        o["metadata"].get("ownerReferences") for k, o in w.store.objects.copy().items() if k.space == SPACE))


def create(w, spec=None, name="orders"):
    w.create(FLOWS, name, spec or {"source": POLL, "sink": SINK})
    until(w, FLOWS, name, "Running")


def flow_created(w):
    create(w)


def flow_of_kafka(w):
    create(w, {"source": KAFKA, "sink": SINK, "replicas": 2, "podDisruptionBudget": True})


def flow_changed(w):
    create(w)
    w.change(FLOWS, "orders", {"spec": {"sink": {"config": {"table": "other"}}}})
    until(w, FLOWS, "orders", "Running")


def flow_scaled(w):
    create(w, {"source": KAFKA, "sink": SINK, "podDisruptionBudget": True})
    for count in (3, 0, 1):
        w.change(FLOWS, "orders", {"spec": {"replicas": count}})
        w.until(f"{count} pods", lambda n=count: w.find(FLOWS, "orders")["status"].get("replicas") == n)
    until(w, FLOWS, "orders", "Running")


def flow_suspended(w):
    create(w)
    w.change(FLOWS, "orders", {"spec": {"maintenance": {"suspended": True}}})
    until(w, FLOWS, "orders", "Pending")
    w.until("no pod", lambda: w.find(FLOWS, "orders")["status"].get("replicas") == 0)
    w.change(FLOWS, "orders", {"spec": {"maintenance": {"suspended": False}}})
    until(w, FLOWS, "orders", "Running")


def flow_in_window(w):
    """A window that ends in ten seconds, enough to be seen in spite of a fault: nobody writes anything at its edge."""
    start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=50)
    w.create(FLOWS, "orders", {"source": POLL, "sink": SINK, "maintenance": {
        "startTime": start.strftime("%Y-%m-%dT%H:%M:%SZ"), "duration": "1m"}})
    until(w, FLOWS, "orders", "Running")


def flow_reset(w):
    create(w)
    w.change(FLOWS, "orders", {"spec": {"checkpointReset": True}})
    w.until("the mark is taken away", lambda: "checkpointReset" not in w.find(FLOWS, "orders")["spec"])
    until(w, FLOWS, "orders", "Running")


def flow_wrong(w):
    create(w)
    w.change(FLOWS, "orders", {"spec": {"sink": {"config": {"tabel": "x"}}}})
    until(w, FLOWS, "orders", "Error")
    w.change(FLOWS, "orders", {"spec": {"sink": {"config": {"tabel": None}}}})
    until(w, FLOWS, "orders", "Running")


def flow_secret_changed(w):
    create(w)
    w.change(FLOWS, "orders", {"spec": {"sink": {"config": {"connectionStringSecretRef": {"name": "new"}}}}})
    until(w, FLOWS, "orders", "Running")


def flow_secret_copied(w):
    """Of another namespace: the copy is there before the pods, changes with the spec, and goes with the reference."""
    def copies():
        return [o["data"] for k, o in w.store.objects.copy().items() if k.resource == "v1/secrets" and k.space == SPACE]
    w.store.create(Key("v1/secrets", "vault", "db"), {
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": {"url": "eA==", "other": "eQ=="},
        "metadata": {"annotations": {"dataflow.dataflow.io/allow-namespaces": SPACE}}})
    create(w, {"source": KAFKA, "sink": FOREIGN})
    w.until("there is a copy", lambda: copies() == [{"url": "eA=="}])
    w.change(FLOWS, "orders", {"spec": {"sink": {"config": {"connectionStringSecretRef": {"key": "other"}}}}})
    until(w, FLOWS, "orders", "Running")
    w.until("the copy has the other key", lambda: copies() == [{"other": "eQ=="}])
    w.change(FLOWS, "orders", {"spec": {"sink": {"config": {"connectionStringSecretRef": {
        "namespace": None, "name": "own", "key": "url"}}}}})
    until(w, FLOWS, "orders", "Running")
    w.until("there is no copy", lambda: not copies())


def flow_reader_changed(w):
    """From one reader to several and back: Role, positions, strategy."""
    create(w)
    for source in (KAFKA, POLL):
        w.change(FLOWS, "orders", {"spec": {"source": {"config": None, "type": None}}})
        w.change(FLOWS, "orders", {"spec": {"source": source}})
        until(w, FLOWS, "orders", "Running")


def flow_slot_left(w):
    """From a source that holds a replication slot to another kind: a Job drops the slot in between."""
    create(w, {"source": CDC, "sink": SINK})
    w.change(FLOWS, "orders", {"spec": {"source": {"config": None, "type": None}}})
    w.change(FLOWS, "orders", {"spec": {"source": KAFKA}})
    until(w, FLOWS, "orders", "Running")
    w.until("its Job is gone", lambda: not w.find(JOBS, "df-orders-end"))
    w.until("nothing holds it", lambda: not w.find(FLOWS, "orders")["metadata"].get("finalizers"))


def flow_deleted(w):
    create(w)
    w.delete(FLOWS, "orders")
    gone(w, FLOWS, "orders")


def flow_ended(w):
    """With the finalizer of the original operator on it."""
    create(w)
    w.change(FLOWS, "orders", {"metadata": {"finalizers": ["dataflow.dataflow.io/finalizer"]}})
    w.delete(FLOWS, "orders")
    gone(w, FLOWS, "orders")


def flow_made_again(w):
    """Deleted and made again at once, while what is collected stays for a moment."""
    create(w)
    w.controllers.collects = False
    w.delete(FLOWS, "orders")
    w.create(FLOWS, "orders", {"source": POLL, "sink": SINK})
    until(w, FLOWS, "orders", "Pending")
    w.controllers.collects = True
    w.store.create(Key(MAPS, SPACE, "wakes-the-collector"), {"kind": "ConfigMap", "metadata": {}})
    until(w, FLOWS, "orders", "Running")


def child_lost(w):
    create(w)
    w.delete(DEPLOYMENTS, "df-orders")
    w.until("the Deployment is back", lambda: w.find(DEPLOYMENTS, "df-orders"))
    until(w, FLOWS, "orders", "Running")


def positions_lost(w):
    """The positions of a flow that has run are gone: it stops, and begins anew only when told to."""
    create(w)
    w.delete(MAPS, "df-orders-checkpoint")
    until(w, FLOWS, "orders", "Error")
    w.until("no pod", lambda: w.find(FLOWS, "orders")["status"].get("replicas") == 0)
    w.change(FLOWS, "orders", {"metadata": {"annotations": {"dataflow.dataflow.io/reset-checkpoint": "true"}}})
    until(w, FLOWS, "orders", "Running")


def positions_unlabelled(w):
    """Somebody takes our labels from the positions: they are given back, and the pod goes on."""
    create(w)
    for labels in ((f"{GROUP}/owned",), ("app", f"{GROUP}/owned", f"{GROUP}/name", f"{GROUP}/kind")):
        w.change(MAPS, "df-orders-checkpoint", {"metadata": {"labels": dict.fromkeys(labels)}})
        w.until("it has its labels", lambda: f"{GROUP}/owned" in
                w.find(MAPS, "df-orders-checkpoint")["metadata"].get("labels", {}))
        until(w, FLOWS, "orders", "Running")


def owners_of(w, resource, name):
    """The reference of what belongs to a flow."""
    body = w.store.get(Key(resource, SPACE, name))
    return [{"apiVersion": body["apiVersion"], "kind": body["kind"], "name": name, "controller": True,
             "uid": body["metadata"]["uid"]}]


def original_deployment(name, owners, replicas=1):
    """As the original operator made it: no labels of ours, and a selector of its own."""
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"ownerReferences": owners},
            "spec": {"replicas": replicas, "strategy": {"type": "RollingUpdate"}, "selector": {"matchLabels": {"of": name}},
                     "template": {"metadata": {"labels": {"of": name}},
                                  "spec": {"containers": [{"name": "processor", "image": "original:1"}]}}}}


def flow_taken_over(w):
    """Its Deployment is suddenly that of the original operator, in both of its forms. Without pods: whether
    there is time for one is chance."""
    create(w)
    w.act()
    with w.store.lock:
        owners = owners_of(w, FLOWS, "orders")
        w.store.delete(Key(DEPLOYMENTS, SPACE, "df-orders"))
        for name in ("df-orders", "dataflow-orders"):
            w.store.create(Key(DEPLOYMENTS, SPACE, name), original_deployment(name, owners, 0))
        w.store.create(Key(MAPS, SPACE, "dataflow-orders-spec"), {
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"ownerReferences": owners}, "data": {"password": "hunter2"}})
    w.until("its Deployment is ours", lambda: "of" not in (w.find(DEPLOYMENTS, "df-orders") or {
        "spec": {"selector": {"matchLabels": {"of": ""}}}})["spec"]["selector"]["matchLabels"])
    until(w, FLOWS, "orders", "Running")


# ---- DataFlowCron -----------------------------------------------------------------------------------
def make_cron(w, **more):
    w.create(CRONS, "nightly", {**NIGHTLY, **more})
    until(w, CRONS, "nightly", "Scheduled")


def run(w, name):
    w.act()
    w.controllers.start_run(SPACE, "dfc-nightly", name)


def cron_created(w):
    make_cron(w)


def cron_run(w):
    make_cron(w)
    run(w, "dfc-nightly-1")
    until(w, CRONS, "nightly", "Completed")
    w.until("the schedule goes on", lambda: not w.find("batch/v1/cronjobs", "dfc-nightly")["spec"]["suspend"])


def cron_run_kept_short(w):
    """No Job of a run that has ended is kept."""
    make_cron(w, successfulJobsHistoryLimit=0)
    run(w, "dfc-nightly-1")
    until(w, CRONS, "nightly", "Completed")
    w.until("no Job", lambda: not any(k.resource == JOBS for k in w.store.objects.copy()))


def cron_trigger_fails(w):
    make_cron(w, triggers=[{"name": "one", "image": "fail:1"}, {"name": "two", "image": "curl:8"}],
              failedJobsHistoryLimit=5)
    run(w, "dfc-nightly-1")
    until(w, CRONS, "nightly", "Failed")


def cron_by_hand(w):
    make_cron(w)
    w.change(CRONS, "nightly", {"metadata": {"annotations": {"dataflow.dataflow.io/run-now": "1"}}})
    until(w, CRONS, "nightly", "Completed")
    w.until("the mark is taken away", lambda: "dataflow.dataflow.io/run-now"
            not in w.find(CRONS, "nightly")["metadata"].get("annotations", {}))


def cron_changed(w):
    make_cron(w)
    w.change(CRONS, "nightly", {"spec": {"schedule": "0 5 1 1 *", "suspend": True}})
    until(w, CRONS, "nightly", "Suspended")
    w.change(CRONS, "nightly", {"spec": {"suspend": None}})
    until(w, CRONS, "nightly", "Scheduled")


def cron_run_slow(w):
    """A trigger that goes on and on."""
    make_cron(w, triggers=[{"name": "one", "image": "never:1"}])
    run(w, "dfc-nightly-1")
    w.until("the trigger's pod", lambda: any("trigger-0-pod" in k.name for k in w.store.objects.copy()))
    until(w, CRONS, "nightly", "RunningTriggers")


def cron_deleted(w):
    cron_run_slow(w)
    w.delete(CRONS, "nightly")
    gone(w, CRONS, "nightly")


def cron_taken_over(w):
    """Its CronJob has lost what makes it ours, and its positions have the name that the original gives them."""
    make_cron(w, source=POLL)
    w.act()
    key, former = Key("batch/v1/cronjobs", SPACE, "dfc-nightly"), Key(MAPS, SPACE, "df-nightly-checkpoint")
    with w.store.lock:
        labels = w.store.get(key)["metadata"]["labels"]
        w.store.create(former, {"apiVersion": "v1", "kind": "ConfigMap", "data": {"checkpoint.json": "{}"},
                                "metadata": {"ownerReferences": owners_of(w, CRONS, "nightly")}})
        w.store.patch(key, {"metadata": {"labels": dict.fromkeys(labels), "annotations": {f"{GROUP}/applied": None}}})
    w.until("its positions have moved", lambda: not w.find(*former[::2]))
    w.until("its CronJob is ours", lambda: w.store.get(key)["metadata"].get("labels") == labels)
    until(w, CRONS, "nightly", "Scheduled")
    w.until("the schedule goes on", lambda: not w.store.get(key)["spec"]["suspend"])


SCENARIOS = {f.__name__: f for f in (
    flow_created, flow_of_kafka, flow_changed, flow_scaled, flow_suspended, flow_in_window, flow_reset, flow_wrong,
    flow_secret_changed, flow_secret_copied, flow_reader_changed, flow_slot_left, flow_deleted, flow_ended, flow_made_again,
    child_lost, positions_lost, positions_unlabelled, cron_created, cron_run, cron_run_kept_short, cron_run_slow,
    cron_trigger_fails, cron_by_hand, cron_changed, cron_deleted, flow_taken_over, cron_taken_over)}
