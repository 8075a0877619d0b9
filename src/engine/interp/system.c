/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * system.c: segment registers, far transfers, interrupts' flags, descriptor tables, and the other instructions that are
 * seldom in a hot loop. Control registers are in control.c, MSRs in msr.c. Each is an interp_insn_fn; those that end
 * their block find cpu.rip behind themselves and the flags committed.
 */
#include "engine/interp/system.h"

#include "engine/interp/flags.h"

#include <immintrin.h>

uint64_t insn_rm(struct interp_vcpu *v, const struct x86_insn *insn, unsigned size)
{
    uint64_t value = 0;
    if (insn->mod != 3) {
        interp_load(v, insn, &value, size);
        return value;
    }
    return v->cpu.gpr[insn->rm] & bytes_ones(size);
}

void insn_set_rm(struct interp_vcpu *v, const struct x86_insn *insn, unsigned size, uint64_t value)
{
    if (insn->mod != 3)
        interp_store(v, insn, &value, size);
    else
        interp_set_reg(v, REG_OFFSET(insn->rm), size, value);
}

void insn_set_reg(struct interp_vcpu *v, const struct x86_insn *insn, unsigned size, uint64_t value)
{
    interp_set_reg(v, REG_OFFSET(insn->reg), size, value);
}

void need_cpl0(struct interp_vcpu *v)
{
    if (x86_cpl(&v->cpu) != 0)
        interp_raise_error(v, X86_EXC_GP, 0);
}

static void need_protected(struct interp_vcpu *v)
{
    if (interp_paragraphs(v))
        interp_raise(v, X86_EXC_UD);
}

static void need_memory(struct interp_vcpu *v, const struct x86_insn *insn)
{
    if (insn->mod == 3)
        interp_raise(v, X86_EXC_UD);
}

/* --- segment registers --- */

static void load_sreg(struct interp_vcpu *v, unsigned seg, uint16_t selector)
{
    interp_load_segment(v, seg, selector);
    if (seg == X86_SS) {
        v->cpu.sti_shadow = true;
        v->attention = true;
    }
}

static void mov_to_sreg(struct interp_vcpu *v, const struct x86_insn *insn)
{
    unsigned seg = insn->reg & 7;
    if (seg == X86_CS || seg > X86_GS)
        interp_raise(v, X86_EXC_UD);
    load_sreg(v, seg, (uint16_t)insn_rm(v, insn, 2));
}

static void mov_from_sreg(struct interp_vcpu *v, const struct x86_insn *insn)
{
    unsigned seg = insn->reg & 7;
    if (seg > X86_GS)
        interp_raise(v, X86_EXC_UD);
    insn_set_rm(v, insn, insn->mod == 3 ? insn->operand_size : 2, v->cpu.seg[seg].selector);
}

static unsigned stack_operand(const struct x86_insn *insn)
{
    if (insn->mode == X86_MODE_64)
        return insn->prefix_66 && !(insn->rex & 8) ? 2 : 8;
    return insn->operand_size;
}

static unsigned pushed_seg(const struct x86_insn *insn)
{
    if (insn->map == X86_MAP_0F)
        return insn->opcode < 0xa8 ? X86_FS : X86_GS;
    return insn->opcode >> 3 & 3;
}

static void push_sreg(struct interp_vcpu *v, const struct x86_insn *insn)
{
    struct interp_stack s;
    unsigned size = stack_operand(insn);
    stack_present(v, &s);
    uint16_t selector = v->cpu.seg[pushed_seg(insn)].selector;
    if (size == 4) { /* only the low half is written */
        s.sp = (s.sp & ~s.mask) | ((s.sp - 4) & s.mask);
        interp_store_at(v, X86_SS, s.sp & s.mask, &selector, 2);
    } else {
        stack_push(v, &s, size, selector);
    }
    stack_commit_sp(v, &s);
}

static void pop_sreg(struct interp_vcpu *v, const struct x86_insn *insn)
{
    struct interp_stack s;
    unsigned seg = pushed_seg(insn);
    stack_present(v, &s);
    uint16_t selector = (uint16_t)stack_pop(v, &s, stack_operand(insn));
    load_sreg(v, seg, selector);
    stack_commit_sp(v, &s);
}

