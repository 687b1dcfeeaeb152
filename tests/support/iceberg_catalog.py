# SPDX-License-Identifier: Apache-2.0
"""A catalog for tables in files of this machine that speaks as much of Iceberg's REST protocol as one flow needs, for
tests that start no servers.

iceberg_catalog.py: prints its port, and ends with the process that started it. A table is made by POST of its schema and
its location; a commit is applied when the table is as its requirements say."""
import ctypes
import http.server
import json
import signal
import threading
import time
import urllib.parse
import uuid

ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
tables = {}
lock = threading.Lock()


def make(body):
    return {"format-version": 2, "table-uuid": str(uuid.uuid4()), "location": body["location"], "last-sequence-number": 0,
            "last-updated-ms": int(time.time() * 1000), "last-column-id": 1000, "current-schema-id": 0,
            "schemas": [{**body["schema"], "schema-id": 0}], "default-spec-id": 0,
            "partition-specs": [{"spec-id": 0, "fields": []}], "last-partition-id": 999, "default-sort-order-id": 0,
            "sort-orders": [{"order-id": 0, "fields": []}], "properties": body.get("properties", {}),
            "current-snapshot-id": -1, "refs": {}, "snapshots": [], "snapshot-log": [], "metadata-log": []}


def holds(table, r):
    if r["type"] == "assert-table-uuid":
        return r["uuid"] == table["table-uuid"]
    if r["type"] == "assert-ref-snapshot-id":
        return r["snapshot-id"] == table["refs"].get(r["ref"], {}).get("snapshot-id")
    return False


def apply(table, u):
    if u["action"] == "add-snapshot":
        table["snapshots"].append(u["snapshot"])
        table["last-sequence-number"] = u["snapshot"]["sequence-number"]
    elif u["action"] == "set-snapshot-ref":
        table["refs"][u["ref-name"]] = {"snapshot-id": u["snapshot-id"], "type": u["type"]}
        table["current-snapshot-id"] = u["snapshot-id"]
    elif u["action"] == "set-properties":
        table["properties"].update(u["updates"])
    elif u["action"] == "remove-snapshots":
        table["snapshots"] = [s for s in table["snapshots"] if s["snapshot-id"] not in u["snapshot-ids"]]
    else:
        raise ValueError(u["action"])


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, value):
        data = json.dumps(value if status < 400 else {"error": {"message": value, "type": "", "code": status}}).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        name = urllib.parse.urlsplit(self.path).path
        with lock:
            if name == "/v1/config":
                self.answer(200, {"defaults": {}, "overrides": {}})
            elif name in tables:
                self.answer(200, {"metadata": tables[name], "config": {}})
            else:
                self.answer(404, "no such table")

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with lock:
            if self.path.endswith("/tables"):
                tables[self.path + "/" + body["name"]] = table = make(body)
                self.answer(200, {"metadata": table, "config": {}})
            elif self.path not in tables:
                self.answer(404, "no such table")
            elif not all(holds(tables[self.path], r) for r in body["requirements"]):
                self.answer(409, "the table is another one by now")
            else:
                for u in body["updates"]:
                    apply(tables[self.path], u)
                self.answer(200, {"metadata": tables[self.path]})


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
