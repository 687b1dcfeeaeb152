/* SPDX-License-Identifier: Apache-2.0
 * stage.c: classes of the program as sources and sinks. An operation of the library tells the
 * thread of JavaScript what is to be done and sleeps in df_stage_wait until that has answered,
 * which may take many turns of its event loop. A run that ends without waiting lets it go: what is
 * said too late is not heard, since the number of the turn is another one. So nothing is waited for
 * that the thread of JavaScript waits for itself, and what a batch or a parcel has is touched under
 * the lock alone, while its operation sleeps. */
#include "node.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { MOST_OPTIONS = 32 };

/* What lib/ is told; its words for them are in lib/stage.js. */
enum { OPEN = 1, READ, ACK, SEEK, WRITE, CLOSE, WAKE, PARTITION };

typedef union slot {
    df_bytes text;
    int64_t number;
    double real;
    int flag;
} slot;

/* A registered class. */
typedef struct kind {
    dfn_env *env;                  /* outlives it: the env frees its kinds */
    napi_threadsafe_function call; /* NULL: its thread of JavaScript has ended */
    int holds;                     /* the env, and `call` */
    int is_line;
    df_option rows[MOST_OPTIONS]; /* texts in `owned` */
    char *owned[3 * MOST_OPTIONS];
    df_options options;
} kind;

typedef struct part {
    df_partition *handle;
    int added; /* since its last mark */
} part;

/* An instance, for both threads. */
typedef struct task {
    kind *kind;
    uint32_t key, pipeline;
    atomic_int holds; /* the library's instance, notes, the object of JavaScript */
    int fd;           /* readable: lib/ has said something */
    const slot *options;
    pthread_mutex_t lock; /* of all below */
    uint32_t turn;        /* number of the operation */
    int op;               /* that sleeps; 0: none */
    df_batch *batch;      /* what the operation is about */
    df_parcel *parcel;
    const df_position *rows;
    size_t rows_count;
    int timeout_ms;
    part *parts;
    size_t parts_count;
    char *wanted;         /* name of a partition that is to be opened */
    df_position position; /* of the one that was opened last; size 0: it has none */
    int answered, status; /* what lib/ answered */
    char *text, *reason;
} task;

/* What the core allocates for one instance. */
typedef struct instance {
    task *task;
    slot options[MOST_OPTIONS];
} instance;

/* One word to lib/. */
typedef struct note {
    task *task;
    uint32_t turn;
    int op;
} note;

static void release(task *t)
{
    if (atomic_fetch_sub(&t->holds, 1) != 1)
        return;
    close(t->fd);
    pthread_mutex_destroy(&t->lock);
    free(t->parts);
    free(t->wanted);
    free(t->text);
    free(t->reason);
    free(t);
}

/* ---- on the threads of the library --------------------------------------------------------- */

static int tell(task *t, int op)
{
    note *n = t->kind->call ? malloc(sizeof *n) : NULL;
    if (!n)
        return t->kind->call ? DF_ENOMEM : DF_ECANCELED;
    *n = (note){t, t->turn, op};
    atomic_fetch_add(&t->holds, 1);
    if (napi_call_threadsafe_function(t->kind->call, n, napi_tsfn_nonblocking) == napi_ok)
        return DF_OK;
    release(t);
    free(n);
    return DF_ECANCELED; /* that thread ends */
}

/* Opens the partition that lib/ wants, which may wait for others, so not on its thread. */
static int open_partition(task *t, df_stage *st, char *name)
{
    df_partition *handle;
    part *parts;
    int rc = df_partition_open(st, name, &handle);
    free(name);
    if (rc < 0)
        return rc;
    pthread_mutex_lock(&t->lock);
    parts = realloc(t->parts, (t->parts_count + 1) * sizeof *parts);
    if (parts) {
        t->parts = parts;
        t->parts[t->parts_count++] = (part){handle, 0};
        t->position.size = sizeof t->position;
        if (df_partition_position(handle, &t->position) != DF_OK)
            t->position.size = 0;
    }
    pthread_mutex_unlock(&t->lock);
    return parts ? tell(t, PARTITION) : DF_ENOMEM;
}

