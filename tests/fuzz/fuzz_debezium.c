/* SPDX-License-Identifier: Apache-2.0
 * debeziumUnwrap over hostile change events: members missing, doubled, of the wrong type, at the
 * wrong level. What comes out is what this file works out by itself: passed as it is, the row of
 * the right side, left out or refused. With a schema block, every value that comes out is of the
 * type that the record's schema names. The first two bytes are the configuration, the third the
 * way. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static const fuzz_stage *stages;
static size_t stage_count;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    stages = fuzz_stages("debeziumUnwrap", "t", &stage_count);
    fuzz_must(stage_count > 50);
    return 0;
}

/* ---- an event ---------------------------------------------------------------------------------
 */

static void member(fuzz_maker *m, const char *name, const char *plain)
{
    unsigned how = fuzz_next(m);
    if (how % 8 == 7) /* missing */
        return;
    for (unsigned i = 0; i <= (how >> 3 & 1); i++) {
        if (m->text.data[m->text.len - 1] != '{')
            df__buf_char(&m->text, ',');
        df__buf_printf(&m->text, "\"%s\":", name);
        if (plain && how % 8 < 5)
            df__buf_str(&m->text, plain);
        else
            fuzz_value(m, how % 8 == 6 ? 1 : 0);
    }
}

static void envelope(fuzz_maker *m)
{
    static const char *const letters[] = {"\"c\"", "\"u\"", "\"r\"", "\"d\"",
                                          "\"t\"", "\"m\"", "\"x\"", "\"\""};
    df__buf_char(&m->text, '{');
    member(m, "before", NULL);
    member(m, "op", letters[fuzz_next(m) % 8]);
    member(m, "after", NULL);
    member(m, "source", "{\"db\":\"d\",\"table\":\"t\",\"lsn\":1}");
    member(m, "payload", "null");
    df__buf_char(&m->text, '}');
}

/* The names are those that rows have, too. */
static void block(fuzz_maker *m)
{
    static const char *const types[] = {"int8",   "int32", "int64", "float", "double", "boolean",
                                        "string", "bytes", "array", "map",   "struct", "int128"};
    static const char *const names[] = {
        "org.apache.kafka.connect.data.Decimal",
        "org.apache.kafka.connect.data.Date",
        "org.apache.kafka.connect.data.Time",
        "org.apache.kafka.connect.data.Timestamp",
        "io.debezium.time.Date",
        "io.debezium.time.MicroTime",
        "io.debezium.time.MicroTimestamp",
        "io.debezium.time.ZonedTimestamp",
        "io.debezium.data.VariableScaleDecimal",
    };
    unsigned fields = fuzz_next(m) % 8, first = fuzz_next(m);
    df__buf_str(&m->text, "[");
    for (unsigned i = 0; i < fields; i++) {
        unsigned how = fuzz_next(m), what = fuzz_next(m);
        df__buf_printf(&m->text, "%s{\"field\":\"%c\",\"type\":\"%s\"", i ? "," : "",
                       (char)('a' + (first + i) % 8), types[how % 12]);
        if (how & 128)
            df__buf_printf(&m->text, ",\"name\":\"%s\"", names[what % 9]);
        if (how & 64)
            df__buf_printf(&m->text, ",\"parameters\":{\"scale\":\"%d\"}", (int)(what % 64) - 8);
        if (how & 32)
            df__buf_printf(&m->text, ",\"items\":{\"type\":\"%s\",\"name\":\"%s\"}",
                           types[what % 12], names[what / 12 % 9]);
        df__buf_str(&m->text, what & 64 ? ",\"optional\":false}" : "}");
    }
    df__buf_str(&m->text, "]");
}

/* A row of the same names. */
static void row(fuzz_maker *m)
{
    static const char *const values[] = {"1",
                                         "-1",
                                         "null",
                                         "true",
                                         "0.5",
                                         "\"/zg=\"",
                                         "\"x\"",
                                         "\"NaN\"",
                                         "[1,null]",
                                         "[\"\"]",
                                         "{\"a\":1}",
                                         "1709200800001",
                                         "86399999",
                                         "{\"scale\":1,\"value\":\"AQ==\"}",
                                         "\"2024-02-29T10:00:00.5Z\"",
                                         "1e400"};
    unsigned fields = fuzz_next(m) % 8, first = fuzz_next(m);
    df__buf_str(&m->text, "{");
    for (unsigned i = 0; i < fields; i++)
        df__buf_printf(&m->text, "%s\"%c\":%s", i ? "," : "", (char)('a' + (first + i) % 8),
                       values[fuzz_next(m) % 16]);
    df__buf_str(&m->text, "}");
}

