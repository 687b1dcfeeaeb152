/* SPDX-License-Identifier: Apache-2.0
 * debezium_unwrap.c: the row out of a Debezium change event, with its operation as metadata.
 * Takes events with and without the outer `payload` object. */
#include <stdio.h>
#include <string.h>

#include "transforms/common.h"
#include "transforms/connect_schema.h"

typedef struct unwrapper {
    int infer_delete, source_metadata, snapshot, add_operation, read_schema;
    df_list source_fields; /* of df_bytes */
    df__connect connect;
} unwrapper;

typedef struct event {
    df_value row, source;
    df__connect_text in;   /* where a schema block may stand; no text: none is read */
    const char *operation; /* for metadata */
    char letter;
    uint32_t op;
} event;

enum { SNAPSHOT_INSERT, SNAPSHOT_UPDATE };

static int unwrap_check(void *self, df_stage *st)
{
    const unwrapper *me = self;
    const df_bytes *names = me->source_fields.items;
    for (size_t i = 0; i < me->source_fields.count; i++) {
        if (df__blanks_trim(names[i]).len)
            continue;
        df_stage_problemf(st, DF_ERROR, "addSourceFields", "name %zu is blank", i + 1);
        return DF_ESPEC;
    }
    return DF_OK;
}

static int refuse(df_record *r, const char *text)
{
    df_record_reject(r, DF_EDATA, "debezium", text);
    return DF_EDATA;
}

static df_value member(const df_value *object, const char *name)
{
    df_bytes key = {name, strlen(name)};
    df_value found = {0};
    df_value_member(object, key, &found);
    return found;
}

/* ---- reading the event ----------------------------------------------------------------------- */

static int letter_is(const df_value *op, char letter)
{
    return op->type == DF_V_STRING && op->len == 1 && op->text[0] == letter;
}

/* Without the outer `payload` only what can be nothing else counts: a letter, the source, and a
 * row on one side (truncations and messages have none). */
static int is_bare(const df_value *root)
{
    df_value op = member(root, "op");
    if (op.type != DF_V_STRING || member(root, "source").type != DF_V_OBJECT)
        return 0;
    return member(root, "before").type != DF_V_ABSENT ||
           member(root, "after").type != DF_V_ABSENT || letter_is(&op, 't') || letter_is(&op, 'm');
}

/* The object that has op, before and after. 0: the record is no change event. */
static int find_envelope(const df_value *root, df_value *ret)
{
    *ret = member(root, "payload");
    if (ret->type == DF_V_OBJECT && member(ret, "op").type != DF_V_ABSENT)
        return 1;
    *ret = *root;
    return is_bare(root);
}

typedef struct meaning {
    char letter;
    int side; /* where the row is; 0: there is none */
    const char *operation;
    uint32_t op;
} meaning;

static const meaning meanings[] = {
    {'c', DF__CONNECT_AFTER, "insert", DF_OP_INSERT},
    {'u', DF__CONNECT_AFTER, "update", DF_OP_UPDATE},
    {'r', DF__CONNECT_AFTER, "insert", DF_OP_INSERT},
    {'d', DF__CONNECT_BEFORE, "delete", DF_OP_DELETE},
    {'t', 0, "truncate", DF_OP_TRUNCATE},
};

static const meaning *find_meaning(const df_value *op)
{
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
        if (letter_is(op, meanings[i].letter))
            return &meanings[i];
    return NULL;
}

