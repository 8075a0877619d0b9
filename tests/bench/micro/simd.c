/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * simd.c: vectors by intrinsics: SSE2, SSSE3, AVX2, FMA, AES-NI, SHA-NI, PCLMULQDQ.
 */
#include "micro.h"

#include <immintrin.h>
#include <cpuid.h>
#include <string.h>

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_ssse3(void)
{
    return __builtin_cpu_supports("ssse3");
}

static bool leaf1_ecx(unsigned bit)
{
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && c >> bit & 1;
}

static bool has_aes(void)
{
    return leaf1_ecx(25);
}

static bool has_clmul(void)
{
    return leaf1_ecx(1);
}

static bool has_sha(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && b >> 29 & 1;
}

static uint64_t sum_of(const void *data, size_t bytes)
{
    uint64_t sum = 0, v;
    for (size_t i = 0; i < bytes; i += 8) {
        memcpy(&v, (const char *)data + i, 8);
        sum = micro_mix(sum, v);
    }
    return sum;
}

static uint64_t run_saxpy(uint64_t work)
{
    enum { N = 4096 };
    static _Alignas(64) float x[N], y[N];
    for (int i = 0; i < N; i++) {
        x[i] = (float)i / 7;
        y[i] = (float)(N - i);
    }
    while (work--)
        for (int i = 0; i < N; i += 4)
            _mm_store_ps(y + i, _mm_add_ps(_mm_mul_ps(_mm_load_ps(x + i), _mm_set1_ps(0.01f)),
                                           _mm_mul_ps(_mm_load_ps(y + i), _mm_set1_ps(0.99f))));
    return sum_of(y, sizeof(y));
}

static __attribute__((target("avx2,fma"))) uint64_t run_dot(uint64_t work)
{
    enum { N = 2048 };
    static _Alignas(64) double x[N], y[N];
    for (int i = 0; i < N; i++) {
        x[i] = i * 0.37;
        y[i] = (N - i) * 0.11;
    }
    __m256d s = _mm256_setzero_pd(), t = s;
    while (work--) {
        for (int i = 0; i < N; i += 8) {
            s = _mm256_fmadd_pd(_mm256_load_pd(x + i), _mm256_load_pd(y + i), s);
            t = _mm256_fmadd_pd(_mm256_load_pd(x + i + 4), _mm256_load_pd(y + i + 4), t);
        }
        s = _mm256_mul_pd(s, _mm256_set1_pd(0.5));
    }
    double out[4];
    _mm256_storeu_pd(out, _mm256_add_pd(s, t));
    return sum_of(out, sizeof(out));
}

static uint64_t run_matmul(uint64_t work)
{
    enum { N = 64 };
    static _Alignas(64) float a[N][N], b[N][N], c[N][N];
    for (int i = 0; i < N * N; i++) {
        a[i / N][i % N] = (float)(i % 13) / 3;
        b[i / N][i % N] = (float)(i % 17) / 5;
    }
    while (work--)
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j += 8) {
                __m128 s = _mm_load_ps(&c[i][j]), t = _mm_load_ps(&c[i][j + 4]);
                s = _mm_mul_ps(s, _mm_set1_ps(0.5f));
                t = _mm_mul_ps(t, _mm_set1_ps(0.5f));
                for (int k = 0; k < N; k++) {
                    __m128 f = _mm_set1_ps(a[i][k]);
                    s = _mm_add_ps(s, _mm_mul_ps(f, _mm_load_ps(&b[k][j])));
                    t = _mm_add_ps(t, _mm_mul_ps(f, _mm_load_ps(&b[k][j + 4])));
                }
                _mm_store_ps(&c[i][j], s);
                _mm_store_ps(&c[i][j + 4], t);
            }
    return sum_of(c, sizeof(c));
}

/* Counts and finds a byte sixteen at a time, as strlen and memchr do. */
static uint64_t run_bytescan(uint64_t work)
{
    static _Alignas(64) uint8_t data[65536];
    uint64_t seed = 1, sum = 0;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)micro_random(&seed);
    while (work--) {
        __m128i wanted = _mm_set1_epi8((char)work);
        for (size_t i = 0; i < sizeof(data); i += 16) {
            int mask = _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_load_si128((const __m128i *)(data + i)), wanted));
            if (mask)
                sum += i + (unsigned)__builtin_ctz((unsigned)mask);
        }
    }
    return sum;
}

