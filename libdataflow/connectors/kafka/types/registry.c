/* SPDX-License-Identifier: Apache-2.0
 * registry.c: asks a schema registry, through several base URLs when there are, and keeps what it
 * learnt. What the registry does not have is asked for again for some seconds, since a follower may
 * have it later; a registry that cannot be asked is no answer at all.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "client/gate.h"
#include "registry.h"
#include "util/buf.h"
#include "util/codec.h"
#include "util/heap.h"

enum {
    SERVERS = 8,
    BUCKETS = 256,
    DEPTH = 32,  /* of references */
    KEPT = 1000, /* numbers that the registry does not have */
    PATIENT = 8, /* of them are waited for in FORGET_MS */
    PATIENCE_MS = 7000,
    AGAIN_MS = 1000, /* how long, and how often they are asked for */
    LATER_MS = 30000,
    LATER_MOST_MS = 300000, /* after that */
    FORGET_MS = 300000,
    PAUSE_MS = 500,
    PAUSE_MOST_MS = 10000, /* of a registry that cannot be asked */
    SLICE_MS = 200,
    CONNECT_US = 5000000,
    TOTAL_US = 30000000,
    REPLY_MOST = 8 << 20
};

struct df__kafka_registry {
    df_stage *st;
    df_avro *avro;
    const df__net_calls *net;
    df__http *http;
    char *urls;
    const char *servers[SERVERS];
    size_t server_count, server;
    char *basic; /* NULL: no user */
    df__kafka_schema *numbered[BUCKETS], *named;
    int under_way;
    unsigned fails; /* requests in a row that had no answer */
    char trouble[480];
    int denied;        /* the newest refusal: DF_EAUTH */
    int missing, lost; /* numbers that it does not have; of them, waited for lately */
    int64_t lost_until;
    df__kafka_gate gate;
};

/* ---- life ------------------------------------------------------------------------------------ */

static void wipe(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    df__free(&df__heap_libc, text);
}

/* "a, b/" to base URLs without a slash at the end. */
static int take_urls(df__kafka_registry *r, df_bytes url)
{
    char *rest = NULL;
    r->urls = df__strdup(&df__heap_libc, url.data != NULL ? url.data : "");
    if (!r->urls)
        return df_stage_fail(r->st, DF_ENOMEM, NULL, "no memory");
    for (char *one = strtok_r(r->urls, ", \t\r\n", &rest); one != NULL && r->server_count < SERVERS;
         one = strtok_r(NULL, ", \t\r\n", &rest)) {
        size_t len = strlen(one);
        while (len > 0 && one[len - 1] == '/')
            one[--len] = '\0';
        if (len > 0)
            r->servers[r->server_count++] = one;
    }
    return r->server_count > 0
               ? DF_OK
               : df_stage_fail(r->st, DF_EINVAL, "invalid_config", "schemaRegistry.url: is empty");
}

static int take_user(df__kafka_registry *r, const df__kafka_basic *basic)
{
    df_bytes user = {NULL, 0}, password = {NULL, 0};
    df__buf out;
    int rc = basic != NULL && basic->username && basic->password != NULL
                 ? df_secret_get(basic->username, r->st, &user)
                 : DF_OK;
    if (rc == DF_OK && user.len > 0)
        rc = df_secret_get(basic->password, r->st, &password);
    if (rc != DF_OK || user.len == 0 || password.len == 0)
        return rc;
    df__buf_init(&out, &df__heap_libc);
    df__buf_str(&out, "Basic ");
    df__basic_add(&out, user, password);
    if (df__buf_cstr(&out))
        r->basic = df__strdup(&df__heap_libc, out.data);
    df__buf_wipe(&out);
    if (!r->basic)
        return df_stage_fail(r->st, DF_ENOMEM, NULL, "no memory");
    return df_stage_hide(r->st, (df_bytes){r->basic + 6, strlen(r->basic + 6)});
}

static int make_client(df__kafka_registry *r, const df__kafka_registry_options *o)
{
    char text[300];
    df__http_config config = {
        .connect_us = CONNECT_US, .max_reply = REPLY_MOST, .user_agent = "dataflow"};
    int rc = df__tls_block_http(r->st, "schemaRegistry.tls", o->tls, &config.tls);
    if (rc != DF_OK)
        return rc;
    r->net = df__net_open(text, sizeof text);
    if (!r->net)
        return df_stage_failf(r->st, DF_ENOTSUP, "not_supported", "schemaRegistry: %s", text);
    rc = r->net->new_client(&config, &r->http);
    return rc == DF_OK ? rc : df_stage_fail(r->st, rc, NULL, "schemaRegistry: no HTTP client");
}

