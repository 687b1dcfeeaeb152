/* SPDX-License-Identifier: Apache-2.0
 * secret_value.c: the value of a secret: its parts resolved on use, in front of the fence, and kept
 * until the set is refreshed. */
#include <string.h>
#include <time.h>

#include "core/graph/secret_parts.h"
#include "util/buf.h"

/* What failed is a file, not a connection or a call. */
static const char *failure_text(const df_ref *ref, int status)
{
    static const char *const remedies[] = {
        [DF_REF_ENV] = "not found; set this environment variable",
        [DF_REF_FILE] = "not found; make this file, or name another",
        [DF_REF_SECRET] = "not found; mount this Secret, or name another key",
    };
    static const struct {
        int status;
        const char *text;
    } files[] = {
        {DF_EINVAL, "no plain file: a folder, a pipe or a device; name a file"},
        {DF_EAUTH, "this user may not read it"},
        {DF_ETOOBIG, "larger than 1 MiB"},
        {DF_EIO, "it cannot be read"},
    };
    for (size_t i = 0; ref->kind != DF_REF_ENV && i < sizeof files / sizeof *files; i++)
        if (files[i].status == status)
            return files[i].text;
    if (status == DF_ESTATE)
        return "its value holds a NUL character; a text cannot";
    return status == DF_ENOTFOUND ? remedies[ref->kind] : df_status_text(status);
}

static void describe_failure(const df_ref *ref, int status, char *err, size_t errlen)
{
    const char *why = failure_text(ref, status);
    if (ref->kind == DF_REF_SECRET)
        df__text_printf(err, errlen, "Secret %s%s%s, key %s: %s", ref->space ? ref->space : "",
                        ref->space ? "/" : "", ref->name, ref->key, why);
    else
        df__text_printf(err, errlen, "${%s:%s}: %s", ref->kind == DF_REF_ENV ? "env" : "file",
                        ref->name, why);
}

/* Hides the value of a reference in all texts from now on. A value from a file or a Secret is
 * hidden in any option; one from the environment only in an option for secrets, since others hold
 * plain settings. Where an option is secret in parts (DF_OPT_PARTS) and the value is all of its
 * text, the text is hidden as a whole here, and the connector names the parts. */
static int hide(df_secret *secret, const df__part *p, df_bytes value)
{
    int whole = secret->what == DF__HIDE_PARTS && df__secret_only_ref(secret);
    if (p->ref.kind == DF_REF_ENV && secret->what != DF__HIDE_ALL)
        return DF_OK;
    return df__hidden_add(&secret->set->hidden, value, !whole);
}

/* Grows, and wipes the old bytes. */
static void add_wiped(df__buf *out, df_bytes more)
{
    df__buf grown;
    if (out->cap - out->len < more.len) {
        df__buf_init(&grown, out->heap);
        df__buf_reserve(&grown, (out->len + more.len) * 2);
        df__buf_add(&grown, out->data ? out->data : "", out->len);
        df__secret_wipe(out->heap, out->data, out->cap);
        *out = grown;
    }
    df__buf_add(out, more.data, more.len);
}

static int is_refused(const df__secrets *s, const df_ref *ref, char *err, size_t errlen)
{
    if (ref->kind == DF_REF_ENV && !df__fence_variable(&s->fence, ref->name)) {
        df__text_printf(err, errlen,
                        "${env:%s}: only variables that begin with %s may be used "
                        "here",
                        ref->name, s->fence.env_prefix);
        return 1;
    }
    if (ref->kind == DF_REF_FILE && !df__fence_file(&s->fence, ref->name)) {
        df__text_printf(err, errlen, "${file:%s}: only files in %s may be used here", ref->name,
                        s->fence.files);
        return 1;
    }
    return 0;
}

