/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * segment.c: code whose segments are not flat: 16-bit code of every mode, and 32-bit code with bases or limits. Offsets
 * are compared with their segment's end (interp_segment.plain_end) each time, as segment registers may change while a
 * block goes on; what is unusual about a segment is the handlers'. The code segment's limit needs no look: C lets a
 * block in only when all of its bytes are within, keys of the table of targets hold base and limit
 * (jit_segmented_salt), and links within a page are only made where CS begins and ends between pages.
 */
#include "engine/interp/ops.h"
#include "engine/jit/translate.h"

/* reg, zero-extended from size bytes. */
static void cut(struct translation *t, unsigned reg, unsigned size)
{
    if (size == 2)
        emit_op(&t->e, 0, 4, 0x1b7, reg, emit_reg(reg)); /* movzx */
}

static void load(struct translation *t, unsigned size, unsigned reg, struct emit_rm rm)
{
    emit_op(&t->e, 0, 4, size == 2 ? 0x1b7 : 0x8b, reg, rm);
}

/* --- memory --- */

void tr_segment_offset(struct translation *t, const struct x86_insn *insn)
{
    struct emit_rm rm = emit_mem(NO_REG, insn->disp);
    if (insn->base != X86_NO_REG)
        rm.base = jit_host_reg[insn->base];
    if (insn->index != X86_NO_REG) {
        rm.index = jit_host_reg[insn->index];
        rm.scale = insn->scale;
    }
    emit_op(&t->e, 0, 4, 0x8d, R14, rm); /* lea */
    cut(t, R14, insn->address_size);
    t->segment = (uint8_t)interp_ea_segment(insn);
}

void tr_segment_check(struct translation *t, unsigned size, bool write)
{
    struct emit *e = &t->e;
    const size_t which = write ? sizeof(uint64_t) : 0;
    if (t->live[t->at]) {
        emit_load(e, RCX, tr_segment_slot(t->segment, offsetof(struct interp_segment, minus_end) + which));
        emit_lea(e, RCX, emit_sib(R14, RCX, 0, (int32_t)size - 1));
        emit_vex(e, 2, true, false, 0x2f5, RCX, RCX, JIT_SLOT(sign)); /* pext: 1 when it is within */
        emit_lea(e, RCX, emit_mem(RCX, -1));
        tr_unless_zero(t);
    } else {
        emit_lea(e, RCX, emit_mem(R14, (int32_t)size));
        emit_op(e, 0, 8, 0x3b, RCX,
                tr_segment_slot(t->segment, offsetof(struct interp_segment, plain_end) + which)); /* cmp */
        tr_slow(t, emit_jcc(e, 7));
    }
    emit_load(e, RCX, tr_segment_slot(t->segment, offsetof(struct interp_segment, base)));
    emit_op(e, 0, 4, 0x8d, R14, emit_sib(R14, RCX, 0, 0)); /* lea */
}

/* --- the stack --- */

static struct emit_rm stack_at(struct translation *t, unsigned reg, int32_t disp, unsigned size, bool write)
{
    emit_op(&t->e, 0, 4, 0x8d, R14, emit_mem(reg, disp)); /* lea */
    cut(t, R14, t->stack_size);
    t->segment = X86_SS;
    return tr_memory(t, size, write, 0);
}

/* The stack pointer becomes reg + by; scratch is free. */
static void set_sp(struct translation *t, unsigned reg, int32_t by, unsigned scratch)
{
    struct emit *e = &t->e;
    if (t->stack_size == 4) {
        emit_op(e, 0, 4, 0x8d, GUEST_RSP, emit_mem(reg, by)); /* lea */
        return;
    }
    emit_op(e, 0, 4, 0x8d, scratch, emit_mem(reg, by));
    emit_op(e, 0, 2, 0x8b, GUEST_RSP, emit_reg(scratch));
}

static void move_sp(struct translation *t, int32_t by, unsigned scratch)
{
    set_sp(t, GUEST_RSP, by, scratch);
}

static void push(struct translation *t, unsigned host, unsigned size)
{
    struct emit_rm top = stack_at(t, GUEST_RSP, -(int32_t)size, size, true);
    emit_op(&t->e, 0, size, 0x89, host, top);
    move_sp(t, -(int32_t)size, R14);
}

static void push_imm(struct translation *t, const struct x86_insn *insn)
{
    const unsigned size = insn->operand_size;
    struct emit_rm top = stack_at(t, GUEST_RSP, -(int32_t)size, size, true);
    emit_op(&t->e, 0, size, 0xc7, 0, top);
    if (size == 2)
        emit_16(&t->e, (unsigned)insn->imm);
    else
        emit_32(&t->e, (uint32_t)insn->imm);
    move_sp(t, -(int32_t)size, R14);
}

