/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flow.c: the stack, and how a block is left: by links within its page, returns by what their call left for them, and
 * by the table of targets for everything else. 64-bit code, and flat 32-bit code. Nothing is changed before the last
 * check that may send the instruction to its handler.
 */
#include "engine/jit/translate.h"

/* --- the stack --- */

/* Addresses and what is on the stack are words; those of 32-bit code are zero-extended. */
static void lea(struct translation *t, unsigned reg, struct emit_rm rm)
{
    emit_op(&t->e, 0, t->word, 0x8d, reg, rm);
}

static void load(struct translation *t, unsigned reg, struct emit_rm rm)
{
    emit_op(&t->e, 0, t->word, 0x8b, reg, rm);
}

static void store(struct translation *t, unsigned reg, struct emit_rm rm)
{
    emit_op(&t->e, 0, t->word, 0x89, reg, rm);
}

static struct emit_rm stack_top(struct translation *t, bool push)
{
    struct emit_rm rm;
    if (tr_grouped(t, 1, &rm))
        return rm;
    lea(t, R14, emit_mem(GUEST_RSP, push ? -(int32_t)t->word : 0));
    return tr_memory(t, t->word, push, 0);
}

static void move_sp(struct translation *t, int32_t by)
{
    lea(t, GUEST_RSP, emit_mem(GUEST_RSP, by));
}

static bool push(struct translation *t, unsigned n)
{
    struct emit_rm top = stack_top(t, true);
    if (jit_host_reg[n] == JIT_IN_MEMORY)
        top = tr_free_rcx(t, top);
    store(t, tr_reg(t, n, RCX, true), top);
    move_sp(t, -(int32_t)t->word);
    return true;
}

static bool pop(struct translation *t, unsigned n)
{
    struct emit_rm top = stack_top(t, false);
    unsigned host = jit_host_reg[n] == JIT_IN_MEMORY ? RCX : jit_host_reg[n];
    move_sp(t, (int32_t)t->word);
    load(t, host, top);
    tr_put(t, n, host);
    return true;
}

static bool push_imm(struct translation *t, const struct x86_insn *insn)
{
    struct emit_rm top = stack_top(t, true);
    emit_op(&t->e, 0, t->word, 0xc7, 0, top);
    emit_32(&t->e, (uint32_t)insn->imm);
    move_sp(t, -(int32_t)t->word);
    return true;
}

/* The operand, a word, into r14. */
static bool load_rm(struct translation *t, const struct x86_insn *insn)
{
    if (insn->mod == 3) {
        load(t, R14, emit_reg(tr_reg(t, insn->rm, R14, true)));
        return true;
    }
    struct emit_rm rm;
    if (!tr_grouped(t, 0, &rm)) {
        if (!tr_address(t, insn))
            return false;
        rm = tr_memory(t, t->word, false, 0);
    }
    load(t, R14, rm);
    return true;
}

static bool push_rm(struct translation *t, const struct x86_insn *insn)
{
    if (!load_rm(t, insn))
        return false;
    emit_store(&t->e, R14, JIT_SLOT(spare[0]));
    struct emit_rm top = tr_free_rcx(t, stack_top(t, true));
    emit_load(&t->e, RCX, JIT_SLOT(spare[0]));
    store(t, RCX, top);
    move_sp(t, -(int32_t)t->word);
    return true;
}

static bool leave(struct translation *t)
{
    load(t, R14, emit_reg(RBP));
    struct emit_rm top = tr_memory(t, t->word, false, 0);
    lea(t, GUEST_RSP, emit_mem(RBP, (int32_t)t->word));
    load(t, RBP, top);
    return true;
}

/* --- leaving --- */

static uint8_t *common(const struct translation *t, const uint8_t *routine)
{
    return t->j->rw + (routine - t->j->rx);
}

static bool in_page(const struct translation *t, int64_t target)
{
    int64_t at = (int64_t)t->page_offset + target;
    return at >= 0 && at < (int64_t)PAGE_BYTES;
}

void tr_find_target(struct emit *e)
{
    emit_vex(e, 2, true, false, 0x2f5, RCX, R14, JIT_SLOT(target_mask)); /* pext */
    emit_lea(e, RCX, emit_sib(NO_REG, RCX, 1, 0));
}

/* r14: an address; falls through when its code is known (jump_target), or jumps to the returned rel32. */
static uint8_t *look_up(struct translation *t)
{
    struct emit *e = &t->e;
    tr_find_target(e);
    emit_load(e, RCX, emit_sib(R15, RCX, 3, JIT_TARGET(key)));
    emit_lea(e, RCX, emit_sib(RCX, R14, 0, t->word == 4 ? JIT_TARGET_32 : 0));
    emit_16(e, 0x05e3); /* jrcxz over the jump */
    return emit_jump(e);
}

void tr_jump_target(struct translation *t)
{
    tr_find_target(&t->e);
    emit_op(&t->e, 0, 4, 0xff, 4, emit_sib(R15, RCX, 3, JIT_TARGET(code)));
}

void tr_exit_by_rip(struct translation *t, uint8_t *rel32)
{
    if (!t->e.full)
        emit_target(rel32, common(t, t->j->exit_by_rip));
}

