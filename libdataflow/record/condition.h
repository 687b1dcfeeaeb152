/* SPDX-License-Identifier: Apache-2.0
 * condition.h: a compiled condition: a flat program over one truth value, with jumps for && and
 * ||. Only for libdataflow/record. */
#ifndef DF_RECORD_CONDITION_H
#define DF_RECORD_CONDITION_H

#include "record/number.h"
#include "record/path.h"
#include "record/pattern.h"

enum df__literal_kind { DF__LIT_TEXT, DF__LIT_WORD, DF__LIT_NUMBER, DF__LIT_NULL };
typedef struct df__literal {
    enum df__literal_kind kind;
    df_bytes text; /* with a NUL after it */
    df__decimal number;
} df__literal;

typedef struct df__operand { /* what a comparison looks at */
    df_path *path;           /* NULL: metadata */
    df_bytes name;           /* of metadata */
    df_bytes text;           /* as written */
} df__operand;

enum df__op_code {
    DF__OP_TRUTH,
    DF__OP_COMPARE,
    DF__OP_IN,    /* literals from `literal`, `count` of them */
    DF__OP_MATCH, /* `literal` is the number of the pattern */
    DF__OP_NOT,
    DF__OP_JUMP_FALSE,
    DF__OP_JUMP_TRUE
};
enum df__compare { DF__CMP_EQ, DF__CMP_NE, DF__CMP_LT, DF__CMP_LE, DF__CMP_GT, DF__CMP_GE };
typedef struct df__op {
    enum df__op_code code;
    enum df__compare order;
    uint32_t operand; /* or where to jump */
    uint32_t literal, count;
    size_t column;
} df__op;

struct df_condition {
    const df__heap *heap;
    df__arena arena;
    df__op *ops;
    df__literal *literals;
    df__operand *operands;
    df__pattern **patterns;
    size_t op_count, op_cap, literal_count, literal_cap;
    size_t operand_count, operand_cap, pattern_count, pattern_cap;
    char warning[256];
};

/* Looks at the comparisons ops[from] to the last one, all of one && chain. */
void df__condition_check_chain(df_condition *c, size_t from);
/* Looks at one comparison. */
void df__condition_check_one(df_condition *c, const df__op *op);

#endif
