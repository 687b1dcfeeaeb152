/* SPDX-License-Identifier: Apache-2.0
 * moment.h: wall-clock time as Kubernetes writes it, and how far the server's clock is from ours.
 * Leases are judged by another clock, which nobody sets: see lease.h. */
#ifndef APP_KUBE_MOMENT_H
#define APP_KUBE_MOMENT_H

#include <stdint.h>

enum { KUBE_MOMENT = 32 };

/* Microseconds since 1970. */
int64_t kube_wall_us(void);
/* A MicroTime: "2026-03-01T12:00:00.000001Z". */
void kube_moment_write(int64_t wall_us, char buf[KUBE_MOMENT]);
/* By how much the server's wall clock is ahead of a clock of ours, after a reply with this header
 * Date: it was written after `asked_us` and before `answered_us` of ours, in whole seconds. Moves
 * what was known before as little as that allows, and not at all when there is no date (NULL, or no
 * such text). */
int64_t kube_moment_ahead(int64_t ahead_us, const char *date, int64_t asked_us,
                          int64_t answered_us);

#endif
