/* SPDX-License-Identifier: Apache-2.0
 * options.c: see options.h. Names and defaults of the environment are those of the original
 * operator. */
#include "dfoperator/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/dispatch.h"

/* A quiet watch may be heard of only when it ends, within 200 s. */
enum { SILENCE_LEAST_S = 240 };

#define REPOSITORY "ghcr.io/dataflow-operator/dataflow"

static const char *text_of(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value && *value ? value : otherwise;
}

static int number_of(const app_args *args, const char *name, long long min, long long otherwise,
                     long long *ret)
{
    const char *value = text_of(name, NULL);
    *ret = otherwise;
    if (value && app_args_number(value, min, 1000000, ret) < 0)
        return app_misuse(args, "%s is a number from %lld to 1000000, not \"%s\"", name, min,
                          value);
    return EXIT_DONE;
}

/* The image without its tag: a colon behind the last slash begins one, an @ begins a digest. */
static void cut_tag(char *image)
{
    char *slash = strrchr(image, '/'), *at = slash ? slash : image;
    at += strcspn(at, ":@");
    *at = '\0';
}

static void set_image(op_settings *s, op_texts *texts)
{
    snprintf(texts->image, sizeof texts->image, "%s",
             text_of("PROCESSOR_IMAGE", REPOSITORY ":" DF_PROGRAM_VERSION));
    snprintf(texts->repository, sizeof texts->repository, "%s", texts->image);
    cut_tag(texts->repository);
    s->image = texts->image;
    s->repository = texts->repository;
}

/* One that no other process has: the pod's name, or the host's, and something of this run. */
static void set_identity(op_settings *s, op_texts *texts)
{
    char host[200] = "dfoperator";
    if (gethostname(host, sizeof host) == 0)
        host[sizeof host - 1] = '\0';
    snprintf(texts->identity, sizeof texts->identity, "%s_%ld", text_of("POD_NAME", host),
             (long)getpid());
    s->identity = texts->identity;
}

static const char *filled(const char *name)
{
    const char *value = text_of(name, NULL);
    return value && value[strspn(value, " \t\r\n")] ? value : NULL;
}

static int set_places(const app_args *args, const op_settings *s, int64_t silence_s,
                      op_texts *texts)
{
    op_places *p = &texts->places;
    *p = (op_places){.silence_s = silence_s,
                     .folder = filled("WEBHOOK_CERT_DIR"),
                     .secret = filled("WEBHOOK_SECRET"),
                     .service = filled("WEBHOOK_SERVICE"),
                     .configuration = filled("WEBHOOK_CONFIGURATION"),
                     .space = s->own_namespace};
    if (p->folder || !p->secret || (p->service && p->configuration && p->space))
        return EXIT_DONE;
    return app_misuse(args, "WEBHOOK_SECRET needs WEBHOOK_SERVICE, WEBHOOK_CONFIGURATION and a "
                            "namespace (OPERATOR_NAMESPACE)");
}

/* `ret` stays as it is when the variable is not set. */
static int yes_or_no(const app_args *args, const char *name, int *ret)
{
    const char *value = filled(name);
    if (value && strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
        return app_misuse(args, "%s is true or false, not \"%s\"", name, value);
    if (value)
        *ret = !strcmp(value, "true");
    return EXIT_DONE;
}

int op_settings_read(const app_args *args, const char *pod_namespace, op_settings *ret,
                     op_texts *texts)
{
    long long progress, reconcile, pending, refresh, workers, start, silence;
    int copies = 0, watch = 1;
    int rc = number_of(args, "PROCESSOR_PROGRESS_TIMEOUT_SECONDS", -1000000, 3600, &progress);
    rc = rc ? rc : number_of(args, "RECONCILE_TIMEOUT_SECONDS", 1, 180, &reconcile);
    rc = rc ? rc : number_of(args, "RECONCILE_PENDING_REQUEUE_SECONDS", 1, 20, &pending);
    rc = rc ? rc : number_of(args, "SECRETS_REFRESH_SECONDS", 1, 30, &refresh);
    rc = rc ? rc : yes_or_no(args, "SECRETS_OF_OTHER_NAMESPACES", &copies);
    rc = rc ? rc : yes_or_no(args, "WATCH_SECRETS", &watch); /* nothing watches them: see --help */
    rc = rc ? rc : number_of(args, "MAX_CONCURRENT_RECONCILES", 1, 8, &workers);
    rc = rc ? rc : number_of(args, "STEP_START_TIMEOUT_SECONDS", 0, 600, &start);
    rc = rc ? rc : number_of(args, "WATCH_SILENCE_SECONDS", SILENCE_LEAST_S, 600, &silence);
    if (rc != EXIT_DONE)
        return rc;
    *ret = (op_settings){
        .processor_level = text_of("PROCESSOR_LOG_LEVEL", "info"),
        .namespace_ = app_args_value(args, "namespace"),
        .own_namespace = text_of("OPERATOR_NAMESPACE", pod_namespace),
        .progress_timeout_s = progress > 0 ? progress : 0,
        .reconcile_timeout_s = reconcile,
        .pending_us = pending * 1000000,
        .start_limit_s = start,
        .secrets_us = refresh * 1000000,
        .copies = copies,
        .workers = (int)workers,
    };
    set_image(ret, texts);
    set_identity(ret, texts);
    return set_places(args, ret, silence, texts);
}
