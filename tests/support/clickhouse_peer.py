# SPDX-License-Identifier: Apache-2.0
"""A scripted server that talks as a ClickHouse of today over HTTP, for what the real one of the test bed does not show.

clickhouse_peer.py DIR STEP,STEP,...: prints its port. It has a table t (id Int64, v String, ver UInt64, del UInt8, w
String, d UInt8 DEFAULT 7) with ENGINE = ReplacingMergeTree(ver, del) ORDER BY id. The n-th insert with rows does what
the n-th step says; after the last one all are kept. DIR/inserts gets a line for each insert that came, DIR/rows the
rows of those that were kept."""
import ctypes
import gzip
import http.server
import json
import os
import struct
import sys
import threading
import time

TYPES = [("id", "Int64"), ("v", "String"), ("ver", "UInt64"), ("del", "UInt8"), ("w", "String"), ("d", "UInt8")]
folder, steps = sys.argv[1], sys.argv[2].split(",") if len(sys.argv) > 2 and sys.argv[2] else []
lock = threading.Lock()


class Rows:
    """Reads RowBinaryWithNamesAndTypes."""

    def __init__(self, body):
        self.body, self.at = body, 0

    def take(self, n):
        self.at += n
        if self.at > len(self.body):
            raise ValueError("cut off")
        return self.body[self.at - n:self.at]

    def length(self):
        value, shift = 0, 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return value

    def text(self):
        return self.take(self.length()).decode()

    def all(self):
        names = [self.text() for _ in range(self.length())]
        types = [self.text() for _ in names]
        if any((n, t) not in TYPES for n, t in zip(names, types)):
            raise LookupError("other columns")
        rows = []
        while self.at < len(self.body):
            row = {}
            for name, kind in zip(names, types):
                row[name] = self.text() if kind == "String" else struct.unpack(
                    {"Int64": "<q", "UInt64": "<Q", "UInt8": "<B"}[kind], self.take(8 if kind != "UInt8" else 1))[0]
            rows.append(row)
        return rows


def unpack(body, encoding):
    """What Content-Encoding says of the body, by the libraries themselves."""
    room = 1 << 24
    out = ctypes.create_string_buffer(room)
    if encoding == "zstd":
        zstd = ctypes.CDLL("libzstd.so.1")
        zstd.ZSTD_decompress.restype = ctypes.c_size_t
        size = zstd.ZSTD_decompress(out, ctypes.c_size_t(room), body, ctypes.c_size_t(len(body)))
        return out.raw[:size]
    if encoding == "lz4":
        lz4 = ctypes.CDLL("liblz4.so.1")
        context, size, taken = ctypes.c_void_p(), ctypes.c_size_t(room), ctypes.c_size_t(len(body))
        lz4.LZ4F_decompress.restype = ctypes.c_size_t
        lz4.LZ4F_createDecompressionContext(ctypes.byref(context), 100)
        left = lz4.LZ4F_decompress(context, out, ctypes.byref(size), body, ctypes.byref(taken), None)
        lz4.LZ4F_freeDecompressionContext(context)
        return out.raw[:size.value] if left == 0 and taken.value == len(body) else b""
    return gzip.decompress(body) if encoding == "gzip" else body


class Peer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, text, headers=(), announced=None):
        body = text.encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(announced or len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = announced is not None

    def refuse(self, code, name, status=500):
        self.answer(status, f"Code: {code}. DB::Exception: no. ({name}) (version 23.8.2.7 (official build))\n",
                    [("X-ClickHouse-Exception-Code", str(code))])

    def do_POST(self):
        body = unpack(self.rfile.read(int(self.headers["Content-Length"])), self.headers["Content-Encoding"])
        statement, _, data = body.partition(b"\n")
        if body.startswith(b"SELECT version()"):
            self.answer(200, "23.8.2.7\n")
        elif body.startswith(b"DESCRIBE"):
            self.answer(200, "".join(f"{n}\t{t}\t{'DEFAULT' if n == 'd' else ''}\t\t\t\t\n" for n, t in TYPES))
        elif body.startswith(b"SELECT engine"):
            self.answer(200, "ReplacingMergeTree\tReplacingMergeTree(ver, del) ORDER BY id\tid\n")
        elif body.startswith(b"EXISTS"):
            self.answer(200, "1\n")
        elif body.startswith(b"INSERT"):
            self.insert(statement.decode(), data)
        else:
            self.refuse(62, "SYNTAX_ERROR", 400)

    def insert(self, statement, data):
        try:
            rows = Rows(data).all()
        except LookupError:
            return self.refuse(16, "NO_SUCH_COLUMN_IN_TABLE", 404)
        if not rows:
            return self.refuse(16, "NO_SUCH_COLUMN_IN_TABLE", 404) if self.server.refuses else self.answer(200, "")
        with lock:
            step = steps.pop(0) if steps else "keep"
            if any(row["v"] == "refused" for row in rows):
                step = "constraint"
            self.server.refuses = step == "column"
            with open(os.path.join(folder, "inserts"), "a") as f:
                f.write(f"{step} {len(rows)} {self.path} {statement} {self.headers['Content-Encoding']}\n")
            if step in ("keep", "cut", "short"):
                with open(os.path.join(folder, "rows"), "a") as f:
                    f.writelines(json.dumps(row) + "\n" for row in rows)
        if step == "cut":  # it is done, and nobody hears of it
            self.close_connection = True
        elif step == "short":
            self.answer(200, "", announced=10)
        elif step == "noted":  # the body was not read to its end, and the status says nothing
            self.answer(200, "", [("X-ClickHouse-Exception-Code", "209")])
        elif step == "busy":
            self.refuse(252, "TOO_MANY_PARTS")
        elif step == "space":
            self.refuse(243, "NOT_ENOUGH_SPACE")
        elif step == "full":  # told by what failed, in words of the system
            self.answer(500, "Code: 1001. DB::Exception: std::exception. Code: 1001, type: std::__1::__fs::filesystem::filesystem_error, "
                        "e.what() = filesystem error: in rename: No space left on device [\"/x\"] (STD_EXCEPTION)\n",
                        [("X-ClickHouse-Exception-Code", "1001")])
        elif step == "gateway":
            self.answer(503, "upstream is away", [("Retry-After", "1")])
        elif step == "dropped":  # while a slow insert runs a column goes
            TYPES.remove(("w", "String"))
            time.sleep(1)
            self.refuse(16, "NO_SUCH_COLUMN_IN_TABLE", 404)
        elif step == "column":  # a replica that does not know of a column yet
            self.refuse(16, "NO_SUCH_COLUMN_IN_TABLE", 404)
        elif step == "view":  # what a view of the table writes to is not there
            self.refuse(60, "UNKNOWN_TABLE", 404)
        elif step == "constraint":
            self.refuse(469, "VIOLATED_CONSTRAINT")
        else:
            self.answer(200, "")


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Peer)
server.daemon_threads = True
server.refuses = False
print(server.server_address[1], flush=True)
server.serve_forever()
