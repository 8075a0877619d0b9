/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * float.c: floating point in double (scalar SSE2) and long double (x87). Only operations with one right result, so that
 * checksums are of all bits.
 */
#include "micro.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t bits(double v)
{
    uint64_t b;
    memcpy(&b, &v, 8);
    return b;
}

static uint64_t run_nbody(uint64_t work)
{
    enum { N = 5 };
    double p[N][3], v[N][3], m[N];
    uint64_t seed = 1, sum = 0;
    for (int i = 0; i < N; i++) {
        m[i] = 1 + i;
        for (int k = 0; k < 3; k++) {
            p[i][k] = (double)(micro_random(&seed) >> 40) / 1e6;
            v[i][k] = 0;
        }
    }
    while (work--) {
        for (int i = 0; i < N; i++)
            for (int j = i + 1; j < N; j++) {
                double d[3], r2 = 0.01;
                for (int k = 0; k < 3; k++) {
                    d[k] = p[i][k] - p[j][k];
                    r2 += d[k] * d[k];
                }
                double f = 0.001 / (r2 * sqrt(r2));
                for (int k = 0; k < 3; k++) {
                    v[i][k] -= d[k] * m[j] * f;
                    v[j][k] += d[k] * m[i] * f;
                }
            }
        for (int i = 0; i < N; i++)
            for (int k = 0; k < 3; k++)
                p[i][k] += 0.001 * v[i][k];
    }
    for (int i = 0; i < N; i++)
        sum = micro_mix(sum, bits(p[i][0]));
    return sum;
}

static uint64_t run_mandelbrot(uint64_t work)
{
    uint64_t sum = 0;
    for (uint64_t y = 0; y < work; y++)
        for (int x = 0; x < 256; x++) {
            double cr = x / 128.0 - 1.5, ci = (double)y * 2 / (double)work - 1, r = 0, i = 0;
            int n = 0;
            while (n < 200 && r * r + i * i < 4) {
                double t = r * r - i * i + cr;
                i = 2 * r * i + ci;
                r = t;
                n++;
            }
            sum += (uint64_t)n;
        }
    return sum;
}

static uint64_t run_spectral(uint64_t work)
{
    enum { N = 200 };
    double u[N], v[N];
    for (int i = 0; i < N; i++)
        u[i] = 1;
    while (work--) {
        for (int i = 0; i < N; i++) {
            double s = 0;
            for (int j = 0; j < N; j++)
                s += u[j] / ((i + j) * (i + j + 1) / 2 + i + 1);
            v[i] = s;
        }
        double norm = 0;
        for (int i = 0; i < N; i++)
            norm += v[i] * v[i];
        norm = 1 / sqrt(norm);
        for (int i = 0; i < N; i++)
            u[i] = v[i] * norm;
    }
    return bits(u[0]) ^ bits(u[N - 1]);
}

/* In place, radix 2; the roots of unity by repeated halving of an angle known exactly enough from sqrt alone. */
static uint64_t run_fft(uint64_t work)
{
    enum { LOG = 12, N = 1 << LOG };
    static double re[N], im[N], wr[LOG + 1], wi[LOG + 1];
    uint64_t seed = 2, sum = 0;
    wr[1] = -1;
    for (int s = 2; s <= LOG; s++) {
        wr[s] = s == 2 ? 0 : sqrt((1 + wr[s - 1]) / 2);
        wi[s] = s == 2 ? -1 : -sqrt((1 - wr[s - 1]) / 2);
    }
    for (int i = 0; i < N; i++)
        re[i] = (double)(micro_random(&seed) >> 40);
    while (work--) {
        for (unsigned i = 1, j = 0; i < N; i++) {
            unsigned bit = N >> 1;
            for (; j & bit; bit >>= 1)
                j ^= bit;
            j |= bit;
            if (i < j) {
                double t = re[i];
                re[i] = re[j];
                re[j] = t;
                t = im[i];
                im[i] = im[j];
                im[j] = t;
            }
        }
        for (int s = 1, half = 1; s <= LOG; s++, half *= 2)
            for (int at = 0; at < N; at += 2 * half) {
                double cr = 1, ci = 0;
                for (int k = at; k < at + half; k++) {
                    double tr = re[k + half] * cr - im[k + half] * ci, ti = re[k + half] * ci + im[k + half] * cr;
                    re[k + half] = re[k] - tr;
                    im[k + half] = im[k] - ti;
                    re[k] += tr;
                    im[k] += ti;
                    double t = cr * wr[s] - ci * wi[s];
                    ci = cr * wi[s] + ci * wr[s];
                    cr = t;
                }
            }
        for (int i = 0; i < N; i++) {
            re[i] /= 64;
            im[i] /= 64;
        }
    }
    for (int i = 0; i < N; i += 37)
        sum = micro_mix(sum, bits(re[i]) ^ bits(im[i]));
    return sum;
}

static uint64_t run_x87(uint64_t work)
{
    long double x = 0.5L, y = 0.25L, s = 0;
    for (uint64_t i = 0; i < work; i++) {
        x = 3.75L * x * (1 - x);
        y = y * 0.75L + x / 3;
        s += sqrtl(x + y);
    }
    uint64_t low;
    memcpy(&low, &s, 8);
    return low;
}

static uint64_t run_convert(uint64_t work)
{
    uint64_t seed = 3, sum = 0;
    float f = 1;
    while (work--) {
        int64_t v = (int64_t)micro_random(&seed) >> 20;
        double d = (double)v * 1e-3;
        f = f * 0.5f + (float)(int32_t)v;
        sum += (uint64_t)(int64_t)d + (uint64_t)(int64_t)(int32_t)(f / 4096) + (d < (double)f);
    }
    return sum;
}

static uint64_t run_printf(uint64_t work)
{
    uint64_t seed = 4, sum = 0;
    char line[64];
    while (work--) {
        double v = (double)(micro_random(&seed) >> 11) * 0x1p-40;
        snprintf(line, sizeof(line), "%.9g", v);
        sum = micro_mix(sum, bits(strtod(line, NULL)));
    }
    return sum;
}

const struct micro_row float_rows[] = {
    {"nbody", run_nbody, 1200000, NULL},    {"mandelbrot", run_mandelbrot, 600, NULL},
    {"spectral", run_spectral, 1200, NULL}, {"fft", run_fft, 800, NULL},
    {"x87", run_x87, 4000000, NULL},        {"convert", run_convert, 20000000, NULL},
    {"printf", run_printf, 100000, NULL},   {NULL, NULL, 0, NULL},
};
