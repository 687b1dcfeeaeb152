# SPDX-License-Identifier: Apache-2.0
"""A store behind HTTP as a Kubernetes API server speaks it, and faults that a test asks for.

A request is known by its words and which of them it is: "PATCH deployments/df-orders #2". Faults:

  kill, kill-after      the client is killed before the request is applied, or after and without an answer
  cut, cut-after        the same, but only the connection ends
  hang, hang-after      the same, but the connection stays and nothing is ever said
  409, 410, 429, 500    refused with that status; "500-after": applied all the same

A view fault is of all watches of a resource: `hold` keeps changes back, `release` lets them come, or
says that they are forgotten (410); `stale` makes the next list one of an earlier version.

The whole server is `away` ("hang": it takes connections and says nothing; "cut": it ends them), or `deaf` to
requests with one of these words. `hush` lets the watches of this moment never say anything again.
"""
import collections
import http.server
import json
import re
import socket
import threading
import time
import urllib.parse

from .store import Key, Refused

PATH = re.compile(r"/(?:api|apis/(?P<group>[^/]+))/(?P<version>[^/]+)(?:/namespaces/(?P<space>[^/]+))?"
                  r"/(?P<plural>[^/]+)(?:/(?P<name>[^/]+))?(?:/(?P<part>[^/]+))?$")
REASONS = {409: "Conflict", 410: "Expired", 429: "TooManyRequests", 500: "InternalError"}
BOOKMARK_S = 10


class Cut(Exception):
    """The connection ends without an answer."""


