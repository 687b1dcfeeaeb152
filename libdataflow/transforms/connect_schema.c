/* SPDX-License-Identifier: Apache-2.0
 * connect_schema.c: see connect_schema.h. */
#include "transforms/connect_schema.h"

#include <stdio.h>
#include <string.h>

#include "transforms/common.h"

enum { NAME_SHOWN = 60, FIELDS_MAX = 10000, PLACES = 4 };

static df_value member(const df_value *object, const char *name)
{
    df_value found = {0};
    if (object->type == DF_V_OBJECT)
        df_value_member(object, (df_bytes){name, strlen(name)}, &found);
    return found;
}

/* `fields` of a struct's block; ABSENT when it has none. */
static df_value fields_of(const df_value *block)
{
    df_value fields = member(block, "fields");
    return fields.type == DF_V_ARRAY ? fields : (df_value){0};
}

/* The field of that name in such a list; ABSENT when there is none. */
static df_value field_of(const df_value *fields, const char *name)
{
    df_walk walk = {0};
    while (df_value_walk(fields, &walk) == DF_OK) {
        df_value given = member(&walk.value, "field");
        if (given.type == DF_V_STRING && df__bytes_equal((df_bytes){given.text, given.len}, name))
            return walk.value;
    }
    return (df_value){0};
}

/* ---- what a block says ----------------------------------------------------------------------- */

/* A block while it is read. */
typedef struct draft {
    df_field *fields;
    df__connect_type *types;
    size_t count;
} draft;

static size_t find_name(const draft *d, df_bytes name)
{
    size_t i = 0;
    while (i < d->count && !df__bytes_equal(name, d->fields[i].name))
        i++;
    return i;
}

static int read_field(df__connect_call *call, const df_value *block, draft *d)
{
    df_value name = member(block, "field");
    df_field *field = &d->fields[d->count];
    int is_named = name.type == DF_V_STRING && name.len && !memchr(name.text, 0, name.len);
    char *text = is_named ? df_batch_alloc(call->job->batch, name.len + 1) : NULL;
    if (!is_named) {
        snprintf(call->why, sizeof call->why, "the schema block has a field without a name");
        return DF_EDATA;
    }
    if (!text)
        return DF_ENOMEM;
    memcpy(text, name.text, name.len);
    *field = (df_field){.size = sizeof *field, .name = text};
    if (df__connect_type_read(block, &d->types[d->count], field) != DF_OK) {
        snprintf(call->why, sizeof call->why,
                 "the schema block gives field \"%.*s\" no type that is known", NAME_SHOWN, text);
        return DF_EDATA;
    }
    d->count++;
    return DF_OK;
}

static int read_fields(df__connect_call *call, draft *d)
{
    const df__job *job = call->job;
    df_walk walk = {0};
    size_t room = call->fields.len + call->connect->added_count + 1;
    int rc = DF_OK;
    *d = (draft){0};
    if (call->fields.len > FIELDS_MAX) {
        snprintf(call->why, sizeof call->why, "the schema block has more than %d fields",
                 FIELDS_MAX);
        return DF_EDATA;
    }
    d->fields = df_batch_alloc(job->batch, room * sizeof *d->fields);
    d->types = df_stage_realloc(job->st, NULL, room * sizeof *d->types);
    if (!d->fields || !d->types)
        return DF_ENOMEM;
    while (rc == DF_OK && df_value_walk(&call->fields, &walk) == DF_OK)
        rc = read_field(call, &walk.value, d);
    return rc;
}

/* Marks one name of the key. 0: the row has no such column. */
static int mark(draft *d, df_bytes name)
{
    size_t at = find_name(d, name);
    if (at == d->count)
        return 0;
    d->fields[at].flags |= DF_FIELD_KEY;
    return 1;
}

/* The names in a key: those of its own block, else those of its members. */
static void mark_names(draft *d, const df_value *key)
{
    df_value block = member(key, "schema"), list = fields_of(&block);
    df_value payload = member(key, "payload");
    df_walk walk = {0};
    int all = 1;
    if (list.type != DF_V_ARRAY)
        list = block.type != DF_V_ABSENT && payload.type == DF_V_OBJECT ? payload : *key;
    while (all && df_value_walk(&list, &walk) == DF_OK) {
        df_value name = member(&walk.value, "field");
        all = mark(d, list.type == DF_V_ARRAY ? (df_bytes){name.text, name.len} : walk.name);
    }
    for (size_t i = 0; i < d->count && !all; i++)
        d->fields[i].flags &= ~(unsigned)DF_FIELD_KEY;
}

