/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * translate.c: one block of the reference engine to host code: operands, the inline TLB, and the instructions that the
 * host runs as they are with other registers. What cannot be done here calls the reference engine's handler.
 *
 * A flag that is overwritten before anything reads it is clobbered freely; should the instruction in between fault, the
 * RFLAGS that its handler sees have another value there.
 */
#include "engine/jit/translate.h"

#include "engine/interp/ops.h"

#include <string.h>

#define BESIDE_MOST 64u /* bytes that write_beside looks for */

/* --- calls of handlers --- */

static interp_fn original_fn(const struct interp_block *b, unsigned i)
{
    return i ? b->ops[i].fn : b->first;
}

uint32_t tr_op(struct translation *t)
{
    struct jit_op *o = &t->j->ops[t->j->op_count];
    const size_t offset = (size_t)((const uint8_t *)t->b - t->j->v.arena);
    *o = (struct jit_op){.block = (uint32_t)(offset / INTERP_BLOCK_ALIGN), .at = (uint8_t)t->at};
    jit_stats_op(t->j, o, &t->insn[t->at]);
    return t->j->op_count++;
}

void tr_slow_as(struct translation *t, const struct jit_stub *stub)
{
    if (t->stub_count == MAX_STUBS) {
        t->e.full = true;
        return;
    }
    t->stub[t->stub_count++] = *stub;
}

void tr_slow(struct translation *t, uint8_t *rel32)
{
    tr_slow_as(t, &(struct jit_stub){.rel32 = rel32}); /* instruction() has the rest */
}

void tr_call(struct translation *t, const uint8_t *routine, uint32_t number)
{
    emit_8(&t->e, 0xb8 + RCX);
    emit_32(&t->e, number);
    emit_8(&t->e, 0xe8);
    emit_32(&t->e, 0);
    if (!t->e.full)
        emit_target(t->e.p - 4, t->j->rw + (routine - t->j->rx));
}

static void call_fallback(struct translation *t, uint32_t op)
{
    tr_call(t, t->j->fallback, op);
}

void tr_fallback(struct translation *t)
{
    call_fallback(t, tr_op(t));
}

static struct emit_rm entry(int32_t member)
{
    return emit_sib(R15, RCX, 3, member);
}

/* Calls write_beside, and goes on behind the check; or, if that says no, behind this. */
static void try_beside(struct translation *t, const struct jit_stub *s)
{
    struct emit *e = &t->e;
    if (s->added)
        emit_op(e, 0, 8, 0x2b, R14, entry(JIT_ENTRY(write))); /* sub */
    emit_8(e, 0xe8);
    emit_32(e, 0);
    uint8_t *back = emit_jump(e);
    if (e->full)
        return;
    emit_target(back - 5, t->j->rw + (t->j->write_beside - t->j->rx));
    emit_target(back, s->beside);
}

static void write_stubs(struct translation *t)
{
    for (unsigned i = 0; i < t->stub_count && !t->e.full; i++) {
        const struct jit_stub *s = &t->stub[i];
        emit_target(s->rel32, t->e.p);
        if (s->beside)
            try_beside(t, s);
        for (unsigned group = 0; s->passed >> group; group++) {
            if (s->passed >> group & 1)
                tr_close_group(t, group);
        }
        call_fallback(t, s->op);
        if (s->resume) {
            uint8_t *back = emit_jump(&t->e);
            if (!t->e.full)
                emit_target(back, s->resume);
        }
    }
}

/* --- operands --- */

unsigned tr_reg(struct translation *t, unsigned n, unsigned scratch, bool load)
{
    if (jit_host_reg[n] != JIT_IN_MEMORY)
        return jit_host_reg[n];
    if (load)
        emit_load(&t->e, scratch, JIT_GPR(n));
    return scratch;
}

void tr_put(struct translation *t, unsigned n, unsigned host)
{
    if (jit_host_reg[n] == JIT_IN_MEMORY)
        emit_store(&t->e, host, JIT_GPR(n));
    else if (jit_host_reg[n] != host)
        emit_load(&t->e, jit_host_reg[n], emit_reg(host));
}

struct emit_rm tr_segment_slot(unsigned segment, size_t member)
{
    return emit_mem(RSP,
                    (int32_t)(offsetof(struct jit_vcpu, v.seg) + segment * sizeof(struct interp_segment) + member));
}

