/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * domain.h: the inside of struct xen_domain, shared by this room's files only. All of it is under the machine lock
 * unless a field says otherwise; guest memory is reached through machine/memory.h, guest pointers through the call.
 */
#ifndef DOMUS_XEN_DOMAIN_H
#define DOMUS_XEN_DOMAIN_H

#define __XEN_INTERFACE_VERSION__ 0x00041100
#define __XEN_TOOLS__             1

#include "machine/loop.h"
#include "machine/memory.h"
#include "x86/cpu.h"
#include "xen/xen.h"

#include <xen/errno.h>
#include <xen/event_channel.h>
#include <xen/hvm/params.h>

#define EVTCHN_PORTS          4096u /* 2-level, 64-bit layout */
#define EVTCHN_PORTS_32       1024u
#define EVTCHN_BACKENDS       1024u
#define GRANT_FRAMES_MAX      64u
#define GRANTS_PER_FRAME      512u
#define SHARED_VCPUS          32u /* vcpu_info slots in shared_info */
#define TIME_RECORD_BYTES     32u /* struct vcpu_time_info */
#define GFN_NONE              (~0ull)
#define GRANT_TABLE_V1        1u
#define TIME_NEVER            (~0ull)
#define XEN_PARAMS            39u /* HVM_NR_PARAMS, behind a guard in the public header */
#define XEN_VERSION_MAJOR     4u
#define XEN_VERSION_MINOR     17u
#define XEN_EXTRAVERSION      ".7"
#define XEN_CPUID_BASE        0x40000000u
#define XEN_MSR_HYPERCALL     0x40000000u
#define SHINFO_PENDING        0x800u
#define SHUTDOWN_CODE_INVALID (~0u)

enum evtchn_kind { EVTCHN_FREE, EVTCHN_UNBOUND, EVTCHN_INTERDOMAIN, EVTCHN_VIRQ, EVTCHN_IPI };

struct evtchn_port {
    uint8_t kind;         /* enum evtchn_kind */
    uint16_t vcpu;        /* that gets its events */
    uint16_t remote_dom;  /* UNBOUND, INTERDOMAIN: 0 or our own */
    uint32_t remote_port; /* INTERDOMAIN: a back end's number, or one of our ports */
    uint32_t virq;
};

struct evtchn_backend {
    xen_evtchn_handler handler; /* NULL: slot free */
    void *opaque;
    uint32_t port; /* the guest's end; 0: unbound, the guest may bind to us again */
};

struct xen_vcpu {
    struct xen_domain *domain;
    unsigned id;
    uint8_t dummy_info[64]; /* where no vcpu_info is: beyond 32 vCPUs, or its page has gone */
    gpa_t info_gpa;         /* registered vcpu_info; 0: the one in shared_info */
    bool upcall_lost;       /* the LAPIC was disabled when it should have been raised */
    uint8_t upcall_vector;  /* HVMOP_set_evtchn_upcall_vector; 0: the domain's callback */

    uint64_t tsc_offset;
    gpa_t time_gpa;      /* VCPUOP_register_vcpu_time_memory_area: a copy of the time record; 0: none */
    uint64_t created_ns; /* when it began to run, in Xen's system time */
    uint64_t single_ns;  /* TIME_NEVER: off; in Xen's system time */
    uint64_t period_ns;  /* 0: off */
    struct timer single, periodic;

    bool polling;      /* in SCHEDOP_poll or _block: any event wakes it */
    struct timer poll; /* SCHEDOP_poll's timeout */
};

struct xen_domain {
    struct xen_config config;
    struct xen_memory_range *map; /* owned copy */
    uint64_t current_pages;
    struct xen_vcpu *vcpu; /* [config.vcpus] */

    uint8_t *shared_info; /* a page of ours */
    gfn_t shared_info_gfn;
    bool shinfo32; /* the guest's layout is the 32-bit one */

    uint64_t param[XEN_PARAMS];
    bool callback_level; /* types 0 and 1: what we drive now */
    unsigned callback_type, callback_gsi, callback_device, callback_intx;
    uint8_t callback_vector;

    struct evtchn_port port[EVTCHN_PORTS];
    struct evtchn_backend backend[EVTCHN_BACKENDS];

    uint8_t *grant_table; /* GRANT_FRAMES_MAX pages of ours */
    gfn_t grant_gfn[GRANT_FRAMES_MAX];
    unsigned grant_frames, grant_frames_max;
    uint16_t grant_maps[GRANT_FRAMES_MAX * GRANTS_PER_FRAME]; /* back ends' mappings of an entry, writable ones */
    uint16_t grant_reads[GRANT_FRAMES_MAX * GRANTS_PER_FRAME];

