/* SPDX-License-Identifier: Apache-2.0
 * heap.c: the env's allocator, see heap.h. */
#include "util/heap.h"

#include <stdlib.h>
#include <string.h>

#include "dataflow.h"

#ifdef DF_CRASHPOINTS
#include <stdatomic.h>
#include <stdio.h>

/* In test builds DF_ALLOC_FAIL=n lets the n-th allocation of a program fail, and DF_ALLOC_REPORT
 * names a file that gets the number of its allocations. */
static atomic_long calls;
static long fail_at;

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("DF_ALLOC_FAIL");
    while (text && *text >= '0' && *text <= '9' && fail_at < 1000000000)
        fail_at = fail_at * 10 + (*text++ - '0');
}

__attribute__((destructor)) static void report(void)
{
    const char *path = getenv("DF_ALLOC_REPORT");
    FILE *f = path ? fopen(path, "ae") : NULL;
    if (!f)
        return;
    fprintf(f, "%ld\n", atomic_load(&calls));
    (void)fclose(f);
}

static int fails(void)
{
    return atomic_fetch_add(&calls, 1) + 1 == fail_at;
}
#else
static int fails(void)
{
    return 0;
}
#endif

static void *libc_realloc(void *user, void *old, size_t len)
{
    (void)user;
    if (len == 0) {
        free(old);
        return NULL;
    }
    return fails() ? NULL : realloc(old, len);
}

const df__heap df__heap_libc = {libc_realloc, NULL};

void *df__alloc(const df__heap *h, size_t len)
{
    return h->realloc(h->user, NULL, len ? len : 1);
}

void *df__zalloc(const df__heap *h, size_t len)
{
    void *p = df__alloc(h, len);
    if (p)
        memset(p, 0, len);
    return p;
}

void *df__realloc(const df__heap *h, void *old, size_t len)
{
    return h->realloc(h->user, old, len ? len : 1);
}

void df__free(const df__heap *h, void *p)
{
    if (p)
        h->realloc(h->user, p, 0);
}

char *df__strndup(const df__heap *h, const char *s, size_t len)
{
    char *p = df__alloc(h, len + 1);
    if (!p)
        return NULL;
    if (len)
        memcpy(p, s, len);
    p[len] = '\0';
    return p;
}

char *df__strdup(const df__heap *h, const char *s)
{
    return df__strndup(h, s, strlen(s));
}

int df__grow_more(const df__heap *h, void *array_ptr, size_t *cap, size_t size)
{
    void *old;
    void *grown;
    size_t want = *cap ? *cap * 2 : 8;
    if (want > SIZE_MAX / 2 / size)
        return DF_ENOMEM;
    memcpy(&old, array_ptr, sizeof old);
    grown = df__realloc(h, old, want * size);
    if (!grown)
        return DF_ENOMEM;
    memcpy(array_ptr, &grown, sizeof grown);
    *cap = want;
    return DF_OK;
}
