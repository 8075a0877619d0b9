/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * paging.c: the page walk (SDM vol. 3 ch. 4): none, 32-bit with PSE, PAE, 4-level. Knows no TLB and no fault delivery.
 * Deviation: PAE's four PDPTEs are read at each walk instead of being kept from the load of CR3.
 */
#include "x86/paging.h"

#include <stdatomic.h>

#define PTE_P       0x1ull
#define PTE_W       0x2ull
#define PTE_U       0x4ull
#define PTE_A       0x20ull
#define PTE_D       0x40ull
#define PTE_PS      0x80ull
#define PTE_G       0x100ull
#define PTE_NX      (1ull << 63)
#define PTE_ADDRESS 0x000ffffffffff000ull

#define PF_P        1u
#define PF_W        2u
#define PF_U        4u
#define PF_RSVD     8u
#define PF_I        16u

#define MAX_LEVELS  4

struct step {
    void *entry;
    gpa_t gpa;
    uint64_t value;
};

struct walking {
    const struct x86_cpu *cpu;
    const struct x86_walk_ops *ops;
    unsigned access;
    unsigned entry_size;
    struct step steps[MAX_LEVELS];
    unsigned count;
};

static bool fail(const struct walking *k, struct x86_walk *w, uint32_t error)
{
    const struct x86_cpu *cpu = k->cpu;
    if (k->access & X86_ACCESS_WRITE)
        error |= PF_W;
    if (k->access & X86_ACCESS_USER)
        error |= PF_U;
    bool nx = (cpu->efer & X86_EFER_NX) && (cpu->cr4 & X86_CR4_PAE);
    if ((k->access & X86_ACCESS_EXEC) && (nx || (cpu->cr4 & X86_CR4_SMEP)))
        error |= PF_I;
    w->error = error;
    return false;
}

static bool take_step(struct walking *k, gpa_t gpa, uint64_t *value)
{
    struct step *s = &k->steps[k->count];
    s->gpa = gpa;
    s->entry = k->ops->entry(k->ops->opaque, gpa, k->entry_size);
    if (!s->entry)
        return false;
    s->value = k->entry_size == 8 ? atomic_load_explicit((_Atomic uint64_t *)s->entry, memory_order_relaxed)
                                  : atomic_load_explicit((_Atomic uint32_t *)s->entry, memory_order_relaxed);
    k->count++;
    *value = s->value;
    return (*value & PTE_P) != 0;
}

static bool set_bits(const struct walking *k, const struct step *s, uint64_t bits)
{
    bool ok;
    if (k->entry_size == 8) {
        uint64_t old = s->value;
        ok = atomic_compare_exchange_strong((_Atomic uint64_t *)s->entry, &old, old | bits);
    } else {
        uint32_t old = (uint32_t)s->value;
        ok = atomic_compare_exchange_strong((_Atomic uint32_t *)s->entry, &old, old | (uint32_t)bits);
    }
    if (ok && k->ops->entry_written)
        k->ops->entry_written(k->ops->opaque, s->gpa, k->entry_size);
    return ok;
}

/* False: an entry changed meanwhile, walk again. */
static bool mark(const struct walking *k)
{
    for (unsigned i = 0; i < k->count; i++) {
        const struct step *s = &k->steps[i];
        uint64_t bits = PTE_A;
        if (i + 1 == k->count && (k->access & X86_ACCESS_WRITE))
            bits |= PTE_D;
        if ((s->value & bits) != bits && !set_bits(k, s, bits))
            return false;
    }
    return true;
}

static bool allowed(const struct walking *k, struct x86_walk *w, bool page_writable)
{
    const struct x86_cpu *cpu = k->cpu;
    bool user = (k->access & X86_ACCESS_USER) != 0;
    bool exec = (k->access & X86_ACCESS_EXEC) != 0;
    w->writable = page_writable || (!user && !(cpu->cr0 & X86_CR0_WP));
    if (user && !w->user)
        return false;
    if ((k->access & X86_ACCESS_WRITE) && !w->writable)
        return false;
    if (exec && !w->executable)
        return false;
    if (user || !w->user)
        return true;
    if (exec)
        return !(cpu->cr4 & X86_CR4_SMEP);
    if (!(cpu->cr4 & X86_CR4_SMAP))
        return true;
    return !(k->access & X86_ACCESS_IMPLICIT) && (cpu->rflags & X86_AC);
}