int df__kafka_registry_new(df_stage *st, const df__kafka_registry_options *o, df_avro *avro,
                           df__kafka_registry **ret)
{
    df__kafka_registry *r = df__zalloc(&df__heap_libc, sizeof *r);
    *ret = r;
    if (!r)
        return df_stage_fail(st, DF_ENOMEM, NULL, "no memory");
    r->st = st;
    r->avro = avro;
    int rc = take_urls(r, o->url);
    if (rc == DF_OK)
        rc = take_user(r, o->basic);
    return rc == DF_OK ? make_client(r, o) : rc;
}

static void free_schema(df__kafka_registry *r, df__kafka_schema *s)
{
    if (s->request)
        r->net->end(s->request);
    df__kafka_reply_free(&s->reply);
    df_avro_program_free(s->program);
    df_avro_schema_free(s->schema);
    df__free(&df__heap_libc, s->path);
    df__free(&df__heap_libc, s->body);
    df__free(&df__heap_libc, s->text);
    df__free(&df__heap_libc, s);
}

static void free_list(df__kafka_registry *r, df__kafka_schema *s)
{
    while (s) {
        df__kafka_schema *next = s->next;
        free_schema(r, s);
        s = next;
    }
}

void df__kafka_registry_free(df__kafka_registry *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        free_list(r, r->numbered[i]);
    free_list(r, r->named);
    if (r->http)
        r->net->free_client(r->http);
    wipe(r->basic);
    wipe(r->urls);
    df__free(&df__heap_libc, r);
}

/* ---- questions ------------------------------------------------------------------------------- */

static df__kafka_schema *add(df__kafka_schema **list, const char *path, const char *body)
{
    df__kafka_schema *s = df__zalloc(&df__heap_libc, sizeof *s);
    if (!s)
        return NULL;
    s->path = df__strdup(&df__heap_libc, path);
    s->body = body != NULL ? df__strdup(&df__heap_libc, body) : NULL;
    s->status = DF_AGAIN;
    s->reply.id = -1;
    if (!s->path || (body && !s->body)) {
        df__free(&df__heap_libc, s->path);
        df__free(&df__heap_libc, s);
        return NULL;
    }
    s->next = *list;
    *list = s;
    return s;
}

/* Damaged payloads name any number: what is known of those is not kept for ever. */
static void forget_missing(df__kafka_registry *r)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (df__kafka_schema **at = &r->numbered[i]; *at != NULL;) {
            df__kafka_schema *s = *at;
            if (s->status != DF_ENOTFOUND) {
                at = &s->next;
                continue;
            }
            *at = s->next;
            free_schema(r, s);
        }
    r->missing = 0;
}

df__kafka_schema *df__kafka_schema_numbered(df__kafka_registry *r, uint32_t number)
{
    char path[40];
    for (df__kafka_schema *s = r->numbered[number % BUCKETS]; s != NULL; s = s->next)
        if (s->number == number)
            return s;
    if (r->missing >= KEPT)
        forget_missing(r);
    (void)snprintf(path, sizeof path, "/schemas/ids/%u", number);
    df__kafka_schema *s = add(&r->numbered[number % BUCKETS], path, NULL);
    if (s)
        s->number = s->id = number;
    return s;
}

df__kafka_schema *df__kafka_schema_fresh(df__kafka_registry *r, const char *path, const char *body)
{
    return add(&r->named, path, body);
}

df__kafka_schema *df__kafka_schema_named(df__kafka_registry *r, const char *path)
{
    for (df__kafka_schema *s = r->named; s != NULL; s = s->next)
        if (!s->body && strcmp(s->path, path) == 0)
            return s;
    return add(&r->named, path, NULL);
}

void df__kafka_schema_drop(df__kafka_registry *r, df__kafka_schema *schema)
{
    df__kafka_schema **at = &r->named;
    while (*at && *at != schema)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = schema->next;
    r->under_way -= schema->request != NULL;
    free_schema(r, schema);
}

