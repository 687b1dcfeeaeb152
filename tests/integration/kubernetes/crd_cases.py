# SPDX-License-Identifier: Apache-2.0
"""Wrong manifests, as changes of good ones, and who refuses each.

A case is (name, base, changes, who). A change is (path, value); GONE takes the member out. `who` is
  BOTH              every judge refuses it
  NONE              every judge accepts it
  "validator NAME"  only the validator refuses it; NAME is a row of docs/crd.md
  "crd NAME"        only the CRD refuses it; NAME likewise
  FREE              the CRD accepts it if the validator does
Cases that follow from the option tables are made from them (see generated).
"""
import json

GONE = object()
BOTH, NONE, FREE = "both", "none", "free"
API = "dataflow.dataflow.io/v1"


def flow(kind="DataFlow", **spec):
    return {"apiVersion": API, "kind": kind, "metadata": {"name": "a"}, "spec": spec}


KAFKA = {"brokers": "kafka:9092", "topic": "events"}
PG = {"connectionString": "postgres://u@db/d", "table": "events"}
TRANSFORMS = [
    {"type": "timestamp"},
    {"type": "flatten", "config": {"field": "items"}},
    {"type": "filter", "config": {"condition": "$.a == 1"}, "when": "$.b"},
    {"type": "mask", "config": {"fields": ["$.x"], "maskChar": "#", "keepLength": True}},
    {"type": "select", "config": {"fields": ["a.b"]}},
    {"type": "remove", "config": {"fields": ["a"]}},
    {"type": "snakeCase", "config": {"deep": True}},
    {"type": "camelCase", "config": None},
    {"type": "debeziumUnwrap", "config": {"snapshotOperation": "update", "addSourceFields": ["table"]}},
    {"type": "replaceField", "config": {"renames": ["a:b"], "exclude": ["c"]}},
    {"type": "headersToPayload", "config": {"mappings": ["h:a.b"]}},
    {"type": "structFlatten", "config": {"delimiter": "_"}},
    {"type": "extractField", "config": {"field": "a"}},
    {"type": "hoistField", "config": {"field": "record"}},
    {"type": "cast", "config": {"spec": {"a": "int64", "b": None}}},
    {"type": "timezone", "config": {"timezone": "Europe/Berlin", "fields": ["t"], "format": "RFC3339"}},
    {"type": "insertField", "config": {"fields": {"a": "x", "b": 1, "c": True, "d": 1.5}}},
    {"type": "setKey", "config": {"field": "id", "missing": None}},
    {"type": "router", "config": {"routes": [{"condition": "$.a", "sink": {"type": "kafka", "config": KAFKA}}]}},
]
OLD = [
    {"type": "filter", "filter": {"condition": "$.a"}},
    {"type": "mask", "mask": {"fields": ["x"]}},
    {"type": "router", "router": {"routes": [{"condition": "$.a", "sink": {"type": "kafka", "kafka": KAFKA}}]}},
    {"type": "timestamp", "timestamp": {}},
    {"type": "hoistField", "hoistField": {"field": "record"}},
    {"type": "replaceField", "replaceField": {"include": ["a"]}},
]
BASES = {
    "new": flow(source={"type": "kafka", "config": {**KAFKA, "consumerMaxWait": "500ms", "netReadTimeout": 60}},
                sink={"type": "postgresql", "config": {**PG, "batchSize": "100", "batchFlushIntervalSeconds": 10}},
                errors={"type": "kafka", "config": KAFKA, "ackPolicy": "afterWrite"}, transformations=TRANSFORMS,
                replicas=3, memoryLimit="128MiB", transformWorkers=4, stopTimeout="1m30s",
                maintenance={"startTime": "2026-01-02T03:04:05Z", "duration": "2h", "repeat": "daily",
                             "timezone": "Europe/Berlin"},
                resources={"limits": {"cpu": 0.5, "memory": "128Mi"}, "requests": {"cpu": "100m"}},
                nodeSelector={"disk": "ssd"}, imagePullSecrets=[{"name": "r"}], restartNonce=7,
                tolerations=[{"key": "a", "operator": "Exists"}], upgradePolicy="OnSpecChange",
                affinity={"nodeAffinity": {"x": [1]}}, podDisruptionBudget=True),
    "old": flow(source={"type": "kafka", "kafka": KAFKA}, sink={"type": "postgresql", "postgresql": PG},
                errors={"type": "kafka", "kafka": KAFKA}, transformations=OLD),
    "secrets": flow(source={"type": "kafka", "config": {
        "brokersSecretRef": {"name": "k", "key": "b"}, "topicSecretRef": {"name": "k", "key": "t", "namespace": "n"}}},
        sink={"type": "postgresql", "postgresql": {"connectionStringSecretRef": {"name": "p", "key": "c"},
                                                   "tableSecretRef": {"name": "p", "key": "t"}}}),
    "poll": flow(source={"type": "memory", "config": {"server": "s"}}, sink={"type": "postgresql", "config": PG}),
    "exact": flow(source={"type": "memory", "config": {"server": "s"}}, sink={"type": "memory"},
                  deliveryGuarantee="exactlyOnce"),
    "cron": flow("DataFlowCron", source={"type": "generate", "config": {"count": 10, "rate": 0.5}},
                 sink={"type": "null"}, schedule="*/5 1-3 * JAN mon,fri", timeZone="Europe/Berlin",
                 concurrencyPolicy="Forbid", suspend=False, successfulJobsHistoryLimit=3, failedJobsHistoryLimit="1",
                 startingDeadlineSeconds=100,
                 triggers=[{"name": "a", "image": "i", "command": ["sh"], "args": ["${X}"], "imagePullPolicy": "Always",
                            "env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"x": {}}}],
                            "resources": {"limits": {"cpu": 1}}}]),
}
STRICT = ("spec.strictIdempotency", True)
UPSERT = {**PG, "upsertMode": True, "conflictKey": "id"}


