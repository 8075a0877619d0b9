/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gen_segment.c: segments that are not flat, for 16- and 32-bit cases, and the instructions of 16-bit sequences: of old
 * compilers and BIOSes, with the other size of operands or addresses now and then.
 */
#include "gen_seq.h"

#include "base/bytes.h"

#define ATTR_USER (X86_ATTR_S | X86_ATTR_P | X86_ATTR_DPL)

/* --- segments --- */

void gen_code_segment(struct gen *g)
{
    struct oracle_case *c = g->c;
    static const int32_t before[] = {0, 0, 0x1000, 0x1000, 0x10, 0x123, 0x7ff};
    const uint32_t at = (uint32_t)((int32_t)CODE_VA + c->code_at);
    uint32_t base = CODE_VA - (uint32_t)before[gen_below(g, ARRAY_SIZE(before))];

    if (c->code_at < 0 && base > at) /* it begins in the page before */
        base = CODE_VA - PAGE_BYTES;
    if (c->code16 && gen_chance(g, 10)) /* up to where IP wraps */
        base = at - 0x10000 + gen_below(g, 64);
    else if (!c->code16 && gen_chance(g, 40))
        base = 0;
    c->segmented = true;
    c->seg[X86_CS] =
        (struct x86_seg){.selector = c->code16 ? USER_CS16 : USER_CS32,
                         .attr = (uint16_t)(0xbu | ATTR_USER | (c->code16 ? 0u : X86_ATTR_DB | X86_ATTR_G)),
                         .base = base,
                         .limit = base ? 0xffff : 0xffffffff};
}

static uint32_t data_base(struct gen *g)
{
    switch (gen_below(g, 8)) {
    case 0: return g->c->code16 ? DATA_VA - 0xf000 : 0; /* the last offset is in the pages */
    case 1: return DATA_VA - 0xe000;
    case 2: return DATA_VA - 16 * gen_below(g, 0x400);
    case 3: return DATA_VA + gen_below(g, 64);
    case 4: return g->c->code16 ? DATA_VA : 0;
    default: return DATA_VA;
    }
}

static void data_segment(struct gen *g, unsigned n)
{
    static const uint32_t limits[] = {0xffff, 0xffff, 0xffff, 0xffffffff, 0x1fff, 0x2fff, 0x2ffe, 0xfffff, 0xfff};
    const bool stack = n == X86_SS;
    struct x86_seg *s = &g->c->seg[n];
    unsigned attr = 3;

    *s = (struct x86_seg){.selector = USER_DS16, .base = data_base(g)};
    s->limit = gen_chance(g, 65) ? (s->base && gen_chance(g, 70) ? 0xffff : 0xffffffff)
                                 : limits[gen_below(g, ARRAY_SIZE(limits))];
    if (gen_chance(g, 3))
        s->limit = gen_below(g, 0x3000);
    if (gen_chance(g, 6)) { /* expand-down: below the limit is nothing */
        attr = 7;
        s->limit = gen_chance(g, 60) ? gen_below(g, 0x1000) : gen_below(g, 0x10000);
    } else if (!stack && gen_chance(g, 8)) {
        static const uint8_t other[] = {1, 1, 0xb, 9, 5};
        attr = other[gen_below(g, ARRAY_SIZE(other))];
    }
    attr |= ATTR_USER | (gen_chance(g, 50) ? X86_ATTR_DB : 0u);
    s->attr = (uint16_t)attr;
    if (!stack && gen_chance(g, 3))
        *s = (struct x86_seg){.selector = 0};
}

void gen_data_segments(struct gen *g)
{
    struct oracle_case *c = g->c;
    static const uint8_t data[] = {X86_ES, X86_SS, X86_DS};
    const bool alike = gen_chance(g, 60);

    for (unsigned i = 0; i < ARRAY_SIZE(data); i++)
        data_segment(g, data[i]);
    for (unsigned i = 0; i < ARRAY_SIZE(data) && alike; i++)
        c->seg[data[i]].base = c->seg[X86_SS].base;
    if (gen_chance(g, 15)) { /* it ends in the code, or in its page */
        const uint32_t end = (uint32_t)case_rip(c) + (gen_chance(g, 70) ? gen_below(g, c->bytes + 4) : PAGE_BYTES);
        c->seg[X86_CS].limit = gen_chance(g, 30) ? end | 0xfff : end;
    } else if (c->code16 && gen_chance(g, 8)) {
        c->seg[X86_CS].limit = 0xffffffff;
    }
}

