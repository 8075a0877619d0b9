/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_jit_edges.c: translated 64-bit code that is left at odd moments: into a page of code that is not there, out of a
 * chain of decoded blocks; and behind STI, when an interrupt comes just then. And what a hostile guest may try to get
 * out of it (docs/jit.md, "Why a guest stays inside"): addresses and page tables that lead outside.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine/jit/jit.h"

#include "base/bytes.h"

#include <stdio.h>
#include <string.h>

#define RAM_BYTES (1u << 20)
#define GDT       0x1000u
#define IDT       0x2000u
#define HANDLERS  0x3000u /* one HLT for each vector */
#define CODE      0x4000u
#define NEXT      0x5000u /* the page behind it */
#define DATA      0x7000u
#define PML4      0x8000u
#define PDPT      0x9000u
#define PD        0xa000u
#define PT        0xb000u
#define STACK     0xd000u
#define CS64      8u
#define OUTSIDE   0x40000000u /* no RAM */

struct board {
    struct memory *memory;
    struct engine *engine;
    const struct engine_ops *ops;
    struct engine_vcpu *vcpu;
    struct x86_cpu *cpu;
    _Atomic uint32_t requests;
    uint64_t acknowledged_at;
    gpa_t read_at, written_at; /* what devices were asked for */
    uint64_t written;
};

static int interrupt_ack(void *opaque)
{
    struct board *b = opaque;
    b->acknowledged_at = b->cpu->rip;
    atomic_store(&b->requests, 0);
    return 0x40;
}

static uint64_t mmio_read(void *opaque, gpa_t gpa, unsigned size)
{
    ((struct board *)opaque)->read_at = gpa;
    return 0x5a5a5a5a;
}

static void mmio_write(void *opaque, gpa_t gpa, unsigned size, uint64_t value)
{
    struct board *b = opaque;
    b->written_at = gpa;
    b->written = value;
}

static const struct engine_host host = {
    .interrupt_ack = interrupt_ack, .mmio_read = mmio_read, .mmio_write = mmio_write};

static void put(struct board *b, gpa_t gpa, uint64_t value)
{
    store_le64(mem_at(b->memory, gpa, 8), value);
}

/* 64-bit code, the first 64 KiB mapped where they are. */
static void make(struct board *b, const struct engine_ops *ops)
{
    memset(b, 0, sizeof *b);
    b->ops = ops;
    b->memory = memory_create(RAM_BYTES);
    assert_non_null(b->memory);
    assert_int_equal(memory_map_ram(b->memory, 0, 0, RAM_BYTES >> 12), 0);
    put(b, GDT + CS64, 0x00af9b000000ffff);
    put(b, PML4, PDPT | 3);
    put(b, PDPT, PD | 3);
    put(b, PD, PT | 3);
    for (unsigned i = 0; i < 16; i++)
        put(b, PT + 8 * i, i << 12 | 3);
    for (unsigned i = 0; i < 256; i++) {
        put(b, IDT + 16 * i, (HANDLERS + i) | CS64 << 16 | 0x8e00ull << 32);
        put(b, IDT + 16 * i + 8, 0);
    }
    memset(mem_at(b->memory, HANDLERS, 256), 0xf4, 256);
    assert_int_equal(ops->create(&b->engine, b->memory, 1), 0);
    b->vcpu = ops->vcpu_create(b->engine, 0, &b->requests, &host, b);
    assert_non_null(b->vcpu);
    b->cpu = ops->vcpu_state(b->vcpu);
    b->cpu->cr0 = X86_CR0_PE | X86_CR0_ET | X86_CR0_NE | X86_CR0_WP | X86_CR0_PG;
    b->cpu->cr3 = PML4;
    b->cpu->cr4 = X86_CR4_PAE;
    b->cpu->efer = X86_EFER_LME | X86_EFER_LMA;
    b->cpu->gdtr = (struct x86_table){GDT, 15};
    b->cpu->idtr = (struct x86_table){IDT, 0xfff};
    for (unsigned i = X86_ES; i <= X86_GS; i++)
        b->cpu->seg[i] = (struct x86_seg){.attr = 0xc93, .limit = 0xffffffff};
    b->cpu->seg[X86_CS] = (struct x86_seg){.selector = CS64, .attr = 0xa9b, .limit = 0xffffffff};
    ops->vcpu_changed(b->vcpu);
}

