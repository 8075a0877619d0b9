/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * emit.c: the assembler's encodings.
 */
#include "engine/jit/emit.h"

#include "base/bytes.h"

static void modrm(struct emit *e, unsigned reg, struct emit_rm rm)
{
    unsigned r = (reg & 7) << 3, base = rm.base & 7u;
    if (rm.is_reg) {
        emit_8(e, 0xc0 | r | base);
        return;
    }
    if (rm.base == NO_REG) {
        emit_8(e, r | 4);
        emit_8(e, (unsigned)rm.scale << 6 | (rm.index == NO_REG ? 4u : rm.index & 7u) << 3 | 5);
        emit_32(e, (uint32_t)rm.disp);
        return;
    }
    unsigned mod = rm.disp == 0 && base != RBP ? 0 : rm.disp >= -128 && rm.disp <= 127 ? 0x40 : 0x80;
    if (rm.index != NO_REG || base == RSP) {
        emit_8(e, mod | r | 4);
        emit_8(e, (unsigned)rm.scale << 6 | (rm.index == NO_REG ? 4u : rm.index & 7u) << 3 | base);
    } else {
        emit_8(e, mod | r | base);
    }
    if (mod == 0x40)
        emit_8(e, (unsigned)rm.disp);
    else if (mod == 0x80)
        emit_32(e, (uint32_t)rm.disp);
}

static unsigned high(unsigned reg)
{
    return reg != NO_REG && reg >= 8;
}

void emit_op(struct emit *e, unsigned flags, unsigned size, unsigned op, unsigned reg, struct emit_rm rm)
{
    unsigned rex = (size == 8 ? 8u : 0u) | high(reg) << 2 | high(rm.index) << 1 | high(rm.base);
    if (((flags & EMIT_BYTE_REG) && reg >= 4 && reg < 8) ||
        ((flags & EMIT_BYTE_RM) && rm.is_reg && rm.base >= 4 && rm.base < 8))
        rex |= 0x40;
    if (flags & EMIT_LOCK)
        emit_8(e, 0xf0);
    if (size == 2 || (flags & EMIT_66))
        emit_8(e, 0x66);
    if (flags & EMIT_F2)
        emit_8(e, 0xf2);
    if (flags & EMIT_F3)
        emit_8(e, 0xf3);
    if (rex)
        emit_8(e, 0x40 | rex);
    if (op >> 8)
        emit_8(e, 0x0f);
    if (op >> 8 > 1)
        emit_8(e, op >> 8 == 2 ? 0x38 : 0x3a);
    emit_8(e, op & 0xff);
    modrm(e, reg, rm);
}

void emit_vex(struct emit *e, unsigned pp, bool w, bool l256, unsigned op, unsigned reg, unsigned vvvv,
              struct emit_rm rm)
{
    unsigned inverted = (high(reg) ? 0 : 0x80u) | (high(rm.index) ? 0 : 0x40u) | (high(rm.base) ? 0 : 0x20u);
    emit_8(e, 0xc4);
    emit_8(e, inverted | op >> 8);
    emit_8(e, (unsigned)w << 7 | (~vvvv & 15) << 3 | (unsigned)l256 << 2 | pp);
    emit_8(e, op & 0xff);
    modrm(e, reg, rm);
}

void emit_load(struct emit *e, unsigned reg, struct emit_rm rm)
{
    emit_op(e, 0, 8, 0x8b, reg, rm);
}

void emit_store(struct emit *e, unsigned reg, struct emit_rm rm)
{
    emit_op(e, 0, 8, 0x89, reg, rm);
}

void emit_lea(struct emit *e, unsigned reg, struct emit_rm rm)
{
    emit_op(e, 0, 8, 0x8d, reg, rm);
}

uint8_t *emit_jump(struct emit *e)
{
    emit_8(e, 0xe9);
    emit_32(e, 0);
    return e->p - 4;
}

uint8_t *emit_jcc(struct emit *e, unsigned condition)
{
    emit_8(e, 0x0f);
    emit_8(e, 0x80 | condition);
    emit_32(e, 0);
    return e->p - 4;
}

void emit_target(uint8_t *rel32, const uint8_t *target)
{
    store_le32(rel32, (uint32_t)(target - (rel32 + 4)));
}
