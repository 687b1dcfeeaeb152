/* SPDX-License-Identifier: Apache-2.0
 * position_order.c: which of two positions is the farther one, for the forms that sources of this
 * project and of older versions write. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "kube/checkpoint.h"
#include "util/rfc3339.h"

static int sign(int64_t n)
{
    return n < 0 ? -1 : n > 0;
}

/* ---- values: DF_OK and the order, or DF_ENOTSUP ---------------------------------------------- */

static int by_time(const char *a, const char *b, int *ret)
{
    df__stamp x, y;
    if (df__stamp_parse((df_bytes){a, strlen(a)}, &x) || !x.has_zone ||
        df__stamp_parse((df_bytes){b, strlen(b)}, &y) || !y.has_zone)
        return DF_ENOTSUP;
    *ret = sign((x.local - x.offset) - (y.local - y.offset));
    if (!*ret)
        *ret = sign((int64_t)x.nsec - y.nsec);
    return DF_OK;
}

static int by_lsn(const char *a, const char *b, int *ret)
{
    unsigned long x[2], y[2];
    char more;
    if (sscanf(a, "%8lx/%8lx%c", &x[0], &x[1], &more) != 2 ||
        sscanf(b, "%8lx/%8lx%c", &y[0], &y[1], &more) != 2)
        return DF_ENOTSUP;
    for (int i = 0; i < 2; i++) {
        *ret = x[i] < y[i] ? -1 : x[i] > y[i];
        if (*ret)
            break;
    }
    return DF_OK;
}

/* Whole numbers of any size as their digits; others as the numbers that a double can hold. */
static int by_number(const char *a, const char *b, int *ret)
{
    df__exact x, y;
    __int128 m, n;
    if (df__exact_parse((df_bytes){a, strlen(a)}, &x) ||
        df__exact_parse((df_bytes){b, strlen(b)}, &y))
        return DF_ENOTSUP;
    if (df__exact_int(&x, 0, 0, &m) == DF_OK && df__exact_int(&y, 0, 0, &n) == DF_OK) {
        *ret = m < n ? -1 : m > n;
        return DF_OK;
    }
    *ret = strtod(a, NULL) < strtod(b, NULL) ? -1 : strtod(a, NULL) > strtod(b, NULL);
    return DF_OK;
}

/* An order value: a number, or a text in byte order. */
static int by_value(const char *a, const char *b, int *ret)
{
    if (by_number(a, b, ret) == DF_OK)
        return DF_OK;
    *ret = strcmp(a, b);
    return DF_OK;
}

/* ---- positions: their members in the order in which they count ------------------------------- */

typedef int order(const char *a, const char *b, int *ret);
typedef struct form {
    const char *mark; /* a position that has this member is of this form */
    struct {
        const char *name;
        order *by;
    } members[3];
} form;

static const form forms[] = {
    {"lastReadChangeTime", {{"lastReadChangeTime", by_time}, {"lastReadOrderByValue", by_value}}},
    {"lastReadOrderByValue", {{"lastReadOrderByValue", by_value}}},
    {"lastAckedLSN", {{"lastAckedLSN", by_lsn}}},
    {"lastAckedSnapshotSequence",
     {{"lastAckedSnapshotSequence", by_number}, {"scanRowOffset", by_number}}}};
enum { FORMS = sizeof forms / sizeof *forms, VALUE = 512 };

/* A member that only one of them has makes that one the farther. */
static int by_form(const form *f, yyjson_val *a, yyjson_val *b, int *ret)
{
    char x_buf[VALUE], y_buf[VALUE];
    *ret = 0;
    for (size_t i = 0; i < 3 && f->members[i].name && !*ret; i++) {
        yyjson_val *in_a = yyjson_obj_get(a, f->members[i].name);
        yyjson_val *in_b = yyjson_obj_get(b, f->members[i].name);
        const char *x = app_json_scalar(in_a, x_buf, sizeof x_buf);
        const char *y = app_json_scalar(in_b, y_buf, sizeof y_buf);
        if ((in_a && !x) || (in_b && !y))
            return DF_ENOTSUP;
        if (x && y) {
            if (f->members[i].by(x, y, ret) != DF_OK)
                return DF_ENOTSUP;
        } else {
            *ret = (x != NULL) - (y != NULL);
        }
    }
    return DF_OK;
}

int kube_position_order(df_bytes a, df_bytes b, int *ret)
{
    char err[100];
    yyjson_doc *x, *y;
    int rc = DF_ENOTSUP;
    *ret = 0;
    if (a.len == b.len && !memcmp(a.data, b.data, a.len))
        return DF_OK;
    x = app_json_read(a.data, a.len, err, sizeof err);
    y = app_json_read(b.data, b.len, err, sizeof err);
    for (size_t i = 0; x && y && i < FORMS; i++) {
        if (yyjson_obj_get(yyjson_doc_get_root(x), forms[i].mark) &&
            yyjson_obj_get(yyjson_doc_get_root(y), forms[i].mark)) {
            rc = by_form(&forms[i], yyjson_doc_get_root(x), yyjson_doc_get_root(y), ret);
            break;
        }
    }
    yyjson_doc_free(x);
    yyjson_doc_free(y);
    return rc;
}