static void destroy(struct board *b)
{
    b->ops->destroy(b->engine);
    memory_destroy(b->memory);
}

static void run_from(struct board *b, uint64_t rip)
{
    b->cpu->rip = rip;
    b->cpu->gpr[X86_RSP] = STACK;
    b->cpu->rflags = 2;
    b->cpu->activity = X86_RUNNING;
    assert_int_equal(b->ops->vcpu_run(b->vcpu), ENGINE_EXIT_HALT);
}

static uint64_t counted(struct board *b, const char *name)
{
    struct engine_counter c[ENGINE_COUNTERS_MAX];
    const unsigned n = b->ops->vcpu_counters(b->vcpu, c);
    for (unsigned i = 0; i < n; i++) {
        if (!strcmp(c[i].name, name))
            return c[i].value;
    }
    fail_msg("no counter \"%s\"", name);
    return 0;
}

/* A fault with an error code, of the instruction at rip. */
static void assert_fault(struct board *b, unsigned vector, uint64_t rip)
{
    assert_int_equal(b->cpu->rip, HANDLERS + vector + 1);
    assert_int_equal(b->cpu->gpr[X86_RSP], STACK - 48);
    assert_int_equal(load_le64(mem_at(b->memory, STACK - 40, 8)), rip);
}

static void assert_page_fault(struct board *b, uint64_t rip, uint64_t address)
{
    assert_fault(b, X86_EXC_PF, rip);
    assert_int_equal(b->cpu->cr2, address);
}

static void assert_fetch_fault(struct board *b)
{
    assert_page_fault(b, NEXT, NEXT);
}

/* A block that is only decoded, whose access missed the TLB, runs on into a translated one, and that into nothing. */
static void test_chain_into_a_page_that_is_not_there(void **state)
{
    static const uint8_t cold[] = {0x8b, 0x04, 0x25, 0x00, 0x70, 0x00, 0x00, /* 4800: mov eax, [DATA] */
                                   0xe9, 0xe4, 0x07, 0x00, 0x00};            /*       jmp 4ff0 */
    static const uint8_t hot[] = {0xff, 0xc0, 0xff, 0xc0, 0xff, 0xc0, 0xff, 0xc0,
                                  0xff, 0xc0, 0xff, 0xc0, 0xff, 0xc0, 0xff, 0xc0}; /* inc eax, to the page's end */
    struct board b;
    make(&b, &engine_jit);
    memcpy(mem_at(b.memory, CODE + 0x800, sizeof cold), cold, sizeof cold);
    memcpy(mem_at(b.memory, CODE + 0xff0, sizeof hot), hot, sizeof hot);
    memset(mem_at(b.memory, NEXT, 1), 0xf4, 1);
    for (unsigned i = 0; i < 20; i++)
        run_from(&b, CODE + 0xff0);
    assert_true(counted(&b, "blocks translated") >= 1);
    put(&b, PT + 8 * (NEXT >> 12), 0);
    b.ops->vcpu_changed(b.vcpu);
    run_from(&b, CODE + 0xff0); /* it is known to the chain now */
    assert_fetch_fault(&b);
    put(&b, DATA, 100);
    run_from(&b, CODE + 0x800);
    assert_fetch_fault(&b);
    assert_int_equal(b.cpu->gpr[X86_RAX], 108);
    destroy(&b);
}

