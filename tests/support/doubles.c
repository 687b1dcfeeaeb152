/* SPDX-License-Identifier: Apache-2.0
 * doubles.c: registers the doubles and keeps what they share; the transform and the sink with
 * nested options are here, the others in files of their own. See doubles.h. */
#include "support/doubles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

doubles *doubles_new(void)
{
    doubles *d = calloc(1, sizeof *d);
    if (d)
        pthread_mutex_init(&d->lock, NULL);
    return d;
}

void doubles_free(doubles *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->row_count; i++)
        free(d->rows[i]);
    free(d->rows);
    for (size_t i = 0; i < d->error_count; i++)
        free(d->errors[i]);
    free(d->errors);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

static int add_text(char ***texts, size_t *count, size_t *cap, df_bytes text)
{
    char *copy;
    if (*count == *cap) {
        size_t more = *cap ? *cap * 2 : 1024;
        char **grown = realloc(*texts, more * sizeof *grown);
        if (!grown)
            return DF_ENOMEM;
        *texts = grown;
        *cap = more;
    }
    copy = calloc(1, text.len + 1);
    if (!copy)
        return DF_ENOMEM;
    if (text.len)
        memcpy(copy, text.data, text.len);
    (*texts)[(*count)++] = copy;
    return DF_OK;
}

int doubles_row(doubles *d, df_bytes payload)
{
    return add_text(&d->rows, &d->row_count, &d->row_cap, payload);
}

int doubles_error(doubles *d, df_bytes envelope)
{
    return add_text(&d->errors, &d->error_count, &d->error_cap, envelope);
}

size_t doubles_count(doubles *d)
{
    size_t n;
    pthread_mutex_lock(&d->lock);
    n = d->row_count;
    pthread_mutex_unlock(&d->lock);
    return n;
}

int doubles_has(doubles *d, const char *text)
{
    int found = 0;
    pthread_mutex_lock(&d->lock);
    for (size_t i = 0; i < d->row_count && !found; i++)
        found = strcmp(d->rows[i], text) == 0;
    pthread_mutex_unlock(&d->lock);
    return found;
}

