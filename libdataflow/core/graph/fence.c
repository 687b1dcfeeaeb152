/* SPDX-License-Identifier: Apache-2.0
 * fence.c: which files and variables a manifest may reach, see fence.h. */
#include "core/graph/fence.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/buf.h"

int df__fence_init(df__fence *f, const df__heap *heap, const char *files, const char *env_prefix)
{
    f->heap = heap;
    f->files = files ? df__strdup(heap, files) : NULL;
    f->env_prefix = env_prefix ? df__strdup(heap, env_prefix) : NULL;
    return (files && !f->files) || (env_prefix && !f->env_prefix) ? DF_ENOMEM : DF_OK;
}

void df__fence_free(df__fence *f)
{
    df__free(f->heap, f->files);
    df__free(f->heap, f->env_prefix);
}

static int is_link(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

/* Where the path leads. A file that is not there yet: where its folder does. A link that leads
 * nowhere leads nowhere. */
static int real_path(const char *path, char *ret)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (realpath(path, ret))
        return 1;
    if (slash && (!slash[1] || strcmp(slash, "/..") == 0 || strcmp(slash, "/.") == 0))
        return 0;
    if (df__text_set(folder, sizeof folder, slash ? path : ".",
                     !slash          ? 1
                     : slash == path ? 1
                                     : (size_t)(slash - path)) >= sizeof folder - 1)
        return 0;
    return !is_link(path) && realpath(folder, ret) != NULL;
}

int df__fence_file(const df__fence *f, const char *path)
{
    char inside[PATH_MAX], of[PATH_MAX];
    size_t len;
    if (!f->files)
        return 1;
    if (!realpath(f->files, of) || !real_path(path, inside))
        return 0;
    len = strlen(of);
    return strcmp(of, "/") == 0 ||
           (strncmp(inside, of, len) == 0 && (!inside[len] || inside[len] == '/'));
}

int df__fence_variable(const df__fence *f, const char *name)
{
    return !f->env_prefix || strncmp(name, f->env_prefix, strlen(f->env_prefix)) == 0;
}
