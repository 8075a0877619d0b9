/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mmu.c: what a TLB miss does: page walks, faults, MMIO, page-crossing accesses, watchpoints, alignment checks, and
 * writes to pages that hold decoded code or are logged. Knows nothing of instructions beyond "the one in v->op".
 */
#include "engine/interp/interp.h"

#include "engine/interp/access.h"
#include "engine/interp/flags.h"

static void *walk_entry(void *opaque, gpa_t gpa, unsigned size)
{
    struct interp_vcpu *v = opaque;
    struct memory_page p = memory_lookup(v->memory, gpa >> PAGE_SHIFT_4K);
    if (!p.host || (p.flags & MEMORY_READONLY))
        return NULL;
    uint8_t *entry = p.host + (gpa & PAGE_MASK_4K);
    return unlikely(v->copy_of != NULL) ? v->copy_of(v, entry, true) : entry;
}

static void walk_written(void *opaque, gpa_t gpa, unsigned size)
{
    struct interp_vcpu *v = opaque;
    struct memory_page p = memory_lookup(v->memory, gpa >> PAGE_SHIFT_4K);
    if ((p.flags & (MEMORY_CODE | MEMORY_LOGGED)) && !v->copy_of)
        memory_written(v->memory, gpa, size);
}

bool interp_walk(struct interp_vcpu *v, gva_t lin, unsigned access, struct x86_walk *w)
{
    const struct x86_walk_ops ops = {.entry = walk_entry, .entry_written = walk_written, .opaque = v};
    return x86_walk(&v->cpu, &ops, lin, access, w);
}

unsigned interp_data_access(const struct interp_vcpu *v)
{
    return x86_cpl(&v->cpu) == 3 ? X86_ACCESS_USER : 0;
}

static enum interp_bank bank_of(struct interp_vcpu *v, unsigned access)
{
    if (access & X86_ACCESS_USER)
        return INTERP_BANK_USER;
    if ((access & X86_ACCESS_IMPLICIT) || !(v->cpu.cr4 & X86_CR4_SMAP) || !(v->cpu.rflags & X86_AC))
        return INTERP_BANK_KERNEL;
    return INTERP_BANK_KERNEL_AC;
}

static bool canonical(const struct interp_vcpu *v, gva_t lin)
{
    return !x86_long_mode(&v->cpu) || (uint64_t)((int64_t)(lin << 16) >> 16) == lin;
}

static enum interp_writable writable(const struct x86_walk *w, unsigned memory_flags)
{
    if (!w->writable || !w->dirty || (memory_flags & (MEMORY_READONLY | MEMORY_LOGGED)))
        return INTERP_WRITE_NO;
    return memory_flags & MEMORY_CODE ? INTERP_WRITE_CODE : INTERP_WRITE_YES;
}

static struct interp_beside *beside_of(struct interp_vcpu *v, const uint8_t *host)
{
    return &v->beside[(uintptr_t)host >> PAGE_SHIFT_4K & (INTERP_BESIDE - 1)];
}

/* While there are copies: as the tables know it, so that it is what translated code will see. */
static bool copy_of_known(struct interp_vcpu *v, gva_t lin, unsigned access, struct interp_page *page)
{
    const struct interp_entry *e =
        &interp_space_of(v, bank_of(v, access))->table[lin >> PAGE_SHIFT_4K & (INTERP_TLB_SIZE - 1)];
    const uint64_t at = lin + e->read;
    const bool write = access & X86_ACCESS_WRITE;
    if (v->walks || at >= PAGE_BYTES || (write && e->write != e->read))
        return false;
    *page = (struct interp_page){.host = v->copy_of(v, e->host + at, write)};
    return true;
}

void interp_translate(struct interp_vcpu *v, gva_t lin, unsigned access, struct interp_page *page)
{
    struct x86_walk w;
    if (unlikely(v->copy_of != NULL) && copy_of_known(v, lin, access, page))
        return;
    v->counts.walks++;
    if (!canonical(v, lin))
        interp_raise_error(v, X86_EXC_GP, 0);
    if (!interp_walk(v, lin, access, &w))
        interp_page_fault(v, lin, w.error);
    struct memory_page p = memory_lookup(v->memory, w.gpa >> PAGE_SHIFT_4K);
    page->gpa = w.gpa;
    page->flags = p.flags;
    page->host = p.host ? p.host + (w.gpa & PAGE_MASK_4K) : NULL;
    if (unlikely(v->copy_of != NULL)) {
        page->flags &= MEMORY_READONLY;
        if (p.host)
            page->host = v->copy_of(v, page->host, (access & X86_ACCESS_WRITE) && !page->flags);
        return;
    }
    if (access & X86_ACCESS_EXEC)
        interp_note_executed(v, lin, &w);
    if ((access & X86_ACCESS_EXEC) || !p.host)
        return;
    const enum interp_writable can = writable(&w, p.flags);
    interp_tlb_insert(v, interp_space_of(v, bank_of(v, access)), lin, &w, p.host, can);
    if ((access & X86_ACCESS_WRITE) && can == INTERP_WRITE_CODE)
        *beside_of(v, p.host) =
            (struct interp_beside){.minus_host = -(uintptr_t)p.host,
                                   .gpa = w.gpa & ~PAGE_MASK_4K,
                                   .page = interp_code_page(v->engine, w.gpa >> PAGE_SHIFT_4K, true)};
}

