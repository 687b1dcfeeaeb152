/* SPDX-License-Identifier: Apache-2.0
 * test_schema.c: what each transform makes of the schema that a record came with, and of the row
 * before a change: true afterwards, or gone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataflow_ext.h"
#include "support/support.h"

enum { ROWS = 3 };

/* ---- a table with columns, as a source; and a sink that notes what it sees ------------------- */

static struct {
    size_t given;
    char schema[600], before[600], row[600];
    size_t seen, other; /* records; those whose schema or row before is another than the first's */
} table;

typedef struct rows {
    df_partition *part;
} rows;

static const df_field fields[] = {
    {sizeof(df_field), "id", DF_V_INT, 0, 0, 0, 0, DF_FIELD_KEY | DF_FIELD_NOT_NULL},
    {sizeof(df_field), "userName", DF_V_STRING, 0, 0, 0, 0, 0},
    {sizeof(df_field), "raw", DF_V_BYTES, 0, 0, 0, 0, 0},
    {sizeof(df_field), "at", DF_V_TIMESTAMP, 0, 0, 0, 0, 0},
    {sizeof(df_field), "sum", DF_V_NUMBER, 0, 0, 12, 2, 0},
    {sizeof(df_field), "tags", DF_V_ARRAY, DF_V_STRING, 0, 0, 0, 0},
    {sizeof(df_field), "doc", DF_V_OBJECT, 0, 0, 0, 0, 0},
};
enum { FIELDS = sizeof fields / sizeof fields[0] };

static int source_open(void *self, df_stage *st)
{
    rows *s = self;
    df_schema *schema = NULL;
    int rc = df_partition_open(st, "table", &s->part);
    if (rc == DF_OK)
        rc = df_schema_new(st, fields, FIELDS, &schema);
    if (rc == DF_OK)
        df_partition_schema(s->part, schema);
    df_schema_free(schema);
    return rc;
}

static int add_member(df_record *r, df_value *object, const char *name, df_value v)
{
    return df_value_put(r, object, (df_bytes){name, strlen(name)}, &v);
}

static df_value text(const char *s)
{
    return (df_value){.type = DF_V_STRING, .text = s, .len = strlen(s)};
}

/* "at" and what follows are not in the row before. */
static int build(df_record *r, int64_t id, const char *name, int whole, df_value *ret)
{
    df_value empty = {.type = DF_V_OBJECT}, none = {.type = DF_V_ARRAY}, list, doc, tag = text("a");
    df_value raw = {.type = DF_V_BYTES, .text = "\xff\0", .len = 2};
    df_value at = {.type = DF_V_TIMESTAMP, .u.i = 1700000000000001};
    df_value sum = {.type = DF_V_NUMBER, .text = "12.50", .len = 5};
    df_value number = {.type = DF_V_INT, .u.i = id};
    assert_ok(df_value_new(r, &empty, ret));
    assert_ok(add_member(r, ret, "id", number));
    assert_ok(add_member(r, ret, "userName", text(name)));
    assert_ok(add_member(r, ret, "raw", raw));
    if (!whole)
        return DF_OK;
    assert_ok(df_value_new(r, &none, &list));
    assert_ok(df_value_new(r, &empty, &doc));
    assert_ok(add_member(r, &doc, "innerName", tag));
    assert_ok(df_value_put(r, &list, (df_bytes){NULL, 0}, &tag));
    assert_ok(add_member(r, ret, "at", at));
    assert_ok(add_member(r, ret, "sum", sum));
    assert_ok(add_member(r, ret, "tags", list));
    return add_member(r, ret, "doc", doc);
}