static void load_far_pointer(struct interp_vcpu *v, const struct x86_insn *insn)
{
    static const uint8_t segs[8] = {X86_ES, X86_DS, X86_SS, 0, X86_FS, X86_GS, 0, 0};
    uint8_t bytes[10];
    unsigned size = insn->operand_size;
    need_memory(v, insn);
    interp_load(v, insn, bytes, size + 2);
    unsigned seg = insn->map == X86_MAP_1B ? (insn->opcode == 0xc4 ? X86_ES : X86_DS) : segs[insn->opcode & 7];
    uint64_t offset = 0;
    memcpy(&offset, bytes, size);
    load_sreg(v, seg, load_le16(bytes + size));
    insn_set_reg(v, insn, size, offset);
}

/* --- far transfers --- */

static void far_direct(struct interp_vcpu *v, const struct x86_insn *insn)
{
    uint64_t offset = (uint64_t)insn->imm & bytes_ones(insn->operand_size);
    if (insn->opcode == 0xea)
        interp_far_jump(v, insn->imm2, offset, insn->operand_size);
    else
        interp_far_call(v, insn->imm2, offset, insn->operand_size, v->cpu.rip);
}

static void far_indirect(struct interp_vcpu *v, const struct x86_insn *insn)
{
    uint8_t bytes[10];
    unsigned size = insn->operand_size;
    uint64_t offset = 0;
    need_memory(v, insn);
    interp_load(v, insn, bytes, size + 2);
    memcpy(&offset, bytes, size);
    if ((insn->reg & 7) == 5)
        interp_far_jump(v, load_le16(bytes + size), offset, size);
    else
        interp_far_call(v, load_le16(bytes + size), offset, size, v->cpu.rip);
}

static void far_return(struct interp_vcpu *v, const struct x86_insn *insn)
{
    interp_far_return(v, insn->operand_size, insn->opcode == 0xca ? (uint16_t)insn->imm : 0);
}

static void iret(struct interp_vcpu *v, const struct x86_insn *insn)
{
    interp_iret(v, insn->operand_size);
}

/* --- IF, HLT --- */

static void check_if_right(struct interp_vcpu *v)
{
    if (!interp_real_mode(v) && x86_cpl(&v->cpu) > (v->cpu.rflags & X86_IOPL) >> 12)
        interp_raise_error(v, X86_EXC_GP, 0);
}

static void cli(struct interp_vcpu *v, const struct x86_insn *insn)
{
    check_if_right(v);
    v->cpu.rflags &= ~(uint64_t)X86_IF;
    interp_if_changed(v);
}

static void sti(struct interp_vcpu *v, const struct x86_insn *insn)
{
    check_if_right(v);
    if (!(v->cpu.rflags & X86_IF)) {
        v->cpu.rflags |= X86_IF;
        interp_if_changed(v);
        v->cpu.sti_shadow = true;
        v->attention = true;
    }
}

static void hlt(struct interp_vcpu *v, const struct x86_insn *insn)
{
    need_cpl0(v);
    v->cpu.activity = X86_HALTED;
    v->attention = true;
}

/* --- descriptor tables --- */

static void store_table(struct interp_vcpu *v, const struct x86_insn *insn)
{
    const struct x86_table *t = (insn->reg & 7) == 0 ? &v->cpu.gdtr : &v->cpu.idtr;
    uint8_t bytes[10];
    store_le16(bytes, t->limit);
    store_le64(bytes + 2, t->base);
    interp_store(v, insn, bytes, insn->mode == X86_MODE_64 ? 10 : 6);
}

static void load_table(struct interp_vcpu *v, const struct x86_insn *insn)
{
    struct x86_table *t = (insn->reg & 7) == 2 ? &v->cpu.gdtr : &v->cpu.idtr;
    uint8_t bytes[10] = {0};
    need_cpl0(v);
    interp_load(v, insn, bytes, insn->mode == X86_MODE_64 ? 10 : 6);
    uint64_t base = load_le64(bytes + 2);
    if (insn->mode == X86_MODE_64 && (uint64_t)((int64_t)(base << 16) >> 16) != base)
        interp_raise_error(v, X86_EXC_GP, 0);
    if (insn->mode != X86_MODE_64)
        base &= insn->operand_size == 2 ? 0xffffff : 0xffffffff;
    t->limit = load_le16(bytes);
    t->base = base;
}

