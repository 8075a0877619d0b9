/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xsave.c: FXSAVE, FXRSTOR, XSAVE, XSAVEOPT, XSAVEC and XRSTOR for the x87, SSE and AVX components, on the image of the
 * state. The values tell which components are in their initial configuration. XSAVES and XRSTORS are not offered.
 * (Intel SDM vol. 1, ch. 13.)
 */
#include "engine/interp/simd_state.h"

#define COMP_X87     1u
#define COMP_SSE     2u
#define COMP_AVX     4u
#define COMPACT      (1ull << 63)
#define LEGACY_BYTES 512u
#define HEADER_END   576u
#define YMM_BYTES    256u
#define MXCSR_INIT   0x1f80u
#define FCW_INIT     0x37fu

/* Registers that instructions reach in this mode. */
static unsigned vector_bytes(const struct x86_insn *insn)
{
    return insn->mode == X86_MODE_64 ? 256 : 128;
}

/* The first 160 bytes as FXSAVE writes them: a 64-bit FIP and FDP, or 32-bit ones with zero selectors. */
static void make_legacy(struct interp_vcpu *v, const struct x86_insn *insn, uint8_t out[SIMD_XMM_OFFSET])
{
    memcpy(out, fpu_bytes(v), SIMD_XMM_OFFSET);
    out[5] = 0;
    store_le32(out + FPU_MASK, MXCSR_VALID);
    if (insn->mode != X86_MODE_64 || !(insn->rex & 8)) {
        store_le32(out + FPU_FIP + 4, 0);
        store_le32(out + FPU_FDP + 4, 0);
    }
}

static void put_x87(struct interp_vcpu *v, const struct x86_insn *insn, const uint8_t *in)
{
    const bool wide = insn->mode == X86_MODE_64 && (insn->rex & 8);
    uint8_t *image = fpu_bytes(v);
    const uint16_t fcw = (load_le16(in + FPU_FCW) & 0x1f3f) | 0x40;

    store_le16(image + FPU_FCW, fcw);
    store_le16(image + FPU_FSW, fsw_with_summary(load_le16(in + FPU_FSW), fcw));
    store_le16(image + FPU_FTW, in[FPU_FTW]);
    store_le16(image + FPU_FOP, load_le16(in + FPU_FOP) & 0x7ff);
    store_le64(image + FPU_FIP, wide ? load_le64(in + FPU_FIP) : load_le32(in + FPU_FIP));
    store_le64(image + FPU_FDP, wide ? load_le64(in + FPU_FDP) : load_le32(in + FPU_FDP));
    for (unsigned i = 0; i < 8; i++) {
        uint8_t *st = image + SIMD_ST_OFFSET + 16 * i;
        memcpy(st, in + SIMD_ST_OFFSET + 16 * i, 10);
        memset(st + 10, 0, 6);
    }
}

static void init_x87(struct interp_vcpu *v)
{
    uint8_t *image = fpu_bytes(v);

    memset(image, 0, FPU_MXCSR);
    memset(image + SIMD_ST_OFFSET, 0, 128);
    store_le16(image + FPU_FCW, FCW_INIT);
}

static bool all_zero(const uint8_t *bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (bytes[i])
            return false;
    return true;
}

/* XINUSE: the components whose values are not the initial ones. */
static unsigned in_use(struct interp_vcpu *v)
{
    const uint8_t *image = fpu_bytes(v);
    const bool x87 =
        load_le16(image) != FCW_INIT || !all_zero(image + 2, FPU_MXCSR - 2) || !all_zero(image + SIMD_ST_OFFSET, 128);

    return (x87 ? COMP_X87 : 0) | (all_zero(image + SIMD_XMM_OFFSET, 256) ? 0 : COMP_SSE) |
           (all_zero(image + SIMD_YMM_OFFSET, YMM_BYTES) ? 0 : COMP_AVX);
}

static uint64_t requested(struct interp_vcpu *v)
{
    return ((v->cpu.gpr[X86_RDX] << 32) | (uint32_t)v->cpu.gpr[X86_RAX]) & v->cpu.xcr0 &
           (COMP_X87 | COMP_SSE | COMP_AVX);
}

static uint64_t part_offset(struct interp_vcpu *v, const struct x86_insn *insn, unsigned at)
{
    const uint64_t offset = interp_ea(v, insn) + at;

    return insn->address_size == 8 ? offset : offset & bytes_ones(insn->address_size);
}

static void store_part(struct interp_vcpu *v, const struct x86_insn *insn, unsigned at, const uint8_t *bytes,
                       unsigned n)
{
    interp_store_at(v, interp_ea_segment(insn), part_offset(v, insn, at), bytes, n);
}

static void load_part(struct interp_vcpu *v, const struct x86_insn *insn, unsigned at, uint8_t *bytes, unsigned n)
{
    interp_load_at(v, interp_ea_segment(insn), part_offset(v, insn, at), bytes, n);
}

