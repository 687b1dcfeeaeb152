/* SPDX-License-Identifier: Apache-2.0
 * window.h: maintenance windows: when the next edge is, and whether one is open.
 *
 * A window begins at startTime. `repeat` opens it again at the same clock time of `timezone`: each
 * day, each seventh day, or each month on the same day (the last one of a shorter month). None
 * opens before startTime. A clock time that a change of the clock leaves out, or that comes twice,
 * is the moment that Go's time.Date answers: once per day in any case. */
#ifndef DFOPERATOR_WINDOW_H
#define DFOPERATOR_WINDOW_H

#include <json-c/json.h>
#include <stdint.h>

enum { OP_WINDOW_TEXT = 320 };

typedef struct op_window {
    int suspended;  /* stopped by hand: the window does not matter */
    int inside;     /* a window is open */
    int64_t last_s; /* start of the open or the last window; INT64_MIN: none was */
    int64_t next_s; /* start of the next one; INT64_MAX: none will be */
    int64_t edge_s; /* when `inside` has to be asked again; INT64_MAX: never */
} op_window;

/* `maintenance`: spec.maintenance, NULL: no window. Seconds since 1970. -1: it makes no sense or
 * its zone cannot be loaded; a line in err, and `suspended` is known all the same. */
int op_window_at(json_object *maintenance, int64_t now_s, op_window *ret, char err[OP_WINDOW_TEXT]);

#endif
