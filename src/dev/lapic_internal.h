/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lapic_internal.h: shared by lapic.c and lapic_timer.c only. Registers by their xAPIC offset / 16. */
#ifndef DOMUS_DEV_LAPIC_INTERNAL_H
#define DOMUS_DEV_LAPIC_INTERNAL_H

#include "dev/lapic.h"

enum lapic_register {
    REG_ID = 0x02,
    REG_VERSION = 0x03,
    REG_TPR = 0x08,
    REG_APR = 0x09,
    REG_PPR = 0x0A,
    REG_EOI = 0x0B,
    REG_RRD = 0x0C,
    REG_LDR = 0x0D,
    REG_DFR = 0x0E,
    REG_SVR = 0x0F,
    REG_ISR = 0x10,
    REG_TMR = 0x18,
    REG_IRR = 0x20,
    REG_ESR = 0x28,
    REG_ICR = 0x30,
    REG_ICR2 = 0x31,
    REG_LVT = 0x32,
    REG_TIMER_INITIAL = 0x38,
    REG_TIMER_CURRENT = 0x39,
    REG_TIMER_DIVIDE = 0x3E,
    REG_SELF_IPI = 0x3F,
};

enum lapic_lvt { LVT_TIMER, LVT_THERMAL, LVT_PERF, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVT_COUNT };

#define LAPIC_VERSION        0x00050014u
#define LVT_MODE             0x00000700u
#define LVT_MASKED           0x00010000u
#define LVT_TIMER_PERIODIC   0x00020000u
#define LVT_TIMER_DEADLINE   0x00040000u
#define SVR_ENABLE           0x00000100u
#define SVR_WRITABLE         0x000003FFu
#define ICR_LOGICAL          0x00000800u
#define ICR_ASSERT           0x00004000u
#define ICR_LEVEL            0x00008000u
#define ICR_WRITABLE         0x000CCFFFu
#define ESR_SENT_ILLEGAL     0x20u
#define ESR_RECEIVED_ILLEGAL 0x40u
#define ESR_ILLEGAL_REGISTER 0x80u
#define BASE_DEFAULT         0xFEE00000ull
#define BASE_BSP             0x100ull
#define BASE_X2APIC          0x400ull
#define BASE_ENABLE          0x800ull
#define BASE_RESERVED        0xFFFF0000000002FFull

struct lapic_state {
    uint64_t base;           /* IA32_APIC_BASE */
    uint64_t timer_start_ns; /* one-shot, periodic: guest time when the count was loaded */
    uint64_t timer_due_ns;   /* periodic: ideal time of the next tick */
    uint64_t deadline;       /* IA32_TSC_DEADLINE; 0: disarmed */
    uint32_t id, tpr, ldr, dfr, svr;
    uint32_t esr, esr_new; /* as read, and gathered since the last write */
    uint32_t icr, icr2;
    uint32_t lvt[LVT_COUNT];
    uint32_t timer_initial, timer_divide;
    uint32_t isr[8], tmr[8], irr[8];
};

struct lapic {
    struct device dev;
    struct lapic_state s;
    struct apic_bus *bus; /* borrowed */
    struct loop *loop;    /* borrowed */
    unsigned vcpu;
    struct lapic_cpu cpu;
    struct timer timer;
    bool intr;  /* what set_intr was told last */
    bool lint1; /* the pin */
};

static inline uint32_t x2apic_ldr(uint32_t id)
{
    return id >> 4 << 16 | 1u << (id & 15);
}

void lapic_lvt_fire(struct lapic *l, unsigned which);

void lapic_timer_fired(void *opaque);
void lapic_timer_stop(struct lapic *l);
void lapic_timer_rearm(struct lapic *l); /* state was loaded */
uint32_t lapic_timer_current(const struct lapic *l);
uint64_t lapic_timer_deadline(const struct lapic *l);
void lapic_timer_write_lvt(struct lapic *l, uint32_t value);
void lapic_timer_write_initial(struct lapic *l, uint32_t value);
void lapic_timer_write_divide(struct lapic *l, uint32_t value);
void lapic_timer_write_deadline(struct lapic *l, uint64_t value);

#endif
