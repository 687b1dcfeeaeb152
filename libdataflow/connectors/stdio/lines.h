/* SPDX-License-Identifier: Apache-2.0
 * lines.h: the parts of the source: its buffer and lines (lines.c), the files that it reads one
 * after the other (follow.c), those that a rotation put aside (rotated.c). */
#ifndef DF_CONNECTORS_STDIO_LINES_H
#define DF_CONNECTORS_STDIO_LINES_H

#include "connectors/stdio/stdio.h"

/* Forgets what is buffered; reads on at a byte of the file, with the bytes before it at hand. */
int df__stdio_go_to(df__stdio_source *s, df_stage *st, uint64_t offset);
/* Reads once. DF_AGAIN: nothing there now. DF_DONE: the end. */
int df__stdio_fill(df__stdio_source *s, df_stage *st);
/* Takes whole lines out of the buffer while the batch has room. DF_AGAIN: no more are there. */
int df__stdio_take_lines(df__stdio_source *s, df_stage *st, df_batch *into);
/* The unfinished line at the end. `last`: nothing can follow it. */
int df__stdio_give_rest(df__stdio_source *s, df_stage *st, df_batch *into, int last);
/* Where reading can go on: a line's begin. */
df__stdio_place df__stdio_here(const df__stdio_source *s);

/* The file that is read now is another one. DF_EIO */
int df__stdio_enter(df__stdio_source *s, df_stage *st);
/* The newest file that was read when a record of that time was; 0: not known. */
int df__stdio_file_at(df__stdio_source *s, int64_t time_us, df__stdio_file *ret);
/* Goes to a position: in the open file, in one of the folder that is the position's, or by option
 * to the beginning of the open one. */
int df__stdio_go_back(df__stdio_source *s, df_stage *st, const df__stdio_place *to);
/* Looks whether another file took the path's place, at most five times a second. */
void df__stdio_look(df__stdio_source *s, df_stage *st);
/* 1: the file was cut off, and may have grown again, since its last bytes were read. */
int df__stdio_was_cut(const df__stdio_source *s);
/* At the end of the file. DF_OK: there is more to read; DF_AGAIN: not now; DF_DONE: nothing. */
int df__stdio_at_end(df__stdio_source *s, df_stage *st, df_batch *into);
void df__stdio_forget_next(df__stdio_source *s);
/* An open file waits for its turn; it is closed when too many do. */
void df__stdio_queue(df__stdio_source *s, int fd);
/* Queues what was rotated between two files of the path, oldest first; what cannot be read is told.
 * DF_AGAIN: `until` was rotated itself meanwhile, and nothing is queued. */
int df__stdio_queue_rotated(df__stdio_source *s, df_stage *st, int after, int until);
/* "app.log.1, app.log.2.gz": what lies beside the path; empty: nothing. */
void df__stdio_rotated_names(const char *path, char *buf, size_t len);

#endif
