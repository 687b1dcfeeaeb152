/* SPDX-License-Identifier: Apache-2.0
 * junit.c: results of `dfproc test` as JUnit XML. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dfproc/cases.h"

/* XML has no way to write most control characters. */
static void add_escaped(df__buf *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        unsigned char ch = (unsigned char)*p;
        if (ch < 0x20 && ch != '\n' && ch != '\t')
            df__buf_char(out, '?');
        else if (strchr("<>&\"", *p))
            df__buf_printf(out, "&#%d;", ch);
        else
            df__buf_char(out, *p);
    }
}

static void add_case(df__buf *out, const dfproc_result *r)
{
    df__buf_str(out, "  <testcase classname=\"dfproc\" name=\"");
    add_escaped(out, r->name);
    df__buf_printf(out, "\" time=\"%.3f\"", r->seconds);
    if (!r->why.len) {
        df__buf_str(out, "/>\n");
        return;
    }
    df__buf_str(out, "><failure message=\"not as expected\">");
    add_escaped(out, r->why.data);
    df__buf_str(out, "</failure></testcase>\n");
}

int dfproc_junit_write(const char *path, const dfproc_result *rows, size_t count)
{
    df__buf out;
    FILE *file;
    size_t failures = 0;
    int ok;
    for (size_t i = 0; i < count; i++)
        failures += rows[i].why.len > 0;
    df__buf_init(&out, &df__heap_libc);
    df__buf_printf(&out,
                   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                   "<testsuite name=\"dfproc\" tests=\"%zu\" failures=\"%zu\">\n",
                   count, failures);
    for (size_t i = 0; i < count; i++)
        add_case(&out, &rows[i]);
    df__buf_str(&out, "</testsuite>\n");
    file = out.failed ? NULL : fopen(path, "w");
    ok = file && fwrite(out.data, 1, out.len, file) == out.len;
    ok = file && !fclose(file) && ok;
    df__buf_free(&out);
    return ok ? EXIT_DONE : dfproc_fail("%s: %s", path, strerror(errno));
}
