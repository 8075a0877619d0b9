/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flags.h: the arithmetic flags, kept lazily as the last operation's operands and result.
 * All three are sign-extended from the operand size to 64 bits, so that no formula needs to know the size. CC_FLAGS
 * means that cpu.rflags is exact; else its six arithmetic bits are stale.
 */
#ifndef DOMUS_ENGINE_INTERP_FLAGS_H
#define DOMUS_ENGINE_INTERP_FLAGS_H

#include "engine/interp/interp.h"

enum {
    CC_FLAGS, /* in cpu.rflags */
    CC_LOGIC, /* CF = OF = AF = 0 */
    CC_ADD,
    CC_ADC,
    CC_SUB,
    CC_SBB,
    CC_INC, /* cc_b: CF */
    CC_DEC, /* cc_b: CF */
    CC_BITS /* SF, ZF, PF of dst; CF, OF and AF are in cc_b at their places in RFLAGS */
};

static inline bool cc_cf(const struct interp_vcpu *v)
{
    switch (v->cc_op) {
    case CC_FLAGS: return v->cpu.rflags & X86_CF;
    case CC_ADD: return (uint64_t)v->cc_dst < (uint64_t)v->cc_b;
    case CC_SUB: return (uint64_t)v->cc_a < (uint64_t)v->cc_b;
    case CC_ADC: return ((v->cc_a & v->cc_b) | ((v->cc_a | v->cc_b) & ~v->cc_dst)) < 0;
    case CC_SBB: return ((~v->cc_a & v->cc_b) | (~(v->cc_a ^ v->cc_b) & v->cc_dst)) < 0;
    case CC_INC:
    case CC_DEC:
    case CC_BITS: return v->cc_b & X86_CF;
    default: return false;
    }
}

static inline bool cc_of(const struct interp_vcpu *v)
{
    switch (v->cc_op) {
    case CC_FLAGS: return v->cpu.rflags & X86_OF;
    case CC_ADD:
    case CC_ADC: return ((v->cc_a ^ v->cc_dst) & (v->cc_b ^ v->cc_dst)) < 0;
    case CC_SUB:
    case CC_SBB: return ((v->cc_a ^ v->cc_b) & (v->cc_a ^ v->cc_dst)) < 0;
    case CC_INC: return (~v->cc_a & v->cc_dst) < 0;
    case CC_DEC: return (v->cc_a & ~v->cc_dst) < 0;
    case CC_BITS: return v->cc_b & X86_OF;
    default: return false;
    }
}

static inline bool cc_zf(const struct interp_vcpu *v)
{
    return likely(v->cc_op != CC_FLAGS) ? v->cc_dst == 0 : (v->cpu.rflags & X86_ZF) != 0;
}

static inline bool cc_sf(const struct interp_vcpu *v)
{
    return likely(v->cc_op != CC_FLAGS) ? v->cc_dst < 0 : (v->cpu.rflags & X86_SF) != 0;
}

static inline bool cc_pf(const struct interp_vcpu *v)
{
    if (v->cc_op == CC_FLAGS)
        return v->cpu.rflags & X86_PF;
    return !__builtin_parity((unsigned)v->cc_dst & 0xff);
}

static inline bool cc_af(const struct interp_vcpu *v)
{
    switch (v->cc_op) {
    case CC_FLAGS: return v->cpu.rflags & X86_AF;
    case CC_ADD:
    case CC_ADC:
    case CC_SUB:
    case CC_SBB: return (v->cc_a ^ v->cc_b ^ v->cc_dst) & 0x10;
    case CC_INC:
    case CC_DEC: return (v->cc_a ^ v->cc_dst) & 0x10;
    case CC_BITS: return v->cc_b & X86_AF;
    default: return false;
    }
}

static inline bool cc_below_equal(const struct interp_vcpu *v)
{
    if (v->cc_op == CC_SUB)
        return (uint64_t)v->cc_a <= (uint64_t)v->cc_b;
    return cc_cf(v) || cc_zf(v);
}

static inline bool cc_less(const struct interp_vcpu *v)
{
    if (v->cc_op == CC_SUB)
        return v->cc_a < v->cc_b;
    return cc_sf(v) != cc_of(v);
}

static inline bool cc_less_equal(const struct interp_vcpu *v)
{
    if (v->cc_op == CC_SUB)
        return v->cc_a <= v->cc_b;
    return cc_zf(v) || cc_sf(v) != cc_of(v);
}

/* The condition of Jcc, SETcc and CMOVcc, by the low four bits of their opcodes. */
static inline __attribute__((always_inline)) bool cc_test(const struct interp_vcpu *v, unsigned condition)
{
    bool yes;
    switch (condition >> 1 & 7) {
    case 0: yes = cc_of(v); break;
    case 1: yes = cc_cf(v); break;
    case 2: yes = cc_zf(v); break;
    case 3: yes = cc_below_equal(v); break;
    case 4: yes = cc_sf(v); break;
    case 5: yes = cc_pf(v); break;
    case 6: yes = cc_less(v); break;
    default: yes = cc_less_equal(v); break;
    }
    return yes != (condition & 1);
}

static inline uint32_t cc_arith(const struct interp_vcpu *v)
{
    if (v->cc_op == CC_FLAGS)
        return (uint32_t)v->cpu.rflags & X86_ARITH;
    return (cc_cf(v) ? X86_CF : 0) | (cc_pf(v) ? X86_PF : 0) | (cc_af(v) ? X86_AF : 0) | (cc_zf(v) ? X86_ZF : 0) |
           (cc_sf(v) ? X86_SF : 0) | (cc_of(v) ? X86_OF : 0);
}

/* Makes cpu.rflags exact. */
static inline void cc_commit(struct interp_vcpu *v)
{
    if (v->cc_op == CC_FLAGS)
        return;
    v->cpu.rflags = (v->cpu.rflags & ~(uint64_t)X86_ARITH) | cc_arith(v);
    v->cc_op = CC_FLAGS;
}

static inline void cc_set(struct interp_vcpu *v, uint32_t arith)
{
    v->cpu.rflags = (v->cpu.rflags & ~(uint64_t)X86_ARITH) | (arith & X86_ARITH);
    v->cc_op = CC_FLAGS;
}

/* SF, ZF, PF by the (sign-extended) result, the others as given. */
static inline void cc_bits(struct interp_vcpu *v, int64_t result, uint32_t bits)
{
    v->cc_dst = result;
    v->cc_b = bits;
    v->cc_op = CC_BITS;
}

#endif
