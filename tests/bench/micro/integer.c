/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * integer.c: integer work and calls: what compilers make of plain C, no vectors.
 */
#include "micro.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void quicksort(uint32_t *v, long n, int (*cmp)(const void *, const void *))
{
    while (n > 1) {
        uint32_t pivot = v[n / 2];
        long i = 0, j = n - 1;
        while (i <= j) {
            while (cmp(&v[i], &pivot) < 0)
                i++;
            while (cmp(&v[j], &pivot) > 0)
                j--;
            if (i <= j) {
                uint32_t t = v[i];
                v[i++] = v[j];
                v[j--] = t;
            }
        }
        quicksort(v, j + 1, cmp);
        v += i;
        n -= i;
    }
}

static uint64_t run_qsort(uint64_t work)
{
    uint32_t *v = micro_alloc(work * 4);
    uint64_t seed = 1, sum = 0;
    for (uint64_t i = 0; i < work; i++)
        v[i] = (uint32_t)(micro_random(&seed) >> 32);
    int (*cmp)(const void *, const void *) = compare;
    MICRO_HIDE(cmp);
    micro_start();
    quicksort(v, (long)work, cmp);
    for (uint64_t i = 0; i < work; i += 97)
        sum = micro_mix(sum, v[i]);
    return sum;
}

/* SHA-256 (FIPS 180-4) in plain C. Its constants are the primes' roots, computed once. */
static uint32_t sha_k[64], sha_h[8];

static uint32_t root_bits(unsigned prime, int cube)
{
    /* The first 32 bits of the fraction of a root, by bisection in integers. */
    unsigned __int128 low = 0, high = (unsigned __int128)1 << 40, target = (unsigned __int128)prime;
    while (high - low > 1) {
        unsigned __int128 m = (low + high) / 2;
        bool above = cube ? m * m * m > target << 96 : m * m > target << 64;
        if (above)
            high = m;
        else
            low = m;
    }
    return (uint32_t)low;
}

static void sha_constants(void)
{
    unsigned n = 0;
    for (unsigned p = 2; n < 64; p++) {
        bool prime = true;
        for (unsigned d = 2; d * d <= p; d++)
            prime = prime && p % d;
        if (!prime)
            continue;
        if (n < 8)
            sha_h[n] = root_bits(p, 0);
        sha_k[n++] = root_bits(p, 1);
    }
}

static uint32_t ror(uint32_t v, int n)
{
    return v >> n | v << (32 - n);
}

static void sha_block(uint32_t *h, const uint8_t *p)
{
    uint32_t w[64], s[8];
    for (int i = 0; i < 16; i++) {
        uint32_t v;
        memcpy(&v, p + 4 * i, 4);
        w[i] = __builtin_bswap32(v);
    }
    for (int i = 16; i < 64; i++)
        w[i] = w[i - 16] + w[i - 7] + (ror(w[i - 15], 7) ^ ror(w[i - 15], 18) ^ w[i - 15] >> 3) +
               (ror(w[i - 2], 17) ^ ror(w[i - 2], 19) ^ w[i - 2] >> 10);
    memcpy(s, h, sizeof(s));
    for (int i = 0; i < 64; i++) {
        uint32_t t1 =
            s[7] + (ror(s[4], 6) ^ ror(s[4], 11) ^ ror(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + sha_k[i] + w[i];
        uint32_t t2 = (ror(s[0], 2) ^ ror(s[0], 13) ^ ror(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 28);
        s[4] += t1;
        s[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++)
        h[i] += s[i];
}

static uint64_t run_sha256(uint64_t work)
{
    static uint8_t data[4096];
    uint64_t seed = 2, sum = 0;
    sha_constants();
    uint32_t h[8];
    memcpy(h, sha_h, sizeof(h));
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)micro_random(&seed);
    for (uint64_t i = 0; i < work; i++)
        sha_block(h, data + i % 64 * 64);
    for (int i = 0; i < 8; i++)
        sum = micro_mix(sum, h[i]);
    return sum;
}

static uint64_t run_crc32(uint64_t work)
{
    static uint32_t table[256];
    static uint8_t data[65536];
    uint64_t seed = 3;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++)
            c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
        table[i] = c;
    }
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)micro_random(&seed);
    uint32_t crc = ~0u;
    while (work--)
        for (size_t i = 0; i < sizeof(data); i++)
            crc = table[(crc ^ data[i]) & 255] ^ crc >> 8;
    return ~crc;
}

