/* SPDX-License-Identifier: Apache-2.0
 * Every transform, as its vectors configure it, over hostile records: texts of any bytes, members
 * that share a name, huge names, deep nesting, values that JSON does not have. What is live
 * afterwards is JSON, and a batch of two means what its records mean one by one, parsed or edited
 * before or not. The first two bytes are the stage, the third the way; the rest is the text, or
 * what a text is made of. */
#include <stdlib.h>
#include <string.h>

#include "stages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static const fuzz_stage *stages;
static size_t count;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    stages = fuzz_stages(NULL, "t", &count);
    fuzz_must(count > 500);
    return 0;
}

/* The records of the ways, one by one (each = 1) or as one batch. */
static void run(const fuzz_stage *s, df_bytes payload, const int ways[2], int each, df__buf *ret)
{
    fuzz_record records[2];
    const fuzz_record *list[2] = {&records[0], &records[1]};
    for (int i = 0; i < 2; i++)
        fuzz_record_init(&records[i], payload, ways[i]);
    df__buf_init(ret, &df__heap_libc);
    if (each) {
        fuzz_run(s, &list[0], 1, ret);
        fuzz_run(s, &list[1], 1, ret);
    } else {
        fuzz_run(s, list, 2, ret);
    }
    fuzz_must(!ret->failed);
    for (int i = 0; i < 2; i++)
        df__arena_free(&records[i].arena);
}

static int same(const df__buf *a, const df__buf *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static void check(const fuzz_stage *s, df_bytes payload, int way)
{
    int plain = way <= FUZZ_EDITED, ways[2] = {way, plain ? FUZZ_RAW : way};
    int raw[2] = {FUZZ_RAW, FUZZ_RAW};
    df__buf both, each, unread;
    run(s, payload, ways, 0, &both);
    run(s, payload, ways, 1, &each);
    fuzz_must(DF__OP(s->stage->spec->transform, expand) ? both.len == each.len
                                                        : same(&both, &each));
    if (plain) {
        run(s, payload, raw, 1, &unread);
        fuzz_must(same(&each, &unread));
        df__buf_free(&unread);
    }
    df__buf_free(&both);
    df__buf_free(&each);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    const fuzz_stage *s = &stages[((size_t)data[0] | (size_t)data[1] << 8) % count];
    int way = data[2] % FUZZ_WAYS;
    if (data[2] & 64) {
        check(s, (df_bytes){data + 3, size - 3}, way);
        return 0;
    }
    fuzz_maker m = {.at = data + 3, .end = data + size, .of = s};
    df__buf_init(&m.text, &df__heap_libc);
    fuzz_value(&m, 0);
    fuzz_must(!m.text.failed);
    check(s, (df_bytes){m.text.data, m.text.len}, way);
    df__buf_free(&m.text);
    return 0;
}
