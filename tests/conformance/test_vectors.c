/* SPDX-License-Identifier: Apache-2.0
 * test_vectors.c: runs tests/vectors/<transform>.json: each case is a pipeline of its own, fed and
 * emptied through ports. docs/vectors.md describes the files.
 * ctest: threaded timeout=600 */
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/typed.h"
#include "dataflow_ext.h"
#include "record/record.h"
#include "support/support.h"
#include "util/rfc3339.h"

enum { PORTS = 8, OUTPUTS = 64, HEADERS = 16, META = 8, SHOWN = 600 };

typedef struct output {
    char *payload; /* NULL: tombstone */
    size_t len;
    int port;
    char *meta[META]; /* values of the asked names, as JSON */
} output;

typedef struct run { /* one case */
    df_env *env;
    df__arena arena;
    const char *transform;
    df_value spec; /* the case */
    df_port *ports[PORTS];
    char names[PORTS][96]; /* of the stage that the port is opened on */
    size_t port_count;
    output outputs[OUTPUTS];
    size_t output_count;
    const char *meta_names[META];
    size_t meta_count;
    char problem[SHOWN * 3];
} run;

extern const df_transform *const df__builtin_transforms[];

static df_value metadata_in; /* of the running case, for the transform below */
static int typed_in;         /* its payload has values that JSON does not have */

/* ---- reading cases ------------------------------------------------------------------------- */

static df_value get(const df_value *object, const char *name)
{
    df_bytes key = {name, strlen(name)};
    df_value v = {0};
    if (object->type == DF_V_OBJECT)
        df_value_member(object, key, &v);
    return v;
}

static int has(const df_value *object, const char *name)
{
    return get(object, name).type != DF_V_ABSENT;
}

/* A string of the file, NUL-terminated in the arena. */
static char *text_of(run *t, const df_value *v)
{
    size_t len = df_value_text(v, NULL, 0);
    char *out = df__arena_zalloc(&t->arena, len + 1);
    assert_non_null(out);
    df_value_text(v, out, len);
    return out;
}

static df_bytes json_of(run *t, const df_value *v)
{
    df_bytes out = {NULL, df_value_json(v, NULL, 0)};
    char *text = df__arena_zalloc(&t->arena, out.len + 1);
    assert_non_null(text);
    df_value_json(v, text, out.len);
    out.data = text;
    return out;
}

static df_value element(const df_value *array, size_t index)
{
    df_walk walk = {0};
    while (df_value_walk(array, &walk) == DF_OK)
        if (walk.index == index)
            return walk.value;
    fail_msg("a list is too short");
    return walk.value;
}

static void repeat(run *t, const df_value *spec, df_bytes *ret)
{
    df_value head = element(spec, 0), unit = element(spec, 1), times = element(spec, 2),
             tail = element(spec, 3);
    df__buf b;
    int64_t count = 0;
    df__buf_init(&b, &df__heap_libc);
    assert_ok(df_value_int(&times, &count));
    df__buf_add(&b, head.text, head.len);
    for (int64_t i = 0; i < count; i++)
        df__buf_add(&b, unit.text, unit.len);
    df__buf_add(&b, tail.text, tail.len);
    ret->len = b.len;
    ret->data = df__arena_bytes(&t->arena, b.data, b.len);
    assert_non_null(ret->data);
    df__buf_free(&b);
}

static int nibble(char c)
{
    const char *digits = "0123456789abcdef", *at = strchr(digits, c);
    assert_true(c && at);
    return (int)(at - digits);
}

static df_bytes unhex(run *t, const df_value *text)
{
    df_bytes out = {NULL, text->len / 2};
    char *data = df__arena_zalloc(&t->arena, out.len + 1);
    assert_non_null(data);
    for (size_t i = 0; i < out.len; i++)
        data[i] = (char)(nibble(text->text[2 * i]) * 16 + nibble(text->text[2 * i + 1]));
    out.data = data;
    return out;
}

