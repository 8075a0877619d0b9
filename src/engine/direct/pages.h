/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pages.h: which guest pages a stub has mapped, what is still to be mapped and unmapped there, and which code must not
 * run there because it would see the host's processor instead of the guest's.
 */
#ifndef DOMUS_ENGINE_DIRECT_PAGES_H
#define DOMUS_ENGINE_DIRECT_PAGES_H

#include "engine/direct/link.h"
#include "engine/interp/interp.h"

#define DIRECT_PAGES_MAX 24576u /* mapped at once, one mapping each at worst: the kernel allows 65530 */

struct direct_pages {
    uint64_t *slot;     /* open addressing: page address | flags; 0: free */
    uint32_t *ram_page; /* beside each slot */
    uint32_t *writer; /* by page of guest RAM: the slot that maps it writable, plus one; DIRECT_WRITERS: several did */
    unsigned size, used;
    uint64_t ram_pages;
    bool unmap_all;
    unsigned ops; /* in the link's commands */
    struct direct_code {
        gva_t page;
        const _Atomic uint32_t *version; /* of what was scanned */
        uint32_t seen;
    } * code;                        /* pages mapped executable */
    unsigned code_used, copies_used; /* copies: with traps, in the link's */
};

#define DIRECT_CODE_MAX 4096u
#define DIRECT_WRITERS  UINT32_MAX

/* BARRED: not to be run here, for what it holds or because it was written after it had been run. */
enum { DIRECT_PAGE_WRITE = 1, DIRECT_PAGE_EXEC = 2, DIRECT_PAGE_THERE = 4, DIRECT_PAGE_BARRED = 8 };

int direct_pages_init(struct direct_pages *p, uint64_t ram_bytes);
void direct_pages_fini(struct direct_pages *p);
unsigned direct_pages_find(const struct direct_pages *p, gva_t page); /* flags, or 0 */
/* Everything goes before the next run. */
void direct_pages_empty(struct direct_pages *p);
void direct_pages_remove(struct direct_pages *p, struct direct_link *l, gva_t page);
/* Wherever this page of guest RAM is mapped writable, it goes. */
void direct_pages_revoke(struct direct_pages *p, struct direct_link *l, uint64_t ram_page);

/* Pages of code that were written since they were mapped go. */
void direct_pages_heed_code(struct direct_pages *p, struct direct_link *l);

enum direct_fault { DIRECT_FAULT_MAPPED, DIRECT_FAULT_ENGINE, DIRECT_FAULT_CODE };
/* A fault of the stub: maps what the guest's tables allow, with what is around. ENGINE: not ours to map; CODE: code
 * that must not run there. error: x86's error code. */
enum direct_fault direct_pages_fault(struct direct_pages *p, struct direct_link *l, struct interp_vcpu *v,
                                     gva_t address, uint32_t error);
/* Sends what is to be done. False: the stub is of no more use. */
bool direct_pages_apply(struct direct_pages *p, struct direct_link *l);

#define DIRECT_TRAPS_MAX  64u
#define DIRECT_NEXT_BYTES 15u
/*
 * scan.c: where this page of code has opcodes that must not run in a stub: their number and offsets. next: the bytes
 * behind the page. -1: it has what may be such instructions and may be other instructions' bytes, or too many.
 */
int direct_scan(const uint8_t *page, const uint8_t *next, uint16_t traps[DIRECT_TRAPS_MAX]);
/* Makes an instruction that faults of that one. */
void direct_put_trap(uint8_t *page, unsigned at);

#endif
