/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * simd_forms.h: one row for each form of the MMX, SSE and AVX instructions: which registers it names, how much memory
 * it touches, what makes it invalid. The meaning is the host's: rows say how to run the instruction there, not what it
 * computes. (Intel SDM vol. 2; exception classes: vol. 2 ch. 2.4 and vol. 1 ch. 11.)
 */
#ifndef DOMUS_ENGINE_INTERP_SIMD_FORMS_H
#define DOMUS_ENGINE_INTERP_SIMD_FORMS_H

#include "x86/decode.h"

enum simd_feature {
    FEAT_NONE, /* this encoding does not exist */
    FEAT_MMX,
    FEAT_SSE,
    FEAT_SSE2,
    FEAT_SSE3,
    FEAT_SSSE3,
    FEAT_SSE41,
    FEAT_SSE42,
    FEAT_AES,
    FEAT_PCLMUL,
    FEAT_SHA,
    FEAT_GFNI,
    FEAT_AVX,
    FEAT_AVX2,
    FEAT_FMA,
    FEAT_F16C,
    FEAT_VAES,
    FEAT_VPCLMUL,
    FEAT_AVX_AES,
    FEAT_AVX_PCLMUL,
    FEAT_AVX_GFNI,
    FEAT_AVX_VNNI,
    FEAT_XSAVE,
    FEAT_XSAVEOPT,
    FEAT_XSAVEC,
    FEAT_COUNT,
};

enum simd_kind {
    KIND_NONE,
    KIND_X,  /* XMM or YMM by vector length */
    KIND_X1, /* XMM whatever the vector length */
    KIND_M,  /* MMX */
    KIND_G,  /* general register */
};

enum simd_access { ACC_R = 1, ACC_W = 2 };

/* Which bytes a memory operand in the rm place has. */
enum simd_mem {
    MEM_NONE,
    MEM_1,
    MEM_2,
    MEM_4,
    MEM_8,
    MEM_16,
    MEM_V,   /* the vector length */
    MEM_H,   /* half of it */
    MEM_Q,   /* a quarter */
    MEM_E,   /* an eighth */
    MEM_G,   /* 4, or 8 with W in 64-bit code */
    MEM_DUP, /* MOVDDUP: 8 or 32 */
};

enum simd_flags {
    SF_IMM = 1,
    SF_FP = 2,        /* reads MXCSR, may raise #XM */
    SF_FLAGS = 4,     /* sets the arithmetic flags */
    SF_ALIGN = 8,     /* the legacy form of 16 bytes wants its memory aligned */
    SF_VALIGN = 16,   /* the VEX form does too */
    SF_NOMEM = 32,    /* register form only */
    SF_NOREG = 64,    /* memory form only */
    SF_LIG = 128,     /* VEX.L is ignored */
    SF_W0 = 256,      /* VEX.W must be 0 */
    SF_W1 = 512,      /* VEX.W must be 1 */
    SF_W = 1024,      /* W selects something: keep it in the host's encoding */
    SF_XMM0 = 2048,   /* XMM0 is an implicit operand */
    SF_IS4 = 4096,    /* a fourth register in the immediate's high nibble */
    SF_STRING = 8192, /* PCMPxSTRx: EAX, EDX in, ECX or XMM0 out */
    SF_NOFPU = 16384, /* no CR0.EM, TS or OSFXSR checks: touches general registers and memory only */
    SF_X87 = 32768,   /* a memory form of an MMX conversion that leaves the x87 state alone */
};

/* How the vvvv operand of the VEX form is used, and the legacy form's difference. */
enum simd_shape {
    SHAPE_A,  /* reg = reg op rm; VEX: reg = vvvv op rm */
    SHAPE_B,  /* reg = op rm */
    SHAPE_S,  /* rm = op reg */
    SHAPE_SA, /* rm = rm op reg; VEX: rm = vvvv op reg (MOVSS and MOVSD between registers) */
    SHAPE_C,  /* compare reg with rm: nothing written but flags */
    SHAPE_SH, /* shift groups: rm = rm op imm; VEX: vvvv = rm op imm */
    SHAPE_F,  /* reg = reg op vvvv op rm (VEX only) */
};

struct simd_form {
    uint8_t map, pp, opcode;    /* pp: 0 none, 1 66, 2 F3, 3 F2 */
    uint8_t digit;              /* ModRM.reg, or 0xff: any */
    uint8_t shape, reg, rm;     /* enum simd_shape; enum simd_kind of the reg and rm places (vvvv is of reg's kind) */
    uint8_t mem;                /* enum simd_mem */
    uint8_t legacy, v128, v256; /* enum simd_feature */
    uint16_t flags;             /* enum simd_flags */
};

/* The row for this instruction's encoding (map, prefix, digit, register or memory, VEX.L and W), or NULL. */
const struct simd_form *simd_form_find(const struct x86_insn *insn);
unsigned simd_form_index(const struct simd_form *form);
/* All rows, for the tests' generator. */
const struct simd_form *simd_forms(unsigned *count);
/* 0 none, 1 66, 2 F3, 3 F2: the mandatory prefix of this instruction. */
unsigned simd_insn_pp(const struct x86_insn *insn);
unsigned simd_mem_bytes(const struct simd_form *form, bool vl256, bool wide);

/* Which features the host's processor (and its kernel) lets us run. */
bool simd_host_has(enum simd_feature feature);
const char *simd_feature_name(enum simd_feature feature);

#endif