/* What lib/ has said; DF_MORE: not yet the answer. */
static int heard(task *t, df_stage *st)
{
    uint64_t count;
    ssize_t got = read(t->fd, &count, sizeof count);
    char *wanted;
    int rc;
    (void)got;
    pthread_mutex_lock(&t->lock);
    wanted = t->wanted;
    t->wanted = NULL;
    rc = t->answered ? t->status : DF_MORE;
    pthread_mutex_unlock(&t->lock);
    if (wanted && (rc = open_partition(t, st, wanted)) == DF_OK)
        rc = DF_MORE;
    return rc;
}

static int listen_to(task *t, df_stage *st)
{
    for (;;) {
        int rc = df_stage_wait(st, t->fd, POLLIN, -1);
        if (rc == DF_OK && (rc = heard(t, st)) != DF_MORE)
            return rc;
        if (rc == DF_AGAIN) /* work waits: lib/ may come back sooner */
            rc = tell(t, WAKE);
        if (rc < 0)
            return rc;
    }
}

static void forget_answer(task *t)
{
    free(t->text);
    free(t->reason);
    free(t->wanted);
    t->text = t->reason = t->wanted = NULL;
    t->answered = 0;
}

/* Has lib/ do it, and waits for its answer. What the operation is about stands in the task. */
static int ask(task *t, df_stage *st, int op)
{
    char *text, *reason;
    int rc, answered;
    pthread_mutex_lock(&t->lock);
    forget_answer(t);
    t->turn++;
    t->op = op;
    pthread_mutex_unlock(&t->lock);
    rc = tell(t, op);
    if (rc == DF_OK)
        rc = listen_to(t, st);
    pthread_mutex_lock(&t->lock);
    t->op = 0;
    t->batch = NULL;
    t->parcel = NULL;
    t->rows = NULL;
    answered = t->answered;
    text = t->text;
    reason = t->reason;
    t->text = t->reason = NULL;
    pthread_mutex_unlock(&t->lock);
    if (rc < 0 && answered)
        df_stage_fail(st, rc, reason, text ? text : "");
    free(text);
    free(reason);
    return rc;
}

static int on_open(void *self, df_stage *st)
{
    static atomic_uint last;
    instance *i = self;
    df_stage_info info = {.size = sizeof info};
    task *t = calloc(1, sizeof *t);
    if (!t)
        return DF_ENOMEM;
    if ((t->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) {
        free(t);
        return df_stage_failf(st, DF_EIO, NULL, "eventfd: %s", strerror(errno));
    }
    pthread_mutex_init(&t->lock, NULL);
    atomic_init(&t->holds, 1);
    df_stage_describe(st, &info);
    t->kind = df_stage_user(st);
    t->pipeline = ((dfn_pipeline *)info.user)->id;
    t->key = atomic_fetch_add(&last, 1);
    t->options = i->options;
    i->task = t;
    return ask(t, st, OPEN);
}

/* What a line gave is gone from it, so no position is waited for. */
static int mark_line(task *t, df_batch *into)
{
    int rc = DF_OK;
    for (size_t i = 0; i < t->parts_count; i++)
        if (t->parts[i].added) {
            int marked = df_batch_mark(into, t->parts[i].handle, (df_bytes){NULL, 0});
            rc = marked < 0 ? marked : rc;
            t->parts[i].added = 0;
        }
    return rc;
}

static int on_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    task *t = ((instance *)self)->task;
    size_t before = df_batch_count(into);
    int rc, marked;
    if (!df_batch_room(into))
        return DF_AGAIN; /* it has no client to serve */
    t->batch = into;
    t->timeout_ms = timeout_ms;
    rc = ask(t, st, READ);
    marked = t->kind->is_line ? mark_line(t, into) : DF_OK;
    if (rc == DF_OK && df_batch_count(into) == before)
        rc = DF_AGAIN;
    return rc >= 0 && marked < 0 ? marked : rc;
}