    uint64_t time_anchor_ns, time_anchor_tsc; /* Xen's time is anchor_ns + scaled (host TSC - anchor_tsc) */
    uint32_t tsc_khz, tsc_mul;
    int8_t tsc_shift;
    bool time_paused;
    int64_t rtc_offset_s;
    unsigned shutdown_code; /* SCHEDOP_shutdown_code */
};

/* One hypercall in progress. */
struct xen_call {
    struct xen_domain *d;
    struct xen_vcpu *v;
    struct x86_cpu *cpu;
    const struct xen_guest_ops *guest;
    bool compat; /* 32-bit layouts */
    bool nested; /* inside a multicall */
    uint64_t arg[6];
};

/* Guest-linear copies; false: the address does not take them (-XEN_EFAULT). */
bool call_copy_in(struct xen_call *c, void *to, uint64_t gva, size_t len);
bool call_copy_out(struct xen_call *c, uint64_t gva, const void *from, size_t len);
/* One hypercall by number; needs the lock. */
int64_t hypercall_dispatch(struct xen_call *c, unsigned nr);
/* Is this domid the caller's own? */
bool domid_is_self(const struct xen_domain *d, unsigned domid);

/* One file each. */
int64_t version_op(struct xen_call *c);
int64_t memory_op(struct xen_call *c);
int64_t evtchn_op(struct xen_call *c);
int64_t hvm_op(struct xen_call *c);
int64_t sched_op(struct xen_call *c);
int64_t set_timer_op(struct xen_call *c);
int64_t vcpu_op(struct xen_call *c);
int64_t grant_op(struct xen_call *c);
int64_t console_io_op(struct xen_call *c);
int64_t vm_assist_op(struct xen_call *c);

/* shared_info.c */
int shared_info_init(struct xen_domain *d);
void shared_info_latch(struct xen_domain *d, bool is_32bit);
uint8_t *shared_info_pending(struct xen_domain *d);
uint8_t *shared_info_mask(struct xen_domain *d);
void shared_info_update_wallclock(struct xen_domain *d);
uint8_t *vcpu_info_at(struct xen_vcpu *v);  /* never NULL */
void vcpu_info_written(struct xen_vcpu *v); /* after bytes of it changed */
int64_t vcpu_info_register(struct xen_vcpu *v, gpa_t gpa);

/* upcall.c */
void upcall_raise(struct xen_vcpu *v); /* upcall_pending went from 0 to 1 */
void upcall_set_callback(struct xen_domain *d, uint64_t value);
bool upcall_is_pending(struct xen_vcpu *v);
void upcall_mark(struct xen_vcpu *v); /* sets upcall_pending and all selectors, raises */

/* event_channel.c */
void evtchn_raise(struct xen_domain *d, uint32_t port);
void evtchn_raise_virq(struct xen_vcpu *v, unsigned virq);
int evtchn_reset_all(struct xen_domain *d);
bool evtchn_is_pending(struct xen_domain *d, uint32_t port);
uint32_t evtchn_limit(const struct xen_domain *d);

/* time.c */
void time_scale(uint32_t khz, uint32_t *mul, int8_t *shift); /* of the pvclock */
void time_init(struct xen_domain *d);
void time_update_vcpu(struct xen_vcpu *v);
void time_update_all(struct xen_domain *d);
uint64_t time_to_loop_ns(struct xen_domain *d, uint64_t xen_ns);
void time_timers_init(struct xen_vcpu *v);
void time_timers_stop(struct xen_vcpu *v);
void time_set_single(struct xen_vcpu *v, uint64_t deadline_ns);
void time_set_period(struct xen_vcpu *v, uint64_t period_ns);

/* physmap.c: who stands behind a frame. All return 0 or -XEN_E*. */
int physmap_map_host(struct xen_domain *d, gfn_t gfn, void *host, gfn_t *old_gfn);
int physmap_populate(struct xen_domain *d, gfn_t gfn);
int physmap_remove(struct xen_domain *d, gfn_t gfn);
int physmap_move(struct xen_domain *d, gfn_t from, gfn_t to);

/* grant_table.c */
int grant_init(struct xen_domain *d);
void grant_fini(struct xen_domain *d);
int grant_grow(struct xen_domain *d, unsigned frames);

/* sched_op.c */
void sched_init(struct xen_vcpu *v);
void sched_wake(struct xen_vcpu *v); /* an event, masked or not: SCHEDOP_poll and _block end */

#endif
