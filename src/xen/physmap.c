/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * physmap.c: changes a guest makes to its own physical map: Xen's pages put at a frame, RAM added, dropped or moved.
 * Knows which pages are whose; never touches frames that a chip has mapped (video RAM, ROMs).
 */
#include "xen/domain.h"

#define GFN_LIMIT (1ull << 28) /* 40 bits of guest-physical address */

enum owner { OWNER_NONE, OWNER_RAM, OWNER_XEN, OWNER_CHIP };

static bool host_inside(const uint8_t *host, const uint8_t *start, uint64_t bytes)
{
    return host >= start && host < start + bytes;
}

static enum owner page_owner(struct xen_domain *d, const struct memory_page *p)
{
    struct memory *m = d->config.memory;

    if (!(p->flags & MEMORY_PRESENT))
        return OWNER_NONE;
    if (host_inside(p->host, memory_ram(m), memory_ram_bytes(m)))
        return OWNER_RAM;
    if (p->host == d->shared_info || host_inside(p->host, d->grant_table, GRANT_FRAMES_MAX * PAGE_BYTES))
        return OWNER_XEN;
    return OWNER_CHIP;
}

/* A page of Xen's is at one frame only: forget where it was. */
static void xen_page_gone(struct xen_domain *d, gfn_t gfn)
{
    if (d->shared_info_gfn == gfn)
        d->shared_info_gfn = GFN_NONE;
    for (unsigned i = 0; i < GRANT_FRAMES_MAX; i++)
        if (d->grant_gfn[i] == gfn)
            d->grant_gfn[i] = GFN_NONE;
}

/* Frees the frame for something else. */
static int physmap_clear(struct xen_domain *d, gfn_t gfn, bool *was_mapped)
{
    struct memory *m = d->config.memory;
    struct memory_page p;
    enum owner owner;

    if (gfn >= GFN_LIMIT)
        return -XEN_EINVAL;
    p = memory_lookup(m, gfn);
    owner = page_owner(d, &p);
    *was_mapped = owner != OWNER_NONE;
    if (owner == OWNER_NONE)
        return 0;
    if (owner == OWNER_CHIP)
        return -XEN_EPERM;
    memory_unmap(m, gfn, 1);
    if (owner == OWNER_RAM) {
        memory_free_page(m, (uint64_t)(p.host - memory_ram(m)));
        d->current_pages--;
    } else {
        xen_page_gone(d, gfn);
    }
    return 0;
}

int physmap_map_host(struct xen_domain *d, gfn_t gfn, void *host, gfn_t *old_gfn)
{
    struct memory *m = d->config.memory;
    gfn_t old = *old_gfn;
    bool mapped;
    int rc;

    if (old == gfn)
        return 0;
    rc = physmap_clear(d, gfn, &mapped);
    if (rc)
        return rc;
    if (memory_map_host(m, gfn, host, 1, 0))
        return -XEN_ENOMEM;
    if (old != GFN_NONE)
        memory_unmap(m, old, 1);
    *old_gfn = gfn;
    return 0;
}

int physmap_populate(struct xen_domain *d, gfn_t gfn)
{
    struct memory *m = d->config.memory;
    bool mapped;
    int64_t page;
    int rc = physmap_clear(d, gfn, &mapped);

    if (rc)
        return rc;
    if (d->current_pages >= d->config.max_pages)
        return -XEN_ENOMEM;
    page = memory_alloc_page(m);
    if (page < 0)
        return -XEN_ENOMEM;
    if (memory_map_ram(m, gfn, (uint64_t)page, 1)) {
        memory_free_page(m, (uint64_t)page);
        return -XEN_ENOMEM;
    }
    d->current_pages++;
    return 0;
}

int physmap_remove(struct xen_domain *d, gfn_t gfn)
{
    bool mapped;
    int rc = physmap_clear(d, gfn, &mapped);

    return rc ? rc : mapped ? 0 : -XEN_ENOENT;
}

int physmap_move(struct xen_domain *d, gfn_t from, gfn_t to)
{
    struct memory *m = d->config.memory;
    struct memory_page p = memory_lookup(m, from);
    bool mapped;
    int rc;

    if (page_owner(d, &p) != OWNER_RAM)
        return -XEN_EINVAL;
    if (from == to)
        return 0;
    rc = physmap_clear(d, to, &mapped);
    if (rc)
        return rc;
    if (memory_map_ram(m, to, (uint64_t)(p.host - memory_ram(m)), 1))
        return -XEN_ENOMEM;
    memory_unmap(m, from, 1);
    return 0;
}
