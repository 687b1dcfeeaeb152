#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Gives every case of crd_cases.py to every judge and compares who refuses it.

crd_judge.py SOURCE BUILD FOLDER

The CRD is asked through DF_KUBE_API, DF_KUBE_CA and DF_KUBE_TOKEN with a dry run; the validator is
dfproc in PATH; the webhook is an operator's at DF_WEBHOOK (HOST:PORT), asked as an API server asks it. A judge
more is one row of JUDGES.
"""
import http.client
import importlib.machinery
import importlib.util
import json
import os
import re
import ssl
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
import crd_cases  # noqa: E402


class Crd:
    """The API server with nothing but the CustomResourceDefinitions."""

    def __init__(self, _folder):
        context = ssl.create_default_context(cafile=os.environ["DF_KUBE_CA"])
        host = re.sub("^https://", "", os.environ["DF_KUBE_API"])
        self.connection = http.client.HTTPSConnection(host, context=context, timeout=60)
        self.headers = {"Authorization": "Bearer " + os.environ["DF_KUBE_TOKEN"], "Content-Type": "application/json"}

    def refusals(self, manifests):
        return [self.refusal(manifest) for manifest in manifests]

    def refusal(self, manifest):
        path = "/apis/%s/namespaces/default/%ss?dryRun=All&fieldValidation=Strict" % (
            manifest["apiVersion"], manifest["kind"].lower())
        self.connection.request("POST", path, json.dumps(manifest), self.headers)
        reply = self.connection.getresponse()
        body = json.loads(reply.read())
        if reply.status in (200, 201):
            kept = body["spec"]
            lost = set(manifest["spec"]) - set(kept)
            return "pruned: %s" % ", ".join(sorted(lost)) if lost else None
        if reply.status not in (400, 422):
            sys.exit("the API server answers %d: %s" % (reply.status, body))
        return body["message"]


class Validator:
    """dfproc validate, once for all manifests."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def refusals(self, manifests):
        files = [self.folder / ("%04d.json" % i) for i in range(len(manifests))]
        for file, manifest in zip(files, manifests):
            file.write_text(json.dumps(manifest), encoding="utf-8")
        done = subprocess.run(["dfproc", "validate", "--json", *map(str, files)], capture_output=True, text=True,
                              check=False)
        problems = {}
        for problem in json.loads(done.stdout)["problems"]:
            if problem["severity"] == "error":
                problems.setdefault(problem["file"], "%s: %s" % (problem["path"], problem["text"]))
        return [problems.get(str(file)) for file in files]


class Webhook:
    """An operator, without the definitions before it."""

    def __init__(self, _folder):
        context = ssl._create_unverified_context()  # a certificate of the test, for another name
        self.connection = http.client.HTTPSConnection(os.environ["DF_WEBHOOK"], context=context, timeout=60)

    def refusals(self, manifests):
        return [self.refusal(str(number), manifest) for number, manifest in enumerate(manifests)]

    def refusal(self, uid, manifest):
        group, version = manifest["apiVersion"].split("/")
        kind = manifest["kind"]
        request = {"uid": uid, "operation": "CREATE", "name": "a", "namespace": "default", "object": manifest,
                   "kind": {"group": group, "version": version, "kind": kind},
                   "resource": {"group": group, "version": version, "resource": kind.lower() + "s"}}
        review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
        self.connection.request("POST", "/validate-dataflow-dataflow-io-v1-" + kind.lower(), json.dumps(review),
                                {"Content-Type": "application/json"})
        reply = self.connection.getresponse()
        body = json.loads(reply.read())
        answer = body.get("response", {})
        if reply.status != 200 or answer.get("uid") != uid:
            sys.exit("the webhook answers %d: %s" % (reply.status, body))
        return None if answer["allowed"] else answer["status"]["message"]


# name: class, and which refusals are expected of it: the webhook has the validator of dfproc.
JUDGES = {"crd": (Crd, "crd"), "validator": (Validator, "validator"), "webhook": (Webhook, "validator")}


def refusers(who):
    return {"crd", "validator"} if who == crd_cases.BOTH else {who.split(" ")[0]}


def tables_of(source, build):
    loader = importlib.machinery.SourceFileLoader("gen_options", str(Path(source) / "tools/gen-options"))
    spec = importlib.util.spec_from_loader("gen_options", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    build, library = module.find_build(build)
    module.with_sanitizer(library)
    return module.describe(build, library)


def documented(source):
    """The names in the tables of docs/crd.md about one refuser: {"validator": {...}, "crd": {...}}."""
    page = (Path(source) / "docs/crd.md").read_text(encoding="utf-8")
    found = {}
    for who, heading in (("validator", "What only the validator refuses"), ("crd", "What only the CRD refuses")):
        table = page.split("| Name | %s |\n|---|---|\n" % heading)[1].split("\n\n")[0]
        found[who] = set(re.findall(r"^\| `([\w-]+)` \|", table, re.M))
    return found


def disagreements(cases, refusals, name, like):
    wrong = 0
    for (case, manifest, who), refusal in zip(cases, refusals):
        if who == crd_cases.FREE:
            continue
        if bool(refusal) != (like in refusers(who)):
            wrong += 1
            print("FAILED  %s %s: %s (expected: %s)" % (name, "refuses" if refusal else "accepts", case, who))
            print("        %s" % (refusal or json.dumps(manifest["spec"]))[:600])
        elif os.environ.get("DF_SHOW"):
            print("%s: %s: %s" % (name, case, refusal))
    return wrong


def stricter(cases, refusals):
    """The CRD refuses nothing that the validator accepts, but for the cases that say so."""
    wrong = 0
    for (case, manifest, who), crd, validator in zip(cases, refusals["crd"], refusals["validator"]):
        if who == crd_cases.FREE and crd and not validator:
            wrong += 1
            print("FAILED  only the CRD refuses: %s\n        %s" % (case, crd[:600]))
    return wrong


def apart(cases, refusals):
    """The webhook and `dfproc validate` refuse the same, also where who does is free."""
    wrong = 0
    for (case, _, who), webhook, validator in zip(cases, refusals["webhook"], refusals["validator"]):
        if who == crd_cases.FREE and bool(webhook) != bool(validator):
            wrong += 1
            print("FAILED  only the %s refuses: %s\n        %s" % (
                "webhook" if webhook else "validator", case, (webhook or validator)[:600]))
    return wrong


def main(source, build, folder):
    cases = list(crd_cases.manifests(tables_of(source, build)))
    names = [name for name, _, _ in cases]
    twice = {name for name in names if names.count(name) > 1}
    wrong = len(twice)
    for name in sorted(twice):
        print("FAILED  two cases have the name %s" % name)
    refusals = {name: make(folder).refusals([m for _, m, _ in cases]) for name, (make, _) in JUDGES.items()}
    for name, (_, like) in JUDGES.items():
        wrong += disagreements(cases, refusals[name], name, like)
    wrong += stricter(cases, refusals) + apart(cases, refusals)
    for who, listed in documented(source).items():
        shown = {w.split(" ")[1] for _, _, w in cases if w.startswith(who + " ")}
        for name in sorted(listed ^ shown):
            wrong += 1
            print("FAILED  %s: %s" % (name, "docs/crd.md has no such row" if name in shown else "no case shows this row"))
    count = [sum(w.split(" ")[0] == who for _, _, w in cases) for who in ("both", "validator", "crd", "free")]
    print("%d manifests: %d refused by all, %d by the validator only, %d by the CRD only, %d by whom is free; "
          "%d surprises" % (len(cases), *count, wrong))
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
