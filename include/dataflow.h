/* SPDX-License-Identifier: Apache-2.0
 *
 * dataflow.h: everything that a program with the library inside may call. What is not here (or in
 * dataflow_manage.h, for those who administer flows, and dataflow_ext.h, dataflow_record.h and
 * dataflow_avro.h, for those who write connectors and transforms) is not the API.
 *
 * THE STORY. A pipeline moves records from a source through transforms to sinks and loses none
 * of them. Five nouns explain all of it:
 *
 *   df_env       the library in your process: registry of stages, allocator, log
 *   df_pipeline  stages joined by links; it runs once
 *   df_stage     one running instance of a connector or transform (dataflow_ext.h)
 *   df_batch     records that travel together and share one arena
 *   df_record    payload, key, headers, time, metadata; fields are addressed by path
 *
 * A program makes an env, makes a pipeline, loads a manifest, runs it, asks why it ended, and
 * frees both:
 *
 *     df_env *env = df_env_new(NULL);
 *     df_pipeline *p = df_pipeline_new(env, NULL);
 *     df_text spec = {sizeof spec, "flow.yaml", yaml, strlen(yaml)};
 *     int rc = df_pipeline_load(p, &spec);
 *     if (rc == DF_OK)
 *         rc = df_pipeline_run(p, NULL);
 *     if (rc < 0)
 *         fprintf(stderr, "%s\n", df_pipeline_errmsg(p));
 *     df_pipeline_free(p);
 *     df_env_free(env);
 *
 * DELIVERY. Every record that a source delivered ends in a sink, in the error sink, or is counted
 * as left out, filtered, skipped or abandoned. df_stats has these counts; they add up at every
 * reading. A position moves over a record only when that record and all before it in its partition
 * have ended so, abandoned ones excepted: those are read again.
 *
 * WORDS. A record is settled when it has ended as above. A link joins an exit of a stage ("out",
 * "error", or one that a transform routes to) to a sink. A port is the end of a pipeline that is in
 * your program: it feeds records in, takes them out, or watches them.
 *
 * STRUCTS. A struct that starts with `size` may grow at its end. The caller sets `size`, in
 * returned structs too; the library fills min(size). Zero means default for every member.
 * What the library does not know yet is ignored. Arrays of such structs have the stride
 * of their first row's `size`. Frozen for ever: df_bytes, df_value, df_header.
 *
 * ERRORS. Functions return an int: 0 is done, positive is news, negative is failure, and the code
 * alone decides what to do (df_status_fate). Texts live in fixed buffers inside the handle (cut
 * at a UTF-8 boundary, secret values replaced): reporting an error needs no memory. A failing
 * call never calls you back and leaves its `ret_` parameters untouched.
 *
 * OWNERSHIP. What `_new` or `_open` gives is yours: hand it to the matching `_free` or `_close`;
 * these accept NULL. Anything else returned is borrowed: from a record until it changes or the
 * callback returns, from a handle until the next call on it. Text and tables passed in are
 * copied. A user pointer comes with a free function that runs exactly once, also when the call
 * fails.
 *
 * THREADS. A handle is used by one thread at a time. Any thread at any time: df_pipeline_stop,
 * df_pipeline_refresh, df_pipeline_stats, df_pipeline_report, df_env_metrics, and the port
 * functions (one thread per port; df_port_open is a call on the pipeline). df_pipeline_stop may
 * also be called from a signal handler. Each pipeline has threads of its own (one for the source,
 * one for the pipeline, one per sink); they block all asynchronous signals.
 *
 * THE PROCESS. The library never prints, never exits, installs no signal handler, reads no
 * environment variable (unless you pass df_resolve_process) and changes no locale. Libraries
 * that it uses do some of this: libpq reads PG* variables, OpenSSL its configuration file.
 */
#ifndef DATAFLOW_H
#define DATAFLOW_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef DF_API
#define DF_API __attribute__((visibility("default")))
#endif
/* Row `i` of an array of a struct that begins with its size: `(rows)[i]` is wrong when the other
 * side was built with a longer or shorter struct. */
#define DF_ROW(type, rows, i)                                                                      \
    ((const type *)(const void *)((const char *)(rows) + (size_t)(i) * (rows)->size))
#define DF_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* The version of this header: 10203 is 1.2.3. */
#define DF_VERSION 100