static bool finish(struct walking *k, struct x86_walk *w, uint64_t leaf, unsigned shift, bool writable, gva_t gva,
                   uint64_t address)
{
    w->page_shift = (uint8_t)shift;
    w->global = (leaf & PTE_G) && (k->cpu->cr4 & X86_CR4_PGE);
    w->gpa = address + (gva & ((1ull << shift) - 1));
    w->dirty = (leaf & PTE_D) || (k->access & X86_ACCESS_WRITE);
    return allowed(k, w, writable);
}

static bool walk_32(struct walking *k, gva_t gva, struct x86_walk *w)
{
    uint64_t pde, pte;
    k->entry_size = 4;
    w->executable = true;
    if (!take_step(k, (k->cpu->cr3 & 0xfffff000u) + (gva >> 22 & 0x3ff) * 4, &pde))
        return fail(k, w, 0);
    w->user = (pde & PTE_U) != 0;
    if ((pde & PTE_PS) && (k->cpu->cr4 & X86_CR4_PSE)) {
        uint64_t address = (pde & 0xffc00000u) | (pde >> 13 & 0xff) << 32;
        if (pde & (1u << 21))
            return fail(k, w, PF_P | PF_RSVD);
        return finish(k, w, pde, 22, (pde & PTE_W) != 0, gva, address) ? true : fail(k, w, PF_P);
    }
    if (!take_step(k, (pde & 0xfffff000u) + (gva >> 12 & 0x3ff) * 4, &pte))
        return fail(k, w, 0);
    w->user = w->user && (pte & PTE_U);
    return finish(k, w, pte, 12, (pde & pte & PTE_W) != 0, gva, pte & 0xfffff000u) ? true : fail(k, w, PF_P);
}

/* The last three levels of PAE and all of 4-level paging. */
static bool walk_64(struct walking *k, gva_t gva, struct x86_walk *w, uint64_t table, unsigned level)
{
    bool writable = true, nx_on = (k->cpu->efer & X86_EFER_NX) != 0;
    uint64_t high = ~((1ull << X86_PHYS_BITS) - 1) & PTE_ADDRESS, reserved = high | (nx_on ? 0 : PTE_NX);
    w->user = w->executable = true;
    for (;; level--) {
        uint64_t e;
        unsigned shift = 3 + 9 * level;
        if (!take_step(k, table + (gva >> shift & 0x1ff) * 8, &e))
            return fail(k, w, 0);
        if (e & reserved)
            return fail(k, w, PF_P | PF_RSVD);
        w->user = w->user && (e & PTE_U);
        w->executable = w->executable && !(e & PTE_NX);
        writable = writable && (e & PTE_W);
        if (level == 1 || ((e & PTE_PS) && level <= 3)) {
            uint64_t offset = (1ull << shift) - 1;
            if (level > 1 && (e & PTE_ADDRESS & offset & ~0x1000ull))
                return fail(k, w, PF_P | PF_RSVD);
            return finish(k, w, e, shift, writable, gva, e & PTE_ADDRESS & ~offset) ? true : fail(k, w, PF_P);
        }
        if (level == 4 && (e & PTE_PS))
            return fail(k, w, PF_P | PF_RSVD);
        table = e & PTE_ADDRESS;
    }
}

static bool walk_pae(struct walking *k, gva_t gva, struct x86_walk *w)
{
    struct walking top = *k;
    uint64_t pdpte;
    k->entry_size = top.entry_size = 8;
    if (!take_step(&top, (k->cpu->cr3 & 0xffffffe0u) + (gva >> 30 & 3) * 8, &pdpte))
        return fail(k, w, 0);
    return walk_64(k, gva, w, pdpte & PTE_ADDRESS, 2); /* a PDPTE has no rights and no A bit */
}

bool x86_walk(const struct x86_cpu *cpu, const struct x86_walk_ops *ops, gva_t gva, unsigned access, struct x86_walk *w)
{
    if (!(cpu->cr0 & X86_CR0_PG)) {
        *w = (struct x86_walk){
            .gpa = gva, .page_shift = PAGE_SHIFT_4K, .writable = true, .dirty = true, .user = true, .executable = true};
        return true;
    }
    for (;;) {
        struct walking k = {.cpu = cpu, .ops = ops, .access = access, .entry_size = 8};
        bool ok;
        *w = (struct x86_walk){0};
        if (cpu->efer & X86_EFER_LMA)
            ok = walk_64(&k, gva, w, cpu->cr3 & PTE_ADDRESS, 4);
        else if (cpu->cr4 & X86_CR4_PAE)
            ok = walk_pae(&k, gva, w);
        else
            ok = walk_32(&k, gva, w);
        if (!ok)
            return false;
        if ((access & X86_ACCESS_PROBE) || mark(&k))
            return true;
    }
}
