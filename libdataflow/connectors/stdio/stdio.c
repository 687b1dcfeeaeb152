/* SPDX-License-Identifier: Apache-2.0
 * stdio.c: the connector's table. One record a line, from and to files, pipes and terminals. */
#include "connectors/stdio/stdio.h"

#include <errno.h>
#include <string.h>

static const char *const formats[] = {"json", "text", NULL};

static const char *const invalid[] = {"error", "pass", NULL};
static const char *const replaced[] = {"begin", "stop", NULL};
static const char *const torn[] = {"auto", "cut", "end", NULL};

static const df_option source_rows[] = {
    {.name = "path",
     .type = DF_OPT_TEXT,
     .flags = DF_OPT_IDENTITY,
     .offset = offsetof(df__stdio_source, path),
     .doc = "File or named pipe to read; standard input when absent or \"-\"."},
    {.name = "format",
     .type = DF_OPT_ENUM,
     .offset = offsetof(df__stdio_source, format),
     .def = "json",
     .choices = formats,
     .doc = "json: one JSON value a line, blank lines are skipped; text: every line is a record."},
    {.name = "invalid",
     .type = DF_OPT_ENUM,
     .offset = offsetof(df__stdio_source, invalid),
     .def = "error",
     .choices = invalid,
     .doc = "A line that is not JSON, with format json. error: it is refused; pass: it goes on as "
            "it is."},
    {.name = "follow",
     .type = DF_OPT_BOOL,
     .offset = offsetof(df__stdio_source, follow),
     .def = "false",
     .doc = "Wait at the end of a file for more, and follow its path: a file that is renamed is "
            "read to its end before the one that takes its place, one that is cut off from its "
            "beginning."},
    {.name = "replaced",
     .type = DF_OPT_ENUM,
     .offset = offsetof(df__stdio_source, replaced),
     .def = "begin",
     .choices = replaced,
     .doc = "Another file is at the path than the one that was read before. begin: it is read "
            "from its beginning, with a warning; stop: the run ends."},
};
static const df_options source_options = DF_OPTIONS(source_rows, df__stdio_source);

static const df_option sink_rows[] = {
    {.name = "path",
     .type = DF_OPT_TEXT,
     .offset = offsetof(df__stdio_sink, path),
     .doc = "File or named pipe to write; standard output when absent or \"-\"."},
    {.name = "format",
     .type = DF_OPT_ENUM,
     .offset = offsetof(df__stdio_sink, format),
     .def = "json",
     .choices = formats,
     .doc = "json: a payload with line breaks is written compact; text: it is refused."},
    {.name = "append",
     .type = DF_OPT_BOOL,
     .offset = offsetof(df__stdio_sink, append),
     .def = "true",
     .doc = "Keep what the file holds; false empties it when the run starts."},
    {.name = "sync",
     .type = DF_OPT_BOOL,
     .offset = offsetof(df__stdio_sink, sync),
     .def = "false",
     .doc = "Wait for the disk after every parcel, not only at the end."},
    {.name = "tornLine",
     .type = DF_OPT_ENUM,
     .offset = offsetof(df__stdio_sink, torn),
     .def = "auto",
     .choices = torn,
     .doc =
         "What to do with a last line without line end, found when the file is opened. cut: "
         "it is cut off; end: it gets a line end; auto: cut with format json when it is a JSON "
         "text that breaks off, as a killed run leaves it, else end. While another process has the "
         "file open for writing nothing is cut off."},
};
static const df_options sink_options = DF_OPTIONS(sink_rows, df__stdio_sink);

extern const df_connector df_connector_stdio;
const df_connector df_connector_stdio = {
    .size = sizeof(df_connector),
    .name = "stdio",
    .doc = "Lines of files, pipes and terminals.",
    .source_size = sizeof(df__stdio_source),
    .sink_size = sizeof(df__stdio_sink),
    .source_flags = DF_CAN_REPLAY | DF_CAN_SLEEP,
    .source_options = &source_options,
    .sink_options = &sink_options,
    .source = &df__stdio_source_ops,
    .sink = &df__stdio_sink_ops,
};

int df__stdio_is_std(df_bytes path)
{
    return !path.data || path.len == 0 || (path.len == 1 && *(const char *)path.data == '-');
}

int df__stdio_open_failed(df_stage *st, df_bytes path, int error)
{
    char text[128];
    int status = DF_ESTATE;
    if (error == ENOENT || error == ENOTDIR)
        status = DF_ENOTFOUND;
    else if (error == EMFILE || error == ENFILE || error == EINTR || error == EIO ||
             error == ENOSPC || error == ENXIO || error == EAGAIN || error == ESTALE)
        status = DF_EIO;
    /* most often no fault of the disk: the unit of dfproc, or the image, lets it write elsewhere */
    return df_stage_failf(st, status, "open", "cannot open %.300s: %s%s", (const char *)path.data,
                          strerror_r(error, text, sizeof text),
                          error == EROFS ? " (of a service, ReadWritePaths= opens a folder; of a "
                                           "container, a volume)"
                                         : "");
}