char *df__kafka_registry_path(const char *before, const char *name, const char *after)
{
    df__buf b;
    df__buf_init(&b, &df__heap_libc);
    df__buf_str(&b, before);
    df__percent_add(&b, name);
    df__buf_str(&b, after);
    char *text = df__buf_cstr(&b) != NULL ? df__strdup(&df__heap_libc, b.data) : NULL;
    df__buf_free(&b);
    return text;
}

/* ---- answers --------------------------------------------------------------------------------- */

static const char *server_of(const df__kafka_registry *r, const df__kafka_schema *s)
{
    return r->servers[s->server < r->server_count ? s->server : 0];
}

/* It cannot be asked now: the next one, and after all of them a pause. */
static void set_trouble(df__kafka_registry *r, df__kafka_schema *s, int64_t after_ms,
                        const char *text)
{
    unsigned rounds = ++r->fails / (unsigned)r->server_count;
    int64_t pause = PAUSE_MS;
    for (unsigned i = 1; i < rounds && pause < PAUSE_MOST_MS; i++)
        pause *= 2;
    if (r->fails % r->server_count != 0)
        pause = 0;
    pause = pause < PAUSE_MOST_MS ? pause : PAUSE_MOST_MS;
    if (s->server == r->server)
        r->server = (r->server + 1) % r->server_count;
    s->due_ms = df__kafka_clock_ms() + (after_ms > pause ? after_ms : pause);
    df__text_printf(r->trouble, sizeof r->trouble, "the schema registry %.200s: %s",
                    server_of(r, s), text);
    if (r->fails >= r->server_count && df__kafka_gate_open(&r->gate, 60000))
        df_stage_logf(r->st, DF_LOG_WARN, "%s; records wait", r->trouble);
}

static void set_status(df__kafka_schema *s, int status, const char *text)
{
    s->status = status;
    df__free(&df__heap_libc, s->text);
    s->text = df__strdup(&df__heap_libc, text);
}

static void set_answer(df__kafka_registry *r, df__kafka_schema *s, int status, const char *what)
{
    char text[700];
    df__text_printf(text, sizeof text, "the schema registry %.200s %s %.200s", server_of(r, s),
                    what, s->path);
    set_status(s, status, text);
}

/* 1: it is waited for: a follower may have it later. Registries count from 1. */
static int is_patient(df__kafka_registry *r, df__kafka_schema *s, int64_t now)
{
    if (s->body || s->pause_ms > 0 || strcmp(s->path, "/schemas/ids/0") == 0)
        return 0;
    if (now >= r->lost_until)
        r->lost = 0;
    return r->lost < PATIENT && now - s->missed_ms < PATIENCE_MS;
}

static void set_missing(df__kafka_registry *r, df__kafka_schema *s)
{
    int64_t now = df__kafka_clock_ms();
    s->missed_ms = s->missed_ms != 0 ? s->missed_ms : now;
    if (is_patient(r, s, now)) {
        s->due_ms = now + AGAIN_MS;
        return;
    }
    if (s->pause_ms == 0) {
        r->missing++;
        r->lost_until = r->lost++ == 0 ? now + FORGET_MS : r->lost_until;
    }
    s->pause_ms = s->pause_ms == 0 ? LATER_MS : s->pause_ms * 2;
    s->pause_ms = s->pause_ms < LATER_MOST_MS ? s->pause_ms : LATER_MOST_MS;
    s->due_ms = now + s->pause_ms;
    set_answer(r, s, DF_ENOTFOUND, "does not have");
}

static void set_denied(df__kafka_registry *r, df__kafka_schema *s, int status)
{
    r->denied = 1;
    df__text_printf(r->trouble, sizeof r->trouble,
                    status == 401 ? "the schema registry %.200s asks for another user or password "
                                    "(401): check schemaRegistry.basicAuth"
                                  : "the schema registry %.200s does not let this user ask for "
                                    "%.200s (403): give it the right to read",
                    server_of(r, s), s->path);
}

