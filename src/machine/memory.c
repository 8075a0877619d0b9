/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * memory.c: see memory.h. The map is a table of leaves, each covering 1 GiB of guest-physical space: one 8-byte entry
 * per frame, host page address | flags, read with one atomic load and no lock. Leaves are never freed while the map
 * lives.
 */
#include "machine/memory.h"

#include "base/bytes.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LEAF_SHIFT  18u /* frames per leaf: 1 GiB */
#define LEAF_FRAMES (1ull << LEAF_SHIFT)
#define LEAVES      1024u /* 1 TiB of guest-physical space */
#define FLAG_MASK   (PAGE_BYTES - 1ull)

typedef _Atomic uint64_t entry_t;

/* A run of logged host pages (video RAM): one dirty bit per page. */
struct log_area {
    uint8_t *host;
    uint64_t pages;
    _Atomic uint8_t *dirty; /* one byte per page: set without a read-modify-write */
};

struct memory {
    _Atomic(entry_t *) leaf[LEAVES];
    uint8_t *ram;
    uint64_t ram_bytes;
    int fd;
    _Atomic uint16_t *mapped; /* per RAM page: how many frames map it */
    uint64_t free_hint;       /* RAM page where the next search for a free one starts */
    struct log_area log[4];
    unsigned logs;
    struct memory_listener listener;
};

struct memory *memory_create(uint64_t ram_bytes)
{
    struct memory *m = calloc(1, sizeof *m);

    if (!m)
        return NULL;
    m->fd = -1;
    m->ram = MAP_FAILED;
    if (!ram_bytes || (ram_bytes & PAGE_MASK_4K) || ram_bytes > LEAVES * LEAF_FRAMES * PAGE_BYTES) {
        errno = EINVAL;
        goto fail;
    }
    m->ram_bytes = ram_bytes;
    m->mapped = calloc(ram_bytes / PAGE_BYTES, sizeof *m->mapped);
    m->fd = memfd_create("domus-ram", MFD_CLOEXEC);
    if (!m->mapped || m->fd < 0 || ftruncate(m->fd, (off_t)ram_bytes) < 0)
        goto fail;
    m->ram = mmap(NULL, ram_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, m->fd, 0);
    if (m->ram == MAP_FAILED)
        goto fail;
    (void)madvise(m->ram, ram_bytes, MADV_HUGEPAGE);
    return m;
fail:
    memory_destroy(m);
    return NULL;
}

void memory_destroy(struct memory *m)
{
    int saved = errno;

    if (!m)
        return;
    for (unsigned i = 0; i < LEAVES; i++)
        free((void *)atomic_load(&m->leaf[i]));
    for (unsigned i = 0; i < m->logs; i++)
        free((void *)m->log[i].dirty);
    if (m->ram != MAP_FAILED)
        munmap(m->ram, m->ram_bytes);
    if (m->fd >= 0)
        close(m->fd);
    free((void *)m->mapped);
    free(m);
    errno = saved;
}

void memory_set_listener(struct memory *m, const struct memory_listener *listener)
{
    m->listener = *listener;
}

int memory_ram_fd(const struct memory *m)
{
    return m->fd;
}

uint8_t *memory_ram(struct memory *m)
{
    return m->ram;
}

uint64_t memory_ram_bytes(const struct memory *m)
{
    return m->ram_bytes;
}

static entry_t *entry_at(struct memory *m, gfn_t gfn)
{
    entry_t *leaf;

    if (gfn >= LEAVES * LEAF_FRAMES)
        return NULL;
    leaf = atomic_load_explicit(&m->leaf[gfn >> LEAF_SHIFT], memory_order_acquire);
    return leaf ? &leaf[gfn & (LEAF_FRAMES - 1)] : NULL;
}

/* Is this host page part of RAM? Then its index. */
static bool ram_index(const struct memory *m, uint64_t entry, uint64_t *index)
{
    uintptr_t host = (uintptr_t)(entry & ~FLAG_MASK);

    if (!(entry & MEMORY_PRESENT) || host < (uintptr_t)m->ram || host >= (uintptr_t)m->ram + m->ram_bytes)
        return false;
    *index = (host - (uintptr_t)m->ram) / PAGE_BYTES;
    return true;
}

