/* SPDX-License-Identifier: Apache-2.0
 * golayout.c: compiles and writes Go time layouts, see golayout.h. */
#include "util/golayout.h"

#include <string.h>

enum { LAYOUT_LIMIT = 1024, PIECE_MAX = 32 };

typedef enum field {
    LITERAL,
    LONG_MONTH,
    SHORT_MONTH,
    NUM_MONTH,
    ZERO_MONTH,
    LONG_WEEKDAY,
    SHORT_WEEKDAY,
    DAY,
    UNDER_DAY,
    ZERO_DAY,
    UNDER_YEARDAY,
    ZERO_YEARDAY,
    HOUR,
    HOUR12,
    ZERO_HOUR12,
    MINUTE,
    ZERO_MINUTE,
    SECOND,
    ZERO_SECOND,
    LONG_YEAR,
    SHORT_YEAR,
    UPPER_HALF,
    LOWER_HALF,
    ZONE_NAME,
    OFFSET,
    FRACTION
} field;

/* How an offset looks. */
enum { OFF_Z = 1, OFF_COLON = 2, OFF_MINUTES = 4, OFF_SECONDS = 8 };
/* The name counts only when no lower-case letter follows. */
enum { ALONE = 16 };

typedef struct token {
    const char *text;
    field is;
    int how;
} token;

/* The first that matches wins, as in Go. */
static const token tokens[] = {
    {"January", LONG_MONTH, 0},
    {"Jan", SHORT_MONTH, ALONE},
    {"Monday", LONG_WEEKDAY, 0},
    {"Mon", SHORT_WEEKDAY, ALONE},
    {"MST", ZONE_NAME, 0},
    {"01", ZERO_MONTH, 0},
    {"02", ZERO_DAY, 0},
    {"03", ZERO_HOUR12, 0},
    {"04", ZERO_MINUTE, 0},
    {"05", ZERO_SECOND, 0},
    {"06", SHORT_YEAR, 0},
    {"002", ZERO_YEARDAY, 0},
    {"15", HOUR, 0},
    {"1", NUM_MONTH, 0},
    {"2006", LONG_YEAR, 0},
    {"2", DAY, 0},
    {"_2", UNDER_DAY, 0},
    {"__2", UNDER_YEARDAY, 0},
    {"3", HOUR12, 0},
    {"4", MINUTE, 0},
    {"5", SECOND, 0},
    {"PM", UPPER_HALF, 0},
    {"pm", LOWER_HALF, 0},
    {"-070000", OFFSET, OFF_MINUTES | OFF_SECONDS},
    {"-07:00:00", OFFSET, OFF_MINUTES | OFF_SECONDS | OFF_COLON},
    {"-0700", OFFSET, OFF_MINUTES},
    {"-07:00", OFFSET, OFF_MINUTES | OFF_COLON},
    {"-07", OFFSET, 0},
    {"Z070000", OFFSET, OFF_Z | OFF_MINUTES | OFF_SECONDS},
    {"Z07:00:00", OFFSET, OFF_Z | OFF_MINUTES | OFF_SECONDS | OFF_COLON},
    {"Z0700", OFFSET, OFF_Z | OFF_MINUTES},
    {"Z07:00", OFFSET, OFF_Z | OFF_MINUTES | OFF_COLON},
    {"Z07", OFFSET, OFF_Z},
};

typedef struct piece {
    field is;
    int how;          /* OFFSET: OFF_...; FRACTION: number of digits, negative: zeros cut */
    const char *text; /* LITERAL; FRACTION: the point or comma */
    size_t len;
} piece;

struct df__layout {
    const df__heap *heap;
    char *text;
    piece *pieces;
    size_t count, cap, fields;
};

void df__layout_free(df__layout *l)
{
    if (!l)
        return;
    df__free(l->heap, l->text);
    df__free(l->heap, l->pieces);
    df__free(l->heap, l);
}

size_t df__layout_fields(const df__layout *l)
{
    return l->fields;
}

