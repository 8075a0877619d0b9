/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gen_simd.c: MMX, SSE and AVX cases out of the interpreter's table of forms, well-formed and (now and then) with a
 * wrong L, W, vvvv or prefix; and those that are not in the table. The table says only what to try: whether it is right
 * is for the host to say.
 */
#include "gen.h"

#include "base/bytes.h"
#include "engine/interp/simd_forms.h"

#include <stdio.h>
#include <string.h>

static const uint8_t prefix_byte[4] = {0, 0x66, 0xf3, 0xf2};

static unsigned put_vex(struct gen *g, uint8_t *b, unsigned map, unsigned pp, unsigned w, unsigned l, unsigned vvvv)
{
    const unsigned rxb = g->code32 ? 7 : gen_below(g, 8);

    if (g->code32) /* an eighth register would make LDS of a short VEX prefix */
        vvvv &= 7;
    if (map == X86_MAP_0F && !w && (rxb & 3) == 3 && gen_chance(g, 50)) {
        b[0] = 0xc5;
        b[1] = (uint8_t)((rxb & 4) << 5 | (~vvvv & 15) << 3 | l << 2 | pp);
        return 2;
    }
    b[0] = 0xc4;
    b[1] = (uint8_t)(rxb << 5 | map);
    b[2] = (uint8_t)(w << 7 | (~vvvv & 15) << 3 | l << 2 | pp);
    return 3;
}

static unsigned put_legacy(struct gen *g, uint8_t *b, unsigned map, unsigned pp)
{
    unsigned n = 0;

    if (gen_chance(g, 3))
        b[n++] = 0x67;
    if (gen_chance(g, 1))
        b[n++] = 0xf0;
    if (gen_chance(g, 2))
        b[n++] = 0x66;
    if (pp)
        b[n++] = prefix_byte[pp];
    if (!g->code32 && gen_chance(g, 50))
        b[n++] = (uint8_t)(0x40 | gen_below(g, 16));
    b[n++] = 0x0f;
    if (map != X86_MAP_0F)
        b[n++] = map == X86_MAP_0F38 ? 0x38 : 0x3a;
    return n;
}

static unsigned put_modrm(struct gen *g, uint8_t *b, const struct simd_form *f)
{
    unsigned modrm = (unsigned)gen_random(g) & 0xff;

    if (gen_chance(g, 50))
        modrm |= 0xc0;
    if (!gen_chance(g, 3)) { /* as the form wants it */
        if (f->flags & SF_NOMEM)
            modrm |= 0xc0;
        if ((f->flags & SF_NOREG) && modrm >= 0xc0)
            modrm &= 0x7f;
    }
    if (f->digit != 0xff)
        modrm = (modrm & 0xc7) | (unsigned)f->digit << 3;
    *b = (uint8_t)modrm;
    return 1;
}

/* MMX and unaligned forms are as good anywhere; others want their alignment most of the time. */
static uint64_t simd_target(struct gen *g, unsigned bytes)
{
    return gen_target(g, gen_chance(g, 85) ? 32 : bytes >= 8 ? 8 : 1);
}

bool gen_simd(struct oracle_case *c, struct gen *g)
{
    unsigned count;
    const struct simd_form *forms = simd_forms(&count), *f = &forms[gen_below(g, count)];
    const bool v128 = simd_host_has(f->v128), v256 = simd_host_has(f->v256);
    uint8_t b[X86_INSN_MAX];
    unsigned n;

    c->group = "simd";
    if (simd_host_has(f->legacy) && (!(v128 || v256) || gen_chance(g, 45))) {
        n = put_legacy(g, b, f->map, f->pp);
    } else if (v128 || v256) {
        const bool wild = gen_chance(g, 4);
        const bool free_vvvv = f->shape != SHAPE_B && f->shape != SHAPE_S && f->shape != SHAPE_C;
        unsigned w = f->flags & SF_W0 ? 0 : f->flags & SF_W1 ? 1 : gen_below(g, 2);
        unsigned l = v128 && v256 ? gen_below(g, 2) : v256;
        unsigned vvvv = free_vvvv ? gen_below(g, 16) : 0;
        if (wild) {
            w = gen_below(g, 2);
            l = gen_below(g, 2);
            vvvv = gen_below(g, 16);
        }
        n = put_vex(g, b, f->map, f->pp, w, l, vvvv);
    } else {
        return false; /* the host lacks it: gen_report_skipped says so */
    }
    b[n++] = f->opcode;
    n += put_modrm(g, b + n, f);
    return gen_append(g, b, n, simd_target(g, simd_mem_bytes(f, true, true)));
}

