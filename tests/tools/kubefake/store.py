# SPDX-License-Identifier: Apache-2.0
"""The objects of a cluster in memory, with the rules of an API server that an operator relies on.

Every write has the next resourceVersion and is kept in a log, which watches read. Uids are made from
the name and how often it was there, so that two runs that do the same have the same uids, and an
object that was made twice shows. Server-side apply knows one manager per part of an object, treats
lists as one value, and takes away members that were named before and are not named now.
"""
import collections
import copy
import hashlib
import threading
import time

Key = collections.namedtuple("Key", "resource space name")  # resource: "apps/v1/deployments"
Change = collections.namedtuple("Change", "version type key object before")

WAITS = "foregroundDeletion"
COUNTED = {"dataflows", "dataflowcrons", "deployments", "cronjobs", "jobs", "poddisruptionbudgets"}


class Refused(Exception):
    """What the server answers in place of the object."""

    def __init__(self, status, reason, message=""):
        super().__init__(message or reason)
        self.status, self.reason = status, reason


def merge(into, patch):
    """RFC 7386, in place."""
    for name, value in patch.items():
        if value is None:
            into.pop(name, None)
        elif isinstance(value, dict):
            if not isinstance(into.get(name), dict):
                into[name] = {}
            merge(into[name], value)
        else:
            into[name] = copy.deepcopy(value)


def take_away(live, before, wanted):
    """Members that an earlier apply named and this one does not."""
    for name, value in before.items():
        if name not in live or (name in wanted and not isinstance(value, dict)):
            continue
        if isinstance(value, dict) and isinstance(live[name], dict):
            take_away(live[name], value, wanted.get(name) or {})
            if not live[name] and name not in wanted:
                del live[name]
        elif name not in wanted:
            del live[name]


def pod_template(body):
    spec = body.get("spec", {})
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    return spec.get("template", {}).get("spec")


def add_defaults(resource, body):
    """Some of what the real server adds after each write; an operator must not mind it."""
    pod = pod_template(body)
    if pod is not None:
        pod.setdefault("dnsPolicy", "ClusterFirst")
        pod.setdefault("schedulerName", "default-scheduler")
        for container in pod.get("containers", []):
            container.setdefault("imagePullPolicy", "IfNotPresent")
    if resource.endswith("/deployments"):
        body["spec"].setdefault("progressDeadlineSeconds", 600)


def check_selector(key, body, old):
    """That of a Deployment never changes, and finds its own pods."""
    if not key.resource.endswith("/deployments"):
        return
    selector, spec = body["spec"].get("selector", {}).get("matchLabels", {}), body["spec"]
    labels = spec["template"].get("metadata", {}).get("labels", {})
    if old and spec.get("selector") != old["spec"].get("selector"):
        raise Refused(422, "Invalid", f"{key.name}: spec.selector: Invalid value: field is immutable")
    if not selector or any(labels.get(name) != value for name, value in selector.items()):
        raise Refused(422, "Invalid", f"{key.name}: `selector` does not match template `labels`")


