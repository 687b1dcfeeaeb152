/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a tree of typed values. Its JSON is JSON, and says the values as docs/types.md has
 * it; every transformation survives the tree, leaves JSON, and leaves a schema that is true of what
 * the record then is, or none. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/typed.h"
#include "core/flow/batch.h"
#include "core/graph/option.h"
#include "core/pipeline/pipeline.h"
#include "util/codec.h"
#include "util/rfc3339.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DEPTH = 6, NODES = 400, STAGES = 24, FIELDS = 16 };

static const char *running = "nothing"; /* the transformation */

#define must(held) must_at((held) ? 1 : 0, __LINE__)
static void must_at(int held, int line)
{
    if (held)
        return;
    fprintf(stderr, "line %d does not hold, behind %s\n", line, running);
    __builtin_trap();
}

/* ---- the tree -------------------------------------------------------------------------------- */

static const char *const names[] = {"a",     "b",  "c",      "aB", "a_b",     "items", "o",   "id",
                                    "after", "op", "before", "t",  "payload", "x.y",   "A_B", ""};

typedef struct maker {
    const uint8_t *at, *end;
    df_record *r;
    size_t nodes;
} maker;

static unsigned take(maker *m)
{
    return m->at < m->end ? *m->at++ : 0;
}

static int64_t take64(maker *m)
{
    uint64_t x = 0;
    for (int i = 0; i < 8; i++)
        x = x << 8 | take(m);
    return (int64_t)x;
}

static df_value bytes(maker *m, int type)
{
    static const char *const texts[] = {"",  "x",    "NaN", "2024-02-29",
                                        "c", "true", "12",  "\xc3\xa9"};
    df_value v = {.type = type, .text = texts[take(m) % 8]};
    v.len = strlen(v.text);
    if (type == DF_V_BYTES && m->at < m->end) {
        v.len = *m->at % 32u;
        v.len = v.len < (size_t)(m->end - m->at) ? v.len : (size_t)(m->end - m->at);
        v.text = (const char *)m->at;
        m->at += v.len;
    }
    return v;
}

static df_value number(maker *m)
{
    static const char *const texts[] = {"0.10", "-0", "1e400", "9223372036854775808",
                                        "1.0",  "10", "1E+2",  "-7.5"};
    df_value v = {.type = DF_V_NUMBER, .text = texts[take(m) % 8]};
    v.len = strlen(v.text);
    return v;
}

static df_value moment(maker *m, int type)
{
    static const int zones[] = {0, 120, -90, DF_ZONE_NONE, 14 * 60, -720};
    df_value v = {.type = type};
    v.u.i = type == DF_V_DATE   ? take64(m) % 4000000
            : type == DF_V_TIME ? (int64_t)((uint64_t)take64(m) % UINT64_C(86400000000))
                                : take64(m) % INT64_C(400000000000000000);
    if (type == DF_V_TIMESTAMP)
        v.zone = zones[take(m) % 6];
    return v;
}

static df_value scalar(maker *m, unsigned tag)
{
    df_value v = {.type = DF_V_NULL};
    switch (tag % 11) {
    case 0:
        v = (df_value){.type = DF_V_BOOL, .u.i = take(m) & 1};
        break;
    case 1:
        v = (df_value){.type = DF_V_INT, .u.i = take64(m)};
        break;
    case 2:
        return number(m);
    case 3:
        v = (df_value){.type = DF_V_DOUBLE};
        v.u.i = take64(m);
        break;
    case 4:
        v = (df_value){.type = DF_V_DOUBLE,
                       .u.d = (double[]){NAN, INFINITY, -INFINITY, 0.5}[take(m) % 4]};
        break;
    case 5:
        return bytes(m, DF_V_STRING);
    case 6:
        return bytes(m, DF_V_BYTES);
    case 7:
    case 8:
        return moment(m, DF_V_TIMESTAMP);
    case 9:
        return moment(m, take(m) & 1 ? DF_V_DATE : DF_V_TIME);
    default:
        v.type = take(m) & 1 ? DF_V_UNCHANGED : DF_V_NULL;
    }
    return v;
}

static df_value value(maker *m, int depth);

