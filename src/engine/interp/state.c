/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state.c: what the interpreter derives from the architectural state: code size, masks, the TLB bank, segment windows.
 */
#include "engine/interp/interp.h"

#include "engine/interp/access.h"

static void set_window(struct interp_segment *s, uint64_t lo, uint64_t read_end, uint64_t write_end)
{
    s->lo = lo;
    s->read_end = read_end;
    s->write_end = write_end;
    s->narrow = lo != 0 || read_end != 1ull << 32 || write_end != 1ull << 32;
    s->plain_end[0] = lo ? 0 : read_end;
    s->plain_end[1] = lo ? 0 : write_end;
    s->minus_end[0] = -s->plain_end[0];
    s->minus_end[1] = -s->plain_end[1];
}

static void set_segment(struct interp_vcpu *v, unsigned i)
{
    const struct x86_seg *from = &v->cpu.seg[i];
    struct interp_segment *s = &v->seg[i];
    bool code = from->attr & 8, rw = from->attr & 2, down = !code && (from->attr & 4);
    uint64_t end = (uint64_t)from->limit + 1;
    s->base = from->base;
    if (v->code_mode == X86_MODE_64) {
        s->base = i >= X86_FS ? from->base : 0;
        set_window(s, 0, ~0ull, ~0ull);
    } else if (!(v->cpu.cr0 & X86_CR0_PE) || (v->cpu.rflags & X86_VM)) {
        set_window(s, 0, end, end);
    } else if (!(from->attr & X86_ATTR_P)) {
        set_window(s, 0, 0, 0);
    } else if (down) {
        uint64_t top = from->attr & X86_ATTR_DB ? 0x100000000u : 0x10000;
        set_window(s, end, top, rw ? top : 0);
    } else {
        set_window(s, 0, !code || rw ? end : 0, !code && rw ? end : 0);
    }
}

static bool flat32(const struct interp_vcpu *v)
{
    const struct x86_seg *cs = &v->cpu.seg[X86_CS];
    static const uint8_t data[] = {X86_ES, X86_SS, X86_DS};
    if (v->code_mode != X86_MODE_32 || !(v->cpu.cr0 & X86_CR0_PE) || (v->cpu.rflags & X86_VM) || cs->base ||
        cs->limit != 0xffffffffu || !(v->cpu.seg[X86_SS].attr & X86_ATTR_DB))
        return false;
    for (unsigned i = 0; i < ARRAY_SIZE(data); i++) {
        if (v->seg[data[i]].base || v->seg[data[i]].narrow)
            return false;
    }
    return true;
}

static enum interp_shape shape_of(const struct interp_vcpu *v)
{
    const struct x86_seg *cs = &v->cpu.seg[X86_CS];
    const unsigned stack = v->stack_mask == 0xffff ? 0 : INTERP_STACK32;
    if (v->code_mode == X86_MODE_64)
        return INTERP_LONG;
    if (flat32(v))
        return INTERP_FLAT32;
    if (v->code_mode == X86_MODE_16 && cs->limit > 0xffff)
        return INTERP_WIDE16 + stack;
    return ((cs->base | ((uint64_t)cs->limit + 1)) & PAGE_MASK_4K ? INTERP_UNEVEN : INTERP_SEGMENTED) + stack;
}

/* Legacy addresses have these bits clear. */
static uint64_t shape_salt(const struct interp_vcpu *v)
{
    return (uint64_t)v->shape << 40;
}

void interp_segments_changed(struct interp_vcpu *v)
{
    const bool long_windows = v->code_mode == X86_MODE_64;
    if (long_windows && v->long_windows) { /* nothing else matters there */
        v->seg[X86_FS].base = v->cpu.seg[X86_FS].base;
        v->seg[X86_GS].base = v->cpu.seg[X86_GS].base;
        return;
    }
    v->long_windows = long_windows;
    for (unsigned i = X86_ES; i <= X86_GS; i++)
        set_segment(v, i);
    v->jump_salt ^= shape_salt(v);
    v->shape = shape_of(v);
    v->jump_salt ^= shape_salt(v);
}

