/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire.h: what the monitor and a stub process agree on: addresses, descriptors, and the two areas they share. The stub
 * has no C library; this header needs none.
 *
 * Two tasks share a stub's address space: the runner, whose user code is the guest's, and the mapper. The commands are
 * mapped read-only there, and no task but the mapper may map anything: the guest's code can change `struct
 * direct_shared` and the stub's own data, and nothing that the mapper reads (docs/direct.md).
 */
#ifndef DOMUS_ENGINE_DIRECT_WIRE_H
#define DOMUS_ENGINE_DIRECT_WIRE_H

#include <stdint.h>

#define DIRECT_BASE          0x2b7e00000000ull /* the stub's image begins here */
#define DIRECT_TEXT_BYTES    0x10000ull
#define DIRECT_COMMANDS      (DIRECT_BASE + 0x100000)
#define DIRECT_SHARED        (DIRECT_BASE + 0x200000)
#define DIRECT_END           (DIRECT_BASE + 0x300000) /* of all that is the stub's */
#define DIRECT_TOP           0x7ffffffff000ull        /* of user addresses */

#define DIRECT_COMMAND_BYTES 0x10000ull
#define DIRECT_SHARED_BYTES  0x20000ull
#define DIRECT_STACK_BYTES   0x18000ull /* at the end of the shared area: where the signal frames are */

/* Behind the two areas in the control file: pages of code with traps, mapped so that the runner can run but not read
 * them. */
#define DIRECT_COPIES        256u
#define DIRECT_COPIES_OFFSET (DIRECT_COMMAND_BYTES + DIRECT_SHARED_BYTES)
#define DIRECT_KEY           1u /* the protection key of that */

enum { DIRECT_FD_CONTROL = 3, DIRECT_FD_RAM, DIRECT_FD_RUNNER, DIRECT_FD_MAPPER };

enum { DIRECT_MAP, DIRECT_UNMAP, DIRECT_MAP_COPY };

struct direct_op {
    uint64_t kind, address, bytes, prot, offset;
};

#define DIRECT_OPS 1024u

struct direct_commands { /* written by the monitor only */
    uint64_t count;
    /* For the runner, before it goes on: what a signal's return does not set. flags: NT and ID. */
    uint64_t set_rest, fs_base, gs_base, ds, es, flags;
    struct direct_op op[DIRECT_OPS];
};

struct direct_shared { /* the runner's, and so the guest's: nothing here is to be believed */
    uint64_t frame;    /* address of the ucontext of the signal that stopped it */
    uint64_t signal;
    /* Believed before the first guest code ran: its thread ID; is there a protection key? */
    uint64_t runner, keyed;
    uint8_t byte[8]; /* what the mapper reads; of no meaning */
};

#endif