/* --- single pieces within one page --- */

static unsigned piece_size(gpa_t gpa, unsigned left)
{
    for (unsigned n = 8; n > 1; n /= 2) {
        if (left >= n && !(gpa & (n - 1)))
            return n;
    }
    return 1;
}

static void sync_for_callback(struct interp_vcpu *v)
{
    cc_commit(v);
    v->cpu.rip = interp_this_rip(v);
}

static void mmio_read(struct interp_vcpu *v, gpa_t gpa, uint8_t *to, unsigned size)
{
    sync_for_callback(v);
    bool whole = size == 1 || size == 2 || size == 4 || size == 8;
    while (size) {
        unsigned n = whole ? size : piece_size(gpa, size);
        uint64_t value = v->host.mmio_read(v->opaque, gpa, n);
        memcpy(to, &value, n);
        to += n;
        gpa += n;
        size -= n;
    }
}

static void mmio_write(struct interp_vcpu *v, gpa_t gpa, const uint8_t *from, unsigned size)
{
    sync_for_callback(v);
    bool whole = size == 1 || size == 2 || size == 4 || size == 8;
    while (size) {
        unsigned n = whole ? size : piece_size(gpa, size);
        uint64_t value = 0;
        memcpy(&value, from, n);
        v->host.mmio_write(v->opaque, gpa, n, value);
        from += n;
        gpa += n;
        size -= n;
    }
}

static void page_read(struct interp_vcpu *v, const struct interp_page *p, void *to, unsigned size)
{
    uint64_t value;
    if (!p->host) {
        mmio_read(v, p->gpa, to, size);
        return;
    }
    switch (size) {
    case 1:
    case 2:
    case 4:
    case 8: /* one access, as the processor makes it */
        value = (uint64_t)interp_host_load(p->host, size);
        memcpy(to, &value, size);
        break;
    default: memcpy(to, p->host, size); break;
    }
}

void interp_wrote(struct interp_vcpu *v, const struct interp_page *p, unsigned size)
{
    if (p->flags & MEMORY_LOGGED)
        memory_written(v->memory, p->gpa, size);
    else if (p->flags & MEMORY_CODE)
        interp_code_written(v->engine, p->gpa, size);
    if ((p->flags & MEMORY_CODE) && v->block && v->block->version &&
        atomic_load_explicit(v->block->version, memory_order_relaxed) != v->block->version_seen)
        interp_stop_block(v);
}

static void page_write(struct interp_vcpu *v, const struct interp_page *p, const void *from, unsigned size)
{
    uint64_t value = 0;
    if (!p->host) {
        mmio_write(v, p->gpa, from, size);
        return;
    }
    if (p->flags & MEMORY_READONLY)
        return;
    switch (size) {
    case 1:
    case 2:
    case 4:
    case 8:
        memcpy(&value, from, size);
        interp_host_store(p->host, size, value);
        break;
    default: memcpy(p->host, from, size); break;
    }
    if (p->flags & (MEMORY_LOGGED | MEMORY_CODE))
        interp_wrote(v, p, size);
}

/* --- linear ranges --- */

static unsigned bytes_in_page(gva_t lin, unsigned size)
{
    unsigned left = PAGE_BYTES - (unsigned)(lin & PAGE_MASK_4K);
    return size < left ? size : left;
}

static gva_t advance(const struct interp_vcpu *v, gva_t lin, unsigned by)
{
    lin += by;
    return x86_long_mode(&v->cpu) ? lin : (uint32_t)lin;
}

/* As interp_translate, when the tables know it already; watchpoints are for the long way. */
static bool known(struct interp_vcpu *v, gva_t lin, unsigned size, unsigned access, struct interp_page *page)
{
    page->host = NULL;
    page->flags = 0;
    if (v->bank == INTERP_BANK_SLOW)
        return false;
    const struct interp_entry *e =
        &interp_space_of(v, bank_of(v, access))->table[lin >> PAGE_SHIFT_4K & (INTERP_TLB_SIZE - 1)];
    const uint64_t at = lin + e->read;
    if (at + size > PAGE_BYTES)
        return false;
    page->host = e->host + at;
    if (!(access & X86_ACCESS_WRITE) || e->write == e->read)
        return true;
    const struct interp_beside *b = beside_of(v, e->host);
    if (!(e->write & INTERP_CODE_IN_IT) || b->minus_host + (uintptr_t)e->host || !atomic_load(&b->page->mask))
        return false;
    page->gpa = b->gpa + at;
    page->flags = MEMORY_CODE;
    return true;
}

