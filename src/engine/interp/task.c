/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * task.c: the hardware task switch (SDM vol. 3 ch. 7), with 16 and 32-bit TSSs.
 */
#include "engine/interp/segment.h"

#include "base/bytes.h"
#include "engine/interp/flags.h"

struct task_layout {
    unsigned size, cr3, eip, flags, gpr, seg, segs, ldt, word, stride;
};

static const struct task_layout layout32 = {104, 0x1c, 0x20, 0x24, 0x28, 0x48, 6, 0x60, 4, 4};
static const struct task_layout layout16 = {44, 0, 0x0e, 0x10, 0x12, 0x22, 4, 0x2a, 2, 2};

static const struct task_layout *layout_of(uint16_t attr)
{
    return attr & 8 ? &layout32 : &layout16;
}

static void put(uint8_t *p, unsigned size, uint64_t value)
{
    memcpy(p, &value, size);
}

static uint64_t get(const uint8_t *p, unsigned size)
{
    uint64_t value = 0;
    memcpy(&value, p, size);
    return value;
}

static void save_task(struct interp_vcpu *v, uint64_t rip, uint64_t flags)
{
    const struct x86_seg *tr = &v->cpu.seg[X86_TR];
    const struct task_layout *l = layout_of(tr->attr);
    uint8_t image[104];
    interp_read_lin(v, tr->base, image, l->size, X86_ACCESS_IMPLICIT);
    put(image + l->eip, l->word, rip);
    put(image + l->flags, l->word, flags);
    for (unsigned i = 0; i < 8; i++)
        put(image + l->gpr + i * l->word, l->word, v->cpu.gpr[i]);
    for (unsigned i = 0; i < l->segs; i++)
        put(image + l->seg + i * l->stride, 2, v->cpu.seg[i].selector);
    unsigned end = l->ldt; /* the static fields behind stay */
    interp_write_lin(v, tr->base + l->eip, image + l->eip, end - l->eip, X86_ACCESS_IMPLICIT);
}

/* In the new task's context, faults belong to it. */
static void load_task_segments(struct interp_vcpu *v, const struct task_layout *l, const uint8_t *image)
{
    static const uint8_t order[] = {X86_SS, X86_ES, X86_DS, X86_FS, X86_GS};
    struct descriptor d;
    struct x86_seg cs;
    uint16_t selector = (uint16_t)get(image + l->seg + X86_CS * l->stride, 2);
    if (!(selector & 0xfffc))
        interp_raise_error(v, X86_EXC_TS, 0);
    descriptor_read(v, selector, &d, X86_EXC_TS);
    uint16_t attr = descriptor_attr(&d);
    unsigned rpl = selector & 3;
    if (!(attr & X86_ATTR_S) || !(attr & 8) || (attr & 4 ? attr_dpl(attr) > rpl : attr_dpl(attr) != rpl))
        interp_raise_error(v, X86_EXC_TS, selector & 0xfffcu);
    interp_check_code(v, selector, &d, &cs);
    v->cpu.seg[X86_SS].attr =
        (uint16_t)((v->cpu.seg[X86_SS].attr & ~(unsigned)X86_ATTR_DPL) | rpl << 5); /* the new CPL */
    v->cpu.seg[X86_CS] = cs;
    interp_mode_changed(v);
    for (unsigned i = 0; i < sizeof order; i++) {
        unsigned seg = order[i];
        if (seg >= l->segs)
            interp_load_segment(v, seg, 0);
        else
            interp_load_segment(v, seg, (uint16_t)get(image + l->seg + seg * l->stride, 2));
    }
}

