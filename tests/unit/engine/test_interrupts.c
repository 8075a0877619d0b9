/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_interrupts.c: a guest computes what the host computes, too, while a thread interrupts it at random moments. One
 * handler moves pages of its data and its stack to other frames, so that places that an engine has kept across the
 * interrupt are wrong; another runs on the interrupted stack. Both look at where they came from.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine/engine.h"

#include "base/bytes.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RAM_BYTES  (1u << 20)
#define PML4       0x1000u
#define PDPT       0x2000u
#define PD         0x3000u
#define PT_LOW     0x4000u /* all of RAM, where it is */
#define PT_MOVING  0x5000u
#define GDT        0x6000u
#define IDT        0x7000u
#define TSS        0x8000u
#define HANDLERS   0x9000u
#define STACK_IST  0xb000u
#define STACK_ZERO 0xd000u
#define BOUNDS     0xf000u /* guest_interrupts.S has the same */
#define COUNTS     0xf020u
#define DONE       0x10000u /* HLT; then the code: the handlers' bounds hold both */
#define CODE       0x10010u
#define FRAMES     0x80000u
#define MOVING     0x200000u /* four pages: data, and the stack from the last one's end */
#define MOVING_END (MOVING + 4 * PAGE_BYTES)
#define SWAP       0x40
#define PLAIN      0x41
#define PTE        0x67u /* present, writable, the user's, accessed and dirty */
#define ROUNDS     2000u
#define WANTED     1000u /* interrupts, */
#define SECONDS    20    /* or this long */

extern const uint8_t guest_handlers[], guest_handlers_plain[], guest_handlers_stop[], guest_handlers_end[];
extern const uint8_t __start_guest_work[], __stop_guest_work[];
uint64_t work_plain(uint64_t *data, uint64_t rounds);
uint64_t work_fast(uint64_t *data, uint64_t rounds);

struct board {
    const struct engine_ops *ops;
    struct memory *memory;
    uint8_t *ram;
    struct engine *engine;
    struct engine_vcpu *vcpu;
    _Atomic uint32_t requests;
    _Atomic bool running;
    unsigned interrupts;
};

static const struct engine_ops *engine;

static uint64_t port_read(void *opaque, uint16_t port, unsigned size)
{
    return bytes_ones(size);
}

static void port_write(void *opaque, uint16_t port, unsigned size, uint64_t value)
{
}

static uint64_t mmio_read(void *opaque, gpa_t gpa, unsigned size)
{
    return bytes_ones(size);
}

static void mmio_write(void *opaque, gpa_t gpa, unsigned size, uint64_t value)
{
}

static bool msr_read(void *opaque, uint32_t msr, uint64_t *value)
{
    return false;
}

static bool msr_write(void *opaque, uint32_t msr, uint64_t value)
{
    return false;
}

static void cpuid(void *opaque, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    memset(out, 0, 4 * sizeof out[0]);
}

static void hypercall(void *opaque, struct x86_cpu *cpu)
{
}

static int interrupt_ack(void *opaque)
{
    struct board *b = opaque;
    const int vector = b->interrupts++ & 1 ? PLAIN : SWAP;
    atomic_fetch_and(&b->requests, ~(uint32_t)ENGINE_REQ_INTR);
    return vector;
}

static uint64_t cr8_read(void *opaque)
{
    return 0;
}

static void cr8_write(void *opaque, uint64_t value)
{
}

static const struct engine_host host = {
    .port_read = port_read,
    .port_write = port_write,
    .mmio_read = mmio_read,
    .mmio_write = mmio_write,
    .msr_read = msr_read,
    .msr_write = msr_write,
    .cpuid = cpuid,
    .hypercall = hypercall,
    .interrupt_ack = interrupt_ack,
    .cr8_read = cr8_read,
    .cr8_write = cr8_write,
};

/* --- the guest's tables --- */

static void put_gate(struct board *b, unsigned vector, uint64_t at, unsigned ist)
{
    store_le64(b->ram + IDT + 16 * vector, (at & 0xffff) | 0x10u << 16 | (0x8e00ull | ist) << 32);
}

