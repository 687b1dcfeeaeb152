# SPDX-License-Identifier: Apache-2.0
"""A cluster that can fail, and an operator process at work in it."""
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
from kubefake.controllers import Controllers  # noqa: E402
from kubefake.server import Server  # noqa: E402
from kubefake.store import Key, Refused, Store  # noqa: E402

GROUP = "dataflow.dataflow.io"
FLOWS, CRONS = f"{GROUP}/v1/dataflows", f"{GROUP}/v1/dataflowcrons"
LEASE = Key("coordination.k8s.io/v1/leases", "dataflow", "dataflow-operator.dataflow.io")
SPACE = "shop"
CONVERGE_S = 60  # after the faults stop
QUIET_S = 1.2

# Sets the clock of an operator (tests/torture/clockshim.c).
SHIM = Path(shutil.which("dfoperator") or "").resolve().parents[1] / "lib/clockshim.so"

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


processes = set()  # that run


def end_all(*_):
    """A campaign that is ended leaves no operator behind."""
    for process in list(processes):
        process.kill()
    os._exit(1)


class Stuck(Exception):
    """The cluster did not become what it had to."""


class World:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store()
        self.server = Server(self.store, self.replace_operator)
        self.controllers = Controllers(self.store)
        self.operators, self.over = [], False
        self.env = {}  # of the operators that are started from now on
        self.lock = threading.Lock()
        self.acts, self.acting = 0, lambda number: None  # what people did; called before they do it
        self.start_operator()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with self.lock:  # a fault that comes late starts no other one
            self.over = True
            for process in self.operators:
                self.kill(process)
        self.controllers.stop()
        self.server.stop()
        self.folder.cleanup()

    # ---- the operator ------------------------------------------------------------------------------
    def start_operator(self, probes=""):
        """The n-th one says "operator-n" in its Lease and in its requests."""
        name = f"operator-{len(self.operators) + 1}"
        config = Path(self.folder.name, name)
        config.write_text(json.dumps({
            "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": self.server.url}}],
            "users": [{"name": "u", "user": {"token": name}}]}), encoding="utf-8")
        self.set_clock(len(self.operators) + 1, 0)
        before = os.environ.get("LD_PRELOAD")
        with open(Path(self.folder.name, name + ".log"), "w", encoding="utf-8") as log:
            self.operators.append(subprocess.Popen(
                ["dfoperator", "run", "--kubeconfig", str(config), "--metrics-bind-address", probes,
                 "--health-probe-bind-address", probes], stderr=log, stdout=log,
                env={**os.environ, "OPERATOR_NAMESPACE": "dataflow", "POD_NAME": name,
                     "LD_PRELOAD": f"{before}:{SHIM}" if before else str(SHIM), "DF_CLOCK": f"{config}.clock",
                     "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
                     "SECRETS_OF_OTHER_NAMESPACES": "true", **self.env}))
        processes.add(self.operators[-1])
        return self.operators[-1]

    @staticmethod
    def kill(process):
        process.kill()
        process.wait()
        processes.discard(process)

    def stop_operator(self):
        """It must end well: a sanitizer tells of leaks then."""
        self.until("the last one leads", lambda: " leads" in self.log_of(len(self.operators)))
        with self.lock:
            self.operators[-1].terminate()
            code = self.operators[-1].wait(30)
        if code:
            raise Stuck(f"the operator ended with {code}")

    def replace_operator(self, probes=""):
        """Kills it; another one comes when its lease has lapsed, which is not waited for here."""
        with self.lock:
            if self.over:
                return
            self.kill(self.operators[-1])
            with self.store.lock:  # what it sent before it died must not take the lease again
                self.server.dead.add(f"operator-{len(self.operators)}")
                if LEASE in self.store.objects:
                    self.store.patch(LEASE, {"spec": {"holderIdentity": ""}})
            self.start_operator(probes)

    def set_clock(self, number, ahead_s):
        """The wall clock of the n-th operator's machine, from now on."""
        path = Path(self.folder.name, f"operator-{number}.clock")
        with open(path, "r+b" if path.exists() else "wb") as clock:
            clock.write(struct.pack("q", ahead_s))

    def set_server_clock(self, ahead_s):
        with self.store.lock:
            self.store.ahead_s = ahead_s

    def log_of(self, number):
        return Path(self.folder.name, f"operator-{number}.log").read_text("utf-8")

    def logs(self):
        return "".join(map(self.log_of, range(1, len(self.operators) + 1)))

    # ---- people ------------------------------------------------------------------------------------
    def act(self):
        self.acts += 1
        self.acting(self.acts)

    def create(self, resource, name, spec):
        self.act()
        kind = "DataFlow" if resource == FLOWS else "DataFlowCron"
        self.store.create(Key(resource, SPACE, name),
                          {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": {}, "spec": spec})

    def change(self, resource, name, patch):
        self.act()
        self.store.patch(Key(resource, SPACE, name), patch)

    def delete(self, resource, name):
        self.act()
        self.store.delete(Key(resource, SPACE, name))

    def find(self, resource, name):
        with self.store.lock:
            return self.store.objects.get(Key(resource, SPACE, name))

    # ---- what there is -----------------------------------------------------------------------------
    def until(self, what, holds, limit_s=CONVERGE_S):
        end = time.monotonic() + limit_s
        while not holds():
            if time.monotonic() > end:
                raise Stuck(f"not within {limit_s} s: {what}")
            time.sleep(0.02)

    def is_seen(self, resource, name, phase):
        """The status is of the newest spec and has the phase."""
        body = self.find(resource, name)
        status = body.get("status", {}) if body else {}
        return status.get("phase") == phase and status.get("observedGeneration") == body["metadata"]["generation"]

    def is_ready(self, resource, name):
        flow = self.find(resource, name)
        return any(c["type"] == "Ready" and c["status"] == "True" and
                   c["observedGeneration"] == flow["metadata"]["generation"] for c in flow["status"]["conditions"])

    def shape(self):
        """All objects as they are compared. Left out: Leases and Events, which say who acted and when.
        Times are one word. resourceVersion counts writes, and an attempt more may be one more."""
        with self.store.lock:
            kept = {f"{k.resource} {k.space}/{k.name}": o for k, o in self.store.objects.items()
                    if not k.resource.endswith(("/leases", "/events"))}
            text = TIME.sub("TIME", json.dumps(kept, sort_keys=True, indent=1))
        return re.sub(r'"resourceVersion": "\d+"', '"resourceVersion": "N"', text)

    def made(self):
        """How often each name was made: nothing that holds data is removed and made again."""
        with self.store.lock:
            return {f"{k.resource} {k.space}/{k.name}": n for k, n in self.store.lives.items()
                    if not k.resource.endswith(("/leases", "/events"))}

    def writes(self):
        with self.store.lock:
            return sum(not c.key.resource.endswith("/leases") for c in self.store.log)

    def rest(self):
        """Waits until nothing is written any more."""
        while True:
            before = self.writes()
            time.sleep(QUIET_S)
            if self.writes() == before:
                return