def transform(*stages):
    return ("spec.transformations", list(stages))


def t(kind, config):
    return transform({"type": kind, "config": config})


def o(kind, config):
    return transform({"type": kind, kind: config})


ROUTE = "spec.transformations.18.config.routes.0.sink"
OLD_ROUTE = "spec.transformations.2.router.routes.0.sink"

CASES = [
    # ---- the shape of a flow
    ("no spec", "new", [("spec", GONE)], BOTH),
    ("no source", "new", [("spec.source", GONE)], BOTH),
    ("source null", "new", [("spec.source", None)], BOTH),
    ("no sink", "new", [("spec.sink", GONE)], BOTH),
    ("source a text", "new", [("spec.source", "kafka")], BOTH),
    ("source a list", "new", [("spec.source", [])], BOTH),
    ("transformations a map", "new", [("spec.transformations", {})], BOTH),
    ("a transformation a text", "new", [("spec.transformations", ["camelCase"])], BOTH),
    ("no transformations", "new", [("spec.transformations", GONE)], NONE),
    ("transformations null", "new", [("spec.transformations", None)], NONE),
    ("transformations empty", "new", [("spec.transformations", [])], NONE),
    # ---- types
    ("no source type", "new", [("spec.source.type", GONE)], BOTH),
    ("source type empty", "new", [("spec.source.type", "")], BOTH),
    ("source type null", "new", [("spec.source.type", None)], BOTH),
    ("source type a map", "new", [("spec.source.type", {})], BOTH),
    ("source type a typing error", "new", [("spec.source.type", "kafak")], BOTH),
    ("source type in capitals", "new", [("spec.source.type", "Kafka")], BOTH),
    ("source type a transformation", "new", [("spec.source.type", "mask")], BOTH),
    ("source type only a sink", "poll", [("spec.source", {"type": "null"})], BOTH),
    ("sink type only a source", "poll", [("spec.sink", {"type": "generate"})], BOTH),
    ("sink type a change stream", "poll", [("spec.sink", {"type": "postgresql-cdc", "config": PG})], BOTH),
    ("no sink type", "new", [("spec.sink.type", GONE)], BOTH),
    ("sink type unknown", "new", [("spec.sink.type", "oracle")], BOTH),
    ("no transformation type", "new", [transform({"config": {"field": "a"}})], BOTH),
    ("transformation type unknown", "new", [transform({"type": "fliter", "config": {"condition": "$.a"}})], BOTH),
    ("transformation type a connector", "new", [transform({"type": "kafka", "config": KAFKA})], BOTH),
    ("route sink without type", "new", [(ROUTE + ".type", GONE)], BOTH),
    ("route sink unknown", "new", [(ROUTE + ".type", "kafak")], BOTH),
    ("old route sink unknown", "old", [(OLD_ROUTE + ".type", "kafak")], BOTH),
    ("errors unknown", "new", [("spec.errors.type", "kafak")], BOTH),
    ("errors without type", "new", [("spec.errors.type", GONE), ("spec.errors.ackPolicy", GONE)], BOTH),
    ("kind x-own", "poll", [("spec.sink", {"type": "x-own", "config": {"any": {"thing": 1}}})], "validator kinds"),
    ("a postgresql source without anything, old layout", "poll", [("spec.source", {"type": "postgresql", "postgresql": {"any": 1}})], BOTH),
    # ---- layouts
    ("options twice", "new", [("spec.source.kafka", KAFKA)], BOTH),
    ("sink options twice", "old", [("spec.sink.config", PG)], BOTH),
    ("transformation options twice", "new", [transform({"type": "filter", "filter": {"condition": "a"},
                                                        "config": {"condition": "a"}})], BOTH),
    ("the block of another type", "old", [("spec.source", {"type": "kafka", "postgresql": PG})], BOTH),
    ("a second block", "old", [("spec.sink.kafka", KAFKA)], BOTH),
    ("the block of another transformation", "old", [transform({"type": "filter", "mask": {"fields": ["a"]}})], BOTH),
    ("the block of another type in errors", "old", [("spec.errors.postgresql", PG)], BOTH),
    ("the block of another type in a route", "old", [(OLD_ROUTE + ".postgresql", PG)], BOTH),
    ("config a text", "new", [("spec.source.config", "x")], BOTH),
    ("config a list", "new", [("spec.sink.config", [])], BOTH),
    ("the block a text", "old", [("spec.source.kafka", "x")], BOTH),
    # ---- required options
    *(("%s: no %s" % (base, path[5:]), base, [(path, GONE)], BOTH) for base, path in (
        ("new", "spec.source.config"), ("new", "spec.source.config.topic"), ("new", "spec.source.config.brokers"),
        ("new", "spec.sink.config"), ("new", "spec.sink.config.table"), ("new", "spec.sink.config.connectionString"),
        ("new", "spec.errors.config"), ("new", "spec.errors.config.topic"), ("new", "spec.errors.config.brokers"),
        ("new", ROUTE + ".config"), ("new", ROUTE + ".config.topic"), ("new", ROUTE + ".config.brokers"),
        ("old", "spec.source.kafka"), ("old", "spec.source.kafka.topic"), ("old", "spec.source.kafka.brokers"),
        ("old", "spec.sink.postgresql.table"), ("old", "spec.errors.kafka.topic"), ("old", "spec.errors.kafka.brokers"),
        ("old", OLD_ROUTE + ".kafka"), ("old", OLD_ROUTE + ".kafka.topic"), ("old", OLD_ROUTE + ".kafka.brokers"),
        ("secrets", "spec.source.config.topicSecretRef"), ("secrets", "spec.source.config.brokersSecretRef"),
        ("secrets", "spec.sink.postgresql.tableSecretRef"),
        ("secrets", "spec.sink.postgresql.connectionStringSecretRef"))),
    ("topic null", "new", [("spec.source.config.topic", None)], BOTH),
    ("topic empty", "new", [("spec.source.config.topic", "")], BOTH),
    ("table empty", "old", [("spec.sink.postgresql.table", "")], BOTH),
    ("brokers null", "new", [("spec.source.config.brokers", None)], "validator layouts"),
    ("brokers empty", "new", [("spec.source.config.brokers", "")], "validator layouts"),
    ("brokers a list", "new", [("spec.source.config.brokers", ["a:9092", "b:9092"])], NONE),
    ("brokers a map", "new", [("spec.source.config.brokers", {"a": 1})], "validator untyped"),
    ("brokers and their Secret", "new", [("spec.source.config.brokersSecretRef", {"name": "a", "key": "b"})], NONE),
    # ---- SecretRefs
    ("a Secret without key", "secrets", [("spec.source.config.topicSecretRef.key", GONE)], BOTH),
    ("a Secret without name", "secrets", [("spec.sink.postgresql.tableSecretRef.name", GONE)], BOTH),
    ("a Secret with an empty key", "secrets", [("spec.source.config.topicSecretRef.key", "")], BOTH),
    ("a Secret with an empty name", "secrets", [("spec.source.config.topicSecretRef.name", "")], BOTH),
    ("a Secret's name too long", "secrets", [("spec.source.config.topicSecretRef.name", "n" * 254)], BOTH),
    ("a Secret's namespace too long", "secrets", [("spec.source.config.topicSecretRef.namespace", "n" * 64)], BOTH),
    ("a Secret a text", "secrets", [("spec.source.config.topicSecretRef", "k/t")], BOTH),
    ("a Secret with more", "secrets", [("spec.source.config.topicSecretRef.optional", True)], "validator unknown"),
    # ---- unknown fields
    *(("unknown: " + path, base, [(path, "x")], "validator unknown") for base, path in (
        ("new", "spec.source.config.topik"), ("new", "spec.source.topic"), ("new", "spec.maxUncommited"),
        ("new", "spec.maintenance.start"), ("new", "spec.transformations.0.if"), ("old", "spec.sink.postgresql.tabel"),
        ("new", "spec.transformations.3.config.field"), ("new", "spec.resources.limit"), ("new", "spec.errors.policies"),
        ("cron", "spec.triggers.0.volumes"), ("new", ROUTE + ".config.tabel"), ("new", "spec.source.when"),
        ("new", "spec.schedule"), ("new", "spec.terminationGracePeriodSeconds"))),
    # ---- not supported yet
    ("tls a text", "new", [("spec.source.config.tls", "yes")], BOTH),
    # ---- kafka
    ("tls", "new", [("spec.source.config.tls", {"insecureSkipVerify": True})], NONE),
    ("sasl", "old", [("spec.source.kafka.sasl", {"username": "u", "password": "p"})], NONE),
    ("sasl by references", "new", [("spec.source.config.sasl", {
        "mechanism": "SCRAM_SHA_512", "usernameSecretRef": {"name": "s", "key": "u"},
        "passwordSecretRef": {"name": "s", "key": "p"}})], NONE),
    ("sasl without a password", "new", [("spec.source.config.sasl", {"username": "u"})], BOTH),
    ("no such mechanism", "old", [("spec.source.kafka.sasl", {"mechanism": "gssapi", "username": "u", "password": "p"})], BOTH),
    ("tls by references", "new", [("spec.source.config.tls", {"caSecretRef": {"name": "s", "key": "ca.crt"}})], NONE),
    ("topic with a blank", "new", [("spec.source.config.topic", "a b")], BOTH),
    ("topic too long", "old", [("spec.source.kafka.topic", "t" * 250)], BOTH),
    ("topic from the environment", "new", [("spec.source.config.topic", "${env:TOPIC}")], NONE),
    ("PLAINTEXT", "new", [("spec.source.config.securityProtocol", "plaintext")], NONE),
    ("no such protocol", "new", [("spec.source.config.securityProtocol", "TLS")], BOTH),
    ("no such protocol, sink", "old", [("spec.errors.kafka.securityProtocol", "TLS")], "validator routes"),
    *(("%s: %s" % (side, name), "new", [("spec.%s.config.%s" % (side, option), value) for option, value in options.items()],
       BOTH) for side in ("source", "errors") for name, options in (
           ("a topic with a slash", {"topic": "a/b"}), ("no such protocol", {"securityProtocol": "TLS"}),
           ("SSL without tls", {"securityProtocol": "SSL"}),
           ("SASL_SSL without sasl", {"securityProtocol": "sasl-ssl", "tls": {}}),
           ("PLAINTEXT with tls", {"securityProtocol": "PLAINTEXT", "tls": {}}),
           ("PLAINTEXT with sasl", {"securityProtocol": "plaintext", "sasl": {}}))),
    ("SASL_SSL without sasl, old", "old", [("spec.source.kafka.securityProtocol", "sasl-ssl"),
                                           ("spec.source.kafka.tls", {})], BOTH),
    ("PLAINTEXT with sasl, old", "old", [("spec.source.kafka.securityProtocol", "PLAINTEXT"),
                                         ("spec.source.kafka.sasl", {})], BOTH),
    ("read timeout too short", "new", [("spec.source.config.netReadTimeout", "400ms")], BOTH),
    ("read timeout as long", "old", [("spec.source.kafka.netReadTimeout", "1"),
                                     ("spec.source.kafka.consumerMaxWait", "1000ms")], BOTH),
    ("read timeout longer", "old", [("spec.source.kafka.netReadTimeout", "1.5"),
                                    ("spec.source.kafka.consumerMaxWait", "+1s")], NONE),
    ("requiredAcks local", "new", [("spec.errors.config.requiredAcks", "local")], BOTH),
    ("requiredAcks ALL", "new", [("spec.errors.config.requiredAcks", "ALL")], NONE),
    ("requiredAcks no word in a route", "new", [(ROUTE + ".config.requiredAcks", "some")], BOTH),
    ("requiredAcks none in a route", "new", [(ROUTE + ".config.requiredAcks", "none")], "validator routes"),
    ("requiredAcks none in an old route", "old", [(OLD_ROUTE + ".kafka.requiredAcks", "none")], "validator routes"),
    ("topics beside topic", "new", [("spec.source.config.topics", ["a"])], BOTH),
    ("topicPattern beside topic, old", "old", [("spec.source.kafka.topicPattern", "a.*")], BOTH),
    ("topicFrom alone", "new", [("spec.errors.config.topicFrom", "$.t")], BOTH),
    ("topicFrom and topicAllow", "new", [("spec.errors.config.topicFrom", "$.t"), ("spec.errors.config.topicAllow", "a.*")],
     NONE),
    ("topicCreate with no partitions", "new", [("spec.errors.config.topicCreate", {"partitions": 0})], BOTH),
    ("topicCreate", "old", [("spec.errors.kafka.topicCreate", {"partitions": 3, "config": {"retention.ms": 5}})], NONE),
    ("properties with a number", "new", [("spec.source.config.properties", {"queued.min.messages": 5})], NONE),
    ("properties unknown", "new", [("spec.source.config.properties", {"nonsense": "1"})], "validator properties"),
    ("properties a list", "new", [("spec.source.config.properties", ["a"])], BOTH),
    *(("%s: %s" % (side, name), "new", [("spec.%s.config.%s" % (side, option), value) for option, value in options.items()],
       who) for side in ("source", "errors") for name, options, who in (
           ("avro without a schema", {"format": "avro"}, BOTH), ("avro by a file", {"format": "AVRO", "avroSchemaFile": "a.avsc"}, NONE),
           ("avro by a Secret", {"format": "avro", "avroSchemaSecretRef": {"name": "s", "key": "a"}}, NONE),
           ("avro by a registry", {"format": "avro", "schemaRegistry": {"url": "https://r:8081"}}, NONE),
           ("a registry without avro", {"schemaRegistry": {"url": "https://r:8081"}}, BOTH),
           ("a schema for text", {"format": "text", "avroSchema": '"int"'}, BOTH))),
    *((name, "new", [("spec.errors.config." + option, value) for option, value in
                     {"format": "avro", "schemaRegistry": {"url": "https://r:8081"}, **options}.items()], who)
      for name, options, who in (
          ("autoRegister of nothing", {"autoRegister": True}, BOTH),
          ("autoRegister", {"autoRegister": True, "avroSchema": '"int"'}, NONE),
          ("a subject by a name that is not known", {"subjectStrategy": "record"}, BOTH),
          ("a version", {"schemaVersion": 3}, NONE),
          ("a version beside a schema", {"schemaVersion": 3, "avroSchema": '"int"'}, BOTH))),
    # ---- postgresql
    ("ifNewer alone", "new", [("spec.sink.config.upsertMode", True), ("spec.sink.config.upsertStrategy", "ifNewer")],
     BOTH),
    ("ifNewer alone, old", "old", [("spec.sink.postgresql.upsertMode", True),
                                   ("spec.sink.postgresql.upsertStrategy", "ifnewer")], BOTH),
    ("ifNewer", "new", [("spec.sink.config.upsertMode", True), ("spec.sink.config.upsertStrategy", "ifNewer"),
                        ("spec.sink.config.upsertVersionColumn", "v")], NONE),
    ("soft delete alone", "new", [("spec.sink.config.softDeleteColumn", "d")], BOTH),
    ("raw and upsert", "old", [("spec.sink.postgresql.rawMode", True), ("spec.sink.postgresql.upsertMode", True)], BOTH),
    ("flatten without raw", "new", [("spec.sink.config.flattenMetadataColumns", True)], BOTH),
    ("flatten false without raw", "new", [("spec.sink.config.flattenMetadataColumns", False)], NONE),
    ("a prefix with a digit first", "new", [("spec.sink.config.flattenMetadataColumnsPrefix", "1a")], BOTH),
    ("a connection string", "new", [("spec.sink.config.connectionString", "postgres://[")], "validator layouts"),
    ("a table name", "old", [("spec.sink.postgresql.table", "a.b.c.d")], "validator layouts"),
    # ---- other connectors
    ("memory: records and server", "poll", [("spec.source.config.records", ["{}"])], BOTH),
    ("generate: template", "cron", [("spec.source.config.template", "${nonsense}")], "validator layouts"),
    ("generate: rate a text", "cron", [("spec.source.config.rate", "10")], NONE),
    ("generate: rate a word", "cron", [("spec.source.config.rate", "fast")], "validator untyped"),
    ("generate: rate negative", "cron", [("spec.source.config.rate", -1)], BOTH),
    # ---- errors
    ("ackPolicy without sink", "poll", [("spec.errors", {"ackPolicy": "never"})], BOTH),
    ("policy with sink", "new", [("spec.errors.policy", "skip")], BOTH),
    ("empty policies", "poll", [("spec.errors", {"policy": "", "ackPolicy": ""})], NONE),
    ("policy alone", "poll", [("spec.errors", {"policy": "skip"})], NONE),
    ("errors empty", "poll", [("spec.errors", {})], NONE),
    ("ackPolicy unknown", "new", [("spec.errors.ackPolicy", "sometimes")], BOTH),
    # ---- settings
    ("replicas of a polling source", "poll", [("spec.replicas", 2)], BOTH),
    ("one replica of it", "poll", [("spec.replicas", 1)], NONE),
    ("replicas negative", "new", [("spec.replicas", -1)], BOTH),
    ("replicas too many", "new", [("spec.replicas", 2147483648)], BOTH),
    ("replicas null", "new", [("spec.replicas", None)], NONE),
    ("replicas as text", "new", [("spec.replicas", "2")], "crd replicas"),
    ("replicas of a cron", "cron", [("spec.replicas", 2)], BOTH),
    ("exactlyOnce with never", "exact", [("spec.errors", {"type": "memory", "ackPolicy": "never"})], BOTH),
    ("exactlyOnce with routes", "exact", [("spec.transformations", [TRANSFORMS[-1]])], BOTH),
    ("exactlyOnce with a reset", "exact", [("spec.checkpointReset", True)], BOTH),
    ("exactlyOnce of a sink that cannot", "exact", [("spec.sink", {"type": "stdio", "config": {"path": "out"}})],
     "validator guarantees"),
    ("exactlyOnce into a table", "exact", [("spec.sink", {"type": "postgresql", "config": PG})], NONE),
    ("strict", "poll", [STRICT], BOTH),
    ("strict, old", "poll", [STRICT, ("spec.sink", {"type": "postgresql", "postgresql": PG})], BOTH),
    ("strict without key", "poll", [STRICT, ("spec.sink.config.upsertMode", True)], BOTH),
    ("strict with upsert", "poll", [STRICT, ("spec.sink.config", UPSERT)], NONE),
    ("strict to kafka", "poll", [STRICT, ("spec.sink", {"type": "kafka", "config": KAFKA})], BOTH),
    ("strict from kafka", "new", [STRICT], NONE),
    ("strict with an error sink", "poll", [STRICT, ("spec.sink.config", UPSERT),
                                           ("spec.errors", {"type": "kafka", "config": KAFKA})], "validator guarantees"),
    # ---- maintenance
    ("maintenance without duration", "new", [("spec.maintenance.duration", GONE)], BOTH),
    ("maintenance without start", "new", [("spec.maintenance.startTime", GONE)], BOTH),
    ("maintenance with a null duration", "new", [("spec.maintenance.duration", None)], BOTH),
    ("maintenance suspended only", "new", [("spec.maintenance", {"suspended": True})], NONE),
    ("start no time", "new", [("spec.maintenance.startTime", "tomorrow")], BOTH),
    ("start without zone", "new", [("spec.maintenance.startTime", "2026-01-02T03:04:05")], BOTH),
    ("start in month 13", "new", [("spec.maintenance.startTime", "2026-13-02T03:04:05Z")], BOTH),
    ("zone with blanks", "new", [("spec.maintenance.timezone", "Europe / Berlin")], BOTH),
    ("zone unknown", "new", [("spec.maintenance.timezone", "Europe/Berlun")], "validator zones"),
    # ---- resources
    ("a negative quantity", "new", [("spec.resources.limits.cpu", "-1")], BOTH),
    ("a negative number", "new", [("spec.resources.limits.cpu", -1)], BOTH),
    ("a quantity in words", "new", [("spec.resources.requests.memory", "much")], BOTH),
    ("a quantity a map", "new", [("spec.resources.requests.memory", {})], "validator untyped"),
    ("more asked for than allowed", "new", [("spec.resources.requests.cpu", 1)], "validator amounts"),
    ("as much as is allowed", "new", [("spec.resources.requests.cpu", "500m")], NONE),
    ("a trigger's quantity", "cron", [("spec.triggers.0.resources.limits.cpu", "1x")], BOTH),
    # ---- cron
    ("no schedule", "cron", [("spec.schedule", GONE)], BOTH),
    ("schedule empty", "cron", [("spec.schedule", "")], BOTH),
    ("schedule of six fields", "cron", [("spec.schedule", "0 * * * * *")], BOTH),
    ("schedule of four fields", "cron", [("spec.schedule", "* * * *")], BOTH),
    ("schedule a macro", "cron", [("spec.schedule", "@hourly")], BOTH),
    *(("schedule %s" % text, "cron", [("spec.schedule", text)], who) for text, who in (
        ("60 * * * *", "validator amounts"), ("* 24 * * *", "validator amounts"), ("* * 0 * *", "validator amounts"),
        ("* * * 13 *", "validator amounts"), ("* * * * 7", "validator amounts"), ("5-1 * * * *", "validator amounts"),
        ("*/0 * * * *", "validator amounts"), ("0 0 30 2 *", "validator amounts"), ("0 0 29 2 *", NONE),
        ("0 0 30 2 1", NONE), ("59 23 31 12 SAT", NONE), ("1-59/2,0 */3 ? * *", NONE))),
    ("concurrencyPolicy in small letters", "cron", [("spec.concurrencyPolicy", "forbid")], BOTH),
    ("no concurrencyPolicy", "cron", [("spec.concurrencyPolicy", "")], NONE),
    ("a zone in the schedule", "cron", [("spec.schedule", "TZ=UTC 0 * * * *")], BOTH),
    ("the schedule's zone with blanks", "cron", [("spec.timeZone", "a b")], BOTH),
    ("the schedule's zone unknown", "cron", [("spec.timeZone", "Mars/Base")], "validator zones"),
    ("a trigger without image", "cron", [("spec.triggers.0.image", GONE)], BOTH),
    ("a trigger with an empty image", "cron", [("spec.triggers.0.image", "")], BOTH),
    ("env without name", "cron", [("spec.triggers.0.env.0.name", GONE)], BOTH),
    ("an argument a number", "cron", [("spec.triggers.0.args", [1])], "crd text"),
    # ---- transformations
    ("bare replaceField", "new", [transform({"type": "replaceField"})], "validator no-config"),
    ("bare camelCase", "new", [transform({"type": "camelCase"})], NONE),
    ("bare filter", "new", [transform({"type": "filter"})], BOTH),
    *((("%s: %s" % (kind, name), "new", [t(kind, config)], who)) for kind, name, config, who in (
        ("replaceField", "nothing", {}, BOTH), ("replaceField", "both", {"include": ["a"], "exclude": ["b"]}, BOTH),
        ("replaceField", "no colon", {"renames": ["ab"]}, BOTH), ("hoistField", "dots", {"field": "a.b"}, BOTH),
        ("hoistField", "brackets", {"field": "a[0]"}, BOTH), ("hoistField", "nothing", {}, BOTH),
        ("hoistField", "empty", {"field": ""}, BOTH), ("headersToPayload", "no colon", {"mappings": ["ab"]}, BOTH),
        ("headersToPayload", "none", {"mappings": []}, BOTH), ("headersToPayload", "nothing", {}, BOTH),
        ("headersToPayload", "no header", {"mappings": [":a"]}, "validator layouts"),
        ("structFlatten", "empty delimiter", {"delimiter": ""}, BOTH), ("cast", "no such type", {"spec": {"a": "int"}}, BOTH),
        ("cast", "none", {"spec": {}}, BOTH), ("cast", "nothing", {}, BOTH), ("cast", "a list", {"spec": ["a"]}, BOTH),
        ("mask", "no fields", {"fields": []}, BOTH), ("mask", "nothing", {}, BOTH),
        ("mask", "empty character", {"fields": ["a"], "maskChar": ""}, BOTH),
        ("mask", "fields a text", {"fields": "a"}, "validator untyped"), ("select", "no fields", {"fields": []}, BOTH),
        ("select", "the same name", {"fields": ["a.id", "b.id"]}, "validator select"), ("remove", "nothing", {}, BOTH),
        ("flatten", "nothing", {}, BOTH), ("flatten", "field a list", {"field": ["a"]}, BOTH),
        ("flatten", "no path", {"field": "a..b"}, "validator paths"), ("filter", "empty", {"condition": ""}, BOTH),
        ("filter", "no condition", {"condition": "$.a =="}, "validator paths"),
        ("timezone", "no zone", {"fields": ["a"]}, BOTH), ("timezone", "no fields", {"timezone": "UTC"}, BOTH),
        ("timezone", "no such format", {"timezone": "UTC", "fields": ["a"], "format": "unix"}, BOTH),
        ("timezone", "no such zone", {"timezone": "Mars/Base", "fields": ["a"]}, "validator zones"),
        ("timestamp", "a free format", {"format": "2006-01-02"}, NONE), ("insertField", "none", {"fields": {}}, BOTH),
        ("insertField", "nothing", {}, BOTH), ("insertField", "bad JSON", {"fields": {"a": "json:{"}}, "validator layouts"),
        ("insertField", "a value a map", {"fields": {"a": {}}}, "validator untyped"),
        ("debeziumUnwrap", "a blank name", {"addSourceFields": [" "]}, BOTH),
        ("debeziumUnwrap", "no such operation", {"snapshotOperation": "upsert"}, BOTH),
        ("setKey", "no such way", {"field": "a", "missing": "drop"}, BOTH), ("extractField", "nothing", {}, BOTH),
        ("router", "no routes", {"routes": []}, BOTH), ("router", "nothing", {}, BOTH),
        ("router", "no condition", {"routes": [{"sink": {"type": "null"}}]}, BOTH),
        ("router", "no sink", {"routes": [{"condition": "$.a"}]}, BOTH), ("router", "a route a text", {"routes": ["a"]}, BOTH),
        ("router", "101 routes", {"routes": [{"condition": "$.a == %d" % i, "sink": {"type": "null"}}
                                             for i in range(101)]}, "crd many"))),
    *((("old %s: %s" % (kind, name), "old", [o(kind, config)], who)) for kind, name, config, who in (
        ("replaceField", "nothing", {}, BOTH), ("replaceField", "both", {"include": ["a"], "exclude": ["b"]}, BOTH),
        ("hoistField", "dots", {"field": "a.b"}, BOTH), ("mask", "no fields", {"fields": []}, BOTH),
        ("mask", "fields a text", {"fields": "a"}, BOTH), ("cast", "no such type", {"spec": {"a": "int"}}, BOTH),
        ("insertField", "none", {"fields": {}}, BOTH), ("structFlatten", "empty delimiter", {"delimiter": ""}, BOTH),
        ("router", "no routes", {"routes": []}, BOTH), ("router", "no condition", {"routes": [{"sink": {"type": "null"}}]},
                                                        BOTH))),
    ("when a map", "new", [("spec.transformations.2.when", {})], BOTH),
    ("when no condition", "new", [("spec.transformations.2.when", "$.a &&")], "validator paths"),
    ("101 transformations", "poll", [("spec.transformations", [{"type": "camelCase"}] * 101)], "crd many"),
    # ---- what kubectl changes before the server sees it
    ("a topic that is a number", "new", [("spec.source.config.topic", 2024)], "crd text"),
    ("a table that is a bool", "old", [("spec.sink.postgresql.table", True)], "crd text"),
    ("a fraction of a second", "new", [("spec.stopTimeout", 0.5)], "crd fractions"),
    ("a fraction of a second in quotes", "new", [("spec.stopTimeout", "0.5")], NONE),
    ("a size out of range", "new", [("spec.memoryLimit", "1KiB")], "validator sizes"),
    ("a small number of bytes", "new", [("spec.memoryLimit", 1024)], BOTH),
]


