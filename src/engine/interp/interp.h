/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * interp.h: what the files of the reference engine share: the vCPU, decoded operations and how they run.
 *
 * A block is a run of operations decoded from one guest page. Each operation has a handler that does its work and
 * tail-calls the next one's; the last one sets cpu.rip and returns to the loop in run.c. A fault leaves by longjmp, so
 * a handler changes nothing before its last possible fault, or undoes it. While a block runs, rip0 is the RIP
 * of its first instruction, cpu.rip is stale, and the arithmetic flags are lazy (flags.h).
 */
#ifndef DOMUS_ENGINE_INTERP_INTERP_H
#define DOMUS_ENGINE_INTERP_INTERP_H

#include "engine/engine.h"
#include "engine/interp/tlb.h"
#include "x86/decode.h"
#include "x86/paging.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>

struct interp_vcpu;
struct interp_op;
typedef void (*interp_fn)(struct interp_vcpu *v, const struct interp_op *op);
/* Semantics that work on the decoded instruction itself (simd.h and all that is not hot). */
typedef void (*interp_insn_fn)(struct interp_vcpu *v, const struct x86_insn *insn);

struct interp_op {
    interp_fn fn;
    /* Byte offsets into struct interp_vcpu: registers, and `zero` for what is absent. */
    uint16_t reg, rm, base, index, seg_base;
    uint8_t scale, seg; /* seg: X86_ES.. for checks and for #SS */
    uint8_t size;       /* operand size in bytes */
    uint8_t addr_size;  /* 2, 4, 8 */
    uint8_t length;     /* of the instruction */
    uint8_t kind;       /* the handler's own */
    uint16_t start;     /* the instruction's offset from the block's first */
    bool is_reg, lock;  /* rm is a register; LOCK (or XCHG with memory) */
    int64_t disp;
    int64_t imm;
    interp_insn_fn insn_fn;
    const struct x86_insn *insn; /* kept for operations with an insn_fn; for those of simd.h imm is their cookie */
};

struct interp_code_page { /* shared by all vCPUs, one for each guest page that ever held decoded code */
    _Atomic uint32_t version;
    _Atomic uint64_t mask; /* 64-byte granules that hold decoded code */
};

#define INTERP_INVALIDATED 256u
#define INTERP_BLOCK_ALIGN 64u /* in the arena */

struct interp_block {
    uint64_t key; /* gpa and mode */
    const _Atomic uint32_t *version;
    uint32_t version_seen;
    uint16_t bytes, count;
    const uint8_t *seen; /* the bytes that it was made of; NULL: it cannot be used again once it is stale */
    bool crossing;       /* its one instruction lies in two pages */
    /* A translator's (struct interp_tier). */
    uint32_t heat;
    const uint8_t *code;
    struct interp_block *next_coded; /* with code, in the same bucket */
    interp_fn first;                 /* ops[0].fn was, before it became the translator's */
    struct interp_op ops[];
};

/* What a translator on top of this engine hooks into. A vCPU is `bytes` long, with `before` bytes in front of it. */
struct interp_tier {
    size_t before, bytes;
    int (*init)(struct interp_vcpu *v);
    void (*fini)(struct interp_vcpu *v);
    void (*block_made)(struct interp_vcpu *v, struct interp_block *b);
    void (*block_revived)(struct interp_vcpu *v, struct interp_block *b); /* its page was written, but not its bytes */
    void (*blocks_dropped)(struct interp_vcpu *v);
    void (*jumps_flushed)(struct interp_vcpu *v, struct interp_space *s);
    void (*kick)(struct interp_vcpu *v); /* any thread: v is to look at its requests soon */
    /* For a tier that runs user code in a way of its own, while interp_space.direct. All in v's thread. */
    bool (*run_user)(struct interp_vcpu *v); /* false: nothing was run */
    void (*user_interrupted)(struct interp_vcpu *v);
    void (*space_flushed)(struct interp_vcpu *v, struct interp_space *s);
    void (*page_flushed)(struct interp_vcpu *v, struct interp_space *s, gva_t lin);
    void (*space_changed)(struct interp_vcpu *v, struct interp_space *s); /* another program has it now */
    void (*writes_revoked)(struct interp_vcpu *v, const uint8_t *host);
    unsigned (*counters)(struct interp_vcpu *v, struct engine_counter *counters);
};

#define INTERP_EXEC_SIZE 256
struct interp_exec_entry {
    uint64_t tag; /* page address | generation of the space */
    gpa_t gpa;
    const uint8_t *host; /* NULL: not RAM */
    struct interp_code_page *page;
};

#define INTERP_JUMP_SIZE 4096
struct interp_jump_entry {
    uint64_t key;
    struct interp_block *block;
};