static int source_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    rows *s = self;
    char position[24];
    if (table.given == ROWS)
        return DF_DONE;
    if (!df_batch_room(into))
        return df_stage_wait(st, -1, 0, timeout_ms);
    while (table.given < ROWS) {
        df_input in = {.size = sizeof in, .partition = df_partition_number(s->part)};
        df_header header = {"tenant", {"acme", 4}};
        df_value root, before;
        df_record *r;
        in.offset = (int64_t)table.given;
        in.headers = &header;
        in.header_count = 1;
        assert_ok(df_batch_add(into, &in, &r));
        assert_ok(build(r, (int64_t)table.given++, "new", 1, &root));
        assert_ok(df_record_set_root(r, &root));
        assert_ok(build(r, 7, "old", 0, &before));
        assert_ok(df_record_set_before(r, &before));
    }
    snprintf(position, sizeof position, "%zu", table.given);
    return df_batch_mark(into, s->part, (df_bytes){position, strlen(position)});
}

/* id:int*! name:string tags:array(string): the key has a star, what is never null a mark. */
static void tell(const df_schema *schema, char *out, size_t len)
{
    static const char *const words[] = {"any",    "",       "",       "bool",  "int",
                                        "number", "double", "string", "bytes", "timestamp",
                                        "date",   "time",   "array",  "object"};
    size_t count = 0, at = 0;
    const df_field *all = schema ? df_schema_fields(schema, &count) : NULL;
    snprintf(out, len, "%s", schema ? "" : "none");
    for (size_t i = 0; i < count; i++) {
        const df_field *f = DF_ROW(df_field, all, i);
        at +=
            (size_t)snprintf(out + at, len - at, "%s%s:%s", i ? " " : "", f->name, words[f->type]);
        if (f->item)
            at += (size_t)snprintf(out + at, len - at, "(%s)", words[f->item]);
        if (f->precision)
            at += (size_t)snprintf(out + at, len - at, "(%d,%d)", f->precision, f->scale);
        at += (size_t)snprintf(out + at, len - at, "%s%s", f->flags & DF_FIELD_KEY ? "*" : "",
                               f->flags & DF_FIELD_NOT_NULL ? "!" : "");
        assert_ptr_equal(df_schema_field(schema, (df_bytes){f->name, strlen(f->name)}), f);
    }
}

static int sink_write(void *self, df_stage *st, df_parcel *parcel)
{
    (void)self;
    (void)st;
    for (size_t i = 0; i < df_parcel_count(parcel); i++) {
        const df_record *r = df_parcel_at(parcel, i);
        char schema[600], before[600] = "none";
        df_value v;
        tell(df_record_schema(r), schema, sizeof schema);
        assert_ok(df_record_before(r, &v));
        if (v.type != DF_V_ABSENT)
            before[df_value_json(&v, before, sizeof before - 1)] = 0;
        if (!table.seen++) {
            memcpy(table.schema, schema, sizeof schema);
            memcpy(table.before, before, sizeof before);
        }
        table.other += strcmp(table.schema, schema) != 0 || strcmp(table.before, before) != 0;
    }
    return DF_OK;
}

static const df_source_ops source_ops = {
    .size = sizeof source_ops, .open = source_open, .read = source_read};
static const df_sink_ops sink_ops = {.size = sizeof sink_ops, .write = sink_write};
static const df_connector connector = {.size = sizeof(df_connector),
                                       .name = "table",
                                       .doc = "A table in memory.",
                                       .source_size = sizeof(rows),
                                       .sink_size = sizeof(rows),
                                       .source_flags = DF_IS_LINE,
                                       .source = &source_ops,
                                       .sink = &sink_ops};

/* ---- cases ----------------------------------------------------------------------------------- */

#define ALL                                                                                        \
    "id:int*! userName:string raw:bytes at:timestamp sum:number(12,2) tags:array(string) "         \
    "doc:object"
#define BEFORE "{\"id\":7,\"userName\":\"old\",\"raw\":\"/wA=\"}"

