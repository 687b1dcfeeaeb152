/* SPDX-License-Identifier: Apache-2.0
 * exact.c: see exact.h. Of a partition the row of the greatest epoch counts, and of that epoch the
 * one of the greatest number. So
 *   - who claims a partition outdoes each row that the owner before it still writes,
 *   - and an owner that finds no newer epoch after it wrote its note may send the block, since
 *     whoever claims after that finds the note and sends the same block under the same name: a
 *     claim writes its epoch first, in a row without an incarnation, and reads then. */
#include "exact.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sink.h"
#include "util/crashpoint.h"

enum {
    TRIES = 3,   /* after them a row is at fault, not the table */
    SPARE_S = 60 /* in which a repeat comes there, and by which clocks differ */
};

static void literal(df__buf *b, const char *text)
{
    df__ch_literal(b, (df_bytes){text, strlen(text)});
}

static int no_memory(const df__ch_sink *s)
{
    return df_stage_fail(s->client.stage, DF_ENOMEM, NULL, "no memory for a position");
}

/* ---- rows of the table ------------------------------------------------------------------------*/

/* A profile of the user must not make a note something that is only noted, nor a read an old one.
 */
static int run(df__ch_sink *s, int is_read)
{
    static const df__ch_setting writes[] = {{"async_insert", "0"},
                                            {"wait_for_async_insert", "1"},
                                            {"insert_deduplicate", "0"},
                                            {"insert_quorum", "auto"},
                                            {"insert_quorum_parallel", "0"}};
    static const df__ch_setting reads[] = {{"select_sequential_consistency", "1"}};
    const char *sql = df__buf_cstr(&s->exact.sql);
    df__ch_ask ask = {.body = {sql, s->exact.sql.len}, .repeatable = is_read};
    ask.settings = is_read ? reads : writes;
    ask.setting_count = s->exact.has_quorum ? is_read ? 1 : 5 : is_read ? 0 : 3;
    return sql ? df__ch_do(&s->client, &ask, &s->exact.reply) : no_memory(s);
}

/* "`table` WHERE space = ... AND pipeline = ... AND stage = ..." */
static void put_mine(const df__ch_exact *e, df__buf *b)
{
    df__ch_quote_table(b, &e->name);
    df__buf_str(b, " WHERE space = ");
    literal(b, e->space);
    df__buf_str(b, " AND pipeline = ");
    literal(b, e->pipeline);
    df__buf_str(b, " AND stage = ");
    literal(b, e->stage);
}

static void put_partition(const df__ch_exact *e, const char *name, df__buf *b)
{
    put_mine(e, b);
    df__buf_str(b, " AND partition = ");
    literal(b, name);
}

static void begin_rows(df__ch_sink *s)
{
    df__buf *b = &s->exact.sql;
    df__buf_clear(b);
    df__buf_str(b, "INSERT INTO ");
    df__ch_quote_table(b, &s->exact.name);
    df__buf_str(b, " (space, pipeline, stage, partition, epoch, number, incarnation, source, seq, "
                   "position, block, inserts, lists, mark, begun) VALUES ");
}

static void add_text(df__buf *b, const char *text, size_t len)
{
    df__buf_str(b, ", ");
    if (text)
        df__ch_literal(b, (df_bytes){text, len});
    else
        df__buf_str(b, "NULL");
}

static void add_number(df__buf *b, uint64_t n)
{
    df__buf_printf(b, ", %" PRIu64, n);
}

/* Appends the next row of a partition. */
static void add_row(df__ch_sink *s, const char *name, df__ch_held *h)
{
    const df__ch_exact *e = &s->exact;
    const char *keys[] = {e->space, e->pipeline, e->stage, name};
    df__buf *b = &s->exact.sql;
    df__buf_str(b, b->len > 0 && b->data[b->len - 1] == ')' ? ", " : "");
    for (size_t i = 0; i < 4; i++) {
        df__buf_str(b, i > 0 ? ", " : "(");
        literal(b, keys[i]);
    }
    add_number(b, h->epoch);
    add_number(b, ++h->number);
    add_text(b, h->incarnation, strlen(h->incarnation));
    add_text(b, e->source ? e->source : "", e->source ? strlen(e->source) : 0);
    add_number(b, h->seq);
    add_text(b, h->position, h->position_len);
    add_number(b, h->block);
    add_number(b, h->inserts);
    add_number(b, h->lists);
    add_number(b, h->mark);
    add_text(b, h->begun, h->begun_len);
    df__buf_char(b, ')');
}

