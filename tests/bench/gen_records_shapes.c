/* SPDX-License-Identifier: Apache-2.0
 * gen_records_shapes.c: one function for each data set. The shapes imitate public data sets.
 */
#include <inttypes.h>
#include <string.h>

#include "gen_records.h"

#define P(...) (void)fprintf(g->out, __VA_ARGS__)
#define PICK(words) gen_pick(g, words, sizeof(words) / sizeof((words)[0]))

static unsigned small(gen *g, unsigned limit)
{
    return (unsigned)gen_below(g, limit);
}

static void quoted(gen *g, size_t len)
{
    (void)fputc('"', g->out);
    gen_words(g, len);
    (void)fputc('"', g->out);
}

/* ---- D1: events of a code forge -------------------------------------------------------------- */

static void person(gen *g, const char *name)
{
    unsigned id = small(g, 9000000) + 1000;
    P("\"%s\":{\"id\":%u,\"login\":\"user%u\",\"display_login\":\"user%u\",\"gravatar_id\":\"\","
      "\"url\":\"https://api.example.org/users/user%u\",\"site_admin\":%s}",
      name, id, id, id, id, small(g, 50) == 0 ? "true" : "false");
}

static void commit(gen *g)
{
    P("{\"sha\":\"%016" PRIx64 "%016" PRIx64 "\",\"author\":{\"email\":\"user%u@example.org\","
      "\"name\":\"User %u\"},\"message\":",
      gen_next(g), gen_next(g), small(g, 99999), small(g, 99999));
    quoted(g, 20 + small(g, 200));
    P(",\"distinct\":%s,\"url\":\"https://api.example.org/repos/o/r/commits/%08x\"}",
      small(g, 3) ? "true" : "false", (unsigned)gen_next(g));
}

static void labels(gen *g)
{
    unsigned count = 1 + small(g, 4);
    for (unsigned i = 0; i < count; i++)
        P("%s{\"id\":%u,\"name\":\"label-%u\",\"color\":\"%06x\",\"default\":false}", i ? "," : "",
          small(g, 1000000), small(g, 50), small(g, 1 << 24));
}

void gen_event(gen *g)
{
    static const char *const types[] = {"PushEvent",   "PushEvent",  "PullRequestEvent",
                                        "IssuesEvent", "WatchEvent", "CreateEvent"};
    unsigned commits = 1 + small(g, 8), repo = small(g, 5000000);
    P("{\"id\":\"%" PRIu64 "\",\"type\":\"%s\",", 20000000000u + g->n, PICK(types));
    person(g, "actor");
    P(",\"repo\":{\"id\":%u,\"name\":\"owner%u/repo%u\",\"url\":"
      "\"https://api.example.org/repos/owner%u/repo%u\"},\"payload\":{\"push_id\":%" PRIu64
      ",\"size\":%u,\"distinct_size\":%u,\"ref\":\"refs/heads/main\",\"head\":\"%016" PRIx64
      "\",\"before\":\"%016" PRIx64 "\",\"commits\":[",
      repo, repo % 1000, repo, repo % 1000, repo, 9000000000u + g->n, commits, commits, gen_next(g),
      gen_next(g));
    for (unsigned i = 0; i < commits; i++) {
        if (i > 0)
            P(",");
        commit(g);
    }
    P("],\"issue\":{\"number\":%u,\"title\":", small(g, 90000));
    quoted(g, 60);
    P(",\"state\":\"open\",\"locked\":false,\"comments\":%u,\"labels\":[", small(g, 90));
    labels(g);
    P("],");
    person(g, "user");
    P(",\"milestone\":null,\"body\":");
    quoted(g, small(g, 1500));
    P("}},\"public\":true,\"created_at\":\"");
    gen_time(g);
    P("\"}");
}

/* ---- D2: taxi trips -------------------------------------------------------------------------- */

void gen_trip(gen *g)
{
    unsigned fare = 300 + small(g, 6000), tip = small(g, 1500), toll = small(g, 10) ? 0 : 655;
    unsigned total = fare + tip + toll + 380;
    P("{\"trip_id\":%" PRIu64 ",\"vendor_id\":%u,\"pickup_at\":\"", g->n + 1, 1 + small(g, 2));
    gen_time(g);
    P("\",\"dropoff_at\":\"");
    gen_time(g);
    P("\",\"passengers\":%u,\"distance\":%u.%02u,\"rate_code\":%u,\"stored\":%s,\"pickup_zone\":%u,"
      "\"dropoff_zone\":%u,\"payment\":%u,\"fare\":%u.%02u,\"extra\":0.5,\"tax\":0.50,"
      "\"tip\":%u.%02u,\"tolls\":%u.%02u,\"improvement\":0.3,\"congestion\":2.5,\"total\":%u.%02u}",
      1 + small(g, 5), small(g, 20), small(g, 100), 1 + small(g, 6),
      small(g, 100) ? "false" : "true", 1 + small(g, 265), 1 + small(g, 265), 1 + small(g, 4),
      fare / 100, fare % 100, tip / 100, tip % 100, toll / 100, toll % 100, total / 100,
      total % 100);
}

