/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * far.c: far jumps, calls, returns and IRET in all modes (SDM vol. 3, 5.8, 6.12, 20.2; vol. 2 JMP, CALL, RET, IRET).
 * cpu.rip is the transfer's own address on entry and the target's on return; flags are committed.
 */
#include "engine/interp/segment.h"

#include "engine/interp/access.h"
#include "engine/interp/flags.h"

static void set_cpl(struct x86_seg *cs, unsigned cpl)
{
    cs->selector = (uint16_t)((cs->selector & 0xfffc) | cpl);
}

/* The target address against the new code segment. */
static void check_target(struct interp_vcpu *v, const struct x86_seg *cs, uint64_t rip)
{
    bool code64 = x86_long_mode(&v->cpu) && (cs->attr & X86_ATTR_L);
    if (code64 ? (uint64_t)((int64_t)(rip << 16) >> 16) != rip : rip > cs->limit)
        interp_raise_error(v, X86_EXC_GP, 0);
}

static void set_code(struct interp_vcpu *v, const struct x86_seg *cs, uint64_t rip)
{
    v->cpu.seg[X86_CS] = *cs;
    v->cpu.rip = rip;
    interp_mode_changed(v);
}

static void paragraph_code(struct interp_vcpu *v, uint16_t selector, uint64_t rip)
{
    if (rip > v->cpu.seg[X86_CS].limit)
        interp_raise_error(v, X86_EXC_GP, 0);
    interp_set_paragraph(v, X86_CS, selector);
    v->cpu.rip = rip;
    interp_mode_changed(v);
}

/* JMP and CALL to a code segment without a gate: privilege stays. */
static void direct_code(struct interp_vcpu *v, uint16_t selector, struct descriptor *d, struct x86_seg *cs)
{
    uint16_t attr = descriptor_attr(d);
    unsigned cpl = x86_cpl(&v->cpu), rpl = selector & 3, dpl = attr_dpl(attr);
    if (attr & 4 ? dpl > cpl : rpl > cpl || dpl != cpl)
        interp_raise_error(v, X86_EXC_GP, selector & 0xfffcu);
    interp_check_code(v, selector, d, cs);
    set_cpl(cs, cpl);
}

struct gate {
    uint16_t selector, attr;
    uint64_t offset;
    unsigned size, params;
};

static void read_gate(struct interp_vcpu *v, uint16_t selector, struct descriptor *d, struct gate *g)
{
    unsigned type = descriptor_attr(d) & X86_ATTR_TYPE;
    g->attr = descriptor_attr(d);
    g->selector = (uint16_t)(d->low >> 16);
    g->offset = (d->low & 0xffff) | (d->low >> 32 & 0xffff0000);
    g->params = d->low >> 32 & 31;
    g->size = type == SYS_CALL16 ? 2 : 4;
    if (type == SYS_CALL16)
        g->offset &= 0xffff;
    if (x86_long_mode(&v->cpu)) {
        descriptor_read_high(v, selector, d, X86_EXC_GP);
        if (type != SYS_CALL || (d->high >> 40 & 0x1f))
            interp_raise_error(v, X86_EXC_GP, selector & 0xfffcu);
        g->offset |= d->high << 32;
        g->size = 8;
        g->params = 0;
    }
}

static void check_gate_rights(struct interp_vcpu *v, uint16_t selector, uint16_t attr)
{
    unsigned dpl = attr_dpl(attr);
    if (dpl < x86_cpl(&v->cpu) || dpl < (selector & 3u))
        interp_raise_error(v, X86_EXC_GP, selector & 0xfffcu);
    if (!(attr & X86_ATTR_P))
        interp_raise_error(v, X86_EXC_NP, selector & 0xfffcu);
}

/* The code segment a call gate leads to; returns the new CPL. */
static unsigned gate_target(struct interp_vcpu *v, const struct gate *g, bool call, struct x86_seg *cs)
{
    struct descriptor d;
    unsigned cpl = x86_cpl(&v->cpu);
    if (!(g->selector & 0xfffc))
        interp_raise_error(v, X86_EXC_GP, 0);
    descriptor_read(v, g->selector, &d, X86_EXC_GP);
    uint16_t attr = descriptor_attr(&d);
    bool conforming = attr & 4;
    if (!(attr & X86_ATTR_S) || !(attr & 8) || attr_dpl(attr) > cpl || (!call && !conforming && attr_dpl(attr) != cpl))
        interp_raise_error(v, X86_EXC_GP, g->selector & 0xfffcu);
    if (x86_long_mode(&v->cpu) && (attr & (X86_ATTR_L | X86_ATTR_DB)) != X86_ATTR_L)
        interp_raise_error(v, X86_EXC_GP, g->selector & 0xfffcu);
    interp_check_code(v, g->selector, &d, cs);
    if (!conforming)
        cpl = attr_dpl(attr);
    set_cpl(cs, cpl);
    return cpl;
}

