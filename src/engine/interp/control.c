/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control.c: control and debug registers, XCR0, TLB invalidation (SDM vol. 3 ch. 2, 17; vol. 2 MOV CR, MOV DR,
 * INVPCID). Which CR4 bits exist is the counterpart of what x86/cpuid.c offers.
 */
#include "engine/interp/system.h"

#define CR0_DEFINED                                                                                          \
    (X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_ET | X86_CR0_NE | X86_CR0_WP | X86_CR0_AM | \
     X86_CR0_NW | X86_CR0_CD | X86_CR0_PG)
#define CR4_DEFINED                                                                                                    \
    (X86_CR4_TSD | X86_CR4_DE | X86_CR4_PSE | X86_CR4_PAE | X86_CR4_MCE | X86_CR4_PGE | X86_CR4_PCE | X86_CR4_OSFXSR | \
     X86_CR4_OSXMMEXCPT | X86_CR4_FSGSBASE | X86_CR4_PCIDE | X86_CR4_OSXSAVE | X86_CR4_SMEP | X86_CR4_SMAP)

static _Noreturn void gp(struct interp_vcpu *v)
{
    interp_raise_error(v, X86_EXC_GP, 0);
}

static void write_cr0(struct interp_vcpu *v, uint64_t value)
{
    struct x86_cpu *cpu = &v->cpu;
    uint64_t changed = cpu->cr0 ^ value;
    if (value >> 32 || ((value & X86_CR0_PG) && !(value & X86_CR0_PE)) ||
        ((value & X86_CR0_NW) && !(value & X86_CR0_CD)))
        gp(v);
    value = (value & CR0_DEFINED) | X86_CR0_ET;
    if (changed & X86_CR0_PG) {
        if (value & X86_CR0_PG) {
            if (cpu->efer & X86_EFER_LME) {
                if (!(cpu->cr4 & X86_CR4_PAE) || (cpu->seg[X86_CS].attr & X86_ATTR_L))
                    gp(v);
                cpu->efer |= X86_EFER_LMA;
            }
        } else {
            if (v->code_mode == X86_MODE_64 || (cpu->cr4 & X86_CR4_PCIDE))
                gp(v);
            cpu->efer &= ~(uint64_t)X86_EFER_LMA;
        }
    }
    cpu->cr0 = value;
    if (changed & (X86_CR0_PG | X86_CR0_WP)) /* not PE: boot loaders change that for each call of the BIOS */
        interp_flush_tlb(v);
    interp_mode_changed(v);
}

static void write_cr3(struct interp_vcpu *v, uint64_t value)
{
    uint64_t keep = v->cpu.cr4 & X86_CR4_PCIDE ? 1ull << 63 : 0;
    if (x86_long_mode(&v->cpu) && (value & ~keep) >> X86_PHYS_BITS)
        gp(v);
    interp_load_cr3(v, value);
}

static void write_cr4(struct interp_vcpu *v, uint64_t value)
{
    struct x86_cpu *cpu = &v->cpu;
    uint64_t changed = cpu->cr4 ^ value;
    if (value & ~(uint64_t)CR4_DEFINED)
        gp(v);
    if (x86_long_mode(cpu) && !(value & X86_CR4_PAE))
        gp(v);
    if ((changed & value & X86_CR4_PCIDE) && (!x86_long_mode(cpu) || (cpu->cr3 & 0xfff)))
        gp(v);
    cpu->cr4 = value;
    if (changed & X86_CR4_PCIDE) /* the one space in use becomes PCID 0's: CR3 says so, or had none */
        interp_load_cr3(v, cpu->cr3);
    if (changed & (X86_CR4_PSE | X86_CR4_PAE | X86_CR4_PGE | X86_CR4_PCIDE | X86_CR4_SMEP | X86_CR4_SMAP))
        interp_flush_tlb(v);
    interp_mode_changed(v);
}

void interp_mov_cr(struct interp_vcpu *v, const struct x86_insn *insn)
{
    struct x86_cpu *cpu = &v->cpu;
    unsigned size = insn->mode == X86_MODE_64 ? 8 : 4, which = insn->reg;
    uint64_t value = 0;
    if (insn->prefix_lock)
        which |= 8; /* AMD's other way to CR8; #UD below for the rest */
    if (which != 0 && which != 2 && which != 3 && which != 4 && !(which == 8 && insn->mode == X86_MODE_64))
        interp_raise(v, X86_EXC_UD);
    need_cpl0(v);
    if (insn->opcode == 0x20) {
        switch (which) {
        case 0: value = cpu->cr0; break;
        case 2: value = cpu->cr2; break;
        case 3: value = cpu->cr3; break;
        case 4: value = cpu->cr4; break;
        default: value = v->host.cr8_read(v->opaque); break;
        }
        interp_set_reg(v, REG_OFFSET(insn->rm), size, value);
        return;
    }
    value = cpu->gpr[insn->rm] & bytes_ones(size);
    switch (which) {
    case 0: write_cr0(v, value); break;
    case 2: cpu->cr2 = value; break;
    case 3: write_cr3(v, value); break;
    case 4: write_cr4(v, value); break;
    default:
        if (value > 15)
            gp(v);
        v->host.cr8_write(v->opaque, value);
        break;
    }
}

