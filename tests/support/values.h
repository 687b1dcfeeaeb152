/* SPDX-License-Identifier: Apache-2.0
 * values.h: values in tables of tests, as initializers. */
#ifndef DF_TESTS_VALUES_H
#define DF_TESTS_VALUES_H

#include "dataflow_ext.h"

#define TEXT(kind, s)                                                                              \
    {                                                                                              \
        .type = (kind), .text = (s), .len = sizeof(s) - 1                                          \
    }
#define STRING(s) TEXT(DF_V_STRING, s)
#define NUMBER(s) TEXT(DF_V_NUMBER, s)
#define INT(n)                                                                                     \
    {                                                                                              \
        .type = DF_V_INT, .u.i = (n)                                                               \
    }
#define DOUBLE(n)                                                                                  \
    {                                                                                              \
        .type = DF_V_DOUBLE, .u.d = (n)                                                            \
    }
#define MOMENT(us, minutes)                                                                        \
    {                                                                                              \
        .type = DF_V_TIMESTAMP, .u.i = (us), .zone = (minutes)                                     \
    }

#endif
