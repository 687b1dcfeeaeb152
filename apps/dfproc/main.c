/* SPDX-License-Identifier: Apache-2.0
 * main.c: entry of dfproc: one thing to set right, then the command of the line. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include "dfproc/dfproc.h"

/* A standard descriptor that was closed is taken by one that fails with EBADF, so that no socket
 * or file of the flow gets its number and the records with it. */
static void fill_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

int main(int argc, char **argv)
{
    int rc;
    mallopt(M_ARENA_MAX, 2);
    fill_descriptors();
    rc = app_dispatch(&dfproc_program, argc, argv);
    if (dfproc_left_behind()) /* a library still runs: what exit would tear down is in use */
        _exit(rc);
    return rc;
}