/* ---- compiling ------------------------------------------------------------------------------- */

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ".000" or ",999": one digit repeated, and no other digit after. Returns the length; 0: none. */
static size_t fraction_at(const char *at, size_t left, piece *p)
{
    size_t len = 1;
    if (left < 2 || (at[0] != '.' && at[0] != ',') || (at[1] != '0' && at[1] != '9'))
        return 0;
    while (len < left && at[len] == at[1])
        len++;
    if (len < left && is_digit(at[len]))
        return 0;
    p->is = FRACTION;
    p->how = at[1] == '9' ? -(int)(len - 1) : (int)(len - 1);
    p->text = at;
    return len;
}

static size_t token_at(const char *at, size_t left, piece *p)
{
    if (left >= 5 && !memcmp(at, "_2006", 5))
        return 0; /* a plain _ before the year */
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        const token *t = &tokens[i];
        size_t len = strlen(t->text);
        if (len > left || memcmp(at, t->text, len) != 0)
            continue;
        if (t->how == ALONE && left > len && at[len] >= 'a' && at[len] <= 'z')
            continue;
        p->is = t->is;
        p->how = t->how;
        return len;
    }
    return fraction_at(at, left, p);
}

static int add_piece(df__layout *l, const piece *p)
{
    int rc;
    if (p->is == LITERAL && !p->len)
        return DF_OK;
    rc = df__grow(l->heap, &l->pieces, &l->cap, l->count, sizeof *l->pieces);
    if (rc != DF_OK)
        return rc;
    l->pieces[l->count++] = *p;
    l->fields += p->is != LITERAL;
    return DF_OK;
}

static int compile(df__layout *l, size_t len)
{
    piece literal = {LITERAL, 0, l->text, 0};
    size_t at = 0;
    int rc = DF_OK;
    while (rc == DF_OK && at < len) {
        piece found = {LITERAL, 0, NULL, 0};
        size_t used = token_at(l->text + at, len - at, &found);
        if (!used) {
            literal.len++;
            at++;
            continue;
        }
        rc = add_piece(l, &literal);
        if (rc == DF_OK)
            rc = add_piece(l, &found);
        at += used;
        literal.text = l->text + at;
        literal.len = 0;
    }
    return rc == DF_OK ? add_piece(l, &literal) : rc;
}

int df__layout_new(const df__heap *heap, df_bytes text, df__layout **ret)
{
    df__layout *l;
    int rc;
    if (text.len > LAYOUT_LIMIT)
        return DF_ETOOBIG;
    l = df__zalloc(heap, sizeof *l);
    if (!l)
        return DF_ENOMEM;
    l->heap = heap;
    l->text = df__strndup(heap, text.data ? text.data : "", text.len);
    rc = l->text ? compile(l, text.len) : DF_ENOMEM;
    if (rc == DF_OK)
        *ret = l;
    else
        df__layout_free(l);
    return rc;
}

/* ---- writing --------------------------------------------------------------------------------- */

typedef struct shown { /* the moment as one layout shows it */
    df__civil c;
    int32_t nsec;
    const df__zone_span *zone;
} shown;

static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
static const char *const weekdays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};