typedef struct df_env df_env;
typedef struct df_pipeline df_pipeline;
typedef struct df_port df_port;     /* the host's end of a pipeline: feed, take or tap */
typedef struct df_parcel df_parcel; /* records handed to one sink together */
typedef struct df_batch df_batch;
typedef struct df_record df_record;
typedef struct df_path df_path;     /* a compiled path: immutable, may be shared by threads */
typedef struct df_answer df_answer; /* where a secret resolver or a store puts its reply */

/* ---- plain data --------------------------------------------------------------------------- */

typedef struct df_bytes {
    const void *data; /* NULL: null (no key, a tombstone); not NULL with len 0: empty */
    size_t len;
} df_bytes;

/* One value of a record. Scalars are complete in themselves; texts are borrowed from the record
 * and not NUL-terminated. Numbers of JSON arrive as INT when they are written as an integer that
 * fits 64 bits, else as NUMBER: their source text, so that nothing is rounded on the way.
 *
 * What JSON does not have stays itself from a source that knows types, through transforms, to a
 * sink that knows columns. Where a record is written as JSON (stdio, kafka, the error envelope):
 *   BYTES      base64 in a string
 *   TIMESTAMP  RFC 3339 in a string, with its zone; without one, none is written
 *   DATE, TIME "2024-02-29", "23:59:59.5"; years outside of 0..9999 have a sign
 *   DOUBLE     the shortest number that reads the same; "NaN", "Infinity", "-Infinity" in a string
 *   UNCHANGED  a member is left out; in an array it is null */
typedef struct df_value {
    int32_t type; /* DF_V_... */
    int32_t zone; /* TIMESTAMP: minutes east of UTC, DF_ZONE_NONE without a zone; else 0 */
    union {
        int64_t i;        /* BOOL 0 or 1; INT; TIMESTAMP in µs since 1970; DATE days; TIME µs */
        double d;         /* DOUBLE */
        const void *node; /* OBJECT, ARRAY: opaque, for df_value_walk */
    } u;
    const char *text; /* INT from JSON, NUMBER, STRING, BYTES; else NULL */
    size_t len;       /* of text; OBJECT and ARRAY: number of members */
} df_value;

enum {
    DF_V_ABSENT = 0, /* the path leads nowhere: an answer, not an error */
    DF_V_UNCHANGED,  /* the source did not send it: leave the column alone, never null. Given to
                        df_record_set it leaves the value that is there */
    DF_V_NULL,
    DF_V_BOOL,
    DF_V_INT,
    DF_V_NUMBER, /* exact decimal: text */
    DF_V_DOUBLE,
    DF_V_STRING, /* UTF-8 */
    DF_V_BYTES,
    DF_V_TIMESTAMP,
    DF_V_DATE,
    DF_V_TIME,
    DF_V_ARRAY,
    DF_V_OBJECT
};
#define DF_ZONE_NONE INT32_MIN

typedef struct df_header {
    const char *name; /* headers are ordered and may repeat */
    df_bytes value;
} df_header;

/* ---- status ------------------------------------------------------------------------------- */

/* The code decides the fate; the text beside it says what happened. docs/errors.md has the
 * whole table. */
enum {
    DF_OK = 0,
    DF_AGAIN = 1,    /* nothing yet, no room yet */
    DF_DONE = 2,     /* nothing ever again */
    DF_DROP = 3,     /* leave this record out; counted as filtered */
    DF_PENDING = 4,  /* accepted, not yet durable: df_stage_settle follows */
    DF_ABSORBED = 5, /* as PENDING, and the sink has copied the bytes */
    DF_MORE = 6,     /* an expanding transform has more to give: call again */

    DF_EIO = -1,      /* connection gone: close, back off, open, send again */
    DF_ETIMEOUT = -2, /* no answer in time and nothing was applied: as DF_EIO */
    DF_EUNKNOWN = -3, /* the outcome is unknown: reopen and ask what was stored */
    DF_EDATA = -4,    /* the records named can never pass: they go to the error sink */
    DF_ETOOBIG = -5,  /* the parcel is too large for the server: send it in halves */
    DF_EREWIND = -6,  /* accepted records were lost: read them again */
    DF_EFENCED = -7,  /* another owner took the partition: give it up, never retry */
    DF_EAUTH = -8,    /* credentials refused: read secrets again, retry for a while */
    DF_ENOMEM = -9,
    DF_EINVAL = -10,
    DF_ESTATE = -11,
    DF_ENOTFOUND = -12,
    DF_EEXISTS = -13,
    DF_ESPEC = -14, /* the manifest is wrong: df_pipeline_problem_at tells where */
    DF_ENOTSUP = -15,
    DF_ECANCELED = -16,
    DF_EREJECTED = -17,  /* a record was refused and there is no error sink */
    DF_ETEMPORARY = -18, /* gave up after the retry cap: may work later (exit 75) */
    DF_EINTERNAL = -19
};

