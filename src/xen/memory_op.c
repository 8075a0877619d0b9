/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * memory_op.c: XENMEM_*: the guest's memory map, pages of Xen's put into it, ballooning. Reads the structs of both
 * ABIs; what happens to a frame is physmap.c's. (public/memory.h.)
 */
#include "xen/domain.h"

#include "base/bytes.h"

#include <xen/memory.h>

#define MAX_ORDER      9u      /* of an extent, as Xen allows a domU */
#define PAGES_PER_CALL 0x4000u /* then we stop short, as Xen may: callers take a partial count */
#define BATCH_MAX      1024u
#define E820_BYTES     20u

struct word_reader { /* walks a struct whose longs and pointers are 4 or 8 bytes */
    const uint8_t *at;
    bool compat;
};

static uint64_t next_word(struct word_reader *r)
{
    uint64_t v = r->compat ? load_le32(r->at) : load_le64(r->at);

    r->at += r->compat ? 4 : 8;
    return v;
}

static uint32_t next_u32(struct word_reader *r)
{
    uint32_t v = load_le32(r->at);

    r->at += 4;
    return v;
}

/* ---- extents ---- */

struct reservation {
    uint64_t extents, count;
    uint32_t order;
    uint16_t domid;
};

static bool reservation_read(struct xen_call *c, struct reservation *r)
{
    uint8_t bytes[sizeof(struct xen_memory_reservation)];
    struct word_reader at = {bytes, c->compat};

    if (!call_copy_in(c, bytes, c->arg[1], c->compat ? 20 : 32))
        return false;
    r->extents = next_word(&at);
    r->count = next_word(&at);
    r->order = next_u32(&at);
    (void)next_u32(&at); /* mem_flags: where in the host's memory */
    r->domid = (uint16_t)next_u32(&at);
    return true;
}

static bool read_extent(struct xen_call *c, uint64_t list, uint64_t i, gfn_t *gfn)
{
    uint8_t word[8];
    struct word_reader at = {word, c->compat};

    if (!call_copy_in(c, word, list + i * (c->compat ? 4 : 8), c->compat ? 4 : 8))
        return false;
    *gfn = next_word(&at);
    return true;
}

static bool populate_extent(struct xen_domain *d, gfn_t gfn, uint64_t pages)
{
    for (uint64_t i = 0; i < pages; i++) {
        if (physmap_populate(d, gfn + i) == 0)
            continue;
        while (i-- > 0)
            (void)physmap_remove(d, gfn + i);
        return false;
    }
    return true;
}

static bool release_extent(struct xen_domain *d, gfn_t gfn, uint64_t pages)
{
    for (uint64_t i = 0; i < pages; i++) {
        int rc = physmap_remove(d, gfn + i);
        if (rc && rc != -XEN_ENOENT)
            return false;
    }
    return true;
}

/* Returns how many extents were done. */
static int64_t reservation_op(struct xen_call *c, bool (*each)(struct xen_domain *d, gfn_t gfn, uint64_t pages))
{
    struct reservation r;
    uint64_t pages;
    int64_t done = 0;
    gfn_t gfn;

    if (!reservation_read(c, &r))
        return -XEN_EFAULT;
    if (!domid_is_self(c->d, r.domid))
        return -XEN_EPERM;
    if (r.order > MAX_ORDER)
        return 0;
    pages = 1ull << r.order;
    for (; (uint64_t)done < r.count && (uint64_t)done < PAGES_PER_CALL >> r.order; done++) {
        if (!read_extent(c, r.extents, (uint64_t)done, &gfn) || gfn + pages < gfn || (gfn & (pages - 1)))
            break;
        if (!each(c->d, gfn, pages))
            break;
    }
    return done;
}

/* ---- add_to_physmap ---- */

static int add_one(struct xen_domain *d, unsigned space, uint64_t idx, gfn_t gfn)
{
    int rc;

    switch (space) {
    case XENMAPSPACE_shared_info:
        return idx == 0 ? physmap_map_host(d, gfn, d->shared_info, &d->shared_info_gfn) : -XEN_EINVAL;
    case XENMAPSPACE_grant_table: /* status frames (bit 31) come with version 2 only */
        if (idx >= d->grant_frames_max)
            return -XEN_EINVAL;
        rc = grant_grow(d, (unsigned)idx + 1);
        return rc ? rc : physmap_map_host(d, gfn, d->grant_table + idx * PAGE_BYTES, &d->grant_gfn[idx]);
    case XENMAPSPACE_gmfn: return physmap_move(d, idx, gfn);
    default: return -XEN_ENOSYS;
    }
}

static int64_t add_to_physmap(struct xen_call *c)
{
    uint8_t bytes[sizeof(struct xen_add_to_physmap)];
    struct word_reader at = {bytes + 8, c->compat};
    unsigned size, space;
    uint64_t idx;
    gfn_t gfn;
    int rc = 0;

    if (!call_copy_in(c, bytes, c->arg[1], c->compat ? 16 : 24))
        return -XEN_EFAULT;
    size = load_le16(bytes + 2);
    space = load_le32(bytes + 4);
    idx = next_word(&at);
    gfn = next_word(&at);
    if (!domid_is_self(c->d, load_le16(bytes)))
        return -XEN_ESRCH;
    if (space != XENMAPSPACE_gmfn_range)
        return add_one(c->d, space, idx, gfn);
    for (unsigned i = 0; i < size && rc == 0; i++)
        rc = add_one(c->d, XENMAPSPACE_gmfn, idx + i, gfn + i);
    return rc;
}

