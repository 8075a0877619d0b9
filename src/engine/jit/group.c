/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * group.c: memory operands of one block that lie around the same register (its frame, a structure), of which a compiler
 * makes most of its accesses, are translated together. The first of a group looks up the whole range that the group
 * covers and keeps where it is on the host; the others only look whether it did. A range that crosses a page, or is not
 * all allowed, keeps zero, and each operand is then translated by itself, out of line.
 *
 * Between a group's operands nothing runs that could change a translation and yet go on in the block: handlers of
 * ordinary instructions leave it when they did (wants_out() in jit.c), and any other instruction ends the group.
 */
#include "engine/jit/translate.h"

#define RANGE_MAX 1024
#define FAR_AWAY \
    (1 << 30) /* bytes from the base register: such operands have no group, and sums need no more than 32 bits */

/* --- planning --- */

struct planner {
    struct translation *t;
    unsigned base;
    int32_t delta;               /* of the base register since the group began */
    int group;                   /* or -1 */
    struct jit_group_ref *first; /* of the group's operands */
};

/* Of one operand alone there is no group. */
static void end_group(struct planner *p)
{
    if (p->group >= 0 && p->t->group[p->group].accesses == 1) {
        p->first->group = -1;
        p->t->group_count--;
    }
    p->group = -1;
}

static void add_access(struct planner *p, unsigned i, unsigned which, int32_t rel, unsigned size, bool write)
{
    struct translation *t = p->t;
    if (rel <= -FAR_AWAY || rel >= FAR_AWAY) {
        end_group(p);
        return;
    }
    int32_t low = p->delta + rel, high = low + (int32_t)size;
    struct jit_group *g = p->group >= 0 ? &t->group[p->group] : NULL;
    if (g && ((high > g->max ? high : g->max) - (low < g->min ? low : g->min) > RANGE_MAX))
        g = NULL;
    if (!g) {
        end_group(p);
        if (t->group_count == JIT_GROUPS)
            return;
        p->group = (int)t->group_count++;
        g = &t->group[p->group];
        *g = (struct jit_group){.base = (uint8_t)p->base, .min = low, .max = high};
        p->first = &t->ref[i][which];
    }
    g->min = low < g->min ? low : g->min;
    g->max = high > g->max ? high : g->max;
    g->write = g->write || write;
    g->accesses++;
    t->ref[i][which] = (struct jit_group_ref){
        .group = (int8_t)p->group, .write = write, .size = (uint8_t)size, .rel = rel, .delta = p->delta};
}

static bool suits(const struct translation *t, const struct x86_insn *insn, unsigned base)
{
    return insn->has_modrm && insn->mod != 3 && insn->base == base && insn->index == X86_NO_REG &&
           insn->address_size == t->word && insn->segment != X86_FS && insn->segment != X86_GS &&
           (insn->segment != X86_CS || t->word == 8) && !insn->rip_relative;
}

static void accesses_of(struct planner *p, unsigned i)
{
    const struct x86_insn *insn = &p->t->insn[i];
    const struct jit_class *c = &p->t->how[i];
    const int32_t word = (int32_t)p->t->word;
    bool stack = p->base == X86_RSP;
    switch (c->kind) {
    case JIT_MODRM:
    case JIT_X87:
        if (suits(p->t, insn, p->base))
            add_access(p, i, 0, insn->disp, c->rm_size, (c->rm & USE_W) != 0);
        break;
    case JIT_PUSH_RM:
    case JIT_JMP_RM:
    case JIT_CALL_RM:
        if (suits(p->t, insn, p->base))
            add_access(p, i, 0, insn->disp, (unsigned)word, false);
        if (stack && c->kind != JIT_JMP_RM)
            add_access(p, i, 1, -word, (unsigned)word, true);
        break;
    case JIT_PUSH:
    case JIT_PUSH_IMM:
    case JIT_CALL:
        if (stack)
            add_access(p, i, 1, -word, (unsigned)word, true);
        break;
    case JIT_POP:
    case JIT_RET:
        if (stack)
            add_access(p, i, 1, 0, (unsigned)word, false);
        break;
    default: break;
    }
}

