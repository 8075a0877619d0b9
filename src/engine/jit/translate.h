/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * translate.h: what the files that translate one block share.
 */
#ifndef DOMUS_ENGINE_JIT_TRANSLATE_H
#define DOMUS_ENGINE_JIT_TRANSLATE_H

#include "engine/jit/jit.h"

/* Where the guest's registers are that the host needs for itself. */
#define GUEST_RSP R12
#define GUEST_RCX R13

enum jit_kind {
    JIT_FALLBACK, /* the reference engine's handler */
    JIT_NOP,
    JIT_COPY,  /* no operands but RAX and RDX, which are where the guest has them */
    JIT_MODRM, /* by its ModRM operands */
    JIT_ACC,   /* RAX and an immediate */
    JIT_MOV_IMM,
    JIT_LEA,
    JIT_XCHG_RAX,
    JIT_BSWAP,
    JIT_PUSH,
    JIT_POP,
    JIT_PUSH_IMM,
    JIT_PUSH_RM,
    JIT_LEAVE,
    JIT_DIV,
    JIT_VECTOR,
    JIT_SPECIAL,
    JIT_GPR_VEX,
    JIT_BIT_STRING,
    JIT_CMPXCHG_N,
    JIT_STRING, /* MOVS, STOS, LODS */
    JIT_X87,
    /* These end a block. */
    JIT_JCC,
    JIT_LOOP, /* and JRCXZ */
    JIT_JMP,
    JIT_CALL,
    JIT_RET,
    JIT_JMP_RM,
    JIT_CALL_RM,
};

enum { USE_R = 1, USE_W = 2, USE_RW = 3 };

struct jit_class {
    uint8_t kind;
    uint8_t reg, rm;           /* USE_* */
    uint8_t reg_size, rm_size; /* bytes */
    uint8_t size;              /* of the operation, for its prefix */
    bool by_cl, keep_rep;
    uint16_t reads, kills; /* of X86_ARITH */
};

/* 16- and 32-bit code's INC, DEC and MOV with an absolute address become their forms with ModRM, for all but `length`.
 */
void jit_normalize(struct x86_insn *insn);
/* How insn is translated and what it does to the flags: `kills` are surely overwritten, whatever they were. */
void jit_classify(struct jit_class *c, const struct x86_insn *insn);

#define MAX_INSNS 48
#define MAX_STUBS 208

/* Where a check jumps to when the handler must do the instruction. */
struct jit_stub {
    uint8_t *rel32;
    uint32_t op;
    uint8_t *resume; /* in the writable mapping; NULL: the block has ended */
    uint32_t passed; /* groups, a bit each, that the instruction would have opened behind the check */
    uint8_t *beside; /* a check for writing: where it goes on when that is beside code (beside.c); or NULL */
    bool added;      /* its tag was added to r14 */
};

/* group.c: operands that are translated together. min, max: bytes from the base register where the group begins. */
struct jit_group {
    int32_t min, max;
    uint16_t accesses;
    uint8_t base; /* guest register */
    bool write;
};

/* An operand of a group; rel: from the base register at its instruction, which is delta from where the group begins. */
struct jit_group_ref {
    int32_t rel, delta;
    int8_t group; /* -1: none */
    uint8_t size;
    bool write;
};

/* Where such an operand is translated by itself. */
struct jit_alone {
    uint8_t *rel32, *back, *resume;
    uint32_t op;
    uint32_t passed; /* as jit_stub has it */
    uint8_t at, which;
    bool opens; /* it is the first of its group */
};
#define MAX_ALONE 64

struct translation {
    /* Filled as far as they are used. */
    struct x86_insn insn[MAX_INSNS];
    struct jit_class how[MAX_INSNS];
    uint16_t live[MAX_INSNS]; /* flags that are needed when the instruction starts */
    unsigned start[MAX_INSNS + 1];
    struct jit_stub stub[MAX_STUBS];
    struct jit_group group[JIT_GROUPS];
    struct jit_group_ref ref[MAX_INSNS][2]; /* the memory operand; what is pushed or popped */
    struct jit_alone alone[MAX_ALONE];
    /* Zero at first, from here on. */
    struct jit_vcpu *j;
    struct interp_block *b;
    struct emit e;
    uint8_t *code;        /* the block's, in the writable mapping */
    const uint8_t *guest; /* the block's first instruction */
    unsigned page_offset; /* of the block */
    unsigned word;        /* bytes that PUSH moves and near branches load: 8, or 4 in flat 32-bit code */
    /* segment.c's: not flat; CS is not made of whole pages; a block may jump to itself all the same. */
    bool segmented, uneven, links_self;
    uint8_t segment;               /* that r14 is an offset in */
    uint8_t code_size, stack_size; /* bytes of IP and SP: 2 or 4 */
    unsigned count;
    unsigned stub_count, stub_first; /* stub_first: of the present instruction */
    unsigned at;                     /* the present instruction */
    unsigned group_count, alone_count, alone_first;
    uint32_t opened;               /* groups, a bit each */
    bool vectors_there, vex_there; /* already looked at in this block: see vector.c */
    bool x87_there;                /* so were the x87 ones */
    uint8_t *far_rel32;            /* a conditional jump out of the page, */
    int64_t far_target;            /* and where to */
    uint8_t *return_rel32;         /* where a call names the place that it returns to */
};

