/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * access.h: operands of operations: registers by offset, effective addresses, and memory with the TLB hit inlined.
 */
#ifndef DOMUS_ENGINE_INTERP_ACCESS_H
#define DOMUS_ENGINE_INTERP_ACCESS_H

#include "base/bytes.h"
#include "engine/interp/interp.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))

#define REG_OFFSET(n) ((uint16_t)(offsetof(struct interp_vcpu, cpu.gpr) + 8 * (n)))

/* Guest operands lie at any address; on the host that is one plain access all the same. */
typedef int16_t __attribute__((aligned(1), may_alias)) unaligned_i16;
typedef int32_t __attribute__((aligned(1), may_alias)) unaligned_i32;
typedef int64_t __attribute__((aligned(1), may_alias)) unaligned_i64;

ALWAYS_INLINE void *interp_slot(struct interp_vcpu *v, uint16_t offset)
{
    return (char *)v + offset;
}

ALWAYS_INLINE uint64_t interp_slot64(const struct interp_vcpu *v, uint16_t offset)
{
    return (uint64_t) * (const unaligned_i64 *)(const void *)((const char *)v + offset); /* AH..BH are odd */
}

/* Sign-extended from size. */
ALWAYS_INLINE int64_t interp_extend(uint64_t value, unsigned size)
{
    return size == 1 ? (int8_t)value : size == 2 ? (int16_t)value : size == 4 ? (int32_t)value : (int64_t)value;
}

ALWAYS_INLINE int64_t interp_reg(struct interp_vcpu *v, uint16_t offset, unsigned size)
{
    const void *p = interp_slot(v, offset);
    return size == 1   ? *(const int8_t *)p
           : size == 2 ? *(const int16_t *)p
           : size == 4 ? *(const int32_t *)p
                       : *(const int64_t *)p;
}

ALWAYS_INLINE void interp_set_reg(struct interp_vcpu *v, uint16_t offset, unsigned size, uint64_t value)
{
    void *p = interp_slot(v, offset);
    switch (size) {
    case 1: *(uint8_t *)p = (uint8_t)value; break;
    case 2: *(uint16_t *)p = (uint16_t)value; break;
    case 4: *(uint64_t *)p = (uint32_t)value; break;
    default: *(uint64_t *)p = value; break;
    }
}

ALWAYS_INLINE int64_t interp_host_load(const void *p, unsigned size)
{
    switch (size) {
    case 1: return *(const volatile int8_t *)p;
    case 2: return *(const volatile unaligned_i16 *)p;
    case 4: return *(const volatile unaligned_i32 *)p;
    default: return *(const volatile unaligned_i64 *)p;
    }
}

ALWAYS_INLINE void interp_host_store(void *p, unsigned size, uint64_t value)
{
    switch (size) {
    case 1: *(volatile uint8_t *)p = (uint8_t)value; break;
    case 2: *(volatile unaligned_i16 *)p = (int16_t)value; break;
    case 4: *(volatile unaligned_i32 *)p = (int32_t)value; break;
    default: *(volatile unaligned_i64 *)p = (int64_t)value; break;
    }
}

/* The host address of [lin, lin+size) when the TLB allows the access and it is within one page; else NULL. */
ALWAYS_INLINE void *interp_hit(struct interp_vcpu *v, gva_t lin, unsigned size, bool write)
{
    const struct interp_entry *e = &v->table[(lin >> PAGE_SHIFT_4K) & (INTERP_TLB_SIZE - 1)];
    uint64_t offset = lin + (write ? e->write : e->read);
    if (likely(offset <= PAGE_BYTES - size))
        return e->host + offset;
    return NULL;
}

ALWAYS_INLINE struct interp_jump_entry *interp_jump_slot(struct interp_vcpu *v, gva_t lin)
{
    return &v->jump[(lin ^ lin >> 12) & (INTERP_JUMP_SIZE - 1)];
}

/* Builds without tail calls would recurse: there every block returns to the loop. */
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define INTERP_CHAINS 1
#else
#define INTERP_CHAINS 0
#endif

/* The requests that can be acted upon now. */
ALWAYS_INLINE uint32_t interp_requests(const struct interp_vcpu *v)
{
    return atomic_load_explicit(v->requests, memory_order_relaxed) & v->heed;
}

