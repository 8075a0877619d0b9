/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * simd_special.c: the vector instructions whose memory operands have rules of their own: masked moves and gathers,
 * which touch (and fault on) chosen elements only; and VZEROALL, VZEROUPPER, EMMS, LDMXCSR, STMXCSR. (Intel SDM
 * vol. 2.)
 */
#include "engine/interp/simd_state.h"

static uint64_t element(const uint8_t *bytes, unsigned index, unsigned size)
{
    return size == 8 ? load_le64(bytes + 8 * index) : load_le32(bytes + 4 * index);
}

/* The 32 bytes of a YMM register in one piece, and back (upper half zero when the vector is short). */
static void ymm_get(struct interp_vcpu *v, unsigned n, uint8_t out[32])
{
    memcpy(out, fpu_xmm(fpu_bytes(v), n), 16);
    memcpy(out + 16, fpu_xmm(fpu_bytes(v), n) + SIMD_HIGH, 16);
}

static void ymm_put(struct interp_vcpu *v, unsigned n, const uint8_t in[32], bool wide)
{
    memcpy(fpu_xmm(fpu_bytes(v), n), in, 16);
    if (wide)
        memcpy(fpu_xmm(fpu_bytes(v), n) + SIMD_HIGH, in + 16, 16);
    else
        memset(fpu_xmm(fpu_bytes(v), n) + SIMD_HIGH, 0, 16);
}

static uint64_t offset_wrap(const struct x86_insn *insn, uint64_t offset)
{
    return insn->address_size == 8 ? offset : offset & bytes_ones(insn->address_size);
}

/* Bytes of `data` whose mask byte has its top bit set go to memory at `offset`, faults first. */
static void store_masked_bytes(struct interp_vcpu *v, const struct x86_insn *insn, const uint8_t *data,
                               const uint8_t *mask, unsigned count)
{
    const unsigned seg = insn->segment == X86_NO_REG ? X86_DS : insn->segment;
    const uint64_t base = offset_wrap(insn, v->cpu.gpr[X86_RDI]);

    for (unsigned i = 0; i < count; i++)
        if (mask[i] & 0x80)
            interp_probe_store_at(v, seg, offset_wrap(insn, base + i), 1);
    for (unsigned i = 0; i < count; i++)
        if (mask[i] & 0x80)
            interp_store_at(v, seg, offset_wrap(insn, base + i), data + i, 1);
}

static void maskmovq(struct interp_vcpu *v, const struct x86_insn *insn)
{
    uint8_t data[8], mask[8];

    simd_check_mmx(v);
    memcpy(data, fpu_mm(fpu_bytes(v), insn->reg & 7), 8);
    memcpy(mask, fpu_mm(fpu_bytes(v), insn->rm & 7), 8);
    store_masked_bytes(v, insn, data, mask, 8);
    simd_to_mmx(fpu_bytes(v));
}

static void maskmovdqu(struct interp_vcpu *v, const struct x86_insn *insn)
{
    if (insn->encoding == X86_ENC_VEX)
        simd_check_vex(v);
    else
        simd_check_sse(v);
    store_masked_bytes(v, insn, fpu_xmm(fpu_bytes(v), insn->reg), fpu_xmm(fpu_bytes(v), insn->rm), 16);
}

/* VMASKMOVPS/PD and VPMASKMOVD/Q: bit 1 of the opcode (2E, 2F, 8E) stores. */
static void masked_move(struct interp_vcpu *v, const struct x86_insn *insn)
{
    const bool store = (insn->opcode & 2) != 0;
    const bool quad = insn->opcode & 0x80 ? (insn->rex & 8) != 0 : insn->opcode & 1;
    const unsigned size = quad ? 8 : 4, count = (insn->vl ? 32 : 16) / size, seg = interp_ea_segment(insn);
    uint8_t mask[32], data[32] = {0};

    simd_check_vex(v);
    const uint64_t base = interp_ea(v, insn);
    ymm_get(v, insn->vvvv, mask);
    if (store)
        ymm_get(v, insn->reg, data);
    for (unsigned pass = 0; pass < (store ? 2u : 1u); pass++)
        for (unsigned i = 0; i < count; i++) {
            const uint64_t offset = base + size * i; /* not wrapped: past the end it meets the limit */
            if (!(element(mask, i, size) >> (8 * size - 1)))
                continue;
            if (!store)
                interp_load_at(v, seg, offset, data + size * i, size);
            else if (pass == 0)
                interp_probe_store_at(v, seg, offset, size);
            else
                interp_store_at(v, seg, offset, data + size * i, size);
        }
    if (!store)
        ymm_put(v, insn->reg, data, insn->vl);
}

/* The index register of VSIB: the decoder takes number 4 without X for "no index", as in SIB. */
static unsigned vsib_index(const struct x86_insn *insn)
{
    return insn->index == X86_NO_REG ? 4 : insn->index;
}

/*
 * 90 91 VPGATHER, 92 93 VGATHER; odd: quadword indexes. Elements are gathered from the lowest; one that faults leaves
 * those before it done, their mask elements clear.
 */
