#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A schema registry that fails as it is told: schema_registry.py FOLDER.

It writes its port to FOLDER/port and each request to FOLDER/asked, and reads before each request
  FOLDER/state.json  {"ids": {"7": {"schema": …, "schemaType": …, "references": […], "late": 2}},
                      "guids": {GUID: like an id}, "subjects": {NAME: [id, …]}}; late: says 404 so often first
  FOLDER/does        ok, down (503), hang, cut (half a reply), denied (401 without user alice:s3cret/%),
                     forbidden (403), lost (404 without an error code), incompatible (409 to registrations),
                     away (redirects to FOLDER/other, which is a URL), busy (429, come back in 2 s),
                     page (HTML), huge (a reply of 9 MiB)
Of requests with a user, the path is in FOLDER/users; when each came (in s), in FOLDER/times. Registrations are added to its memory and to FOLDER/registered."""
import base64
import http.server
import json
import os
import sys
import time
import urllib.parse

folder = sys.argv[1]
late, more = {}, {"ids": {}, "subjects": {}}


def read(name):
    with open(os.path.join(folder, name)) as f:
        return f.read()


def note(name, line):
    with open(os.path.join(folder, name), "a") as f:
        f.write(line + "\n")


class Missing(Exception):
    pass



class Registry(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body, **headers):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/vnd.schemaregistry.v1+json")
        self.send_header("content-length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if read("does").strip() == "cut" and self.path != "/schemas/types":
            self.wfile.write(data[:len(data) // 2])
            self.close_connection = True
            return
        self.wfile.write(data)

    def raw(self, data):
        self.send_response(200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def version_of(self, state, subject, version):
        ids = state["subjects"].get(subject)
        if ids is None:
            raise Missing(40401)
        number = len(ids) if version == "latest" else int(version)
        if not 1 <= number <= len(ids):
            raise Missing(40402)
        return {"subject": subject, "version": number, "id": ids[number - 1], **state["ids"][str(ids[number - 1])]}

    def look_up(self, state, subject, body):
        for number, one in enumerate(state["subjects"].get(subject, []), 1):
            if state["ids"][str(one)]["schema"] == body["schema"]:
                return {"subject": subject, "version": number, "id": one, **state["ids"][str(one)]}
        raise Missing(40403 if subject in state["subjects"] else 40401)

    def register(self, state, subject, body):
        try:
            return {"id": self.look_up(state, subject, body)["id"]}
        except Missing:
            number = max([int(n) for n in state["ids"]] + [100]) + 1
            more["ids"][str(number)] = {"schema": body["schema"]}
            more["subjects"].setdefault(subject, []).append(number)
            note("registered", f"{subject} {number}")
            return {"id": number}

    def answer(self, state, parts, body):
        if parts == ["schemas", "types"]:
            return ["AVRO"]
        if parts[:2] == ["schemas", "ids"]:
            one = state["ids"].get(parts[2])
            late[parts[2]] = late.get(parts[2], 0) + 1
            if one is None or late[parts[2]] <= one.get("late", 0):
                raise Missing(40403)
            return one
        if parts[:2] == ["schemas", "guids"]:
            if parts[2] not in state.get("guids", {}):
                raise Missing(40403)
            return state["guids"][parts[2]]
        if body is None:
            return self.version_of(state, parts[1], parts[3])
        return (self.register if len(parts) == 3 else self.look_up)(state, parts[1], body)

    def serve(self, body):
        note("asked", f"{self.command} {self.path}")
        note("times", str(time.monotonic()))
        if self.headers.get("authorization"):
            note("users", self.path)
        does = read("does").strip()
        user = base64.b64encode(b"alice:s3cret/%").decode()
        if does == "hang":
            time.sleep(60)
        if does == "down":
            return self.reply(503, {"error_code": 50301, "message": "no leader"})
        if does == "busy":
            return self.reply(429, {"error_code": 429, "message": "too many"}, **{"retry-after": "2"})
        if does in ("page", "huge") and self.path != "/schemas/types":
            return self.raw(b"<html>wait</html>" if does == "page" else b" " * (9 << 20))
        if does == "denied" and self.headers.get("authorization") != "Basic " + user:
            return self.reply(401, {"error_code": 401, "message": "Unauthorized"})
        if does == "forbidden" and self.path != "/schemas/types":
            return self.reply(403, {"error_code": 403, "message": "Forbidden"})
        if does == "lost":
            return self.reply(404, {"detail": "no such page"})
        if does == "away":
            return self.reply(302, {}, location=read("other").strip() + self.path)
        if does == "incompatible" and self.command == "POST" and self.path.endswith("/versions"):
            return self.reply(409, {"error_code": 409, "message": "incompatible with an earlier schema"})
        state = json.loads(read("state.json"))
        state["ids"] = {**state["ids"], **more["ids"]}
        for subject, ids in more["subjects"].items():
            state["subjects"][subject] = state["subjects"].get(subject, []) + ids
        parts = [urllib.parse.unquote(part) for part in urllib.parse.urlsplit(self.path).path.split("/")[1:]]
        try:
            self.reply(200, self.answer(state, parts, body))
        except Missing as code:
            self.reply(404, {"error_code": code.args[0], "message": "not found"})

    def do_GET(self):
        self.serve(None)

    def do_POST(self):
        self.serve(json.loads(self.rfile.read(int(self.headers["content-length"]))))


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
server.daemon_threads = True
server.handle_error = lambda *_: None  # whoever asked has gone
with open(os.path.join(folder, "port.new"), "w") as f:
    f.write(str(server.server_port))
os.rename(os.path.join(folder, "port.new"), os.path.join(folder, "port"))
server.serve_forever()
