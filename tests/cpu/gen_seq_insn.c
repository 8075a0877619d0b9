/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gen_seq_insn.c: the instructions of sequences, each chosen as often as compilers make it, more or less.
 */
#include "gen_seq.h"

#include "base/bytes.h"
#include "engine/interp/simd_forms.h"

/* --- encoding --- */

bool seq_append(struct seq *s, const uint8_t *bytes, unsigned length)
{
    struct oracle_case *c = s->c;
    struct x86_insn in;
    uint8_t padded[X86_INSN_MAX] = {0};

    if (c->count == RUN_MAX || c->bytes + length > CODE_MAX || length > X86_INSN_MAX)
        return false;
    memcpy(padded, bytes, length);
    const enum x86_mode mode = c->code16 ? X86_MODE_16 : c->code32 ? X86_MODE_32 : X86_MODE_64;
    if (x86_decode(&in, padded, sizeof padded, mode) != (int)length)
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

bool seq_put(struct seq *s, unsigned prefix, unsigned op, unsigned size, unsigned reg, const struct operand *o,
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
    return seq_append(s, b, n);
}

/* --- choosing --- */

static unsigned any_size(struct seq *s)
{
    const unsigned size = PICK(s, 1, 2, 4, 4, 4, 8, 8, 8);
    return size == 8 ? seq_word(s) : size;
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
    if (s->any_base && size == 1 && gen_chance(s->g, 30))
        r = 5 + gen_below(s->g, 3);                                           /* CH, DH, BH */
    if (r == SP || r == s->reserved || (size == 1 && r == (s->reserved | 4))) /* BH is RBX's */
        r = X86_RDX;
    return r;
}

int32_t seq_displacement(struct seq *s, bool stack)
{
    const unsigned r = gen_below(s->g, 100);
    int32_t d = (int32_t)(gen_below(s->g, 16) * seq_word(s));

    if (r < 8)
        return (int32_t)gen_below(s->g, 256) - 128;
    if (r < 12)
        return (int32_t)gen_below(s->g, 2400) - 1200;
    if (r < 16)
        d += 512;
    return stack ? (r < 88 ? d : -d) : r < 65 ? -d : d;
}

struct operand seq_memory(struct seq *s)
{
    struct operand o = {.memory = true, .index = NO_REG, .base = SP};
    const unsigned r = gen_below(s->g, 100);

    if (r >= 45)
        o.base = r < 75         ? BP
                 : s->c->code32 ? PICK(s, X86_RBX, X86_RSI, X86_RDI)
                                : PICK(s, X86_RBX, X86_RSI, X86_RDI, 12, 13, 14);
    if (r >= 20 && r < 90 && s->any_base)
        o.base = s->c->code32 ? PICK(s, X86_RAX, X86_RCX, X86_RDX) : PICK(s, X86_RAX, X86_RCX, X86_RDX, 8, 15);
    if (o.base == s->reserved)
        o.base = BP;
    if (r >= 97)
        o.base = NO_REG;
    o.disp = seq_displacement(s, o.base == SP);
    if (o.base == NO_REG)
        o.disp = (int32_t)DATA_VA + (int32_t)gen_below(s->g, DATA_BYTES);
    else if (gen_chance(s->g, 8)) {
        o.index = s->c->code32 ? X86_RCX : PICK(s, X86_RCX, X86_RCX, 8, 9, 15);
        o.scale = gen_below(s->g, 4);
    }
    return o;
}

/* A memory operand or a register that may be written. */
static struct operand place(struct seq *s, unsigned memory_percent, unsigned size)
{
    return gen_chance(s->g, memory_percent) ? seq_memory(s) : seq_reg(target(s, size));
}

static int64_t small_imm(struct seq *s)
{
    return gen_chance(s->g, 60) ? (int64_t)gen_below(s->g, 32) : (int64_t)gen_value(s->g);
}

/* --- one instruction --- */

static bool moves(struct seq *s)
{
    const unsigned size = any_size(s), op = size > 1;
    struct operand o = seq_memory(s);
    const unsigned r = gen_below(s->g, 100);

    if (r < 40)
        return seq_put(s, 0, 0x8a + op, size, target(s, size), &o, 0, 0);
    if (r < 72)
        return seq_put(s, 0, 0x88 + op, size, source(s), &o, 0, 0);
    if (r < 82)
        return seq_put(s, 0, 0xc6 + op, size, 0, &o, size > 4 ? 4 : size, small_imm(s));
    o = seq_reg(source(s));
    if (r < 92)
        return seq_put(s, 0, 0x8a + op, size, target(s, size), &o, 0, 0);
    o = seq_reg(target(s, size));
    return seq_put(s, 0, 0xc6 + op, size, 0, &o, size > 4 ? 4 : size, small_imm(s));
}

static bool widen(struct seq *s)
{
    struct operand o = gen_chance(s->g, 75) ? seq_memory(s) : seq_reg(source(s));
    if (!s->c->code32 && gen_chance(s->g, 25))
        return seq_put(s, 0, 0x63, 8, target(s, 8), &o, 0, 0);
    return seq_put(s, 0, PICK(s, 0xb6, 0xb7, 0xbe, 0xbf) | 0x100, seq_wide_size(s), target(s, 4), &o, 0, 0);
}

/* ADD to CMP, and TEST */
bool seq_arithmetic(struct seq *s)
{
    const unsigned size = any_size(s), op = size > 1, kind = PICK(s, 0, 0, 1, 2, 2, 3, 4, 5, 5, 6, 7, 7, 7);
    const unsigned r = gen_below(s->g, 100);
    struct operand o = place(s, 65, size);

    if (r < 35)
        return seq_put(s, 0, kind << 3 | 2 | op, size, target(s, size), &o, 0, 0);
    if (r < 60)
        return seq_put(s, 0, kind << 3 | op, size, source(s), &o, 0, 0);
    if (r < 70)
        return seq_put(s, 0, 0x84 | op, size, source(s), &o, 0, 0);
    if (r < 75)
        return seq_put(s, 0, 0xf6 | op, size, 0, &o, size > 4 ? 4 : size, small_imm(s));
    if (r < 90 && size > 1)
        return seq_put(s, 0, 0x83, size, kind, &o, 1, small_imm(s));
    return seq_put(s, 0, 0x80 | op, size, kind, &o, size > 4 ? 4 : size, small_imm(s));
}

/* INC, DEC, NOT, NEG, MUL, DIV and shifts */
static bool unary(struct seq *s)
{
    const unsigned size = any_size(s), op = size > 1, r = gen_below(s->g, 100);
    struct operand o = place(s, 50, size);

    if (r < 30)
        return seq_put(s, 0, 0xfe | op, size, gen_below(s->g, 2), &o, 0, 0);
    if (r < 45)
        return seq_put(s, 0, 0xf6 | op, size, 2 + gen_below(s->g, 2), &o, 0, 0);
    if (r < 50)
        return seq_put(s, 0, 0xf6 | op, size, 4 + gen_below(s->g, 2), &o, 0, 0);
    if (r < 53)
        return seq_put(s, 0, 0xf6 | op, size, 6 + gen_below(s->g, 2), &o, 0, 0);
    const unsigned kind = PICK(s, 0, 1, 2, 3, 4, 4, 5, 5, 7);
    if (r < 60)
        return seq_put(s, 0, 0xd2 | op, size, kind, &o, 0, 0);
    if (r < 70)
        return seq_put(s, 0, 0xd0 | op, size, kind, &o, 0, 0);
    return seq_put(s, 0, 0xc0 | op, size, kind, &o, 1, gen_below(s->g, 40));
}

/* What reads flags: CMOV, SETcc, LAHF; and ADC and SBB, whatever comes before. */
static bool conditional(struct seq *s)
{
    struct operand o = place(s, 65, 1);
    const unsigned r = gen_below(s->g, 100), condition = gen_below(s->g, 16);

    if (r < 45)
        return seq_put(s, 0, 0x140 | condition, any_size(s) == 2 ? 2 : seq_wide_size(s), target(s, 4), &o, 0, 0);
    if (r < 80)
        return seq_put(s, 0, 0x190 | condition, 1, 0, &o, 0, 0);
    if (r < 96)
        return seq_put(s, 0, PICK(s, 0x11, 0x13, 0x19, 0x1b), seq_wide_size(s), target(s, 4), &o, 0, 0);
    return RAW(s, 0x9f);
}

/* BMI1 and BMI2: ANDN, BEXTR, BZHI, SARX and its like, MULX, RORX. */
static bool bmi(struct seq *s)
{
    static const uint8_t kinds[][3] = {{2, 0, 0xf2}, {2, 0, 0xf7}, {2, 0, 0xf5}, {2, 1, 0xf7}, {2, 2, 0xf7},
                                       {2, 3, 0xf7}, {2, 3, 0xf6}, {3, 3, 0xf0}, {2, 2, 0xf5}, {2, 3, 0xf5}};
    const uint8_t *kind = kinds[gen_below(s->g, ARRAY_SIZE(kinds))];
    const unsigned reg = target(s, 8), w = gen_below(s->g, 2) << 7;
    const unsigned second = kind[0] == 3 ? 0 : kind[2] == 0xf6 ? target(s, 8) : source(s);
    struct operand o = gen_chance(s->g, 70) ? seq_memory(s) : seq_reg(source(s));
    const unsigned low = o.memory ? o.base : o.reg, index = o.memory && o.index != NO_REG ? o.index : 0;
    uint8_t b[24] = {0xc4, (uint8_t)((reg < 8) << 7 | (index < 8) << 6 | (!(low & 8)) << 5 | kind[0]),
                     (uint8_t)(w | (~second & 15) << 3 | kind[1]), kind[2]};

    if (s->c->code32 || !__builtin_cpu_supports("bmi2") || (kind[2] == 0xf6 && reg == second))
        return false;
    unsigned n = 4 + put_modrm(s, b + 4, reg, &o);
    if (kind[0] == 3)
        b[n++] = (uint8_t)gen_below(s->g, 64);
    return seq_append(s, b, n);
}

/* IMUL, XCHG, XADD, CMPXCHG, BT and its like, SHLD, BSWAP, MOVBE, CDQ, ... */
static bool others(struct seq *s)
{
    const unsigned size = seq_wide_size(s);
    struct operand o = place(s, 65, size);

    switch (gen_below(s->g, 20)) {
    case 0: return seq_put(s, 0, 0x1af, size, target(s, size), &o, 0, 0);
    case 1: return seq_put(s, 0, 0x6b, size, target(s, size), &o, 1, small_imm(s));
    case 2: return seq_put(s, 0, 0x87, size, target(s, size), &o, 0, 0);
    case 3: return seq_put(s, 0, 0x1c1, size, target(s, size), &o, 0, 0);
    case 4: return seq_put(s, 0, 0x1b1, size, source(s), &o, 0, 0);
    case 5: return seq_put(s, 0, 0x1ba, size, 4 + gen_below(s->g, 4), &o, 1, gen_below(s->g, 64));
    case 6: return seq_put(s, 0, PICK(s, 0xa3, 0xab, 0xb3, 0xbb) | 0x100, size, X86_RCX, &o, 0, 0);
    case 7: return seq_put(s, 0, PICK(s, 0xa4, 0xac) | 0x100, size, source(s), &o, 1, gen_below(s->g, 32));
    case 8: return RAW(s, (uint8_t)PICK(s, 0x98, 0x99, 0xf5, 0xf8, 0xf9, 0x9e));
    case 9: return RAW(s, 0x0f, (uint8_t)PICK(s, 0xc8, 0xc9, 0xca, 0xcd));
    case 10: return RAW(s, (uint8_t)PICK(s, 0x91, 0x92, 0x90, 0x95));
    case 11: return o.memory && seq_put(s, 0, PICK(s, 0xf0, 0xf1) | 0x200, size, target(s, size), &o, 0, 0);
    case 12: return seq_put(s, 0xf3, PICK(s, 0xb8, 0xbc, 0xbd) | 0x100, size, target(s, size), &o, 0, 0);
    case 13: return o.memory && seq_put(s, 0, 0x1c7, 4, 1, &o, 0, 0);
    case 14: return seq_put(s, 0, PICK(s, 0xa5, 0xad) | 0x100, size, source(s), &o, 0, 0);
    case 15:
        o = seq_memory(s); /* of GS */
        if (s->c->code32)
            return false;
        o.base = o.index = NO_REG;
        o.disp = (int32_t)gen_below(s->g, 4096);
        return seq_put(s, 0x65, PICK(s, 0x8b, 0x89, 0x03, 0x39), size, target(s, size), &o, 0, 0);
    case 16: return RAW(s, 0xf0, 0x83, 0x0c, 0x24, 0); /* lock or dword [rsp], 0 */
    case 17: return RAW(s, (uint8_t)PICK(s, 0xfc, 0xfc, 0xfd));
    default: return bmi(s);
    }
}

static bool load_address(struct seq *s)
{
    struct operand o = seq_memory(s);
    if (!s->balanced && gen_chance(s->g, 15)) /* of the frame */
        return seq_put(s, 0, 0x8d, seq_word(s), gen_chance(s->g, 50) ? SP : BP, &o, 0, 0);
    return seq_put(s, 0, 0x8d, any_size(s) == 2 ? 2 : seq_wide_size(s), target(s, 4), &o, 0, 0);
}

static bool string(struct seq *s)
{
    const unsigned op = PICK(s, 0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf);
    const unsigned prefix = gen_chance(s->g, 25) ? PICK(s, 0xf3, 0xf3, 0xf2) : 0;
    return seq_put(s, prefix, op, op & 1 ? any_size(s) : 1, 0, NULL, 0, 0);
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
    struct operand o = ops[i].memory || gen_chance(s->g, 70) ? seq_memory(s) : seq_reg(gen_below(s->g, 8));

    if (gen_chance(s->g, 12)) { /* MOVD, MOVQ between kinds; PMOVMSKB */
        o = place(s, 60, 4);
        if (o.memory || gen_chance(s->g, 60))
            return seq_put(s, 0x66, PICK(s, 0x6e, 0x7e) | 0x100, seq_wide_size(s), reg, &o, 0, 0);
        o.reg &= 7;
        return seq_put(s, 0x66, 0x1d7, 4, target(s, 4), &o, 0, 0);
    }
    if (!s->c->code32 && simd_host_has(FEAT_AVX) && gen_chance(s->g, 15) && o.memory && o.base < 8 &&
        o.index == NO_REG) { /* VMOVUPS */
        uint8_t b[16] = {0xc5, (uint8_t)(0x78 | (reg < 8 ? 0x80u : 0) | gen_below(s->g, 2) << 2),
                         (uint8_t)(0x10 + ops[i].store)};
        return seq_append(s, b, 3 + put_modrm(s, b + 3, reg, &o));
    }
    return seq_put(s, ops[i].prefix, 0x100 | ops[i].op, 4, reg, &o, 0, 0);
}

bool seq_push(struct seq *s)
{
    struct operand o = seq_memory(s);
    const unsigned r = gen_below(s->g, 100), reg = source(s);

    if (r < 45)
        return reg < 8 ? RAW(s, (uint8_t)(0x50 | reg)) : RAW(s, 0x41, (uint8_t)(0x50 | (reg & 7)));
    if (r < 60)
        return RAW(s, 0x6a, (uint8_t)gen_random(s->g));
    if (r < 68)
        return RAW(s, 0x68, (uint8_t)gen_random(s->g), (uint8_t)gen_random(s->g), 1, (uint8_t)gen_random(s->g));
    if (r < 96)
        return seq_put(s, 0, 0xff, 4, 6, &o, 0, 0);
    return RAW(s, 0x9c);
}

static bool pop(struct seq *s)
{
    struct operand o = seq_memory(s);
    const unsigned reg = target(s, 8);

    if (gen_chance(s->g, 85))
        return reg < 8 ? RAW(s, (uint8_t)(0x58 | reg)) : RAW(s, 0x41, (uint8_t)(0x58 | (reg & 7)));
    return seq_put(s, 0, 0x8f, 4, 0, &o, 0, 0);
}

/* Frames come and go. */
static bool frame(struct seq *s)
{
    const uint8_t w = s->c->code32 ? 0 : 0x48;
    struct operand o = seq_reg(SP);
    const unsigned by = gen_below(s->g, 12) * seq_word(s);

    if (s->balanced)
        return false;
    switch (gen_below(s->g, 12)) {
    case 0:
    case 1:
    case 2:
    case 3: return seq_put(s, 0, 0x83, seq_word(s), 5, &o, 1, by); /* sub */
    case 4:
    case 5:
    case 6: return seq_put(s, 0, 0x83, seq_word(s), 0, &o, 1, by); /* add */
    case 7:
        return seq_put(s, 0, 0x81, seq_word(s), gen_chance(s->g, 50) ? 5 : 0, &o, 4, 1024 + by); /* beyond a group */
    case 8: return RAW(s, 0x55) && seq_put(s, 0, 0x89, seq_word(s), SP, &(struct operand){.reg = BP}, 0, 0);
    case 9: return RAW(s, 0xc9); /* leave */
    case 10: return seq_put(s, 0, 0x83, seq_word(s), 4, &o, 1, -16);
    default: o.reg = w && gen_chance(s->g, 30) ? 12 : BP; return seq_put(s, 0, 0x8b, seq_word(s), SP, &o, 0, 0);
    }
}

bool seq_plain(struct seq *s)
{
    const unsigned r = gen_below(s->g, 100);

    if (s->floats && gen_chance(s->g, 75))
        return seq_float(s);
    if (!s->balanced && r < 20)
        return gen_chance(s->g, 55) ? seq_push(s) : pop(s);
    if (r < 26)
        return frame(s);
    if (r < 44)
        return moves(s);
    if (r < 50)
        return widen(s);
    if (r < 65)
        return seq_arithmetic(s);
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
