/* SPDX-License-Identifier: Apache-2.0
 * test_stdio_files.c: positions in files: another file at the path, a path from another folder, a
 * last line without line end; what a killed run left in a file; a full device. */
#include "support/support.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef support_fixture fixture;

static int logged(fixture *f, const char *text)
{
    return support_logged(&f->host, text);
}

static int from_start;         /* of the next run */
static const char *steps = ""; /* lines of its manifest */

/* A run over what `path` has now, with a store; `message` has 512 bytes or is NULL. */
static int run(fixture *f, const char *path, const char *options, char *message)
{
    char *yaml = NULL;
    df_store store = {.size = sizeof store};
    df_pipeline_options o = {.size = sizeof o, .name = "test", .store = &store};
    df_run_options run = {.size = sizeof run, .until_exhausted = 1, .from_start = from_start};
    df_text text = {.size = sizeof text};
    df_pipeline *p;
    int rc;
    support_log_clear(&f->host);
    assert_true(asprintf(&yaml,
                         "source: {type: stdio, config: {path: %s%s}}\n"
                         "sink: {type: stdio, config: {path: %s}}\n"
                         "errors: {type: stdio, config: {path: %s}}\n%s",
                         path, options, f->out, f->errors, steps) > 0);
    assert_ok(df_store_file(f->env, f->dir, "test", &store));
    p = df_pipeline_new(f->env, &o);
    assert_non_null(p);
    text.text = yaml;
    text.len = strlen(yaml);
    assert_ok(df_pipeline_load(p, &text));
    rc = df_pipeline_run(p, &run);
    if (message)
        snprintf(message, 512, "%s", df_pipeline_errmsg(p));
    df_pipeline_free(p);
    free(yaml);
    return rc;
}

static void expect(fixture *f, const char *want)
{
    char *got = support_read_file(f->out);
    assert_string_equal(got, want);
    free(got);
    support_write_file(f->out, "");
}

static void run_and_expect(fixture *f, const char *in, const char *options, const char *want)
{
    support_write_file(f->in, in);
    assert_ok(run(f, f->in, options, NULL));
    expect(f, want);
}

/* Writes a new file and moves it over the old one. */
static void replace(fixture *f, const char *text)
{
    char other[512];
    support_path(other, f->dir, "other");
    support_write_file(other, text);
    assert_int_equal(rename(other, f->in), 0);
}

/* ---- another file ---------------------------------------------------------------------------- */

static void test_a_file_moved_over_it_is_read_whole(void **state)
{
    fixture *f = *state;
    run_and_expect(f, "1\n22\n", "", "1\n22\n");
    replace(f, "333\n4444\n55555\n");
    assert_ok(run(f, f->in, "", NULL));
    expect(f, "333\n4444\n55555\n");
    assert_true(logged(f, "is another file than the one that was read up to byte 5 before"));
}

/* ---- rotation while nothing runs ------------------------------------------------------------- */

static void rename_to(fixture *f, const char *name)
{
    char other[512];
    support_path(other, f->dir, name);
    assert_int_equal(rename(f->in, other), 0);
    support_sleep_ms(20); /* times of files are as coarse as the system's tick */
}

static void rotated_unseen(fixture *f, const char *const *names)
{
    run_and_expect(f, "1\n", ", follow: true", "1\n");
    support_write_file(f->in, "1\n2\n");
    rename_to(f, names[0]);
    support_write_file(f->in, "3\n");
    rename_to(f, names[1]);
    support_write_file(f->in, "4\n");
    rename_to(f, names[2]);
    support_write_file(f->in, "5\n");
    assert_ok(run(f, f->in, ", follow: true", NULL));
    expect(f, "2\n3\n4\n5\n");
    assert_true(logged(f, "was rotated unseen: it is read before"));
    assert_ok(run(f, f->in, ", follow: true", NULL));
    expect(f, "");
}

static void test_what_was_rotated_unseen_is_read(void **state)
{
    static const char *const names[] = {"in.3", "in.2", "in.1"};
    rotated_unseen(*state, names);
}