/* Byte registers AH to BH belong to the first four. */
static bool is_base(const struct planner *p, const struct x86_insn *insn, unsigned n, unsigned size)
{
    return (size == 1 && !insn->has_rex && n >= 4 && n < 8 ? n - 4 : n) == p->base;
}

/* What is written besides the operands: RAX and RDX. */
static bool writes_unnamed(const struct x86_insn *insn)
{
    if (insn->map == X86_MAP_1B)
        return (insn->opcode & 0xfe) == 0xf6 && (insn->reg & 7) >= 4;
    return insn->map == X86_MAP_0F && (insn->opcode & 0xfe) == 0xb0; /* CMPXCHG */
}

/* An instruction by its ModRM operands. */
static bool follow_modrm(struct planner *p, const struct x86_insn *insn, const struct jit_class *c)
{
    const bool accumulator = p->base == X86_RAX || p->base == X86_RDX;
    if (insn->mod == 3 && (insn->opcode == 0x81 || insn->opcode == 0x83) && insn->map == X86_MAP_1B &&
        c->size == p->t->word && insn->rm == p->base && ((insn->reg & 7) == 0 || (insn->reg & 7) == 5)) {
        int64_t by = (insn->reg & 7) == 0 ? insn->imm : -insn->imm;
        p->delta += (int32_t)by;
        return by > -RANGE_MAX && by < RANGE_MAX;
    }
    return !((c->reg & USE_W) && is_base(p, insn, insn->reg, c->reg_size)) &&
           !(insn->mod == 3 && (c->rm & USE_W) && is_base(p, insn, insn->rm, c->rm_size)) &&
           !(accumulator && writes_unnamed(insn));
}

/* How the base register changes; false: not known. */
static bool follow(struct planner *p, unsigned i)
{
    const struct x86_insn *insn = &p->t->insn[i];
    const struct jit_class *c = &p->t->how[i];
    const int32_t word = (int32_t)p->t->word;
    const bool stack = p->base == X86_RSP, accumulator = p->base == X86_RAX || p->base == X86_RDX;
    switch (c->kind) {
    case JIT_NOP: return true;
    case JIT_COPY:
    case JIT_ACC:
    case JIT_DIV: return !accumulator;
    case JIT_STRING: return stack || p->base == X86_RBP;
    case JIT_MODRM: return follow_modrm(p, insn, c);
    case JIT_X87: return p->base != X86_RAX || insn->opcode != 0xdf || insn->modrm != 0xe0; /* FNSTSW AX */
    case JIT_LEA:
        if (insn->reg != p->base)
            return true;
        if (insn->base != p->base || insn->index != X86_NO_REG || insn->address_size != p->t->word ||
            c->size != p->t->word)
            return false;
        p->delta += insn->disp;
        return insn->disp > -RANGE_MAX && insn->disp < RANGE_MAX;
    case JIT_XCHG_RAX: return p->base != X86_RAX && tr_low_reg(insn) != p->base;
    case JIT_MOV_IMM: return !is_base(p, insn, tr_low_reg(insn), c->size);
    case JIT_BSWAP: return tr_low_reg(insn) != p->base;
    case JIT_PUSH:
    case JIT_PUSH_IMM:
    case JIT_PUSH_RM: p->delta -= stack ? word : 0; return true;
    case JIT_POP: p->delta += stack ? word : 0; return tr_low_reg(insn) != p->base;
    case JIT_JCC: return true;
    default: return false; /* vectors and all that is a handler's, too */
    }
}

static void plan(struct translation *t, unsigned base)
{
    struct planner p = {.t = t, .base = base, .group = -1};
    for (unsigned i = 0; i < t->count; i++) {
        accesses_of(&p, i);
        if (!follow(&p, i))
            end_group(&p);
        if (p.group < 0)
            p.delta = 0;
    }
    end_group(&p);
}

/* The registers that memory operands are around. */
static uint32_t bases(const struct translation *t)
{
    uint32_t found = 0;
    for (unsigned i = 0; i < t->count; i++) {
        const struct x86_insn *insn = &t->insn[i];
        if (insn->has_modrm && insn->mod != 3 && insn->base != X86_NO_REG)
            found |= 1u << insn->base;
    }
    return found & ~(1u << X86_RSP | 1u << X86_RBP);
}

