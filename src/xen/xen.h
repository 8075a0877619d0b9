/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xen.h: the Xen ABI of one domain, as the vCPU room and the board see it.
 *
 * Knows hypercalls, event channels, grants, time and the pages behind them; not which engine runs the guest, nor what
 * an interrupt controller is: those come in through struct xen_host. (Xen 4.17, public headers.)
 *
 * Locks: xen_hypercall, xen_msr_* and xen_cpuid are for vCPU threads without the machine lock; everything else wants it
 * held. Calls into struct xen_host come with it held.
 */
#ifndef DOMUS_XEN_XEN_H
#define DOMUS_XEN_XEN_H

#include "base/types.h"

struct chardev;
struct lifecycle;
struct loop;
struct memory;
struct store;
struct x86_cpu;
struct xen_domain;

#define XEN_MAX_VCPUS 128

/* What the ABI needs from the machine. Any pointer may be NULL: nothing is wired there. Copied. */
struct xen_host {
    bool (*lapic_raise)(void *opaque, unsigned vcpu, uint8_t vector); /* fixed, edge; false: LAPIC is disabled */
    void (*upcall_kick)(void *opaque, unsigned vcpu); /* xen_upcall_vector() has one: ENGINE_REQ_INTR, then kick */
    void (*vcpu_block)(void *opaque, unsigned vcpu);  /* from its own hypercall: sleep once that has returned */
    void (*vcpu_wake)(void *opaque, unsigned vcpu);
    void (*nmi_raise)(void *opaque, unsigned vcpu);
    void (*gsi_set)(void *opaque, unsigned gsi, bool level);
    void (*intx_set)(void *opaque, unsigned device, unsigned intx, bool level); /* device on bus 0; intx 0..3 */
    void (*acpi_ioports_moved)(void *opaque, bool at_b000);                     /* HVM_PARAM_ACPI_IOPORTS_LOCATION */
    void (*guest_log)(void *opaque, const char *text, size_t n);                /* CONSOLEIO_write: the guest's log */
    void *opaque;
};

struct xen_memory_range { /* as the guest's XENMEM_memory_map says it; type: 1 RAM, 2 reserved */
    uint64_t start, length;
    uint32_t type;
};

struct xen_config {
    struct memory *memory; /* borrowed, as the next two */
    struct loop *loop;
    struct lifecycle *life; /* may be NULL */
    struct xen_host host;

    uint16_t domid;
    uint8_t uuid[16];
    unsigned vcpus;
    bool vmmcall;      /* the guest's CPUID says AMD or Hygon: the hypercall page uses VMMCALL */
    bool rdtscp;       /* shown in the time leaf */
    uint32_t tsc_mode; /* as in xl.cfg: 0 default, 1 always emulate, 2 native, 3 native paravirt */
    uint32_t tsc_khz;  /* of the host; 0: measured, which takes 10 ms */
    int64_t rtc_offset_s;
    unsigned max_grant_frames; /* 0: 64 */
    gfn_t store_gfn, console_gfn;
    uint64_t current_pages, max_pages; /* what the guest has, and may have */
    const struct xen_memory_range *map;
    unsigned map_count;
};

/* 0 or -errno (said once in the log). */
int xen_domain_create(struct xen_domain **d, const struct xen_config *config);
void xen_domain_destroy(struct xen_domain *d); /* NULL is fine */
/* Pages the guest has now: ballooning changes them. Machine lock held. */
uint64_t xen_domain_pages(const struct xen_domain *d);

/* ---- The vCPU room calls these. ---- */

