/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gen_seq.h: what the makers of sequences share: gen_seq_insn.c has the instructions, gen_seq.c puts them together. */
#ifndef DOMUS_TESTS_CPU_GEN_SEQ_H
#define DOMUS_TESTS_CPU_GEN_SEQ_H

#include "gen.h"

#define NO_REG 16u
#define SP     X86_RSP
#define BP     X86_RBP

struct seq {
    struct gen *g;
    struct oracle_case *c;
    unsigned left;     /* instructions to be made */
    unsigned reserved; /* the counter of a loop, or NO_REG */
    unsigned depth;
    bool any_base;                /* operands are around registers that instructions write, too */
    bool balanced;                /* RSP moves in pairs only */
    bool floats, mmx;             /* x87 instructions, mostly; and MMX */
    struct flag_use use[RUN_MAX]; /* of what is made */
    uint32_t unknown;             /* flags that the manuals leave undefined here */
};

struct operand {
    bool memory;
    unsigned reg, base, index, scale; /* NO_REG: none */
    int32_t disp;
};

/* Appends a whole instruction. False: it reads flags that nothing defines, or there is no room. */
bool seq_append(struct seq *s, const uint8_t *bytes, unsigned length);
#define RAW(s, ...) seq_append(s, (uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}))
/* op: the map above its low byte; prefix: 0, 66, F2 or F3; size: of the operation, 1 to 8. */
bool seq_put(struct seq *s, unsigned prefix, unsigned op, unsigned size, unsigned reg, const struct operand *o,
             unsigned imm_bytes, int64_t imm);
/* One that does not branch, RSP moving in pairs only if it must. */
bool seq_plain(struct seq *s);
bool seq_push(struct seq *s);
struct operand seq_memory(struct seq *s);
bool seq_float(struct seq *s); /* x87 or MMX */
/* gen_segment.c: the same of 16-bit code; and it or some that branch. */
bool seq16_plain(struct seq *s);
void seq16_items(struct seq *s);
bool seq_arithmetic(struct seq *s);
/* From RSP, or from another register. */
int32_t seq_displacement(struct seq *s, bool stack);

static inline unsigned seq_word(const struct seq *s)
{
    return s->c->code32 ? 4 : 8;
}

static inline unsigned seq_pick(struct seq *s, unsigned n, const uint8_t *from)
{
    return from[gen_below(s->g, n)];
}
#define PICK(s, ...) seq_pick(s, sizeof((uint8_t[]){__VA_ARGS__}), (uint8_t[]){__VA_ARGS__})

static inline unsigned seq_wide_size(struct seq *s)
{
    return gen_chance(s->g, 50) ? 4 : seq_word(s);
}

static inline struct operand seq_reg(unsigned reg)
{
    return (struct operand){.reg = reg, .base = NO_REG, .index = NO_REG};
}

#endif
