/* SPDX-License-Identifier: Apache-2.0
 * test_local.c: the parts of --local: the private folder, command lines, pauses, the pod that is
 * shown, and a process whose end is told. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/listen.h"
#include "dfoperator/child/jobs.h"
#include "dfoperator/child/trouble.h"
#include "dfoperator/local/clock.h"
#include "dfoperator/local/command.h"
#include "dfoperator/local/job.h"
#include "dfoperator/local/seat.h"
#include "dfoperator/object/tree.h"

static char base[] = "/tmp/df-local-XXXXXX";

static int make_base(void **state)
{
    (void)state;
    return mkdtemp(base) ? setenv("XDG_RUNTIME_DIR", base, 1) : -1;
}

static int remove_base(void **state)
{
    (void)state;
    return rmdir(base);
}

static void assert_mode(const op_place *place, const char *name, mode_t mode)
{
    char path[OP_PLACE_PATH];
    struct stat st;
    snprintf(path, sizeof path, "%s%s%s", place->path, *name ? "/" : "", name);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, mode);
}

static void assert_missing(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), -1);
}

static void test_place(void **state)
{
    op_place one, two;
    char err[300], path[OP_PLACE_PATH];
    (void)state;
    umask(0);
    assert_int_equal(op_place_open(&one, err), 0);
    assert_int_equal(op_place_open(&two, err), 0); /* another operator of the same user */
    assert_string_not_equal(one.path, two.path);
    assert_mode(&one, "", 0700);
    assert_int_equal(op_place_write(&one, "n.a/secrets/db/url", (df_bytes){"hidden", 6}), 0);
    assert_mode(&one, "n.a/secrets/db/url", 0600);
    assert_mode(&one, "n.a/secrets", 0700);
    assert_int_equal(op_place_write(&one, "n.a/secrets/db/url", (df_bytes){"other!", 6}), 0);
    assert_mode(&one, "n.a/secrets/db/url", 0600);
    op_place_remove(&one, "n.a");
    snprintf(path, sizeof path, "%s/n.a", one.path);
    assert_missing(path);
    op_place_close(&two);
    op_place_close(&one);
    assert_missing(one.path);
}

/* What is left by one that was killed: its lock went with it. */
static void test_left_behind(void **state)
{
    op_place one, next;
    char err[300], path[OP_PLACE_PATH];
    (void)state;
    assert_int_equal(op_place_open(&one, err), 0);
    assert_int_equal(op_place_write(&one, "n.a/secrets/db/url", (df_bytes){"hidden", 6}), 0);
    close(one.lock);
    assert_int_equal(op_place_open(&next, err), 0);
    assert_string_equal(next.path, one.path);
    snprintf(path, sizeof path, "%s/n.a", next.path);
    assert_missing(path);
    op_place_close(&next);
}

/* A folder of the name that is not ours alone is not used. */
static void test_open_folder(void **state)
{
    op_place one;
    char err[300], path[OP_PLACE_PATH];
    (void)state;
    snprintf(path, sizeof path, "%s/dfoperator-%lu-0", base, (unsigned long)geteuid());
    assert_int_equal(mkdir(path, 0755), 0);
    assert_int_equal(op_place_open(&one, err), 0);
    assert_string_not_equal(one.path, path);
    op_place_close(&one);
    assert_int_equal(rmdir(path), 0);
}

#define TEMPLATE                                                                                   \
    "{'metadata': {'labels': {'a': 'b'}, 'annotations': {'c': 'd'}}, 'spec': {'containers': "      \
    "[{'args': ['--spec-path=/etc/dataflow/spec.json', '--name=a'], 'env': [{'name': 'LOG_LEVEL'," \
    " 'value': 'debug'}, {'name': 'POD_NAME', 'valueFrom': {}}]}]}}"

static int count_of(char **list, const char *text)
{
    int count = 0;
    for (; *list; list++)
        count += !strncmp(*list, text, strlen(text));
    return count;
}