static void group6(struct interp_vcpu *v, const struct x86_insn *insn)
{
    unsigned digit = insn->reg & 7;
    struct descriptor d;
    need_protected(v);
    if (digit < 2) {
        uint16_t selector = v->cpu.seg[digit == 0 ? X86_LDTR : X86_TR].selector;
        insn_set_rm(v, insn, insn->mod == 3 ? insn->operand_size : 2, selector);
        return;
    }
    if (digit > 5)
        interp_raise(v, X86_EXC_UD);
    if (digit < 4)
        need_cpl0(v);
    uint16_t selector = (uint16_t)insn_rm(v, insn, 2);
    if (digit == 2) {
        interp_load_ldt(v, selector);
    } else if (digit == 3) {
        interp_load_tr(v, selector);
    } else {
        bool ok = descriptor_peek(v, selector, &d);
        uint16_t attr = ok ? descriptor_attr(&d) : 0;
        bool code = attr & 8, conforming = code && (attr & 4);
        unsigned cpl = x86_cpl(&v->cpu), rpl = selector & 3;
        ok = ok && (attr & X86_ATTR_S) && (conforming || (attr_dpl(attr) >= cpl && attr_dpl(attr) >= rpl));
        ok = ok && (digit == 4 ? !code || (attr & 2) : !code && (attr & 2));
        cc_set(v, (cc_arith(v) & ~X86_ZF) | (ok ? X86_ZF : 0));
    }
}

static void lar_lsl(struct interp_vcpu *v, const struct x86_insn *insn)
{
    /* Types of system descriptors that each accepts, by bit. */
    static const uint16_t lar_types = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 9 | 1 << 11 | 1 << 12;
    static const uint16_t lsl_types = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 9 | 1 << 11;
    static const uint16_t lar64_types = 1 << 2 | 1 << 9 | 1 << 11 | 1 << 12, lsl64_types = 1 << 2 | 1 << 9 | 1 << 11;
    bool lar = insn->opcode == 0x02, long_mode = x86_long_mode(&v->cpu);
    struct descriptor d;
    need_protected(v);
    uint16_t selector = (uint16_t)insn_rm(v, insn, 2);
    bool ok = descriptor_peek(v, selector, &d);
    if (ok) {
        uint16_t attr = descriptor_attr(&d),
                 types = lar ? (long_mode ? lar64_types : lar_types) : (long_mode ? lsl64_types : lsl_types);
        unsigned cpl = x86_cpl(&v->cpu), rpl = selector & 3;
        bool conforming = (attr & 0x1c) == 0x1c;
        if (!(attr & X86_ATTR_S))
            ok = types >> (attr & 15) & 1;
        ok = ok && (conforming || (attr_dpl(attr) >= cpl && attr_dpl(attr) >= rpl));
    }
    cc_set(v, (cc_arith(v) & ~X86_ZF) | (ok ? X86_ZF : 0));
    if (ok)
        insn_set_reg(v, insn, insn->operand_size, lar ? d.low >> 32 & 0xffff00 : descriptor_limit(&d));
}

static void arpl(struct interp_vcpu *v, const struct x86_insn *insn)
{
    need_protected(v);
    uint16_t rm = (uint16_t)insn_rm(v, insn, 2);
    unsigned rpl = v->cpu.gpr[insn->reg] & 3;
    bool raise = (rm & 3u) < rpl;
    if (raise)
        insn_set_rm(v, insn, 2, (rm & 0xfffcu) | rpl);
    cc_set(v, (cc_arith(v) & ~X86_ZF) | (raise ? X86_ZF : 0));
}

static void bound(struct interp_vcpu *v, const struct x86_insn *insn)
{
    uint64_t pair[2] = {0, 0};
    unsigned size = insn->operand_size;
    uint8_t bytes[8];
    need_memory(v, insn);
    interp_load(v, insn, bytes, 2 * size);
    memcpy(&pair[0], bytes, size);
    memcpy(&pair[1], bytes + size, size);
    int64_t index = interp_extend(v->cpu.gpr[insn->reg], size);
    if (index < interp_extend(pair[0], size) || index > interp_extend(pair[1], size))
        interp_raise(v, X86_EXC_BR);
}

/* --- information and time --- */

