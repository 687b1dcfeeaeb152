/* SPDX-License-Identifier: Apache-2.0
 * gen_records: the benchmarks' data sets, the same bytes for the same seed.
 *     gen_records D1|D2|D3|D4|D4S|D5|D6|D7 COUNT [SEED] > LINES
 */
#include "gen_records.h"

#include <stdlib.h>
#include <string.h>

uint64_t gen_next(gen *g)
{
    uint64_t x = g->state += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

uint64_t gen_below(gen *g, uint64_t limit)
{
    return (uint64_t)(((unsigned __int128)gen_next(g) * limit) >> 64);
}

const char *gen_pick(gen *g, const char *const *words, size_t count)
{
    return words[gen_below(g, count)];
}

void gen_words(gen *g, size_t len)
{
    static const char *const words[] = {"the",   "order", "was",   "sent",  "from", "store",
                                        "to",    "a",     "house", "river", "and",  "paid",
                                        "later", "by",    "card",  "of",    "blue", "paper"};
    size_t done = 0;
    while (done < len) {
        const char *word = gen_pick(g, words, sizeof words / sizeof words[0]);
        size_t n = strlen(word);
        if (n > len - done)
            n = len - done;
        (void)fwrite(word, 1, n, g->out);
        done += n;
        if (done < len) {
            (void)fputc(' ', g->out);
            done++;
        }
    }
}

void gen_time(gen *g)
{
    uint64_t s = g->n / 10;
    fprintf(g->out, "2026-%02d-%02dT%02d:%02d:%02dZ", (int)(s / 2419200 % 12 + 1),
            (int)(s / 86400 % 28 + 1), (int)(s / 3600 % 24), (int)(s / 60 % 60), (int)(s % 60));
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*write)(gen *g);
    } sets[] = {{"D1", gen_event},          {"D2", gen_trip},     {"D3", gen_auction},
                {"D4", gen_change},         {"D5", gen_lineitem}, {"D6", gen_log},
                {"D4S", gen_change_schema}, {"D7", gen_hostile}};
    for (size_t i = 0; argc > 2 && i < sizeof sets / sizeof sets[0]; i++) {
        uint64_t count = strtoull(argv[2], NULL, 10);
        gen g = {argc > 3 ? strtoull(argv[3], NULL, 10) : 1, 0, stdout};
        if (strcmp(sets[i].name, argv[1]) != 0)
            continue;
        for (; g.n < count; g.n++) {
            sets[i].write(&g);
            (void)fputc('\n', stdout);
        }
        return fflush(stdout) == 0 ? 0 : 1;
    }
    fputs("gen_records D1|D2|D3|D4|D4S|D5|D6|D7 COUNT [SEED]\n", stderr);
    return 2;
}