static void gather(struct interp_vcpu *v, const struct x86_insn *insn)
{
    const bool quad_index = insn->opcode & 1;
    const unsigned size = insn->rex & 8 ? 8 : 4, index_size = quad_index ? 8 : 4, seg = interp_ea_segment(insn);
    const unsigned vector = insn->vl ? 32 : 16, widest = size > index_size ? size : index_size;
    const unsigned count = vector / widest, used = count * size, index = vsib_index(insn);
    const unsigned base = insn->base;
    uint8_t data[32], mask[32], indexes[32];

    simd_check_vex(v);
    ymm_get(v, insn->reg, data);
    ymm_get(v, insn->vvvv, mask);
    ymm_get(v, index, indexes);
    const uint64_t start = (base == X86_NO_REG ? 0 : v->cpu.gpr[base]) + (uint64_t)(int64_t)insn->disp;
    /* The mask's elements become all ones or zero first, those without a data element too; a fault shows that. */
    for (unsigned i = 0; i < vector / size; i++)
        memset(mask + size * i, mask[size * i + size - 1] & 0x80 ? 0xff : 0, size);
    ymm_put(v, insn->vvvv, mask, insn->vl);
    for (unsigned i = 0; i < count; i++) {
        if (!mask[size * i])
            continue;
        uint64_t n = element(indexes, i, index_size);
        if (index_size == 4)
            n = (uint64_t)(int64_t)(int32_t)n;
        interp_load_at(v, seg, offset_wrap(insn, start + (n << insn->scale)), data + size * i, size);
        memset(mask + size * i, 0, size);
        ymm_put(v, insn->reg, data, insn->vl); /* done so far, whatever the next element does */
        ymm_put(v, insn->vvvv, mask, insn->vl);
    }
    memset(mask, 0, sizeof mask);
    memset(data + used, 0, sizeof data - used);
    ymm_put(v, insn->reg, data, insn->vl);
    ymm_put(v, insn->vvvv, mask, insn->vl);
}

static void vzero(struct interp_vcpu *v, const struct x86_insn *insn)
{
    const unsigned registers = insn->mode == X86_MODE_64 ? 16 : 8;
    uint8_t *xmm = fpu_xmm(fpu_bytes(v), 0);

    simd_check_vex(v);
    memset(xmm + SIMD_HIGH, 0, 16 * registers);
    if (insn->vl)
        memset(xmm, 0, 16 * registers);
}

static void emms(struct interp_vcpu *v, const struct x86_insn *insn)
{
    uint8_t *image = fpu_bytes(v);

    simd_check_mmx(v);
    simd_to_mmx(image);
    image[FPU_FTW] = 0;
}

static void check_mxcsr_access(struct interp_vcpu *v, const struct x86_insn *insn)
{
    if (insn->encoding == X86_ENC_VEX)
        simd_check_vex(v);
    else
        simd_check_sse(v);
}

static void ldmxcsr(struct interp_vcpu *v, const struct x86_insn *insn)
{
    uint8_t value[4];

    check_mxcsr_access(v, insn);
    interp_load(v, insn, value, 4);
    if (load_le32(value) & ~MXCSR_VALID)
        interp_raise_error(v, X86_EXC_GP, 0);
    memcpy(fpu_bytes(v) + FPU_MXCSR, value, 4);
}

static void stmxcsr(struct interp_vcpu *v, const struct x86_insn *insn)
{
    check_mxcsr_access(v, insn);
    interp_store(v, insn, fpu_bytes(v) + FPU_MXCSR, 4);
}

static interp_insn_fn decode_mxcsr(const struct x86_insn *insn)
{
    const unsigned digit = insn->modrm >> 3 & 7;

    if (insn->mod == 3 || (digit != 2 && digit != 3))
        return NULL;
    if (simd_insn_pp(insn) != 0 || insn->vl || insn->vvvv)
        return simd_undefined;
    return digit == 2 ? ldmxcsr : stmxcsr;
}

static interp_insn_fn decode_0f38_vex(struct interp_engine *e, const struct x86_insn *insn)
{
    const bool w = (insn->rex & 8) != 0;

    if (simd_insn_pp(insn) != 1 || insn->mod == 3)
        return NULL;
    if (insn->opcode >= 0x2c && insn->opcode <= 0x2f)
        return e->simd->host[FEAT_AVX] && !w ? masked_move : simd_undefined;
    if (insn->opcode == 0x8c || insn->opcode == 0x8e)
        return e->simd->host[FEAT_AVX2] ? masked_move : simd_undefined;
    if (insn->opcode >= 0x90 && insn->opcode <= 0x93) {
        const unsigned index = vsib_index(insn);
        const bool distinct = insn->reg != insn->vvvv && insn->reg != index && insn->vvvv != index;
        const bool vsib = insn->address_size != 2 && (insn->modrm & 7) == 4;
        return e->simd->host[FEAT_AVX2] && distinct && vsib ? gather : simd_undefined;
    }
    return NULL;
}

interp_insn_fn simd_decode_special(struct interp_engine *e, const struct x86_insn *insn)
{
    const bool vex = insn->encoding == X86_ENC_VEX;
    const unsigned pp = simd_insn_pp(insn);

    if (insn->encoding == X86_ENC_EVEX)
        return NULL;
    if (insn->map == X86_MAP_0F38)
        return vex ? decode_0f38_vex(e, insn) : NULL;
    if (insn->map != X86_MAP_0F)
        return NULL;
    switch (insn->opcode) {
    case 0x77:
        if (vex)
            return pp == 0 && !insn->vvvv && e->simd->host[FEAT_AVX] ? vzero : simd_undefined;
        return pp == 0 ? emms : simd_undefined;
    case 0xae: return decode_mxcsr(insn);
    case 0xf7:
        if (insn->mod != 3 || pp > 1 || (vex && (pp != 1 || insn->vl || insn->vvvv)))
            return simd_undefined;
        return pp == 1 ? maskmovdqu : maskmovq;
    default: return NULL;
    }
}