struct interp_segment { /* X86_ES..X86_GS, made from cpu.seg by interp_segments_changed */
    uint64_t base;
    uint64_t lo, read_end, write_end; /* offsets lo <= x < end may be read or written */
    uint64_t narrow;                  /* 0: all of the 4 GiB may be read and written */
    /* For translated code: the ends where lo is 0, else 0; and minus them. */
    uint64_t plain_end[2], minus_end[2]; /* to read; to write */
};

/*
 * What a block's translation may count on, beside the code's size; part of its key. The segmented ones: with 16 or 32
 * bits of stack pointer; CS begins and ends between pages, not so, or not so and reaches beyond 64 KiB of 16-bit code.
 */
enum interp_shape {
    INTERP_LONG,
    INTERP_FLAT32, /* protected 32-bit code; CS, DS, ES and SS are all of the 4 GiB, from 0 on */
    INTERP_SEGMENTED,
    INTERP_STACK32 = 1, /* added to the segmented ones */
    INTERP_UNEVEN = INTERP_SEGMENTED + 2,
    INTERP_WIDE16 = INTERP_SEGMENTED + 4,
};

enum interp_cause { INTERP_FAULT, INTERP_SOFT_INT, INTERP_EXTERNAL };

struct interp_event {
    bool valid;
    bool has_error;
    uint8_t vector;
    uint8_t cause; /* enum interp_cause; INT3, INTO and INT n are soft, INT1 is a fault to DPL checks */
    uint8_t length;
    uint32_t error;
    uint64_t cr2; /* of #PF */
    uint64_t dr6; /* bits to set, of #DB */
};

/* For engine_ops.vcpu_counters; written by the vCPU's thread, read by any. */
struct interp_counts {
    uint64_t blocks, emptied, walks, events;
};

struct interp_engine;

struct interp_vcpu {
    struct x86_cpu cpu; /* first: register offsets are small */

    uint64_t rip0, zero;
    /* Lazy flags: see flags.h */
    int64_t cc_dst, cc_a, cc_b;
    uint32_t cc_op;

    uint32_t code_mode;  /* enum x86_mode of CS */
    uint64_t lin_mask;   /* 64-bit code: all ones; else 32 bits */
    uint64_t stack_mask; /* by SS.B or 64-bit code */
    /* Set by interp_set_bank. */
    struct interp_entry *table; /* of the present space */
    uint64_t table_and_field;   /* the same with the operand of BEXTR in its low bits, for translated code */
    uint64_t ac_table[2]; /* table_and_field as STAC and CLAC may set it themselves, by EFLAGS.AC; 0: they may not */
    struct interp_space *space;
    uint16_t exec_generation;
    uint8_t bank;      /* enum interp_bank */
    bool user;         /* CPL 3 */
    bool unprivileged; /* not CPL 0 */
    bool direct;       /* interp_space.direct of a user space that is the present one */
    struct interp_segment seg[6];
    bool long_windows; /* seg is that of 64-bit code */
    uint8_t shape;     /* enum interp_shape */

    const struct interp_op *op; /* what to blame in a fault; NULL between blocks: cpu.rip is exact then */
    struct interp_block *block;
    _Atomic uint32_t *requests;
    uint64_t jump_salt;  /* mode, privilege and generation, which make keys of addresses */
    uint64_t cs_base;    /* 0 in 64-bit code */
    uint32_t heed;       /* which requests matter now: ENGINE_REQ_INTR only with IF */
    uint32_t chain_left; /* blocks until the next return to the loop: bounds the stack without tail calls */
    union {
        struct {
            bool attention;  /* the loop shall look at single, shadows, activity and stop before the next block */
            bool cs_limited; /* CS has a limit below 4 GiB: the loop checks it before each block */
        };
        uint16_t hold; /* not zero: there is something to check between two blocks */
    };
    bool tracing;     /* trace.h */
    bool single;      /* one instruction per block: TF, RF, breakpoints */
    bool stepping;    /* this block is one instruction: string operations do one iteration */
    bool ferr;        /* engine_host.fpu_error was told of a pending exception */
    bool direct_hold; /* the next block is not for run_user: it stopped there */
    bool brief;       /* and not much more than that block */
    bool mid_string;  /* the last block ended inside a repeated string operation: RF is pushed */
    bool watch;       /* data breakpoints are armed */
    bool exec_watch;  /* instruction breakpoints are armed */
    bool stop;        /* leave vcpu_run with `exit` */
    uint8_t exit;     /* enum engine_exit */
    struct interp_event event, delivering;
    uint64_t debug_hits; /* DR6 bits of data breakpoints met in this instruction */

    struct interp_engine *engine;
    struct memory *memory;
    struct engine_host host;
    void *opaque;
    unsigned index;
    jmp_buf fault_exit;