/* group.c. tr_grouped: the operand's place, made of r14 alone, when it is one of a group. */
void tr_plan_groups(struct translation *t);
bool tr_grouped(struct translation *t, unsigned which, struct emit_rm *rm);
void tr_write_alone(struct translation *t);
/* The group's operands are each translated by themselves from here on. */
void tr_close_group(struct translation *t, unsigned group);
/* live.c: fills t->live; what is needed behind the block. */
void tr_find_live(struct translation *t);
uint16_t tr_live_behind(const struct translation *t);
/* segment.c: what the others do for flat code. tr_segment_check: makes r14, an offset, a linear address, or it is slow.
 */
void tr_segment_offset(struct translation *t, const struct x86_insn *insn);
void tr_segment_check(struct translation *t, unsigned size, bool write);
bool tr_segment_flow(struct translation *t);
void tr_segment_goto(struct translation *t, int64_t target);
void tr_segment_copy(struct translation *t);
/* special.c */
bool tr_is_special(const struct x86_insn *insn);
bool tr_is_sti(const struct x86_insn *insn);
bool tr_special(struct translation *t);
void tr_unless_zero(struct translation *t); /* rcx: zero, or the instruction is its handler's */

/* The number of a jit_op for the present instruction. */
uint32_t tr_op(struct translation *t);
/* rel32 goes to the handler. */
void tr_slow(struct translation *t, uint8_t *rel32);
void tr_slow_as(struct translation *t, const struct jit_stub *stub);
void tr_fallback(struct translation *t);
/* Calls one of the common routines (cache.c) with a number; ten bytes. */
void tr_call(struct translation *t, const uint8_t *routine, uint32_t number);
/* A member of struct interp_segment, in the vCPU. */
struct emit_rm tr_segment_slot(unsigned segment, size_t member);
/* r14 = the linear address of insn's memory operand; in segmented code the offset, for tr_check. False: too odd. */
bool tr_address(struct translation *t, const struct x86_insn *insn);
/* Checks that r14 may be accessed: then r14 + rcx is the place. Returns the jump that it may not. */
uint8_t *tr_check(struct translation *t, unsigned size, bool write, unsigned align);
/* Where the check that was just written jumps to. */
struct jit_stub tr_stub_of_check(const struct translation *t, uint8_t *rel32, unsigned size, bool write,
                                 unsigned align);
/* The host's place for what r14 points at, made of rcx and r14. align: 0, or log2 of 16.. minus 3. */
struct emit_rm tr_memory(struct translation *t, unsigned size, bool write, unsigned align);
/* The same place made of r14 alone: rcx is free. */
struct emit_rm tr_free_rcx(struct translation *t, struct emit_rm rm);
/* The register in the low bits of the opcode: PUSH, POP, MOV r, imm, XCHG, BSWAP. */
static inline unsigned tr_low_reg(const struct x86_insn *insn)
{
    return (insn->opcode & 7u) | (insn->rex & 1 ? 8 : 0);
}

/* Host register with the guest's register n; loaded into `scratch` when it is in memory. */
unsigned tr_reg(struct translation *t, unsigned n, unsigned scratch, bool load);
void tr_put(struct translation *t, unsigned n, unsigned host);

/* gpr.c */
void tr_classify_gpr(struct translation *t, unsigned i); /* of what is JIT_FALLBACK so far */
bool tr_gpr_vex(struct translation *t);
bool tr_bit_string(struct translation *t);
bool tr_cmpxchg_n(struct translation *t);

/* string.c */
bool tr_is_string(const struct translation *t, const struct x86_insn *insn);
bool tr_string(struct translation *t);

/* vector.c */
void tr_classify_vector(struct translation *t, unsigned i); /* of what is JIT_FALLBACK so far */
bool tr_vector(struct translation *t);

/* x87.c */
void tr_classify_x87(struct translation *t, unsigned i); /* of what is JIT_FALLBACK so far */
bool tr_x87(struct translation *t);
void tr_x87_loaded(struct translation *t); /* its registers are in the host's from here on */

/* flow.c: the stack and what ends a block: the kinds from JIT_PUSH on, but JIT_DIV and JIT_VECTOR. */
bool tr_flow(struct translation *t);
/* Goes on at this offset from the block's start. */
void tr_goto(struct translation *t, int64_t target);
/* What belongs to the jumps, behind all else. */
void tr_flow_stubs(struct translation *t);
/* For segment.c: rcx = the place in the table of targets of r14; jumps to what is there; a rel32 to the exit to r14;
 * one that goes on at this offset from the block's start, in its page. */
void tr_find_target(struct emit *e);
void tr_jump_target(struct translation *t);
void tr_exit_by_rip(struct translation *t, uint8_t *rel32);
void tr_link_from(struct translation *t, uint8_t *rel32, int64_t target);

#endif
