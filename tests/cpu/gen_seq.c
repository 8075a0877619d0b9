/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gen_seq.c: sequences as compilers make them: the stack, operands around RSP and RBP, flags that live over several
 * instructions, branches forward, loops, calls. Four cases in a row have the same code with other registers, so that
 * the engine meets what it has kept of the ones before. The first of them stays inside the pages, mostly.
 *
 * Control flow is nested, and RSP is where it was when a call returns: no sequence runs for ever.
 */
#include "gen.h"

#include "base/bytes.h"
#include "engine/interp/simd_forms.h"

#include <string.h>

#define NO_REG 16u
#define SP     X86_RSP
#define BP     X86_RBP

struct seq {
    struct gen *g;
    struct oracle_case *c;
    unsigned left;     /* instructions to be made */
    unsigned reserved; /* the counter of a loop, or NO_REG */
    unsigned depth;
    bool balanced;                /* RSP moves in pairs only */
    struct flag_use use[RUN_MAX]; /* of what is made */
    uint32_t unknown;             /* flags that the manuals leave undefined here */
};

struct operand {
    bool memory;
    unsigned reg, base, index, scale; /* NO_REG: none */
    int32_t disp;
};

/* --- encoding --- */

/* Appends a whole instruction. False: it reads flags that nothing defines, or there is no room. */
static bool append(struct seq *s, const uint8_t *bytes, unsigned length)
{
    struct oracle_case *c = s->c;
    struct x86_insn in;
    uint8_t padded[X86_INSN_MAX] = {0};

    if (c->count == RUN_MAX || c->bytes + length > CODE_MAX || length > X86_INSN_MAX)
        return false;
    memcpy(padded, bytes, length);
    if (x86_decode(&in, padded, sizeof padded, c->code32 ? X86_MODE_32 : X86_MODE_64) != (int)length)
        return false;
    const struct flag_use use = gen_flag_use(&in);
    if (use.reads & s->unknown)
        return false;
    s->use[c->count] = use;
    c->unknown[c->count] = s->unknown;
    s->unknown = (s->unknown & ~use.defines) | use.undefines;
    memcpy(c->code + c->bytes, bytes, length);
    c->bytes += length;
    c->insn[c->count++] = in;
    s->left -= s->left > 0;
    return true;
}

static bool raw(struct seq *s, unsigned n, const uint8_t *bytes)
{
    return append(s, bytes, n);
}
#define RAW(s, ...) raw(s, sizeof((uint8_t[]){__VA_ARGS__}), (uint8_t[]){__VA_ARGS__})

static unsigned put_modrm(const struct seq *s, uint8_t *b, unsigned reg, const struct operand *o)
{
    unsigned n = 0;
    reg = (reg & 7) << 3;
    if (!o->memory) {
        b[n++] = (uint8_t)(0xc0 | reg | (o->reg & 7));
        return n;
    }
    if (o->base == NO_REG) { /* absolute */
        b[n++] = (uint8_t)(reg | (s->c->code32 ? 5 : 4));
        if (!s->c->code32)
            b[n++] = 0x25;
        store_le32(b + n, (uint32_t)o->disp);
        return n + 4;
    }
    const bool small = o->disp == (int8_t)o->disp;
    const unsigned mod = o->disp == 0 && (o->base & 7) != 5 ? 0 : small ? 0x40 : 0x80;
    if (o->index != NO_REG || (o->base & 7) == 4) {
        b[n++] = (uint8_t)(mod | reg | 4);
        b[n++] = (uint8_t)(o->scale << 6 | (o->index == NO_REG ? 4 : o->index & 7) << 3 | (o->base & 7));
    } else {
        b[n++] = (uint8_t)(mod | reg | (o->base & 7));
    }
    if (mod == 0x40)
        b[n++] = (uint8_t)o->disp;
    if (mod != 0x80)
        return n;
    store_le32(b + n, (uint32_t)o->disp);
    return n + 4;
}