void gen_near_limits(struct gen *g)
{
    static const uint8_t regs[] = {X86_RSP, X86_RBP, X86_RBX, X86_RSI, X86_RDI};
    struct oracle_case *c = g->c;

    for (unsigned i = 0; i < 2; i++) {
        const unsigned reg = regs[gen_below(g, ARRAY_SIZE(regs))];
        struct x86_seg *s = &c->seg[reg == X86_RSP || reg == X86_RBP ? X86_SS : X86_DS];
        if (gen_chance(g, 40))
            s->limit = (uint32_t)(c->gpr[reg] & (c->code16 ? 0xffff : 0xffffffff)) + gen_below(g, 24) - 4;
    }
}

/* --- 16-bit instructions --- */

static unsigned target(struct seq *s)
{
    return s->reserved == X86_RCX ? PICK(s, X86_RAX, X86_RDX) : PICK(s, X86_RAX, X86_RCX, X86_RDX);
}

/* Prefixes and opcode are there: ModRM, its displacement, an immediate of this many bytes. */
static bool with_modrm(struct seq *s, uint8_t *b, unsigned n, unsigned reg, unsigned rm_reg, unsigned memory_percent,
                       unsigned address_size, unsigned imm_bytes)
{
    const bool memory = gen_chance(s->g, memory_percent);
    unsigned disp_bytes = 0;

    if (!memory) {
        b[n++] = (uint8_t)(0xc0 | reg << 3 | rm_reg);
    } else if (address_size == 2) {
        const unsigned mod = PICK(s, 0, 1, 1, 1, 2), rm = PICK(s, 0, 2, 4, 5, 6, 6, 7, 7, 1, 3);
        b[n++] = (uint8_t)(mod << 6 | reg << 3 | rm);
        disp_bytes = mod == 0 && rm == 6 ? 2 : mod;
    } else {
        const unsigned mod = PICK(s, 0, 1, 1, 2), rm = PICK(s, 3, 4, 5, 6, 7);
        b[n++] = (uint8_t)(mod << 6 | reg << 3 | rm);
        if (rm == 4)
            b[n++] = (uint8_t)(gen_chance(s->g, 50) ? 0x24 : PICK(s, 0x0b, 0x4b, 0x8e, 0x2c));
        disp_bytes = (mod == 0 && (rm == 5 || (rm == 4 && (b[n - 1] & 7) == 5))) || mod == 2 ? 4 : mod;
    }
    for (unsigned i = 0; i < disp_bytes; i++)
        b[n++] = (uint8_t)(i == 1 ? gen_below(s->g, 16) : i ? 0 : gen_random(s->g));
    for (unsigned i = 0; i < imm_bytes; i++)
        b[n++] = (uint8_t)gen_random(s->g);
    return seq_append(s, b, n);
}

