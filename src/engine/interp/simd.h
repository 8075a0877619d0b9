/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * simd.h: the x87, MMX, SSE, AVX and XSAVE instructions as the interpreter calls them.
 * The guest's registers are cpu->fpu (XSAVE standard format; XSTATE_BV is kept as the processor would report it).
 */
#ifndef DOMUS_ENGINE_INTERP_SIMD_H
#define DOMUS_ENGINE_INTERP_SIMD_H

#include "engine/interp/interp.h"

/*
 * The handler of an instruction, once at decode time, or NULL: not one of ours. It checks CR0.TS/EM, CR4.OSFXSR,
 * CR4.OSXSAVE, XCR0, VEX.vvvv/L/W, LOCK and the processor mode itself and raises #UD/#NM/#XM/#MF/#GP with interp_raise.
 * It must change no state before its last possible fault. GPRs: v->cpu.gpr (32-bit results zero-extended); flags:
 * interp_set_arith. FWAIT (9B), EMMS, FXSAVE/FXRSTOR, LDMXCSR, XSAVE*, XRSTOR, MOVNTI, MOVMSK, CVT*, PEXTR*,
 * CRC32-free: what touches only GPRs (BMI, ADX, MOVBE, CRC32, RD/WRFSBASE, XGETBV/XSETBV, fences, PREFETCH, CLFLUSH) is
 * the interpreter's.
 */
interp_insn_fn interp_simd_decode(const struct x86_insn *insn);

#endif