static int64_t add_to_physmap_batch(struct xen_call *c)
{
    uint8_t bytes[sizeof(struct xen_add_to_physmap_batch)];
    struct word_reader at = {bytes + 8, c->compat};
    uint64_t idxs, gfns, errs;
    unsigned space, size;

    if (!call_copy_in(c, bytes, c->arg[1], c->compat ? 20 : 32))
        return -XEN_EFAULT;
    space = load_le16(bytes + 2);
    size = load_le16(bytes + 4);
    idxs = next_word(&at);
    gfns = next_word(&at);
    errs = next_word(&at);
    if (!domid_is_self(c->d, load_le16(bytes)))
        return -XEN_ESRCH;
    if (space == XENMAPSPACE_gmfn_range || size > BATCH_MAX)
        return -XEN_EINVAL;
    for (unsigned i = 0; i < size; i++) {
        gfn_t idx, gfn;
        int32_t rc;
        if (!read_extent(c, idxs, i, &idx) || !read_extent(c, gfns, i, &gfn))
            return -XEN_EFAULT;
        rc = add_one(c->d, space, idx, gfn);
        if (!call_copy_out(c, errs + 4ull * i, &rc, sizeof rc))
            return -XEN_EFAULT;
    }
    return 0;
}

static int64_t remove_from_physmap(struct xen_call *c)
{
    uint8_t bytes[sizeof(struct xen_remove_from_physmap)];
    struct word_reader at = {bytes + (c->compat ? 4 : 8), c->compat};

    if (!call_copy_in(c, bytes, c->arg[1], c->compat ? 8 : 16))
        return -XEN_EFAULT;
    if (!domid_is_self(c->d, load_le16(bytes)))
        return -XEN_ESRCH;
    return physmap_remove(c->d, next_word(&at));
}

/* ---- sizes ---- */

static int64_t memory_map_op(struct xen_call *c)
{
    size_t size = c->compat ? 8 : 16;
    uint8_t bytes[16], entry[E820_BYTES];
    struct word_reader at = {bytes + size / 2, c->compat};
    uint32_t count = c->d->config.map_count;
    uint64_t buffer;

    if (count == 0)
        return -XEN_ENOSYS;
    if (!call_copy_in(c, bytes, c->arg[1], size))
        return -XEN_EFAULT;
    buffer = next_word(&at);
    if (load_le32(bytes) < count)
        return -XEN_EINVAL;
    for (uint32_t i = 0; i < count; i++) {
        store_le64(entry, c->d->map[i].start);
        store_le64(entry + 8, c->d->map[i].length);
        store_le32(entry + 16, c->d->map[i].type);
        if (!call_copy_out(c, buffer + (uint64_t)i * E820_BYTES, entry, sizeof entry))
            return -XEN_EFAULT;
    }
    return call_copy_out(c, c->arg[1], &count, sizeof count) ? 0 : -XEN_EFAULT;
}

static uint64_t maximum_gpfn(const struct xen_domain *d)
{
    uint64_t last = 0xfefff; /* the special pages' last */

    for (unsigned i = 0; i < d->config.map_count; i++) {
        uint64_t end = (d->map[i].start + d->map[i].length) >> PAGE_SHIFT_4K;
        if (end && end - 1 > last)
            last = end - 1;
    }
    return last;
}

/* These take a domid, and are not subject to the 32-bit result of a 32-bit caller. */
static int64_t size_op(struct xen_call *c, uint64_t value)
{
    uint16_t domid;

    if (!call_copy_in(c, &domid, c->arg[1], sizeof domid))
        return -XEN_EFAULT;
    return domid_is_self(c->d, domid) ? (int64_t)value : -XEN_EPERM;
}

int64_t memory_op(struct xen_call *c)
{
    switch (c->arg[0] & 0x3f) { /* above: where a preempted call goes on */
    case XENMEM_decrease_reservation: return reservation_op(c, release_extent);
    case XENMEM_populate_physmap: return reservation_op(c, populate_extent);
    case XENMEM_add_to_physmap: return add_to_physmap(c);
    case XENMEM_add_to_physmap_batch: return add_to_physmap_batch(c);
    case XENMEM_remove_from_physmap: return remove_from_physmap(c);
    case XENMEM_memory_map: return memory_map_op(c);
    case XENMEM_current_reservation: return size_op(c, c->d->current_pages);
    case XENMEM_maximum_reservation: return size_op(c, c->d->config.max_pages);
    case XENMEM_maximum_gpfn: return size_op(c, maximum_gpfn(c->d));
    case XENMEM_get_vnumainfo:
    case XENMEM_reserved_device_memory_map: return -XEN_EOPNOTSUPP;
    default: return -XEN_ENOSYS;
    }
}
