/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * event.c: raising faults, and delivering exceptions and interrupts through the vector table, the IDT and its gates
 * (SDM vol. 3 ch. 6, 20.3). Double and triple faults are decided here.
 */
#include "engine/interp/segment.h"

#include "engine/interp/access.h"
#include "engine/interp/flags.h"
#include "engine/interp/trace.h"

static _Noreturn void leave(struct interp_vcpu *v)
{
    longjmp(v->fault_exit, 1);
}

static bool pushes_error(unsigned vector)
{
    return vector == X86_EXC_DF || (vector >= X86_EXC_TS && vector <= X86_EXC_PF) || vector == X86_EXC_AC;
}

_Noreturn void interp_raise(struct interp_vcpu *v, unsigned vector)
{
    v->event = (struct interp_event){.valid = true, .vector = (uint8_t)vector, .has_error = pushes_error(vector)};
    leave(v);
}

_Noreturn void interp_raise_error(struct interp_vcpu *v, unsigned vector, uint32_t error)
{
    v->event = (struct interp_event){.valid = true, .vector = (uint8_t)vector, .has_error = true, .error = error};
    leave(v);
}

_Noreturn void interp_page_fault(struct interp_vcpu *v, gva_t address, uint32_t error)
{
    v->event =
        (struct interp_event){.valid = true, .vector = X86_EXC_PF, .has_error = true, .error = error, .cr2 = address};
    leave(v);
}

/* Like HLT, but before the instruction, which is tried again after an interrupt. */
_Noreturn void interp_wait(struct interp_vcpu *v)
{
    v->cpu.activity = X86_HALTED;
    v->attention = true;
    leave(v);
}

_Noreturn void interp_soft_interrupt(struct interp_vcpu *v, unsigned vector, const struct interp_op *op)
{
    v->op = op;
    v->event =
        (struct interp_event){.valid = true, .vector = (uint8_t)vector, .cause = INTERP_SOFT_INT, .length = op->length};
    leave(v);
}

void interp_inject(struct interp_vcpu *v, unsigned vector, enum interp_cause cause)
{
    v->event = (struct interp_event){.valid = true, .vector = (uint8_t)vector, .cause = (uint8_t)cause};
}

static bool contributory(unsigned vector)
{
    return vector == X86_EXC_DE || (vector >= X86_EXC_TS && vector <= X86_EXC_GP);
}

/* A fault has left its instruction or the delivery of another event: makes v->event what is to be delivered now. */
void interp_event_after_fault(struct interp_vcpu *v)
{
    const struct interp_event *first = &v->delivering;
    if (v->op) {
        v->cpu.rip = interp_this_rip(v);
        v->op = NULL;
    }
    v->debug_hits = 0;
    if (!first->valid)
        return;
    if (first->vector == X86_EXC_DF && first->cause == INTERP_FAULT) {
        v->stop = v->attention = true;
        v->exit = ENGINE_EXIT_TRIPLE_FAULT;
        v->event.valid = false;
        v->delivering.valid = false;
        return;
    }
    bool from_fault = first->cause == INTERP_FAULT;
    bool doubled = from_fault &&
                   ((contributory(first->vector) && contributory(v->event.vector)) ||
                    (first->vector == X86_EXC_PF && (contributory(v->event.vector) || v->event.vector == X86_EXC_PF)));
    if (v->event.vector == X86_EXC_PF && doubled)
        v->cpu.cr2 = v->event.cr2;
    if (doubled)
        v->event = (struct interp_event){.valid = true, .vector = X86_EXC_DF, .has_error = true};
    v->delivering.valid = false;
}

/* --- delivery --- */

static void clear_for_handler(struct interp_vcpu *v, bool interrupt_gate)
{
    v->cpu.rflags &= ~(uint64_t)(X86_TF | X86_NT | X86_RF | X86_VM);
    if (interrupt_gate)
        v->cpu.rflags &= ~(uint64_t)X86_IF;
}

static uint64_t pushed_flags(const struct interp_vcpu *v, const struct interp_event *e)
{
    uint64_t flags = v->cpu.rflags | 2;
    /* A fault will be returned to: RF keeps an instruction breakpoint from hitting again. */
    if ((e->cause == INTERP_FAULT && e->vector != X86_EXC_DB && e->vector != X86_EXC_DF) || v->mid_string)
        flags |= X86_RF;
    return flags;
}

static uint64_t return_rip(const struct interp_vcpu *v, const struct interp_event *e)
{
    return e->cause == INTERP_SOFT_INT ? v->cpu.rip + e->length : v->cpu.rip;
}

