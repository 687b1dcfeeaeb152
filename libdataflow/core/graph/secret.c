/* SPDX-License-Identifier: Apache-2.0
 * secret.c: secrets of one pipeline: the set of them, what each is made of, and texts that they
 * must not be seen in. */
#include <stdio.h>
#include <string.h>

#include "core/graph/secret_parts.h"
#include "util/buf.h"

static const df_secret none_secret;

df_secret *df__secret_none(void)
{
    return (df_secret *)(uintptr_t)&none_secret;
}

void df__secret_wipe(const df__heap *heap, void *data, size_t len)
{
    if (data) {
        explicit_bzero(data, len);
        df__free(heap, data);
    }
}

void df__answer_free(df_answer *a)
{
    df__secret_wipe(a->heap, a->data, a->len);
    a->data = NULL;
    a->len = 0;
}

int df_answer_set(df_answer *answer, const void *data, size_t len)
{
    char *copy;
    if (!answer || (!data && len))
        return DF_EINVAL;
    copy = df__strndup(answer->heap, data, len);
    if (!copy)
        return DF_ENOMEM;
    df__answer_free(answer);
    answer->data = copy;
    answer->len = len;
    return DF_OK;
}

df__secrets *df__secrets_new(const df__heap *heap, df_resolve_fn resolve, void *user)
{
    df__secrets *s = df__zalloc(heap, sizeof *s);
    if (!s)
        return NULL;
    s->heap = heap;
    s->resolve = resolve;
    s->user = user;
    s->end = &s->all;
    s->epoch = 1;
    pthread_mutex_init(&s->resolving, NULL);
    pthread_mutex_init(&s->lock, NULL);
    df__hidden_init(&s->hidden, heap);
    df__fence_init(&s->fence, heap, NULL, NULL);
    return s;
}

int df__secrets_limit(df__secrets *s, const char *files, const char *env_prefix)
{
    return df__fence_init(&s->fence, s->heap, files, env_prefix);
}

const df__fence *df__secrets_fence(const df__secrets *s)
{
    return &s->fence;
}

/* Wipes the literals too: they are the secret when it is written in the manifest. */
static void free_secret(df_secret *secret)
{
    df__part *p;
    for (p = secret->parts; p; p = p->next)
        if (p->literal.data)
            explicit_bzero((void *)(uintptr_t)p->literal.data, p->literal.len);
    df__answer_free(&secret->value);
    df__arena_free(&secret->arena);
    df__free(secret->set->heap, secret);
}

void df__secrets_free(df__secrets *s)
{
    if (!s)
        return;
    while (s->all) {
        df_secret *next = s->all->next;
        free_secret(s->all);
        s->all = next;
    }
    df__hidden_free(&s->hidden);
    df__fence_free(&s->fence);
    pthread_mutex_destroy(&s->resolving);
    pthread_mutex_destroy(&s->lock);
    df__free(s->heap, s);
}

/* ---- texts that must not leave --------------------------------------------------------------- */

int df__secrets_know(df__secrets *s, df_bytes value)
{
    return df__hidden_add(&s->hidden, value, 1);
}

void df__secrets_scrub(df__secrets *s, char *text)
{
    if (s)
        df__hidden_scrub(&s->hidden, text);
}

void df__secrets_vprintf(df__secrets *s, char *buf, size_t cap, const char *format, va_list args)
{
    va_list again;
    char *whole = NULL;
    int n;
    va_copy(again, args);
    n = vsnprintf(buf, cap, format, args);
    if (s && n > 0 && (size_t)n >= cap && (whole = df__alloc(s->heap, (size_t)n + 1))) {
        vsnprintf(whole, (size_t)n + 1, format, again);
        df__secrets_scrub(s, whole);
        df__text_set(buf, cap, whole, strlen(whole));
        df__secret_wipe(s->heap, whole, (size_t)n + 1);
    } else { /* it fits, or there is no memory: pieces are found too */
        df__text_set(buf, cap, buf, n < 0 ? 0 : strlen(buf));
        df__secrets_scrub(s, buf);
    }
    va_end(again);
}

