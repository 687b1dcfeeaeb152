/* SPDX-License-Identifier: Apache-2.0
 * dfaudit: writes records with sequence numbers and checksums, and counts what arrived of them in
 * a topic, a table or a file of JSON lines. Every end-to-end test ends with it.
 */
#include "dfaudit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

void audit_die(const char *what, const char *why)
{
    fprintf(stderr, "dfaudit: %s: %s\n", what, why);
    exit(2);
}

static const char usage[] =
    "dfaudit produce --topic T --count N [--brokers B] [--partitions P] [--producers K]\n"
    "                [--keys N]\n"
    "                [--size BYTES] [--bad PERCENT] [--bad-kind malformed|array|type|mix]\n"
    "                [--rate PER_SECOND] [--from SEQ] [--stdout] [--transaction "
    "commit|abort|open]\n"
    "dfaudit check   --source topic --topic T | --source table --pg URL --table T [--where SQL]\n"
    "                | --source jsonl --file F|-\n"
    "                [--count N --producers K --bad PERCENT: what produce was told]\n"
    "                [--expect-count N] [--max-duplicates N] [--no-gaps] [--ordered]\n"
    "                [--expect-unparsed N] [--timeout SECONDS]\n"
    "                --ordered needs a column of the table: written bigserial\n"
    "dfaudit topic   create|grow|delete|dump|edge --topic T [--partitions P] [--config "
    "name=value]\n"
    "                [--kind content]\n"
    "dfaudit group   show|set --group G --topic T [--from OFFSET]\n"
    "--brokers: else DF_KAFKA; --pg: else DF_PG. Exit: 0 as expected, 1 not, 2 cannot tell.\n";

enum { TEXT, NUMBER, REAL, FLAG };
static const struct {
    const char *name;
    int type;
    size_t offset;
} options[] = {
    {"--brokers", TEXT, offsetof(audit_options, brokers)},
    {"--topic", TEXT, offsetof(audit_options, topic)},
    {"--source", TEXT, offsetof(audit_options, source)},
    {"--pg", TEXT, offsetof(audit_options, pg)},
    {"--table", TEXT, offsetof(audit_options, table)},
    {"--where", TEXT, offsetof(audit_options, where)},
    {"--file", TEXT, offsetof(audit_options, file)},
    {"--bad-kind", TEXT, offsetof(audit_options, kind)},
    {"--kind", TEXT, offsetof(audit_options, kind)},
    {"--group", TEXT, offsetof(audit_options, group)},
    {"--config", TEXT, offsetof(audit_options, config)},
    {"--transaction", TEXT, offsetof(audit_options, transaction)},
    {"--count", NUMBER, offsetof(audit_options, count)},
    {"--partitions", NUMBER, offsetof(audit_options, partitions)},
    {"--producers", NUMBER, offsetof(audit_options, producers)},
    {"--size", NUMBER, offsetof(audit_options, size)},
    {"--keys", NUMBER, offsetof(audit_options, keys)},
    {"--rate", NUMBER, offsetof(audit_options, rate)},
    {"--from", NUMBER, offsetof(audit_options, from)},
    {"--timeout", NUMBER, offsetof(audit_options, timeout)},
    {"--expect-count", NUMBER, offsetof(audit_options, expect_count)},
    {"--max-duplicates", NUMBER, offsetof(audit_options, max_duplicates)},
    {"--expect-unparsed", NUMBER, offsetof(audit_options, expect_unparsed)},
    {"--bad", REAL, offsetof(audit_options, bad)},
    {"--no-gaps", FLAG, offsetof(audit_options, no_gaps)},
    {"--ordered", FLAG, offsetof(audit_options, ordered)},
    {"--stdout", FLAG, offsetof(audit_options, to_stdout)},
};

static void set_option(audit_options *o, size_t row, const char *text)
{
    char *member = (char *)o + options[row].offset, *end = NULL;
    if (options[row].type == TEXT) {
        memcpy(member, &text, sizeof text);
        return;
    }
    if (options[row].type == NUMBER) {
        long long value = strtoll(text, &end, 10);
        memcpy(member, &value, sizeof value);
    } else {
        double value = strtod(text, &end);
        memcpy(member, &value, sizeof value);
    }
    if (end == text || *end != '\0')
        audit_die(options[row].name, "is not a number");
}

