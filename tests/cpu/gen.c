/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gen.c: makes cases: registers, flags, memory and instructions of the integer, string and x87 sets, from the opcode
 * lists below; random bytes behind the opcode give all addressing forms. Left out: what user mode may not run on this
 * processor without meaning something to the host's kernel (system calls, far transfers, segment loads), what reads
 * something that differs by nature (CPUID, RDTSC, RDRAND, RDPID), and FS, which the child's C library owns.
 */
#include "gen.h"

#include "base/bytes.h"

#include <string.h>

uint64_t gen_random(struct gen *g)
{
    uint64_t z = g->state += 0x9e3779b97f4a7c15ull; /* splitmix64 */

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

uint64_t gen_value(struct gen *g)
{
    static const uint64_t values[] = {0,          1,          2,          3,           7,          8,
                                      0x7f,       0x80,       0xff,       0x7fff,      0x8000,     0xffff,
                                      0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 1ull << 63, ~0ull >> 1,
                                      ~0ull,      31,         32,         63,          64,         0x3f800000};
    const uint64_t r = gen_random(g);

    switch (gen_below(g, 6)) {
    case 0: return values[r % ARRAY_SIZE(values)];
    case 1: return 0 - values[r % ARRAY_SIZE(values)];
    case 2: return r & 0xff;
    case 3: return (uint64_t)(int64_t)(int32_t)r;
    case 4: return 1ull << (r & 63);
    default: return r;
    }
}

/* A linear address. */
static uint64_t linear_target(struct gen *g, unsigned align)
{
    const uint64_t r = gen_random(g);
    uint64_t at;

    switch (gen_below(g, 40)) {
    case 0: at = DATA_VA + PAGE_BYTES - (r & 63); break;   /* across the two pages */
    case 1: at = DATA_VA + RW_BYTES - (r & 63); break;     /* into the read-only one */
    case 2: at = DATA_VA + RW_BYTES + (r & 0xfff); break;  /* read-only */
    case 3: at = DATA_VA + DATA_BYTES - (r & 63); break;   /* into nothing */
    case 4: at = DATA_VA + DATA_BYTES + (r & 0xff); break; /* nothing */
    case 5: at = DATA_VA - (r & 63); break;                /* out of nothing into the first */
    case 6: return gen_value(g) & 0xfff0000000000fff;      /* low, or not canonical */
    case 7: return DATA_VA + (r & 0x1fff);                 /* unaligned anywhere */
    case 8: at = CODE_VA + (r & 0xff0); break;             /* code: may be read */
    case 9: return DATA_VA + 1024 + (r & 0x7ff);
    default: return (DATA_VA + 1024 + (r & 0x17ff)) & ~(uint64_t)(align - 1);
    }
    return gen_chance(g, 50) ? at & ~(uint64_t)(align - 1) : at;
}

uint64_t gen_offset(const struct gen *g, uint64_t linear)
{
    if (g->c->segmented)
        return (linear - g->c->seg[X86_DS].base) & (g->c->code16 ? 0xffff : 0xffffffff);
    return g->c->code16 ? (linear - DATA_VA) & 0xffff : linear;
}

uint64_t gen_target(struct gen *g, unsigned align)
{
    return gen_offset(g, linear_target(g, align));
}

void gen_data(uint8_t data[DATA_BYTES], uint64_t seed, uint64_t batch)
{
    struct gen g = {.state = seed * 0x2545f4914f6cdd1dull + batch};
    static const uint64_t numbers[] = {0x3ff0000000000000, 0xc000000000000000, 0x7ff0000000000000, 0xfff8000000000001,
                                       0x7ff4000000000000, 0x0000000000000001, 0x0010000000000000, 0x7fefffffffffffff,
                                       0x3f8000007f800000, 0xff8000017fc00000, 0x0000000100800000, 0x7f7fffffbf800000};

    for (unsigned i = 0; i < DATA_BYTES; i += 8)
        store_le64(data + i, gen_chance(&g, 40) ? numbers[gen_below(&g, ARRAY_SIZE(numbers))] : gen_value(&g));
}

static void make_st(struct gen *g, uint8_t st[16])
{
    static const uint16_t exponents[] = {0x3fff, 0xbfff, 0x0000, 0x8000, 0x7fff, 0xffff,
                                         0x0001, 0x7ffe, 0x4000, 0x401e, 0x403e};
    static const uint64_t mantissas[] = {1ull << 63, 3ull << 62, 0, 1, ~0ull, 5ull << 61, (1ull << 63) + 1};

    memset(st, 0, 16);
    store_le64(st, gen_chance(g, 50) ? mantissas[gen_below(g, ARRAY_SIZE(mantissas))] : gen_random(g) | 1ull << 63);
    store_le16(st + 8, gen_chance(g, 60) ? exponents[gen_below(g, ARRAY_SIZE(exponents))]
                                         : (uint16_t)(0x3fe0 + (gen_random(g) & 0x803f)));
}

void gen_fpu(struct gen *g, struct x86_xsave *fpu)
{
    static const uint32_t mxcsr[] = {0x1f80, 0x1f80, 0x1f80, 0x9fc0, 0x3f80, 0x5f80, 0x7fbf};
    static const uint32_t floats[] = {0x3f800000, 0xff800000, 0x7fc00001, 0x7fa00000, 1,
                                      0x800000,   0xbf000000, 0x4f000000, 0x38000000, 0x33800000}; /* 2^-15, 2^-24 */
    uint8_t *b = fpu->bytes;

    memset(b, 0, sizeof *fpu);
    store_le16(b, 0x37f);
    if (gen_chance(g, 30))
        store_le16(b, (uint16_t)(0x7f | (gen_random(g) & 0xf00)));
    if (gen_chance(g, 8))
        store_le16(b, (uint16_t)(0x40 | (gen_random(g) & 0xf3f)));
    store_le16(b + 2, (uint16_t)(gen_random(g) & 0x7f00 & (gen_chance(g, 50) ? ~0u : 0u)));
    if (gen_chance(g, 10))
        store_le16(b + 2, (uint16_t)(gen_random(g) & 0x7f7f));
    /* ES and B are what FCW makes of the flags: no processor holds other values */
    if (load_le16(b + 2) & ~load_le16(b) & 0x3f)
        store_le16(b + 2, load_le16(b + 2) | 0x8080);
    b[4] = gen_chance(g, 50) ? 0xff : (uint8_t)gen_random(g);
    store_le32(b + 24, mxcsr[gen_below(g, ARRAY_SIZE(mxcsr))]);
    if (gen_chance(g, 8))
        store_le32(b + 24, (uint32_t)gen_random(g) & 0xffbf);
    store_le32(b + 28, 0xffff);
    for (unsigned i = 0; i < 8; i++)
        make_st(g, b + 32 + 16 * i);
    for (unsigned at = 160; at < 832; at = at == 408 ? 576 : at + 8)
        store_le64(b + at, gen_value(g));
    for (unsigned at = 160; at < 416; at += 4)
        if (gen_chance(g, 15))
            store_le32(b + at, floats[gen_below(g, ARRAY_SIZE(floats))]);
    store_le64(b + 512, 7);
}

/* Leads the memory operand to `target`, by the displacement or a register. */
static void aim(struct gen *g, struct x86_insn *in, uint8_t *bytes, uint64_t target)
{
    struct oracle_case *c = g->c;
    const uint64_t next = case_rip(c) + c->bytes + in->length;
    uint64_t index = 0;

    if (in->segment == X86_GS)
        target -= GS_BASE;
    else if (c->segmented && in->segment == X86_NO_REG && (in->base == X86_RSP || in->base == X86_RBP))
        target += c->seg[X86_DS].base - c->seg[X86_SS].base;
    if (in->rip_relative) {
        store_le32(bytes + in->disp_offset, (uint32_t)(target - next));
        return;
    }
    if (in->index != X86_NO_REG && in->index != in->base && c->count == 0) {
        if (gen_chance(g, 80))
            c->gpr[in->index] = (uint64_t)(int64_t)(int8_t)gen_random(g);
        index = c->gpr[in->index] << in->scale;
    }
    if (in->base == X86_NO_REG) {
        if (in->disp_size == 4)
            store_le32(bytes + in->disp_offset, (uint32_t)(target - index));
        else if (in->disp_size == 2)
            store_le16(bytes + in->disp_offset, (uint16_t)(target - index));
    } else if (c->count == 0) {
        c->gpr[in->base] = target - index - (uint64_t)(int64_t)in->disp;
        if (c->code32)
            c->gpr[in->base] &= 0xffffffff;
    }
}

bool gen_append(struct gen *g, const uint8_t *fixed_bytes, unsigned fixed, uint64_t target)
{
    struct oracle_case *c = g->c;
    struct x86_insn in;
    uint8_t bytes[X86_INSN_MAX];
    const enum x86_mode mode = c->code16 ? X86_MODE_16 : c->code32 ? X86_MODE_32 : X86_MODE_64;

    memcpy(bytes, fixed_bytes, fixed);
    for (unsigned i = fixed; i < X86_INSN_MAX; i++)
        bytes[i] = (uint8_t)gen_random(g);
    if (x86_decode(&in, bytes, sizeof bytes, mode) <= 0 || c->bytes + in.length > CODE_MAX)
        return false;
    if (in.has_modrm && in.mod != 3)
        aim(g, &in, bytes, target);
    if (in.map == X86_MAP_1B && (in.opcode & 0xfc) == 0xa0 && in.disp_size >= 2)
        memcpy(bytes + in.disp_offset, &target, in.disp_size);
    if (x86_decode(&in, bytes, sizeof bytes, mode) <= 0)
        return false;
    memcpy(c->code + c->bytes, bytes, in.length);
    c->bytes += in.length;
    c->insn[c->count++] = in;
    return true;
}

/* What may be generated: one string for each row of 16 opcodes. i: integer, m: also LOCKable memory form, b: branch,
 * s: string, 3: only in 32-bit code, 6: only in 64-bit code, f: x87, k: stack, .: no. */
static const char *const lists_1b[16] = {
    "mmmmii3.mmmmii3.", "mmmmii3.mmmmii3.", "mmmmii.3mmmmii.3", "mmmmii.3iiiiii.3", /* 00 */
    "3333333333333333", "kkkkkkkkkkkkkkkk", "33.i....kikissss", "bbbbbbbbbbbbbbbb", /* 40 */
    "mm3miimmiiiiii.k", "iiiiiiiiii.ikkii", "iiiissssiissssss", "iiiiiiiiiiiiiiii", /* 80 */
    "iibb..iikk..i.3.", "iiii33.iffffffff", "bbbbiiiibb.biiii", "....iimmiiiiiimb", /* c0 */
};
static const char *const lists_0f[16] = {
    "......i.ii.i.i..", "........i......i", "................", "i.ii............", /* 00 */
    "iiiiiiiiiiiiiiii", "................", "................", "................", /* 40 */
    "bbbbbbbbbbbbbbbb", "iiiiiiiiiiiiiiii", "k..mii..k..mii.i", "mm.m..iiiimmiiii", /* 80 */
    "mm.....miiiiiiii", "................", "................", "................", /* c0 */
};

/* Extensions that are something else: system state, far transfers, transactions. */
static bool extension_allowed(const struct gen *g, unsigned map, unsigned opcode, unsigned modrm)
{
    const unsigned digit = modrm >> 3 & 7;

    if (map == X86_MAP_0F)
        return opcode == 0xc7 ? digit == 1 && modrm < 0xc0 : true;
    switch (opcode) {
    case 0x62: return modrm < 0xc0;
    case 0x8f:
    case 0xc6:
    case 0xc7: return digit == 0;
    case 0xff: return digit != 3 && digit != 5;
    default: return true;
    }
}

static bool is_branch(const struct x86_insn *in)
{
    if (in->map == X86_MAP_0F)
        return (in->opcode & 0xf0) == 0x80;
    if (in->map != X86_MAP_1B)
        return false;
    if (in->opcode == 0xff)
        return (in->modrm >> 3 & 6) == 2 || (in->modrm >> 3 & 7) == 4;
    return (in->opcode & 0xf0) == 0x70 || in->opcode == 0xc2 || in->opcode == 0xc3 ||
           (in->opcode >= 0xe0 && in->opcode <= 0xe3) || in->opcode == 0xe8 || in->opcode == 0xe9 || in->opcode == 0xeb;
}

static bool is_string(unsigned map, unsigned opcode)
{
    return map == X86_MAP_1B && ((opcode >= 0x6c && opcode <= 0x6f) || (opcode >= 0xa4 && opcode <= 0xa7) ||
                                 (opcode >= 0xaa && opcode <= 0xaf));
}

static unsigned put_prefixes(struct gen *g, uint8_t *to, unsigned map, unsigned opcode, bool lockable)
{
    static const uint8_t segments[4] = {0x26, 0x2e, 0x36, 0x3e};
    const bool near_branch = map == X86_MAP_1B
                                 ? strchr("b", lists_1b[opcode >> 4][opcode & 15]) != NULL || opcode == 0xff
                                 : (opcode & 0xf0) == 0x80;
    unsigned n = 0;

    /* 66 on near branches in 64-bit code is where Intel and AMD differ */
    if (gen_chance(g, 25) && !(near_branch && !g->code32))
        to[n++] = 0x66;
    if (gen_chance(g, g->c->code16 ? 20 : 6))
        to[n++] = 0x67;
    if (is_string(map, opcode) ? gen_chance(g, 60)
                               : gen_chance(g, map == X86_MAP_0F && (opcode & 0xf8) == 0xb8 ? 50 : 3))
        to[n++] = gen_chance(g, 50) ? 0xf3 : 0xf2;
    if (gen_chance(g, lockable ? 25 : 2))
        to[n++] = 0xf0;
    if (gen_chance(g, 5))
        to[n++] = segments[gen_below(g, 4)];
    if (gen_chance(g, 4))
        to[n++] = 0x65;
    if (!g->code32 && gen_chance(g, 55))
        to[n++] = (uint8_t)(0x40 | gen_below(g, 16));
    return n;
}

/* VEX-encoded and 0F38/0F3A integer instructions: map, pp, opcode, digit (8: any), VEX. */
static const struct {
    uint8_t map, pp, opcode, digit;
    bool vex;
} wide_integer[] = {
    {X86_MAP_0F38, 0, 0xf0, 8, false}, {X86_MAP_0F38, 0, 0xf1, 8, false}, {X86_MAP_0F38, 3, 0xf0, 8, false},
    {X86_MAP_0F38, 3, 0xf1, 8, false}, {X86_MAP_0F38, 1, 0xf6, 8, false}, {X86_MAP_0F38, 2, 0xf6, 8, false},
    {X86_MAP_0F38, 0, 0xf2, 8, true},  {X86_MAP_0F38, 0, 0xf3, 1, true},  {X86_MAP_0F38, 0, 0xf3, 2, true},
    {X86_MAP_0F38, 0, 0xf3, 3, true},  {X86_MAP_0F38, 0, 0xf5, 8, true},  {X86_MAP_0F38, 2, 0xf5, 8, true},
    {X86_MAP_0F38, 3, 0xf5, 8, true},  {X86_MAP_0F38, 3, 0xf6, 8, true},  {X86_MAP_0F38, 0, 0xf7, 8, true},
    {X86_MAP_0F38, 1, 0xf7, 8, true},  {X86_MAP_0F38, 2, 0xf7, 8, true},  {X86_MAP_0F38, 3, 0xf7, 8, true},
    {X86_MAP_0F3A, 3, 0xf0, 8, true},
};

static bool gen_wide_integer(struct gen *g)
{
    const unsigned i = gen_below(g, ARRAY_SIZE(wide_integer));
    static const uint8_t prefix[4] = {0, 0x66, 0xf3, 0xf2};
    uint8_t b[X86_INSN_MAX];
    unsigned n = 0;

    if (wide_integer[i].vex) {
        const unsigned rxb = g->code32 ? 7 : gen_below(g, 8);
        b[n++] = 0xc4;
        b[n++] = (uint8_t)(rxb << 5 | wide_integer[i].map);
        b[n++] =
            (uint8_t)(gen_below(g, 2) << 7 | gen_below(g, 16) << 3 | (gen_chance(g, 3) ? 4 : 0) | wide_integer[i].pp);
        if (wide_integer[i].map == X86_MAP_0F3A)
            b[n - 1] |= 0x78;
    } else {
        if (wide_integer[i].pp != 1 && gen_chance(g, 20))
            b[n++] = 0x66;
        if (wide_integer[i].pp)
            b[n++] = prefix[wide_integer[i].pp];
        if (!g->code32 && gen_chance(g, 60))
            b[n++] = (uint8_t)(0x40 | gen_below(g, 16));
        b[n++] = 0x0f;
        b[n++] = wide_integer[i].map == X86_MAP_0F38 ? 0x38 : 0x3a;
    }
    b[n++] = wide_integer[i].opcode;
    b[n++] =
        (uint8_t)((gen_random(g) & 0xc7) | (wide_integer[i].digit < 8 ? wide_integer[i].digit : gen_below(g, 8)) << 3);
    return gen_append(g, b, n, gen_target(g, 8));
}

static bool gen_integer(struct gen *g)
{
    const unsigned map = gen_chance(g, 30) ? X86_MAP_0F : X86_MAP_1B, opcode = gen_below(g, 256);
    const char kind = (map == X86_MAP_0F ? lists_0f : lists_1b)[opcode >> 4][opcode & 15];
    uint8_t b[X86_INSN_MAX];
    unsigned n;

    if (kind == '.' || kind == 'f' || (kind == '3' && !g->code32) || (kind == '6' && g->code32))
        return false;
    n = put_prefixes(g, b, map, opcode, kind == 'm');
    if (map == X86_MAP_0F)
        b[n++] = 0x0f;
    b[n++] = (uint8_t)opcode;
    b[n++] = (uint8_t)gen_random(g);
    if (!extension_allowed(g, map, opcode, b[n - 1]))
        return false;
    if (g->code32 && (opcode == 0xc4 || opcode == 0xc5 || opcode == 0x62) && map == X86_MAP_1B)
        return false;
    return gen_append(g, b, n, gen_target(g, 8));
}

static bool gen_x87(struct gen *g)
{
    uint8_t b[X86_INSN_MAX];
    unsigned n = 0;

    g->c->group = "x87";
    if (gen_chance(g, 5))
        b[n++] = 0x66;
    if (!g->code32 && gen_chance(g, 20))
        b[n++] = (uint8_t)(0x40 | gen_below(g, 16));
    if (gen_chance(g, 2)) {
        b[n++] = 0x9b;
        return gen_append(g, b, n, 0);
    }
    b[n++] = (uint8_t)(0xd8 + gen_below(g, 8));
    b[n++] = (uint8_t)(gen_chance(g, 60) ? gen_random(g) | 0xc0 : gen_random(g));
    /* FNSTENV and FNSAVE have pointers and old contents in them; their 16-byte relatives are covered by FXSAVE */
    return gen_append(g, b, n, gen_target(g, 8));
}

/* Registers that instructions use without naming them. */
static void set_implicit(struct gen *g, const struct x86_insn *in)
{
    struct oracle_case *c = g->c;
    const uint64_t mask = c->code32 ? 0xffffffff : ~0ull;

    if (in->map == X86_MAP_1B && in->opcode == 0xd7) {
        c->gpr[X86_RBX] = gen_target(g, 1) & mask;
    } else if (is_string(in->map, in->opcode)) {
        c->gpr[X86_RSI] = gen_target(g, 8) & mask;
        c->gpr[X86_RDI] = gen_target(g, 8) & mask;
        if (gen_chance(g, 95))
            c->gpr[X86_RCX] = gen_below(g, 40);
    } else if (in->map == X86_MAP_1B && in->opcode == 0xc9) {
        c->gpr[X86_RBP] = gen_target(g, 8) & mask;
    } else if (in->map == X86_MAP_0F && (in->opcode & 0xc7) == 0x83 && in->mod != 3 && gen_chance(g, 85)) {
        c->gpr[in->reg] = (uint64_t)(int64_t)(int16_t)gen_random(g); /* BT: near its base */
    }
}

static void set_registers(struct gen *g)
{
    struct oracle_case *c = g->c;

    for (unsigned i = 0; i < 16; i++)
        c->gpr[i] = c->code32 && i >= 8 ? 0 : gen_value(g) & (c->code32 ? 0xffffffff : ~0ull);
    c->gpr[X86_RSP] = gen_chance(g, 90) ? gen_offset(g, DATA_VA + 2048 + (gen_random(g) & 0xff8)) : gen_target(g, 8);
    if (c->code32)
        c->gpr[X86_RSP] &= 0xffffffff;
    c->rflags =
        0x202 | (gen_random(g) & X86_ARITH) | (gen_chance(g, 20) ? X86_DF : 0) | (gen_chance(g, 2) ? X86_AC : 0);
}

static bool gen_one(struct gen *g, const char *only)
{
    const unsigned r = gen_below(g, 100);
    struct oracle_case *c = g->c;

    c->group = "int";
    if (only ? !strcmp(only, "x87") : r < 12)
        return gen_x87(g);
    if (only ? !strcmp(only, "simd") && r < 92 : r < 55)
        return gen_simd(c, g);
    if (only ? !strcmp(only, "simd") : r < 60)
        return gen_simd_special(c, g);
    if (r >= 94)
        return gen_wide_integer(g);
    return gen_integer(g);
}

/*
 * May the branch that ends the run go without TF? Yes when it is relative and leads out of the case, to the INT3s
 * around it or to where no page is. Any other could run for ever.
 */
static bool leads_away(const struct oracle_case *c, const struct x86_insn *in)
{
    const bool indirect = in->map == X86_MAP_1B && (in->opcode == 0xff || in->opcode == 0xc2 || in->opcode == 0xc3);
    const uint64_t mask = in->operand_size == 2 ? 0xffff : ~0ull;

    return !indirect && ((c->bytes + (uint64_t)in->imm) & mask) >= c->bytes;
}

void gen_case(struct oracle_case *c, const struct oracle_mix *mix, uint64_t number)
{
    struct gen g = {.state = mix->seed ^ number * 0xd1342543de82ef95ull, .c = c};
    unsigned wanted;

    gen_random(&g);
    memset(c, 0, offsetof(struct oracle_case, patch));
    c->number = number;
    if (mix->sequence) {
        gen_sequence(c, mix->seed, number, mix->sequence);
        return;
    }
    c->code32 = g.code32 = gen_chance(&g, 35);
    c->code16 = c->code32 && gen_chance(&g, 40);
    /* Sometimes so near the page's end that the instruction reaches into nothing. */
    c->code_at = (int)(gen_chance(&g, 2) ? PAGE_BYTES - 1 - gen_below(&g, 10) : gen_below(&g, PAGE_BYTES - 128));
    if (c->code32 && gen_chance(&g, 50)) {
        gen_code_segment(&g);
        gen_data_segments(&g);
    }
    set_registers(&g);
    gen_fpu(&g, &c->fpu);
    wanted = gen_chance(&g, 25) ? 1 + gen_below(&g, 4) : 1;
    while (c->count < wanted) {
        const unsigned before = c->count;
        if (!gen_one(&g, mix->only))
            continue;
        if (before == 0)
            set_implicit(&g, &c->insn[0]);
        if (before == 0 && c->segmented && gen_chance(&g, 40))
            gen_near_limits(&g);
        if (is_branch(&c->insn[before])) {
            c->branch = !leads_away(c, &c->insn[before]);
            break;
        }
        if (compare_undefined_flags(&c->insn[before]))
            break;
    }
    if (c->branch && c->count > 1) {
        /* TF would stop before it */
        c->count--;
        c->bytes -= c->insn[c->count].length;
        c->branch = false;
    }
    /* A gather with TF may trap between its elements, where ours does not look */
    const bool gathers = c->insn[0].map == X86_MAP_0F38 && (c->insn[0].opcode & 0xfc) == 0x90;
    if (c->branch || (c->count == 1 && !gathers && gen_chance(&g, 10)))
        c->rflags |= X86_TF;
    if ((unsigned)c->code_at + c->bytes > PAGE_BYTES)
        c->bytes = PAGE_BYTES - (unsigned)c->code_at;
}
