/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cpu.c: the register state after RESET and INIT (SDM vol. 3, table 10-1). Which processor wakes is its caller's
 * matter.
 */
#include "x86/cpu.h"

#include "base/bytes.h"

#define XSAVE_FCW   0
#define XSAVE_MXCSR 24

static void set_common(struct x86_cpu *cpu)
{
    memset(cpu->gpr, 0, sizeof cpu->gpr);
    cpu->gpr[X86_RDX] = 0x00000600; /* family 6; what firmware may look at before CPUID */
    cpu->rip = 0xfff0;
    cpu->rflags = 2;
    for (unsigned i = 0; i < X86_SEGS; i++)
        cpu->seg[i] = (struct x86_seg){.attr = X86_ATTR_P | X86_ATTR_S | 3, .limit = 0xffff};
    cpu->seg[X86_CS] = (struct x86_seg){
        .selector = 0xf000, .attr = X86_ATTR_P | X86_ATTR_S | 0xb, .limit = 0xffff, .base = 0xffff0000};
    cpu->seg[X86_LDTR] = (struct x86_seg){.attr = X86_ATTR_P | 2, .limit = 0xffff};
    cpu->seg[X86_TR] = (struct x86_seg){.attr = X86_ATTR_P | 0xb, .limit = 0xffff};
    cpu->gdtr = cpu->idtr = (struct x86_table){.limit = 0xffff};
    cpu->cr2 = cpu->cr3 = cpu->cr4 = cpu->cr8 = 0;
    memset(cpu->dr, 0, sizeof cpu->dr);
    cpu->dr[6] = 0xffff0ff0;
    cpu->dr[7] = 0x400;
    cpu->efer = 0;
    cpu->sti_shadow = cpu->nmi_masked = false;
}

void x86_cpu_reset(struct x86_cpu *cpu)
{
    memset(cpu, 0, sizeof *cpu);
    set_common(cpu);
    cpu->cr0 = X86_CR0_CD | X86_CR0_NW | X86_CR0_ET;
    cpu->xcr0 = 1;
    cpu->pat = 0x0007040600070406ull;
    cpu->misc_enable = 1; /* fast strings */
    store_le16(cpu->fpu.bytes + XSAVE_FCW, 0x40);
    store_le32(cpu->fpu.bytes + XSAVE_MXCSR, 0x1f80);
    cpu->activity = X86_RUNNING;
}

void x86_cpu_init(struct x86_cpu *cpu)
{
    uint64_t cache = cpu->cr0 & (X86_CR0_CD | X86_CR0_NW);
    set_common(cpu);
    cpu->cr0 = cache | X86_CR0_ET;
    cpu->activity = X86_WAIT_FOR_SIPI;
}
