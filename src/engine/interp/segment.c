/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * segment.c: descriptors and loads of segment registers, LDTR and TR, with their checks (SDM vol. 3, 5.4 to 5.6).
 */
#include "engine/interp/segment.h"

#include "engine/interp/access.h"

#include <stdatomic.h>

uint16_t descriptor_attr(const struct descriptor *d)
{
    return (uint16_t)((d->low >> 40 & 0xff) | (d->low >> 44 & 0xf00));
}

uint32_t descriptor_limit(const struct descriptor *d)
{
    uint32_t limit = (uint32_t)((d->low & 0xffff) | (d->low >> 32 & 0xf0000));
    return d->low >> 55 & 1 ? limit << 12 | 0xfff : limit;
}

uint64_t descriptor_base(const struct descriptor *d)
{
    return (d->low >> 16 & 0xffffff) | (d->low >> 32 & 0xff000000);
}

static bool table_of(const struct interp_vcpu *v, uint16_t selector, unsigned bytes, gva_t *at)
{
    uint64_t base = v->cpu.gdtr.base, limit = v->cpu.gdtr.limit, offset = selector & 0xfff8u;
    if (selector & 4) {
        if (!(v->cpu.seg[X86_LDTR].attr & X86_ATTR_P))
            return false;
        base = v->cpu.seg[X86_LDTR].base;
        limit = v->cpu.seg[X86_LDTR].limit;
    }
    *at = base + offset;
    if (!x86_long_mode(&v->cpu))
        *at = (uint32_t)*at;
    return offset + bytes - 1 <= limit;
}

void descriptor_read(struct interp_vcpu *v, uint16_t selector, struct descriptor *d, unsigned vector)
{
    if (!table_of(v, selector, 8, &d->at))
        interp_raise_error(v, vector, selector & 0xfffcu);
    interp_read_lin(v, d->at, &d->low, 8, X86_ACCESS_IMPLICIT);
    d->high = 0;
}

bool descriptor_peek(struct interp_vcpu *v, uint16_t selector, struct descriptor *d)
{
    if (!(selector & 0xfffc) || !table_of(v, selector, 8, &d->at))
        return false;
    interp_read_lin(v, d->at, &d->low, 8, X86_ACCESS_IMPLICIT);
    d->high = 0;
    return true;
}

void descriptor_read_high(struct interp_vcpu *v, uint16_t selector, struct descriptor *d, unsigned vector)
{
    gva_t at;
    if (!table_of(v, selector, 16, &at))
        interp_raise_error(v, vector, selector & 0xfffcu);
    interp_read_lin(v, at + 8, &d->high, 8, X86_ACCESS_IMPLICIT);
}

void descriptor_set_type_bit(struct interp_vcpu *v, const struct descriptor *d, uint8_t bit, bool on)
{
    struct interp_page page;
    interp_translate(v, d->at + 5, X86_ACCESS_IMPLICIT | X86_ACCESS_WRITE, &page);
    if (!page.host || (page.flags & MEMORY_READONLY))
        return;
    if (on)
        atomic_fetch_or((_Atomic uint8_t *)page.host, bit);
    else
        atomic_fetch_and((_Atomic uint8_t *)page.host, (uint8_t)~bit);
    if (page.flags & (MEMORY_LOGGED | MEMORY_CODE))
        interp_wrote(v, &page, 1);
}

void descriptor_set_accessed(struct interp_vcpu *v, struct descriptor *d)
{
    if (d->low >> 40 & 1)
        return;
    descriptor_set_type_bit(v, d, 1, true);
    d->low |= 1ull << 40;
}

void descriptor_to_seg(const struct descriptor *d, uint16_t selector, struct x86_seg *seg)
{
    seg->selector = selector;
    seg->attr = descriptor_attr(d);
    seg->limit = descriptor_limit(d);
    seg->base = descriptor_base(d);
}

void interp_set_paragraph(struct interp_vcpu *v, unsigned seg, uint16_t selector)
{
    struct x86_seg *s = &v->cpu.seg[seg];
    s->selector = selector;
    s->base = (uint64_t)selector << 4;
    if (interp_v86(v)) {
        s->limit = 0xffff;
        s->attr = X86_ATTR_P | X86_ATTR_S | X86_ATTR_DPL | 3;
    } else { /* the limit and size stay, which is what "unreal" mode lives on */
        s->attr = (uint16_t)((s->attr & (X86_ATTR_DB | X86_ATTR_G | X86_ATTR_AVL)) | X86_ATTR_P | X86_ATTR_S | 3);
    }
}

