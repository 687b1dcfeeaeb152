/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as the metrics of a pod: taken whole or not at all; what is written of it, with the
 * metrics of a good pod beside it, follows the format and loses none of the good pod's series. */
#include <stdlib.h>
#include <string.h>

#include "dfoperator/metrics/prom.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char good[] = "# HELP dataflow_a_total A.\n# TYPE dataflow_a_total counter\n"
                           "dataflow_a_total{b=\"c\"} 1\n";

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

static int count(void *user, const op_sample *s)
{
    df_bytes rest = s->labels, name, value;
    int labels = 0;
    while (op_prom_label(&rest, &name, &value))
        labels++;
    must(labels >= 3 && rest.len == 0);
    ++*(size_t *)user;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const op_prom_origin liar = {"n", "a", "p0", 0}, honest = {"n", "a", "p1", 1},
                         other = {"n", "a", "p2", 2};
    const char *why = NULL;
    size_t samples = 0;
    const op_prom_reader reader = {NULL, NULL, count, &samples};
    op_prom *p = op_prom_new();
    df__buf out;
    must(p != NULL);
    if (op_prom_add(p, (df_bytes){data, size}, &liar, &why) != 0)
        must(why != NULL);
    must(op_prom_add(p, (df_bytes){good, sizeof good - 1}, &honest, &why) == 0);
    must(op_prom_add(p, (df_bytes){good, sizeof good - 1}, &other, &why) == 0);
    df__buf_init(&out, &df__heap_libc);
    op_prom_write(p, &out);
    must(op_prom_read((df_bytes){out.data, out.len}, &reader) == 0);
    must(samples >= 2);
    must(memmem(out.data, out.len, "pod=\"p1\",b=\"c\"} 1\n", 18) != NULL);
    df__buf_free(&out);
    op_prom_free(p);
    return 0;
}
