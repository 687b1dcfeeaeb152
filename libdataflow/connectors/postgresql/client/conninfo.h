/* SPDX-License-Identifier: Apache-2.0
 * conninfo.h: what a person may get wrong in a connection string. */
#ifndef DF_PG_CONNINFO_H
#define DF_PG_CONNINFO_H

#include <libpq-fe.h>

#include "dataflow.h"

/* Reads a connection string and looks at everything that can be known without a server. NULL:
 * *ret_error is 0 for no memory, else `why` says what is wrong and what to do. It never holds a
 * part of the string that may belong to a password. */
PQconninfoOption *df__pg_conninfo_read(const char *text, char *why, size_t len, int *ret_error);
/* The same for a text without a zero after it. */
PQconninfoOption *df__pg_conninfo_read_bytes(df_bytes text, char *why, size_t len, int *ret_error);
/* 1: the certificate file that sslmode asks for cannot be read; `why` says which. */
int df__pg_conninfo_no_root(const PQconninfoOption *given, char *why, size_t len);
/* 1: every host of the list is this machine: a socket's folder, localhost, a loopback address. */
int df__pg_is_local(const char *hosts);

#endif