/* One transform, and what reaches the sink after it. `before` NULL: BEFORE. */
static const struct {
    const char *transforms, *schema, *before;
} cases[] = {
    {"", ALL, NULL},
    {"{type: filter, config: {condition: '$.id >= 0'}}", ALL, NULL},
    {"{type: setKey, config: {field: id}}", ALL, NULL},
    {"{type: router, config: {routes: [{condition: '$.id >= 0', sink: {type: table}}]}}", ALL,
     NULL},
    {"{type: mask, config: {fields: [userName, gone]}}",
     "id:int*! userName:string raw:bytes at:timestamp sum:number(12,2) tags:array(string) "
     "doc:object",
     "{\"id\":7,\"raw\":\"/wA=\"}"},
    {"{type: mask, config: {fields: [id]}}",
     "id:string userName:string raw:bytes at:timestamp sum:number(12,2) tags:array(string) "
     "doc:object",
     "{\"userName\":\"old\",\"raw\":\"/wA=\"}"},
    {"{type: mask, config: {fields: ['$.tags[*]', doc.innerName]}}",
     "id:int*! userName:string raw:bytes at:timestamp sum:number(12,2) tags:array doc:object",
     BEFORE},
    {"{type: mask, config: {fields: ['$.*']}}", "none", "none"},
    {"{type: remove, config: {fields: [raw, doc.innerName, gone]}}",
     "id:int*! userName:string at:timestamp sum:number(12,2) tags:array(string) doc:object",
     "{\"id\":7,\"userName\":\"old\"}"},
    {"{type: remove, config: {fields: [id]}}",
     "userName:string raw:bytes at:timestamp sum:number(12,2) tags:array(string) doc:object",
     "{\"userName\":\"old\",\"raw\":\"/wA=\"}"},
    {"{type: cast, config: {spec: {id: string, sum: float64, userName: 'null'}}}",
     "id:string*! userName:any raw:bytes at:timestamp sum:number(12,2) tags:array(string) "
     "doc:object",
     "{\"raw\":\"/wA=\"}"},
    {"{type: cast, config: {spec: {id: float64}}}", ALL, NULL},
    {"{type: timestamp, config: {fieldName: made, format: UnixMilli}}", ALL " made:int", NULL},
    {"{type: timestamp, config: {fieldName: doc.made}}", ALL, NULL},
    {"{type: timezone, config: {timezone: UTC, fields: [at]}}",
     "id:int*! userName:string raw:bytes at:string sum:number(12,2) tags:array(string) doc:object",
     NULL},
    {"{type: insertField, config: {fields: {n: 'json:5', t: x, a.b: y, id: z, m: "
     "'${metadata.x}'}}}",
     "id:string userName:string raw:bytes at:timestamp sum:number(12,2) tags:array(string) "
     "doc:object n:int t:string a:object m:string",
     "{\"userName\":\"old\",\"raw\":\"/wA=\"}"},
    {"{type: headersToPayload, config: {mappings: ['tenant:tenant', 'none:sum']}}",
     "id:int*! userName:string raw:bytes at:timestamp sum:any tags:array(string) doc:object "
     "tenant:string",
     BEFORE},
    {"{type: select, config: {fields: [raw, id, doc.innerName]}}",
     "raw:bytes id:int*! innerName:any", "{\"raw\":\"/wA=\",\"id\":7}"},
    {"{type: select, config: {fields: [userName]}}", "userName:string", "{\"userName\":\"old\"}"},
    {"{type: replaceField, config: {include: [id, userName, doc.innerName], renames: ['id:nr']}}",
     "nr:int*! userName:string doc:object", "{\"nr\":7,\"userName\":\"old\"}"},
    {"{type: replaceField, config: {exclude: [tags, doc], renames: ['userName:raw']}}",
     "id:int*! raw:any at:timestamp sum:number(12,2)", "{\"id\":7}"},
    {"{type: replaceField, config: {renames: ['userName:who', 'doc.innerName:inner']}}",
     "id:int*! who:string raw:bytes at:timestamp sum:number(12,2) tags:array(string) doc:object "
     "inner:any",
     "{\"id\":7,\"who\":\"old\",\"raw\":\"/wA=\"}"},
    {"{type: snakeCase}",
     "id:int*! user_name:string raw:bytes at:timestamp sum:number(12,2) tags:array(string) "
     "doc:object",
     "{\"id\":7,\"user_name\":\"old\",\"raw\":\"/wA=\"}"},
    {"{type: camelCase, config: {deep: true}}",
     "Id:int*! UserName:string Raw:bytes At:timestamp Sum:number(12,2) Tags:array(string) "
     "Doc:object",
     "{\"Id\":7,\"UserName\":\"old\",\"Raw\":\"/wA=\"}"},
    {"{type: insertField, config: {fields: {user_name: x}}}, {type: snakeCase}", "none", "none"},
    {"{type: flatten, config: {field: tags}}", "none", "none"},
    {"{type: flatten, config: {field: id}}", ALL, NULL},
    {"{type: structFlatten}", "none", "none"},
    {"{type: extractField, config: {field: doc}}", "none", "none"},
    {"{type: hoistField, config: {field: row}}", "none", "none"},
    {"{type: debeziumUnwrap}", ALL, NULL}, /* no change event: it passes as it is */
    {"{type: mask, when: '$.id < 0', config: {fields: [id]}}", ALL, NULL},
    {"{type: own}", "none", "none"},
    {"{type: own, when: '$.id < 0'}", ALL, NULL},
};

