/* SPDX-License-Identifier: Apache-2.0
 * insert.c: sends one insert, with the settings that decide whether and how often it is written. */
#include <string.h>

#include "sink.h"

enum { ASYNC_INSERTS = 2111, JSON_AS_TEXT = 2408, SETTINGS_MAX = 9 };

int df__ch_has_setting(const df__ch_client *c, const char *name)
{
    for (size_t i = 0; i < c->dsn.setting_count; i++)
        if (strcmp(c->dsn.settings[i].name, name) == 0)
            return 1;
    return 0;
}

typedef struct settings {
    df__ch_setting rows[SETTINGS_MAX];
    size_t count;
} settings;

static void set(settings *s, const char *name, const char *value)
{
    s->rows[s->count++] = (df__ch_setting){name, value};
}

/* Unless the connection string has it. */
static void set_default(const df__ch_sink *s, settings *to, const char *name, const char *value)
{
    if (!df__ch_has_setting(&s->client, name))
        set(to, name, value);
}

/* A table that drops inserts which it has seen (Replicated...) knows them by their content, so that
 * of two batches that are the same it would keep one. So each has a name of its own, which it keeps
 * when it is sent again. An old server knows no names: there it is told not to look. */
static void add_token(const df__ch_sink *s, const char *token, settings *to)
{
    if (s->exact.used) {
        /* A body is one block, or is cut in the same way each time; what views of the table get is
         * dropped by the same rule. */
        set(to, "insert_deduplicate", "1");
        set(to, "insert_deduplication_token", token);
        set(to, "deduplicate_blocks_in_dependent_materialized_views", "1");
        set(to, "max_insert_block_size", "1048576");
        set(to, "async_insert", "0");
    } else if (s->client.version >= CH_DEDUP_TOKENS) {
        set_default(s, to, "insert_deduplication_token", token);
    } else {
        set_default(s, to, "insert_deduplicate", "0");
    }
}

int df__ch_insert(df__ch_sink *s, df_bytes body, const char *token)
{
    settings all = {.count = 0};
    df__ch_ask ask = {.body = body, .settings = all.rows};
    add_token(s, token, &all);
    /* A profile of the user may have other ideas: an insert that was only noted is no insert. */
    if (s->client.version >= ASYNC_INSERTS) {
        if (!s->exact.used)
            set_default(s, &all, "async_insert", "0");
        set(&all, "wait_for_async_insert", "1");
    }
    if (s->client.version >= JSON_AS_TEXT)
        set(&all, "input_format_binary_read_json_as_string", "1");
    ask.setting_count = all.count;
    if (s->opt.packing != CH_PACK_NONE) {
        ask.encoding = df__ch_packings[s->opt.packing];
        if (df__ch_pack((enum df__ch_packing)s->opt.packing, body, &s->packed) != DF_OK)
            return df_stage_fail(s->client.stage, DF_ENOMEM, NULL, "no memory for an insert");
        ask.body = (df_bytes){s->packed.data, s->packed.len};
    }
    df_stage_metric(s->client.stage, CH_METRIC_INSERTS, 1);
    return df__ch_start(&s->client, &ask, &s->request);
}

void df__ch_insert_end(df__ch_sink *s)
{
    if (s->request)
        s->client.net->end(s->request);
    s->request = NULL;
}