/* Nothing waited when STI looked, and then something did: the instruction behind STI comes first. */
static void test_interrupt_right_behind_sti(void **state)
{
    static const uint8_t code[] = {0xfb, 0xff, 0xc3, 0xf4}; /* sti; inc ebx; hlt */
    struct board b;
    make(&b, &engine_jit_eager);
    memcpy(mem_at(b.memory, CODE, sizeof code), code, sizeof code);
    run_from(&b, CODE);
    run_from(&b, CODE);
    struct jit_vcpu *j = (struct jit_vcpu *)(void *)b.vcpu;
    uint32_t n = 0;
    while (n < j->link_count && !j->links[n].shadow)
        n++;
    assert_int_not_equal(n, j->link_count);
    /* As if its code had just come to the link. */
    b.cpu->activity = X86_RUNNING;
    b.cpu->rflags = X86_IF | 2;
    b.cpu->gpr[X86_RBX] = 7;
    j->page_va = CODE;
    j->v.heed = ~0u;
    j->v.attention = false;
    atomic_store(&b.requests, ENGINE_REQ_INTR);
    assert_null(jit_follow_link(j, n));
    assert_int_equal(b.cpu->rip, CODE + 1);
    assert_int_equal(b.ops->vcpu_run(b.vcpu), ENGINE_EXIT_HALT);
    assert_int_equal(b.cpu->rip, HANDLERS + 0x41);
    assert_int_equal(b.acknowledged_at, CODE + 3);
    assert_int_equal(b.cpu->gpr[X86_RBX], 8);
    destroy(&b);
}

/* Code at CODE that is translated, and whose access to DATA hits. */
static void make_accessing(struct board *b)
{
    static const uint8_t code[] = {0x8b, 0x02, 0x89, 0x1a, 0xf4}; /* mov eax, [rdx]; mov [rdx], ebx; hlt */
    make(b, &engine_jit_eager);
    memcpy(mem_at(b->memory, CODE, sizeof code), code, sizeof code);
    put(b, DATA, 100);
    b->cpu->gpr[X86_RBX] = 7;
    for (unsigned i = 0; i < 3; i++) {
        b->cpu->gpr[X86_RDX] = DATA;
        run_from(b, CODE);
    }
    assert_int_equal(b->cpu->gpr[X86_RAX], 7);
    assert_true(counted(b, "blocks translated") >= 1);
}

static void access_at(struct board *b, uint64_t address)
{
    b->cpu->gpr[X86_RDX] = address;
    run_from(b, CODE);
}

/* Two operands around one register, farther from each other than 32 bits can tell: one is there, the other is not. */
static void test_operands_far_from_each_other(void **state)
{
    static const uint8_t code[] = {0x8b, 0x82, 0x00, 0xff, 0xff, 0x7f, /* mov eax, [rdx + 7fffff00] */
                                   0x8b, 0x9a, 0x00, 0x01, 0x00, 0x80, /* mov ebx, [rdx - 7fffff00] */
                                   0x31, 0xc0, 0xf4};                  /* xor eax, eax; hlt */
    struct board b;
    make_accessing(&b);
    memcpy(mem_at(b.memory, CODE + 0x800, sizeof code), code, sizeof code);
    for (unsigned i = 0; i < 3; i++) {
        b.cpu->gpr[X86_RDX] = DATA + 0x7fffff00;
        run_from(&b, CODE + 0x800);
        assert_page_fault(&b, CODE + 0x800, DATA + 2 * 0x7fffff00ull);
    }
    destroy(&b);
}

/* Each shares its entry of the table with DATA, or an empty one at the table's ends. */
static void test_addresses_that_are_none(void **state)
{
    struct board b;
    make_accessing(&b);
    for (unsigned bit = 47; bit < 64; bit++) {
        access_at(&b, DATA | 1ull << bit);
        assert_fault(&b, X86_EXC_GP, CODE);
    }
    access_at(&b, DATA | 0xffff8ull << 44); /* canonical, and not mapped */
    assert_page_fault(&b, CODE, DATA | 0xffff8ull << 44);
    access_at(&b, DATA + (1ull << 28)); /* the same entry */
    assert_page_fault(&b, CODE, DATA + (1ull << 28));
    access_at(&b, 0xfffffffffffffffd); /* into the first page */
    assert_page_fault(&b, CODE, 0xfffffffffffffffd);
    access_at(&b, 0x00007ffffffffffd); /* into no address */
    assert_fault(&b, X86_EXC_GP, CODE);
    put(&b, PT + 8 * (DATA >> 12) + 8, 0);
    b.ops->vcpu_changed(b.vcpu);
    access_at(&b, DATA);
    access_at(&b, DATA + PAGE_BYTES - 2); /* half of it */
    assert_page_fault(&b, CODE, DATA + PAGE_BYTES);
    assert_int_equal(load_le32(mem_at(b.memory, DATA, 4)), 7);
    destroy(&b);
}