void interp_check_stack(struct interp_vcpu *v, uint16_t selector, unsigned cpl, unsigned vector, struct x86_seg *out)
{
    struct descriptor d;
    uint32_t error = selector & 0xfffcu;
    if (!error) {
        if (v->code_mode != X86_MODE_64 || cpl == 3 || (selector & 3u) != cpl)
            interp_raise_error(v, vector, 0);
        *out = (struct x86_seg){.selector = selector, .attr = (uint16_t)(cpl << 5)};
        return;
    }
    descriptor_read(v, selector, &d, vector);
    uint16_t attr = descriptor_attr(&d);
    if ((selector & 3u) != cpl || attr_dpl(attr) != cpl || !(attr & X86_ATTR_S) || (attr & 0xa) != 2)
        interp_raise_error(v, vector, error);
    if (!(attr & X86_ATTR_P))
        interp_raise_error(v, X86_EXC_SS, error);
    descriptor_set_accessed(v, &d);
    descriptor_to_seg(&d, selector, out);
}

static void load_protected(struct interp_vcpu *v, unsigned seg, uint16_t selector)
{
    struct descriptor d;
    unsigned cpl = x86_cpl(&v->cpu), rpl = selector & 3;
    uint32_t error = selector & 0xfffcu;
    if (seg == X86_SS) {
        struct x86_seg ss;
        interp_check_stack(v, selector, cpl, X86_EXC_GP, &ss);
        v->cpu.seg[X86_SS] = ss;
        return;
    }
    if (!error) {
        v->cpu.seg[seg] = (struct x86_seg){.selector = selector};
        return;
    }
    descriptor_read(v, selector, &d, X86_EXC_GP);
    uint16_t attr = descriptor_attr(&d);
    bool code = attr & 8, conforming = code && (attr & 4);
    if (!(attr & X86_ATTR_S) || (code && !(attr & 2)))
        interp_raise_error(v, X86_EXC_GP, error);
    if (!conforming && (attr_dpl(attr) < cpl || attr_dpl(attr) < rpl))
        interp_raise_error(v, X86_EXC_GP, error);
    if (!(attr & X86_ATTR_P))
        interp_raise_error(v, X86_EXC_NP, error);
    descriptor_set_accessed(v, &d);
    descriptor_to_seg(&d, selector, &v->cpu.seg[seg]);
}

void interp_load_segment(struct interp_vcpu *v, unsigned seg, uint16_t selector)
{
    if (interp_paragraphs(v))
        interp_set_paragraph(v, seg, selector);
    else
        load_protected(v, seg, selector);
    if (seg == X86_SS)
        interp_mode_changed(v);
    else
        interp_segments_changed(v);
}

void interp_load_ldt(struct interp_vcpu *v, uint16_t selector)
{
    struct descriptor d;
    if (!(selector & 0xfffc)) {
        v->cpu.seg[X86_LDTR] = (struct x86_seg){.selector = selector};
        return;
    }
    if (selector & 4)
        interp_raise_error(v, X86_EXC_GP, selector & 0xfffcu);
    descriptor_read(v, selector, &d, X86_EXC_GP);
    uint16_t attr = descriptor_attr(&d);
    if ((attr & (X86_ATTR_S | X86_ATTR_TYPE)) != SYS_LDT)
        interp_raise_error(v, X86_EXC_GP, selector & 0xfffcu);
    if (!(attr & X86_ATTR_P))
        interp_raise_error(v, X86_EXC_NP, selector & 0xfffcu);
    if (x86_long_mode(&v->cpu))
        descriptor_read_high(v, selector, &d, X86_EXC_GP);
    descriptor_to_seg(&d, selector, &v->cpu.seg[X86_LDTR]);
    v->cpu.seg[X86_LDTR].base |= d.high << 32;
}

void interp_load_tr(struct interp_vcpu *v, uint16_t selector)
{
    struct descriptor d;
    if (!(selector & 0xfffc) || (selector & 4))
        interp_raise_error(v, X86_EXC_GP, selector & 0xfffcu);
    descriptor_read(v, selector, &d, X86_EXC_GP);
    uint16_t attr = descriptor_attr(&d);
    unsigned type = attr & (X86_ATTR_S | X86_ATTR_TYPE);
    if (type != SYS_TSS && (type != SYS_TSS16 || x86_long_mode(&v->cpu)))
        interp_raise_error(v, X86_EXC_GP, selector & 0xfffcu);
    if (!(attr & X86_ATTR_P))
        interp_raise_error(v, X86_EXC_NP, selector & 0xfffcu);
    if (x86_long_mode(&v->cpu))
        descriptor_read_high(v, selector, &d, X86_EXC_GP);
    descriptor_set_type_bit(v, &d, 2, true);
    d.low |= 2ull << 40;
    descriptor_to_seg(&d, selector, &v->cpu.seg[X86_TR]);
    v->cpu.seg[X86_TR].base |= d.high << 32;
}

