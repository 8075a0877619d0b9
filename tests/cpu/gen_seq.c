/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gen_seq.c: sequences as compilers make them: the stack, operands around RSP and RBP, flags that live over several
 * instructions, branches forward, loops, calls. Four cases in a row have the same code with other registers, so that
 * the engine meets what it has kept of the ones before. The first of them stays inside the pages, mostly.
 *
 * Control flow is nested, and RSP is where it was when a call returns: no sequence runs for ever.
 */
#include "gen_seq.h"

#include "base/bytes.h"

#include <string.h>

/* --- control flow --- */

static void items(struct seq *s, unsigned count);

/* A branch to what comes later: its place is filled in then. */
struct forward {
    unsigned insn, end; /* it, and the offset behind it */
    unsigned bytes;     /* of the displacement */
    bool absolute;      /* the place of an immediate */
};

static bool branch(struct seq *s, struct forward *f, unsigned n, const uint8_t *opcode, unsigned bytes)
{
    uint8_t b[X86_INSN_MAX] = {0};
    memcpy(b, opcode, n);
    if (!seq_append(s, b, n + bytes))
        return false;
    *f = (struct forward){.insn = s->c->count - 1, .end = s->c->bytes, .bytes = bytes};
    return true;
}
#define BRANCH(s, f, bytes, ...) branch(s, f, sizeof((uint8_t[]){__VA_ARGS__}), (uint8_t[]){__VA_ARGS__}, bytes)

static void lands_here(struct seq *s, const struct forward *f)
{
    struct oracle_case *c = s->c;
    struct x86_insn *in = &c->insn[f->insn];
    const uint32_t value = f->absolute ? (uint32_t)case_rip(c) + c->bytes : c->bytes - f->end;

    if (f->bytes == 1)
        c->code[f->end - 1] = (uint8_t)value;
    else
        store_le32(c->code + f->end - 4, value);
    x86_decode(in, c->code + f->end - in->length, in->length, (enum x86_mode)in->mode);
}

static void skip(struct seq *s)
{
    const unsigned condition = gen_below(s->g, 16);
    const bool near = gen_chance(s->g, 30);
    struct forward f;

    if (gen_chance(s->g, 60) && !seq_arithmetic(s))
        return;
    if (near ? !BRANCH(s, &f, 4, 0x0f, (uint8_t)(0x80 | condition)) : !BRANCH(s, &f, 1, (uint8_t)(0x70 | condition)))
        return;
    const uint32_t unknown = s->unknown;
    items(s, 1 + gen_below(s->g, 3));
    lands_here(s, &f);
    s->unknown |= unknown;
}

static void loop(struct seq *s)
{
    const unsigned reg = s->c->code32 ? X86_RBX : 14;
    struct operand o = seq_reg(reg);
    const uint8_t times = (uint8_t)(1 + gen_below(s->g, 4));

    if (s->reserved != NO_REG || s->c->bytes + 120 > CODE_MAX || s->c->count + 10 > RUN_MAX)
        return;
    if (!seq_put(s, 0, 0xc7, seq_word(s), 0, &o, 4, times))
        return;
    const unsigned head = s->c->bytes;
    s->reserved = reg;
    s->unknown |= X86_CF;
    items(s, 1 + gen_below(s->g, 4));
    if (seq_put(s, 0, 0xff, seq_word(s), 1, &o, 0, 0))
        RAW(s, 0x0f, 0x85, (uint8_t)(head - s->c->bytes - 6), (uint8_t)((head - s->c->bytes - 6) >> 8), 0xff, 0xff);
    s->reserved = NO_REG;
}

/* By a register or memory: there, the target is stored first. */
static bool go_indirect(struct seq *s, struct forward *f, unsigned digit)
{
    struct operand o = seq_reg(X86_RAX);
    if (gen_chance(s->g, 60)) {
        o.memory = true;
        o.base = gen_chance(s->g, 50) ? SP : BP;
        o.disp = seq_displacement(s, true);
    }
    if (!seq_put(s, 0, 0xc7, seq_word(s), 0, &o, 4, 0))
        return false;
    *f = (struct forward){.insn = s->c->count - 1, .end = s->c->bytes, .bytes = 4, .absolute = true};
    return seq_put(s, 0, 0xff, 4, digit, &o, 0, 0);
}