/* The bytes a payload of a case stands for; *ret_exact: they are meant byte for byte. */
static df_bytes payload_of(run *t, const df_value *v, int *ret_exact)
{
    static const df_bytes tombstone = {NULL, 0};
    df_bytes out;
    *ret_exact = 1;
    if (v->type == DF_V_OBJECT && v->len == 1) {
        df_value text = get(v, "$text"), hex = get(v, "$hex"), many = get(v, "$repeat");
        if (has(v, "$tombstone"))
            return tombstone;
        if (text.type == DF_V_STRING) {
            out.data = text.text;
            out.len = text.len;
            return out;
        }
        if (hex.type == DF_V_STRING)
            return unhex(t, &hex);
        if (many.type == DF_V_ARRAY) {
            repeat(t, &many, &out);
            return out;
        }
    }
    *ret_exact = 0;
    return json_of(t, v);
}

/* ---- the pipeline -------------------------------------------------------------------------- */

static int set_metadata(df_record *r, void *user)
{
    df_walk walk = {0};
    int rc = typed_in ? app_typed_make(r) : DF_OK;
    (void)user;
    while (rc == DF_OK && df_value_walk(&metadata_in, &walk) == DF_OK) {
        char name[128];
        snprintf(name, sizeof name, "%.*s", (int)walk.name.len, (const char *)walk.name.data);
        rc = df_record_set_meta(r, name, &walk.value);
    }
    return rc;
}

static void add_stage(df__buf *b, run *t, const char *type, const df_value *config,
                      const df_value *when)
{
    df_bytes json;
    df__buf_printf(b, ",{\"type\":\"%s\"", type);
    if (config->type != DF_V_ABSENT) {
        json = json_of(t, config);
        df__buf_str(b, ",\"config\":");
        df__buf_add(b, json.data, json.len);
    }
    if (when->type != DF_V_ABSENT) {
        json = json_of(t, when);
        df__buf_str(b, ",\"when\":");
        df__buf_add(b, json.data, json.len);
    }
    df__buf_char(b, '}');
}

/* Sinks of a router are ports "1 router/0", ... ; the label of each is its condition. */
static void add_routes(run *t, size_t index, const df_value *config)
{
    df_value routes = get(config, "routes");
    for (size_t i = 0; i < routes.len && t->port_count < PORTS; i++)
        snprintf(t->names[t->port_count++], sizeof t->names[0], "%zu router/%zu", index, i);
}

static char *manifest(run *t)
{
    df_value config = get(&t->spec, "config"), when = get(&t->spec, "when"),
             chain = get(&t->spec, "chain");
    df_walk walk = {0};
    df__buf b;
    char *out;
    df__buf_init(&b, &df__heap_libc);
    df__buf_str(&b, "{\"source\":{\"type\":\"host\"},\"sink\":{\"type\":\"host\"},"
                    "\"errors\":{\"type\":\"host\"},\"transformations\":[{\"type\":\"test-case\"}");
    add_stage(&b, t, t->transform, &config, &when);
    if (!strcmp(t->transform, "router"))
        add_routes(t, 1, &config);
    while (chain.type == DF_V_ARRAY && df_value_walk(&chain, &walk) == DF_OK) {
        df_value type = get(&walk.value, "type"), of = get(&walk.value, "config"),
                 only = get(&walk.value, "when");
        char *name = text_of(t, &type);
        add_stage(&b, t, name, &of, &only);
        if (!strcmp(name, "router"))
            add_routes(t, walk.index + 2, &of);
    }
    df__buf_str(&b, "]}");
    out = strdup(df__buf_cstr(&b));
    df__buf_free(&b);
    assert_non_null(out);
    return out;
}