static void call_inner(struct interp_vcpu *v, const struct gate *g, const struct x86_seg *cs, unsigned cpl,
                       uint64_t return_rip)
{
    struct interp_stack inner, outer;
    uint64_t params[32];
    uint16_t old_cs = v->cpu.seg[X86_CS].selector, old_ss = v->cpu.seg[X86_SS].selector;
    uint64_t old_sp = v->cpu.gpr[X86_RSP];
    stack_present(v, &outer);
    for (unsigned i = 0; i < g->params; i++)
        params[i] = stack_pop(v, &outer, g->size);
    stack_inner(v, cpl, &inner);
    stack_push(v, &inner, g->size, old_ss);
    stack_push(v, &inner, g->size, old_sp);
    for (unsigned i = g->params; i-- > 0;)
        stack_push(v, &inner, g->size, params[i]);
    stack_push(v, &inner, g->size, old_cs);
    stack_push(v, &inner, g->size, return_rip);
    check_target(v, cs, g->offset);
    v->cpu.seg[X86_SS] = inner.ss;
    stack_commit_sp(v, &inner);
    set_code(v, cs, g->offset);
}

static void through_gate(struct interp_vcpu *v, uint16_t selector, struct descriptor *d, bool call, uint64_t return_rip)
{
    struct gate g;
    struct x86_seg cs;
    check_gate_rights(v, selector, descriptor_attr(d));
    read_gate(v, selector, d, &g);
    unsigned cpl = gate_target(v, &g, call, &cs);
    if (call && cpl < x86_cpl(&v->cpu)) {
        call_inner(v, &g, &cs, cpl, return_rip);
        return;
    }
    check_target(v, &cs, g.offset);
    if (call) {
        struct interp_stack s;
        stack_present(v, &s);
        stack_push(v, &s, g.size, v->cpu.seg[X86_CS].selector);
        stack_push(v, &s, g.size, return_rip);
        stack_commit_sp(v, &s);
    }
    set_code(v, &cs, g.offset);
}

/* System descriptors as targets. */
static void through_system(struct interp_vcpu *v, uint16_t selector, struct descriptor *d, bool call, uint64_t next_rip)
{
    uint16_t attr = descriptor_attr(d);
    enum task_cause cause = call ? TASK_CALL : TASK_JUMP;
    bool long_mode = x86_long_mode(&v->cpu);
    switch (attr & X86_ATTR_TYPE) {
    case SYS_CALL16:
    case SYS_CALL: through_gate(v, selector, d, call, next_rip); return;
    case SYS_TASK_GATE:
        if (long_mode)
            break;
        check_gate_rights(v, selector, attr);
        interp_task_switch(v, (uint16_t)(d->low >> 16), cause, next_rip, NULL);
        return;
    case SYS_TSS16:
    case SYS_TSS:
        if (long_mode)
            break;
        check_gate_rights(v, selector, attr);
        interp_task_switch(v, selector, cause, next_rip, NULL);
        return;
    default: break;
    }
    interp_raise_error(v, X86_EXC_GP, selector & 0xfffcu);
}

void interp_far_jump(struct interp_vcpu *v, uint16_t selector, uint64_t offset, unsigned size)
{
    struct descriptor d;
    struct x86_seg cs;
    if (interp_paragraphs(v)) {
        paragraph_code(v, selector, offset);
        return;
    }
    if (!(selector & 0xfffc))
        interp_raise_error(v, X86_EXC_GP, 0);
    descriptor_read(v, selector, &d, X86_EXC_GP);
    if (!(descriptor_attr(&d) & X86_ATTR_S)) {
        through_system(v, selector, &d, false, v->cpu.rip);
        return;
    }
    direct_code(v, selector, &d, &cs);
    check_target(v, &cs, offset);
    set_code(v, &cs, offset);
}

void interp_far_call(struct interp_vcpu *v, uint16_t selector, uint64_t offset, unsigned size, uint64_t return_rip)
{
    struct descriptor d;
    struct x86_seg cs;
    struct interp_stack s;
    bool paragraphs = interp_paragraphs(v);
    if (!paragraphs) {
        if (!(selector & 0xfffc))
            interp_raise_error(v, X86_EXC_GP, 0);
        descriptor_read(v, selector, &d, X86_EXC_GP);
        if (!(descriptor_attr(&d) & X86_ATTR_S)) {
            through_system(v, selector, &d, true, return_rip);
            return;
        }
        direct_code(v, selector, &d, &cs);
        check_target(v, &cs, offset);
    } else if (offset > v->cpu.seg[X86_CS].limit) {
        interp_raise_error(v, X86_EXC_GP, 0);
    }
    stack_present(v, &s);
    stack_push(v, &s, size, v->cpu.seg[X86_CS].selector);
    stack_push(v, &s, size, return_rip);
    stack_commit_sp(v, &s);
    if (paragraphs)
        paragraph_code(v, selector, offset);
    else
        set_code(v, &cs, offset);
}

