/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jit.h: what the files of the translator share. It is a tier on top of interp/: blocks that run often get host code;
 * everything else, and every access that misses the TLB, is the reference engine's handler for that one instruction.
 *
 * In translated code:
 *   rsp            struct jit_vcpu, with room below it for calls and for the host's signals
 *   rax rdx rbx rbp rsi rdi r8..r11   the guest's registers of that name
 *   r12, r13       the guest's RSP and RCX; its R12 to R15 are in memory
 *   rcx r14        scratch
 *   r15            the present space's table, with BEXTR's operand for its index in the low bits (JIT_FIELD)
 *   RFLAGS         the guest's six arithmetic flags; DF is clear
 * Code is independent of where its page is mapped: `page_va` holds that. A block's code is reached by three entries:
 * from C and from links forward (`code`), from links backward (which look at `go` first), and from indirect branches
 * (r14 is the guest's RIP).
 */
#ifndef DOMUS_ENGINE_JIT_JIT_H
#define DOMUS_ENGINE_JIT_JIT_H

#include "engine/direct/direct.h"
#include "engine/interp/interp.h"
#include "engine/jit/emit.h"

#define JIT_SIGNAL_ROOM 65536u
#define JIT_CACHE_BYTES (48u << 20)
#define JIT_OPS         (1u << 20)
#define JIT_LINKS       (1u << 19)
#define JIT_FAR_LINKS   (1u << 16)
#define JIT_TARGETS     32768u /* of indirect branches, by the low 15 bits of the address */
#define JIT_CODED       4096u
#define JIT_GROUPS      16
#define JIT_LIMITS      1024u /* of code segments */
#define JIT_IN_MEMORY   0xfe  /* of jit_host_reg: the guest's register is in cpu.gpr */

/* Where translated code calls a handler. */
struct jit_op {
    uint32_t block;     /* which: its offset in the arena, in units of INTERP_BLOCK_ALIGN */
    uint8_t at;         /* the instruction */
    bool missed;        /* it is run because a check failed */
    uint16_t stats_key; /* stats.c */
};

/* A jump that leaves the cache until its target is translated. */
struct jit_link {
    uint8_t *patch; /* the rel32, in the writable mapping */
    union {
        const struct interp_block *from;
        const uint8_t *unlinked; /* of a link to another page: where the jump goes while it leaves the cache */
    };
    uint16_t target; /* offset in the page */
    uint8_t entry;   /* which of the target's it goes to: so far before its code */
    bool shadow;     /* STI is in front of it */
};

/* A block whose one instruction lies in two pages: what is there must be seen before it runs, if anything has changed.
 */
struct jit_crossing {
    struct interp_block *block;
    uint64_t *seen; /* minus the stamp when it was looked at last, in the writable mapping */
};
#define JIT_CROSSINGS 16384u

/* An array of these fills the front of each space. Empty: zeros, but for entry 0. */
struct jit_target {
    uint64_t key; /* minus the address; of 32-bit code, minus that and JIT_TARGET_32, or segmented_salt() of jit.c */
    const uint8_t *code;
};
#define JIT_TARGET_32 1 /* so that no 64-bit address in the same slot has such a key */

/*
 * Where CALL's code leaves word of the place that it is returned to, by the address of the stack: RET finds it there
 * without the larger table. `code` is a jump that belongs to the caller's block. Empty: key 0, and code that looks for
 * the address in r14.
 */
#define JIT_RETURNS 128u
struct jit_returns {
    uint64_t key[JIT_RETURNS]; /* the address, inverted; in 32 bits for 32-bit code */
    const uint8_t *code[JIT_RETURNS];
};

/* In front of each space's table. */
struct jit_front {
    struct jit_target target[JIT_TARGETS];
    struct jit_returns returns[2]; /* of 64-bit and of 32-bit code */
};
_Static_assert(sizeof(struct jit_front) == INTERP_SPACE_FRONT, "they lie side by side");

/* Places in the present space, as displacements from r15. */
#define JIT_FIELD         (INTERP_TLB_BITS << 8 | PAGE_SHIFT_4K)
#define JIT_ENTRY(member) ((int32_t)offsetof(struct interp_entry, member) - (int32_t)JIT_FIELD)
#define JIT_FRONT(member) \
    ((int32_t)offsetof(struct jit_front, member) - (int32_t)JIT_FIELD - (int32_t)INTERP_SPACE_FRONT)
#define JIT_TARGET(member) JIT_FRONT(target[0].member)

enum jit_left { JIT_LEFT, JIT_LEFT_BY_RIP, JIT_LEFT_BY_LINK }; /* for C's loop; the others to find a block */

struct jit_vcpu {
    struct interp_vcpu v; /* first; its cpu.gpr is at offset 0 */

    _Atomic uint64_t go; /* 0: leave translated code soon */
    uint64_t page_va;
    uint64_t index_mask, page_mask[4], target_mask,
        return_mask;                                     /* operands of PEXT; page_mask by alignment 1, 16, 32, 64 */
    uint64_t beside_mask, two_granules, beside_spare[3]; /* of beside.c */
    uint64_t spare[3];
    uint64_t group_place[JIT_GROUPS]; /* host addresses: see group.c */
    uint64_t stamp;                   /* of fetched code: its translations' generation, and the epoch */
    uint64_t bit_mask[2];             /* PEXT's: a bit's number in 4 and in 8 bytes */
    uint64_t sign;                    /* PEXT's: bit 63 */
    uint64_t salt;                    /* of segmented code's targets */
    uint32_t cs_limit[JIT_LIMITS];    /* that salts stand for */
    uint64_t arith, not_if, not_ac, pushed, tsd,
        df; /* PEXT's and PDEP's: flags; what PUSHF shows beside `arith`; CR4.TSD */
    void *host_sp;
    const uint8_t *resume;
    uint32_t flags;  /* AL: OF; AH: as LAHF has it */
    uint32_t number; /* that a function of C was called with */
    uint32_t host_mxcsr;
    uint64_t vector, vector_vex; /* the guest's vector registers are in the host's; and VEX is allowed */
    uint64_t x87;                /* the guest's x87 registers are in the host's */
    uint64_t all_masked;         /* PEXT's: the exceptions in FCW */
    uint16_t x87_fcw;            /* what FLDCW loads */
    bool has_vectors, has_x87;
    bool x87_keeps_fip; /* the host remembers where the last x87 instruction was */
    bool went_on;
    bool eager;
    bool has_32;                   /* 32-bit code was translated, so that jit_front.returns[1] is in use */
    struct direct *direct;         /* or NULL */
    struct jit_stats *stats;       /* or NULL */
    struct jit_lockstep *lockstep; /* or NULL: lockstep.h */
    struct {
        uint64_t left[3]; /* enum jit_left */
        uint64_t handlers, translated, flushed_kernel, flushed_user;
    } counts; /* for engine_ops.vcpu_counters */

    uint32_t epoch;                        /* invalidations of code that are seen to */
    struct interp_block *coded[JIT_CODED]; /* blocks with code, by a hash of their page */
    /* The link that the last exit took, when it can be patched. */
    uint32_t pending;
    bool pending_far;
    uint64_t pending_rip;

    uint8_t *rw;
    const uint8_t *rx;
    size_t used, fixed; /* fixed: the common routines at the start */
    const uint8_t *fallback, *load_vectors, *load_x87, *check_crossing, *write_beside, *exit_by_link, *exit_by_return,
        *exit_by_far_link, *exit_by_rip;
    void (*enter)(struct jit_vcpu *j, const uint8_t *code);
    struct jit_op *ops;
    struct interp_op one[2]; /* the instruction that a handler runs, and what ends its chain */
    struct jit_link *links;
    struct jit_crossing *crossings;
    uint32_t *far_links; /* those that are patched: links from the kernel's pages to others */
    uint32_t op_count, link_count, crossing_count, far_count;

    struct jit_returns no_returns;
    struct {
        unsigned used; /* targets filled since they were emptied; beyond the log all are emptied */
        uint16_t slot[4096];
    } target_log[INTERP_SPACES];
};

#define JIT_SLOT(field) emit_mem(RSP, (int32_t)offsetof(struct jit_vcpu, field))
#define JIT_GPR(n)      emit_mem(RSP, (int32_t)(8 * (n)))

static inline struct jit_vcpu *to_jit(struct interp_vcpu *v)
{
    return (struct jit_vcpu *)v;
}

extern const uint8_t jit_host_reg[16];

/* cache.c: the code area and its common routines. */
int jit_cache_init(struct jit_vcpu *j);
void jit_cache_fini(struct jit_vcpu *j);
bool jit_cache_low(const struct jit_vcpu *j);
void jit_cache_clear(struct jit_vcpu *j);
/* The address that runs what is written at rw. */
static inline const uint8_t *jit_rx(const struct jit_vcpu *j, const uint8_t *rw)
{
    return j->rx + (rw - j->rw);
}

/* jit.c: called from translated code. They return where it goes on; NULL: leave it. */
const uint8_t *jit_run_op(struct jit_vcpu *j, uint32_t op);
const uint8_t *jit_load_vectors(struct jit_vcpu *j, uint32_t op);
const uint8_t *jit_load_x87(struct jit_vcpu *j, uint32_t op);
const uint8_t *jit_check_crossing(struct jit_vcpu *j, uint32_t crossing);
const uint8_t *jit_go_to(struct jit_vcpu *j, uint32_t unused); /* cpu.rip */
const uint8_t *jit_follow_link(struct jit_vcpu *j, uint32_t link);
const uint8_t *jit_follow_return(struct jit_vcpu *j, uint32_t link);   /* to cpu.rip */
const uint8_t *jit_follow_far_link(struct jit_vcpu *j, uint32_t link); /* to cpu.rip, from page_va */
void jit_went_on(struct interp_vcpu *v, const struct interp_op *op);
/* Indirect branches to rip go to code, which may count on r14. */
void jit_add_target(struct jit_vcpu *j, uint64_t rip, const uint8_t *code);

/* beside.c: writes its routine. */
const uint8_t *jit_make_beside(struct jit_vcpu *j, struct emit *e);

/* stats.c; _ran only with j->stats */
void jit_stats_init(struct jit_vcpu *j);
void jit_stats_fini(struct jit_vcpu *j);
void jit_stats_op(struct jit_vcpu *j, struct jit_op *o, const struct x86_insn *insn);
void jit_stats_ran(struct jit_vcpu *j, const struct jit_op *o);

/* vector.c */
void jit_vector_save(struct emit *e);
void jit_vector_load(struct emit *e);
bool jit_vector_allowed(struct jit_vcpu *j);

/* x87.c */
void jit_x87_init(struct jit_vcpu *j); /* after has_vectors is known */
void jit_x87_save(struct emit *e);
void jit_x87_load(struct emit *e);
bool jit_x87_allowed(struct jit_vcpu *j);

/* A block's entries lie at fixed distances before `code`. */
#define JIT_BACKWARD_ENTRY 10 /* code - this */
#define JIT_TARGET_ENTRY   25

/* translate.c: host code for b, whose first instruction is at host; NULL when there is no room. */
const uint8_t *jit_translate(struct jit_vcpu *j, struct interp_block *b, const uint8_t *host);
/* The flags that b's translation has right when it is left before instruction `at`, or at its end. */
uint16_t jit_live_before(struct jit_vcpu *j, struct interp_block *b, const uint8_t *host, unsigned at);

#endif
