/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ops_branch.c: near branches, the stack, flag operations and software interrupts. Branch offsets are relative to the
 * block's first instruction; op->size of a branch is the size that RIP is truncated to.
 */
#include "engine/interp/ops.h"

#include "engine/interp/flags.h"
#include "engine/interp/segment.h"

static uint64_t next_rip(const struct interp_vcpu *v, const struct interp_op *op)
{
    return interp_wrap(v->rip0 + op->start + op->length, v->code_mode == X86_MODE_64   ? 8
                                                         : v->code_mode == X86_MODE_32 ? 4
                                                                                       : 2);
}

static void check_rip(struct interp_vcpu *v, const struct interp_op *op, uint64_t rip)
{
    if (likely(v->code_mode == X86_MODE_64 ? (uint64_t)((int64_t)(rip << 16) >> 16) == rip
                                           : rip <= v->cpu.seg[X86_CS].limit))
        return;
    v->op = op;
    interp_raise_error(v, X86_EXC_GP, 0);
}

/* --- pushes and pops: RSP changes only once the access is done --- */

/* The stack's address in 64-bit code. Where op's segment is its memory operand's, faults must name SS all the same. */
ALWAYS_INLINE gva_t stack64(struct interp_vcpu *v, const struct interp_op *op, uint64_t sp)
{
    if (unlikely(op->seg != X86_SS) && (uint64_t)((int64_t)(sp << 16) >> 16) != sp) {
        v->op = op;
        interp_raise_error(v, X86_EXC_SS, 0);
    }
    return sp;
}

ALWAYS_INLINE void push_sized(struct interp_vcpu *v, const struct interp_op *op, unsigned size, uint64_t value)
{
    uint64_t sp = (v->cpu.gpr[X86_RSP] - size) & v->stack_mask;
    gva_t lin = v->code_mode == X86_MODE_64 ? stack64(v, op, sp) : interp_linear(v, op, X86_SS, sp, size, true);
    interp_write(v, op, lin, size, value);
    v->cpu.gpr[X86_RSP] = (v->cpu.gpr[X86_RSP] & ~v->stack_mask) | sp;
}

static void push(struct interp_vcpu *v, const struct interp_op *op, unsigned size, uint64_t value)
{
    if (size == 8)
        push_sized(v, op, 8, value);
    else if (size == 4)
        push_sized(v, op, 4, value);
    else
        push_sized(v, op, 2, value);
}

static uint64_t peek(struct interp_vcpu *v, const struct interp_op *op, unsigned size, uint64_t at)
{
    uint64_t sp = at & v->stack_mask;
    gva_t lin = v->code_mode == X86_MODE_64 ? stack64(v, op, sp) : interp_linear(v, op, X86_SS, sp, size, false);
    if (size == 8)
        return (uint64_t)interp_read(v, op, lin, 8);
    return size == 4 ? (uint32_t)interp_read(v, op, lin, 4) : (uint16_t)interp_read(v, op, lin, 2);
}

static void add_sp(struct interp_vcpu *v, uint64_t by)
{
    uint64_t rsp = v->cpu.gpr[X86_RSP];
    v->cpu.gpr[X86_RSP] = (rsp & ~v->stack_mask) | ((rsp + by) & v->stack_mask);
}

void interp_op_push_reg64(struct interp_vcpu *v, const struct interp_op *op)
{
    gva_t sp = v->cpu.gpr[X86_RSP] - 8;
    interp_write(v, op, sp, 8, interp_slot64(v, op->rm));
    v->cpu.gpr[X86_RSP] = sp;
    INTERP_NEXT(v, op);
}

void interp_op_pop_reg64(struct interp_vcpu *v, const struct interp_op *op)
{
    gva_t sp = v->cpu.gpr[X86_RSP];
    uint64_t value = (uint64_t)interp_read(v, op, sp, 8);
    v->cpu.gpr[X86_RSP] = sp + 8;
    interp_set_reg(v, op->rm, 8, value);
    INTERP_NEXT(v, op);
}

void interp_op_push(struct interp_vcpu *v, const struct interp_op *op)
{
    push(v, op, op->size, (uint64_t)interp_rm_read(v, op));
    INTERP_NEXT(v, op);
}

void interp_op_push_imm(struct interp_vcpu *v, const struct interp_op *op)
{
    push(v, op, op->size, (uint64_t)op->imm);
    INTERP_NEXT(v, op);
}