void df__secrets_printf(df__secrets *s, char *buf, size_t cap, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    df__secrets_vprintf(s, buf, cap, format, args);
    va_end(args);
}

/* ---- a secret and its parts ------------------------------------------------------------------ */

static const char *copy_text(df__arena *a, const char *s)
{
    return s ? df__arena_bytes(a, s, strlen(s)) : NULL;
}

static int copy_ref(df__arena *a, const df_ref *in, df_ref *out)
{
    out->size = sizeof *out;
    out->kind = in->kind;
    out->space = copy_text(a, in->space);
    out->name = copy_text(a, in->name);
    out->key = copy_text(a, in->key);
    out->field = copy_text(a, in->field);
    return (in->space && !out->space) || (in->name && !out->name) || (in->key && !out->key) ||
                   (in->field && !out->field)
               ? DF_ENOMEM
               : DF_OK;
}

static int same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static int same_ref(const df_ref *a, const df_ref *b)
{
    return a->kind == b->kind && same_text(a->space, b->space) && same_text(a->name, b->name) &&
           same_text(a->key, b->key) && same_text(a->field, b->field);
}

static df_secret *new_secret(df__secrets *s, enum df__hide what)
{
    df_secret *secret = df__zalloc(s->heap, sizeof *secret);
    if (!secret)
        return NULL;
    secret->set = s;
    secret->what = what;
    secret->end = &secret->parts;
    secret->value.heap = s->heap;
    df__arena_init(&secret->arena, s->heap, 256);
    return secret;
}

static df__part *add_part(df_secret *secret, const df_ref *ref, df_bytes literal)
{
    df__part *p = df__arena_zalloc(&secret->arena, sizeof *p);
    if (!p)
        return NULL;
    if ((ref ? copy_ref(&secret->arena, ref, &p->ref)
             : df__arena_copy(&secret->arena, literal, &p->literal)) != DF_OK)
        return NULL;
    *secret->end = p;
    secret->end = &p->next;
    return p;
}

/* The secret is nothing but one reference. */
const df_ref *df__secret_only_ref(const df_secret *secret)
{
    const df__part *p = secret->parts;
    return p && !p->next && !p->literal.data && !p->fallback.data ? &p->ref : NULL;
}

static df_secret **bucket_of(df__secrets *s, const df_ref *ref)
{
    const unsigned char *c = (const unsigned char *)(ref->name ? ref->name : "");
    unsigned hash = (unsigned)ref->kind;
    for (; *c; c++)
        hash = hash * 33 + *c;
    return &s->buckets[hash % DF__SECRET_BUCKETS];
}

static void enlist(df__secrets *s, df_secret *secret)
{
    const df_ref *ref = df__secret_only_ref(secret);
    pthread_mutex_lock(&s->lock);
    *s->end = secret;
    s->end = &secret->next;
    if (ref) {
        df_secret **bucket = bucket_of(s, ref);
        secret->same = *bucket;
        *bucket = secret;
    }
    pthread_mutex_unlock(&s->lock);
}

/* A pipeline fills its options twice, for the check and for the run: one secret serves both. */
static df_secret *find_same(df__secrets *s, const df_ref *ref, enum df__hide what)
{
    df_secret *at;
    pthread_mutex_lock(&s->lock);
    for (at = *bucket_of(s, ref); at; at = at->same)
        if (at->what == what && same_ref(&at->parts->ref, ref))
            break;
    pthread_mutex_unlock(&s->lock);
    return at;
}

df_secret *df__secret_new(df__secrets *s, const df_ref *ref, df_bytes literal, enum df__hide what)
{
    df_secret *secret = ref ? find_same(s, ref, what) : NULL;
    if (secret)
        return secret;
    secret = new_secret(s, what);
    if (!secret)
        return NULL;
    if (!ref && !literal.data)
        literal.data = "";
    if (!add_part(secret, ref, literal) ||
        (!ref && df__hidden_add(&s->hidden, literal, what == DF__HIDE_ALL) != DF_OK)) {
        free_secret(secret);
        return NULL;
    }
    enlist(s, secret);
    return secret;
}

