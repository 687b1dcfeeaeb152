/* SPDX-License-Identifier: Apache-2.0
 * test_avro_file.c: object container files: those of Apache Avro's own tests (in avro/), ours, and
 * broken ones. */
#include "support/avro_help.h"

typedef struct text {
    char *data;
    size_t len;
} text;

static text slurp(const char *name)
{
    char path[1024];
    text t = {malloc(65536), 0};
    FILE *f;
    snprintf(path, sizeof path, "%s/unit/formats/avro/%s", DF_TEST_DIR, name);
    f = fopen(path, "rb");
    if (!f || !t.data)
        fail_msg("%s cannot be read", path);
    t.len = fread(t.data, 1, 65536, f);
    fclose(f);
    return t;
}

/* All values as JSON, one per line; or the error. */
static int read_all(df_bytes data, df__buf *out, df__avro_error *error)
{
    df__avro_file *f = NULL;
    df_avro_program *p = NULL;
    df__arena a;
    df_value v;
    int rc = df__avro_file_open(&df__heap_libc, data, &f, error);
    df__arena_init(&a, &df__heap_libc, 1024);
    if (rc == DF_OK)
        rc = df__avro_compile(&df__heap_libc, &(df__avro_plan){df__avro_file_schema(f), NULL, 0},
                              &p, error);
    while (rc == DF_OK && (rc = df__avro_file_next(f, p, &a, &v, error)) == DF_OK) {
        size_t n = df_value_json(&v, NULL, 0);
        char *to = df__buf_reserve(out, n + 1);
        df_value_json(&v, to, n);
        to[n] = '\n';
        out->len += n + 1;
    }
    df_avro_program_free(p);
    df__avro_file_free(f);
    df__arena_free(&a);
    return rc == DF_DONE ? DF_OK : rc;
}

static void assert_file(df_bytes data, const char *want)
{
    df__avro_error error = {""};
    df__buf out;
    int rc;
    df__buf_init(&out, &df__heap_libc);
    rc = read_all(data, &out, &error);
    if (want[0] == '!') {
        if (rc == DF_OK || !strstr(error.text, want + 1))
            fail_msg("got  %d %s\nwant %s", rc, error.text, want);
    } else {
        if (rc != DF_OK)
            fail_msg("%s", error.text);
        assert_text((df_bytes){out.data, out.len}, want);
    }
    df__buf_free(&out);
}

static const char weather[] = "{\"station\":\"011990-99999\",\"time\":-619524000000,\"temp\":0}\n"
                              "{\"station\":\"011990-99999\",\"time\":-619506000000,\"temp\":22}\n"
                              "{\"station\":\"011990-99999\",\"time\":-619484400000,\"temp\":-11}\n"
                              "{\"station\":\"012650-99999\",\"time\":-655531200000,\"temp\":111}\n"
                              "{\"station\":\"012650-99999\",\"time\":-655509600000,\"temp\":78}\n";

static void of_others(void **state)
{
    static const char *const files[][2] = {
        {"weather.avro", weather},
        {"weather-deflate.avro", weather},
        {"weather-snappy.avro", "!it is packed with snappy"},
        {"weather-zstd.avro", "!it is packed with zstandard"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        text t = slurp(files[i][0]);
        assert_file((df_bytes){t.data, t.len}, files[i][1]);
        free(t.data);
    }
}

static void write_file(const char *codec, size_t block_bytes, df__buf *out)
{
    static const char schema[] = "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\","
                                 "\"type\":\"int\",\"field-id\":7}]}";
    static const df_pair meta[] = {{{"format-version", 14}, {"2", 1}}};
    df_avro_schema *s = schema_of(schema);
    df__avro_file_options o = {
        {schema, sizeof schema - 1}, s, codec, meta, 1, block_bytes, "0123456789abcde"};
    df__avro_error error;
    df__avro_writer *w;
    held h;
    df_value v;
    assert_int_equal(df__avro_writer_new(&df__heap_libc, &o, out, &w, &error), DF_OK);
    for (int i = 0; i < 3; i++) {
        char json[32];
        snprintf(json, sizeof json, "{\"a\":%d}", i);
        held_init(&h, json);
        assert_int_equal(df_record_root(&h.r, &v), DF_OK);
        assert_int_equal(df__avro_writer_add(w, &v, &error), DF_OK);
        held_free(&h);
    }
    held_init(&h, "{\"b\":1}"); /* a refused one leaves no trace */
    assert_int_equal(df_record_root(&h.r, &v), DF_OK);
    assert_int_equal(df__avro_writer_add(w, &v, &error), DF_EDATA);
    held_free(&h);
    assert_int_equal(df__avro_writer_flush(w), DF_OK);
    assert_int_equal(df__avro_writer_flush(w), DF_OK);
    df__avro_writer_free(w);
    df_avro_schema_free(s);
}

static void of_ours(void **state)
{
    static const char *const codecs[] = {NULL, "null", "deflate"};
    static const char want[] = "{\"a\":0}\n{\"a\":1}\n{\"a\":2}\n";
    (void)state;
    for (int i = 0; i < 6; i++) {
        df__avro_error error;
        df__avro_file *f;
        df__buf b;
        df__buf_init(&b, &df__heap_libc);
        write_file(codecs[i % 3], i < 3 ? 0 : 1, &b);
        assert_file((df_bytes){b.data, b.len}, want);
        assert_int_equal(df__avro_file_open(&df__heap_libc, (df_bytes){b.data, b.len}, &f, &error),
                         DF_OK);
        assert_text(df__avro_file_meta(f, "format-version"), "2");
        assert_non_null(strstr(df__avro_file_meta(f, "avro.schema").data, "field-id"));
        assert_null(df__avro_file_meta(f, "none").data);
        df__avro_file_free(f);
        /* cut anywhere it is whole blocks or an error */
        for (size_t n = 0; n < b.len; n++) {
            df__buf out;
            df__buf_init(&out, &df__heap_libc);
            int rc = read_all((df_bytes){b.data, n}, &out, &error);
            assert_true(rc == DF_EDATA || (rc == DF_OK && (i >= 3 || out.len == 0)));
            df__buf_free(&out);
        }
        df__buf_free(&b);
    }
}

static void broken(void **state)
{
    df__buf b;
    df__avro_error error;
    df__avro_writer *w;
    (void)state;
    assert_file(bytes_of("Obj\2"), "!does not begin with");
    df__buf_init(&b, &df__heap_libc);
    write_file(NULL, 0, &b);
    b.data[b.len - 1] ^= 1;
    assert_file((df_bytes){b.data, b.len}, "!sync marker");
    b.data[b.len - 1] ^= 1;
    b.data[b.len - 21]++; /* the number of values; three bytes and their length are behind it */
    assert_file((df_bytes){b.data, b.len}, "!a block says a size");
    b.data[b.len - 21] += 1;
    assert_file((df_bytes){b.data, b.len}, "!ends inside");
    b.data[b.len - 21] -= 4;
    assert_file((df_bytes){b.data, b.len}, "!more bytes than values");
    df__buf_clear(&b);
    df__avro_file_options o = {{"\"int\"", 5}, NULL, "snappy", NULL, 0, 0, ""};
    assert_int_equal(df__avro_writer_new(&df__heap_libc, &o, &b, &w, &error), DF_EINVAL);
    df__buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(of_others), cmocka_unit_test(of_ours),
                                       cmocka_unit_test(broken)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