class Store:
    def __init__(self):
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.version = 1000
        self.objects = {}  # Key -> object; never changed in place
        self.applied = {}  # (Key, part) -> what was applied last
        self.log = []
        self.lives = collections.Counter()
        self.policy = None  # changes what is written, as a webhook of the cluster would
        self.ahead_s = 0  # of the clock of this machine

    def wall(self):
        return time.time() + self.ahead_s

    def now(self):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.wall()))

    # ---- reading -----------------------------------------------------------------------------------
    def get(self, key):
        with self.lock:
            if key not in self.objects:
                raise Refused(404, "NotFound", f"{key.resource} {key.name} not found")
            return self.objects[key]

    def at(self, version):
        """All objects as they were at a version."""
        with self.lock:
            objects = {}
            for change in self.log:
                if change.version > version:
                    break
                objects[change.key] = change.object
                if change.type == "DELETED":
                    del objects[change.key]
            return objects

    # ---- writing -----------------------------------------------------------------------------------
    def _note(self, kind, key, body, before):
        self.version += 1
        body["metadata"]["resourceVersion"] = str(self.version)
        if kind == "DELETED":
            del self.objects[key]
            for part in (None, "status"):
                self.applied.pop((key, part), None)
        else:
            self.objects[key] = body
        self.log.append(Change(self.version, kind, key, body, before))
        self.changed.notify_all()
        return body

    def _complete(self, key, body):
        add_defaults(key.resource, body)
        if self.policy:
            self.policy(key, body)

    def _replace(self, key, body):
        """Another state of an object that is there; the same state is no write."""
        old = self.objects[key]
        self._complete(key, body)
        meta, kept = body["metadata"], old["metadata"]
        for name in ("uid", "resourceVersion", "creationTimestamp", "generation", "name", "namespace", "deletionTimestamp"):
            meta.pop(name, None)
            if name in kept:
                meta[name] = kept[name]
        if body == old:
            return old
        check_selector(key, body, old)
        if "generation" in meta and body.get("spec") != old.get("spec"):
            meta["generation"] += 1
        if "deletionTimestamp" in meta and not meta.get("finalizers"):
            return self._note("DELETED", key, body, old)
        return self._note("MODIFIED", key, body, old)

    def create(self, key, body):
        with self.lock:
            if key in self.objects:
                raise Refused(409, "AlreadyExists", f"{key.name} already exists")
            body = copy.deepcopy(body)
            body.pop("status", None)
            self._complete(key, body)
            check_selector(key, body, None)
            self.lives[key] += 1
            text = hashlib.sha1(f"{key}#{self.lives[key]}".encode()).hexdigest()
            meta = body.setdefault("metadata", {})
            meta.update(name=key.name, uid="-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:32])),
                        creationTimestamp=self.now())
            if key.space:
                meta["namespace"] = key.space
            if key.resource.rsplit("/", 1)[1] in COUNTED:
                meta["generation"] = 1
            return self._note("ADDED", key, body, None)

    def _check(self, key, meta):
        live = self.get(key)["metadata"]
        for name in ("uid", "resourceVersion"):
            if meta.get(name) and meta[name] != live[name]:
                raise Refused(409, "Conflict", f"{name} of {key.name} is {live[name]}, not {meta[name]}")

    def update(self, key, body):
        with self.lock:
            self._check(key, body.get("metadata", {}))
            body = copy.deepcopy(body)
            if "status" in self.objects[key]:
                body["status"] = self.objects[key]["status"]
            return self._replace(key, body)

    def patch(self, key, patch, part=None):
        """A merge patch of the object without its status, or of its status alone."""
        with self.lock:
            self._check(key, patch.get("metadata", {}))
            body = copy.deepcopy(self.objects[key])
            merge(body, {name: value for name, value in patch.items() if (name == "status") == (part == "status")})
            return self._replace(key, body)

    def apply(self, key, patch, part=None):
        with self.lock:
            wanted = {name: value for name, value in patch.items() if (name == "status") == (part == "status")}
            if key not in self.objects and not part:
                if patch["metadata"].get("uid"):
                    raise Refused(409, "Conflict", f"{key.name} is not there")
                body = self.create(key, wanted)
            else:
                self._check(key, patch.get("metadata", {}))
                body = copy.deepcopy(self.objects[key])
                take_away(body, self.applied.get((key, part), {}), wanted)
                merge(body, wanted)
                body = self._replace(key, body)
            self.applied[key, part] = copy.deepcopy(wanted)
            return body

    def delete(self, key, preconditions=None, foreground=False):
        """In the foreground: the object stays until the controllers have removed what it owns."""
        with self.lock:
            self._check(key, preconditions or {})
            old = self.objects[key]
            body = copy.deepcopy(old)
            if foreground and WAITS not in body["metadata"].get("finalizers", []):
                body["metadata"].setdefault("finalizers", []).append(WAITS)
            if not body["metadata"].get("finalizers"):
                return self._note("DELETED", key, body, old)
            if "deletionTimestamp" in body["metadata"]:
                return old
            body["metadata"]["deletionTimestamp"] = self.now()
            return self._note("MODIFIED", key, body, old)