static void test_rotated_by_date(void **state)
{
    static const char *const names[] = {"in-20261127", "in-20261128", "in-2026-11-29T10:00"};
    rotated_unseen(*state, names);
}

/* A number before the extension; a name that is none of the path's is left alone. */
static void test_rotated_names_before_an_extension(void **state)
{
    fixture *f = *state;
    char other[512];
    support_path(f->in, f->dir, "app.log");
    run_and_expect(f, "1\n", ", follow: true", "1\n");
    rename_to(f, "app-2.log");
    support_path(other, f->dir, "app-old.log");
    support_write_file(other, "7\n");
    support_path(other, f->dir, "app.log.bak");
    support_write_file(other, "8\n");
    support_write_file(f->in, "2\n");
    rename_to(f, "app-1.log");
    support_write_file(f->in, "3\n");
    assert_ok(run(f, f->in, ", follow: true", NULL));
    expect(f, "2\n3\n");
}

static void test_a_compressed_file_between_is_told(void **state)
{
    fixture *f = *state;
    run_and_expect(f, "1\n", ", follow: true", "1\n");
    rename_to(f, "in.2");
    support_write_file(f->in, "packed");
    rename_to(f, "in.1.gz");
    support_write_file(f->in, "3\n");
    assert_ok(run(f, f->in, ", follow: true", NULL));
    expect(f, "3\n");
    assert_true(logged(f, "in.1.gz was written after the file that was read before and is not "
                          "read: it is compressed"));
}

/* The file of the position is gone, so nobody knows which of the others were read. */
static void test_what_lies_beside_another_file_is_named(void **state)
{
    fixture *f = *state;
    run_and_expect(f, "1\n", ", follow: true", "1\n");
    support_write_file(f->errors, "");
    assert_int_equal(rename(f->in, f->errors), 0);
    support_write_file(f->errors, "no longer what was read");
    support_write_file(f->in, "2\n");
    rename_to(f, "in.1");
    support_write_file(f->in, "3\n");
    assert_ok(run(f, f->in, ", follow: true", NULL));
    expect(f, "3\n");
    assert_true(logged(f, "beside it, and not read, are in.1: see whether lines of them are "
                          "missing"));
}

static void test_the_same_text_in_another_file_is_another_file(void **state)
{
    fixture *f = *state;
    run_and_expect(f, "1\n1\n", "", "1\n1\n");
    replace(f, "1\n1\n1\n");
    assert_ok(run(f, f->in, "", NULL));
    expect(f, "1\n1\n1\n");
}

static void test_a_file_that_was_written_anew(void **state)
{
    fixture *f = *state;
    run_and_expect(f, "1\n22\n", "", "1\n22\n");
    run_and_expect(f, "7\n88\n999\n", "", "7\n88\n999\n"); /* the same inode */
    run_and_expect(f, "1\n", "", "1\n");
    run_and_expect(f, "1\n2\n", "", "2\n");
}

static void test_another_file_stops_by_option(void **state)
{
    static const char *const texts[] = {"1\n", "333\n4444\n55555\n"};
    fixture *f = *state;
    char message[512];
    run_and_expect(f, "1\n22\n", ", replaced: stop", "1\n22\n");
    for (size_t i = 0; i < 2; i++) {
        support_write_file(f->in, texts[i]);
        assert_status(run(f, f->in, ", replaced: stop", message), DF_ESTATE);
        assert_non_null(strstr(message, "is another file than the one that was read up to byte 5"));
        expect(f, "");
    }
}

/* ---- names ----------------------------------------------------------------------------------- */