/* After a return to an outer ring: data segments the outer ring may not have become null. */
static void drop_inner_segments(struct interp_vcpu *v, unsigned cpl)
{
    static const uint8_t data[] = {X86_ES, X86_DS, X86_FS, X86_GS};
    for (unsigned i = 0; i < sizeof data; i++) {
        struct x86_seg *s = &v->cpu.seg[data[i]];
        bool conforming = (s->attr & 0xc) == 0xc;
        if (!(s->attr & X86_ATTR_P) || conforming || attr_dpl(s->attr) >= cpl)
            continue;
        s->selector = 0;
        s->attr = 0;
    }
}

/* CS popped by RET or IRET: checked; returns its RPL, the new CPL. */
static unsigned return_code(struct interp_vcpu *v, uint16_t selector, struct x86_seg *cs)
{
    struct descriptor d;
    unsigned rpl = selector & 3;
    if (!(selector & 0xfffc))
        interp_raise_error(v, X86_EXC_GP, 0);
    descriptor_read(v, selector, &d, X86_EXC_GP);
    uint16_t attr = descriptor_attr(&d);
    if (rpl < x86_cpl(&v->cpu) || (attr & 4 ? attr_dpl(attr) > rpl : attr_dpl(attr) != rpl))
        interp_raise_error(v, X86_EXC_GP, selector & 0xfffcu);
    interp_check_code(v, selector, &d, cs);
    return rpl;
}

/* SS popped by RET or IRET. A null SS is fine below ring 3 when the code returned to is 64-bit. */
static void return_stack(struct interp_vcpu *v, uint16_t selector, unsigned cpl, const struct x86_seg *cs,
                         struct x86_seg *ss)
{
    if (!(selector & 0xfffc) && x86_long_mode(&v->cpu) && (cs->attr & X86_ATTR_L) && cpl != 3 &&
        (selector & 3u) == cpl) {
        *ss = (struct x86_seg){.selector = selector, .attr = (uint16_t)(cpl << 5)};
        return;
    }
    if (!(selector & 0xfffc))
        interp_raise_error(v, X86_EXC_GP, 0);
    interp_check_stack(v, selector, cpl, X86_EXC_GP, ss);
}

static void set_outer_sp(struct interp_vcpu *v, const struct x86_seg *cs, const struct x86_seg *ss, uint64_t sp)
{
    uint64_t mask = x86_long_mode(&v->cpu) && (cs->attr & X86_ATTR_L) ? ~0ull
                    : ss->attr & X86_ATTR_DB                          ? 0xffffffffu
                                                                      : 0xffff;
    v->cpu.gpr[X86_RSP] = mask == 0xffff ? (v->cpu.gpr[X86_RSP] & ~mask) | (sp & mask) : sp & mask;
}

void interp_far_return(struct interp_vcpu *v, unsigned size, unsigned release)
{
    struct interp_stack s;
    struct x86_seg cs, ss;
    stack_present(v, &s);
    uint64_t rip = stack_pop(v, &s, size);
    uint16_t selector = (uint16_t)stack_pop(v, &s, size);
    if (interp_paragraphs(v)) {
        s.sp = (s.sp & ~s.mask) | ((s.sp + release) & s.mask);
        paragraph_code(v, selector, rip);
        stack_commit_sp(v, &s);
        return;
    }
    unsigned cpl = return_code(v, selector, &cs);
    check_target(v, &cs, rip);
    s.sp = (s.sp & ~s.mask) | ((s.sp + release) & s.mask);
    if (cpl == x86_cpl(&v->cpu)) {
        stack_commit_sp(v, &s);
        set_code(v, &cs, rip);
        return;
    }
    uint64_t sp = stack_pop(v, &s, size);
    return_stack(v, (uint16_t)stack_pop(v, &s, size), cpl, &cs, &ss);
    v->cpu.seg[X86_SS] = ss;
    set_outer_sp(v, &cs, &ss, sp + release);
    drop_inner_segments(v, cpl);
    set_code(v, &cs, rip);
}

/* --- IRET --- */

