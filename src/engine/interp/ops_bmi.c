/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ops_bmi.c: the VEX-encoded integer operations, BMI1 and BMI2 (SDM vol. 2). */
#include "engine/interp/flags.h"
#include "engine/interp/segment.h"
#include "engine/interp/system.h"

static unsigned operand(const struct x86_insn *insn)
{
    return insn->mode == X86_MODE_64 && (insn->rex & 8) ? 8 : 4;
}

bool interp_bmi_known(const struct x86_insn *insn)
{
    unsigned pp = insn->prefix_66 ? 1 : insn->prefix_rep == 0xf3 ? 2 : insn->prefix_rep == 0xf2 ? 3 : 0;
    if (insn->encoding != X86_ENC_VEX)
        return false;
    if (insn->map == X86_MAP_0F3A)
        return insn->opcode == 0xf0 && pp == 3;
    if (insn->map != X86_MAP_0F38)
        return false;
    switch (insn->opcode) {
    case 0xf2: return pp == 0;
    case 0xf3: return pp == 0 && (insn->reg & 7) >= 1 && (insn->reg & 7) <= 3;
    case 0xf5: return pp != 1;
    case 0xf6: return pp == 3;
    case 0xf7: return true;
    default: return false;
    }
}

static void set_flags(struct interp_vcpu *v, uint64_t result, unsigned size, bool cf)
{
    int64_t r = interp_extend(result, size);
    cc_set(v, (cf ? X86_CF : 0) | (r == 0 ? X86_ZF : 0) | (r < 0 ? X86_SF : 0));
}

static uint64_t deposit(uint64_t source, uint64_t mask)
{
    uint64_t r = 0;
    for (; mask; mask &= mask - 1, source >>= 1)
        r |= source & 1 ? mask & -mask : 0;
    return r;
}

static uint64_t extract(uint64_t source, uint64_t mask)
{
    uint64_t r = 0;
    for (unsigned i = 0; mask; mask &= mask - 1, i++)
        r |= source & mask & -mask ? 1ull << i : 0;
    return r;
}

static void group17(struct interp_vcpu *v, const struct x86_insn *insn, unsigned size, uint64_t a)
{
    uint64_t r;
    bool cf = a == 0;
    switch (insn->reg & 7) {
    case 1: /* BLSR */ r = a & (a - 1); break;
    case 2: /* BLSMSK */ r = a ^ (a - 1); break;
    default: /* BLSI */
        r = a & -a;
        cf = a != 0;
        break;
    }
    interp_set_reg(v, REG_OFFSET(insn->vvvv), size, r);
    set_flags(v, r & bytes_ones(size), size, cf);
}

static void shift_by(struct interp_vcpu *v, const struct x86_insn *insn, unsigned size, uint64_t a)
{
    unsigned n = (unsigned)v->cpu.gpr[insn->vvvv] & (8 * size - 1);
    if (insn->prefix_66)
        a <<= n;
    else if (insn->prefix_rep == 0xf2)
        a >>= n;
    else
        a = (uint64_t)(interp_extend(a, size) >> n);
    insn_set_reg(v, insn, size, a);
}

static void bextr(struct interp_vcpu *v, const struct x86_insn *insn, unsigned size, uint64_t a)
{
    unsigned start = (uint8_t)v->cpu.gpr[insn->vvvv], len = (uint8_t)(v->cpu.gpr[insn->vvvv] >> 8);
    uint64_t r = start < 64 ? a >> start : 0;
    if (len < 64)
        r &= (1ull << len) - 1;
    insn_set_reg(v, insn, size, r);
    cc_set(v, (r & bytes_ones(size)) == 0 ? X86_ZF : 0);
}

static void bzhi(struct interp_vcpu *v, const struct x86_insn *insn, unsigned size, uint64_t a)
{
    unsigned n = (uint8_t)v->cpu.gpr[insn->vvvv];
    bool over = n >= 8 * size;
    uint64_t r = over ? a : a & ((1ull << n) - 1);
    insn_set_reg(v, insn, size, r);
    set_flags(v, r, size, over);
}

void interp_op_bmi(struct interp_vcpu *v, const struct x86_insn *insn)
{
    unsigned size = operand(insn);
    if (insn->vl || interp_paragraphs(v) || (insn->map == X86_MAP_0F3A && insn->vvvv))
        interp_raise(v, X86_EXC_UD);
    uint64_t a = insn_rm(v, insn, size), b = v->cpu.gpr[insn->vvvv] & bytes_ones(size);
    if (insn->map == X86_MAP_0F3A) { /* RORX */
        unsigned n = (unsigned)insn->imm & (8 * size - 1);
        insn_set_reg(v, insn, size, n ? a >> n | a << (8 * size - n) : a);
        return;
    }
    switch (insn->opcode) {
    case 0xf2: /* ANDN */
        insn_set_reg(v, insn, size, ~b & a);
        set_flags(v, ~b & a, size, false);
        break;
    case 0xf3: group17(v, insn, size, a); break;
    case 0xf5:
        if (insn->prefix_rep == 0xf2)
            insn_set_reg(v, insn, size, deposit(b, a));
        else if (insn->prefix_rep == 0xf3)
            insn_set_reg(v, insn, size, extract(b, a));
        else
            bzhi(v, insn, size, a);
        break;
    case 0xf6: { /* MULX */
        unsigned __int128 p = (unsigned __int128)a * (v->cpu.gpr[X86_RDX] & bytes_ones(size));
        interp_set_reg(v, REG_OFFSET(insn->vvvv), size, (uint64_t)p);
        insn_set_reg(v, insn, size, (uint64_t)(p >> (8 * size)));
        break;
    }
    default:
        if (insn->prefix_66 || insn->prefix_rep)
            shift_by(v, insn, size, a);
        else
            bextr(v, insn, size, a);
        break;
    }
}