bool tr_address(struct translation *t, const struct x86_insn *insn)
{
    struct emit *e = &t->e;
    struct emit_rm rm = emit_mem(NO_REG, insn->disp);
    unsigned size = insn->address_size == 8 ? 8 : 4;
    if (t->segmented) {
        tr_segment_offset(t, insn);
        return true;
    }
    if (insn->address_size == 2 || (insn->segment == X86_CS && t->word == 4))
        return false;
    if (insn->rip_relative) {
        int64_t disp = (int64_t)insn->disp + t->page_offset + t->start[t->at] + insn->length;
        if (disp != (int32_t)disp || size != 8)
            return false;
        emit_load(e, R14, JIT_SLOT(page_va));
        rm = emit_mem(R14, (int32_t)disp);
    } else {
        if (insn->base != X86_NO_REG)
            rm.base = (uint8_t)tr_reg(t, insn->base, R14, true);
        if (insn->index != X86_NO_REG) {
            rm.index = (uint8_t)tr_reg(t, insn->index, RCX, true);
            rm.scale = insn->scale;
        }
    }
    emit_op(e, 0, size, 0x8d, R14, rm);
    if (insn->segment == X86_FS || insn->segment == X86_GS) {
        if (t->word == 4) { /* other limits are the handler's */
            emit_load(e, RCX, tr_segment_slot(insn->segment, offsetof(struct interp_segment, narrow)));
            emit_16(e, 0x05e3); /* jrcxz over the jump */
            tr_slow(t, emit_jump(e));
        }
        emit_load(e, RCX, tr_segment_slot(insn->segment, offsetof(struct interp_segment, base)));
        emit_op(e, 0, t->word, 0x8d, R14, emit_sib(R14, RCX, 0, 0));
    }
    return true;
}

/* The flags may change. */
static uint8_t *check_quick(struct translation *t, unsigned size, int32_t tag, unsigned align)
{
    struct emit *e = &t->e;
    emit_vex(e, 0, true, false, 0x2f7, RCX, R15, emit_reg(R14)); /* bextr rcx, r14, r15 */
    emit_op(e, 0, 8, 0xc1, 4, emit_reg(RCX));                    /* shl rcx, 2: in units of SIB's 8 */
    emit_8(e, 2);
    emit_op(e, 0, 8, 0x03, R14, entry(tag));
    uint8_t *no;
    if (size == 1 || align) {
        emit_op(e, 0, 8, 0xf7, 0, emit_reg(R14));
        emit_32(e, ~(uint32_t)PAGE_MASK_4K | (align ? (8u << align) - 1 : 0));
        no = emit_jcc(e, 5);
    } else {
        emit_op(e, 0, 8, 0x81, 7, emit_reg(R14));
        emit_32(e, PAGE_BYTES - size);
        no = emit_jcc(e, 7);
    }
    emit_load(e, RCX, entry(JIT_ENTRY(host))); /* behind the jump: see tr_stub_of_check() */
    return no;
}

static void find_entry(struct emit *e)
{
    emit_vex(e, 2, true, false, 0x2f5, RCX, R14, JIT_SLOT(index_mask)); /* pext */
    emit_lea(e, RCX, emit_sib(NO_REG, RCX, 2, 0));
}

/* The flags stay. */
static uint8_t *check_kept(struct translation *t, unsigned size, int32_t tag, unsigned align)
{
    struct emit *e = &t->e;
    struct emit_rm mask = emit_mem(RSP, (int32_t)(offsetof(struct jit_vcpu, page_mask) + 8 * align));
    find_entry(e);
    emit_load(e, RCX, entry(tag));
    emit_lea(e, RCX, emit_sib(R14, RCX, 0, align ? 0 : (int32_t)size - 1));
    emit_vex(e, 2, true, false, 0x2f5, RCX, RCX, mask);
    emit_16(e, 0x05e3); /* jrcxz over the jump */
    uint8_t *no = emit_jump(e);
    find_entry(e);
    emit_load(e, RCX, entry(JIT_ENTRY(delta)));
    return no;
}

uint8_t *tr_check(struct translation *t, unsigned size, bool write, unsigned align)
{
    int32_t tag = write ? JIT_ENTRY(write) : JIT_ENTRY(read);
    if (t->segmented)
        tr_segment_check(t, size, write);
    return t->live[t->at] ? check_kept(t, size, tag, align) : check_quick(t, size, tag, align);
}

