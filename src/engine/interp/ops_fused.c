/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ops_fused.c: CMP and TEST together with the conditional jump behind them, in 64-bit code. The jump keeps its own
 * operation, which is where its targets are read from; what it saves is a dispatch and finding out what set the flags.
 */
#ifdef __OPTIMIZE__
#pragma GCC optimize("no-tree-slp-vectorize")
#endif

#include "engine/interp/ops.h"

#include "engine/interp/flags.h"

ALWAYS_INLINE bool holds(unsigned condition, bool test, int64_t a, int64_t b, int64_t dst)
{
    bool yes;
    switch (condition >> 1) {
    case 0: yes = !test && ((a ^ b) & (a ^ dst)) < 0; break;
    case 1: yes = !test && (uint64_t)a < (uint64_t)b; break;
    case 2: yes = dst == 0; break;
    case 3: yes = test ? dst == 0 : (uint64_t)a <= (uint64_t)b; break;
    case 4: yes = dst < 0; break;
    case 5: yes = !__builtin_parity((unsigned)dst & 0xff); break;
    case 6: yes = test ? dst < 0 : a < b; break;
    default: yes = test ? dst <= 0 : a <= b; break;
    }
    return yes != (condition & 1);
}

ALWAYS_INLINE void fused(struct interp_vcpu *v, const struct interp_op *op, bool test, unsigned form, unsigned size,
                         unsigned condition)
{
    int64_t a, b, dst;
    switch (form) {
    case FORM_REG:
        a = interp_reg(v, op->rm, size);
        b = interp_reg(v, op->reg, size);
        break;
    case FORM_IMM:
        a = interp_reg(v, op->rm, size);
        b = op->imm;
        break;
    case FORM_LOAD_FLAT:
        b = interp_read(v, op, interp_address(v, op, size, false, true), size);
        a = interp_reg(v, op->reg, size);
        break;
    default:
        a = interp_read(v, op, interp_address(v, op, size, false, true), size);
        b = op->imm;
        break;
    }
    dst = test ? a & b : interp_extend((uint64_t)a - (uint64_t)b, size);
    v->cc_dst = dst;
    v->cc_op = test ? CC_LOGIC : CC_SUB;
    if (!test) {
        v->cc_a = a;
        v->cc_b = b;
    }
    v->cpu.rip = v->rip0 + (uint64_t)(holds(condition, test, a, b, dst) ? op[1].imm : op[1].disp);
    interp_go_on(v);
}

#define CONDITIONS(X, t, f, s) \
    X(t, f, s, 0)              \
    X(t, f, s, 1)              \
    X(t, f, s, 2)              \
    X(t, f, s, 3)              \
    X(t, f, s, 4)              \
    X(t, f, s, 5)              \
    X(t, f, s, 6)              \
    X(t, f, s, 7)              \
    X(t, f, s, 8)              \
    X(t, f, s, 9)              \
    X(t, f, s, 10)             \
    X(t, f, s, 11)             \
    X(t, f, s, 12)             \
    X(t, f, s, 13)             \
    X(t, f, s, 14)             \
    X(t, f, s, 15)
#define SIZES(X, t, f) CONDITIONS(X, t, f, 1) CONDITIONS(X, t, f, 4) CONDITIONS(X, t, f, 8)
#define ALL(X)                     \
    SIZES(X, 0, FORM_REG)          \
    SIZES(X, 0, FORM_IMM)          \
    SIZES(X, 0, FORM_LOAD_FLAT)    \
    SIZES(X, 0, FORM_MEM_IMM_FLAT) \
    SIZES(X, 1, FORM_REG)          \
    SIZES(X, 1, FORM_IMM)          \
    SIZES(X, 1, FORM_MEM_IMM_FLAT)

#define DEFINE(t, f, s, c)                                                                        \
    static void op_fused_##t##_##f##_##s##_##c(struct interp_vcpu *v, const struct interp_op *op) \
    {                                                                                             \
        fused(v, op, t, f, s, c);                                                                 \
    }
ALL(DEFINE)

#define LOG2(size)        ((size) == 1 ? 0 : (size) == 2 ? 1 : (size) == 4 ? 2 : 3)
#define ENTRY(t, f, s, c) [t][f][LOG2(s)][c] = op_fused_##t##_##f##_##s##_##c,
static const interp_fn fused_ops[2][FORMS][4][16] = {ALL(ENTRY)};

void interp_fuse(struct interp_op *first, const struct interp_op *second)
{
    unsigned condition = 0;
    while (condition < 16 && second->fn != interp_jcc_ops[1][condition])
        condition++;
    if (condition == 16)
        return;
    for (unsigned form = 0; form < FORMS; form++) {
        for (unsigned size = 0; size < 4; size++) {
            for (unsigned test = 0; test < 2; test++) {
                interp_fn fn = fused_ops[test][form][size][condition];
                if (fn && first->fn == interp_alu_ops[test ? ALU_TEST : ALU_CMP][form][size]) {
                    first->fn = fn;
                    return;
                }
            }
        }
    }
}