static df_value container(maker *m, int depth, int type)
{
    df_value empty = {.type = type}, v;
    unsigned count = take(m) % 8;
    must(df_value_new(m->r, &empty, &v) == DF_OK);
    for (unsigned i = 0; i < count && m->nodes < NODES; i++) {
        const char *name = names[take(m) % 16];
        df_value child = value(m, depth + 1);
        must(df_value_put(m->r, &v, (df_bytes){name, strlen(name)}, &child) == DF_OK);
    }
    return v;
}

static df_value value(maker *m, int depth)
{
    unsigned tag = take(m);
    m->nodes++;
    if (depth < DEPTH && tag % 4 == 0)
        return container(m, depth, tag & 4 ? DF_V_OBJECT : DF_V_ARRAY);
    return scalar(m, tag / 4);
}

/* ---- JSON says it ---------------------------------------------------------------------------- */

static int text_is(const df_value *v, const char *text)
{
    return v->type == DF_V_STRING && v->len == strlen(text) && !memcmp(v->text, text, v->len);
}

static int says_double(const df_value *v, const df_value *json)
{
    double d = 0;
    if (isnan(v->u.d))
        return text_is(json, "NaN");
    if (isinf(v->u.d))
        return text_is(json, v->u.d > 0 ? "Infinity" : "-Infinity");
    return df_value_double(json, &d) == DF_OK && memcmp(&d, &v->u.d, sizeof d) == 0;
}

static int says_bytes(const df_value *v, const df_value *json)
{
    df__buf b;
    int same;
    df__buf_init(&b, &df__heap_libc);
    same = json->type == DF_V_STRING && df__base64_read(&b, json->text, json->len) == 0 &&
           b.len == v->len && (!b.len || !memcmp(b.data, v->text, b.len));
    df__buf_free(&b);
    return same;
}

/* Years that RFC 3339 has can be read again. */
static int says_moment(const df_value *v, const df_value *json)
{
    char text[80];
    df_bytes whole = {text, 0};
    df__stamp at;
    int64_t us;
    if (json->type != DF_V_STRING || json->len > 40)
        return 0;
    if (json->text[0] == '-' || json->text[0] == '+')
        return 1;
    whole.len =
        (size_t)snprintf(text, sizeof text, "%s%.*s%s", v->type == DF_V_TIME ? "1970-01-01T" : "",
                         (int)json->len, json->text, v->type == DF_V_DATE ? "T00:00:00" : "");
    if (df__stamp_parse(whole, &at) != DF_OK)
        return !strncmp(text, "0000-", 5);
    us = at.local * 1000000 + at.nsec / 1000;
    if (v->type == DF_V_DATE)
        return us == v->u.i * 86400 * 1000000;
    if (v->type == DF_V_TIME)
        return us == v->u.i && !at.has_zone;
    if (v->zone == DF_ZONE_NONE)
        return !at.has_zone && us == v->u.i;
    return at.has_zone && at.offset == v->zone * 60 && us - (int64_t)at.offset * 1000000 == v->u.i;
}

static int says(const df_value *v, const df_value *json);

/* Members that are unchanged are not written; elements are null. */
static int says_all(const df_value *v, const df_value *json)
{
    df_walk a = {0}, b = {0};
    if (v->type != json->type)
        return 0;
    while (df_value_walk(v, &a) == DF_OK) {
        if (v->type == DF_V_OBJECT && a.value.type == DF_V_UNCHANGED)
            continue;
        if (df_value_walk(json, &b) != DF_OK || a.name.len != b.name.len ||
            (a.name.len && memcmp(a.name.data, b.name.data, a.name.len)) ||
            !says(&a.value, &b.value))
            return 0;
    }
    return df_value_walk(json, &b) == DF_DONE;
}

static int says(const df_value *v, const df_value *json)
{
    char a[64], b[64];
    size_t len;
    switch (v->type) {
    case DF_V_UNCHANGED:
        return json->type == DF_V_NULL;
    case DF_V_STRING:
        return json->type == v->type && json->len == v->len && !memcmp(json->text, v->text, v->len);
    case DF_V_DOUBLE:
        return says_double(v, json);
    case DF_V_BYTES:
        return says_bytes(v, json);
    case DF_V_TIMESTAMP:
    case DF_V_DATE:
    case DF_V_TIME:
        return says_moment(v, json);
    case DF_V_ARRAY:
    case DF_V_OBJECT:
        return says_all(v, json);
    default:
        len = df_value_json(v, a, sizeof a);
        return len <= sizeof a && len == df_value_json(json, b, sizeof b) && !memcmp(a, b, len);
    }
}

