/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * oracle.c: generated instructions on the host's processor and in an engine; both must agree. A difference is printed
 * with what replays it:   oracle --seed S --case N --engine E [--sequence MAX]
 * Of sequences, that runs what comes before in the batch, too: the engine may have kept something of it.
 */
#include "oracle.h"

#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define BATCH     1024u
#define MAX_NAMES 512
#define SUSPECTS  16u /* of a batch: differences that the host is asked about again */

/* The address sanitizer has its own memory where 32-bit code looks for none: then the engine runs, and nothing
 * compares. */
#ifdef __SANITIZE_ADDRESS__
#define NATIVE 0
#else
#define NATIVE 1
#endif

struct options {
    struct oracle_mix mix;
    uint64_t cases, one_case;
    bool single, strict;
    unsigned show;
    const struct engine_ops *ops;
};

struct tally {
    char name[48];
    unsigned count;
    uint64_t example;
};

struct totals {
    uint64_t run, differences, lost, unable, referred, wavered, vectors[32];
    struct tally names[MAX_NAMES];
    unsigned name_count;
};

static const struct engine_ops *const engines[] = {&engine_interp, &engine_jit, &engine_jit_eager};

/* The translator does not keep flags up to a fault that nothing reads before they are written again. */
static void forgive_fault_flags(const struct oracle_case *c, const struct oracle_result *native,
                                struct oracle_result *engine)
{
    const uint64_t forgiven = X86_ARITH & ~compare_live_flags(c, native->rip);
    if (native->vector != X86_EXC_DB && native->vector != X86_EXC_BP)
        engine->rflags = (engine->rflags & ~forgiven) | (native->rflags & forgiven);
}

static void tally(struct totals *t, const struct oracle_case *c)
{
    char name[48];
    unsigned i = 0;

    compare_mnemonic(c, name, sizeof name);
    while (i < t->name_count && strcmp(t->names[i].name, name))
        i++;
    if (i == MAX_NAMES)
        return;
    if (i == t->name_count) {
        t->name_count++;
        t->names[i].example = c->number;
        snprintf(t->names[i].name, sizeof t->names[i].name, "%s", name);
    }
    t->names[i].count++;
}

/* What is being run, for the clock: a case that does not end is stopped, and an engine that hangs must not hang the
 * suite silently. */
static const struct oracle_case *volatile current_case;
static struct guest *volatile current_guest;
static uint64_t current_seed;

static void run_case(struct guest *g, const struct oracle_case *c, const uint8_t *data, struct oracle_result *r)
{
    current_case = c;
    current_guest = g;
    guest_run(g, c, data, r);
    current_guest = NULL;
}

/* Once a second. */
static void on_tick(int sig)
{
    static const struct oracle_case *seen;
    static unsigned ticks;
    const struct oracle_case *c = current_case;

    ticks = c == seen ? ticks + 1 : 0;
    seen = c;
    if (ticks >= 5 && current_guest)
        guest_stop(current_guest);
    if (ticks < 60)
        return;
    fprintf(stderr, "oracle: no progress in case %" PRIu64 " of seed %" PRIu64 "\n", c ? c->number : 0, current_seed);
    if (c)
        compare_describe(c);
    fflush(stdout);
    _exit(2);
}

/* What this host's user programs cannot do. */
enum { CANNOT_16, CANNOT_32, CANNOT_64, CANNOT_RSP, CANNOTS };
static bool cannot[CANNOTS];

static bool host_cannot(const struct oracle_case *c)
{
    const uint64_t rsp = c->gpr[X86_RSP];
    return c->segmented || c->referred ||
           cannot[c->code16   ? CANNOT_16
                  : c->code32 ? CANNOT_32
                              : CANNOT_64] ||
           (cannot[CANNOT_RSP] && (uint64_t)((int64_t)(rsp << 16) >> 16) != rsp);
}

/* A NOP in each code size and with a stack pointer that is no address. Some virtual machines cannot run one or other.
 */
