/* SPDX-License-Identifier: Apache-2.0
 * stages.c: see stages.h. */
#include "stages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/graph/option.h"
#include "core/pipeline/pipeline.h"

enum { STAGES = 4096, ROUNDS = 10000, KEPT = 16 };

static fuzz_stage stages[STAGES];
static size_t stage_count;

void fuzz_must(int held)
{
    if (!held)
        __builtin_trap();
}

/* ---- stages of the vectors --------------------------------------------------------------------
 */

static df_value get(const df_value *object, const char *name)
{
    df_value v = {0};
    if (object->type == DF_V_OBJECT)
        (void)df_value_member(object, (df_bytes){name, strlen(name)}, &v);
    return v;
}

static df_bytes json_of(df__arena *a, const df_value *v)
{
    df_bytes out = {NULL, df_value_json(v, NULL, 0)};
    char *text = df__arena_zalloc(a, out.len + 1);
    fuzz_must(text != NULL);
    (void)df_value_json(v, text, out.len);
    out.data = text;
    return out;
}

static void add_word(fuzz_stage *s, const char *text, size_t len)
{
    for (size_t i = 0; i < s->word_count; i++)
        if (s->words[i].len == len && memcmp(s->words[i].data, text, len) == 0)
            return;
    if (len > 0 && s->word_count < FUZZ_WORDS)
        s->words[s->word_count++] = (df_bytes){text, len};
}

/* Every run of letters in the texts of a configuration may be a name. */
static void add_words(fuzz_stage *s, df_bytes json)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    const char *at = json.data;
    while (*at) {
        size_t n = strspn(at, letters);
        add_word(s, at, n);
        at += n + (at[n] != 0);
    }
}

static int64_t still(void *user)
{
    (void)user;
    return INT64_C(1767323045000000);
}

static void silent(void *user, int level, const char *line)
{
    (void)user;
    (void)level;
    (void)line;
}

static const df__stage_spec *transform_of(const df_pipeline *p)
{
    const df__stage_spec *s = p->graph.stages;
    while (s && s->role != DF_TRANSFORM)
        s = s->next;
    return s;
}

/* NULL: refused, as it may be meant. */
static df_stage *stage_of(df_env *env, const char *type, df_bytes config)
{
    df_pipeline *p = df_pipeline_new(env, NULL);
    df__fault why;
    df__buf b;
    df_stage *st = NULL;
    df__buf_init(&b, &df__heap_libc);
    df__buf_printf(&b,
                   "{\"source\":{\"type\":\"host\"},\"sink\":{\"type\":\"host\"},"
                   "\"transformations\":[{\"type\":\"%s\",\"config\":%.*s}]}",
                   type, (int)config.len, (const char *)config.data);
    df_text text = {sizeof text, "vectors", df__buf_cstr(&b), b.len};
    if (df_pipeline_load(p, &text) == DF_OK && df_pipeline_check(p) == DF_OK) {
        st = df__stage_new(&p->graph, transform_of(p), p->secrets, DF__FILL_RUN, &why);
        fuzz_must(st != NULL);
        st->pipeline = p;
        st->ports = p->ports;
        const df_transform *t = st->spec->transform;
        fuzz_must(!DF__OP(t, open) || t->open(st->self, st) == DF_OK);
    } else {
        df_pipeline_free(p);
    }
    df__buf_free(&b);
    return st;
}

static void write_seed(const fuzz_stage *s, const char *head)
{
    const char *dir = getenv("DF_FUZZ_SEEDS");
    size_t number = (size_t)(s - stages);
    char path[4096];
    if (!dir || !s->input.data)
        return;
    (void)snprintf(path, sizeof path, "%s/vector-%zu", dir, number);
    FILE *f = fopen(path, "w");
    fuzz_must(f != NULL);
    (void)fputc((int)(number & 255), f);
    (void)fputc((int)(number >> 8), f);
    (void)fputs(head, f);
    (void)fwrite(s->input.data, 1, s->input.len, f);
    fuzz_must(fclose(f) == 0);
}

