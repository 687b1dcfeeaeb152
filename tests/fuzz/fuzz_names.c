/* SPDX-License-Identifier: Apache-2.0
 * Masks and removes over members that share a name: a path and a JSON text are made of the bytes,
 * and wherever the path may lead, whichever of the members counts, a secret is planted. Once the
 * value is masked or removed, no byte of it is left in the payload. */
#include <stdlib.h>
#include <string.h>

#include "record/record.h"
#include "util/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS = 4, DEEP = 6, SECRET_SHORT = 12 };
static const char secret[] = "\"S3CR3T-V4LU3\"";

typedef struct maker {
    const uint8_t *at, *end;
    int steps[STEPS], count; /* 0, 1, 2: a name; 3: all; 4: the first element */
    df__buf text;
} maker;

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

static unsigned next(maker *m)
{
    return m->at < m->end ? *m->at++ : 0;
}

/* The step that the path needs here leads to member `name` or, when that is negative, element
 * -1 - `name`. */
static int leads(const maker *m, int depth, int name)
{
    int step = m->steps[depth];
    return step == 3 || (name >= 0 ? step == name : step == 4 && name == -1);
}

static void add_name(df__buf *text, unsigned i, int name)
{
    df__buf_str(text, i ? "," : "");
    if (name >= 0)
        df__buf_printf(text, "\"%c\":", 'a' + name);
}

/* on: the way to here is the beginning of the path. */
static void make(maker *m, int depth, int on)
{
    unsigned kind = next(m), i;
    int hit = on && depth >= m->count, object = kind & 1;
    if (depth == DEEP || kind % 8 > 5 || (depth && m->at == m->end)) {
        df__buf_str(&m->text, hit ? secret : kind & 8 ? "null" : "1");
        return;
    }
    df__buf_char(&m->text, object ? '{' : '[');
    for (i = 0; i < (kind >> 4) % 5; i++) {
        int name = object ? (int)(next(m) % 3) : -1 - (int)i;
        add_name(&m->text, i, name);
        make(m, depth + 1, on && (hit || leads(m, depth, name)));
    }
    df__buf_char(&m->text, object ? '}' : ']');
}

static df_path *make_path(maker *m)
{
    static const char *const words[] = {".a", ".b", ".c", ".*", "[0]"};
    char text[STEPS * 4 + 2] = "$";
    df__error err;
    m->count = 1 + (int)(next(m) % STEPS);
    for (int i = 0; i < m->count; i++) {
        m->steps[i] = (int)(next(m) % 5);
        strncat(text, words[m->steps[i]], 3);
    }
    return df__path_compile(&df__heap_libc, (df_bytes){text, strlen(text)}, &err);
}

/* As the transforms do it: what is not there is left, which joins the names on the way. */
static void change(const maker *m, const df_path *path, int mask)
{
    df_value found, stars = {.type = DF_V_STRING, .text = "***", .len = 3}, put = {0};
    df__arena a;
    df_record r;
    df_bytes out;
    int rc;
    memset(&r, 0, sizeof r);
    df__arena_init(&a, &df__heap_libc, 1024);
    r.arena = &a;
    r.payload = (df_bytes){m->text.data, m->text.len};
    must(df_record_get(&r, path, &found) == DF_OK);
    if (mask)
        put = stars;
    if (mask && found.type == DF_V_ABSENT)
        put.type = DF_V_UNCHANGED;
    rc = df_record_set(&r, path, &put);
    must(rc == DF_OK);
    must(df_record_payload(&r, &out) == DF_OK);
    must(memmem(out.data, out.len, secret + 1, SECRET_SHORT) == NULL);
    df__arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    maker m = {.at = data, .end = data + size};
    df_path *path = make_path(&m);
    must(path != NULL);
    df__buf_init(&m.text, &df__heap_libc);
    make(&m, 0, 1);
    must(!m.text.failed);
    change(&m, path, 1);
    change(&m, path, 0);
    df_path_free(path);
    df__buf_free(&m.text);
    return 0;
}