/* op: the map above its low byte; prefix: 0, 66, F2 or F3; size: of the operation, 1 to 8. */
static bool put(struct seq *s, unsigned prefix, unsigned op, unsigned size, unsigned reg, const struct operand *o,
                unsigned imm_bytes, int64_t imm)
{
    uint8_t b[32];
    unsigned n = 0, rex = size == 8 ? 8 : 0;

    if (size == 2 && prefix != 0x66)
        b[n++] = 0x66;
    if (prefix)
        b[n++] = (uint8_t)prefix;
    rex |= (reg >> 3 & 1) << 2;
    if (o && o->memory)
        rex |= (o->index != NO_REG ? (o->index >> 3 & 1) << 1 : 0) | (o->base != NO_REG ? o->base >> 3 & 1 : 0);
    else if (o)
        rex |= o->reg >> 3 & 1;
    if (s->c->code32 && rex & 7)
        return false;
    if (!s->c->code32 && (rex || (size == 1 && gen_chance(s->g, 50))))
        b[n++] = (uint8_t)(0x40 | rex);
    if (op >> 8)
        b[n++] = 0x0f;
    if (op >> 8 == 2)
        b[n++] = 0x38;
    b[n++] = (uint8_t)op;
    if (o)
        n += put_modrm(s, b + n, reg, o);
    for (unsigned i = 0; i < imm_bytes; i++)
        b[n++] = (uint8_t)(imm >> 8 * i);
    return append(s, b, n);
}

/* --- choosing --- */

static unsigned word(const struct seq *s)
{
    return s->c->code32 ? 4 : 8;
}

static unsigned pick(struct seq *s, unsigned n, const uint8_t *from)
{
    return from[gen_below(s->g, n)];
}
#define PICK(s, ...) pick(s, sizeof((uint8_t[]){__VA_ARGS__}), (uint8_t[]){__VA_ARGS__})

static unsigned any_size(struct seq *s)
{
    const unsigned size = PICK(s, 1, 2, 4, 4, 4, 8, 8, 8);
    return size == 8 ? word(s) : size;
}

static unsigned wide_size(struct seq *s)
{
    return gen_chance(s->g, 50) ? 4 : word(s);
}

/* A register to read, whatever is in it. */
static unsigned source(struct seq *s)
{
    return gen_below(s->g, s->c->code32 ? 8 : 16);
}

/* One to write: seldom an address that others use. */
static unsigned target(struct seq *s, unsigned size)
{
    unsigned r =
        s->c->code32 ? PICK(s, X86_RAX, X86_RCX, X86_RDX) : PICK(s, X86_RAX, X86_RCX, X86_RDX, 8, 9, 10, 11, 15);
    if (gen_chance(s->g, 8))
        r = source(s);
    if (r == SP || r == s->reserved || (size == 1 && r == (s->reserved | 4))) /* BH is RBX's */
        r = X86_RDX;
    return r;
}

static int32_t displacement(struct seq *s, bool stack)
{
    const unsigned r = gen_below(s->g, 100);
    int32_t d = (int32_t)(gen_below(s->g, 16) * word(s));

    if (r < 8)
        return (int32_t)gen_below(s->g, 256) - 128;
    if (r < 12)
        return (int32_t)gen_below(s->g, 2400) - 1200;
    if (r < 16)
        d += 512;
    return stack ? (r < 88 ? d : -d) : r < 65 ? -d : d;
}

static struct operand memory(struct seq *s)
{
    struct operand o = {.memory = true, .index = NO_REG, .base = SP};
    const unsigned r = gen_below(s->g, 100);

