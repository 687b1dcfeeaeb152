/* SPDX-License-Identifier: Apache-2.0
 * security.c: securityProtocol, tls and sasl: their options, the rules between them, and what the
 * client gets of them. Certificates and keys that come as text are given to the client as files
 * that exist in memory only: it reads a whole chain from a file, but the first certificate of a
 * text.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "expiry.h"
#include "security.h"
#include "verify.h"

struct df__kafka_sasl {
    df_bytes mechanism;
    df_secret *username, *password;
    df__kafka_oauth oauth;
};
static const df_option sasl_rows[] = {
    {.name = "mechanism",
     .type = DF_OPT_TEXT,
     .def = "plain",
     .offset = offsetof(df__kafka_sasl, mechanism),
     .doc = "plain, scram-sha-256, scram-sha-512 or oauthbearer."},
    {.name = "username",
     .type = DF_OPT_SECRET,
     .flags = DF_OPT_REF,
     .offset = offsetof(df__kafka_sasl, username),
     .doc = "User name; not with oauthbearer."},
    {.name = "password",
     .type = DF_OPT_SECRET,
     .flags = DF_OPT_REF,
     .offset = offsetof(df__kafka_sasl, password),
     .doc = "Password; not with oauthbearer."},
    {.name = "tokenEndpointURL",
     .type = DF_OPT_TEXT,
     .flags = DF_OPT_REF,
     .offset = offsetof(df__kafka_sasl, oauth.url),
     .doc = "oauthbearer: where access tokens are asked for with client credentials; https, or "
            "http of this machine."},
    {.name = "clientID",
     .type = DF_OPT_SECRET,
     .flags = DF_OPT_REF,
     .offset = offsetof(df__kafka_sasl, oauth.client_id),
     .doc = "oauthbearer: id of the client there."},
    {.name = "clientSecret",
     .type = DF_OPT_SECRET,
     .flags = DF_OPT_REF,
     .offset = offsetof(df__kafka_sasl, oauth.client_secret),
     .doc = "oauthbearer: its secret."},
    {.name = "scope",
     .type = DF_OPT_TEXT,
     .offset = offsetof(df__kafka_sasl, oauth.scope),
     .doc = "oauthbearer: scopes to ask for, blank between."},
    {.name = "extensions",
     .type = DF_OPT_MAP,
     .offset = offsetof(df__kafka_sasl, oauth.extensions),
     .doc = "oauthbearer: SASL extensions for the brokers, name to value (logicalCluster: lkc-1)."},
    {.name = "tokenEndpointCaFile",
     .type = DF_OPT_TEXT,
     .offset = offsetof(df__kafka_sasl, oauth.ca_file),
     .doc = "oauthbearer: PEM file with the certificates to trust there (those of the system)."},
};
const df_options df__kafka_sasl_table = DF_OPTIONS(sasl_rows, df__kafka_sasl);

/* ---- words ----------------------------------------------------------------------------------- */

/* The word that text means, in any case, "-" for "_" or the other way round; NULL: none of them. */
static const char *word_of(df_bytes text, const char *const *words)
{
    const char *at = text.data;
    for (; *words != NULL; words++) {
        size_t i = 0;
        for (; i < text.len && (*words)[i] != '\0'; i++) {
            char c = at[i] >= 'a' && at[i] <= 'z' ? (char)(at[i] - 'a' + 'A') : at[i];
            int is_dash = c == '-' || c == '_';
            if (is_dash ? (*words)[i] != '-' && (*words)[i] != '_' : c != (*words)[i])
                break;
        }
        if (i == text.len && (*words)[i] == '\0')
            return *words;
    }
    return NULL;
}

static const char *const protocols[] = {"PLAINTEXT", "SASL_PLAINTEXT", "SSL", "SASL_SSL", NULL};
static const char *const mechanisms[] = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER",
                                         NULL};

/* The protocol; NULL: the word is none. Without a word the blocks that are there say it. */
static const char *protocol_of(const df__kafka_common *o)
{
    if (o->security.len == 0)
        return protocols[(o->tls != NULL ? 2 : 0) + (o->sasl != NULL ? 1 : 0)];
    return word_of(o->security, protocols);
}