static void make_tables(struct board *b)
{
    store_le64(b->ram + PML4, PDPT | PTE);
    store_le64(b->ram + PDPT, PD | PTE);
    store_le64(b->ram + PD, PT_LOW | PTE);
    store_le64(b->ram + PD + 8, PT_MOVING | PTE);
    for (unsigned i = 0; i < RAM_BYTES / PAGE_BYTES; i++)
        store_le64(b->ram + PT_LOW + 8 * i, i * PAGE_BYTES | PTE);
    for (unsigned i = 0; i < 4; i++)
        store_le64(b->ram + PT_MOVING + 8 * i, (FRAMES + 2 * i * PAGE_BYTES) | PTE);
    store_le64(b->ram + GDT + 0x10, 0x00af9b000000ffff);
    store_le64(b->ram + GDT + 0x18, 0x00cf93000000ffff);
    store_le64(b->ram + GDT + 0x28, 0x00cff3000000ffff);
    store_le64(b->ram + GDT + 0x30, 0x00affb000000ffff);
    store_le64(b->ram + GDT + 0x40, 0x00008b0000000067ull | (uint64_t)TSS << 16);
    store_le64(b->ram + TSS + 0x04, STACK_ZERO);
    store_le64(b->ram + TSS + 0x24, STACK_IST);
    store_le16(b->ram + TSS + 0x66, 0x68);
    for (unsigned i = 0; i < 32; i++)
        put_gate(b, i, HANDLERS + (uint64_t)(guest_handlers_stop - guest_handlers), 1);
    put_gate(b, SWAP, HANDLERS, 1);
    put_gate(b, PLAIN, HANDLERS + (uint64_t)(guest_handlers_plain - guest_handlers), 0);
    memcpy(b->ram + HANDLERS, guest_handlers, (size_t)(guest_handlers_end - guest_handlers));
    memcpy(b->ram + CODE, __start_guest_work, (size_t)(__stop_guest_work - __start_guest_work));
    store_le64(b->ram + BOUNDS, DONE);
    store_le64(b->ram + BOUNDS + 8, CODE + (uint64_t)(__stop_guest_work - __start_guest_work));
    store_le64(b->ram + BOUNDS + 16, MOVING);
    store_le64(b->ram + BOUNDS + 24, MOVING_END);
    b->ram[DONE] = 0xf4;
}

static uint8_t *moving(struct board *b, uint64_t va)
{
    return b->ram + (load_le64(b->ram + PT_MOVING + 8 * ((va - MOVING) / PAGE_BYTES)) & 0xff000) + va % PAGE_BYTES;
}

static struct x86_seg segment(unsigned selector, unsigned attr)
{
    return (struct x86_seg){
        .selector = (uint16_t)selector,
        .attr = (uint16_t)(attr | X86_ATTR_S | X86_ATTR_P | X86_ATTR_G | (selector & 3 ? X86_ATTR_DPL : 0)),
        .limit = 0xffffffff};
}

/* It returns to HLT: in user mode, that is #GP. */
static void start(struct board *b, uint64_t (*work)(uint64_t *, uint64_t), bool user)
{
    struct x86_cpu *cpu = b->ops->vcpu_state(b->vcpu);
    const unsigned data = user ? 0x2b : 0x18, rsp = MOVING_END - 64 - 8;

    x86_cpu_reset(cpu);
    cpu->cr0 = X86_CR0_PE | X86_CR0_MP | X86_CR0_ET | X86_CR0_NE | X86_CR0_WP | X86_CR0_AM | X86_CR0_PG;
    cpu->cr3 = PML4;
    cpu->cr4 = X86_CR4_PAE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;
    cpu->efer = X86_EFER_SCE | X86_EFER_LME | X86_EFER_LMA | X86_EFER_NX;
    cpu->gdtr = (struct x86_table){GDT, 0x4f};
    cpu->idtr = (struct x86_table){IDT, 0xfff};
    for (unsigned i = 0; i < 6; i++)
        cpu->seg[i] = segment(data, 3 | X86_ATTR_DB);
    cpu->seg[X86_CS] = segment(user ? 0x33 : 0x10, 0xb | X86_ATTR_L);
    cpu->seg[X86_LDTR] = (struct x86_seg){0};
    cpu->seg[X86_TR] = (struct x86_seg){.selector = 0x40, .attr = 0xb | X86_ATTR_P, .limit = 0x67, .base = TSS};
    cpu->rip = CODE + (uint64_t)((const uint8_t *)(uintptr_t)work - __start_guest_work);
    cpu->gpr[X86_RDI] = MOVING;
    cpu->gpr[X86_RSI] = ROUNDS;
    cpu->gpr[X86_RSP] = rsp;
    cpu->rflags = 0x202;
    store_le64(moving(b, rsp), DONE);
    b->ops->vcpu_changed(b->vcpu);
}