/* What the runtime does when a stage answers a status. */
enum {
    DF_FATE_NONE,    /* success or news */
    DF_FATE_RETRY,   /* back off, reopen, send again */
    DF_FATE_RESOLVE, /* reopen, ask for the stored position, then decide */
    DF_FATE_REJECT,  /* the records go to the error sink; without one, as errors.policy says */
    DF_FATE_SPLIT,   /* halve and send both */
    DF_FATE_REWIND,  /* seek the source back to its watermark */
    DF_FATE_RELEASE, /* give the partition back */
    DF_FATE_STOP     /* drain the others, save, end the run */
};

/* The library's version in use, as DF_VERSION. */
DF_API int df_version(void);
/* The same as text: "0.1.0". Static storage. */
DF_API const char *df_version_string(void);
/* "DF_EIO" for -1; "DF_UNKNOWN_STATUS" for a number that is no status. Static storage. */
DF_API const char *df_status_name(int status);
/* One English line for people. Static storage. */
DF_API const char *df_status_text(int status);
/* DF_FATE_... of a status. */
DF_API int df_status_fate(int status);
/* Lists all statuses, so that a binding need not copy the enum: fills *ret_status for index 0,
 * 1, 2, ...; DF_DONE past the last. */
DF_API int df_status_at(size_t index, int *ret_status);

/* ---- callbacks ---------------------------------------------------------------------------- */

typedef void (*df_free_fn)(void *user);
/* Receives text piece by piece; a non-zero answer ends the output and is returned. */
typedef int (*df_write_fn)(void *user, const char *text, size_t len);

/* A value that lives elsewhere, such as ${env:NAME}, ${file:PATH} or a Kubernetes Secret. */
typedef struct df_ref {
    size_t size;
    int kind;          /* DF_REF_... */
    const char *space; /* Kubernetes namespace or NULL */
    const char *name;  /* variable, path or Secret */
    const char *key;   /* key in the Secret or NULL */
    const char *field; /* the option it is for: "spec.sink.config.passwordSecretRef" */
} df_ref;
enum { DF_REF_ENV = 1, DF_REF_FILE, DF_REF_SECRET };

/* Resolves a reference: calls df_answer_set and returns DF_OK, or a failure. Called on any
 * thread of the pipeline, one at a time; may block. */
typedef int (*df_resolve_fn)(void *user, const df_ref *ref, df_answer *answer);

/* Copies `len` bytes into the answer; what it held before is wiped. DF_ENOMEM. */
DF_API int df_answer_set(df_answer *answer, const void *data, size_t len);
/* A ready-made resolver for programs: environment variables, files (one trailing newline is
 * cut), Secrets as files in the folder `user` (a const char *, NULL: none) laid out NAME/KEY. */
DF_API int df_resolve_process(void *user, const df_ref *ref, df_answer *answer);

/* One stored position. */
typedef struct df_state {
    size_t size;
    const char *stage, *partition;
    df_bytes data; /* data NULL: remove */
} df_state;

/* Where positions live when neither a sink nor the source's own system holds them. A pipeline has a
 * thread for it: load and save are never called at once, may block, and hold nothing back but acks
 * and partitions that come or go. */
typedef struct df_store {
    size_t size;
    /* Finds the row of stage and partition: df_answer_set, DF_OK. DF_ENOTFOUND: there is none, and
     * the partition begins as configured; so a store whose content is damaged must fail. Any other
     * failure ends the run. */
    int (*load)(void *user, const char *stage, const char *partition, df_answer *answer);
    /* Stores the rows, all or none (walk with DF_ROW; borrowed), over older ones of the same names;
     * rows without data are removed. DF_OK only when that is durable. DF_EFENCED: another owner has
     * written meanwhile, and the run ends; any other failure: tried again, with newer
     * positions; at the end of a run it is the result. */
    int (*save)(void *user, const df_state *rows, size_t count);
    void *user;
    df_free_fn user_free;
    int min_interval_ms; /* between two saves; 0: 50 */
    /* Calls each(ctx, row) for every stored row, in any order, until one answers other than DF_OK:
     * that is returned. Not while a pipeline uses the store. NULL: cannot. */
    int (*list)(void *user, int (*each)(void *ctx, const df_state *row), void *ctx);
    /* Why the last call of load or save failed, from the thread of that call; NULL, or no function:
     * the text of its status is told. */
    const char *(*errmsg)(void *user);
} df_store;

