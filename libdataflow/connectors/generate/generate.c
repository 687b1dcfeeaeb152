/* SPDX-License-Identifier: Apache-2.0
 * generate.c: a source that makes records up, the same ones for the same seed. A partition's
 * position is the number of its next record. */
#include <stdio.h>
#include <string.h>

#include "connectors/generate/template.h"
#include "dataflow_ext.h"
#include "util/buf.h"

enum { MAX_PARTITIONS = 1024 };

struct gen_part {
    df_partition *handle;
    uint32_t number;
    uint64_t next; /* record number; the partition has every `partitions`-th */
    int touched;
};

struct generate {
    double rate; /* options */
    int64_t count, seed, partitions;
    df_bytes template_text, key_text;
    df__template *template, *key;
    char *buf, *key_buf;
    struct gen_part *part;
    size_t turn;
    int64_t started_us, made; /* for the rate, since open */
};

#define DEFAULT_TEMPLATE                                                                           \
    "{\"id\":${seq},\"user\":\"user-${int:1:1000}\",\"amount\":${float:1:500},"                    \
    "\"status\":\"${choice:new|paid|shipped}\",\"time\":\"${now}\"}"

static const df_option rows[] = {
    {.name = "rate",
     .type = DF_OPT_DOUBLE,
     .offset = offsetof(struct generate, rate),
     .def = "0",
     .max = 1000000000,
     .doc = "Records per second; 0: as fast as they are taken."},
    {.name = "count",
     .type = DF_OPT_INT,
     .offset = offsetof(struct generate, count),
     .def = "0",
     .max = INT64_MAX,
     .doc = "Records in all, then the end; 0: for ever."},
    {.name = "seed",
     .type = DF_OPT_INT,
     .flags = DF_OPT_IDENTITY,
     .offset = offsetof(struct generate, seed),
     .def = "1",
     .doc = "The same seed makes the same records."},
    {.name = "partitions",
     .type = DF_OPT_INT,
     .flags = DF_OPT_IDENTITY,
     .offset = offsetof(struct generate, partitions),
     .def = "1",
     .min = 1,
     .max = MAX_PARTITIONS,
     .doc = "Record n belongs to partition n modulo this."},
    {.name = "template",
     .type = DF_OPT_TEXT,
     .flags = DF_OPT_LITERAL | DF_OPT_IDENTITY,
     .offset = offsetof(struct generate, template_text),
     .def = DEFAULT_TEMPLATE,
     .doc = "Payload, with ${seq}, ${int:LOW:HIGH}, ${float:LOW:HIGH:DECIMALS}, "
            "${choice:a|b|c}, ${uuid}, ${now}, ${string:LENGTH}."},
    {.name = "key",
     .type = DF_OPT_TEXT,
     .flags = DF_OPT_LITERAL | DF_OPT_IDENTITY,
     .offset = offsetof(struct generate, key_text),
     .doc = "Key, with the same placeholders; none when absent."},
};
static const df_options options = DF_OPTIONS(rows, struct generate);

static int generate_check(void *self, df_stage *st)
{
    struct generate *g = self;
    char err[160];
    df__template *t = df_stage_alloc(st, sizeof *t);
    int rc = DF_OK;
    if (!t)
        return DF_ENOMEM;
    if (df__template_compile(t, g->template_text, err, sizeof err) != DF_OK)
        rc = df_stage_problem(st, DF_ERROR, "template", err);
    else if (df__template_has_now(t))
        df_stage_traits(st, DF_VARIES, 0);
    if (g->key_text.data && df__template_compile(t, g->key_text, err, sizeof err) != DF_OK)
        rc = df_stage_problem(st, DF_ERROR, "key", err);
    if (!(g->rate >= 0))
        rc = df_stage_problem(st, DF_ERROR, "rate", "must not be negative");
    return rc;
}

static int compile(df_stage *st, df_bytes text, df__template **ret, char **ret_buf)
{
    char err[160] = "no memory";
    int rc = DF_ENOMEM;
    df__template *t = *ret ? *ret : df_stage_alloc(st, sizeof *t);
    if (t)
        rc = df__template_compile(t, text, err, sizeof err);
    if (rc == DF_OK && !*ret_buf) {
        *ret_buf = df_stage_alloc(st, t->max_len + 1);
        rc = *ret_buf ? DF_OK : DF_ENOMEM;
    }
    if (rc != DF_OK)
        return df_stage_fail(st, rc, NULL, err);
    *ret = t;
    return DF_OK;
}

static int parse_number(df_bytes data, uint64_t *ret)
{
    uint64_t n = 0;
    const char *p = data.data;
    if (data.len == 0 || data.len > 19)
        return DF_ESTATE;
    for (size_t i = 0; i < data.len; i++) {
        if (p[i] < '0' || p[i] > '9')
            return DF_ESTATE;
        n = n * 10 + (uint64_t)(p[i] - '0');
    }
    *ret = n;
    return DF_OK;
}

static int take_partition(struct generate *g, df_stage *st, size_t index)
{
    struct gen_part *p = &g->part[index];
    df_position at = {.size = sizeof at};
    df_value number = {.type = DF_V_INT, .u.i = (int64_t)index};
    char name[32];
    int rc;
    snprintf(name, sizeof name, "generate/%zu", index);
    rc = df_partition_open(st, name, &p->handle);
    if (rc == DF_OK)
        rc = df_partition_meta(p->handle, "partition", &number);
    if (rc < 0)
        return rc;
    p->number = df_partition_number(p->handle);
    p->next = index;
    rc = df_partition_position(p->handle, &at);
    if (rc == DF_ENOTFOUND || (rc == DF_OK && !at.data.len))
        return DF_OK;
    if (rc == DF_OK)
        rc = parse_number(at.data, &p->next);
    return rc < 0 ? df_stage_fail(st, rc, "position", "the stored position is no number") : DF_OK;
}

