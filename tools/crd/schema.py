# SPDX-License-Identifier: Apache-2.0
"""Option tables of libdataflow as structural schemas of Kubernetes.

Two things hold everywhere. Nothing in a spec is ever pruned: every object keeps the fields that
the schema does not know, so that the validator can name them. And a schema never refuses what the
validator accepts, except values whose text kubectl has changed before the server sees it (a
version 1.10 without quotes): text is a string.
"""
import json
import re

KEEP = {"x-kubernetes-preserve-unknown-fields": True}
NULL = {"nullable": True}
INT_OR_TEXT = {"x-kubernetes-int-or-string": True}
NUMBER = r"([0-9]+(\.[0-9]+)?|\.[0-9]+)"
PATTERNS = {
    "int": r"^[-+]?(0|[1-9][0-9]*)$",
    "size": "^" + NUMBER + " ?([KMGT]iB|[KMGT]i|[kKMGT]B|[kmgt]b|[kKMGT]|B)?$",
    "duration": r"^\+?(" + NUMBER + "|(" + NUMBER + "(ns|us|µs|μs|ms|s|m|h))+)$",
}
QUANTITY = {**KEEP, "minimum": 0, "maxLength": 64,
            "pattern": r"^\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][-+]?[0-9]+)?$"}
LONGEST = 64            # of a number or a word as text
LONGEST_TEXT = 16384    # of a path or a text of a transformation, so that CEL's cost has a bound
RESERVED = {"true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if",
            "import", "let", "loop", "package", "namespace", "return", "var", "void", "while"}
UNITS = [(3600000000, "h"), (1000000, "s"), (1000, "ms"), (1, "us")]


def escaped(name):
    """A member's name as CEL writes it."""
    if name in RESERVED:
        return "__%s__" % name
    name = name.replace("__", "__underscores__")
    return name.replace("-", "__dash__").replace(".", "__dot__").replace("/", "__slash__")


def quoted(words):
    return "[%s]" % ", ".join("'%s'" % word for word in words)


# ---- what a value must be, as rules: CEL with {} for the value, message ----------------------------