static void test_a_relative_path_belongs_to_its_folder(void **state)
{
    fixture *f = *state;
    char a[512], b[512], in[600], was[1024];
    assert_non_null(getcwd(was, sizeof was));
    support_path(a, f->dir, "a");
    support_path(b, f->dir, "b");
    assert_int_equal(mkdir(a, 0700), 0);
    assert_int_equal(mkdir(b, 0700), 0);
    snprintf(in, sizeof in, "%s/in.jsonl", a);
    support_write_file(in, "1\n2\n");
    snprintf(in, sizeof in, "%s/in.jsonl", b);
    support_write_file(in, "1\n2\n3\n");
    assert_int_equal(chdir(a), 0);
    assert_ok(run(f, "in.jsonl", "", NULL));
    expect(f, "1\n2\n");
    assert_int_equal(chdir(b), 0);
    assert_ok(run(f, "in.jsonl", "", NULL));
    expect(f, "1\n2\n3\n");
    assert_int_equal(chdir(a), 0);
    assert_ok(run(f, "in.jsonl", "", NULL));
    expect(f, "");
    assert_int_equal(chdir(was), 0);
    unlink(in);
    snprintf(in, sizeof in, "%s/in.jsonl", a);
    unlink(in);
    rmdir(a);
    rmdir(b);
}

static void put_position(fixture *f, const char *partition, const char *data)
{
    df_store store = {.size = sizeof store};
    df_state row = {.size = sizeof row,
                    .stage = "source",
                    .partition = partition,
                    .data = {data, strlen(data)}};
    assert_ok(df_store_file(f->env, f->dir, "test", &store));
    assert_ok(store.save(store.user, &row, 1));
    store.user_free(store.user);
}

/* The first versions had the path as it was written, and an offset alone. */
static void test_old_positions_are_taken_over(void **state)
{
    fixture *f = *state;
    char was[1024];
    assert_non_null(getcwd(was, sizeof was));
    assert_int_equal(chdir(f->dir), 0);
    put_position(f, "in", "2");
    support_write_file("in", "1\n2\n3\n");
    assert_ok(run(f, "in", "", NULL));
    expect(f, "2\n3\n");
    support_write_file("in", "1\n2\n3\n4\n");
    assert_ok(run(f, "in", "", NULL));
    expect(f, "4\n");
    assert_int_equal(chdir(was), 0);
}

static void test_an_old_position_in_a_line_goes_back_to_its_begin(void **state)
{
    fixture *f = *state;
    put_position(f, f->in, "7");
    run_and_expect(f, "1\n22222222\n3\n", "", "22222222\n3\n");
}

/* ---- the last line --------------------------------------------------------------------------- */

static void test_a_line_that_breaks_off_waits(void **state)
{
    fixture *f = *state;
    run_and_expect(f, "{\"c\":1}\n{\"c\":2", "", "{\"c\":1}\n");
    assert_true(logged(f, "ends in the middle of a line that begins at byte 8"));
    run_and_expect(f, "{\"c\":1}\n{\"c\":22}\n{\"c\":3}\n", "", "{\"c\":22}\n{\"c\":3}\n");
}

static void test_a_whole_last_line_is_delivered_once(void **state)
{
    fixture *f = *state;
    run_and_expect(f, "{\"c\":1}\n{\"c\":2}", "", "{\"c\":1}\n{\"c\":2}\n");
    run_and_expect(f, "{\"c\":1}\n{\"c\":2}", "", "");
    run_and_expect(f, "{\"c\":1}\n{\"c\":2}\n", "", "");
    run_and_expect(f, "{\"c\":1}\n{\"c\":2}\n{\"c\":3}\n", "", "{\"c\":3}\n");
}

/* What may have been all of it comes whole when it was not. */
static void test_a_last_line_that_grows_comes_whole(void **state)
{
    fixture *f = *state;
    run_and_expect(f, "a\nb", ", format: text", "a\nb\n");
    run_and_expect(f, "a\nbc\nd\n", ", format: text", "bc\nd\n");
}

/* ---- what lines hold ------------------------------------------------------------------------- */

