/* SPDX-License-Identifier: Apache-2.0
 * moment.h: wall-clock time as Kubernetes writes it. It is for people and for other programs to
 * compare; nothing of ours is decided by it. */
#ifndef APP_KUBE_MOMENT_H
#define APP_KUBE_MOMENT_H

#include <stdint.h>

enum { KUBE_MOMENT = 32 };

/* Microseconds since 1970. */
int64_t kube_wall_us(void);
/* A MicroTime: "2026-03-01T12:00:00.000001Z". */
void kube_moment_write(int64_t wall_us, char buf[KUBE_MOMENT]);

#endif