/* One block, or another of its name behind it that counts instead. */
static void typed_event(fuzz_maker *m)
{
    unsigned how = fuzz_next(m);
    df__buf_printf(
        &m->text,
        "{\"schema\":{\"name\":\"t%u\",\"fields\":[{\"field\":\"after\",\"fields\":", how % 4);
    block(m);
    df__buf_str(&m->text, "}]},\"payload\":{\"op\":\"c\",\"after\":");
    row(m);
    df__buf_str(&m->text, "}");
    if (how & 64) {
        df__buf_str(&m->text, ",\"schema\":{\"fields\":[{\"field\":\"after\",\"fields\":");
        block(m);
        df__buf_str(&m->text, "}]}");
    }
    df__buf_str(&m->text, "}");
}

static void event(fuzz_maker *m)
{
    unsigned how = fuzz_next(m);
    if (how & 1)
        df__buf_str(&m->text, how & 2 ? "{\"schema\":{},\"payload\":" : "{\"payload\":");
    envelope(m);
    if (how & 4 && how & 1)
        df__buf_str(&m->text, ",\"payload\":1");
    df__buf_str(&m->text, how & 1 ? "}" : "");
}

/* ---- what is right ----------------------------------------------------------------------------
 */

static df_value get(const df_value *object, const char *name)
{
    df_value found = {0}; /* of members of one name the last */
    df_walk walk = {0};
    while (object->type == DF_V_OBJECT && df_value_walk(object, &walk) == DF_OK)
        if (walk.name.len == strlen(name) && memcmp(walk.name.data, name, walk.name.len) == 0)
            found = walk.value;
    return found;
}

static char letter_of(const df_value *envelope)
{
    df_value op = get(envelope, "op");
    return op.type == DF_V_STRING && op.len == 1 ? op.text[0] : op.type == DF_V_STRING ? '?' : 0;
}

static int is_event(const df_value *root, df_value *ret)
{
    df_value inner = get(root, "payload");
    char op = letter_of(root);
    *ret = inner;
    if (inner.type == DF_V_OBJECT && get(&inner, "op").type != DF_V_ABSENT)
        return 1;
    *ret = *root;
    return op && get(root, "source").type == DF_V_OBJECT &&
           (op == 't' || op == 'm' || get(root, "before").type != DF_V_ABSENT ||
            get(root, "after").type != DF_V_ABSENT);
}

static void add(df__buf *b, const char *operation, const df_value *row)
{
    size_t len = df_value_json(row, NULL, 0);
    char *text = df__buf_reserve(b, len);
    fuzz_must(text != NULL);
    b->len += df_value_json(row, text, len);
    df__buf_printf(b, " %s", operation);
}

/* "": refused; "-": left out; else the row and its operation. */
static void expect(df_value *root, df__buf *ret)
{
    df_value envelope, row, empty = {.type = DF_V_OBJECT};
    char op;
    if (root->type != DF_V_OBJECT)
        return;
    if (!is_event(root, &envelope)) {
        add(ret, "", root);
        return;
    }
    op = letter_of(&envelope);
    row = get(&envelope, op == 'd' ? "before" : "after");
    if (op == 'm')
        df__buf_char(ret, '-');
    else if (op == 't')
        add(ret, "truncate", &empty);
    else if (op && strchr("curd", op) && row.type == DF_V_OBJECT)
        add(ret, op == 'd' ? "delete" : op == 'u' ? "update" : "insert", &row);
}

static void see(df_record *r, df__buf *ret)
{
    df_value root, operation = {0};
    if (r->state == DF__RECORD_DROPPED)
        df__buf_char(ret, '-');
    if (r->state != DF__RECORD_LIVE)
        return;
    fuzz_must(df_record_root(r, &root) == DF_OK);
    fuzz_must(df_record_meta(r, "operation", &operation) == DF_OK);
    add(ret, "", &root);
    df__buf_add(ret, operation.text, operation.len);
}

