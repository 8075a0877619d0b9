/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * simd.h: the x87, MMX, SSE, AVX and XSAVE instructions as the interpreter calls them.
 *
 * The guest's registers are cpu->fpu, the XSAVE standard format, whose bytes always are the registers' values, whatever
 * XSTATE_BV says; XSTATE_BV is kept at 7 and what a guest's XSAVE reports is found from the values. An instruction runs
 * as the same instruction on the host, by a small stub of host code made once for each form of it.
 */
#ifndef DOMUS_ENGINE_INTERP_SIMD_H
#define DOMUS_ENGINE_INTERP_SIMD_H

#include "engine/interp/interp.h"

/* The stubs, shared by an engine's vCPUs: interp_engine.simd. NULL with errno. */
struct interp_simd *interp_simd_create(void);
void interp_simd_destroy(struct interp_simd *s); /* NULL is fine; no vCPU runs any more */

/*
 * The handler of an instruction, once at decode time, or NULL: not one of ours. *cookie is to be kept in the
 * operation's imm, where the handler finds it as v->op->imm. The handler checks CR0.TS/EM, CR4.OSFXSR, CR4.OSXSAVE,
 * XCR0, VEX.vvvv/L/W, LOCK and the processor mode itself and raises #UD/#NM/#XM/#MF/#GP with interp_raise. It changes
 * no state before its last possible fault. GPRs: v->cpu.gpr (32-bit results zero-extended); flags: interp_set_arith.
 * FWAIT (9B), EMMS, FXSAVE/FXRSTOR, LDMXCSR, XSAVE*, XRSTOR, MOVNTI, MOVMSK, CVT*, PEXTR* are here; what touches only
 * GPRs (BMI, ADX, MOVBE, CRC32, RD/WRFSBASE, XGETBV/XSETBV, fences, PREFETCH, CLFLUSH) is the interpreter's.
 */
interp_insn_fn interp_simd_decode(struct interp_engine *e, const struct x86_insn *insn, int64_t *cookie);

#endif