/* A store in the folder `dir` (made when missing): two slots with generation and CRC32C, each
 * written, synced and renamed, so that a torn write leaves the previous state. `pipeline` names
 * the file. On success `ret_store` owns it: give it to df_pipeline_options or call its user_free.
 * DF_EIO with the reason in df_env_errmsg; DF_ESTATE when both slots are damaged, DF_ENOTSUP when
 * another version of the library wrote one. */
DF_API int df_store_file(df_env *env, const char *dir, const char *pipeline, df_store *ret_store);

/* ---- environment -------------------------------------------------------------------------- */

typedef struct df_env_options {
    size_t size;
    void *(*realloc)(void *user, void *old, size_t len);  /* len 0 frees; NULL: libc */
    void (*log)(void *user, int level, const char *line); /* any library thread; must not block */
    int64_t (*now_us)(void *user);                        /* wall clock; tests freeze it */
    int (*thread)(void *user, int started, const char *name); /* attach a language runtime */
    void *user;
    int log_level;           /* DF_LOG_...; 0: warnings */
    const char *module_path; /* folders of connector modules, colon between; NULL: built in */
    int64_t (*clock_us)(void *user); /* for time-outs: never goes back; NULL: CLOCK_MONOTONIC */
} df_env_options;
#define DF_ENV_OPTIONS_INIT                                                                        \
    {                                                                                              \
        sizeof(df_env_options), NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL                        \
    }
enum { DF_LOG_ERROR = 1, DF_LOG_WARN, DF_LOG_INFO, DF_LOG_DEBUG };

/* Makes an environment; options are copied (set their size), NULL means defaults: no log, the
 * clocks and the allocator of the system. Any library thread uses its callbacks until df_env_free.
 * One for a process is enough. Opens no module, starts no thread. NULL only for lack of memory. */
DF_API df_env *df_env_new(const df_env_options *options);
/* Frees it, after its pipelines and paths. NULL is nothing. */
DF_API void df_env_free(df_env *env);
/* Text of the last failed call on env; "" before the first. */
DF_API const char *df_env_errmsg(const df_env *env);
/* Opens a shared object and registers what its df_plugin_entry offers. It is never unloaded.
 * DF_ENOTFOUND, DF_ENOTSUP (built for another version), or what its init answered. */
DF_API int df_env_load_plugin(df_env *env, const char *path);
/* Writes one JSON object that describes every connector and transform with its options, and the
 * fields of a manifest. Documents, completion, schemas and forms are made from it. */
DF_API int df_env_describe(df_env *env, df_write_fn write, void *user);
/* Writes the metrics of all pipelines of env in the Prometheus text format 0.0.4, one HELP and
 * TYPE per family. Any thread. */
DF_API int df_env_metrics(df_env *env, df_write_fn write, void *user);

typedef struct df_text {
    size_t size;
    const char *file; /* for messages; NULL: "<text>" */
    const char *text;
    size_t len;
} df_text;

/* Rewrites a manifest of the old layout (source.kafka: {...}) into the new one (source.config:
 * {...}). Works on the source text, so comments and order stay. DF_ESPEC. */
DF_API int df_env_format(df_env *env, const df_text *in, df_write_fn write, void *user);

/* ---- pipeline: build ---------------------------------------------------------------------- */

typedef struct df_pipeline_options {
    size_t size;
    const char *space, *name; /* labels of metrics, keys of positions; NULL: from the manifest */
    uint64_t memory_limit;    /* bytes; 0: the manifest's, else 64 MiB; the smaller one wins */
    df_resolve_fn resolve;    /* NULL: references are refused */
    void *resolve_user;
    const df_store *store; /* copied, user_free is called in any case; NULL: memory */
    /* What a manifest of others may reach: files that connectors open and ${file:} below this
     * folder, ${env:} with this prefix. NULL: any. */
    const char *files, *env_prefix;
    int show_values;      /* values of records in texts; else names, types and places only */
    const char *work_dir; /* an existing folder for temporary files; NULL: none may be made */
    /* "sink.config.table=orders", "transformations[0].config={fields: [a]}", NULL at the end: put
     * in place of what the manifest says, or added, by df_pipeline_load, which borrows them. A
     * value that begins with {, [ or a quote is YAML, else it is text, a number or a boolean.
     * df_problem.file of such a value is "--set PATH". NULL: none. */
    const char *const *set;
    void *user; /* df_stage_info.user of its stages: for a binding, whose pipeline calls it back */
} df_pipeline_options;
#define DF_PIPELINE_OPTIONS_INIT                                                                   \
    {                                                                                              \
        sizeof(df_pipeline_options), NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL,   \
            NULL                                                                                   \
    }

