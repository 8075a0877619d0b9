/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * code.c: which guest bytes some vCPU holds decoded. Per guest frame a version, which every block remembers and
 * compares before it runs, and a mask of 64-byte granules, so that data beside code does not invalidate it. A frame
 * with marks has MEMORY_CODE, which keeps writes to it out of the TLBs' fast path.
 */
#include "engine/interp/interp.h"

#include "engine/interp/access.h"

#include <stdlib.h>
#include <string.h>

#define NODE_BITS 9
#define LEVELS    4 /* 36 bits of frame number */

struct code_node {
    _Atomic(void *) slot[1 << NODE_BITS]; /* nodes, and at the last level struct interp_code_page */
};

int interp_code_init(struct interp_engine *e)
{
    e->code_root = calloc(1, sizeof *e->code_root);
    pthread_mutex_init(&e->code_lock, NULL);
    pthread_mutex_init(&e->split_lock, NULL);
    return e->code_root ? 0 : -1;
}

static void free_node(struct code_node *node, unsigned level)
{
    if (!node)
        return;
    for (unsigned i = 0; i < 1 << NODE_BITS; i++) {
        void *below = atomic_load(&node->slot[i]);
        if (level > 1)
            free_node(below, level - 1);
        else
            free(below);
    }
    free(node);
}

void interp_code_fini(struct interp_engine *e)
{
    free_node(e->code_root, LEVELS);
    pthread_mutex_destroy(&e->code_lock);
    pthread_mutex_destroy(&e->split_lock);
}

static void *child(struct code_node *node, unsigned index, size_t size, bool make)
{
    void *p = atomic_load_explicit(&node->slot[index], memory_order_acquire), *expected = NULL;
    if (p || !make)
        return p;
    p = calloc(1, size);
    if (p && !atomic_compare_exchange_strong(&node->slot[index], &expected, p)) {
        free(p);
        p = expected;
    }
    return p;
}

struct interp_code_page *interp_code_page(struct interp_engine *e, gfn_t gfn, bool make)
{
    struct code_node *node = e->code_root;
    if (gfn >> (NODE_BITS * LEVELS))
        return NULL;
    for (unsigned level = LEVELS; level > 1 && node; level--)
        node = child(node, gfn >> (NODE_BITS * (level - 1)) & ((1 << NODE_BITS) - 1), sizeof *node, make);
    return node ? child(node, gfn & ((1 << NODE_BITS) - 1), sizeof(struct interp_code_page), make) : NULL;
}

static uint64_t granules(gpa_t gpa, uint64_t len)
{
    unsigned first = (unsigned)(gpa & PAGE_MASK_4K) >> 6, last = (unsigned)((gpa + len - 1) & PAGE_MASK_4K) >> 6;
    return (~0ull << first) & (~0ull >> (63 - last));
}

void interp_code_mark(struct interp_vcpu *v, struct interp_code_page *page, gpa_t gpa, unsigned len)
{
    struct interp_engine *e = v->engine;
    uint64_t bits = granules(gpa, len);
    if ((atomic_load(&page->mask) & bits) == bits)
        return;
    pthread_mutex_lock(&e->code_lock);
    bool fresh = atomic_fetch_or(&page->mask, bits) == 0;
    if (fresh) {
        memory_set_code(v->memory, gpa >> PAGE_SHIFT_4K, true);
        /* Own write entries go at once; other vCPUs drop theirs at their next block. */
        interp_revoke_writes(v, memory_lookup(v->memory, gpa >> PAGE_SHIFT_4K).host);
        interp_request_flush(e, v);
    }
    pthread_mutex_unlock(&e->code_lock);
}

static void invalidate(struct interp_engine *e, struct interp_code_page *page, gfn_t gfn)
{
    pthread_mutex_lock(&e->code_lock);
    atomic_fetch_add(&page->version, 1);
    atomic_store(&e->invalidated[atomic_load(&e->code_epoch) % INTERP_INVALIDATED], page);
    atomic_fetch_add(&e->code_epoch, 1);
    atomic_store(&page->mask, 0);
    memory_set_code(e->memory, gfn, false);
    pthread_mutex_unlock(&e->code_lock);
}

void interp_code_written(struct interp_engine *e, gpa_t gpa, uint64_t len)
{
    while (len) {
        uint64_t n = PAGE_BYTES - (gpa & PAGE_MASK_4K);
        struct interp_code_page *page = interp_code_page(e, gpa >> PAGE_SHIFT_4K, false);
        n = n < len ? n : len;
        if (page && (atomic_load(&page->mask) & granules(gpa, n)))
            invalidate(e, page, gpa >> PAGE_SHIFT_4K);
        gpa += n;
        len -= n;
    }
}

void interp_code_unmapped(struct interp_engine *e, gfn_t first, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct interp_code_page *page = interp_code_page(e, first + i, false);
        if (page && atomic_load(&page->mask))
            invalidate(e, page, first + i);
    }
}
