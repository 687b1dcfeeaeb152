/* SPDX-License-Identifier: Apache-2.0
 * errors.c: what follows from an error of the client as a whole: a warning, a doubt about the
 * topic, or the end of the stage.
 */
#include "anew.h"
#include "errors.h"

enum { TROUBLE_MS = 120000 };

static int is_trouble(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR__TRANSPORT || err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
           err == RD_KAFKA_RESP_ERR__TIMED_OUT;
}

static int is_missing(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
           err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

/* A static member can fence itself: its old commit, held up by a lost connection, arrives after it
 * joined anew. Then it joins once more; a real double fences it again and stops it. */
static int fenced_itself(df__kafka_source *s)
{
    int64_t now = df__kafka_clock_ms();
    int once = now < s->trouble_until && now > s->fenced_until;
    s->fenced_until = now + TROUBLE_MS;
    return once;
}

void df__kafka_client_error(df__kafka_source *s, rd_kafka_resp_err_t err, const char *text)
{
    char fatal[256];
    df__kafka_error_text error = {.o = &s->o.common, .text = text};
    df__kafka_rule rule;
    if (s->failure.status != DF_OK)
        return;
    if (is_missing(err))
        df__kafka_doubt(s);
    if (err == RD_KAFKA_RESP_ERR__FATAL) {
        rule = df__kafka_rule_of(s->rk, err);
        err = rd_kafka_fatal_error(s->rk, fatal, sizeof fatal);
        error.text = fatal;
    }
    rule = df__kafka_rule_of_text(s->rk, err, &error);
    if (rule.status == DF_EFENCED && fenced_itself(s))
        rule.status = DF_EIO;
    if (is_trouble(err))
        s->trouble_until = df__kafka_clock_ms() + TROUBLE_MS;
    if (rule.status != DF_OK)
        df__kafka_fail(&s->failure, rule.status, rule.reason, "topic %s, group %s: %s", s->label,
                       (const char *)s->o.group.data, error.words);
    else
        df__kafka_warn(s->st, &s->o.common, &s->gates, err, error.text);
}
