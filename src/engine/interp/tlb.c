/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tlb.c: filling and emptying the tables of tlb.h. Knows nothing of page walks or instructions.
 */
#include "engine/interp/tlb.h"

#include "engine/interp/access.h"
#include "engine/interp/interp.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define TABLE_BYTES (INTERP_TLB_SIZE * sizeof(struct interp_entry))
#define SPACE_BYTES (TABLE_BYTES + (INTERP_SPACE_FRONT + TABLE_ALIGN - 1) / TABLE_ALIGN * TABLE_ALIGN)
#define TABLE_ALIGN ((size_t)65536)
#define NO_PCID     0xffffu

/* --- keys of cached code --- */

/* Generations are unique among spaces; when they run out, all keys that hold one go. */
static void new_generation(struct interp_vcpu *v, struct interp_space *s)
{
    if (v->generations == 1023) {
        v->rounds++;
        memset(v->jump, 0, sizeof v->jump);
        memset(v->exec, 0, sizeof v->exec);
        for (v->generations = 0; v->generations < INTERP_SPACES;) {
            struct interp_space *each = &v->spaces[v->generations++];
            each->generation = v->generations;
        }
    }
    s->generation = ++v->generations;
    memset(s->executed, 0, sizeof s->executed);
    s->executed_local = false;
    if (v->engine->tier)
        v->engine->tier->jumps_flushed(v, s);
    if (v->space)
        interp_set_bank(v, (enum interp_bank)v->bank); /* the salt has its space's generation */
}

static uint64_t region_bit(gva_t lin)
{
    return 1ull << ((lin >> 30) * 0x9e3779b97f4a7c15ull >> 58);
}

static unsigned executed_bit(gva_t lin)
{
    return (unsigned)((lin >> PAGE_SHIFT_4K) * 0x9e3779b97f4a7c15ull >> 48);
}

/* Large pages are kept once more, by the 4 MiB that they are in. */
static unsigned executed_large_bit(gva_t lin)
{
    return executed_bit(~(lin >> 22 << 22));
}

static bool was_executed(const struct interp_space *s, unsigned bit)
{
    return s->executed[bit / 64] >> bit % 64 & 1;
}

static void note_executed(struct interp_space *s, gva_t lin, const struct x86_walk *w)
{
    unsigned bit = executed_bit(lin), large = executed_large_bit(lin);
    s->executed[bit / 64] |= 1ull << bit % 64;
    if (w->page_shift > PAGE_SHIFT_4K)
        s->executed[large / 64] |= 1ull << large % 64;
    if (!w->global)
        s->executed_local = true;
}

void interp_note_executed(struct interp_vcpu *v, gva_t lin, const struct x86_walk *w)
{
    if (w->page_shift > PAGE_SHIFT_4K)
        *(w->page_shift < 30 ? &v->large_pages : &v->huge_pages) |= region_bit(lin);
    if (v->user) {
        note_executed(&v->spaces[v->user_space], lin, w);
        return;
    }
    note_executed(&v->spaces[INTERP_SPACE_KERNEL], lin, w);
    note_executed(&v->spaces[INTERP_SPACE_KERNEL_AC], lin, w);
}

/* --- emptying --- */

/* A tag that leads addresses of entry i to no page's offsets, nor near them from below. */
static uint64_t no_tag(unsigned i)
{
    return i == 0 || i == INTERP_TLB_SIZE - 1 ? 5 * PAGE_BYTES : 0;
}

static void empty_entry(struct interp_space *s, unsigned i)
{
    s->table[i] = (struct interp_entry){.read = no_tag(i), .write = no_tag(i)};
}

static void empty_leaf(struct interp_space *s, unsigned leaf)
{
    memset(&s->table[leaf << INTERP_LEAF_BITS], 0, sizeof(struct interp_entry) << INTERP_LEAF_BITS);
    if (leaf == 0)
        empty_entry(s, 0);
    if (leaf == INTERP_LEAVES - 1)
        empty_entry(s, INTERP_TLB_SIZE - 1);
}

