/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vector.c: SSE and AVX instructions, which run as they are on the guest's registers in the host's. They are brought
 * there at the first such instruction and taken back whenever translated code calls or returns to C. With exceptions
 * unmasked in MXCSR, or when the mode forbids them, the reference engine's handlers do them one by one.
 */
#include "engine/interp/simd_state.h"
#include "engine/jit/translate.h"

#define FPU_SLOT(offset) emit_mem(RSP, (int32_t)(offsetof(struct jit_vcpu, v.cpu.fpu) + (offset)))

/* --- moving all of them --- */

void jit_vector_save(struct emit *e)
{
    for (unsigned n = 0; n < 16; n++) {
        emit_vex(e, 2, false, false, 0x17f, n, 0, FPU_SLOT(SIMD_XMM_OFFSET + 16 * n)); /* vmovdqu */
        emit_vex(e, 1, false, true, 0x319, n, 0, FPU_SLOT(SIMD_YMM_OFFSET + 16 * n));  /* vextractf128 */
        emit_8(e, 1);
    }
    emit_op(e, 0, 4, 0x1ae, 3, FPU_SLOT(FPU_MXCSR));
    emit_op(e, 0, 4, 0x1ae, 2, JIT_SLOT(host_mxcsr));
    emit_8(e, 0xc5); /* vzeroupper */
    emit_16(e, 0x77f8);
}

void jit_vector_load(struct emit *e)
{
    for (unsigned n = 0; n < 16; n++) {
        emit_vex(e, 2, false, false, 0x16f, n, 0, FPU_SLOT(SIMD_XMM_OFFSET + 16 * n));
        emit_vex(e, 1, false, true, 0x318, n, n, FPU_SLOT(SIMD_YMM_OFFSET + 16 * n)); /* vinsertf128 */
        emit_8(e, 1);
    }
    emit_op(e, 0, 4, 0x1ae, 2, FPU_SLOT(FPU_MXCSR));
}

/* May the guest's instructions run unwatched now? */
bool jit_vector_allowed(struct jit_vcpu *j)
{
    struct interp_vcpu *v = &j->v;
    if ((v->cpu.cr0 & (X86_CR0_EM | X86_CR0_TS)) || !(v->cpu.cr4 & X86_CR4_OSFXSR) ||
        (fpu_mxcsr(v) & SIMD_ALL_MASKED) != SIMD_ALL_MASKED)
        return false;
    j->vector_vex = (v->cpu.cr4 & X86_CR4_OSXSAVE) && (v->cpu.xcr0 & 6) == 6;
    return true;
}

/* --- translation --- */

static const struct simd_stub *stub_of(const struct translation *t, unsigned i)
{
    const struct interp_op *op = &t->b->ops[i];
    return op->insn_fn && op->insn->map != X86_MAP_1B && op->imm ? (const struct simd_stub *)(uintptr_t)op->imm : NULL;
}

static bool has_mmx(const struct simd_form *f)
{
    return f->reg == KIND_M || f->rm == KIND_M;
}

static bool is_xmm(unsigned kind)
{
    return kind == KIND_X || kind == KIND_X1;
}

/* MMX alone needs none of the vector registers, nor what CR4 and MXCSR say of them. */
static bool has_vectors(const struct simd_stub *s)
{
    return s->vex || is_xmm(s->form->reg) || is_xmm(s->form->rm) || !has_mmx(s->form);
}

/* VZEROUPPER, VZEROALL */
static bool is_zero(const struct x86_insn *insn)
{
    return insn->encoding == X86_ENC_VEX && insn->map == X86_MAP_0F && insn->opcode == 0x77 && !insn->prefix_rep &&
           !insn->prefix_66 && !insn->vvvv;
}