static int generate_open(void *self, df_stage *st)
{
    struct generate *g = self;
    int rc = compile(st, g->template_text, &g->template, &g->buf);
    if (rc == DF_OK && g->key_text.data)
        rc = compile(st, g->key_text, &g->key, &g->key_buf);
    if (rc < 0)
        return rc;
    if (!g->part)
        g->part = df_stage_alloc(st, (size_t)g->partitions * sizeof *g->part);
    if (!g->part)
        return df_stage_fail(st, DF_ENOMEM, NULL, "no memory for partitions");
    for (size_t i = 0; i < (size_t)g->partitions && rc == DF_OK; i++)
        rc = take_partition(g, st, i);
    g->started_us = df_stage_clock_us(st);
    g->made = 0;
    return rc;
}

/* How many records the rate allows now. It makes up for a pause of a second at most. */
static int64_t allowance(struct generate *g, const df_stage *st)
{
    int64_t now = df_stage_clock_us(st);
    double due;
    if (g->rate <= 0)
        return INT64_MAX;
    due = (double)(now - g->started_us) * g->rate / 1e6;
    if (due - (double)g->made > g->rate + 1) {
        g->started_us = now - 1000000;
        g->made = 0;
        due = g->rate;
    }
    return (int64_t)due - g->made;
}

static int wait_for_rate(const struct generate *g, df_stage *st, int timeout_ms)
{
    double at = (double)g->started_us + (double)(g->made + 1) * 1e6 / g->rate;
    double ms = (at - (double)df_stage_clock_us(st)) / 1000 + 1;
    int rc;
    if (ms < timeout_ms)
        timeout_ms = ms < 1 ? 1 : (int)ms;
    rc = df_stage_wait(st, -1, 0, timeout_ms);
    return rc < 0 ? rc : DF_AGAIN;
}

static int add_record(struct generate *g, df_batch *into, struct gen_part *p,
                      df__template_in *fixed)
{
    df_input in = {.size = sizeof in, .partition = p->number, .offset = (int64_t)p->next};
    int rc;
    fixed->seq = p->next;
    in.payload = (df_bytes){g->buf, df__template_write(g->template, fixed, g->buf)};
    if (g->key)
        in.key = (df_bytes){g->key_buf, df__template_write(g->key, fixed, g->key_buf)};
    rc = df_batch_add(into, &in, NULL);
    if (rc < 0)
        return rc;
    p->next += (uint64_t)g->partitions;
    p->touched = 1;
    g->made++;
    return DF_OK;
}

static int is_finished(const struct generate *g, const struct gen_part *p)
{
    return g->count > 0 && p->next >= (uint64_t)g->count;
}

static int mark_all(struct generate *g, df_batch *into)
{
    char text[24];
    for (size_t i = 0; i < (size_t)g->partitions; i++) {
        struct gen_part *p = &g->part[i];
        if (!p->touched)
            continue;
        p->touched = 0;
        df_bytes position = {text, df__digits(text, p->next)};
        int rc = df_batch_mark(into, p->handle, position);
        if (rc < 0)
            return rc;
    }
    return DF_OK;
}

static int generate_read(void *self, df_stage *st, df_batch *into, int timeout_ms)
{
    struct generate *g = self;
    char now[32];
    df__template_in fixed = {.seed = (uint64_t)g->seed, .now = now};
    int64_t allowed = allowance(g, st), left = allowed;
    size_t finished = 0;
    fixed.now_len = df__template_now(df_stage_now(st), now);
    while (left > 0 && finished < (size_t)g->partitions && df_batch_room(into) > 0) {
        struct gen_part *p = &g->part[g->turn++ % (size_t)g->partitions];
        int rc;
        if (is_finished(g, p)) {
            finished++;
            continue;
        }
        finished = 0;
        rc = add_record(g, into, p, &fixed);
        if (rc < 0)
            return rc;
        left--;
    }
    if (left != allowed)
        return mark_all(g, into);
    if (finished == (size_t)g->partitions)
        return DF_DONE;
    return df_batch_room(into) == 0 ? DF_AGAIN : wait_for_rate(g, st, timeout_ms);
}

static int generate_seek(void *self, df_stage *st, const df_position *to)
{
    struct generate *g = self;
    for (size_t i = 0; i < (size_t)g->partitions; i++) {
        struct gen_part *p = &g->part[i];
        if (p->number != to->partition)
            continue;
        p->next = i;
        if (to->data.len && parse_number(to->data, &p->next) < 0)
            return df_stage_fail(st, DF_ESTATE, "position", "the position is no number");
    }
    return DF_OK;
}

static const df_source_ops ops = {
    .size = sizeof(df_source_ops),
    .check = generate_check,
    .open = generate_open,
    .read = generate_read,
    .seek = generate_seek,
};

extern const df_connector df_connector_generate;
const df_connector df_connector_generate = {
    .size = sizeof(df_connector),
    .name = "generate",
    .doc = "Makes records up from a template: for trying out, tests and measurements.",
    .source_size = sizeof(struct generate),
    .source_flags = DF_CAN_REPLAY | DF_CAN_SLEEP,
    .source_options = &options,
    .source = &ops,
};