static size_t fill_headers(run *t, df_header *list)
{
    df_value headers = get(&t->spec, "headers");
    df_walk walk = {0};
    size_t count = 0;
    while (headers.type == DF_V_ARRAY && df_value_walk(&headers, &walk) == DF_OK) {
        df_value name = element(&walk.value, 0), value = element(&walk.value, 1);
        int exact;
        assert_true(count < HEADERS);
        list[count].name = text_of(t, &name);
        if (value.type == DF_V_STRING) {
            list[count].value.data = text_of(t, &value);
            list[count].value.len = value.len;
        } else if (value.type == DF_V_NULL) {
            list[count].value.data = NULL;
            list[count].value.len = 0;
        } else {
            list[count].value = payload_of(t, &value, &exact);
        }
        count++;
    }
    return count;
}

static void feed(run *t, df_port *port)
{
    df_header headers[HEADERS];
    df_value input = get(&t->spec, "input"), key = get(&t->spec, "key");
    df_input in = {.size = sizeof in, .offset = -1};
    size_t taken = 0;
    int exact, rc;
    in.payload = payload_of(t, &input, &exact);
    in.headers = headers;
    in.header_count = fill_headers(t, headers);
    if (key.type == DF_V_STRING) {
        in.key.data = key.text;
        in.key.len = key.len;
    } else if (key.type != DF_V_ABSENT && key.type != DF_V_NULL) {
        in.key = payload_of(t, &key, &exact);
    }
    do {
        rc = df_port_push(port, &in, 1, &taken);
    } while (rc == DF_AGAIN || (rc == DF_OK && !taken));
    assert_ok(rc);
    df_port_close(port);
}

/* With the types that it has. */
static df_bytes typed_text(run *t, df_parcel *parcel, size_t index)
{
    df_path *path = df_path_new(t->env, "$");
    df_bytes text = {NULL, 0};
    df_value root;
    df__buf b;
    assert_non_null(path);
    df__buf_init(&b, &df__heap_libc);
    assert_ok(df_parcel_get(parcel, index, path, &root));
    app_typed_write(&b, &root);
    text.data = df__arena_bytes(&t->arena, df__buf_cstr(&b), b.len);
    text.len = b.len;
    assert_non_null(text.data);
    df__buf_free(&b);
    df_path_free(path);
    return text;
}

static void keep_output(run *t, df_parcel *parcel, size_t index, int port)
{
    const df_record *r = df_parcel_at(parcel, index);
    output *out = &t->outputs[t->output_count];
    df_bytes payload = {NULL, 0};
    assert_true(t->output_count < OUTPUTS);
    if (typed_in && port != 1)
        payload = typed_text(t, parcel, index);
    else
        assert_ok(df_parcel_payload(parcel, index, &payload));
    out->port = port;
    out->len = payload.len;
    out->payload = payload.data ? df__arena_bytes(&t->arena, payload.data, payload.len) : NULL;
    for (size_t i = 0; i < t->meta_count; i++) {
        df_value v = {0};
        assert_ok(df_record_meta(r, t->meta_names[i], &v));
        out->meta[i] = v.type == DF_V_ABSENT ? NULL : (char *)(uintptr_t)json_of(t, &v).data;
    }
    t->output_count++;
}

/* Takes what waits in all ports. */
static void take_all(run *t)
{
    for (size_t i = 0; i < t->port_count; i++) {
        df_parcel *parcel;
        while (df_port_take(t->ports[i], 0, &parcel) == DF_OK) {
            for (size_t k = 0; k < df_parcel_count(parcel); k++)
                keep_output(t, parcel, k, (int)i);
            assert_ok(df_port_settle(t->ports[i], parcel, DF_OK));
        }
    }
}

/* The status with which the run ended. */
static int collect(run *t, df_pipeline *p)
{
    int64_t until = support_now_ms() + 20000;
    int rc;
    do {
        struct pollfd fds[PORTS];
        for (size_t i = 0; i < t->port_count; i++) {
            fds[i].fd = df_port_fd(t->ports[i]);
            fds[i].events = POLLIN;
        }
        poll(fds, t->port_count, 1);
        take_all(t);
        rc = df_pipeline_wait(p, 0);
    } while (rc == DF_AGAIN && support_now_ms() < until);
    return rc;
}

