/* SPDX-License-Identifier: Apache-2.0
 * dfaudit_record.c: the audit's record (text, checksum, which ones are spoilt on purpose) and the
 * tally of what arrived.
 */
#include "dfaudit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yyjson.h>

/* ---- checksum: CRC-32C ----------------------------------------------------------------------- */

uint32_t audit_crc(const char *data, size_t len)
{
    static uint32_t table[256];
    uint32_t crc = 0xffffffffu;
    if (table[1] == 0)
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t c = i;
            for (int k = 0; k < 8; k++)
                c = c & 1 ? (c >> 1) ^ 0x82f63b78u : c >> 1;
            table[i] = c;
        }
    for (size_t i = 0; i < len; i++)
        crc = (crc >> 8) ^ table[(crc ^ (unsigned char)data[i]) & 0xff];
    return crc ^ 0xffffffffu;
}

static uint64_t audit_mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* ---- the record ------------------------------------------------------------------------------ */

int audit_is_bad(const audit_options *o, uint64_t producer, uint64_t seq)
{
    return o->bad > 0 && (double)(audit_mix(producer * 1000003 + seq) % 1000000) < o->bad * 10000;
}

uint64_t audit_share(const audit_options *o, uint64_t p)
{
    uint64_t n = (uint64_t)o->count, k = (uint64_t)o->producers;
    return n / k + (p < n % k);
}

size_t audit_key(const audit_options *o, uint64_t producer, uint64_t seq, char *key, size_t cap)
{
    if (o->keys <= 0)
        return 0;
    return (size_t)snprintf(key, cap, "%" PRIu64 "-%" PRIu64, producer,
                            audit_mix(seq) % (uint64_t)o->keys);
}

static const char *audit_note(size_t len, uint64_t seed)
{
    static const char words[] = "abcdefghijklmnopqrstuvwxyz0123456789 ";
    static char note[AUDIT_TEXT];
    for (size_t i = 0; i < len; i++) {
        if (i % 8 == 0)
            seed = audit_mix(seed);
        note[i] = words[(seed >> (i % 8 * 8) & 0xff) % (sizeof words - 1)];
    }
    note[len] = '\0';
    return note;
}

/* What the checksum covers: the fields that a flow must not change. */
static uint32_t audit_sum(const char *producer, const char *seq, const char *key,
                          const char *amount, const char *note)
{
    static char text[AUDIT_TEXT + 256];
    int len = snprintf(text, sizeof text, "%s|%s|%s|%s|%s", producer, seq, key, amount, note);
    return audit_crc(text, len < 0 ? 0 : (size_t)len < sizeof text ? (size_t)len : sizeof text - 1);
}

size_t audit_write(const audit_options *o, uint64_t p, uint64_t seq, char *out)
{
    char key[64] = "", producer[24], number[24], amount[32];
    size_t want = o->size > 200 ? (size_t)o->size - 190 : 10;
    const char *note = audit_note(want > AUDIT_NOTE ? AUDIT_NOTE : want, p << 40 | seq);
    uint64_t cents = audit_mix(seq ^ p << 32) % 100000000;
    (void)audit_key(o, p, seq, key, sizeof key);
    (void)snprintf(producer, sizeof producer, "%" PRIu64, p);
    (void)snprintf(number, sizeof number, "%" PRIu64, seq);
    (void)snprintf(amount, sizeof amount, "%" PRIu64 ".%02" PRIu64, cents / 100, cents % 100);
    uint32_t crc = audit_sum(producer, number, key, amount, note);
    int len = snprintf(out, AUDIT_TEXT,
                       "{\"id\":%" PRIu64 ",\"producer\":%s,\"seq\":%s,\"key\":\"%s\","
                       "\"amount\":%s,\"at\":\"2026-01-%02dT%02d:%02d:%02dZ\",\"note\":\"%s\","
                       "\"crc\":\"%08" PRIx32 "\"}",
                       p * 1000000000000u + seq, producer, number, key, amount,
                       (int)(seq / 86400 % 28 + 1), (int)(seq / 3600 % 24), (int)(seq / 60 % 60),
                       (int)(seq % 60), note, crc);
    return len < 0 ? 0 : (size_t)len;
}

size_t audit_spoil(const audit_options *o, uint64_t seq, char *out, size_t len)
{
    static const char *const kinds[] = {"malformed", "array", "type"};
    const char *kind =
        o->kind != NULL && strcmp(o->kind, "mix") != 0 ? o->kind : kinds[audit_mix(seq) % 3];
    if (strcmp(kind, "malformed") == 0)
        return len - 3;
    if (strcmp(kind, "array") == 0)
        return (size_t)snprintf(out, AUDIT_TEXT, "[%" PRIu64 "]", seq);
    return (size_t)snprintf(
        out, AUDIT_TEXT,
        "{\"id\":\"bad\",\"producer\":\"x\",\"seq\":\"%" PRIu64 "\",\"amount\":\"none\"}", seq);
}

/* ---- the tally ------------------------------------------------------------------------------- */

static void *audit_grow(void *old, size_t *cap, size_t need, size_t size)
{
    size_t len = *cap == 0 ? 1024 : *cap;
    while (len < need)
        len *= 2;
    unsigned char *fresh = realloc(old, len * size);
    if (fresh == NULL)
        audit_die("tally", "no memory");
    memset(fresh + *cap * size, 0, (len - *cap) * size);
    *cap = len;
    return fresh;
}