void interp_op_pop(struct interp_vcpu *v, const struct interp_op *op)
{
    uint64_t rsp = v->cpu.gpr[X86_RSP], value = peek(v, op, op->size, rsp);
    if (op->is_reg) {
        add_sp(v, op->size);
        interp_set_reg(v, op->rm, op->size, value);
        INTERP_NEXT(v, op);
    }
    /* An address made with RSP uses its value after the pop; the fault must not see it. */
    add_sp(v, op->size);
    uint64_t offset = interp_offset(v, op), popped = v->cpu.gpr[X86_RSP];
    v->cpu.gpr[X86_RSP] = rsp;
    gva_t lin = op->addr_size == 8 ? offset + interp_slot64(v, op->seg_base)
                                   : interp_linear(v, op, op->seg, interp_wrap(offset, op->addr_size), op->size, true);
    if (op->size == 8)
        interp_write(v, op, lin, 8, value);
    else if (op->size == 4)
        interp_write(v, op, lin, 4, value);
    else
        interp_write(v, op, lin, 2, value);
    v->cpu.gpr[X86_RSP] = popped;
    INTERP_NEXT(v, op);
}

/* --- branches --- */

void interp_op_jmp(struct interp_vcpu *v, const struct interp_op *op)
{
    interp_near_jump(v, op, interp_wrap(v->rip0 + (uint64_t)op->imm, op->size));
    interp_go_on(v);
}

void interp_op_call64(struct interp_vcpu *v, const struct interp_op *op)
{
    gva_t sp = v->cpu.gpr[X86_RSP] - 8;
    interp_write(v, op, sp, 8, v->rip0 + op->start + op->length);
    v->cpu.gpr[X86_RSP] = sp;
    v->cpu.rip = v->rip0 + (uint64_t)op->imm;
    interp_go_on(v);
}

/* The return address is in memory before the target turns out to be wrong, but not below RSP yet. */
static void call(struct interp_vcpu *v, const struct interp_op *op, uint64_t target)
{
    uint64_t rsp = v->cpu.gpr[X86_RSP], pushed;
    push(v, op, op->size, next_rip(v, op));
    pushed = v->cpu.gpr[X86_RSP];
    v->cpu.gpr[X86_RSP] = rsp;
    check_rip(v, op, target);
    v->cpu.gpr[X86_RSP] = pushed;
    v->cpu.rip = target;
}

void interp_op_call(struct interp_vcpu *v, const struct interp_op *op)
{
    uint64_t target = interp_wrap(v->rip0 + (uint64_t)op->imm, op->size);
    call(v, op, target);
    interp_go_on(v);
}

void interp_op_ret64(struct interp_vcpu *v, const struct interp_op *op)
{
    gva_t sp = v->cpu.gpr[X86_RSP];
    uint64_t rip = (uint64_t)interp_read(v, op, sp, 8);
    check_rip(v, op, rip);
    v->cpu.gpr[X86_RSP] = sp + 8 + (uint64_t)op->imm;
    v->cpu.rip = rip;
    interp_go_on(v);
}

void interp_op_ret(struct interp_vcpu *v, const struct interp_op *op)
{
    uint64_t rip = peek(v, op, op->size, v->cpu.gpr[X86_RSP]);
    check_rip(v, op, rip);
    add_sp(v, op->size + (uint64_t)op->imm);
    v->cpu.rip = rip;
    interp_go_on(v);
}

void interp_op_jmp_rm(struct interp_vcpu *v, const struct interp_op *op)
{
    uint64_t rip = interp_wrap((uint64_t)interp_rm_read(v, op), op->size);
    check_rip(v, op, rip);
    v->cpu.rip = rip;
    interp_go_on(v);
}

void interp_op_call_rm(struct interp_vcpu *v, const struct interp_op *op)
{
    call(v, op, interp_wrap((uint64_t)interp_rm_read(v, op), op->size));
    interp_go_on(v);
}

void interp_op_loop(struct interp_vcpu *v, const struct interp_op *op)
{
    uint64_t count = interp_wrap(v->cpu.gpr[X86_RCX], op->addr_size);
    bool taken;
    if (op->kind == 0xe3) {
        taken = count == 0;
    } else {
        count = interp_wrap(count - 1, op->addr_size);
        taken = count != 0 && (op->kind == 0xe2 || cc_zf(v) == (op->kind == 0xe1));
    }
    if (taken)
        interp_near_jump(v, op, interp_wrap(v->rip0 + (uint64_t)op->imm, op->size));
    else
        v->cpu.rip = next_rip(v, op);
    if (op->kind != 0xe3) /* not before the jump could fault */
        interp_set_reg(v, REG_OFFSET(X86_RCX), op->addr_size, count);
    interp_go_on(v);
}