/* A transform of one function knows nothing of schemas: what it edits has none. */
static int own(df_record *r, void *user)
{
    df_value v = {.type = DF_V_INT, .u.i = 1};
    return df_record_set(r, user, &v);
}

static df_env *make_env(support_host *host, df_path **path)
{
    df_env *env = support_env(host);
    df_function fn = {.size = sizeof fn, .name = "own", .doc = "Sets a field.", .apply = own};
    *path = df_path_new(env, "$.own");
    assert_non_null(*path);
    fn.user = *path;
    assert_ok(df_connector_register(env, &connector));
    assert_ok(df_transform_register_fn(env, &fn));
    return env;
}

static void run_case(df_env *env, const char *transforms, int workers)
{
    df_run_options how = {.size = sizeof how, .until_exhausted = 1};
    char yaml[1200];
    df_pipeline *p;
    snprintf(yaml, sizeof yaml,
             "source: {type: table}\nsink: {type: table}\ntransformWorkers: %d\n"
             "transformations: [%s]\n",
             workers, transforms);
    memset(&table, 0, sizeof table);
    p = support_load(env, yaml);
    if (df_pipeline_run(p, &how) != DF_OK)
        fail_msg("%s: %s", transforms, df_pipeline_errmsg(p));
    support_assert_conserved(p);
    df_pipeline_free(p);
}

static void test_each_transform(void **state)
{
    support_host host = {0};
    df_path *path;
    df_env *env = make_env(&host, &path);
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *before = cases[i].before ? cases[i].before : BEFORE;
        run_case(env, cases[i].transforms, i % 2 ? 1 : 2);
        if (table.seen != ROWS || table.other || strcmp(table.schema, cases[i].schema) != 0 ||
            strcmp(table.before, before) != 0)
            fail_msg("%s: %zu records, %zu different\n  schema %s\n  want   %s\n  before %s\n"
                     "  want   %s",
                     cases[i].transforms, table.seen, table.other, table.schema, cases[i].schema,
                     table.before, before);
    }
    df_path_free(path);
    support_env_free(env, &host);
}

/* ---- many members ---------------------------------------------------------------------------- */

enum { MANY = 5000 };

/* {"o": {"k0": bytes, "k1": bytes, ...}} */
static int make_many(df_record *r, void *user)
{
    df_value empty = {.type = DF_V_OBJECT}, root, inner;
    (void)user;
    assert_ok(df_value_new(r, &empty, &root));
    assert_ok(df_value_new(r, &empty, &inner));
    for (int i = 0; i < MANY; i++) {
        df_value v = {.type = DF_V_BYTES, .text = "\xff\0", .len = 2};
        char name[16];
        snprintf(name, sizeof name, "k%d", i);
        assert_ok(add_member(r, &inner, name, v));
    }
    assert_ok(add_member(r, &root, "o", inner));
    return df_record_set_root(r, &root);
}

