/* SPDX-License-Identifier: Apache-2.0
 * words.c: what the client's errors mean: what the core shall do about them, and what people shall
 * read.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "token.h"
#include "words.h"

enum { LOG_MS = 60000 };

void df__kafka_fail(df__kafka_failure *f, int status, const char *reason, const char *format, ...)
{
    va_list args;
    if (f->status != DF_OK)
        return;
    f->status = status;
    f->reason = reason;
    va_start(args, format);
    (void)vsnprintf(f->text, sizeof f->text, format, args);
    va_end(args);
}

int df__kafka_raise(const df__kafka_failure *f, df_stage *st)
{
    return df_stage_fail(st, f->status, f->reason, f->text);
}

/* ---- what ends a stage ----------------------------------------------------------------------- */

static const df__kafka_rule rules[] = {
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, DF_EAUTH, "auth_error", "check user and password"},
    {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, DF_EAUTH, "auth_error",
     "check user and password"},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM, DF_EAUTH, "auth_error",
     "choose another sasl.mechanism"},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, DF_EAUTH, "auth_error",
     "give this client the right to read or write the topic"},
    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, DF_EAUTH, "auth_error",
     "give this client the right to read with this consumerGroup"},
    {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, DF_EAUTH, "auth_error",
     "give this client the right IdempotentWrite on the cluster"},
    {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, DF_EAUTH, "auth_error",
     "give this client the right to write with the transactionalId"},
    {RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT, DF_EINVAL, "invalid_config",
     "transactionTimeout is more than the brokers allow (transaction.max.timeout.ms)"},
    {RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, DF_EFENCED, "fenced",
     "another process has the same instanceId; give each its own"},
    {RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL, DF_EINVAL, "invalid_config",
     "all members of the group must agree on the option cooperative"},
    {RD_KAFKA_RESP_ERR_INVALID_GROUP_ID, DF_EINVAL, "invalid_config", "correct consumerGroup"},
    {RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT, DF_EINVAL, "invalid_config",
     "session.timeout.ms is outside of what the brokers allow"},
    {RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, DF_EINVAL, "invalid_config", "correct the topic's name"},
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, DF_EINVAL, "message_too_large",
     "raise message.max.bytes"},
};

df__kafka_rule df__kafka_rule_of(rd_kafka_t *rk, rd_kafka_resp_err_t err)
{
    df__kafka_rule none = {err, DF_OK, NULL, NULL};
    df__kafka_rule fatal = {err, DF_EIO, "fatal_error", "the client is opened again"};
    int is_fatal = err == RD_KAFKA_RESP_ERR__FATAL;
    char text[16];
    if (is_fatal)
        err = rd_kafka_fatal_error(rk, text, sizeof text);
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (rules[i].err == err)
            return rules[i];
    return is_fatal ? fatal : none;
}

/* Copies without what only the client's authors need: "(after 3ms in state UP)", "/bootstrap". */
static void copy_plain(char *out, size_t cap, const char *text)
{
    size_t len = 0;
    while (*text != '\0' && len + 1 < cap)
        if (strncmp(text, "/bootstrap", 10) == 0)
            text += 10;
        else if (strncmp(text, " (after ", 8) == 0)
            break;
        else
            out[len++] = *text++;
    out[len] = '\0';
}

/* ---- TLS ------------------------------------------------------------------------------------- */

/* What is wrong with the broker's certificate, by the number that OpenSSL gives it. */
static const struct flaw {
    int number;
    const char *words;
} flaws[] = {
    {9, "is not valid yet; is the clock right?"},
    {10, "has expired; renew it"},
    {18, "is signed by itself; give it as the certificate to trust (tls.caFile)"},
    {62, "is for another host; write the host that is in it, or have one made with this host"},
    {64,
     "is for another address; write the host that is in it, or have one made with this address"},
};

static const char *flaw_words(int flaw)
{
    for (size_t i = 0; i < sizeof flaws / sizeof flaws[0]; i++)
        if (flaws[i].number == flaw)
            return flaws[i].words;
    return "is not signed by a certificate that is trusted; give that of the CA that signed it "
           "(tls.caFile or tls.caSecretRef)";
}

#define NOT_ACCEPTED                                                                               \
    "it does not accept the client's certificate: it has expired, or the CA that signed it is "    \
    "not "                                                                                         \
    "known there; intermediate certificates stand after it in tls.certFile or tls.certSecretRef"