    if (r >= 45)
        o.base = r < 75         ? BP
                 : s->c->code32 ? PICK(s, X86_RBX, X86_RSI, X86_RDI)
                                : PICK(s, X86_RBX, X86_RSI, X86_RDI, 12, 13, 14);
    if (o.base == s->reserved)
        o.base = BP;
    if (r >= 97)
        o.base = NO_REG;
    o.disp = displacement(s, o.base == SP);
    if (o.base == NO_REG)
        o.disp = (int32_t)DATA_VA + (int32_t)gen_below(s->g, DATA_BYTES);
    else if (gen_chance(s->g, 8)) {
        o.index = s->c->code32 ? X86_RCX : PICK(s, X86_RCX, X86_RCX, 8, 9, 15);
        o.scale = gen_below(s->g, 4);
    }
    return o;
}

static struct operand reg_operand(unsigned reg)
{
    return (struct operand){.reg = reg, .base = NO_REG, .index = NO_REG};
}

/* A memory operand or a register that may be written. */
static struct operand place(struct seq *s, unsigned memory_percent, unsigned size)
{
    return gen_chance(s->g, memory_percent) ? memory(s) : reg_operand(target(s, size));
}

static int64_t small_imm(struct seq *s)
{
    return gen_chance(s->g, 60) ? (int64_t)gen_below(s->g, 32) : (int64_t)gen_value(s->g);
}

/* --- one instruction --- */

static bool moves(struct seq *s)
{
    const unsigned size = any_size(s), op = size > 1;
    struct operand o = memory(s);
    const unsigned r = gen_below(s->g, 100);

    if (r < 40)
        return put(s, 0, 0x8a + op, size, target(s, size), &o, 0, 0);
    if (r < 72)
        return put(s, 0, 0x88 + op, size, source(s), &o, 0, 0);
    if (r < 82)
        return put(s, 0, 0xc6 + op, size, 0, &o, size > 4 ? 4 : size, small_imm(s));
    o = reg_operand(source(s));
    if (r < 92)
        return put(s, 0, 0x8a + op, size, target(s, size), &o, 0, 0);
    o = reg_operand(target(s, size));
    return put(s, 0, 0xc6 + op, size, 0, &o, size > 4 ? 4 : size, small_imm(s));
}

static bool widen(struct seq *s)
{
    struct operand o = gen_chance(s->g, 75) ? memory(s) : reg_operand(source(s));
    if (!s->c->code32 && gen_chance(s->g, 25))
        return put(s, 0, 0x63, 8, target(s, 8), &o, 0, 0);
    return put(s, 0, PICK(s, 0xb6, 0xb7, 0xbe, 0xbf) | 0x100, wide_size(s), target(s, 4), &o, 0, 0);
}

/* ADD to CMP, and TEST */
static bool arithmetic(struct seq *s)
{
    const unsigned size = any_size(s), op = size > 1, kind = PICK(s, 0, 0, 1, 2, 2, 3, 4, 5, 5, 6, 7, 7, 7);
    const unsigned r = gen_below(s->g, 100);
    struct operand o = place(s, 65, size);

    if (r < 35)
        return put(s, 0, kind << 3 | 2 | op, size, target(s, size), &o, 0, 0);
    if (r < 60)
        return put(s, 0, kind << 3 | op, size, source(s), &o, 0, 0);
    if (r < 70)
        return put(s, 0, 0x84 | op, size, source(s), &o, 0, 0);
    if (r < 75)
        return put(s, 0, 0xf6 | op, size, 0, &o, size > 4 ? 4 : size, small_imm(s));
    if (r < 90 && size > 1)
        return put(s, 0, 0x83, size, kind, &o, 1, small_imm(s));
    return put(s, 0, 0x80 | op, size, kind, &o, size > 4 ? 4 : size, small_imm(s));
}