static df_port *open_port(df_pipeline *p, const char *stage, int mode)
{
    df_port_options o = {.size = sizeof o, .stage = stage, .mode = mode};
    df_port *port = NULL;
    int rc = df_port_open(p, &o, &port);
    if (rc != DF_OK)
        fail_msg("port %s: %s: %s", stage, df_status_name(rc), df_pipeline_errmsg(p));
    return port;
}

/* DF_ESPEC when the manifest is refused; problems are in t->problem. */
static int run_case(run *t)
{
    df_run_options options = {.size = sizeof options, .until_exhausted = 1};
    df_pipeline *p = df_pipeline_new(t->env, NULL);
    char *text = manifest(t), *problems;
    df_text spec = {sizeof spec, "case", text, strlen(text)};
    df_port *source;
    int rc = df_pipeline_load(p, &spec);
    if (rc == DF_OK)
        rc = df_pipeline_check(p);
    problems = support_problems(p);
    snprintf(t->problem, sizeof t->problem, "%s", problems);
    free(problems);
    free(text);
    if (rc == DF_OK) {
        source = open_port(p, "source", DF_FEED);
        for (size_t i = 0; i < t->port_count; i++)
            t->ports[i] = open_port(p, t->names[i], DF_TAKE);
        assert_ok(df_pipeline_start(p, &options));
        feed(t, source);
        rc = collect(t, p);
        if (rc != DF_OK)
            snprintf(t->problem, sizeof t->problem, "run: %s: %s", df_status_name(rc),
                     df_pipeline_errmsg(p));
        else
            support_assert_conserved(p);
        for (size_t i = 0; i < t->port_count; i++)
            df_port_close(t->ports[i]);
    }
    df_pipeline_free(p);
    return rc;
}

/* ---- judging ------------------------------------------------------------------------------- */

/* JSON in compact form, so that blanks and escapes do not count. */
static df_bytes canonical(run *t, df_bytes text)
{
    df__tree *tree;
    df_bytes out = text;
    char err[200];
    if (text.data && df__tree_parse(&t->arena, text, &tree, err, sizeof err) == DF_OK)
        assert_ok(df__tree_write(tree, &t->arena, &out));
    return out;
}

static int wrong(run *t, const char *what, df_bytes want, df_bytes got)
{
    const char *wanted = want.data ? want.data : "-", *seen = got.data ? got.data : "-";
    df__text_printf(t->problem, sizeof t->problem, "%s\n      want %.*s\n      got  %.*s", what,
                    (int)(want.len > SHOWN ? SHOWN : want.len), wanted,
                    (int)(got.len > SHOWN ? SHOWN : got.len), seen);
    return 0;
}

static df_bytes bytes(const char *text)
{
    df_bytes b = {text, text ? strlen(text) : 0};
    return b;
}

static int same(df_bytes a, df_bytes b)
{
    return !a.data == !b.data && a.len == b.len && (!a.len || memcmp(a.data, b.data, a.len) == 0);
}

static int judge_payload(run *t, const df_value *want, const output *out)
{
    int exact;
    df_bytes expected = payload_of(t, want, &exact), got = {out->payload, out->len};
    if (!exact)
        got = canonical(t, got);
    return same(expected, got) || wrong(t, "another output", expected, got);
}

static int judge_metadata(run *t)
{
    df_value want = get(&t->spec, "expect_metadata");
    df_walk walk = {0};
    size_t i = 0;
    while (want.type == DF_V_OBJECT && df_value_walk(&want, &walk) == DF_OK) {
        df_bytes expected = json_of(t, &walk.value);
        df_value absent = get(&walk.value, "$absent");
        const char *got = t->output_count ? t->outputs[0].meta[i] : NULL;
        if (absent.type != DF_V_ABSENT ? got != NULL : !same(expected, bytes(got)))
            return wrong(t, t->meta_names[i], expected, bytes(got));
        i++;
    }
    return 1;
}

