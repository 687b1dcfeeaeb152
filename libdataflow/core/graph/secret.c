/* SPDX-License-Identifier: Apache-2.0
 * secret.c: secrets of one pipeline: resolved on use, wiped when freed, scrubbed from texts. */
#include "core/graph/secret.h"

#include <stdio.h>
#include <string.h>

#include "core/graph/hidden.h"
#include "util/buf.h"

enum { BUCKETS = 256 };

typedef struct part { /* of a secret's text: a literal piece or a reference */
    struct part *next;
    df_ref ref;
    df_bytes literal;  /* data NULL: the reference */
    df_bytes fallback; /* ${env:NAME:-fallback}; data NULL: none */
} part;

struct df_secret {
    df_secret *next, *same; /* same: in the bucket of its only reference */
    df__secrets *set;
    enum df__hide what; /* of it is hidden */
    df__arena arena;    /* parts and their texts */
    part *parts, **end;
    df_answer value;
    unsigned epoch; /* of the set when value was resolved; 0: never */
};

struct df__secrets {
    const df__heap *heap;
    df_resolve_fn resolve;
    void *user;
    pthread_mutex_t resolving; /* one call of the resolver at a time */
    pthread_mutex_t lock;      /* the lists */
    df_secret *all, **end;
    df_secret *buckets[BUCKETS];
    const df_secret *listed; /* by df__secrets_ref_at: the part that is its index `listed_at` */
    const part *listed_part;
    size_t listed_at;
    df__hidden hidden;
    df__fence fence;
    unsigned epoch;
};

static const df_secret none_secret;

df_secret *df__secret_none(void)
{
    return (df_secret *)(uintptr_t)&none_secret;
}

static void wipe(const df__heap *heap, void *data, size_t len)
{
    if (data) {
        explicit_bzero(data, len);
        df__free(heap, data);
    }
}

