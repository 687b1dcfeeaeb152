/* SPDX-License-Identifier: Apache-2.0
 * choose.c: a file as people keep it for kubectl: which of its documents is the flow, and which
 * Secrets stand beside it. */
#include <stdio.h>
#include <string.h>

#include "dfproc/dfproc.h"

/* "orders", or "shop/orders". */
static int is_named(const app_document *d, const char *name)
{
    const char *slash = strchr(name, '/');
    if (!slash)
        return !strcmp(d->name, name);
    return strlen(d->space) == (size_t)(slash - name) &&
           !strncmp(d->space, name, (size_t)(slash - name)) && !strcmp(d->name, slash + 1);
}

void dfproc_tell_left_out(const dfproc_flow *flow)
{
    for (size_t i = 0; i < flow->documents.count; i++) {
        const app_document *d = &flow->documents.rows[i];
        int secret = !strcmp(d->kind, "Secret");
        char text[600];
        if (d->is_flow || (secret && flow->secrets_from_file))
            continue;
        df__text_printf(text, sizeof text, "%s:%d:1: note: the %s %s is %s", flow->file, d->line,
                        d->kind, d->name,
                        secret ? "not read; --secrets-from-file takes it" : "left out");
        dfproc_note(text);
    }
}

int dfproc_take(dfproc_flow *flow, size_t index)
{
    const app_document *d = flow->documents.rows ? &flow->documents.rows[index] : NULL;
    df__buf *out = &flow->manifest;
    const char *text = flow->whole.data;
    flow->space = d ? d->space : "";
    df__buf_clear(out);
    if (flow->documents.count < 2) {
        df__buf_add(out, text, flow->whole.len);
    } else { /* the lines before stay as empty ones, so that each problem has its place */
        for (size_t i = 0; i < d->begin; i++)
            if (text[i] == '\n')
                df__buf_char(out, '\n');
        df__buf_add(out, text + d->begin, d->end - d->begin);
    }
    return out->failed ? dfproc_fail("out of memory") : EXIT_DONE;
}

size_t dfproc_flows(const dfproc_flow *flow)
{
    size_t count = 0;
    for (size_t i = 0; i < flow->documents.count; i++)
        count += flow->documents.rows[i].is_flow != 0;
    return count;
}

/* What --name would choose with it. */
static size_t count_named(const dfproc_flow *flow, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < flow->documents.count; i++)
        count += flow->documents.rows[i].is_flow && is_named(&flow->documents.rows[i], name);
    return count;
}

int dfproc_title(const dfproc_flow *flow, const app_document *d, char *buf, size_t len)
{
    df__text_printf(buf, len, "%s", d->name);
    if (*buf && count_named(flow, buf) == 1)
        return 1;
    df__text_printf(buf, len, "%s/%s", d->space, d->name);
    if (d->name[0] && d->space[0] && count_named(flow, buf) == 1)
        return 1;
    df__text_printf(buf, len, "%s%sthe flow of line %d", d->name, d->name[0] ? ", " : "", d->line);
    return 0;
}

/* "a, b and 3 more": the flows of the file, or what else is in it. */
static void list_documents(const dfproc_flow *flow, int flows, df__buf *out)
{
    char title[DFPROC_TITLE];
    size_t shown = 0;
    for (size_t i = 0; i < flow->documents.count; i++) {
        const app_document *d = &flow->documents.rows[i];
        if (d->is_flow != flows)
            continue;
        if (flows)
            dfproc_title(flow, d, title, sizeof title);
        if (++shown <= 10)
            df__buf_printf(out, "%s%s", shown > 1 ? ", " : "", flows ? title : d->kind);
    }
    if (shown > 10)
        df__buf_printf(out, " and %zu more", shown - 10);
}

/* found: how many flows have the name. */
static int fail_choice(const dfproc_flow *flow, const char *name, size_t found)
{
    df__buf list;
    size_t flows = dfproc_flows(flow);
    df__buf_init(&list, &df__heap_libc);
    list_documents(flow, flows != 0, &list);
    df__buf_cstr(&list);
    if (!flows)
        dfproc_fail("%s: no DataFlow in it, only: %s", flow->file, list.data ? list.data : "");
    else if (name && found)
        dfproc_fail(
            "%s: %zu flows are named \"%s\": give each a metadata.name of its own, or choose "
            "by NAMESPACE/NAME; its flows: %s",
            flow->file, found, name, list.data ? list.data : "");
    else if (name)
        dfproc_fail("%s: no flow is named \"%s\"; its flows: %s", flow->file, name,
                    list.data ? list.data : "");
    else
        dfproc_fail("%s: %zu flows in one file: --name chooses one of %s", flow->file, flows,
                    list.data ? list.data : "");
    df__buf_free(&list);
    return EXIT_USAGE;
}

int dfproc_choose(dfproc_flow *flow, const char *name)
{
    size_t found = 0, index = 0;
    if (flow->documents.count < 2 && !name)
        return dfproc_take(flow, 0);
    for (size_t i = 0; i < flow->documents.count; i++) {
        const app_document *d = &flow->documents.rows[i];
        if (!d->is_flow || (name && !is_named(d, name)))
            continue;
        index = i;
        found++;
    }
    if (found != 1)
        return fail_choice(flow, name, found);
    dfproc_tell_left_out(flow);
    return dfproc_take(flow, index);
}

/* ---- Secrets of the file --------------------------------------------------------------------- */

static const app_document *find_secret(const dfproc_flow *flow, const char *space, const char *name)
{
    if (!space || !*space)
        space = flow->space;
    for (size_t i = 0; flow->secrets_from_file && i < flow->documents.count; i++) {
        const app_document *d = &flow->documents.rows[i];
        if (!strcmp(d->kind, "Secret") && !strcmp(d->name, name) &&
            (!space || !*space || !d->space[0] || !strcmp(d->space, space)))
            return d;
    }
    return NULL;
}

const char *dfproc_secret_of_file(dfproc_flow *flow, const df_ref *ref, df__buf *out)
{
    const app_document *d = find_secret(flow, ref->space, ref->name);
    if (!d)
        return "";
    return app_document_secret(flow->whole.data, d, ref->key ? ref->key : "", out);
}

int dfproc_resolve(void *user, const df_ref *ref, df_answer *answer)
{
    dfproc_flow *flow = user;
    const char *why = "";
    size_t len;
    df__buf value;
    int rc = DF_ENOTFOUND;
    df__buf_init(&value, &df__heap_libc);
    if (ref->kind == DF_REF_SECRET)
        why = dfproc_secret_of_file(flow, ref, &value);
    if (!why)
        rc = value.failed ? DF_ENOMEM : df_answer_set(answer, value.data, value.len);
    else if (!*why)
        rc = df_resolve_process((void *)(uintptr_t)flow->secrets_dir, ref, answer);
    if (rc == DF_ENOTFOUND && ref->kind == DF_REF_ENV &&
        dfproc_env_find(flow, ref->name, &why, &len))
        rc = df_answer_set(answer, why, len);
    df__buf_wipe(&value);
    return rc;
}