static int expect_ports(run *t, size_t count, int port)
{
    if (t->output_count == count) {
        for (size_t i = 0; i < count; i++)
            if (t->outputs[i].port != port)
                return wrong(t, "it left by another port", bytes(t->names[port]),
                             bytes(t->outputs[i].payload ? t->names[t->outputs[i].port] : "-"));
        return 1;
    }
    snprintf(t->problem, sizeof t->problem, "%zu outputs instead of %zu; first: port %s, %.*s",
             t->output_count, count, t->output_count ? t->names[t->outputs[0].port] : "-",
             t->output_count ? (int)(t->outputs[0].len > SHOWN ? SHOWN : t->outputs[0].len) : 1,
             t->output_count && t->outputs[0].payload ? t->outputs[0].payload : "-");
    return 0;
}

static int judge_error(run *t, const df_value *want)
{
    df_value reason = get(want, "reason"), contains = get(want, "contains"),
             excludes = get(want, "excludes"), root, error, message, word;
    df_bytes got = {NULL, 0};
    df__tree *tree;
    char err[200], *text;
    if (!expect_ports(t, 1, 1))
        return 0;
    got.data = t->outputs[0].payload;
    got.len = t->outputs[0].len;
    assert_ok(df__tree_parse(&t->arena, got, &tree, err, sizeof err));
    df__tree_root(tree, &root);
    error = get(&root, "error");
    message = get(&error, "message");
    word = get(&error, "reason");
    text = text_of(t, &message);
    if (reason.type == DF_V_STRING && strcmp(text_of(t, &reason), text_of(t, &word)) != 0)
        return wrong(t, "another reason", bytes(text_of(t, &reason)), bytes(text_of(t, &word)));
    if (contains.type == DF_V_STRING && !strstr(text, text_of(t, &contains)))
        return wrong(t, "another message", bytes(text_of(t, &contains)), bytes(text));
    if (excludes.type == DF_V_STRING && strstr(text, text_of(t, &excludes)))
        return wrong(t, "the message tells too much", bytes(""), bytes(text));
    return 1;
}

static int judge_outputs(run *t, int port)
{
    df_value one = get(&t->spec, "output"), many = get(&t->spec, "outputs"),
             input = get(&t->spec, "input");
    df_walk walk = {0};
    int exact;
    if (has(&t->spec, "unchanged") && typed_in)
        return expect_ports(t, 1, port) && judge_payload(t, &input, &t->outputs[0]);
    if (has(&t->spec, "unchanged")) {
        df_bytes want = payload_of(t, &input, &exact), got = {t->outputs[0].payload, 0};
        got.len = t->outputs[0].len;
        return expect_ports(t, 1, port) && (same(want, got) || wrong(t, "it changed", want, got));
    }
    if (many.type != DF_V_ARRAY)
        return expect_ports(t, 1, port) && judge_payload(t, &one, &t->outputs[0]);
    if (!expect_ports(t, many.len, port))
        return 0;
    while (df_value_walk(&many, &walk) == DF_OK)
        if (!judge_payload(t, &walk.value, &t->outputs[walk.index]))
            return 0;
    return 1;
}

/* The port of the route with that condition. */
static int routed_port(run *t, const char *label)
{
    df_value config = get(&t->spec, "config"), routes = get(&config, "routes");
    df_walk walk = {0};
    while (df_value_walk(&routes, &walk) == DF_OK) {
        df_value condition = get(&walk.value, "condition");
        if (strcmp(text_of(t, &condition), label) == 0)
            return (int)walk.index + 2;
    }
    fail_msg("no route %s", label);
    return 0;
}