# ---- cases from the option tables ----------------------------------------------------------------------

# type: values that are wrong for it.
WRONG = {
    "text": [{}, ["x"]], "secret": [{}, ["x"]], "path": [{}, ["x"]], "condition": [{}, ["x"]], "bool": ["maybe", 1, []],
    "int": ["ten", 1.5, {}, "", True], "size": ["lots", "10 parsecs", {}, True], "duration": ["soon", "10 parsecs", "-1s", {}],
    "enum": ["nonsense", {}], "list": [{}, 5], "map": [["x"], 5], "block": ["x", ["x"], 5],
}


# type: values in every way of writing them.
RIGHT = {
    "text": ["a", "${env:A}", "é", " a "], "secret": ["a", "${file:/a}"], "path": ["a", "$.a.b", "a[0]", "$['x.y']", "a[*]"],
    "condition": ["$.a", "!$.a && $.b == 'x'"], "bool": [True, False], "double": [0, 1.5, "2", "0.5", "1e3"],
    "int": [0, 1, 2, 5, 64, "1", "+2", 1000000], "size": [1048576, "1048576", "64MiB", "64Mi", "1.5Gi", "10MB", "64 MiB", "2k"],
    "duration": [1, 15, "15", "0.5", "30s", "1m30s", "250ms", "+1s", ".5s", "1.5h", "100us", "100µs", "1h0m0s", 0, "0"],
    "list": [[], ["a"], ["a", "b:c"]], "map": [{}, {"a": "b"}, {"a": 1, "b": True, "c": 1.5, "d": None}], "block": [{}],
}


