/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gpr.c: instructions on general registers that have a shape of their own: VEX-encoded ones (BMI1, BMI2), bit strings
 * in memory selected by a register, CMPXCHG8B and CMPXCHG16B, string instructions without REP (loops of boot loaders).
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

static bool is_string(const struct translation *t, const struct x86_insn *insn)
{
    if (insn->encoding != X86_ENC_LEGACY || insn->map != X86_MAP_1B || insn->prefix_rep || insn->prefix_lock ||
        insn->address_size != t->word)
        return false;
    switch (insn->opcode) {
    case 0xa4:
    case 0xa5:
    case 0xac:
    case 0xad: return insn->segment != X86_FS && insn->segment != X86_GS && (insn->segment != X86_CS || t->word == 8);
    case 0xaa:
    case 0xab: return true;
    default: return false;
    }
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
    else if (is_string(t, insn))
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

/* An element of the string at guest register n. */
static struct emit_rm element(struct translation *t, unsigned n, unsigned size, bool write)
{
    emit_op(&t->e, 0, t->word, 0x8d, R14, emit_mem(jit_host_reg[n], 0)); /* lea */
    return tr_memory(t, size, write, 0);
}

static void advance(struct translation *t, unsigned n, unsigned size)
{
    emit_op(&t->e, 0, t->word, 0x8d, jit_host_reg[n], emit_mem(jit_host_reg[n], (int32_t)size)); /* lea */
}

/* Upwards; downwards they are the handlers'. Nothing is changed before the last check. */
bool tr_string(struct translation *t)
{
    static const uint16_t zero_extending[] = {[1] = 0x1b6, [2] = 0x1b7, [4] = 0x8b, [8] = 0x8b};
    struct emit *e = &t->e;
    const struct x86_insn *insn = &t->insn[t->at];
    const unsigned size = insn->opcode & 1 ? insn->operand_size : 1, store = size == 1 ? 0x88 : 0x89;
    emit_load(e, RCX, JIT_SLOT(v.cpu.rflags));
    emit_vex(e, 2, true, false, 0x2f5, RCX, RCX, JIT_SLOT(df)); /* pext */
    emit_16(e, 0x05e3);                                         /* jrcxz over the jump */
    tr_slow(t, emit_jump(e));
    switch (insn->opcode & 0xfe) {
    case 0xa4:
        emit_op(e, 0, size == 8 ? 8 : 4, zero_extending[size], RCX, element(t, X86_RSI, size, false));
        emit_store(e, RCX, JIT_SLOT(spare[0]));
        struct emit_rm to = tr_free_rcx(t, element(t, X86_RDI, size, true));
        emit_load(e, RCX, JIT_SLOT(spare[0]));
        emit_op(e, 0, size, store, RCX, to);
        advance(t, X86_RSI, size);
        advance(t, X86_RDI, size);
        return true;
    case 0xaa:
        emit_op(e, 0, size, store, RAX, element(t, X86_RDI, size, true));
        advance(t, X86_RDI, size);
        return true;
    default:
        emit_op(e, 0, size, size == 1 ? 0x8a : 0x8b, RAX, element(t, X86_RSI, size, false));
        advance(t, X86_RSI, size);
        return true;
    }
}