struct jit_stub tr_stub_of_check(const struct translation *t, uint8_t *rel32, unsigned size, bool write, unsigned align)
{
    struct jit_stub stub = {.rel32 = rel32};
    if (write && !align && size <= BESIDE_MOST && t->j->write_beside) {
        stub.beside = t->e.p;
        stub.added = !t->live[t->at];
    }
    return stub;
}

struct emit_rm tr_memory(struct translation *t, unsigned size, bool write, unsigned align)
{
    uint8_t *no = tr_check(t, size, write, align);
    const struct jit_stub stub = tr_stub_of_check(t, no, size, write, align);
    tr_slow_as(t, &stub);
    return emit_sib(R14, RCX, 0, 0);
}

struct emit_rm tr_free_rcx(struct translation *t, struct emit_rm rm)
{
    if (rm.index == NO_REG)
        return rm;
    emit_lea(&t->e, R14, rm);
    return emit_mem(R14, 0);
}

/* --- instructions by their ModRM operands --- */

static bool high_byte(const struct x86_insn *insn, unsigned n, unsigned size)
{
    return size == 1 && !insn->has_rex && n >= 4 && n < 8;
}

static void immediate(struct translation *t, const struct x86_insn *insn)
{
    emit_bytes(&t->e, insn->bytes + insn->imm_offset, insn->imm_size);
}

/* The place of the memory operand. */
static bool operand(struct translation *t, const struct x86_insn *insn, const struct jit_class *c, struct emit_rm *rm)
{
    if (tr_grouped(t, 0, rm))
        return true;
    if (!tr_address(t, insn))
        return false;
    *rm = tr_memory(t, c->rm_size, (c->rm & USE_W) != 0, 0);
    return true;
}

/* Of a register that is named without REX beside a high byte. */
enum place { AS_IT_IS, IN_RCX, NOWHERE };

static enum place place_without_rex(const struct x86_insn *insn, unsigned n, unsigned size)
{
    if (high_byte(insn, n, size))
        n -= 4;
    else if (n == X86_RSP)
        return NOWHERE;
    return n == X86_RCX ? IN_RCX : AS_IT_IS;
}

/*
 * Byte registers AH, CH, DH, BH cannot be named beside a REX prefix: both operands where the guest has them, RCX in the
 * host's, or not at all.
 */
static bool with_high_bytes(struct translation *t, const struct x86_insn *insn, const struct jit_class *c,
                            unsigned flags, unsigned op)
{
    struct emit *e = &t->e;
    const enum place reg = c->reg ? place_without_rex(insn, insn->reg, c->reg_size) : AS_IT_IS;
    struct emit_rm rm;
    bool rcx = reg == IN_RCX, rcx_changes = rcx && (c->reg & USE_W);
    if (reg == NOWHERE || c->by_cl)
        return false;
    if (insn->mod == 3) {
        const enum place place = place_without_rex(insn, insn->rm, c->rm_size);
        if (place == NOWHERE)
            return false;
        rm = emit_reg(insn->rm);
        rcx = rcx || place == IN_RCX;
        rcx_changes = rcx_changes || (place == IN_RCX && (c->rm & USE_W));
    } else {
        if (rcx || !operand(t, insn, c, &rm))
            return false;
        emit_lea(e, RCX, rm);
        rm = emit_mem(RCX, 0);
    }
    if (rcx)
        emit_load(e, RCX, emit_reg(jit_host_reg[X86_RCX]));
    emit_op(e, flags, c->size, op, insn->reg & 7, rm);
    immediate(t, insn);
    if (rcx_changes)
        emit_load(e, jit_host_reg[X86_RCX], emit_reg(RCX));
    return true;
}