/* "409, Schema being registered is incompatible …" of a refusal that asking again does not mend. */
static void set_refused(df__kafka_registry *r, df__kafka_schema *s, int status, df_bytes body)
{
    char text[900];
    df__kafka_reply reply;
    int rc = df__kafka_reply_read(body, &reply);
    df__text_printf(text, sizeof text, "the schema registry %.200s refuses %.200s: %d%s%.300s",
                    server_of(r, s), s->path, status,
                    rc == DF_OK && reply.message != NULL ? ", " : "",
                    rc == DF_OK && reply.message != NULL ? reply.message : "");
    set_status(s, DF_ESTATE, text);
    df__kafka_reply_free(&reply);
}

static int is_missing_code(df_bytes body)
{
    df__kafka_reply reply;
    int found =
        df__kafka_reply_read(body, &reply) == DF_OK && reply.code >= 40401 && reply.code <= 40409;
    df__kafka_reply_free(&reply);
    return found;
}

static void take_whole(df__kafka_registry *r, df__kafka_schema *s, const df__http_reply *reply)
{
    int rc = df__kafka_reply_read(reply->body, &s->reply);
    if (rc != DF_OK) {
        set_trouble(r, s, 0,
                    "its answer is not that of a schema registry; does schemaRegistry.url name the "
                    "base of its API?");
        return;
    }
    r->fails = 0;
    r->trouble[0] = '\0';
}

/* There was no whole reply. */
static void take_failure(df__kafka_registry *r, df__kafka_schema *s, const df__http_reply *reply)
{
    const char *text = reply->text != NULL ? reply->text : "no answer";
    if (reply->rc == DF_ETOOBIG) {
        set_answer(r, s, DF_EDATA, "has an answer of more than 8 MiB to");
    } else if (reply->rc == DF_EAUTH) {
        r->denied = 1;
        df__text_printf(r->trouble, sizeof r->trouble, "the schema registry: %.300s", text);
    } else {
        set_trouble(r, s, 0, text);
    }
}

/* Nothing is known by that. */
static void take_away(df__kafka_registry *r, df__kafka_schema *s, const df__http_reply *reply)
{
    char text[200];
    int elsewhere = reply->status == 404 || reply->status / 100 == 3;
    df__text_printf(text, sizeof text, "answers with status %d%s", reply->status,
                    elsewhere ? "; does schemaRegistry.url name the base of its API?" : "");
    set_trouble(r, s, reply->retry_after_us > 0 ? reply->retry_after_us / 1000 : 0, text);
}

enum meaning { WHOLE, DENIED, MISSING, AWAY, REFUSED };
static enum meaning meaning_of(const df__http_reply *reply)
{
    static const struct {
        int from, to;
        enum meaning meaning;
    } rows[] = {{200, 299, WHOLE}, {300, 399, AWAY}, {401, 401, DENIED}, {403, 403, DENIED},
                {408, 408, AWAY},  {429, 429, AWAY}, {500, 599, AWAY}};
    if (reply->status == 404)
        return is_missing_code(reply->body) ? MISSING : AWAY;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (reply->status >= rows[i].from && reply->status <= rows[i].to)
            return rows[i].meaning;
    return REFUSED;
}

static void take_reply(df__kafka_registry *r, df__kafka_schema *s, const df__http_reply *reply)
{
    if (reply->rc != DF_OK) {
        take_failure(r, s, reply);
        return;
    }
    enum meaning meaning = meaning_of(reply);
    if (s->any && reply->status != 401 && (meaning != AWAY || reply->status == 404)) {
        r->fails = 0;
        s->status = DF_OK;
        return;
    }
    switch (meaning) {
    case WHOLE:
        take_whole(r, s, reply);
        break;
    case DENIED:
        set_denied(r, s, reply->status);
        break;
    case MISSING:
        r->fails = 0;
        set_missing(r, s);
        break;
    case AWAY:
        take_away(r, s, reply);
        break;
    case REFUSED:
        set_refused(r, s, reply->status, reply->body);
    }
}

