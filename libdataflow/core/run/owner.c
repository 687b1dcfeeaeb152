/* SPDX-License-Identifier: Apache-2.0
 * owner.c: the token of a partition's owner, from any thread of the source to the pipeline
 * thread. */
#include "core/run/owner.h"

#include <string.h>

#include "core/stage/stage.h"

static void put_owner(df_partition *part, char *text, size_t len)
{
    pthread_mutex_lock(&part->stage->lock);
    char *old = part->token.text;
    part->token.text = text;
    part->token.len = len;
    pthread_mutex_unlock(&part->stage->lock);
    df__free(part->heap, old);
}

int df_partition_owner(df_partition *part, df_bytes token)
{
    char *text = NULL;
    if (token.len) {
        text = df__alloc(part->heap, token.len);
        if (!text)
            return DF_ENOMEM;
        memcpy(text, token.data, token.len);
    }
    put_owner(part, text, token.len);
    return DF_OK;
}

int df__partition_owner(df_partition *part, char **ret_text, size_t *ret_len)
{
    int rc = DF_OK;
    *ret_text = NULL;
    *ret_len = 0;
    pthread_mutex_lock(&part->stage->lock);
    if (part->token.text) {
        *ret_text = df__alloc(part->heap, part->token.len);
        rc = *ret_text ? DF_OK : DF_ENOMEM;
    }
    if (*ret_text) {
        memcpy(*ret_text, part->token.text, part->token.len);
        *ret_len = part->token.len;
    }
    pthread_mutex_unlock(&part->stage->lock);
    return rc;
}