static void fxsave(struct interp_vcpu *v, const struct x86_insn *insn)
{
    uint8_t out[SIMD_XMM_OFFSET + 256];

    if (v->cpu.cr0 & (X86_CR0_EM | X86_CR0_TS))
        interp_raise(v, X86_EXC_NM);
    simd_check_alignment(v, insn, 16);
    interp_probe_store(v, insn, LEGACY_BYTES);
    make_legacy(v, insn, out);
    memcpy(out + SIMD_XMM_OFFSET, fpu_bytes(v) + SIMD_XMM_OFFSET, 256);
    store_part(v, insn, 0, out, SIMD_XMM_OFFSET + vector_bytes(insn));
}

static void fxrstor(struct interp_vcpu *v, const struct x86_insn *insn)
{
    uint8_t in[LEGACY_BYTES];

    if (v->cpu.cr0 & (X86_CR0_EM | X86_CR0_TS))
        interp_raise(v, X86_EXC_NM);
    simd_check_alignment(v, insn, 16);
    interp_load(v, insn, in, sizeof in);
    if (load_le32(in + FPU_MXCSR) & ~MXCSR_VALID)
        interp_raise_error(v, X86_EXC_GP, 0);
    put_x87(v, insn, in);
    memcpy(fpu_bytes(v) + FPU_MXCSR, in + FPU_MXCSR, 4);
    memcpy(fpu_bytes(v) + SIMD_XMM_OFFSET, in + SIMD_XMM_OFFSET, vector_bytes(insn));
}

static void check_xsave(struct interp_vcpu *v, const struct x86_insn *insn)
{
    if (!(v->cpu.cr4 & X86_CR4_OSXSAVE))
        interp_raise(v, X86_EXC_UD);
    if (v->cpu.cr0 & X86_CR0_TS)
        interp_raise(v, X86_EXC_NM);
    simd_check_alignment(v, insn, 64);
}

/* One part of the save area: where, what, how much. A bytes of NULL is a part that is not stored. */
struct part {
    unsigned at, size;
    const uint8_t *bytes;
};

/* Stores what is asked for; every part is probed before the first is stored. */
static void save_parts(struct interp_vcpu *v, const struct x86_insn *insn, uint64_t components, bool mxcsr,
                       const uint8_t *header, unsigned header_bytes)
{
    const uint8_t *image = fpu_bytes(v);
    const unsigned vector = vector_bytes(insn);
    uint8_t legacy[SIMD_XMM_OFFSET];
    const bool x87 = components & COMP_X87;
    const struct part parts[] = {
        {0, FPU_MXCSR, x87 ? legacy : NULL},
        {SIMD_ST_OFFSET, 128, x87 ? legacy + SIMD_ST_OFFSET : NULL},
        {FPU_MXCSR, 8, mxcsr ? legacy + FPU_MXCSR : NULL},
        {SIMD_XMM_OFFSET, vector, components & COMP_SSE ? image + SIMD_XMM_OFFSET : NULL},
        {SIMD_YMM_OFFSET, vector, components & COMP_AVX ? image + SIMD_YMM_OFFSET : NULL},
        {FPU_XSTATE_BV, header_bytes, header},
    };

    make_legacy(v, insn, legacy);
    for (unsigned i = 0; i < ARRAY_SIZE(parts); i++)
        if (parts[i].bytes)
            interp_probe_store_at(v, interp_ea_segment(insn), part_offset(v, insn, parts[i].at), parts[i].size);
    for (unsigned i = 0; i < ARRAY_SIZE(parts); i++)
        if (parts[i].bytes)
            store_part(v, insn, parts[i].at, parts[i].bytes, parts[i].size);
}

/* XSAVE, and XSAVEOPT, which leaves out what is in its initial configuration. */
static void xsave_standard(struct interp_vcpu *v, const struct x86_insn *insn, bool optimize)
{
    uint8_t old[8], bv[8];

    check_xsave(v, insn);
    const uint64_t rfbm = requested(v), used = in_use(v);
    interp_probe_store_at(v, interp_ea_segment(insn), part_offset(v, insn, FPU_XSTATE_BV), sizeof old);
    load_part(v, insn, FPU_XSTATE_BV, old, sizeof old);
    store_le64(bv, (load_le64(old) & ~rfbm) | (rfbm & used));
    save_parts(v, insn, optimize ? rfbm & used : rfbm, rfbm & (COMP_SSE | COMP_AVX), bv, sizeof bv);
}

static void xsave(struct interp_vcpu *v, const struct x86_insn *insn)
{
    xsave_standard(v, insn, false);
}

static void xsaveopt(struct interp_vcpu *v, const struct x86_insn *insn)
{
    xsave_standard(v, insn, true);
}

