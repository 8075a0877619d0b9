/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * simd_forms.c: the table of MMX, SSE and AVX forms, and looking a decoded instruction up in it. Knows encodings, not
 * registers' contents. Instructions with fault rules of their own (masked moves, gathers, XSAVE) are not here but in
 * simd_special.c and xsave.c. (Intel SDM vol. 2, appendix A.)
 */
#include "engine/interp/simd_forms.h"

#include <cpuid.h>

#define ANY   0xff
#define NP    0
#define P66   1
#define PF3   2
#define PF2   3
#define M0F   X86_MAP_0F
#define M38   X86_MAP_0F38
#define M3A   X86_MAP_0F3A
#define NO    FEAT_NONE
#define ALIGN SF_ALIGN

/* map, pp, opcode, shape, memory, features, flags; both register places are XMM or YMM */
#define XX(map, pp, op, shape, mem, l, v1, v2, flags)                                                     \
    {                                                                                                     \
        map, pp, op, ANY, SHAPE_##shape, KIND_X, KIND_X, MEM_##mem, FEAT_##l, FEAT_##v1, FEAT_##v2, flags \
    }
/* The same with the kinds of the two places said */
#define KK(map, pp, op, shape, r, m, mem, l, v1, v2, flags)                                                   \
    {                                                                                                         \
        map, pp, op, ANY, SHAPE_##shape, KIND_##r, KIND_##m, MEM_##mem, FEAT_##l, FEAT_##v1, FEAT_##v2, flags \
    }
/* An integer operation that MMX has without 66 and SSE with it, `f` the feature of the MMX form, `x` of the other */
#define INT(map, op, shape, f, x, flags) \
    KK(map, NP, op, shape, M, M, 8, f, NONE, NONE, flags), XX(map, P66, op, shape, V, x, AVX, AVX2, (flags) | ALIGN)
/* The same in XMM only */
#define INX(map, op, shape, x, flags) XX(map, P66, op, shape, V, x, AVX, AVX2, (flags) | ALIGN)
/* Packed single and double; scalar single and double */
#define PSD(op, shape, flags)                                  \
    XX(M0F, NP, op, shape, V, SSE, AVX, AVX, (flags) | ALIGN), \
        XX(M0F, P66, op, shape, V, SSE2, AVX, AVX, (flags) | ALIGN)
#define SSD(op, shape, flags)                                    \
    XX(M0F, PF3, op, shape, 4, SSE, AVX, AVX, (flags) | SF_LIG), \
        XX(M0F, PF2, op, shape, 8, SSE2, AVX, AVX, (flags) | SF_LIG)
#define SHIFT(op, dig)                                                                                         \
    {M0F, NP, op, dig, SHAPE_SH, KIND_M, KIND_M, MEM_NONE, FEAT_MMX, FEAT_NONE, FEAT_NONE, SF_IMM | SF_NOMEM}, \
        SHIFTX(op, dig)
#define SHIFTX(op, dig)                                                                                          \
    {                                                                                                            \
        M0F, P66, op, dig, SHAPE_SH, KIND_X, KIND_X, MEM_NONE, FEAT_SSE2, FEAT_AVX, FEAT_AVX2, SF_IMM | SF_NOMEM \
    }
/* Shift by a count that is always 128 bits */
#define SHCNT(op) \
    KK(M0F, NP, op, A, M, M, 8, MMX, NONE, NONE, 0), KK(M0F, P66, op, A, X, X1, 16, SSE2, AVX, AVX2, ALIGN)
#define FMAP(op) XX(M38, P66, op, F, V, NONE, FMA, FMA, SF_FP | SF_W)
#define FMAS(op)                                                    \
    XX(M38, P66, op, F, 4, NONE, FMA, FMA, SF_FP | SF_LIG | SF_W0), \
        XX(M38, P66, op, F, 8, NONE, FMA, FMA, SF_FP | SF_LIG | SF_W1)