static void deliver_real(struct interp_vcpu *v, const struct interp_event *e)
{
    struct interp_stack s;
    uint32_t target;
    if (e->vector * 4u + 3 > v->cpu.idtr.limit)
        interp_raise_error(v, X86_EXC_GP, 0);
    interp_read_lin(v, (uint32_t)v->cpu.idtr.base + e->vector * 4u, &target, 4, X86_ACCESS_IMPLICIT);
    stack_present(v, &s);
    stack_push(v, &s, 2, v->cpu.rflags | 2);
    stack_push(v, &s, 2, v->cpu.seg[X86_CS].selector);
    stack_push(v, &s, 2, return_rip(v, e));
    stack_commit_sp(v, &s);
    v->cpu.rflags &= ~(uint64_t)(X86_IF | X86_TF | X86_AC | X86_RF);
    interp_set_paragraph(v, X86_CS, (uint16_t)(target >> 16));
    v->cpu.rip = target & 0xffff;
    interp_mode_changed(v);
}

struct idt_gate {
    uint16_t selector, attr;
    uint64_t offset;
    unsigned type, ist;
};

static void read_idt(struct interp_vcpu *v, const struct interp_event *e, struct idt_gate *g)
{
    uint64_t raw[2] = {0, 0};
    bool long_mode = x86_long_mode(&v->cpu);
    unsigned size = long_mode ? 16 : 8;
    uint32_t error = e->vector * 8u + 2 + (e->cause == INTERP_SOFT_INT ? 0 : 1);
    if ((e->vector + 1u) * size - 1 > v->cpu.idtr.limit)
        interp_raise_error(v, X86_EXC_GP, error);
    interp_read_lin(v, v->cpu.idtr.base + e->vector * size, raw, size, X86_ACCESS_IMPLICIT);
    struct descriptor d = {.low = raw[0]};
    g->attr = descriptor_attr(&d);
    g->type = g->attr & (X86_ATTR_TYPE | X86_ATTR_S);
    g->selector = (uint16_t)(raw[0] >> 16);
    g->offset = (raw[0] & 0xffff) | (raw[0] >> 32 & 0xffff0000) | (long_mode ? raw[1] << 32 : 0);
    g->ist = long_mode ? raw[0] >> 32 & 7 : 0;
    bool known = g->type == SYS_INT || g->type == SYS_TRAP;
    if (!long_mode)
        known = known || g->type == SYS_INT16 || g->type == SYS_TRAP16 || g->type == SYS_TASK_GATE;
    if (!known)
        interp_raise_error(v, X86_EXC_GP, error);
    if (e->cause == INTERP_SOFT_INT && attr_dpl(g->attr) < x86_cpl(&v->cpu))
        interp_raise_error(v, X86_EXC_GP, error);
    if (!(g->attr & X86_ATTR_P))
        interp_raise_error(v, X86_EXC_NP, error);
    if (g->type == SYS_INT16 || g->type == SYS_TRAP16)
        g->offset &= 0xffff;
}

/* The handler's code segment; returns the privilege it runs at. */
static unsigned handler_code(struct interp_vcpu *v, const struct idt_gate *g, unsigned ext, struct x86_seg *cs)
{
    struct descriptor d;
    unsigned cpl = x86_cpl(&v->cpu);
    uint32_t error = (g->selector & 0xfffcu) | ext;
    if (!(g->selector & 0xfffc))
        interp_raise_error(v, X86_EXC_GP, ext);
    descriptor_read(v, g->selector, &d, X86_EXC_GP);
    uint16_t attr = descriptor_attr(&d);
    if (!(attr & X86_ATTR_S) || !(attr & 8) || attr_dpl(attr) > cpl)
        interp_raise_error(v, X86_EXC_GP, error);
    if (x86_long_mode(&v->cpu) && (attr & (X86_ATTR_L | X86_ATTR_DB)) != X86_ATTR_L)
        interp_raise_error(v, X86_EXC_GP, error);
    if (!(attr & X86_ATTR_P))
        interp_raise_error(v, X86_EXC_NP, error);
    if (!(attr & 4))
        cpl = attr_dpl(attr);
    if (interp_v86(v) && cpl != 0)
        interp_raise_error(v, X86_EXC_GP, error);
    interp_check_code(v, g->selector, &d, cs);
    cs->selector = (uint16_t)((cs->selector & 0xfffc) | cpl);
    return cpl;
}

static void handler_stack(struct interp_vcpu *v, const struct idt_gate *g, unsigned cpl, struct interp_stack *s)
{
    bool long_mode = x86_long_mode(&v->cpu);
    if (long_mode && g->ist) {
        stack_present(v, s);
        s->sp = interp_tss_read(v, 0x1c + 8 * g->ist, 8, X86_EXC_TS);
        if (cpl != x86_cpl(&v->cpu))
            s->ss = (struct x86_seg){.selector = (uint16_t)cpl, .attr = (uint16_t)(cpl << 5)};
    } else if (cpl != x86_cpl(&v->cpu)) {
        stack_inner(v, cpl, s);
    } else {
        stack_present(v, s);
    }
    if (long_mode) {
        s->flat = true;
        s->mask = ~0ull;
        s->sp &= ~15ull;
        s->access = cpl == 3 ? X86_ACCESS_USER : X86_ACCESS_IMPLICIT;
    }
}

