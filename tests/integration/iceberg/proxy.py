# SPDX-License-Identifier: Apache-2.0
"""A catalog's bad day: forwards to it and spoils answers to commits.

    proxy.py PORT-FILE TARGET PLAN-FILE LOG-FILE

PLAN-FILE has one word a line; each commit (a POST to a table) takes the first one away:
    ok       as it comes
    500      applied, then answered with 500
    cut      applied, then the connection is cut
    409      applied, then answered with 409
    twice    sent twice, and answered with what the second one got
    never    not applied, answered with 503
    append/KIND/TABLE   another writer commits a row with id 1000000 before it
    add/KIND/TABLE/NAME/TYPE   another writer adds a column before it
"""
import http.client
import http.server
import os
import subprocess
import sys
import threading
import urllib.parse

port_file, target, plan_file, log_file = sys.argv[1:5]
target = urllib.parse.urlsplit(target)
lock = threading.Lock()


def next_word():
    with lock:
        words = open(plan_file).read().split()
        open(plan_file, "w").write("\n".join(words[1:]) + "\n" if words[1:] else "")
        word = words[0] if words else "ok"
        open(log_file, "a").write(word + "\n")
        return word


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def forward(self, body):
        c = http.client.HTTPConnection(target.hostname, target.port, timeout=60)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
        c.request(self.command, self.path, body, headers)
        r = c.getresponse()
        data = r.read()
        c.close()
        return r.status, r.getheader("content-type") or "application/json", data

    def answer(self, status, kind, data):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def work(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0)) or None
        is_commit = self.command == "POST" and "/tables/" in self.path
        word = next_word() if is_commit else "ok"
        error = b'{"error":{"message":"told to fail","type":"","code":%d}}'
        if word == "never":
            self.answer(503, "application/json", error % 503)
            return
        if "/" in word:
            row = ['[{"id":1000000,"v":"other"}]'] if word.startswith("append/") else []
            subprocess.run([sys.executable, os.path.join(os.path.dirname(__file__), "readers.py"), *word.split("/"), *row],
                           check=True)
        status, kind, data = self.forward(body)
        if word == "twice":
            status, kind, data = self.forward(body)
        if word == "cut":
            self.close_connection = True
            return
        if word in ("500", "409"):
            status, kind, data = int(word), "application/json", error % int(word)
        self.answer(status, kind, data)

    do_GET = do_POST = do_DELETE = do_HEAD = do_PUT = work


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(port_file + ".new", "w") as f:
    f.write(str(server.server_address[1]))
os.rename(port_file + ".new", port_file)
server.serve_forever()
