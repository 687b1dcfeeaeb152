/* SPDX-License-Identifier: Apache-2.0
 * typed_rows.c: a plug-in for tests: the kind `typed` reads and writes files of rows whose values
 * have types, one JSON object a line, values that JSON does not have marked as in the vectors
 * (docs/vectors.md). A line to read is
 *   {"schema": [{"name", "type", "item", "key", "must", "digits": [precision, scale]}]}
 *   {"op": "insert" | "update" | "delete" | "truncate", "row": {...}, "before": {...}}
 * where a schema is of the lines behind it, and an empty list is none. A line that is written is
 * {"row": ..., "before": ..., "schema": "name:type name:type"}. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/typed.h"
#include "dataflow_ext.h"

enum { FIELDS = 32, LINE = 1 << 16 };

typedef struct reader {
    df_bytes path;
    df_partition *part;
    FILE *file;
} reader;

typedef struct writer {
    df_bytes path;
    FILE *file;
} writer;

static const char *const words[] = {"any",    "unchanged", "null",   "bool",  "int",
                                    "number", "double",    "string", "bytes", "timestamp",
                                    "date",   "time",      "array",  "object"};

/* ---- reading --------------------------------------------------------------------------------- */

static df_value get(const df_value *object, const char *name)
{
    df_value v = {0};
    if (object->type == DF_V_OBJECT)
        df_value_member(object, (df_bytes){name, strlen(name)}, &v);
    return v;
}

static int word(const df_value *v)
{
    for (int i = 0; i < (int)(sizeof words / sizeof words[0]); i++)
        if (v->type == DF_V_STRING && strlen(words[i]) == v->len &&
            !memcmp(words[i], v->text, v->len))
            return i;
    return DF_V_ABSENT;
}

static void read_digits(const df_value *of, df_field *ret)
{
    df_value digits = get(of, "digits");
    df_walk walk = {0};
    int64_t n = 0;
    if (digits.type != DF_V_ARRAY)
        return;
    while (df_value_walk(&digits, &walk) == DF_OK && df_value_int(&walk.value, &n) == DF_OK)
        *(walk.index ? &ret->scale : &ret->precision) = (int)n;
}

static int read_schema(reader *self, df_stage *st, df_batch *into, const df_value *list)
{
    df_field fields[FIELDS];
    df_schema *schema = NULL;
    df_walk walk = {0};
    size_t count = 0;
    int rc = DF_OK;
    while (count < FIELDS && df_value_walk(list, &walk) == DF_OK) {
        df_value name = get(&walk.value, "name"), type = get(&walk.value, "type"),
                 item = get(&walk.value, "item"), key = get(&walk.value, "key"),
                 zone = get(&walk.value, "zone"), must = get(&walk.value, "must");
        char *text = df_batch_alloc(into, name.len + 1);
        if (!text)
            return DF_ENOMEM;
        memcpy(text, name.text, name.len);
        fields[count] = (df_field){.size = sizeof fields[0],
                                   .name = text,
                                   .type = word(&type),
                                   .item = word(&item),
                                   .zone = zone.type == DF_V_NULL ? DF_ZONE_NONE : 0,
                                   .flags = key.u.i ? DF_FIELD_KEY | DF_FIELD_NOT_NULL : 0};
        fields[count].flags |= must.u.i ? DF_FIELD_NOT_NULL : 0;
        read_digits(&walk.value, &fields[count++]);
    }
    if (count)
        rc = df_schema_new(st, fields, count, &schema);
    df_partition_schema(self->part, schema);
    df_schema_free(schema);
    return rc;
}

static uint32_t op_of(const df_value *line)
{
    static const struct {
        const char *name;
        uint32_t op;
    } ops[] = {{"insert", DF_OP_INSERT},
               {"update", DF_OP_UPDATE},
               {"delete", DF_OP_DELETE},
               {"truncate", DF_OP_TRUNCATE}};
    df_value op = get(line, "op");
    for (size_t i = 0; op.type == DF_V_STRING && i < sizeof ops / sizeof ops[0]; i++)
        if (op.len == strlen(ops[i].name) && !memcmp(op.text, ops[i].name, op.len))
            return ops[i].op;
    return DF_OP_NONE;
}

/* The line is a payload at first, so that the library parses it. */
static int read_line(reader *self, df_stage *st, df_batch *into, const char *text, int64_t number)
{
    df_input in = {.size = sizeof in, .payload = {text, strlen(text)}, .offset = number};
    df_value line, schema, row, before;
    df_record *r;
    int rc;
    in.partition = df_partition_number(self->part);
    rc = df_batch_add(into, &in, &r);
    rc = rc == DF_OK ? app_typed_make(r) : rc;
    rc = rc == DF_OK ? df_record_root(r, &line) : rc;
    if (rc != DF_OK)
        return rc;
    schema = get(&line, "schema");
    if (schema.type == DF_V_ARRAY) {
        df_record_drop(r);
        return read_schema(self, st, into, &schema);
    }
    row = get(&line, "row");
    before = get(&line, "before");
    df_record_set_op(r, op_of(&line));
    rc = df_record_set_root(r, &row);
    if (rc == DF_OK && before.type == DF_V_OBJECT)
        rc = df_record_set_before(r, &before);
    return rc;
}

