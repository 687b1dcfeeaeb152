/* SPDX-License-Identifier: Apache-2.0
 * table.c: the table of the HTTP client. */
#include "net/calls.h"

const df__net_calls df__net_table = {
    .size = sizeof df__net_table,
    .version = DF_VERSION,
    .new_client = df__http_new,
    .free_client = df__http_free,
    .fd = df__http_fd,
    .timeout_ms = df__http_timeout_ms,
    .drive = df__http_drive,
    .start = df__http_start,
    .errmsg = df__http_errmsg,
    .done = df__http_done,
    .reply_of = df__http_reply_of,
    .header_of = df__http_header_of,
    .resume = df__http_resume,
    .cancel = df__http_cancel,
    .end = df__http_end,
    .wait = df__http_wait,
    .token_fetch = df__token_fetch,
    .token_free = df__token_free,
};