static void show(const df_value *v, df_bytes text)
{
    df__buf b;
    df__buf_init(&b, &df__heap_libc);
    app_typed_write(&b, v);
    fprintf(stderr, "%s\nis written as\n%.*s\n", df__buf_cstr(&b), (int)text.len,
            (const char *)text.data);
    df__buf_free(&b);
}

static void check_json(df_record *r)
{
    df__arena arena;
    df__tree *tree = NULL;
    df_value root, json;
    df_bytes text = {NULL, 0};
    char err[200];
    df__arena_init(&arena, &df__heap_libc, 4096);
    must(df_record_root(r, &root) == DF_OK && df_record_payload(r, &text) == DF_OK);
    must(df__tree_parse(&arena, text, &tree, err, sizeof err) == DF_OK);
    df__tree_root(tree, &json);
    if (!says(&root, &json))
        show(&root, text);
    must(says(&root, &json));
    must(!df_value_is_json(&root) || df_value_is_json(&json));
    df__arena_free(&arena);
}

/* ---- transformations ------------------------------------------------------------------------- */

static const char manifest[] =
    "source: {type: host}\nsink: {type: 'null'}\ntransformations:\n"
    "  - {type: camelCase, config: {deep: true}}\n  - {type: snakeCase}\n"
    "  - {type: snakeCase, config: {deep: true}}\n"
    "  - {type: cast, config: {spec: {a: string, b: int64, 'c': float64, t: bool}}}\n"
    "  - {type: cast, config: {spec: {'$.*': string}}}\n  - {type: cast, config: {spec: {o.a: "
    "'null'}}}\n"
    "  - {type: debeziumUnwrap, config: {addOperationFields: true, addSourceFields: [a]}}\n"
    "  - {type: extractField, config: {field: o}}\n  - {type: filter, config: {condition: '$.t > 5 "
    "|| !$.a'}}\n"
    "  - {type: flatten, config: {field: items}}\n  - {type: hoistField, config: {field: r}}\n"
    "  - {type: insertField, config: {fields: {a: 'json:5', o.b: x, n: '${now}'}}}\n"
    "  - {type: mask, config: {fields: [a, 'o.*', 'items[*]'], keepLength: true}}\n"
    "  - {type: remove, config: {fields: [a, o.b, 'items[0]']}}\n"
    "  - {type: replaceField, config: {include: [a, o.b, t, id], renames: ['a:z', 't:o.t']}}\n"
    "  - {type: replaceField, config: {exclude: [b, o.a], renames: ['a:c', 'o.b:d']}}\n"
    "  - {type: router, config: {routes: [{condition: '$.t', sink: {type: 'null'}}]}}\n"
    "  - {type: select, config: {fields: [a, o.b, id]}}\n  - {type: setKey, config: {field: a}}\n"
    "  - {type: structFlatten}\n  - {type: timestamp, config: {fieldName: a}}\n"
    "  - {type: timezone, config: {timezone: Europe/Riga, fields: [t, 'items[*]']}}\n";

static df_stage *stages[STAGES];
static size_t stage_count;
static df_batch *source; /* of one record, from which the others come */

static void open_all(void)
{
    df_env_options options = {.size = sizeof options};
    df_pipeline *p = df_pipeline_new(df_env_new(&options), NULL);
    df_text text = {sizeof text, "fuzz", manifest, sizeof manifest - 1};
    int rc = p ? df_pipeline_load(p, &text) : DF_ENOMEM;
    if (rc == DF_OK)
        rc = df_pipeline_check(p);
    if (rc != DF_OK)
        fprintf(stderr, "%s\n", df_pipeline_errmsg(p));
    must(rc == DF_OK);
    for (const df__stage_spec *s = p->graph.stages; s; s = s->next) {
        df__fault why;
        df_stage *st;
        if (!s->transform)
            continue;
        must(stage_count < STAGES);
        st = df__stage_new(&p->graph, s, p->secrets, DF__FILL_RUN, &why);
        must(st && (!s->transform->open || s->transform->open(st->self, st) == DF_OK));
        stages[stage_count++] = st;
    }
}