/* ---- D3: auctions ---------------------------------------------------------------------------- */

void gen_auction(gen *g)
{
    static const char *const cities[] = {"Phoenix", "Los Angeles", "San Francisco",
                                         "Boise",   "Portland",    "Bend",
                                         "Redmond", "Seattle",     "Kent"};
    uint64_t kind = g->n % 50, time = 1767225600000u + g->n * 10;
    if (kind == 0)
        P("{\"type\":\"person\",\"id\":%" PRIu64 ",\"name\":\"Peter %u\",\"email\":"
          "\"p%u@example.org\",\"card\":\"%04u %04u %04u %04u\",\"city\":\"%s\",\"time\":%" PRIu64
          "}",
          g->n / 50, small(g, 1000), small(g, 99999), small(g, 10000), small(g, 10000),
          small(g, 10000), small(g, 10000), PICK(cities), time);
    else if (kind < 4)
        P("{\"type\":\"auction\",\"id\":%" PRIu64 ",\"item\":\"item %u\",\"initial\":%u,"
          "\"reserve\":%u,\"time\":%" PRIu64 ",\"expires\":%" PRIu64
          ",\"seller\":%u,\"category\":%u,\"extra\":\"%016" PRIx64 "\"}",
          g->n / 17, small(g, 100000), small(g, 1000), 1000 + small(g, 1000), time, time + 60000,
          small(g, 100000), 10 + small(g, 5), gen_next(g));
    else
        P("{\"type\":\"bid\",\"auction\":%u,\"bidder\":%u,\"price\":%u,\"channel\":\"c%u\","
          "\"time\":%" PRIu64 "}",
          small(g, 100000), small(g, 100000), 1 + small(g, 10000000), small(g, 10000), time);
}

/* ---- D4: change envelopes -------------------------------------------------------------------- */

static void customer(gen *g, const char *name, uint64_t id)
{
    P("\"%s\":{\"id\":%" PRIu64 ",\"first_name\":\"First%u\",\"last_name\":\"Last%u\",\"email\":"
      "\"c%u@example.org\",\"balance\":\"%u.%02u\",\"updated_at\":%" PRIu64 ",\"note\":",
      name, id, small(g, 1000), small(g, 1000), small(g, 99999), small(g, 10000), small(g, 100),
      1767225600000000u + g->n);
    quoted(g, 40);
    P("}");
}

static void envelope(gen *g)
{
    static const char *const ops[] = {"c", "u", "u", "u", "d", "r"};
    const char *op = PICK(ops);
    uint64_t id = gen_below(g, 1000000);
    P("{");
    if (op[0] == 'u' || op[0] == 'd')
        customer(g, "before", id);
    else
        P("\"before\":null");
    P(",");
    if (op[0] != 'd')
        customer(g, "after", id);
    else
        P("\"after\":null");
    P(",\"source\":{\"version\":\"2.5.0\",\"connector\":\"postgresql\",\"name\":\"shop\",\"ts_ms\":"
      "%" PRIu64 ",\"snapshot\":\"false\",\"db\":\"shop\",\"schema\":\"public\",\"table\":"
      "\"customers\",\"txId\":%u,\"lsn\":%" PRIu64 ",\"xmin\":null},\"op\":\"%s\",\"ts_ms\":"
      "%" PRIu64 ",\"transaction\":null}",
      1767225600000u + g->n, small(g, 1000000), 24023128 + g->n * 56, op, 1767225600010u + g->n);
}

void gen_change(gen *g)
{
    envelope(g);
}

static void schema_of(gen *g, const char *field)
{
    static const char *const names[] = {"id",      "first_name", "last_name", "email",
                                        "balance", "updated_at", "note"};
    P("{\"type\":\"struct\",\"optional\":true,\"name\":\"shop.public.customers.Value\",\"field\":"
      "\"%s\",\"fields\":[",
      field);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        P("%s{\"type\":\"string\",\"optional\":%s,\"field\":\"%s\",\"parameters\":{\"column.type\":"
          "\"VARCHAR\",\"column.size\":\"%zu\",\"allowed\":\"shop.public.customers.%s\"}}",
          i ? "," : "", i ? "true" : "false", names[i], i * 16, names[i]);
    P("]}");
}