/* ---- what we know of each partition -----------------------------------------------------------*/

static df__ch_held *held_of(df__ch_sink *s, uint32_t partition)
{
    df__ch_exact *e = &s->exact;
    if (partition >= e->count) {
        size_t count = (size_t)partition * 2 + 16;
        df__ch_held *held = df_stage_realloc(s->client.stage, e->held, count * sizeof *held);
        if (!held)
            return NULL;
        memset(held + e->count, 0, (count - e->count) * sizeof *held);
        e->held = held;
        e->count = count;
    }
    return &e->held[partition];
}

/* data NULL: none */
static int set_text(df__ch_sink *s, char **text, size_t *len, df_bytes to)
{
    char *copy = df_stage_realloc(s->client.stage, *text, to.data ? to.len + 1 : 0);
    *text = copy;
    *len = to.len;
    if (!to.data)
        return DF_OK;
    if (!copy)
        return no_memory(s);
    memcpy(copy, to.data, to.len);
    copy[to.len] = '\0';
    return DF_OK;
}

static int ends_at(const df__ch_held *h, df_bytes position)
{
    return h->begun && h->begun_len == position.len &&
           memcmp(h->begun, position.data, position.len) == 0;
}

/* ---- the claim --------------------------------------------------------------------------------*/

enum {
    EPOCH,
    NUMBER,
    INCARNATION,
    SOURCE,
    SEQ,
    POSITION,
    BLOCK,
    INSERTS,
    LISTS,
    MARK,
    BEGUN,
    CELLS
};

/* How many blocks the table has got: of a Replicated one each of its partitions counts its own. */
static void add_mark(const df__ch_sink *s, df__buf *b)
{
    df__buf_str(b,
                s->exact.is_replicated
                    ? "(SELECT toUInt64(sum(top)) FROM (SELECT max(max_block_number) AS top "
                      "FROM system.parts WHERE active AND table = "
                    : "(SELECT toUInt64(max(max_block_number)) FROM system.parts WHERE table = ");
    literal(b, s->table.name.table);
    df__buf_str(b, " AND database = ");
    if (s->table.name.database[0])
        literal(b, s->table.name.database);
    else
        df__buf_str(b, "currentDatabase()");
    df__buf_str(b, s->exact.is_replicated ? " GROUP BY partition_id))" : ")");
}

static uint64_t number_in(df_bytes cell)
{
    return strtoull(cell.data, NULL, 10);
}

/* A cell that begins with a sign of its own, so that NULL is not an empty text. */
static df_bytes text_in(df_bytes cell)
{
    return cell.len > 0 ? (df_bytes){(const char *)cell.data + 1, cell.len - 1}
                        : (df_bytes){NULL, 0};
}

/* The cells of the first line of a reply. 0: it has fewer. A number in one ends at what follows. */
static int cut_line(char *at, df_bytes *cells, size_t count)
{
    int last = 0;
    size_t i = 0;
    while (i < count && !last && df__ch_next_field(&at, &cells[i], &last))
        i++;
    return i == count;
}

