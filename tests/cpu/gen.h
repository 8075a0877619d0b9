/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gen.h: what the two halves of the generator share: random numbers, interesting values, putting an instruction in. */
#ifndef DOMUS_TESTS_CPU_GEN_H
#define DOMUS_TESTS_CPU_GEN_H

#include "oracle.h"

struct gen {
    uint64_t state;
    bool code32;
    struct oracle_case *c;
};

uint64_t gen_random(struct gen *g);
static inline unsigned gen_below(struct gen *g, unsigned n)
{
    return (unsigned)(gen_random(g) >> 33) % n;
}
static inline bool gen_chance(struct gen *g, unsigned percent)
{
    return gen_below(g, 100) < percent;
}
uint64_t gen_value(struct gen *g); /* an interesting 64-bit number */
/* A linear address as an offset in the case's data segments. */
uint64_t gen_offset(const struct gen *g, uint64_t linear);
/* Such an offset of one of many sorts: inside the pages, across their borders, outside. */
uint64_t gen_target(struct gen *g, unsigned align);
/*
 * Random bytes behind the prefixes, opcode and (when given) ModRM become an instruction of the case; its memory operand
 * is led to `target` by its registers or displacement. False: not an instruction that fits.
 */
bool gen_append(struct gen *g, const uint8_t *bytes, unsigned fixed, uint64_t target);
void gen_fpu(struct gen *g, struct x86_xsave *fpu);

/* flags.c: what an instruction does to the arithmetic flags, and where it leads. */
struct flag_use {
    uint32_t reads, defines, undefines;
    uint32_t touches;              /* perhaps changes */
    bool ends, branches, anywhere; /* not to the next instruction; by its immediate; to where nobody knows */
};
struct flag_use gen_flag_use(const struct x86_insn *in);
/* gen_segment.c: the code segment of a case whose code_at is known; its others, when its code is. */
void gen_code_segment(struct gen *g);
void gen_data_segments(struct gen *g);
void gen_near_limits(struct gen *g); /* some of them end, or begin, where the registers point */
/* gen_seq.c */
void gen_sequence(struct oracle_case *c, uint64_t seed, uint64_t number, unsigned longest);

#endif
