/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * special.c: system instructions that kernels run all the time, translated for the case that nothing special happens:
 * PUSHF, POPF, CLD, CLI, STI, STAC, CLAC, SWAPGS, RDTSC(P). Anything else about them is the handlers'.
 */
#include "engine/jit/translate.h"

#define IF_BIT 9

void tr_unless_zero(struct translation *t)
{
    emit_16(&t->e, 0x05e3); /* jrcxz over the jump */
    tr_slow(t, emit_jump(&t->e));
}

/* Not at CPL 0: slow. */
static void privileged(struct translation *t)
{
    emit_op(&t->e, 0, 4, 0x1b6, RCX, JIT_SLOT(v.unprivileged)); /* movzx */
    tr_unless_zero(t);
}

/* reg &= mask, the flags kept: PEXT and PDEP. */
static void keep(struct emit *e, unsigned reg, struct emit_rm mask)
{
    emit_vex(e, 2, true, false, 0x2f5, reg, reg, mask);
    emit_vex(e, 3, true, false, 0x2f5, reg, reg, mask);
}

static void set_if(struct translation *t, bool on)
{
    struct emit *e = &t->e;
    emit_load(e, RCX, JIT_SLOT(v.cpu.rflags));
    keep(e, RCX, JIT_SLOT(not_if));
    if (on)
        emit_lea(e, RCX, emit_mem(RCX, X86_IF));
    emit_store(e, RCX, JIT_SLOT(v.cpu.rflags));
    emit_op(e, 0, 4, 0xc7, 0, JIT_SLOT(v.heed)); /* as interp_if_changed() has it */
    emit_32(e, on ? ~0u : ~(uint32_t)ENGINE_REQ_INTR);
}

bool tr_is_sti(const struct x86_insn *insn)
{
    return insn->encoding == X86_ENC_LEGACY && insn->map == X86_MAP_1B && insn->opcode == 0xfb;
}

/*
 * With nothing waiting there is nothing that the shadow of STI must hold off; what comes later is looked at where
 * translated code is left, which is not before the next instruction, or by its link, which knows of the shadow.
 */
static bool sti(struct translation *t)
{
    struct emit *e = &t->e;
    if (t->page_offset + t->start[t->at] + t->insn[t->at].length >= PAGE_BYTES)
        return false;
    privileged(t);
    emit_load(e, RCX, JIT_SLOT(v.requests));
    emit_op(e, 0, 4, 0x8b, RCX, emit_mem(RCX, 0));
    tr_unless_zero(t);
    emit_load(e, RCX, JIT_SLOT(v.cpu.rflags));
    emit_load(e, R14, emit_reg(RCX));
    keep(e, R14, JIT_SLOT(not_if));
    emit_op(e, 0, 8, 0xf7, 2, emit_reg(R14)); /* not */
    emit_lea(e, RCX, emit_sib(RCX, R14, 0, 1));
    tr_unless_zero(t); /* IF is set, then there is no shadow: the handler's */
    set_if(t, true);
    return true;
}

static bool cli(struct translation *t)
{
    privileged(t);
    set_if(t, false);
    return true;
}

static bool pushf(struct translation *t)
{
    struct emit *e = &t->e;
    emit_8(e, 0x9c);       /* pushfq, below the vCPU */
    emit_8(e, 0x58 + RCX); /* pop rcx */
    keep(e, RCX, JIT_SLOT(arith));
    emit_load(e, R14, JIT_SLOT(v.cpu.rflags));
    keep(e, R14, JIT_SLOT(pushed));
    emit_lea(e, RCX, emit_sib(RCX, R14, 0, 0));
    emit_store(e, RCX, JIT_SLOT(spare[0]));
    const struct emit_rm below = emit_mem(GUEST_RSP, -(int32_t)t->word);
    emit_op(e, 0, t->word, 0x8d, R14, below); /* lea */
    struct emit_rm top = tr_free_rcx(t, tr_memory(t, t->word, true, 0));
    emit_load(e, RCX, JIT_SLOT(spare[0]));
    emit_op(e, 0, t->word, 0x89, RCX, top);
    emit_op(e, 0, t->word, 0x8d, GUEST_RSP, below);
    return true;
}