static void probe_host(struct native *n)
{
    static const char *const names[CANNOTS] = {"16-bit", "32-bit", "64-bit", "non-canonical RSP in"};
    static uint8_t data[DATA_BYTES];

    for (unsigned mode = 0; mode < CANNOTS && NATIVE; mode++) {
        struct oracle_case *c = native_cases(n);
        gen_case(c, &(struct oracle_mix){.seed = 1}, 0);
        memset(c->gpr, 0, sizeof c->gpr);
        c->gpr[X86_RSP] = mode == CANNOT_RSP ? 1ull << 62 : 0;
        c->code16 = mode == CANNOT_16;
        c->code32 = mode <= CANNOT_32;
        c->segmented = false;
        c->rflags = 0x202;
        c->code[0] = 0x90;
        c->bytes = 1;
        native_start(n, 1, data);
        native_wait(n);
        const struct oracle_result *r = native_result(n, 0);
        cannot[mode] = r->vector != X86_EXC_BP || r->rip != case_rip(c) + 2;
        if (cannot[mode])
            printf("this host runs no %s user code\n", names[mode]);
    }
}

/* Asks the host once more: some virtual machines answer a case wrongly once in a million. */
static bool host_wavers(const struct options *o, struct native *n, const struct oracle_case *c, const uint8_t *data,
                        const struct oracle_result *engine)
{
    struct oracle_case copy = *c;
    struct oracle_result again = *engine;

    native_cases(n)[0] = copy;
    native_start(n, 1, data);
    native_wait(n);
    const struct oracle_result *r = native_result(n, 0);
    if (o->ops == &engine_jit_eager)
        forgive_fault_flags(c, r, &again);
    return compare_results(&copy, r, &again, o->strict, false);
}

/* Where the host cannot, the reference engine answers for it. */
static const struct oracle_result *answer(const struct options *o, struct native *n, struct guest *reference,
                                          unsigned i, const uint8_t *data)
{
    static struct oracle_result r;
    const struct oracle_case *c = &native_cases(n)[i];

    if (!host_cannot(c))
        return native_result(n, i);
    if (!reference || (c->referred && o->ops == &engine_jit)) /* which may run it directly */
        return NULL;
    run_case(reference, c, data, &r);
    return &r;
}

static void run_batch(const struct options *o, struct native *n, struct guest *g, struct guest *reference,
                      uint64_t first, unsigned count, struct totals *t)
{
    static struct oracle_result results[BATCH];
    uint8_t data[DATA_BYTES];
    struct oracle_case *cases = native_cases(n);

    gen_data(data, o->mix.seed, first / BATCH);
    for (unsigned i = 0; i < count; i++)
        gen_case(&cases[i], &o->mix, first + i);
    if (NATIVE)
        native_start(n, count, data);
    for (unsigned i = 0; i < count; i++) {
        run_case(g, &cases[i], data, &results[i]);
    }
    if (!NATIVE) {
        t->run += count;
        return;
    }
    native_wait(n);
    unsigned suspect[SUSPECTS], suspects = 0;
    for (unsigned i = 0; i < count; i++) {
        if (o->single && first + i != o->one_case)
            continue;
        t->run++;
        const struct oracle_result *r = answer(o, n, reference, i, data);
        if (!r) {
            t->unable++;
            continue;
        }
        const bool referred = host_cannot(&cases[i]);
        t->referred += referred;
        if (r->vector < 0) {
            t->lost++;
            continue;
        }
        t->vectors[r->vector & 31]++;
        if (o->ops == &engine_jit_eager)
            forgive_fault_flags(&cases[i], r, &results[i]);
        if (compare_results(&cases[i], r, &results[i], o->strict, o->single))
            continue;
        if (suspects < SUSPECTS && !referred) {
            suspect[suspects++] = i;
            continue;
        }
        t->differences++;
        tally(t, &cases[i]);
        if (t->differences <= o->show && !o->single)
            compare_results(&cases[i], r, &results[i], o->strict, true);
    }
    for (unsigned i = 0; i < suspects; i++) {
        static struct oracle_case c;
        gen_case(&c, &o->mix, first + suspect[i]);
        if (host_wavers(o, n, &c, data, &results[suspect[i]])) {
            t->wavered++;
            continue;
        }
        t->differences++;
        tally(t, &c);
        if (t->differences <= o->show || o->single)
            compare_results(&c, native_result(n, 0), &results[suspect[i]], o->strict, true);
    }
}

