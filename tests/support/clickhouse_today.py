# SPDX-License-Identifier: Apache-2.0
"""ClickHouse's engine of today, embedded (PyPI: chdb), behind as much of its HTTP interface as the connector speaks: for
types, settings and engines that the server of the test bed does not know. It knows no users and writes no trailers.

clickhouse_today.py FOLDER: keeps its data there and prints its port."""
import http.server
import os
import re
import sys
import threading
import urllib.parse

import chdb.session

folder = sys.argv[1]
session = chdb.session.Session(os.path.join(folder, "data"))
lock = threading.Lock()
OF_HTTP = {"database", "wait_end_of_query", "query"}


def quoted(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def run(body, options):
    """The answer to a statement; what follows an INSERT's first line is its data."""
    if "database" in options:
        session.query(f"USE `{options['database']}`")
    if not body.startswith(b"INSERT") or b" FORMAT RowBinary" not in body:
        return session.query(body.decode(), "TabSeparated").bytes() or b""
    statement, _, data = body.partition(b"\n")
    into, _, form = statement.decode().rpartition(" FORMAT ")
    path = os.path.join(folder, "body")
    with open(path, "wb") as f:
        f.write(data)
    settings = ", ".join(f"{k} = {quoted(v)}" for k, v in options.items() if k not in OF_HTTP)
    session.query(f"{into} FROM INFILE {quoted(path)} {'SETTINGS ' + settings if settings else ''} FORMAT {form}")
    return b""


class Peer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        options = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query, keep_blank_values=True))
        try:
            with lock:
                answer = run(body, options)
        except Exception as e:
            code = re.search(r"Code: (\d+)", str(e))
            self.answer(500, str(e).encode(), [("X-ClickHouse-Exception-Code", code.group(1) if code else "1002")])
        else:
            self.answer(200, answer)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Peer)
server.daemon_threads = True
print(server.server_address[1], flush=True)
server.serve_forever()