/* Sorted by map and opcode. */
static const struct simd_form forms[] = {
    XX(M0F, NP, 0x10, B, V, SSE, AVX, AVX, 0),
    XX(M0F, P66, 0x10, B, V, SSE2, AVX, AVX, 0),
    XX(M0F, PF3, 0x10, A, NONE, SSE, AVX, AVX, SF_NOMEM | SF_LIG),
    XX(M0F, PF3, 0x10, B, 4, SSE, AVX, AVX, SF_NOREG | SF_LIG),
    XX(M0F, PF2, 0x10, A, NONE, SSE2, AVX, AVX, SF_NOMEM | SF_LIG),
    XX(M0F, PF2, 0x10, B, 8, SSE2, AVX, AVX, SF_NOREG | SF_LIG),
    XX(M0F, NP, 0x11, S, V, SSE, AVX, AVX, 0),
    XX(M0F, P66, 0x11, S, V, SSE2, AVX, AVX, 0),
    XX(M0F, PF3, 0x11, SA, NONE, SSE, AVX, AVX, SF_NOMEM | SF_LIG),
    XX(M0F, PF3, 0x11, S, 4, SSE, AVX, AVX, SF_NOREG | SF_LIG),
    XX(M0F, PF2, 0x11, SA, NONE, SSE2, AVX, AVX, SF_NOMEM | SF_LIG),
    XX(M0F, PF2, 0x11, S, 8, SSE2, AVX, AVX, SF_NOREG | SF_LIG),
    XX(M0F, NP, 0x12, A, 8, SSE, AVX, NONE, 0),
    XX(M0F, P66, 0x12, A, 8, SSE2, AVX, NONE, SF_NOREG),
    XX(M0F, PF3, 0x12, B, V, SSE3, AVX, AVX, ALIGN),
    XX(M0F, PF2, 0x12, B, DUP, SSE3, AVX, AVX, 0),
    XX(M0F, NP, 0x13, S, 8, SSE, AVX, NONE, SF_NOREG),
    XX(M0F, P66, 0x13, S, 8, SSE2, AVX, NONE, SF_NOREG),
    PSD(0x14, A, 0),
    PSD(0x15, A, 0),
    XX(M0F, NP, 0x16, A, 8, SSE, AVX, NONE, 0),
    XX(M0F, P66, 0x16, A, 8, SSE2, AVX, NONE, SF_NOREG),
    XX(M0F, PF3, 0x16, B, V, SSE3, AVX, AVX, ALIGN),
    XX(M0F, NP, 0x17, S, 8, SSE, AVX, NONE, SF_NOREG),
    XX(M0F, P66, 0x17, S, 8, SSE2, AVX, NONE, SF_NOREG),
    PSD(0x28, B, SF_VALIGN),
    PSD(0x29, S, SF_VALIGN),
    KK(M0F, NP, 0x2a, A, X, M, 8, SSE, NONE, NONE, SF_FP | SF_X87),
    KK(M0F, P66, 0x2a, A, X, M, 8, SSE2, NONE, NONE, SF_FP | SF_X87),
    KK(M0F, PF3, 0x2a, A, X, G, G, SSE, AVX, AVX, SF_FP | SF_LIG | SF_W),
    KK(M0F, PF2, 0x2a, A, X, G, G, SSE2, AVX, AVX, SF_FP | SF_LIG | SF_W),
    PSD(0x2b, S, SF_VALIGN | SF_NOREG),
    KK(M0F, NP, 0x2c, B, M, X, 8, SSE, NONE, NONE, SF_FP),
    KK(M0F, P66, 0x2c, B, M, X, 16, SSE2, NONE, NONE, SF_FP | ALIGN),
    KK(M0F, PF3, 0x2c, B, G, X, 4, SSE, AVX, AVX, SF_FP | SF_LIG | SF_W),
    KK(M0F, PF2, 0x2c, B, G, X, 8, SSE2, AVX, AVX, SF_FP | SF_LIG | SF_W),
    KK(M0F, NP, 0x2d, B, M, X, 8, SSE, NONE, NONE, SF_FP),
    KK(M0F, P66, 0x2d, B, M, X, 16, SSE2, NONE, NONE, SF_FP | ALIGN),
    KK(M0F, PF3, 0x2d, B, G, X, 4, SSE, AVX, AVX, SF_FP | SF_LIG | SF_W),
    KK(M0F, PF2, 0x2d, B, G, X, 8, SSE2, AVX, AVX, SF_FP | SF_LIG | SF_W),
    XX(M0F, NP, 0x2e, C, 4, SSE, AVX, AVX, SF_FP | SF_FLAGS | SF_LIG),
    XX(M0F, P66, 0x2e, C, 8, SSE2, AVX, AVX, SF_FP | SF_FLAGS | SF_LIG),
    XX(M0F, NP, 0x2f, C, 4, SSE, AVX, AVX, SF_FP | SF_FLAGS | SF_LIG),
    XX(M0F, P66, 0x2f, C, 8, SSE2, AVX, AVX, SF_FP | SF_FLAGS | SF_LIG),
    KK(M0F, NP, 0x50, B, G, X, NONE, SSE, AVX, AVX, SF_NOMEM),
    KK(M0F, P66, 0x50, B, G, X, NONE, SSE2, AVX, AVX, SF_NOMEM),
    PSD(0x51, B, SF_FP),
    SSD(0x51, A, SF_FP),
    XX(M0F, NP, 0x52, B, V, SSE, AVX, AVX, SF_FP | ALIGN),
    XX(M0F, PF3, 0x52, A, 4, SSE, AVX, AVX, SF_FP | SF_LIG),
    XX(M0F, NP, 0x53, B, V, SSE, AVX, AVX, SF_FP | ALIGN),
    XX(M0F, PF3, 0x53, A, 4, SSE, AVX, AVX, SF_FP | SF_LIG),
    PSD(0x54, A, 0),
    PSD(0x55, A, 0),
    PSD(0x56, A, 0),
    PSD(0x57, A, 0),
    PSD(0x58, A, SF_FP),
    SSD(0x58, A, SF_FP),
    PSD(0x59, A, SF_FP),
    SSD(0x59, A, SF_FP),
    XX(M0F, NP, 0x5a, B, H, SSE2, AVX, AVX, SF_FP),
    KK(M0F, P66, 0x5a, B, X1, X, V, SSE2, AVX, AVX, SF_FP | ALIGN),
    XX(M0F, PF3, 0x5a, A, 4, SSE2, AVX, AVX, SF_FP | SF_LIG),
    XX(M0F, PF2, 0x5a, A, 8, SSE2, AVX, AVX, SF_FP | SF_LIG),
    XX(M0F, NP, 0x5b, B, V, SSE2, AVX, AVX, SF_FP | ALIGN),
    XX(M0F, P66, 0x5b, B, V, SSE2, AVX, AVX, SF_FP | ALIGN),
    XX(M0F, PF3, 0x5b, B, V, SSE2, AVX, AVX, SF_FP | ALIGN),
    PSD(0x5c, A, SF_FP),
    SSD(0x5c, A, SF_FP),
    PSD(0x5d, A, SF_FP),
    SSD(0x5d, A, SF_FP),
    PSD(0x5e, A, SF_FP),
    SSD(0x5e, A, SF_FP),
    PSD(0x5f, A, SF_FP),
    SSD(0x5f, A, SF_FP),
    KK(M0F, NP, 0x60, A, M, M, 4, MMX, NONE, NONE, 0),
    INX(M0F, 0x60, A, SSE2, 0),
    KK(M0F, NP, 0x61, A, M, M, 4, MMX, NONE, NONE, 0),
    INX(M0F, 0x61, A, SSE2, 0),
    KK(M0F, NP, 0x62, A, M, M, 4, MMX, NONE, NONE, 0),
    INX(M0F, 0x62, A, SSE2, 0),
    INT(M0F, 0x63, A, MMX, SSE2, 0),
    INT(M0F, 0x64, A, MMX, SSE2, 0),
    INT(M0F, 0x65, A, MMX, SSE2, 0),
    INT(M0F, 0x66, A, MMX, SSE2, 0),
    INT(M0F, 0x67, A, MMX, SSE2, 0),
    INT(M0F, 0x68, A, MMX, SSE2, 0),
    INT(M0F, 0x69, A, MMX, SSE2, 0),
    INT(M0F, 0x6a, A, MMX, SSE2, 0),
    INT(M0F, 0x6b, A, MMX, SSE2, 0),
    INX(M0F, 0x6c, A, SSE2, 0),
    INX(M0F, 0x6d, A, SSE2, 0),
    KK(M0F, NP, 0x6e, B, M, G, G, MMX, NONE, NONE, SF_W),
    KK(M0F, P66, 0x6e, B, X, G, G, SSE2, AVX, NONE, SF_W),
    KK(M0F, NP, 0x6f, B, M, M, 8, MMX, NONE, NONE, 0),
    XX(M0F, P66, 0x6f, B, V, SSE2, AVX, AVX, ALIGN | SF_VALIGN),
    XX(M0F, PF3, 0x6f, B, V, SSE2, AVX, AVX, 0),
    KK(M0F, NP, 0x70, B, M, M, 8, SSE, NONE, NONE, SF_IMM),
    XX(M0F, P66, 0x70, B, V, SSE2, AVX, AVX2, SF_IMM | ALIGN),
    XX(M0F, PF3, 0x70, B, V, SSE2, AVX, AVX2, SF_IMM | ALIGN),
    XX(M0F, PF2, 0x70, B, V, SSE2, AVX, AVX2, SF_IMM | ALIGN),
    SHIFT(0x71, 2),
    SHIFT(0x71, 4),
    SHIFT(0x71, 6),
    SHIFT(0x72, 2),
    SHIFT(0x72, 4),
    SHIFT(0x72, 6),
    SHIFT(0x73, 2),
    SHIFTX(0x73, 3),
    SHIFT(0x73, 6),
    SHIFTX(0x73, 7),
    INT(M0F, 0x74, A, MMX, SSE2, 0),
    INT(M0F, 0x75, A, MMX, SSE2, 0),
    INT(M0F, 0x76, A, MMX, SSE2, 0),
    XX(M0F, P66, 0x7c, A, V, SSE3, AVX, AVX, SF_FP | ALIGN),
    XX(M0F, PF2, 0x7c, A, V, SSE3, AVX, AVX, SF_FP | ALIGN),
    XX(M0F, P66, 0x7d, A, V, SSE3, AVX, AVX, SF_FP | ALIGN),
    XX(M0F, PF2, 0x7d, A, V, SSE3, AVX, AVX, SF_FP | ALIGN),
    KK(M0F, NP, 0x7e, S, M, G, G, MMX, NONE, NONE, SF_W),
    KK(M0F, P66, 0x7e, S, X, G, G, SSE2, AVX, NONE, SF_W),
    XX(M0F, PF3, 0x7e, B, 8, SSE2, AVX, NONE, 0),
    KK(M0F, NP, 0x7f, S, M, M, 8, MMX, NONE, NONE, 0),
    XX(M0F, P66, 0x7f, S, V, SSE2, AVX, AVX, ALIGN | SF_VALIGN),
    XX(M0F, PF3, 0x7f, S, V, SSE2, AVX, AVX, 0),
    PSD(0xc2, A, SF_FP | SF_IMM),
    SSD(0xc2, A, SF_FP | SF_IMM),
    KK(M0F, NP, 0xc3, S, G, G, G, SSE2, NONE, NONE, SF_NOREG | SF_W | SF_NOFPU),
    KK(M0F, NP, 0xc4, A, M, G, 2, SSE, NONE, NONE, SF_IMM),
    KK(M0F, P66, 0xc4, A, X, G, 2, SSE2, AVX, NONE, SF_IMM),
    KK(M0F, NP, 0xc5, B, G, M, NONE, SSE, NONE, NONE, SF_IMM | SF_NOMEM),
    KK(M0F, P66, 0xc5, B, G, X, NONE, SSE2, AVX, NONE, SF_IMM | SF_NOMEM),
    PSD(0xc6, A, SF_IMM),
    XX(M0F, P66, 0xd0, A, V, SSE3, AVX, AVX, SF_FP | ALIGN),
    XX(M0F, PF2, 0xd0, A, V, SSE3, AVX, AVX, SF_FP | ALIGN),
    SHCNT(0xd1),
    SHCNT(0xd2),
    SHCNT(0xd3),
    INT(M0F, 0xd4, A, SSE2, SSE2, 0),
    INT(M0F, 0xd5, A, MMX, SSE2, 0),
    XX(M0F, P66, 0xd6, S, 8, SSE2, AVX, NONE, 0),
    KK(M0F, PF3, 0xd6, B, X, M, NONE, SSE2, NONE, NONE, SF_NOMEM),
    KK(M0F, PF2, 0xd6, B, M, X, NONE, SSE2, NONE, NONE, SF_NOMEM),
    KK(M0F, NP, 0xd7, B, G, M, NONE, SSE, NONE, NONE, SF_NOMEM),
    KK(M0F, P66, 0xd7, B, G, X, NONE, SSE2, AVX, AVX2, SF_NOMEM),
    INT(M0F, 0xd8, A, MMX, SSE2, 0),
    INT(M0F, 0xd9, A, MMX, SSE2, 0),
    INT(M0F, 0xda, A, SSE, SSE2, 0),
    INT(M0F, 0xdb, A, MMX, SSE2, 0),
    INT(M0F, 0xdc, A, MMX, SSE2, 0),
    INT(M0F, 0xdd, A, MMX, SSE2, 0),
    INT(M0F, 0xde, A, SSE, SSE2, 0),
    INT(M0F, 0xdf, A, MMX, SSE2, 0),
    INT(M0F, 0xe0, A, SSE, SSE2, 0),
    SHCNT(0xe1),
    SHCNT(0xe2),
    INT(M0F, 0xe3, A, SSE, SSE2, 0),
    INT(M0F, 0xe4, A, SSE, SSE2, 0),
    INT(M0F, 0xe5, A, MMX, SSE2, 0),
    KK(M0F, P66, 0xe6, B, X1, X, V, SSE2, AVX, AVX, SF_FP | ALIGN),
    XX(M0F, PF3, 0xe6, B, H, SSE2, AVX, AVX, 0),
    KK(M0F, PF2, 0xe6, B, X1, X, V, SSE2, AVX, AVX, SF_FP | ALIGN),
    KK(M0F, NP, 0xe7, S, M, M, 8, SSE, NONE, NONE, SF_NOREG),
    XX(M0F, P66, 0xe7, S, V, SSE2, AVX, AVX, ALIGN | SF_VALIGN | SF_NOREG),
    INT(M0F, 0xe8, A, MMX, SSE2, 0),
    INT(M0F, 0xe9, A, MMX, SSE2, 0),
    INT(M0F, 0xea, A, SSE, SSE2, 0),
    INT(M0F, 0xeb, A, MMX, SSE2, 0),
    INT(M0F, 0xec, A, MMX, SSE2, 0),
    INT(M0F, 0xed, A, MMX, SSE2, 0),
    INT(M0F, 0xee, A, SSE, SSE2, 0),
    INT(M0F, 0xef, A, MMX, SSE2, 0),
    XX(M0F, PF2, 0xf0, B, V, SSE3, AVX, AVX, SF_NOREG),
    SHCNT(0xf1),
    SHCNT(0xf2),
    SHCNT(0xf3),
    INT(M0F, 0xf4, A, SSE2, SSE2, 0),
    INT(M0F, 0xf5, A, MMX, SSE2, 0),
    INT(M0F, 0xf6, A, SSE, SSE2, 0),
    INT(M0F, 0xf8, A, MMX, SSE2, 0),
    INT(M0F, 0xf9, A, MMX, SSE2, 0),
    INT(M0F, 0xfa, A, MMX, SSE2, 0),
    INT(M0F, 0xfb, A, SSE2, SSE2, 0),
    INT(M0F, 0xfc, A, MMX, SSE2, 0),
    INT(M0F, 0xfd, A, MMX, SSE2, 0),
    INT(M0F, 0xfe, A, MMX, SSE2, 0),

    INT(M38, 0x00, A, SSSE3, SSSE3, 0),
    INT(M38, 0x01, A, SSSE3, SSSE3, 0),
    INT(M38, 0x02, A, SSSE3, SSSE3, 0),
    INT(M38, 0x03, A, SSSE3, SSSE3, 0),
    INT(M38, 0x04, A, SSSE3, SSSE3, 0),
    INT(M38, 0x05, A, SSSE3, SSSE3, 0),
    INT(M38, 0x06, A, SSSE3, SSSE3, 0),
    INT(M38, 0x07, A, SSSE3, SSSE3, 0),
    INT(M38, 0x08, A, SSSE3, SSSE3, 0),
    INT(M38, 0x09, A, SSSE3, SSSE3, 0),
    INT(M38, 0x0a, A, SSSE3, SSSE3, 0),
    INT(M38, 0x0b, A, SSSE3, SSSE3, 0),
    XX(M38, P66, 0x0c, A, V, NONE, AVX, AVX, SF_W0),
    XX(M38, P66, 0x0d, A, V, NONE, AVX, AVX, SF_W0),
    XX(M38, P66, 0x0e, C, V, NONE, AVX, AVX, SF_W0 | SF_FLAGS),
    XX(M38, P66, 0x0f, C, V, NONE, AVX, AVX, SF_W0 | SF_FLAGS),
    XX(M38, P66, 0x10, A, V, SSE41, NONE, NONE, SF_XMM0 | ALIGN),
    KK(M38, P66, 0x13, B, X, X1, H, NONE, F16C, F16C, SF_FP | SF_W0),
    XX(M38, P66, 0x14, A, V, SSE41, NONE, NONE, SF_XMM0 | ALIGN),
    XX(M38, P66, 0x15, A, V, SSE41, NONE, NONE, SF_XMM0 | ALIGN),
    XX(M38, P66, 0x16, A, V, NONE, NONE, AVX2, SF_W0),
    XX(M38, P66, 0x17, C, V, SSE41, AVX, AVX, SF_FLAGS | ALIGN),
    KK(M38, P66, 0x18, B, X, X1, 4, NONE, AVX, AVX, SF_W0 | SF_NOREG),
    KK(M38, P66, 0x18, B, X, X1, NONE, NONE, AVX2, AVX2, SF_W0 | SF_NOMEM),
    KK(M38, P66, 0x19, B, X, X1, 8, NONE, NONE, AVX, SF_W0 | SF_NOREG),
    KK(M38, P66, 0x19, B, X, X1, NONE, NONE, NONE, AVX2, SF_W0 | SF_NOMEM),
    KK(M38, P66, 0x1a, B, X, X1, 16, NONE, NONE, AVX, SF_W0 | SF_NOREG),
    INT(M38, 0x1c, B, SSSE3, SSSE3, 0),
    INT(M38, 0x1d, B, SSSE3, SSSE3, 0),
    INT(M38, 0x1e, B, SSSE3, SSSE3, 0),
    KK(M38, P66, 0x20, B, X, X1, H, SSE41, AVX, AVX2, 0),
    KK(M38, P66, 0x21, B, X, X1, Q, SSE41, AVX, AVX2, 0),
    KK(M38, P66, 0x22, B, X, X1, E, SSE41, AVX, AVX2, 0),
    KK(M38, P66, 0x23, B, X, X1, H, SSE41, AVX, AVX2, 0),
    KK(M38, P66, 0x24, B, X, X1, Q, SSE41, AVX, AVX2, 0),
    KK(M38, P66, 0x25, B, X, X1, H, SSE41, AVX, AVX2, 0),
    INX(M38, 0x28, A, SSE41, 0),
    INX(M38, 0x29, A, SSE41, 0),
    INX(M38, 0x2a, B, SSE41, SF_VALIGN | SF_NOREG),
    INX(M38, 0x2b, A, SSE41, 0),
    KK(M38, P66, 0x30, B, X, X1, H, SSE41, AVX, AVX2, 0),
    KK(M38, P66, 0x31, B, X, X1, Q, SSE41, AVX, AVX2, 0),
    KK(M38, P66, 0x32, B, X, X1, E, SSE41, AVX, AVX2, 0),
    KK(M38, P66, 0x33, B, X, X1, H, SSE41, AVX, AVX2, 0),
    KK(M38, P66, 0x34, B, X, X1, Q, SSE41, AVX, AVX2, 0),
    KK(M38, P66, 0x35, B, X, X1, H, SSE41, AVX, AVX2, 0),
    XX(M38, P66, 0x36, A, V, NONE, NONE, AVX2, SF_W0),
    INX(M38, 0x37, A, SSE42, 0),
    INX(M38, 0x38, A, SSE41, 0),
    INX(M38, 0x39, A, SSE41, 0),
    INX(M38, 0x3a, A, SSE41, 0),
    INX(M38, 0x3b, A, SSE41, 0),
    INX(M38, 0x3c, A, SSE41, 0),
    INX(M38, 0x3d, A, SSE41, 0),
    INX(M38, 0x3e, A, SSE41, 0),
    INX(M38, 0x3f, A, SSE41, 0),
    INX(M38, 0x40, A, SSE41, 0),
    XX(M38, P66, 0x41, B, V, SSE41, AVX, NONE, ALIGN),
    XX(M38, P66, 0x45, A, V, NONE, AVX2, AVX2, SF_W),
    XX(M38, P66, 0x46, A, V, NONE, AVX2, AVX2, SF_W0),
    XX(M38, P66, 0x47, A, V, NONE, AVX2, AVX2, SF_W),
    XX(M38, P66, 0x50, F, V, NONE, AVX_VNNI, AVX_VNNI, SF_W0),
    XX(M38, P66, 0x51, F, V, NONE, AVX_VNNI, AVX_VNNI, SF_W0),
    XX(M38, P66, 0x52, F, V, NONE, AVX_VNNI, AVX_VNNI, SF_W0),
    XX(M38, P66, 0x53, F, V, NONE, AVX_VNNI, AVX_VNNI, SF_W0),
    KK(M38, P66, 0x58, B, X, X1, 4, NONE, AVX2, AVX2, SF_W0),
    KK(M38, P66, 0x59, B, X, X1, 8, NONE, AVX2, AVX2, SF_W0),
    KK(M38, P66, 0x5a, B, X, X1, 16, NONE, NONE, AVX2, SF_W0 | SF_NOREG),
    KK(M38, P66, 0x78, B, X, X1, 1, NONE, AVX2, AVX2, SF_W0),
    KK(M38, P66, 0x79, B, X, X1, 2, NONE, AVX2, AVX2, SF_W0),
    FMAP(0x96),
    FMAP(0x97),
    FMAP(0x98),
    FMAS(0x99),
    FMAP(0x9a),
    FMAS(0x9b),
    FMAP(0x9c),
    FMAS(0x9d),
    FMAP(0x9e),
    FMAS(0x9f),
    FMAP(0xa6),
    FMAP(0xa7),
    FMAP(0xa8),
    FMAS(0xa9),
    FMAP(0xaa),
    FMAS(0xab),
    FMAP(0xac),
    FMAS(0xad),
    FMAP(0xae),
    FMAS(0xaf),
    FMAP(0xb6),
    FMAP(0xb7),
    FMAP(0xb8),
    FMAS(0xb9),
    FMAP(0xba),
    FMAS(0xbb),
    FMAP(0xbc),
    FMAS(0xbd),
    FMAP(0xbe),
    FMAS(0xbf),
    XX(M38, NP, 0xc8, A, V, SHA, NONE, NONE, ALIGN),
    XX(M38, NP, 0xc9, A, V, SHA, NONE, NONE, ALIGN),
    XX(M38, NP, 0xca, A, V, SHA, NONE, NONE, ALIGN),
    XX(M38, NP, 0xcb, A, V, SHA, NONE, NONE, SF_XMM0 | ALIGN),
    XX(M38, NP, 0xcc, A, V, SHA, NONE, NONE, ALIGN),
    XX(M38, NP, 0xcd, A, V, SHA, NONE, NONE, ALIGN),
    XX(M38, P66, 0xcf, A, V, GFNI, AVX_GFNI, AVX_GFNI, SF_W0 | ALIGN),
    XX(M38, P66, 0xdb, B, V, AES, AVX_AES, NONE, ALIGN),
    XX(M38, P66, 0xdc, A, V, AES, AVX_AES, VAES, ALIGN),
    XX(M38, P66, 0xdd, A, V, AES, AVX_AES, VAES, ALIGN),
    XX(M38, P66, 0xde, A, V, AES, AVX_AES, VAES, ALIGN),
    XX(M38, P66, 0xdf, A, V, AES, AVX_AES, VAES, ALIGN),

    XX(M3A, P66, 0x00, B, V, NONE, NONE, AVX2, SF_IMM | SF_W1),
    XX(M3A, P66, 0x01, B, V, NONE, NONE, AVX2, SF_IMM | SF_W1),
    XX(M3A, P66, 0x02, A, V, NONE, AVX2, AVX2, SF_IMM | SF_W0),
    XX(M3A, P66, 0x04, B, V, NONE, AVX, AVX, SF_IMM | SF_W0),
    XX(M3A, P66, 0x05, B, V, NONE, AVX, AVX, SF_IMM | SF_W0),
    XX(M3A, P66, 0x06, A, V, NONE, NONE, AVX, SF_IMM | SF_W0),
    XX(M3A, P66, 0x08, B, V, SSE41, AVX, AVX, SF_FP | SF_IMM | ALIGN),
    XX(M3A, P66, 0x09, B, V, SSE41, AVX, AVX, SF_FP | SF_IMM | ALIGN),
    XX(M3A, P66, 0x0a, A, 4, SSE41, AVX, AVX, SF_FP | SF_IMM | SF_LIG),
    XX(M3A, P66, 0x0b, A, 8, SSE41, AVX, AVX, SF_FP | SF_IMM | SF_LIG),
    XX(M3A, P66, 0x0c, A, V, SSE41, AVX, AVX, SF_IMM | ALIGN),
    XX(M3A, P66, 0x0d, A, V, SSE41, AVX, AVX, SF_IMM | ALIGN),
    INX(M3A, 0x0e, A, SSE41, SF_IMM),
    INT(M3A, 0x0f, A, SSSE3, SSSE3, SF_IMM),
    KK(M3A, P66, 0x14, S, X, G, 1, SSE41, AVX, NONE, SF_IMM),
    KK(M3A, P66, 0x15, S, X, G, 2, SSE41, AVX, NONE, SF_IMM),
    KK(M3A, P66, 0x16, S, X, G, G, SSE41, AVX, NONE, SF_IMM | SF_W),
    KK(M3A, P66, 0x17, S, X, G, 4, SSE41, AVX, NONE, SF_IMM),
    KK(M3A, P66, 0x18, A, X, X1, 16, NONE, NONE, AVX, SF_IMM | SF_W0),
    KK(M3A, P66, 0x19, S, X, X1, 16, NONE, NONE, AVX, SF_IMM | SF_W0),
    KK(M3A, P66, 0x1d, S, X, X1, H, NONE, F16C, F16C, SF_FP | SF_IMM | SF_W0),
    KK(M3A, P66, 0x20, A, X, G, 1, SSE41, AVX, NONE, SF_IMM),
    XX(M3A, P66, 0x21, A, 4, SSE41, AVX, NONE, SF_IMM),
    KK(M3A, P66, 0x22, A, X, G, G, SSE41, AVX, NONE, SF_IMM | SF_W),
    KK(M3A, P66, 0x38, A, X, X1, 16, NONE, NONE, AVX2, SF_IMM | SF_W0),
    KK(M3A, P66, 0x39, S, X, X1, 16, NONE, NONE, AVX2, SF_IMM | SF_W0),
    XX(M3A, P66, 0x40, A, V, SSE41, AVX, AVX, SF_FP | SF_IMM | ALIGN),
    XX(M3A, P66, 0x41, A, V, SSE41, AVX, NONE, SF_FP | SF_IMM | ALIGN),
    INX(M3A, 0x42, A, SSE41, SF_IMM),
    XX(M3A, P66, 0x44, A, V, PCLMUL, AVX_PCLMUL, VPCLMUL, SF_IMM | ALIGN),
    XX(M3A, P66, 0x46, A, V, NONE, NONE, AVX2, SF_IMM | SF_W0),
    XX(M3A, P66, 0x4a, A, V, NONE, AVX, AVX, SF_IMM | SF_IS4 | SF_W0),
    XX(M3A, P66, 0x4b, A, V, NONE, AVX, AVX, SF_IMM | SF_IS4 | SF_W0),
    XX(M3A, P66, 0x4c, A, V, NONE, AVX, AVX2, SF_IMM | SF_IS4 | SF_W0),
    XX(M3A, P66, 0x60, C, V, SSE42, AVX, NONE, SF_IMM | SF_FLAGS | SF_STRING | SF_W),
    XX(M3A, P66, 0x61, C, V, SSE42, AVX, NONE, SF_IMM | SF_FLAGS | SF_STRING | SF_W),
    XX(M3A, P66, 0x62, C, V, SSE42, AVX, NONE, SF_IMM | SF_FLAGS | SF_STRING),
    XX(M3A, P66, 0x63, C, V, SSE42, AVX, NONE, SF_IMM | SF_FLAGS | SF_STRING),
    XX(M3A, NP, 0xcc, A, V, SHA, NONE, NONE, SF_IMM | ALIGN),
    XX(M3A, P66, 0xce, A, V, GFNI, AVX_GFNI, AVX_GFNI, SF_IMM | SF_W1 | ALIGN),
    XX(M3A, P66, 0xcf, A, V, GFNI, AVX_GFNI, AVX_GFNI, SF_IMM | SF_W1 | ALIGN),
    XX(M3A, P66, 0xdf, B, V, AES, AVX_AES, NONE, SF_IMM | ALIGN),
};

