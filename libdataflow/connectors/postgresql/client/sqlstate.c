/* SPDX-License-Identifier: Apache-2.0
 * sqlstate.c: the table of SQLSTATE classes and the exceptions inside them. */
#include "sqlstate.h"

#include <string.h>

/* The longest prefix that fits decides. What is not listed ends the flow unless a row is at fault:
 * it is neither a usual fault of data nor something that passes by itself. */
static const df__pg_state_row table[] = {
    {"", DF_EINVAL, PG_FATE_END, "server_error"},
    {"08", DF_EIO, PG_FATE_WAIT, "connection_error"},
    {"0A", DF_EINVAL, PG_FATE_END, "not_supported"},
    {"21", DF_EDATA, PG_FATE_ROW, "invalid_data"},
    {"22", DF_EDATA, PG_FATE_ROW, "invalid_data"},
    {"23", DF_EDATA, PG_FATE_ROW, "constraint_violation"},
    {"25006", DF_EIO, PG_FATE_WAIT, "read_only"}, /* a standby: the primary may be elsewhere */
    {"25P03", DF_EIO, PG_FATE_WAIT, "timeout"},
    {"27", DF_EDATA, PG_FATE_ROW, "trigger"},
    {"28", DF_EAUTH, PG_FATE_END, "auth_error"},
    {"38", DF_EDATA, PG_FATE_ROW, "trigger"},
    {"39", DF_EDATA, PG_FATE_ROW, "trigger"},
    {"3D000", DF_EINVAL, PG_FATE_END, "configuration"},
    {"3F000", DF_EINVAL, PG_FATE_END, "configuration"},
    {"40", DF_EIO, PG_FATE_WAIT, "conflict"},
    {"40002", DF_EDATA, PG_FATE_ROW, "constraint_violation"},
    {"40003", DF_EUNKNOWN, PG_FATE_WAIT, "unknown_outcome"},
    {"42", DF_EINVAL, PG_FATE_END, "configuration"},
    {"428C9", DF_EDATA, PG_FATE_ROW, "constraint_violation"}, /* a GENERATED ALWAYS column */
    {"42501", DF_EINVAL, PG_FATE_END, "permission"},
    {"42703", DF_EIO, PG_FATE_REOPEN, "schema_changed"},
    {"42804", DF_EDATA, PG_FATE_ROW, "type_mismatch"},
    {"42846", DF_EDATA, PG_FATE_ROW, "type_mismatch"},
    {"42P01", DF_EIO, PG_FATE_REOPEN, "schema_changed"},
    {"44", DF_EDATA, PG_FATE_ROW, "constraint_violation"},
    {"53", DF_EIO, PG_FATE_WAIT, "resources"},
    {"54", DF_EDATA, PG_FATE_ROW, "too_large"},
    {"54001", DF_EDATA, PG_FATE_ROW, "too_deep"},
    {"55", DF_EINVAL, PG_FATE_END, "state"},
    {"55006", DF_EIO, PG_FATE_WAIT, "busy"},
    {"55P03", DF_EIO, PG_FATE_WAIT, "busy"},
    {"57", DF_EIO, PG_FATE_WAIT, "unavailable"},
    {"57014", DF_ETIMEOUT, PG_FATE_WAIT, "timeout"},
    {"58", DF_EIO, PG_FATE_WAIT, "server_error"},
    {"72", DF_EIO, PG_FATE_WAIT, "conflict"},
    {"P0", DF_EDATA, PG_FATE_ROW, "trigger"},
    {"XX000", DF_EIO, PG_FATE_REOPEN, "server_error"},
};

enum { ROWS = sizeof table / sizeof table[0] };

const df__pg_state_row *df__pg_sqlstate_row(size_t index)
{
    return index < ROWS ? &table[index] : NULL;
}

const df__pg_state_row *df__pg_sqlstate_find(const char *state)
{
    const df__pg_state_row *best = &table[0];
    for (size_t i = 1; i < ROWS; i++) {
        size_t len = strlen(table[i].prefix);
        if (len > strlen(best->prefix) && strncmp(state, table[i].prefix, len) == 0)
            best = &table[i];
    }
    return best;
}

int df__pg_sqlstate(const char *state, const char **ret_reason)
{
    if (!state || !state[0]) {
        *ret_reason = "connection_error";
        return DF_EIO;
    }
    const df__pg_state_row *row = df__pg_sqlstate_find(state);
    *ret_reason = row->reason;
    return row->status;
}

static const struct {
    const char *state, *remedy;
} remedies[] = {
    {"0A000", "where COPY is not possible, rows are inserted: for that the user of "
              "connectionString needs TEMPORARY on the database"},
    {"28P01", "check user and password of connectionString"},
    {"28000", "check user and database of connectionString, and pg_hba.conf of the server"},
    {"3D000", "create the database, or correct its name in connectionString"},
    {"3F000", "create the schema, or correct its name in table"},
    {"42501", "the user of connectionString needs USAGE on the schema and INSERT on the table "
              "(with upsertMode also SELECT, UPDATE and DELETE)"},
    {"42809", "table must name a table that rows can be copied to"},
    {"42704",
     "check the parameters of connectionString; on a stream of changes: the publication is "
     "younger than the slot, so begin anew"},
    {"53100", "the server's disk is full"},
    {"53300", "the server takes no more connections"},
    {"57014", "statementTimeout may be too short, or something holds a lock on the table"},
};

const char *df__pg_sqlstate_remedy(const char *state)
{
    for (size_t i = 0; state && i < sizeof remedies / sizeof remedies[0]; i++)
        if (strcmp(remedies[i].state, state) == 0)
            return remedies[i].remedy;
    return "";
}

static const df__pg_refusal refusals[] = {
    {"does not support SSL", DF_EAUTH, "tls",
     "switch TLS on in the server, or write sslmode=disable"},
    {"certificate verify failed", DF_EAUTH, "tls",
     "sslrootcert must name the authority that signed the "
     "server's certificate"},
    {"does not match host name", DF_EAUTH, "tls",
     "the host of connectionString must be a name in the "
     "server's certificate"},
    {"no password supplied", DF_EAUTH, "auth_error", "connectionString has no password"},
    {"unsupported startup parameter", DF_EINVAL, "configuration",
     "a pooler answers, which takes neither settings of a session nor replication: leave "
     "search_path and other settings out of connectionString and name the schema in table; "
     "postgresql-cdc needs the address of the server itself"},
};

const df__pg_refusal *df__pg_refusal_in(const char *message)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        if (strstr(message, refusals[i].text))
            return &refusals[i];
    return NULL;
}

/* Longer prefixes first, as the table is read. */
void df__pg_sqlstate_waits(df__buf *b)
{
    df__buf_str(b, "(CASE"); /* in brackets: PL/pgSQL reads an IF up to the next THEN */
    for (int len = 5; len > 0; len -= 3) {
        for (size_t i = 0; i < ROWS; i++) {
            if (strlen(table[i].prefix) == (size_t)len) {
                df__buf_printf(b, " WHEN pg_catalog.starts_with(SQLSTATE, '%s') THEN %s",
                               table[i].prefix, table[i].fate == PG_FATE_WAIT ? "true" : "false");
            }
        }
    }
    df__buf_str(b, " ELSE false END)");
}

void df__pg_sqlstate_in(const char *message, char *ret)
{
    static const char set[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    ret[0] = '\0';
    for (const char *s = message; (s = strstr(s, ":  ")) != NULL; s += 3) {
        if (strspn(s + 3, set) == 5 && s[8] == ':') {
            memcpy(ret, s + 3, 5);
            ret[5] = '\0';
            return;
        }
    }
}