static int read_row(const unwrapper *self, df_record *r, const df_value *envelope, event *ret)
{
    df_value op = member(envelope, "op");
    const meaning *m = find_meaning(&op);
    const char *side;
    char text[160];
    if (!m) {
        snprintf(text, sizeof text, "op is %s that is none of c, u, r, d, t, m",
                 df__value_word(&op));
        return refuse(r, text);
    }
    ret->letter = m->letter;
    ret->op = m->op;
    ret->operation = m->operation;
    if (m->letter == 'r' && self->snapshot == SNAPSHOT_UPDATE) {
        ret->op = DF_OP_UPDATE;
        ret->operation = "update";
    }
    ret->source = member(envelope, "source");
    ret->row = df__empty_value(DF_V_OBJECT);
    if (!m->side)
        return DF_OK;
    side = m->side == DF__CONNECT_BEFORE ? "before" : "after";
    ret->in.side = m->side;
    ret->row = member(envelope, side);
    if (ret->row.type == DF_V_OBJECT)
        return DF_OK;
    snprintf(text, sizeof text, "op is %c, but %s is %s instead of an object", m->letter, side,
             df__value_word(&ret->row));
    return refuse(r, text);
}

/* ---- writing the row ------------------------------------------------------------------------- */

static int set_meta(df_record *r, const char *name, const char *text)
{
    df_value v = df__text_value(text, strlen(text));
    return df_record_set_meta(r, name, &v);
}

static int source_name(const df__job *job, df_bytes name, df_bytes *ret)
{
    char *text = df_batch_alloc(job->batch, name.len + sizeof "source_");
    if (!text)
        return DF_ENOMEM;
    memcpy(text, "source_", 7);
    memcpy(text + 7, name.data, name.len);
    ret->data = text;
    ret->len = name.len + 7;
    return DF_OK;
}

/* Metadata holds scalars: trees go in as JSON text. */
static int as_scalar(const df__job *job, df_value *v)
{
    size_t len;
    char *text;
    if (v->type != DF_V_OBJECT && v->type != DF_V_ARRAY)
        return DF_OK;
    len = df_value_json(v, NULL, 0);
    text = df_batch_alloc(job->batch, len + 1);
    if (!text)
        return DF_ENOMEM;
    df_value_json(v, text, len);
    *v = df__text_value(text, len);
    return DF_OK;
}

static int source_to_metadata(const df__job *job, df_record *r, const df_value *source)
{
    df_walk walk = {0};
    while (df_value_walk(source, &walk) == DF_OK) {
        df_value v = walk.value;
        df_bytes name;
        int rc = source_name(job, walk.name, &name);
        if (rc == DF_OK)
            rc = as_scalar(job, &v);
        if (rc == DF_OK)
            rc = df_record_set_meta(r, name.data, &v);
        if (rc != DF_OK)
            return rc;
    }
    return DF_OK;
}

static int add_text(df_record *r, df_value *row, const char *name, const char *text, size_t len)
{
    df_bytes key = {name, strlen(name)};
    df_value v = df__text_value(text, len);
    return df_value_put(r, row, key, &v);
}

static int add_fields(const df__job *job, df_record *r, const event *e)
{
    const unwrapper *self = job->self;
    const df_bytes *names = self->source_fields.items;
    df_value row;
    int rc = DF_OK;
    if (!self->add_operation && !self->source_fields.count)
        return DF_OK;
    rc = df_record_root(r, &row);
    if (rc == DF_OK && self->add_operation) {
        rc = add_text(r, &row, "__op", &e->letter, 1);
        if (rc == DF_OK)
            rc = e->op == DF_OP_DELETE ? add_text(r, &row, "__deleted", "true", 4)
                                       : add_text(r, &row, "__deleted", "false", 5);
    }
    for (size_t i = 0; rc == DF_OK && i < self->source_fields.count; i++) {
        df_bytes name;
        df_value v = {0};
        if (e->source.type == DF_V_OBJECT)
            df_value_member(&e->source, names[i], &v);
        if (v.type == DF_V_ABSENT)
            continue;
        rc = source_name(job, names[i], &name);
        if (rc == DF_OK)
            rc = df_value_put(r, &row, name, &v);
    }
    return rc;
}

static int read_types(const df__job *job, df_record *r, const event *e, df__connect_row *ret)
{
    unwrapper *self = job->self;
    df__connect_call call = {.connect = &self->connect, .job = job, .r = r, .in = e->in};
    int rc = df__connect_read(&call, &e->row, ret);
    return rc == DF_EDATA ? refuse(r, call.why) : rc;
}