/* Guest-linear memory of the calling vCPU in its present mode: 0, or -EFAULT. */
struct xen_guest_ops {
    int (*copy_from_guest)(void *opaque, void *to, gva_t from, size_t len);
    int (*copy_to_guest)(void *opaque, gva_t to, const void *from, size_t len);
    int (*translate)(void *opaque, gva_t gva, gpa_t *gpa); /* of an address to be written; NULL: cannot */
    void *opaque;
};
/* VMCALL or VMMCALL, in the vCPU's thread; the result goes to cpu's RAX. */
void xen_hypercall(struct xen_domain *d, unsigned vcpu, struct x86_cpu *cpu, const struct xen_guest_ops *guest);
/* False: not Xen's MSR, or a value it refuses: #GP. */
bool xen_msr_read(struct xen_domain *d, unsigned vcpu, uint32_t msr, uint64_t *value);
bool xen_msr_write(struct xen_domain *d, unsigned vcpu, const struct x86_cpu *cpu, uint32_t msr, uint64_t value);
/* Leaves 0x40000000 to 0x4FFFFFFF are ours; false for all others. */
bool xen_cpuid(struct xen_domain *d, unsigned vcpu, uint32_t leaf, uint32_t subleaf, uint32_t out[4]);
/* The vector of a type 2 callback to inject now, before the LAPIC's, without an EOI; -1: none. */
int xen_upcall_vector(struct xen_domain *d, unsigned vcpu);

/* ---- The machine tells us. ---- */

/* The guest may have cleared its upcall flag: call before an EOI looks at the level of callback types 0 and 1. */
void xen_upcall_sync(struct xen_domain *d);
/* The LAPIC of this vCPU has been software-enabled: an upcall that waited is raised again. */
void xen_lapic_enabled(struct xen_domain *d, unsigned vcpu);
/* The guest's TSC of this vCPU now is the host's plus `offset`. (Every hypercall tells it too.) */
void xen_time_set_tsc_offset(struct xen_domain *d, unsigned vcpu, uint64_t offset);
/* Guest time was stopped or runs again: call beside loop_pause_time(). */
void xen_time_pause(struct xen_domain *d, bool paused);
/* The RTC's offset from UTC changed. */
void xen_time_set_rtc_offset(struct xen_domain *d, int64_t offset_s);
uint64_t xen_time_now_ns(struct xen_domain *d); /* Xen's system time of this domain */
uint32_t xen_time_tsc_khz(struct xen_domain *d);

/* ---- Parameters; the toolstack's side, no permission checks. ---- */
uint64_t xen_param_get(struct xen_domain *d, unsigned index);
void xen_param_set(struct xen_domain *d, unsigned index, uint64_t value);

/*
 * Back ends' ends of event channels. A back end is number >= 1 in domain 0's name; handlers run with the lock held, in
 * whichever thread sent the event. -errno on failure.
 */
typedef void (*xen_evtchn_handler)(void *opaque);
/* A new guest port connected to a new back end (store, console): *port is what the guest is told. */
int xen_evtchn_create_pair(struct xen_domain *d, xen_evtchn_handler handler, void *opaque, uint32_t *port);
/* Connects to a port that the guest allocated for domain 0 (it wrote the number to xenstore). */
int xen_evtchn_connect(struct xen_domain *d, uint32_t port, xen_evtchn_handler handler, void *opaque);
void xen_evtchn_notify(struct xen_domain *d, int backend);     /* an event to the guest; lost while not connected */
void xen_evtchn_disconnect(struct xen_domain *d, int backend); /* the back end goes; <= 0 is fine */

/*
 * Grants, as a back end sees them. The page stays where the guest had it when it was mapped.
 * flags: what the guest allowed and we asked; NULL when the entry does not allow it or is not RAM.
 */
void *xen_grant_map(struct xen_domain *d, uint32_t ref, bool write);
void xen_grant_unmap(struct xen_domain *d, uint32_t ref, bool write);
/* Writes the entry of a reserved reference (0: console, 1: store), as the toolstack does before the guest runs. */
void xen_grant_seed(struct xen_domain *d, uint32_t ref, gfn_t gfn);

/* ---- Rings that live as long as the domain. ---- */
struct xen_store_ring;
/* Serves the ring page of store_gfn from `store` (borrowed); sets HVM_PARAM_STORE_EVTCHN. NULL with errno. */
struct xen_store_ring *xen_store_ring_create(struct xen_domain *d, struct store *store);
void xen_store_ring_destroy(struct xen_store_ring *r);

struct xen_console;
/* Serves the console page; sets HVM_PARAM_CONSOLE_EVTCHN. chardev is borrowed and may be NULL: output is dropped. */
struct xen_console *xen_console_create(struct xen_domain *d, struct chardev *chardev);
void xen_console_destroy(struct xen_console *c);

#endif