/* Adds the literal text before a reference and the reference itself. */
static int add_piece(df_secret *secret, df_bytes text)
{
    return !text.len || add_part(secret, NULL, text) ? DF_OK : DF_ENOMEM;
}

static int add_reference(df_secret *secret, df_bytes text, const df__reference *r,
                         const char *field)
{
    static const df_bytes none = {NULL, 0};
    const char *s = text.data;
    df_ref ref = {sizeof ref, r->kind, NULL, NULL, NULL, field};
    df__part *p;
    ref.name = df__arena_bytes(&secret->arena, s + r->name, r->name_len);
    p = ref.name ? add_part(secret, &ref, none) : NULL;
    if (!p)
        return DF_ENOMEM;
    if (!r->fallback)
        return DF_OK;
    return df__arena_copy(&secret->arena, (df_bytes){s + r->fallback, r->end - 1 - r->fallback},
                          &p->fallback);
}

static int add_template(df_secret *secret, df_bytes text, const char *field)
{
    df__reference r;
    size_t at = 0;
    char err[8];
    const char *s = text.data;
    while (df__reference_next(text, at, &r, err, sizeof err) == DF_OK) {
        static const df_bytes plain = {"${", 2};
        df_bytes before = {s + at, r.begin - at};
        if (add_piece(secret, before) != DF_OK ||
            (r.kind ? add_reference(secret, text, &r, field) : add_piece(secret, plain)) != DF_OK)
            return DF_ENOMEM;
        at = r.end;
    }
    text.data = s + at;
    text.len -= at;
    return add_piece(secret, text);
}

df_secret *df__secret_template(df__secrets *s, df_bytes text, const char *field, enum df__hide what)
{
    df_secret *secret = new_secret(s, what), *same;
    if (!secret)
        return NULL;
    if (add_template(secret, text, field) != DF_OK) {
        free_secret(secret);
        return NULL;
    }
    if (df__secret_only_ref(secret)) {
        same = find_same(s, df__secret_only_ref(secret), what);
        if (same) {
            free_secret(secret);
            return same;
        }
    }
    enlist(s, secret);
    return secret;
}

df_secret *df__secret_shown(df__arena *arena, df_bytes text)
{
    struct {
        df_secret secret;
        df__part only;
    } *both = df__arena_zalloc(arena, sizeof *both);
    if (!both || df__arena_copy(arena, text, &both->only.literal) != DF_OK)
        return NULL;
    both->secret.parts = &both->only;
    return &both->secret;
}

int df__secret_literal(const df_secret *secret, df_bytes *ret)
{
    const df__part *p = secret->parts;
    if (!p || p->next || !p->literal.data)
        return DF_ESTATE;
    *ret = p->literal;
    return DF_OK;
}

/* ---- its references -------------------------------------------------------------------------- */

/* The part that follows; a secret's own parts first. */
static void next_part(const df_secret **secret, const df__part **p)
{
    *p = *p ? (*p)->next : NULL;
    while (!*p && *secret) {
        *secret = (*secret)->next;
        *p = *secret ? (*secret)->parts : NULL;
    }
}

/* The list is read from its begin to its end, so the place of the last answer is kept. */
int df__secrets_ref_at(df__secrets *s, size_t index, df_ref *ret)
{
    int rc = DF_DONE;
    pthread_mutex_lock(&s->lock);
    if (!s->listed_part || index < s->listed_at) {
        s->listed = s->all;
        s->listed_part = s->all ? s->all->parts : NULL;
        s->listed_at = 0;
    }
    for (; s->listed_part; next_part(&s->listed, &s->listed_part)) {
        if (s->listed_part->literal.data)
            continue;
        if (s->listed_at == index) {
            *ret = s->listed_part->ref;
            rc = DF_OK;
            break;
        }
        s->listed_at++;
    }
    pthread_mutex_unlock(&s->lock);
    return rc;
}