static void page_plus(struct translation *t, unsigned reg, int64_t offset)
{
    const int64_t from_page = (int64_t)t->page_offset + offset, half = from_page / 2;
    emit_load(&t->e, reg, JIT_SLOT(page_va));
    if (from_page == (int32_t)from_page) {
        lea(t, reg, emit_mem(reg, (int32_t)from_page));
    } else { /* a jump over 2 GiB, less the page */
        lea(t, reg, emit_mem(reg, (int32_t)half));
        lea(t, reg, emit_mem(reg, (int32_t)(from_page - half)));
    }
}

/* A rel32 that goes to the exit, with its link's number, until that is patched. */
static void link_to(struct translation *t, uint8_t *rel32, int64_t target, unsigned entry, const uint8_t *exit)
{
    struct jit_vcpu *j = t->j;
    if (t->e.full)
        return;
    struct jit_link *l = &j->links[j->link_count];
    *l = (struct jit_link){.patch = rel32,
                           .from = t->b,
                           .target = (uint16_t)(t->page_offset + target),
                           .entry = (uint8_t)entry,
                           .shadow = tr_is_sti(&t->insn[t->count - 1])};
    emit_target(rel32, t->e.p);
    emit_8(&t->e, 0xb8 + RCX);
    emit_32(&t->e, j->link_count++);
    uint8_t *out = emit_jump(&t->e);
    if (!t->e.full)
        emit_target(out, common(t, exit));
}

void tr_link_from(struct translation *t, uint8_t *rel32, int64_t target)
{
    if (target == 0 && !t->e.full)
        emit_target(rel32, t->code - JIT_BACKWARD_ENTRY);
    else
        link_to(t, rel32, target, target <= (int64_t)t->start[t->count - 1] ? JIT_BACKWARD_ENTRY : 0,
                t->j->exit_by_link);
}

/* r14: the address. */
static void goto_by_table(struct translation *t)
{
    uint8_t *miss = look_up(t);
    tr_jump_target(t);
    tr_exit_by_rip(t, miss);
}

/*
 * From one page to another. The kernel's 64-bit code, which lies in the last 2 GiB, has a link there, for when its page
 * is where it is now.
 */
static void goto_far(struct translation *t, int64_t target)
{
    struct emit *e = &t->e;
    const struct interp_vcpu *v = &t->j->v;
    const int64_t address = (int64_t)(v->rip0 + (uint64_t)target);
    page_plus(t, R14, target);
    if (t->word == 8 && !v->user && address < 0 && address == (int32_t)address && address != INT32_MIN) {
        emit_lea(e, RCX, emit_mem(R14, (int32_t)-address));
        emit_16(e, 0x05e3); /* jrcxz over the jump */
        uint8_t *elsewhere = emit_jump(e);
        link_to(t, emit_jump(e), 0, JIT_TARGET_ENTRY, t->j->exit_by_far_link);
        if (e->full)
            return;
        t->j->links[t->j->link_count - 1].unlinked = t->j->links[t->j->link_count - 1].patch + 4;
        emit_target(elsewhere, e->p);
    }
    goto_by_table(t);
}

void tr_goto(struct translation *t, int64_t target)
{
    if (t->segmented) {
        tr_segment_goto(t, target);
        return;
    }
    if (!in_page(t, target)) {
        goto_far(t, target);
        return;
    }
    uint8_t *jump = emit_jump(&t->e);
    tr_link_from(t, jump, target);
}

/* taken: the rel32 of a jump when the condition holds; else what follows is run. */
static bool branch(struct translation *t, const struct x86_insn *insn, uint8_t *taken)
{
    int64_t next = t->start[t->at] + insn->length, target = next + insn->imm;
    if (!in_page(t, target)) {
        t->far_rel32 = taken;
        t->far_target = target;
        tr_goto(t, next);
    } else if (!in_page(t, next)) {
        tr_goto(t, next);
        tr_link_from(t, taken, target);
    } else {
        uint8_t *other = emit_jump(&t->e);
        tr_link_from(t, other, next);
        tr_link_from(t, taken, target);
    }
    return true;
}

/* LOOP and JRCXZ, by RCX or ECX. The flags stay. */
static bool loop(struct translation *t, const struct x86_insn *insn)
{
    struct emit *e = &t->e;
    const unsigned size = insn->address_size;
    if (insn->opcode == 0xe2)
        emit_op(e, 0, size, 0x8d, GUEST_RCX, emit_mem(GUEST_RCX, -1)); /* lea */
    emit_op(e, 0, size, 0x8b, RCX, emit_reg(GUEST_RCX));
    if (insn->opcode == 0xe2) {
        emit_16(e, 0x05e3); /* jrcxz over the jump */
    } else {
        emit_16(e, 0x02e3); /* jrcxz over the short jump */
        emit_16(e, 0x05eb); /* over the long one */
    }
    return branch(t, insn, emit_jump(e));
}

/* --- calls and returns --- */