static void read_pieces(struct interp_vcpu *v, gva_t lin, uint8_t *to, unsigned size, unsigned access)
{
    struct interp_page page[2];
    unsigned n = bytes_in_page(lin, size);
    interp_translate(v, lin, access, &page[0]);
    if (n < size)
        interp_translate(v, advance(v, lin, n), access, &page[1]);
    page_read(v, &page[0], to, n);
    if (n < size)
        page_read(v, &page[1], to + n, size - n);
}

void interp_read_lin(struct interp_vcpu *v, gva_t lin, void *to, unsigned size, unsigned access)
{
    struct interp_page page;
    if (known(v, lin, size, access, &page))
        page_read(v, &page, to, size);
    else
        read_pieces(v, lin, to, size, access);
}

void interp_write_lin(struct interp_vcpu *v, gva_t lin, const void *from, unsigned size, unsigned access)
{
    access |= X86_ACCESS_WRITE;
    struct interp_page page[2];
    if (known(v, lin, size, access, &page[0])) {
        page_write(v, &page[0], from, size);
        return;
    }
    unsigned n = bytes_in_page(lin, size);
    interp_translate(v, lin, access, &page[0]);
    if (n < size)
        interp_translate(v, advance(v, lin, n), access, &page[1]);
    page_write(v, &page[0], from, n);
    if (n < size)
        page_write(v, &page[1], (const uint8_t *)from + n, size - n);
}

void interp_probe_lin(struct interp_vcpu *v, gva_t lin, unsigned size, unsigned access)
{
    struct interp_page page;
    unsigned n = bytes_in_page(lin, size);
    if (known(v, lin, size, access, &page))
        return;
    interp_translate(v, lin, access, &page);
    if (n < size)
        interp_translate(v, advance(v, lin, n), access, &page);
}

/* --- the instruction's own data accesses --- */

_Noreturn void interp_segment_fault(struct interp_vcpu *v, unsigned seg)
{
    interp_raise_error(v, seg == X86_SS ? X86_EXC_SS : X86_EXC_GP, 0);
}

static void watch(struct interp_vcpu *v, gva_t lin, unsigned size, bool write)
{
    static const uint8_t lengths[4] = {1, 2, 8, 4};
    for (unsigned i = 0; i < 4; i++) {
        unsigned control = (unsigned)(v->cpu.dr[7] >> (16 + 4 * i)) & 15, kind = control & 3;
        uint64_t len = lengths[control >> 2], at = v->cpu.dr[i] & ~(len - 1);
        if (!(v->cpu.dr[7] >> (2 * i) & 3) || kind == 0 || kind == 2 || (kind == 1 && !write))
            continue;
        if (lin < at + len && at < lin + size)
            v->debug_hits |= 1u << i;
    }
}

static void check_access(struct interp_vcpu *v, const struct interp_op *op, gva_t lin, unsigned size, bool write)
{
    const struct x86_cpu *cpu = &v->cpu;
    v->op = op;
    if (unlikely(!canonical(v, lin) || !canonical(v, lin + size - 1)))
        interp_segment_fault(v, op->seg);
    if (unlikely((cpu->cr0 & X86_CR0_AM) && (cpu->rflags & X86_AC) && x86_cpl(cpu) == 3 && size <= 8 &&
                 (lin & (size - 1))))
        interp_raise_error(v, X86_EXC_AC, 0);
    if (unlikely(v->watch))
        watch(v, lin, size, write);
}

uint64_t interp_read_slow(struct interp_vcpu *v, const struct interp_op *op, gva_t lin, unsigned size)
{
    uint64_t value = 0;
    check_access(v, op, lin, size, false);
    read_pieces(v, lin, (uint8_t *)&value, size, interp_data_access(v));
    return value;
}

void interp_write_slow(struct interp_vcpu *v, const struct interp_op *op, gva_t lin, unsigned size, uint64_t value)
{
    check_access(v, op, lin, size, true);
    interp_write_lin(v, lin, &value, size, interp_data_access(v));
}

uint64_t interp_rmw_begin_slow(struct interp_vcpu *v, const struct interp_op *op, gva_t lin, unsigned size,
                               struct interp_rmw *m)
{
    uint64_t value = 0;
    unsigned access = interp_data_access(v) | X86_ACCESS_WRITE;
    check_access(v, op, lin, size, true);
    m->host = NULL;
    m->lin = lin;
    m->first = bytes_in_page(lin, size);
    if (!known(v, lin, size, access, &m->page[0]))
        interp_translate(v, lin, access, &m->page[0]);
    if (m->first < size)
        interp_translate(v, advance(v, lin, m->first), access, &m->page[1]);
    page_read(v, &m->page[0], &value, m->first);
    if (m->first < size)
        page_read(v, &m->page[1], (uint8_t *)&value + m->first, size - m->first);
    return value;
}

