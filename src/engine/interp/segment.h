/* SPDX-License-Identifier: GPL-2.0-or-later */
/* segment.h: descriptors, segment loads, stacks of inner rings, and far transfers (SDM vol. 3 ch. 5 to 7). */
#ifndef DOMUS_ENGINE_INTERP_SEGMENT_H
#define DOMUS_ENGINE_INTERP_SEGMENT_H

#include "engine/interp/interp.h"

struct descriptor {
    uint64_t low;
    uint64_t high; /* of 16-byte system descriptors in long mode */
    gva_t at;
};

/* Descriptor types with S clear. */
enum {
    SYS_TSS16 = 1,
    SYS_LDT = 2,
    SYS_TSS16_BUSY = 3,
    SYS_CALL16 = 4,
    SYS_TASK_GATE = 5,
    SYS_INT16 = 6,
    SYS_TRAP16 = 7,
    SYS_TSS = 9,
    SYS_TSS_BUSY = 11,
    SYS_CALL = 12,
    SYS_INT = 14,
    SYS_TRAP = 15
};

static inline bool interp_real_mode(const struct interp_vcpu *v)
{
    return !(v->cpu.cr0 & X86_CR0_PE);
}

static inline bool interp_v86(const struct interp_vcpu *v)
{
    return (v->cpu.rflags & X86_VM) != 0;
}

/* Real mode or V86: selectors are paragraphs. */
static inline bool interp_paragraphs(const struct interp_vcpu *v)
{
    return interp_real_mode(v) || interp_v86(v);
}

uint16_t descriptor_attr(const struct descriptor *d);
uint32_t descriptor_limit(const struct descriptor *d);
uint64_t descriptor_base(const struct descriptor *d);
static inline unsigned attr_dpl(uint16_t attr)
{
    return ((unsigned)attr & X86_ATTR_DPL) >> 5;
}

/* Reads a selector's descriptor; outside its table: `vector` with the selector as error code. */
void descriptor_read(struct interp_vcpu *v, uint16_t selector, struct descriptor *d, unsigned vector);
/* The same without a fault (LAR, VERR, ...): false when null or outside its table. */
bool descriptor_peek(struct interp_vcpu *v, uint16_t selector, struct descriptor *d);
void descriptor_read_high(struct interp_vcpu *v, uint16_t selector, struct descriptor *d, unsigned vector);
void descriptor_set_accessed(struct interp_vcpu *v, struct descriptor *d);
void descriptor_set_type_bit(struct interp_vcpu *v, const struct descriptor *d, uint8_t bit, bool on);
void descriptor_to_seg(const struct descriptor *d, uint16_t selector, struct x86_seg *seg);

/* Segment registers in every mode; faults before it changes anything. SS by MOV and POP too. */
void interp_load_segment(struct interp_vcpu *v, unsigned seg, uint16_t selector);
/* Checks a stack segment for privilege cpl and makes its cache; vector is what the caller's case demands. */
void interp_check_stack(struct interp_vcpu *v, uint16_t selector, unsigned cpl, unsigned vector, struct x86_seg *out);
void interp_set_paragraph(struct interp_vcpu *v, unsigned seg, uint16_t selector);
void interp_load_ldt(struct interp_vcpu *v, uint16_t selector);
void interp_load_tr(struct interp_vcpu *v, uint16_t selector);

/* Checks a code segment as the target of a far transfer. RET and IRET: privilege is RPL. */
void interp_check_code(struct interp_vcpu *v, uint16_t selector, struct descriptor *d, struct x86_seg *cs);

/* A stack that is not the present one yet. */
struct interp_stack {
    struct x86_seg ss;
    uint64_t sp, mask;
    unsigned access;
    bool flat; /* 64-bit: no limits */
    uint16_t fault_error;
};
void stack_present(struct interp_vcpu *v, struct interp_stack *s);
void stack_push(struct interp_vcpu *v, struct interp_stack *s, unsigned size, uint64_t value);
uint64_t stack_pop(struct interp_vcpu *v, struct interp_stack *s, unsigned size);
void stack_commit_sp(struct interp_vcpu *v, const struct interp_stack *s);
/* SS:SP of privilege cpl out of the TSS; checked. Long mode: the RSP, SS null. */
void stack_inner(struct interp_vcpu *v, unsigned cpl, struct interp_stack *s);
uint64_t interp_tss_read(struct interp_vcpu *v, unsigned offset, unsigned size, unsigned vector);

void interp_far_jump(struct interp_vcpu *v, uint16_t selector, uint64_t offset, unsigned size);
void interp_far_call(struct interp_vcpu *v, uint16_t selector, uint64_t offset, unsigned size, uint64_t return_rip);
void interp_far_return(struct interp_vcpu *v, unsigned size, unsigned release);
void interp_iret(struct interp_vcpu *v, unsigned size);

enum task_cause { TASK_JUMP, TASK_CALL, TASK_IRET };
void interp_task_switch(struct interp_vcpu *v, uint16_t selector, enum task_cause cause, uint64_t next_rip,
                        const uint32_t *error);

/* IF, IOPL, VM ... as POPF and IRET may change them at this privilege. */
uint64_t interp_flags_writable(const struct interp_vcpu *v, unsigned cpl, unsigned size);

#endif