/* What is in spare[0]. */
static void push_spare(struct translation *t, unsigned size)
{
    struct emit_rm top = tr_free_rcx(t, stack_at(t, GUEST_RSP, -(int32_t)size, size, true));
    emit_load(&t->e, RCX, JIT_SLOT(spare[0]));
    emit_op(&t->e, 0, size, 0x89, RCX, top);
    move_sp(t, -(int32_t)size, R14);
}

static void pop(struct translation *t, unsigned host, unsigned size)
{
    load(t, size, RCX, stack_at(t, GUEST_RSP, 0, size, false));
    move_sp(t, (int32_t)size, R14);
    emit_op(&t->e, 0, size, 0x8b, host, emit_reg(RCX));
}

/* The operand into r14. */
static void load_rm(struct translation *t, const struct x86_insn *insn)
{
    const unsigned size = insn->operand_size;
    if (insn->mod == 3) {
        load(t, size, R14, emit_reg(jit_host_reg[insn->rm]));
        return;
    }
    tr_segment_offset(t, insn);
    load(t, size, R14, tr_memory(t, size, false, 0));
}

static void push_rm(struct translation *t, const struct x86_insn *insn)
{
    load_rm(t, insn);
    emit_store(&t->e, R14, JIT_SLOT(spare[0]));
    push_spare(t, insn->operand_size);
}

static void leave(struct translation *t, const struct x86_insn *insn)
{
    const unsigned size = insn->operand_size;
    load(t, size, RCX, stack_at(t, RBP, 0, size, false));
    set_sp(t, RBP, (int32_t)size, R14);
    emit_op(&t->e, 0, size, 0x8b, RBP, emit_reg(RCX));
}

/* --- leaving --- */

/* r14: an offset in CS. Falls through when its code is known; else jumps to the returned rel32. */
static uint8_t *look_up(struct translation *t)
{
    struct emit *e = &t->e;
    tr_find_target(e);
    emit_load(e, RCX, emit_sib(R15, RCX, 3, JIT_TARGET(key)));
    emit_lea(e, RCX, emit_sib(RCX, R14, 0, 0));
    emit_store(e, R14, JIT_SLOT(spare[2]));
    emit_load(e, R14, JIT_SLOT(salt));
    emit_lea(e, RCX, emit_sib(RCX, R14, 0, 0));
    emit_load(e, R14, JIT_SLOT(spare[2]));
    emit_16(e, 0x05e3); /* jrcxz over the jump */
    return emit_jump(e);
}

/* reg = the address at this offset from the block's start. */
static void address(struct translation *t, unsigned reg, int64_t target, unsigned size)
{
    emit_load(&t->e, reg, JIT_SLOT(page_va));
    emit_op(&t->e, 0, 4, 0x8d, reg, emit_mem(reg, (int32_t)(t->page_offset + target))); /* lea */
    cut(t, reg, size);
}

static bool may_link(const struct translation *t, int64_t target)
{
    const int64_t at = (int64_t)t->page_offset + target;
    return (!t->uneven && at >= 0 && at < (int64_t)PAGE_BYTES) || (target == 0 && t->links_self);
}

void tr_segment_goto(struct translation *t, int64_t target)
{
    if (may_link(t, target)) {
        tr_link_from(t, emit_jump(&t->e), target);
        return;
    }
    address(t, R14, target, t->code_size);
    uint8_t *miss = look_up(t);
    tr_jump_target(t);
    tr_exit_by_rip(t, miss);
}

/* By the instruction's displacement; its handler sees to what is outside the segment. */
static void branch(struct translation *t, const struct x86_insn *insn)
{
    const int64_t target = t->start[t->at] + insn->length + insn->imm;
    if (may_link(t, target)) {
        tr_link_from(t, emit_jump(&t->e), target);
        return;
    }
    address(t, R14, target, insn->operand_size);
    tr_slow(t, look_up(t));
    tr_jump_target(t);
}

static void jcc(struct translation *t, const struct x86_insn *insn)
{
    const int64_t next = t->start[t->at] + insn->length;
    uint8_t *taken = emit_jcc(&t->e, insn->opcode & 15);
    tr_segment_goto(t, next);
    if (!t->e.full)
        emit_target(taken, t->e.p);
    branch(t, insn);
}