/*
 * The arithmetic flags, and IF where it may change and nothing waits to be looked at then; any other change is the
 * handler's. (Bits 1, 3, 5 and 15 mean nothing; RF is not popped, VM and what is above ID cannot change.)
 */
static bool popf(struct translation *t)
{
    struct emit *e = &t->e;
    const uint32_t others = X86_TF | X86_DF | X86_IOPL | X86_NT | X86_AC | X86_VIF | X86_VIP | X86_ID;
    emit_op(e, 0, t->word, 0x8b, R14, emit_reg(GUEST_RSP));
    emit_op(e, 0, t->word, 0x8b, R14, tr_memory(t, t->word, false, 0));
    emit_op(e, 0, 4, 0x8b, RCX, JIT_SLOT(v.cpu.rflags));
    emit_op(e, 0, 4, 0x33, RCX, emit_reg(R14)); /* xor: what changes */
    emit_op(e, 0, 4, 0xf7, 0, emit_reg(RCX));   /* test */
    emit_32(e, others);
    tr_slow(t, emit_jcc(e, 5));
    emit_op(e, 0, 4, 0xf7, 0, emit_reg(RCX));
    emit_32(e, X86_IF);
    uint8_t *same = emit_jcc(e, 4);
    privileged(t);
    emit_load(e, RCX, JIT_SLOT(v.requests));
    emit_op(e, 0, 4, 0x8b, RCX, emit_mem(RCX, 0));
    tr_unless_zero(t);
    emit_op(e, 0, 8, 0x81, 6, JIT_SLOT(v.cpu.rflags)); /* xor */
    emit_32(e, X86_IF);
    emit_op(e, 0, 4, 0x8b, RCX, JIT_SLOT(v.cpu.rflags)); /* heed as interp_if_changed() has it */
    emit_op(e, 0, 4, 0xf7, 2, emit_reg(RCX));            /* not */
    emit_op(e, 0, 4, 0xc1, 5, emit_reg(RCX));            /* shr */
    emit_8(e, IF_BIT);
    emit_op(e, 0, 4, 0x83, 4, emit_reg(RCX)); /* and */
    emit_8(e, 1);
    emit_op(e, 0, 4, 0x69, RCX, emit_reg(RCX)); /* imul: the request that is not heeded, or none */
    emit_32(e, ENGINE_REQ_INTR);
    emit_op(e, 0, 4, 0xf7, 2, emit_reg(RCX));
    emit_op(e, 0, 4, 0x89, RCX, JIT_SLOT(v.heed));
    if (!e->full)
        emit_target(same, e->p);
    emit_op(e, 0, 4, 0x81, 4, emit_reg(R14)); /* and */
    emit_32(e, X86_ARITH);
    emit_lea(e, GUEST_RSP, emit_mem(GUEST_RSP, (int32_t)t->word));
    emit_16(e, 0x5641); /* push r14, below the vCPU */
    emit_8(e, 0x9d);    /* popfq */
    return true;
}

/* It is clear already, in nearly all cases. */
static bool cld(struct translation *t)
{
    emit_load(&t->e, RCX, JIT_SLOT(v.cpu.rflags));
    emit_vex(&t->e, 2, true, false, 0x2f5, RCX, RCX, JIT_SLOT(df)); /* pext */
    tr_unless_zero(t);
    return true;
}

static bool swapgs(struct translation *t)
{
    struct emit *e = &t->e;
    const int32_t derived = (int32_t)(offsetof(struct jit_vcpu, v.seg) + X86_GS * sizeof(struct interp_segment) +
                                      offsetof(struct interp_segment, base));
    const int32_t base = (int32_t)(offsetof(struct jit_vcpu, v.cpu.seg) + X86_GS * sizeof(struct x86_seg) +
                                   offsetof(struct x86_seg, base));
    privileged(t);
    emit_load(e, RCX, emit_mem(RSP, base));
    emit_load(e, R14, JIT_SLOT(v.cpu.kernel_gs_base));
    emit_store(e, RCX, JIT_SLOT(v.cpu.kernel_gs_base));
    emit_store(e, R14, emit_mem(RSP, base));
    emit_store(e, R14, emit_mem(RSP, derived));
    return true;
}