static int on_ack(void *self, df_stage *st, const df_position *rows, size_t count)
{
    task *t = ((instance *)self)->task;
    t->rows = rows;
    t->rows_count = count;
    return ask(t, st, ACK);
}

static int on_seek(void *self, df_stage *st, const df_position *to)
{
    task *t = ((instance *)self)->task;
    t->rows = to;
    t->rows_count = 1;
    return ask(t, st, SEEK);
}

static int on_write(void *self, df_stage *st, df_parcel *parcel)
{
    task *t = ((instance *)self)->task;
    t->parcel = parcel;
    return ask(t, st, WRITE);
}

static void on_close(void *self, df_stage *st)
{
    instance *i = self;
    if (i->task) {
        ask(i->task, st, CLOSE);
        release(i->task);
    }
    i->task = NULL;
}

/* ---- what the thread of JavaScript is told -------------------------------------------------- */

static void task_gone(napi_env napi, void *data, void *hint)
{
    (void)napi;
    (void)hint;
    release(data);
}

static napi_value option_of(napi_env napi, const df_option *row, const slot *s)
{
    napi_value v;
    napi_get_undefined(napi, &v);
    switch (row->type) {
    case DF_OPT_BOOL:
        napi_get_boolean(napi, s->flag != 0, &v);
        return v;
    case DF_OPT_DOUBLE:
        return isnan(s->real) ? v : dfn_number(napi, s->real);
    case DF_OPT_DURATION: /* milliseconds, as everywhere in JavaScript */
        return s->number == DF_UNSET ? v : dfn_number(napi, (double)s->number / 1e3);
    case DF_OPT_INT:
    case DF_OPT_SIZE:
        if (s->number > DFN_SAFE || (s->number < -DFN_SAFE && s->number != DF_UNSET))
            napi_create_bigint_int64(napi, s->number, &v);
        return s->number == DF_UNSET || s->number > DFN_SAFE || s->number < -DFN_SAFE
                   ? v
                   : dfn_number(napi, (double)s->number);
    default: /* text; JSON text, which lib/ reads */
        if (s->text.data)
            napi_create_string_utf8(napi, s->text.data, s->text.len, &v);
        return v;
    }
}

static napi_value opening(napi_env napi, task *t)
{
    napi_value made, options, it;
    napi_create_object(napi, &made);
    napi_create_object(napi, &options);
    for (size_t i = 0; i < t->kind->options.count; i++)
        dfn_put(napi, options, t->kind->rows[i].name,
                option_of(napi, &t->kind->rows[i], &t->options[i]));
    atomic_fetch_add(&t->holds, 1);
    if (napi_create_external(napi, t, task_gone, NULL, &it) != napi_ok) {
        release(t);
        return NULL;
    }
    dfn_put(napi, made, "task", it);
    dfn_put(napi, made, "pipeline", dfn_number(napi, t->pipeline));
    dfn_put(napi, made, "options", options);
    return made;
}

static napi_value positions_of(napi_env napi, const task *t)
{
    napi_value list, one;
    napi_create_array_with_length(napi, t->rows_count, &list);
    for (size_t i = 0; i < t->rows_count; i++) {
        const df_position *p = DF_ROW(df_position, t->rows, i);
        napi_create_object(napi, &one);
        dfn_put(napi, one, "partition", dfn_string(napi, p->name));
        dfn_put(napi, one, "position",
                dfn_buffer(napi, (df_bytes){p->data.data ? p->data.data : "", p->data.len}));
        napi_set_element(napi, list, (uint32_t)i, one);
    }
    return list;
}

static napi_value partition_of(napi_env napi, const task *t)
{
    napi_value made;
    napi_create_object(napi, &made);
    dfn_put(napi, made, "index", dfn_number(napi, (double)(t->parts_count - 1)));
    dfn_put(napi, made, "position",
            dfn_buffer(napi, t->position.size ? t->position.data : (df_bytes){NULL, 0}));
    return made;
}