static bool modrm(struct translation *t, const struct x86_insn *insn, const struct jit_class *c)
{
    struct emit *e = &t->e;
    struct emit_rm rm;
    unsigned op = insn->opcode | (unsigned)insn->map << 8, flags = 0, reg = insn->reg & 7;
    bool high = high_byte(insn, insn->reg, c->reg ? c->reg_size : 0) ||
                (insn->mod == 3 && high_byte(insn, insn->rm, c->rm_size));
    if (insn->prefix_lock)
        flags |= EMIT_LOCK;
    if (c->keep_rep)
        flags |= insn->prefix_rep == 0xf2 ? EMIT_F2 : EMIT_F3;
    if (high)
        return with_high_bytes(t, insn, c, flags, op);
    if (insn->mod == 3) {
        rm = emit_reg(tr_reg(t, insn->rm, R14, (c->rm & USE_R) || c->rm_size < 4));
        if (c->rm_size == 1)
            flags |= EMIT_BYTE_RM;
    } else {
        if (!operand(t, insn, c, &rm))
            return false;
        if (c->by_cl || (c->reg && jit_host_reg[insn->reg] == JIT_IN_MEMORY))
            rm = tr_free_rcx(t, rm);
    }
    if (c->reg) {
        if (c->by_cl && jit_host_reg[insn->reg] == JIT_IN_MEMORY)
            return false;
        reg = tr_reg(t, insn->reg, RCX, (c->reg & USE_R) || c->reg_size < 4);
        if (c->reg_size == 1)
            flags |= EMIT_BYTE_REG;
    }
    if (c->by_cl)
        emit_op(e, 0, 4, 0x8b, RCX, emit_reg(jit_host_reg[X86_RCX]));
    emit_op(e, flags, c->size, op, reg, rm);
    immediate(t, insn);
    if (c->reg & USE_W)
        tr_put(t, insn->reg, reg);
    if (insn->mod == 3 && (c->rm & USE_W))
        tr_put(t, insn->rm, rm.base);
    return true;
}

static bool mov_imm(struct translation *t, const struct x86_insn *insn, unsigned size)
{
    struct emit *e = &t->e;
    unsigned n = tr_low_reg(insn);
    if (high_byte(insn, n, size)) {
        if (n == 5)
            emit_load(e, RCX, emit_reg(jit_host_reg[X86_RCX]));
        emit_8(e, 0xb0 | n);
        emit_8(e, (unsigned)insn->imm);
        if (n == 5)
            emit_load(e, jit_host_reg[X86_RCX], emit_reg(RCX));
        return true;
    }
    unsigned host = tr_reg(t, n, R14, size < 4);
    if (size == 8) {
        emit_8(e, 0x48 | host >> 3);
        emit_8(e, 0xb8 | (host & 7));
        emit_64(e, (uint64_t)insn->imm);
    } else {
        emit_op(e, size == 1 ? EMIT_BYTE_RM : 0, size, size == 1 ? 0xc6 : 0xc7, 0, emit_reg(host));
        emit_bytes(e, insn->bytes + insn->imm_offset, insn->imm_size);
    }
    tr_put(t, n, host);
    return true;
}

static bool lea(struct translation *t, const struct x86_insn *insn, unsigned size)
{
    struct x86_insn plain = *insn;
    plain.segment = X86_NO_REG;
    if (!tr_address(t, &plain))
        return false;
    unsigned host = tr_reg(t, insn->reg, RCX, size < 4);
    emit_op(&t->e, 0, size, 0x8b, host, emit_reg(R14));
    tr_put(t, insn->reg, host);
    return true;
}

static bool xchg_rax(struct translation *t, const struct x86_insn *insn, unsigned size)
{
    unsigned host = tr_reg(t, tr_low_reg(insn), R14, true);
    emit_op(&t->e, 0, size, 0x87, RAX, emit_reg(host));
    tr_put(t, tr_low_reg(insn), host);
    return true;
}

static bool bswap(struct translation *t, const struct x86_insn *insn, unsigned size)
{
    unsigned host = tr_reg(t, tr_low_reg(insn), R14, true);
    emit_8(&t->e, 0x40 | (size == 8 ? 8u : 0u) | host >> 3);
    emit_8(&t->e, 0x0f);
    emit_8(&t->e, 0xc8 | (host & 7));
    tr_put(t, tr_low_reg(insn), host);
    return true;
}

/* Quotients that fit for sure are the host's; all else, with what may fault, the handler's. */
static bool divide(struct translation *t, const struct x86_insn *insn, unsigned size)
{
    struct emit *e = &t->e;
    bool is_signed = insn->reg & 1;
    if (insn->mod == 3) {
        emit_op(e, 0, size, 0x8b, RCX, emit_reg(tr_reg(t, insn->rm, R14, true)));
    } else {
        if (!tr_address(t, insn))
            return false;
        emit_op(e, 0, size, 0x8b, RCX, tr_memory(t, size, false, 0));
    }
    if (is_signed) {
        emit_op(e, 0, size, 0x8b, R14, emit_reg(RAX));
        emit_op(e, 0, size, 0xc1, 7, emit_reg(R14));
        emit_8(e, size * 8 - 1);
        emit_op(e, 0, size, 0x3b, R14, emit_reg(RDX));
        tr_slow(t, emit_jcc(e, 5));
        emit_op(e, 0, size, 0x8d, R14, emit_mem(RCX, 1));
        emit_op(e, 0, size, 0x83, 7, emit_reg(R14));
        emit_8(e, 1);
        tr_slow(t, emit_jcc(e, 6));
    } else {
        emit_op(e, 0, size, 0x3b, RDX, emit_reg(RCX));
        tr_slow(t, emit_jcc(e, 3));
    }
    emit_op(e, 0, size, 0xf7, is_signed ? 7 : 6, emit_reg(RCX));
    return true;
}