static int read_held(df__ch_sink *s, const df_position *partition, df__ch_held *h,
                     df_bytes *ret_source)
{
    df_bytes cells[CELLS];
    int is_there = s->exact.reply.len > 0;
    if (is_there && !cut_line(s->exact.reply.data, cells, CELLS)) {
        return df_stage_failf(s->client.stage, DF_EINVAL, "invalid_config",
                              "table %s is not one of positions", s->exact.name.table);
    }
    if (!is_there) {
        uint64_t noise = (uint64_t)df_stage_now(s->client.stage) * UINT64_C(0xBF58476D1CE4E5B9);
        noise ^= df__ch_noise(s) + partition->partition;
        df__text_printf(h->incarnation, sizeof h->incarnation, "%016" PRIx64, noise);
        h->epoch = h->seq = h->block = h->inserts = h->lists = h->mark = 0;
        h->is_noted = 0;
        int rc = set_text(s, &h->position, &h->position_len, (df_bytes){NULL, 0});
        return rc == DF_OK ? set_text(s, &h->begun, &h->begun_len, (df_bytes){NULL, 0}) : rc;
    }
    *ret_source = cells[SOURCE];
    df__text_set(h->incarnation, sizeof h->incarnation, cells[INCARNATION].data,
                 cells[INCARNATION].len);
    h->epoch = number_in(cells[EPOCH]);
    h->seq = number_in(cells[SEQ]);
    h->block = number_in(cells[BLOCK]);
    h->inserts = number_in(cells[INSERTS]);
    h->lists = number_in(cells[LISTS]);
    h->mark = number_in(cells[MARK]);
    int rc = set_text(s, &h->position, &h->position_len, text_in(cells[POSITION]));
    rc = rc == DF_OK ? set_text(s, &h->begun, &h->begun_len, text_in(cells[BEGUN])) : rc;
    h->is_noted = h->begun != NULL;
    return rc;
}

static int read_newest(df__ch_sink *s, const df_position *partition, df__ch_held *h,
                       df_bytes *ret_source)
{
    df__buf *b = &s->exact.sql;
    df__buf_clear(b);
    df__buf_str(b, "SELECT epoch, number, incarnation, source, seq, ifNull(concat('=', position), "
                   "''), block, inserts, lists, mark, ifNull(concat('=', begun), '') FROM ");
    put_partition(&s->exact, partition->name, b);
    df__buf_str(b, " AND incarnation != '' ORDER BY epoch DESC, number DESC LIMIT 1 FORMAT "
                   "TabSeparated");
    int rc = run(s, 1);
    return rc == DF_OK ? read_held(s, partition, h, ret_source) : rc;
}

static int check_source(df__ch_sink *s, const df_position *partition, df_bytes source)
{
    size_t len = s->exact.source ? strlen(s->exact.source) : 0;
    if (source.len == 0 || len == 0 ||
        (source.len == len && memcmp(source.data, s->exact.source, len) == 0))
        return DF_OK;
    return df_stage_failf(s->client.stage, DF_ESTATE, "other_source",
                          "the position of %s in table %s is of a source that reads something else "
                          "(another topic, table or query): write the source as it was, give the "
                          "flow another name, or delete its rows there to begin anew",
                          partition->name, s->exact.name.table);
}

static int fenced(df__ch_sink *s, const char *partition)
{
    return df_stage_failf(s->client.stage, DF_EFENCED, "fenced",
                          "another instance of this flow has taken over %s; stop one of them, or "
                          "give one another name",
                          partition);
}

/* Whether each partition of the rows is still ours; and how many blocks the table has. */
static int still_ours(df__ch_sink *s, const df_position *rows, size_t count)
{
    df__buf *b = &s->exact.sql;
    df__buf_clear(b);
    df__buf_str(b, "SELECT ");
    add_mark(s, b);
    df__buf_str(b, ", partition, max(epoch) FROM ");
    put_mine(&s->exact, b);
    df__buf_str(b, " AND partition IN (");
    for (size_t i = 0; i < count; i++) {
        df__buf_str(b, i > 0 ? ", " : "");
        literal(b, DF_ROW(df_position, rows, i)->name);
    }
    df__buf_str(b, ") GROUP BY partition FORMAT TabSeparated");
    int rc = run(s, 1);
    char *at = rc == DF_OK ? s->exact.reply.data : NULL;
    size_t found = 0;
    while (rc == DF_OK && *at) {
        df_bytes cells[3];
        int last = 0;
        for (size_t i = 0; i < 3; i++)
            if (!df__ch_next_field(&at, &cells[i], &last))
                return df_stage_fail(s->client.stage, DF_EIO, NULL, "an answer that is cut off");
        s->exact.mark = number_in(cells[0]);
        for (size_t i = 0; i < count; i++) {
            const df_position *row = DF_ROW(df_position, rows, i);
            if (strlen(row->name) != cells[1].len ||
                memcmp(row->name, cells[1].data, cells[1].len) != 0)
                continue;
            found++;
            if (number_in(cells[2]) != s->exact.held[row->partition].epoch)
                return fenced(s, row->name);
        }
    }
    if (rc == DF_OK && found < count)
        return fenced(s, rows->name); /* the rows were removed */
    return rc;
}

