/* SPDX-License-Identifier: Apache-2.0
 * format.c: the option `format` and what belongs to it: the schema that the options give, the
 * registry, and the codec of a stage.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/security.h"
#include "coder.h"
#include "format.h"
#include "util/buf.h"
#include "util/heap.h"

enum { SCHEMA_MOST = 4 << 20 };

/* ---- options --------------------------------------------------------------------------------- */

static const df_option basic_rows[] = {
    {.name = "username",
     .type = DF_OPT_SECRET,
     .flags = DF_OPT_REF,
     .offset = offsetof(df__kafka_basic, username),
     .doc = "User name."},
    {.name = "password",
     .type = DF_OPT_SECRET,
     .flags = DF_OPT_REF,
     .offset = offsetof(df__kafka_basic, password),
     .doc = "Password."},
};
static const df_options basic_table = DF_OPTIONS(basic_rows, df__kafka_basic);

static const df_option registry_rows[] = {
    {.name = "url",
     .type = DF_OPT_TEXT,
     .of = DF_OPT_TEXT,
     .flags = DF_OPT_REQUIRED | DF_OPT_REF,
     .offset = offsetof(df__kafka_registry_options, url),
     .doc = "Base URL of its API (Confluent's v1); several with a comma between, or a list: the "
            "next is asked when one does not answer."},
    {.name = "basicAuth",
     .type = DF_OPT_BLOCK,
     .offset = offsetof(df__kafka_registry_options, basic),
     .block = &basic_table,
     .doc = "User and password for the registry; sent when both are there."},
    {.name = "tls",
     .type = DF_OPT_BLOCK,
     .offset = offsetof(df__kafka_registry_options, tls),
     .block = &df__tls_block_options,
     .doc = "TLS to the registry; without the block the authorities of the system count."},
};
const df_options df__kafka_registry_table = DF_OPTIONS(registry_rows, df__kafka_registry_options);

/* ---- rules ----------------------------------------------------------------------------------- */

static void check_url(df_stage *st, const df__kafka_registry_options *o)
{
    const char *text = o->url.data;
    int http = 0, plain = 0;
    if (!text || strstr(text, "${"))
        return;
    for (const char *at = text; *at != '\0';) {
        size_t len;
        at += strspn(at, ", \t\r\n");
        len = strcspn(at, ", \t\r\n");
        if (len == 0)
            break;
        http = strncasecmp(at, "http://", 7) == 0;
        if (!http && strncasecmp(at, "https://", 8) != 0)
            (void)df_stage_problem(st, DF_ERROR, "schemaRegistry.url",
                                   "must begin with http:// or https://");
        else if (memchr(at, '@', len))
            (void)df_stage_problem(st, DF_ERROR, "schemaRegistry.url",
                                   "holds a user or password: give them in basicAuth");
        plain |=
            http && strncasecmp(at + 7, "127.", 4) != 0 && strncasecmp(at + 7, "localhost", 9) != 0;
        at += len;
    }
    if (plain && o->basic)
        (void)df_stage_problem(st, DF_WARNING, "schemaRegistry.basicAuth",
                               "without TLS everybody between can read the password; use https");
}

static void check_registry(df_stage *st, const df__kafka_registry_options *o)
{
    check_url(st, o);
    if (o->basic && (!o->basic->username) != (!o->basic->password))
        (void)df_stage_problem(st, DF_WARNING, "schemaRegistry.basicAuth",
                               "has no effect: username and password are sent only together");
    if (o->tls)
        df__kafka_tls_check(st, "schemaRegistry.tls", o->tls);
}

/* The schema is read as far as it is known before a run. */
static void check_schema(df_stage *st, df_bytes text)
{
    df_avro_schema *schema = NULL;
    df_avro *avro = text.len > 0 ? df_avro_new(st) : NULL;
    if (!avro)
        return;
    if (df_avro_parse(avro, text, NULL, 0, &schema) == DF_ESPEC)
        (void)df_stage_problemf(st, DF_ERROR, "avroSchema", "%s", df_avro_error(avro));
    df_avro_schema_free(schema);
    df_avro_free(avro);
}

void df__kafka_format_check(df_stage *st, const df__kafka_format *o)
{
    const struct {
        const char *name;
        int given;
    } rows[] = {{"avroSchema", o->schema.data != NULL},
                {"avroSchemaFile", o->schema_file.data != NULL},
                {"schemaRegistry", o->registry != NULL}};
    int any = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        any |= rows[i].given;
        if (rows[i].given && o->kind != DF__KAFKA_FORMAT_AVRO)
            (void)df_stage_problem(st, DF_ERROR, rows[i].name, "needs format: avro");
    }
    if (o->kind != DF__KAFKA_FORMAT_AVRO)
        return;
    if (!any)
        (void)df_stage_problem(st, DF_ERROR, "format",
                               "avro needs the schema: schemaRegistry, avroSchema or "
                               "avroSchemaFile");
    if (rows[0].given && rows[1].given)
        (void)df_stage_problem(st, DF_WARNING, "avroSchemaFile", "has no effect beside avroSchema");
    check_schema(st, o->schema);
    if (o->registry)
        check_registry(st, o->registry);
}

