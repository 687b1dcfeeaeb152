/* SPDX-License-Identifier: Apache-2.0
 * shape.h: whether the table still has the columns that binary rows were encoded for. */
#ifndef DF_PG_SHAPE_H
#define DF_PG_SHAPE_H

#include "sink.h"

/* SQL around the OID of a table: all that rows are encoded and refused by, as one number. */
#define PG_SHAPE_HEAD                                                                              \
    "(SELECT pg_catalog.hashtextextended(pg_catalog.string_agg(pg_catalog.concat(a.attname, ' ', " \
    "a.atttypid, ' ', a.atttypmod, a.attnotnull, a.atthasdef, a.attidentity, a.attgenerated), "    \
    "',' ORDER BY a.attnum), 0) FROM pg_catalog.pg_attribute a "                                   \
    "WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid = "
#define PG_SHAPE_TAIL ")"

/* True when that statement ends what w writes, so that it confirms what the catalog refused. */
int df__pg_shape_confirms(const df__pg_sink *s, const df__pg_work *w);
/* Appends a statement that fails when the columns are others than those of the catalog. */
void df__pg_shape_check(const df__pg_sink *s, df__buf *b);
/* True when it was that statement that failed. */
int df__pg_shape_failed(const PGresult *res);
/* After rows were refused: binary ones may have been encoded for columns that the table no longer
 * has. DF_OK: so it was, try again with the new ones; DF_DROP: the refusal counts. */
int df__pg_shape_look(df__pg_sink *s, df__pg_work *w);

#endif
