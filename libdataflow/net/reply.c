/* SPDX-License-Identifier: Apache-2.0
 * reply.c: what is known of a reply, and what is said of it. */
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "net/net.h"

int df__http_done(const df__http_request *r)
{
    return r->done;
}

const df__http_reply *df__http_reply_of(const df__http_request *r)
{
    return &r->reply;
}

const char *df__http_header_of(const df__http_request *r, const char *name, size_t index)
{
    const char *at = r->head.data, *end = at ? at + r->head.len : NULL;
    while (at < end) {
        const char *value = at + strlen(at) + 1;
        if (!strcasecmp(at, name) && index-- == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}

void df__http_say(df__http_request *r, const char *format, ...)
{
    char url[DF_NET_TEXT / 2], what[DF_NET_TEXT];
    va_list args;
    va_start(args, format);
    df__text_vprintf(what, sizeof what, format, args);
    va_end(args);
    df__http_shown_url(r->url, url, sizeof url);
    df__text_printf(r->text, sizeof r->text, "%s %s: %s", r->method, url, what);
    r->reply.text = r->text;
}