void interp_check_code(struct interp_vcpu *v, uint16_t selector, struct descriptor *d, struct x86_seg *cs)
{
    uint16_t attr = descriptor_attr(d);
    if (!(attr & X86_ATTR_S) || !(attr & 8))
        interp_raise_error(v, X86_EXC_GP, selector & 0xfffcu);
    if (x86_long_mode(&v->cpu) && (attr & X86_ATTR_L) && (attr & X86_ATTR_DB))
        interp_raise_error(v, X86_EXC_GP, selector & 0xfffcu);
    if (!(attr & X86_ATTR_P))
        interp_raise_error(v, X86_EXC_NP, selector & 0xfffcu);
    descriptor_set_accessed(v, d);
    descriptor_to_seg(d, selector, cs);
}

/* --- stacks --- */

void stack_present(struct interp_vcpu *v, struct interp_stack *s)
{
    s->ss = v->cpu.seg[X86_SS];
    s->sp = v->cpu.gpr[X86_RSP];
    s->mask = v->stack_mask;
    s->access = interp_data_access(v);
    s->flat = v->code_mode == X86_MODE_64;
    s->fault_error = 0;
}

static gva_t stack_linear(struct interp_vcpu *v, const struct interp_stack *s, uint64_t offset, unsigned size)
{
    bool down = s->ss.attr & 4, real = interp_real_mode(v);
    if (s->flat) {
        if ((uint64_t)((int64_t)(offset << 16) >> 16) != offset)
            interp_raise_error(v, X86_EXC_SS, s->fault_error);
        return offset;
    }
    uint64_t lo = 0, end = (uint64_t)s->ss.limit + 1;
    if (down && !real && !interp_v86(v)) {
        lo = end;
        end = s->ss.attr & X86_ATTR_DB ? 0x100000000u : 0x10000;
    }
    if (offset < lo || offset + size > end)
        interp_raise_error(v, X86_EXC_SS, s->fault_error);
    return (uint32_t)(s->ss.base + offset);
}

void stack_push(struct interp_vcpu *v, struct interp_stack *s, unsigned size, uint64_t value)
{
    uint64_t offset = (s->sp - size) & s->mask;
    interp_write_lin(v, stack_linear(v, s, offset, size), &value, size, s->access);
    s->sp = (s->sp & ~s->mask) | offset;
}

uint64_t stack_pop(struct interp_vcpu *v, struct interp_stack *s, unsigned size)
{
    uint64_t offset = s->sp & s->mask, value = 0;
    interp_read_lin(v, stack_linear(v, s, offset, size), &value, size, s->access);
    s->sp = (s->sp & ~s->mask) | ((offset + size) & s->mask);
    return value;
}

void stack_commit_sp(struct interp_vcpu *v, const struct interp_stack *s)
{
    v->cpu.gpr[X86_RSP] = s->sp;
}

uint64_t interp_tss_read(struct interp_vcpu *v, unsigned offset, unsigned size, unsigned vector)
{
    const struct x86_seg *tr = &v->cpu.seg[X86_TR];
    uint64_t value = 0;
    if (offset + size - 1 > tr->limit)
        interp_raise_error(v, vector, tr->selector & 0xfffcu);
    interp_read_lin(v, tr->base + offset, &value, size, X86_ACCESS_IMPLICIT);
    return value;
}

void stack_inner(struct interp_vcpu *v, unsigned cpl, struct interp_stack *s)
{
    const struct x86_seg *tr = &v->cpu.seg[X86_TR];
    s->access = X86_ACCESS_IMPLICIT;
    if (x86_long_mode(&v->cpu)) {
        s->flat = true;
        s->mask = ~0ull;
        s->sp = interp_tss_read(v, 4 + 8 * cpl, 8, X86_EXC_TS);
        s->ss = (struct x86_seg){.selector = (uint16_t)cpl, .attr = (uint16_t)(cpl << 5)};
        s->fault_error = 0;
        return;
    }
    bool wide = tr->attr & 8;
    uint16_t selector = (uint16_t)interp_tss_read(v, wide ? 8 + 8 * cpl : 4 + 4 * cpl, 2, X86_EXC_TS);
    s->sp = interp_tss_read(v, wide ? 4 + 8 * cpl : 2 + 4 * cpl, wide ? 4 : 2, X86_EXC_TS);
    s->flat = false;
    if (!(selector & 0xfffc))
        interp_raise_error(v, X86_EXC_TS, selector & 0xfffcu);
    interp_check_stack(v, selector, cpl, X86_EXC_TS, &s->ss);
    s->mask = s->ss.attr & X86_ATTR_DB ? 0xffffffffu : 0xffff;
    s->fault_error = selector & 0xfffc;
}