typedef struct df_stage_def {
    size_t size;
    int role;                /* DF_SOURCE, ... */
    const char *name, *kind; /* name NULL: the kind */
    const char *config;      /* YAML or JSON, e.g. "{path: out.jsonl}"; NULL: all defaults */
    int replace;             /* true: takes the place of the stage of that name */
} df_stage_def;
enum { DF_SOURCE = 1, DF_TRANSFORM, DF_SINK, DF_ERROR_SINK };

typedef struct df_problem {
    size_t size;
    int severity;             /* DF_ERROR, DF_WARNING */
    int line, column;         /* from 1; 0: unknown */
    const char *file, *field; /* "spec.sink.config.tabel" */
    const char *text, *hint;  /* hint: "did you mean \"table\"?" or NULL */
} df_problem;
enum { DF_ERROR = 1, DF_WARNING };

/* Makes an empty pipeline. The name `df_pipeline_new` is fixed. NULL only for lack of memory. */
DF_API df_pipeline *df_pipeline_new(df_env *env, const df_pipeline_options *options);
/* Stops it now if it runs, waits for its threads, frees it. Never inside a callback. When a
 * thread was left behind (df_stats.left), it keeps what that one may still use: memory, the env
 * and its callbacks, which must stay valid until the process ends; leave by _exit, since library
 * code still runs. */
DF_API void df_pipeline_free(df_pipeline *p);
/* Loads a manifest: a DataFlow or DataFlowCron object or a bare spec, YAML or JSON, both layouts.
 * No I/O. DF_ESPEC: all problems at once are in df_pipeline_problem_at. */
DF_API int df_pipeline_load(df_pipeline *p, const df_text *spec);
/* Adds one stage by hand. Stages added in order are linked in order. DF_EEXISTS, DF_ENOTFOUND
 * (unknown kind), DF_ESPEC. */
DF_API int df_pipeline_add(df_pipeline *p, const df_stage_def *def);
/* Joins `exit` of a stage to another stage: "out" or "error", or the number of an exit that a
 * transform routes to. An exit may have several links (the record is copied; sinks share its
 * bytes). DF_ENOTFOUND (no such stage), DF_EINVAL (a NULL), DF_ESTATE (it has started), DF_ENOMEM.
 * An exit that the stage does not have makes the start fail with DF_ENOTFOUND. */
DF_API int df_pipeline_link(df_pipeline *p, const char *from, const char *exit, const char *to);
/* Checks the whole graph without I/O and without secrets. DF_ESPEC with problems; warnings alone
 * give DF_OK. Called by start when you did not. */
DF_API int df_pipeline_check(df_pipeline *p);
/* The problems found so far, sorted by place; DF_DONE past the last. At most 100 are kept. */
DF_API int df_pipeline_problem_at(const df_pipeline *p, size_t index, df_problem *ret);
/* Writes a JSON document: PLAN (stages, guarantee and why, memory budget; before or while
 * running), STATUS (state and counts of each stage, lag, held routes), REFS (the secrets it will
 * ask for), POSITIONS (stored watermarks). */
DF_API int df_pipeline_report(df_pipeline *p, int what, df_write_fn write, void *user);
enum { DF_REPORT_PLAN = 1, DF_REPORT_STATUS, DF_REPORT_REFS, DF_REPORT_POSITIONS };

/* ---- pipeline: run ------------------------------------------------------------------------ */

typedef struct df_run_options {
    size_t size;
    uint64_t limit;      /* records to read; 0: no limit */
    int until_exhausted; /* sources fix their end when they open; the run ends there */
    int dry;             /* sinks accept and forget, nothing is committed or stored */
    int detached;        /* sources and sinks become host stages of the same names */
    int from_start; /* stored positions are forgotten first, as by checkpointReset; -1: they are
                       not, also when the spec says so */
} df_run_options;

/* A consistent cut, taken by the pipeline's own thread:
 *   received + expanded = sent + left_out + filtered + errored + skipped + abandoned + in_flight
 * in_flight is counted on its own. */
