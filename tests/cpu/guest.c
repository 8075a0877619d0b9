/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest.c: the engine's side: a guest of a few pages in long mode with the host's user layout (selectors, addresses,
 * CR0, CR4, XCR0), whose every exception handler is one HLT. A case starts at CPL 3 and ends in a handler; which one,
 * and the frame it was given, is the result.
 */
#include "oracle.h"

#include "base/bytes.h"

#include <cpuid.h>
#include <errno.h>
#include <stdlib.h>

#define KERNEL_VA   0xffff900000000000ull /* where the guest's own tables are, from guest-physical 0 */
#define RAM_BYTES   0x40000u
#define PML4        0x1000u
#define PDPT        0x2000u
#define PD_USER     0x3000u
#define PT_KERNEL   0x4000u
#define PDPT_KERNEL 0xc000u
#define PD_KERNEL   0xd000u
#define PT_USER     0x5000u
#define GDT         0x6000u
#define IDT         0x7000u
#define TSS         0x8000u
#define HANDLERS    0x9000u
#define STACK_TOP   0xbff0u
#define CODE_GPA    0x11000u
#define LOW_GPA     0x1a000u    /* the page before CODE_VA */
#define WARM_GPA    0x15000u    /* at WARM_VA: what fills the TLB before a sequence */
#define WARM_VA     0x7e5a3000u /* far from where a case goes astray */
#define PD_WARM     0xe000u
#define PT_WARM     0xf000u
#define KERNEL_CS   0x10
#define TSS_SEL     0x40
#define PTE_P       1u
#define PTE_W       2u
#define PTE_U       4u
#define PTE_AD      0x60u
#define PTE_NX      (1ull << 63)
#define ATTR_CODE64 (0xau | X86_ATTR_S | X86_ATTR_P | X86_ATTR_L | X86_ATTR_G | X86_ATTR_DPL | 1u)
#define ATTR_CODE32 (0xau | X86_ATTR_S | X86_ATTR_P | X86_ATTR_DB | X86_ATTR_G | X86_ATTR_DPL | 1u)
#define ATTR_CODE16 (0xbu | X86_ATTR_S | X86_ATTR_P | X86_ATTR_DPL)
#define ATTR_DATA16 (0x3u | X86_ATTR_S | X86_ATTR_P | X86_ATTR_DPL)
#define ATTR_DATA   (0x2u | X86_ATTR_S | X86_ATTR_P | X86_ATTR_DB | X86_ATTR_G | X86_ATTR_DPL | 1u)

struct guest {
    const struct engine_ops *ops;
    struct engine *engine;
    struct engine_vcpu *vcpu;
    struct memory *memory;
    uint8_t *ram;
    _Atomic uint32_t requests;
    struct x86_cpu start;
    int code_at;
    unsigned code_bytes;
    uint8_t data[DATA_BYTES]; /* as it was when the case began */
};

static uint64_t no_port_read(void *opaque, uint16_t port, unsigned size)
{
    return bytes_ones(size);
}

static void no_port_write(void *opaque, uint16_t port, unsigned size, uint64_t value)
{
}

static uint64_t no_mmio_read(void *opaque, gpa_t gpa, unsigned size)
{
    return bytes_ones(size);
}

static void no_mmio_write(void *opaque, gpa_t gpa, unsigned size, uint64_t value)
{
}

static bool no_msr_read(void *opaque, uint32_t msr, uint64_t *value)
{
    return false;
}

static bool no_msr_write(void *opaque, uint32_t msr, uint64_t value)
{
    return false;
}

static void host_cpuid(void *opaque, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    __cpuid_count(leaf, subleaf, out[0], out[1], out[2], out[3]);
}

static void no_hypercall(void *opaque, struct x86_cpu *cpu)
{
}

static int no_interrupt(void *opaque)
{
    return -1;
}

static uint64_t no_cr8_read(void *opaque)
{
    return 0;
}

static void no_cr8_write(void *opaque, uint64_t value)
{
}

static const struct engine_host host = {
    .port_read = no_port_read,
    .port_write = no_port_write,
    .mmio_read = no_mmio_read,
    .mmio_write = no_mmio_write,
    .msr_read = no_msr_read,
    .msr_write = no_msr_write,
    .cpuid = host_cpuid,
    .hypercall = no_hypercall,
    .interrupt_ack = no_interrupt,
    .cr8_read = no_cr8_read,
    .cr8_write = no_cr8_write,
};

static void put_pte(struct guest *g, uint32_t table, unsigned index, uint64_t value)
{
    store_le64(g->ram + table + 8 * index, value | PTE_AD);
}

/* Not side by side: what crosses pages shows. */
static const uint32_t data_gpa[DATA_BYTES / PAGE_BYTES] = {0x13000, 0x18000, 0x16000};