/* INC, DEC, NOT, NEG, MUL, DIV and shifts */
static bool unary(struct seq *s)
{
    const unsigned size = any_size(s), op = size > 1, r = gen_below(s->g, 100);
    struct operand o = place(s, 50, size);

    if (r < 30)
        return put(s, 0, 0xfe | op, size, gen_below(s->g, 2), &o, 0, 0);
    if (r < 45)
        return put(s, 0, 0xf6 | op, size, 2 + gen_below(s->g, 2), &o, 0, 0);
    if (r < 50)
        return put(s, 0, 0xf6 | op, size, 4 + gen_below(s->g, 2), &o, 0, 0);
    if (r < 53)
        return put(s, 0, 0xf6 | op, size, 6 + gen_below(s->g, 2), &o, 0, 0);
    const unsigned kind = PICK(s, 0, 1, 2, 3, 4, 4, 5, 5, 7);
    if (r < 60)
        return put(s, 0, 0xd2 | op, size, kind, &o, 0, 0);
    if (r < 70)
        return put(s, 0, 0xd0 | op, size, kind, &o, 0, 0);
    return put(s, 0, 0xc0 | op, size, kind, &o, 1, gen_below(s->g, 40));
}

/* What reads flags: CMOV, SETcc, LAHF; and ADC and SBB, whatever comes before. */
static bool conditional(struct seq *s)
{
    struct operand o = place(s, 65, 1);
    const unsigned r = gen_below(s->g, 100), condition = gen_below(s->g, 16);

    if (r < 45)
        return put(s, 0, 0x140 | condition, any_size(s) == 2 ? 2 : wide_size(s), target(s, 4), &o, 0, 0);
    if (r < 80)
        return put(s, 0, 0x190 | condition, 1, 0, &o, 0, 0);
    if (r < 96)
        return put(s, 0, PICK(s, 0x11, 0x13, 0x19, 0x1b), wide_size(s), target(s, 4), &o, 0, 0);
    return RAW(s, 0x9f);
}

/* IMUL, XCHG, XADD, CMPXCHG, BT and its like, SHLD, BSWAP, MOVBE, CDQ, ... */
static bool others(struct seq *s)
{
    const unsigned size = wide_size(s);
    struct operand o = place(s, 65, size);

    switch (gen_below(s->g, 16)) {
    case 0: return put(s, 0, 0x1af, size, target(s, size), &o, 0, 0);
    case 1: return put(s, 0, 0x6b, size, target(s, size), &o, 1, small_imm(s));
    case 2: return put(s, 0, 0x87, size, target(s, size), &o, 0, 0);
    case 3: return put(s, 0, 0x1c1, size, target(s, size), &o, 0, 0);
    case 4: return put(s, 0, 0x1b1, size, source(s), &o, 0, 0);
    case 5: return put(s, 0, 0x1ba, size, 4 + gen_below(s->g, 4), &o, 1, gen_below(s->g, 64));
    case 6: return put(s, 0, PICK(s, 0xa3, 0xab, 0xb3, 0xbb) | 0x100, size, X86_RCX, &o, 0, 0);
    case 7: return put(s, 0, PICK(s, 0xa4, 0xac) | 0x100, size, source(s), &o, 1, gen_below(s->g, 32));
    case 8: return RAW(s, (uint8_t)PICK(s, 0x98, 0x99, 0xf5, 0xf8, 0xf9, 0x9e));
    case 9: return RAW(s, 0x0f, (uint8_t)PICK(s, 0xc8, 0xc9, 0xca));
    case 10: return RAW(s, (uint8_t)PICK(s, 0x91, 0x92, 0x90));
    case 11: return o.memory && put(s, 0, PICK(s, 0xf0, 0xf1) | 0x200, size, target(s, size), &o, 0, 0);
    case 12: return put(s, 0xf3, PICK(s, 0xb8, 0xbc, 0xbd) | 0x100, size, target(s, size), &o, 0, 0);
    case 13: return o.memory && put(s, 0, 0x1c7, 4, 1, &o, 0, 0);
    case 14: return RAW(s, 0xf0, 0x83, 0x0c, 0x24, 0); /* lock or dword [rsp], 0 */
    default: return RAW(s, (uint8_t)PICK(s, 0xfc, 0xfc, 0xfd));
    }
}

