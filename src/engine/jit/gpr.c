/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gpr.c: instructions on general registers that have a shape of their own: VEX-encoded ones (BMI1, BMI2), bit strings
 * in memory selected by a register, CMPXCHG8B and CMPXCHG16B.
 */
#include "engine/interp/ops.h"
#include "engine/jit/translate.h"

static bool is_bit_string(const struct x86_insn *insn)
{
    return insn->encoding == X86_ENC_LEGACY && insn->map == X86_MAP_0F && insn->mod != 3 &&
           (insn->opcode & 0xe7) == 0xa3 && insn->operand_size >= 4 && insn->address_size == 8;
}

static bool is_exchange(const struct x86_insn *insn)
{
    return insn->encoding == X86_ENC_LEGACY && insn->map == X86_MAP_0F && insn->opcode == 0xc7 && insn->mod != 3 &&
           (insn->reg & 7) == 1 && !insn->prefix_rep;
}

/* BEXTR, BZHI and the like leave AF and PF undefined, BEXTR SF too. */
static uint16_t bmi_kills(const struct x86_insn *insn)
{
    const uint16_t most = X86_CF | X86_OF | X86_ZF | X86_SF;
    if (insn->map != X86_MAP_0F38)
        return 0;
    switch (insn->opcode) {
    case 0xf2:
    case 0xf3: return most;
    case 0xf5: return insn->prefix_rep ? 0 : most;
    case 0xf7: return insn->prefix_rep || insn->prefix_66 ? 0 : X86_CF | X86_OF | X86_ZF;
    default: return 0;
    }
}

void tr_classify_gpr(struct translation *t, unsigned i)
{
    const struct x86_insn *insn = &t->insn[i];
    if (t->b->ops[i].insn_fn == interp_op_bmi && t->word == 8 && !insn->vl &&
        !(insn->map == X86_MAP_0F3A && insn->vvvv))
        t->how[i] = (struct jit_class){.kind = JIT_GPR_VEX, .kills = bmi_kills(insn)};
    else if (is_bit_string(insn))
        t->how[i] = (struct jit_class){.kind = JIT_BIT_STRING, .kills = X86_CF};
    else if (is_exchange(insn))
        t->how[i] = (struct jit_class){.kind = JIT_CMPXCHG_N, .kills = X86_ZF};
    else if (tr_is_string(t, insn))
        t->how[i] = (struct jit_class){.kind = JIT_STRING};
}

/* Both operands that are written may be in memory: rcx and r14 stand for them, as all is read before. */
bool tr_gpr_vex(struct translation *t)
{
    const struct x86_insn *insn = &t->insn[t->at];
    const unsigned size = insn->rex & 8 ? 8 : 4, op = insn->opcode | (unsigned)insn->map << 8;
    const bool rorx = insn->map == X86_MAP_0F3A, group = !rorx && insn->opcode == 0xf3;
    const bool mulx = !rorx && insn->opcode == 0xf6;
    const unsigned pp = insn->prefix_rep == 0xf2 ? 3 : insn->prefix_rep == 0xf3 ? 2 : insn->prefix_66 ? 1 : 0;
    struct emit_rm rm;
    unsigned reg = insn->reg & 7u, second = 0;
    if (insn->mod == 3) {
        rm = emit_reg(tr_reg(t, insn->rm, R14, true));
    } else {
        if (!tr_address(t, insn))
            return false;
        rm = tr_free_rcx(t, tr_memory(t, size, false, 0));
    }
    if (!rorx)
        second = tr_reg(t, insn->vvvv, mulx ? R14 : RCX, !mulx && !group);
    if (!group)
        reg = tr_reg(t, insn->reg, RCX, false);
    emit_vex(&t->e, pp, insn->rex & 8, false, op, reg, second, rm);
    emit_bytes(&t->e, insn->bytes + insn->imm_offset, insn->imm_size);
    if (mulx || group)
        tr_put(t, insn->vvvv, second);
    if (!group)
        tr_put(t, insn->reg, reg);
    return true;
}

/* The register's upper bits select the operand, the lower ones the bit in it. The flags stay. */
bool tr_bit_string(struct translation *t)
{
    struct emit *e = &t->e;
    const struct x86_insn *insn = &t->insn[t->at];
    const unsigned size = insn->operand_size, n = insn->reg, kind = insn->opcode >> 3 & 3;
    const struct emit_rm selector = jit_host_reg[n] == JIT_IN_MEMORY ? JIT_GPR(n) : emit_reg(jit_host_reg[n]);
    if (!tr_address(t, insn))
        return false;
    emit_8(e, 0xb8 + RCX);
    emit_32(e, size == 8 ? 6 : 5);
    emit_vex(e, 2, size == 8, false, 0x2f7, RCX, RCX, selector); /* sarx */
    if (size == 4)
        emit_op(e, 0, 8, 0x63, RCX, emit_reg(RCX)); /* movsxd */
    emit_lea(e, R14, emit_sib(R14, RCX, size == 8 ? 3 : 2, 0));
    struct emit_rm rm = tr_free_rcx(t, tr_memory(t, size, kind != 0, 0));
    if (kind == 0) { /* BT: between registers it masks by itself */
        emit_op(e, 0, size, 0x8b, RCX, rm);
        emit_op(e, 0, size, 0x1a3, tr_reg(t, n, R14, true), emit_reg(RCX));
        return true;
    }
    emit_vex(e, 2, true, false, 0x2f5, RCX, tr_reg(t, n, RCX, true), /* pext */
             size == 8 ? JIT_SLOT(bit_mask[1]) : JIT_SLOT(bit_mask[0]));
    emit_op(e, insn->prefix_lock ? EMIT_LOCK : 0, size, 0x100 | insn->opcode, RCX, rm);
    return true;
}

bool tr_cmpxchg_n(struct translation *t)
{
    struct emit *e = &t->e;
    const struct x86_insn *insn = &t->insn[t->at];
    const bool wide = insn->rex & 8;
    if (!tr_address(t, insn))
        return false;
    struct emit_rm rm = tr_free_rcx(t, tr_memory(t, wide ? 16 : 8, true, wide ? 1 : 0));
    emit_load(e, RCX, emit_reg(jit_host_reg[X86_RCX]));
    emit_op(e, insn->prefix_lock ? EMIT_LOCK : 0, wide ? 8 : 4, 0x1c7, 1, rm);
    return true;
}