static void make_pages(struct guest *g)
{
    const unsigned code = CODE_VA >> 12 & 511, data = DATA_VA >> 12 & 511;

    put_pte(g, PML4, 0, PDPT | PTE_P | PTE_W | PTE_U);
    put_pte(g, PDPT, 0, PD_USER | PTE_P | PTE_W | PTE_U);
    put_pte(g, PML4, KERNEL_VA >> 39 & 511, PDPT_KERNEL | PTE_P | PTE_W);
    put_pte(g, PDPT_KERNEL, 0, PD_KERNEL | PTE_P | PTE_W);
    put_pte(g, PD_KERNEL, 0, PT_KERNEL | PTE_P | PTE_W);
    put_pte(g, PD_USER, CODE_VA >> 21, PT_USER | PTE_P | PTE_W | PTE_U);
    for (unsigned i = 1; i < 16; i++)
        put_pte(g, PT_KERNEL, i, i << 12 | PTE_P | PTE_W);
    put_pte(g, PDPT, WARM_VA >> 30, PD_WARM | PTE_P | PTE_W | PTE_U);
    put_pte(g, PD_WARM, WARM_VA >> 21 & 511, PT_WARM | PTE_P | PTE_W | PTE_U);
    put_pte(g, PT_WARM, WARM_VA >> 12 & 511, WARM_GPA | PTE_P | PTE_U);
    put_pte(g, PT_USER, code - 1, LOW_GPA | PTE_P | PTE_U | PTE_W);
    put_pte(g, PT_USER, code, CODE_GPA | PTE_P | PTE_U);
    for (unsigned i = 0; i < ARRAY_SIZE(data_gpa); i++)
        put_pte(g, PT_USER, data + i, data_gpa[i] | PTE_P | PTE_U | (i * PAGE_BYTES < RW_BYTES ? PTE_W : 0) | PTE_NX);
}

static void make_tables(struct guest *g)
{
    uint8_t *gdt = g->ram + GDT;

    store_le64(gdt + KERNEL_CS, 0x00af9b000000ffff);
    store_le64(gdt + 0x18, 0x00cf93000000ffff);
    store_le64(gdt + (USER_CS32 & ~7), 0x00cffb000000ffff);
    store_le64(gdt + (USER_DS & ~7), 0x00cff3000000ffff);
    store_le64(gdt + (USER_CS64 & ~7), 0x00affb000000ffff);
    store_le64(gdt + TSS_SEL, 0x00008b0000000067ull | (uint64_t)TSS << 16);
    store_le32(gdt + TSS_SEL + 8, KERNEL_VA >> 32);
    store_le64(g->ram + TSS + 4, KERNEL_VA + STACK_TOP); /* RSP0 */
    store_le16(g->ram + TSS + 0x66, 0x68);               /* no I/O bitmap */
    for (unsigned i = 0; i < 256; i++) {
        const uint64_t at = HANDLERS + i, dpl = i == 3 || i == 4 ? 3 : 0;
        store_le64(g->ram + IDT + 16 * i, (at & 0xffff) | KERNEL_CS << 16 | (0x8e00 | dpl << 13) << 32);
        store_le64(g->ram + IDT + 16 * i + 8, KERNEL_VA >> 32);
    }
    memset(g->ram + HANDLERS, 0xf4, 0x200);
}

static struct x86_seg segment(unsigned selector, unsigned attr)
{
    return (struct x86_seg){.selector = (uint16_t)selector, .attr = (uint16_t)attr, .limit = 0xffffffff};
}

static void make_start(struct guest *g)
{
    struct x86_cpu *cpu = &g->start;

    x86_cpu_reset(cpu);
    cpu->cr0 = X86_CR0_PE | X86_CR0_MP | X86_CR0_ET | X86_CR0_NE | X86_CR0_WP | X86_CR0_AM | X86_CR0_PG;
    cpu->cr3 = PML4;
    cpu->cr4 = X86_CR4_PAE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT | X86_CR4_OSXSAVE | X86_CR4_FSGSBASE | X86_CR4_PGE |
               X86_CR4_DE | X86_CR4_UMIP;
    cpu->efer = X86_EFER_SCE | X86_EFER_LME | X86_EFER_LMA | X86_EFER_NX;
    cpu->xcr0 = 7;
    cpu->gdtr = (struct x86_table){KERNEL_VA + GDT, 0x4f};
    cpu->idtr = (struct x86_table){KERNEL_VA + IDT, 0xfff};
    for (unsigned i = 0; i < 6; i++)
        cpu->seg[i] = segment(USER_DS, ATTR_DATA);
    cpu->seg[X86_FS] = (struct x86_seg){0};
    cpu->seg[X86_GS] = (struct x86_seg){.base = GS_BASE};
    cpu->seg[X86_LDTR] = (struct x86_seg){0};
    cpu->seg[X86_TR] =
        (struct x86_seg){.selector = TSS_SEL, .attr = 0xb | X86_ATTR_P, .limit = 0x67, .base = KERNEL_VA + TSS};
}