/* The record's key is JSON that is read as a payload for a moment. */
static int mark_key(df_record *r, draft *d)
{
    df_value key = {0}, root;
    df_bytes payload;
    int rc = df_record_meta(r, "key", &key);
    if (rc != DF_OK || (key.type != DF_V_STRING && key.type != DF_V_BYTES) || !key.text)
        return rc;
    rc = df_record_payload(r, &payload);
    if (rc == DF_OK)
        rc = df_record_set_payload(r, (df_bytes){key.text, key.len});
    if (rc != DF_OK)
        return rc;
    rc = df_record_root(r, &root);
    if (rc == DF_OK && root.type == DF_V_OBJECT)
        mark_names(d, &root);
    if (rc != DF_OK && rc != DF_EDATA)
        return rc;
    return df_record_set_payload(r, payload);
}

/* What the transform itself puts into the row, over a column of that name. */
static void add_own(const df__connect *c, draft *d, size_t *ret_all)
{
    *ret_all = d->count;
    for (size_t i = 0; i < c->added_count; i++) {
        const df_field *own = &c->added[i];
        draft all = {d->fields, d->types, *ret_all};
        size_t at = find_name(&all, (df_bytes){own->name, strlen(own->name)});
        d->fields[at] = *own;
        *ret_all += at == *ret_all;
    }
}

static void forget(df__connect *c, df_stage *st, df__connect_table *t)
{
    df__connect_heads_drop(&c->heads, t);
    df_schema_free(t->schema);
    df_stage_realloc(st, t->types, 0);
    df_stage_realloc(st, t->text, 0);
    *t = (df__connect_table){0};
}

void df__connect_free(df__connect *c, df_stage *st)
{
    for (size_t i = 0; i < DF__CONNECT_TABLES; i++)
        forget(c, st, &c->tables[i]);
    df__connect_heads_free(&c->heads, st);
    df_stage_realloc(st, c->text, 0);
    c->text = NULL;
    c->cap = 0;
    c->last = NULL;
}

static int finish_table(df__connect_call *call, draft *d, df__connect_table *t)
{
    size_t all;
    int rc;
    add_own(call->connect, d, &all);
    rc = df_schema_new(call->job->st, d->fields, all, &t->schema);
    if (rc != DF_EINVAL)
        return rc;
    snprintf(call->why, sizeof call->why, "the schema block has two fields of one name");
    return DF_EDATA;
}

static int is_key(const df__connect_call *call)
{
    return call->in.side == DF__CONNECT_KEY;
}

/* t has the length of the text only. */
static int derive(df__connect_call *call, df__connect_table *t)
{
    df_stage *st = call->job->st;
    draft d;
    int rc = read_fields(call, &d);
    if (rc == DF_OK && !is_key(call))
        rc = mark_key(call->r, &d);
    for (size_t i = 0; rc == DF_OK && is_key(call) && i < d.count; i++)
        d.fields[i].flags |= DF_FIELD_KEY;
    if (rc == DF_OK)
        rc = finish_table(call, &d, t);
    t->types = d.types;
    t->count = d.count;
    t->text = rc == DF_OK ? df_stage_realloc(st, NULL, t->len) : NULL;
    if (t->text)
        memcpy(t->text, call->connect->text, t->len);
    else
        forget(call->connect, st, t);
    return rc == DF_OK && !t->schema ? DF_ENOMEM : rc;
}

/* ---- looking it up --------------------------------------------------------------------------- */

/* The block as text, and after it whose it is. */
static int write_text(df__connect *c, df_stage *st, const df_value *fields, int is_key,
                      size_t *ret_len)
{
    size_t len = df_value_json(fields, c->text, c->cap);
    if (len + 1 > c->cap) {
        char *grown = df_stage_realloc(st, c->text, len + len / 2 + 1);
        if (!grown)
            return DF_ENOMEM;
        c->text = grown;
        c->cap = len + len / 2 + 1;
        len = df_value_json(fields, c->text, c->cap);
    }
    c->text[len] = is_key ? 'k' : 'v';
    *ret_len = len + 1;
    return DF_OK;
}

static int is_of(const df__connect_table *t, const char *text, size_t len)
{
    return t && t->text && t->len == len && memcmp(t->text, text, len) == 0;
}

/* The table of the text at hand, else one that is free, else one that has to go. */
static df__connect_table *place_of(df__connect *c, size_t len)
{
    uint64_t sum = UINT64_C(14695981039346656037);
    df__connect_table *free_one = NULL;
    for (size_t i = 0; i < len; i++)
        sum = (sum ^ (unsigned char)c->text[i]) * UINT64_C(1099511628211);
    sum ^= sum >> 32;
    for (size_t i = 0; i < PLACES; i++) {
        df__connect_table *t = &c->tables[(sum + i) % DF__CONNECT_TABLES];
        if (is_of(t, c->text, len))
            return t;
        if (!free_one && !t->text)
            free_one = t;
    }
    return free_one ? free_one : &c->tables[sum % DF__CONNECT_TABLES];
}

