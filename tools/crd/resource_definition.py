# SPDX-License-Identifier: Apache-2.0
"""The two CustomResourceDefinitions: what a DataFlow and a DataFlowCron look like."""
import json
import re

import connectors
from schema import KEEP, NULL, How, described, narrowed, option_schema, with_rules
from stage import Kinds, stage_schema

GROUP, VERSION = "dataflow.dataflow.io", "v1"
# What CEL costs is bounded by these; they are far beyond what a flow has. A rule of a route's sink
# counts 10,000 times, so only the most important ones are there.
MOST_TRANSFORMATIONS, MOST_ROUTES = 100, 100

TEXT, TIME, BOOL = {"type": "string"}, {"type": "string", "format": "date-time"}, {"type": "boolean"}
INT, COUNT = {"type": "integer", "format": "int32"}, {"type": "integer", "format": "int64"}
CONDITION = {
    "type": "object", "required": ["type", "status", "lastTransitionTime", "reason", "message"],
    "properties": {
        "type": {**TEXT, "maxLength": 316}, "status": {**TEXT, "enum": ["True", "False", "Unknown"]},
        "observedGeneration": {**COUNT, "minimum": 0}, "lastTransitionTime": TIME,
        "reason": {**TEXT, "minLength": 1, "maxLength": 1024}, "message": {**TEXT, "maxLength": 32768}}}