static uint64_t with_field(const struct interp_entry *table)
{
    return (uintptr_t)table | INTERP_TLB_BITS << 8 | PAGE_SHIFT_4K;
}

void interp_set_bank(struct interp_vcpu *v, enum interp_bank bank)
{
    bank = unlikely(v->copy_of != NULL) ? INTERP_BANK_SLOW : bank; /* nothing is to pass by interp_translate() */
    v->bank = (uint8_t)bank;
    v->space = interp_space_of(v, bank);
    v->table = v->space->table;
    v->table_and_field = with_field(v->table);
    v->exec_generation = v->spaces[v->user ? v->user_space : INTERP_SPACE_KERNEL].generation;
    v->direct = bank == INTERP_BANK_USER && v->space->direct;
    v->slow_used = v->slow_used || bank == INTERP_BANK_SLOW;
    /* Bit 52 is never set, so that no salt is another's complement (the two halves of canonical space). */
    v->jump_salt = (uint64_t)(v->code_mode + 1) << 48 | (uint64_t)bank << 50 | (uint64_t)v->user << 53 |
                   (uint64_t)v->space->generation << 54 | shape_salt(v);
}

void interp_heed_table(struct interp_vcpu *v)
{
    if (likely(v->table_and_field == with_field(v->table)))
        return;
    interp_set_bank(v, v->table_and_field == with_field(v->spaces[INTERP_SPACE_KERNEL_AC].table) ? INTERP_BANK_KERNEL_AC
                                                                                                 : INTERP_BANK_KERNEL);
}

void interp_mode_changed(struct interp_vcpu *v)
{
    struct x86_cpu *cpu = &v->cpu;
    uint16_t cs = cpu->seg[X86_CS].attr;
    bool user = x86_cpl(cpu) == 3, ac = (cpu->rflags & X86_AC) != 0;
    v->code_mode = x86_code64(cpu) ? X86_MODE_64 : cs & X86_ATTR_DB ? X86_MODE_32 : X86_MODE_16;
    v->lin_mask = v->code_mode == X86_MODE_64 ? ~0ull : 0xffffffffu;
    v->stack_mask = v->code_mode == X86_MODE_64 ? ~0ull : cpu->seg[X86_SS].attr & X86_ATTR_DB ? 0xffffffffu : 0xffff;
    v->cs_limited = v->code_mode != X86_MODE_64 && cpu->seg[X86_CS].limit != 0xffffffffu;

    v->watch = v->exec_watch = false;
    for (unsigned i = 0; i < 4 && (cpu->dr[7] & 0xff); i++) {
        if (!(cpu->dr[7] >> (2 * i) & 3))
            continue;
        if (cpu->dr[7] >> (16 + 4 * i) & 3)
            v->watch = true;
        else
            v->exec_watch = true;
    }
    v->single = v->watch || v->exec_watch || (cpu->rflags & (X86_TF | X86_RF)) || v->tracing;
    interp_if_changed(v);
    v->attention = v->attention || v->single;

    v->cs_base = v->code_mode == X86_MODE_64 ? 0 : cpu->seg[X86_CS].base;
    v->user_entries += user && !v->user;
    v->user = user;
    v->unprivileged = x86_cpl(cpu) != 0;
    const bool switches = !v->watch && !v->unprivileged && (cpu->cr4 & X86_CR4_SMAP);
    v->ac_table[0] = switches ? with_field(v->spaces[INTERP_SPACE_KERNEL].table) : 0;
    v->ac_table[1] = switches ? with_field(v->spaces[INTERP_SPACE_KERNEL_AC].table) : 0;
    if (v->watch || (user && ac && (cpu->cr0 & X86_CR0_AM)))
        interp_set_bank(v, INTERP_BANK_SLOW);
    else if (user)
        interp_set_bank(v, INTERP_BANK_USER);
    else if (ac && (cpu->cr4 & X86_CR4_SMAP))
        interp_set_bank(v, INTERP_BANK_KERNEL_AC);
    else
        interp_set_bank(v, INTERP_BANK_KERNEL);
    interp_segments_changed(v);
}
