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

enum { LOG_MS = 60000, FAILED_MS = 30000 };

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
    static const char *const coordinators[] = {"GroupCoordinator: ", "TxnCoordinator: "};
    const char *at = strstr(text, "://");
    for (size_t i = 0; i < sizeof coordinators / sizeof coordinators[0]; i++)
        if (strncmp(text, coordinators[i], strlen(coordinators[i])) == 0)
            text += strlen(coordinators[i]);
    *ret = at != NULL ? at + 3 : text;
    size_t len = strcspn(*ret, "/ ");
    return (int)len - (len > 0 && (*ret)[len - 1] == ':');
}

/* Its number, from "host:port/3: ..."; -1: the text has none. */
static int number_of(const char *broker, int len)
{
    int id = 0;
    const char *at = broker + len;
    if (at[0] != '/' || at[1] < '0' || at[1] > '9')
        return -1;
    for (at++; *at >= '0' && *at <= '9' && id < 100000000; at++)
        id = id * 10 + (*at - '0');
    return id;
}

void df__kafka_note_answer(df__kafka_common *o, const char *name)
{
    const char *broker;
    int len = broker_of(name, &broker);
    if (o->has_answered)
        return;
    (void)snprintf(o->answered, sizeof o->answered, "%.*s", len, broker);
    __atomic_store_n(&o->has_answered, 1, __ATOMIC_RELEASE);
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
    {"Failed to resolve", "this name has no address; is it right, does the name service know it?"},
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

/* The option brokers does not have it: the cluster named it. */
static int is_named(const df__kafka_common *o, const char *broker, int len)
{
    const char *at = o->brokers.data, *end = at + o->brokers.len;
    if (!at || len == 0)
        return 0;
    while ((at = memmem(at, (size_t)(end - at), broker, (size_t)len))) {
        int begins = at == (const char *)o->brokers.data || strchr(", \t\r\n", at[-1]) != NULL;
        at += len;
        if (begins && (at == end || strchr(", \t\r\n", *at)))
            return 0;
    }
    return 1;
}

void df__kafka_named_words(char *out, size_t cap, const df__kafka_common *o,
                           const df__kafka_named *broker)
{
    char who[sizeof o->answered + 16], which[24] = "a broker";
    if (broker->id >= 0)
        (void)snprintf(which, sizeof which, "broker %d", broker->id);
    if (__atomic_load_n(&o->has_answered, __ATOMIC_ACQUIRE))
        (void)snprintf(who, sizeof who, "%s", o->answered);
    else
        (void)snprintf(who, sizeof who, "a broker of %s", (const char *)o->brokers.data);
    (void)snprintf(out, cap,
                   "%s answers and says that %s is at %.*s (its advertised.listeners), and "
                   "there it is not reached: %s",
                   who, which, broker->len, broker->address, broker->cause);
}

void df__kafka_words(char *out, size_t cap, const df__kafka_common *o, rd_kafka_resp_err_t err,
                     const char *text)
{
    const char *broker, *cause = df__kafka_cause(text);
    int len = broker_of(text, &broker);
    if (cause && is_named(o, broker, len)) {
        const df__kafka_named named = {number_of(broker, len), broker, cause, len};
        df__kafka_named_words(out, cap, o, &named);
        return;
    }
    if (cause) {
        (void)snprintf(out, cap, "broker %.*s: %s", len, broker, cause);
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

/* One side closes what was idle for too long, or the other one stops; then the next connection
 * fails, and that is told. Without a connection left the client counts all brokers as down. */
static int is_closed_in_order(df__kafka_gates *gates, rd_kafka_resp_err_t err, const char *text)
{
    const char *at = strstr(text, ": Disconnected (after ");
    int64_t now = df__kafka_clock_ms();
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        return gates->failed_ms == 0 || now - gates->failed_ms > FAILED_MS;
    if (at && strstr(at, "in state UP"))
        return 1;
    gates->failed_ms = now;
    return 0;
}

static df__kafka_gate *gate_of(df__kafka_gates *gates, const df__kafka_common *o,
                               rd_kafka_resp_err_t err, const char *text)
{
    const char *broker;
    int len = broker_of(text, &broker);
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        return &gates->down;
    return df__kafka_cause(text) && is_named(o, broker, len)
               ? &gates->named[(unsigned)number_of(broker, len) % DF__KAFKA_NAMED]
               : &gates->error;
}

static const char *topic_of(const df__kafka_common *o)
{
    return o->topic.data != NULL ? o->topic.data : "(one of several)";
}

static void tell(df_stage *st, const df__kafka_common *o, rd_kafka_resp_err_t err, const char *text)
{
    char words[480];
    df__kafka_words(words, sizeof words, o, err, text);
    df_stage_logf(st, DF_LOG_WARN, "topic %s: %s", topic_of(o), words);
}

void df__kafka_warn(df_stage *st, const df__kafka_common *o, df__kafka_gates *gates,
                    rd_kafka_resp_err_t err, const char *text)
{
    int down = err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
    const char *topic = topic_of(o), *brokers = o->brokers.data;
    if (is_closed_in_order(gates, err, text)) {
        df_stage_logf(st, DF_LOG_DEBUG, "%s", text);
        return;
    }
    if (!df__kafka_gate_open(gate_of(gates, o, err, text), LOG_MS))
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
        tell(st, o, err, text);
    }
}

/* "[thrd:node:9092/3]: node:9092/3: Failed to resolve ..." without the thread. */
static const char *without_thread(const char *text)
{
    const char *end = strncmp(text, "[thrd:", 6) == 0 ? strstr(text, "]: ") : NULL;
    return end ? end + 3 : text;
}

/* The line of a lost connection comes as an error as well, when the stage polls. A stage that asks
 * the brokers and is opened again when they do not answer never polls: what it waits for is told
 * here. */
static void tell_named(df_stage *st, const df__kafka_common *o, df__kafka_gates *gates,
                       const char *text)
{
    df__kafka_gate *gate = gate_of(gates, o, RD_KAFKA_RESP_ERR__TRANSPORT, text);
    if (gate != &gates->error && df__kafka_gate_open(gate, LOG_MS))
        tell(st, o, RD_KAFKA_RESP_ERR__TRANSPORT, text);
}

void df__kafka_log(df_stage *st, const df__kafka_common *o, df__kafka_gates *gates,
                   const df__kafka_line *line)
{
    int level = line->level;
    char words[400];
    if (level >= LOG_DEBUG) {
        df_stage_logf(st, DF_LOG_DEBUG, "%s: %s", line->facility, line->text);
        return;
    }
    /* The client logs these in every first start on a broker, and asks again within a second. */
    if (strstr(line->text, rd_kafka_err2str(RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS)) ||
        strstr(line->text, rd_kafka_err2str(RD_KAFKA_RESP_ERR_NOT_COORDINATOR))) {
        df_stage_logf(st, DF_LOG_DEBUG, "%s: %s", line->facility, line->text);
        return;
    }
    if (strcmp(line->facility, "FAIL") == 0)
        tell_named(st, o, gates, without_thread(line->text));
    /* A lost connection and a refused certificate come as an error as well, and are told there. */
    if (level > LOG_WARNING || strcmp(line->facility, "FAIL") == 0 ||
        strcmp(line->facility, "ERROR") == 0 ||
        strstr(line->text, "verification callback failed") ||
        !df__kafka_gate_open(&gates->log, LOG_MS))
        return;
    copy_plain(words, sizeof words, line->text);
    df_stage_logf(st, DF_LOG_WARN, "Kafka client: %s", words);
}