    /* blocks */
    struct interp_set *sets;
    uint8_t *arena;
    size_t arena_used, arena_limit;
    size_t hot_bytes;                    /* of blocks that a translator made code of, since the arena was emptied */
    struct interp_block *scratch;        /* one uncached block */
    uint8_t scratch_bytes[X86_INSN_MAX]; /* that it was made of */
    void *tables;                        /* of all spaces */
    uint64_t large_pages;                /* hash sets of GiBs with translations that came from pages of 2 or 4 MiB, */
    uint64_t huge_pages;                 /* and of 1 GiB */
    uint64_t user_entries;               /* how often CPL 3 was entered */
    uint32_t next_space;
    uint16_t generations; /* the last one that was given out */
    uint16_t rounds;      /* how often they ran out */
    uint8_t user_space;   /* of CR3's PCID */
    bool user_global;     /* a user space has global pages */
    bool slow_used;
    /*
     * Of a tier that compares (jit/lockstep.c), or NULL. alone: such an instruction is a block of its own. copy_of:
     * while it is set, accesses go where it says instead of to this byte of RAM, nothing is cached, and no other part
     * of the machine gets to know of them. walks: meanwhile nothing is taken from the tables of translations, either.
     */
    bool (*alone)(const struct x86_insn *insn);
    uint8_t *(*copy_of)(struct interp_vcpu *v, uint8_t *host, bool write);
    bool walks;
    struct interp_jump_entry jump[INTERP_JUMP_SIZE];
    struct interp_exec_entry exec[INTERP_EXEC_SIZE];
    struct interp_space spaces[INTERP_SPACES];
    struct interp_writers writers[1 << INTERP_WRITERS_BITS];
    struct interp_beside beside[INTERP_BESIDE];
    struct interp_counts counts;
};

/* The handler chain. */
#define INTERP_NEXT(v, op) return (op)[1].fn((v), (op) + 1)

/*
 * A handler whose work takes addresses of locals (a frame that a tail call could not leave), made of a function that
 * does the work and returns.
 */
#define INTERP_HANDLER_OF(name, work)                                        \
    void interp_op_##name(struct interp_vcpu *v, const struct interp_op *op) \
    {                                                                        \
        work(v, op);                                                         \
        INTERP_NEXT(v, op);                                                  \
    }
#define INTERP_HANDLER(name) INTERP_HANDLER_OF(name, name)

#define likely(x)            __builtin_expect(!!(x), 1)
#define unlikely(x)          __builtin_expect(!!(x), 0)

/*
 * Faults: they do not return, and the instruction has not happened. Whoever may fault must have v->op set (operations
 * with an insn_fn have).
 */
_Noreturn void interp_raise(struct interp_vcpu *v, unsigned vector);                       /* no error code */
_Noreturn void interp_raise_error(struct interp_vcpu *v, unsigned vector, uint32_t error); /* with one */
_Noreturn void interp_page_fault(struct interp_vcpu *v, gva_t address, uint32_t error);

/*
 * Memory operands for insn_fn semantics. An operand is loaded or probed whole before anything is stored; sizes up to
 * 4096. interp_load and interp_store use the ModRM operand; the _at forms any segment and offset (MASKMOVDQU, gathers).
 * All do segment checks, paging, watchpoints, MMIO and self-modifying code.
 */
uint64_t interp_ea(struct interp_vcpu *v, const struct x86_insn *insn); /* offset in its segment, wrapped */
unsigned interp_ea_segment(const struct x86_insn *insn);
void interp_load(struct interp_vcpu *v, const struct x86_insn *insn, void *to, unsigned size);
void interp_store(struct interp_vcpu *v, const struct x86_insn *insn, const void *from, unsigned size);
void interp_probe_store(struct interp_vcpu *v, const struct x86_insn *insn, unsigned size);
void interp_load_at(struct interp_vcpu *v, unsigned seg, uint64_t offset, void *to, unsigned size);
void interp_store_at(struct interp_vcpu *v, unsigned seg, uint64_t offset, const void *from, unsigned size);
void interp_probe_store_at(struct interp_vcpu *v, unsigned seg, uint64_t offset, unsigned size);

/* RIP of the instruction being executed, and of the next one. */
uint64_t interp_this_rip(const struct interp_vcpu *v);

/* The six arithmetic flags (X86_ARITH) for insn_fn semantics (COMISD, PTEST, PCMPISTRI). */
uint32_t interp_get_arith(struct interp_vcpu *v);
void interp_set_arith(struct interp_vcpu *v, uint32_t flags);