static int see_many(df_record *r, void *user)
{
    df_value root;
    df_walk walk = {0};
    assert_ok(df_record_root(r, &root));
    while (df_value_walk(&root, &walk) == DF_OK)
        *(int *)user += walk.value.type == DF_V_BYTES && walk.name.len > 2;
    return DF_OK;
}

/* An object of very many members is made as a text, but not when a text would lose types. */
static void test_many_members_keep_types(void **state)
{
    df_run_options how = {.size = sizeof how, .until_exhausted = 1};
    support_host host = {0};
    df_env *env = support_env(&host);
    int seen = 0;
    df_function make = {.size = sizeof make, .name = "make", .doc = "Makes.", .apply = make_many};
    df_function see = {.size = sizeof see, .name = "see", .doc = "Sees.", .apply = see_many};
    df_pipeline *p;
    (void)state;
    see.user = &seen;
    assert_ok(df_transform_register_fn(env, &make));
    assert_ok(df_transform_register_fn(env, &see));
    p = support_load(env, "source: {type: memory, config: {records: ['{}']}}\n"
                          "sink: {type: 'null'}\n"
                          "transformations: [{type: make}, {type: structFlatten}, {type: see}]\n");
    assert_ok(df_pipeline_run(p, &how));
    assert_int_equal(seen, MANY);
    df_pipeline_free(p);
    support_env_free(env, &host);
}

/* ---- the schema block of a change event ------------------------------------------------------ */

#define FIELD(type, name) "{\"type\":\"" type "\",\"optional\":false,\"field\":\"" name "\"}"
#define NAMED(type, name, what, rest)                                                              \
    "{\"type\":\"" type "\",\"optional\":true,\"name\":\"" what "\"" rest ",\"field\":\"" name "\"}"
#define SUM                                                                                        \
    NAMED("bytes", "sum", "org.apache.kafka.connect.data.Decimal",                                 \
          ",\"parameters\":{\"scale\":\"2\",\"connect.decimal.precision\":\"12\"}")
#define AT NAMED("int64", "at", "io.debezium.time.MicroTimestamp", "")
#define LIST "{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"field\":\"list\"}"
#define KEY                                                                                        \
    "{\"schema\":{\"type\":\"struct\",\"fields\":[" FIELD("int32", "id") "]},\"payload\":{}}"

static const struct event_case {
    const char *config, *fields, *key, *schema;
} events[] = {
    {"", FIELD("int32", "id") "," SUM "," AT "," LIST, NULL,
     "id:int! sum:number(12,2) at:timestamp list:array(string)"},
    {"", FIELD("int32", "id") "," AT, KEY, "id:int*! at:timestamp"},
    {"", FIELD("int32", "id") "," AT, "{\"id\":1}", "id:int*! at:timestamp"},
    {"", FIELD("int32", "id") "," FIELD("string", "at"), "{\"id\":1,\"at\":\"x\"}",
     "id:int*! at:string*!"},
    {"", FIELD("int32", "id"), "{\"other\":1,\"id\":1}", "id:int!"},
    {"", FIELD("int32", "id"), "\"text\"", "id:int!"},
    {"", FIELD("int32", "id"), "no JSON", "id:int!"},
    {"addOperationFields: true, addSourceFields: [db]", FIELD("int32", "id"), KEY,
     "id:int*! __op:string __deleted:string source_db:any"},
    {"addOperationFields: true", FIELD("int32", "id") "," FIELD("int32", "__op"), NULL,
     "id:int! __op:string __deleted:string"},
    {"readSchema: false", FIELD("int32", "id"), KEY, "none"},
};

static const struct event_case *event_now;

static int make_event(df_record *r, void *user)
{
    static char text[2000];
    int len = snprintf(text, sizeof text,
                       "{\"schema\":{\"fields\":[{\"field\":\"after\",\"fields\":[%s]}]},"
                       "\"payload\":{\"op\":\"c\",\"after\":{\"id\":1},\"source\":{\"db\":\"d\"}}}",
                       event_now->fields);
    (void)user;
    assert_ok(df_record_set_payload(r, (df_bytes){text, (size_t)len}));
    if (event_now->key)
        assert_ok(df_record_set_key(r, (df_bytes){event_now->key, strlen(event_now->key)}));
    return DF_OK;
}