/* A number of at least `width` places, filled with `pad`. */
static size_t number(char *out, int64_t value, int width, char pad)
{
    char digits[24];
    size_t count = 0, len = 0;
    int negative = value < 0;
    uint64_t rest = negative ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[count++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (negative)
        out[len++] = '-';
    for (int missing = width - (int)count; missing > 0; missing--)
        out[len++] = pad;
    while (count)
        out[len++] = digits[--count];
    return len;
}

static size_t name(char *out, const char *text, size_t limit)
{
    size_t len = strlen(text);
    if (len > limit)
        len = limit;
    memcpy(out, text, len);
    return len;
}

static size_t offset_text(char *out, int32_t offset, int how)
{
    int minutes = offset / 60;
    int32_t seconds = offset % 60;
    size_t len = 0;
    if (!offset && (how & OFF_Z)) {
        out[0] = 'Z';
        return 1;
    }
    out[len++] = minutes < 0 ? '-' : '+';
    if (minutes < 0) {
        minutes = -minutes;
        seconds = -seconds;
    }
    len += number(out + len, minutes / 60, 2, '0');
    if (how & OFF_COLON)
        out[len++] = ':';
    if (how & OFF_MINUTES)
        len += number(out + len, minutes % 60, 2, '0');
    if ((how & OFF_SECONDS) && (how & OFF_COLON))
        out[len++] = ':';
    if (how & OFF_SECONDS)
        len += number(out + len, seconds, 2, '0');
    return len;
}

static size_t fraction_text(char *out, const piece *p, int32_t nsec)
{
    int cut = p->how < 0, digits = cut ? -p->how : p->how;
    size_t len;
    if (cut && !nsec)
        return 0;
    out[0] = p->text[0];
    number(out + 1, nsec, 9, '0');
    len = 1 + (size_t)(digits < 9 ? digits : 9);
    while (cut && out[len - 1] == '0')
        len--;
    return cut && len == 1 ? 0 : len;
}

static int64_t numeric(field is, const df__civil *c, int *width, char *pad)
{
    static const struct {
        char width, pad;
    } looks[] = {[NUM_MONTH] = {1, '0'},    [ZERO_MONTH] = {2, '0'},  [DAY] = {1, '0'},
                 [UNDER_DAY] = {2, ' '},    [ZERO_DAY] = {2, '0'},    [UNDER_YEARDAY] = {3, ' '},
                 [ZERO_YEARDAY] = {3, '0'}, [HOUR] = {2, '0'},        [HOUR12] = {1, '0'},
                 [ZERO_HOUR12] = {2, '0'},  [MINUTE] = {1, '0'},      [ZERO_MINUTE] = {2, '0'},
                 [SECOND] = {1, '0'},       [ZERO_SECOND] = {2, '0'}, [LONG_YEAR] = {4, '0'},
                 [SHORT_YEAR] = {2, '0'}};
    int64_t values[SHORT_YEAR + 1] = {0};
    values[NUM_MONTH] = values[ZERO_MONTH] = c->month;
    values[DAY] = values[UNDER_DAY] = values[ZERO_DAY] = c->day;
    values[UNDER_YEARDAY] = values[ZERO_YEARDAY] = c->yearday;
    values[HOUR] = c->hour;
    values[HOUR12] = values[ZERO_HOUR12] = c->hour % 12 ? c->hour % 12 : 12;
    values[MINUTE] = values[ZERO_MINUTE] = c->minute;
    values[SECOND] = values[ZERO_SECOND] = c->second;
    values[LONG_YEAR] = c->year;
    values[SHORT_YEAR] = (c->year < 0 ? -c->year : c->year) % 100;
    *width = looks[is].width;
    *pad = looks[is].pad;
    return values[is];
}

static size_t write_field(const piece *p, const shown *t, char out[PIECE_MAX])
{
    int width;
    char pad;
    int64_t value;
    switch (p->is) {
    case LONG_MONTH:
        return name(out, months[t->c.month - 1], 16);
    case SHORT_MONTH:
        return name(out, months[t->c.month - 1], 3);
    case LONG_WEEKDAY:
        return name(out, weekdays[t->c.weekday], 16);
    case SHORT_WEEKDAY:
        return name(out, weekdays[t->c.weekday], 3);
    case UPPER_HALF:
        return name(out, t->c.hour >= 12 ? "PM" : "AM", 2);
    case LOWER_HALF:
        return name(out, t->c.hour >= 12 ? "pm" : "am", 2);
    case ZONE_NAME:
        if (t->zone->abbrev[0])
            return name(out, t->zone->abbrev, sizeof t->zone->abbrev);
        return offset_text(out, t->zone->offset, OFF_MINUTES);
    case OFFSET:
        return offset_text(out, t->zone->offset, p->how);
    case FRACTION:
        return fraction_text(out, p, t->nsec);
    default:
        value = numeric(p->is, &t->c, &width, &pad);
        return number(out, value, width, pad);
    }
}

size_t df__layout_write(const df__layout *l, df__instant at, const df__zone_span *span, char *buf,
                        size_t cap)
{
    shown t = {.nsec = at.nsec, .zone = span};
    size_t total = 0;
    df__civil_from_sec(at.sec + span->offset, &t.c);
    for (size_t i = 0; i < l->count; i++) {
        const piece *p = &l->pieces[i];
        char out[PIECE_MAX];
        const char *text = p->is == LITERAL ? p->text : out;
        size_t len = p->is == LITERAL ? p->len : write_field(p, &t, out);
        if (total < cap)
            memcpy(buf + total, text, len < cap - total ? len : cap - total);
        total += len;
    }
    return total;
}
