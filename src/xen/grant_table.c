/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * grant_table.c: the pages in which a guest says what others may touch, version 1; its own operations on them, and the
 * mapping that back ends in this process ask for. (public/grant_table.h.)
 */
#include "xen/domain.h"

#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>
#include <xen/grant_table.h>

#define FRAMES_AT_START 1u
#define OPS_MAX         1024u /* of one call; Xen would go on */

int grant_init(struct xen_domain *d)
{
    d->grant_table = aligned_alloc(PAGE_BYTES, GRANT_FRAMES_MAX * PAGE_BYTES);
    if (!d->grant_table)
        return -XEN_ENOMEM;
    memset(d->grant_table, 0, GRANT_FRAMES_MAX * PAGE_BYTES);
    d->grant_frames = FRAMES_AT_START;
    d->grant_frames_max = d->config.max_grant_frames;
    if (d->grant_frames_max == 0 || d->grant_frames_max > GRANT_FRAMES_MAX)
        d->grant_frames_max = GRANT_FRAMES_MAX;
    for (unsigned i = 0; i < GRANT_FRAMES_MAX; i++)
        d->grant_gfn[i] = GFN_NONE;
    return 0;
}

void grant_fini(struct xen_domain *d)
{
    free(d->grant_table);
}

int grant_grow(struct xen_domain *d, unsigned frames)
{
    if (frames > d->grant_frames_max)
        return -XEN_EINVAL;
    if (frames > d->grant_frames)
        d->grant_frames = frames;
    return 0;
}

/* ---- entries: flags in the low half, domid in the high half of one word, so that both are looked at together ---- */

static uint32_t *grant_word(struct xen_domain *d, uint32_t ref)
{
    if (ref >= d->grant_frames * GRANTS_PER_FRAME)
        return NULL;
    return (uint32_t *)(void *)(d->grant_table + ref * sizeof(struct grant_entry_v1));
}

void xen_grant_seed(struct xen_domain *d, uint32_t ref, gfn_t gfn)
{
    uint32_t *word = grant_word(d, ref);

    if (!word)
        return;
    word[1] = (uint32_t)gfn;
    __atomic_store_n(word, GTF_permit_access, __ATOMIC_SEQ_CST); /* to domain 0 */
}