/* An instruction whose immediate byte is changed, in front of it or behind it; or a store beside the code. */
static bool patched(struct seq *s)
{
    struct operand o = seq_reg(s->c->code32 ? PICK(s, X86_RAX, X86_RDX) : PICK(s, X86_RAX, X86_RDX, 9, 15));

    if (gen_chance(s->g, 40)
            ? !seq_put(s, 0, 0xb0, 1, 0, NULL, 1, gen_below(s->g, 256))
            : !seq_put(s, 0, 0x83, seq_wide_size(s), PICK(s, 0, 1, 5, 6, 7), &o, 1, gen_below(s->g, 256)))
        return false;
    const unsigned at = s->c->bytes - 1;
    s->c->loose[at / 8] |= (uint8_t)(1 << at % 8);
    return true;
}

static bool change(struct seq *s, struct forward *f, uint64_t at)
{
    struct operand o = {.memory = true, .base = NO_REG, .index = NO_REG, .disp = (int32_t)at};
    const bool done =
        seq_put(s, 0, PICK(s, 0x88, 0x88, 0x00, 0x86, 0x30), 1, PICK(s, X86_RAX, X86_RCX, X86_RDX), &o, 0, 0);

    *f = (struct forward){.insn = s->c->count - 1, .end = s->c->bytes, .bytes = 4, .absolute = true};
    return done;
}

/* Changes what was called and calls it again, by a register. */
static void call_changed(struct seq *s, uint64_t body, uint64_t immediate, uint32_t unknown)
{
    struct operand o = seq_reg(X86_RAX);
    struct forward f;

    if (!change(s, &f, immediate) || !seq_put(s, 0, 0x83, 4, 7, &o, 1, 1))
        return;
    if (seq_put(s, 0, 0xc7, 4, 0, &o, 4, (int64_t)body) && seq_put(s, 0, 0xff, 4, 2, &o, 0, 0))
        s->unknown = unknown;
}

static void call(struct seq *s)
{
    struct forward body, over;
    const bool balanced = s->balanced;

    if (s->c->bytes + 160 > CODE_MAX || s->c->count + 16 > RUN_MAX)
        return;
    if (gen_chance(s->g, 60) ? !BRANCH(s, &body, 4, 0xe8) : !go_indirect(s, &body, 2))
        return;
    const unsigned behind = s->c->count;
    if (gen_chance(s->g, 75) ? !BRANCH(s, &over, 4, 0xe9) : !go_indirect(s, &over, 4))
        return;
    lands_here(s, &body);
    const uint64_t start = case_rip(s->c) + s->c->bytes;
    const bool again = s->c->writes_code && patched(s);
    const uint64_t immediate = case_rip(s->c) + s->c->bytes - 1;
    s->balanced = true;
    items(s, 1 + gen_below(s->g, 4));
    s->balanced = balanced;
    if (balanced || gen_chance(s->g, 80))
        RAW(s, 0xc3);
    else
        RAW(s, 0xc2, (uint8_t)seq_word(s), 0);
    lands_here(s, &over);
    for (unsigned i = behind; i <= over.insn + 1 && i < s->c->count; i++)
        s->c->unknown[i] |= s->unknown;
    if (again)
        call_changed(s, start, immediate, s->unknown);
}

/* PUSH, something, POP. */
static void pair(struct seq *s)
{
    const uint8_t regs = (uint8_t)PICK(s, X86_RAX, X86_RDX, X86_RBP, X86_RSI);
    const bool flags = gen_chance(s->g, 15);

    if (flags ? !RAW(s, 0x9c) : !seq_push(s))
        return;
    const bool balanced = s->balanced;
    const uint32_t unknown = s->unknown;
    s->balanced = true;
    items(s, 1 + gen_below(s->g, 3));
    s->balanced = balanced;
    if (flags) {
        RAW(s, 0x9d);
        s->unknown |= unknown;
    } else {
        RAW(s, (uint8_t)(0x58 | regs));
    }
}