typedef struct df_stats {
    size_t size;
    uint64_t received;  /* records the source delivered */
    uint64_t expanded;  /* children minus parents of 1→N transforms, and copies of fan-out */
    uint64_t sent;      /* durable in a sink */
    uint64_t left_out;  /* a sink took it and wrote nothing, on purpose (onConflict: skip) */
    uint64_t filtered;  /* dropped by a transform */
    uint64_t errored;   /* durable in the error sink */
    uint64_t skipped;   /* refused, counted, not kept (errors.policy: skip) */
    uint64_t abandoned; /* let go by a revoke, a rewind or a stop; will be read again */
    uint64_t in_flight;
    uint64_t retries, bytes_in, bytes_out;
    uint64_t budget_used, budget_limit; /* bytes */
    uint64_t uncommitted; /* read past the saved position: a crash would repeat at most these */
    int64_t lag_records, lag_us; /* -1: unknown */
    int64_t last_progress_us;    /* wall clock of the last settled record; 0: none */
    int connected, ready;
    uint64_t left; /* threads left behind at the end: see df_pipeline_stop */
} df_stats;

typedef struct df_event {
    size_t size;
    int type, status;
    const char *stage, *text;
} df_event;
enum { DF_EVENT_STATE = 1, DF_EVENT_RETRY, DF_EVENT_RECOVERED, DF_EVENT_REJECT, DF_EVENT_LOST };

/* Starts the pipeline and waits for its end. The name is fixed. DF_OK: the sources are exhausted
 * or it was stopped, everything is settled and saved; otherwise the failure that ended it, and
 * df_pipeline_errmsg says why in one line. NULL options: run until stopped. */
DF_API int df_pipeline_run(df_pipeline *p, const df_run_options *run);
/* Checks the pipeline, opens its transforms on this thread, starts threads of its own and returns;
 * source and sinks connect there, so that a failure of theirs is the result of df_pipeline_wait.
 * Options are copied. DF_ESPEC: see df_pipeline_problem_at; DF_ESTATE: a pipeline runs once;
 * DF_ENOTFOUND: a link from an exit that is not there; DF_ENOMEM; what the open of a transform
 * answered. After a failure only df_pipeline_free is left. */
DF_API int df_pipeline_start(df_pipeline *p, const df_run_options *run);
/* Waits for the end; DF_AGAIN after timeout_ms (0: at once, -1: for ever). Stops nothing: see
 * df_pipeline_stop. Result as df_pipeline_run, at each further call too. DF_ESTATE: not started. */
DF_API int df_pipeline_wait(df_pipeline *p, int timeout_ms);
/* A descriptor that is readable while events wait, for another event loop. The pipeline's own:
 * poll it, do not read or close it. */
DF_API int df_pipeline_fd(const df_pipeline *p);
/* The next event; DF_AGAIN: none now; DF_DONE: the run ended and all were read. Texts live until
 * the next call. When they are not read, the oldest are dropped and one DF_EVENT_LOST tells how
 * many. */
DF_API int df_pipeline_next_event(df_pipeline *p, df_event *ret);
/* DRAIN: no more reads, everything read so far is delivered and saved, at most stopTimeout
 * (20 s). NOW: unsettled records are abandoned (they are read again next time). Any thread,
 * signal handlers too. A second DRAIN does not hurry; NOW does. What was read from a source that
 * cannot give it again (a pipe) and is abandoned makes the run a failure: DF_ETIMEOUT after a
 * DRAIN, DF_ECANCELED after NOW. The run ends at most 5 s after stopTimeout, 5 s after NOW: a
 * thread that a library does not give back by then is left behind, logged and counted in
 * df_stats.left. A transform that does not come back holds the pipeline's own thread: then
 * df_pipeline_wait and df_pipeline_free notice it, and the run is DF_ETIMEOUT. */
DF_API void df_pipeline_stop(df_pipeline *p, int how);
enum { DF_STOP_DRAIN = 1, DF_STOP_NOW };
/* Secrets may have changed: stages read them again at their next use, and one that waits for its
 * next try tries now. A stage that has to connect again reads them again without it. Any thread. */
DF_API void df_pipeline_refresh(df_pipeline *p);
/* Counts since the start, of the whole pipeline (stage NULL) or of one stage by its name, of which
 * only received, sent, errored, in_flight, retries, bytes_out, connected and ready are filled. Set
 * ret->size. All 0 (lags -1) before the start. Any thread. DF_ENOTFOUND: no such stage,
 * or not started. */
DF_API int df_pipeline_stats(const df_pipeline *p, const char *stage, df_stats *ret);
/* Text of the last failure on p; "" before the first. */
DF_API const char *df_pipeline_errmsg(const df_pipeline *p);

/* ---- ports: the host pushes records in and takes records out ------------------------------ */