void interp_rmw_end_slow(struct interp_vcpu *v, struct interp_rmw *m, unsigned size, uint64_t value)
{
    page_write(v, &m->page[0], &value, m->first);
    if (m->first < size)
        page_write(v, &m->page[1], (uint8_t *)&value + m->first, size - m->first);
}

/* --- operands of insn_fn semantics --- */

unsigned interp_ea_segment(const struct x86_insn *insn)
{
    if (insn->segment != X86_NO_REG)
        return insn->segment;
    return insn->base == X86_RSP || insn->base == X86_RBP ? X86_SS : X86_DS;
}

uint64_t interp_ea(struct interp_vcpu *v, const struct x86_insn *insn)
{
    uint64_t ea = (uint64_t)(int64_t)insn->disp;
    if (insn->base != X86_NO_REG)
        ea += v->cpu.gpr[insn->base];
    if (insn->index != X86_NO_REG)
        ea += v->cpu.gpr[insn->index] << insn->scale;
    if (insn->rip_relative)
        ea += interp_this_rip(v) + insn->length;
    return interp_wrap(ea, insn->address_size);
}

static gva_t linear_at(struct interp_vcpu *v, unsigned seg, uint64_t offset, unsigned size, bool write)
{
    gva_t lin;
    if (v->code_mode == X86_MODE_64) {
        lin = offset + (seg >= X86_FS ? v->cpu.seg[seg].base : 0);
        if (unlikely(!canonical(v, lin) || !canonical(v, lin + size - 1)))
            interp_segment_fault(v, seg);
    } else {
        lin = interp_linear(v, v->op, seg, offset, size, write);
    }
    return lin;
}

void interp_load_at(struct interp_vcpu *v, unsigned seg, uint64_t offset, void *to, unsigned size)
{
    gva_t lin = linear_at(v, seg, offset, size, false);
    const void *p = interp_hit(v, lin, size, false);
    if (likely(p)) {
        memcpy(to, p, size);
        return;
    }
    if (unlikely(v->watch))
        watch(v, lin, size, false);
    read_pieces(v, lin, to, size, interp_data_access(v));
}

void interp_store_at(struct interp_vcpu *v, unsigned seg, uint64_t offset, const void *from, unsigned size)
{
    gva_t lin = linear_at(v, seg, offset, size, true);
    void *p = interp_hit(v, lin, size, true);
    if (likely(p)) {
        memcpy(p, from, size);
        return;
    }
    if (unlikely(v->watch))
        watch(v, lin, size, true);
    interp_write_lin(v, lin, from, size, interp_data_access(v));
}

void interp_probe_store_at(struct interp_vcpu *v, unsigned seg, uint64_t offset, unsigned size)
{
    gva_t lin = linear_at(v, seg, offset, size, true);
    if (!interp_hit(v, lin, size, true))
        interp_probe_lin(v, lin, size, interp_data_access(v) | X86_ACCESS_WRITE);
}

/* #AC, when it is asked for, of operands that have an alignment: numbers, and the x87's environments by their fields.
 */
static void check_aligned(struct interp_vcpu *v, const struct x86_insn *insn, unsigned size)
{
    static const struct {
        uint8_t size, align;
    } table[] = {{2, 2}, {4, 4}, {8, 8}, {10, 8}, {14, 2}, {28, 4}, {94, 2}, {108, 4}};
    if (!(v->cpu.rflags & X86_AC) || !(v->cpu.cr0 & X86_CR0_AM) || x86_cpl(&v->cpu) != 3)
        return;
    gva_t lin = linear_at(v, interp_ea_segment(insn), interp_ea(v, insn), size, false);
    for (unsigned i = 0; i < ARRAY_SIZE(table); i++)
        if (table[i].size == size && (lin & (table[i].align - 1u)))
            interp_raise_error(v, X86_EXC_AC, 0);
}

void interp_load(struct interp_vcpu *v, const struct x86_insn *insn, void *to, unsigned size)
{
    check_aligned(v, insn, size);
    interp_load_at(v, interp_ea_segment(insn), interp_ea(v, insn), to, size);
}

void interp_store(struct interp_vcpu *v, const struct x86_insn *insn, const void *from, unsigned size)
{
    check_aligned(v, insn, size);
    interp_store_at(v, interp_ea_segment(insn), interp_ea(v, insn), from, size);
}

void interp_probe_store(struct interp_vcpu *v, const struct x86_insn *insn, unsigned size)
{
    interp_probe_store_at(v, interp_ea_segment(insn), interp_ea(v, insn), size);
}
