/* SPDX-License-Identifier: Apache-2.0
 * probe.c: whether a path can be read, or written, without opening it: a pipe would notice. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "connectors/stdio/stdio.h"

int df__stdio_probe(df_stage *st, df_bytes path, int mode)
{
    struct stat info;
    char folder[PATH_MAX];
    const char *name = path.data;
    int is_there;
    if (df__stdio_is_std(path)) {
        df_stage_foundf(st, "standard %s", mode == R_OK ? "input" : "output");
        return DF_OK;
    }
    if (df_stage_file(st, name) != DF_OK)
        return DF_EAUTH;
    is_there = stat(name, &info) == 0;
    if (!is_there && (errno != ENOENT || mode == R_OK))
        return df__stdio_open_failed(st, path, errno);
    if (is_there && S_ISDIR(info.st_mode))
        return df__stdio_open_failed(st, path, EISDIR);
    df__stdio_folder(name, folder, sizeof folder);
    if (faccessat(AT_FDCWD, is_there ? name : folder, is_there ? mode : W_OK | X_OK, AT_EACCESS))
        return df__stdio_open_failed(st, path, errno);
    if (is_there)
        df_stage_foundf(st, "%.300s can be %s", name, mode == R_OK ? "read" : "written");
    else
        df_stage_foundf(st, "%.300s is not there; a run makes it", name);
    return DF_OK;
}