static void test_what_is_no_json_is_refused(void **state)
{
    fixture *f = *state;
    char *errors;
    run_and_expect(f, "{\"a\":1}\noops\n{\"a\":2}\n", "", "{\"a\":1}\n{\"a\":2}\n");
    errors = support_read_file(f->errors);
    assert_non_null(strstr(errors, "not JSON: unexpected character"));
    assert_non_null(strstr(errors, "invalid: pass delivers"));
    assert_non_null(strstr(errors, "\"stage\":\"read\""));
    assert_non_null(strstr(errors, "\"offset\":8"));
    assert_non_null(strstr(errors, "oops"));
    free(errors);
}

/* Whoever looks into it first, or nobody does: it is refused by the source, and never filtered. */
static void test_no_stage_filters_what_is_no_json(void **state)
{
    static const struct {
        const char *steps, *out;
    } rows[] = {
        {"transformations: [{type: filter, config: {condition: '$.a > 0'}}]\n", "{\"a\":1}\n"},
        {"transformations: [{type: filter, config: {condition: 'metadata.x == 1'}}]\n", ""},
        {"transformations: [{type: filter, when: '$.a > 1', config: {condition: '$.b'}}]\n",
         "{\"a\":1}\n"},
        {"transformations: [{type: filter, when: 'metadata.x == 1', config: {condition: '$.b'}}]\n",
         "{\"a\":1}\n"},
        {"transformations: [{type: mask, config: {fields: ['$.b']}}, "
         "{type: filter, config: {condition: '$.a > 0'}}]\n",
         "{\"a\":1}\n"},
        {"transformations: [{type: setKey, config: {field: '$.a'}}]\n", "{\"a\":1}\n"},
        {"transformations: [{type: filter, config: {condition: '$.a > 0'}}]\n"
         "transformWorkers: 2\n",
         "{\"a\":1}\n"},
        {"transformations: [{type: router, config: {routes: [{condition: '$.a > 5', "
         "sink: {type: \"null\"}}]}}]\n",
         "{\"a\":1}\n"},
    };
    fixture *f = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *errors;
        steps = rows[i].steps;
        support_write_file(f->errors, "");
        replace(f, "{\"a\":1}\noops\n");
        assert_ok(run(f, f->in, "", NULL));
        steps = "";
        expect(f, rows[i].out);
        errors = support_read_file(f->errors);
        assert_non_null(strstr(errors, "oops"));
        assert_non_null(strstr(errors, "invalid: pass delivers"));
        assert_non_null(strstr(errors, "\"stage\":\"read\""));
        assert_non_null(strstr(errors, "\"offset\":8"));
        free(errors);
    }
}

static void test_a_byte_order_mark_is_no_part_of_the_first_line(void **state)
{
    fixture *f = *state;
    run_and_expect(f, "\xEF\xBB\xBF{\"a\":1}\r\n{\"a\":2}\r\n", "", "{\"a\":1}\r\n{\"a\":2}\r\n");
}

static void test_nothing_new_is_told(void **state)
{
    fixture *f = *state;
    run_and_expect(f, "1\n22\n", "", "1\n22\n");
    assert_false(logged(f, "nothing new"));
    assert_ok(run(f, f->in, "", NULL));
    assert_true(logged(f, "resumed at byte 5 of"));
    assert_true(logged(f, "nothing new"));
    assert_true(logged(f, "checkpointReset"));
    support_write_file(f->in, "1\n22\n3\n");
    assert_ok(run(f, f->in, "", NULL));
    assert_false(logged(f, "nothing new"));
}

static void test_from_the_start(void **state)
{
    fixture *f = *state;
    run_and_expect(f, "1\n22\n", "", "1\n22\n");
    from_start = 1;
    assert_ok(run(f, f->in, "", NULL));
    from_start = 0;
    expect(f, "1\n22\n");
    assert_ok(run(f, f->in, "", NULL));
    expect(f, "");
}

/* ---- sinks ----------------------------------------------------------------------------------- */