static void add_case(df_env *env, df__arena *a, const char *type, const df_value *spec)
{
    df_value config = get(spec, "config"), input = get(spec, "input"), text = get(&input, "$text");
    df_bytes json = config.type == DF_V_OBJECT ? json_of(a, &config) : (df_bytes){"{}", 2};
    if (stage_count == STAGES || get(spec, "refused").type != DF_V_ABSENT)
        return;
    fuzz_stage *s = &stages[stage_count];
    s->stage = stage_of(env, type, json);
    if (!s->stage)
        return;
    stage_count++;
    add_words(s, json);
    if (text.type == DF_V_STRING)
        s->input = (df_bytes){text.text, text.len};
    else if (input.type == DF_V_OBJECT && get(&input, "$repeat").type == DF_V_ABSENT)
        s->input = json_of(a, &input);
}

static void load_vectors(df_env *env, df__arena *a, const char *type)
{
    static char bytes[4 << 20];
    char path[4096];
    df__tree *tree;
    df_value root, cases;
    df_walk walk = {0};
    (void)snprintf(path, sizeof path, DF_TEST_DIR "/vectors/%s.json", type);
    FILE *f = fopen(path, "r");
    fuzz_must(f != NULL);
    df_bytes text = {bytes, fread(bytes, 1, sizeof bytes, f)};
    (void)fclose(f);
    fuzz_must(df__arena_copy(a, text, &text) == DF_OK &&
              df__tree_parse(a, text, &tree, NULL, 0) == DF_OK);
    df__tree_root(tree, &root);
    cases = get(&root, "cases");
    while (df_value_walk(&cases, &walk) == DF_OK)
        add_case(env, a, type, &walk.value);
}

extern const df_transform *const df__builtin_transforms[];

const fuzz_stage *fuzz_stages(const char *only, const char *head, size_t *ret_count)
{
    static df__arena kept;
    df_env_options o = DF_ENV_OPTIONS_INIT;
    o.now_us = still;
    o.log = silent;
    if (stage_count == 0) {
        df_env *env = df_env_new(&o);
        fuzz_must(env != NULL);
        df__arena_init(&kept, &df__heap_libc, 1 << 16);
        for (size_t i = 0; df__builtin_transforms[i]; i++)
            if (!only || strcmp(only, df__builtin_transforms[i]->name) == 0)
                load_vectors(env, &kept, df__builtin_transforms[i]->name);
        for (size_t i = 0; i < stage_count; i++)
            write_seed(&stages[i], head);
    }
    *ret_count = stage_count;
    return stages;
}

/* ---- records ----------------------------------------------------------------------------------
 */

unsigned fuzz_next(fuzz_maker *m)
{
    return m->at < m->end ? *m->at++ : 0;
}

static const char *const scalars[] = {"null",
                                      "true",
                                      "false",
                                      "0",
                                      "-0",
                                      "1e400",
                                      "10.00",
                                      "1",
                                      "\"\"",
                                      "\"a\"",
                                      "\"~0\"",
                                      "\"~1\"",
                                      "\"~2\"",
                                      "\"~3\"",
                                      "\"~4\"",
                                      "\"~5\"",
                                      "\"~6\"",
                                      "\"~7\"",
                                      "\"~8\"",
                                      "99999999999999999999999999999999999999",
                                      "\"2024-02-29T23:59:60Z\"",
                                      "\"\\u0000\\ud83d\\ude00\"",
                                      "\"\xC3\xA9\xF0\x9F\x98\x80\"",
                                      "1700000000000",
                                      "\"{\\\"a\\\":1}\""};

static const char *const names[] = {
    "",        "a",    "b",    "id",        "op",         "before",    "after", "source",
    "payload", "a.b",  "A",    "firstName", "first_name", "\xC3\x89t", "$",     "[0]",
    "\\u0000", "\\\"", "__op", "__deleted", "value",      "_metadata"};

static void add_name(fuzz_maker *m)
{
    unsigned n = fuzz_next(m), words = (unsigned)m->of->word_count;
    df__buf_char(&m->text, '"');
    if (n >= 250) { /* huge */
        for (unsigned i = 0; i < (n - 249) * 200; i++)
            df__buf_char(&m->text, 'k');
    } else if (words > 0 && n % 2) {
        const df_bytes *word = &m->of->words[n / 2 % words];
        df__buf_add(&m->text, word->data, word->len);
    } else {
        df__buf_str(&m->text, names[n / 2 % (sizeof names / sizeof names[0])]);
    }
    df__buf_str(&m->text, "\":");
}

