/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest.h: a make-believe guest for the tests of this room: some RAM, vCPUs that are only registers, flat addresses,
 * and a machine that writes down what it was asked.
 */
#ifndef DOMUS_TESTS_XEN_GUEST_H
#define DOMUS_TESTS_XEN_GUEST_H

#include "machine/lifecycle.h"
#include "xen/domain.h"

#define GUEST_RAM   (4u << 20) /* mapped from 0 */
#define GUEST_SPARE 64u        /* pages that populate_physmap may use */
#define GUEST_VCPUS 4u
#define GUEST_STORE 0x3f0u /* frames inside RAM */
#define GUEST_CONS  0x3f1u

struct guest {
    struct memory *memory;
    struct loop *loop;
    struct lifecycle life;
    struct xen_domain *d;
    struct x86_cpu cpu[GUEST_VCPUS];
    bool mode64;

    unsigned raised[GUEST_VCPUS], kicked[GUEST_VCPUS], blocked[GUEST_VCPUS], woken[GUEST_VCPUS], nmis[GUEST_VCPUS];
    uint8_t vector;
    bool lapic_off;
    unsigned gsi, intx_device, intx;
    bool gsi_level, intx_level, ioports;
    int life_reason; /* -1: none */
    char log[256];
    unsigned log_used;
};

void guest_init(struct guest *g);
void guest_fini(struct guest *g);
/* A hypercall from vCPU `vcpu` in g's mode. */
int64_t guest_call(struct guest *g, unsigned vcpu, unsigned nr, uint64_t a0, uint64_t a1, uint64_t a2);
/* The same with a struct in guest memory as argument `at` (1 or 2); copied back after the call. */
int64_t guest_op(struct guest *g, unsigned vcpu, unsigned nr, uint64_t cmd, void *arg, size_t len);
void guest_mode(struct guest *g, bool mode64); /* of all vCPUs, and latched for shared_info */
uint8_t *guest_at(struct guest *g, gpa_t gpa);

enum {
    NR_MEMORY = 12,
    NR_MULTI = 13,
    NR_TIMER = 15,
    NR_VERSION = 17,
    NR_CONSOLE = 18,
    NR_GRANT = 20,
    NR_ASSIST = 21,
    NR_VCPU = 24,
    NR_SCHED = 29,
    NR_EVTCHN = 32,
    NR_HVM = 34
};

#endif