static void cpuid(struct interp_vcpu *v, const struct x86_insn *insn)
{
    uint32_t out[4];
    v->host.cpuid(v->opaque, (uint32_t)v->cpu.gpr[X86_RAX], (uint32_t)v->cpu.gpr[X86_RCX], out);
    v->cpu.gpr[X86_RAX] = out[0];
    v->cpu.gpr[X86_RBX] = out[1];
    v->cpu.gpr[X86_RCX] = out[2];
    v->cpu.gpr[X86_RDX] = out[3];
}

static void rdtsc(struct interp_vcpu *v, const struct x86_insn *insn)
{
    if ((v->cpu.cr4 & X86_CR4_TSD) && x86_cpl(&v->cpu) != 0)
        interp_raise_error(v, X86_EXC_GP, 0);
    uint64_t tsc = __rdtsc() + v->cpu.tsc_offset;
    v->cpu.gpr[X86_RAX] = (uint32_t)tsc;
    v->cpu.gpr[X86_RDX] = tsc >> 32;
    if (insn->opcode == 0x01)
        v->cpu.gpr[X86_RCX] = (uint32_t)v->cpu.tsc_aux;
}

static void random_number(struct interp_vcpu *v, const struct x86_insn *insn)
{
    unsigned long long value = 0;
    bool ok, seed = (insn->reg & 7) == 7;
    if (insn->prefix_rep)
        interp_raise(v, X86_EXC_UD);
    if (seed)
        __asm__ volatile("rdseed %0" : "=r"(value), "=@ccc"(ok));
    else
        __asm__ volatile("rdrand %0" : "=r"(value), "=@ccc"(ok));
    interp_set_reg(v, REG_OFFSET(insn->rm), insn->operand_size, ok ? value : 0);
    cc_set(v, ok ? X86_CF : 0);
}

static void general_protection(struct interp_vcpu *v, const struct x86_insn *insn)
{
    interp_raise_error(v, X86_EXC_GP, 0);
}

static void need_cpl0_nop(struct interp_vcpu *v, const struct x86_insn *insn)
{
    need_cpl0(v);
}

static void touch(struct interp_vcpu *v, const struct x86_insn *insn) /* CLFLUSH: faults like a load of a byte */
{
    uint8_t byte;
    interp_load(v, insn, &byte, 1);
}

static void hypercall(struct interp_vcpu *v, const struct x86_insn *insn)
{
    const struct interp_op *op = v->op;
    v->op = NULL; /* it has happened: nothing to blame on it */
    v->host.hypercall(v->opaque, &v->cpu);
    v->op = op;
    v->attention = true;
}

static void fsgsbase(struct interp_vcpu *v, const struct x86_insn *insn)
{
    unsigned digit = insn->reg & 7, seg = digit & 1 ? X86_GS : X86_FS;
    if (!(v->cpu.cr4 & X86_CR4_FSGSBASE) || insn->mode != X86_MODE_64)
        interp_raise(v, X86_EXC_UD);
    if (digit < 2) {
        interp_set_reg(v, REG_OFFSET(insn->rm), insn->operand_size, v->cpu.seg[seg].base);
        return;
    }
    uint64_t base = v->cpu.gpr[insn->rm] & bytes_ones(insn->operand_size);
    if ((uint64_t)((int64_t)(base << 16) >> 16) != base)
        interp_raise_error(v, X86_EXC_GP, 0);
    v->cpu.seg[seg].base = v->seg[seg].base = base;
}

static void set_ac(struct interp_vcpu *v, const struct x86_insn *insn)
{
    if (!(v->cpu.cr4 & X86_CR4_SMAP) || x86_cpl(&v->cpu) != 0)
        interp_raise(v, X86_EXC_UD);
    if (insn->modrm & 1)
        v->cpu.rflags |= X86_AC;
    else
        v->cpu.rflags &= ~(uint64_t)X86_AC;
    if (!v->watch)
        interp_set_bank(v, insn->modrm & 1 ? INTERP_BANK_KERNEL_AC : INTERP_BANK_KERNEL);
}

/* --- which is which --- */