/* How long ago the block that is begun was noted first, by the server's clock: whoever claimed the
 * partition since wrote the note once more. */
static int read_age(df__ch_sink *s, const df_position *at, const df__ch_held *h, uint64_t *ret)
{
    df__buf *b = &s->exact.sql;
    df__buf_clear(b);
    df__buf_str(b,
                "SELECT toUInt64(greatest(0, dateDiff('second', min(updated_at), now()))) FROM ");
    put_partition(&s->exact, at->name, b);
    df__buf_str(b, " AND incarnation = ");
    literal(b, h->incarnation);
    df__buf_printf(b, " AND block = %" PRIu64 " AND begun IS NOT NULL FORMAT TabSeparated",
                   h->block);
    int rc = run(s, 1);
    *ret = rc == DF_OK ? number_in((df_bytes){df__buf_cstr(&s->exact.reply), 0}) : 0;
    return rc;
}

static int passed(df__ch_sink *s, const df_position *at, const char *what)
{
    return df_stage_failf(s->client.stage, DF_ESTATE, "window_passed",
                          "an insert of %s was begun and its answer was not seen; since then %s, "
                          "so a repeat could write it twice. See whether its rows are there, and "
                          "say so in table %s, as docs/clickhouse.md shows",
                          at->name, what, s->exact.name.table);
}

/* A block that may be written is repeated only while the server knows its name for sure. Of a table
 * that is gone nothing can come twice. */
static int check_overflow(df__ch_sink *s, const df_position *at, const df__ch_held *h)
{
    const df__ch_exact *e = &s->exact;
    uint64_t since = e->mark > h->mark ? e->mark - h->mark : 0, age = 0;
    char what[200];
    if (!s->table.exists)
        return DF_OK;
    if (since >= e->window) {
        df__text_printf(what, sizeof what,
                        "the table got about %" PRIu64 " blocks, and it, or one that a view of it "
                        "writes to, remembers %" PRIu64,
                        since, e->window);
        return passed(s, at, what);
    }
    int rc = e->seconds ? read_age(s, at, h, &age) : DF_OK;
    if (rc != DF_OK || age + SPARE_S < e->seconds || !e->seconds)
        return rc;
    df__text_printf(what, sizeof what,
                    "%" PRIu64 " s went by, and the table, or one that a view of it writes to, "
                    "remembers an insert for %" PRIu64
                    " s (replicated_deduplication_window_seconds)",
                    age, e->seconds);
    return passed(s, at, what);
}

static int read_top(df__ch_sink *s, const df_position *partition, uint64_t *ret)
{
    df__buf *b = &s->exact.sql;
    df__buf_clear(b);
    df__buf_str(b, "SELECT max(epoch) FROM ");
    put_partition(&s->exact, partition->name, b);
    df__buf_str(b, " FORMAT TabSeparated");
    int rc = run(s, 1);
    *ret = rc == DF_OK ? number_in((df_bytes){df__buf_cstr(&s->exact.reply), 0}) : 0;
    return rc;
}

/* A row that says nothing but the epoch. From here on the owner before it sends nothing that it
 * noted after this row: so what is read after it is all that may be written. */
static int shut_out(df__ch_sink *s, const df_position *partition, df__ch_held *h)
{
    uint64_t chance = (df__ch_noise(s) * UINT64_C(0x9E3779B97F4A7C15)) >> 32, top = 0;
    df__ch_held row = {.number = 0};
    int rc = read_top(s, partition, &top);
    h->epoch = row.epoch = ((top >> 32) + 1) << 32 | chance;
    begin_rows(s);
    add_row(s, partition->name, &row);
    rc = rc == DF_OK ? run(s, 0) : rc;
    DF_CRASHPOINT("ch.shut");
    return rc == DF_OK ? still_ours(s, partition, 1) : rc;
}