static bool native(struct translation *t)
{
    const struct x86_insn *insn = &t->insn[t->at];
    const struct jit_class *c = &t->how[t->at];
    if (t->segmented && (c->kind == JIT_COPY || c->kind == JIT_ACC)) {
        tr_segment_copy(t);
        return true;
    }
    switch (c->kind) {
    case JIT_NOP: return true;
    case JIT_COPY: emit_bytes(&t->e, insn->bytes, insn->length); return true;
    case JIT_MODRM: return modrm(t, insn, c);
    case JIT_ACC:
        emit_bytes(&t->e, insn->bytes, insn->length); /* prefixes of segments and the like mean nothing here */
        return true;
    case JIT_MOV_IMM: return mov_imm(t, insn, c->size);
    case JIT_LEA: return lea(t, insn, c->size);
    case JIT_XCHG_RAX: return xchg_rax(t, insn, c->size);
    case JIT_BSWAP: return bswap(t, insn, c->size);
    case JIT_DIV: return !t->live[t->at] && divide(t, insn, c->size);
    case JIT_VECTOR: return tr_vector(t);
    case JIT_SPECIAL: return tr_special(t);
    case JIT_GPR_VEX: return tr_gpr_vex(t);
    case JIT_BIT_STRING: return tr_bit_string(t);
    case JIT_CMPXCHG_N: return tr_cmpxchg_n(t);
    case JIT_STRING: return tr_string(t);
    case JIT_X87: return tr_x87(t);
    default: return c->kind >= JIT_PUSH && tr_flow(t);
    }
}

/* --- the block --- */

static void write_entries(struct translation *t)
{
    static const uint8_t lea_rcx_r14[] = {0x49, 0x8d, 0x8e};
    struct emit *e = &t->e;
    emit_load(e, R14, JIT_SLOT(page_va)); /* asked to leave */
    emit_lea(e, R14, emit_mem(R14, (int32_t)t->page_offset));
    emit_target(emit_jump(e), t->j->rw + (t->j->exit_by_rip - t->j->rx));
    emit_bytes(e, lea_rcx_r14, sizeof lea_rcx_r14); /* the entry of indirect branches */
    emit_32(e, -t->page_offset);
    emit_store(e, RCX, JIT_SLOT(page_va));
    emit_load(e, RCX, JIT_SLOT(go)); /* the entry of links backward */
    emit_8(e, 0xe3);
    emit_8(e, 0);
    t->code = e->p;
}

static void instruction(struct translation *t)
{
    struct emit before = t->e;
    uint32_t ops = t->j->op_count, links = t->j->link_count, opened = t->opened;
    bool done = original_fn(t->b, t->at) != interp_op_ud;
    t->stub_first = t->stub_count;
    t->alone_first = t->alone_count;
    done = done && native(t);
    if (!done) {
        t->e = before;
        t->stub_count = t->stub_first;
        t->alone_count = t->alone_first;
        t->opened = opened;
        t->j->op_count = ops;
        t->j->link_count = links;
        tr_fallback(t);
        t->vectors_there = t->vex_there = t->x87_there = false;
        return;
    }
    if (t->stub_first == t->stub_count && t->alone_first == t->alone_count)
        return;
    const uint32_t op = tr_op(t), passed = t->opened & ~opened;
    for (unsigned i = t->alone_first; i < t->alone_count; i++) {
        t->alone[i].op = op;
        t->alone[i].resume = t->e.p;
        t->alone[i].passed = passed;
    }
    t->j->ops[op].missed = true;
    for (unsigned i = t->stub_first; i < t->stub_count; i++) {
        t->stub[i].op = op;
        t->stub[i].resume = t->e.p;
        t->stub[i].passed = passed;
    }
}