void gen_report_skipped(void)
{
    for (unsigned i = FEAT_NONE + 1; i < FEAT_COUNT; i++)
        if (!simd_host_has(i))
            printf("skipped: %s (this host lacks it)\n", simd_feature_name(i));
}

static bool gen_masked(struct gen *g)
{
    static const uint8_t opcodes[6] = {0x2c, 0x2d, 0x2e, 0x2f, 0x8c, 0x8e};
    const uint8_t opcode = opcodes[gen_below(g, 6)];
    uint8_t b[X86_INSN_MAX];
    unsigned n = put_vex(g, b, X86_MAP_0F38, 1, opcode >= 0x80 ? gen_below(g, 2) : gen_chance(g, 3), gen_below(g, 2),
                         gen_below(g, 16));

    b[n++] = opcode;
    b[n++] = (uint8_t)(gen_random(g) & (gen_chance(g, 97) ? 0x7f : 0xff));
    return simd_host_has(opcode >= 0x80 ? FEAT_AVX2 : FEAT_AVX) && gen_append(g, b, n, gen_target(g, 4));
}

/* Indexes small, so that most elements are inside the pages; the base leads to them. */
static bool gen_gather(struct gen *g)
{
    struct oracle_case *c = g->c;
    uint8_t b[X86_INSN_MAX];
    unsigned n = put_vex(g, b, X86_MAP_0F38, 1, gen_below(g, 2), gen_below(g, 2), gen_below(g, 16));

    if (!simd_host_has(FEAT_AVX2))
        return false;
    b[n++] = (uint8_t)(0x90 + gen_below(g, 4));
    b[n++] = (uint8_t)((gen_random(g) & 0x78) | 4);
    if (!gen_append(g, b, n, gen_target(g, 4)) || c->count != 1)
        return c->count != 0;
    const struct x86_insn *in = &c->insn[0];
    const unsigned index = in->index == X86_NO_REG ? 4 : in->index;
    if (in->base != X86_NO_REG && in->mod != 3)
        c->gpr[in->base] = (gen_target(g, 4) - (uint64_t)(int64_t)in->disp) & (c->code32 ? 0xffffffff : ~0ull);
    for (unsigned i = 0; i < 4; i++) {
        const unsigned at = (i < 2 ? 160 : 576) + 16 * index + 8 * (i & 1);
        uint64_t v = (uint64_t)(int64_t)(int8_t)gen_random(g);
        if (!(in->opcode & 1))
            v = (v & 0xffffffff) | gen_random(g) << 56 >> 24;
        store_le64(c->fpu.bytes + at, gen_chance(g, 95) ? v : gen_value(g));
    }
    return true;
}