static void report(const struct options *o, const struct totals *t, double seconds)
{
    char sequence[32] = "";

    if (o->mix.sequence)
        snprintf(sequence, sizeof sequence, " --sequence %u", o->mix.sequence);
    for (unsigned i = 0; i < t->name_count; i++)
        printf("%6u %-24s e.g. --seed %" PRIu64 " --case %" PRIu64 "%s\n", t->names[i].count, t->names[i].name,
               o->mix.seed, t->names[i].example, sequence);
    printf("outcomes by vector:");
    for (unsigned i = 0; i < 32; i++)
        if (t->vectors[i])
            printf(" %u:%" PRIu64, i, t->vectors[i]);
    if (t->unable)
        printf("\n%" PRIu64 " cases were not compared: the host cannot run them", t->unable);
    if (t->referred)
        printf("\n%" PRIu64 " cases were compared with the reference engine: the host cannot run them", t->referred);
    if (t->wavered)
        printf("\n%" PRIu64 " cases differed once and not when the host was asked again", t->wavered);
    printf("\n%s, seed %" PRIu64 ": %" PRIu64 " cases, %" PRIu64 " differences, %" PRIu64 " lost by the host, %.1f s\n",
           o->ops->name, o->mix.seed, t->run, t->differences, t->lost, seconds);
}

static int usage(const char *name)
{
    fprintf(stderr,
            "usage: %s [--engine E] [--seed S] [--cases N] [--case N] [--only x87|simd|int] [--sequence MAX]\n"
            "       [--show N] [--strict]\n",
            name);
    return 2;
}

static bool parse(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {{"engine", 1, 0, 'e'}, {"seed", 1, 0, 's'},     {"cases", 1, 0, 'n'},
                                          {"case", 1, 0, 'c'},   {"only", 1, 0, 'o'},     {"show", 1, 0, 'w'},
                                          {"strict", 0, 0, 't'}, {"sequence", 1, 0, 'q'}, {NULL, 0, 0, 0}};
    const char *engine = "interp";
    int opt;

    while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        switch (opt) {
        case 'e': engine = optarg; break;
        case 's': o->mix.seed = strtoull(optarg, NULL, 0); break;
        case 'n': o->cases = strtoull(optarg, NULL, 0); break;
        case 'c':
            o->one_case = strtoull(optarg, NULL, 0);
            o->single = true;
            break;
        case 'o': o->mix.only = optarg; break;
        case 'w': o->show = (unsigned)strtoul(optarg, NULL, 0); break;
        case 't': o->strict = true; break;
        case 'q': o->mix.sequence = (unsigned)strtoul(optarg, NULL, 0); break;
        default: return false;
        }
    }
    for (unsigned i = 0; i < ARRAY_SIZE(engines); i++)
        if (!strcmp(engines[i]->name, engine))
            o->ops = engines[i];
    return o->ops && optind == argc && o->mix.sequence != 1;
}

int main(int argc, char **argv)
{
    struct options o = {.mix.seed = 1, .cases = 20000, .show = 10};
    static struct totals totals;
    struct native *n = NULL;
    struct guest *g = NULL, *reference = NULL;
    struct timespec start, end;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!parse(argc, argv, &o))
        return usage(argv[0]);
    if (native_create(&n, BATCH) || guest_create(&g, o.ops) ||
        (o.ops != &engine_interp && guest_create(&reference, &engine_interp))) {
        fprintf(stderr, "oracle: cannot set up\n");
        return 2;
    }
    current_seed = o.mix.seed;
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_tick, .sa_flags = SA_RESTART}, NULL);
    setitimer(ITIMER_REAL, &(struct itimerval){{1, 0}, {1, 0}}, NULL);
    probe_host(n);
    gen_report_skipped();
    if (!NATIVE)
        printf("under the address sanitizer: the engine runs alone, nothing is compared\n");
    clock_gettime(CLOCK_MONOTONIC, &start);
    if (o.single) {
        /* What a sequence meets is what the ones before it left. */
        const unsigned before = o.mix.sequence ? (unsigned)(o.one_case % BATCH) : 0;
        run_batch(&o, n, g, reference, o.one_case - before, before + 1, &totals);
    }
    for (uint64_t at = 0; at < o.cases && !o.single; at += BATCH) {
        run_batch(&o, n, g, reference, at, o.cases - at < BATCH ? (unsigned)(o.cases - at) : BATCH, &totals);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    report(&o, &totals, (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9);
    guest_destroy(g);
    guest_destroy(reference);
    native_destroy(n);
    return totals.differences ? 1 : 0;
}