static bool load_address(struct seq *s)
{
    struct operand o = memory(s);
    if (!s->balanced && gen_chance(s->g, 15)) /* of the frame */
        return put(s, 0, 0x8d, word(s), gen_chance(s->g, 50) ? SP : BP, &o, 0, 0);
    return put(s, 0, 0x8d, any_size(s) == 2 ? 2 : wide_size(s), target(s, 4), &o, 0, 0);
}

static bool string(struct seq *s)
{
    const unsigned op = PICK(s, 0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf);
    const unsigned prefix = gen_chance(s->g, 25) ? PICK(s, 0xf3, 0xf3, 0xf2) : 0;
    return put(s, prefix, op, op & 1 ? any_size(s) : 1, 0, NULL, 0, 0);
}

/* Loads, stores and some arithmetic, of SSE and (prefix C5) AVX. */
static bool vector(struct seq *s)
{
    static const struct {
        uint8_t prefix, op;
        bool memory, store;
    } ops[] = {{0, 0x10, false, false},    {0, 0x11, true, true},      {0, 0x28, false, false},
               {0, 0x29, true, true},      {0xf3, 0x6f, false, false}, {0xf3, 0x7f, true, true},
               {0x66, 0x6f, false, false}, {0x66, 0xd6, true, true},   {0xf3, 0x7e, false, false},
               {0xf2, 0x10, true, false},  {0xf2, 0x11, true, true},   {0xf3, 0x10, true, false},
               {0xf3, 0x11, true, true},   {0x66, 0xef, false, false}, {0x66, 0xfe, false, false},
               {0xf2, 0x58, false, false}, {0xf3, 0x59, false, false}, {0, 0x54, false, false},
               {0, 0x16, true, false},     {0x66, 0x61, false, false}, {0, 0x2e, false, false}};
    const unsigned i = gen_below(s->g, ARRAY_SIZE(ops)), reg = gen_below(s->g, s->c->code32 ? 8 : 16);
    struct operand o = ops[i].memory || gen_chance(s->g, 70) ? memory(s) : reg_operand(gen_below(s->g, 8));

    if (gen_chance(s->g, 12)) { /* MOVD, MOVQ between kinds; PMOVMSKB */
        o = place(s, 60, 4);
        if (o.memory || gen_chance(s->g, 60))
            return put(s, 0x66, PICK(s, 0x6e, 0x7e) | 0x100, wide_size(s), reg, &o, 0, 0);
        o.reg &= 7;
        return put(s, 0x66, 0x1d7, 4, target(s, 4), &o, 0, 0);
    }
    if (!s->c->code32 && simd_host_has(FEAT_AVX) && gen_chance(s->g, 15) && o.memory && o.base < 8 &&
        o.index == NO_REG) { /* VMOVUPS */
        uint8_t b[16] = {0xc5, (uint8_t)(0x78 | (reg < 8 ? 0x80u : 0) | gen_below(s->g, 2) << 2),
                         (uint8_t)(0x10 + ops[i].store)};
        return append(s, b, 3 + put_modrm(s, b + 3, reg, &o));
    }
    return put(s, ops[i].prefix, 0x100 | ops[i].op, 4, reg, &o, 0, 0);
}

static bool push(struct seq *s)
{
    struct operand o = memory(s);
    const unsigned r = gen_below(s->g, 100), reg = source(s);

    if (r < 45)
        return reg < 8 ? RAW(s, (uint8_t)(0x50 | reg)) : RAW(s, 0x41, (uint8_t)(0x50 | (reg & 7)));
    if (r < 60)
        return RAW(s, 0x6a, (uint8_t)gen_random(s->g));
    if (r < 68)
        return RAW(s, 0x68, (uint8_t)gen_random(s->g), (uint8_t)gen_random(s->g), 1, (uint8_t)gen_random(s->g));
    if (r < 96)
        return put(s, 0, 0xff, 4, 6, &o, 0, 0);
    return RAW(s, 0x9c);
}