const struct simd_form *simd_forms(unsigned *count)
{
    *count = ARRAY_SIZE(forms);
    return forms;
}

unsigned simd_form_index(const struct simd_form *form)
{
    return (unsigned)(form - forms);
}

unsigned simd_insn_pp(const struct x86_insn *insn)
{
    if (insn->prefix_rep == 0xf3)
        return PF3;
    if (insn->prefix_rep == 0xf2)
        return PF2;
    return insn->prefix_66 ? P66 : NP;
}

unsigned simd_mem_bytes(const struct simd_form *form, bool vl256, bool wide)
{
    const unsigned vl = vl256 ? 32 : 16;

    switch ((enum simd_mem)form->mem) {
    case MEM_NONE: return 0;
    case MEM_1: return 1;
    case MEM_2: return 2;
    case MEM_4: return 4;
    case MEM_8: return 8;
    case MEM_16: return 16;
    case MEM_V: return vl;
    case MEM_H: return vl / 2;
    case MEM_Q: return vl / 4;
    case MEM_E: return vl / 8;
    case MEM_G: return wide ? 8 : 4;
    case MEM_DUP: return vl256 ? 32 : 8;
    }
    return 0;
}

static bool form_fits(const struct simd_form *f, const struct x86_insn *insn)
{
    if (f->digit != ANY && f->digit != (insn->modrm >> 3 & 7))
        return false;
    if (f->flags & (insn->mod == 3 ? SF_NOREG : SF_NOMEM))
        return false;
    if (insn->encoding == X86_ENC_LEGACY)
        return f->legacy != FEAT_NONE;
    if (!(insn->vl && !(f->flags & SF_LIG) ? f->v256 : f->v128))
        return false;
    /* The gate on W is not the one of a general register's size, which 32-bit code ignores. */
    const bool w = (insn->rex & 8) != 0;
    return !(f->flags & (w ? SF_W0 : SF_W1));
}

