/* SPDX-License-Identifier: Apache-2.0
 * sqlstate.c: the table of SQLSTATE classes and the exceptions inside them. */
#include "sqlstate.h"

#include <string.h>

/* The longest prefix that fits decides. What is not listed stops the flow: it is neither the
 * data's fault nor something that passes by itself. */
static const struct {
    const char *prefix;
    int status;
    const char *reason;
} table[] = {
    {"08", DF_EIO, "connection_error"},
    {"0A", DF_EINVAL, "not_supported"},
    {"21", DF_EDATA, "invalid_data"},
    {"22", DF_EDATA, "invalid_data"},
    {"23", DF_EDATA, "constraint_violation"},
    {"25006", DF_EIO, "read_only"}, /* a standby: the primary may be elsewhere by now */
    {"25P03", DF_EIO, "timeout"},
    {"27", DF_EDATA, "trigger"},
    {"28", DF_EAUTH, "auth_error"},
    {"38", DF_EDATA, "trigger"},
    {"39", DF_EDATA, "trigger"},
    {"3D000", DF_EINVAL, "configuration"},
    {"3F000", DF_EINVAL, "configuration"},
    {"40", DF_EIO, "conflict"},
    {"40002", DF_EDATA, "constraint_violation"},
    {"40003", DF_EUNKNOWN, "unknown_outcome"},
    {"42", DF_EINVAL, "configuration"},
    {"42501", DF_EINVAL, "permission"},
    {"42703", DF_EIO, "schema_changed"}, /* reopening reads the catalog again */
    {"42804", DF_EDATA, "type_mismatch"},
    {"42846", DF_EDATA, "type_mismatch"},
    {"42P01", DF_EIO, "schema_changed"},
    {"44", DF_EDATA, "constraint_violation"},
    {"53", DF_EIO, "resources"},
    {"54", DF_EDATA, "too_large"},
    {"54001", DF_EDATA, "too_deep"},
    {"55", DF_EINVAL, "state"},
    {"55006", DF_EIO, "busy"},
    {"55P03", DF_EIO, "busy"},
    {"57", DF_EIO, "unavailable"},
    {"57014", DF_ETIMEOUT, "timeout"},
    {"58", DF_EIO, "server_error"},
    {"72", DF_EIO, "conflict"},
    {"P0", DF_EDATA, "trigger"},
    {"XX000", DF_EIO, "server_error"},
};

int df__pg_sqlstate(const char *state, const char **ret_reason)
{
    size_t best = 0;
    int status = DF_EINVAL;
    *ret_reason = "server_error";
    if (!state || !state[0]) {
        *ret_reason = "connection_error";
        return DF_EIO;
    }
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        size_t len = strlen(table[i].prefix);
        if (len > best && strncmp(state, table[i].prefix, len) == 0) {
            best = len;
            status = table[i].status;
            *ret_reason = table[i].reason;
        }
    }
    return status;
}

static const struct {
    const char *state, *remedy;
} remedies[] = {
    {"28P01", "check user and password of connectionString"},
    {"28000", "check user and database of connectionString, and pg_hba.conf of the server"},
    {"3D000", "create the database, or correct its name in connectionString"},
    {"3F000", "create the schema, or correct its name in table"},
    {"42501", "the user of connectionString needs USAGE on the schema and INSERT on the table "
              "(with upsertMode also SELECT, UPDATE and DELETE)"},
    {"42809", "table must name a table that rows can be copied to"},
    {"42704", "check the parameters of connectionString"},
    {"53100", "the server's disk is full"},
    {"53300", "the server takes no more connections"},
    {"57014", "statementTimeout may be too short, or something holds a lock on the table"},
};

const char *df__pg_sqlstate_remedy(const char *state)
{
    for (size_t i = 0; state && i < sizeof remedies / sizeof remedies[0]; i++) {
        if (strcmp(remedies[i].state, state) == 0) {
            return remedies[i].remedy;
        }
    }
    return "";
}

void df__pg_sqlstate_is_data(df__buf *b)
{
    const char *separator = "(";
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].status == DF_EDATA) {
            df__buf_printf(b, "%sSQLSTATE LIKE '%s%%'", separator, table[i].prefix);
            separator = " OR ";
        }
    }
    df__buf_char(b, ')');
}

void df__pg_sqlstate_find(const char *message, char *ret)
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
