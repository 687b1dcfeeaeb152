# SPDX-License-Identifier: Apache-2.0
"""What the cluster's own controllers would do: pods of Deployments and Jobs, and the removal of what
has no owner any more. Names are made from what they are of, so that two runs have the same.

A pod whose image has "fail" in it fails; one with "never" never ends and is never ready.
"""
import copy
import hashlib
import json
import threading

from .store import WAITS, Key, Refused

PODS, DEPLOYMENTS, JOBS = "v1/pods", "apps/v1/deployments", "batch/v1/jobs"
PAUSE_S = 0.02


class Controllers:
    def __init__(self, store):
        self.store = store
        self.collects = True  # False: what has no owner stays for now
        self.ended = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def stop(self):
        self.ended = True
        with self.store.lock:
            self.store.changed.notify_all()
        self.thread.join()

    def run(self):
        seen = 0
        while not self.ended:
            with self.store.lock:
                if self.store.version == seen:
                    self.store.changed.wait(1)
                    continue
                seen = self.store.version
                for key, body in list(self.store.objects.items()):
                    self.look_at(key, body)
            threading.Event().wait(PAUSE_S)  # others may see what is between

    def look_at(self, key, body):
        try:
            if self.collects and self.has_no_owner(body):
                self.store.delete(key)
            elif WAITS in body["metadata"].get("finalizers", []):
                self.end_in_foreground(key, body)
            elif "deletionTimestamp" not in body["metadata"]:
                {DEPLOYMENTS: self.deployment, JOBS: self.job, PODS: self.pod}.get(key.resource, lambda *_: None)(key, body)
        except Refused:
            pass  # it went in this pass

    def end_in_foreground(self, key, body):
        owned = self.pods_of(body["metadata"]["uid"])
        for pod in owned:
            self.store.delete(pod)
        if not owned:
            kept = [f for f in body["metadata"]["finalizers"] if f != WAITS]
            self.store.patch(key, {"metadata": {"finalizers": kept}})

    def has_no_owner(self, body):
        owners = {o["uid"] for o in body["metadata"].get("ownerReferences", [])}
        return bool(owners) and not any(o["metadata"]["uid"] in owners for o in self.store.objects.values())

    # ---- pods --------------------------------------------------------------------------------------
    def pods_of(self, uid):
        return {k: o for k, o in self.store.objects.items() if k.resource == PODS
                and any(r["uid"] == uid for r in o["metadata"].get("ownerReferences", []))}

    def make_pod(self, name, owner, template, labels=None):
        meta = copy.deepcopy(template.get("metadata", {}))
        meta.setdefault("labels", {}).update(labels or {})
        meta["ownerReferences"] = [{"apiVersion": owner["apiVersion"], "kind": owner["kind"], "controller": True,
                                    "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}]
        self.store.create(Key(PODS, owner["metadata"]["namespace"], name),
                          {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]})

    def pod(self, key, body):
        phase, image = body.get("status", {}).get("phase"), body["spec"]["containers"][0]["image"]
        ends = body["spec"].get("restartPolicy") == "Never"
        if "never" in image:
            wanted = "Pending"
        elif not phase:
            wanted = "Pending"
        elif phase == "Pending":
            wanted = "Running"
        elif ends and phase == "Running":
            wanted = "Failed" if "fail" in image else "Succeeded"
        else:
            wanted = phase
        ready = "True" if wanted == "Running" else "False"
        self.store.patch(key, {"status": {"phase": wanted, "conditions": [{"type": "Ready", "status": ready}]}}, "status")

    # ---- Deployments -------------------------------------------------------------------------------
    def deployment(self, key, body):
        spec, uid = body["spec"], body["metadata"]["uid"]
        form = hashlib.sha1(json.dumps(spec["template"], sort_keys=True).encode()).hexdigest()[:6]
        wanted = [f"{key.name}-{form}-{i}" for i in range(spec.get("replicas", 1))]
        there = self.pods_of(uid)
        old = [k for k in there if k.name not in wanted]
        for pod in old:
            self.store.delete(pod)
        if not old or spec["strategy"]["type"] != "Recreate":
            for name in wanted:
                if Key(PODS, key.space, name) not in there:
                    self.make_pod(name, body, spec["template"])
        new = [o for k, o in self.pods_of(uid).items() if k.name in wanted]
        ready = [o for o in new if o.get("status", {}).get("phase") == "Running"]
        status = {"observedGeneration": body["metadata"]["generation"], "replicas": len(new) or None,
                  "updatedReplicas": len(new) or None, "readyReplicas": len(ready) or None,
                  "availableReplicas": len(ready) or None}
        self.store.patch(key, {"status": status}, "status")

    # ---- Jobs --------------------------------------------------------------------------------------
    def job(self, key, body):
        if body.get("status", {}).get("conditions"):
            return
        pods = self.pods_of(body["metadata"]["uid"])
        if not pods:
            self.make_pod(f"{key.name}-pod", body, body["spec"]["template"], {"batch.kubernetes.io/job-name": key.name})
        for pod in pods.values():
            phase = pod.get("status", {}).get("phase")
            if phase in ("Succeeded", "Failed"):
                end = "Complete" if phase == "Succeeded" else "Failed"
                condition = {"type": end, "status": "True", "lastTransitionTime": self.store.now()}
                if end == "Failed":
                    condition.update(reason="BackoffLimitExceeded", message="Job has reached the specified backoff limit")
                self.store.patch(key, {"status": {"conditions": [condition]}}, "status")

    def start_run(self, space, cron_job, name):
        """The Job that the CronJob controller would make."""
        with self.store.lock:
            owner = self.store.get(Key("batch/v1/cronjobs", space, cron_job))
            template = copy.deepcopy(owner["spec"]["jobTemplate"])
            meta = template.setdefault("metadata", {})
            meta.setdefault("annotations", {})["batch.kubernetes.io/cronjob-scheduled-timestamp"] = self.store.now()
            meta["ownerReferences"] = [{"apiVersion": "batch/v1", "kind": "CronJob", "name": cron_job, "controller": True,
                                        "uid": owner["metadata"]["uid"], "blockOwnerDeletion": True}]
            self.store.create(Key(JOBS, space, name), {"apiVersion": "batch/v1", "kind": "Job", **template})