static napi_value reading(napi_env napi, const task *t)
{
    napi_value made;
    napi_create_object(napi, &made);
    dfn_put(napi, made, "timeout", dfn_number(napi, t->timeout_ms));
    dfn_put(napi, made, "room", dfn_number(napi, (double)df_batch_room(t->batch)));
    return made;
}

/* Under the lock, while the operation sleeps. */
static napi_value about(napi_env napi, task *t, int op)
{
    napi_value none;
    switch (op) {
    case OPEN:
        return opening(napi, t);
    case READ:
        return reading(napi, t);
    case ACK:
    case SEEK:
        return positions_of(napi, t);
    case WRITE:
        return dfn_rows(napi, t->parcel);
    case PARTITION:
        return partition_of(napi, t);
    default:
        napi_get_undefined(napi, &none);
        return none;
    }
}

static void answer(task *t, int status, char *text, char *reason);

static void deliver(napi_env napi, napi_value call, const note *n)
{
    task *t = n->task;
    napi_value argv[4], this, said, error;
    bool known = true;
    int sleeps;
    argv[0] = dfn_number(napi, t->key);
    argv[1] = dfn_number(napi, n->op);
    argv[2] = dfn_number(napi, n->turn);
    pthread_mutex_lock(&t->lock);
    sleeps = t->op && t->turn == n->turn;
    argv[3] = sleeps ? about(napi, t, n->op) : dfn_string(napi, NULL);
    pthread_mutex_unlock(&t->lock);
    if (!sleeps && n->op != CLOSE)
        return; /* nobody waits for it any more */
    napi_get_undefined(napi, &this);
    if (!argv[3] || napi_call_function(napi, this, call, 4, argv, &said) != napi_ok)
        napi_get_and_clear_last_exception(napi, &error);
    else
        napi_get_value_bool(napi, said, &known);
    pthread_mutex_lock(&t->lock);
    if (sleeps && t->op && t->turn == n->turn && (!argv[3] || !known))
        answer(t, known ? DF_ENOMEM : DF_OK, NULL, NULL);
    pthread_mutex_unlock(&t->lock);
}

/* On the thread of JavaScript; `napi` is NULL when that ends. */
static void called(napi_env napi, napi_value call, void *context, void *data)
{
    note *n = data;
    (void)context;
    if (napi)
        deliver(napi, call, n);
    release(n->task);
    free(n);
}

/* ---- what it says --------------------------------------------------------------------------- */

/* Under the lock. */
static void speak(task *t)
{
    uint64_t one = 1;
    ssize_t n = write(t->fd, &one, sizeof one);
    (void)n;
}

/* Under the lock; takes the texts. */
static void answer(task *t, int status, char *text, char *reason)
{
    forget_answer(t);
    t->answered = 1;
    t->status = status;
    t->text = text;
    t->reason = reason;
    speak(t);
}

/* The task of a call (task, turn, ...), locked; NULL: its operation has returned. */
static task *locked(napi_env napi, const napi_value argv[DFN_ARGS])
{
    task *t = dfn_external(napi, argv[0]);
    uint32_t turn = (uint32_t)dfn_int(napi, argv[1]);
    pthread_mutex_lock(&t->lock);
    if (t->op && t->turn == turn && !t->answered)
        return t;
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

static int status_named(const char *name)
{
    for (int status = -1; name && status > -64; status--)
        if (strcmp(df_status_name(status), name) == 0)
            return status;
    return DF_EINTERNAL;
}

/* (task, turn, status, text, reason): a status is the name of a failure, or true of DF_DONE and
 * false of DF_AGAIN. */
static napi_value stage_answer(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS];
    napi_valuetype type;
    char *name;
    int status = DF_OK;
    task *t;
    dfn_args(napi, info, argv);
    napi_typeof(napi, argv[2], &type);
    name = dfn_text(napi, argv[2], NULL);
    if (type == napi_boolean)
        status = dfn_int(napi, argv[2]) ? DF_DONE : DF_AGAIN;
    else if (type == napi_string)
        status = status_named(name);
    free(name);
    if ((t = locked(napi, argv))) {
        answer(t, status, dfn_text(napi, argv[3], NULL), dfn_text(napi, argv[4], NULL));
        pthread_mutex_unlock(&t->lock);
    }
    return NULL;
}

