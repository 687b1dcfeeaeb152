/* SPDX-License-Identifier: Apache-2.0
 * secret.h: values that cannot be printed. A df_secret has no text member that a log call could
 * take; texts that leave the library are scrubbed of every value a set has handed out. */
#ifndef DF_CORE_GRAPH_SECRET_H
#define DF_CORE_GRAPH_SECRET_H

#include <pthread.h>
#include <stdarg.h>

#include "core/graph/fence.h"
#include "core/graph/reference.h"
#include "dataflow_ext.h"
#include "util/arena.h"

struct df_answer { /* wiped when freed or set again */
    const df__heap *heap;
    char *data;
    size_t len;
};
/* Wipes what a resolver answered. */
void df__answer_free(df_answer *a);

typedef struct df__secrets df__secrets; /* of one pipeline; any thread */
/* An empty set. `resolve` gives the values of references; NULL: each reference fails. Returns NULL:
 * no memory. */
df__secrets *df__secrets_new(const df__heap *heap, df_resolve_fn resolve, void *user);
/* Wipes and frees all secrets of the set. */
void df__secrets_free(df__secrets *s);
/* Limits what references reach, and what df__secrets_fence answers. Before the first use. */
int df__secrets_limit(df__secrets *s, const char *files, const char *env_prefix);
/* What references may reach. */
const df__fence *df__secrets_fence(const df__secrets *s);
/* What of it is hidden in texts */
enum df__hide {
    DF__HIDE_FILES = 1, /* no option for secrets: what came from a file or a Secret */
    DF__HIDE_PARTS,     /* the text as a whole, and the parts that its connector names */
    DF__HIDE_ALL        /* everything and each piece of it */
};
/* A new secret with a literal value or a reference (ref copied; strings too). NULL: no memory. */
df_secret *df__secret_new(df__secrets *s, const df_ref *ref, df_bytes literal, enum df__hide what);
/* A secret whose text may hold ${env:NAME} and ${file:PATH}, whole or embedded. NULL: no memory. */
df_secret *df__secret_template(df__secrets *s, df_bytes text, const char *field,
                               enum df__hide what);
/* Present but without a value: what a fill without a set puts in its place. */
df_secret *df__secret_none(void);
/* The same for a value that stands in the manifest itself; it lives in the arena. NULL: no
 * memory. */
df_secret *df__secret_shown(df__arena *arena, df_bytes text);
/* The value when it stands in the manifest; DF_ESTATE: it is elsewhere. Reads nothing. */
int df__secret_literal(const df_secret *secret, df_bytes *ret);
/* Resolves once and keeps it until df__secrets_refresh; failure text in err. Borrowed until the
 * next call for it. */
int df__secret_value(df_secret *secret, df_bytes *ret, char *err, size_t errlen);
/* When a Secret or a file last gave another value than before, in microseconds since 1970; 0: none
 * gave one. */
int64_t df__secrets_since(df__secrets *s);
/* Each value is resolved anew when it is asked for next. */
void df__secrets_refresh(df__secrets *s);
/* Replaces every known secret value (4 bytes or longer, also percent-encoded) and pieces of 8 bytes
 * and more in text by "***", in place. A text that was cut may still show the begin of a secret:
 * make texts with the calls below. */
void df__secrets_scrub(df__secrets *s, char *text);
/* Into a fixed text: made whole, scrubbed, and cut only then. s NULL: nothing is hidden. */
void df__secrets_vprintf(df__secrets *s, char *buf, size_t cap, const char *format, va_list args);
/* The same with the arguments in the call. */
void df__secrets_printf(df__secrets *s, char *buf, size_t cap, const char *format, ...)
    DF_PRINTF(4, 5);
/* Also scrub this text from now on (a value derived from a secret, such as the password inside a
 * URL). */
int df__secrets_know(df__secrets *s, df_bytes value);
/* Lists references for DF_REPORT_REFS; DF_DONE past the last. */
int df__secrets_ref_at(df__secrets *s, size_t index, df_ref *ret);

#endif