class Call:
    """One request, taken apart."""

    def __init__(self, method, path, body):
        url = urllib.parse.urlsplit(path)
        found = PATH.match(url.path)
        if not found:
            raise Refused(404, "NotFound", url.path)
        self.query = dict(urllib.parse.parse_qsl(url.query))
        self.method = "WATCH" if "watch" in self.query else method
        self.body = json.loads(body) if body else {}
        group, self.part = found["group"], found["part"]
        self.resource = f"{group + '/' if group else ''}{found['version']}/{found['plural']}"
        name = found["name"] or (self.body.get("metadata", {}).get("name") if method == "POST" else None)
        self.key = Key(self.resource, found["space"], name)
        words = [self.method, found["plural"]]
        if name:  # names of events are made at random
            words[1] += "/" + ("*" if found["plural"] == "events" else name)
        self.words = " ".join(words) + (f"/{self.part}" if self.part else "")

    def selects(self, body):
        label, _, value = self.query.get("labelSelector", "").partition("=")
        return body is not None and (not label or body["metadata"].get("labels", {}).get(label) == value)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, store, killed=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.store, self.killed = store, killed or (lambda: None)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.calls = []  # words with their number, in order
        self.heard = []  # (token of who asks, method, words, moment)
        self.counts = collections.Counter()
        self.faults = {}  # words with their number -> what happens
        self.fired = set()
        self.held, self.forgets, self.stale_at = set(), collections.Counter(), {}
        self.ended = threading.Event()
        self.away, self.deaf, self.hushed = "", (), 0
        self.dead = set()  # tokens whose leases are past
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self):
        self.ended.set()
        with self.store.lock:
            self.store.changed.notify_all()
        self.shutdown()
        self.server_close()

    def handle_error(self, request, address):
        """Connections that a fault has cut are nothing to tell of."""

    def fault_of(self, call, who):
        with self.store.lock:
            self.heard.append((who, call.method, call.words, time.monotonic()))
            if who in self.dead and "leases" in call.words:
                return "cut"
            if self.away or any(word in call.words for word in self.deaf):
                return self.away or "hang"
            self.counts[call.words] += 1
            name = f"{call.words} #{self.counts[call.words]}"
            self.calls.append(name)
            how = self.faults.get(name)
            if how:
                self.fired.add(name)
            return str(how or "")

    def hush(self):
        self.hushed += 1

    # ---- views -------------------------------------------------------------------------------------
    def hold(self, resource):
        with self.store.lock:
            self.held.add(resource)

    def release(self, resource, forget=False):
        with self.store.lock:
            self.held.discard(resource)
            self.forgets[resource] += forget
            self.store.changed.notify_all()

    def stale(self, resource, version):
        with self.store.lock:
            self.stale_at[resource] = version
            self.held.add(resource)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *_):
        pass

    def date_time_string(self, timestamp=None):
        return super().date_time_string(self.server.store.wall() if timestamp is None else timestamp)

    def handle_expect_100(self):
        super().handle_expect_100()
        self.wfile.flush()  # or the client waits for a second
        return True

    # ---- answers -----------------------------------------------------------------------------------
    def say(self, status, body, headers=()):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)
        self.wfile.flush()

    def refuse(self, status, reason, message="because"):
        self.say(status, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status,
                          "reason": reason, "message": message},
                 [("Retry-After", "1")] if status == 429 else [])

    def hang(self):
        """Until the client gives up or the test ends."""
        self.connection.settimeout(0.2)
        while not self.server.ended.is_set():
            try:
                if not self.connection.recv(1):
                    break
            except TimeoutError:
                continue
        raise Cut

    def suffer(self, how):
        """What a fault does in place of an answer."""
        if how.startswith("kill"):
            self.server.killed()
        elif how.startswith("hang"):
            self.hang()
        elif not how.startswith("cut"):
            status = int(how.partition("-")[0])
            self.refuse(status, REASONS[status])
            return
        raise Cut

    # ---- requests ----------------------------------------------------------------------------------
    def answer(self):
        try:
            length = int(self.headers.get("Content-Length") or 0)
            call = Call(self.command, self.path, self.rfile.read(length))
            how = self.server.fault_of(call, self.headers.get("Authorization", "").removeprefix("Bearer "))
            if how and not how.endswith("-after"):
                self.suffer(how)
            elif call.method == "WATCH":
                self.watch(call, how)
            else:
                status, body = self.apply(call)
                if how:
                    self.suffer(how)
                else:
                    self.say(status, body)
        except Refused as refused:
            self.refuse(refused.status, refused.reason, str(refused))
        except (Cut, ConnectionError):
            self.close_connection = True
            try:
                self.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def apply(self, call):
        store, key = self.server.store, call.key
        if call.method == "GET" and key.name:
            return 200, store.get(key)
        if call.method == "GET":
            with store.lock:
                items = [o for k, o in store.objects.items() if self.is_seen(call, k) and call.selects(o)]
                return 200, {"kind": "List", "metadata": {"resourceVersion": str(store.version)}, "items": items}
        if call.method == "POST":
            return 201, store.create(key, call.body)
        if call.method == "PUT":
            return 200, store.update(key, call.body)
        if call.method == "DELETE":
            return 200, store.delete(key, call.body.get("preconditions"), call.body.get("propagationPolicy") == "Foreground")
        if "apply" in self.headers.get("Content-Type", ""):
            return 200, store.apply(key, call.body, call.part)
        return 200, store.patch(key, call.body, call.part)

    # ---- watches -----------------------------------------------------------------------------------
    @staticmethod
    def is_seen(call, key):
        return key.resource == call.resource and call.key.space in (None, key.space)

    def event(self, kind, body):
        text = json.dumps({"type": kind, "object": body}).encode() + b"\n"
        self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
        self.wfile.flush()

    def bookmark(self, version, notes=None):
        self.event("BOOKMARK", {"metadata": {"resourceVersion": str(version), "annotations": notes or {}}})

    def begin(self, call):
        """The objects of the first list; the version to go on from."""
        store, server = self.server.store, self.server
        with store.lock:
            if "sendInitialEvents" not in call.query:
                return [], int(call.query.get("resourceVersion") or store.version)
            version = server.stale_at.pop(call.resource, store.version)
            objects = store.objects if version == store.version else store.at(version)
            return [o for k, o in objects.items() if self.is_seen(call, k) and call.selects(o)], version

    def watch(self, call, how):
        forgets = self.server.forgets[call.resource]
        listed, version = self.begin(call)
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if how:
            self.suffer(how)
        for body in listed:
            self.event("ADDED", body)
        if "sendInitialEvents" in call.query:
            self.bookmark(version, {"k8s.io/initial-events-end": "true"})
        self.wfile.flush()
        self.follow(call, version, forgets)
        self.wfile.write(b"0\r\n\r\n")

    def next_changes(self, call, version, wait_s):
        """Changes behind the version, and the version that is known then; None: forgotten."""
        store, server = self.server.store, self.server
        with store.lock:
            first = version - store.log[0].version + 1 if store.log else 0
            if call.resource in server.held or not store.log or first >= len(store.log):
                store.changed.wait(wait_s)
            if call.resource in server.held or not store.log:
                return [], version
            first = version - store.log[0].version + 1
            return [c for c in store.log[max(first, 0):] if self.is_seen(call, c.key)], store.version

    def follow(self, call, version, forgets):
        end = time.monotonic() + int(call.query.get("timeoutSeconds", 300))
        told, hushed = time.monotonic(), self.server.hushed
        while time.monotonic() < end and not self.server.ended.is_set():
            if self.server.forgets[call.resource] > forgets:
                self.event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"})
                return
            changes, version = self.next_changes(call, version, 1)
            while self.server.away == "hang":  # it goes on later, as a machine does that was stopped
                time.sleep(0.1)
            if self.server.away == "cut":
                raise Cut
            if self.server.hushed > hushed:
                self.hang()
            for change in changes:
                self.tell(call, change)
                told = time.monotonic()
            if time.monotonic() - told > BOOKMARK_S and call.resource not in self.server.held:
                self.bookmark(version)
                told = time.monotonic()

    def tell(self, call, change):
        """A change of what the selector takes: what it takes no more is deleted for this watch."""
        was, is_now = call.selects(change.before), call.selects(change.object)
        if change.type == "DELETED":
            if was:
                self.event("DELETED", change.object)
        elif is_now:
            self.event("MODIFIED" if was else "ADDED", change.object)
        elif was:
            self.event("DELETED", change.object)