/* One record as a source gives it. Everything is copied. */
typedef struct df_input {
    size_t size;
    df_bytes payload, key;
    const df_header *headers;
    size_t header_count;
    int64_t time_us;    /* µs since 1970; 0: now */
    int64_t offset;     /* for people and metadata; -1: none */
    uint32_t partition; /* number from df_partition_number; 0 in ports */
    uint32_t op;        /* DF_OP_... */
} df_input;
enum { DF_OP_NONE, DF_OP_INSERT, DF_OP_UPDATE, DF_OP_DELETE, DF_OP_TRUNCATE };

typedef struct df_port_options {
    size_t size;
    const char *stage;    /* a stage of kind `host`; TAP: any stage */
    int mode;             /* DF_FEED, DF_TAKE, DF_TAP */
    uint32_t queue_bytes; /* TAP: drops and counts when full (0: 1 MiB) */
} df_port_options;
enum {
    DF_FEED = 1, /* push records into a host source */
    DF_TAKE,     /* take parcels from a host sink and settle them */
    DF_TAP       /* watch what leaves a stage; never slows the flow */
};

/* Opens the host's end; before or while the pipeline runs. A manifest's stages are named source,
 * sink, errors, "0 mask" (transformation 0, a mask) and "0 router/1" (the sink of its route 1); as
 * DF_REPORT_PLAN lists them. DF_ENOTFOUND: no such stage; DF_ENOTSUP: that stage cannot be used in
 * this mode; DF_EEXISTS: it has a port; text in df_pipeline_errmsg. */
DF_API int df_port_open(df_pipeline *p, const df_port_options *options, df_port **ret_port);
/* FEED: end of input. TAKE: what was not settled goes back. Frees the port and its parcels. Before
 * or after df_pipeline_free. */
DF_API void df_port_close(df_port *port);
/* Pushes up to `count` rows; *ret_taken tells how many were copied, possibly fewer with DF_OK.
 * DF_AGAIN: no room now, none was copied. DF_DONE: the pipeline ended. */
DF_API int df_port_push(df_port *port, const df_input *rows, size_t count, size_t *ret_taken);
/* FEED: how many pushed records, counted from the first one of the stage, are settled without a
 * gap: so many need not be pushed again. It only rises. DF_EINVAL: another mode. */
DF_API int df_port_acked(df_port *port, uint64_t *ret_count);
/* TAKE, TAP: the next parcel, a copy that is yours until df_port_settle; several may be out at
 * once. Waits for one up to timeout_ms (0: not at all, -1: for ever). DF_AGAIN: none came; DF_DONE:
 * the pipeline ended and none is left; DF_EINVAL: a port of FEED. */
DF_API int df_port_take(df_port *port, int timeout_ms, df_parcel **ret_parcel);
/* Gives a parcel back, which is freed: DF_OK: durable; DF_EIO: deliver it again; DF_EDATA: reject
 * all of it. A TAP's parcels are given back with any status. DF_EINVAL: no parcel of this port. */
DF_API int df_port_settle(df_port *port, df_parcel *parcel, int status);
/* A descriptor for another event loop, readable while there is room (FEED) or a parcel (TAKE, TAP),
 * and once the pipeline has ended. The port's own until df_port_close: poll it, do not read or
 * close it. -1: port is NULL. */
DF_API int df_port_fd(const df_port *port);

typedef struct df_port_info {
    size_t size;
    uint64_t records;      /* pushed, or taken */
    uint64_t dropped;      /* TAP: not copied, for the queue was full or there was no memory */
    uint64_t queued_bytes; /* that wait: for the source, or to be taken */
    const char *error;     /* text of the last failed call on this port; "": none */
} df_port_info;
/* Counts of one port. DF_EINVAL. */
DF_API int df_port_stats(const df_port *port, df_port_info *ret);

/* ---- records ------------------------------------------------------------------------------ */

typedef struct df_info {
    size_t size;
    int64_t time_us, offset;
    uint32_t op;
    const char *partition; /* "orders/3" */
} df_info;

/* Number of records of a parcel; 0 in one that only brings positions (dataflow_ext.h). */
DF_API size_t df_parcel_count(const df_parcel *parcel);
/* A record by index, below df_parcel_count, which is not checked. Read-only, borrowed until the
 * parcel settles: df_record_info, _key, _header and _meta are for it. */
DF_API const df_record *df_parcel_at(const df_parcel *parcel, size_t index);
/* The payload as text of its current value: the original bytes when nothing changed, else written
 * once and kept until the parcel settles. data NULL: tombstone. The index is not checked. On one
 * thread at a time. DF_ENOMEM. */