static void deep(fuzz_maker *m, unsigned levels)
{
    for (unsigned i = 0; i < levels; i++)
        df__buf_str(&m->text, i % 2 ? "{\"a\":" : "[");
    df__buf_str(&m->text, "1");
    for (unsigned i = levels; i-- > 0;)
        df__buf_char(&m->text, i % 2 ? '}' : ']');
}

void fuzz_value(fuzz_maker *m, int depth)
{
    unsigned kind = fuzz_next(m), count = kind >> 3 & 15;
    int object = depth == 0 ? kind != 255 : kind & 1;
    if (depth > 0 && (depth == 12 || kind % 8 > 4 || m->at == m->end)) {
        unsigned which = fuzz_next(m);
        if (which == 255)
            deep(m, 400);
        else
            df__buf_str(&m->text, scalars[which % (sizeof scalars / sizeof scalars[0])]);
        return;
    }
    df__buf_char(&m->text, object ? '{' : '[');
    for (unsigned i = 0; i < count && (m->at < m->end || i == 0); i++) {
        df__buf_str(&m->text, i ? "," : "");
        if (object)
            add_name(m);
        fuzz_value(m, depth + 1);
    }
    df__buf_char(&m->text, object ? '}' : ']');
}

static int typed(const df_value *from, df_value *ret)
{
    static const df_value values[] = {
        {.type = DF_V_BYTES, .text = "\0\xff\"\n", .len = 4},
        {.type = DF_V_TIMESTAMP, .zone = -570, .u.i = INT64_C(1700000000123456)},
        {.type = DF_V_TIMESTAMP, .zone = DF_ZONE_NONE, .u.i = -1},
        {.type = DF_V_DATE, .u.i = -719529},
        {.type = DF_V_TIME, .u.i = INT64_C(86399999999)},
        {.type = DF_V_DOUBLE, .u.d = __builtin_nan("")},
        {.type = DF_V_DOUBLE, .u.d = -__builtin_inf()},
        {.type = DF_V_DOUBLE, .u.d = 0.1},
        {.type = DF_V_UNCHANGED},
    };
    if (from->type != DF_V_STRING || from->len != 2 || from->text[0] != '~' ||
        from->text[1] < '0' || from->text[1] > '8')
        return 0;
    *ret = values[from->text[1] - '0'];
    return 1;
}

static void plant(df_record *r, const df_value *container)
{
    df_walk walk = {0};
    df_value v;
    while (df_value_walk(container, &walk) == DF_OK)
        if (walk.value.type == DF_V_OBJECT || walk.value.type == DF_V_ARRAY)
            plant(r, &walk.value);
        else if (typed(&walk.value, &v))
            fuzz_must(df_walk_set(r, &walk, &v) == DF_OK);
}

/* As a source does that knows types; of members of one name the last stays. */
static df_value build(df_record *r, const df_value *from)
{
    df_value empty = {.type = from->type}, made, v;
    df_walk walk = {0};
    if (from->type != DF_V_OBJECT && from->type != DF_V_ARRAY)
        return typed(from, &v) ? v : *from;
    fuzz_must(df_value_new(r, &empty, &made) == DF_OK);
    while (df_value_walk(from, &walk) == DF_OK) {
        v = build(r, &walk.value);
        fuzz_must(df_value_put(r, &made, walk.name, &v) == DF_OK);
    }
    return made;
}

static void edit_nothing(df_record *r, df_value *root)
{
    static const char name[] = "never in the texts";
    df_value one = {.type = DF_V_BOOL, .u.i = 1}, none = {0};
    if (root->type != DF_V_OBJECT)
        return;
    fuzz_must(df_value_put(r, root, (df_bytes){name, sizeof name - 1}, &one) == DF_OK);
    fuzz_must(df_record_root(r, root) == DF_OK);
    fuzz_must(df_value_put(r, root, (df_bytes){name, sizeof name - 1}, &none) == DF_OK);
}

