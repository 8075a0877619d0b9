/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vcpu.h: the domain's virtual processors: one thread each, which runs the engine and carries its exits to the buses,
 * the LAPIC and the Xen ABI. Knows no chip and no hypercall: those are behind vcpu_hooks, which the board fills.
 */
#ifndef DOMUS_VCPU_VCPU_H
#define DOMUS_VCPU_VCPU_H

#include "base/types.h"
#include "engine/engine.h"
#include "machine/bus.h"
#include "machine/lifecycle.h"
#include "machine/loop.h"

struct vcpus;

/* Called in the vCPU's thread; all but the last two without the machine lock. */
struct vcpu_hooks {
    void (*cpuid)(void *opaque, unsigned vcpu, const struct x86_cpu *cpu, uint32_t leaf, uint32_t subleaf,
                  uint32_t out[4]);
    bool (*msr_read)(void *opaque, unsigned vcpu, uint32_t msr, uint64_t *value); /* false: #GP */
    bool (*msr_write)(void *opaque, unsigned vcpu, uint32_t msr, uint64_t value);
    void (*hypercall)(void *opaque, unsigned vcpu, struct x86_cpu *cpu);
    int (*interrupt_ack)(void *opaque, unsigned vcpu); /* vector, or -1 */
    uint64_t (*cr8_read)(void *opaque, unsigned vcpu);
    void (*cr8_write)(void *opaque, unsigned vcpu, uint64_t value);
    bool (*fpu_error)(void *opaque, unsigned vcpu, bool pending);
    /* The page that each vCPU sees differently (the LAPIC's), at vcpu_set_local_page(). */
    uint64_t (*local_read)(void *opaque, unsigned vcpu, unsigned offset, unsigned size);
    void (*local_write)(void *opaque, unsigned vcpu, unsigned offset, unsigned size, uint64_t value);
};

struct vcpus_config {
    const struct engine_ops *engine;
    struct memory *memory; /* this and the following: borrowed */
    struct loop *loop;
    struct bus *ports, *mmio;
    struct lifecycle *lifecycle;
    unsigned count;
    enum life_reason triple_fault; /* what a triple fault asks for: HVM_PARAM_TRIPLE_FAULT_REASON */
    const struct vcpu_hooks *hooks;
    void *opaque;
};

/* 0 or -errno (the engine logged why). No thread runs yet; vCPU 0 is as after RESET, the others wait for SIPI. */
int vcpus_create(struct vcpus **vcpus, const struct vcpus_config *config);
void vcpus_destroy(struct vcpus *v); /* stops and joins the threads; NULL is fine; the lock not held */

unsigned vcpus_count(const struct vcpus *v);
/* Only before vcpus_start(), while paused, or in the vCPU's own callbacks. */
struct x86_cpu *vcpus_state(struct vcpus *v, unsigned i);
void vcpus_state_changed(struct vcpus *v, unsigned i);

int vcpus_start(struct vcpus *v); /* makes the threads; the pause count is 1 at first. 0 or -errno */
/* Nest. Machine lock held; pausing drops it while it waits until no vCPU runs guest code. */
void vcpus_pause(struct vcpus *v);
void vcpus_unpause(struct vcpus *v);
bool vcpus_paused(struct vcpus *v);

/* Wires of vCPU i, from any thread. */
void vcpu_set_interrupt(struct vcpus *v, unsigned i, bool level);
void vcpu_nmi(struct vcpus *v, unsigned i);
void vcpu_init(struct vcpus *v, unsigned i);
void vcpu_sipi(struct vcpus *v, unsigned i, uint8_t vector);

/* Where the local page is for vCPU i; gpa ~0: nowhere. */
void vcpu_set_local_page(struct vcpus *v, unsigned i, gpa_t gpa);

/* Hypercall arguments: guest-linear memory of vCPU i, in its own thread. 0 or -EFAULT (nothing, or a part, copied). */
int vcpu_copy_in(struct vcpus *v, unsigned i, void *to, gva_t from, uint64_t len);
int vcpu_copy_out(struct vcpus *v, unsigned i, gva_t to, const void *from, uint64_t len);
int vcpu_translate(struct vcpus *v, unsigned i, gva_t gva, gpa_t *gpa); /* as for a write; the same thread */

/* From a hypercall, in the vCPU's own thread: it sleeps after the hypercall returned, until vcpu_wake(), an NMI, or an
 * interrupt that it would take (SCHEDOP_block, SCHEDOP_poll). */
void vcpu_block(struct vcpus *v, unsigned i);
void vcpu_wake(struct vcpus *v, unsigned i);

/* Host CPU time spent by vCPU i, and whether it sleeps now ('b' in xl list). Any thread. */
uint64_t vcpu_time_ns(struct vcpus *v, unsigned i);
bool vcpu_blocked(struct vcpus *v, unsigned i);
/* What its engine counts: engine_ops.vcpu_counters. Any thread. */
unsigned vcpu_counters(struct vcpus *v, unsigned i, struct engine_counter *counters);
int vcpus_trace(struct vcpus *v, int fd, uint64_t count); /* engine_ops.trace */

#endif
