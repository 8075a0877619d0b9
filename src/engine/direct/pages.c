/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/direct/pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SLOTS        65536u /* twice what may be mapped, and more */
#define AROUND_PAGES 32u
#define LARGE_PAGES  512u
#define LOWEST       0x10000u /* where hosts let plain users map (vm.mmap_min_addr) */
#define PF_WRITE     2u
#define PF_FETCH     16u

int direct_pages_init(struct direct_pages *p, uint64_t ram_bytes)
{
    memset(p, 0, sizeof *p);
    p->ram_pages = ram_bytes >> PAGE_SHIFT_4K;
    p->slot = calloc(SLOTS, sizeof *p->slot);
    p->ram_page = calloc(SLOTS, sizeof *p->ram_page);
    p->writer = calloc(p->ram_pages + 1, sizeof *p->writer); /* of which little is touched */
    p->code = calloc(DIRECT_CODE_MAX, sizeof *p->code);
    return p->slot && p->ram_page && p->writer && p->code ? 0 : -ENOMEM;
}

void direct_pages_fini(struct direct_pages *p)
{
    free(p->slot);
    free(p->ram_page);
    free(p->writer);
    free(p->code);
    memset(p, 0, sizeof *p);
}

/* --- what is mapped --- */

static unsigned place(const struct direct_pages *p, gva_t page)
{
    unsigned i = (unsigned)((page >> PAGE_SHIFT_4K) * 0x9e3779b97f4a7c15ull >> 48);
    while (p->slot[i] && (p->slot[i] & ~PAGE_MASK_4K) != page)
        i = (i + 1) % SLOTS;
    return i;
}

unsigned direct_pages_find(const struct direct_pages *p, gva_t page)
{
    return (unsigned)(p->slot[place(p, page)] & 15);
}

static unsigned put(struct direct_pages *p, gva_t page, unsigned flags, uint64_t ram_page)
{
    unsigned i = place(p, page);
    if (!p->slot[i])
        p->used++;
    p->slot[i] = page | flags;
    p->ram_page[i] = (uint32_t)ram_page;
    return i;
}

void direct_pages_empty(struct direct_pages *p)
{
    if (p->used) {
        for (unsigned i = 0; i < SLOTS; i++) {
            if (p->slot[i])
                p->writer[p->ram_page[i]] = 0;
        }
        memset(p->slot, 0, SLOTS * sizeof *p->slot);
        p->used = p->code_used = p->copies_used = 0;
        p->unmap_all = true;
    }
    p->ops = 0;
}

static bool add_op(struct direct_pages *p, struct direct_link *l, struct direct_op op)
{
    if (p->ops == DIRECT_OPS)
        return false;
    l->commands->op[p->ops++] = op;
    return true;
}

/* Its slot stays, without rights, as the chain of probes wants it. */
void direct_pages_remove(struct direct_pages *p, struct direct_link *l, gva_t page)
{
    unsigned i = place(p, page);
    if (!(p->slot[i] & DIRECT_PAGE_THERE))
        return;
    p->slot[i] &= ~7ull;
    if (!add_op(p, l, (struct direct_op){.kind = DIRECT_UNMAP, .address = page, .bytes = PAGE_BYTES}))
        direct_pages_empty(p);
}

void direct_pages_revoke(struct direct_pages *p, struct direct_link *l, uint64_t ram_page)
{
    if (!p->used || ram_page >= p->ram_pages || !p->writer[ram_page])
        return;
    const uint32_t writer = p->writer[ram_page];
    const unsigned first = writer == DIRECT_WRITERS ? 0 : writer - 1,
                   last = writer == DIRECT_WRITERS ? SLOTS - 1 : first;
    p->writer[ram_page] = 0;
    for (unsigned i = first; i <= last; i++) {
        if (p->ram_page[i] == ram_page && (p->slot[i] & DIRECT_PAGE_WRITE))
            direct_pages_remove(p, l, p->slot[i] & ~PAGE_MASK_4K);
    }
}

bool direct_pages_apply(struct direct_pages *p, struct direct_link *l)
{
    if (p->unmap_all) {
        const struct direct_op low = {.kind = DIRECT_UNMAP, .bytes = DIRECT_BASE};
        const struct direct_op high = {.kind = DIRECT_UNMAP, .address = DIRECT_END, .bytes = DIRECT_TOP - DIRECT_END};
        /* Whatever else is waiting was asked for after the emptying. */
        if (p->ops + 2 > DIRECT_OPS)
            return false;
        memmove(&l->commands->op[2], &l->commands->op[0], p->ops * sizeof l->commands->op[0]);
        l->commands->op[0] = low;
        l->commands->op[1] = high;
        p->ops += 2;
        p->unmap_all = false;
    }
    unsigned n = p->ops;
    p->ops = 0;
    return n == 0 || direct_link_map(l, n);
}

/* --- mapping --- */