static void write_code(struct seq *s)
{
    struct forward f;

    switch (gen_below(s->g, 4)) {
    case 0: change(s, &f, case_rip(s->c) - 1 - gen_below(s->g, 80)); return;
    case 1:
    case 2:
        if (!change(s, &f, 0))
            return;
        items(s, gen_below(s->g, 4));
        if (!patched(s))
            return;
        s->c->bytes--; /* where the immediate is */
        lands_here(s, &f);
        s->c->bytes++;
        return;
    default:
        if (!patched(s))
            return;
        const uint64_t at = case_rip(s->c) + s->c->bytes - 1;
        items(s, gen_below(s->g, 4));
        change(s, &f, at);
    }
}

static void items(struct seq *s, unsigned count)
{
    s->depth++;
    for (unsigned tries = 0; count && s->left && tries < 40; tries++) {
        const unsigned before = s->c->count, r = gen_below(s->g, 100);
        if (s->c->writes_code && r < 25 && s->depth <= 3)
            write_code(s);
        else if (r < 88 || s->depth > 3)
            seq_plain(s);
        else if (r < 93)
            skip(s);
        else if (r < 95)
            loop(s);
        else if (r < (s->c->writes_code ? 98 : 97))
            call(s);
        else
            pair(s);
        count -= s->c->count != before;
    }
    s->depth--;
}

/* --- the case --- */

/* Flags that the code behind each instruction reads before it changes them, on some way; they are right at a fault. */
static void find_live(const struct seq *s, struct oracle_case *c)
{
    uint64_t start[RUN_MAX + 1];
    bool changed = true;

    for (unsigned i = 0; i < c->count; i++)
        start[i + 1] = (i ? start[i] : (start[0] = 0)) + c->insn[i].length;
    c->live[c->count] = X86_ARITH;
    while (changed) {
        changed = false;
        for (unsigned i = c->count; i-- > 0;) {
            const struct x86_insn *in = &c->insn[i];
            const struct flag_use use = s->use[i];
            uint32_t behind = use.ends ? 0 : c->live[i + 1];
            for (unsigned k = 0; use.branches && k <= c->count; k++)
                if (start[k] == start[i + 1] + (uint64_t)in->imm)
                    behind |= c->live[k];
            if (use.anywhere)
                behind = X86_ARITH;
            behind = (behind & ~use.touches) | use.reads;
            changed = changed || behind != c->live[i];
            c->live[i] = behind;
        }
    }
}

static uint64_t somewhere(struct gen *g, bool inside)
{
    const unsigned kind = inside ? 0 : gen_below(g, 100);
    const uint64_t r = gen_random(g), fine = gen_chance(g, kind < 40 ? 90 : 65) ? 15 : 0;
    uint64_t at = DATA_VA + 1300 + (r % 5500);

    if (kind >= 40 && kind < 65)
        at = DATA_VA + PAGE_BYTES - 160 + (r & 255);
    else if (kind >= 65 && kind < 77)
        at = DATA_VA + RW_BYTES - 160 + (r & 255);
    else if (kind >= 77 && kind < 83)
        at = DATA_VA + RW_BYTES + (r & 4095);
    else if (kind >= 83 && kind < 91)
        at = DATA_VA - 64 + (r & 255);
    else if (kind >= 91 && kind < 97)
        at = DATA_VA + DATA_BYTES - 160 + (r & 255);
    else if (kind >= 97)
        at = gen_target(g, 8);
    return at & ~fine;
}

