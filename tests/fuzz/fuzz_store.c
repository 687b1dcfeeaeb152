/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as the two slots of a position store, with a true or a wrong checksum: it opens or is
 * refused as damaged, and what opened takes a row and gives it back after it was opened again.
 * Bytes: flags, length of the first slot, the slots. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/registry/env.h"
#include "core/graph/secret.h"
#include "util/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD = 24, PATH = 64 };
static char dir[PATH];

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

static void begin(void)
{
    snprintf(dir, sizeof dir, "%s/df-store-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    must(mkdtemp(dir) != NULL);
}

/* A whole head before the text, of generation g, or the bytes as they are. */
static void put(int slot, const uint8_t *data, size_t size, int g)
{
    char path[2 * PATH];
    uint8_t head[HEAD] = "DFSTATE1";
    uint32_t sum;
    int fd;
    snprintf(path, sizeof path, "%s/p.%d", dir, slot);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(fd >= 0);
    if (g > 0) {
        head[8] = (uint8_t)g;
        for (int i = 0; i < 4; i++)
            head[16 + i] = (uint8_t)(size >> 8 * i);
        sum = df__crc32c(df__crc32c(0, head, HEAD - 4), data, size);
        for (int i = 0; i < 4; i++)
            head[20 + i] = (uint8_t)(sum >> 8 * i);
        must(write(fd, head, HEAD) == HEAD);
    }
    must(write(fd, data, size) == (ssize_t)size);
    close(fd);
}

static void drop(int slot)
{
    char path[2 * PATH];
    snprintf(path, sizeof path, "%s/p.%d", dir, slot);
    unlink(path);
}

static int open_store(df_env *env, df_store *store)
{
    memset(store, 0, sizeof *store);
    store->size = sizeof *store;
    return df_store_file(env, dir, "p", store);
}

static void check(df_env *env)
{
    static const df_state row = {sizeof row, "stage", "part", {"position", 8}};
    struct df_answer answer = {.heap = &df__heap_libc};
    df_store store;
    int rc = open_store(env, &store);
    if (rc != DF_OK) {
        must(rc == DF_ESTATE && strstr(df_env_errmsg(env), "damaged") != NULL);
        return;
    }
    must(store.save(store.user, &row, 1) == DF_OK);
    store.user_free(store.user);
    must(open_store(env, &store) == DF_OK);
    must(store.load(store.user, row.stage, row.partition, &answer) == DF_OK);
    must(answer.len == 8 && memcmp(answer.data, row.data.data, 8) == 0);
    df__answer_free(&answer);
    store.user_free(store.user);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static df_env *env;
    size_t first;
    if (size < 3)
        return 0;
    if (!env) {
        begin();
        env = df_env_new(NULL);
        must(env != NULL);
    }
    first = data[1] | (size_t)data[2] << 8;
    if (first > size - 3)
        first = size - 3;
    drop(0);
    drop(1);
    if (data[0] & 1)
        put(0, data + 3, first, data[0] >> 2 & 7);
    if (data[0] & 2)
        put(1, data + 3 + first, size - 3 - first, data[0] >> 5 & 7);
    check(env);
    return 0;
}