static int see_event(df_record *r, void *user)
{
    char schema[600];
    df_value root;
    int64_t id = 0;
    tell(df_record_schema(r), schema, sizeof schema);
    assert_string_equal(schema, event_now->schema);
    assert_ok(df_record_root(r, &root));
    assert_ok(df_value_member(&root, (df_bytes){"id", 2}, &root));
    assert_ok(df_value_int(&root, &id));
    *(int *)user += (int)id;
    return DF_OK;
}

static df_env *event_env(support_host *host, int *seen)
{
    df_env *env = support_env(host);
    df_function make = {.size = sizeof make, .name = "make", .doc = "Makes.", .apply = make_event};
    df_function see = {.size = sizeof see, .name = "see", .doc = "Sees.", .apply = see_event};
    see.user = seen;
    assert_ok(df_transform_register_fn(env, &make));
    assert_ok(df_transform_register_fn(env, &see));
    return env;
}

static void test_schema_block(void **state)
{
    df_run_options how = {.size = sizeof how, .until_exhausted = 1};
    (void)state;
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        support_host host = {0};
        int seen = 0;
        df_env *env = event_env(&host, &seen);
        char yaml[600];
        event_now = &events[i];
        snprintf(yaml, sizeof yaml,
                 "source: {type: memory, config: {records: ['{}', '{}', '{}']}}\n"
                 "sink: {type: 'null'}\n"
                 "transformations: [{type: make}, {type: debeziumUnwrap, config: {%s}}, "
                 "{type: see}]\n",
                 events[i].config);
        df_pipeline *p = support_load(env, yaml);
        assert_ok(df_pipeline_run(p, &how));
        assert_int_equal(seen, 3);
        df_pipeline_free(p);
        support_env_free(env, &host);
    }
}

/* More tables than are kept at once, in turns. */
enum { TABLES = 150, EVENTS = 600 };

static int make_next(df_record *r, void *user)
{
    static char texts[EVENTS][400];
    int *number = user;
    char *text = texts[*number];
    int len = snprintf(text, sizeof texts[0],
                       "{\"schema\":{\"fields\":[{\"field\":\"after\",\"fields\":["
                       "{\"type\":\"int32\",\"field\":\"c%d\"}]}]},"
                       "\"payload\":{\"op\":\"c\",\"after\":{\"c%d\":1}}}",
                       *number % TABLES, *number % TABLES);
    ++*number;
    return df_record_set_payload(r, (df_bytes){text, (size_t)len});
}

static int see_next(df_record *r, void *user)
{
    int *number = user;
    char schema[600], want[40];
    tell(df_record_schema(r), schema, sizeof schema);
    snprintf(want, sizeof want, "c%d:int", *number % TABLES);
    assert_string_equal(schema, want);
    ++*number;
    return DF_OK;
}

/* Unwraps what `make` makes, `count` times; both functions count on their own. */
static void unwrap_made(df_transform_fn make_one, df_transform_fn see_one, int count)
{
    df_run_options how = {.size = sizeof how, .until_exhausted = 1};
    support_host host = {0};
    int made = 0, seen = 0;
    df_env *env = support_env(&host);
    df_function make = {.size = sizeof make, .name = "make", .doc = "Makes.", .apply = make_one};
    df_function see = {.size = sizeof see, .name = "see", .doc = "Sees.", .apply = see_one};
    char yaml[400];
    make.user = &made;
    see.user = &seen;
    assert_ok(df_transform_register_fn(env, &make));
    assert_ok(df_transform_register_fn(env, &see));
    snprintf(yaml, sizeof yaml,
             "source: {type: generate, config: {count: %d}}\nsink: {type: 'null'}\n"
             "transformations: [{type: make}, {type: debeziumUnwrap}, {type: see}]\n",
             count);
    df_pipeline *p = support_load(env, yaml);
    assert_ok(df_pipeline_run(p, &how));
    assert_int_equal(seen, count);
    df_pipeline_free(p);
    support_env_free(env, &host);
}