/* TLS alerts, which a side sends when it ends the handshake, and what they mean. */
static const struct alert {
    const char *mark, *words;
} alerts[] = {
    {"alert bad certificate", "it wants a client certificate; give one with tls.certFile and "
                              "tls.keyFile, or their SecretRefs"},
    {"alert certificate required", "it wants a client certificate; give one with tls.certFile and "
                                   "tls.keyFile, or their SecretRefs"},
    {"alert certificate unknown", NOT_ACCEPTED},
    {"alert unknown ca", NOT_ACCEPTED},
    {"alert certificate expired", NOT_ACCEPTED},
    {"alert handshake failure", "client and broker have no TLS version or cipher in common"},
    {"alert protocol version", "client and broker have no TLS version in common"},
};

/* The broker of a message: from "ssl://host:port/bootstrap: ...", "GroupCoordinator: host:port:
 * ...".
 */
static int broker_of(const char *text, const char **ret)
{
    static const char coordinator[] = "GroupCoordinator: ";
    const char *at = strstr(text, "://");
    if (strncmp(text, coordinator, sizeof coordinator - 1) == 0)
        text += sizeof coordinator - 1;
    *ret = at != NULL ? at + 3 : text;
    size_t len = strcspn(*ret, "/ ");
    return (int)len - (len > 0 && (*ret)[len - 1] == ':');
}

/* What token.c says of a token that it does not get; NULL: it is not about that. */
static const char *token_words(const char *text)
{
    static const char mark[] = "OAUTHBEARER token: ";
    const char *at = strstr(text, mark);
    return at != NULL ? at + sizeof mark - 1 : NULL;
}

/* What the text alone tells of a refused user; NULL: nothing. */
static const char *user_words(const char *text)
{
    if (strstr(text, "OAUTHBEARER") || strstr(text, "invalid_token"))
        return "the broker does not accept the access token: check sasl.scope, and which issuer "
               "and audience it expects";

    if (strstr(text, "not valid in current SASL state"))
        return "this port wants no user; remove the block sasl, or is it another port?";
    if (rd_kafka_version() < 0x020601ff && strstr(text, "invalid credentials") &&
        strstr(text, "SCRAM"))
        return "check user and password; a broker of Kafka 4 refuses SCRAM of a librdkafka before "
               "2.6.1 whatever they are";
    return NULL;
}

/* A rule for why TLS did not come about; status DF_OK: it is not that. */
static df__kafka_rule tls_rule(rd_kafka_resp_err_t err, df__kafka_error_text *error)
{
    df__kafka_rule rule = {err, DF_EAUTH, "tls_error", NULL};
    const char *broker, *words = NULL;
    int len = broker_of(error->text, &broker);
    for (size_t i = 0; i < sizeof alerts / sizeof alerts[0]; i++)
        if (strstr(error->text, alerts[i].mark))
            words = alerts[i].words;
    if (strstr(error->text, "certificate verify failed"))
        (void)snprintf(error->words, sizeof error->words, "the certificate of broker %.*s %s", len,
                       broker, flaw_words(__atomic_load_n(&error->o->flaw, __ATOMIC_RELAXED)));
    else if (words)
        (void)snprintf(error->words, sizeof error->words, "broker %.*s: %s", len, broker, words);
    else
        rule.status = DF_OK;
    return rule;
}

df__kafka_rule df__kafka_rule_of_text(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                                      df__kafka_error_text *error)
{
    df__kafka_rule rule = tls_rule(err, error);
    if (rule.status != DF_OK)
        return rule;
    rule = df__kafka_rule_of(rk, err);
    if (token_words(error->text)) {
        (void)snprintf(error->words, sizeof error->words, "%s", token_words(error->text));
        rule.status = df__kafka_token_refused(error->o) ? DF_EAUTH : DF_OK;
        return rule;
    }
    if (rule.status == DF_EAUTH && user_words(error->text))
        rule.remedy = user_words(error->text);
    copy_plain(error->words, sizeof error->words, error->text);
    size_t used = strlen(error->words);
    if (rule.remedy)
        (void)snprintf(error->words + used, sizeof error->words - used, "; %s", rule.remedy);
    return rule;
}

/* ---- what recovers by itself ----------------------------------------------------------------- */

#define BROKEN_OFF                                                                                 \
    "it broke TLS off; is it stopping, or is this a port without TLS? Then remove the block tls"