void fuzz_record_init(fuzz_record *f, df_bytes payload, int way)
{
    df_value root, made;
    memset(f, 0, sizeof *f);
    df__arena_init(&f->arena, &df__heap_libc, 4096);
    f->r.arena = &f->arena;
    f->r.payload = payload;
    f->r.offset = 7;
    f->r.key = (df_bytes){"{\"id\":1}", 8};
    f->r.partition = "p";
    f->r.time_us = still(NULL);
    if (way == FUZZ_RAW)
        return;
    f->is_json = payload.data && df_record_root(&f->r, &root) == DF_OK;
    if (!f->is_json)
        return;
    if (way == FUZZ_EDITED) {
        edit_nothing(&f->r, &root);
    } else if (way == FUZZ_TYPED) {
        plant(&f->r, &root);
    } else if (way == FUZZ_BUILT && (root.type == DF_V_OBJECT || root.type == DF_V_ARRAY)) {
        made = build(&f->r, &root);
        f->r.payload = (df_bytes){NULL, 0};
        f->r.tree = NULL;
        fuzz_must(df_record_set_root(&f->r, &made) == DF_OK);
    }
}

/* ---- what becomes of them ---------------------------------------------------------------------
 */

static void tell_meta(df_record *r, df__buf *ret)
{
    df_walk walk = {0};
    while (df_meta_walk(r, &walk) == DF_OK) {
        size_t len = df_value_json(&walk.value, NULL, 0);
        char *at = df__buf_reserve(ret, len);
        fuzz_must(at != NULL);
        ret->len += df_value_json(&walk.value, at, len);
        df__buf_add(ret, walk.name.data, walk.name.len);
    }
}

static void tell(df_record *r, int was_json, df__buf *ret)
{
    df_bytes text, compact;
    df__arena scratch;
    df__tree *tree;
    df__arena_init(&scratch, &df__heap_libc, 4096);
    df__buf_printf(ret, "state %d op %u route %u ", r->state, (unsigned)r->op, (unsigned)r->route);
    if (r->state == DF__RECORD_REJECTED) {
        fuzz_must(r->reject && r->reject->text && r->reject->text[0]);
        df__buf_printf(ret, "%s", r->reject->text);
    } else if (r->state == DF__RECORD_LIVE) {
        fuzz_must(df_record_payload(r, &text) == DF_OK);
        int is_json = text.data && df__tree_parse(&scratch, text, &tree, NULL, 0) == DF_OK;
        fuzz_must(is_json || !was_json);
        if (is_json) {
            fuzz_must(df__tree_write(tree, &scratch, &compact) == DF_OK);
            text = compact;
        }
        df__buf_add(ret, text.data, text.len);
        tell_meta(r, ret);
        df__buf_add(ret, r->key.data, r->key.len);
    }
    df__buf_char(ret, '\n');
    df__arena_free(&scratch);
}

static void tell_batch(df_batch *b, const fuzz_record *const *from, df__buf *ret)
{
    int was_json = 1;
    for (size_t i = 0; from && i < b->count; i++)
        was_json &= from[i]->is_json;
    for (size_t i = 0; i < b->count; i++)
        if (df__batch_at(b, i)->state != DF__RECORD_MOVED && !df__batch_at(b, i)->expanded)
            tell(df__batch_at(b, i), from ? from[i]->is_json : was_json, ret);
}

static void expand(const fuzz_stage *s, df_batch *in, df__buf *ret)
{
    int rc = DF_MORE;
    for (int i = 0; rc == DF_MORE; i++) {
        df_batch *out = df__batch_new(&df__heap_libc, 16384);
        fuzz_must(out != NULL && i < ROUNDS);
        out->parent = in;
        rc = s->stage->spec->transform->expand(s->stage->self, s->stage, in, out);
        fuzz_must(rc == DF_OK || rc == DF_MORE);
        fuzz_must(rc == DF_OK || out->count > 0);
        for (size_t k = 0; k < out->count; k++)
            tell(df__batch_at(out, k), 0, ret);
        df__batch_free(out);
    }
}

void fuzz_run(const fuzz_stage *s, const fuzz_record *const *records, size_t count, df__buf *ret)
{
    df_batch *b = df__batch_new(&df__heap_libc, 1 << 20);
    df__step_result got;
    fuzz_must(b != NULL && count <= KEPT);
    b->now_us = still(NULL);
    for (size_t i = 0; i < count; i++) {
        df_record moved = records[i]->r;
        fuzz_must(df_batch_pass(b, &moved) == DF_OK);
    }
    if (DF__OP(s->stage->spec->transform, expand)) {
        expand(s, b, ret);
        tell_batch(b, records, ret);
    } else {
        df__step_apply(s->stage, 0, b, &got);
        fuzz_must(got.status == DF_OK);
        tell_batch(b, records, ret);
    }
    df__batch_free(b);
}