static bool pop(struct seq *s)
{
    struct operand o = memory(s);
    const unsigned reg = target(s, 8);

    if (gen_chance(s->g, 85))
        return reg < 8 ? RAW(s, (uint8_t)(0x58 | reg)) : RAW(s, 0x41, (uint8_t)(0x58 | (reg & 7)));
    return put(s, 0, 0x8f, 4, 0, &o, 0, 0);
}

/* Frames come and go. */
static bool frame(struct seq *s)
{
    const uint8_t w = s->c->code32 ? 0 : 0x48;
    struct operand o = reg_operand(SP);
    const unsigned by = gen_below(s->g, 12) * word(s);

    if (s->balanced)
        return false;
    switch (gen_below(s->g, 12)) {
    case 0:
    case 1:
    case 2:
    case 3: return put(s, 0, 0x83, word(s), 5, &o, 1, by); /* sub */
    case 4:
    case 5:
    case 6: return put(s, 0, 0x83, word(s), 0, &o, 1, by);                                   /* add */
    case 7: return put(s, 0, 0x81, word(s), gen_chance(s->g, 50) ? 5 : 0, &o, 4, 1024 + by); /* beyond a group */
    case 8: return RAW(s, 0x55) && put(s, 0, 0x89, word(s), SP, &(struct operand){.reg = BP}, 0, 0);
    case 9: return RAW(s, 0xc9); /* leave */
    case 10: return put(s, 0, 0x83, word(s), 4, &o, 1, -16);
    default: o.reg = w && gen_chance(s->g, 30) ? 12 : BP; return put(s, 0, 0x8b, word(s), SP, &o, 0, 0);
    }
}

static bool plain(struct seq *s)
{
    const unsigned r = gen_below(s->g, 100);

    if (!s->balanced && r < 20)
        return gen_chance(s->g, 55) ? push(s) : pop(s);
    if (r < 26)
        return frame(s);
    if (r < 44)
        return moves(s);
    if (r < 50)
        return widen(s);
    if (r < 65)
        return arithmetic(s);
    if (r < 71)
        return unary(s);
    if (r < 81)
        return conditional(s);
    if (r < 86)
        return others(s);
    if (r < 90)
        return load_address(s);
    return r < 93 ? string(s) : vector(s);
}

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
    if (!append(s, b, n + bytes))
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

    if (gen_chance(s->g, 60) && !arithmetic(s))
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
    struct operand o = reg_operand(reg);
    const uint8_t times = (uint8_t)(1 + gen_below(s->g, 4));

    if (s->reserved != NO_REG || s->c->bytes + 120 > CODE_MAX || s->c->count + 10 > RUN_MAX)
        return;
    if (!put(s, 0, 0xc7, word(s), 0, &o, 4, times))
        return;
    const unsigned head = s->c->bytes;
    s->reserved = reg;
    s->unknown |= X86_CF;
    items(s, 1 + gen_below(s->g, 4));
    if (put(s, 0, 0xff, word(s), 1, &o, 0, 0))
        RAW(s, 0x0f, 0x85, (uint8_t)(head - s->c->bytes - 6), (uint8_t)((head - s->c->bytes - 6) >> 8), 0xff, 0xff);
    s->reserved = NO_REG;
}

/* By a register or memory: there, the target is stored first. */
static bool go_indirect(struct seq *s, struct forward *f, unsigned digit)
{
    struct operand o = reg_operand(X86_RAX);
    if (gen_chance(s->g, 60)) {
        o.memory = true;
        o.base = gen_chance(s->g, 50) ? SP : BP;
        o.disp = displacement(s, true);
    }
    if (!put(s, 0, 0xc7, word(s), 0, &o, 4, 0))
        return false;
    *f = (struct forward){.insn = s->c->count - 1, .end = s->c->bytes, .bytes = 4, .absolute = true};
    return put(s, 0, 0xff, 4, digit, &o, 0, 0);
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
    s->balanced = true;
    items(s, 1 + gen_below(s->g, 4));
    s->balanced = balanced;
    if (balanced || gen_chance(s->g, 80))
        RAW(s, 0xc3);
    else
        RAW(s, 0xc2, (uint8_t)word(s), 0);
    lands_here(s, &over);
    for (unsigned i = behind; i <= over.insn + 1 && i < s->c->count; i++)
        s->c->unknown[i] |= s->unknown;
}