/* After RFLAGS.IF changed. */
ALWAYS_INLINE void interp_if_changed(struct interp_vcpu *v)
{
    v->heed = v->cpu.rflags & X86_IF ? ~0u : ~(uint32_t)ENGINE_REQ_INTR;
}

/* A block's last operation ends with this, cpu.rip set: runs on into the next block, or returns to the loop. */
ALWAYS_INLINE void interp_go_on(struct interp_vcpu *v)
{
    if (!INTERP_CHAINS || unlikely(interp_requests(v)))
        return;
    gva_t lin = (v->cs_base + v->cpu.rip) & v->lin_mask;
    const struct interp_jump_entry *j = interp_jump_slot(v, lin);
    if (unlikely(j->key != (lin ^ v->jump_salt)))
        return;
    struct interp_block *b = j->block;
    if (unlikely(atomic_load_explicit(b->version, memory_order_relaxed) != b->version_seen || b->crossing))
        return;
    if (unlikely(v->hold) && (v->attention || v->cpu.rip + b->bytes - 1 > v->cpu.seg[X86_CS].limit))
        return;
    if (unlikely(--v->chain_left == 0))
        return;
    v->block = b;
    v->rip0 = v->cpu.rip;
    b->ops[0].fn(v, b->ops);
}

/* Linear loads are sign-extended. */
ALWAYS_INLINE int64_t interp_read(struct interp_vcpu *v, const struct interp_op *op, gva_t lin, unsigned size)
{
    const void *p = interp_hit(v, lin, size, false);
    if (likely(p))
        return interp_host_load(p, size);
    return interp_extend(interp_read_slow(v, op, lin, size), size);
}

ALWAYS_INLINE void interp_write(struct interp_vcpu *v, const struct interp_op *op, gva_t lin, unsigned size,
                                uint64_t value)
{
    void *p = interp_hit(v, lin, size, true);
    if (likely(p))
        interp_host_store(p, size, value);
    else
        interp_write_slow(v, op, lin, size, value);
}

/* Offset in a segment to linear address, with the checks of the legacy modes. */
ALWAYS_INLINE gva_t interp_linear(struct interp_vcpu *v, const struct interp_op *op, unsigned seg, uint64_t offset,
                                  unsigned size, bool write)
{
    const struct interp_segment *s = &v->seg[seg];
    if (unlikely(offset < s->lo || offset + size > (write ? s->write_end : s->read_end))) {
        v->op = op;
        interp_segment_fault(v, seg);
    }
    return (s->base + offset) & v->lin_mask;
}

ALWAYS_INLINE uint64_t interp_wrap(uint64_t offset, unsigned addr_size)
{
    return addr_size == 8 ? offset : addr_size == 4 ? (uint32_t)offset : (uint16_t)offset;
}

ALWAYS_INLINE uint64_t interp_offset(struct interp_vcpu *v, const struct interp_op *op)
{
    return interp_slot64(v, op->base) + (interp_slot64(v, op->index) << op->scale) + (uint64_t)op->disp;
}

/* The linear address of op's memory operand. flat: 64-bit code with 64-bit addresses, where nothing is to be checked.
 */
ALWAYS_INLINE gva_t interp_address(struct interp_vcpu *v, const struct interp_op *op, unsigned size, bool write,
                                   bool flat)
{
    uint64_t offset = interp_offset(v, op);
    if (flat)
        return offset + interp_slot64(v, op->seg_base);
    return interp_linear(v, op, op->seg, interp_wrap(offset, op->addr_size), size, write);
}

/* A read-modify-write in two steps; nothing can fault after the first. */
struct interp_rmw {
    uint8_t *host; /* direct, or NULL: by pages */
    gva_t lin;
    unsigned first; /* bytes in the first page */
    struct interp_page page[2];
};
uint64_t interp_rmw_begin_slow(struct interp_vcpu *v, const struct interp_op *op, gva_t lin, unsigned size,
                               struct interp_rmw *m);
void interp_rmw_end_slow(struct interp_vcpu *v, struct interp_rmw *m, unsigned size, uint64_t value);

#endif
