/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as the answer of a token endpoint: a token, which is a text with a life, or a reason
 * that repeats nothing of the answer. The first byte chooses the status. */
#include <string.h>

#include "net/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 201, 400, 401, 403, 404, 429, 500, 503};
    df__token token = {.rc = DF_OK};
    int status;
    if (!size)
        return 0;
    status = statuses[data[0] % (sizeof statuses / sizeof *statuses)];
    df__buf_init(&token.value, &df__heap_libc);
    if (df__token_read("https://h/t", status, (df_bytes){data + 1, size - 1}, &token) == DF_OK) {
        must(status < 300 && token.value.len > 0 && token.life_us >= 1000000);
        must(strlen(token.value.data) == token.value.len);
    } else {
        must(token.text[0] && !strncmp(token.text, "the token endpoint https://h/t ", 31));
    }
    df__token_free(&token);
    return 0;
}
