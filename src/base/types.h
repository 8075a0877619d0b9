/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * types.h: the scalar types that must not be mixed up.
 * A guest address is never a pointer; a host address is always a `void *`.
 */
#ifndef DOMUS_BASE_TYPES_H
#define DOMUS_BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t gpa_t; /* guest-physical byte address */
typedef uint64_t gva_t; /* guest-virtual (linear) byte address */
typedef uint64_t gfn_t; /* guest frame number: gpa >> 12 */

#define PAGE_SHIFT_4K                 12
#define PAGE_BYTES                    4096u
#define PAGE_MASK_4K                  ((uint64_t)PAGE_BYTES - 1)

#define ARRAY_SIZE(a)                 (sizeof(a) / sizeof((a)[0]))
#define container_of(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))

#endif