static void entry_set(struct memory *m, entry_t *e, uint64_t value)
{
    uint64_t index, old = atomic_load(e);

    if (ram_index(m, value, &index))
        atomic_fetch_add(&m->mapped[index], 1);
    atomic_store(e, value);
    if (ram_index(m, old, &index))
        atomic_fetch_sub(&m->mapped[index], 1);
}

static int map_pages(struct memory *m, gfn_t gfn, uint8_t *host, uint64_t count, unsigned flags)
{
    if (!range_inside(gfn, count, LEAVES * LEAF_FRAMES))
        return -EINVAL;
    for (uint64_t i = gfn >> LEAF_SHIFT; count && i <= (gfn + count - 1) >> LEAF_SHIFT; i++) {
        if (!atomic_load(&m->leaf[i])) {
            entry_t *leaf = calloc(LEAF_FRAMES, sizeof *leaf);
            if (!leaf)
                return -ENOMEM;
            atomic_store(&m->leaf[i], leaf);
        }
    }
    for (uint64_t i = 0; i < count; i++)
        entry_set(m, entry_at(m, gfn + i), (uintptr_t)(host + i * PAGE_BYTES) | flags | MEMORY_PRESENT);
    if (m->listener.unmapped)
        m->listener.unmapped(m->listener.opaque, gfn, count);
    return 0;
}

int memory_map_ram(struct memory *m, gfn_t gfn, uint64_t ram_offset, uint64_t count)
{
    if ((ram_offset & PAGE_MASK_4K) || count > m->ram_bytes / PAGE_BYTES ||
        !range_inside(ram_offset, count * PAGE_BYTES, m->ram_bytes))
        return -EINVAL;
    return map_pages(m, gfn, m->ram + ram_offset, count, 0);
}

int memory_map_host(struct memory *m, gfn_t gfn, void *host, uint64_t count, unsigned flags)
{
    if ((uintptr_t)host & PAGE_MASK_4K)
        return -EINVAL;
    if (flags & MEMORY_LOGGED) {
        unsigned i = 0;
        while (i < m->logs && m->log[i].host != host)
            i++;
        if (i == ARRAY_SIZE(m->log))
            return -ENOSPC;
        if (i == m->logs) {
            m->log[i].dirty = calloc(count, 1);
            if (!m->log[i].dirty)
                return -ENOMEM;
            m->log[i].host = host;
            m->log[i].pages = count;
            m->logs++;
        } else if (count > m->log[i].pages) {
            return -EINVAL;
        }
    }
    return map_pages(m, gfn, host, count, flags & (MEMORY_READONLY | MEMORY_LOGGED));
}

void memory_unmap(struct memory *m, gfn_t gfn, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        entry_t *e = entry_at(m, gfn + i);
        if (e)
            entry_set(m, e, 0);
    }
    if (m->listener.unmapped)
        m->listener.unmapped(m->listener.opaque, gfn, count);
}

int64_t memory_alloc_page(struct memory *m)
{
    uint64_t pages = m->ram_bytes / PAGE_BYTES;

    for (uint64_t i = 0; i < pages; i++) {
        uint64_t page = (m->free_hint + i) % pages;
        if (!atomic_load(&m->mapped[page])) {
            m->free_hint = page + 1;
            memset(m->ram + page * PAGE_BYTES, 0, PAGE_BYTES);
            return (int64_t)(page * PAGE_BYTES);
        }
    }
    return -1;
}

void memory_free_page(struct memory *m, uint64_t offset)
{
    if (offset < m->ram_bytes && !(offset & PAGE_MASK_4K) && !atomic_load(&m->mapped[offset / PAGE_BYTES]))
        (void)madvise(m->ram + offset, PAGE_BYTES, MADV_REMOVE);
}

struct memory_page memory_lookup(struct memory *m, gfn_t gfn)
{
    entry_t *e = entry_at(m, gfn);
    uint64_t v = e ? atomic_load_explicit(e, memory_order_relaxed) : 0;

    if (!(v & MEMORY_PRESENT))
        return (struct memory_page){NULL, 0};
    return (struct memory_page){(uint8_t *)(uintptr_t)(v & ~FLAG_MASK), (unsigned)(v & FLAG_MASK)};
}

void memory_set_code(struct memory *m, gfn_t gfn, bool on)
{
    entry_t *e = entry_at(m, gfn);

    if (!e || !(atomic_load(e) & MEMORY_PRESENT))
        return;
    if (on)
        atomic_fetch_or(e, MEMORY_CODE);
    else
        atomic_fetch_and(e, ~(uint64_t)MEMORY_CODE);
}

