/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * msr.c: model-specific registers kept in struct x86_cpu, and the fast system calls that live on them. What is not
 * here the host answers (APIC base, Xen's, ...).
 */
#include "engine/interp/system.h"

#include "engine/interp/flags.h"
#include "x86/cpuid.h"

#include <immintrin.h>

static _Noreturn void gp(struct interp_vcpu *v)
{
    interp_raise_error(v, X86_EXC_GP, 0);
}

static bool canonical(uint64_t a)
{
    return (uint64_t)((int64_t)(a << 16) >> 16) == a;
}

/* MSRs that are just a word: where it is, and which bits may be set. */
static uint64_t *plain_msr(struct x86_cpu *cpu, uint32_t msr, uint64_t *writable)
{
    *writable = ~0ull;
    if (msr >= 0x200 && msr < 0x200 + 2 * X86_VARIABLE_MTRRS) {
        *writable = ((1ull << X86_PHYS_BITS) - 1) & (msr & 1 ? 0xfffffffffffff800ull : 0xfffffffffffff0ffull);
        return &cpu->mtrr_var[msr - 0x200];
    }
    if (msr >= 0x268 && msr <= 0x26f)
        return &cpu->mtrr_fixed[msr - 0x268 + 3];
    switch (msr) {
    case 0x48: *writable = 7; return &cpu->spec_ctrl;
    case 0x174: return &cpu->sysenter_cs;
    case 0x175: return &cpu->sysenter_esp;
    case 0x176: return &cpu->sysenter_eip;
    case 0x1a0: return &cpu->misc_enable;
    case 0x250: return &cpu->mtrr_fixed[0];
    case 0x258: return &cpu->mtrr_fixed[1];
    case 0x259: return &cpu->mtrr_fixed[2];
    case 0x277: return &cpu->pat;
    case 0x2ff: *writable = 0xcff; return &cpu->mtrr_def_type;
    case 0xc0000081: return &cpu->star;
    case 0xc0000082: return &cpu->lstar;
    case 0xc0000083: return &cpu->cstar;
    case 0xc0000084: *writable = 0xffffffff; return &cpu->sfmask;
    case 0xc0000100: return &cpu->seg[X86_FS].base;
    case 0xc0000101: return &cpu->seg[X86_GS].base;
    case 0xc0000102: return &cpu->kernel_gs_base;
    case 0xc0000103: *writable = 0xffffffff; return &cpu->tsc_aux;
    default: return NULL;
    }
}

static bool address_msr(uint32_t msr)
{
    return msr == 0x175 || msr == 0x176 || (msr >= 0xc0000082 && msr <= 0xc0000083) ||
           (msr >= 0xc0000100 && msr <= 0xc0000102);
}

static bool memory_types_ok(uint64_t types, bool pat)
{
    for (unsigned i = 0; i < 8; i++) {
        unsigned t = types >> (8 * i) & 0xff;
        if (t == 2 || t == 3 || t > (pat ? 7 : 6))
            return false;
    }
    return true;
}

void interp_rdmsr(struct interp_vcpu *v, const struct x86_insn *insn)
{
    uint32_t msr = (uint32_t)v->cpu.gpr[X86_RCX];
    uint64_t value = 0, writable;
    need_cpl0(v);
    const uint64_t *plain = plain_msr(&v->cpu, msr, &writable);
    if (plain) {
        value = *plain;
    } else {
        switch (msr) {
        case 0x10: value = __rdtsc() + v->cpu.tsc_offset; break;
        case 0x3b: value = v->cpu.tsc_adjust; break;
        case 0x10a: value = X86_ARCH_CAPABILITIES; break;
        case 0xfe: value = 0x500 | X86_VARIABLE_MTRRS; break; /* fixed ranges and write-combining */
        case 0xc0000080: value = v->cpu.efer; break;
        default:
            if (!v->host.msr_read(v->opaque, msr, &value))
                gp(v);
            break;
        }
    }
    v->cpu.gpr[X86_RAX] = (uint32_t)value;
    v->cpu.gpr[X86_RDX] = value >> 32;
}

static bool has_automatic_ibrs(struct interp_vcpu *v)
{
    uint32_t r[4];
    v->host.cpuid(v->opaque, 0x80000021u, 0, r);
    return r[0] >> 8 & 1;
}

static void write_efer(struct interp_vcpu *v, uint64_t value)
{
    uint64_t known = X86_EFER_SCE | X86_EFER_LME | X86_EFER_NX, lma = v->cpu.efer & X86_EFER_LMA;
    if ((value & X86_EFER_AIBRSE) && has_automatic_ibrs(v)) /* which changes nothing here */
        known |= X86_EFER_AIBRSE;
    if (value & ~(known | X86_EFER_LMA))
        gp(v);
    if (((value ^ v->cpu.efer) & X86_EFER_LME) && (v->cpu.cr0 & X86_CR0_PG))
        gp(v);
    if ((value ^ v->cpu.efer) & X86_EFER_NX)
        interp_flush_tlb(v);
    v->cpu.efer = (value & known) | lma;
    interp_mode_changed(v);
}

void interp_wrmsr(struct interp_vcpu *v, const struct x86_insn *insn)
{
    uint32_t msr = (uint32_t)v->cpu.gpr[X86_RCX];
    uint64_t value = (uint32_t)v->cpu.gpr[X86_RAX] | v->cpu.gpr[X86_RDX] << 32, writable;
    need_cpl0(v);
    uint64_t *plain = plain_msr(&v->cpu, msr, &writable);
    if (plain) {
        bool fixed_mtrr = msr >= 0x250 && msr <= 0x26f;
        if ((value & ~writable) || (address_msr(msr) && !canonical(value)) ||
            ((fixed_mtrr || msr == 0x277) && !memory_types_ok(value, msr == 0x277)))
            gp(v);
        *plain = value;
        if (msr == 0xc0000100 || msr == 0xc0000101)
            interp_segments_changed(v);
        return;
    }
    switch (msr) {
    case 0x10: {
        uint64_t offset = value - __rdtsc();
        v->cpu.tsc_adjust += offset - v->cpu.tsc_offset;
        v->cpu.tsc_offset = offset;
        break;
    }
    case 0x3b:
        v->cpu.tsc_offset += value - v->cpu.tsc_adjust;
        v->cpu.tsc_adjust = value;
        break;
    case 0x49: /* IBPB: no predictor of ours to flush */
        if (value & ~1ull)
            gp(v);
        break;
    case 0x10a:
    case 0xfe: gp(v);
    case 0xc0000080: write_efer(v, value); break;
    default:
        if (!v->host.msr_write(v->opaque, msr, value))
            gp(v);
        break;
    }
}

void interp_swapgs(struct interp_vcpu *v, const struct x86_insn *insn)
{
    need_cpl0(v);
    uint64_t base = v->cpu.seg[X86_GS].base;
    v->cpu.seg[X86_GS].base = v->seg[X86_GS].base = v->cpu.kernel_gs_base;
    v->cpu.kernel_gs_base = base;
}

/* --- system calls --- */

static void flat_segments(struct interp_vcpu *v, uint16_t cs, uint16_t ss, unsigned cpl, bool code64)
{
    uint16_t dpl = (uint16_t)(cpl << 5), common = X86_ATTR_P | X86_ATTR_S | X86_ATTR_G;
    v->cpu.seg[X86_CS] = (struct x86_seg){.selector = (uint16_t)((cs & 0xfffc) | cpl),
                                          .attr = (uint16_t)(common | dpl | 0xb | (code64 ? X86_ATTR_L : X86_ATTR_DB)),
                                          .limit = 0xffffffff};
    v->cpu.seg[X86_SS] = (struct x86_seg){.selector = (uint16_t)((ss & 0xfffc) | cpl),
                                          .attr = (uint16_t)(common | dpl | 3 | X86_ATTR_DB),
                                          .limit = 0xffffffff};
}

void interp_syscall(struct interp_vcpu *v, const struct x86_insn *insn)
{
    struct x86_cpu *cpu = &v->cpu;
    if (!(cpu->efer & X86_EFER_SCE) || insn->mode != X86_MODE_64) /* as Intel: 64-bit code only */
        interp_raise(v, X86_EXC_UD);
    cpu->gpr[X86_RCX] = cpu->rip;
    cpu->gpr[11] = cpu->rflags & ~(uint64_t)X86_RF;
    cpu->rip = cpu->lstar;
    cpu->rflags = (cpu->rflags & ~cpu->sfmask & ~(uint64_t)X86_RF) | 2;
    uint16_t cs = (uint16_t)(cpu->star >> 32);
    flat_segments(v, cs & 0xfffc, (uint16_t)((cs & 0xfffc) + 8), 0, true);
    interp_mode_changed(v);
}

void interp_sysret(struct interp_vcpu *v, const struct x86_insn *insn)
{
    struct x86_cpu *cpu = &v->cpu;
    bool to64 = insn->operand_size == 8;
    if (!(cpu->efer & X86_EFER_SCE) || insn->mode != X86_MODE_64)
        interp_raise(v, X86_EXC_UD);
    need_cpl0(v);
    if (to64 && !canonical(cpu->gpr[X86_RCX]))
        gp(v);
    uint16_t base = (uint16_t)(cpu->star >> 48);
    cpu->rip = to64 ? cpu->gpr[X86_RCX] : (uint32_t)cpu->gpr[X86_RCX];
    cpu->rflags = (cpu->gpr[11] & 0x3c7fd7) | 2;
    v->cc_op = CC_FLAGS;
    flat_segments(v, (uint16_t)(to64 ? base + 16 : base), (uint16_t)(base + 8), 3, to64);
    interp_mode_changed(v);
}

void interp_sysenter(struct interp_vcpu *v, const struct x86_insn *insn)
{
    struct x86_cpu *cpu = &v->cpu;
    if (interp_real_mode(v) || !(cpu->sysenter_cs & 0xfffc))
        gp(v);
    bool long_mode = x86_long_mode(cpu);
    cpu->rflags &= ~(uint64_t)(X86_VM | X86_IF | X86_RF);
    cpu->gpr[X86_RSP] = long_mode ? cpu->sysenter_esp : (uint32_t)cpu->sysenter_esp;
    cpu->rip = long_mode ? cpu->sysenter_eip : (uint32_t)cpu->sysenter_eip;
    uint16_t cs = cpu->sysenter_cs & 0xfffc;
    flat_segments(v, cs, (uint16_t)(cs + 8), 0, long_mode);
    interp_mode_changed(v);
}

void interp_sysexit(struct interp_vcpu *v, const struct x86_insn *insn)
{
    struct x86_cpu *cpu = &v->cpu;
    bool to64 = insn->operand_size == 8;
    if (interp_real_mode(v) || !(cpu->sysenter_cs & 0xfffc))
        gp(v);
    need_cpl0(v);
    if (to64 && (!canonical(cpu->gpr[X86_RCX]) || !canonical(cpu->gpr[X86_RDX])))
        gp(v);
    uint16_t cs = (uint16_t)((cpu->sysenter_cs & 0xfffc) + (to64 ? 32 : 16));
    cpu->gpr[X86_RSP] = to64 ? cpu->gpr[X86_RCX] : (uint32_t)cpu->gpr[X86_RCX];
    cpu->rip = to64 ? cpu->gpr[X86_RDX] : (uint32_t)cpu->gpr[X86_RDX];
    flat_segments(v, cs, (uint16_t)(cs + 8), 3, to64);
    interp_mode_changed(v);
}
