/* SPDX-License-Identifier: Apache-2.0
 * registry_reply.c: what a schema registry answers, as JSON. Every registry leaves out what it
 * likes: nothing but the braces is required here.
 */
#include <string.h>
#include <yyjson.h>

#include "registry_reply.h"
#include "util/heap.h"

static const char *text_at(yyjson_val *object, const char *name, size_t *ret_len)
{
    yyjson_val *v = yyjson_obj_get(object, name);
    if (ret_len)
        *ret_len = yyjson_get_len(v);
    return yyjson_get_str(v);
}

static int64_t number_at(yyjson_val *object, const char *name, int64_t none)
{
    yyjson_val *v = yyjson_obj_get(object, name);
    return yyjson_is_int(v) ? yyjson_get_sint(v) : none;
}

/* A text that is also a text of C. */
static int is_plain(const char *text, size_t len)
{
    return text != NULL && len > 0 && strlen(text) == len;
}

static int read_references(yyjson_val *list, df__kafka_reply *ret)
{
    size_t index, count, len;
    yyjson_val *one;
    if (!list || yyjson_is_null(list))
        return DF_OK;
    if (!yyjson_is_arr(list) || yyjson_arr_size(list) > DF__REPLY_REFERENCES)
        return DF_EDATA;
    ret->references =
        df__zalloc(&df__heap_libc, (yyjson_arr_size(list) + 1) * sizeof *ret->references);
    if (!ret->references)
        return DF_ENOMEM;
    yyjson_arr_foreach (list, index, count, one) {
        df__kafka_reference *reference = &ret->references[index];
        reference->subject = text_at(one, "subject", &len);
        reference->version = number_at(one, "version", -1);
        if (!is_plain(reference->subject, len) || reference->version < 0)
            return DF_EDATA;
    }
    ret->reference_count = count;
    return DF_OK;
}

int df__kafka_reply_read(df_bytes body, df__kafka_reply *ret)
{
    yyjson_doc *doc = body.len > 0 ? yyjson_read(body.data, body.len, 0) : NULL;
    yyjson_val *root = yyjson_doc_get_root(doc);
    *ret = (df__kafka_reply){.doc = doc, .id = -1, .version = -1, .type = "AVRO"};
    int rc = yyjson_is_obj(root) ? DF_OK : DF_EDATA;
    if (rc == DF_OK) {
        const char *type = text_at(root, "schemaType", NULL);
        ret->schema = text_at(root, "schema", &ret->schema_len);
        ret->type = type != NULL && *type != '\0' ? type : ret->type;
        ret->id = number_at(root, "id", -1);
        ret->version = number_at(root, "version", -1);
        ret->code = number_at(root, "error_code", 0);
        ret->message = text_at(root, "message", NULL);
        rc = read_references(yyjson_obj_get(root, "references"), ret);
    }
    if (rc != DF_OK)
        df__kafka_reply_free(ret);
    return rc;
}

void df__kafka_reply_free(df__kafka_reply *reply)
{
    df__free(&df__heap_libc, reply->references);
    yyjson_doc_free(reply->doc);
    *reply = (df__kafka_reply){.id = -1, .version = -1};
}