bool seq16_plain(struct seq *s)
{
    uint8_t b[X86_INSN_MAX + 16];
    unsigned n = 0, size = 2, address = 2;
    const unsigned r = gen_below(s->g, 100);
    const bool byte = gen_chance(s->g, 40);

    if (gen_chance(s->g, 18)) {
        b[n++] = 0x66;
        size = 4;
    }
    if (gen_chance(s->g, 15)) {
        b[n++] = 0x67;
        address = 4;
    }
    if (gen_chance(s->g, 12))
        b[n++] = (uint8_t)PICK(s, 0x26, 0x2e, 0x36, 0x3e);
    const unsigned w = byte ? 0 : 1, imm = byte ? 1 : size, to = target(s);

    if (r < 16) { /* MOV */
        b[n++] = (uint8_t)(0x88 | (gen_chance(s->g, 60) ? 2 : 0) | w);
        return with_modrm(s, b, n, to, to, 85, address, 0);
    }
    if (r < 30) { /* ADD to CMP */
        b[n++] = (uint8_t)(gen_below(s->g, 8) << 3 | (gen_chance(s->g, 60) ? 2 : 0) | w);
        return with_modrm(s, b, n, to, to, 65, address, 0);
    }
    if (r < 36) {
        b[n++] = (uint8_t)(byte ? 0x80 : PICK(s, 0x81, 0x83));
        return with_modrm(s, b, n, gen_below(s->g, 8), to, 65, address, b[n - 1] == 0x83 ? 1 : imm);
    }
    if (r < 39) { /* with the accumulator */
        b[n++] = (uint8_t)(gen_chance(s->g, 75) ? gen_below(s->g, 8) << 3 | 4 | w : 0xa8 | w);
        for (unsigned i = 0; i < imm; i++)
            b[n++] = (uint8_t)gen_random(s->g);
        return seq_append(s, b, n);
    }
    if (r < 43) { /* MOV with an absolute address */
        b[n++] = (uint8_t)(0xa0 | gen_below(s->g, 2) << 1 | w);
        for (unsigned i = 0; i < address; i++)
            b[n++] = (uint8_t)(i == 1 ? gen_below(s->g, 32) : i ? 0 : gen_random(s->g));
        return seq_append(s, b, n);
    }
    if (r < 47) {
        b[n++] = (uint8_t)(0xb0 | w << 3 | to);
        for (unsigned i = 0; i < imm; i++)
            b[n++] = (uint8_t)gen_random(s->g);
        return seq_append(s, b, n);
    }
    if (r < 51) { /* INC, DEC; of the pointers, too */
        b[n++] = (uint8_t)(0x40 | gen_below(s->g, 2) << 3 | PICK(s, 0, 2, 3, 5, 6, 7));
        return seq_append(s, b, n);
    }
    if (r < 55) {
        b[n++] = (uint8_t)(0xfe | w);
        return with_modrm(s, b, n, gen_below(s->g, 2), to, 70, address, 0);
    }
    if (r < 60) {
        b[n++] = (uint8_t)(PICK(s, 0xc0, 0xd0, 0xd2) | w);
        return with_modrm(s, b, n, PICK(s, 0, 1, 2, 3, 4, 5, 7), to, 40, address, b[n - 1] < 0xd0 ? 1 : 0);
    }
    if (r < 64) {
        const unsigned digit = PICK(s, 0, 2, 3, 4, 5, 6, 7);
        b[n++] = (uint8_t)(0xf6 | w);
        return with_modrm(s, b, n, digit, to, 50, address, digit ? 0 : imm);
    }
    if (r < 70 && !s->balanced) {
        if (gen_chance(s->g, 60)) {
            b[n++] = (uint8_t)(0x50 | gen_below(s->g, 8));
            return seq_append(s, b, n);
        }
        if (gen_chance(s->g, 50)) {
            b[n++] = 0x6a;
            b[n++] = (uint8_t)gen_random(s->g);
            return seq_append(s, b, n);
        }
        b[n++] = 0xff;
        return with_modrm(s, b, n, 6, to, 80, address, 0);
    }
    if (r < 75 && !s->balanced) {
        if (gen_chance(s->g, 80)) {
            b[n++] = (uint8_t)(0x58 | to);
            return seq_append(s, b, n);
        }
        b[n++] = 0x8f;
        return with_modrm(s, b, n, 0, to, 80, address, 0);
    }
    if (r < 78 && !s->balanced) { /* PUSHA, ENTER, LEAVE, PUSHF, POP SP ... */
        b[n++] = (uint8_t)PICK(s, 0x60, 0xc8, 0xc9, 0xc9, 0x9c, 0x1e, 0x06, 0x16, 0x5c, 0x5d);
        if (b[n - 1] == 0xc8) {
            b[n++] = (uint8_t)gen_below(s->g, 32);
            b[n++] = 0;
            b[n++] = (uint8_t)PICK(s, 0, 0, 1, 2, 5);
        }
        return seq_append(s, b, n);
    }
    if (r < 84) { /* strings */
        if (gen_chance(s->g, 35) && s->reserved != X86_RCX)
            b[n++] = (uint8_t)PICK(s, 0xf2, 0xf3, 0xf3);
        b[n++] = (uint8_t)PICK(s, 0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf);
        return seq_append(s, b, n);
    }
    if (r < 89) {
        b[n++] = (uint8_t)PICK(s, 0x98, 0x99, 0x9e, 0x9f, 0xf5, 0xf8, 0xf9, 0xfc, 0x92, 0x90, 0xd7);
        return seq_append(s, b, n);
    }
    if (r < 91) {
        b[n++] = (uint8_t)PICK(s, 0x84, 0x85, 0x86, 0x87, 0x8c, 0x69, 0x6b);
        const unsigned op = b[n - 1];
        return with_modrm(s, b, n, op == 0x8c ? gen_below(s->g, 6) : to, to, 70, address,
                          op == 0x69   ? size
                          : op == 0x6b ? 1
                                       : 0);
    }
    if (r < 93) {
        b[n++] = 0x8d;
        return with_modrm(s, b, n, gen_chance(s->g, 30) ? PICK(s, X86_RBX, X86_RSI, X86_RDI) : to, to, 100, address, 0);
    }
    b[n++] = 0x0f;
    b[n++] = (uint8_t)PICK(s, 0xb6, 0xb7, 0xbe, 0xbf, 0xaf, 0x44, 0x4f, 0x94, 0x92, 0xba, 0xa4, 0xbc, 0xb1, 0xc1, 0xab);
    const unsigned op = b[n - 1];
    return with_modrm(s, b, n, op == 0xba ? 4 + gen_below(s->g, 4) : to, to, 60, address, op == 0xba || op == 0xa4);
}