static int compare_rows(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int doubles_unique(doubles *d)
{
    int unique = 1;
    char **copy;
    pthread_mutex_lock(&d->lock);
    copy = calloc(d->row_count + 1, sizeof *copy);
    if (copy) {
        memcpy(copy, d->rows, d->row_count * sizeof *copy);
        qsort(copy, d->row_count, sizeof *copy, compare_rows);
        for (size_t i = 1; i < d->row_count && unique; i++)
            unique = strcmp(copy[i - 1], copy[i]) != 0;
    }
    free(copy);
    pthread_mutex_unlock(&d->lock);
    return unique;
}

/* ---- test-expand: one child for each item of an array ------------------------------------- */

struct expand {
    df_path *path; /* option: the array */
    df_path *item; /* option: where a child carries its item */
};

static const df_option expand_rows[] = {
    {.name = "path",
     .type = DF_OPT_PATH,
     .flags = DF_OPT_REQUIRED,
     .offset = offsetof(struct expand, path),
     .doc = "The array."},
    {.name = "as",
     .type = DF_OPT_PATH,
     .offset = offsetof(struct expand, item),
     .def = "$.item",
     .doc = "Where a child carries its item."},
};
static const df_options expand_options = DF_OPTIONS(expand_rows, struct expand);

/* Emits the items of one array from `*done` on; DF_MORE when `out` is full. */
static int expand_array(struct expand *x, df_record *r, df_batch *out, uint64_t *done)
{
    df_value array;
    df_walk walk = {.index = 0};
    uint64_t at = 0;
    int rc = df_record_get(r, x->path, &array);
    if (rc < 0)
        return df_record_fail(r, rc, "the payload is not JSON");
    if (array.type != DF_V_ARRAY)
        return df_batch_pass(out, r);
    while ((rc = df_value_walk(&array, &walk)) == DF_OK) {
        df_record *child;
        if (at++ < *done)
            continue;
        if (df_batch_room(out) == 0)
            return DF_MORE;
        rc = df_batch_emit(out, r, &child);
        if (rc == DF_OK)
            rc = df_record_set(child, x->item, &walk.value);
        if (rc < 0)
            return rc;
        *done = at;
    }
    return rc == DF_DONE ? DF_OK : rc;
}

static int expand_batch(void *self, df_stage *st, df_batch *in, df_batch *out)
{
    uint64_t *at = df_batch_cursor(in); /* 0: record, 1: items of it that are emitted */
    (void)st;
    for (; at[0] < df_batch_count(in); at[0]++, at[1] = 0) {
        df_record *r = df_batch_at(in, at[0]);
        int rc;
        if (!df_record_live(r))
            continue;
        rc = expand_array(self, r, out, &at[1]);
        if (rc != DF_OK && rc != DF_EDATA)
            return rc;
    }
    return DF_OK;
}

const df_transform doubles_expand = {
    .size = sizeof(df_transform),
    .name = "test-expand",
    .doc = "One child for each item of an array.",
    .self_size = sizeof(struct expand),
    .options = &expand_options,
    .expand = expand_batch,
};

/* ---- test-nested: what nested options come out as -------------------------------------------- */

struct nested_tls {
    df_bytes ca;
    int insecure;
};
struct nested_column {
    df_bytes name;
    int kind;
};
struct nested {
    df_bytes table;
    df_secret *password;
    struct nested_tls *tls;
    df_list columns; /* of struct nested_column */
    df_list headers; /* of df_pair */
    int64_t limit, timeout_us;
};

static const char *const nested_kinds[] = {"int", "text", NULL};
static const df_option nested_tls_rows[] = {
    {.name = "ca",
     .type = DF_OPT_TEXT,
     .offset = offsetof(struct nested_tls, ca),
     .doc = "File of the authority."},
    {.name = "insecure",
     .type = DF_OPT_BOOL,
     .offset = offsetof(struct nested_tls, insecure),
     .def = "false",
     .doc = "Trust everybody."},
};
static const df_options nested_tls_options = DF_OPTIONS(nested_tls_rows, struct nested_tls);
static const df_option nested_column_rows[] = {
    {.name = "name",
     .type = DF_OPT_TEXT,
     .flags = DF_OPT_REQUIRED,
     .offset = offsetof(struct nested_column, name),
     .doc = "Its name."},
    {.name = "kind",
     .type = DF_OPT_ENUM,
     .offset = offsetof(struct nested_column, kind),
     .def = "text",
     .choices = nested_kinds,
     .doc = "Its type."},
};
static const df_options nested_column_options =
    DF_OPTIONS(nested_column_rows, struct nested_column);
static const df_option nested_rows[] = {
    {.name = "table",
     .type = DF_OPT_TEXT,
     .flags = DF_OPT_REQUIRED,
     .offset = offsetof(struct nested, table),
     .doc = "Where rows go."},
    {.name = "password",
     .type = DF_OPT_SECRET,
     .flags = DF_OPT_REF,
     .offset = offsetof(struct nested, password),
     .doc = "A secret."},
    {.name = "tls",
     .type = DF_OPT_BLOCK,
     .offset = offsetof(struct nested, tls),
     .block = &nested_tls_options,
     .doc = "Encryption."},
    {.name = "columns",
     .type = DF_OPT_LIST,
     .of = DF_OPT_BLOCK,
     .offset = offsetof(struct nested, columns),
     .block = &nested_column_options,
     .doc = "The columns."},
    {.name = "headers",
     .type = DF_OPT_MAP,
     .offset = offsetof(struct nested, headers),
     .doc = "Fixed headers."},
    {.name = "limit",
     .type = DF_OPT_INT,
     .offset = offsetof(struct nested, limit),
     .min = 1,
     .max = 100,
     .doc = "A number."},
    {.name = "timeout",
     .type = DF_OPT_DURATION,
     .offset = offsetof(struct nested, timeout_us),
     .def = "1m30s",
     .doc = "A time."},
};
const df_options doubles_nested_options = DF_OPTIONS(nested_rows, struct nested);

static int nested_check(void *self, df_stage *st)
{
    const struct nested *n = self;
    if (n->tls && n->tls->insecure && n->tls->ca.data)
        return df_stage_problem(st, DF_ERROR, "tls.ca", "no use for it when insecure is true");
    return DF_OK;
}

static int nested_open(void *self, df_stage *st)
{
    const struct nested *n = self;
    const struct nested_column *columns = n->columns.items;
    const df_pair *headers = n->headers.items;
    doubles *d = df_stage_user(st);
    df_bytes password = {"", 0};
    size_t len;
    if (n->password) {
        int rc = df_secret_get(n->password, st, &password);
        if (rc < 0)
            return rc;
    }
    pthread_mutex_lock(&d->lock);
    snprintf(d->nested, sizeof d->nested, "%s tls=%d pw=%zu limit=%lld timeout=%lld",
             (const char *)n->table.data, n->tls ? n->tls->insecure : -1, password.len,
             n->limit == DF_UNSET ? -1LL : (long long)n->limit, (long long)n->timeout_us);
    for (size_t i = 0; i < n->columns.count; i++) {
        len = strlen(d->nested);
        snprintf(d->nested + len, sizeof d->nested - len, " %s:%s",
                 (const char *)columns[i].name.data, nested_kinds[columns[i].kind]);
    }
    for (size_t i = 0; i < n->headers.count; i++) {
        len = strlen(d->nested);
        snprintf(d->nested + len, sizeof d->nested - len, " %s=%s",
                 (const char *)headers[i].name.data, (const char *)headers[i].value.data);
    }
    pthread_mutex_unlock(&d->lock);
    return DF_OK;
}

static int nested_write(void *self, df_stage *st, df_parcel *parcel)
{
    doubles *d = df_stage_user(st);
    int rc = DF_OK;
    (void)self;
    for (size_t i = 0; i < df_parcel_count(parcel) && rc == DF_OK; i++) {
        df_bytes payload;
        rc = df_parcel_payload(parcel, i, &payload);
        if (rc != DF_OK)
            break;
        pthread_mutex_lock(&d->lock);
        rc = doubles_row(d, payload);
        pthread_mutex_unlock(&d->lock);
    }
    return rc;
}

const df_sink_ops doubles_nested_ops = {
    .size = sizeof(df_sink_ops),
    .check = nested_check,
    .open = nested_open,
    .write = nested_write,
};

size_t doubles_nested_size(void)
{
    return sizeof(struct nested);
}

/* ---- test-refuse: rejects each so many-th ---------------------------------------------------- */

struct refuse {
    int64_t each;
    df_path *path;
};

static const df_option refuse_rows[] = {
    {.name = "each",
     .type = DF_OPT_INT,
     .offset = offsetof(struct refuse, each),
     .def = "1",
     .doc = "Rejects each record whose number is a multiple of it."},
    {.name = "path",
     .type = DF_OPT_PATH,
     .offset = offsetof(struct refuse, path),
     .def = "$.n",
     .doc = "The number."},
};
static const df_options refuse_options = DF_OPTIONS(refuse_rows, struct refuse);

static int refuse_batch(void *self, df_stage *st, df_batch *batch)
{
    const struct refuse *x = self;
    (void)st;
    for (size_t i = 0; i < df_batch_count(batch); i++) {
        df_record *r = df_batch_at(batch, i);
        df_value v;
        int64_t n;
        if (df_record_live(r) && df_record_get(r, x->path, &v) == DF_OK &&
            df_value_int(&v, &n) == DF_OK && n % x->each == 0)
            df_record_reject(r, DF_EDATA, "invalid_data", "told to reject it");
    }
    return DF_OK;
}

static const df_transform refuse = {
    .size = sizeof(df_transform),
    .name = "test-refuse",
    .doc = "Rejects records.",
    .self_size = sizeof(struct refuse),
    .options = &refuse_options,
    .apply = refuse_batch,
};

/* ---- test-count: counts, keeps nothing ------------------------------------------------------- */

static int count_write(void *self, df_stage *st, df_parcel *parcel)
{
    doubles *d = df_stage_user(st);
    (void)self;
    pthread_mutex_lock(&d->lock);
    d->counted += df_parcel_count(parcel);
    pthread_mutex_unlock(&d->lock);
    return DF_OK;
}

static const df_sink_ops count_ops = {.size = sizeof(df_sink_ops), .write = count_write};

/* ---- registration --------------------------------------------------------------------------- */

static int register_transforms(df_env *env)
{
    int rc = df_transform_register(env, &refuse);
    return rc == DF_OK ? df_transform_register(env, &doubles_expand) : rc;
}

int doubles_register(doubles *d, df_env *env)
{
    const df_connector types[] = {
        {.size = sizeof(df_connector),
         .name = "test-txn",
         .doc = "A sink with transactions.",
         .sink_size = doubles_txn_size(),
         .sink_options = &doubles_txn_options,
         .sink_flags = DF_CAN_EXACTLY_ONCE,
         .sink = &doubles_txn_ops,
         .user = d},
        {.size = sizeof(df_connector),
         .name = "test-async",
         .doc = "A sink that settles later.",
         .sink_size = doubles_async_size(),
         .sink_options = &doubles_async_options,
         .sink = &doubles_async_ops,
         .user = d},
        {.size = sizeof(df_connector),
         .name = "test-nested",
         .doc = "A sink with options.",
         .sink_size = doubles_nested_size(),
         .sink_options = &doubles_nested_options,
         .sink = &doubles_nested_ops,
         .user = d},
        {.size = sizeof(df_connector),
         .name = "test-count",
         .doc = "Counts.",
         .sink_size = 1,
         .sink = &count_ops,
         .user = d},
        {.size = sizeof(df_connector),
         .name = "test-begun",
         .doc = "Blocks with names.",
         .sink_size = 1,
         .sink_flags = DF_CAN_EXACTLY_ONCE,
         .sink = &doubles_begun_ops,
         .user = d},
        {.size = sizeof(df_connector),
         .name = "test-lake",
         .doc = "Absorbs, and commits now and then.",
         .sink_size = doubles_lake_size(),
         .sink_options = &doubles_lake_options,
         .sink = &doubles_lake_ops,
         .user = d},
        {.size = sizeof(df_connector),
         .name = "test-parts",
         .doc = "Partitions come and go.",
         .source_size = doubles_parts_size(),
         .source_flags = DF_CAN_REPLAY,
         .source_options = &doubles_parts_options,
         .source = &doubles_parts_ops,
         .user = d},
        {.size = sizeof(df_connector),
         .name = "test-cdc",
         .doc = "Snapshots, then a stream of transactions.",
         .source_size = doubles_cdc_size(),
         .source_flags = DF_CAN_REPLAY,
         .source_options = &doubles_cdc_options,
         .source = &doubles_cdc_ops,
         .user = d},
        {.size = sizeof(df_connector),
         .name = "test-group",
         .doc = "A group whose positions the sink commits.",
         .source_size = doubles_group_size(),
         .sink_size = 1,
         .source_flags = DF_CAN_REPLAY | DF_HOLDS_POSITION,
         .sink_flags = DF_CAN_EXACTLY_ONCE | DF_COMMITS_FOR_SOURCE,
         .source_options = &doubles_group_options,
         .source = &doubles_group_source_ops,
         .sink = &doubles_group_sink_ops,
         .user = d},
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        int rc = df_connector_register(env, &types[i]);
        if (rc < 0)
            return rc;
    }
    return register_transforms(env);
}

/* ---- a fixture of the suites ------------------------------------------------------------------
 */

int doubles_setup(void **state)
{
    doubles_fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->env = support_env(&f->host);
    f->d = doubles_new();
    f->dir = support_mkdir();
    assert_ok(doubles_register(f->d, f->env));
    *state = f;
    return 0;
}

int doubles_teardown(void **state)
{
    doubles_fixture *f = *state;
    support_env_free(f->env, &f->host);
    doubles_free(f->d);
    support_rmdir(f->dir);
    free(f);
    return 0;
}

void doubles_run(doubles_fixture *f, const char *yaml)
{
    char message[512];
    int rc = support_run(f->env, yaml, message);
    if (rc != DF_OK)
        fail_msg("%s: %s", df_status_name(rc), message);
}
