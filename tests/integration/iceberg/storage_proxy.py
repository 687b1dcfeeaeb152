# SPDX-License-Identifier: Apache-2.0
"""A storage's bad day: forwards to an S3 and spoils answers.

    storage_proxy.py PORT-FILE TARGET PLAN-FILE

Each line of PLAN-FILE is "METHOD TEXT WORD"; the first request with that method and that text in its URL takes the
first line away:
    503        not done, answered with 503
    lost       done, then the connection is cut
    error200   not done, answered with 200 and an error in it
    done200    done, answered with 200 and an error in it
    cut        done, and the connection ends in the middle of the answer's body
    short      done, and the answer is the first half of it, as if that were all
    whole      done for the whole object, though a range of it was asked for
    slow       done, and the answer comes in pieces
    ok         done
"""
import http.client
import http.server
import os
import sys
import threading
import time
import urllib.parse

port_file, target, plan_file = sys.argv[1:4]
target = urllib.parse.urlsplit(target)
lock = threading.Lock()
ERROR = b"<?xml version=\"1.0\"?><Error><Code>%s</Code><Message>told to fail</Message></Error>"


def word_of(method, url):
    with lock:
        lines = open(plan_file).read().splitlines()
        if not lines:
            return "ok"
        wanted, text, word = lines[0].split()
        if wanted != method or text not in url:
            return "ok"
        open(plan_file, "w").write("".join(line + "\n" for line in lines[1:]))
        return word


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, headers, data):
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("transfer-encoding", "connection", "content-length", "date", "server"):
                self.send_header(name, value)
        length = dict((k.lower(), v) for k, v in headers).get("content-length") if self.command == "HEAD" else None
        self.send_header("content-length", length or str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.write(data)

    def write(self, data):
        data = data[:len(data) // 2] if self.word == "cut" else data
        piece = max(1, len(data) // 20) if self.word == "slow" else len(data) or 1
        for at in range(0, len(data), piece):
            if self.word == "slow":
                time.sleep(0.05)
            self.wfile.write(data[at:at + piece])
        self.close_connection = self.close_connection or self.word == "cut"

    def work(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        word = self.word = word_of(self.command, self.path)
        if word in ("503", "error200"):
            status, code = {"503": (503, b"SlowDown"), "error200": (200, b"InternalError")}[word]
            self.answer(status, [], ERROR % code)
            return
        c = http.client.HTTPConnection(target.hostname, target.port, timeout=60)
        c.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if word != "whole" or name.lower() != "range":
                c.putheader(name, value)
        c.endheaders(body or None)
        r = c.getresponse()
        data = r.read()
        c.close()
        if word == "lost":
            self.close_connection = True
        elif word == "done200":
            self.answer(200, [], ERROR % b"InternalError")
        else:
            self.answer(r.status, r.getheaders(), data[:len(data) // 2] if word == "short" else data)

    do_GET = do_POST = do_DELETE = do_HEAD = do_PUT = work


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(port_file + ".new", "w") as f:
    f.write(str(server.server_address[1]))
os.rename(port_file + ".new", port_file)
server.serve_forever()