/* What a case has written in its code page is undone, and no more, as what the engine knows of the rest is to stay. */
static void undo_writes(struct guest *g, const struct oracle_case *c)
{
    static uint8_t right[CODE_LOW];
    uint8_t *low = g->ram + LOW_GPA;

    memset(right, 0xcc, sizeof right);
    if (c->code_at < 0) {
        const unsigned here = (unsigned)-c->code_at;
        memcpy(right + CODE_LOW - here, c->code, c->bytes < here ? c->bytes : here);
    }
    for (unsigned at = 0; at < CODE_LOW; at += 64) {
        if (memcmp(low + at, right + at, 64)) {
            memcpy(low + at, right + at, 64);
            memory_written(g->memory, LOW_GPA + at, 64);
        }
    }
}

/* What lies at this offset from CODE_VA, and how much of n bytes is in its page. */
static gpa_t code_place(int at, unsigned n, unsigned *here)
{
    *here = at < 0 && (unsigned)-at < n ? (unsigned)-at : n;
    return at < 0 ? LOW_GPA + CODE_LOW - (unsigned)-at : CODE_GPA + (unsigned)at;
}

static bool holds_code(const struct guest *g, const struct oracle_case *c)
{
    unsigned here, rest;
    const gpa_t first = code_place(c->code_at, c->bytes, &here);
    const gpa_t second = code_place(c->code_at + (int)here, c->bytes - here, &rest);
    return !memcmp(g->ram + first, c->code, here) && !memcmp(g->ram + second, c->code + here, rest);
}

/* bytes NULL: INT3s */
static void put_bytes(struct guest *g, int at, const uint8_t *bytes, unsigned n)
{
    unsigned here;

    for (unsigned done = 0; done < n; done += here) {
        const gpa_t gpa = code_place(at + (int)done, n - done, &here);
        if (bytes)
            memcpy(g->ram + gpa, bytes + done, here);
        else
            memset(g->ram + gpa, 0xcc, here);
        memory_written(g->memory, gpa, here);
    }
}

static void put_code(struct guest *g, const struct oracle_case *c)
{
    undo_writes(g, c);
    if (g->code_at == c->code_at && g->code_bytes == c->bytes && holds_code(g, c))
        return; /* the engine's work on it stays */
    put_bytes(g, g->code_at, NULL, g->code_bytes);
    put_bytes(g, c->code_at, c->code, c->bytes);
    g->code_at = c->code_at;
    g->code_bytes = c->bytes;
}

static void put_case(struct guest *g, const struct oracle_case *c, const uint8_t *data)
{
    put_code(g, c);
    memcpy(g->data, data, DATA_BYTES);
    memcpy(g->data + c->patch_at, c->patch, c->patch_bytes);
    for (unsigned i = 0; i < ARRAY_SIZE(data_gpa); i++)
        memcpy(g->ram + data_gpa[i], g->data + i * PAGE_BYTES, PAGE_BYTES);
}

/* Code in a page of its own that reads or writes a byte of some data pages and goes on with the case. Flags stay. */
static void put_warm(struct guest *g, const struct oracle_case *c)
{
    uint8_t *const page = g->ram + WARM_GPA, *b = page;

    for (unsigned i = 0; i < ARRAY_SIZE(c->warm); i++)
        for (unsigned store = 0; store < c->warm[i]; store++) { /* mov al, [...]; mov [...], al */
            if (!c->code32)
                *b++ = 0x67;
            *b++ = (uint8_t)(0xa0 + 2 * store);
            store_le32(b, DATA_VA + i * PAGE_BYTES);
            b += 4;
        }
    if (!c->code32)
        *b++ = 0x48;
    *b++ = 0xb8; /* mov rax, ... */
    store_le64(b, c->gpr[X86_RAX]);
    b += c->code32 ? 4 : 8;
    *b++ = 0xe9; /* jmp */
    store_le32(b, (uint32_t)(case_rip(c) - WARM_VA - (uint64_t)(b + 4 - page)));
    memory_written(g->memory, WARM_GPA, (uint64_t)(b + 4 - page));
}

