/* SPDX-License-Identifier: Apache-2.0
 * signal.c: what a port tells its host: its descriptor, and the text of a failure. */
#include "core/port/port.h"

#include <unistd.h>

void df__port_signal(df_port *port)
{
    uint64_t one = 1;
    int want = port->ports->ended;
    if (port->mode == DF_FEED)
        want |= port->slot->row_bytes < port->limit;
    else
        want |= (port->mode == DF_TAKE ? &port->slot->waiting : &port->tapped)->first != NULL;
    if (want == port->fd_set)
        return;
    if (want ? write(port->fd, &one, sizeof one) : read(port->fd, &one, sizeof one))
        port->fd_set = want;
}

int df__port_fail(df_port *port, int status, const char *text)
{
    if (port)
        port->error = text;
    return status;
}
