/* SPDX-License-Identifier: Apache-2.0
 * compare.c: what a test case expected against what arrived. */
#include <string.h>

#include "common/diff.h"
#include "dfproc/cases.h"

static void pretty_payload(df__buf *out, df_bytes payload)
{
    char err[200];
    yyjson_doc *doc =
        payload.data ? app_json_read(payload.data, payload.len, err, sizeof err) : NULL;
    if (!payload.data)
        df__buf_str(out, "(no payload)");
    else if (doc)
        app_json_pretty(out, yyjson_doc_get_root(doc), 0);
    else
        df__buf_add(out, payload.data, payload.len);
    df__buf_char(out, '\n');
    yyjson_doc_free(doc);
}

/* Text means these bytes, null a tombstone; all else is compared as JSON. */
static int payload_matches(yyjson_val *expected, const dfproc_seen *seen, int partial)
{
    char err[200];
    yyjson_doc *doc;
    df__buf text;
    df_bytes bytes;
    int same;
    if (yyjson_is_null(expected) || !seen->payload)
        return yyjson_is_null(expected) && !seen->payload;
    if (dfproc_cases_exact(expected)) {
        df__buf_init(&text, &df__heap_libc);
        bytes = dfproc_cases_payload(expected, &text);
        same = bytes.data && bytes.len == seen->payload_len &&
               !memcmp(bytes.data, seen->payload, bytes.len);
        df__buf_free(&text);
        return same;
    }
    doc = app_json_read(seen->payload, seen->payload_len, err, sizeof err);
    same = doc && app_json_matches(expected, yyjson_doc_get_root(doc), partial);
    yyjson_doc_free(doc);
    return same;
}

static void add_difference(df__buf *why, yyjson_val *expected, const dfproc_seen *seen, int colour)
{
    app_diff how = {"    ", colour, 3};
    df__buf a, b, text;
    df_bytes bytes;
    df__buf_init(&a, &df__heap_libc);
    df__buf_init(&b, &df__heap_libc);
    df__buf_init(&text, &df__heap_libc);
    if (expected)
        pretty_payload(&a, dfproc_cases_payload(expected, &text));
    if (seen) {
        bytes.data = seen->payload;
        bytes.len = seen->payload_len;
        pretty_payload(&b, bytes);
    }
    if (df__buf_cstr(&a) && df__buf_cstr(&b) && !app_diff_lines(why, a.data, b.data, &how))
        df__buf_str(why, "    the bytes differ, but not as JSON\n");
    df__buf_free(&a);
    df__buf_free(&b);
    df__buf_free(&text);
}

typedef struct rules {
    int partial, colour;
} rules;

static void compare_port(df__buf *why, const dfproc_watch *w, yyjson_val *list, const rules *how)
{
    size_t expected = yyjson_arr_size(list), most = expected > w->count ? expected : w->count;
    if (expected != w->count)
        df__buf_printf(why, "  %s: %zu record%s expected, %zu came\n", w->stage, expected,
                       DF__PLURAL(expected), w->count);
    for (size_t i = 0; i < most; i++) {
        yyjson_val *want = i < expected ? yyjson_arr_get(list, i) : NULL;
        const dfproc_seen *seen = i < w->count ? &w->rows[i] : NULL;
        if (want && seen && payload_matches(want, seen, how->partial))
            continue;
        df__buf_printf(why, "  %s, record %zu (- expected, + came)\n", w->stage, i + 1);
        add_difference(why, want, seen, how->colour);
    }
}

static const dfproc_watch *watch_of(const dfproc_capture *c, const char *stage)
{
    for (size_t i = 0; i < c->count; i++)
        if (!strcmp(c->watches[i].stage, stage))
            return &c->watches[i];
    return NULL;
}

void dfproc_cases_compare(df__buf *why, const dfproc_capture *c, yyjson_val *one, int colour)
{
    yyjson_val *expect = yyjson_obj_get(one, "expect"), *name, *list;
    rules how = {app_json_true(one, "partial"), colour};
    size_t at, count;
    yyjson_obj_foreach (expect, at, count, name, list)
        if (!watch_of(c, yyjson_get_str(name)))
            df__buf_printf(why, "  there is no sink \"%s\"; dfproc explain lists them\n",
                           yyjson_get_str(name));
        else if (!yyjson_is_arr(list))
            df__buf_printf(why, "  expect.%s is not a list of payloads\n", yyjson_get_str(name));
    for (size_t i = 0; i < c->count; i++) {
        list = yyjson_obj_get(expect, c->watches[i].stage);
        if (list || (!how.partial && yyjson_is_obj(expect)))
            compare_port(why, &c->watches[i], list, &how);
    }
}