/* XSAVE and its relatives: components 0 to 2 only (XCR0 differs), a header that is right most of the time. */
static bool gen_xsave(struct gen *g)
{
    static const struct {
        uint8_t opcode, digit;
        enum simd_feature feature;
    } kinds[] = {{0xae, 0, FEAT_SSE},   {0xae, 1, FEAT_SSE},      {0xae, 4, FEAT_XSAVE},
                 {0xae, 5, FEAT_XSAVE}, {0xae, 6, FEAT_XSAVEOPT}, {0xc7, 4, FEAT_XSAVEC}};
    const unsigned kind = gen_below(g, ARRAY_SIZE(kinds));
    struct oracle_case *c = g->c;
    const uint64_t target = DATA_VA + (gen_chance(g, 90) ? 1024 + 64 * gen_below(g, 40) : gen_below(g, DATA_BYTES));
    uint8_t b[X86_INSN_MAX];
    unsigned n = 0;

    if (c->count || !simd_host_has(kinds[kind].feature))
        return false;
    if (!g->code32 && gen_chance(g, 60))
        b[n++] = (uint8_t)(0x40 | gen_below(g, 16));
    b[n++] = 0x0f;
    b[n++] = kinds[kind].opcode;
    b[n++] = (uint8_t)((gen_random(g) & 0x47) | kinds[kind].digit << 3);
    if (!gen_append(g, b, n, gen_offset(g, target)))
        return false;
    const struct x86_insn *in = &c->insn[0];
    const bool uses_masks = in->base == X86_RAX || in->base == X86_RDX || in->index == X86_RAX || in->index == X86_RDX;
    if (!uses_masks) {
        c->gpr[X86_RAX] = gen_random(g) & 7;
        c->gpr[X86_RDX] = 0;
    } else if (kinds[kind].digit >= 4) {
        c->count = c->bytes = 0;
        return false;
    }
    /* an area to restore from: the case's own registers moved about, and a header */
    c->patch_at = (unsigned)(target - DATA_VA) & 0xfff;
    c->patch_bytes = 832;
    memcpy(c->patch, c->fpu.bytes, 832);
    memmove(c->patch + 160, c->patch + 176, 200);
    memset(c->patch + 512, 0, 64);
    c->patch[512] = (uint8_t)gen_below(g, 8);
    if (gen_chance(g, 30) && simd_host_has(FEAT_XSAVEC)) {
        c->patch[520] = (uint8_t)(gen_below(g, 8) | c->patch[512]);
        c->patch[527] = 0x80;
    }
    if (gen_chance(g, 5))
        c->patch[513 + gen_below(g, 63)] = 1u << 4;
    if (gen_chance(g, 5))
        c->patch[26] = 1;
    return true;
}

/* 0F AE /2 /3, 0F 77, 0F F7, legacy and VEX. */
static bool gen_small(struct gen *g)
{
    const unsigned which = gen_below(g, 4);
    const bool vex = simd_host_has(FEAT_AVX) && gen_chance(g, 50);
    const unsigned pp = which == 3 ? 1 : 0, wrong = gen_chance(g, 3);
    uint8_t b[X86_INSN_MAX];
    unsigned n;

    if (vex)
        n = put_vex(g, b, X86_MAP_0F, pp, 0, which == 2 ? gen_below(g, 2) : wrong, wrong);
    else
        n = put_legacy(g, b, X86_MAP_0F, pp && gen_chance(g, 50));
    if (which < 2) {
        b[n++] = 0xae;
        b[n++] = (uint8_t)((gen_random(g) & 0x47) | (2 + which) << 3);
    } else if (which == 2) {
        b[n++] = 0x77;
    } else {
        b[n++] = 0xf7;
        b[n++] = (uint8_t)(gen_random(g) | (gen_chance(g, 97) ? 0xc0 : 0));
        if (g->c->count == 0)
            g->c->gpr[X86_RDI] = gen_target(g, 8) & (g->code32 ? 0xffffffff : ~0ull);
    }
    return gen_append(g, b, n, gen_target(g, 8));
}

bool gen_simd_special(struct oracle_case *c, struct gen *g)
{
    c->group = "simd";
    switch (gen_below(g, 4)) {
    case 0: return gen_masked(g);
    case 1: return gen_gather(g);
    case 2: return gen_xsave(g);
    default: return gen_small(g);
    }
}