/* --- frames --- */

static __attribute__((noinline)) void pusha(struct interp_vcpu *v, const struct interp_op *op)
{
    uint64_t rsp = v->cpu.gpr[X86_RSP];
    for (unsigned i = 8; i-- > 0;) { /* the whole frame first, so that a fault leaves nothing changed */
        uint64_t sp = (rsp - op->size * (8 - i)) & v->stack_mask;
        gva_t lin = interp_linear(v, op, X86_SS, sp, op->size, true);
        v->op = op;
        interp_probe_lin(v, lin, op->size, interp_data_access(v) | X86_ACCESS_WRITE);
    }
    for (unsigned i = 0; i < 8; i++)
        push(v, op, op->size, i == X86_RSP ? rsp : v->cpu.gpr[i]);
}

INTERP_HANDLER(pusha)

static __attribute__((noinline)) void popa(struct interp_vcpu *v, const struct interp_op *op)
{
    uint64_t value[8], rsp = v->cpu.gpr[X86_RSP];
    for (unsigned i = 0; i < 8; i++)
        value[7 - i] = peek(v, op, op->size, rsp + i * op->size);
    for (unsigned i = 0; i < 8; i++) {
        if (i != X86_RSP)
            interp_set_reg(v, REG_OFFSET(i), op->size, value[i]);
    }
    add_sp(v, 8u * op->size);
}

INTERP_HANDLER(popa)

static __attribute__((noinline)) void enter(struct interp_vcpu *v, const struct interp_op *op)
{
    unsigned size = op->size, level = op->kind & 31;
    uint64_t rsp = v->cpu.gpr[X86_RSP], rbp = v->cpu.gpr[X86_RBP], frame;
    uint64_t start = rsp;
    push(v, op, size, rbp);
    frame = v->cpu.gpr[X86_RSP];
    for (unsigned i = 1; i < level; i++) {
        v->cpu.gpr[X86_RSP] = rsp; /* a fault sees the old one */
        uint64_t link = peek(v, op, size, rbp - i * size);
        v->cpu.gpr[X86_RSP] = frame - (i - 1) * size;
        uint64_t at = (frame - i * size) & v->stack_mask;
        v->cpu.gpr[X86_RSP] = start;
        gva_t lin = v->code_mode == X86_MODE_64 ? at : interp_linear(v, op, X86_SS, at, size, true);
        v->op = op;
        interp_write_lin(v, lin, &link, size, interp_data_access(v));
    }
    uint64_t sp = frame;
    v->cpu.gpr[X86_RSP] = start;
    if (level) {
        sp = frame - (level - 1) * size;
        uint64_t at = (sp - size) & v->stack_mask;
        gva_t lin = v->code_mode == X86_MODE_64 ? at : interp_linear(v, op, X86_SS, at, size, true);
        v->op = op;
        interp_write_lin(v, lin, &frame, size, interp_data_access(v));
        sp -= size;
    }
    sp -= (uint64_t)op->imm;
    v->op = op;
    uint64_t probe = sp & v->stack_mask;
    gva_t lin = v->code_mode == X86_MODE_64 ? probe : interp_linear(v, op, X86_SS, probe, size, true);
    interp_probe_lin(v, lin, size, interp_data_access(v) | X86_ACCESS_WRITE);
    v->cpu.gpr[X86_RSP] = (start & ~v->stack_mask) | (sp & v->stack_mask);
    interp_set_reg(v, REG_OFFSET(X86_RBP), size, frame);
}

INTERP_HANDLER(enter)

void interp_op_leave(struct interp_vcpu *v, const struct interp_op *op)
{
    uint64_t rbp = v->cpu.gpr[X86_RBP], value = peek(v, op, op->size, rbp);
    v->cpu.gpr[X86_RSP] = (v->cpu.gpr[X86_RSP] & ~v->stack_mask) | ((rbp + op->size) & v->stack_mask);
    interp_set_reg(v, REG_OFFSET(X86_RBP), op->size, value);
    INTERP_NEXT(v, op);
}

/* --- flags --- */

static void v86_check_iopl(struct interp_vcpu *v, const struct interp_op *op)
{
    v->op = op;
    if ((v->cpu.rflags & X86_VM) && (v->cpu.rflags & X86_IOPL) != X86_IOPL)
        interp_raise_error(v, X86_EXC_GP, 0);
}