void tr_classify_vector(struct translation *t, unsigned i)
{
    const struct interp_op *op = &t->b->ops[i];
    if (t->word == 4 && t->insn[i].encoding != X86_ENC_LEGACY) /* some fields mean nothing there */
        return;
    if (is_zero(&t->insn[i]) && op->insn_fn && op->insn_fn != simd_undefined) {
        t->how[i] = (struct jit_class){.kind = JIT_VECTOR};
        return;
    }
    const struct simd_stub *s = stub_of(t, i);
    struct jit_class *c = &t->how[i];
    if (!s || !s->form || (has_mmx(s->form) && !(s->mmx && t->j->has_x87)) || (s->form->flags & SF_NOFPU))
        return;
    c->kind = JIT_VECTOR;
    c->reads = 0;
    c->kills = s->form->flags & SF_FLAGS ? X86_ARITH : 0;
}

/* The registers are in the host's, or are brought there out of line, which comes back here. */
static void check_loaded(struct translation *t, bool vex)
{
    struct emit *e = &t->e;
    if (vex ? t->vex_there : t->vectors_there)
        return;
    t->vectors_there = true;
    t->vex_there = t->vex_there || vex;
    emit_load(e, RCX, vex ? JIT_SLOT(vector_vex) : JIT_SLOT(vector));
    emit_16(e, 0x02e3); /* jrcxz over the short jump */
    emit_16(e, 0x0aeb); /* over what follows */
    tr_call(t, t->j->load_vectors, tr_op(t));
}

static unsigned alignment(const struct simd_stub *s)
{
    if (s->mem_bytes < 16 || !(s->form->flags & (s->vex ? SF_VALIGN : SF_ALIGN)))
        return 0;
    return s->mem_bytes == 16 ? 1 : 2;
}

static void emit_it(struct emit *e, const struct x86_insn *insn, const struct simd_form *f, unsigned reg,
                    struct emit_rm rm)
{
    static const unsigned prefix[4] = {0, EMIT_66, EMIT_F3, EMIT_F2};
    unsigned op = insn->opcode | (unsigned)insn->map << 8;
    if (insn->encoding == X86_ENC_VEX)
        emit_vex(e, f->pp, insn->rex & 8, insn->vl != 0, op, reg, insn->vvvv, rm);
    else
        emit_op(e, prefix[f->pp], insn->rex & 8 ? 8 : 4, op, reg, rm);
    emit_bytes(e, insn->bytes + insn->imm_offset, insn->imm_size);
}

bool tr_vector(struct translation *t)
{
    const struct x86_insn *insn = &t->insn[t->at];
    if (is_zero(insn)) {
        check_loaded(t, true);
        emit_bytes(&t->e, insn->bytes, insn->length);
        return true;
    }
    const struct simd_stub *s = stub_of(t, t->at);
    const struct simd_form *f = s->form;
    struct emit_rm rm;
    unsigned reg = insn->reg;
    if (has_vectors(s))
        check_loaded(t, s->vex);
    if (s->mmx)
        tr_x87_loaded(t);
    if (insn->mod != 3) {
        if (!tr_address(t, insn))
            return false;
        rm = tr_memory(t, s->mem_bytes, s->store, alignment(s));
        if (f->reg == KIND_G && jit_host_reg[insn->reg] == JIT_IN_MEMORY)
            rm = tr_free_rcx(t, rm);
    } else if (f->rm == KIND_G) {
        rm = emit_reg(tr_reg(t, insn->rm, R14, true));
    } else {
        rm = emit_reg(f->rm == KIND_M ? insn->rm & 7u : insn->rm);
    }
    if (f->digit != 0xff)
        reg = f->digit;
    else if (f->reg == KIND_G)
        reg = tr_reg(t, insn->reg, RCX, true);
    else if (f->reg == KIND_M)
        reg &= 7;
    emit_it(&t->e, insn, f, reg, rm);
    if ((f->flags & SF_STRING) && (insn->opcode & 1)) /* PCMPxSTRI */
        emit_op(&t->e, 0, 4, 0x8b, jit_host_reg[X86_RCX], emit_reg(RCX));
    if (s->gpr_reg_out)
        tr_put(t, insn->reg, reg);
    if (s->gpr_rm_out)
        tr_put(t, insn->rm, rm.base);
    return true;
}
