/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * work.c: what test_interrupts.c has a guest compute, made by the compiler twice, with and without optimizing (WORK,
 * SECTION). Nothing outside its section is called or read, and nothing is kept below the stack pointer, so the bytes
 * run anywhere. The result depends on the arguments alone.
 */
#include <stddef.h>
#include <stdint.h>

#define IN_SECTION __attribute__((section(SECTION), noinline, no_sanitize("address", "undefined")))

static IN_SECTION uint64_t mix(uint64_t a, uint64_t b)
{
    a ^= b + 0x9e3779b97f4a7c15ull + (a << 6) + (a >> 2);
    return a << (b & 63) | a >> (-b & 63);
}

/* The carry lives from one round of the loop to the next. */
static IN_SECTION uint64_t add_long(uint64_t *to, const uint64_t *from, uint64_t words)
{
    uint64_t carry = 0, word;
    __asm__ volatile("clc\n"
                     "1: mov (%[from]), %[word]\n"
                     "adc %[word], (%[to])\n"
                     "lea 8(%[from]), %[from]\n"
                     "lea 8(%[to]), %[to]\n"
                     "dec %[words]\n"
                     "jnz 1b\n"
                     "adc $0, %[carry]"
                     : [to] "+r"(to), [from] "+r"(from), [words] "+r"(words), [carry] "+r"(carry), [word] "=&r"(word)
                     :
                     : "cc", "memory");
    return carry;
}

static IN_SECTION uint64_t recurse(uint64_t n, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f,
                                   uint64_t g)
{
    uint64_t local[4] = {a ^ g, b + f, c - e, d};
    if (!n)
        return mix(local[0] ^ local[1], local[2] + local[3]);
    uint64_t left = recurse(n - 1, b, c, d, e, f, g, local[n & 3]);
    return mix(left, local[left & 3]);
}

static IN_SECTION void sort(uint32_t *v, unsigned n)
{
    for (unsigned i = 1; i < n; i++) {
        uint32_t x = v[i];
        unsigned k = i;
        for (; k > 0 && v[k - 1] > x; k--)
            v[k] = v[k - 1];
        v[k] = x;
    }
}

static IN_SECTION double floats(const uint32_t *v, unsigned n, unsigned by)
{
    double sum = 0;
    for (unsigned i = 0; i < n; i++)
        sum = sum / (double)(int32_t)by + (double)(int32_t)(v[i] >> 8) * (double)(int32_t)(i + 1);
    return sum;
}

/* By the x87 unit, which masks nothing after reset. */
static IN_SECTION long double exact(const uint32_t *v, unsigned n, unsigned by)
{
    long double sum;
    __asm__ volatile("fninit\n\tfldz" : "=t"(sum));
    for (unsigned i = 0; i < n; i++)
        sum = sum / (long double)(int32_t)by + (long double)(int32_t)(v[i] >> 4) * (long double)(int32_t)(i + 1);
    return sum;
}

static IN_SECTION uint64_t strings(uint8_t *to, const uint8_t *from, unsigned n)
{
    uint64_t a = n, b = n;
    void *d = to;
    const void *s = from;
    __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(a)::"memory");
    d = to;
    __asm__ volatile("repe scasb" : "+D"(d), "+c"(b) : "a"(from[0]) : "cc", "memory");
    return b;
}

uint64_t WORK(uint64_t *data, uint64_t rounds);
IN_SECTION uint64_t WORK(uint64_t *data, uint64_t rounds)
{
    uint64_t sum = 1, local[24];
    for (unsigned i = 0; i < 24; i++)
        local[i] = data[i] = mix(i, rounds);
    for (unsigned i = 24; i < 33; i++)
        data[i] = i;
    for (uint64_t n = 0; n < rounds; n++) {
        sum += add_long(local, data, 24);
        sum = mix(sum, recurse(n % 7, sum, n, local[0], local[1], local[2], local[3], data[n % 24]));
        data[n % 24] ^= sum;
        uint32_t words[20];
        for (unsigned i = 0; i < 20; i++)
            words[i] = (uint32_t)(local[i] >> (n & 31));
        sort(words, 20);
        sum += (uint64_t)(int64_t)floats(words, 20, 2 + (unsigned)(n & 1));
        sum += (uint64_t)(int64_t)exact(words, 20, 2 + (unsigned)(n & 1));
        sum ^= strings((uint8_t *)(data + 24), (const uint8_t *)words, 40 + (unsigned)(n & 31));
        for (unsigned i = 24; i < 33; i++)
            sum = mix(sum, data[i]);
    }
    return sum;
}
