/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ops_string.c: string operations and port I/O. REP MOVS, STOS and LODS go a page at a time where the TLB says that
 * both sides are plain RAM; the others and every doubtful case go element by element, with registers exact after each.
 */
#include "engine/interp/ops.h"

#include "engine/interp/flags.h"
#include "engine/interp/segment.h"

void interp_check_port(struct interp_vcpu *v, uint16_t port, unsigned size)
{
    const struct x86_seg *tr = &v->cpu.seg[X86_TR];
    bool v86 = interp_v86(v);
    if (interp_real_mode(v) || (!v86 && x86_cpl(&v->cpu) <= (v->cpu.rflags & X86_IOPL) >> 12))
        return;
    if (!(tr->attr & X86_ATTR_P) || !(tr->attr & 8) || tr->limit < 103)
        interp_raise_error(v, X86_EXC_GP, 0);
    unsigned at = (unsigned)interp_tss_read(v, 102, 2, X86_EXC_GP) + port / 8u;
    if (at + 1 > tr->limit)
        interp_raise_error(v, X86_EXC_GP, 0);
    unsigned bits = (unsigned)interp_tss_read(v, at, 2, X86_EXC_GP);
    if (bits >> (port & 7) & ((1u << size) - 1))
        interp_raise_error(v, X86_EXC_GP, 0);
}

static void sync_for_port(struct interp_vcpu *v)
{
    cc_commit(v);
    v->cpu.rip = interp_this_rip(v);
}

static uint16_t port_of(struct interp_vcpu *v, const struct interp_op *op)
{
    return op->imm < 0 ? (uint16_t)v->cpu.gpr[X86_RDX] : (uint16_t)op->imm;
}

void interp_op_in(struct interp_vcpu *v, const struct interp_op *op)
{
    uint16_t port = port_of(v, op);
    v->op = op;
    interp_check_port(v, port, op->size);
    sync_for_port(v);
    uint64_t value = v->host.port_read(v->opaque, port, op->size);
    interp_set_reg(v, REG_OFFSET(X86_RAX), op->size, value);
    INTERP_NEXT(v, op);
}

void interp_op_out(struct interp_vcpu *v, const struct interp_op *op)
{
    uint16_t port = port_of(v, op);
    v->op = op;
    interp_check_port(v, port, op->size);
    sync_for_port(v);
    v->host.port_write(v->opaque, port, op->size, v->cpu.gpr[X86_RAX] & bytes_ones(op->size));
    INTERP_NEXT(v, op);
}

/* --- one element --- */

static gva_t source(struct interp_vcpu *v, const struct interp_op *op)
{
    return interp_linear(v, op, op->seg, interp_wrap(v->cpu.gpr[X86_RSI], op->addr_size), op->size, false);
}

static gva_t target(struct interp_vcpu *v, const struct interp_op *op, bool write)
{
    return interp_linear(v, op, X86_ES, interp_wrap(v->cpu.gpr[X86_RDI], op->addr_size), op->size, write);
}

static int64_t read_sized(struct interp_vcpu *v, const struct interp_op *op, gva_t lin)
{
    switch (op->size) {
    case 1: return interp_read(v, op, lin, 1);
    case 2: return interp_read(v, op, lin, 2);
    case 4: return interp_read(v, op, lin, 4);
    default: return interp_read(v, op, lin, 8);
    }
}

static void write_sized(struct interp_vcpu *v, const struct interp_op *op, gva_t lin, uint64_t value)
{
    switch (op->size) {
    case 1: interp_write(v, op, lin, 1, value); break;
    case 2: interp_write(v, op, lin, 2, value); break;
    case 4: interp_write(v, op, lin, 4, value); break;
    default: interp_write(v, op, lin, 8, value); break;
    }
}

static void move(struct interp_vcpu *v, const struct interp_op *op, unsigned reg, uint64_t elements)
{
    uint64_t by = elements * op->size, old = v->cpu.gpr[reg];
    uint64_t moved = v->cpu.rflags & X86_DF ? old - by : old + by;
    interp_set_reg(v, REG_OFFSET(reg), op->addr_size, moved);
}

static void compare(struct interp_vcpu *v, const struct interp_op *op, int64_t a, int64_t b)
{
    v->cc_op = CC_SUB;
    v->cc_a = a;
    v->cc_b = b;
    v->cc_dst = interp_extend((uint64_t)a - (uint64_t)b, op->size);
}

static void ins_one(struct interp_vcpu *v, const struct interp_op *op)
{
    uint16_t port = (uint16_t)v->cpu.gpr[X86_RDX];
    gva_t to = target(v, op, true);
    interp_check_port(v, port, op->size);
    if (!interp_hit(v, to, op->size, true))
        interp_probe_lin(v, to, op->size, interp_data_access(v) | X86_ACCESS_WRITE);
    sync_for_port(v);
    write_sized(v, op, to, v->host.port_read(v->opaque, port, op->size));
    move(v, op, X86_RDI, 1);
}

