/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * oracle.h: one generated case, what came of it, and the two who run it: the host's processor (native.c) and an engine
 * (guest.c). Both see the same bytes at the same addresses, in user mode, with Linux's selectors.
 *
 *   CODE_VA   one page, readable and executable; the instructions somewhere in it, INT3 everywhere else; and one before
 *             it, where sequences may begin, and which can be written: a single instruction does by chance, as
 *             1 << 29 is its address
 *   DATA_VA   two pages read-write, one read-only; nothing around them
 *
 * A case is an instruction or a few, or a sequence as compilers make them (gen_seq.c).
 *
 * 64-bit code, 32-bit code in flat segments, and 16-bit code whose segments begin at CODE_VA and DATA_VA; 16- and
 * 32-bit code in segments of all sorts, for which the reference engine is the measure.
 */
#ifndef DOMUS_TESTS_CPU_ORACLE_H
#define DOMUS_TESTS_CPU_ORACLE_H

#include "engine/engine.h"
#include "x86/decode.h"

#include <string.h>

#define CODE_VA    0x20001000u
#define CODE_LOW   PAGE_BYTES /* bytes of code before CODE_VA */
#define DATA_VA    0x20010000u
#define RW_BYTES   8192u
#define DATA_BYTES 12288u
#define GS_BASE    0x20010840u
#define USER_CS64  0x33
#define USER_CS32  0x23
#define USER_DS    0x2b
#define USER_CS16  0x07 /* 16-bit code and data from the LDT, at CODE_VA and DATA_VA, 64 KiB each */
#define USER_DS16  0x0f
#define RUN_MAX    40 /* instructions in a case */
#define CODE_MAX   320

struct oracle_case {
    uint64_t number;
    bool code16, code32; /* code32: not 64-bit */
    bool branch;         /* stopped by TF: it may go anywhere */
    bool referred;       /* to the reference engine: it stores what differs by processor */
    bool segmented;      /* in these: ES, CS, SS, DS */
    struct x86_seg seg[4];
    unsigned count; /* instructions */
    int code_at;    /* offset from CODE_VA */
    unsigned bytes;
    uint8_t code[CODE_MAX];
    struct x86_insn insn[RUN_MAX];
    uint64_t gpr[16];
    uint64_t rflags;
    struct x86_xsave fpu;
    const char *group;
    /* Of a sequence: what the engine's TLB has of the data pages (1: read, 2: written, too); flags at each instruction:
     * those that nothing defines, and those that are read before they are overwritten. */
    bool sequence, writes_code;
    uint8_t loose[CODE_MAX / 8]; /* bytes of the code that it changes by intention, a bit each */
    uint8_t warm[3];
    uint32_t unknown[RUN_MAX + 1], live[RUN_MAX + 1];
    unsigned patch_at, patch_bytes; /* put over the batch's data before the case */
    uint8_t patch[1024];            /* last */
};

/* What is made: of single instructions, "x87", "simd" or "int" only; or sequences of at most so many. */
struct oracle_mix {
    uint64_t seed;
    const char *only;
    unsigned sequence;
};

struct oracle_result {
    uint64_t gpr[16];
    uint64_t rip, rflags;
    uint64_t error, cr2;
    int vector;    /* -1: did not come back */
    uint64_t code; /* case_code_sum() */
    bool strayed;  /* of a sequence: case_strayed() */
    struct x86_xsave fpu;
    uint8_t data[RW_BYTES];
};

/* gen.c: the case is a function of seed and number; the data of seed and batch. */
/* RIP of the case's first instruction. */
static inline uint64_t case_rip(const struct oracle_case *c)
{
    if (c->segmented)
        return (CODE_VA + (uint64_t)(int64_t)c->code_at - c->seg[X86_CS].base) & (c->code16 ? 0xffff : 0xffffffff);
    return (c->code16 ? 0 : CODE_VA) + (uint64_t)(int64_t)c->code_at;
}

/* Of what is in the page before CODE_VA. */
static inline uint64_t case_code_sum(const uint8_t *low)
{
    uint64_t sum = 0, word;
    for (unsigned i = 0; i < CODE_LOW; i += 8) {
        memcpy(&word, low + i, 8);
        sum = (sum ^ word) * 0x100000001b3ull;
        sum ^= sum >> 29;
    }
    return sum;
}

/* Has it written over its own instructions? Then nobody knows what it did. */
static inline bool case_strayed(const struct oracle_case *c, const uint8_t *low)
{
    for (unsigned i = 0; i < c->bytes && c->code_at + (int)i < 0; i++)
        if (low[(int)CODE_LOW + c->code_at + (int)i] != c->code[i] && !(c->loose[i / 8] >> i % 8 & 1))
            return true;
    return false;
}

void gen_case(struct oracle_case *c, const struct oracle_mix *mix, uint64_t number);
void gen_data(uint8_t data[DATA_BYTES], uint64_t seed, uint64_t batch);
void gen_report_skipped(void);
/* gen_simd.c */
struct gen;
bool gen_simd(struct oracle_case *c, struct gen *g);
bool gen_simd_special(struct oracle_case *c, struct gen *g);

/* native.c: runs cases in a child process. Returns 0, or -errno when the host cannot. */
struct native;
int native_create(struct native **n, unsigned max_cases);
void native_destroy(struct native *n);
struct oracle_case *native_cases(struct native *n); /* shared with the child */
const struct oracle_result *native_result(const struct native *n, unsigned i);
void native_start(struct native *n, unsigned count, const uint8_t data[DATA_BYTES]);
void native_wait(struct native *n);

/* guest.c: runs cases in an engine. */
struct guest;
int guest_create(struct guest **g, const struct engine_ops *ops);
void guest_destroy(struct guest *g);
/* From a signal handler: the case that runs has not come back. */
void guest_stop(struct guest *g);
void guest_run(struct guest *g, const struct oracle_case *c, const uint8_t data[DATA_BYTES], struct oracle_result *r);

/* compare.c: true when both agree; else says how, in a line for each difference, when `say`. */
bool compare_results(const struct oracle_case *c, const struct oracle_result *native,
                     const struct oracle_result *engine, bool strict, bool say);
/* The arithmetic flags that are right where a sequence ended, though translated code lets others go. */
uint32_t compare_live_flags(const struct oracle_case *c, uint64_t rip);
/* Flags that the manuals leave undefined after this instruction, whatever its operands. */
uint32_t compare_undefined_flags(const struct x86_insn *insn);
/* The case in words. */
void compare_describe(const struct oracle_case *c);
/* The last instruction's name, for counting. */
void compare_mnemonic(const struct oracle_case *c, char *out, size_t size);

#endif
