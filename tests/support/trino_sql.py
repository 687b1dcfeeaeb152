# SPDX-License-Identifier: Apache-2.0
"""A client of Trino of our own, for a judge that is not the connector.

trino_sql.py URL CATALOG SCHEMA STATEMENT: its rows, one a line as JSON."""
import json
import sys
import urllib.request

url, catalog, schema, statement = sys.argv[1:5]
headers = {"X-Trino-User": "judge", "X-Trino-Catalog": catalog, "X-Trino-Schema": schema,
           "X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME"}
reply = json.load(urllib.request.urlopen(urllib.request.Request(url + "/v1/statement", statement.encode(), headers)))
while True:
    for row in reply.get("data") or []:
        print(json.dumps(row, ensure_ascii=False))
    if "error" in reply:
        sys.exit(reply["error"]["message"])
    if "nextUri" not in reply:
        break
    reply = json.load(urllib.request.urlopen(urllib.request.Request(reply["nextUri"], headers=headers)))
