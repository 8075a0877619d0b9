/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * simd_stub.h: small pieces of host code, each of which runs one form of one instruction on operands given by pointers.
 * Registers' numbers, addresses and general registers are not part of a form, so there are few (about 2000, times the
 * immediates a guest uses). Written through one mapping of a memfd and run through another: no page is ever writable
 * and executable.
 */
#ifndef DOMUS_ENGINE_INTERP_SIMD_STUB_H
#define DOMUS_ENGINE_INTERP_SIMD_STUB_H

#include "engine/interp/simd_forms.h"

#include <pthread.h>

/* What a stub reads and writes besides its register operands. */
struct simd_frame {
    uint8_t mem[64] __attribute__((aligned(64))); /* the memory operand */
    uint64_t reg, rm, rdx, rcx;                   /* general registers: the reg and rm places, PCMPESTRI's */
    uint64_t flags;                               /* RFLAGS afterwards, and before for FCMOV */
    uint32_t mxcsr, host_mxcsr;                   /* in: all exceptions masked, flags clear; out: flags raised */
    void *xmm0;
};

/* Vector operands: the low 16 bytes; YMM's upper half lies SIMD_HIGH bytes further. MMX: 8 bytes. */
typedef void (*simd_run_fn)(void *reg, void *vvvv, void *rm, void *mem, struct simd_frame *f, void *is4);
/* x87: image is an XSAVE area of 576 bytes (legacy and header), mem the operand; only f->flags is used of f. */
typedef void (*simd_x87_fn)(void *image, void *mem, struct simd_frame *f);

#define SIMD_XMM_OFFSET  160
#define SIMD_YMM_OFFSET  576
#define SIMD_HIGH        (SIMD_YMM_OFFSET - SIMD_XMM_OFFSET)
#define SIMD_ST_OFFSET   32
#define SIMD_HOST_MXCSR  0x1f80u
#define SIMD_ALL_MASKED  0x1f80u
#define SIMD_MXCSR_FLAGS 0x3fu

struct simd_stub {
    uint64_t key;
    const struct simd_form *form; /* NULL for x87 */
    union {
        simd_run_fn run;
        simd_x87_fn x87;
    };
    uint8_t mem_bytes;                                   /* 0: registers only */
    bool vex, mmx;                                       /* mmx: the x87 state becomes MMX state */
    bool load, store;                                    /* the memory operand is read, is written */
    bool gpr_reg_in, gpr_reg_out, gpr_rm_in, gpr_rm_out; /* general registers that take part */
    bool mmx_reg_out, mmx_rm_out;
};

struct interp_simd {
    pthread_mutex_t lock; /* of all below but host */
    uint8_t *rw, *rx;
    size_t used;
    struct simd_stub **table; /* open addressing on key */
    size_t slots, count;
    bool host[FEAT_COUNT]; /* constant */
};

/* The stub of a form, made at its first use; NULL when memory ran out. */
const struct simd_stub *simd_stub_get(struct interp_simd *s, const struct simd_form *form, const struct x86_insn *insn);
/* D8..DF with this ModRM; memory forms have one stub for each digit. */
const struct simd_stub *simd_stub_get_x87(struct interp_simd *s, uint8_t opcode, uint8_t modrm);

#endif