STATUS = [
    ("phase", TEXT, "Running, Pending, Error, Stopped; of a DataFlowCron also Scheduled, RunningTriggers, "
     "Completed, Failed, Suspended."),
    ("message", TEXT, "The phase in words."),
    ("observedGeneration", COUNT, "Generation of the spec that this status is about."),
    ("conditions", {"type": "array", "items": CONDITION, "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["type"]}, "Ready, SpecValid, ProcessorDeploymentReady and others."),
    ("processedCount", COUNT, "Records that came to an end."),
    ("errorCount", COUNT, "Records that could not pass."),
    ("lag", COUNT, "Records that wait in the source."),
    ("lastProcessedTime", TIME, "When the last record came to an end."),
    ("secretsTime", TIME, "Since when all pods use the values that they have of Secrets now."),
]
FLOW_STATUS = [
    ("replicas", INT, "Pods that run."),
    ("selector", TEXT, "Labels of the pods, for the scale subresource."),
    ("maintenanceStatus", {"type": "object", "properties": {
        "inMaintenance": BOOL, "nextMaintenanceTime": TIME, "lastMaintenanceTime": TIME, "suspended": BOOL}},
     "What maintenance does at the moment."),
]
RUN = {
    "type": "object", "required": ["id", "phase"],
    "properties": {
        "id": TEXT, "phase": TEXT, "step": INT, "job": TEXT, "message": TEXT,
        "scheduleTime": TIME, "startTime": TIME, "endTime": TIME}}
SKIPS = {
    "type": "object",
    "properties": {"count": COUNT, "lastTime": TIME, "checkedTime": TIME, "schedule": TEXT}}
CRON_STATUS = [
    ("lastScheduleTime", TIME, "When the last run was due."),
    ("currentRunID", TEXT, "The run that is under way, or the last one."),
    ("currentTriggerIndex", INT, "The trigger that runs."),
    ("activeJobName", TEXT, "Job of the step that runs."),
    ("lastSuccessfulTime", TIME, "When a run ended well."),
    ("lastFailedTime", TIME, "When a run failed."),
    ("skips", SKIPS, "Runs that were due and did not begin: how many in all, when the last one was due, until when the "
     "schedule is judged."),
    ("runs", {"type": "array", "items": RUN}, "Runs that go on, and the last that have ended: the oldest first."),
]
READY = '.status.conditions[?(@.type=="Ready")].status'
COLUMNS = [("Phase", "string", ".status.phase"), ("Ready", "string", READY),
           ("Processed", "integer", ".status.processedCount"), ("Errors", "integer", ".status.errorCount"),
           ("Lag", "integer", ".status.lag"), ("Age", "date", ".metadata.creationTimestamp")]


class Tables:
    """The option tables by place, and what stands beside the code that checks it: crd.json, a list of
    [places, rule in CEL, message], of [places and options, limits of their schema], and of
    [sides of a connector, KEEP]: its options are left to the validator, since kubectl apply keeps a definition in an
    annotation, of 256 KiB at most. In a rule `@sink: idempotent open@` is the list of sinks that have one of these
    flags; open: whose options are left to the validator."""

    def __init__(self, described_all, root):
        self.all, self.rules, self.limits, self.open = described_all, {}, {}, {}
        for path in sorted(root.glob("libdataflow/**/crd.json")):
            for places, *what in json.loads(path.read_text(encoding="utf-8")):
                for where in places.split(", "):
                    self.add(path.parent.name, where, what)
        self.rules = {place: [(re.sub(r"@(source|sink): ([\w ]+)@", self.with_flags, rule), message)
                              for rule, message in rules] for place, rules in self.rules.items()}

    def with_flags(self, asked):
        role, flags = asked[1], set(asked[2].split())
        left = self.open.get(role, []) if "open" in flags else []
        have = [n for n, c in self.found(role).items() if n not in left and flags & set(c["flags"])]
        return "[%s]" % ", ".join("'%s'" % name for name in have + sorted(left))

    def found(self, role):
        """The connectors that users have on that side; modules come first."""
        modules, hidden = connectors.modules(), connectors.examples()
        found = {c["name"]: c[role] for c in self.all["connectors"] if role in c and c["name"] not in hidden}
        return dict(sorted(found.items(), key=lambda item: (item[0] not in modules, item[0])))

    def add(self, owner, where, what):
        if what == [KEEP]:
            self.open.setdefault(where, []).append(owner)
        elif isinstance(what[0], dict):
            where, option = where.rsplit(".", 1)
            self.limits.setdefault((owner, where), {})[option] = what[0]
        else:
            self.rules.setdefault((owner, where), []).append(tuple(what))

    def rules_at(self, where, owner="spec"):
        return self.rules.get((owner, where), [])

    def limits_at(self, where, owner="spec"):
        return self.limits.get((owner, where), {})

    def connectors(self, role):
        """Kinds without a table come last."""
        left = sorted(self.open.get(role, []))
        found = {n: c["options"] for n, c in self.found(role).items() if n not in left}
        return Kinds(found, {n: self.rules_at(role, n) for n in found}, {n: self.limits_at(role, n) for n in found},
                     left)

    def transforms(self):
        found = {t["name"]: t["options"] for t in self.all["transforms"]}
        return Kinds(found, {n: self.rules_at(n, "transforms") for n in found},
                     {n: self.limits_at(n, "transforms") for n in found})


def bounded_routes(schema):
    """Routes are counted wherever they stand: in `config` and in a block."""
    for name, member in schema.get("properties", {}).items():
        if name == "routes":
            member["maxItems"] = MOST_ROUTES
        else:
            bounded_routes(member)
    return schema


def transformation(tables, how):
    sinks = tables.connectors("sink")
    route = How(blocks=False, rules=False)
    old_route = How(config=False, blocks=False, rules=False)
    inner = How(how.docs, sink=lambda typed: stage_schema(sinks, "sink", route if typed else old_route))
    when = next(row for row in tables.all["stage"] if row["name"] == "when")
    extra = {"when": described(option_schema(when, how), when, how)}
    return bounded_routes(stage_schema(tables.transforms(), "transformation", inner, extra))


def errors(tables, how):
    extra = {row["name"]: described(option_schema(row, how), row, how) for row in tables.all["errors"]}
    return stage_schema(tables.connectors("sink"), "sink", How(blocks=False), extra, optional=True)


def spec_properties(tables, cron):
    how = How(docs=True)
    stages = {"source": lambda: stage_schema(tables.connectors("source"), "source", how),
              "sink": lambda: stage_schema(tables.connectors("sink"), "sink", how),
              "errors": lambda: errors(tables, how),
              "transformations": lambda: {"type": "array", **NULL, "maxItems": MOST_TRANSFORMATIONS,
                                          "items": transformation(tables, how)}}
    properties = {}
    for row in tables.all["spec"] + (tables.all["cron"] if cron else []):
        name = row["name"]
        schema = stages[name]() if name in stages else option_schema(row, how)
        schema = narrowed(schema, tables.limits_at("spec").get(name, {}))
        for inner, limits in tables.limits_at("spec." + name).items():
            narrowed(schema["properties"][inner], limits)
        properties[name] = described(with_rules(schema, tables.rules_at("spec." + name)), row, how)
    # The scale subresource reads and writes it, so it is a number and always there.
    properties["replicas"] = {"description": properties["replicas"]["description"], "type": "integer",
                              "format": "int32", "minimum": 0, **({} if cron else {"default": 1})}
    return properties


def spec_schema(tables, cron):
    rows = tables.all["spec"] + (tables.all["cron"] if cron else [])
    out = {"type": "object", **KEEP, "required": [row["name"] for row in rows if row.get("required")],
           "properties": spec_properties(tables, cron)}
    return with_rules(out, tables.rules_at("spec") + tables.rules_at("DataFlowCron" if cron else "DataFlow"))


def status_schema(cron):
    fields = STATUS + (CRON_STATUS if cron else FLOW_STATUS)
    return {"type": "object", "properties": {name: {"description": text, **schema} for name, schema, text in fields}}


def columns(cron):
    first = [("Schedule", "string", ".spec.schedule")] if cron else []
    return [{"name": name, "type": kind, "jsonPath": path} for name, kind, path in first + COLUMNS]


def definition(tables, cron):
    kind = "DataFlowCron" if cron else "DataFlow"
    singular = kind.lower()
    root = {"type": "object", "required": ["spec"], "description": "A flow that runs %s." % (
                "by a schedule" if cron else "all the time"),
            "properties": {"apiVersion": TEXT, "kind": TEXT, "metadata": {"type": "object"},
                           "spec": spec_schema(tables, cron), "status": status_schema(cron)}}
    scale = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas",
             "labelSelectorPath": ".status.selector"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "%ss.%s" % (singular, GROUP)},
        "spec": {
            "group": GROUP, "scope": "Namespaced",
            "names": {"kind": kind, "listKind": kind + "List", "plural": singular + "s", "singular": singular,
                      "shortNames": ["dfc" if cron else "df"]},
            "versions": [{"name": VERSION, "served": True, "storage": True,
                          "subresources": {"status": {}, **({} if cron else {"scale": scale})},
                          "additionalPrinterColumns": columns(cron),
                          "schema": {"openAPIV3Schema": root}}]}}