/* (task, turn, name): whether it will be told of a partition. */
static napi_value stage_partition(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS], said;
    task *t;
    dfn_args(napi, info, argv);
    t = locked(napi, argv);
    if (t) {
        free(t->wanted);
        t->wanted = dfn_text(napi, argv[2], NULL);
        speak(t);
        pthread_mutex_unlock(&t->lock);
    }
    napi_get_boolean(napi, t != NULL, &said);
    return said;
}

/* [index, record] or [index, undefined, position] */
static int add(napi_env napi, task *t, dfn_lent *l, napi_value item)
{
    napi_value v;
    napi_valuetype type;
    df_input row;
    part *to;
    char *owned;
    size_t index;
    int rc;
    napi_get_element(napi, item, 0, &v);
    index = (size_t)dfn_int(napi, v);
    if (index >= t->parts_count)
        return DF_ESTATE;
    to = &t->parts[index];
    napi_get_element(napi, item, 1, &v);
    napi_typeof(napi, v, &type);
    if (type == napi_undefined) {
        napi_get_element(napi, item, 2, &v);
        rc = df_batch_mark(t->batch, to->handle, dfn_bytes(napi, v, &owned));
        free(owned);
        to->added = 0;
        return rc;
    }
    if (!dfn_lend_row(napi, l, v, &row))
        return DF_EINVAL;
    row.partition = df_partition_number(to->handle);
    to->added = 1;
    return df_batch_add(t->batch, &row, NULL);
}

/* (task, turn, items): records and marks of a read. */
static napi_value stage_add(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS], item;
    napi_handle_scope scope;
    uint32_t count = 0;
    dfn_lent *l = calloc(1, sizeof *l);
    int rc = l ? DF_OK : DF_ENOMEM;
    task *t;
    dfn_args(napi, info, argv);
    napi_get_array_length(napi, argv[2], &count);
    t = locked(napi, argv);
    if (!t || !t->batch)
        count = 0;
    for (uint32_t i = 0; i < count && rc >= 0; i++) {
        napi_open_handle_scope(napi, &scope);
        napi_get_element(napi, argv[2], i, &item);
        rc = add(napi, t, l, item);
        dfn_lent_back(l);
        napi_close_handle_scope(napi, scope);
    }
    if (t)
        pthread_mutex_unlock(&t->lock);
    free(l);
    return rc < 0 ? dfn_throw(napi, rc, rc == DF_EINVAL ? "a record has too many headers" : NULL)
                  : NULL;
}

/* (task, turn, index, text): names a record that can never pass. */
static napi_value stage_reject(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS];
    char *text;
    int rc = DF_ESTATE;
    task *t;
    dfn_args(napi, info, argv);
    text = dfn_text(napi, argv[3], NULL);
    if ((t = locked(napi, argv))) {
        if (t->parcel)
            rc =
                df_parcel_reject(t->parcel, (size_t)dfn_int(napi, argv[2]), NULL, text ? text : "");
        pthread_mutex_unlock(&t->lock);
    }
    free(text);
    return rc < 0 ? dfn_throw(napi, rc, NULL) : NULL;
}

/* ---- registration --------------------------------------------------------------------------- */

static void kind_release(kind *k)
{
    if (--k->holds)
        return;
    for (size_t i = 0; i < sizeof k->owned / sizeof *k->owned; i++)
        free(k->owned[i]);
    free(k);
}

static void call_gone(napi_env napi, void *data, void *hint)
{
    kind *k = data;
    (void)napi;
    (void)hint;
    k->call = NULL;
    kind_release(k);
}

static void kind_free(void *user)
{
    kind *k = user;
    if (k->call)
        napi_release_threadsafe_function(k->call, napi_tsfn_abort);
    kind_release(k);
}