/* The matcher of a Lempel-Ziv packer: hash of three bytes, chains, longest match. */
static uint64_t run_lzmatch(uint64_t work)
{
    enum { SIZE = 262144 };
    static uint8_t data[SIZE + 300];
    static int head[32768], previous[SIZE];
    uint64_t seed = 4, sum = 0;
    for (size_t i = 0; i < SIZE; i++)
        data[i] = (uint8_t)("abcdefgh"[micro_random(&seed) % 8]);
    while (work--) {
        memset(head, 0xff, sizeof(head));
        for (int i = 0; i < SIZE;) {
            unsigned hash = (data[i] * 961u ^ data[i + 1] * 31u ^ data[i + 2]) & 32767;
            int best = 0;
            int tries = 24;
            for (int at = head[hash]; at >= 0 && tries; at = previous[at], tries--) {
                int n = 0;
                while (n < 258 && i + n < SIZE && data[at + n] == data[i + n])
                    n++;
                if (n > best)
                    best = n;
            }
            previous[i] = head[hash];
            head[hash] = i;
            i += best > 2 ? best : 1;
            sum = micro_mix(sum, (uint64_t)best);
        }
    }
    return sum;
}

struct node {
    struct node *left, *right;
    uint64_t key;
};

static uint64_t run_bst(uint64_t work)
{
    struct node *pool = micro_alloc(65536 * sizeof(*pool)), *root = NULL;
    uint64_t seed = 5, sum = 0;
    for (size_t used = 0; used < 65536; used++) {
        uint64_t key = micro_random(&seed) >> 40;
        struct node **p = &root;
        while (*p && (*p)->key != key)
            p = key < (*p)->key ? &(*p)->left : &(*p)->right;
        if (!*p) {
            pool[used].key = key;
            *p = &pool[used];
        }
    }
    while (work--) {
        uint64_t key = micro_random(&seed) >> 40, depth = 0;
        for (struct node *n = root; n && n->key != key; n = key < n->key ? n->left : n->right)
            depth++;
        sum += depth;
    }
    return sum;
}

static uint64_t run_bytecode(uint64_t work)
{
    enum { PUSH, ADD, SUB, MUL, XOR, DUP, SWAP, LOAD, STORE, DECJNZ, HALT };
    static const uint8_t program[] = {LOAD, 0, PUSH, 3,    MUL, LOAD, 1, XOR, STORE, 0, LOAD,   0, DUP,
                                      PUSH, 7, ADD,  SWAP, SUB, LOAD, 1, ADD, STORE, 1, DECJNZ, 0, HALT};
    uint64_t stack[16], var[2] = {1, 2}, left = work;
    const uint8_t *pc = program;
    uint64_t *sp = stack;
    for (;;) {
        uint64_t t;
        switch (*pc++) {
        case PUSH: *sp++ = *pc++; break;
        case ADD:
            sp--;
            sp[-1] += sp[0];
            break;
        case SUB:
            sp--;
            sp[-1] -= sp[0];
            break;
        case MUL:
            sp--;
            sp[-1] *= sp[0];
            break;
        case XOR:
            sp--;
            sp[-1] ^= sp[0];
            break;
        case DUP:
            sp[0] = sp[-1];
            sp++;
            break;
        case SWAP:
            t = sp[-1];
            sp[-1] = sp[-2];
            sp[-2] = t;
            break;
        case LOAD: *sp++ = var[*pc++]; break;
        case STORE: var[*pc++] = *--sp; break;
        case DECJNZ: pc = --left ? program + *pc : pc + 1; break;
        default: return micro_mix(var[0], var[1]);
        }
    }
}

static unsigned queens(unsigned all, unsigned columns, unsigned left, unsigned right)
{
    unsigned found = columns == all;
    for (unsigned free = all & ~(columns | left | right); free;) {
        unsigned bit = free & -free;
        free ^= bit;
        found += queens(all, columns | bit, (left | bit) << 1, (right | bit) >> 1);
    }
    return found;
}