static void compare(const fuzz_stage *s, df_bytes text, int way)
{
    fuzz_record in, again;
    df_value root;
    df__buf want, got;
    df_batch *b = df__batch_new(&df__heap_libc, 1 << 20);
    df__step_result done;
    fuzz_record_init(&in, text, way);
    fuzz_record_init(&again, text, way);
    df__buf_init(&want, &df__heap_libc);
    df__buf_init(&got, &df__heap_libc);
    fuzz_must(df_record_root(&again.r, &root) == DF_OK);
    expect(&root, &want);
    fuzz_must(b != NULL && df_batch_pass(b, &in.r) == DF_OK);
    df__step_apply(s->stage, 0, b, &done);
    see(df__batch_at(b, 0), &got);
    int same = want.len == got.len && (!want.len || memcmp(want.data, got.data, want.len) == 0);
    if (!same)
        (void)fprintf(stderr, "of %.*s\nwant %.*s\ngot  %.*s\n", (int)text.len,
                      (const char *)text.data, (int)want.len, want.data, (int)got.len, got.data);
    fuzz_must(same);
    df__batch_free(b);
    df__buf_free(&want);
    df__buf_free(&got);
    df__arena_free(&in.arena);
    df__arena_free(&again.arena);
}

/* The fields of the schema are those of the event's own block, whatever came before it; those that
 * an option adds come behind them. */
static void check_names(const df_record *r, df_bytes text)
{
    fuzz_record in;
    df_value v, name;
    df_walk sides = {0}, walk = {0};
    size_t count = 0, i = 0;
    const df_schema *schema = df_record_schema(r);
    const df_field *fields = schema ? df_schema_fields(schema, &count) : NULL;
    fuzz_record_init(&in, text, FUZZ_RAW);
    fuzz_must(df_record_root(&in.r, &v) == DF_OK);
    v = get(&v, "schema");
    v = get(&v, "fields");
    fuzz_must(df_value_walk(&v, &sides) == DF_OK);
    v = get(&sides.value, "fields");
    for (; schema && df_value_walk(&v, &walk) == DF_OK; i++) {
        name = get(&walk.value, "field");
        fuzz_must(i < count && strlen(fields[i].name) == name.len &&
                  memcmp(fields[i].name, name.text, name.len) == 0);
    }
    df__arena_free(&in.arena);
}

/* A schema says the truth. Times that are finer than a microsecond stay text,
 * a decimal without a fraction reads as a whole number. */
static void check_types(const df_record *r, const df_value *root)
{
    const df_schema *schema = df_record_schema(r);
    df_walk walk = {0};
    while (schema && df_value_walk(root, &walk) == DF_OK) {
        const df_field *field = df_schema_field(schema, walk.name);
        const df_value *v = &walk.value;
        fuzz_must(field != NULL);
        fuzz_must(v->type <= DF_V_NULL || !field->type || v->type == field->type ||
                  (field->type == DF_V_TIMESTAMP && v->type == DF_V_STRING) ||
                  (field->type == DF_V_NUMBER && v->type == DF_V_INT));
    }
}

static void judge(const fuzz_stage *s, df_bytes text, int way)
{
    fuzz_record in;
    df_value root;
    df_batch *b = df__batch_new(&df__heap_libc, 1 << 20);
    df__step_result done;
    fuzz_record_init(&in, text, way);
    fuzz_must(b != NULL && df_batch_pass(b, &in.r) == DF_OK);
    df__step_apply(s->stage, 0, b, &done);
    df_record *r = df__batch_at(b, 0);
    if (r->state == DF__RECORD_LIVE && df_record_root(r, &root) == DF_OK)
        check_types(r, &root);
    if (r->state == DF__RECORD_LIVE)
        check_names(r, text);
    df__batch_free(b);
    df__arena_free(&in.arena);
}

static void run(const fuzz_stage *s, df_bytes text, int way)
{
    fuzz_record record;
    const fuzz_record *list[1] = {&record};
    df__buf out;
    df__buf_init(&out, &df__heap_libc);
    fuzz_record_init(&record, text, way);
    fuzz_run(s, list, 1, &out);
    fuzz_must(!out.failed);
    df__arena_free(&record.arena);
    df__buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    const fuzz_stage *s = &stages[((size_t)data[0] | (size_t)data[1] << 8) % stage_count];
    int way = data[2] % FUZZ_WAYS;
    if (data[2] & 64) {
        run(s, (df_bytes){data + 3, size - 3}, way);
        return 0;
    }
    fuzz_maker m = {.at = data + 3, .end = data + size, .of = s};
    df__buf_init(&m.text, &df__heap_libc);
    int typed = data[2] & 128;
    if (typed)
        typed_event(&m);
    else
        event(&m);
    fuzz_must(!m.text.failed);
    df_bytes text = {m.text.data, m.text.len};
    run(s, text, way);
    if (typed)
        judge(s, text, way);
    else if (s->word_count == 0) /* no options */
        compare(s, text, way);
    df__buf_free(&m.text);
    return 0;
}