/* Order within a key counts first arrivals only: a repeated record is a duplicate, not disorder. */
static void audit_order(audit_tally *t, audit_set *set, const char *key, uint64_t seq)
{
    const char *dash = strchr(key, '-');
    if (dash == NULL)
        return;
    size_t index = (size_t)strtoull(dash + 1, NULL, 10);
    if (index > 100000000)
        return;
    if (index >= set->last_cap)
        set->last = audit_grow(set->last, &set->last_cap, index + 1, sizeof *set->last);
    if (seq + 1 < set->last[index])
        t->order++;
    else
        set->last[index] = seq + 1;
}

static void audit_add(audit_tally *t, uint64_t producer, uint64_t seq, const char *key)
{
    if (producer >= 256 || seq > (uint64_t)1 << 40) {
        t->unparsed++;
        return;
    }
    audit_set *set = &t->sets[producer];
    size_t byte = (size_t)(seq / 8);
    unsigned char bit = (unsigned char)(1u << seq % 8);
    if (byte >= set->cap)
        set->seen = audit_grow(set->seen, &set->cap, byte + 1, 1);
    t->count++;
    if (set->seen[byte] & bit) {
        t->duplicates++;
        return;
    }
    set->seen[byte] |= bit;
    set->used = 1;
    if (t->unique == 0 || seq < t->min)
        t->min = seq;
    if (seq > t->max)
        t->max = seq;
    if (seq > set->max)
        set->max = seq;
    t->unique++;
    set->unique++;
    t->sum += seq;
    audit_order(t, set, key, seq);
}

void audit_take(audit_tally *t, const char *const field[5], const char *crc)
{
    char *end;
    unsigned long want = strtoul(crc, &end, 16);
    if (*end != '\0' || audit_sum(field[0], field[1], field[2], field[3], field[4]) != want)
        t->crc++;
    audit_add(t, strtoull(field[0], NULL, 10), strtoull(field[1], NULL, 10), field[2]);
}

void audit_take_json(audit_tally *t, const char *text, size_t len)
{
    static const char *const names[] = {"producer", "seq", "key", "amount", "note", "crc"};
    char number[3][64];
    const char *field[6] = {"", "", "", "", "", ""};
    int numbers = 0, found = 0;
    yyjson_doc *doc = yyjson_read(text, len, YYJSON_READ_NUMBER_AS_RAW);
    yyjson_val *root = doc == NULL ? NULL : yyjson_doc_get_root(doc);
    for (int i = 0; i < 6 && root != NULL; i++) {
        yyjson_val *v = yyjson_obj_get(root, names[i]);
        if (yyjson_is_raw(v) && numbers < 3) {
            size_t n = yyjson_get_len(v) < 63 ? yyjson_get_len(v) : 63;
            memcpy(number[numbers], yyjson_get_raw(v), n);
            number[numbers][n] = '\0';
            field[i] = number[numbers++];
            found += i < 2;
        } else if (yyjson_is_str(v)) {
            field[i] = yyjson_get_str(v);
        }
    }
    if (found == 2)
        audit_take(t, field, field[5]);
    else
        t->unparsed++;
    yyjson_doc_free(doc);
}

/* Sequence numbers below the producer's end that never came and were not spoilt. */
static uint64_t audit_missing(const audit_tally *t, const audit_options *o)
{
    uint64_t missing = 0;
    for (uint64_t p = 0; p < 256; p++) {
        const audit_set *set = &t->sets[p];
        uint64_t from = (uint64_t)o->from, end = set->used ? set->max + 1 : 0;
        if (o->count > 0)
            end = p < (uint64_t)o->producers ? from + audit_share(o, p) : 0;
        for (uint64_t seq = from; seq < end; seq++) {
            int seen = seq / 8 < set->cap && (set->seen[seq / 8] >> seq % 8 & 1);
            missing += !seen && !audit_is_bad(o, p, seq);
        }
    }
    return missing;
}

int audit_judge(const audit_tally *t, const audit_options *o)
{
    uint64_t missing = audit_missing(t, o);
    printf("{\"count\":%" PRIu64 ",\"unique\":%" PRIu64 ",\"duplicates\":%" PRIu64
           ",\"missing\":%" PRIu64 ",\"min\":%" PRIu64 ",\"max\":%" PRIu64 ",\"sum\":%" PRIu64
           ",\"order_violations\":%" PRIu64 ",\"crc_errors\":%" PRIu64 ",\"unparsed\":%" PRIu64
           "}\n",
           t->count, t->unique, t->duplicates, missing, t->min, t->max, t->sum, t->order, t->crc,
           t->unparsed);
    const struct {
        int broken;
        const char *text;
    } rules[] = {
        {o->expect_count >= 0 && t->unique != (uint64_t)o->expect_count,
         "count is not as expected"},
        {o->max_duplicates >= 0 && t->duplicates > (uint64_t)o->max_duplicates, "duplicates"},
        {o->no_gaps && missing > 0, "records are missing"},
        {o->ordered && t->order > 0, "order within a key is broken"},
        {t->crc > 0, "checksums do not match"},
        {o->expect_unparsed >= 0 && t->unparsed != (uint64_t)o->expect_unparsed,
         "records without sequence number are not as many as expected"},
    };
    int failed = 0;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (rules[i].broken) {
            fprintf(stderr, "dfaudit: FAILED: %s\n", rules[i].text);
            failed = 1;
        }
    return failed;
}
