/* SPDX-License-Identifier: Apache-2.0
 * fault.c: the server's error codes (ErrorCodes.cpp) and what follows from each. */
#include "fault.h"

#include <stdlib.h>
#include <string.h>

#include "util/buf.h"

typedef struct row {
    int code;
    enum df__ch_fate fate;
    const char *name;
} row;

/* In the order of codes. What is not here is CH_FATE_DOUBT. */
static const row rows[] = {
    {3, CH_FATE_LATER, "UNEXPECTED_END_OF_FILE"},
    {10, CH_FATE_TABLE, "NOT_FOUND_COLUMN_IN_BLOCK"},
    {16, CH_FATE_TABLE, "NO_SUCH_COLUMN_IN_TABLE"},
    {20, CH_FATE_TABLE, "NUMBER_OF_COLUMNS_DOESNT_MATCH"},
    {33, CH_FATE_TABLE, "CANNOT_READ_ALL_DATA"},
    {44, CH_FATE_TABLE, "ILLEGAL_COLUMN"},
    {47, CH_FATE_TABLE, "UNKNOWN_IDENTIFIER"},
    {53, CH_FATE_TABLE, "TYPE_MISMATCH"},
    {60, CH_FATE_MISSING, "UNKNOWN_TABLE"},
    {62, CH_FATE_PEOPLE, "SYNTAX_ERROR"},
    {73, CH_FATE_PEOPLE, "UNKNOWN_FORMAT"},
    {74, CH_FATE_LATER, "CANNOT_READ_FROM_FILE_DESCRIPTOR"},
    {75, CH_FATE_LATER, "CANNOT_WRITE_TO_FILE_DESCRIPTOR"},
    {76, CH_FATE_LATER, "CANNOT_OPEN_FILE"},
    {81, CH_FATE_MISSING, "UNKNOWN_DATABASE"},
    {89, CH_FATE_PEOPLE, "UNKNOWN_COMPRESSION_METHOD"},
    {115, CH_FATE_PEOPLE, "UNKNOWN_SETTING"},
    {117, CH_FATE_TABLE, "INCORRECT_DATA"},
    {122, CH_FATE_TABLE, "INCOMPATIBLE_COLUMNS"},
    {159, CH_FATE_UNKNOWN, "TIMEOUT_EXCEEDED"},
    {160, CH_FATE_LATER, "TOO_SLOW"},
    {164, CH_FATE_PEOPLE, "READONLY"},
    {173, CH_FATE_LATER, "CANNOT_ALLOCATE_MEMORY"},
    {192, CH_FATE_AUTH, "UNKNOWN_USER"},
    {193, CH_FATE_AUTH, "WRONG_PASSWORD"},
    {194, CH_FATE_AUTH, "REQUIRED_PASSWORD"},
    {195, CH_FATE_AUTH, "IP_ADDRESS_NOT_ALLOWED"},
    {198, CH_FATE_LATER, "DNS_ERROR"},
    {201, CH_FATE_BUSY, "QUOTA_EXCEEDED"},
    {202, CH_FATE_BUSY, "TOO_MANY_SIMULTANEOUS_QUERIES"},
    {203, CH_FATE_LATER, "NO_FREE_CONNECTION"},
    {209, CH_FATE_UNKNOWN, "SOCKET_TIMEOUT"},
    {210, CH_FATE_UNKNOWN, "NETWORK_ERROR"},
    {218, CH_FATE_LATER, "TABLE_IS_DROPPED"},
    {225, CH_FATE_LATER, "NO_ZOOKEEPER"},
    {236, CH_FATE_LATER, "ABORTED"},
    {241, CH_FATE_BUSY, "MEMORY_LIMIT_EXCEEDED"},
    {242, CH_FATE_LATER, "TABLE_IS_READ_ONLY"},
    {243, CH_FATE_LATER, "NOT_ENOUGH_SPACE"},
    {252, CH_FATE_BUSY, "TOO_MANY_PARTS"},
    {279, CH_FATE_LATER, "ALL_CONNECTION_TRIES_FAILED"},
    {285, CH_FATE_LATER, "TOO_FEW_LIVE_REPLICAS"},
    {286, CH_FATE_UNKNOWN, "UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE"},
    {291, CH_FATE_AUTH, "DATABASE_ACCESS_DENIED"},
    {319, CH_FATE_UNKNOWN, "UNKNOWN_STATUS_OF_INSERT"},
    {349, CH_FATE_TABLE, "CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN"},
    {394, CH_FATE_LATER, "QUERY_WAS_CANCELLED"},
    {425, CH_FATE_LATER, "SYSTEM_ERROR"},
    {439, CH_FATE_LATER, "CANNOT_SCHEDULE_TASK"},
    {469, CH_FATE_ROW, "VIOLATED_CONSTRAINT"},
    {473, CH_FATE_LATER, "DEADLOCK_AVOIDED"},
    {497, CH_FATE_AUTH, "ACCESS_DENIED"},
    {499, CH_FATE_LATER, "S3_ERROR"},
    {516, CH_FATE_AUTH, "AUTHENTICATION_FAILED"},
    {999, CH_FATE_UNKNOWN, "KEEPER_EXCEPTION"},
    {1000, CH_FATE_LATER, "POCO_EXCEPTION"},
    {1002, CH_FATE_LATER, "UNKNOWN_EXCEPTION"},
};

