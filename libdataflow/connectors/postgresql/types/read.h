/* SPDX-License-Identifier: Apache-2.0
 * read.h: cells of what the catalog answers. */
#ifndef DF_PG_READ_H
#define DF_PG_READ_H

#include <libpq-fe.h>

#include "types.h"
#include "util/arena.h"

/* 1: the cell is a boolean that is true; NULL is not. */
int df__pg_is_true(const PGresult *res, int row, int column);
/* The cell as an OID; 0 where it is NULL or no number. */
uint32_t df__pg_cell_oid(const PGresult *res, int row, int column);
/* The cell as a C text in the arena, NULL of SQL as "". NULL: no memory. */
const char *df__pg_copy_cell(df__arena *a, const PGresult *res, int row, int column);
/* Where an answer has what makes a type: numbers of its columns. */
typedef struct df__pg_type_cells {
    int shown, cast, mod, name, builtin, array, delim, is_enum, oid, like_text;
} df__pg_type_cells;
/* Fills all but the labels of an enum. DF_ENOMEM. */
int df__pg_type_take(df__arena *a, const PGresult *res, int row, const df__pg_type_cells *at,
                     df__pg_type *ret);

/* In a query with a type as `t` and, of an array, its element as `e`: the schema of its operators
 * of comparison, quoted; NULL: it has none. */
#define PG_TYPE_OPERATORS                                                                          \
    "CASE WHEN e.oid IS NOT NULL OR t.typtype IN ('e', 'c', 'r', 'm') OR t.typnamespace = "        \
    "'pg_catalog'::pg_catalog.regnamespace::pg_catalog.oid THEN 'pg_catalog' ELSE "                \
    "(SELECT pg_catalog.quote_ident(s.nspname::pg_catalog.text) FROM pg_catalog.pg_opclass c "     \
    "JOIN pg_catalog.pg_amop o ON o.amopfamily = c.opcfamily AND o.amoplefttype = c.opcintype "    \
    "AND o.amoprighttype = c.opcintype AND o.amopstrategy = 3 "                                    \
    "JOIN pg_catalog.pg_operator p ON p.oid = o.amopopr "                                          \
    "JOIN pg_catalog.pg_namespace s ON s.oid = p.oprnamespace "                                    \
    "WHERE c.opcintype = t.oid AND c.opcdefault AND c.opcmethod = 403 LIMIT 1) END"

#endif
