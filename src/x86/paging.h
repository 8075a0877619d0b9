/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * paging.h: the page walk of all paging modes (SDM vol. 3 ch. 4), as a pure function over an ops table.
 */
#ifndef DOMUS_X86_PAGING_H
#define DOMUS_X86_PAGING_H

#include "x86/cpu.h"

#define X86_PHYS_BITS 46 /* MAXPHYADDR as CPUID leaf 80000008 tells the guest; bits above are reserved in entries */

enum x86_access {
    X86_ACCESS_READ = 0,
    X86_ACCESS_WRITE = 1,
    X86_ACCESS_EXEC = 2,
    X86_ACCESS_USER = 4,     /* CPL 3 (and not an implicit supervisor access) */
    X86_ACCESS_IMPLICIT = 8, /* descriptor tables, TSS: supervisor, and SMAP does not heed EFLAGS.AC */
    X86_ACCESS_PROBE = 16,   /* do not set A and D (debuggers, hypercalls' dry runs) */
};

struct x86_walk_ops {
    /* Host address of the aligned page-table entry at gpa (4 or 8 bytes), or NULL when that is not RAM. */
    void *(*entry)(void *opaque, gpa_t gpa, unsigned size);
    /* An entry was changed (A or D set); may be NULL. */
    void (*entry_written)(void *opaque, gpa_t gpa, unsigned size);
    void *opaque;
};

struct x86_walk {
    gpa_t gpa;          /* of the address itself */
    uint8_t page_shift; /* 12, 21, 22 or 30 */
    bool writable;      /* a write by this access's privilege is allowed, CR0.WP heeded */
    bool dirty;         /* D is set: a write entry may be cached */
    bool user, executable, global;
    uint32_t error; /* the #PF error code when the walk returned false */
};

/* Walks; sets A (and D on writes) with a locked compare-exchange, as the processor does. Without paging: gpa = gva.
 * False: #PF with w->error (the caller sets CR2). */
bool x86_walk(const struct x86_cpu *cpu, const struct x86_walk_ops *ops, gva_t gva, unsigned access,
              struct x86_walk *w);

#endif