def spellings(row):
    if row["type"] == "map" and row.get("host"):
        return [{"a": "b"}]                     # labels and quantities: texts
    if row["type"] != "enum":
        return RIGHT.get(row["type"], [])
    words = row["choices"]
    return [*words, "", words[0].upper(), words[-1].lower(), words[-1].replace("_", "-"), words[-1].replace("-", "_")]


def out_of_range(row):
    if row["type"] not in ("int", "duration") or "min" not in row:
        return
    values = [("below", row["min"] - 1)] + ([("above", row["max"] + 1)] if "max" in row else [])
    for name, value in values:
        yield name, str(value) if row["type"] == "int" else "%dus" % value
        if row["type"] == "int":
            yield name + ", a number", value


def of_table(where, base, path, rows, apart=()):
    """A case for each wrong value of each option; `apart`: options that the CRD has no type for."""
    for row in rows:
        if row["name"] in apart or row.get("orList") or row.get("later") or row.get("deprecated"):
            continue
        field = "%s.%s" % (path, row["name"])
        for value in WRONG.get(row["type"], []):
            if row["type"] == "list" and row.get("of") == "text" and value == 5 and row.get("secretRef"):
                continue
            yield "%s %s = %r" % (where, row["name"], value), base, [(field, value)], BOTH
        for i, value in enumerate(spellings(row)):
            yield "%s %s is %r, %d" % (where, row["name"], value, i), base, [(field, value)], FREE
        for name, value in out_of_range(row):
            yield "%s %s %s" % (where, row["name"], name), base, [(field, value)], BOTH
        needed = row.get("required") or row["name"] in ("startTime", "duration", "topic")    # or another of them is needed
        if row["type"] in ("int", "size", "duration", "enum", "text", "bool") and not needed:
            yield "%s %s null" % (where, row["name"]), base, [(field, None)], NONE