static void set_registers(struct gen *g, bool inside, bool any_base)
{
    static const uint8_t pointers[] = {SP, BP, X86_RBX, X86_RSI, X86_RDI, 12, 13, 14};
    static const uint8_t written[] = {X86_RAX, X86_RCX, X86_RDX, 8, 15};
    struct oracle_case *c = g->c;
    const uint64_t mask = c->code32 ? 0xffffffff : ~0ull;

    for (unsigned i = 0; i < 16; i++)
        c->gpr[i] = c->code32 && i >= 8 ? 0 : gen_value(g) & mask;
    for (unsigned i = 0; i < (c->code32 ? 5u : ARRAY_SIZE(pointers)); i++)
        c->gpr[pointers[i]] = somewhere(g, inside) & mask;
    for (unsigned i = 0; c->segmented && i < 5; i++) { /* offsets; in 16-bit code there may be something above */
        const unsigned segment = pointers[i] == SP || pointers[i] == BP ? X86_SS : X86_DS;
        c->gpr[pointers[i]] = (c->gpr[pointers[i]] - c->seg[segment].base) & mask;
        if (c->code16 && gen_chance(g, 30))
            c->gpr[pointers[i]] = (c->gpr[pointers[i]] & 0xffff) | (gen_random(g) & 0xffff0000);
        if (c->code16 && gen_chance(g, 3))
            c->gpr[pointers[i]] = gen_below(g, 4) - 2 + (c->gpr[pointers[i]] & 0xffff0000);
    }
    if (c->segmented)
        gen_near_limits(g);
    if (gen_chance(g, 40)) /* the frame is the stack's */
        c->gpr[BP] = (c->gpr[SP] + 8 * gen_below(g, 20)) & mask;
    for (unsigned i = 0; c->writes_code && i < (c->code32 ? 5u : ARRAY_SIZE(pointers)); i++)
        if (gen_chance(g, 25)) /* in the code's page, and well before it */
            c->gpr[pointers[i]] = (CODE_VA - CODE_LOW + 600 + gen_below(g, 1200)) & ~7u;
    for (unsigned i = 0; i < 4; i++) { /* counts and indexes */
        const unsigned reg = i ? 7 + i + (i == 3 ? 5 : 0) : X86_RCX;
        if (!(c->code32 && reg >= 8) && gen_chance(g, 85))
            c->gpr[reg] = gen_below(g, 24);
    }
    for (unsigned i = 0; any_base && i < (c->code32 ? 3u : ARRAY_SIZE(written)); i++)
        c->gpr[written[i]] = somewhere(g, inside) & mask;
    c->rflags = 0x202 | (gen_random(g) & X86_ARITH) | (gen_chance(g, 6) ? X86_DF : 0);
    for (unsigned i = 0; i < ARRAY_SIZE(c->warm); i++)
        c->warm[i] = (uint8_t)gen_below(g, i == 2 ? 2 : 3);
}

void gen_sequence(struct oracle_case *c, uint64_t seed, uint64_t number, unsigned longest)
{
    struct gen g = {.state = seed ^ (number & ~3ull) * 0xd1342543de82ef95ull, .c = c};
    struct seq s = {.g = &g, .c = c, .reserved = NO_REG};

    gen_random(&g);
    c->group = "sequence";
    c->sequence = true;
    c->code32 = g.code32 = gen_chance(&g, 45);
    c->code16 = c->code32 && gen_chance(&g, 45);
    s.any_base = gen_chance(&g, 35);
    c->code_at = (int)gen_below(&g, PAGE_BYTES - CODE_MAX - 8);
    if (gen_chance(&g, 30)) /* in two pages */
        c->code_at = -(int)gen_below(&g, 96);
    c->writes_code = !c->code16 && gen_chance(&g, 20);
    if (c->writes_code)
        c->code_at = -1000 - (int)gen_below(&g, 400);
    s.floats = gen_chance(&g, 30);
    s.mmx = s.floats && gen_chance(&g, 40);
    c->referred = s.floats && gen_chance(&g, 30);
    if (c->code16 || (c->code32 && !c->writes_code && gen_chance(&g, 30)))
        gen_code_segment(&g);
    s.left = 2 + gen_below(&g, longest - 1);
    while (s.left && c->bytes + X86_INSN_MAX + 8 <= CODE_MAX && c->count < RUN_MAX)
        c->code16 ? seq16_items(&s) : items(&s, 1);
    c->unknown[c->count] = s.unknown;
    find_live(&s, c);
    g.state ^= (number & 3) * 0x9e6c63d0876a9a47ull;
    gen_random(&g);
    if (c->segmented)
        gen_data_segments(&g);
    set_registers(&g, (number & 3) == 0, s.any_base);
    gen_fpu(&g, &c->fpu);
    if (s.floats && gen_chance(&g, 50)) /* with room on the stack */
        c->fpu.bytes[4] = (uint8_t)(gen_random(&g) & gen_random(&g) & gen_random(&g));
    if (gen_chance(&g, 80))
        store_le32(c->fpu.bytes + 24, 0x1f80);
}
