# SPDX-License-Identifier: Apache-2.0
"""The schema of a stage (source, sink, errors, transformation): `type`, and its options in `config`
or, as older manifests have them, in a block named like the type; and the rules among them."""
import re

from schema import (KEEP, NULL, How, Union, as_cel, at_config, block_schema, described, escaped, is_readable, validations)

PLUG_IN = "x-"      # kinds of plug-ins begin so: the schema cannot know their names
LONGEST_KIND = 63


class Kinds:
    """What may stand in one place: {kind: option rows}, {kind: rules}, {kind: {option: limits}}, and
    kinds without a table."""

    def __init__(self, tables, rules, limits, bare=()):
        self.tables, self.rules, self.limits = tables, rules, limits
        self.bare = [kind for kind in bare if kind not in tables]
        self.names = list(tables) + self.bare


# ---- required options --------------------------------------------------------------------------------

def given(base, row):
    """The option is there and not empty, or its twin is."""
    path = base + "." + escaped(row["name"])
    here = "has(%s)" % path
    if row["type"] in ("text", "secret", "path", "condition"):
        here = "has({0}) && {0} != ''".format(path)
    if row.get("secretRef"):
        here = "(%s) || has(%s)" % (here, base + "." + escaped(row["name"] + "SecretRef"))
    return here


def missing(row):
    twin = ' or "%sSecretRef"' % row["name"] if row.get("secretRef") else ""
    return '"%s"%s is required' % (row["name"], twin)


def required_rule(kind, row):
    block = "self." + escaped(kind)
    return ("has(%s) ? (%s) : has(self.config) && (%s)" % (block, given(block, row), given("self.config", row)),
            missing(row))


def required_shape(name, has_twin, kinds):
    """The same where CEL does not see the option: as a choice of schemas, one for all its kinds."""
    there = {"required": [name]}
    if has_twin:
        there = {"anyOf": [there, {"required": [name + "SecretRef"]}]}
    return {"anyOf": [{"not": {"required": ["type"], "properties": {"type": {"enum": kinds}}}},
                      *({"required": [place], "properties": {place: there}} for place in ["config", *kinds])]}


def required(kinds, union):
    """{kind: rules}, and choices of schemas, which cost the server more than rules."""
    rules, unseen = {}, {}
    for kind, rows in kinds.tables.items():
        for row in (r for r in rows if r.get("required")):
            if is_readable(union.properties[row["name"]]):
                rules.setdefault(kind, []).append(required_rule(kind, row))
            else:
                unseen.setdefault((row["name"], bool(row.get("secretRef"))), []).append(kind)
    return rules, [required_shape(name, has_twin, names) for (name, has_twin), names in unseen.items()]


# ---- rules -------------------------------------------------------------------------------------------

def layout_rule(kinds):
    fits = ["(!has(self.%s) || (kind == '%s' && !has(self.config)))" % (escaped(kind), kind) for kind in kinds.names]
    return (" && ".join(fits), 'the options stand in "config" or in a block that is named like the type, not in both')


def sees(union, rule):
    """Every option that a rule names has one type in `config`."""
    return all(is_readable(schema) or not re.search(r"\bself\.%s\b" % re.escape(escaped(name)), rule)
               for name, schema in union.properties.items())


def config_rules(kinds, union, how):
    """(kind, rule) of bounds that depend on the kind, and of rules among the options of a kind."""
    for kind, rule, message in union.guarded:
        yield kind, ("!has(self.config) || " + rule, message)
    for kind, found in kinds.rules.items() if how.rules else ():
        for rule, message in found:
            if sees(union, rule):
                yield kind, ("!has(self.config) || (%s)" % at_config(rule), message)


def text(message):
    return "'%s'" % message.replace("\\", "\\\\").replace("'", "\\'")


def first_broken(rules):
    """The message of the first rule that does not hold, as CEL; rules as pairs."""
    *others, (_, last) = rules
    return "".join("!(%s) ? %s : " % (rule, text(message)) for rule, message in others) + text(last)


def one_rule(layout, by_kind):
    """All rules of a stage as one, with `type` read once: each look at a member costs the server time in
    proportion to the members that the schema knows, and every write of a flow's status pays for it."""
    rule = message = ""
    for kind, rules in by_kind.items():
        rule += "kind == '%s' ? %s : " % (kind, " && ".join("(%s)" % r for r, _ in rules))
        message += "kind == '%s' ? (%s) : " % (kind, first_broken(rules))
    said = "!(%s) ? %s : %s''" % (layout[0], text(layout[1]), message)
    return {"rule": as_cel("[self.type].all(kind, (%s) && (%strue))" % (layout[0], rule)), "message": layout[1],
            "messageExpression": as_cel("[self.type].map(kind, %s)[0]" % said)}


# ---- the whole ---------------------------------------------------------------------------------------

def rows_of(kinds, typed):
    """The options that get a type; those that are required always do, so that they can be asked for."""
    return {kind: [row for row in rows if typed or row.get("required")] for kind, rows in kinds.tables.items()}


def blocks(kinds, how):
    found = {kind: {"type": "object", **NULL, **KEEP} for kind in kinds.names}
    for kind, rows in rows_of(kinds, how.blocks).items():
        if not rows:
            continue
        found[kind] = {**block_schema(rows, How(config=how.config, sink=how.sink), limits=kinds.limits.get(kind)), **NULL}
        rules = validations(kinds.rules.get(kind, []), "self") if how.blocks else []
        if rules:
            found[kind]["x-kubernetes-validations"] = rules
    return found


def stage_schema(kinds, what, how, extra=None, optional=False):
    """`optional`: a stage without a type is no stage, as `errors` that only has a policy."""
    union = Union(rows_of(kinds, how.config), kinds.limits, how)
    rules, shapes = required(kinds, union)
    for kind, rule in config_rules(kinds, union, how) if how.config else ():
        rules.setdefault(kind, []).append(rule)
    names = "|".join(map(re.escape, kinds.names))
    kind = {"doc": "Kind of the %s: %s. Those of plug-ins begin with %s" % (what, ", ".join(kinds.names), PLUG_IN)}
    config = {"doc": "Its options; older manifests name the block like the type."}
    out = {"type": "object", **KEEP, "properties": {
        "type": described({"type": "string", "maxLength": LONGEST_KIND, "pattern": "^(%s|%s.*)$" % (names, PLUG_IN)},
                          kind, how),
        "config": described(union.schema(), config, how), **blocks(kinds, how), **(extra or {})}}
    rule = one_rule(layout_rule(kinds), rules)
    if optional:
        rule["rule"] = "!has(self.type) || (%s)" % rule["rule"]
        out.update(NULL)
        out["properties"]["type"].update(NULL)
    else:
        out["required"] = ["type"]
    if shapes:
        out["allOf"] = shapes
    out["x-kubernetes-validations"] = [rule]
    return out