void gen_change_schema(gen *g)
{
    P("{\"schema\":{\"type\":\"struct\",\"optional\":false,\"name\":"
      "\"shop.public.customers.Envelope\",\"fields\":[");
    schema_of(g, "before");
    P(",");
    schema_of(g, "after");
    P(",{\"type\":\"string\",\"optional\":false,\"field\":\"op\"}]},\"payload\":");
    envelope(g);
    P("}");
}

/* ---- D5: order lines ------------------------------------------------------------------------- */

void gen_lineitem(gen *g)
{
    static const char *const how[] = {"DELIVER IN PERSON", "COLLECT COD", "NONE",
                                      "TAKE BACK RETURN"};
    static const char *const modes[] = {"REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB"};
    unsigned quantity = 1 + small(g, 50), price = 90000 + small(g, 100000);
    unsigned long long total = (unsigned long long)quantity * price;
    P("%" PRIu64 "\t%u\t%u\t%" PRIu64 "\t%u\t%llu.%02llu\t0.%02u\t0.%02u\t%c\t%c\t", g->n / 4 + 1,
      1 + small(g, 200000), 1 + small(g, 10000), g->n % 4 + 1, quantity, total / 100, total % 100,
      small(g, 11), small(g, 9), "RAN"[small(g, 3)], "OF"[small(g, 2)]);
    for (int i = 0; i < 3; i++)
        P("199%u-%02u-%02u\t", 2 + small(g, 7), 1 + small(g, 12), 1 + small(g, 28));
    P("%s\t%s\t", PICK(how), PICK(modes));
    gen_words(g, 10 + small(g, 34));
}

/* ---- D6: log lines --------------------------------------------------------------------------- */

void gen_log(gen *g)
{
    static const char *const levels[] = {"INFO", "INFO", "INFO", "WARN", "ERROR", "DEBUG"};
    static const char *const odd[] = {"\\n\\tat com.example.Main(Main.java:17)",
                                      "C:\\\\temp\\\\file \\\"x\\\"",
                                      "\xf0\x9f\x98\x80",
                                      "\\u00e9\\u4e2d\\ud83d\\ude00",
                                      "\xc3\xa9\xe4\xb8\xad",
                                      "\\\\d+\\\\.\\\\d*",
                                      "\\b\\f\\r\\/"};
    unsigned parts = 1 + small(g, small(g, 20) == 0 ? 200 : 12);
    P("{\"time\":\"");
    gen_time(g);
    P("\",\"level\":\"%s\",\"host\":\"web-%u\",\"thread\":\"pool-%u-thread-%u\",\"message\":\"",
      PICK(levels), small(g, 40), small(g, 4), small(g, 64));
    for (unsigned i = 0; i < parts; i++) {
        gen_words(g, 20 + small(g, 80));
        P("%s", PICK(odd));
    }
    P("\",\"took_ms\":%u.%03u}", small(g, 5000), small(g, 1000));
}

/* ---- D7: hostile mix ------------------------------------------------------------------------- */

static void deep(gen *g, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++)
        P("{\"d\":");
    P("1");
    for (unsigned i = 0; i < depth; i++)
        P("}");
}

void gen_hostile(gen *g)
{
    if (small(g, 100) != 0) {
        gen_trip(g);
        return;
    }
    switch (small(g, 8)) {
    case 0:
        P("{\"trip_id\":%" PRIu64 ",\"fare\":", g->n);
        break; /* cut off */
    case 1:
        deep(g, 2000);
        break;
    case 2:
        P("{\"trip_id\":1,\"trip_id\":2,\"fare\":1.0}");
        break;
    case 3:
        P("{\"trip_id\":3,\"stored\":\"\\ud800\"}");
        break; /* lone surrogate */
    case 4:
        P("{\"trip_id\":4,\"fare\":1e400,\"total\":9007199254740993}");
        break;
    case 5:
        P("{\"trip_id\":5,\"note\":\"\xff\xfe\"}");
        break; /* not UTF-8 */
    case 6:
        P("{\"trip_id\":6,\"note\":");
        quoted(g, 200000);
        P("}");
        break;
    default:
        P("[1,2,3]");
    }
}