/* Not compressed: Apicurio 3.3 compresses such an answer twice. */
static int start(df__kafka_registry *r, df__kafka_schema *s)
{
    df__http_header headers[3] = {
        {"accept", "application/vnd.schemaregistry.v1+json, application/json", DF__HTTP_OPEN}};
    df__http_call call = {
        .headers = headers, .header_count = 1, .total_us = TOTAL_US, .follow = !s->body};
    if (r->basic)
        headers[call.header_count++] =
            (df__http_header){"authorization", r->basic, DF__HTTP_SECRET};
    if (s->body) {
        headers[call.header_count++] = (df__http_header){
            "content-type", "application/vnd.schemaregistry.v1+json", DF__HTTP_OPEN};
        call.method = "POST";
        call.body = (df_bytes){s->body, strlen(s->body)};
        call.repeatable = 1; /* the same text is the same version */
    }
    df__buf url;
    df__buf_init(&url, &df__heap_libc);
    s->server = r->server;
    df__buf_str(&url, server_of(r, s));
    df__buf_str(&url, s->path);
    call.url = df__buf_cstr(&url);
    int rc = call.url != NULL ? r->net->start(r->http, &call, &s->request) : DF_ENOMEM;
    df__buf_free(&url);
    if (rc == DF_EINVAL || rc == DF_EAUTH)
        return df_stage_failf(r->st, DF_EINVAL, "invalid_config", "schemaRegistry.url: %.300s",
                              r->net->errmsg(r->http));
    if (rc == DF_ENOMEM)
        return df_stage_fail(r->st, rc, NULL, "no memory to ask the schema registry");
    if (rc != DF_OK)
        set_trouble(r, s, 0, r->net->errmsg(r->http));
    r->under_way += rc == DF_OK;
    return DF_OK;
}

/* ---- references ------------------------------------------------------------------------------ */

static df__kafka_schema *reference_at(df__kafka_registry *r, const df__kafka_schema *s, size_t i)
{
    const df__kafka_reference *reference = &s->reply.references[i];
    char after[48];
    (void)snprintf(after, sizeof after, "/versions/%lld", (long long)reference->version);
    char *path = df__kafka_registry_path("/subjects/", reference->subject, after);
    df__kafka_schema *found = path != NULL ? df__kafka_schema_named(r, path) : NULL;
    df__free(&df__heap_libc, path);
    if (found && found->depth <= s->depth)
        found->depth = s->depth + 1;
    return found;
}

static int get(df__kafka_registry *r, df__kafka_schema *s);

/* All of them are asked for at once. DF_OK: `refs` is filled. */
static int get_references(df__kafka_registry *r, df__kafka_schema *s, const df_avro_schema **refs)
{
    char text[900];
    int all = DF_OK;
    for (size_t i = 0; i < s->reply.reference_count; i++) {
        df__kafka_schema *one = reference_at(r, s, i);
        if (!one)
            return DF_ENOMEM;
        int round = one->entered || one->depth > DEPTH;
        int rc = round ? DF_EDATA : get(r, one);
        if (rc == DF_OK && one->schema) {
            refs[i] = one->schema;
        } else if (rc == DF_AGAIN) {
            all = DF_AGAIN;
        } else if (rc == DF_EDATA || rc == DF_ENOTFOUND || rc == DF_ESTATE || rc == DF_OK) {
            df__text_printf(text, sizeof text, "%s refers to version %lld of subject %.120s: %s",
                            s->path, (long long)s->reply.references[i].version,
                            s->reply.references[i].subject,
                            round               ? "references go round in a circle"
                            : one->text != NULL ? one->text
                                                : "it has no schema");
            set_status(s, rc == DF_ENOTFOUND ? rc : DF_EDATA, text);
            s->due_ms = one->due_ms;
            return s->status;
        } else {
            return rc;
        }
    }
    return all;
}

static int parse(df__kafka_registry *r, df__kafka_schema *s, const df_avro_schema *const *refs)
{
    char text[900];
    df_bytes schema = {s->reply.schema, s->reply.schema_len};
    int rc = df_avro_parse(r->avro, schema, refs, s->reply.reference_count, &s->schema);
    if (rc == DF_OK || rc == DF_ENOMEM)
        return rc;
    df__text_printf(text, sizeof text, "%s of the schema registry cannot be used: %.400s", s->path,
                    df_avro_error(r->avro));
    set_status(s, DF_EDATA, text);
    return DF_EDATA;
}

/* Parses it when its references are there. */
static int make_schema(df__kafka_registry *r, df__kafka_schema *s)
{
    const df_avro_schema **refs =
        df__zalloc(&df__heap_libc, (s->reply.reference_count + 1) * sizeof *refs);
    int rc = DF_ENOMEM;
    s->entered = 1;
    if (refs)
        rc = get_references(r, s, refs);
    s->entered = 0;
    if (rc == DF_OK)
        rc = parse(r, s, refs);
    df__free(&df__heap_libc, refs);
    return rc;
}