/* What the client writes about a broker, and what it means. */
static const struct cause {
    const char *mark, *words;
} causes[] = {
    {"Connection refused", "nobody listens there; is the broker running, is the address right?"},
    {"Failed to resolve", "this name has no address; check the option brokers and the name "
                          "service"},
    {"Connection setup timed out", "no answer; is the address right, is a firewall between?"},
    {"No route to host", "there is no way to this address"},
    {"Network is unreachable", "there is no way to this address"},
    {"require SASL", "it closed the connection; this port wants a user: give the block sasl"},
    {"SSL listener", "it closed the connection at the first request; perhaps this port wants TLS: "
                     "give the block tls"},
    {"SSL handshake failed", BROKEN_OFF},
    {"unexpected eof while reading", BROKEN_OFF},
    {"Invalid response size", "what it answers is not Kafka's protocol; is this the port of a "
                              "broker, and without TLS?"},
};

const char *df__kafka_cause(const char *text)
{
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++)
        if (strstr(text, causes[i].mark))
            return causes[i].words;
    return NULL;
}

/* The option brokers does not have it: another broker named it. */
static int is_advertised(const df__kafka_common *o, const char *broker, int len)
{
    return o->brokers.data != NULL && len > 0 &&
           !memmem(o->brokers.data, o->brokers.len, broker, (size_t)len);
}

void df__kafka_words(char *out, size_t cap, const df__kafka_common *o, rd_kafka_resp_err_t err,
                     const char *text)
{
    const char *broker, *cause = df__kafka_cause(text);
    int len = broker_of(text, &broker);
    if (cause) {
        (void)snprintf(out, cap, "broker %.*s%s: %s", len, broker,
                       is_advertised(o, broker, len)
                           ? " (this address is from the advertised.listeners of a broker)"
                           : "",
                       cause);
        return;
    }
    if (token_words(text)) {
        (void)snprintf(out, cap, "%s", token_words(text));
        return;
    }
    out[0] = '\0';
    if (err != RD_KAFKA_RESP_ERR__TRANSPORT && !strstr(text, rd_kafka_err2str(err)))
        (void)snprintf(out, cap, "%s: ", rd_kafka_err2str(err));
    copy_plain(out + strlen(out), cap - strlen(out), text);
}

const char *df__kafka_words_of(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR__TRANSPORT || err == RD_KAFKA_RESP_ERR__TIMED_OUT
               ? "no answer"
               : rd_kafka_err2str(err);
}

void df__kafka_warn(df_stage *st, const df__kafka_common *o, df__kafka_gates *gates,
                    rd_kafka_resp_err_t err, const char *text)
{
    int down = err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
    const char *topic = o->topic.data != NULL ? o->topic.data : "(one of several)";
    const char *brokers = o->brokers.data;
    char words[400];
    if (!df__kafka_gate_open(down ? &gates->down : &gates->error, LOG_MS))
        return;
    if (down) {
        df_stage_logf(st, DF_LOG_WARN,
                      "topic %s: no broker of %s can be reached; tried until one "
                      "can be",
                      topic, brokers);
    } else if (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        df_stage_logf(st, DF_LOG_WARN,
                      "topic %s does not exist on %s; it is waited for: create "
                      "it, or correct the name",
                      topic, brokers);
    } else if (err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
               err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC) {
        df_stage_logf(st, DF_LOG_WARN,
                      "topic %s, or a partition of it, is no longer on %s; it is "
                      "waited for: was it deleted?",
                      topic, brokers);
    } else {
        df__kafka_words(words, sizeof words, o, err, text);
        df_stage_logf(st, DF_LOG_WARN, "topic %s: %s", topic, words);
    }
}

void df__kafka_log(df_stage *st, df__kafka_gates *gates, int level, const df__kafka_line *line)
{
    char words[400];
    if (level >= LOG_DEBUG) {
        df_stage_logf(st, DF_LOG_DEBUG, "%s: %s", line->facility, line->text);
        return;
    }
    /* The client logs this in every first start on a broker, and asks again within a second. */
    if (strstr(line->text, rd_kafka_err2str(RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS))) {
        df_stage_logf(st, DF_LOG_DEBUG, "%s: %s", line->facility, line->text);
        return;
    }
    /* A lost connection and a refused certificate come as an error as well, and are told there. */
    if (level > LOG_WARNING || strcmp(line->facility, "FAIL") == 0 ||
        strcmp(line->facility, "ERROR") == 0 ||
        strstr(line->text, "verification callback failed") ||
        !df__kafka_gate_open(&gates->log, LOG_MS))
        return;
    copy_plain(words, sizeof words, line->text);
    df_stage_logf(st, DF_LOG_WARN, "Kafka client: %s", words);
}