/* --- the interrupts --- */

static void *interrupt(void *opaque)
{
    struct board *b = opaque;
    uint64_t state = 1;

    while (atomic_load(&b->running)) {
        state = state * 6364136223846793005ull + 1442695040888963407ull;
        const unsigned pause = (unsigned)(state >> 40);
        if (pause & 7) {
            for (volatile unsigned i = pause & 0x3fff; i; i--)
                continue;
        } else {
            nanosleep(&(struct timespec){.tv_nsec = 1000 + (pause & 0xffff)}, NULL);
        }
        atomic_fetch_or(&b->requests, ENGINE_REQ_INTR);
        b->ops->vcpu_kick(b->vcpu);
    }
    return NULL;
}

static uint64_t run(struct board *b, uint64_t (*work)(uint64_t *, uint64_t), bool user)
{
    pthread_t thread;

    start(b, work, user);
    atomic_store(&b->running, true);
    assert_int_equal(pthread_create(&thread, NULL, interrupt, b), 0);
    const enum engine_exit left = b->ops->vcpu_run(b->vcpu);
    atomic_store(&b->running, false);
    pthread_join(thread, NULL);
    atomic_store(&b->requests, 0);
    assert_int_equal(left, ENGINE_EXIT_HALT);
    return b->ops->vcpu_state(b->vcpu)->gpr[X86_RAX];
}

static time_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

static void check_all(struct board *b, bool user)
{
    static uint64_t (*const works[])(uint64_t *, uint64_t) = {work_plain, work_fast};
    static uint64_t data[4 * PAGE_BYTES / 8];
    const time_t end = now() + SECONDS;
    unsigned runs = 0;

    while (runs < 2 || (b->interrupts < WANTED && now() < end)) {
        const unsigned i = runs++ & 1;
        const uint64_t expected = works[i](data, ROUNDS), found = run(b, works[i], user);
        if (found != expected)
            print_error("%s, %s code, run %u after %u interrupts: rax %llx, not %llx, rdx %llx\n", b->ops->name,
                        i ? "optimized" : "plain", runs, b->interrupts, (unsigned long long)found,
                        (unsigned long long)expected, (unsigned long long)b->ops->vcpu_state(b->vcpu)->gpr[X86_RDX]);
        assert_true(found == expected);
        for (unsigned k = 0; k < 24; k++)
            assert_true(load_le64(moving(b, MOVING + 8 * k)) == data[k]);
    }
    print_message("%s, %s: %u runs, %u interrupts\n", b->ops->name, user ? "user" : "kernel", runs, b->interrupts);
    assert_true(load_le64(b->ram + COUNTS) > 0);
}

static int setup(void **state)
{
    static struct board board;

    memset(&board, 0, sizeof board);
    board.ops = engine;
    board.memory = memory_create(RAM_BYTES);
    assert_non_null(board.memory);
    assert_int_equal(memory_map_ram(board.memory, 0, 0, RAM_BYTES / PAGE_BYTES), 0);
    board.ram = memory_ram(board.memory);
    make_tables(&board);
    assert_int_equal(board.ops->create(&board.engine, board.memory, 1), 0);
    board.vcpu = board.ops->vcpu_create(board.engine, 0, &board.requests, &host, &board);
    assert_non_null(board.vcpu);
    *state = &board;
    return 0;
}

static int teardown(void **state)
{
    struct board *b = *state;
    b->ops->destroy(b->engine);
    memory_destroy(b->memory);
    return 0;
}

static void test_kernel(void **state)
{
    check_all(*state, false);
}

static void test_user(void **state)
{
    check_all(*state, true);
}

int main(int argc, char **argv)
{
    static const struct engine_ops *const engines[] = {&engine_interp, &engine_jit, &engine_jit_eager};
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_kernel, setup, teardown),
                                       cmocka_unit_test_setup_teardown(test_user, setup, teardown)};
    for (unsigned i = 0; i < ARRAY_SIZE(engines); i++)
        if (argc == 2 && !strcmp(argv[1], engines[i]->name))
            engine = engines[i];
    if (!engine) {
        fprintf(stderr, "usage: %s interp|jit|jit-eager\n", argv[0]);
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