static uint64_t run_nqueens(uint64_t work)
{
    uint64_t sum = 0;
    while (work--)
        sum += queens((1u << 10) - 1, 0, 0, 0);
    return sum;
}

static __attribute__((noinline)) uint64_t fib(uint64_t n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static uint64_t run_fib(uint64_t work)
{
    uint64_t sum = 0;
    while (work--)
        sum += fib(25);
    return sum;
}

struct shape {
    uint64_t (*area)(const struct shape *);
    uint64_t a, b;
};

static uint64_t square(const struct shape *s)
{
    return s->a * s->a;
}

static uint64_t oblong(const struct shape *s)
{
    return s->a * s->b;
}

static uint64_t triangle(const struct shape *s)
{
    return s->a * s->b / 2;
}

static uint64_t line(const struct shape *s)
{
    return s->a ^ s->b;
}

static uint64_t run_virtual(uint64_t work)
{
    static struct shape shapes[1024];
    static uint64_t (*const kinds[])(const struct shape *) = {square, oblong, triangle, line};
    uint64_t seed = 6, sum = 0;
    for (size_t i = 0; i < 1024; i++)
        shapes[i] = (struct shape){kinds[micro_random(&seed) >> 62], i + 1, 2 * i + 1};
    while (work--)
        for (size_t i = 0; i < 1024; i++)
            sum += shapes[i].area(&shapes[i]);
    return sum;
}

static uint64_t run_wordcount(uint64_t work)
{
    enum { SIZE = 1 << 20, SLOTS = 4096 };
    static char data[SIZE + 1];
    static struct {
        uint32_t hash, count;
    } slots[SLOTS];
    uint64_t seed = 7, sum = 0;
    for (size_t i = 0; i < SIZE; i++)
        data[i] = "abcdef  \n"[micro_random(&seed) % 9];
    while (work--) {
        uint32_t hash = 0;
        for (size_t i = 0; i <= SIZE; i++) {
            if (data[i] > ' ') {
                hash = hash * 31 + (uint8_t)data[i];
                continue;
            }
            if (!hash)
                continue;
            size_t at = hash % SLOTS, tries = 0;
            while (slots[at].hash != hash && slots[at].hash && tries++ < 8)
                at = (at + 1) % SLOTS;
            slots[at].hash = hash;
            slots[at].count++;
            hash = 0;
        }
    }
    for (size_t i = 0; i < SLOTS; i++)
        sum = micro_mix(sum, slots[i].count);
    return sum;
}

static uint64_t run_matint(uint64_t work)
{
    enum { N = 64 };
    static uint64_t a[N][N], b[N][N], c[N][N];
    uint64_t seed = 8, sum = 0;
    for (size_t i = 0; i < N * N; i++) {
        a[i / N][i % N] = micro_random(&seed);
        b[i / N][i % N] = micro_random(&seed);
    }
    while (work--)
        for (size_t i = 0; i < N; i++)
            for (size_t j = 0; j < N; j++) {
                uint64_t s = 0;
                for (size_t k = 0; k < N; k++)
                    s += a[i][k] * b[k][j];
                c[i][j] += s;
            }
    for (size_t i = 0; i < N * N; i++)
        sum = micro_mix(sum, c[i / N][i % N]);
    return sum;
}

static uint64_t run_divide(uint64_t work)
{
    uint64_t seed = 9, sum = 0;
    while (work--) {
        uint64_t v = micro_random(&seed), d = (seed >> 33) | 1;
        sum += v / d + v % d + (uint32_t)v / ((uint32_t)d | 1);
    }
    return sum;
}

const struct micro_row integer_rows[] = {
    {"qsort", run_qsort, 1000000, NULL},
    {"sha256", run_sha256, 400000, NULL},
    {"crc32", run_crc32, 1200, NULL},
    {"lzmatch", run_lzmatch, 10, NULL},
    {"bst", run_bst, 1000000, NULL},
    {"bytecode", run_bytecode, 4000000, NULL},
    {"nqueens", run_nqueens, 400, NULL},
    {"fib", run_fib, 500, NULL},
    {"virtual", run_virtual, 30000, NULL},
    {"wordcount", run_wordcount, 40, NULL},
    {"matint", run_matint, 800, NULL},
    {"divide", run_divide, 20000000, NULL},
    {NULL, NULL, 0, NULL},
};