static void outs_one(struct interp_vcpu *v, const struct interp_op *op)
{
    uint16_t port = (uint16_t)v->cpu.gpr[X86_RDX];
    interp_check_port(v, port, op->size);
    uint64_t value = (uint64_t)read_sized(v, op, source(v, op)) & bytes_ones(op->size);
    sync_for_port(v);
    v->host.port_write(v->opaque, port, op->size, value);
    move(v, op, X86_RSI, 1);
}

static void one(struct interp_vcpu *v, const struct interp_op *op)
{
    int64_t a, b;
    switch (op->kind & 0xfe) {
    case 0x6c: ins_one(v, op); break;
    case 0x6e: outs_one(v, op); break;
    case 0xa4:
        a = read_sized(v, op, source(v, op));
        write_sized(v, op, target(v, op, true), (uint64_t)a);
        move(v, op, X86_RSI, 1);
        move(v, op, X86_RDI, 1);
        break;
    case 0xa6:
        b = read_sized(v, op, target(v, op, false)); /* the faults of this side come first */
        a = read_sized(v, op, source(v, op));
        compare(v, op, a, b);
        move(v, op, X86_RSI, 1);
        move(v, op, X86_RDI, 1);
        break;
    case 0xaa:
        write_sized(v, op, target(v, op, true), v->cpu.gpr[X86_RAX]);
        move(v, op, X86_RDI, 1);
        break;
    case 0xac:
        interp_set_reg(v, REG_OFFSET(X86_RAX), op->size, (uint64_t)read_sized(v, op, source(v, op)));
        move(v, op, X86_RSI, 1);
        break;
    default: /* SCAS */
        compare(v, op, interp_extend(v->cpu.gpr[X86_RAX], op->size), read_sized(v, op, target(v, op, false)));
        move(v, op, X86_RDI, 1);
        break;
    }
}

/* --- many at once --- */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Elements from here that lie in this page, this segment and before the offset wraps. */
static uint64_t span(struct interp_vcpu *v, const struct interp_op *op, unsigned seg, uint64_t offset, bool write,
                     uint64_t count, gva_t *lin)
{
    const struct interp_segment *s = &v->seg[seg];
    uint64_t end = write ? s->write_end : s->read_end;
    if (offset < s->lo || offset >= end)
        return 0;
    *lin = (s->base + offset) & v->lin_mask;
    uint64_t bytes = least(PAGE_BYTES - (*lin & PAGE_MASK_4K), end - offset);
    if (op->addr_size == 2)
        bytes = least(bytes, 0x10000 - offset);
    return least(bytes / op->size, count);
}

static void fill(uint8_t *to, uint64_t value, unsigned size, uint64_t n)
{
    if (size == 1) {
        memset(to, (int)(value & 0xff), n);
        return;
    }
    for (uint64_t i = 0; i < n; i++, to += size)
        memcpy(to, &value, size);
}

static void copy(uint8_t *to, const uint8_t *from, unsigned size, uint64_t n)
{
    if (to > from && to < from + n * size) { /* a forward copy onto itself repeats its start */
        for (uint64_t i = 0; i < n; i++, to += size, from += size) {
            uint64_t element = 0;
            memcpy(&element, from, size);
            memcpy(to, &element, size);
        }
    } else {
        memmove(to, from, n * size);
    }
}

/* One side's bytes on the host, by the TLB or by a walk, which may fault as the first element would; NULL: not RAM, or
 * not to be written, or watched. For a write, page says who wants to know of it. */
static uint8_t *side(struct interp_vcpu *v, gva_t lin, unsigned bytes, bool write, struct interp_page *page)
{
    uint8_t *host = interp_hit(v, lin, bytes, write);
    if (host || v->bank == INTERP_BANK_SLOW)
        return host;
    if ((uint64_t)((int64_t)(lin << 16) >> 16) != lin)
        return NULL;
    interp_translate(v, lin, interp_data_access(v) | (write ? X86_ACCESS_WRITE : X86_ACCESS_READ), page);
    return write && (page->flags & MEMORY_READONLY) ? NULL : page->host;
}

/* The same downwards. lin: of the first element, which is the highest. */
static uint64_t span_down(struct interp_vcpu *v, const struct interp_op *op, unsigned seg, uint64_t offset, bool write,
                          uint64_t count, gva_t *lin)
{
    const struct interp_segment *s = &v->seg[seg];
    uint64_t end = write ? s->write_end : s->read_end;
    if (offset < s->lo || offset + op->size > end)
        return 0;
    *lin = (s->base + offset) & v->lin_mask;
    uint64_t in_page = *lin & PAGE_MASK_4K;
    if (in_page + op->size > PAGE_BYTES)
        return 0;
    return least(least(in_page, offset - s->lo) / op->size + 1, count);
}

