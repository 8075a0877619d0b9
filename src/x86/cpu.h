/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cpu.h: the architectural state of one x86-64 logical processor. Plain data: every engine starts from it and leaves it
 * exact, so that a domain can move between engines. (Intel SDM vol. 1 ch. 3, vol. 3 ch. 2.)
 */
#ifndef DOMUS_X86_CPU_H
#define DOMUS_X86_CPU_H

#include "base/types.h"

enum x86_reg { X86_RAX, X86_RCX, X86_RDX, X86_RBX, X86_RSP, X86_RBP, X86_RSI, X86_RDI }; /* then r8..r15 */
enum x86_seg_name { X86_ES, X86_CS, X86_SS, X86_DS, X86_FS, X86_GS, X86_LDTR, X86_TR, X86_SEGS };

/*
 * attr is bytes 5 and 6 of a descriptor with the limit's nibble taken out:
 *   15    14  13  12   11..8  7  6..5  4  3..0
 *   ...   G   D/B L AVL  -    P  DPL   S  type      =>  bits: 0-3 type, 4 S, 5-6 DPL, 7 P, 8 AVL, 9 L, 10 D/B, 11 G
 * (the same packing as Xen's and AMD's VMCB). A null selector in a data segment register has P clear.
 */
#define X86_ATTR_TYPE 0x00f
#define X86_ATTR_S    0x010
#define X86_ATTR_DPL  0x060
#define X86_ATTR_P    0x080
#define X86_ATTR_AVL  0x100
#define X86_ATTR_L    0x200
#define X86_ATTR_DB   0x400
#define X86_ATTR_G    0x800

struct x86_seg {
    uint16_t selector;
    uint16_t attr;
    uint32_t limit; /* in bytes, G already applied */
    uint64_t base;
};

struct x86_table {
    uint64_t base;
    uint16_t limit;
};

enum x86_activity { X86_RUNNING, X86_HALTED, X86_WAIT_FOR_SIPI };

#define X86_VARIABLE_MTRRS 8

/* The XSAVE standard format as far as AVX (SDM vol. 1, 13.4): 512 legacy + 64 header + 256 YMM_Hi128 bytes. */
struct x86_xsave {
    uint8_t bytes[832];
} __attribute__((aligned(64)));

struct x86_cpu {
    uint64_t gpr[16];
    uint64_t rip; /* of the next instruction; truncated to the code size in 16 and 32-bit code */
    uint64_t rflags;
    struct x86_seg seg[X86_SEGS];
    struct x86_table gdtr, idtr;
    uint64_t cr0, cr2, cr3, cr4, cr8;
    uint64_t dr[8]; /* 4 and 5 unused */
    uint64_t xcr0;

    uint64_t efer, star, lstar, cstar, sfmask, kernel_gs_base;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t pat, tsc_aux, misc_enable, spec_ctrl, xss;
    uint64_t mtrr_def_type, mtrr_fixed[11], mtrr_var[2 * X86_VARIABLE_MTRRS]; /* fixed: 250, 258, 259, 268..26F */
    uint64_t tsc_offset;                                                      /* guest TSC = host TSC + tsc_offset */
    uint64_t tsc_adjust;

    uint8_t activity; /* enum x86_activity */
    bool sti_shadow;  /* interrupts are held off for one instruction (STI, MOV SS) */
    bool nmi_masked;  /* an NMI handler runs (until IRET) */

    struct x86_xsave fpu;
};

/* RFLAGS */
#define X86_CF             0x1u
#define X86_PF             0x4u
#define X86_AF             0x10u
#define X86_ZF             0x40u
#define X86_SF             0x80u
#define X86_TF             0x100u
#define X86_IF             0x200u
#define X86_DF             0x400u
#define X86_OF             0x800u
#define X86_IOPL           0x3000u
#define X86_NT             0x4000u
#define X86_RF             0x10000u
#define X86_VM             0x20000u
#define X86_AC             0x40000u
#define X86_VIF            0x80000u
#define X86_VIP            0x100000u
#define X86_ID             0x200000u
#define X86_ARITH          (X86_CF | X86_PF | X86_AF | X86_ZF | X86_SF | X86_OF)

#define X86_CR0_PE         0x1u
#define X86_CR0_MP         0x2u
#define X86_CR0_EM         0x4u
#define X86_CR0_TS         0x8u
#define X86_CR0_ET         0x10u
#define X86_CR0_NE         0x20u
#define X86_CR0_WP         0x10000u
#define X86_CR0_AM         0x40000u
#define X86_CR0_NW         0x20000000u
#define X86_CR0_CD         0x40000000u
#define X86_CR0_PG         0x80000000u

#define X86_CR4_VME        0x1u
#define X86_CR4_PVI        0x2u
#define X86_CR4_TSD        0x4u
#define X86_CR4_DE         0x8u
#define X86_CR4_PSE        0x10u
#define X86_CR4_PAE        0x20u
#define X86_CR4_MCE        0x40u
#define X86_CR4_PGE        0x80u
#define X86_CR4_PCE        0x100u
#define X86_CR4_OSFXSR     0x200u
#define X86_CR4_OSXMMEXCPT 0x400u
#define X86_CR4_UMIP       0x800u
#define X86_CR4_FSGSBASE   0x10000u
#define X86_CR4_PCIDE      0x20000u
#define X86_CR4_OSXSAVE    0x40000u
#define X86_CR4_SMEP       0x100000u
#define X86_CR4_SMAP       0x200000u

#define X86_EFER_SCE       0x1u
#define X86_EFER_LME       0x100u
#define X86_EFER_LMA       0x400u
#define X86_EFER_NX        0x800u
#define X86_EFER_AIBRSE    0x200000u /* AMD: automatic IBRS */

enum x86_vector {
    X86_EXC_DE = 0,
    X86_EXC_DB = 1,
    X86_EXC_NMI = 2,
    X86_EXC_BP = 3,
    X86_EXC_OF = 4,
    X86_EXC_BR = 5,
    X86_EXC_UD = 6,
    X86_EXC_NM = 7,
    X86_EXC_DF = 8,
    X86_EXC_TS = 10,
    X86_EXC_NP = 11,
    X86_EXC_SS = 12,
    X86_EXC_GP = 13,
    X86_EXC_PF = 14,
    X86_EXC_MF = 16,
    X86_EXC_AC = 17,
    X86_EXC_MC = 18,
    X86_EXC_XM = 19,
};

/* State after RESET (SDM vol. 3, table 10-1): real mode, F000:FFF0; activity RUNNING. */
void x86_cpu_reset(struct x86_cpu *cpu);
/* State after INIT: as RESET, but CR0.CD/NW, MTRRs, MSRs, TSC and the FPU stay; activity WAIT_FOR_SIPI. */
void x86_cpu_init(struct x86_cpu *cpu);

static inline unsigned x86_cpl(const struct x86_cpu *cpu)
{
    return (cpu->seg[X86_SS].attr & X86_ATTR_DPL) >> 5; /* DPL of SS is the CPL in every mode */
}

static inline bool x86_long_mode(const struct x86_cpu *cpu)
{
    return (cpu->efer & X86_EFER_LMA) != 0;
}

static inline bool x86_code64(const struct x86_cpu *cpu)
{
    return x86_long_mode(cpu) && (cpu->seg[X86_CS].attr & X86_ATTR_L);
}

#endif