static void test_command(void **state)
{
    op_place place;
    op_command_base shared;
    op_command command;
    char err[300], path[OP_PLACE_PATH];
    json_object *template = op_json(TEMPLATE);
    (void)state;
    setenv("LOG_LEVEL", "warn", 1);
    assert_int_equal(op_place_open(&place, err), 0);
    assert_int_equal(op_command_find(&shared, &place,
                                     &(op_command_named){"one:two", "it's \"mine\"", "prog"}, err),
                     0);
    snprintf(path, sizeof path, "%s/context.yaml:one:two", place.path);
    assert_string_equal(shared.kubeconfig, path);
    assert_mode(&place, "context.yaml", 0600);
    assert_int_equal(
        op_command_make(&shared, template, &(op_command_of){"n.a", "pod-0", 4711}, &command), 0);
    assert_string_equal(command.argv[0], "prog");
    snprintf(path, sizeof path, "--spec-path=%s/n.a/spec.json", place.path);
    assert_int_equal(count_of(command.argv, path), 1);
    assert_int_equal(count_of(command.argv, "--spec-path="), 1);
    assert_int_equal(count_of(command.argv, "--name=a"), 1);
    assert_int_equal(count_of(command.argv, "--metrics-port=127.0.0.1:4711"), 1);
    assert_int_equal(count_of(command.env, "POD_NAME=pod-0"), 1);
    assert_int_equal(count_of(command.env, "LOG_LEVEL=debug"), 1);
    assert_int_equal(count_of(command.env, "LOG_LEVEL="), 1);
    assert_int_equal(count_of(command.env, "XDG_RUNTIME_DIR="), 1);
    op_command_free(&command);
    json_object_put(template);
    /* another command: nothing of a run's is added */
    template =
        op_json("{'spec': {'containers': [{'args': ['slot', 'drop', '/etc/dataflow/spec.json', "
                "'--secrets-dir=/etc/dataflow/secrets']}]}}");
    assert_int_equal(
        op_command_make(&shared, template, &(op_command_of){"n.a", "pod-0", 4711}, &command), 0);
    assert_string_equal(command.argv[2], "drop");
    snprintf(path, sizeof path, "%s/n.a/spec.json", place.path);
    assert_string_equal(command.argv[3], path);
    snprintf(path, sizeof path, "--secrets-dir=%s/n.a/secrets", place.path);
    assert_string_equal(command.argv[4], path);
    assert_null(command.argv[5]);
    op_command_free(&command);
    op_place_close(&place);
    json_object_put(template);
    unsetenv("LOG_LEVEL");
}

static void test_pause(void **state)
{
    static const int64_t second = 1000000;
    int64_t pause = 0;
    (void)state;
    for (int wanted = 1; wanted <= 256; wanted *= 2) {
        pause = op_seat_pause(pause, second);
        assert_int_equal(pause, wanted * second);
    }
    assert_int_equal(op_seat_pause(pause, second), 300 * second);
    assert_int_equal(op_seat_pause(300 * second, second), 300 * second);
    assert_int_equal(op_seat_pause(300 * second, 60 * second), second); /* it ran well before */
}

static void test_shown(void **state)
{
    op_seat seat = {.pod = "df-a-1-0", .space = "n", .port = 4711};
    json_object *template = op_json(TEMPLATE), *pod = op_seat_show(&seat, template);
    char text[OP_TROUBLE_TEXT];
    (void)state;
    assert_non_null(pod);
    assert_int_equal(op_trouble_of_pods(&pod, 1, text), OP_NO_TROUBLE);
    assert_string_equal(op_annotation(pod, "dataflow.dataflow.io/metrics-port"), "4711");
    json_object_put(pod);
    seat.has_ended = 1;
    seat.code = 1;
    snprintf(seat.last, sizeof seat.last, "%s",
             "{\"level\":\"info\",\"msg\":\"finished\",\"result\":\"no such table\",\"sent\":0}");
    pod = op_seat_show(&seat, template);
    assert_int_equal(op_trouble_of_pods(&pod, 1, text), OP_FAILS);
    assert_string_equal(text, "Pod df-a-1-0 ended with code 1 (failed): no such table");
    json_object_put(pod);
    json_object_put(template);
}

/* ---- Jobs ------------------------------------------------------------------------------------ */

static json_object *job_of(const char *container, const char *more)
{
    json_object *rest = op_json(more), *job;
    job = op_json("{'metadata': {'name': 'j', 'namespace': 'n'}, 'spec': {'backoffLimit': 1, "
                  "'podFailurePolicy': %o, 'template': {'metadata': {'labels': {}}, 'spec': "
                  "{'containers': [{'name': %s}]}}}}",
                  rest, container);
    json_object_put(rest);
    assert_int_equal(op_local_job_begin(job, 1767225600), 0);
    assert_string_equal(op_text(job, "metadata.creationTimestamp"), "2026-01-01T00:00:00Z");
    assert_string_equal(op_label(op_get(job, "spec.template"), "batch.kubernetes.io/job-name"),
                        "j");
    return job;
}

static void assert_end(json_object *job, op_job_end end, const char *words)
{
    char why[OP_TROUBLE_TEXT] = "";
    const char *when;
    assert_int_equal(op_job_end_of(job, &when), end);
    assert_int_equal(op_local_job_is_over(job), end != OP_JOB_RUNS);
    assert_int_equal(*when != '\0', end != OP_JOB_RUNS);
    op_job_failure(job, NULL, 0, why);
    assert_non_null(strstr(why, words));
    json_object_put(job);
}

static void test_job(void **state)
{
    json_object *job = job_of(OP_CONTAINER, "{}");
    (void)state;
    assert_null(op_local_job_refusal(job));
    assert_int_equal(op_local_job_judge(job, 1, 1, 0), 0); /* once more */
    assert_int_equal(op_local_job_is_over(job), 0);
    assert_int_equal(op_local_job_judge(job, 0, 1, 0), 1);
    assert_end(job, OP_JOB_COMPLETE, "");
    job = job_of(OP_CONTAINER, "{}");
    assert_int_equal(op_local_job_judge(job, 1, 2, 0), 1);
    assert_end(job, OP_JOB_FAILED, "backoff limit");
    job =
        job_of(OP_CONTAINER, "{'rules': [{'action': 'FailJob', 'onExitCodes': {'values': [2]}}]}");
    assert_int_equal(op_local_job_judge(job, 2, 1, 0), 1);
    assert_end(job, OP_JOB_FAILED, "not tried again");
    job = job_of(OP_TRIGGER_CONTAINER, "{}");
    op_local_job_fail(job, "NotRun", op_local_job_refusal(job), 0);
    assert_end(job, OP_JOB_FAILED, "--local runs no containers");
}