uint64_t interp_flags_writable(const struct interp_vcpu *v, unsigned cpl, unsigned size)
{
    uint64_t mask = X86_ARITH | X86_TF | X86_DF | X86_NT;
    if (size > 2)
        mask |= X86_RF | X86_AC | X86_ID;
    if (cpl <= (v->cpu.rflags & X86_IOPL) >> 12)
        mask |= X86_IF;
    if (cpl == 0)
        mask |= X86_IOPL | (size > 2 ? X86_VIF | X86_VIP : 0);
    return mask;
}

static void set_flags(struct interp_vcpu *v, uint64_t value, uint64_t mask)
{
    v->cpu.rflags = (v->cpu.rflags & ~mask) | (value & mask) | 2;
    v->cc_op = CC_FLAGS;
}

static void iret_paragraphs(struct interp_vcpu *v, unsigned size)
{
    struct interp_stack s;
    bool v86 = interp_v86(v);
    if (v86 && (v->cpu.rflags & X86_IOPL) != X86_IOPL)
        interp_raise_error(v, X86_EXC_GP, 0);
    stack_present(v, &s);
    uint64_t rip = stack_pop(v, &s, size);
    uint16_t selector = (uint16_t)stack_pop(v, &s, size);
    uint64_t flags = stack_pop(v, &s, size);
    uint64_t mask = interp_flags_writable(v, v86 ? 3 : 0, size);
    paragraph_code(v, selector, rip);
    stack_commit_sp(v, &s);
    set_flags(v, flags, v86 ? mask & ~(uint64_t)X86_IOPL : mask & ~(uint64_t)(X86_VIF | X86_VIP));
    interp_mode_changed(v);
}

static void iret_to_v86(struct interp_vcpu *v, struct interp_stack *s, uint64_t rip, uint16_t selector, uint64_t flags)
{
    static const uint8_t order[] = {X86_ES, X86_DS, X86_FS, X86_GS};
    uint16_t selectors[4];
    uint64_t sp = stack_pop(v, s, 4);
    uint16_t ss = (uint16_t)stack_pop(v, s, 4);
    for (unsigned i = 0; i < 4; i++)
        selectors[i] = (uint16_t)stack_pop(v, s, 4);
    set_flags(v, flags, interp_flags_writable(v, 0, 4) | X86_VM);
    interp_set_paragraph(v, X86_CS, selector);
    interp_set_paragraph(v, X86_SS, ss);
    for (unsigned i = 0; i < 4; i++)
        interp_set_paragraph(v, order[i], selectors[i]);
    v->cpu.gpr[X86_RSP] = sp;
    v->cpu.rip = (uint16_t)rip;
    interp_mode_changed(v);
}

static void iret_protected(struct interp_vcpu *v, unsigned size)
{
    struct interp_stack s;
    struct x86_seg cs, ss = v->cpu.seg[X86_SS];
    unsigned old_cpl = x86_cpl(&v->cpu);
    bool from64 = v->code_mode == X86_MODE_64;
    stack_present(v, &s);
    uint64_t rip = stack_pop(v, &s, size);
    uint16_t selector = (uint16_t)stack_pop(v, &s, size);
    uint64_t flags = stack_pop(v, &s, size);
    if ((flags & X86_VM) && old_cpl == 0 && size == 4 && !x86_long_mode(&v->cpu)) {
        iret_to_v86(v, &s, rip, selector, flags);
        return;
    }
    unsigned cpl = return_code(v, selector, &cs);
    check_target(v, &cs, rip);
    uint64_t sp = 0;
    bool outer = cpl != old_cpl || from64;
    if (outer) {
        sp = stack_pop(v, &s, size);
        return_stack(v, (uint16_t)stack_pop(v, &s, size), cpl, &cs, &ss);
    }
    uint64_t mask = interp_flags_writable(v, old_cpl, size);
    set_flags(v, flags, mask);
    v->cpu.seg[X86_SS] = ss;
    if (outer)
        set_outer_sp(v, &cs, &ss, sp);
    else
        stack_commit_sp(v, &s);
    if (cpl != old_cpl)
        drop_inner_segments(v, cpl);
    set_code(v, &cs, rip);
}

void interp_iret(struct interp_vcpu *v, unsigned size)
{
    if (interp_paragraphs(v)) {
        iret_paragraphs(v, size);
    } else if (v->cpu.rflags & X86_NT) {
        if (x86_long_mode(&v->cpu))
            interp_raise_error(v, X86_EXC_GP, 0);
        interp_task_switch(v, (uint16_t)interp_tss_read(v, 0, 2, X86_EXC_TS), TASK_IRET, v->cpu.rip, NULL);
    } else {
        iret_protected(v, size);
    }
    v->cpu.nmi_masked = false;
}