/* What is true of the members of the root. NULL: it is no object. */
static df_schema *schema_of(const df_value *root)
{
    char texts[FIELDS][16];
    df_field fields[FIELDS];
    df_schema *schema = NULL;
    df_walk walk = {0};
    size_t n = 0;
    if (root->type != DF_V_OBJECT || root->len > FIELDS)
        return NULL;
    for (; df_value_walk(root, &walk) == DF_OK; n++) {
        int type = walk.value.type;
        snprintf(texts[n], sizeof texts[n], "%.*s", (int)walk.name.len,
                 (const char *)walk.name.data);
        fields[n] = (df_field){.size = sizeof fields[n],
                               .name = texts[n],
                               .type = type <= DF_V_NULL ? DF_V_ABSENT : type,
                               .flags = n == 0 ? DF_FIELD_KEY : 0};
    }
    must(df_schema_new(stages[0], fields, n, &schema) == DF_OK);
    return schema;
}

static void check_true(const df_schema *schema, const df_value *object)
{
    df_walk walk = {0};
    must(object->type == DF_V_OBJECT);
    while (df_value_walk(object, &walk) == DF_OK) {
        const df_field *f = df_schema_field(schema, walk.name);
        int type = walk.value.type;
        int fits = f && (f->type == DF_V_ABSENT || type <= DF_V_NULL || f->type == type ||
                         (f->type == DF_V_NUMBER && type == DF_V_INT));
        if (!fits) {
            fprintf(stderr, "type %d where the schema has %d\n", type, f ? f->type : -1);
            show(object, walk.name);
        }
        must(fits);
    }
}

static void check_record(df_record *r)
{
    df_value root, before;
    if (r->state != DF__RECORD_LIVE || df_record_root(r, &root) != DF_OK)
        return;
    check_json(r);
    df_record_before(r, &before);
    must(before.type == DF_V_ABSENT || df_record_schema(r));
    if (!df_record_schema(r))
        return;
    check_true(df_record_schema(r), &root);
    if (before.type != DF_V_ABSENT)
        check_true(df_record_schema(r), &before);
}

static void run_one(df_stage *st, df_record *r)
{
    const df_transform *t = st->spec->transform;
    df_batch *b = df__batch_new(&df__heap_libc, 1 << 20), *out = NULL;
    df_schema *schema;
    df_record *copy = NULL;
    df_value root, own;
    must(b && df_batch_emit(b, r, &copy) == DF_OK && df_record_root(r, &root) == DF_OK);
    must(df_value_new(copy, &root, &own) == DF_OK && df_record_set_root(copy, &own) == DF_OK);
    running = st->spec->name;
    schema = schema_of(&root);
    must(df_record_set_schema(copy, schema) == DF_OK);
    if (schema)
        must(df_record_set_before(copy, &root) == DF_OK);
    df_schema_free(schema);
    if (t->apply) {
        must(t->apply(st->self, st, b) == DF_OK);
    } else {
        out = df__batch_new(&df__heap_libc, 1 << 20);
        must(out && t->expand(st->self, st, b, out) == DF_OK);
    }
    for (size_t i = 0; i < (out ? out : b)->count; i++)
        check_record(df_batch_at(out ? out : b, i));
    df__batch_free(out);
    df__batch_free(b);
    running = "nothing";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    maker m = {data, data + size, NULL, 0};
    df_record seed = {.arena = NULL}, *r;
    df_value root;
    if (!stage_count)
        open_all();
    source = df__batch_new(&df__heap_libc, 1 << 20);
    must(source != NULL);
    seed.arena = &source->arena;
    must(df_batch_emit(source, &seed, &r) == DF_OK);
    m.r = r;
    root = value(&m, 0);
    if (root.type != DF_V_UNCHANGED) {
        must(df_record_set_root(r, &root) == DF_OK);
        check_json(r);
        for (size_t i = 0; i < stage_count; i++)
            run_one(stages[i], r);
    }
    df__batch_free(source);
    return 0;
}