/* Resolves one reference into `out`. */
static int resolve_part(df_secret *secret, const df__part *p, df__buf *out, char *err,
                        size_t errlen)
{
    df__secrets *s = secret->set;
    df_answer answer = {s->heap, NULL, 0};
    df_bytes value;
    int rc;
    if (p->literal.data) {
        add_wiped(out, p->literal);
        return DF_OK;
    }
    if (is_refused(s, &p->ref, err, errlen))
        return DF_EAUTH;
    rc = s->resolve ? s->resolve(s->user, &p->ref, &answer) : DF_ENOTSUP;
    if (p->fallback.data && (rc == DF_ENOTFOUND || (rc == DF_OK && !answer.len))) {
        add_wiped(out, p->fallback);
        rc = secret->what == DF__HIDE_ALL ? df__hidden_add(&s->hidden, p->fallback, 1) : DF_OK;
    } else if (rc == DF_OK) {
        value.data = answer.data ? answer.data : "";
        value.len = answer.len;
        rc = memchr(value.data, 0, value.len) ? DF_ESTATE : hide(secret, p, value);
        add_wiped(out, value);
    }
    df__answer_free(&answer);
    if (rc == DF_ENOTSUP)
        df__text_printf(err, errlen,
                        "references to environment, files and Secrets are refused "
                        "here: no resolver was given");
    else if (rc != DF_OK)
        describe_failure(&p->ref, rc, err, errlen);
    return rc;
}

/* A value that can change while the process runs is another one than before, or the first. */
static int is_news(const df_secret *secret, const df__buf *value)
{
    const df__part *p = secret->parts;
    while (p && (p->literal.data || p->ref.kind == DF_REF_ENV))
        p = p->next;
    return p && (!secret->epoch || secret->value.len != value->len ||
                 (value->len && memcmp(secret->value.data, value->data, value->len) != 0));
}

static void note_news(df__secrets *s)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    pthread_mutex_lock(&s->lock);
    s->since_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    pthread_mutex_unlock(&s->lock);
}

int64_t df__secrets_since(df__secrets *s)
{
    int64_t us;
    pthread_mutex_lock(&s->lock);
    us = s->since_us;
    pthread_mutex_unlock(&s->lock);
    return us;
}

static int resolve_all(df_secret *secret, char *err, size_t errlen)
{
    df__buf out;
    const df__part *p;
    int rc = DF_OK;
    df__buf_init(&out, secret->set->heap);
    for (p = secret->parts; p && rc == DF_OK; p = p->next)
        rc = resolve_part(secret, p, &out, err, errlen);
    if (rc == DF_OK && is_news(secret, &out))
        note_news(secret->set);
    if (rc == DF_OK)
        rc = out.failed ? DF_ENOMEM
                        : df_answer_set(&secret->value, out.data ? out.data : "", out.len);
    df__secret_wipe(out.heap, out.data, out.cap);
    return rc;
}

int df__secret_value(df_secret *secret, df_bytes *ret, char *err, size_t errlen)
{
    df__secrets *s = secret->set;
    unsigned epoch;
    int rc = DF_OK;
    if (!s) {
        df__text_printf(err, errlen, "secrets have no values during a check");
        return DF_ESTATE;
    }
    pthread_mutex_lock(&s->resolving);
    pthread_mutex_lock(&s->lock);
    epoch = s->epoch;
    pthread_mutex_unlock(&s->lock);
    if (secret->epoch != epoch) {
        rc = resolve_all(secret, err, errlen);
        if (rc == DF_OK)
            secret->epoch = epoch;
        else if (rc == DF_ENOMEM)
            df__text_printf(err, errlen, "out of memory");
    }
    pthread_mutex_unlock(&s->resolving);
    if (rc != DF_OK)
        return rc;
    ret->data = secret->value.data;
    ret->len = secret->value.len;
    return DF_OK;
}

void df__secrets_refresh(df__secrets *s)
{
    pthread_mutex_lock(&s->lock);
    s->epoch++;
    pthread_mutex_unlock(&s->lock);
}
