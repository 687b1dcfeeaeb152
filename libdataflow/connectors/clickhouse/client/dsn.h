/* SPDX-License-Identifier: Apache-2.0
 * dsn.h: a connection string, taken apart. */
#ifndef DF_CH_DSN_H
#define DF_CH_DSN_H

#include "dataflow.h"
#include "util/arena.h"

enum { CH_HOSTS_MAX = 16 };

typedef struct df__ch_setting {
    const char *name, *value;
} df__ch_setting;

typedef struct df__ch_dsn {
    df__arena arena;
    const char *hosts[CH_HOSTS_MAX]; /* "http://name:8123": where to go */
    size_t host_count;
    df_bytes user, password;  /* data NULL: none */
    const char *database;     /* NULL: the server's default */
    df__ch_setting *settings; /* what else stands after the ? */
    size_t setting_count;
    int tls, insecure;
} df__ch_dsn;

/* http://user:password@host:port,host:port/database?setting=value, likewise https:// and
 * clickhouse://, whose ports of the native protocol (9000, 9440) become those of HTTP (8123, 8443).
 * DF_EINVAL: *ret_why says what is wrong, without any part of the text; DF_ENOMEM. The result is to
 * be freed in any case. */
int df__ch_dsn_read(df_bytes text, df__ch_dsn *ret, const char **ret_why);
/* Frees it; texts that were borrowed are gone. */
void df__ch_dsn_free(df__ch_dsn *dsn);

#endif