DF_API int df_parcel_payload(df_parcel *parcel, size_t index, df_bytes *ret);
/* The value at a path in a record: as df_record_get. DF_EDATA: not JSON; DF_EINVAL: no such record.
 * Of a taken parcel it is borrowed until the parcel is given back, of a sink's until another record
 * of it is asked for a value. */
DF_API int df_parcel_get(df_parcel *parcel, size_t index, const df_path *path, df_value *ret);

/* One record of a parcel in one row; everything is borrowed until the parcel settles. */
typedef struct df_output {
    size_t size;
    df_bytes payload, key; /* as df_parcel_payload and df_record_key give them */
    const df_header *headers;
    size_t header_count;
    int64_t time_us, offset;
    const char *partition;
    uint32_t op;
} df_output;
/* Fills up to `count` rows, which are `rows[0].size` bytes apart, from record `from` on: one call
 * for many records, for bindings. *ret_filled: how many, 0 past the last. DF_ENOMEM, DF_EINVAL
 * (rows[0] has no size). */
DF_API int df_parcel_rows(df_parcel *parcel, size_t from, df_output *rows, size_t count,
                          size_t *ret_filled);

/* Offset, time, operation, partition of a record: set ret->size, the rest is filled. The text is
 * borrowed like the record. DF_OK. */
DF_API int df_record_info(const df_record *r, df_info *ret);
/* The key, borrowed until it is set anew or the record ends; data NULL: no key. DF_OK. */
DF_API int df_record_key(const df_record *r, df_bytes *ret);
/* The payload in a transform, as df_parcel_payload gives it in a sink: after an edit the whole
 * value is written, so ask for it last. Borrowed until the next edit. DF_ENOMEM. */
DF_API int df_record_payload(df_record *r, df_bytes *ret);
/* Header number `index`, from 0, borrowed until they are set anew; DF_DONE past the last. */
DF_API int df_record_header(const df_record *r, size_t index, df_header *ret);
/* Metadata by name ("topic", "offset", "operation", ..., "headers.NAME": the last header of that
 * name); missing: DF_OK and ABSENT. Borrowed from the record. */
DF_API int df_record_meta(const df_record *r, const char *name, df_value *ret);
/* Sets metadata of this record, over that of its partition; copied; ABSENT removes. Scalars only,
 * others are DF_EINVAL. A STRING that is not UTF-8, or holds a NUL, becomes BYTES. DF_ENOMEM. */
DF_API int df_record_set_meta(df_record *r, const char *name, const df_value *value);
/* The value at a path; missing: DF_OK and ABSENT. A payload that is not JSON: DF_EDATA. The first
 * hit when the path has wildcards. */
DF_API int df_record_get(df_record *r, const df_path *path, df_value *ret);
/* Sets the value at a path (every hit of a wildcard), makes missing parent objects; ABSENT
 * removes, UNCHANGED leaves it. In each case only the last of members of one name stays on the way
 * there. Strings are copied. DF_EDATA: not JSON, or a parent is not a container. */
DF_API int df_record_set(df_record *r, const df_path *path, const df_value *value);
/* Rejects the record with a reason: returns status, so that a transform can `return` it. The text
 * is copied; the first one stays. */
DF_API int df_record_fail(df_record *r, int status, const char *text);
/* The same with the text made as by printf, cut after 1023 bytes. */
DF_API int df_record_failf(df_record *r, int status, const char *format, ...) DF_PRINTF(3, 4);

/* Compiles a path: $.a.b, a.b, a.0, $.a[0], $['x.y'], a\.b, $.a[*].b, $.a[-1]. NULL:
 * df_env_errmsg names the column. */
DF_API df_path *df_path_new(df_env *env, const char *text);
/* Frees what df_path_new made, before the env; not a path of an option. NULL is nothing. */
DF_API void df_path_free(df_path *path);

/* Answers DF_OK (keep), DF_DROP, or a failure made with df_record_fail. */
typedef int (*df_transform_fn)(df_record *r, void *user);
typedef struct df_function {
    size_t size;
    const char *name, *doc;
    df_transform_fn apply;
    void *user;
    df_free_fn user_free;
    int parallel; /* false: called by one thread at a time in the whole env */
} df_function;

/* Registers a transform of one function: `- type: NAME` in a manifest. DF_EEXISTS. The full form
 * with options and 1→N is df_transform_register in dataflow_ext.h. */
DF_API int df_transform_register_fn(df_env *env, const df_function *fn);

#ifdef __cplusplus
}
#endif
#endif