/* MOVS with DF set, as decompressors move themselves out of their way. */
static uint64_t many_down(struct interp_vcpu *v, const struct interp_op *op, uint64_t count)
{
    gva_t to, from;
    uint64_t n = span_down(v, op, X86_ES, interp_wrap(v->cpu.gpr[X86_RDI], op->addr_size), true, count, &to);
    if (n)
        n = span_down(v, op, op->seg, interp_wrap(v->cpu.gpr[X86_RSI], op->addr_size), false, n, &from);
    if (!n)
        return 0;
    struct interp_page read, page = {.flags = 0};
    const uint64_t below = (n - 1) * op->size;
    const uint8_t *host_from = side(v, from, op->size, false, &read);
    uint8_t *host_to = host_from ? side(v, to, op->size, true, &page) : NULL;
    if (!host_to || (host_to < host_from && host_from < host_to + n * op->size))
        return 0;
    memmove(host_to - below, host_from - below, n * op->size);
    move(v, op, X86_RSI, n);
    move(v, op, X86_RDI, n);
    page.gpa -= below;
    if (page.flags & (MEMORY_LOGGED | MEMORY_CODE))
        interp_wrote(v, &page, (unsigned)(n * op->size));
    return n;
}

/* Does what it can of MOVS, STOS and INS in one page; the number of elements done, 0: go one by one. */
static uint64_t many(struct interp_vcpu *v, const struct interp_op *op, uint64_t count)
{
    unsigned kind = op->kind & 0xfe;
    gva_t to, from = 0;
    if (kind == 0xa4 && (v->cpu.rflags & X86_DF) && !v->stepping && count >= 4)
        return many_down(v, op, count);
    if (kind == 0x6c && !v->host.port_read_many)
        return 0;
    if ((kind != 0xa4 && kind != 0xaa && kind != 0x6c) || (v->cpu.rflags & X86_DF) || v->stepping || count < 4)
        return 0;
    uint64_t n = span(v, op, X86_ES, interp_wrap(v->cpu.gpr[X86_RDI], op->addr_size), true, count, &to);
    if (kind == 0xa4 && n)
        n = span(v, op, op->seg, interp_wrap(v->cpu.gpr[X86_RSI], op->addr_size), false, n, &from);
    if (!n)
        return 0;
    struct interp_page read, page = {.flags = 0};
    const uint8_t *host_from = kind == 0xa4 ? side(v, from, (unsigned)(n * op->size), false, &read) : NULL;
    uint8_t *host_to = kind != 0xa4 || host_from ? side(v, to, (unsigned)(n * op->size), true, &page) : NULL;
    if (!host_to)
        return 0;
    if (kind == 0x6c) {
        sync_for_port(v);
        v->host.port_read_many(v->opaque, (uint16_t)v->cpu.gpr[X86_RDX], op->size, host_to, (unsigned)n);
    } else if (kind == 0xaa) {
        fill(host_to, v->cpu.gpr[X86_RAX], op->size, n);
    } else {
        copy(host_to, host_from, op->size, n);
        move(v, op, X86_RSI, n);
    }
    if (page.flags & (MEMORY_LOGGED | MEMORY_CODE))
        interp_wrote(v, &page, (unsigned)(n * op->size));
    move(v, op, X86_RDI, n);
    return n;
}

void interp_op_string(struct interp_vcpu *v, const struct interp_op *op)
{
    v->op = op;
    if (!op->imm) {
        one(v, op);
        INTERP_NEXT(v, op);
    }
    bool compares = (op->kind & 0xf6) == 0xa6; /* A6, A7, AE, AF */
    if (op->kind < 0x70)                       /* INS and OUTS: even with nothing to do */
        interp_check_port(v, (uint16_t)v->cpu.gpr[X86_RDX], op->size);
    if (op->addr_size == 4) { /* these are written even when ECX counts nothing, or when the first element faults */
        v->cpu.gpr[X86_RCX] = (uint32_t)v->cpu.gpr[X86_RCX];
        if ((op->kind & 0xfe) == 0xa4)
            v->cpu.gpr[X86_RSI] = (uint32_t)v->cpu.gpr[X86_RSI];
        if ((op->kind & 0xfe) == 0xa4 || (op->kind & 0xfe) == 0xaa)
            v->cpu.gpr[X86_RDI] = (uint32_t)v->cpu.gpr[X86_RDI];
    }
    uint64_t count;
    if (compares)
        cc_commit(v); /* flags change with the last element only: what interrupts or faults before sees the old ones */
    while ((count = interp_wrap(v->cpu.gpr[X86_RCX], op->addr_size)) != 0) {
        uint64_t done = many(v, op, count);
        if (!done) {
            one(v, op);
            done = 1;
        }
        interp_set_reg(v, REG_OFFSET(X86_RCX), op->addr_size, count - done);
        if (compares && cc_zf(v) != (op->imm == 0xf3))
            break;
        if (count == done)
            break;
        v->cc_op = compares ? CC_FLAGS : v->cc_op;
        if (v->stepping || interp_requests(v)) {
            v->mid_string = true;
            v->cpu.rip = interp_this_rip(v); /* goes on after whatever is wanted */
            return;
        }
    }
    INTERP_NEXT(v, op);
}