static void mark_dirty(struct memory *m, const uint8_t *host)
{
    for (unsigned i = 0; i < m->logs; i++) {
        if (host >= m->log[i].host && host < m->log[i].host + m->log[i].pages * PAGE_BYTES)
            atomic_store_explicit(&m->log[i].dirty[(host - m->log[i].host) / PAGE_BYTES], 1, memory_order_release);
    }
}

void memory_written(struct memory *m, gpa_t gpa, uint64_t len)
{
    while (len) {
        uint64_t n = PAGE_BYTES - (gpa & PAGE_MASK_4K);
        struct memory_page p = memory_lookup(m, gpa >> PAGE_SHIFT_4K);

        if (n > len)
            n = len;
        if (p.flags & MEMORY_LOGGED)
            mark_dirty(m, p.host);
        if ((p.flags & MEMORY_CODE) && m->listener.code_written)
            m->listener.code_written(m->listener.opaque, gpa, n);
        gpa += n;
        len -= n;
    }
}

void *mem_at(struct memory *m, gpa_t gpa, uint64_t len)
{
    struct memory_page first = memory_lookup(m, gpa >> PAGE_SHIFT_4K);
    uint64_t covered = PAGE_BYTES - (gpa & PAGE_MASK_4K);

    if (!first.host || len > m->ram_bytes + (1ull << 32))
        return NULL;
    for (uint64_t i = 1; covered < len; i++, covered += PAGE_BYTES) {
        struct memory_page p = memory_lookup(m, (gpa >> PAGE_SHIFT_4K) + i);
        if (p.host != first.host + i * PAGE_BYTES)
            return NULL;
    }
    return first.host + (gpa & PAGE_MASK_4K);
}

/* Is every byte of the range present and, for writing, not read-only? */
static bool range_present(struct memory *m, gpa_t gpa, uint64_t len, bool writing)
{
    if (len && gpa + len - 1 < gpa)
        return false;
    for (gfn_t gfn = gpa >> PAGE_SHIFT_4K; len && gfn <= (gpa + len - 1) >> PAGE_SHIFT_4K; gfn++) {
        struct memory_page p = memory_lookup(m, gfn);
        if (!p.host || (writing && (p.flags & MEMORY_READONLY)))
            return false;
    }
    return true;
}

int mem_copy_in(struct memory *m, void *to, gpa_t from, uint64_t len)
{
    uint8_t *out = to;

    if (!range_present(m, from, len, false))
        return -EFAULT;
    while (len) {
        uint64_t n = PAGE_BYTES - (from & PAGE_MASK_4K);
        struct memory_page p = memory_lookup(m, from >> PAGE_SHIFT_4K);
        if (n > len)
            n = len;
        if (!p.host) /* another vCPU unmapped it since */
            return -EFAULT;
        memcpy(out, p.host + (from & PAGE_MASK_4K), n);
        out += n;
        from += n;
        len -= n;
    }
    return 0;
}

int mem_copy_out(struct memory *m, gpa_t to, const void *from, uint64_t len)
{
    const uint8_t *in = from;
    gpa_t start = to;
    uint64_t total = len;

    if (!range_present(m, to, len, true))
        return -EFAULT;
    while (len) {
        uint64_t n = PAGE_BYTES - (to & PAGE_MASK_4K);
        struct memory_page p = memory_lookup(m, to >> PAGE_SHIFT_4K);
        if (n > len)
            n = len;
        if (!p.host)
            return -EFAULT;
        memcpy(p.host + (to & PAGE_MASK_4K), in, n);
        in += n;
        to += n;
        len -= n;
    }
    memory_written(m, start, total);
    return 0;
}

void memory_dirty_fetch(struct memory *m, const void *host, uint64_t count, uint8_t *bitmap)
{
    const uint8_t *h = host;

    memset(bitmap, 0, (count + 7) / 8);
    for (unsigned i = 0; i < m->logs; i++) {
        for (uint64_t page = 0; page < count; page++) {
            const uint8_t *at = h + page * PAGE_BYTES;
            if (at < m->log[i].host || at >= m->log[i].host + m->log[i].pages * PAGE_BYTES)
                continue;
            if (atomic_exchange(&m->log[i].dirty[(at - m->log[i].host) / PAGE_BYTES], 0))
                bitmap[page / 8] = (uint8_t)(bitmap[page / 8] | 1u << (page % 8));
        }
    }
}
