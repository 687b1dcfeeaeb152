/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a file of lines: what one run, or two runs that stop in between, copy from file to
 * file is what was read, line by line. First byte: format, and after how many records to stop. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataflow.h"
#include "util/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PATH = 64 };
static char dir[PATH], in_path[2 * PATH], out_path[2 * PATH];

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

static void begin(void)
{
    snprintf(dir, sizeof dir, "%s/df-lines-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    must(mkdtemp(dir) != NULL);
    snprintf(in_path, sizeof in_path, "%s/in", dir);
    snprintf(out_path, sizeof out_path, "%s/out", dir);
}

static void put(const char *path, const void *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(fd >= 0 && write(fd, data, size) == (ssize_t)size && close(fd) == 0);
}

static int is_blank(const uint8_t *line, size_t len)
{
    size_t i = 0;
    while (i < len && (line[i] == ' ' || line[i] == '\t' || line[i] == '\r'))
        i++;
    return i == len;
}

/* What must come out: every line with a line end; as json without the blank ones. */
static void expect(df__buf *out, const uint8_t *data, size_t size, int text)
{
    while (size > 0) {
        const uint8_t *nl = memchr(data, '\n', size);
        size_t len = nl ? (size_t)(nl - data) : size, whole = len + (nl != NULL);
        if (text || !is_blank(data, len)) {
            df__buf_add(out, data, len);
            df__buf_char(out, '\n');
        }
        data += whole;
        size -= whole;
    }
}

/* Two runs share a store: the second goes on where the first one stopped. */
static void copy(df_env *env, const char *format, uint64_t limit)
{
    char text[8 * PATH];
    df_text manifest = {sizeof manifest, "f.yaml", text, 0};
    df_store store = {.size = sizeof store};
    df_pipeline_options with = {.size = sizeof with, .name = "p", .store = &store};
    df_run_options run = {.size = sizeof run, .until_exhausted = 1, .limit = limit};
    df_pipeline *p;
    manifest.len = (size_t)snprintf(text, sizeof text,
                                    "source: {type: stdio, config: {path: %s, format: %s, "
                                    "invalid: pass}}\n"
                                    "sink: {type: stdio, config: {path: %s, format: %s}}\n",
                                    in_path, format, out_path, format);
    must(df_store_file(env, dir, "p", &store) == DF_OK);
    p = df_pipeline_new(env, &with);
    must(p != NULL && df_pipeline_load(p, &manifest) == DF_OK);
    must(df_pipeline_run(p, &run) == DF_OK);
    df_pipeline_free(p);
}

static void check(const df__buf *want)
{
    char *got = malloc(want->len + 1);
    int fd = open(out_path, O_RDONLY | O_CLOEXEC);
    must(got != NULL && fd >= 0);
    must(read(fd, got, want->len + 1) == (ssize_t)want->len);
    must(want->len == 0 || memcmp(got, want->data, want->len) == 0);
    close(fd);
    free(got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char slot[2 * PATH];
    df__buf want;
    df_env *env;
    if (size < 1)
        return 0;
    if (!dir[0])
        begin();
    if (size >= 4 && memcmp(data + 1, "\xef\xbb\xbf", 3) == 0)
        return 0; /* a byte order mark is no part of a line */
    if (size > 1 && data[size - 1] != '\n')
        return 0; /* an unfinished line waits: the model test of the connector has those */
    put(in_path, data + 1, size - 1);
    put(out_path, "", 0);
    df__buf_init(&want, &df__heap_libc);
    expect(&want, data + 1, size - 1, data[0] & 1);
    env = df_env_new(NULL);
    must(env != NULL);
    if (data[0] >> 1)
        copy(env, data[0] & 1 ? "text" : "json", data[0] >> 1);
    copy(env, data[0] & 1 ? "text" : "json", 0);
    df_env_free(env);
    check(&want);
    df__buf_free(&want);
    for (int i = 0; i < 2; i++) {
        snprintf(slot, sizeof slot, "%s/p.%d", dir, i);
        unlink(slot);
    }
    return 0;
}