/* Of the system, when a disk is full: it comes with whatever code what failed has. No row is at
 * fault. */
static const char no_space[] = "No space left on device";

static const row *find(int code)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].code == code)
            return &rows[i];
    return NULL;
}

/* "Code: 60" at the start of a text; 0: no such. */
static int leading_code(df_bytes body)
{
    const char *s = body.data;
    long code = 0;
    if (body.len < 7 || memcmp(s, "Code: ", 6) != 0)
        return 0;
    for (size_t i = 6; i < body.len && s[i] >= '0' && s[i] <= '9' && code < 100000; i++)
        code = code * 10 + (s[i] - '0');
    return (int)code;
}

/* The text between "DB::Exception: " and what the server adds: its class, its version, a stack. */
static void cut_text(df_bytes body, df__ch_fault *ret)
{
    static const char *const tails[] = {", e.what()", "Stack trace:", " (version ", "\n"};
    static const char head[] = "DB::Exception: ";
    char whole[2048];
    df__text_set(whole, sizeof whole, body.data ? body.data : "", body.len);
    char *from = strstr(whole, head);
    from = from ? from + sizeof head - 1 : whole;
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        char *tail = strstr(from, tails[i]);
        if (tail)
            *tail = '\0';
    }
    df__text_set(ret->text, sizeof ret->text, from, strlen(from));
    /* Newer servers end with the name of the code: "... (UNKNOWN_TABLE)". */
    char *open = strrchr(ret->text, '(');
    size_t len = open ? strspn(open + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") : 0;
    if (open && len > 3 && strcmp(open + 1 + len, ")") == 0 && ret->name[0] == '\0')
        df__text_set(ret->name, sizeof ret->name, open + 1, len);
}

static enum df__ch_fate fate_of_status(int http)
{
    switch (http) {
    case 401:
    case 403:
        return CH_FATE_AUTH;
    case 413:
        return CH_FATE_SPLIT;
    case 408:
    case 429:
    case 502:
    case 503:
        return CH_FATE_BUSY;
    case 504:
        return CH_FATE_UNKNOWN;
    default:
        return http >= 500 ? CH_FATE_LATER : CH_FATE_PEOPLE;
    }
}

/* Where an error text begins in the last bytes of a reply that began as a success; 0: nowhere. */
static size_t find_late(df_bytes body)
{
    static const char mark[] = "Code: ";
    const char *s = body.data;
    size_t from = body.len > 16384 ? body.len - 16384 : 0;
    for (size_t i = from; i + sizeof mark - 1 < body.len; i++) {
        df_bytes rest = {s + i, body.len - i};
        if (leading_code(rest) > 0 && memmem(rest.data, rest.len, "DB::Exception", 13))
            return i;
    }
    return body.len;
}

void df__ch_fault_read(int http, const char *header, df_bytes body, int looks_inside,
                       df__ch_fault *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->http = http;
    ret->code = header ? (int)strtol(header, NULL, 10) : 0;
    if (http >= 200 && http < 300 && ret->code == 0) {
        size_t at = looks_inside && body.len > 0 ? find_late(body) : body.len;
        if (at == body.len)
            return;
        body = (df_bytes){(const char *)body.data + at, body.len - at};
    }
    ret->code = ret->code ? ret->code : leading_code(body);
    const row *r = find(ret->code);
    ret->fate = r                                                         ? r->fate
                : ret->code == 0                                          ? fate_of_status(http)
                : memmem(body.data, body.len, no_space, strlen(no_space)) ? CH_FATE_LATER
                                                                          : CH_FATE_DOUBT;
    if (r)
        df__text_set(ret->name, sizeof ret->name, r->name, strlen(r->name));
    cut_text(body, ret);
    if (ret->code == 252 && strstr(ret->text, "partitions for single INSERT"))
        ret->fate = CH_FATE_SPLIT;
}

int df__ch_fault_status(const df__ch_fault *fault)
{
    static const int status[] = {
        [CH_FATE_NONE] = DF_OK,           [CH_FATE_ROW] = DF_EDATA,     [CH_FATE_DOUBT] = DF_EINVAL,
        [CH_FATE_TABLE] = DF_EIO,         [CH_FATE_BUSY] = DF_EIO,      [CH_FATE_LATER] = DF_EIO,
        [CH_FATE_UNKNOWN] = DF_EUNKNOWN,  [CH_FATE_SPLIT] = DF_ETOOBIG, [CH_FATE_AUTH] = DF_EAUTH,
        [CH_FATE_MISSING] = DF_ENOTFOUND, [CH_FATE_PEOPLE] = DF_EINVAL,
    };
    return status[fault->fate];
}

const char *df__ch_fault_reason(const df__ch_fault *fault)
{
    return fault->fate == CH_FATE_BUSY    ? "overloaded"
           : fault->fate == CH_FATE_TABLE ? "schema_changed"
                                          : NULL;
}