static void empty_leaves(struct interp_space *s, const uint64_t *set)
{
    for (unsigned i = 0; i < INTERP_LEAVES / 64; i++) {
        for (uint64_t bits = set[i]; bits; bits &= bits - 1)
            empty_leaf(s, i * 64 + (unsigned)__builtin_ctzll(bits));
    }
}

static void empty_space(struct interp_vcpu *v, struct interp_space *s)
{
    empty_leaves(s, s->used);
    memset(s->used, 0, sizeof s->used);
    memset(s->local, 0, sizeof s->local);
    new_generation(v, s);
    if (v->engine->tier)
        v->engine->tier->space_flushed(v, s);
}

static void empty_local(struct interp_vcpu *v, struct interp_space *s)
{
    empty_leaves(s, s->local);
    memset(s->local, 0, sizeof s->local);
    if (s->executed_local)
        new_generation(v, s);
}

void interp_flush_tlb(struct interp_vcpu *v)
{
    for (unsigned i = 0; i < INTERP_SPACES; i++) {
        struct interp_space *s = &v->spaces[i];
        if (i >= INTERP_SPACE_USER && s->pcid == NO_PCID && i != v->user_space)
            continue;
        empty_space(v, s);
        if (i != v->user_space)
            s->pcid = NO_PCID;
    }
    memset(v->writers, 0, sizeof v->writers);
    memset(v->beside, 0, sizeof v->beside);
    v->large_pages = v->huge_pages = 0;
    v->user_global = false;
}

/* --- one page --- */

static void flush_page_of(struct interp_vcpu *v, struct interp_space *s, gva_t lin, bool large)
{
    unsigned i = (unsigned)(lin >> PAGE_SHIFT_4K) & (INTERP_TLB_SIZE - 1);
    if (large) { /* 4 MiB cover every large page */
        for (unsigned leaf = (i & ~1023u) >> INTERP_LEAF_BITS, n = 1024 >> INTERP_LEAF_BITS; n--; leaf++) {
            if (s->used[leaf / 64] >> leaf % 64 & 1)
                empty_leaf(s, leaf);
        }
    } else if (((s->table[i].read + lin) & ~PAGE_MASK_4K) == 0) {
        empty_entry(s, i);
    }
    if (v->engine->tier && large)
        v->engine->tier->space_flushed(v, s);
    else if (v->engine->tier)
        v->engine->tier->page_flushed(v, s, lin);
    if (was_executed(s, executed_bit(lin)) || (large && was_executed(s, executed_large_bit(lin))))
        new_generation(v, s);
}

/* What runs without fast translations has keys of its own, for code of either privilege. */
static void flush_slow(struct interp_vcpu *v)
{
    if (v->slow_used)
        new_generation(v, &v->spaces[INTERP_SPACE_SLOW]);
    v->slow_used = v->bank == INTERP_BANK_SLOW;
}

void interp_flush_page(struct interp_vcpu *v, gva_t lin)
{
    if ((v->huge_pages & region_bit(lin)) || v->user_global) {
        interp_flush_tlb(v);
        return;
    }
    bool large = (v->large_pages & region_bit(lin)) != 0;
    flush_page_of(v, &v->spaces[INTERP_SPACE_KERNEL], lin, large);
    flush_page_of(v, &v->spaces[INTERP_SPACE_KERNEL_AC], lin, large);
    flush_page_of(v, &v->spaces[v->user_space], lin, large);
    flush_slow(v);
}

/* --- spaces --- */

struct interp_space *interp_space_of(struct interp_vcpu *v, enum interp_bank bank)
{
    switch (bank) {
    case INTERP_BANK_KERNEL: return &v->spaces[INTERP_SPACE_KERNEL];
    case INTERP_BANK_KERNEL_AC: return &v->spaces[INTERP_SPACE_KERNEL_AC];
    case INTERP_BANK_USER: return &v->spaces[v->user_space];
    default: return &v->spaces[INTERP_SPACE_SLOW];
    }
}