/* The answer is there. */
static int assemble(df__kafka_registry *r, df__kafka_schema *s)
{
    char text[400];
    int rc = DF_OK;
    if (s->reply.id >= 0 && s->reply.id <= UINT32_MAX)
        s->id = (uint32_t)s->reply.id;
    if (strcmp(s->reply.type, "AVRO") != 0) {
        df__text_printf(text, sizeof text, "%s is no Avro schema: its schemaType is %.40s", s->path,
                        s->reply.type);
        set_status(s, DF_EDATA, text);
    } else if (s->body != NULL ? s->reply.id < 0 : !s->reply.schema) {
        set_status(s, DF_EDATA, "the answer of the schema registry has no schema");
    } else {
        rc = !s->body ? make_schema(r, s) : DF_OK;
        s->status = rc == DF_OK ? DF_OK : s->status;
    }
    if (rc == DF_ENOMEM)
        return df_stage_fail(r->st, DF_ENOMEM, NULL, "no memory for a schema");
    if (s->status != DF_AGAIN)
        df__kafka_reply_free(&s->reply);
    return rc != DF_OK ? rc : s->status;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void take_done(df__kafka_registry *r, df__kafka_schema *list)
{
    for (df__kafka_schema *s = list; s != NULL; s = s->next) {
        df__http_request *request = s->request;
        if (!request || !r->net->done(request))
            continue;
        take_reply(r, s, r->net->reply_of(request));
        s->request = NULL;
        r->net->end(request);
        r->under_way--;
    }
}

static void drive(df__kafka_registry *r)
{
    if (r->under_way == 0)
        return;
    r->net->drive(r->http);
    for (size_t i = 0; i < BUCKETS; i++)
        take_done(r, r->numbered[i]);
    take_done(r, r->named);
}

static int get(df__kafka_registry *r, df__kafka_schema *s)
{
    int64_t now;
    if (s->status == DF_OK || s->status == DF_EDATA || s->status == DF_ESTATE)
        return s->status;
    if (s->reply.doc)
        return assemble(r, s);
    if (s->request)
        return DF_AGAIN;
    now = df__kafka_clock_ms();
    if (now < s->due_ms)
        return s->status;
    s->status = DF_AGAIN;
    int rc = start(r, s);
    return rc == DF_OK ? DF_AGAIN : rc;
}

int df__kafka_schema_get(df__kafka_registry *r, df__kafka_schema *schema)
{
    if (schema->status == DF_OK)
        return DF_OK;
    drive(r);
    if (r->denied) {
        r->denied = 0;
        return df_stage_failf(r->st, DF_EAUTH, "auth_error", "%s", r->trouble);
    }
    return get(r, schema);
}

const char *df__kafka_registry_trouble(const df__kafka_registry *r)
{
    return r->fails >= r->server_count ? r->trouble : NULL;
}

int df__kafka_registry_wait(df__kafka_registry *r, int timeout_ms)
{
    int most = r->under_way > 0 ? r->net->timeout_ms(r->http) : -1;
    timeout_ms = timeout_ms < SLICE_MS ? timeout_ms : SLICE_MS;
    if (most >= 0 && most < timeout_ms)
        timeout_ms = most;
    int rc = df_stage_wait(r->st, r->net->fd(r->http), POLLIN, timeout_ms);
    return rc == DF_ECANCELED || df_stage_stopping(r->st) ? DF_ECANCELED : DF_OK;
}

int df__kafka_registry_reach(df__kafka_registry *r)
{
    df__kafka_schema *types = df__kafka_schema_named(r, "/schemas/types");
    if (!types)
        return df_stage_fail(r->st, DF_ENOMEM, NULL, "no memory to ask the schema registry");
    types->any = 1;
    return df__kafka_schema_wait(r, types);
}

int df__kafka_schema_wait(df__kafka_registry *r, df__kafka_schema *schema)
{
    int rc;
    while ((rc = df__kafka_schema_get(r, schema)) == DF_AGAIN) {
        if (df__kafka_registry_trouble(r))
            return df_stage_failf(r->st, DF_EIO, "connection_error", "%s", r->trouble);
        if (df__kafka_registry_wait(r, SLICE_MS) != DF_OK)
            return DF_ECANCELED;
    }
    return rc;
}