void interp_mov_dr(struct interp_vcpu *v, const struct x86_insn *insn)
{
    struct x86_cpu *cpu = &v->cpu;
    unsigned size = insn->mode == X86_MODE_64 ? 8 : 4, which = insn->reg;
    if (which > 7 || ((which == 4 || which == 5) && (cpu->cr4 & X86_CR4_DE)))
        interp_raise(v, X86_EXC_UD);
    need_cpl0(v);
    if (which == 4 || which == 5)
        which += 2;
    if (cpu->dr[7] & (1u << 13)) { /* general detect */
        v->event = (struct interp_event){.valid = true, .vector = X86_EXC_DB, .dr6 = 1u << 13};
        longjmp(v->fault_exit, 1);
    }
    if (insn->opcode == 0x21) {
        interp_set_reg(v, REG_OFFSET(insn->rm), size, cpu->dr[which]);
        return;
    }
    uint64_t value = cpu->gpr[insn->rm] & bytes_ones(size);
    if (which >= 6 && value >> 32)
        gp(v);
    if (which == 6)
        value = (value & 0xe00f) | 0xffff0ff0;
    else if (which == 7)
        value = (value & 0xffff2bff) | 0x400;
    cpu->dr[which] = value;
    interp_mode_changed(v);
}

void interp_smsw(struct interp_vcpu *v, const struct x86_insn *insn)
{
    insn_set_rm(v, insn, insn->mod == 3 ? insn->operand_size : 2, v->cpu.cr0);
}

void interp_lmsw(struct interp_vcpu *v, const struct x86_insn *insn)
{
    need_cpl0(v);
    uint64_t low = insn_rm(v, insn, 2) & 15;
    write_cr0(v, (v->cpu.cr0 & ~14ull) | low);
}

void interp_clts(struct interp_vcpu *v, const struct x86_insn *insn)
{
    need_cpl0(v);
    v->cpu.cr0 &= ~(uint64_t)X86_CR0_TS;
}

void interp_invlpg(struct interp_vcpu *v, const struct x86_insn *insn)
{
    need_cpl0(v);
    unsigned seg = interp_ea_segment(insn);
    uint64_t base = insn->mode != X86_MODE_64 || seg >= X86_FS ? v->cpu.seg[seg].base : 0;
    interp_flush_page(v, (base + interp_ea(v, insn)) & v->lin_mask);
}

void interp_invpcid(struct interp_vcpu *v, const struct x86_insn *insn)
{
    uint64_t descriptor[2];
    need_cpl0(v);
    interp_load(v, insn, descriptor, 16);
    uint64_t type = v->cpu.gpr[insn->reg] & (insn->mode == X86_MODE_64 ? ~0ull : 0xffffffffu);
    if (type > 3 || (type < 2 && descriptor[0] >> 12))
        gp(v);
    if (type == 0 && (uint64_t)((int64_t)(descriptor[1] << 16) >> 16) != descriptor[1])
        gp(v);
    if (type < 2 && !(v->cpu.cr4 & X86_CR4_PCIDE) && descriptor[0])
        gp(v);
    if (type == 0 && descriptor[0] == (v->cpu.cr3 & 0xfff) && (v->cpu.cr4 & X86_CR4_PCIDE))
        interp_flush_page(v, descriptor[1]);
    else if (type < 2)
        interp_flush_pcid(v, (uint16_t)descriptor[0]);
    else
        interp_flush_tlb(v);
}

void interp_xgetbv(struct interp_vcpu *v, const struct x86_insn *insn)
{
    if (!(v->cpu.cr4 & X86_CR4_OSXSAVE))
        interp_raise(v, X86_EXC_UD);
    if ((uint32_t)v->cpu.gpr[X86_RCX] != 0)
        gp(v);
    v->cpu.gpr[X86_RAX] = (uint32_t)v->cpu.xcr0;
    v->cpu.gpr[X86_RDX] = v->cpu.xcr0 >> 32;
}

void interp_xsetbv(struct interp_vcpu *v, const struct x86_insn *insn)
{
    uint64_t value = (uint32_t)v->cpu.gpr[X86_RAX] | v->cpu.gpr[X86_RDX] << 32;
    if (!(v->cpu.cr4 & X86_CR4_OSXSAVE))
        interp_raise(v, X86_EXC_UD);
    need_cpl0(v);
    if ((uint32_t)v->cpu.gpr[X86_RCX] != 0 || !(value & 1) || (value & ~7ull) || (value & 6) == 4)
        gp(v);
    v->cpu.xcr0 = value;
}