static int look_up(df__connect_call *call)
{
    df__connect *c = call->connect;
    size_t len;
    int rc = write_text(c, call->job->st, &call->fields, is_key(call), &len);
    if (rc != DF_OK || is_of(c->last, c->text, len))
        return rc;
    c->last = place_of(c, len);
    if (is_of(c->last, c->text, len))
        return DF_OK;
    forget(c, call->job->st, c->last);
    c->last->len = len;
    return derive(call, c->last);
}

/* Finds the fields of the row. One that has no block, or one without fields: ABSENT. */
static int find_fields(df__connect_call *call)
{
    static const char *const sides[DF__CONNECT_SIDES] = {NULL, "before", "after"};
    const char *side = sides[call->in.side];
    df_value block = member(&call->in.root, "schema"), all = fields_of(&block), row;
    call->fields = all;
    if (all.type != DF_V_ARRAY || !side)
        return DF_OK;
    row = field_of(&all, side);
    call->fields = fields_of(&row);
    if (call->fields.type == DF_V_ARRAY)
        return DF_OK;
    snprintf(call->why, sizeof call->why, "the schema block does not say what the fields of %s are",
             side);
    return DF_EDATA;
}

static int find_table(df__connect_call *call, const df__connect_table **ret)
{
    df__connect *c = call->connect;
    int rc;
    *ret = df__connect_heads_find(&c->heads, &call->in);
    if (*ret)
        return DF_OK;
    rc = find_fields(call);
    if (rc != DF_OK || call->fields.type != DF_V_ARRAY)
        return rc;
    rc = look_up(call);
    if (rc != DF_OK)
        return rc;
    df__connect_heads_add(&c->heads, call->job->st, &call->in, c->last);
    *ret = c->last;
    return DF_OK;
}

/* ---- a row ----------------------------------------------------------------------------------- */

static int read_value(df__connect_call *call, df__connect_row *row, const df_walk *walk)
{
    size_t count;
    const df_field *fields = df_schema_fields(row->table->schema, &count);
    const df_field *field = df_schema_field(row->table->schema, walk->name);
    size_t at = field ? (size_t)(field - fields) : count;
    const df__connect_type *type = &row->table->types[at];
    int shown = walk->name.len < NAME_SHOWN ? (int)walk->name.len : NAME_SHOWN;
    df_value put = {0};
    int rc;
    if (at >= row->table->count) {
        snprintf(call->why, sizeof call->why,
                 "the row has a field \"%.*s\" that the schema block does not have", shown,
                 (const char *)walk->name.data);
        return DF_EDATA;
    }
    rc = df__connect_value(type, call->job->batch, call->r, &walk->value, &put);
    if (rc == DF_MORE) {
        row->values[walk->index] = put;
        row->made++;
    }
    if (rc == DF_EDATA)
        snprintf(call->why, sizeof call->why,
                 "field \"%.*s\" is %s by the schema block, and its value is %s", shown,
                 (const char *)walk->name.data, df__connect_word(type),
                 df__value_word(&walk->value));
    return rc < 0 ? rc : DF_OK;
}

int df__connect_read(df__connect_call *call, const df_value *row, df__connect_row *ret)
{
    df_walk walk = {0};
    int rc;
    *ret = (df__connect_row){.row = *row};
    rc = find_table(call, &ret->table);
    if (rc != DF_OK || !ret->table)
        return rc;
    ret->values = df_batch_alloc(call->job->batch, (row->len + 1) * sizeof *ret->values);
    if (!ret->values)
        return DF_ENOMEM;
    while (rc == DF_OK && df_value_walk(row, &walk) == DF_OK)
        rc = read_value(call, ret, &walk);
    return rc;
}

int df__connect_put(const df__connect_row *row, df_record *r)
{
    df_value root;
    df_walk walk = {0};
    int rc = df_record_set_root(r, &row->row);
    if (rc == DF_OK && row->made)
        rc = df_record_root(r, &root);
    while (rc == DF_OK && row->made && df_value_walk(&root, &walk) == DF_OK) {
        const df_value *put = &row->values[walk.index];
        if (put->type != DF_V_ABSENT)
            rc = df_walk_set(r, &walk, put);
    }
    return rc;
}

int df__connect_finish(const df__connect_row *row, df_record *r)
{
    return row->table ? df_record_set_schema(r, row->table->schema) : DF_OK;
}
