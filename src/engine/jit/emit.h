/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * emit.h: host instructions into a buffer. Knows x86-64 encodings (SDM vol. 2 ch. 2) and nothing of guests. A full
 * buffer swallows what follows and says so in `full`.
 */
#ifndef DOMUS_ENGINE_JIT_EMIT_H
#define DOMUS_ENGINE_JIT_EMIT_H

#include "base/types.h"

#include <string.h>

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15, NO_REG = 0xff };

struct emit {
    uint8_t *p, *end; /* in the writable mapping */
    bool full;
};

/* The r/m place of an instruction. */
struct emit_rm {
    bool is_reg;
    uint8_t base, index, scale; /* base of a memory operand may be NO_REG */
    int32_t disp;
};

enum {
    EMIT_66 = 1, /* mandatory prefixes; the operand size brings its own */
    EMIT_F2 = 2,
    EMIT_F3 = 4,
    EMIT_LOCK = 8,
    EMIT_BYTE_REG = 16, /* reg or rm are byte registers, 4 to 7 being SPL to DIL */
    EMIT_BYTE_RM = 32,
};

static inline struct emit_rm emit_reg(unsigned n)
{
    return (struct emit_rm){.is_reg = true, .base = (uint8_t)n, .index = NO_REG};
}

static inline struct emit_rm emit_mem(unsigned base, int32_t disp)
{
    return (struct emit_rm){.base = (uint8_t)base, .index = NO_REG, .disp = disp};
}

static inline struct emit_rm emit_sib(unsigned base, unsigned index, unsigned scale, int32_t disp)
{
    return (struct emit_rm){.base = (uint8_t)base, .index = (uint8_t)index, .scale = (uint8_t)scale, .disp = disp};
}

static inline void emit_bytes(struct emit *e, const void *bytes, size_t n)
{
    if (e->full || (size_t)(e->end - e->p) < n) {
        e->full = true;
        return;
    }
    memcpy(e->p, bytes, n);
    e->p += n;
}

static inline void emit_8(struct emit *e, unsigned value)
{
    const uint8_t byte = (uint8_t)value;
    emit_bytes(e, &byte, sizeof byte);
}

static inline void emit_16(struct emit *e, unsigned value)
{
    const uint16_t v = (uint16_t)value;
    emit_bytes(e, &v, sizeof v);
}

static inline void emit_32(struct emit *e, uint32_t value)
{
    emit_bytes(e, &value, sizeof value);
}

static inline void emit_64(struct emit *e, uint64_t value)
{
    emit_bytes(e, &value, sizeof value);
}

/* op: the opcode byte, with 0x100 for the map 0F, 0x200 for 0F38, 0x300 for 0F3A. size 2 brings 66, 8 REX.W. */
void emit_op(struct emit *e, unsigned flags, unsigned size, unsigned op, unsigned reg, struct emit_rm rm);
/* pp: 0 none, 1 66, 2 F3, 3 F2. */
void emit_vex(struct emit *e, unsigned pp, bool w, bool l256, unsigned op, unsigned reg, unsigned vvvv,
              struct emit_rm rm);

void emit_load(struct emit *e, unsigned reg, struct emit_rm rm);  /* 64 bits */
void emit_store(struct emit *e, unsigned reg, struct emit_rm rm); /* 64 bits */
void emit_lea(struct emit *e, unsigned reg, struct emit_rm rm);
uint8_t *emit_jump(struct emit *e); /* JMP rel32; returns where the rel32 is */
uint8_t *emit_jcc(struct emit *e, unsigned condition);
void emit_target(uint8_t *rel32, const uint8_t *target); /* both in the same mapping */

#endif
