/* SPDX-License-Identifier: Apache-2.0
 * listen.h: a listening socket from an address as people write it. */
#ifndef APP_LISTEN_H
#define APP_LISTEN_H

#include <stddef.h>

enum { APP_ADDRESS = 80 };

/* ":9090" (all interfaces), "HOST:PORT", "[::1]:PORT" or "PORT" (loopback); port 0 takes a free
 * one. The descriptor, or with one line in `err`: -1, or -2 when the address makes no sense. */
int app_listen(const char *address, char *err, size_t err_len);
/* Where it can be reached: "127.0.0.1:9090"; "localhost:9090" when on all interfaces. */
void app_listen_name(int fd, char *buf, size_t len);

#endif