static int judge(run *t, int rc)
{
    df_value refused = get(&t->spec, "refused"), error = get(&t->spec, "error"),
             routed = get(&t->spec, "routed"), warned = get(&t->spec, "warned");
    if (refused.type == DF_V_STRING) {
        char *want = text_of(t, &refused), got[sizeof t->problem];
        snprintf(got, sizeof got, "%s", t->problem);
        if (rc == DF_ESPEC && strstr(got, want))
            return 1;
        return wrong(t, "not refused, or for another reason", bytes(want), bytes(got));
    }
    if (rc != DF_OK)
        return 0;
    if (warned.type == DF_V_STRING && !strstr(t->problem, text_of(t, &warned)))
        return wrong(t, "no such warning", bytes(text_of(t, &warned)), bytes(t->problem));
    if (error.type == DF_V_OBJECT)
        return judge_error(t, &error);
    if (has(&t->spec, "dropped"))
        return expect_ports(t, 0, 0);
    return judge_outputs(t, routed.type == DF_V_STRING ? routed_port(t, text_of(t, &routed)) : 0) &&
           judge_metadata(t);
}

/* ---- files --------------------------------------------------------------------------------- */

static void prepare(run *t, support_host *host)
{
    df_value now = get(&t->spec, "now"), names = get(&t->spec, "expect_metadata");
    df_walk walk = {0};
    df__stamp stamp;
    host->now_us = INT64_C(1767323045000000); /* 2026-01-02T03:04:05Z */
    if (now.type == DF_V_STRING) {
        df_bytes text = {now.text, now.len};
        assert_ok(df__stamp_parse(text, &stamp));
        host->now_us = (stamp.local - stamp.offset) * 1000000 + stamp.nsec / 1000;
    }
    metadata_in = get(&t->spec, "metadata");
    typed_in = has(&t->spec, "typed");
    while (names.type == DF_V_OBJECT && df_value_walk(&names, &walk) == DF_OK) {
        df_value name = {.type = DF_V_STRING, .text = walk.name.data, .len = walk.name.len};
        assert_true(t->meta_count < META);
        t->meta_names[t->meta_count++] = text_of(t, &name);
    }
    snprintf(t->names[0], sizeof t->names[0], "sink");
    snprintf(t->names[1], sizeof t->names[1], "errors");
    t->port_count = 2;
}

static int one_case(df_env *env, support_host *host, const char *transform, const df_value *spec)
{
    run t = {.env = env, .transform = transform, .spec = *spec};
    df_value name = get(spec, "name");
    int rc, good;
    df__arena_init(&t.arena, &df__heap_libc, 65536);
    prepare(&t, host);
    rc = run_case(&t);
    good = judge(&t, rc);
    if (!good)
        print_error("  %s: %s: %s\n", transform, text_of(&t, &name), t.problem);
    df__arena_free(&t.arena);
    return good;
}

static const df_function setter = {
    .size = sizeof setter, .name = "test-case", .apply = set_metadata, .parallel = 1};

/* The examples of the tables do what they say. */
static void test_examples(void **state)
{
    support_host host = {0};
    df_env *env = support_env(&host);
    size_t failed = 0;
    (void)state;
    assert_ok(df_transform_register_fn(env, &setter));
    for (size_t i = 0; df__builtin_transforms[i]; i++) {
        const df_transform *type = df__builtin_transforms[i];
        df_bytes text = bytes(type->example);
        df__arena arena;
        df__tree *tree;
        df_value spec;
        char err[200];
        if (!strcmp(type->name, "router"))
            continue; /* its sinks are not ports; the vectors have the same case */
        df__arena_init(&arena, &df__heap_libc, 4096);
        if (df__tree_parse(&arena, text, &tree, err, sizeof err) != DF_OK)
            fail_msg("example of %s: %s", type->name, err);
        df__tree_root(tree, &spec);
        failed += !one_case(env, &host, type->name, &spec);
        df__arena_free(&arena);
    }
    support_env_free(env, &host);
    assert_int_equal(failed, 0);
}