static interp_insn_fn decode_0f01(const struct x86_insn *insn, bool *ends)
{
    *ends = true;
    if (insn->mod == 3) {
        switch (insn->modrm) {
        case 0xc1:
        case 0xd9: return insn->prefix_66 || insn->prefix_rep ? NULL : hypercall;
        case 0xca:
        case 0xcb: *ends = false; return insn->prefix_66 || insn->prefix_rep ? NULL : set_ac;
        case 0xd0: *ends = false; return insn->prefix_66 || insn->prefix_rep ? NULL : interp_xgetbv;
        case 0xd1: return insn->prefix_66 || insn->prefix_rep ? NULL : interp_xsetbv;
        case 0xf8: *ends = false; return insn->mode == X86_MODE_64 ? interp_swapgs : NULL;
        case 0xf9: *ends = false; return rdtsc;
        default: break;
        }
    }
    switch (insn->reg & 7) {
    case 0:
    case 1: *ends = false; return insn->mod == 3 ? NULL : store_table;
    case 2:
    case 3: return insn->mod == 3 ? NULL : load_table;
    case 4: *ends = false; return interp_smsw;
    case 6: return interp_lmsw;
    case 7: return insn->mod == 3 ? NULL : interp_invlpg;
    default: return NULL;
    }
}

static interp_insn_fn decode_0fae(const struct x86_insn *insn, bool *ends)
{
    unsigned digit = insn->reg & 7;
    *ends = false;
    if (insn->mod == 3 && insn->prefix_rep == 0xf3 && digit < 4)
        return insn->mode == X86_MODE_64 ? fsgsbase : NULL;
    if (insn->mod != 3 && digit == 7 && !insn->prefix_rep)
        return touch; /* CLFLUSH, CLFLUSHOPT */
    return NULL;
}

static interp_insn_fn decode_0f(const struct x86_insn *insn, bool *ends)
{
    *ends = true;
    switch (insn->opcode) {
    case 0x00: return group6;
    case 0x01: return decode_0f01(insn, ends);
    case 0x02:
    case 0x03: *ends = false; return lar_lsl;
    case 0x05: return interp_syscall;
    case 0x06: return interp_clts;
    case 0x07: return interp_sysret;
    case 0x08:
    case 0x09: *ends = false; return need_cpl0_nop;
    case 0x20:
    case 0x22: return interp_mov_cr;
    case 0x21:
    case 0x23: return interp_mov_dr;
    case 0x30: return interp_wrmsr;
    case 0x31: *ends = false; return rdtsc;
    case 0x32: *ends = false; return interp_rdmsr;
    case 0x33: *ends = false; return general_protection; /* RDPMC: no counters */
    case 0x34: return interp_sysenter;
    case 0x35: return interp_sysexit;
    case 0xa0:
    case 0xa8: *ends = false; return push_sreg;
    case 0xa1:
    case 0xa9: *ends = false; return pop_sreg;
    case 0xa2: *ends = false; return cpuid;
    case 0xae: return decode_0fae(insn, ends);
    case 0xb2: return load_far_pointer;
    case 0xb4:
    case 0xb5: *ends = false; return load_far_pointer;
    case 0xc7: *ends = false; return insn->mod == 3 && (insn->reg & 7) >= 6 ? random_number : NULL;
    default: return NULL;
    }
}

interp_insn_fn interp_system_decode(const struct x86_insn *insn, bool *ends)
{
    *ends = true;
    if (insn->map == X86_MAP_0F)
        return decode_0f(insn, ends);
    if (insn->map == X86_MAP_0F38)
        return insn->opcode == 0x82 && insn->prefix_66 && insn->mod != 3 ? interp_invpcid : NULL;
    if (insn->map != X86_MAP_1B)
        return NULL;
    switch (insn->opcode) {
    case 0x06:
    case 0x0e:
    case 0x16:
    case 0x1e: *ends = false; return push_sreg;
    case 0x07:
    case 0x1f: *ends = false; return pop_sreg;
    case 0x17: return pop_sreg;
    case 0x62: *ends = false; return bound;
    case 0x63: *ends = false; return insn->mode == X86_MODE_64 ? NULL : arpl;
    case 0x8c: *ends = false; return mov_from_sreg;
    case 0x8e: *ends = (insn->reg & 7) == X86_SS; return mov_to_sreg;
    case 0x9a:
    case 0xea: return far_direct;
    case 0xc4:
    case 0xc5: *ends = false; return load_far_pointer;
    case 0xca:
    case 0xcb: return far_return;
    case 0xcf: return iret;
    case 0xf4: return hlt;
    case 0xfa: *ends = false; return cli;
    case 0xfb: return sti;
    case 0xff: return (insn->reg & 7) == 3 || (insn->reg & 7) == 5 ? far_indirect : NULL;
    default: return NULL;
    }
}
