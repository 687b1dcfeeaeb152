/* SPDX-License-Identifier: Apache-2.0
 * pattern_program.h: what a pattern is compiled to (Thompson's construction), and the table that is
 * made of it when that stays small. Only for the files of the pattern. */
#ifndef DF_RECORD_PATTERN_PROGRAM_H
#define DF_RECORD_PATTERN_PROGRAM_H

#include "record/pattern.h"

/* One step of the program; jumps are relative, so that a part can be copied. */
typedef struct df__pop {
    uint8_t code;
    uint8_t assert;
    uint16_t set;
    int32_t x, y;
} df__pop;
enum df__pop_code { DF__POP_SET, DF__POP_SPLIT, DF__POP_JUMP, DF__POP_ASSERT, DF__POP_MATCH };

/* What holds between two bytes. */
enum df__at {
    DF__AT_BEGIN,
    DF__AT_END,
    DF__AT_EDGE,
    DF__AT_NO_EDGE,
    DF__AT_WORD_BEGIN,
    DF__AT_WORD_END
};

typedef struct df__byteset {
    uint32_t bits[8];
} df__byteset;

/* The sort of the byte beside a place. */
enum df__side { DF__SIDE_NONE, DF__SIDE_WORD, DF__SIDE_OTHER, DF__SIDE_NOWHERE };

struct df__pattern {
    const df__heap *heap;
    df__pop *ops;
    df__byteset *sets;
    size_t op_count, op_cap, set_count, set_cap;
    int has_words; /* an assertion that looks at words */
    /* The table; NULL: it would have been too large, and the program is run instead. Row 0 accepts,
     * row 1 is where nothing matches any more, a text begins in row 2. */
    uint32_t *next; /* [row + class] is a row, as an index of this array */
    uint8_t *ends;  /* [row / classes]: the text may end here */
    unsigned classes;
    uint8_t class_of[256];
};

/* 1: the byte is in the set. */
int df__byteset_has(const df__byteset *set, unsigned byte);
/* 1: a letter, a digit or _, in ASCII. */
int df__pattern_is_word(unsigned byte);
/* Makes the table, if it is small. DF_ENOMEM. */
int df__pattern_tabulate(df__pattern *p);

#endif