static unsigned space_of_pcid(const struct interp_vcpu *v, uint16_t pcid)
{
    for (unsigned i = INTERP_SPACE_USER; i < INTERP_SPACES; i++) {
        if (v->spaces[i].pcid == pcid)
            return i;
    }
    return INTERP_SPACES;
}

void interp_flush_pcid(struct interp_vcpu *v, uint16_t pcid)
{
    unsigned i = space_of_pcid(v, pcid);
    if (i < INTERP_SPACES)
        empty_space(v, &v->spaces[i]);
    if (pcid == (v->cpu.cr3 & 0xfff)) {
        empty_local(v, &v->spaces[INTERP_SPACE_KERNEL]);
        empty_local(v, &v->spaces[INTERP_SPACE_KERNEL_AC]);
        flush_slow(v);
    }
}

void interp_load_cr3(struct interp_vcpu *v, uint64_t value)
{
    bool pcids = (v->cpu.cr4 & X86_CR4_PCIDE) != 0, keep = pcids && value >> 63;
    uint16_t pcid = pcids ? value & 0xfff : 0;
    v->cpu.cr3 = pcids ? value & ~(1ull << 63) : value;
    unsigned i = space_of_pcid(v, pcid);
    if (i == INTERP_SPACES) {
        i = INTERP_SPACE_USER + v->next_space++ % INTERP_USER_SPACES;
        if (i == v->user_space)
            i = INTERP_SPACE_USER + v->next_space++ % INTERP_USER_SPACES;
        keep = false;
    }
    struct interp_space *s = &v->spaces[i];
    v->user_space = (uint8_t)i;
    s->pcid = pcid;
    if (!keep)
        empty_space(v, s);
    uint64_t root = v->cpu.cr3 & ~PAGE_MASK_4K;
    if (s->root != root && v->engine->tier)
        v->engine->tier->space_changed(v, s);
    s->root = root;
    empty_local(v, &v->spaces[INTERP_SPACE_KERNEL]);
    empty_local(v, &v->spaces[INTERP_SPACE_KERNEL_AC]);
    flush_slow(v);
    interp_set_bank(v, (enum interp_bank)v->bank);
}

/* --- filling --- */

static struct interp_writers *writers_of(struct interp_vcpu *v, const uint8_t *host)
{
    return &v->writers[((uintptr_t)host >> PAGE_SHIFT_4K) * 0x9e3779b97f4a7c15ull >> (64 - INTERP_WRITERS_BITS)];
}

static struct interp_entry *writer_entry(struct interp_vcpu *v, uint32_t writer)
{
    return &v->spaces[writer >> INTERP_TLB_BITS].table[writer & (INTERP_TLB_SIZE - 1)];
}

/* So that the entry is found again by its page: revoke. Zero is no writer: an entry of no use for this. */
static void note_writer(struct interp_vcpu *v, const struct interp_space *s, unsigned i, const uint8_t *host)
{
    struct interp_writers *w = writers_of(v, host);
    uint32_t writer = (uint32_t)(s - v->spaces) << INTERP_TLB_BITS | i;
    uint32_t *place = NULL;
    if (!writer) {
        w->overflow = 1;
        return;
    }
    for (unsigned n = 0; n < ARRAY_SIZE(w->entry); n++) {
        if (w->entry[n] == writer)
            return;
        if (!place && (!w->entry[n] || writers_of(v, writer_entry(v, w->entry[n])->host) != w))
            place = &w->entry[n];
    }
    if (place)
        *place = writer;
    else
        w->overflow = 1;
}

static void no_write(struct interp_space *s, unsigned i)
{
    s->table[i].write = no_tag(i);
}

/* There is code in it now. */
static void revoke(struct interp_space *s, unsigned i)
{
    const bool could = s->table[i].write == s->table[i].read || (s->table[i].write & INTERP_CODE_IN_IT);
    no_write(s, i);
    s->table[i].write |= could ? INTERP_CODE_IN_IT : 0;
}