static int is_tls(const char *protocol)
{
    return strstr(protocol, "SSL") != NULL;
}

static int is_sasl(const char *protocol)
{
    return strncmp(protocol, "SASL", 4) == 0;
}

static const char *mechanism_of(const df__kafka_sasl *sasl)
{
    return sasl->mechanism.len == 0 ? "PLAIN" : word_of(sasl->mechanism, mechanisms);
}

const char *df__kafka_mechanism(const df__kafka_common *o)
{
    return o->sasl != NULL ? mechanism_of(o->sasl) : NULL;
}

static int is_oauth(const df__kafka_sasl *sasl)
{
    const char *mechanism = mechanism_of(sasl);
    return mechanism != NULL && strcmp(mechanism, "OAUTHBEARER") == 0;
}

const df__kafka_oauth *df__kafka_oauth_of(const df__kafka_common *o)
{
    const char *protocol = protocol_of(o);
    return protocol != NULL && is_sasl(protocol) && o->sasl && is_oauth(o->sasl) ? &o->sasl->oauth
                                                                                 : NULL;
}

/* ---- rules ----------------------------------------------------------------------------------- */

static void check_protocol(df_stage *st, const df__kafka_common *o, const char *protocol)
{
    const struct {
        int broken;
        const char *text;
    } rules[] = {
        {!is_tls(protocol) && o->tls != NULL, "goes without tls: choose SSL or SASL_SSL, or remove "
                                              "the block tls"},
        {is_tls(protocol) && !o->tls, "needs the block tls; tls: {} trusts the certificates "
                                      "of the system"},
        {!is_sasl(protocol) && o->sasl != NULL, "goes without sasl: choose SASL_SSL or "
                                                "SASL_PLAINTEXT, or remove the block sasl"},
        {is_sasl(protocol) && !o->sasl, "needs the block sasl with username and password"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (rules[i].broken)
            (void)df_stage_problemf(st, DF_ERROR, "securityProtocol", "%s %s", protocol,
                                    rules[i].text);
    if (o->sasl && !is_tls(protocol))
        (void)df_stage_problemf(st, DF_WARNING, "sasl",
                                "without tls everybody between can read %s; use SASL_SSL",
                                mechanism_of(o->sasl) == mechanisms[0] ? "the password"
                                : is_oauth(o->sasl)                    ? "the access token"
                                                                       : "the records");
}

/* What a mechanism needs, and what only another one uses. */
static void check_sasl(df_stage *st, const df__kafka_sasl *sasl)
{
    int oauth = is_oauth(sasl);
    const struct {
        const char *name;
        int given, for_oauth, needed, twin;
    } rows[] = {
        {"username", sasl->username != NULL, 0, 1, 1},
        {"password", sasl->password != NULL, 0, 1, 1},
        {"tokenEndpointURL", sasl->oauth.url.data != NULL, 1, 1, 1},
        {"clientID", sasl->oauth.client_id != NULL, 1, 1, 1},
        {"clientSecret", sasl->oauth.client_secret != NULL, 1, 1, 1},
        {"scope", sasl->oauth.scope.data != NULL, 1, 0, 0},
        {"extensions", sasl->oauth.extensions.count > 0, 1, 0, 0},
        {"tokenEndpointCaFile", sasl->oauth.ca_file.data != NULL, 1, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].for_oauth == oauth && rows[i].needed && !rows[i].given)
            (void)df_stage_problemf(st, DF_ERROR, "sasl", "\"%s\" or \"%sSecretRef\" is required",
                                    rows[i].name, rows[i].name);
        else if (rows[i].for_oauth != oauth && rows[i].given)
            (void)df_stage_problemf(st, DF_ERROR, "sasl", "\"%s\" is not for the mechanism %s",
                                    rows[i].name, mechanism_of(sasl));
    }
}

void df__kafka_tls_check(df_stage *st, const char *where, const df__kafka_tls *tls)
{
    char option[64];
    int has_ca = tls->ca != NULL || tls->ca_file.len > 0;
    int has_cert = tls->cert != NULL || tls->cert_file.len > 0;
    int has_key = tls->key != NULL || tls->key_file.len > 0;
    (void)snprintf(option, sizeof option, "%s.insecureSkipVerify", where);
    if (tls->insecure)
        (void)df_stage_problem(st, DF_WARNING, option,
                               has_ca ? "has no effect: there are certificates to trust"
                                      : "anybody between can read and change the records; give the "
                                        "certificates to trust with caFile or caSecretRef");
    (void)snprintf(option, sizeof option, "%s.%s", where, has_cert ? "certFile" : "keyFile");
    if (has_cert != has_key)
        (void)df_stage_problemf(st, DF_WARNING, option,
                                "has no effect: a client certificate needs %s too",
                                has_cert ? "keyFile or keySecretRef" : "certFile or certSecretRef");
}

void df__kafka_security_check(df_stage *st, const df__kafka_common *o)
{
    const char *protocol = protocol_of(o);
    if (!protocol)
        (void)df_stage_problem(st, DF_ERROR, "securityProtocol",
                               "is not a protocol; the choices are PLAINTEXT, SSL, SASL_PLAINTEXT, "
                               "SASL_SSL");
    if (o->sasl && !mechanism_of(o->sasl))
        (void)df_stage_problem(st, DF_ERROR, "sasl.mechanism",
                               "is not a mechanism; the choices are plain, scram-sha-256, "
                               "scram-sha-512, oauthbearer");
    else if (protocol)
        check_protocol(st, o, protocol);
    if (o->sasl && mechanism_of(o->sasl))
        check_sasl(st, o->sasl);
    if (o->tls)
        df__kafka_tls_check(st, "tls", o->tls);
}

/* ---- what the client gets -------------------------------------------------------------------- */

/* A file in memory. -1: it cannot be made. */
static int memory_file(df_bytes text)
{
    size_t at = 0;
    int fd = memfd_create("certificate", MFD_CLOEXEC);
    while (fd >= 0 && at < text.len) {
        ssize_t n = write(fd, (const char *)text.data + at, text.len - at);
        if (n <= 0) {
            (void)close(fd);
            return -1;
        }
        at += (size_t)n;
    }
    return fd;
}

/* One certificate or key: an option with a path, or a secret with the text or a path. */
typedef struct pem {
    const char *option, *property;
    df_bytes file;
    df_secret *secret;
    df__kafka_dates *dates; /* to be set; NULL: of no interest */
    int64_t now_s;          /* as df__kafka_expiry_pem wants it */
} pem;

static void set_path(df__kafka_setup *s, const pem *p, const char *path)
{
    s->status = df_stage_file(s->st, path);
    if (s->status == DF_OK && access(path, R_OK) != 0)
        s->status = df_stage_failf(s->st, DF_EAUTH, "tls_error", "%s: %s cannot be read: %s",
                                   p->option, path, strerror(errno));
    if (s->status == DF_OK)
        df__kafka_set(s, p->option, p->property, path);
    if (s->status == DF_OK && p->dates)
        df__kafka_expiry_file(path, p->now_s, p->dates);
}

static void set_pem(df__kafka_setup *s, const pem *p)
{
    char path[64];
    df_bytes text;
    if (s->status != DF_OK || (!p->secret && p->file.len == 0))
        return;
    if (!p->secret) {
        set_path(s, p, p->file.data);
        return;
    }
    s->status = df_secret_get(p->secret, s->st, &text);
    if (s->status != DF_OK)
        return;
    if (text.len == 0)
        s->status =
            df_stage_failf(s->st, DF_EAUTH, "invalid_config", "%s: the secret is empty", p->option);
    else if (!memmem(text.data, text.len, "-----BEGIN", 10))
        set_path(s, p, text.data);
    else if ((s->files[s->file_count] = memory_file(text)) < 0)
        s->status =
            df_stage_failf(s->st, DF_ENOMEM, NULL, "%s: no descriptor or memory", p->option);
    else {
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", s->files[s->file_count++]);
        df__kafka_set(s, p->option, p->property, path);
        if (p->dates)
            (void)df__kafka_expiry_pem(text, p->now_s, p->dates);
    }
}

static void set_tls(df__kafka_setup *s, const df__kafka_tls *tls)
{
    int64_t now_s = df_stage_now(s->st) / 1000000;
    const pem ca = {"tls.ca", "ssl.ca.location", tls->ca_file, tls->ca, &s->dates.ca, now_s};
    const pem cert = {"tls.cert", "ssl.certificate.location", tls->cert_file,
                      tls->cert,  &s->dates.client,           0};
    const pem key = {"tls.key", "ssl.key.location", tls->key_file, tls->key, NULL, 0};
    int unverified = tls->insecure && !ca.secret && ca.file.len == 0;
    df__kafka_set(s, NULL, "ssl.endpoint.identification.algorithm", "https");
    df_stage_metric(s->st, DF__KAFKA_METRIC_UNVERIFIED, unverified);
    if (unverified) {
        df__kafka_set(s, NULL, "enable.ssl.certificate.verification", "false");
        df_stage_log(s->st, DF_LOG_WARN,
                     "the certificates of the brokers are not verified "
                     "(tls.insecureSkipVerify)");
    } else {
        rd_kafka_conf_set_ssl_cert_verify_cb(s->conf, df__kafka_verify);
    }
    set_pem(s, &ca);
    if ((cert.secret || cert.file.len > 0) && (key.secret || key.file.len > 0)) {
        set_pem(s, &cert);
        set_pem(s, &key);
    }
}

/* A text of the secret as a property. */
static void set_secret(df__kafka_setup *s, const char *option, const char *property,
                       df_secret *secret)
{
    df_bytes text;
    if (s->status != DF_OK)
        return;
    s->status = df_secret_get(secret, s->st, &text);
    if (s->status == DF_OK && text.len == 0)
        s->status = df_stage_failf(s->st, DF_EAUTH, "invalid_config", "%s: is empty", option);
    if (s->status == DF_OK)
        df__kafka_set(s, option, property, text.data);
}

/* The client asks for a token; token.c brings one by itself. */
static void renewed_anyway(rd_kafka_t *rk, const char *config, void *opaque)
{
    (void)rk, (void)config, (void)opaque;
}

void df__kafka_security_set(df__kafka_setup *s, const df__kafka_common *o)
{
    const char *protocol = protocol_of(o);
    if (s->checking || !protocol)
        return; /* df__kafka_security_check tells */
    df__kafka_set(s, "securityProtocol", "security.protocol", protocol);
    if (is_tls(protocol) && o->tls)
        set_tls(s, o->tls);
    if (is_sasl(protocol) && o->sasl) {
        df__kafka_set(s, "sasl.mechanism", "sasl.mechanism", mechanism_of(o->sasl));
        if (is_oauth(o->sasl)) {
            rd_kafka_conf_set_oauthbearer_token_refresh_cb(s->conf, renewed_anyway);
            return;
        }
        set_secret(s, "sasl.username", "sasl.username", o->sasl->username);
        set_secret(s, "sasl.password", "sasl.password", o->sasl->password);
    }
}

int df__kafka_no_client(df_stage *st, const df__kafka_common *o, const char *text)
{
    static const struct {
        const char *mark, *words;
    } causes[] = {
        {"key values mismatch", "tls: the key does not belong to the client's certificate"},
        {"ssl.ca.location", "tls: the certificates to trust cannot be read as PEM"},
        {"ssl.certificate.location", "tls: the client's certificate cannot be read as PEM"},
        {"ssl.key.location", "tls: the client's key cannot be read as PEM; is it encrypted?"},
    };
    for (size_t i = 0; o->tls != NULL && i < sizeof causes / sizeof causes[0]; i++)
        if (strstr(text, causes[i].mark))
            return df_stage_failf(st, DF_EAUTH, "tls_error", "%s (%s)", causes[i].words, text);
    if (rd_kafka_last_error() == RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE) /* threads, descriptors */
        return df_stage_failf(st, DF_EIO, "transient", "Kafka client: %s", text);
    return df_stage_failf(st, DF_EINVAL, "invalid_config", "Kafka client: %s", text);
}