def amount(kind, value):
    """A bound as a user would write it."""
    if kind == "duration" and value:
        return next("%d%s" % (value // scale, unit) for scale, unit in UNITS if value % scale == 0)
    return str(value)


def range_text(row):
    low, high = amount(row["type"], row["min"]), amount(row["type"], row.get("max", 0))
    return "must be between %s and %s" % (low, high) if "max" in row else "must be at least %s" % low


def as_duration(value):
    """A duration of CEL from whole seconds, from a number as text, or from text with units."""
    return "duration(type({0}) == int || {0}.matches('^[+0-9.]*$') ? string({0}) + 's' : {0})".format(value)


def limits(row):
    """What is compared with the bounds of a row, and how a bound is written."""
    if row["type"] == "int":
        return "int({})", "%d"
    if row["type"] == "duration":
        return as_duration("{0}"), "duration('%dus')"
    return None, None


def value_rules(row):
    """The rules of one option; '{0}' stands for its value."""
    rules = []
    if row["type"] == "enum":
        message = "expects one of " + ", ".join(row["choices"])
        none = [] if row.get("required") else [""]      # the same as not given
        words = [c.lower().replace("_", "-") for c in row["choices"]]
        dashed = ".replace('_', '-')" if any("-" in word for word in words) else ""
        if row.get("host"):
            rules.append(("{0} in %s" % quoted(none + row["choices"]), message))
        else:
            rules.append(("{0}.lowerAscii()%s in %s" % (dashed, quoted(none + words)), message))
    elif row["type"] in ("int", "duration") and "min" in row:
        value, bound = limits(row)
        value = value.replace("{}", "{0}")
        parts = ["%s >= %s" % (value, bound % row["min"])] if row["min"] or row["type"] == "int" else []
        parts += ["%s <= %s" % (value, bound % row["max"])] if "max" in row else []
        if parts:
            rules.append((" && ".join(parts), range_text(row)))
    return rules


def as_cel(rule):
    """asDuration() of crd.json is ours."""
    return re.sub(r"asDuration\(([^()]*)\)", lambda m: as_duration(m.group(1)), rule)


def validation(rule, message):
    return {"rule": as_cel(rule), "message": message}


def validations(rules, value):
    return [validation(rule.replace("{0}", value), message) for rule, message in rules]


def with_rules(schema, rules):
    """Adds pairs of rule and message."""
    if rules:
        schema["x-kubernetes-validations"] = [
            *schema.get("x-kubernetes-validations", []), *(validation(*rule) for rule in rules)]
    return schema


def narrowed(schema, limits):
    """With further limits, at any depth: {"items": {"pattern": ...}}. A type takes the place of none."""
    if "type" in limits:
        schema.pop("x-kubernetes-preserve-unknown-fields", None)
    for name, value in limits.items():
        schema[name] = narrowed(dict(schema.get(name, {})), value) if isinstance(value, dict) else value
    return schema


class How:
    """How much is said about a part. `docs`: descriptions. `config`, `blocks`: the options in
    `config` and in the block of older manifests have types; else they are kept as they are.
    `rules`: those among the options of a kind. `sink` makes the schema of a nested sink."""

    def __init__(self, docs=False, config=True, blocks=True, rules=True, sink=None):
        self.docs, self.config, self.blocks, self.rules, self.sink = docs, config, blocks, rules, sink


# ---- one option -----------------------------------------------------------------------------------

def secret_ref():
    return {"type": "object", **NULL, **KEEP, "required": ["name", "key"],
            "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 253},
                           "key": {"type": "string", "minLength": 1, "maxLength": 253},
                           "namespace": {"type": "string", **NULL, "maxLength": 63}}}


def number_schema(row):
    out = {**INT_OR_TEXT, "maxLength": LONGEST, "pattern": PATTERNS[row["type"]]}
    if row["type"] == "size" and "min" in row:
        out["minimum"] = row["min"]
        if "max" in row:
            out["maximum"] = row["max"]
    if row["type"] == "duration":
        out["minimum"] = 0
    return out


def text_schema(row):
    if row.get("orList"):
        return dict(KEEP)
    out = {"type": "string"}
    plain = row.get("literal") or row.get("host") or row["type"] == "path"   # others may hold ${env:NAME}
    if plain and row.get("max"):
        out["maxLength"] = row["max"]
    elif plain and not row.get("host"):
        out["maxLength"] = LONGEST_TEXT
    return out


def map_schema(row, name):
    if name in ("requests", "limits"):
        item = QUANTITY
    elif row.get("host"):
        item = {"type": "string"}
    else:
        item = {**KEEP, **NULL}
    out = {"type": "object", "additionalProperties": dict(item)}
    if row.get("required"):
        out["minProperties"] = 1
    return out


def list_schema(row, how):
    item = {**row, "type": row["of"], "required": False, "item": True}
    for bound in ("min", "max", "doc", "default"):
        item.pop(bound, None)
    out = {"type": "array", "items": option_schema(item, how)}
    least = row.get("min") or (1 if row.get("required") else 0)
    if least:
        out["minItems"] = least
    if row.get("max"):
        out["maxItems"] = row["max"]
    return out


def option_schema(row, how):
    """The schema of an option without its description."""
    kind = row["type"]
    if kind in ("int", "size", "duration"):
        out = number_schema(row)
    elif kind == "double":
        out = {**KEEP, **{k: row[b] for k, b in (("minimum", "min"), ("maximum", "max")) if b in row}}
    elif kind == "bool":
        out = {"type": "boolean"}
    elif kind == "enum":
        out = {"type": "string", "maxLength": LONGEST}
    elif kind == "list":
        out = list_schema(row, how)
    elif kind == "map":
        out = map_schema(row, row["name"])
    elif kind == "block":
        out = block_schema(row["options"], how, strict=True)
    elif kind == "any":
        out = dict(KEEP)
    elif kind == "stage":
        out = how.sink(how.docs)
    else:
        out = text_schema(row)
    if not row.get("required") and not row.get("item"):
        out.update(NULL)
    rules = validations(value_rules(row), "self")
    if rules:
        out["x-kubernetes-validations"] = rules
    return out


def described(schema, row, how):
    """With what the table says about it, where there is room."""
    if not how.docs or not row.get("doc"):
        return schema
    text = row["doc"]
    if row.get("deprecated"):
        text = "Accepted for old manifests: %s." % text.rstrip(".")
    if row.get("later"):
        text += " Not supported yet."
    if row.get("choices"):
        text += " One of %s." % ", ".join(row["choices"])
    if row.get("default"):
        text += " Default: %s" % row["default"]
    return {"description": text, **schema}


def block_schema(options, how, strict=False, limits=None):
    """An object with the options as its members. `strict`: those that are required are. `limits`:
    what is known about single options beside the table."""
    properties, required, twins = {}, [], []
    for row in options:
        schema = narrowed(option_schema(row, how), (limits or {}).get(row["name"], {}))
        if not strict:
            schema = {**schema, **NULL}
        elif row.get("required") and row.get("secretRef"):
            twins.append({"anyOf": [{"required": [row["name"]]}, {"required": [row["name"] + "SecretRef"]}]})
        elif row.get("required"):
            required.append(row["name"])
            schema.update({"minLength": 1} if schema.get("type") == "string" else {})
        properties[row["name"]] = described(schema, row, how)
        if row.get("secretRef"):
            ref = {"doc": "A key of a Secret, in place of %s." % row["name"]}
            properties[row["name"] + "SecretRef"] = described(secret_ref(), ref, how)
    out = {"type": "object", **KEEP, "properties": properties}
    if required:
        out["required"] = required
    if twins:
        out["allOf"] = twins
    return out


# ---- the options of several kinds in one object: `config` -------------------------------------------

CONSTRAINTS = ("pattern", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "minProperties",
               "x-kubernetes-validations", "required", "allOf")


def shape(schema):
    return {k: v for k, v in schema.items() if k not in CONSTRAINTS and k != "description"}


def same(a, b):
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


def bare(schema):
    return {k: v for k, v in schema.items() if k != "description"}


def merged(a, b):
    """The narrowest schema that accepts what either accepts."""
    if same(bare(a), bare(b)):
        return bare(a)
    shared = {k: v for k, v in a.items() if k in CONSTRAINTS and same(v, b.get(k))}
    if same(shape(a), shape(b)):
        out = {**shape(a), **shared}
    elif all(s.get("type") == "string" or s.get("x-kubernetes-int-or-string") for s in (a, b)):
        out = {**INT_OR_TEXT, **NULL}
    else:
        out = {**KEEP, **NULL, **{k: s[k] for s in (a, b) for k in ("minItems", "minProperties") if k in s}}
    lengths = [s.get("maxLength") for s in (a, b)]
    if all(lengths) and ("type" in out or INT_OR_TEXT.items() <= out.items()):
        out["maxLength"] = max(lengths)
    return out


def is_readable(schema):
    """CEL sees values of this schema."""
    for part in ("items", "additionalProperties"):
        if part in schema and not is_readable(schema[part]):
            return False
    return "type" in schema or "x-kubernetes-int-or-string" in schema


class Union:
    """`config`: the options of every kind, and which of their rules depend on the kind."""

    def __init__(self, kinds, limits, how):
        self.properties, self.guarded = {}, []
        rows = {}
        for kind, options in kinds.items():
            for name, schema in block_schema(options, how, limits=limits.get(kind))["properties"].items():
                rows.setdefault(name, []).append((kind, schema))
        by_kind = {kind: {row["name"]: row for row in options} for kind, options in kinds.items()}
        for name, found in rows.items():
            self.properties[name] = self.one(name, found)
            if all(same(bare(found[0][1]), bare(s)) for _, s in found):
                continue
            for kind, _ in found:
                for rule, message in value_rules(by_kind[kind][name]) if is_readable(self.properties[name]) else []:
                    path = "self.config." + escaped(name)
                    self.guarded.append((kind, "!has(%s) || %s" % (path, rule.replace("{0}", path)),
                                         "%s: %s" % (name, message)))

    @staticmethod
    def one(name, found):
        schema = found[0][1]
        for _, other in found[1:]:
            schema = merged(schema, other)
        docs = {}
        for kind, s in found:
            if s.get("description"):
                docs.setdefault(s["description"], []).append(kind)
        if len(docs) > 1:
            text = " ".join("%s: %s" % (", ".join(kinds), doc) for doc, kinds in docs.items())
        else:
            text = next(iter(docs), None)
        return {"description": text, **bare(schema)} if text else bare(schema)

    def schema(self):
        return {"type": "object", **NULL, **KEEP, "properties": self.properties}


def at_config(rule):
    return re.sub(r"\bself\b", "self.config", rule)