static int write_row(const df__job *job, df_record *r, event *e)
{
    const unwrapper *self = job->self;
    df__connect_row row = {.row = e->row};
    df_value id = member(&e->row, "id");
    int rc = e->in.text.data ? read_types(job, r, e, &row) : DF_OK;
    if (rc == DF_OK)
        rc = set_meta(r, "operation", e->operation);
    if (rc == DF_OK)
        rc = df_record_set_op(r, e->op);
    if (rc == DF_OK && self->source_metadata && e->source.type == DF_V_OBJECT)
        rc = source_to_metadata(job, r, &e->source);
    if (rc == DF_OK && id.type != DF_V_ABSENT) {
        rc = as_scalar(job, &id);
        rc = rc == DF_OK ? df_record_set_meta(r, "id", &id) : rc;
    }
    if (rc == DF_OK)
        rc = df__connect_put(&row, r);
    if (rc == DF_OK)
        rc = add_fields(job, r, e);
    return rc == DF_OK ? df__connect_finish(&row, r) : rc;
}

/* ---- one record ------------------------------------------------------------------------------ */

/* A tombstone: the row is what the key says, or there is none. */
static int from_key(const df__job *job, df_record *r)
{
    const unwrapper *self = job->self;
    event e = {.operation = "delete", .letter = 'd', .op = DF_OP_DELETE};
    df_value key, root, payload;
    df_bytes text;
    int rc = DF_OK;
    memset(&key, 0, sizeof key);
    if (self->infer_delete)
        rc = df_record_meta(r, "key", &key);
    if (rc != DF_OK)
        return rc;
    if ((key.type != DF_V_STRING && key.type != DF_V_BYTES) || !key.text) {
        df_record_drop(r);
        return DF_OK;
    }
    text.data = key.text;
    text.len = key.len;
    rc = df_record_set_payload(r, text);
    if (rc == DF_OK)
        rc = df_record_root(r, &root);
    if (rc == DF_EDATA || (rc == DF_OK && root.type != DF_V_OBJECT)) {
        df_record_drop(r); /* the key is no JSON object: nothing tells which row it was */
        return DF_OK;
    }
    if (rc != DF_OK)
        return rc;
    payload = member(&root, "payload");
    e.row = payload.type == DF_V_OBJECT ? payload : root;
    if (payload.type == DF_V_OBJECT && self->read_schema)
        e.in = (df__connect_text){text, root, DF__CONNECT_KEY};
    return write_row(job, r, &e);
}

static int unwrap_one(const df__job *job, df_record *r)
{
    const unwrapper *self = job->self;
    df_value root, envelope, op;
    df_bytes text;
    event e = {0};
    int rc = df_record_payload(r, &text);
    if (rc != DF_OK)
        return rc;
    if (!text.data || !df__blanks_trim(text).len)
        return from_key(job, r);
    rc = df_record_root(r, &root);
    if (rc == DF_EDATA)
        return refuse(r, "the payload is not JSON");
    if (rc != DF_OK)
        return rc;
    if (root.type != DF_V_OBJECT)
        return refuse(r, "the payload is JSON, but no object");
    if (!find_envelope(&root, &envelope))
        return DF_OK; /* no change event: passes as it is */
    op = member(&envelope, "op");
    if (letter_is(&op, 'm')) {
        df_record_drop(r); /* a message of the log, no row */
        return DF_OK;
    }
    rc = read_row(self, r, &envelope, &e);
    if (rc == DF_OK && e.in.side && self->read_schema && root.u.node != envelope.u.node) {
        e.in.text = text; /* a payload of its own, beside which a block may stand */
        e.in.root = root;
    }
    return rc == DF_OK ? write_row(job, r, &e) : rc;
}