static void push_v86_segments(struct interp_vcpu *v, struct interp_stack *s, unsigned size)
{
    static const uint8_t order[] = {X86_GS, X86_FS, X86_DS, X86_ES};
    for (unsigned i = 0; i < sizeof order; i++)
        stack_push(v, s, size, v->cpu.seg[order[i]].selector);
}

static void drop_v86_segments(struct interp_vcpu *v)
{
    static const uint8_t order[] = {X86_GS, X86_FS, X86_DS, X86_ES};
    for (unsigned i = 0; i < sizeof order; i++)
        v->cpu.seg[order[i]] = (struct x86_seg){.selector = 0};
}

static void deliver_protected(struct interp_vcpu *v, const struct interp_event *e)
{
    struct idt_gate g;
    struct x86_seg cs;
    struct interp_stack s;
    unsigned ext = e->cause == INTERP_SOFT_INT ? 0 : 1;
    bool long_mode = x86_long_mode(&v->cpu), v86 = interp_v86(v);
    read_idt(v, e, &g);
    if (g.type == SYS_TASK_GATE) {
        interp_task_switch(v, g.selector, TASK_CALL, return_rip(v, e), e->has_error ? &e->error : NULL);
        return;
    }
    unsigned cpl = handler_code(v, &g, ext, &cs);
    unsigned size = long_mode ? 8 : g.type & 8 ? 4 : 2;
    bool inner = cpl != x86_cpl(&v->cpu);
    uint16_t old_ss = v->cpu.seg[X86_SS].selector;
    uint64_t old_sp = v->cpu.gpr[X86_RSP];
    handler_stack(v, &g, cpl, &s);
    if (v86)
        push_v86_segments(v, &s, size);
    if (inner || long_mode) {
        stack_push(v, &s, size, old_ss);
        stack_push(v, &s, size, old_sp);
    }
    stack_push(v, &s, size, pushed_flags(v, e));
    stack_push(v, &s, size, v->cpu.seg[X86_CS].selector);
    stack_push(v, &s, size, return_rip(v, e));
    if (e->has_error)
        stack_push(v, &s, size, e->error);
    if (!(long_mode && (cs.attr & X86_ATTR_L)) && g.offset > cs.limit)
        interp_raise_error(v, X86_EXC_GP, ext);
    if (long_mode && (uint64_t)((int64_t)(g.offset << 16) >> 16) != g.offset)
        interp_raise_error(v, X86_EXC_GP, ext);

    clear_for_handler(v, g.type == SYS_INT || g.type == SYS_INT16);
    if (v86)
        drop_v86_segments(v);
    if (inner || long_mode)
        v->cpu.seg[X86_SS] = s.ss;
    stack_commit_sp(v, &s);
    v->cpu.seg[X86_CS] = cs;
    v->cpu.rip = g.offset;
    interp_mode_changed(v);
}

/* INT n in virtual-8086 mode with IOPL < 3 goes to the monitor; VME's redirection bitmap is not offered. */
static void check_v86_int(struct interp_vcpu *v, const struct interp_event *e)
{
    bool int_n = e->cause == INTERP_SOFT_INT && e->length > 1;
    if (int_n && interp_v86(v) && (v->cpu.rflags & X86_IOPL) != X86_IOPL)
        interp_raise_error(v, X86_EXC_GP, 0);
}

void interp_deliver(struct interp_vcpu *v)
{
    struct interp_event e = v->event;
    v->counts.events++;
    if (unlikely(v->tracing))
        interp_trace_event(v, &e);
    cc_commit(v);
    v->op = NULL;
    v->block = NULL;
    check_v86_int(v, &e);
    v->event.valid = false;
    v->delivering = e;
    v->cpu.sti_shadow = false;
    v->cpu.activity = X86_RUNNING;
    if (e.cause == INTERP_FAULT && e.vector == X86_EXC_PF)
        v->cpu.cr2 = e.cr2;
    if (e.cause == INTERP_FAULT && e.vector == X86_EXC_DB) {
        v->cpu.dr[6] = (v->cpu.dr[6] & ~0xfull) | e.dr6 | 0xffff0ff0;
        v->cpu.dr[7] &= ~(1ull << 13);
    }
    if (interp_real_mode(v))
        deliver_real(v, &e);
    else
        deliver_protected(v, &e);
    v->delivering.valid = false;
}