/* The count is not changed before the last check. The flags stay. */
static bool loop(struct translation *t, const struct x86_insn *insn)
{
    struct emit *e = &t->e;
    const int64_t next = t->start[t->at] + insn->length, target = next + insn->imm;
    const unsigned size = insn->address_size;
    uint8_t *stays[2];
    if (insn->opcode < 0xe3) {
        stays[0] = NULL;
        if (insn->opcode != 0xe2)
            stays[0] = emit_jcc(e, insn->opcode == 0xe1 ? 5 : 4);
        emit_op(e, 0, 4, 0x8d, RCX, emit_mem(GUEST_RCX, -1));
        cut(t, RCX, size);
        emit_16(e, 0x02e3); /* jrcxz over the short jump */
        emit_16(e, 0x05eb); /* over the long one */
        stays[1] = emit_jump(e);
    } else {
        load(t, size, RCX, emit_reg(GUEST_RCX));
        emit_16(e, 0x05e3);
        stays[0] = emit_jump(e);
        stays[1] = NULL;
    }
    if (!may_link(t, target)) {
        address(t, R14, target, insn->operand_size);
        tr_slow(t, look_up(t));
    }
    if (insn->opcode < 0xe3) {
        emit_op(e, 0, 4, 0x8d, RCX, emit_mem(GUEST_RCX, -1));
        emit_op(e, 0, size, 0x8b, GUEST_RCX, emit_reg(RCX));
    }
    if (may_link(t, target))
        tr_link_from(t, emit_jump(e), target);
    else
        tr_jump_target(t);
    for (unsigned i = 0; i < 2 && !e->full; i++) {
        if (stays[i])
            emit_target(stays[i], e->p);
    }
    if (insn->opcode < 0xe3) {
        emit_op(e, 0, 4, 0x8d, RCX, emit_mem(GUEST_RCX, -1));
        emit_op(e, 0, size, 0x8b, GUEST_RCX, emit_reg(RCX));
    }
    tr_segment_goto(t, next);
    return true;
}

static void push_return(struct translation *t, const struct x86_insn *insn)
{
    const unsigned size = insn->operand_size;
    struct emit_rm top = tr_free_rcx(t, stack_at(t, GUEST_RSP, -(int32_t)size, size, true));
    address(t, RCX, t->start[t->at] + insn->length, t->code_size);
    emit_op(&t->e, 0, size, 0x89, RCX, top);
    move_sp(t, -(int32_t)size, R14);
}

static void call(struct translation *t, const struct x86_insn *insn)
{
    const int64_t target = t->start[t->at] + insn->length + insn->imm;
    if (may_link(t, target)) {
        push_return(t, insn);
        tr_link_from(t, emit_jump(&t->e), target);
        return;
    }
    address(t, R14, target, insn->operand_size);
    tr_slow(t, look_up(t));
    push_return(t, insn);
    address(t, R14, target, insn->operand_size);
    tr_jump_target(t);
}

static void ret(struct translation *t, const struct x86_insn *insn)
{
    const unsigned size = insn->operand_size;
    const int32_t release = insn->opcode == 0xc2 ? (uint16_t)insn->imm : 0;
    load(t, size, R14, stack_at(t, GUEST_RSP, 0, size, false));
    tr_slow(t, look_up(t));
    move_sp(t, (int32_t)size + release, RCX);
    tr_jump_target(t);
}

static void jmp_rm(struct translation *t, const struct x86_insn *insn)
{
    load_rm(t, insn);
    tr_slow(t, look_up(t));
    tr_jump_target(t);
}

static void call_rm(struct translation *t, const struct x86_insn *insn)
{
    load_rm(t, insn);
    tr_slow(t, look_up(t));
    emit_store(&t->e, R14, JIT_SLOT(spare[1]));
    push_return(t, insn);
    emit_load(&t->e, R14, JIT_SLOT(spare[1]));
    tr_jump_target(t);
}

bool tr_segment_flow(struct translation *t)
{
    const struct x86_insn *insn = &t->insn[t->at];
    switch (t->how[t->at].kind) {
    case JIT_PUSH: push(t, jit_host_reg[tr_low_reg(insn)], insn->operand_size); return true;
    case JIT_POP: pop(t, jit_host_reg[tr_low_reg(insn)], insn->operand_size); return true;
    case JIT_PUSH_IMM: push_imm(t, insn); return true;
    case JIT_PUSH_RM: push_rm(t, insn); return true;
    case JIT_LEAVE: leave(t, insn); return true;
    case JIT_JCC: jcc(t, insn); return true;
    case JIT_LOOP: return loop(t, insn);
    case JIT_JMP: branch(t, insn); return true;
    case JIT_CALL: call(t, insn); return true;
    case JIT_RET: ret(t, insn); return true;
    case JIT_JMP_RM: jmp_rm(t, insn); return true;
    case JIT_CALL_RM: call_rm(t, insn); return true;
    default: return false;
    }
}

/* What JIT_COPY and JIT_ACC copy, where 66h means something else. */
void tr_segment_copy(struct translation *t)
{
    struct emit *e = &t->e;
    const struct x86_insn *insn = &t->insn[t->at];
    const bool sized = t->how[t->at].kind == JIT_ACC ? t->how[t->at].size == 2
                                                     : (insn->opcode & 0xfe) == 0x98 && insn->operand_size == 2;
    if (insn->map == X86_MAP_0F) { /* fences */
        emit_bytes(e, insn->bytes, insn->length);
        return;
    }
    if (sized)
        emit_8(e, 0x66);
    if (insn->opcode == 0x90 && insn->prefix_rep == 0xf3)
        emit_8(e, 0xf3);
    emit_8(e, insn->opcode);
    emit_bytes(e, insn->bytes + insn->imm_offset, insn->imm_size);
}