/* PUSH, something, POP. */
static void pair(struct seq *s)
{
    const uint8_t regs = (uint8_t)PICK(s, X86_RAX, X86_RDX, X86_RBP, X86_RSI);
    const bool flags = gen_chance(s->g, 15);

    if (flags ? !RAW(s, 0x9c) : !push(s))
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

/* An instruction whose immediate byte is changed, in front of it or behind it; or a store beside the code. */
static bool patched(struct seq *s)
{
    struct operand o = reg_operand(s->c->code32 ? PICK(s, X86_RAX, X86_RDX) : PICK(s, X86_RAX, X86_RDX, 9, 15));

    if (gen_chance(s->g, 40))
        return put(s, 0, 0xb0, 1, 0, NULL, 1, gen_below(s->g, 256));
    return put(s, 0, 0x83, wide_size(s), PICK(s, 0, 1, 5, 6, 7), &o, 1, gen_below(s->g, 256));
}

static bool change(struct seq *s, struct forward *f, uint64_t at)
{
    struct operand o = {.memory = true, .base = NO_REG, .index = NO_REG, .disp = (int32_t)at};
    const bool done = put(s, 0, PICK(s, 0x88, 0x88, 0x00, 0x86, 0x30), 1, PICK(s, X86_RAX, X86_RCX, X86_RDX), &o, 0, 0);

    *f = (struct forward){.insn = s->c->count - 1, .end = s->c->bytes, .bytes = 4, .absolute = true};
    return done;
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
        while (!patched(s) && s->c->bytes + X86_INSN_MAX <= CODE_MAX && s->c->count < RUN_MAX)
            continue;
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
            plain(s);
        else if (r < 93)
            skip(s);
        else if (r < 95)
            loop(s);
        else if (r < 97)
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

static void set_registers(struct gen *g, bool inside)
{
    static const uint8_t pointers[] = {SP, BP, X86_RBX, X86_RSI, X86_RDI, 12, 13, 14};
    struct oracle_case *c = g->c;
    const uint64_t mask = c->code32 ? 0xffffffff : ~0ull;

    for (unsigned i = 0; i < 16; i++)
        c->gpr[i] = c->code32 && i >= 8 ? 0 : gen_value(g) & mask;
    for (unsigned i = 0; i < (c->code32 ? 5u : ARRAY_SIZE(pointers)); i++)
        c->gpr[pointers[i]] = somewhere(g, inside) & mask;
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
    c->code32 = g.code32 = gen_chance(&g, 30);
    c->code_at = (int)gen_below(&g, PAGE_BYTES - CODE_MAX - 8);
    if (gen_chance(&g, 30)) /* in two pages */
        c->code_at = -(int)gen_below(&g, 96);
    c->writes_code = gen_chance(&g, 20);
    if (c->writes_code)
        c->code_at = -1000 - (int)gen_below(&g, 400);
    s.left = 2 + gen_below(&g, longest - 1);
    while (s.left && c->bytes + X86_INSN_MAX + 8 <= CODE_MAX && c->count < RUN_MAX)
        items(&s, 1);
    c->unknown[c->count] = s.unknown;
    find_live(&s, c);
    g.state ^= (number & 3) * 0x9e6c63d0876a9a47ull;
    gen_random(&g);
    set_registers(&g, (number & 3) == 0);
    gen_fpu(&g, &c->fpu);
    if (gen_chance(&g, 80))
        store_le32(c->fpu.bytes + 24, 0x1f80);
}
