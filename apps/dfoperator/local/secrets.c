/* SPDX-License-Identifier: Apache-2.0
 * secrets.c: see secrets.h. One Secret after another is read. */
#include "dfoperator/local/secrets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dfoperator/object/tree.h"
#include "kube/apply.h"
#include "util/codec.h"

struct op_projection {
    op_projection_config config;
    char space[64], folder[OP_PLACE_PATH / 2];
    json_object *sources;
    size_t next;
    kube_request *request;
    kube_timer timer;
    int rc;
    char text[KUBE_TEXT];
};

void op_projection_cancel(op_projection *p)
{
    if (!p)
        return;
    kube_client_cancel(p->request);
    kube_timer_clear(&p->timer);
    json_object_put(p->sources);
    free(p);
}

static void fail(op_projection *p, int rc, const char *text)
{
    p->rc = rc;
    df__text_set(p->text, sizeof p->text, text, strlen(text));
}

/* One key of a Secret; a key that is not there takes its file away. */
static void write_item(op_projection *p, json_object *data, json_object *item)
{
    char name[OP_PLACE_PATH], err[200];
    json_object *value = NULL;
    df__buf plain;
    df__text_printf(name, sizeof name, "%s/%s", p->folder, op_text(item, "path"));
    if (!json_object_is_type(data, json_type_object) ||
        !json_object_object_get_ex(data, op_text(item, "key"), &value)) {
        op_place_remove(p->config.place, name);
        return;
    }
    df__buf_init(&plain, &df__heap_libc);
    if (df__base64_read(&plain, json_object_get_string(value),
                        (size_t)json_object_get_string_len(value)) ||
        op_place_write(p->config.place, name, (df_bytes){plain.data, plain.len})) {
        df__text_printf(err, sizeof err, "a file for a Secret: %s", strerror(errno));
        fail(p, DF_EIO, err);
    }
    df__buf_wipe(&plain);
}

static void write_source(op_projection *p, json_object *source, json_object *secret)
{
    json_object *items = op_get(source, "secret.items"), *data = op_get(secret, "data");
    size_t count =
        json_object_is_type(items, json_type_array) ? json_object_array_length(items) : 0;
    for (size_t i = 0; i < count; i++)
        write_item(p, data, json_object_array_get_idx(items, i));
}

static void on_secret(void *user, const kube_reply *reply)
{
    op_projection *p = user;
    json_object *secret = reply->rc == DF_OK ? json_tokener_parse(reply->body.data) : NULL;
    p->request = NULL;
    if (secret || reply->rc == DF_ENOTFOUND)
        write_source(p, json_object_array_get_idx(p->sources, p->next), secret);
    else
        fail(p, reply->rc == DF_OK ? DF_ENOMEM : reply->rc, reply->text);
    json_object_put(secret);
    p->next++;
    kube_timer_set(kube_client_loop(p->config.client), &p->timer, 0);
}

static void finish(op_projection *p)
{
    op_projection last = *p;
    json_object_put(p->sources);
    free(p);
    last.config.done(last.config.user, last.rc, last.text);
}

static void step(kube_timer *t)
{
    op_projection *p = t->user;
    kube_target at = {.api = "/api/v1", .plural = "secrets", .space = p->space};
    if (p->rc != DF_OK || p->next >= json_object_array_length(p->sources)) {
        finish(p);
        return;
    }
    at.name = op_text(json_object_array_get_idx(p->sources, p->next), "secret.name");
    p->request = kube_get(p->config.client, &at, (kube_then){.done = on_secret, .user = p});
    if (p->request)
        return;
    fail(p, DF_ENOMEM, "out of memory");
    finish(p);
}

op_projection *op_projection_start(const op_projection_config *config)
{
    op_projection *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    *p = (op_projection){.config = *config, .timer = {.fire = step, .user = p}};
    p->sources = config->sources ? json_object_get(config->sources) : json_object_new_array();
    df__text_set(p->space, sizeof p->space, config->space, strlen(config->space));
    df__text_set(p->folder, sizeof p->folder, config->folder, strlen(config->folder));
    kube_timer_set(kube_client_loop(config->client), &p->timer, 0);
    return p;
}