/* Then the newest row once more, as ours. */
static int take_over(df__ch_sink *s, const df_position *partition, df__ch_held *h)
{
    df_bytes source = {NULL, 0};
    int rc = shut_out(s, partition, h);
    uint64_t epoch = h->epoch;
    rc = rc == DF_OK ? read_newest(s, partition, h, &source) : rc;
    h->epoch = epoch;
    h->number = 1; /* that of the row which shut the others out */
    begin_rows(s);
    add_row(s, partition->name, h);
    DF_CRASHPOINT("ch.claim");
    return rc == DF_OK ? run(s, 0) : rc;
}

int df__ch_exact_claim(void *self, df_stage *st, df_position *partition)
{
    df__ch_sink *s = self;
    df_bytes source = {NULL, 0};
    df__ch_held *h = held_of(s, partition->partition);
    if (!s->client.http)
        return df_stage_fail(st, DF_EIO, "connection_error", "not connected");
    int rc = h ? read_newest(s, partition, h, &source) : no_memory(s);
    rc = rc == DF_OK ? check_source(s, partition, source) : rc;
    rc = rc == DF_OK ? take_over(s, partition, h) : rc;
    if (rc == DF_OK && h->begun)
        rc = check_overflow(s, partition, h);
    if (rc != DF_OK)
        return rc;
    partition->epoch = h->epoch;
    if (h->begun)
        partition->begun = (df_bytes){h->begun, h->begun_len};
    if (!h->position)
        return DF_ENOTFOUND;
    partition->data = (df_bytes){h->position, h->position_len};
    partition->seq = h->seq;
    return DF_OK;
}

/* ---- a parcel ---------------------------------------------------------------------------------*/

/* What of a partition is in the parcel: how many inserts, and by which columns. */
typedef struct share {
    uint64_t inserts, lists;
} share;

static share share_of(const df__ch_work *w, const char *partition)
{
    share ret = {0, UINT64_C(0xCBF29CE484222325)};
    for (size_t i = 0; i < w->group_count; i++) {
        const df__ch_group *g = &w->groups[i];
        if (!g->partition || strcmp(g->partition, partition) != 0 || g->rows == 0)
            continue;
        ret.inserts++;
        for (size_t k = 0; k < g->columns; k++)
            ret.lists = (ret.lists ^ (unsigned char)g->body.data[k]) * UINT64_C(0x100000001B3);
    }
    return ret;
}

/* The rows of a block go into as many inserts as they have lists of columns; when they went into
 * others before, their names would not be those. */
static int fits_begun(df__ch_sink *s, const df_position *at, const df__ch_held *h, share now)
{
    if (now.inserts <= 1 && h->inserts <= 1)
        return DF_OK;
    if (now.inserts == h->inserts && now.lists == h->lists)
        return DF_OK;
    return df_stage_failf(s->client.stage, DF_ESTATE, "schema_changed",
                          "an insert of %s was begun and its answer was not seen; since then the "
                          "columns with a DEFAULT, or the options, have changed, so that a repeat "
                          "could write its rows twice. Change it back, or see whether its rows are "
                          "there, and say so in table %s, as docs/clickhouse.md shows",
                          at->name, s->exact.name.table);
}

/* A block that the server has a note of is the same, and may be repeated. */
static int check_noted(df__ch_sink *s, const df__ch_work *w, const df_position *at)
{
    const df__ch_held *h = &s->exact.held[at->partition];
    share now = h->is_noted ? share_of(w, at->name) : (share){0, 0};
    if (now.inserts == 0)
        return DF_OK;
    if (!ends_at(h, at->data)) {
        return df_stage_failf(s->client.stage, DF_EINTERNAL, NULL,
                              "%s: an insert was begun, and one that ends elsewhere comes",
                              at->name);
    }
    int rc = fits_begun(s, at, h, now);
    return rc == DF_OK ? check_overflow(s, at, h) : rc;
}