void tr_plan_groups(struct translation *t)
{
    for (unsigned i = 0; i < t->count; i++)
        t->ref[i][0].group = t->ref[i][1].group = -1;
    plan(t, X86_RSP);
    plan(t, X86_RBP);
    for (uint32_t others = bases(t); others; others &= others - 1)
        plan(t, (unsigned)__builtin_ctz(others));
}

/* --- emitting --- */

static struct emit_rm place_of(unsigned group)
{
    return emit_mem(RSP, (int32_t)(offsetof(struct jit_vcpu, group_place) + 8 * (size_t)group));
}

static int32_t offset_of(const struct translation *t, const struct jit_group_ref *r)
{
    return r->delta + r->rel - t->group[r->group].min;
}

static uint8_t *open_group(struct translation *t, const struct jit_group_ref *r)
{
    struct emit *e = &t->e;
    const struct jit_group *g = &t->group[r->group];
    emit_op(e, 0, t->word, 0x8d, R14, emit_mem(tr_reg(t, g->base, R14, true), g->min - r->delta)); /* lea */
    uint8_t *alone = tr_check(t, (unsigned)(g->max - g->min), g->write, 0);
    emit_lea(e, R14, emit_sib(R14, RCX, 0, 0));
    emit_store(e, R14, place_of((unsigned)r->group));
    return alone;
}

static uint8_t *use_group(struct translation *t, const struct jit_group_ref *r)
{
    struct emit *e = &t->e;
    emit_load(e, R14, place_of((unsigned)r->group));
    if (!t->live[t->at]) {
        emit_op(e, 0, 8, 0x85, R14, emit_reg(R14));
        return emit_jcc(e, 4);
    }
    emit_load(e, RCX, emit_reg(R14));
    emit_16(e, 0x02e3); /* jrcxz over the short jump */
    emit_16(e, 0x05eb); /* over the long one */
    return emit_jump(e);
}

bool tr_grouped(struct translation *t, unsigned which, struct emit_rm *rm)
{
    const struct jit_group_ref *r = &t->ref[t->at][which];
    if (t->segmented || r->group < 0 || t->alone_count == MAX_ALONE)
        return false;
    const uint32_t bit = 1u << r->group;
    struct jit_alone *a = &t->alone[t->alone_count];
    *a = (struct jit_alone){.at = (uint8_t)t->at, .which = (uint8_t)which, .opens = !(t->opened & bit)};
    a->rel32 = a->opens ? open_group(t, r) : use_group(t, r);
    a->back = t->e.p;
    t->opened |= bit;
    t->alone_count++;
    *rm = emit_mem(R14, offset_of(t, r));
    return true;
}

void tr_close_group(struct translation *t, unsigned group)
{
    emit_op(&t->e, 0, 8, 0xc7, 0, place_of(group)); /* mov: the flags stay */
    emit_32(&t->e, 0);
}

void tr_write_alone(struct translation *t)
{
    struct emit *e = &t->e;
    for (unsigned i = 0; i < t->alone_count && !e->full; i++) {
        const struct jit_alone *a = &t->alone[i];
        const struct jit_group_ref *r = &t->ref[a->at][a->which];
        t->at = a->at;
        emit_target(a->rel32, e->p);
        if (a->opens)
            tr_close_group(t, (unsigned)r->group);
        emit_op(e, 0, t->word, 0x8d, R14, emit_mem(tr_reg(t, t->group[r->group].base, R14, true), r->rel)); /* lea */
        uint8_t *no = tr_check(t, r->size, r->write, 0);
        struct jit_stub stub = tr_stub_of_check(t, no, r->size, r->write, 0);
        stub.op = a->op;
        stub.resume = a->resume;
        stub.passed = a->passed;
        tr_slow_as(t, &stub);
        emit_lea(e, R14, emit_sib(R14, RCX, 0, -offset_of(t, r)));
        uint8_t *back = emit_jump(e);
        if (!e->full)
            emit_target(back, a->back);
    }
}
