/* SPDX-License-Identifier: Apache-2.0
 * synonyms.c: which transformations have to do with a word: `dfproc transforms -k WORD`. */
#include <string.h>
#include <strings.h>

#include "dfproc/dfproc.h"

/* What others call it, and people look for. */
static const struct {
    const char *word, *names;
} synonyms[] = {
    {"rename", "replaceField"},
    {"delete", "remove debeziumUnwrap"},
    {"drop", "filter remove replaceField"},
    {"exclude", "remove replaceField filter"},
    {"include", "select replaceField filter"},
    {"project", "select"},
    {"pick", "select extractField"},
    {"where", "filter router"},
    {"skip", "filter"},
    {"if", "filter router"},
    {"switch", "router"},
    {"branch", "router"},
    {"split", "flatten router"},
    {"explode", "flatten"},
    {"unnest", "flatten structFlatten"},
    {"array", "flatten"},
    {"list", "flatten"},
    {"nested", "structFlatten extractField"},
    {"wrap", "hoistField"},
    {"unwrap", "extractField debeziumUnwrap"},
    {"cdc", "debeziumUnwrap"},
    {"envelope", "debeziumUnwrap"},
    {"tombstone", "debeziumUnwrap"},
    {"add", "insertField timestamp headersToPayload"},
    {"set", "insertField setKey"},
    {"constant", "insertField"},
    {"metadata", "insertField headersToPayload"},
    {"header", "headersToPayload"},
    {"key", "setKey"},
    {"partition", "setKey"},
    {"convert", "cast timezone"},
    {"type", "cast"},
    {"number", "cast"},
    {"string", "cast"},
    {"int", "cast"},
    {"date", "timezone timestamp cast"},
    {"time", "timezone timestamp"},
    {"now", "timestamp insertField"},
    {"hide", "mask"},
    {"redact", "mask"},
    {"anonymize", "mask"},
    {"pii", "mask"},
    {"secret", "mask"},
    {"case", "snakeCase camelCase"},
    {"lowercase", "snakeCase"},
};

static int holds(const char *text, const char *word)
{
    return strcasestr(text, word) != NULL;
}

/* "renames" is "rename": the word may have an ending. */
static int is_word(const char *word, const char *known)
{
    size_t len = strlen(known);
    return !strncasecmp(word, known, len) && (!word[len] || !strcasecmp(word + len, "s"));
}

static int is_among(const char *names, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = names; (at = strstr(at, name)) != NULL; at += len)
        if ((at == names || at[-1] == ' ') && (!at[len] || at[len] == ' '))
            return 1;
    return 0;
}

static int has_synonym(const char *word, const char *name)
{
    for (size_t i = 0; i < sizeof synonyms / sizeof synonyms[0]; i++)
        if (is_word(word, synonyms[i].word) && is_among(synonyms[i].names, name))
            return 1;
    return 0;
}

static int options_hold(yyjson_val *options, const char *word)
{
    size_t at, count;
    yyjson_val *o;
    yyjson_arr_foreach (options, at, count, o)
        if (holds(app_json_text(o, "name"), word) || holds(app_json_text(o, "doc"), word))
            return 1;
    return 0;
}

int dfproc_fits_word(yyjson_val *transform, const char *word)
{
    const char *name = app_json_text(transform, "name");
    return holds(name, word) || holds(app_json_text(transform, "doc"), word) ||
           has_synonym(word, name) || options_hold(yyjson_obj_get(transform, "options"), word);
}

const char *dfproc_synonym(const char *word, char *buf, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < sizeof synonyms / sizeof synonyms[0]; i++) {
        if (!is_word(word, synonyms[i].word))
            continue;
        for (const char *at = synonyms[i].names; *at; at += strspn(at, " ")) {
            size_t word_len = strcspn(at, " ");
            n += df__text_printf(buf + n, len - n, "%s%.*s", n ? " or " : "", (int)word_len, at);
            at += word_len;
        }
        return buf;
    }
    return NULL;
}