static void sink_mends(fixture *f, const char *old, const char *options, const char *want)
{
    char *yaml = NULL, *got;
    support_write_file(f->out, old);
    support_write_file(f->in, "{\"n\":1}\n");
    assert_true(asprintf(&yaml,
                         "source: {type: stdio, config: {path: %s}}\n"
                         "sink: {type: stdio, config: {path: %s%s}}\n",
                         f->in, f->out, options) > 0);
    assert_ok(support_run(f->env, yaml, NULL));
    got = support_read_file(f->out);
    assert_string_equal(got, want);
    free(got);
    free(yaml);
}

static void test_what_a_killed_run_left(void **state)
{
    static const char torn[] = "{\"a\":0}\n{\"a\":\"x}]", whole[] = "{\"a\":0}\n{\"a\":1}";
    fixture *f = *state;
    sink_mends(f, torn, "", "{\"a\":0}\n{\"n\":1}\n");
    assert_true(logged(f, "its 9 bytes from byte 8 on are cut off"));
    sink_mends(f, torn, ", tornLine: end", "{\"a\":0}\n{\"a\":\"x}]\n{\"n\":1}\n");
    sink_mends(f, torn, ", format: text", "{\"a\":0}\n{\"a\":\"x}]\n{\"n\":1}\n");
    sink_mends(f, whole, "", "{\"a\":0}\n{\"a\":1}\n{\"n\":1}\n");
    sink_mends(f, whole, ", tornLine: cut", "{\"a\":0}\n{\"n\":1}\n");
    sink_mends(f, "{\"a", "", "{\"n\":1}\n");
}

static int waits_for_room(void *user)
{
    return logged(user, "no space left on /dev/full: trying again for 600 s");
}

/* The host's clock goes on: a wait before a next try that begins after the jump ends, too. */
static int ended_later(void *user)
{
    fixture *f = user;
    atomic_fetch_add(&f->host.now_us, 1000000);
    return df_pipeline_wait(f->p, 0) != DF_AGAIN;
}

/* A device that is full is given up after ten minutes: a failure that may pass, exit code 75. */
static void test_a_full_device_is_given_up(void **state)
{
    fixture *f = *state;
    f->p = support_load(f->env, "source: {type: generate, config: {count: 3}}\n"
                                "sink: {type: stdio, config: {path: /dev/full}}\n");
    assert_ok(df_pipeline_start(f->p, NULL));
    assert_true(support_wait(waits_for_room, f, 5000));
    atomic_store(&f->host.now_us, (time(NULL) + 601) * 1000000);
    assert_true(support_wait(ended_later, f, 20000));
    assert_status(df_pipeline_wait(f->p, 0), DF_ETEMPORARY);
    assert_non_null(strstr(df_pipeline_errmsg(f->p), "no space left on /dev/full"));
}

#define UNIT(name) cmocka_unit_test_setup_teardown(name, support_setup_telling, support_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(test_a_file_moved_over_it_is_read_whole),
        UNIT(test_what_was_rotated_unseen_is_read),
        UNIT(test_rotated_by_date),
        UNIT(test_rotated_names_before_an_extension),
        UNIT(test_a_compressed_file_between_is_told),
        UNIT(test_what_lies_beside_another_file_is_named),
        UNIT(test_the_same_text_in_another_file_is_another_file),
        UNIT(test_a_file_that_was_written_anew),
        UNIT(test_another_file_stops_by_option),
        UNIT(test_a_relative_path_belongs_to_its_folder),
        UNIT(test_old_positions_are_taken_over),
        UNIT(test_an_old_position_in_a_line_goes_back_to_its_begin),
        UNIT(test_a_line_that_breaks_off_waits),
        UNIT(test_a_whole_last_line_is_delivered_once),
        UNIT(test_a_last_line_that_grows_comes_whole),
        UNIT(test_what_is_no_json_is_refused),
        UNIT(test_no_stage_filters_what_is_no_json),
        UNIT(test_a_byte_order_mark_is_no_part_of_the_first_line),
        UNIT(test_nothing_new_is_told),
        UNIT(test_from_the_start),
        UNIT(test_what_a_killed_run_left),
        UNIT(test_a_full_device_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