static void xsavec(struct interp_vcpu *v, const struct x86_insn *insn)
{
    uint8_t header[16];

    check_xsave(v, insn);
    const uint64_t rfbm = requested(v);
    const uint64_t used = in_use(v) | (fpu_mxcsr(v) != MXCSR_INIT ? COMP_SSE : 0), bv = rfbm & used;
    store_le64(header, bv);
    store_le64(header + 8, rfbm | COMPACT);
    save_parts(v, insn, bv, bv & COMP_SSE, header, sizeof header);
}

/* Is the header one that XRSTOR takes? */
static bool header_valid(const struct interp_vcpu *v, const struct interp_simd *s, const uint8_t *header)
{
    const uint64_t bv = load_le64(header), comp = load_le64(header + 8);

    if (bv & ~v->cpu.xcr0)
        return false;
    if (!(comp & COMPACT))
        return comp == 0 && all_zero(header + 16, 8);
    return s->host[FEAT_XSAVEC] && !((comp & ~COMPACT) & ~v->cpu.xcr0) && !(bv & ~comp) && all_zero(header + 16, 48);
}

static void restore_vectors(struct interp_vcpu *v, const struct x86_insn *insn, uint64_t rfbm, uint64_t bv,
                            const uint8_t *in)
{
    uint8_t *image = fpu_bytes(v);
    const unsigned n = vector_bytes(insn);

    if ((rfbm & COMP_SSE) && (bv & COMP_SSE))
        memcpy(image + SIMD_XMM_OFFSET, in + SIMD_XMM_OFFSET, n);
    else if (rfbm & COMP_SSE)
        memset(image + SIMD_XMM_OFFSET, 0, n);
    if ((rfbm & COMP_AVX) && (bv & COMP_AVX))
        memcpy(image + SIMD_YMM_OFFSET, in + SIMD_YMM_OFFSET, n);
    else if (rfbm & COMP_AVX)
        memset(image + SIMD_YMM_OFFSET, 0, n);
}

static void xrstor(struct interp_vcpu *v, const struct x86_insn *insn)
{
    uint8_t in[HEADER_END + YMM_BYTES] = {0};

    check_xsave(v, insn);
    const uint64_t rfbm = requested(v);
    load_part(v, insn, FPU_XSTATE_BV, in + FPU_XSTATE_BV, HEADER_END - LEGACY_BYTES);
    if (!header_valid(v, v->engine->simd, in + FPU_XSTATE_BV))
        interp_raise_error(v, X86_EXC_GP, 0);
    const uint64_t bv = load_le64(in + FPU_XSTATE_BV);
    const bool compact = load_le64(in + FPU_XCOMP_BV) >> 63;
    const bool mxcsr_in = compact ? rfbm & bv & COMP_SSE : rfbm & (COMP_SSE | COMP_AVX);
    if (mxcsr_in || (rfbm & bv & (COMP_X87 | COMP_SSE)))
        load_part(v, insn, 0, in, LEGACY_BYTES);
    if (rfbm & bv & COMP_AVX)
        load_part(v, insn, SIMD_YMM_OFFSET, in + SIMD_YMM_OFFSET, YMM_BYTES);
    if (mxcsr_in && (load_le32(in + FPU_MXCSR) & ~MXCSR_VALID))
        interp_raise_error(v, X86_EXC_GP, 0);
    if (rfbm & bv & COMP_X87)
        put_x87(v, insn, in);
    else if (rfbm & COMP_X87)
        init_x87(v);
    if (mxcsr_in)
        memcpy(fpu_bytes(v) + FPU_MXCSR, in + FPU_MXCSR, 4);
    else if (compact && (rfbm & COMP_SSE))
        store_le32(fpu_bytes(v) + FPU_MXCSR, MXCSR_INIT);
    restore_vectors(v, insn, rfbm, bv, in);
}

interp_insn_fn xsave_decode(struct interp_engine *e, const struct x86_insn *insn)
{
    const unsigned digit = insn->modrm >> 3 & 7;
    const bool *host = e->simd->host;

    if (insn->encoding != X86_ENC_LEGACY || insn->map != X86_MAP_0F || insn->mod == 3 || simd_insn_pp(insn) != 0)
        return NULL;
    if (insn->opcode == 0xc7)
        return digit == 4 ? host[FEAT_XSAVEC] ? xsavec : simd_undefined : NULL;
    if (insn->opcode != 0xae)
        return NULL;
    switch (digit) {
    case 0: return fxsave;
    case 1: return fxrstor;
    case 4: return host[FEAT_XSAVE] ? xsave : simd_undefined;
    case 5: return host[FEAT_XSAVE] ? xrstor : simd_undefined;
    case 6: return host[FEAT_XSAVEOPT] ? xsaveopt : simd_undefined;
    default: return NULL;
    }
}