def generated(tables):
    """`tables` is what df_env_describe says."""
    for name, base in (("spec", "new"), ("cron", "cron")):
        rows = [r for r in tables[name] if r["type"] != "stage" and r.get("of") != "stage" and r["name"] != "replicas"]
        yield from of_table(name, base, "spec", rows)
        for row in rows:
            if row["type"] == "block":
                yield from of_table("%s.%s" % (name, row["name"]), base, "spec." + row["name"], row["options"])
    yield from of_table("errors", "new", "spec.errors", tables["errors"])
    connectors = {c["name"]: c for c in tables["connectors"]}
    for transform_ in tables["transforms"]:
        kind = transform_["name"]
        good = next((x for x in TRANSFORMS if x["type"] == kind), {}).get("config") or {}
        for row in transform_["options"]:
            for i, value in enumerate(spellings(row)):
                yield "%s %s is %r, %d" % (kind, row["name"], value, i), "new", [t(kind, {**good, row["name"]: value})], FREE
    for kind, role, base in (("kafka", "source", "new"), ("postgresql", "sink", "new"), ("generate", "source", "cron")):
        yield from of_table("%s %s" % (kind, role), base, "spec.%s.config" % role, connectors[kind][role]["options"])
    for kind, role in (("kafka", "source"), ("postgresql", "sink")):
        yield from of_table("old %s %s" % (kind, role), "old", "spec.%s.%s" % (role, kind), connectors[kind][role]["options"])
    yield from of_table("kafka errors", "new", "spec.errors.config", connectors["kafka"]["sink"]["options"])


# ---- making one ------------------------------------------------------------------------------------------

def member(name):
    return int(name) if name.isdigit() else name


def changed(base, changes):
    out = json.loads(json.dumps(BASES[base]))   # no part is shared
    for path, value in changes:
        *way, last = map(member, path.split("."))
        at = out
        for name in way:
            at = at[name]
        if value is GONE:
            del at[last]
        else:
            at[last] = value
    return out


def manifests(tables):
    """(name, manifest, who) of all cases, the bases first. Kafka's error sink stands for every sink."""
    for name, manifest in BASES.items():
        yield "base " + name, manifest, NONE
    for name, base, changes, who in [*CASES, *generated(tables)]:
        yield name, changed(base, changes), who