struct found {
    gpa_t gpa;
    uint64_t offset; /* in the guest's memory */
    unsigned flags, page_shift;
    bool executable;
    bool copied; /* what is mapped is the copy with traps at this offset of the link's file */
    uint64_t copy_offset;
};

/* What the guest's tables say of a page; sets A, and D for writes. False: not there, not allowed, or not RAM. */
static bool look(struct interp_vcpu *v, gva_t page, unsigned access, struct found *f)
{
    struct x86_walk w;
    if (!interp_walk(v, page, X86_ACCESS_USER | access, &w))
        return false;
    struct memory_page m = memory_lookup(v->memory, w.gpa >> PAGE_SHIFT_4K);
    f->offset = (uint64_t)(m.host - memory_ram(v->memory));
    if (!m.host || m.host < memory_ram(v->memory) || f->offset >= memory_ram_bytes(v->memory) ||
        (m.flags & (MEMORY_READONLY | MEMORY_LOGGED)))
        return false;
    f->gpa = w.gpa & ~PAGE_MASK_4K;
    f->page_shift = w.page_shift;
    f->executable = w.executable;
    f->copied = false;
    f->flags = w.writable && w.dirty && !(m.flags & MEMORY_CODE) ? DIRECT_PAGE_WRITE : 0;
    return true;
}

static bool is_stubs(gva_t page)
{
    return (page >= DIRECT_BASE && page < DIRECT_END) || page >= DIRECT_TOP || page < LOWEST;
}

static void note(struct direct_pages *p, gva_t page, const struct found *f, unsigned flags)
{
    const uint64_t ram_page = f->offset >> PAGE_SHIFT_4K;
    const unsigned i = put(p, page, flags, ram_page);
    if (flags & DIRECT_PAGE_WRITE)
        p->writer[ram_page] = !p->writer[ram_page] || p->writer[ram_page] == i + 1 ? i + 1 : DIRECT_WRITERS;
}

static uint64_t prot_of(unsigned flags)
{
    return PROT_READ | (flags & DIRECT_PAGE_WRITE ? PROT_WRITE : 0) | (flags & DIRECT_PAGE_EXEC ? PROT_EXEC : 0);
}

/* One page more, in the last operation when it goes on from there. */
static bool map_page(struct direct_pages *p, struct direct_link *l, gva_t page, const struct found *f, unsigned flags)
{
    struct direct_op *last = p->ops ? &l->commands->op[p->ops - 1] : NULL;
    uint64_t prot = prot_of(flags);
    note(p, page, f, flags | DIRECT_PAGE_THERE);
    if (f->copied)
        return add_op(p, l,
                      (struct direct_op){.kind = DIRECT_MAP_COPY,
                                         .address = page,
                                         .bytes = PAGE_BYTES,
                                         .prot = PROT_READ | PROT_EXEC,
                                         .offset = f->copy_offset});
    if (last && last->kind == DIRECT_MAP && last->prot == prot && last->address + last->bytes == page &&
        last->offset + last->bytes == f->offset) {
        last->bytes += PAGE_BYTES;
        return true;
    }
    return add_op(p, l,
                  (struct direct_op){
                      .kind = DIRECT_MAP, .address = page, .bytes = PAGE_BYTES, .prot = prot, .offset = f->offset});
}

/* Pages around one that was wanted, as far as the guest's tables have them and nothing needs to be asked. */
static void map_around(struct direct_pages *p, struct direct_link *l, struct interp_vcpu *v, gva_t page, gva_t first,
                       unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        gva_t at = first + (gva_t)i * PAGE_BYTES;
        struct found f;
        if (at == page || is_stubs(at) || (direct_pages_find(p, at) & DIRECT_PAGE_THERE))
            continue;
        if (p->ops > DIRECT_OPS - 8 || !look(v, at, X86_ACCESS_READ, &f) || !map_page(p, l, at, &f, f.flags))
            return;
    }
}

/* A copy of the page that nobody can read, with traps for the engine to run those instructions. */
static void copy_with_traps(struct direct_pages *p, struct direct_link *l, const uint8_t *host, const uint16_t *traps,
                            unsigned n, struct found *f)
{
    const size_t at = (size_t)p->copies_used++ * PAGE_BYTES;
    memcpy(l->copies + at, host, PAGE_BYTES);
    for (unsigned i = 0; i < n; i++)
        direct_put_trap(l->copies + at, traps[i]);
    f->copied = true;
    f->copy_offset = DIRECT_COPIES_OFFSET + at;
}

/* The page's code version, for what is behind `at` in it to be watched from now on. */
static bool watch(struct direct_pages *p, struct interp_vcpu *v, gva_t page, gpa_t at, unsigned bytes)
{
    struct interp_code_page *c = interp_code_page(v->engine, at >> PAGE_SHIFT_4K, true);
    if (!c)
        return false;
    interp_code_mark(v, c, at, bytes);
    p->code[p->code_used++] =
        (struct direct_code){.page = page, .version = &c->version, .seen = atomic_load(&c->version)};
    return true;
}

