# SPDX-License-Identifier: Apache-2.0
"""ClickHouse's engine of today, embedded (PyPI: chdb), behind as much of its HTTP interface as the connector speaks: for
types, settings and engines that the server of the test bed does not know. It knows no users and writes no trailers.

clickhouse_today.py FOLDER: keeps its data there and prints its port. FOLDER/plan, when it is there, has a word for each
insert of rows that comes; the insert does what its word says, after the last one all are answered:
  ok     it is written and answered
  cut    it is written, and the connection is closed without an answer
  short  it is written, and half of the answer comes
  late   it is written, and the answer comes after 1.5 s
  lost   it is not written, and the connection is closed
  full   it is not written: no space is left on the device
FOLDER/inserts gets the word and the query string of each. What a database tells of its tables, a view `tables` in it
tells in the place of system.tables, when FOLDER/tables is there: so a table can look like a replicated one."""
import http.server
import os
import re
import sys
import threading
import time
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
        if os.path.exists(os.path.join(folder, "tables")) and body.startswith((b"SELECT", b"WITH")):
            body = body.replace(b"system.tables", b"tables").replace(b"system.replicated_merge_tree_settings", b"(select '' as name, '0' as value)")
        return session.query(body.decode(), "TabSeparated").bytes() or b""
    statement, _, data = body.partition(b"\n")
    into, _, form = statement.decode().rpartition(" FORMAT ")
    path = os.path.join(folder, "body")
    with open(path, "wb") as f:
        f.write(data)
    settings = ", ".join(f"{k} = {quoted(v)}" for k, v in options.items() if k not in OF_HTTP)
    session.query(f"{into} FROM INFILE {quoted(path)} {'SETTINGS ' + settings if settings else ''} FORMAT {form}")
    return b""


def next_word():
    """Takes the first word off the plan."""
    path = os.path.join(folder, "plan")
    try:
        with open(path) as f:
            words = f.read().split()
    except OSError:
        return "ok"
    if words:
        with open(path + ".new", "w") as f:
            f.write(" ".join(words[1:]))
        os.replace(path + ".new", path)
    return words[0] if words else "ok"


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
        word = "ok"
        try:
            with lock:
                if body.startswith(b"INSERT") and b" FORMAT RowBinary" in body:
                    word = next_word()
                    with open(os.path.join(folder, "inserts"), "a") as f:
                        f.write(f"{word} {self.path}\n")
                if word == "full":
                    raise OSError("Code: 1001. DB::Exception: filesystem error: No space left on device (STD_EXCEPTION)")
                answer = b"" if word == "lost" else run(body, options)
        except Exception as e:
            code = re.search(r"Code: (\d+)", str(e))
            self.answer(500, str(e).encode(), [("X-ClickHouse-Exception-Code", code.group(1) if code else "1002")])
            return
        if word == "late":
            time.sleep(1.5)
        if word in ("cut", "lost"):
            self.close_connection = True
        elif word == "short":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
            self.close_connection = True
        else:
            self.answer(200, answer)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Peer)
server.daemon_threads = True
server.handle_error = lambda *_: None  # a client that was killed
print(server.server_address[1], flush=True)
server.serve_forever()
