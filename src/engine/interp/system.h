/* SPDX-License-Identifier: GPL-2.0-or-later */
/* system.h: system instructions, shared between system.c, control.c and msr.c. */
#ifndef DOMUS_ENGINE_INTERP_SYSTEM_H
#define DOMUS_ENGINE_INTERP_SYSTEM_H

#include "engine/interp/ops.h"
#include "engine/interp/segment.h"

uint64_t insn_rm(struct interp_vcpu *v, const struct x86_insn *insn, unsigned size);
void insn_set_rm(struct interp_vcpu *v, const struct x86_insn *insn, unsigned size, uint64_t value);
void insn_set_reg(struct interp_vcpu *v, const struct x86_insn *insn, unsigned size, uint64_t value);
void need_cpl0(struct interp_vcpu *v);

/* control.c */
void interp_mov_cr(struct interp_vcpu *v, const struct x86_insn *insn);
void interp_mov_dr(struct interp_vcpu *v, const struct x86_insn *insn);
void interp_smsw(struct interp_vcpu *v, const struct x86_insn *insn);
void interp_lmsw(struct interp_vcpu *v, const struct x86_insn *insn);
void interp_clts(struct interp_vcpu *v, const struct x86_insn *insn);
void interp_invlpg(struct interp_vcpu *v, const struct x86_insn *insn);
void interp_invpcid(struct interp_vcpu *v, const struct x86_insn *insn);
void interp_xgetbv(struct interp_vcpu *v, const struct x86_insn *insn);
void interp_xsetbv(struct interp_vcpu *v, const struct x86_insn *insn);

/* msr.c */
void interp_rdmsr(struct interp_vcpu *v, const struct x86_insn *insn);
void interp_wrmsr(struct interp_vcpu *v, const struct x86_insn *insn);
void interp_swapgs(struct interp_vcpu *v, const struct x86_insn *insn);
void interp_syscall(struct interp_vcpu *v, const struct x86_insn *insn);
void interp_sysret(struct interp_vcpu *v, const struct x86_insn *insn);
void interp_sysenter(struct interp_vcpu *v, const struct x86_insn *insn);
void interp_sysexit(struct interp_vcpu *v, const struct x86_insn *insn);

#endif