/* ---- open and close -------------------------------------------------------------------------- */

static int read_all(int fd, df__buf *to)
{
    ssize_t n;
    do {
        char *room = to->len <= SCHEMA_MOST ? df__buf_reserve(to, 16384) : NULL;
        if (!room) {
            errno = to->failed ? ENOMEM : EFBIG;
            return -1;
        }
        n = read(fd, room, 16384);
        to->len += n > 0 ? (size_t)n : 0;
    } while (n > 0 || (n < 0 && errno == EINTR));
    return n < 0 ? -1 : 0;
}

static int read_file(df__kafka_coder *c, const char *path, df__buf *to)
{
    int rc = df_stage_file(c->st, path);
    if (rc != DF_OK)
        return rc;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read_all(fd, to) != 0)
        rc = df_stage_failf(c->st, DF_EINVAL, "invalid_config", "avroSchemaFile: %s: %s", path,
                            errno == EFBIG ? "is larger than 4 MiB" : strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    return rc;
}

/* The schema of the options, inline first. */
static int take_given(df__kafka_coder *c)
{
    df__buf file;
    df_bytes text = c->o->schema;
    const char *option = text.data != NULL ? "avroSchema" : "avroSchemaFile";
    int rc = DF_OK;
    df__buf_init(&file, &df__heap_libc);
    if (!text.data && c->o->schema_file.data) {
        rc = read_file(c, c->o->schema_file.data, &file);
        text = (df_bytes){df__buf_cstr(&file), file.len};
    }
    if (rc == DF_OK && text.data) {
        rc = df_avro_parse(c->avro, text, NULL, 0, &c->given);
        if (rc == DF_ESPEC)
            rc = df_stage_failf(c->st, DF_EINVAL, "invalid_config", "%s: %s", option,
                                df_avro_error(c->avro));
        char *copy = df__strdup(&df__heap_libc, text.data);
        c->given_text = (df_bytes){copy, copy != NULL ? strlen(copy) : 0};
        if (!copy || rc == DF_ENOMEM)
            rc = df_stage_fail(c->st, DF_ENOMEM, NULL, "no memory for a schema");
    }
    df__buf_free(&file);
    return rc;
}

int df__kafka_coder_open(df_stage *st, const df__kafka_format *o, df__kafka_coder **ret)
{
    *ret = NULL;
    if (o->kind == DF__KAFKA_FORMAT_JSON)
        return DF_OK;
    df__kafka_coder *c = df__zalloc(&df__heap_libc, sizeof *c);
    *ret = c;
    if (!c)
        return df_stage_fail(st, DF_ENOMEM, NULL, "no memory");
    c->st = st;
    c->o = o;
    if (o->kind != DF__KAFKA_FORMAT_AVRO)
        return DF_OK;
    c->avro = df_avro_new(st);
    if (!c->avro)
        return df_stage_fail(st, DF_ENOMEM, NULL, "no memory");
    int rc = take_given(c);
    if (rc == DF_OK && o->registry)
        rc = df__kafka_registry_new(st, o->registry, c->avro, &c->registry);
    if (rc == DF_OK && c->registry)
        rc = df__kafka_registry_reach(c->registry);
    if (rc == DF_OK && !c->registry && !c->given)
        rc = df_stage_fail(st, DF_EINVAL, "invalid_config",
                           "format: avro needs schemaRegistry, avroSchema or avroSchemaFile");
    return rc;
}

void df__kafka_coder_close(df__kafka_coder *c)
{
    if (!c)
        return;
    df__kafka_registry_free(c->registry);
    df_avro_program_free(c->fixed);
    df_avro_schema_free(c->given);
    df_avro_free(c->avro);
    df__free(&df__heap_libc, (char *)(uintptr_t)c->given_text.data);
    df__free(&df__heap_libc, c);
}

int df__kafka_coder_probe(df_stage *st, const df__kafka_format *o)
{
    df__kafka_coder *c = NULL;
    int rc = df__kafka_coder_open(st, o, &c);
    df__kafka_coder_close(c);
    return rc;
}

/* ---- waiting --------------------------------------------------------------------------------- */

void df__kafka_coder_tell(df__kafka_coder *c, int waits)
{
    if (waits == c->troubled)
        return;
    c->troubled = waits;
    df_stage_waits(c->st, waits ? "the schema registry" : NULL);
    df_stage_connected(c->st, !waits);
}

int df__kafka_coder_wait(df__kafka_coder *c, int timeout_ms)
{
    return df__kafka_registry_wait(c->registry, timeout_ms);
}