/* The first bytes of the page behind this one, on which the last instruction here may go on. */
static bool next_bytes(struct direct_pages *p, struct interp_vcpu *v, gva_t page, uint8_t bytes[DIRECT_NEXT_BYTES])
{
    struct found next;
    memset(bytes, 0, DIRECT_NEXT_BYTES);
    if (!look(v, page + PAGE_BYTES, X86_ACCESS_EXEC, &next))
        return false;
    if (!watch(p, v, page, next.gpa, DIRECT_NEXT_BYTES))
        return false;
    memcpy(bytes, memory_ram(v->memory) + next.offset, DIRECT_NEXT_BYTES);
    return true;
}

/* May 0F.. at the page's end be the beginning of anything? */
static bool open_end(const uint8_t *page)
{
    return page[PAGE_BYTES - 1] == 0x0f || page[PAGE_BYTES - 2] == 0x0f;
}

/* The page may be run: it is clean, or can be made so, and writes to it will be seen. */
static bool accept_code(struct direct_pages *p, struct direct_link *l, struct interp_vcpu *v, gva_t page,
                        struct found *f)
{
    const uint8_t *host = memory_ram(v->memory) + f->offset;
    uint16_t traps[DIRECT_TRAPS_MAX];
    uint8_t next[DIRECT_NEXT_BYTES];
    if (p->code_used + 2 > DIRECT_CODE_MAX || p->copies_used == DIRECT_COPIES)
        direct_pages_empty(p);
    if (!watch(p, v, page, f->gpa, PAGE_BYTES) || (!next_bytes(p, v, page, next) && open_end(host)))
        return false;
    const int n = direct_scan(host, next, traps);
    if (n < 0 || (n > 0 && !l->copies))
        return false;
    if (n > 0)
        copy_with_traps(p, l, host, traps, (unsigned)n, f);
    return true;
}

void direct_pages_heed_code(struct direct_pages *p, struct direct_link *l)
{
    unsigned kept = 0, n = p->code_used;
    for (unsigned i = 0; i < n && p->code_used == n; i++) {
        const struct direct_code *c = &p->code[i];
        if (atomic_load(c->version) == c->seen)
            p->code[kept++] = *c;
        else if (direct_pages_find(p, c->page) & DIRECT_PAGE_EXEC)
            direct_pages_remove(p, l, c->page);
    }
    if (p->code_used == n)
        p->code_used = kept;
}

enum direct_fault direct_pages_fault(struct direct_pages *p, struct direct_link *l, struct interp_vcpu *v,
                                     gva_t address, uint32_t error)
{
    const gva_t page = address & ~PAGE_MASK_4K;
    const bool write = error & PF_WRITE, fetch = error & PF_FETCH;
    const unsigned had = direct_pages_find(p, page);
    struct found f;
    if (is_stubs(page) || !look(v, page, write ? X86_ACCESS_WRITE : fetch ? X86_ACCESS_EXEC : X86_ACCESS_READ, &f))
        return DIRECT_FAULT_ENGINE;
    if (p->used > DIRECT_PAGES_MAX)
        direct_pages_empty(p);
    unsigned flags = f.flags;
    if (write) {
        if (had & DIRECT_PAGE_WRITE)
            return DIRECT_FAULT_ENGINE;     /* the host says no to what it was told to allow */
        if (!(flags & DIRECT_PAGE_WRITE)) { /* it held code: forget that, and see whether it may be written now */
            interp_code_written(v->engine, f.gpa, PAGE_BYTES);
            if (!look(v, page, X86_ACCESS_WRITE, &f) || !(f.flags & DIRECT_PAGE_WRITE))
                return DIRECT_FAULT_ENGINE;
            flags = f.flags;
        }
        if (had & (DIRECT_PAGE_EXEC | DIRECT_PAGE_BARRED))
            flags |= DIRECT_PAGE_BARRED;
    } else if (fetch) {
        if (!f.executable || (had & DIRECT_PAGE_EXEC))
            return DIRECT_FAULT_ENGINE;
        if (had & DIRECT_PAGE_BARRED)
            return DIRECT_FAULT_CODE;
        if (!accept_code(p, l, v, page, &f)) {
            (void)put(p, page, had | DIRECT_PAGE_BARRED, f.offset >> PAGE_SHIFT_4K);
            return DIRECT_FAULT_CODE;
        }
        flags = DIRECT_PAGE_EXEC;
    } else if (had & DIRECT_PAGE_THERE) {
        return DIRECT_FAULT_ENGINE;
    } else {
        flags |= had & DIRECT_PAGE_BARRED;
    }
    if (!map_page(p, l, page, &f, flags))
        return DIRECT_FAULT_ENGINE;
    const unsigned count = f.page_shift > PAGE_SHIFT_4K ? LARGE_PAGES : AROUND_PAGES;
    if (!fetch)
        map_around(p, l, v, page, page & ~((gva_t)count * PAGE_BYTES - 1), count);
    return DIRECT_FAULT_MAPPED;
}