/* The fields that the options add to every row. */
static int unwrap_open(void *user, df_stage *st)
{
    unwrapper *self = user;
    const df_bytes *names = self->source_fields.items;
    size_t count = 0;
    df_field *added = df_stage_alloc(st, (self->source_fields.count + 3) * sizeof *added);
    if (!added)
        return DF_ENOMEM;
    if (self->add_operation) {
        added[count++] = (df_field){.size = sizeof *added, .name = "__op", .type = DF_V_STRING};
        added[count++] =
            (df_field){.size = sizeof *added, .name = "__deleted", .type = DF_V_STRING};
    }
    for (size_t i = 0; i < self->source_fields.count; i++) {
        char *name = df_stage_alloc(st, names[i].len + sizeof "source_");
        if (!name)
            return DF_ENOMEM;
        memcpy(name, "source_", 7);
        memcpy(name + 7, names[i].data, names[i].len);
        added[count++] = (df_field){.size = sizeof *added, .name = name};
    }
    self->connect.added = added;
    self->connect.added_count = count;
    return DF_OK;
}

static void unwrap_close(void *user, df_stage *st)
{
    unwrapper *self = user;
    df__connect_free(&self->connect, st);
}

static int unwrap_apply(void *self, df_stage *st, df_batch *batch)
{
    return df__job_each(self, st, batch, unwrap_one);
}

static const char *const snapshots[] = {"insert", "update", NULL};
static const df_option unwrap_rows[] = {
    {.name = "inferDeleteFromTombstone",
     .type = DF_OPT_BOOL,
     .offset = offsetof(unwrapper, infer_delete),
     .def = "false",
     .doc = "An empty value becomes a delete of the row that its key names; else it is filtered."},
    {.name = "includeSourceInMetadata",
     .type = DF_OPT_BOOL,
     .offset = offsetof(unwrapper, source_metadata),
     .def = "false",
     .doc = "Every field of the event's source becomes metadata source_<name>."},
    {.name = "snapshotOperation",
     .type = DF_OPT_ENUM,
     .offset = offsetof(unwrapper, snapshot),
     .def = "insert",
     .doc = "Operation of rows that were read by a snapshot.",
     .choices = snapshots},
    {.name = "addOperationFields",
     .type = DF_OPT_BOOL,
     .offset = offsetof(unwrapper, add_operation),
     .def = "false",
     .doc = "The row gets __op (the event's letter) and __deleted (\"true\" or \"false\")."},
    {.name = "addSourceFields",
     .type = DF_OPT_LIST,
     .of = DF_OPT_TEXT,
     .flags = DF_OPT_LITERAL,
     .offset = offsetof(unwrapper, source_fields),
     .doc = "Fields of the event's source that the row gets as source_<name>."},
    {.name = "readSchema",
     .type = DF_OPT_BOOL,
     .offset = offsetof(unwrapper, read_schema),
     .def = "true",
     .doc = "Reads the schema block beside payload: values get their types (a decimal for the "
            "bytes of one, a time for its number), and the record a schema."},
};
static const df_options unwrap_options = DF_OPTIONS(unwrap_rows, unwrapper);

const df_transform df_transform_debezium_unwrap = {
    .size = sizeof(df_transform),
    .name = "debeziumUnwrap",
    .doc = "Takes the row out of a Debezium change event.",
    .self_size = sizeof(unwrapper),
    .options = &unwrap_options,
    .check = unwrap_check,
    .open = unwrap_open,
    .apply = unwrap_apply,
    .close = unwrap_close,
    .example =
        "{\"config\":{\"addOperationFields\":true,\"addSourceFields\":[\"table\"]},"
        "\"input\":{\"payload\":{\"op\":\"u\",\"after\":{\"id\":7},"
        "\"source\":{\"table\":\"t\"}}},"
        "\"output\":{\"id\":7,\"__op\":\"u\",\"__deleted\":\"false\",\"source_table\":\"t\"}}",
};