static void take_result(struct guest *g, const struct oracle_case *c, struct oracle_result *r,
                        const struct x86_cpu *cpu)
{
    const unsigned vector = (unsigned)(cpu->rip - 1 - HANDLERS - KERNEL_VA);
    /* The frame that delivery pushed lies where RSP is; vectors 8, 10-14, 17 have an error code on top. */
    const uint64_t rsp = cpu->gpr[X86_RSP] - KERNEL_VA;
    const bool has_error = vector < 32 && (0x27d00u >> vector & 1);

    memcpy(r->gpr, cpu->gpr, sizeof r->gpr);
    r->fpu = cpu->fpu;
    r->vector = -1;
    if (vector > 255 || rsp > STACK_TOP || rsp < STACK_TOP - 0x40)
        return;
    const uint8_t *frame = g->ram + rsp + (has_error ? 8 : 0);
    r->vector = (int)vector;
    r->error = has_error ? load_le64(g->ram + rsp) : 0;
    r->rip = load_le64(frame);
    r->rflags = load_le64(frame + 16);
    r->gpr[X86_RSP] = load_le64(frame + 24);
    r->cr2 = cpu->cr2;
    r->strayed = c->sequence && case_strayed(c, g->ram + LOW_GPA);
    r->code = case_code_sum(g->ram + LOW_GPA);
    for (unsigned i = 0; i < RW_BYTES / PAGE_BYTES; i++)
        memcpy(r->data + i * PAGE_BYTES, g->ram + data_gpa[i], PAGE_BYTES);
}

static void put_segments16(struct x86_cpu *cpu)
{
    static const uint8_t data[] = {X86_ES, X86_SS, X86_DS};

    cpu->seg[X86_CS] = (struct x86_seg){.selector = USER_CS16, .attr = ATTR_CODE16, .limit = 0xffff, .base = CODE_VA};
    for (unsigned i = 0; i < ARRAY_SIZE(data); i++)
        cpu->seg[data[i]] =
            (struct x86_seg){.selector = USER_DS16, .attr = ATTR_DATA16, .limit = 0xffff, .base = DATA_VA};
}

void guest_run(struct guest *g, const struct oracle_case *c, const uint8_t data[DATA_BYTES], struct oracle_result *r)
{
    struct x86_cpu *cpu = g->ops->vcpu_state(g->vcpu);

    put_case(g, c, data);
    *cpu = g->start;
    memcpy(cpu->gpr, c->gpr, sizeof cpu->gpr);
    cpu->rip = case_rip(c);
    cpu->rflags = c->rflags;
    cpu->fpu = c->fpu;
    if (c->segmented)
        memcpy(cpu->seg, c->seg, sizeof c->seg);
    else if (c->code16)
        put_segments16(cpu);
    else
        cpu->seg[X86_CS] = segment(c->code32 ? USER_CS32 : USER_CS64, c->code32 ? ATTR_CODE32 : ATTR_CODE64);
    if (c->sequence && !c->segmented) {
        put_warm(g, c);
        cpu->rip = WARM_VA;
    }
    g->ops->vcpu_changed(g->vcpu);
    memset(r, 0, offsetof(struct oracle_result, data));
    const enum engine_exit left = g->ops->vcpu_run(g->vcpu);
    atomic_store(&g->requests, 0);
    if (left != ENGINE_EXIT_HALT) {
        r->vector = -1;
        return;
    }
    take_result(g, c, r, g->ops->vcpu_state(g->vcpu));
}

void guest_stop(struct guest *g)
{
    atomic_fetch_or(&g->requests, ENGINE_REQ_STOP);
    g->ops->vcpu_kick(g->vcpu);
}

int guest_create(struct guest **out, const struct engine_ops *ops)
{
    struct guest *g = calloc(1, sizeof *g);
    int rc = -ENOMEM;

    if (!g)
        return rc;
    g->ops = ops;
    g->memory = memory_create(RAM_BYTES);
    if (!g->memory)
        goto fail;
    rc = memory_map_ram(g->memory, 0, 0, RAM_BYTES / PAGE_BYTES);
    if (rc)
        goto fail;
    g->ram = memory_ram(g->memory);
    memset(g->ram + LOW_GPA, 0xcc, CODE_LOW);
    memset(g->ram + CODE_GPA, 0xcc, PAGE_BYTES);
    make_pages(g);
    make_tables(g);
    make_start(g);
    rc = ops->create(&g->engine, g->memory, 1);
    if (rc)
        goto fail;
    g->vcpu = ops->vcpu_create(g->engine, 0, &g->requests, &host, g);
    if (!g->vcpu) {
        rc = -ENOMEM;
        goto fail;
    }
    *out = g;
    return 0;
fail:
    guest_destroy(g);
    return rc;
}

void guest_destroy(struct guest *g)
{
    if (!g)
        return;
    if (g->engine)
        g->ops->destroy(g->engine);
    memory_destroy(g->memory);
    free(g);
}