/* mmu.c: linear to physical; faults. host is NULL when the page is not RAM. */
struct interp_page {
    uint8_t *host; /* of the byte itself */
    gpa_t gpa;
    unsigned flags; /* enum memory_flags */
};
void interp_translate(struct interp_vcpu *v, gva_t lin, unsigned access, struct interp_page *page);
unsigned interp_data_access(const struct interp_vcpu *v); /* X86_ACCESS_USER or 0, by CPL */
uint64_t interp_read_slow(struct interp_vcpu *v, const struct interp_op *op, gva_t lin, unsigned size);
void interp_write_slow(struct interp_vcpu *v, const struct interp_op *op, gva_t lin, unsigned size, uint64_t value);
void interp_read_lin(struct interp_vcpu *v, gva_t lin, void *to, unsigned size, unsigned access);
void interp_write_lin(struct interp_vcpu *v, gva_t lin, const void *from, unsigned size, unsigned access);
void interp_probe_lin(struct interp_vcpu *v, gva_t lin, unsigned size, unsigned access);
_Noreturn void interp_segment_fault(struct interp_vcpu *v, unsigned seg);
/* After bytes of guest memory were written by this vCPU: code pages, logged pages. */
void interp_wrote(struct interp_vcpu *v, const struct interp_page *page, unsigned size);

/* state.c: derived state; after CR0, CR4, EFER, CPL, EFLAGS.AC, DR7 or any segment changed. */
void interp_mode_changed(struct interp_vcpu *v);
/* Translated code has switched to the other kernel space: table_and_field says to which. */
void interp_heed_table(struct interp_vcpu *v);
void interp_set_bank(struct interp_vcpu *v, enum interp_bank bank);
void interp_segments_changed(struct interp_vcpu *v);

/* block.c */
struct interp_block *interp_find_block(struct interp_vcpu *v, bool one); /* for cpu.rip; may fault */
void interp_stop_block(struct interp_vcpu *v); /* the running block is stale: not beyond the present operation */
void interp_end(struct interp_vcpu *v, const struct interp_op *op); /* the handler behind a block's last operation */
void interp_drop_blocks(struct interp_vcpu *v);                     /* not while one runs that shall go on afterwards */
/*
 * b, at lin, has the instructions that are there now. (Its version speaks for the first page only.) Faults as a fetch
 * does. False: it is of no more use.
 */
bool interp_block_holds(struct interp_vcpu *v, struct interp_block *b, gva_t lin);
int interp_blocks_init(struct interp_vcpu *v);
void interp_blocks_fini(struct interp_vcpu *v);

/* code.c: which guest bytes are held decoded. */
int interp_code_init(struct interp_engine *e);
void interp_code_fini(struct interp_engine *e);
struct interp_code_page *interp_code_page(struct interp_engine *e, gfn_t gfn, bool make);
void interp_code_mark(struct interp_vcpu *v, struct interp_code_page *page, gpa_t gpa, unsigned len);
void interp_code_written(struct interp_engine *e, gpa_t gpa, uint64_t len);
void interp_code_unmapped(struct interp_engine *e, gfn_t first, uint64_t count);

/* translate.c: one instruction to an operation. True: it ends its block. */
bool interp_translate_insn(struct interp_engine *e, struct interp_op *op, const struct x86_insn *insn, unsigned start);

/* event.c: exceptions and interrupts. */
void interp_deliver(struct interp_vcpu *v); /* v->event; returns when the handler's first instruction is next */
void interp_event_after_fault(struct interp_vcpu *v);
void interp_inject(struct interp_vcpu *v, unsigned vector, enum interp_cause cause);
_Noreturn void interp_wait(struct interp_vcpu *v); /* the instruction comes after an interrupt */
_Noreturn void interp_soft_interrupt(struct interp_vcpu *v, unsigned vector, const struct interp_op *op);

bool interp_walk(struct interp_vcpu *v, gva_t lin, unsigned access, struct x86_walk *w);
void interp_request_flush(struct interp_engine *e, const struct interp_vcpu *except);

struct interp_engine {
    struct memory *memory;
    const struct interp_tier *tier; /* or NULL */
    /* Invalidations of decoded code are counted; the page of number n is at n modulo the ring's size. */
    _Atomic uint32_t code_epoch;
    _Atomic(struct interp_code_page *) invalidated[INTERP_INVALIDATED];
    unsigned max_vcpus;
    _Atomic(struct interp_vcpu *) *vcpus;
    pthread_mutex_t code_lock; /* marks and their MEMORY_CODE flags */
    struct code_node *code_root;
    pthread_mutex_t split_lock; /* locked accesses that the host cannot do atomically */
    struct interp_simd *simd;   /* stubs of host code: simd.h */
    pthread_mutex_t trace_lock; /* trace.h; the next two */
    FILE *trace_file;           /* owned; NULL: none is written */
    uint64_t trace_left;        /* instructions */
};

#endif
