# SPDX-License-Identifier: Apache-2.0
"""A catalog that wants tokens and gives keys of the storage, both of which end in seconds: forwards to a Nessie and an S3.

    auth_peer.py DIR NESSIE S3

DIR/ports gets three ports: catalog, storage, another token endpoint. Words in DIR/mode, read for each request:
    down     the token endpoints answer 504
    silent   the keys do not say when they end
    s419     a token that ended is answered with 419 instead of 401
    short    a token ends after two seconds, whatever it says
DIR/log gets a line for each token ("token"), each set of keys ("keys"), each request with a token that ended ("late") and
each one to the storage with keys that ended ("expired").
"""
import base64
import http.client
import http.server
import json
import os
import sys
import threading
import time
import urllib.parse

folder, nessie, s3 = sys.argv[1], urllib.parse.urlsplit(sys.argv[2]), urllib.parse.urlsplit(sys.argv[3])
LIFE = {"token": 4, "keys": 5}
CLIENT = base64.b64encode(b"flow:s3cret/+ x").decode()
ends = {}
lock = threading.Lock()


def modes():
    try:
        return open(folder + "/mode").read().split()
    except FileNotFoundError:
        return []


def log(*words):
    with lock, open(folder + "/log", "a") as f:
        print(*words, file=f)


def issue(what):
    with lock:
        name = "%s-%d" % (what, len(ends))
        ends[name] = time.time() + (2 if what == "token" and "short" in modes() else LIFE[what])
    log(what)
    return name


def is_valid(name):
    return ends.get(name, 0) > time.time()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    role = ""

    def log_message(self, *_):
        pass

    def answer(self, status, data, headers=()):
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("transfer-encoding", "connection", "content-length", "date", "server"):
                self.send_header(name, value)
        length = dict((k.lower(), v) for k, v in headers).get("content-length") if self.command == "HEAD" else None
        self.send_header("content-length", length or str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def tell(self, status, value):
        self.answer(status, json.dumps(value).encode(), [("content-type", "application/json")])

    def give_token(self, body):
        if "down" in modes():
            self.answer(504, b"gateway time-out")
            return
        form = urllib.parse.parse_qs(body.decode())
        given = urllib.parse.unquote(base64.b64decode(self.headers.get("authorization", "Basic ").split(" ")[1]).decode())
        if given.encode() != base64.b64decode(CLIENT) or form["grant_type"] != ["client_credentials"]:
            self.tell(401, {"error": "invalid_client"})
            return
        self.tell(200, {"access_token": issue("token"), "token_type": "bearer", "expires_in": LIFE["token"]})

    def forward(self, to, body):
        c = http.client.HTTPConnection(to.hostname, to.port, timeout=60)
        c.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if self.role == "storage" or name.lower() not in ("authorization", "host"):
                c.putheader(name, value)
        if self.role != "storage":
            c.putheader("Host", to.netloc)
        c.endheaders(body or None)
        r = c.getresponse()
        data = r.read()
        c.close()
        return r.status, data, r.getheaders()

    def catalog(self, body):
        if self.path.endswith("/v1/oauth/tokens"):
            self.give_token(body)
            return
        if not is_valid(self.headers.get("authorization", "Bearer ").split(" ")[1]):
            log("late", self.path)
            self.tell(419 if "s419" in modes() else 401, {"error": {"message": "the token ended", "type": "", "code": 401}})
            return
        status, data, headers = self.forward(nessie, body)
        if self.command == "GET" and "/tables/" in self.path and status == 200 and \
                "vended-credentials" in self.headers.get("x-iceberg-access-delegation", ""):
            reply = json.loads(data)
            keys = {"s3.access-key-id": "AKIATEST", "s3.secret-access-key": "secret123", "s3.session-token": issue("keys")}
            if "silent" not in modes():
                keys["s3.session-token-expires-at-ms"] = str(int(ends[keys["s3.session-token"]] * 1000))
            reply["config"] = {**reply.get("config", {}), **keys}
            data = json.dumps(reply).encode()
        self.answer(status, data, headers)

    def storage(self, body):
        if not is_valid(self.headers.get("x-amz-security-token", "")):
            log("expired", self.command, self.path)
            self.answer(400, b"<?xml version=\"1.0\"?><Error><Code>ExpiredToken</Code><Message>it ended</Message></Error>")
            return
        self.answer(*self.forward(s3, body))

    def tokens(self, body):
        log("elsewhere")
        self.give_token(body)

    def work(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        getattr(self, self.role)(body)

    do_GET = do_POST = do_DELETE = do_HEAD = do_PUT = work


servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), type(role, (Handler,), {"role": role}))
           for role in ("catalog", "storage", "tokens")]
for one in servers:
    threading.Thread(target=one.serve_forever, daemon=True).start()
with open(folder + "/ports.new", "w") as f:
    print(*(one.server_address[1] for one in servers), file=f)
os.rename(folder + "/ports.new", folder + "/ports")
threading.Event().wait()