/* The other kernel space, at once; what C derives from it is made up when C is called (interp_heed_table). */
static bool set_ac(struct translation *t, bool on)
{
    struct emit *e = &t->e;
    emit_load(e, RCX, emit_mem(RSP, (int32_t)(offsetof(struct jit_vcpu, v.ac_table) + (on ? 8u : 0u))));
    emit_16(e, 0x02e3); /* jrcxz over the short jump */
    emit_16(e, 0x05eb); /* over the long one */
    tr_slow(t, emit_jump(e));
    emit_store(e, RCX, JIT_SLOT(v.table_and_field));
    emit_load(e, R15, emit_reg(RCX));
    emit_load(e, R14, JIT_SLOT(v.cpu.rflags));
    keep(e, R14, JIT_SLOT(not_ac));
    if (on)
        emit_lea(e, R14, emit_mem(R14, X86_AC));
    emit_store(e, R14, JIT_SLOT(v.cpu.rflags));
    return true;
}

static void rotate_32(struct emit *e, unsigned to, unsigned from)
{
    emit_vex(e, 3, true, false, 0x3f0, to, 0, emit_reg(from)); /* rorx to, from, 32 */
    emit_8(e, 32);
}

static bool rdtsc(struct translation *t, bool with_aux)
{
    struct emit *e = &t->e;
    emit_load(e, RCX, JIT_SLOT(v.cpu.cr4));
    emit_vex(e, 2, true, false, 0x2f5, RCX, RCX, JIT_SLOT(tsd)); /* pext */
    tr_unless_zero(t);
    emit_16(e, 0x310f);
    rotate_32(e, RDX, RDX);
    emit_lea(e, RCX, emit_sib(RAX, RDX, 0, 0));
    emit_load(e, R14, JIT_SLOT(v.cpu.tsc_offset));
    emit_lea(e, RCX, emit_sib(RCX, R14, 0, 0));
    emit_op(e, 0, 4, 0x8b, RAX, emit_reg(RCX));
    rotate_32(e, RDX, RCX);
    emit_op(e, 0, 4, 0x8b, RDX, emit_reg(RDX));
    if (with_aux)
        emit_op(e, 0, 4, 0x8b, GUEST_RCX, JIT_SLOT(v.cpu.tsc_aux));
    return true;
}

bool tr_is_special(const struct x86_insn *insn)
{
    if (insn->encoding != X86_ENC_LEGACY || insn->prefix_lock)
        return false;
    if (insn->map == X86_MAP_1B)
        return insn->opcode == 0xfa || insn->opcode == 0xfb || insn->opcode == 0xfc ||
               ((insn->opcode == 0x9c || insn->opcode == 0x9d) && !insn->prefix_66);
    if (insn->map == X86_MAP_0F && insn->opcode == 0x01 && !insn->prefix_66 && !insn->prefix_rep)
        return (insn->modrm & 0xfe) == 0xf8 || (insn->modrm & 0xfe) == 0xca;
    return insn->map == X86_MAP_0F && insn->opcode == 0x31;
}

bool tr_special(struct translation *t)
{
    const struct x86_insn *insn = &t->insn[t->at];
    switch (insn->opcode) {
    case 0x9c: return !t->segmented && pushf(t);
    case 0x9d: return !t->segmented && popf(t);
    case 0xfc: return cld(t);
    case 0xfa: return cli(t);
    case 0xfb: return sti(t);
    case 0x31: return rdtsc(t, false);
    default: break;
    }
    switch (insn->modrm) {
    case 0xca: return set_ac(t, false);
    case 0xcb: return set_ac(t, true);
    case 0xf8: return swapgs(t);
    default: return rdtsc(t, true);
    }
}