/* --- 16-bit control flow --- */

static void close_byte(struct seq *s, unsigned insn, unsigned end, unsigned bytes)
{
    struct oracle_case *c = s->c;
    struct x86_insn *in = &c->insn[insn];

    if (bytes == 1)
        c->code[end - 1] = (uint8_t)(c->bytes - end);
    else
        store_le16(c->code + end - 2, (uint16_t)(c->bytes - end));
    x86_decode(in, c->code + end - in->length, in->length, X86_MODE_16);
}

static void some(struct seq *s, unsigned count)
{
    for (unsigned tries = 0; count && s->left && tries < 20; tries++)
        count -= seq16_plain(s);
}

static void skip(struct seq *s)
{
    const unsigned condition = gen_below(s->g, 16);
    const bool near = gen_chance(s->g, 30), zero = gen_chance(s->g, 10); /* JCXZ */

    if (zero   ? !RAW(s, 0xe3, 0)
        : near ? !RAW(s, 0x0f, (uint8_t)(0x80 | condition), 0, 0)
               : !RAW(s, (uint8_t)(0x70 | condition), 0))
        return;
    const unsigned insn = s->c->count - 1, end = s->c->bytes;
    const uint32_t unknown = s->unknown;
    some(s, 1 + gen_below(s->g, 3));
    close_byte(s, insn, end, near && !zero ? 2 : 1);
    s->unknown |= unknown;
}

static void loop(struct seq *s)
{
    if (s->reserved != NO_REG || s->c->bytes + 80 > CODE_MAX || s->c->count + 8 > RUN_MAX ||
        !RAW(s, 0xb9, (uint8_t)(1 + gen_below(s->g, 5)), 0))
        return;
    const unsigned head = s->c->bytes;
    const uint32_t unknown = s->unknown;
    s->reserved = X86_RCX;
    s->unknown = X86_ARITH; /* of the iteration before */
    some(s, 1 + gen_below(s->g, 4));
    if (!RAW(s, (uint8_t)PICK(s, 0xe0, 0xe1, 0xe2, 0xe2), (uint8_t)(head - s->c->bytes - 2)))
        RAW(s, 0xe2, (uint8_t)(head - s->c->bytes - 2));
    s->unknown |= unknown;
    s->reserved = NO_REG;
}

static void call(struct seq *s)
{
    const bool balanced = s->balanced;

    if (s->c->bytes + 80 > CODE_MAX || s->c->count + 8 > RUN_MAX || !RAW(s, 0xe8, 2, 0))
        return;
    const unsigned behind = s->c->count;
    if (!RAW(s, 0xeb, 0))
        return;
    const unsigned over = s->c->count - 1, end = s->c->bytes;
    s->balanced = true;
    some(s, 1 + gen_below(s->g, 4));
    s->balanced = balanced;
    RAW(s, 0xc3);
    close_byte(s, over, end, 1);
    for (unsigned i = behind; i <= over + 1 && i < s->c->count; i++)
        s->c->unknown[i] |= s->unknown;
}

void seq16_items(struct seq *s)
{
    const unsigned r = gen_below(s->g, 100);

    if (r < 88)
        some(s, 1);
    else if (r < 94)
        skip(s);
    else if (r < 97)
        loop(s);
    else
        call(s);
}