void interp_op_pushf(struct interp_vcpu *v, const struct interp_op *op)
{
    v86_check_iopl(v, op);
    uint64_t flags = (v->cpu.rflags & ~(uint64_t)(X86_ARITH | X86_RF | X86_VM)) | cc_arith(v) | 2;
    push(v, op, op->size, flags);
    INTERP_NEXT(v, op);
}

void interp_op_popf(struct interp_vcpu *v, const struct interp_op *op)
{
    v86_check_iopl(v, op);
    uint64_t value = peek(v, op, op->size, v->cpu.gpr[X86_RSP]);
    uint64_t mask = interp_flags_writable(v, interp_real_mode(v) ? 0 : x86_cpl(&v->cpu), op->size);
    mask &= ~(uint64_t)(X86_RF | X86_VIF | X86_VIP);
    if (v->cpu.rflags & X86_VM)
        mask &= ~(uint64_t)X86_IOPL;
    uint64_t old = v->cpu.rflags;
    add_sp(v, op->size);
    v->cpu.rflags = (old & ~mask & ~(uint64_t)X86_RF) | (value & mask) | 2;
    v->cc_op = CC_FLAGS;
    interp_if_changed(v);
    if ((old ^ v->cpu.rflags) & (X86_TF | X86_AC | X86_RF))
        interp_mode_changed(v);
    v->cpu.rip = next_rip(v, op);
    interp_go_on(v);
}

void interp_op_flag(struct interp_vcpu *v, const struct interp_op *op)
{
    uint32_t flags = cc_arith(v), ah = (uint8_t)(v->cpu.gpr[X86_RAX] >> 8);
    switch (op->kind) {
    case 0xf5: cc_set(v, flags ^ X86_CF); break;
    case 0xf8: cc_set(v, flags & ~X86_CF); break;
    case 0xf9: cc_set(v, flags | X86_CF); break;
    case 0xfc: v->cpu.rflags &= ~(uint64_t)X86_DF; break;
    case 0xfd: v->cpu.rflags |= X86_DF; break;
    case 0x9e: cc_set(v, (flags & X86_OF) | (ah & (X86_ARITH & ~X86_OF))); break;
    case 0x9f: interp_set_reg(v, (uint16_t)(REG_OFFSET(X86_RAX) + 1), 1, (flags & 0xff) | 2); break;
    default: interp_set_reg(v, REG_OFFSET(X86_RAX), 1, flags & X86_CF ? 0xff : 0); break; /* SALC */
    }
    INTERP_NEXT(v, op);
}

void interp_op_int(struct interp_vcpu *v, const struct interp_op *op)
{
    switch (op->kind) {
    case 0xcc: interp_soft_interrupt(v, X86_EXC_BP, op);
    case 0xcd: interp_soft_interrupt(v, (uint8_t)op->imm, op);
    case 0xce:
        if (cc_of(v))
            interp_soft_interrupt(v, X86_EXC_OF, op);
        v->cpu.rip = next_rip(v, op);
        return;
    default: /* INT1: a trap behind itself, not subject to the gate's DPL */
        cc_commit(v);
        v->cpu.rip = next_rip(v, op);
        v->event = (struct interp_event){.valid = true, .vector = X86_EXC_DB};
        return;
    }
}

/* --- odds and ends of the chain --- */

uint64_t interp_this_rip(const struct interp_vcpu *v)
{
    if (!v->op)
        return v->cpu.rip;
    return interp_wrap(v->rip0 + v->op->start, v->code_mode == X86_MODE_64 ? 8 : v->code_mode == X86_MODE_32 ? 4 : 2);
}

uint32_t interp_get_arith(struct interp_vcpu *v)
{
    return cc_arith(v);
}

void interp_set_arith(struct interp_vcpu *v, uint32_t flags)
{
    cc_set(v, flags);
}

void interp_op_nop(struct interp_vcpu *v, const struct interp_op *op)
{
    INTERP_NEXT(v, op);
}

void interp_op_fence(struct interp_vcpu *v, const struct interp_op *op)
{
    __sync_synchronize();
    INTERP_NEXT(v, op);
}

void interp_op_ud(struct interp_vcpu *v, const struct interp_op *op)
{
    v->op = op;
    interp_raise(v, X86_EXC_UD);
}

void interp_op_insn(struct interp_vcpu *v, const struct interp_op *op)
{
    v->op = op;
    op->insn_fn(v, op->insn);
    INTERP_NEXT(v, op);
}

void interp_op_insn_end(struct interp_vcpu *v, const struct interp_op *op)
{
    v->op = op;
    cc_commit(v);
    v->cpu.rip = next_rip(v, op);
    op->insn_fn(v, op->insn);
    interp_go_on(v);
}
