/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * beside.c: writes to a page that holds code, where there is none, without C: what a program that keeps its data or its
 * freshly made code beside what it runs does all the time. A failed check for writing calls this routine out of line;
 * it looks for the page among those that were written lately (interp_vcpu.beside) and at its marks.
 *
 * Only where there is one vCPU: another one might decode and mark what is about to be written, between the look and the
 * write.
 */
#include "engine/jit/translate.h"

#define GRANULE_BITS 6

/* In the routine the return address lies below the vCPU. */
#define SLOT(field) emit_mem(RSP, (int32_t)(offsetof(struct jit_vcpu, field) + 8))

static struct emit_rm entry(unsigned index, size_t member)
{
    return emit_sib(R15, index, 3, (int32_t)member - (int32_t)JIT_FIELD);
}

static struct emit_rm found(size_t member)
{
    return emit_sib(RSP, RCX, 2, (int32_t)(offsetof(struct jit_vcpu, v.beside) + member + 8));
}

static void pext(struct emit *e, unsigned to, unsigned from, struct emit_rm mask)
{
    emit_vex(e, 2, true, false, 0x2f5, to, from, mask);
}

struct exits {
    uint8_t *rel32[8];
    unsigned count;
};

static void unless_zero(struct emit *e, struct exits *no)
{
    emit_16(e, 0x05e3); /* jrcxz over the jump */
    no->rel32[no->count++] = emit_jump(e);
}

static void if_zero(struct emit *e, struct exits *no)
{
    emit_16(e, 0x02e3); /* jrcxz over the short jump */
    emit_16(e, 0x05eb); /* over the long one */
    no->rel32[no->count++] = emit_jump(e);
}

/*
 * Called with the address in r14. Returns with r14 + rcx as the place when 64 bytes may be written there, which no code
 * is in; else to five bytes behind. The flags stay.
 */
const uint8_t *jit_make_beside(struct jit_vcpu *j, struct emit *e)
{
    const uint8_t *start = jit_rx(j, e->p);
    struct exits no = {.count = 0};
    emit_store(e, R14, SLOT(beside_spare[0]));
    pext(e, R14, R14, SLOT(index_mask));
    emit_lea(e, R14, emit_sib(NO_REG, R14, 2, 0));
    emit_store(e, R14, SLOT(beside_spare[1]));
    emit_load(e, RCX, entry(R14, offsetof(struct interp_entry, write)));
    emit_lea(e, RCX, emit_mem(RCX, -(int32_t)INTERP_CODE_IN_IT));
    unless_zero(e, &no);
    emit_load(e, RCX, entry(R14, offsetof(struct interp_entry, read)));
    emit_load(e, R14, SLOT(beside_spare[0]));
    emit_lea(e, RCX, emit_sib(RCX, R14, 0, (1 << GRANULE_BITS) - 1));
    pext(e, RCX, RCX, SLOT(page_mask[0]));
    unless_zero(e, &no);
    emit_load(e, R14, SLOT(beside_spare[1]));
    emit_load(e, R14, entry(R14, offsetof(struct interp_entry, host)));
    pext(e, RCX, R14, SLOT(beside_mask));
    emit_lea(e, RCX, emit_sib(NO_REG, RCX, 3, 0)); /* in units of SIB's 4 */
    emit_store(e, RCX, SLOT(beside_spare[2]));
    emit_load(e, RCX, found(offsetof(struct interp_beside, minus_host)));
    emit_lea(e, RCX, emit_sib(RCX, R14, 0, 0));
    unless_zero(e, &no);
    emit_load(e, RCX, SLOT(beside_spare[2]));
    emit_load(e, RCX, found(offsetof(struct interp_beside, page)));
    emit_load(e, RCX, emit_mem(RCX, offsetof(struct interp_code_page, mask)));
    if_zero(e, &no); /* then it may be written as any other, which C knows to arrange */
    emit_load(e, R14, SLOT(beside_spare[0]));
    emit_vex(e, 3, true, false, 0x3f0, R14, 0, emit_reg(R14)); /* rorx: the granule, of which shrx takes six bits */
    emit_8(e, GRANULE_BITS);
    emit_vex(e, 3, true, false, 0x2f7, RCX, R14, emit_reg(RCX)); /* shrx */
    pext(e, RCX, RCX, SLOT(two_granules));
    unless_zero(e, &no);
    emit_load(e, RCX, SLOT(beside_spare[1]));
    emit_load(e, R14, SLOT(beside_spare[0]));
    emit_load(e, RCX, entry(RCX, offsetof(struct interp_entry, delta)));
    emit_8(e, 0xc3);
    for (unsigned i = 0; i < no.count; i++)
        emit_target(no.rel32[i], e->p);
    emit_16(e, 0x5e41); /* pop r14 */
    emit_lea(e, R14, emit_mem(R14, 5));
    emit_op(e, 0, 4, 0xff, 4, emit_reg(R14)); /* jmp r14 */
    return start;
}