/* Options: [[name, type, default, doc, required], ...], which lib/ has checked. */
static void read_options(napi_env napi, kind *k, napi_value list)
{
    uint32_t count = 0;
    napi_get_array_length(napi, list, &count);
    for (uint32_t i = 0; i < count && i < MOST_OPTIONS; i++) {
        df_option *row = &k->rows[i];
        napi_value item, v[5];
        napi_get_element(napi, list, i, &item);
        for (uint32_t n = 0; n < 5; n++)
            napi_get_element(napi, item, n, &v[n]);
        row->name = k->owned[3 * i] = dfn_text(napi, v[0], NULL);
        row->type = (int)dfn_int(napi, v[1]);
        row->def = k->owned[3 * i + 1] = dfn_text(napi, v[2], NULL);
        row->doc = k->owned[3 * i + 2] = dfn_text(napi, v[3], NULL);
        row->flags = dfn_int(napi, v[4]) ? DF_OPT_REQUIRED : 0;
        row->offset = offsetof(instance, options) + i * sizeof(slot);
        k->options.count = i + 1;
    }
    k->options = (df_options){sizeof(df_options), sizeof(df_option), k->options.count, k->rows,
                              sizeof(instance)};
}

static int add_kind(kind *k, const char *name, const char *doc, int is_sink, unsigned flags)
{
    const df_source_ops source = {.size = sizeof source,
                                  .open = on_open,
                                  .read = on_read,
                                  .ack = on_ack,
                                  .seek = flags & DF_CAN_REPLAY ? on_seek : NULL,
                                  .close = on_close};
    const df_sink_ops sink = {
        .size = sizeof sink, .open = on_open, .write = on_write, .close = on_close};
    df_connector c = {.size = sizeof c, .name = name, .doc = doc, .user = k};
    c.user_free = kind_free;
    c.source_size = c.sink_size = sizeof(instance);
    c.source_options = c.sink_options = &k->options;
    c.source_flags = c.sink_flags = flags;
    c.source = is_sink ? NULL : &source;
    c.sink = is_sink ? &sink : NULL;
    return df_connector_register(k->env->env, &c);
}

/* (env, {name, doc, sink, options, flags}, function) */
static napi_value stage_kind(napi_env napi, napi_callback_info info)
{
    napi_value argv[DFN_ARGS];
    kind *k = calloc(1, sizeof *k);
    dfn_env *env;
    char *name, *doc;
    unsigned flags;
    int rc;
    if (!k)
        return dfn_throw(napi, DF_ENOMEM, NULL);
    dfn_args(napi, info, argv);
    k->env = env = dfn_external(napi, argv[0]);
    name = dfn_text(napi, dfn_member(napi, argv[1], "name"), NULL);
    doc = dfn_text(napi, dfn_member(napi, argv[1], "doc"), NULL);
    flags = (unsigned)dfn_int(napi, dfn_member(napi, argv[1], "flags"));
    k->holds = 2;
    k->is_line = (flags & DF_IS_LINE) != 0;
    read_options(napi, k, dfn_member(napi, argv[1], "options"));
    napi_create_threadsafe_function(napi, argv[2], NULL, dfn_string(napi, "dataflow.stage"), 0, 1,
                                    k, call_gone, NULL, called, &k->call);
    napi_unref_threadsafe_function(napi, k->call);
    rc = add_kind(k, name, doc, (int)dfn_int(napi, dfn_member(napi, argv[1], "sink")), flags);
    free(name);
    free(doc);
    return rc < 0 ? dfn_throw(napi, rc, df_env_errmsg(env->env)) : NULL; /* k is freed then */
}

void dfn_begin_stage(napi_env napi, napi_value exports)
{
    static const napi_property_descriptor rows[] = {
        DFN_FUNCTION("stageKind", stage_kind),     DFN_FUNCTION("stageAnswer", stage_answer),
        DFN_FUNCTION("stageAdd", stage_add),       DFN_FUNCTION("stagePartition", stage_partition),
        DFN_FUNCTION("stageReject", stage_reject),
    };
    dfn_define(napi, exports, rows, sizeof rows / sizeof *rows);
}