static int source_open(void *user, df_stage *st)
{
    reader *self = user;
    int rc = df_partition_open(st, "rows", &self->part);
    self->file = rc == DF_OK ? fopen(self->path.data, "r") : NULL;
    return rc == DF_OK && !self->file ? df_stage_fail(st, DF_EINVAL, NULL, "no such file") : rc;
}

static int source_read(void *user, df_stage *st, df_batch *into, int timeout_ms)
{
    static char text[LINE];
    reader *self = user;
    char position[32];
    int64_t number = 0;
    if (!df_batch_room(into))
        return df_stage_wait(st, -1, 0, timeout_ms);
    while (fgets(text, sizeof text, self->file)) {
        int rc = read_line(self, st, into, text, number++);
        if (rc != DF_OK)
            return df_stage_failf(st, rc, NULL, "line %lld is no row", (long long)number);
    }
    if (!number)
        return DF_DONE;
    snprintf(position, sizeof position, "%lld", (long long)number);
    return df_batch_mark(into, self->part, (df_bytes){position, strlen(position)});
}

static void source_close(void *user, df_stage *st)
{
    reader *self = user;
    (void)st;
    if (self->file)
        fclose(self->file);
    self->file = NULL;
}

/* ---- writing --------------------------------------------------------------------------------- */

static int sink_open(void *user, df_stage *st)
{
    writer *self = user;
    self->file = fopen(self->path.data, "w");
    return self->file ? DF_OK : df_stage_fail(st, DF_EINVAL, NULL, "cannot write there");
}

static void write_schema(df__buf *out, const df_schema *schema)
{
    size_t count;
    const df_field *fields = df_schema_fields(schema, &count);
    df__buf_str(out, ",\"schema\":\"");
    for (size_t i = 0; i < count; i++) {
        const df_field *f = DF_ROW(df_field, fields, i);
        df__buf_printf(out, "%s%s:%s", i ? " " : "", f->name, words[f->type]);
    }
    df__buf_char(out, '"');
}

static int sink_write(void *user, df_stage *st, df_parcel *parcel)
{
    writer *self = user;
    df__buf out;
    int rc = DF_OK;
    df__buf_init(&out, &df__heap_libc);
    for (size_t i = 0; i < df_parcel_count(parcel) && rc == DF_OK; i++) {
        const df_record *r = df_parcel_at(parcel, i);
        df_value v;
        rc = df_parcel_root(parcel, i, &v);
        if (rc != DF_OK)
            break;
        df__buf_str(&out, "{\"row\":");
        app_typed_write(&out, &v);
        df_record_before(r, &v);
        if (v.type == DF_V_OBJECT) {
            df__buf_str(&out, ",\"before\":");
            app_typed_write(&out, &v);
        }
        if (df_record_schema(r))
            write_schema(&out, df_record_schema(r));
        df__buf_str(&out, "}\n");
    }
    if (rc == DF_OK && (out.failed || fwrite(out.data, 1, out.len, self->file) != out.len))
        rc = df_stage_fail(st, DF_EINVAL, NULL, "cannot write");
    df__buf_free(&out);
    return rc;
}

static void sink_close(void *user, df_stage *st)
{
    writer *self = user;
    (void)st;
    if (self->file)
        fclose(self->file);
    self->file = NULL;
}

/* ---- the table ------------------------------------------------------------------------------- */

static const df_option read_rows[] = {{.name = "path",
                                       .type = DF_OPT_TEXT,
                                       .flags = DF_OPT_REQUIRED,
                                       .offset = offsetof(reader, path),
                                       .doc = "The file."}};
static const df_options read_options = DF_OPTIONS(read_rows, reader);
static const df_option write_rows[] = {{.name = "path",
                                        .type = DF_OPT_TEXT,
                                        .flags = DF_OPT_REQUIRED,
                                        .offset = offsetof(writer, path),
                                        .doc = "The file."}};
static const df_options write_options = DF_OPTIONS(write_rows, writer);
static const df_source_ops source_ops = {
    .size = sizeof source_ops, .open = source_open, .read = source_read, .close = source_close};
static const df_sink_ops sink_ops = {
    .size = sizeof sink_ops, .open = sink_open, .write = sink_write, .close = sink_close};
static const df_connector typed = {.size = sizeof typed,
                                   .name = "typed",
                                   .doc = "Rows of typed values in files.",
                                   .source_size = sizeof(reader),
                                   .sink_size = sizeof(writer),
                                   .source_flags = DF_IS_LINE,
                                   .source_options = &read_options,
                                   .sink_options = &write_options,
                                   .source = &source_ops,
                                   .sink = &sink_ops};

static int init(df_env *env)
{
    return df_connector_register(env, &typed);
}

extern const df_plugin df_plugin_entry;
__attribute__((visibility("default")))
const df_plugin df_plugin_entry = {.size = sizeof(df_plugin), .version = DF_VERSION, .init = init};
