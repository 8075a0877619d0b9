/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * memory.c: loads and stores: latency in caches and beyond, streams, the C library's string functions, REP strings.
 */
#include "micro.h"

#include <string.h>

/* A ring through all of n pointers in random order (Sattolo). */
static uint64_t chase(size_t n, uint64_t steps)
{
    uint32_t *next = micro_alloc(n * 4);
    uint64_t seed = 1;
    for (size_t i = 0; i < n; i++)
        next[i] = (uint32_t)i;
    for (size_t i = n - 1; i > 0; i--) {
        size_t j = (size_t)(micro_random(&seed) >> 16) % i;
        uint32_t t = next[i];
        next[i] = next[j];
        next[j] = t;
    }
    uint32_t at = 0;
    micro_start();
    while (steps--)
        at = next[at];
    return at;
}

static uint64_t run_chase_l1(uint64_t work)
{
    return chase(4096, work);
}

static uint64_t run_chase_64m(uint64_t work)
{
    return chase(16 << 20, work);
}

static uint64_t run_stream(uint64_t work)
{
    enum { N = 1 << 20 };
    uint64_t *v = micro_alloc(N * 8), sum = 0;
    for (size_t i = 0; i < N; i++)
        v[i] = i * i;
    micro_start();
    while (work--)
        for (size_t i = 0; i < N; i++) {
            uint64_t t = v[i];
            MICRO_HIDE(t); /* no vectors here */
            sum += t;
        }
    return sum;
}

static uint64_t run_random_64m(uint64_t work)
{
    enum { N = 8 << 20 };
    uint64_t *v = micro_alloc((size_t)N * 8), seed = 2, sum = 0;
    micro_start();
    while (work--) {
        uint64_t r = micro_random(&seed);
        v[r % N] += r;
        sum += v[(r >> 32) % N];
    }
    return sum;
}

static uint64_t run_memcpy(uint64_t work)
{
    enum { N = 1 << 20 };
    char *a = micro_alloc(N), *b = micro_alloc(N);
    for (size_t i = 0; i < N; i++)
        a[i] = (char)(i * 7);
    micro_start();
    for (uint64_t i = 0; i < work; i++) {
        size_t length = 16 + i * 977 % 65536;
        memcpy(b + i * 4097 % (N - 70000), a + i * 131 % (N - 70000), length);
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < N; i += 61)
        sum = micro_mix(sum, (uint8_t)b[i]);
    return sum;
}

static uint64_t run_memcpy_small(uint64_t work)
{
    char *a = micro_alloc(65536), *b = micro_alloc(65536);
    for (size_t i = 0; i < 65536; i++)
        a[i] = (char)(i * 7);
    micro_start();
    for (uint64_t i = 0; i < work; i++) {
        size_t length = i * 13 % 200;
        MICRO_HIDE(length);
        memcpy(b + i * 67 % 60000, a + i * 31 % 60000, length);
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < 65536; i++)
        sum = micro_mix(sum, (uint8_t)b[i]);
    return sum;
}

static uint64_t run_memmove(uint64_t work)
{
    enum { N = 1 << 16 };
    char *a = micro_alloc(N + 4096);
    for (size_t i = 0; i < N; i++)
        a[i] = (char)(i * 11);
    micro_start();
    for (uint64_t i = 0; i < work; i++)
        memmove(a + (i & 1 ? 0 : 1 + i % 64), a + (i & 1 ? 1 + i % 32 : 0), 1024 + i * 37 % 32768);
    uint64_t sum = 0;
    for (size_t i = 0; i < N; i++)
        sum = micro_mix(sum, (uint8_t)a[i]);
    return sum;
}

static uint64_t run_memset(uint64_t work)
{
    enum { N = 1 << 18 };
    char *a = micro_alloc(N);
    uint64_t sum = 0;
    micro_start();
    for (uint64_t i = 0; i < work; i++) {
        size_t length = 64 + i * 997 % 65536;
        memset(a + i * 129 % (N - 66000), (int)(i & 127), length);
        sum += (uint8_t)a[i * 4093 % N];
    }
    return sum;
}

static uint64_t run_strings(uint64_t work)
{
    static char text[4096], other[4096];
    uint64_t sum = 0;
    for (size_t i = 0; i < sizeof(text) - 1; i++)
        text[i] = (char)('a' + i * 7 % 25);
    memcpy(other, text, sizeof(text));
    for (uint64_t i = 0; i < work; i++) {
        size_t from = i * 61 % 4000;
        const char *p = text + from, *q = other + from;
        MICRO_HIDE(p);
        MICRO_HIDE(q);
        const char *z = strchr(p, 'z');
        sum += strlen(p) + (z ? 1 : 0) + (uint64_t)(memcmp(p, q, 4095 - from) == 0) + (uint64_t)(strcmp(p, q) == 0);
    }
    return sum;
}

/* REP MOVSB and STOSQ themselves, as kernels use them. */
static uint64_t run_rep(uint64_t work)
{
    char *a = micro_alloc(65536), *b = micro_alloc(65536);
    for (size_t i = 0; i < 65536; i++)
        a[i] = (char)(i * 5);
    uint64_t sum = 0;
    micro_start();
    for (uint64_t i = 0; i < work; i++) {
        void *d = b + i % 16 * 4096, *s = a + (i * 3) % 15 * 4096;
        size_t n = 4096;
        __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
        d = a + i % 16 * 4096;
        n = 512;
        __asm__ volatile("rep stosq" : "+D"(d), "+c"(n) : "a"(i) : "memory");
        sum += (uint8_t)b[i * 67 % 65536];
    }
    return sum;
}

static uint64_t run_atomics(uint64_t work)
{
    static uint64_t counters[64];
    uint64_t sum = 0;
    for (uint64_t i = 0; i < work; i++) {
        sum += __atomic_fetch_add(&counters[i & 63], i, __ATOMIC_SEQ_CST);
        uint64_t expected = counters[(i + 1) & 63];
        __atomic_compare_exchange_n(&counters[(i + 1) & 63], &expected, expected ^ i, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST);
        sum ^= __atomic_exchange_n(&counters[(i + 2) & 63], sum, __ATOMIC_SEQ_CST);
    }
    return sum;
}

const struct micro_row memory_rows[] = {
    {"chase_l1", run_chase_l1, 150000000, NULL}, {"chase_64m", run_chase_64m, 1500000, NULL},
    {"stream", run_stream, 200, NULL},           {"random_64m", run_random_64m, 8000000, NULL},
    {"memcpy", run_memcpy, 150000, NULL},        {"memcpy_small", run_memcpy_small, 20000000, NULL},
    {"memmove", run_memmove, 300000, NULL},      {"memset", run_memset, 200000, NULL},
    {"strings", run_strings, 1000000, NULL},     {"rep", run_rep, 1000000, NULL},
    {"atomics", run_atomics, 6000000, NULL},     {NULL, NULL, 0, NULL},
};