/* What is in the second page is looked at when its translation or any code has changed since the last time. */
static void check_crossing(struct translation *t, uint8_t *seen)
{
    static const uint8_t mov_rcx_rip[] = {0x48, 0x8b, 0x0d};
    struct emit *e = &t->e;
    emit_bytes(e, mov_rcx_rip, sizeof mov_rcx_rip);
    emit_32(e, 0);
    if (!e->full)
        emit_target(e->p - 4, seen);
    emit_load(e, R14, JIT_SLOT(stamp));
    emit_lea(e, RCX, emit_sib(RCX, R14, 0, 0));
    emit_16(e, 0x0ae3); /* jrcxz over the call */
    tr_call(t, t->j->check_crossing, t->j->crossing_count);
    t->j->crossings[t->j->crossing_count++] = (struct jit_crossing){.block = t->b, .seen = (uint64_t *)(void *)seen};
}

static bool decode(struct translation *t, const uint8_t *host)
{
    const struct interp_block *b = t->b;
    unsigned at = 0;
    if (b->count > MAX_INSNS)
        return false;
    for (unsigned i = 0; i < b->count; i++) {
        unsigned left = b->crossing ? b->bytes : PAGE_BYTES - t->page_offset - at;
        int length = x86_decode(&t->insn[i], host + at, left < X86_INSN_MAX ? left : X86_INSN_MAX,
                                (enum x86_mode)t->j->v.code_mode);
        if (length <= 0 || length != b->ops[i].length || at != b->ops[i].start)
            return false;
        t->start[i] = at;
        at += (unsigned)length;
        jit_normalize(&t->insn[i]);
        jit_classify(&t->how[i], &t->insn[i]);
        if (t->how[i].kind == JIT_FALLBACK)
            tr_classify_gpr(t, i);
        if (t->how[i].kind == JIT_FALLBACK && t->j->has_vectors && !t->segmented)
            tr_classify_vector(t, i);
        if (t->how[i].kind == JIT_FALLBACK && t->j->has_x87 && !t->segmented)
            tr_classify_x87(t, i);
    }
    t->start[b->count] = at;
    t->count = b->count;
    return true;
}

static bool begin(struct translation *t, struct jit_vcpu *j, struct interp_block *b, const uint8_t *host)
{
    memset(&t->j, 0, sizeof *t - offsetof(struct translation, j));
    t->j = j;
    t->b = b;
    t->guest = host;
    t->page_offset = (unsigned)(b->key & PAGE_MASK_4K);
    t->word = j->v.code_mode == X86_MODE_64 ? 8 : 4;
    t->segmented = j->v.shape >= INTERP_SEGMENTED;
    t->uneven = j->v.shape >= INTERP_UNEVEN;
    t->links_self = j->v.shape < INTERP_WIDE16;
    t->code_size = j->v.code_mode == X86_MODE_16 ? 2 : 4;
    t->stack_size = j->v.stack_mask == 0xffff ? 2 : 4;
    if (!decode(t, b->crossing ? b->seen : host))
        return false;
    tr_find_live(t);
    return true;
}

uint16_t jit_live_before(struct jit_vcpu *j, struct interp_block *b, const uint8_t *host, unsigned at)
{
    struct translation t;
    if (!begin(&t, j, b, host))
        return X86_ARITH;
    return at < t.count ? t.live[at] : tr_live_behind(&t);
}

const uint8_t *jit_translate(struct jit_vcpu *j, struct interp_block *b, const uint8_t *host)
{
    struct translation t;
    if (!begin(&t, j, b, host))
        return NULL;
    j->has_32 = j->has_32 || t.word == 4;
    t.e = (struct emit){.p = j->rw + j->used, .end = j->rw + JIT_CACHE_BYTES};
    if (!t.segmented)
        tr_plan_groups(&t);
    uint8_t *seen = t.e.p;
    if (b->crossing)
        emit_64(&t.e, 0);
    uint8_t *start = t.e.p;
    write_entries(&t);
    t.code[-1] = (uint8_t)(start - t.code);
    if (b->crossing)
        check_crossing(&t, seen);
    for (t.at = 0; t.at < t.count; t.at++)
        instruction(&t);
    if (t.how[t.count - 1].kind < JIT_JCC)
        tr_goto(&t, t.start[t.count]);
    tr_flow_stubs(&t);
    tr_write_alone(&t);
    write_stubs(&t);
    if (t.e.full)
        return NULL;
    j->used = (size_t)(t.e.p - j->rw + 15) & ~(size_t)15;
    return jit_rx(j, t.code);
}
