/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cpuid.h: the processor a guest is shown: the host's vendor and model with the features that our engines carry out and
 * the host has. The hypervisor's leaves (4000xxxx) are their owner's business. After Xen 4.17's policy for HVM guests.
 */
#ifndef DOMUS_X86_CPUID_H
#define DOMUS_X86_CPUID_H

#include "x86/cpu.h"

struct x86_cpuid_host { /* the host's own leaves, read once (CPUID is slow inside a virtual machine) */
    uint32_t basic[0x20][4];
    uint32_t cache[8][4]; /* leaf 4 */
    uint32_t features7_1[4];
    uint32_t xsave1[4]; /* leaf D, subleaf 1 */
    uint32_t extended[9][4];
    uint32_t basic_max, extended_max;
};

struct x86_cpuid_policy {
    unsigned vcpus;
    bool x2apic, tsc_deadline; /* does the LAPIC model have them? */
    /*
     * The guest's kernel does not run as itself, so its mitigations of speculative execution would cost much and keep
     * nothing: it is told that none is needed. True of interp and jit (docs/jit.md).
     */
    bool interpreted;
};

/* The dynamic part of one virtual processor. */
struct x86_cpuid_vcpu {
    unsigned index;
    bool apic_on; /* IA32_APIC_BASE.EN */
    const struct x86_cpu *cpu;
};

void x86_cpuid_read_host(struct x86_cpuid_host *host);

/* All leaves but the hypervisor's; those out of range are zero. */
void x86_cpuid(const struct x86_cpuid_host *host, const struct x86_cpuid_policy *policy,
               const struct x86_cpuid_vcpu *vcpu, uint32_t leaf, uint32_t subleaf, uint32_t out[4]);

/* IA32_ARCH_CAPABILITIES (MSR 10A) as a guest of an interpreter sees it: affected by nothing. */
#define X86_ARCH_CAPABILITIES                                                                                      \
    (1ull << 0 | 1ull << 1 | 1ull << 3 | 1ull << 4 | 1ull << 5 | 1ull << 6 | 1ull << 8 | 1ull << 13 | 1ull << 14 | \
     1ull << 15 | 1ull << 20 | 1ull << 24 | 1ull << 26 | 1ull << 27 | 1ull << 62)

#endif