static void parse(audit_options *o, int argc, char **argv)
{
    const size_t rows = sizeof options / sizeof options[0];
    for (int i = 0; i < argc; i++) {
        size_t row = 0;
        while (row < rows && strcmp(options[row].name, argv[i]) != 0)
            row++;
        if (row == rows)
            audit_die(argv[i], "is not an option (run dfaudit without arguments for help)");
        if (options[row].type == FLAG) {
            int one = 1;
            memcpy((char *)o + options[row].offset, &one, sizeof one);
        } else if (++i < argc) {
            set_option(o, row, argv[i]);
        } else {
            audit_die(options[row].name, "needs a value");
        }
    }
    if (o->producers < 1 || o->producers > 256 || o->partitions < 1)
        audit_die("--producers, --partitions", "out of range");
}

/* ---- table and file -------------------------------------------------------------------------- */

static void check_table(const audit_options *o, audit_tally *t)
{
    char sql[1024];
    const char *url = o->pg != NULL ? o->pg : getenv("DF_PG");
    if (url == NULL || o->table == NULL)
        audit_die("--pg (or DF_PG), --table", "missing");
    PGconn *pg = PQconnectdb(url);
    if (PQstatus(pg) != CONNECTION_OK)
        audit_die("PostgreSQL", PQerrorMessage(pg));
    /* A heap has no order: a short row goes into room that longer rows left on an earlier page. */
    (void)snprintf(sql, sizeof sql,
                   "COPY (SELECT producer, seq, coalesce(key,''), amount, note, crc FROM %s%s%s%s) "
                   "TO STDOUT",
                   o->table, o->where != NULL ? " WHERE " : "", o->where != NULL ? o->where : "",
                   o->ordered ? " ORDER BY written" : "");
    PGresult *res = PQexec(pg, sql);
    if (PQresultStatus(res) != PGRES_COPY_OUT)
        audit_die(o->table, PQerrorMessage(pg));
    PQclear(res);
    char *line = NULL;
    int len;
    while ((len = PQgetCopyData(pg, &line, 0)) > 0) {
        const char *field[6] = {"", "", "", "", "", ""};
        char *at = line;
        line[len - 1] = '\0'; /* the line's end */
        for (int i = 0; i < 6 && at != NULL; i++)
            field[i] = strsep(&at, "\t");
        audit_take(t, field, field[5]);
        PQfreemem(line);
    }
    if (len == -2)
        audit_die(o->table, PQerrorMessage(pg));
    PQfinish(pg);
}

static void check_lines(const audit_options *o, audit_tally *t)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    FILE *in = o->file == NULL || strcmp(o->file, "-") == 0 ? stdin : fopen(o->file, "r");
    if (in == NULL)
        audit_die(o->file, "cannot be read");
    while ((len = getline(&line, &cap, in)) > 0)
        audit_take_json(t, line, (size_t)(line[len - 1] == '\n' ? len - 1 : len));
    free(line);
    if (in != stdin)
        (void)fclose(in);
}

static int check(const audit_options *o)
{
    static audit_tally tally;
    if (o->source == NULL)
        audit_die("--source", "is missing: topic, table or jsonl");
    if (strcmp(o->source, "topic") == 0)
        audit_check_topic(o, &tally);
    else if (strcmp(o->source, "table") == 0)
        check_table(o, &tally);
    else if (strcmp(o->source, "jsonl") == 0)
        check_lines(o, &tally);
    else
        audit_die("--source", "is topic, table or jsonl");
    int rc = audit_judge(&tally, o);
    for (size_t p = 0; p < 256; p++) {
        free(tally.sets[p].seen);
        free(tally.sets[p].last);
    }
    return rc;
}

static int run(const char *command, const char *what, const audit_options *o)
{
    if (strcmp(command, "produce") == 0)
        return audit_produce(o);
    if (strcmp(command, "check") == 0)
        return check(o);
    if (strcmp(command, "group") == 0)
        audit_group(o, strcmp(what, "set") == 0);
    else if (strcmp(command, "topic") != 0)
        audit_die(command, "is not produce, check, topic or group");
    else if (!audit_topic(what, o))
        audit_die(what, "is not create, delete, dump or edge");
    return 0;
}

int main(int argc, char **argv)
{
    audit_options o = {.partitions = 1,
                       .producers = 1,
                       .timeout = 120,
                       .expect_count = -1,
                       .max_duplicates = -1,
                       .expect_unparsed = -1};
    const char *command = argc > 1 ? argv[1] : "";
    int two = strcmp(command, "topic") == 0 || strcmp(command, "group") == 0, first = two ? 3 : 2;
    if (argc < first) {
        fputs(usage, stderr);
        return 2;
    }
    parse(&o, argc - first, argv + first);
    int other = o.to_stdout || (o.source != NULL && strcmp(o.source, "topic") != 0);
    if (o.topic == NULL && !other)
        audit_die("--topic", "is missing");
    if (o.group == NULL && strcmp(command, "group") == 0)
        audit_die("--group", "is missing");
    return run(command, argv[2], &o);
}