static __attribute__((target("ssse3"))) uint64_t run_hex(uint64_t work)
{
    static _Alignas(64) uint8_t in[4096], out[8192];
    uint64_t seed = 2, sum = 0;
    for (size_t i = 0; i < sizeof(in); i++)
        in[i] = (uint8_t)micro_random(&seed);
    const __m128i digits =
        _mm_setr_epi8('0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f');
    while (work--) {
        for (size_t i = 0; i < sizeof(in); i += 16) {
            __m128i v = _mm_load_si128((const __m128i *)(in + i)), low = _mm_and_si128(v, _mm_set1_epi8(15));
            __m128i high = _mm_and_si128(_mm_srli_epi16(v, 4), _mm_set1_epi8(15));
            low = _mm_shuffle_epi8(digits, low);
            high = _mm_shuffle_epi8(digits, high);
            _mm_store_si128((__m128i *)(out + 2 * i), _mm_unpacklo_epi8(high, low));
            _mm_store_si128((__m128i *)(out + 2 * i + 16), _mm_unpackhi_epi8(high, low));
        }
        in[work % sizeof(in)]++;
        sum += out[work % sizeof(out)];
    }
    return sum;
}

/* Integers of 32 bits, 8 at a time: a generator and a reduction. */
static __attribute__((target("avx2"))) uint64_t run_lanes(uint64_t work)
{
    __m256i s = _mm256_setr_epi32(1, 2, 3, 4, 5, 6, 7, 8), t = _mm256_setzero_si256();
    while (work--) {
        s = _mm256_xor_si256(s, _mm256_slli_epi32(s, 13));
        s = _mm256_xor_si256(s, _mm256_srli_epi32(s, 17));
        s = _mm256_xor_si256(s, _mm256_slli_epi32(s, 5));
        t = _mm256_add_epi32(t, _mm256_mullo_epi32(s, _mm256_set1_epi32(2654435)));
        t = _mm256_max_epu32(t, _mm256_shuffle_epi32(s, 0x1b));
    }
    uint64_t out[4];
    _mm256_storeu_si256((__m256i *)out, t);
    return sum_of(out, sizeof(out));
}

static __attribute__((target("aes"))) uint64_t run_aesni(uint64_t work)
{
    __m128i keys[11], block[4];
    for (int i = 0; i < 11; i++)
        keys[i] = _mm_set_epi64x(i * 0x123456789abcdefll, i * 77);
    for (int i = 0; i < 4; i++)
        block[i] = _mm_set1_epi32(i);
    while (work--)
        for (int i = 0; i < 4; i++) {
            __m128i b = _mm_xor_si128(block[i], keys[0]);
            for (int r = 1; r < 10; r++)
                b = _mm_aesenc_si128(b, keys[r]);
            block[i] = _mm_aesenclast_si128(b, keys[10]);
        }
    return sum_of(block, sizeof(block));
}

static __attribute__((target("sha,sse4.1"))) uint64_t run_shani(uint64_t work)
{
    __m128i s = _mm_set1_epi32(1), t = _mm_set1_epi32(2), m = _mm_set1_epi32(3), n = _mm_set1_epi32(4);
    while (work--) {
        __m128i u = _mm_sha256rnds2_epu32(s, t, m);
        t = s;
        s = u;
        m = _mm_sha256msg1_epu32(m, n);
        n = _mm_sha256msg2_epu32(n, m);
    }
    uint64_t out[4];
    _mm_storeu_si128((__m128i *)out, _mm_xor_si128(s, m));
    _mm_storeu_si128((__m128i *)(out + 2), _mm_xor_si128(t, n));
    return sum_of(out, sizeof(out));
}

static __attribute__((target("pclmul"))) uint64_t run_clmul(uint64_t work)
{
    __m128i s = _mm_set_epi64x(0x1234567, 0x89abcdef), k = _mm_set_epi64x(0x154442bd4, 0x1c6e41596);
    while (work--) {
        __m128i a = _mm_clmulepi64_si128(s, k, 0x00), b = _mm_clmulepi64_si128(s, k, 0x11);
        s = _mm_add_epi64(_mm_xor_si128(a, b), k);
    }
    uint64_t out[2];
    _mm_storeu_si128((__m128i *)out, s);
    return sum_of(out, sizeof(out));
}

const struct micro_row simd_rows[] = {
    {"saxpy", run_saxpy, 200000, NULL},        {"dot_avx2", run_dot, 200000, has_avx2},
    {"matmul", run_matmul, 3000, NULL},        {"bytescan", run_bytescan, 12000, NULL},
    {"hex_ssse3", run_hex, 200000, has_ssse3}, {"lanes_avx2", run_lanes, 30000000, has_avx2},
    {"aesni", run_aesni, 8000000, has_aes},    {"shani", run_shani, 20000000, has_sha},
    {"clmul", run_clmul, 40000000, has_clmul}, {NULL, NULL, 0, NULL},
};