/* Notes the end of the block that a partition has in the parcel, unless the server has that note.
 * *ret_rows: rows to be written. */
static int note_one(df__ch_sink *s, const df__ch_work *w, const df_position *at, size_t *ret_rows)
{
    df__ch_held *h = &s->exact.held[at->partition];
    share now = share_of(w, at->name);
    if (now.inserts == 0 || h->is_noted)
        return DF_OK;
    h->block++; /* a number that was noted, and of which nobody heard, is left out */
    h->inserts = now.inserts;
    h->lists = now.lists;
    h->mark = s->exact.mark;
    int rc = set_text(s, &h->begun, &h->begun_len, at->data);
    add_row(s, at->name, h);
    ++*ret_rows;
    return rc;
}

static void set_noted(df__ch_sink *s, const df_position *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        df__ch_held *h = &s->exact.held[DF_ROW(df_position, rows, i)->partition];
        h->is_noted = h->begun != NULL;
    }
}

/* Before the rows: where each block ends. After that the blocks may be sent. */
static int note(df__ch_sink *s, const df__ch_work *w, const df_position *rows, size_t count)
{
    size_t added = 0;
    int rc = still_ours(s, rows, count);
    for (size_t i = 0; i < count && rc == DF_OK; i++)
        rc = check_noted(s, w, DF_ROW(df_position, rows, i));
    begin_rows(s);
    for (size_t i = 0; i < count && rc == DF_OK; i++)
        rc = note_one(s, w, DF_ROW(df_position, rows, i), &added);
    DF_CRASHPOINT("ch.note");
    if (rc != DF_OK || added == 0)
        return rc;
    rc = run(s, 0);
    DF_CRASHPOINT("ch.noted");
    rc = rc == DF_OK ? still_ours(s, rows, count) : rc;
    if (rc == DF_OK)
        set_noted(s, rows, count);
    return rc;
}

/* After them: the position, and that nothing is begun. */
static int move(df__ch_sink *s, const df_position *rows, size_t count)
{
    int rc = DF_OK;
    begin_rows(s);
    for (size_t i = 0; i < count && rc == DF_OK; i++) {
        const df_position *at = DF_ROW(df_position, rows, i);
        df__ch_held row = s->exact.held[at->partition]; /* it holds when the server has it */
        row.position = (char *)(uintptr_t)at->data.data;
        row.position_len = at->data.len;
        row.seq = at->seq;
        row.begun = NULL; /* what was begun is written */
        add_row(s, at->name, &row);
        s->exact.held[at->partition].number = row.number;
    }
    rc = count > 0 ? run(s, 0) : rc;
    DF_CRASHPOINT("ch.moved");
    for (size_t i = 0; i < count && rc == DF_OK; i++) {
        const df_position *at = DF_ROW(df_position, rows, i);
        df__ch_held *h = &s->exact.held[at->partition];
        h->seq = at->seq;
        rc = set_text(s, &h->position, &h->position_len, at->data);
        if (rc != DF_OK) /* it stays begun: sent again, it has its name */
            return rc;
        h->is_noted = 0;
        rc = set_text(s, &h->begun, &h->begun_len, (df_bytes){NULL, 0});
    }
    return rc;
}

/* ---- its inserts ------------------------------------------------------------------------------*/

/* Nothing of the block is written, and it stays begun: what is in it cannot be told anew. */
static int refused(df__ch_sink *s, const df__ch_fault *f)
{
    return df_stage_failf(s->client.stage, DF_EINVAL, "constraint_violation",
                          "ClickHouse refused an insert of exactlyOnce: code %d %s%s%s; it stays "
                          "begun and is sent again at the next start: mend the table or its views, "
                          "or leave the record out with a filter",
                          f->code, f->name, s->client.show_values ? ": " : "",
                          s->client.show_values ? f->text : "");
}