/* Marks the entry as in use, for `domid`; false: it does not allow that. */
static bool grant_acquire(uint32_t *word, unsigned domid, bool write)
{
    uint32_t old = __atomic_load_n(word, __ATOMIC_SEQ_CST), use;

    do {
        if ((old & GTF_type_mask) != GTF_permit_access || old >> 16 != domid || (write && (old & GTF_readonly)))
            return false;
        use = old | GTF_reading | (write ? GTF_writing : 0);
    } while (!__atomic_compare_exchange_n(word, &old, use, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    return true;
}

static void *grant_page(struct xen_domain *d, uint64_t frame, bool write)
{
    struct memory_page p = memory_lookup(d->config.memory, frame);

    if (!(p.flags & MEMORY_PRESENT) || (write && (p.flags & MEMORY_READONLY)))
        return NULL;
    return p.host;
}

void *xen_grant_map(struct xen_domain *d, uint32_t ref, bool write)
{
    uint32_t *word = grant_word(d, ref);
    uint16_t *count = write ? d->grant_maps : d->grant_reads;
    void *page;

    if (!word || count[ref] == UINT16_MAX || !grant_acquire(word, 0, write))
        return NULL;
    count[ref]++;
    page = grant_page(d, word[1], write);
    if (!page)
        xen_grant_unmap(d, ref, write);
    return page;
}

void xen_grant_unmap(struct xen_domain *d, uint32_t ref, bool write)
{
    uint32_t *word = grant_word(d, ref);
    uint16_t *count = write ? d->grant_maps : d->grant_reads;
    uint32_t clear = 0;

    if (!word || count[ref] == 0)
        return;
    count[ref]--;
    if (d->grant_maps[ref] == 0)
        clear |= GTF_writing;
    if (d->grant_maps[ref] == 0 && d->grant_reads[ref] == 0)
        clear |= GTF_reading;
    if (clear)
        __atomic_fetch_and(word, ~clear, __ATOMIC_SEQ_CST);
}

/* ---- the guest's operations: an array of structs each, in place ---- */

static int16_t op_query_size(struct xen_call *c, uint64_t gva)
{
    struct gnttab_query_size op;

    if (!call_copy_in(c, &op, gva, sizeof op))
        return -XEN_EFAULT;
    op.status = domid_is_self(c->d, op.dom) ? GNTST_okay : GNTST_bad_domain;
    op.nr_frames = c->d->grant_frames;
    op.max_nr_frames = c->d->grant_frames_max;
    return call_copy_out(c, gva, &op, sizeof op) ? 0 : -XEN_EFAULT;
}

static int op_setup_table(struct xen_call *c, uint64_t gva)
{
    uint8_t bytes[sizeof(struct gnttab_setup_table)];
    size_t size = c->compat ? 16 : 24, word = c->compat ? 4 : 8;
    int16_t status = GNTST_okay;
    uint32_t frames;
    uint64_t list;

    if (!call_copy_in(c, bytes, gva, size))
        return -XEN_EFAULT;
    frames = load_le32(bytes + 4);
    list = c->compat ? load_le32(bytes + 12) : load_le64(bytes + 16);
    if (!domid_is_self(c->d, load_le16(bytes)))
        status = GNTST_bad_domain;
    else if (grant_grow(c->d, frames))
        status = GNTST_general_error;
    for (uint32_t i = 0; status == GNTST_okay && i < frames; i++) {
        uint64_t gfn = c->d->grant_gfn[i];
        if (!call_copy_out(c, list + i * word, &gfn, word))
            status = GNTST_bad_virt_addr;
    }
    return call_copy_out(c, gva + 8, &status, sizeof status) ? 0 : -XEN_EFAULT;
}

struct copy_end {
    uint8_t *page;
    uint32_t *entry; /* to release; NULL: by frame number */
    bool write;
};

/* One end of a copy: our own frame, or a grant of ours to ourselves. */
static int16_t copy_pin(struct xen_call *c, uint64_t ref_or_gfn, unsigned domid, bool gref, struct copy_end *e)
{
    struct xen_domain *d = c->d;

    if (!domid_is_self(d, domid))
        return gref ? GNTST_bad_domain : GNTST_permission_denied;
    if (gref) {
        uint32_t *word = ref_or_gfn <= UINT32_MAX ? grant_word(d, (uint32_t)ref_or_gfn) : NULL;
        if (!word || !grant_acquire(word, d->config.domid, e->write))
            return GNTST_bad_gntref;
        ref_or_gfn = word[1];
        e->entry = word;
    }
    e->page = grant_page(d, ref_or_gfn, e->write);
    return e->page ? GNTST_okay : GNTST_bad_page;
}

static void copy_unpin(struct copy_end *e)
{
    if (e->entry)
        __atomic_fetch_and(e->entry, ~(uint32_t)(GTF_reading | (e->write ? GTF_writing : 0)), __ATOMIC_SEQ_CST);
}

static int op_copy(struct xen_call *c, uint64_t gva)
{
    uint8_t b[sizeof(struct gnttab_copy)];
    size_t word = c->compat ? 4 : 8, size = c->compat ? 24 : 40, tail = 2 * (word + word);
    struct copy_end src = {.write = false}, dst = {.write = true};
    unsigned src_off, dst_off, len, flags;
    uint64_t src_page, dst_page;
    int16_t status;

    if (!call_copy_in(c, b, gva, size))
        return -XEN_EFAULT;
    src_page = c->compat ? load_le32(b) : load_le64(b);
    src_off = load_le16(b + word + 2);
    dst_page = c->compat ? load_le32(b + 8) : load_le64(b + 16);
    dst_off = load_le16(b + 3 * word + 2);
    len = load_le16(b + tail);
    flags = load_le16(b + tail + 2);
    if (flags & GNTCOPY_source_gref)
        src_page = (uint32_t)src_page;
    if (flags & GNTCOPY_dest_gref)
        dst_page = (uint32_t)dst_page;
    if (src_off + len > PAGE_BYTES || dst_off + len > PAGE_BYTES)
        status = GNTST_bad_copy_arg;
    else
        status = copy_pin(c, src_page, load_le16(b + word), flags & GNTCOPY_source_gref, &src);
    if (status == GNTST_okay)
        status = copy_pin(c, dst_page, load_le16(b + 3 * word), flags & GNTCOPY_dest_gref, &dst);
    if (status == GNTST_okay) {
        uint64_t gfn = dst.entry ? dst.entry[1] : dst_page;
        memmove(dst.page + dst_off, src.page + src_off, len);
        memory_written(c->d->config.memory, (gfn << PAGE_SHIFT_4K) + dst_off, len);
    }
    copy_unpin(&src);
    copy_unpin(&dst);
    return call_copy_out(c, gva + tail + 4, &status, sizeof status) ? 0 : -XEN_EFAULT;
}

/* No domain here has grants that this guest could map. */
static int op_map_refused(struct xen_call *c, uint64_t gva, size_t status_at)
{
    int16_t status = GNTST_bad_domain;

    return call_copy_out(c, gva + status_at, &status, sizeof status) ? 0 : -XEN_EFAULT;
}

static int op_set_version(struct xen_call *c, uint64_t gva)
{
    struct gnttab_set_version op;
    int rc;

    if (!call_copy_in(c, &op, gva, sizeof op))
        return -XEN_EFAULT;
    rc = op.version == GRANT_TABLE_V1 ? 0 : op.version == 2 ? -XEN_ENOSYS : -XEN_EINVAL;
    op.version = GRANT_TABLE_V1;
    return call_copy_out(c, gva, &op, sizeof op) ? rc : -XEN_EFAULT;
}

static int op_get_version(struct xen_call *c, uint64_t gva)
{
    struct gnttab_get_version op;

    if (!call_copy_in(c, &op, gva, sizeof op))
        return -XEN_EFAULT;
    if (!domid_is_self(c->d, op.dom))
        return -XEN_EPERM;
    op.version = GRANT_TABLE_V1;
    return call_copy_out(c, gva, &op, sizeof op) ? 0 : -XEN_EFAULT;
}

int64_t grant_op(struct xen_call *c)
{
    unsigned cmd = (unsigned)c->arg[0] & 0xfffff; /* above: where a preempted call goes on */
    uint64_t gva = c->arg[1], count = (uint32_t)c->arg[2];
    int rc = 0;

    if (cmd == GNTTABOP_set_version)
        return op_set_version(c, gva);
    if (cmd == GNTTABOP_get_version)
        return op_get_version(c, gva);
    if ((cmd == GNTTABOP_setup_table && count != 1) || count > OPS_MAX)
        return -XEN_EINVAL;
    for (uint64_t i = 0; i < count && rc == 0; i++) {
        switch (cmd) {
        case GNTTABOP_setup_table: rc = op_setup_table(c, gva); break;
        case GNTTABOP_query_size: rc = op_query_size(c, gva + i * sizeof(struct gnttab_query_size)); break;
        case GNTTABOP_copy: rc = op_copy(c, gva + i * (c->compat ? 24 : 40)); break;
        case GNTTABOP_map_grant_ref:
            rc = op_map_refused(c, gva + i * sizeof(struct gnttab_map_grant_ref),
                                offsetof(struct gnttab_map_grant_ref, status));
            break;
        case GNTTABOP_unmap_grant_ref:
            rc = op_map_refused(c, gva + i * sizeof(struct gnttab_unmap_grant_ref),
                                offsetof(struct gnttab_unmap_grant_ref, status));
            break;
        default: return -XEN_ENOSYS;
        }
    }
    return rc;
}