static void assert_phase(op_seat *seat, const char *phase)
{
    json_object *template = op_json(TEMPLATE), *pod = op_seat_show(seat, template);
    assert_string_equal(op_text(pod, "status.phase"), phase);
    json_object_put(pod);
    json_object_put(template);
}

static void test_seat_of_job(void **state)
{
    op_seat seat = {.pod = "j-1-0", .space = "n", .has_ended = 1, .code = 1};
    (void)state;
    assert_phase(&seat, "Running"); /* it is tried again */
    seat.is_over = 1;
    assert_phase(&seat, "Failed");
    seat.code = 0;
    assert_phase(&seat, "Succeeded");
}

/* As the cluster makes it of a CronJob. */
static void test_due(void **state)
{
    json_object *cron_job = op_json(
        "{'metadata': {'name': 'dfc-a', 'namespace': 'n', 'uid': 'u'}, 'spec': {'jobTemplate': "
        "{'metadata': {'labels': {'a': 'b'}, 'annotations': {'c': 'd'}}, 'spec': {'e': 1}}}}");
    json_object *job = op_clock_job(cron_job, 1767225600);
    (void)state;
    assert_string_equal(op_text(job, "metadata.name"), "dfc-a-29453760");
    assert_string_equal(op_text(job, "metadata.namespace"), "n");
    assert_string_equal(op_text(job, "metadata.ownerReferences.0.uid"), "u");
    assert_string_equal(op_label(job, "a"), "b");
    assert_string_equal(op_annotation(job, "c"), "d");
    assert_string_equal(op_annotation(job, "batch.kubernetes.io/cronjob-scheduled-timestamp"),
                        "2026-01-01T00:00:00Z");
    assert_int_equal(op_int(job, "spec.e", 0), 1);
    json_object_put(job);
    json_object_put(cron_job);
}

/* The clock is set back, by a minute and by an hour: what was started is not started again, and
 * what was not is. */
static void test_clock_set_back(void **state)
{
    enum { NOON = 1767268800, MINUTE = 60, HOUR = 3600 };
    json_object *cron_job = op_json("{'spec': {'schedule': '* * * * *', 'timeZone': 'Etc/UTC', "
                                    "'startingDeadlineSeconds': 200}}");
    int64_t seen_s = NOON - 1, next_s = 0;
    (void)state;
    assert_int_equal(op_clock_due(cron_job, &seen_s, NOON, &next_s), NOON);
    assert_int_equal(op_clock_due(cron_job, &seen_s, NOON - MINUTE - 1, &next_s), 0);
    assert_int_equal(next_s, 1);
    /* It was not started, since another run went on. */
    assert_int_equal(op_clock_due(cron_job, &seen_s, NOON, &next_s), NOON);
    assert_int_equal(
        op_put(cron_job, "status", op_json("{'lastScheduleTime': %s}", "2026-01-01T12:00:00Z")), 0);
    assert_int_equal(op_clock_due(cron_job, &seen_s, NOON - MINUTE - 1, &next_s), 0);
    assert_int_equal(op_clock_due(cron_job, &seen_s, NOON, &next_s), 0);
    assert_int_equal(op_clock_due(cron_job, &seen_s, NOON - HOUR, &next_s), 0);
    assert_int_equal(op_clock_due(cron_job, &seen_s, NOON + 1, &next_s), 0);
    assert_int_equal(op_clock_due(cron_job, &seen_s, NOON + MINUTE, &next_s), NOON + MINUTE);
    assert_true(next_s > 0);
    json_object_put(cron_job);
}

/* The port is ours until a process listens there. */
static void test_reserve(void **state)
{
    op_seat one = {0}, two = {0};
    char address[40], err[200];
    int fd;
    (void)state;
    assert_int_equal(op_seat_reserve(&one), 0);
    assert_int_equal(op_seat_reserve(&two), 0);
    assert_int_not_equal(one.port, two.port);
    snprintf(address, sizeof address, "127.0.0.1:%d", one.port);
    fd = app_listen(address, err, sizeof err);
    assert_true(fd >= 0);
    close(fd);
    close(one.reserve);
    close(two.reserve);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_place),          cmocka_unit_test(test_left_behind),
        cmocka_unit_test(test_open_folder),    cmocka_unit_test(test_command),
        cmocka_unit_test(test_pause),          cmocka_unit_test(test_shown),
        cmocka_unit_test(test_reserve),        cmocka_unit_test(test_job),
        cmocka_unit_test(test_seat_of_job),    cmocka_unit_test(test_due),
        cmocka_unit_test(test_clock_set_back),
    };
    return cmocka_run_group_tests(tests, make_base, remove_base);
}
