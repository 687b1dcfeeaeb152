/* SPDX-License-Identifier: Apache-2.0
 * setup.c: the setting of properties while a client is configured, and whose fault it is when that
 * fails.
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "setup.h"

void df__kafka_setup_problem(df__kafka_setup *s, const char *option, const char *text)
{
    if (s->checking)
        (void)df_stage_problem(s->st, DF_ERROR, option, text);
    else if (s->status == DF_OK)
        (void)df_stage_failf(s->st, DF_EINVAL, "invalid_config", "%s: %s", option, text);
    s->status = DF_EINVAL;
}

void df__kafka_set(df__kafka_setup *s, const char *option, const char *name, const char *value)
{
    char text[256];
    rd_kafka_conf_res_t res = rd_kafka_conf_set(s->conf, name, value, text, sizeof text);
    if (res != RD_KAFKA_CONF_OK)
        df__kafka_setup_problem(s, option != NULL ? option : name, text);
}

void df__kafka_set_text(df__kafka_setup *s, const char *name, const char *value)
{
    df__kafka_set(s, NULL, name, value);
}

void df__kafka_set_number(df__kafka_setup *s, const char *name, int64_t value)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%" PRId64, value);
    df__kafka_set_text(s, name, text);
}

void df__kafka_set_option(df__kafka_setup *s, const char *option, const char *name, int64_t value)
{
    char text[32];
    if (value == DF_UNSET)
        return;
    (void)snprintf(text, sizeof text, "%" PRId64, value);
    df__kafka_set(s, option, name, text);
}

int64_t df__kafka_option_ms(int64_t us)
{
    return us == DF_UNSET ? DF_UNSET : (us + 999) / 1000;
}

int64_t df__kafka_setup_number(const df__kafka_setup *s, const char *name)
{
    char text[32];
    size_t len = sizeof text;
    int64_t value = 0;
    if (rd_kafka_conf_get(s->conf, name, text, &len) != RD_KAFKA_CONF_OK)
        return 0;
    for (const char *at = text; *at >= '0' && *at <= '9'; at++)
        value = value * 10 + (*at - '0');
    return value;
}

void df__kafka_setup_end(df__kafka_setup *s)
{
    while (s->file_count > 0)
        (void)close(s->files[--s->file_count]);
    if (s->conf)
        rd_kafka_conf_destroy(s->conf);
    s->conf = NULL;
}