/* What follows when an insert did not succeed. */
static int judge(df__ch_sink *s, const df__ch_work *w, int rc)
{
    df__ch_fault first = s->client.fault;
    int changed = 0;
    if (first.fate == CH_FATE_BUSY)
        df_stage_metric(s->client.stage, CH_METRIC_OVERLOADED, 1);
    if (first.fate == CH_FATE_ROW || first.fate == CH_FATE_DOUBT || first.fate == CH_FATE_SPLIT)
        return refused(s, &first);
    rc = df__ch_fail(&s->client, s->request, first.fate == CH_FATE_MISSING ? DF_EIO : rc);
    if (first.fate != CH_FATE_TABLE && first.fate != CH_FATE_MISSING)
        return rc;
    df__ch_insert_end(s);
    df_stage_metric(s->client.stage, CH_METRIC_TABLE_READS, 1);
    int looked = df__ch_look(s, &changed); /* the next try is encoded for what it is now */
    if (looked != DF_OK)
        return looked;
    return first.fate == CH_FATE_TABLE && !changed && df_parcel_attempt(w->parcel) >= TRIES
               ? refused(s, &first)
               : rc;
}

static int insert_one(df__ch_sink *s, const df__ch_work *w, const df__ch_group *g)
{
    int rc = df__ch_insert(s, (df_bytes){g->body.data, g->body.len}, s->token);
    if (rc != DF_OK)
        return rc;
    rc = df__ch_await(&s->client, s->request, -1);
    DF_CRASHPOINT("ch.inserted");
    if (rc == DF_OK) {
        rc = df__ch_outcome(&s->client, s->request);
        rc = rc == DF_OK ? rc : judge(s, w, rc);
    }
    df__ch_insert_end(s);
    return rc;
}

static int insert_all(df__ch_sink *s, const df__ch_work *w, const df_position *rows, size_t count)
{
    int rc = DF_OK;
    for (size_t i = 0; i < count && rc == DF_OK; i++) {
        const df_position *at = DF_ROW(df_position, rows, i);
        const df__ch_held *h = &s->exact.held[at->partition];
        uint64_t index = 0;
        for (size_t k = 0; k < w->group_count && rc == DF_OK; k++) {
            const df__ch_group *g = &w->groups[k];
            if (g->rows == 0 || strcmp(g->partition, at->name) != 0)
                continue;
            df__text_printf(s->token, sizeof s->token, "dataflow-%s-%" PRIu64 "-%" PRIu64,
                            h->incarnation, h->block, index++);
            rc = insert_one(s, w, g);
        }
    }
    return rc;
}

/* A record without a position would not be in any block. */
static int all_placed(df__ch_sink *s, const df__ch_work *w, const df_position *rows, size_t count)
{
    for (size_t k = 0; k < w->group_count; k++) {
        int found = w->groups[k].rows == 0;
        for (size_t i = 0; i < count && !found; i++)
            found = strcmp(w->groups[k].partition, DF_ROW(df_position, rows, i)->name) == 0;
        if (!found) {
            return df_stage_fail(s->client.stage, DF_EINTERNAL, NULL,
                                 "records of a partition that the parcel has no position of");
        }
    }
    for (size_t i = 0; i < count; i++)
        if (!held_of(s, DF_ROW(df_position, rows, i)->partition))
            return no_memory(s);
    return DF_OK;
}

int df__ch_exact_write(df__ch_sink *s, df__ch_work *w)
{
    size_t count = 0;
    const df_position *rows = df_parcel_positions(w->parcel, &count);
    int rc = df_parcel_count(w->parcel) > 0 ? df__ch_prepare(s, w) : DF_OK;
    if (rc == DF_DONE) /* nothing in it makes a row */
        rc = DF_OK;
    if (rc == DF_OK && s->exact.checked != s->table.generation && s->table.exists)
        rc = df__ch_exact_fits(s);
    rc = rc == DF_OK ? all_placed(s, w, rows, count) : rc;
    rc = rc == DF_OK && count > 0 ? note(s, w, rows, count) : rc;
    rc = rc == DF_OK ? insert_all(s, w, rows, count) : rc;
    DF_CRASHPOINT("ch.written");
    rc = rc == DF_OK ? move(s, rows, count) : rc;
    s->failed |= rc == DF_EIO || rc == DF_ETIMEOUT || rc == DF_EUNKNOWN;
    return rc;
}
