/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tlb.h: a vCPU's cached translations, by address space (SDM vol. 3, 4.10). A space is what one privilege sees: the
 * kernel's without and with EFLAGS.AC (SMAP), and users', one for each of the last PCIDs. Kernel spaces outlive CR3 as
 * far as pages are global; users' outlive it when the guest says so (bit 63 of the new CR3).
 *
 * Tables are direct-mapped by the low 16 bits of the page number, with whole tags: 2 MiB reserved each, of which only
 * what is used gets memory. Translated code reads them too.
 */
#ifndef DOMUS_ENGINE_INTERP_TLB_H
#define DOMUS_ENGINE_INTERP_TLB_H

#include "base/types.h"

struct interp_vcpu;
struct x86_walk;

#define INTERP_TLB_BITS    16
#define INTERP_TLB_SIZE    (1u << INTERP_TLB_BITS)
#define INTERP_LEAF_BITS   7 /* entries in a host page of a table */
#define INTERP_LEAVES      (INTERP_TLB_SIZE >> INTERP_LEAF_BITS)
#define INTERP_SPACE_FRONT 528384u /* bytes in front of a table, for a translator */

enum interp_bank { INTERP_BANK_KERNEL, INTERP_BANK_USER, INTERP_BANK_KERNEL_AC, INTERP_BANK_SLOW, INTERP_BANKS };

#define INTERP_USER_SPACES 8
/* Of interp_vcpu.spaces. SLOW's table stays empty. */
enum { INTERP_SPACE_KERNEL, INTERP_SPACE_KERNEL_AC, INTERP_SPACE_SLOW, INTERP_SPACE_USER };
#define INTERP_SPACES (INTERP_SPACE_USER + INTERP_USER_SPACES)

/*
 * Adding a linear address to `read` or `write` gives the offset in the page when the entry holds that page and allows
 * that, and something of a page's size or more when not, even with an operand's size added. What allows nothing is
 * zero, but for the first and the last entry; one more in `write` says that only code in the page forbids writing.
 */
struct interp_entry {
    uint64_t read, write; /* minus the page's linear address */
    uint8_t *host;        /* the page */
    uint64_t delta;       /* host - linear address */
};

enum interp_writable { INTERP_WRITE_NO, INTERP_WRITE_YES, INTERP_WRITE_CODE };
#define INTERP_CODE_IN_IT 1u /* in interp_entry.write */

/* Where a host page is for the guest, of pages with code that were written lately. */
#define INTERP_BESIDE 64u
struct interp_beside {
    uint64_t minus_host; /* minus the page's address; 0: none */
    uint64_t gpa;
    struct interp_code_page *page;
    uint64_t unused; /* so that its size is a power of two */
};

struct interp_space {
    struct interp_entry *table;
    uint64_t used[INTERP_LEAVES / 64];  /* leaves with entries */
    uint64_t local[INTERP_LEAVES / 64]; /* those with entries of pages that are not global */
    uint64_t executed[1024];            /* a hash set of pages that code was fetched from */
    uint16_t generation;                /* 1..1023, no two spaces': of keys in interp_vcpu.jump and .exec */
    uint16_t pcid;                      /* of a user space; 0xffff: none */
    bool executed_local;                /* code was fetched from pages that are not global */
    bool direct;                        /* a translator's: user code of this space runs by interp_tier.run_user */
    uint64_t root;                      /* of a user space: CR3's table */
};

/* Where write entries of host pages are, by a hash of the page. */
#define INTERP_WRITERS_BITS 13
struct interp_writers {
    uint32_t entry[7]; /* number of the space << INTERP_TLB_BITS | index; 0: none */
    uint32_t overflow; /* and elsewhere too */
};

int interp_tlb_init(struct interp_vcpu *v);
void interp_tlb_fini(struct interp_vcpu *v);
void interp_flush_tlb(struct interp_vcpu *v); /* all of it */
void interp_flush_page(struct interp_vcpu *v, gva_t lin);
void interp_load_cr3(struct interp_vcpu *v, uint64_t value); /* bit 63 with PCIDs: keep what is cached */
void interp_flush_pcid(struct interp_vcpu *v, uint16_t pcid);
struct interp_space *interp_space_of(struct interp_vcpu *v, enum interp_bank bank);
/* Code was fetched from lin's page, by the present privilege. */
void interp_note_executed(struct interp_vcpu *v, gva_t lin, const struct x86_walk *w);
void interp_tlb_insert(struct interp_vcpu *v, struct interp_space *s, gva_t lin, const struct x86_walk *w,
                       uint8_t *host, enum interp_writable write);
/* This vCPU's write entries of a host page go. */
void interp_revoke_writes(struct interp_vcpu *v, const uint8_t *host);

#endif