void interp_revoke_writes(struct interp_vcpu *v, const uint8_t *host)
{
    struct interp_writers *w = writers_of(v, host);
    if (v->engine->tier)
        v->engine->tier->writes_revoked(v, host);
    for (unsigned n = 0; n < ARRAY_SIZE(w->entry); n++) {
        if (w->entry[n] && writer_entry(v, w->entry[n])->host == host)
            revoke(&v->spaces[w->entry[n] >> INTERP_TLB_BITS], w->entry[n] & (INTERP_TLB_SIZE - 1));
    }
    if (!w->overflow)
        return;
    *w = (struct interp_writers){.overflow = 0}; /* and what the bucket knows is made anew */
    for (unsigned n = 0; n < INTERP_SPACES; n++) {
        struct interp_space *s = &v->spaces[n];
        for (unsigned i = 0; i < INTERP_TLB_SIZE; i++) {
            if (!(s->used[i >> INTERP_LEAF_BITS >> 6] >> (i >> INTERP_LEAF_BITS & 63) & 1))
                i |= (1u << INTERP_LEAF_BITS) - 1;
            else if (s->table[i].host == host)
                revoke(s, i);
            else if (s->table[i].write == s->table[i].read && writers_of(v, s->table[i].host) == w)
                note_writer(v, s, i, s->table[i].host);
        }
    }
}

void interp_tlb_insert(struct interp_vcpu *v, struct interp_space *s, gva_t lin, const struct x86_walk *w,
                       uint8_t *host, enum interp_writable write)
{
    unsigned i = (unsigned)(lin >> PAGE_SHIFT_4K) & (INTERP_TLB_SIZE - 1), leaf = i >> INTERP_LEAF_BITS;
    struct interp_entry *e = &s->table[i];
    e->read = -(lin & ~PAGE_MASK_4K);
    e->host = host;
    e->delta = (uintptr_t)host + e->read;
    s->used[leaf / 64] |= 1ull << leaf % 64;
    if (!w->global)
        s->local[leaf / 64] |= 1ull << leaf % 64;
    else if (s >= &v->spaces[INTERP_SPACE_USER])
        v->user_global = true;
    if (write == INTERP_WRITE_YES) {
        e->write = e->read;
        note_writer(v, s, i, host);
    } else {
        no_write(s, i);
        e->write |= write == INTERP_WRITE_CODE ? INTERP_CODE_IN_IT : 0;
    }
    if (w->page_shift > PAGE_SHIFT_4K)
        *(w->page_shift < 30 ? &v->large_pages : &v->huge_pages) |= region_bit(lin);
}

/* --- making --- */

int interp_tlb_init(struct interp_vcpu *v)
{
    uint8_t *p = mmap(NULL, SPACE_BYTES * INTERP_SPACES + TABLE_ALIGN, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return -ENOMEM;
    v->tables = p;
    p = (uint8_t *)(((uintptr_t)p + TABLE_ALIGN - 1) & ~(uintptr_t)(TABLE_ALIGN - 1));
    for (unsigned i = 0; i < INTERP_SPACES; i++) {
        struct interp_space *s = &v->spaces[i];
        s->table = (struct interp_entry *)(void *)(p + (i + 1) * SPACE_BYTES - TABLE_BYTES);
        s->pcid = NO_PCID;
        s->generation = (uint16_t)(i + 1);
        empty_entry(s, 0);
        empty_entry(s, INTERP_TLB_SIZE - 1);
    }
    v->generations = INTERP_SPACES;
    v->user_space = INTERP_SPACE_USER;
    v->spaces[INTERP_SPACE_USER].pcid = 0;
    return 0;
}

void interp_tlb_fini(struct interp_vcpu *v)
{
    if (v->tables)
        munmap(v->tables, SPACE_BYTES * INTERP_SPACES + TABLE_ALIGN);
}
