/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lapic.h: a processor's local APIC, in xAPIC mode (a page of registers) or x2APIC mode (MSRs).
 * All calls need the machine lock.
 */
#ifndef DOMUS_DEV_LAPIC_H
#define DOMUS_DEV_LAPIC_H

#include "dev/apic_bus.h"
#include "machine/device.h"
#include "machine/loop.h"

#define LAPIC_TIMER_HZ     100000000u /* as Xen's: APIC_BUS_CYCLE_NS is 10 */
#define LAPIC_ID(vcpu)     (2 * (vcpu))
#define MSR_IA32_APIC_BASE 0x1Bu
#define MSR_TSC_DEADLINE   0x6E0u
#define MSR_X2APIC_FIRST   0x800u
#define MSR_X2APIC_LAST    0x8FFu

/* What the local APIC does to its processor. Called with the machine lock held, in any thread. */
struct lapic_cpu {
    void (*set_intr)(void *opaque, bool level); /* lapic_ack() would (not) have a vector; called on changes */
    void (*nmi)(void *opaque);
    void (*init)(void *opaque);
    void (*sipi)(void *opaque, uint8_t vector); /* the processor ignores it unless it waits for one */
    uint64_t (*tsc)(void *opaque);              /* the guest's TSC now, and its frequency; NULL: no deadline timer */
    uint64_t tsc_hz;
    void *opaque;
};

/* cpu is copied, the others borrowed. NULL: no memory, or more than 128 on the bus. Destroy before the bus. */
struct device *lapic_create(struct apic_bus *bus, struct loop *loop, unsigned vcpu, const struct lapic_cpu *cpu);

/* The registers: 4 KiB. The board asks lapic_claims() first, as each processor sees its own at the same address. */
extern const struct io_ops lapic_io;
bool lapic_claims(struct device *d, uint64_t gpa);

/* IA32_APIC_BASE, IA32_TSC_DEADLINE and 0x800..0x8FF. False: #GP. */
bool lapic_msr_read(struct device *d, uint32_t msr, uint64_t *value);
bool lapic_msr_write(struct device *d, uint32_t msr, uint64_t value);

bool lapic_enabled(const struct device *d); /* by IA32_APIC_BASE; what CPUID.1:EDX[9] shows */
uint32_t lapic_id(const struct device *d);
uint64_t lapic_cr8_read(const struct device *d);
void lapic_cr8_write(struct device *d, uint64_t value);

bool lapic_waiting(const struct device *d, uint8_t vector); /* requested and not yet acknowledged */
bool lapic_has_interrupt(const struct device *d);
int lapic_ack(struct device *d); /* the vector to deliver now, or -1 */

/* An interrupt made by the hypervisor on this processor (Xen's per-vcpu upcall vector): edge, fixed. */
void lapic_inject(struct device *d, uint8_t vector);
/* LINT pins: the board's NMI button and such. LINT0's PIC comes over the bus. */
void lapic_set_lint1(struct device *d, bool level);

/* For apic_bus.c. */
bool lapic_matches(const struct device *d, uint32_t dest, bool logical, bool wide);
bool lapic_accepts_extint(const struct device *d);
bool lapic_accepts_fixed(const struct device *d);
unsigned lapic_priority(const struct device *d); /* the less, the better a target of lowest-priority delivery */
bool lapic_receive(struct device *d, enum apic_mode mode, uint8_t vector, bool level);
void lapic_extint_changed(struct device *d);

#endif