static void test_many_schema_blocks(void **state)
{
    (void)state;
    unwrap_made(make_next, see_next, EVENTS);
}

/* Events that look alike: what each says is what stands in it, whatever came before. */
#define INT_ID FIELD("int32", "id")
#define TEXT_ID FIELD("string", "id")
#define SIDE(side, fields) "{\"field\":\"" side "\",\"fields\":[" fields "]}"
#define SIDES SIDE("before", INT_ID) "," SIDE("after", INT_ID "," AT)
#define BLOCK(name, fields) "\"schema\":{\"fields\":[" fields "],\"name\":\"" name "\"}"
#define CREATED "\"payload\":{\"op\":\"c\",\"after\":{\"id\":1}}"
#define CREATED_TEXT "\"payload\":{\"op\":\"c\",\"after\":{\"id\":\"1\"}}"
#define DELETED "\"payload\":{\"op\":\"d\",\"before\":{\"id\":1}}"
static const struct {
    const char *text, *schema;
} alike[] = {
    {"{" BLOCK("t.a", SIDES) "," CREATED "}", "id:int! at:timestamp"},
    {"{" BLOCK("t.a", SIDES) "," DELETED "}", "id:int!"},
    {"{" BLOCK("t.b", SIDES) "," CREATED "}", "id:int! at:timestamp"},
    {"{" BLOCK("t.a", SIDE("after", TEXT_ID)) "," CREATED_TEXT "}", "id:string!"},
    /* the last member of a name counts */
    {"{" BLOCK("t.a", SIDES) "," CREATED_TEXT "," BLOCK("t.a", SIDE("after", TEXT_ID)) "}",
     "id:string!"},
    {"{" BLOCK("t.a", SIDES) "," CREATED ",\"schema\":null}", "none"},
    {"{" BLOCK("t.a", SIDES ",{\"field\":\"after\",\"fields\":[]}") "," CREATED "}",
     "id:int! at:timestamp"},
    {"{" CREATED "," BLOCK("t.a", SIDES) "}", "id:int! at:timestamp"},
    {" {" BLOCK("t.a", SIDES) ", " CREATED "}", "id:int! at:timestamp"},
    {"{\"schema\":{\"name\":\"t.a\"}," CREATED "}", "none"},
    {"{\"schema\":[[]]," CREATED "}", "none"},
    {"{\"schema\":\"{}\"," CREATED "}", "none"},
    {"{\"a\":{\"schema\":{}}," BLOCK("t.a", SIDES) "," CREATED "}", "id:int! at:timestamp"},
    {"{" CREATED "}", "none"},
};
enum { ALIKE = sizeof alike / sizeof alike[0], ROUNDS = 3 };

/* Each round has another order. */
static size_t pick(int number)
{
    static const size_t steps[ROUNDS] = {1, 5, 9};
    size_t n = (size_t)number;
    return n % ALIKE * steps[n / ALIKE] % ALIKE;
}

static int make_alike(df_record *r, void *user)
{
    int *number = user;
    const char *text = alike[pick(*number)].text;
    ++*number;
    return df_record_set_payload(r, (df_bytes){text, strlen(text)});
}

static int see_alike(df_record *r, void *user)
{
    int *number = user;
    size_t i = pick(*number);
    char schema[600];
    tell(df_record_schema(r), schema, sizeof schema);
    if (strcmp(schema, alike[i].schema) != 0)
        fail_msg("%s:\n  schema %s\n  want   %s", alike[i].text, schema, alike[i].schema);
    ++*number;
    return DF_OK;
}

static void test_blocks_that_look_alike(void **state)
{
    (void)state;
    unwrap_made(make_alike, see_alike, ALIKE * ROUNDS);
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_transform), cmocka_unit_test(test_many_members_keep_types),
        cmocka_unit_test(test_schema_block), cmocka_unit_test(test_many_schema_blocks),
        cmocka_unit_test(test_blocks_that_look_alike)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