/* Where the tables lead outside RAM, devices are asked; where a table itself would be there, nothing is mapped. */
static void test_tables_that_lead_outside(void **state)
{
    struct board b;
    make_accessing(&b);
    put(&b, PT + 8 * (DATA >> 12), OUTSIDE | 3);
    b.ops->vcpu_changed(b.vcpu);
    for (unsigned i = 0; i < 3; i++) {
        b.read_at = b.written_at = 0;
        access_at(&b, DATA + 8);
        assert_int_equal(b.read_at, OUTSIDE + 8);
        assert_int_equal(b.cpu->gpr[X86_RAX], 0x5a5a5a5a);
        assert_int_equal(b.written_at, OUTSIDE + 8);
        assert_int_equal(b.written, 7);
    }
    put(&b, PD + 8, OUTSIDE | 3); /* the next 2 MiB */
    b.ops->vcpu_changed(b.vcpu);
    access_at(&b, (2u << 20) + DATA);
    assert_page_fault(&b, CODE, (2u << 20) + DATA);
    put(&b, PD + 8, 0xffffffffff000 | 3);
    b.ops->vcpu_changed(b.vcpu);
    access_at(&b, (2u << 20) + DATA);
    assert_page_fault(&b, CODE, (2u << 20) + DATA);
    destroy(&b);
}

/* RIP is a key to look up. */
static void test_jumps_to_nowhere(void **state)
{
    static const uint8_t code[] = {0xff, 0xe2}; /* jmp rdx */
    struct board b;
    make(&b, &engine_jit_eager);
    memcpy(mem_at(b.memory, CODE, sizeof code), code, sizeof code);
    memset(mem_at(b.memory, CODE + 0x100, 1), 0xf4, 1);
    for (unsigned i = 0; i < 3; i++) {
        access_at(&b, CODE + 0x100);
        assert_int_equal(b.cpu->rip, CODE + 0x101);
    }
    for (unsigned bit = 47; bit < 64; bit++) { /* they share its entry of the table of targets */
        access_at(&b, (CODE + 0x100) | 1ull << bit);
        assert_fault(&b, X86_EXC_GP, CODE);
    }
    access_at(&b, CODE + 0x100 + (1u << 28));
    assert_page_fault(&b, CODE + 0x100 + (1u << 28), CODE + 0x100 + (1u << 28));
    destroy(&b);
}

/* Translated code is never writable where it runs. */
static void test_no_memory_is_writable_and_code(void **state)
{
    struct board b;
    char line[512];
    unsigned code = 0, writable = 0;
    make_accessing(&b);
    FILE *f = fopen("/proc/self/maps", "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        const char *rights = strchr(line, ' ') + 1;
        assert_false(rights[1] == 'w' && rights[2] == 'x');
        if (strstr(line, "domus-jit")) {
            code += rights[2] == 'x';
            writable += rights[1] == 'w';
        }
    }
    (void)fclose(f);
    assert_int_equal(code, 1);
    assert_int_equal(writable, 1);
    destroy(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chain_into_a_page_that_is_not_there),
        cmocka_unit_test(test_interrupt_right_behind_sti),
        cmocka_unit_test(test_addresses_that_are_none),
        cmocka_unit_test(test_operands_far_from_each_other),
        cmocka_unit_test(test_tables_that_lead_outside),
        cmocka_unit_test(test_jumps_to_nowhere),
        cmocka_unit_test(test_no_memory_is_writable_and_code),
    };
    if (!engine_jit_possible())
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
