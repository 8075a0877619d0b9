/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bytes.h: little-endian loads and stores at any alignment, and checked arithmetic on sizes a guest gave. */
#ifndef DOMUS_BASE_BYTES_H
#define DOMUS_BASE_BYTES_H

#include "base/types.h"

#include <string.h>

static inline uint16_t load_le16(const void *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint32_t load_le32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t load_le64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void store_le16(void *p, uint16_t v)
{
    memcpy(p, &v, sizeof v);
}

static inline void store_le32(void *p, uint32_t v)
{
    memcpy(p, &v, sizeof v);
}

static inline void store_le64(void *p, uint64_t v)
{
    memcpy(p, &v, sizeof v);
}

/* The low `size` bytes (1, 2, 4 or 8) set: what a bus of that width returns where nothing answers. */
static inline uint64_t bytes_ones(unsigned size)
{
    return size >= 8 ? ~0ull : (1ull << (8 * size)) - 1;
}

/* Is [start, start+len) inside [0, limit)? Never overflows. */
static inline bool range_inside(uint64_t start, uint64_t len, uint64_t limit)
{
    return len <= limit && start <= limit - len;
}

#endif