static void test_file(void **state)
{
    const char *transform = *state, *only = getenv("DF_VECTOR");
    support_host host = {0};
    df_env *env = support_env(&host);
    char path[512], err[200], *text;
    size_t count = 0, failed = 0;
    df__arena arena;
    df__tree *tree;
    df_bytes file;
    df_value root, cases;
    df_walk walk = {0};
    snprintf(path, sizeof path, DF_TEST_DIR "/vectors/%s.json", transform);
    text = access(path, R_OK) == 0 ? support_read_file(path) : NULL;
    if (!text)
        fail_msg("%s is missing: a transformation has its cases there, docs/vectors.md", path);
    file = bytes(text);
    df__arena_init(&arena, &df__heap_libc, 65536);
    if (df__tree_parse(&arena, file, &tree, err, sizeof err) != DF_OK)
        fail_msg("%s: %s", path, err);
    df__tree_root(tree, &root);
    cases = get(&root, "cases");
    assert_ok(df_transform_register_fn(env, &setter));
    while (df_value_walk(&cases, &walk) == DF_OK) {
        df_value name = get(&walk.value, "name");
        if (only && (name.len != strlen(only) || memcmp(name.text, only, name.len) != 0))
            continue;
        count++;
        failed += !one_case(env, &host, transform, &walk.value);
    }
    df__arena_free(&arena);
    free(text);
    support_env_free(env, &host);
    print_message("  %s: %zu cases, %zu failed\n", transform, count, failed);
    assert_int_equal(failed, 0);
    if (!only && count < 40)
        fail_msg("%s: %zu cases, at least 40 are wanted", path, count);
}

/* Read by others: record/test_path, test_condition, test_json_cases, spec/test_bad_manifests. */
static int is_of_others(const char *name)
{
    static const char *const names[] = {"paths.json", "conditions.json", "json-cases.txt",
                                        "bad-manifests", "README.md"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(name, names[i]))
            return 1;
    return name[0] == '.';
}

/* A file for no transformation would be run by nobody. */
static void test_every_file_is_run(void **state)
{
    DIR *folder = opendir(DF_TEST_DIR "/vectors");
    struct dirent *e;
    (void)state;
    assert_non_null(folder);
    while ((e = readdir(folder)) != NULL) {
        char file[300];
        size_t i = 0;
        for (; df__builtin_transforms[i]; i++) {
            snprintf(file, sizeof file, "%s.json", df__builtin_transforms[i]->name);
            if (!strcmp(e->d_name, file))
                break;
        }
        if (!df__builtin_transforms[i] && !is_of_others(e->d_name))
            fail_msg("tests/vectors/%s: no test runs it: name it as a transformation is named, and "
                     ".json",
                     e->d_name);
    }
    closedir(folder);
}

int main(int argc, char **argv)
{
    size_t count = 0, n = 0;
    struct CMUnitTest *tests;
    while (df__builtin_transforms[count])
        count++;
    tests = calloc(count + 2, sizeof *tests);
    if (!tests)
        return 1;
    if (argc < 2) {
        tests[n++] = (struct CMUnitTest){"examples", test_examples, NULL, NULL, NULL};
        tests[n++] = (struct CMUnitTest){"files", test_every_file_is_run, NULL, NULL, NULL};
    }
    for (size_t i = 0; i < count; i++) {
        const char *name = df__builtin_transforms[i]->name;
        if (argc < 2 || !strcmp(argv[1], name))
            tests[n++] = (struct CMUnitTest){name, test_file, NULL, NULL, (void *)(uintptr_t)name};
    }
    int failed = _cmocka_run_group_tests("vectors", tests, n, NULL, NULL);
    free(tests);
    return failed;
}
