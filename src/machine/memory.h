/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * memory.h: guest-physical memory: RAM in one memfd, and the map from guest frames to host pages.
 *
 * The map is dynamic at 4 KiB (Xen guests put shared_info, grant frames and populated pages anywhere). What is not
 * mapped here is MMIO or nothing, and bus.h decides. Changes to the map need the machine lock; lookups need none.
 *
 * Who reaches guest memory, and how:
 *   engines      memory_lookup() on a TLB miss, then host addresses, until memory_listener.unmapped says otherwise;
 *   everyone else mem_at() / mem_copy_in() / mem_copy_out(), which check the whole range first.
 * Whoever writes guest memory other than by a guest instruction calls memory_written() once the bytes are there, so
 * that translated code and screens notice (mem_copy_out() does so itself).
 */
#ifndef DOMUS_MACHINE_MEMORY_H
#define DOMUS_MACHINE_MEMORY_H

#include "base/types.h"

struct memory;

enum memory_flags {
    MEMORY_PRESENT = 1,  /* a host page stands behind the frame */
    MEMORY_READONLY = 2, /* guest writes are dropped (ROM) */
    MEMORY_LOGGED = 4,   /* writes are recorded in a dirty bitmap (video RAM); engines must call memory_written() */
    MEMORY_CODE = 8,     /* an engine holds decoded or translated code of this page; set by memory_set_code() */
};

struct memory_page {
    uint8_t *host;  /* 4 KiB, page aligned; NULL without MEMORY_PRESENT */
    unsigned flags; /* enum memory_flags */
};

/* What an engine wants to know. Called in the thread of whoever made the change, which may hold the machine lock. */
struct memory_listener {
    void (*unmapped)(void *opaque, gfn_t first, uint64_t count); /* the frames' pages or flags changed */
    void (*code_written)(void *opaque, gpa_t gpa, uint64_t len); /* bytes of a MEMORY_CODE page were written */
    void *opaque;
};

/* RAM of `ram_bytes` (a multiple of 4 KiB) in a memfd, none of it mapped yet. NULL with errno on failure. */
struct memory *memory_create(uint64_t ram_bytes);
void memory_destroy(struct memory *m);                                              /* NULL is fine */
void memory_set_listener(struct memory *m, const struct memory_listener *listener); /* copied */

/* Host address and size of all RAM, for the engine and for the page allocator of populate_physmap. */
uint8_t *memory_ram(struct memory *m);
int memory_ram_fd(const struct memory *m); /* its memfd, borrowed */
uint64_t memory_ram_bytes(const struct memory *m);

/* Maps RAM [ram_offset, +count*4K) at gfn; or any host pages (video RAM, ROMs), borrowed. 0 or -errno. */
int memory_map_ram(struct memory *m, gfn_t gfn, uint64_t ram_offset, uint64_t count);
int memory_map_host(struct memory *m, gfn_t gfn, void *host, uint64_t count, unsigned flags);
void memory_unmap(struct memory *m, gfn_t gfn, uint64_t count);

/* RAM pages that no frame maps, for populate_physmap: -1 when there is none. */
int64_t memory_alloc_page(struct memory *m);              /* returns a ram offset */
void memory_free_page(struct memory *m, uint64_t offset); /* after the last mapping went */

struct memory_page memory_lookup(struct memory *m, gfn_t gfn);
void memory_set_code(struct memory *m, gfn_t gfn, bool on);
void memory_written(struct memory *m, gpa_t gpa, uint64_t len);

/* Host pointer to guest bytes [gpa, gpa+len), contiguous on the host, or NULL: not all RAM, or not contiguous. */
void *mem_at(struct memory *m, gpa_t gpa, uint64_t len);
/* Copies; 0, or -EFAULT with nothing copied when a byte of the range is not RAM (copy_out: or is read-only). */
int mem_copy_in(struct memory *m, void *to, gpa_t from, uint64_t len);
int mem_copy_out(struct memory *m, gpa_t to, const void *from, uint64_t len);

/* Dirty log of pages mapped MEMORY_LOGGED: copies and clears one bit per page of [host, host+4K*count). */
void memory_dirty_fetch(struct memory *m, const void *host, uint64_t count, uint8_t *bitmap);

#endif
