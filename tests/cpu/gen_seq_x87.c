/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gen_seq_x87.c: x87 and MMX instructions of sequences, and those between which the state is in memory.
 */
#include "gen_seq.h"

static unsigned st(struct seq *s)
{
    return gen_below(s->g, gen_chance(s->g, 70) ? 3 : 8);
}

static bool with_memory(struct seq *s, unsigned opcode, unsigned digit)
{
    struct operand o = seq_memory(s);
    return seq_put(s, 0, opcode, 4, digit, &o, 0, 0);
}

static bool load(struct seq *s)
{
    static const uint8_t forms[][2] = {{0xd9, 0}, {0xd9, 0}, {0xdd, 0}, {0xdd, 0}, {0xdd, 0}, {0xdb, 5},
                                       {0xdb, 0}, {0xdb, 0}, {0xdf, 0}, {0xdf, 5}, {0xdf, 4}};
    const unsigned r = gen_below(s->g, 100), i = gen_below(s->g, ARRAY_SIZE(forms));

    if (r < 70)
        return with_memory(s, forms[i][0], forms[i][1]);
    return r < 85 ? RAW(s, 0xd9, (uint8_t)(0xc0 | st(s))) : RAW(s, 0xd9, (uint8_t)(0xe8 + gen_below(s->g, 7)));
}

static bool store(struct seq *s)
{
    static const uint8_t forms[][2] = {{0xd9, 2}, {0xd9, 3}, {0xdd, 2}, {0xdd, 3}, {0xdd, 3},
                                       {0xdb, 7}, {0xdb, 2}, {0xdb, 3}, {0xdb, 1}, {0xdd, 1},
                                       {0xdf, 1}, {0xdf, 2}, {0xdf, 3}, {0xdf, 7}, {0xdf, 6}};
    const unsigned i = gen_below(s->g, ARRAY_SIZE(forms));

    if (gen_chance(s->g, 75))
        return with_memory(s, forms[i][0], forms[i][1]);
    return RAW(s, 0xdd, (uint8_t)(0xd0 | (gen_random(s->g) & 8) | st(s)));
}

static bool compute(struct seq *s)
{
    static const uint8_t alone[] = {0xe0, 0xe1, 0xe4, 0xe5, 0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf8, 0xf9,
                                    0xfa, 0xfa, 0xfb, 0xfc, 0xfc, 0xfd, 0xfe, 0xff, 0xd0, 0xf6, 0xf7};
    const unsigned r = gen_below(s->g, 100), digit = gen_below(s->g, 8);

    if (r < 40)
        return with_memory(s, PICK(s, 0xd8, 0xdc, 0xda, 0xde), digit);
    if (r < 60)
        return RAW(s, (uint8_t)PICK(s, 0xd8, 0xdc), (uint8_t)(0xc0 | digit << 3 | st(s)));
    if (r < 75)
        return RAW(s, 0xde, (uint8_t)(digit == 3 ? 0xd9 : 0xc0 | digit << 3 | st(s)));
    return RAW(s, 0xd9, alone[gen_below(s->g, ARRAY_SIZE(alone))]);
}

static bool compare_or_move(struct seq *s)
{
    switch (gen_below(s->g, 8)) {
    case 0:
    case 1: return RAW(s, 0xd9, (uint8_t)(0xc8 | st(s)));                                                   /* FXCH */
    case 2: return RAW(s, (uint8_t)PICK(s, 0xdb, 0xdf), (uint8_t)(PICK(s, 0xe8, 0xf0) | st(s)));            /* FCOMI */
    case 3: return RAW(s, (uint8_t)PICK(s, 0xda, 0xdb), (uint8_t)(0xc0 | gen_below(s->g, 4) << 3 | st(s))); /* FCMOV */
    case 4: return RAW(s, 0xdd, (uint8_t)(PICK(s, 0xe0, 0xe8) | st(s)));                                    /* FUCOM */
    case 5: return RAW(s, 0xda, 0xe9);                                            /* FUCOMPP */
    case 6: return RAW(s, (uint8_t)PICK(s, 0xdd, 0xdf), (uint8_t)(0xc0 | st(s))); /* FFREE */
    default: return RAW(s, 0xdf, 0xe0) && RAW(s, 0x9e);                           /* FNSTSW AX, SAHF */
    }
}

/* What a compiler makes of a conversion to an integer, and others that set the control word. */
static bool control(struct seq *s)
{
    struct operand o = seq_memory(s);

    switch (gen_below(s->g, 10)) {
    case 0:
    case 1: return seq_put(s, 0, 0xd9, 4, 7, &o, 0, 0);
    case 2:
    case 3: /* of a value that unmasks nothing, mostly */
        return seq_put(s, 0, 0xc7, 2, 0, &o, 2, gen_chance(s->g, 85) ? 0x3f | (gen_random(s->g) & 0x1fc0) : 0x37b) &&
               seq_put(s, 0, 0xd9, 4, 5, &o, 0, 0);
    case 4: return seq_put(s, 0, 0xd9, 4, 7, &o, 0, 0) && seq_put(s, 0, 0xd9, 4, 5, &o, 0, 0);
    case 5: return gen_chance(s->g, 20) && seq_put(s, 0, 0xd9, 4, 5, &o, 0, 0);
    case 6: return seq_put(s, 0, 0xdd, 4, 7, &o, 0, 0);
    case 7: return RAW(s, 0x9b);
    case 8: return RAW(s, 0xdb, (uint8_t)PICK(s, 0xe2, 0xe3));
    default: return RAW(s, 0xdf, 0xe0);
    }
}