static void load_task(struct interp_vcpu *v, const struct descriptor *d, uint16_t selector, const uint8_t *image,
                      uint64_t extra_flags)
{
    const struct task_layout *l = layout_of(descriptor_attr(d));
    struct x86_cpu *cpu = &v->cpu;
    descriptor_to_seg(d, selector, &cpu->seg[X86_TR]);
    cpu->seg[X86_TR].attr |= 2;
    cpu->cr0 |= X86_CR0_TS;
    if (l == &layout32 && (cpu->cr0 & X86_CR0_PG)) {
        interp_load_cr3(v, get(image + l->cr3, 4));
    }
    cpu->rip = get(image + l->eip, l->word);
    cpu->rflags = (get(image + l->flags, l->word) & 0x3f7fd5) | 2 | extra_flags;
    v->cc_op = CC_FLAGS;
    for (unsigned i = 0; i < 8; i++)
        cpu->gpr[i] = get(image + l->gpr + i * l->word, l->word);
    for (unsigned i = 0; i < X86_LDTR; i++) {
        cpu->seg[i].selector = i < l->segs ? (uint16_t)get(image + l->seg + i * l->stride, 2) : 0;
        cpu->seg[i].attr &= X86_ATTR_DPL; /* not present until loaded */
    }
    cpu->seg[X86_LDTR] = (struct x86_seg){.selector = 0};
    interp_load_ldt(v, (uint16_t)get(image + l->ldt, 2));
    if (cpu->rflags & X86_VM) {
        for (unsigned i = 0; i < X86_LDTR; i++)
            interp_set_paragraph(v, i, cpu->seg[i].selector);
        interp_mode_changed(v);
    } else {
        load_task_segments(v, l, image);
    }
}

void interp_task_switch(struct interp_vcpu *v, uint16_t selector, enum task_cause cause, uint64_t next_rip,
                        const uint32_t *error)
{
    struct descriptor d, old;
    uint8_t image[104];
    unsigned bad = cause == TASK_IRET ? X86_EXC_TS : X86_EXC_GP;
    uint16_t old_selector = v->cpu.seg[X86_TR].selector;
    if ((selector & 4) || !(selector & 0xfffc))
        interp_raise_error(v, bad, selector & 0xfffcu);
    descriptor_read(v, selector, &d, bad);
    uint16_t attr = descriptor_attr(&d);
    unsigned type = attr & (X86_ATTR_S | X86_ATTR_TYPE), want = cause == TASK_IRET ? 2 : 0;
    if ((type & ~8u) != (SYS_TSS16 | want))
        interp_raise_error(v, bad, selector & 0xfffcu);
    if (!(attr & X86_ATTR_P))
        interp_raise_error(v, X86_EXC_NP, selector & 0xfffcu);
    const struct task_layout *l = layout_of(attr);
    if (descriptor_limit(&d) + 1ull < l->size)
        interp_raise_error(v, X86_EXC_TS, selector & 0xfffcu);
    interp_read_lin(v, descriptor_base(&d), image, l->size, X86_ACCESS_IMPLICIT);
    interp_probe_lin(v, descriptor_base(&d), 4, X86_ACCESS_IMPLICIT | X86_ACCESS_WRITE);

    uint64_t flags = v->cpu.rflags;
    if (cause == TASK_IRET)
        flags &= ~(uint64_t)X86_NT;
    descriptor_read(v, old_selector, &old, X86_EXC_TS);
    save_task(v, next_rip, flags);
    if (cause != TASK_CALL)
        descriptor_set_type_bit(v, &old, 2, false);
    if (cause == TASK_CALL)
        interp_write_lin(v, descriptor_base(&d), &old_selector, 2, X86_ACCESS_IMPLICIT);
    if (cause != TASK_IRET)
        descriptor_set_type_bit(v, &d, 2, true);
    v->op = NULL; /* from here on the new task is to blame */
    load_task(v, &d, selector, image, cause == TASK_CALL ? X86_NT : 0);
    if (v->cpu.rip > v->cpu.seg[X86_CS].limit)
        interp_raise_error(v, X86_EXC_GP, 0);
    if (error) {
        struct interp_stack s;
        stack_present(v, &s);
        stack_push(v, &s, l->word, *error);
        stack_commit_sp(v, &s);
    }
}
