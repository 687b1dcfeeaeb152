#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What prometheus-adapter does for the rule of deploy/samples/hpa.yaml: answers external.metrics.k8s.io.

external_metrics.py PROMETHEUS HPA CERTIFICATE KEY

Prints its port. The query of the rule is taken from the sample's comment, so that what people copy is what is asked.
"""
import http.server
import json
import re
import ssl
import sys
import time
import urllib.parse
import urllib.request

GROUP = "external.metrics.k8s.io/v1beta1"
prometheus, sample, certificate, key = sys.argv[1:]
RULE = re.search(r"metricsQuery: '(.*)'", open(sample, encoding="utf-8").read())[1]
METRIC = re.search(r"seriesQuery: '(\w+)", open(sample, encoding="utf-8").read())[1]


def ask(namespace, selector):
    labels = [("namespace", namespace), *(pair.split("=") for pair in selector.split(",") if pair)]
    query = RULE.replace("<<.LabelMatchers>>", ",".join(f'{name}="{value}"' for name, value in labels))
    with urllib.request.urlopen(f"{prometheus}/api/v1/query?" + urllib.parse.urlencode({"query": query})) as reply:
        rows = json.load(reply)["data"]["result"]
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return [{"metricName": METRIC, "metricLabels": dict(labels), "timestamp": now, "value": row["value"][1]} for row in rows]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        at = re.fullmatch(rf"/apis/{GROUP}/namespaces/([^/]+)/{METRIC}", url.path)
        if at:
            selector = urllib.parse.parse_qs(url.query).get("labelSelector", [""])[0]
            body = {"kind": "ExternalMetricValueList", "apiVersion": GROUP, "metadata": {}, "items": ask(at[1], selector)}
        elif url.path == f"/apis/{GROUP}":
            body = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": GROUP, "resources": [
                {"name": METRIC, "singularName": "", "namespaced": True, "kind": "ExternalMetricValueList", "verbs": ["get"]}]}
        else:
            self.send_error(404)
            return
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_words):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
