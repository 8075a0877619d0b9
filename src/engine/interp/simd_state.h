/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * simd_state.h: the guest's x87 and vector registers inside cpu->fpu, and the checks that the instructions share.
 * (Intel SDM vol. 1, 10.5.1 and 13.4: the legacy region, the header, YMM_Hi128.)
 */
#ifndef DOMUS_ENGINE_INTERP_SIMD_STATE_H
#define DOMUS_ENGINE_INTERP_SIMD_STATE_H

#include "base/bytes.h"
#include "engine/interp/simd.h"
#include "engine/interp/simd_stub.h"

#define FPU_FCW       0
#define FPU_FSW       2
#define FPU_FTW       4 /* abridged: a bit set means not empty */
#define FPU_FOP       6
#define FPU_FIP       8
#define FPU_FDP       16
#define FPU_MXCSR     24
#define FPU_MASK      28 /* MXCSR_MASK */
#define FPU_XSTATE_BV 512
#define FPU_XCOMP_BV  520

#define FSW_ES        0x80u
#define FSW_SF        0x40u
#define FSW_EXC       0x3fu
#define FSW_B         0x8000u
#define FSW_TOP       0x3800u

#define MXCSR_VALID   0xffffu

static inline uint8_t *fpu_bytes(struct interp_vcpu *v)
{
    return v->cpu.fpu.bytes;
}

static inline unsigned fsw_top(unsigned fsw)
{
    return fsw >> 11 & 7;
}

static inline uint32_t fpu_mxcsr(struct interp_vcpu *v)
{
    return load_le32(fpu_bytes(v) + FPU_MXCSR);
}

static inline uint8_t *fpu_xmm(uint8_t *image, unsigned n)
{
    return image + SIMD_XMM_OFFSET + 16 * n;
}

/* ST-relative place of a physical register (MMX register n is physical register n). */
static inline uint8_t *fpu_mm(uint8_t *image, unsigned n)
{
    return image + SIMD_ST_OFFSET + 16 * ((n - fsw_top(load_le16(image + FPU_FSW))) & 7);
}

/* x87.c: delivers the pending exception as CR0.NE says, or takes back the FERR# of one that is gone. May not return. */
void x87_pending(struct interp_vcpu *v);

/* FSW with ES and B as FCW's masks want them. */
static inline uint16_t fsw_with_summary(unsigned fsw, unsigned fcw)
{
    return (uint16_t)((fsw & ~(FSW_ES | FSW_B)) | (fsw & ~fcw & FSW_EXC ? FSW_ES | FSW_B : 0));
}

/* A VEX instruction here: protected mode and the operating system's consent. May raise #UD. */
static inline void simd_check_vex(struct interp_vcpu *v)
{
    if (!(v->cpu.cr0 & X86_CR0_PE) || (v->cpu.rflags & X86_VM) || !(v->cpu.cr4 & X86_CR4_OSXSAVE) ||
        (v->cpu.xcr0 & 6) != 6)
        interp_raise(v, X86_EXC_UD);
    if (v->cpu.cr0 & X86_CR0_TS)
        interp_raise(v, X86_EXC_NM);
}

static inline void simd_check_sse(struct interp_vcpu *v)
{
    if ((v->cpu.cr0 & X86_CR0_EM) || !(v->cpu.cr4 & X86_CR4_OSFXSR))
        interp_raise(v, X86_EXC_UD);
    if (v->cpu.cr0 & X86_CR0_TS)
        interp_raise(v, X86_EXC_NM);
}

/* Before every instruction that waits for x87 exceptions: is one pending, or was one, the last time? */
static inline void simd_check_pending(struct interp_vcpu *v)
{
    if (unlikely((load_le16(fpu_bytes(v) + FPU_FSW) & FSW_ES) || v->ferr))
        x87_pending(v);
}

static inline void simd_check_mmx(struct interp_vcpu *v)
{
    if (v->cpu.cr0 & X86_CR0_EM)
        interp_raise(v, X86_EXC_UD);
    if (v->cpu.cr0 & X86_CR0_TS)
        interp_raise(v, X86_EXC_NM);
    simd_check_pending(v);
}

/* #GP unless the memory operand's linear address is a multiple of `bytes`. */
void simd_check_alignment(struct interp_vcpu *v, const struct x86_insn *insn, unsigned bytes);
/* What an MMX instruction does to the x87 state: TOP 0, all registers in use. */
void simd_to_mmx(uint8_t *image);
/* Handlers of the instructions that have no row in simd_forms.c; NULL: none. */
interp_insn_fn simd_decode_special(struct interp_engine *e, const struct x86_insn *insn);
/* Bytes of the memory operand of an x87 instruction that runs on the host; 0: another (control, or undefined). */
#define X87_STORES 0x80u /* it is written */
#define X87_BYTES  0x7fu
unsigned x87_operand(const struct x86_insn *insn);
interp_insn_fn x87_decode(struct interp_engine *e, const struct x86_insn *insn, int64_t *cookie);
interp_insn_fn xsave_decode(struct interp_engine *e, const struct x86_insn *insn);
void simd_undefined(struct interp_vcpu *v, const struct x86_insn *insn); /* #UD */

#endif
