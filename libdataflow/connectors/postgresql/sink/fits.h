/* SPDX-License-Identifier: Apache-2.0
 * fits.h: what a table lacks for a record. */
#ifndef DF_PG_FITS_H
#define DF_PG_FITS_H

#include "sink.h"

/* The fields of record w->index that are no column: null all of them, some that none can be made
 * for, or a new one. */
enum df__pg_extra { PG_EXTRA_NULLS, PG_EXTRA_STAYS, PG_EXTRA_NEW };
enum df__pg_extra df__pg_fits_extra(const df__pg_sink *s, const df__pg_work *w);
/* 1: the table has a column of that name, generated or not. */
int df__pg_fits_there(const df__pg_table *t, df_bytes name);
/* 1: columns may be added. */
int df__pg_fits_adds(const df__pg_sink *s);
/* 1: a column may be made wide enough for its value in encoder.values. */
int df__pg_fits_wider(df__pg_sink *s);
/* The step to a type that has room for the value, the wider the greater; PG_FITS: the column has
 * room, or there is none. */
enum { PG_FITS = 9 };
size_t df__pg_fits_step(df__pg_sink *s, const df__pg_column *column, const df_value *v);
/* The type that a step leads to. */
const char *df__pg_fits_sql(size_t step);

#endif