void df__answer_free(df_answer *a)
{
    wipe(a->heap, a->data, a->len);
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
    part *p;
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

/* ---- texts that must not leave ------------------------------------------------------------ */

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
    if (s && n > 0 && (size_t)n >= cap && (whole = df__alloc(s->heap, (size_t)n + 1)) != NULL) {
        vsnprintf(whole, (size_t)n + 1, format, again);
        df__secrets_scrub(s, whole);
        df__text_set(buf, cap, whole, strlen(whole));
        wipe(s->heap, whole, (size_t)n + 1);
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

/* ---- references --------------------------------------------------------------------------- */

static int is_name_char(char c, int first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (!first && c >= '0' && c <= '9');
}

static int check_name(const char *s, const df__reference *r, char *err, size_t errlen)
{
    size_t i;
    for (i = 0; i < r->name_len; i++) {
        if (r->kind == DF_REF_ENV && !is_name_char(s[r->name + i], i == 0)) {
            df__text_printf(err, errlen,
                            "${env:...} needs a name of letters, digits and _, with :- before a "
                            "default");
            return DF_ESPEC;
        }
    }
    if (r->name_len > 0)
        return DF_OK;
    df__text_printf(err, errlen, "the reference ${%s:} has no name",
                    r->kind == DF_REF_ENV ? "env" : "file");
    return DF_ESPEC;
}

/* What stands after "${" at s[at]. */
static int parse_reference(df_bytes text, size_t at, df__reference *ret, char *err, size_t errlen)
{
    const char *s = text.data, *close = memchr(s + at, '}', text.len - at);
    size_t body = at + 2;
    if (!close) {
        df__text_printf(err, errlen, "\"${\" without \"}\": write $${ for a plain ${");
        return DF_ESPEC;
    }
    ret->begin = at;
    ret->end = (size_t)(close - s) + 1;
    if (text.len - body > 4 && memcmp(s + body, "env:", 4) == 0) {
        ret->kind = DF_REF_ENV;
        ret->name = body + 4;
    } else if (text.len - body > 5 && memcmp(s + body, "file:", 5) == 0) {
        ret->kind = DF_REF_FILE;
        ret->name = body + 5;
    } else {
        df__text_printf(err, errlen,
                        "unknown reference: write ${env:NAME}, ${env:NAME:-default}, ${file:PATH}, "
                        "or $${ for a plain ${");
        return DF_ESPEC;
    }
    ret->name_len = ret->end - 1 - ret->name;
    ret->fallback = 0;
    if (ret->kind == DF_REF_ENV) {
        const char *mark = memmem(s + ret->name, ret->name_len, ":-", 2);
        ret->fallback = mark ? (size_t)(mark - s) + 2 : 0;
        ret->name_len = mark ? (size_t)(mark - s) - ret->name : ret->name_len;
    }
    if (ret->fallback && memmem(s + ret->fallback, ret->end - ret->fallback, "${", 2)) {
        df__text_printf(err, errlen, "a default cannot hold a reference");
        return DF_ESPEC;
    }
    return check_name(s, ret, err, errlen);
}

int df__reference_next(df_bytes text, size_t at, df__reference *ret, char *err, size_t errlen)
{
    const char *s = text.data;
    for (; at + 1 < text.len; at++) {
        if (s[at] != '$')
            continue;
        if (s[at + 1] == '{')
            return parse_reference(text, at, ret, err, errlen);
        if (s[at + 1] == '$' && at + 2 < text.len && s[at + 2] == '{') {
            memset(ret, 0, sizeof *ret);
            ret->begin = at;
            ret->end = at + 3;
            return DF_OK;
        }
    }
    return DF_DONE;
}

int df__reference_any(df_bytes text)
{
    return text.data && memmem(text.data, text.len, "${", 2) != NULL;
}

/* ---- secrets ------------------------------------------------------------------------------ */

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

static part *add_part(df_secret *secret, const df_ref *ref, df_bytes literal)
{
    part *p = df__arena_zalloc(&secret->arena, sizeof *p);
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
static const df_ref *only_ref(const df_secret *secret)
{
    const part *p = secret->parts;
    return p && !p->next && !p->literal.data && !p->fallback.data ? &p->ref : NULL;
}

static df_secret **bucket_of(df__secrets *s, const df_ref *ref)
{
    const unsigned char *c = (const unsigned char *)(ref->name ? ref->name : "");
    unsigned hash = (unsigned)ref->kind;
    for (; *c; c++)
        hash = hash * 33 + *c;
    return &s->buckets[hash % BUCKETS];
}

static void enlist(df__secrets *s, df_secret *secret)
{
    const df_ref *ref = only_ref(secret);
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
    part *p;
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
    if (only_ref(secret)) {
        same = find_same(s, only_ref(secret), what);
        if (same) {
            free_secret(secret);
            return same;
        }
    }
    enlist(s, secret);
    return secret;
}

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

/* What came from the environment is a secret only in an option for secrets; a file or a Secret is
 * one anywhere. Of a text that is secret in parts, the connector names them. */
static int hide(df_secret *secret, const part *p, df_bytes value)
{
    int whole = secret->what == DF__HIDE_PARTS && only_ref(secret);
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
        wipe(out->heap, out->data, out->cap);
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
static int resolve_part(df_secret *secret, const part *p, df__buf *out, char *err, size_t errlen)
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

static int resolve_all(df_secret *secret, char *err, size_t errlen)
{
    df__buf out;
    const part *p;
    int rc = DF_OK;
    df__buf_init(&out, secret->set->heap);
    for (p = secret->parts; p && rc == DF_OK; p = p->next)
        rc = resolve_part(secret, p, &out, err, errlen);
    if (rc == DF_OK)
        rc = out.failed ? DF_ENOMEM
                        : df_answer_set(&secret->value, out.data ? out.data : "", out.len);
    wipe(out.heap, out.data, out.cap);
    return rc;
}

df_secret *df__secret_shown(df__arena *arena, df_bytes text)
{
    struct {
        df_secret secret;
        part only;
    } *both = df__arena_zalloc(arena, sizeof *both);
    if (!both || df__arena_copy(arena, text, &both->only.literal) != DF_OK)
        return NULL;
    both->secret.parts = &both->only;
    return &both->secret;
}

int df__secret_literal(const df_secret *secret, df_bytes *ret)
{
    const part *p = secret->parts;
    if (!p || p->next || !p->literal.data)
        return DF_ESTATE;
    *ret = p->literal;
    return DF_OK;
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

/* The part that follows; a secret's own parts first. */
static void next_part(const df_secret **secret, const part **p)
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