/* The first row of a map's opcode, by bisection. */
static unsigned form_first(unsigned map, unsigned opcode)
{
    unsigned low = 0, high = ARRAY_SIZE(forms);

    while (low < high) {
        unsigned middle = (low + high) / 2;
        if ((unsigned)forms[middle].map * 256 + forms[middle].opcode < map * 256 + opcode)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct simd_form *simd_form_find(const struct x86_insn *insn)
{
    const unsigned pp = simd_insn_pp(insn);

    if (insn->encoding == X86_ENC_EVEX || insn->map == X86_MAP_1B)
        return NULL;
    for (unsigned i = form_first(insn->map, insn->opcode);
         i < ARRAY_SIZE(forms) && forms[i].map == insn->map && forms[i].opcode == insn->opcode; i++)
        if (forms[i].pp == pp && form_fits(&forms[i], insn))
            return &forms[i];
    return NULL;
}

/* CPUID leaf, register (0 eax .. 3 edx) and bit of each feature's own flag. */
static const struct {
    const char *name;
    uint8_t leaf, subleaf, reg, bit;
    bool avx; /* needs the YMM state too */
} features[FEAT_COUNT] = {
    [FEAT_MMX] = {"mmx", 1, 0, 3, 23, false},
    [FEAT_SSE] = {"sse", 1, 0, 3, 25, false},
    [FEAT_SSE2] = {"sse2", 1, 0, 3, 26, false},
    [FEAT_SSE3] = {"sse3", 1, 0, 2, 0, false},
    [FEAT_SSSE3] = {"ssse3", 1, 0, 2, 9, false},
    [FEAT_SSE41] = {"sse4.1", 1, 0, 2, 19, false},
    [FEAT_SSE42] = {"sse4.2", 1, 0, 2, 20, false},
    [FEAT_AES] = {"aes", 1, 0, 2, 25, false},
    [FEAT_PCLMUL] = {"pclmul", 1, 0, 2, 1, false},
    [FEAT_SHA] = {"sha", 7, 0, 1, 29, false},
    [FEAT_GFNI] = {"gfni", 7, 0, 2, 8, false},
    [FEAT_AVX] = {"avx", 1, 0, 2, 28, true},
    [FEAT_AVX2] = {"avx2", 7, 0, 1, 5, true},
    [FEAT_FMA] = {"fma", 1, 0, 2, 12, true},
    [FEAT_F16C] = {"f16c", 1, 0, 2, 29, true},
    [FEAT_VAES] = {"vaes", 7, 0, 2, 9, true},
    [FEAT_VPCLMUL] = {"vpclmul", 7, 0, 2, 10, true},
    [FEAT_AVX_AES] = {"avx-aes", 1, 0, 2, 25, true},
    [FEAT_AVX_PCLMUL] = {"avx-pclmul", 1, 0, 2, 1, true},
    [FEAT_AVX_GFNI] = {"avx-gfni", 7, 0, 2, 8, true},
    [FEAT_AVX_VNNI] = {"avx-vnni", 7, 1, 0, 4, true},
    [FEAT_XSAVE] = {"xsave", 1, 0, 2, 27, false},
    [FEAT_XSAVEOPT] = {"xsaveopt", 13, 1, 0, 0, false},
    [FEAT_XSAVEC] = {"xsavec", 13, 1, 0, 1, false},
};

static bool host_has_ymm(void)
{
    unsigned a, b, c, d, low, high;

    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & 1u << 27) || !(c & 1u << 28))
        return false;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & 6) == 6;
}

bool simd_host_has(enum simd_feature feature)
{
    unsigned r[4];

    if (feature <= FEAT_NONE || feature >= FEAT_COUNT)
        return false;
    if (!__get_cpuid_count(features[feature].leaf, features[feature].subleaf, &r[0], &r[1], &r[2], &r[3]))
        return false;
    if (!(r[features[feature].reg] >> features[feature].bit & 1))
        return false;
    return !features[feature].avx || host_has_ymm();
}

const char *simd_feature_name(enum simd_feature feature)
{
    return feature > FEAT_NONE && feature < FEAT_COUNT ? features[feature].name : "none";
}