static struct emit_rm returned(const struct translation *t, size_t member)
{
    const size_t mode = t->word == 4 ? sizeof(struct jit_returns) : 0;
    return emit_sib(R15, R14, 3, JIT_FRONT(returns) + (int32_t)(mode + member));
}

/* rcx: the return address, which is on the stack; the flags stay. */
static void note_return(struct translation *t, int64_t next)
{
    static const uint8_t lea_rcx_rip[] = {0x48, 0x8d, 0x0d};
    struct emit *e = &t->e;
    if (!in_page(t, next))
        return;
    emit_vex(e, 2, true, false, 0x2f5, R14, GUEST_RSP, JIT_SLOT(return_mask)); /* pext */
    emit_op(e, 0, t->word, 0xf7, 2, emit_reg(RCX));                            /* not */
    emit_store(e, RCX, returned(t, offsetof(struct jit_returns, key)));
    emit_bytes(e, lea_rcx_rip, sizeof lea_rcx_rip);
    emit_32(e, 0);
    if (!e->full)
        t->return_rel32 = e->p - 4;
    emit_store(e, RCX, returned(t, offsetof(struct jit_returns, code)));
}

void tr_flow_stubs(struct translation *t)
{
    if (t->far_rel32 && !t->e.full) {
        emit_target(t->far_rel32, t->e.p);
        goto_far(t, t->far_target);
    }
    if (t->return_rel32 && !t->e.full) {
        emit_target(t->return_rel32, t->e.p);
        link_to(t, emit_jump(&t->e), t->start[t->count], JIT_TARGET_ENTRY, t->j->exit_by_return);
    }
}

/* Pushes the return address; the target is not looked at. */
static void push_return(struct translation *t, const struct x86_insn *insn)
{
    const int64_t next = t->start[t->at] + insn->length;
    struct emit_rm top = tr_free_rcx(t, stack_top(t, true));
    page_plus(t, RCX, next);
    store(t, RCX, top);
    move_sp(t, -(int32_t)t->word);
    note_return(t, next);
}

static bool call(struct translation *t, const struct x86_insn *insn)
{
    push_return(t, insn);
    tr_goto(t, t->start[t->at] + insn->length + insn->imm);
    return true;
}

static struct emit_rm return_entry(const struct translation *t, size_t member)
{
    struct emit_rm rm = returned(t, member);
    rm.index = RCX;
    return rm;
}

static void find_return(struct translation *t)
{
    emit_vex(&t->e, 2, true, false, 0x2f5, RCX, GUEST_RSP, JIT_SLOT(return_mask)); /* pext */
}

static bool ret(struct translation *t, const struct x86_insn *insn)
{
    struct emit *e = &t->e;
    const int32_t release = (int32_t)t->word + (insn->opcode == 0xc2 ? (uint16_t)insn->imm : 0);
    load(t, R14, stack_top(t, false));
    find_return(t);
    emit_load(e, RCX, return_entry(t, offsetof(struct jit_returns, key)));
    lea(t, RCX, emit_sib(RCX, R14, 0, 1));
    emit_16(e, 0x05e3); /* jrcxz over the jump */
    uint8_t *unknown = emit_jump(e);
    find_return(t);
    move_sp(t, release);
    emit_op(e, 0, 4, 0xff, 4, return_entry(t, offsetof(struct jit_returns, code)));
    if (!e->full)
        emit_target(unknown, e->p);
    tr_slow(t, look_up(t));
    move_sp(t, release);
    tr_jump_target(t);
    return true;
}

static bool jmp_rm(struct translation *t, const struct x86_insn *insn)
{
    if (!load_rm(t, insn))
        return false;
    tr_slow(t, look_up(t));
    tr_jump_target(t);
    return true;
}

static bool call_rm(struct translation *t, const struct x86_insn *insn)
{
    if (!load_rm(t, insn))
        return false;
    tr_slow(t, look_up(t));
    emit_store(&t->e, R14, JIT_SLOT(spare[0]));
    push_return(t, insn);
    emit_load(&t->e, R14, JIT_SLOT(spare[0]));
    tr_jump_target(t);
    return true;
}

bool tr_flow(struct translation *t)
{
    const struct x86_insn *insn = &t->insn[t->at];
    const int64_t next = t->start[t->at] + insn->length;
    if (t->segmented)
        return tr_segment_flow(t);
    switch (t->how[t->at].kind) {
    case JIT_PUSH: return push(t, tr_low_reg(insn));
    case JIT_POP: return pop(t, tr_low_reg(insn));
    case JIT_PUSH_IMM: return push_imm(t, insn);
    case JIT_PUSH_RM: return push_rm(t, insn);
    case JIT_LEAVE: return leave(t);
    case JIT_JCC: return branch(t, insn, emit_jcc(&t->e, insn->opcode & 15));
    case JIT_LOOP: return loop(t, insn);
    case JIT_JMP: tr_goto(t, next + insn->imm); return true;
    case JIT_CALL: return call(t, insn);
    case JIT_RET: return ret(t, insn);
    case JIT_JMP_RM: return jmp_rm(t, insn);
    case JIT_CALL_RM: return call_rm(t, insn);
    default: return false;
    }
}