static bool mmx(struct seq *s)
{
    static const uint8_t plain[] = {0x60, 0x61, 0x62, 0x63, 0x64, 0x67, 0x68, 0x6a, 0x6b, 0x6f, 0x6f, 0x6f,
                                    0x74, 0x75, 0x76, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd8, 0xd9, 0xda, 0xdb,
                                    0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xe1, 0xe4, 0xe5, 0xe8, 0xeb, 0xee, 0xef,
                                    0xef, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf8, 0xf9, 0xfa, 0xfb, 0xfd};
    struct operand o = gen_chance(s->g, 55) ? seq_memory(s) : seq_reg(gen_below(s->g, s->c->code32 ? 8 : 16));
    const unsigned reg = gen_below(s->g, s->c->code32 ? 8 : 16), wide = seq_wide_size(s);

    switch (gen_below(s->g, 16)) {
    case 0: return seq_put(s, 0, 0x16e, wide, reg, &o, 0, 0);
    case 1:
        if (!o.memory)
            o.reg = PICK(s, X86_RAX, X86_RDX);
        return seq_put(s, 0, 0x17e, wide, reg, &o, 0, 0);
    case 2:
    case 3: return seq_put(s, 0, o.memory && gen_chance(s->g, 20) ? 0x1e7 : 0x17f, 4, reg, &o, 0, 0);
    case 4: /* between the kinds */
        o = seq_reg(gen_below(s->g, 8));
        return seq_put(s, PICK(s, 0xf2, 0xf3), 0x1d6, 4, reg & 7, &o, 0, 0);
    case 5: return seq_put(s, gen_chance(s->g, 50) ? 0x66 : 0, PICK(s, 0x2a, 0x2c, 0x2d) | 0x100, 4, reg & 7, &o, 0, 0);
    case 6:
        o = seq_reg(reg);
        return seq_put(s, 0, PICK(s, 0x71, 0x72, 0x73) | 0x100, 4, PICK(s, 2, 6), &o, 1, gen_below(s->g, 70));
    case 7: return seq_put(s, 0, 0x170, 4, reg, &o, 1, (int64_t)gen_below(s->g, 256));
    case 8:
        if (gen_chance(s->g, 50))
            return seq_put(s, 0, 0x1c4, 4, reg, &o, 1, gen_below(s->g, 8));
        o = seq_reg(reg);
        return gen_chance(s->g, 50) ? seq_put(s, 0, 0x1d7, 4, X86_RDX, &o, 0, 0)
                                    : seq_put(s, 0, 0x1c5, 4, X86_RAX, &o, 1, gen_below(s->g, 8));
    case 9: return RAW(s, 0x0f, 0x77);
    default: return seq_put(s, 0, plain[gen_below(s->g, ARRAY_SIZE(plain))] | 0x100u, 4, reg, &o, 0, 0);
    }
}

/* The whole state to memory or from there. What is there of pointers differs by processor: see oracle_case.referred. */
static bool environment(struct seq *s)
{
    static const uint16_t saves[] = {0xd9, 0xdd, 0x1ae};
    const unsigned kind = gen_below(s->g, 3), back = kind < 2 ? 4 : 1, to = kind < 2 ? 6 : 0;
    struct operand o = seq_memory(s);

    if (kind == 2 && gen_chance(s->g, 20)) /* XSAVE, XSAVEOPT */
        return seq_put(s, 0, 0x1ae, seq_wide_size(s), PICK(s, 4, 6), &o, 0, 0);
    if (gen_chance(s->g, 6))
        return seq_put(s, 0, saves[kind], 4, back, &o, 0, 0);
    if (!seq_put(s, 0, saves[kind], kind < 2 && gen_chance(s->g, 5) ? 2 : 4, to, &o, 0, 0))
        return false;
    if (gen_chance(s->g, 50))
        return true;
    for (unsigned i = gen_below(s->g, 3); i > 0; i--)
        compute(s);
    return seq_put(s, 0, saves[kind], 4, back, &o, 0, 0);
}

bool seq_float(struct seq *s)
{
    const unsigned r = gen_below(s->g, 100);

    if (s->c->referred && r < 12)
        return environment(s);
    if (s->mmx && r < 55)
        return mmx(s);
    if (r < 62)
        return load(s);
    if (r < 74)
        return store(s);
    if (r < 86)
        return compute(s);
    return r < 94 ? compare_or_move(s) : control(s);
}
