/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine.h: what runs guest instructions. The makers are interp/ (the reference), jit/ (the translator) and kvm/.
 *
 * An engine knows the processor and guest memory; the Xen ABI, the LAPIC and all chips are behind engine_host. One host
 * thread per vCPU calls vcpu_run(). Engines keep the architectural state in struct x86_cpu whenever a callback or an
 * exit happens (all of it, exact), so hosts may read and change it there.
 */
#ifndef DOMUS_ENGINE_ENGINE_H
#define DOMUS_ENGINE_ENGINE_H

#include "base/types.h"
#include "machine/memory.h"
#include "x86/cpu.h"

#include <stdatomic.h>

struct engine;
struct engine_vcpu;

/* Set by any thread with atomic_fetch_or, then engine_ops.kick(). The engine looks at block boundaries. */
enum engine_request {
    ENGINE_REQ_INTR = 1,   /* interrupt_pending may have something: ask when IF and shadow allow. Stays set until the
                              host clears it: level semantics, host's business */
    ENGINE_REQ_NMI = 2,    /* engine clears it on delivery */
    ENGINE_REQ_INIT = 4,   /* vcpu_run returns ENGINE_EXIT_REQUEST; the host acts and clears */
    ENGINE_REQ_SIPI = 8,   /* the same */
    ENGINE_REQ_STOP = 16,  /* the same: pause, shutdown, debugger */
    ENGINE_REQ_FLUSH = 32, /* the engine's own: drop cached translations of guest memory; engine clears */
};

enum engine_exit {
    ENGINE_EXIT_HALT,         /* HLT, nothing to deliver: state.activity is X86_HALTED. Run again after a request */
    ENGINE_EXIT_REQUEST,      /* one of INIT, SIPI, STOP is set */
    ENGINE_EXIT_TRIPLE_FAULT, /* the processor would shut down */
    ENGINE_EXIT_ERROR,        /* the engine itself failed; it logged why */
};

/* All called in the vCPU's own thread, the machine lock not held. cpu is exact and may be changed where said. */
struct engine_host {
    uint64_t (*port_read)(void *opaque, uint16_t port, unsigned size);
    void (*port_write)(void *opaque, uint16_t port, unsigned size, uint64_t value);
    uint64_t (*mmio_read)(void *opaque, gpa_t gpa, unsigned size); /* size 1, 2, 4, 8; wider accesses are split */
    void (*mmio_write)(void *opaque, gpa_t gpa, unsigned size, uint64_t value);
    /* MSRs that are not in struct x86_cpu (APIC base, x2APIC, Xen's, ...). False: #GP. */
    bool (*msr_read)(void *opaque, uint32_t msr, uint64_t *value);
    bool (*msr_write)(void *opaque, uint32_t msr, uint64_t value);
    /* eax, ebx, ecx, edx as the guest shall see them. The dynamic bits (OSXSAVE, APIC on, leaf D sizes) included. */
    void (*cpuid)(void *opaque, uint32_t leaf, uint32_t subleaf, uint32_t out[4]);
    /* VMCALL or VMMCALL, at any CPL; rip already behind it. Changes cpu->gpr (and, for some, everything). */
    void (*hypercall)(void *opaque, struct x86_cpu *cpu);
    /* A vector to deliver now (acknowledged: the LAPIC moved IRR to ISR), or -1: nothing after all. */
    int (*interrupt_ack)(void *opaque);
    /* MOV to and from CR8, kept in the LAPIC's TPR. */
    uint64_t (*cr8_read)(void *opaque);
    void (*cr8_write)(void *opaque, uint64_t value);
    /* REP INS to RAM: the same as count reads, each stored behind the other. May be NULL. */
    void (*port_read_many)(void *opaque, uint16_t port, unsigned size, void *to, unsigned count);
    /* FERR#: with CR0.NE clear, a pending x87 exception met an instruction that waits for it, or it is gone again.
     * True: IGNNE# is asserted, the instruction runs; else the processor halts before it. May be NULL: always true. */
    bool (*fpu_error)(void *opaque, bool pending);
};

/* Something an engine counts, since the vCPU was made. */
struct engine_counter {
    const char *name;
    uint64_t value;
};
#define ENGINE_COUNTERS_MAX 32u

struct engine_ops {
    const char *name;
    /* 0, or -errno with one log line that says why this host cannot. memory is borrowed and gets a listener. */
    int (*create)(struct engine **engine, struct memory *memory, unsigned max_vcpus);
    void (*destroy)(struct engine *engine); /* after all vCPU threads have ended; NULL is fine */

    /* requests: the word that others set bits in, borrowed. host is copied. NULL when memory runs out. */
    struct engine_vcpu *(*vcpu_create)(struct engine *engine, unsigned index, _Atomic uint32_t *requests,
                                       const struct engine_host *host, void *opaque);
    struct x86_cpu *(*vcpu_state)(struct engine_vcpu *v); /* only while v does not run, or from its callbacks */
    void (*vcpu_changed)(struct engine_vcpu *v); /* after the host changed state other than GPRs: modes, tables */
    enum engine_exit (*vcpu_run)(struct engine_vcpu *v);
    void (*vcpu_kick)(struct engine_vcpu *v); /* any thread: look at the request word soon */
    /* Guest-linear to guest-physical for hypercall arguments, in v's present mode, in v's thread. access: enum
     * x86_access. 0 or -EFAULT. */
    int (*vcpu_translate)(struct engine_vcpu *v, gva_t gva, unsigned access, gpa_t *gpa);
    /* At most ENGINE_COUNTERS_MAX, always in the same order; their number. Any thread: what v counts may be some
     * behind. */
    unsigned (*vcpu_counters)(struct engine_vcpu *v, struct engine_counter *counters);
    /* The next `count` instructions of all vCPUs go into fd as text, a line each, with the events between them; the
     * guest is slow meanwhile. Takes fd, also when it fails, and empties the file unless it does. Any thread. 0 or
     * -errno; -EBUSY: one is being written. */
    int (*trace)(struct engine *e, int fd, uint64_t count);
};

extern const struct engine_ops engine_interp;
extern const struct engine_ops engine_jit;
bool engine_jit_possible(void);                  /* on this host's processor */
extern const struct engine_ops engine_jit_eager; /* translates at first sight: for tests */

#endif
