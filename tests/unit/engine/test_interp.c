/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_interp.c: the reference engine on small guests (guest_code.S, guest_segments.S) in a board of RAM and one port.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine/engine.h"

#include "base/bytes.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef ENGINE /* the same tests are for the translator, which then translates at first sight */
#define ENGINE engine_interp
#endif

#define RAM_BYTES (16u << 20)
#define START     0x1000

struct board {
    struct memory *memory;
    struct engine *engine;
    struct engine_vcpu *vcpu, *other;
    _Atomic uint32_t requests[2];
    int vector;
    bool ferr, ignne;
    char out[64];
    unsigned out_len;
};

static uint64_t port_read(void *opaque, uint16_t port, unsigned size)
{
    return bytes_ones(size);
}

static void port_write(void *opaque, uint16_t port, unsigned size, uint64_t value)
{
    struct board *b = opaque;
    if (port == 0xe9 && b->out_len + 1 < sizeof b->out)
        b->out[b->out_len++] = (char)value;
    if (port == 0xf0)
        b->ignne = b->ferr;
    if (port == 0xea) {
        b->vector = (int)value;
        atomic_fetch_or(&b->requests[0], ENGINE_REQ_INTR);
    }
    if (port == 0xe8) {
        atomic_fetch_or(&b->requests[0], ENGINE_REQ_STOP);
        atomic_fetch_or(&b->requests[1], ENGINE_REQ_STOP);
    }
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
    cpu->gpr[X86_RAX] = 0x4842;
}

static int interrupt_ack(void *opaque)
{
    struct board *b = opaque;
    atomic_fetch_and(&b->requests[0], ~(uint32_t)ENGINE_REQ_INTR);
    return b->vector;
}

static uint64_t cr8_read(void *opaque)
{
    return 0;
}

static void cr8_write(void *opaque, uint64_t value)
{
}

/* The coprocessor error logic of a PC, port F0h included: its interrupt is vector 0x75. */
static bool fpu_error(void *opaque, bool pending)
{
    struct board *b = opaque;
    if (pending && !b->ferr) {
        b->vector = 0x75;
        atomic_fetch_or(&b->requests[0], ENGINE_REQ_INTR);
    }
    b->ferr = pending;
    b->ignne = b->ignne && pending;
    return b->ignne;
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
    .fpu_error = fpu_error,
};

static int setup_vcpus(void **state, unsigned vcpus)
{
    static struct board board;
    memset(&board, 0, sizeof board);
    board.memory = memory_create(RAM_BYTES);
    assert_non_null(board.memory);
    assert_int_equal(memory_map_ram(board.memory, 0, 0, RAM_BYTES >> 12), 0);
    assert_int_equal(ENGINE.create(&board.engine, board.memory, vcpus), 0);
    board.vcpu = ENGINE.vcpu_create(board.engine, 0, &board.requests[0], &host, &board);
    assert_non_null(board.vcpu);
    if (vcpus == 2) {
        board.other = ENGINE.vcpu_create(board.engine, 1, &board.requests[1], &host, &board);
        assert_non_null(board.other);
    }
    *state = &board;
    return 0;
}

static int setup(void **state)
{
    return setup_vcpus(state, 2);
}

static int setup_alone(void **state)
{
    return setup_vcpus(state, 1);
}

static int teardown(void **state)
{
    struct board *b = *state;
    ENGINE.destroy(b->engine);
    memory_destroy(b->memory);
    return 0;
}

static void start(struct engine_vcpu *v)
{
    struct x86_cpu *cpu = ENGINE.vcpu_state(v);
    for (unsigned i = X86_ES; i <= X86_GS; i++) {
        cpu->seg[i].selector = 0;
        cpu->seg[i].base = 0;
    }
    cpu->rip = START;
    cpu->gpr[X86_RSP] = START;
    ENGINE.vcpu_changed(v);
}

static void load(struct board *b, const uint8_t *code, const uint8_t *end)
{
    assert_int_equal(mem_copy_out(b->memory, START, code, (uint64_t)(end - code)), 0);
    start(b->vcpu);
}

static struct x86_cpu *run_to_halt(struct board *b)
{
    assert_int_equal(ENGINE.vcpu_run(b->vcpu), ENGINE_EXIT_HALT);
    return ENGINE.vcpu_state(b->vcpu);
}

#define RUN(b, name)                                               \
    do {                                                           \
        extern const uint8_t guest_##name[], guest_##name##_end[]; \
        load(b, guest_##name, guest_##name##_end);                 \
        run_to_halt(b);                                            \
    } while (0)

static uint32_t word_at(struct board *b, gpa_t gpa)
{
    return load_le32(mem_at(b->memory, gpa, 4));
}

static void test_real_mode(void **state)
{
    struct board *b = *state;
    RUN(b, real);
    assert_string_equal(b->out, "r!is");
    assert_int_equal((uint16_t)word_at(b, 0x500), 55);
}

static void test_flat_protected_mode(void **state)
{
    struct board *b = *state;
    RUN(b, flat);
    assert_string_equal(b->out, "pc31");
    assert_int_equal(word_at(b, 0x500), 0xcafef00du * 3);
}

static void test_flat_segments_and_others(void **state)
{
    struct board *b = *state;
    RUN(b, flat32);
    assert_string_equal(b->out, "fbffbffbfnngfbffw012<");
}

static void test_long_mode_and_page_fault(void **state)
{
    struct board *b = *state;
    RUN(b, long);
    assert_string_equal(b->out, "lf");
    assert_int_equal(word_at(b, 0x508), 0x78563412);
    assert_int_equal(word_at(b, 0x50c), 0xefcdab90);
}

static void test_self_modifying_code(void **state)
{
    struct board *b = *state;
    RUN(b, smc);
    assert_string_equal(b->out, "b012");
}

static void test_instruction_in_two_pages(void **state)
{
    struct board *b = *state;
    RUN(b, crossing);
    assert_string_equal(b->out, "abcfb");
}

static void test_returns(void **state)
{
    struct board *b = *state;
    RUN(b, returns);
    assert_string_equal(b->out, "abbccf");
}

static void test_calls_to_another_page(void **state)
{
    struct board *b = *state;
    RUN(b, far_links);
    assert_string_equal(b->out, "accddu");
}

static void test_smap(void **state)
{
    struct board *b = *state;
    RUN(b, smap);
    assert_string_equal(b->out, "-0u1-0u1-0u1-0");
}

static void test_task_switch(void **state)
{
    struct board *b = *state;
    RUN(b, task);
    assert_string_equal(b->out, "tnbT");
}

static void test_rings_and_call_gate(void **state)
{
    struct board *b = *state;
    RUN(b, ring3);
    assert_string_equal(b->out, "ugik");
}

static void test_virtual_8086(void **state)
{
    struct board *b = *state;
    RUN(b, v86);
    assert_string_equal(b->out, "vce");
}

/* Limits that are no longer what they were when the code was met first. */
static void test_big_real_mode(void **state)
{
    struct board *b = *state;
    RUN(b, big_real);
    assert_string_equal(b->out, "ugugug");
}

static void test_same_ip_in_other_segments(void **state)
{
    struct board *b = *state;
    RUN(b, code_segments);
    assert_string_equal(b->out, "ABAABAABAABAABABABAB");
}

static void test_ip_wraps(void **state)
{
    struct board *b = *state;
    RUN(b, ip_wraps);
    assert_string_equal(b->out, "wgwgwgwg");
}

static void test_virtual_8086_limits(void **state)
{
    struct board *b = *state;
    RUN(b, v86_limits);
    assert_string_equal(b->out, "gsgsgsgs");
}

static void test_code_with_data_beside_it(void **state)
{
    struct board *b = *state;
    RUN(b, written_beside);
    assert_string_equal(b->out, "ABCuD");
}

static void test_push_from_memory(void **state)
{
    struct board *b = *state;
    RUN(b, push_memory);
    assert_string_equal(b->out, "2m13e");
}

static void test_popf_and_interrupts(void **state)
{
    struct board *b = *state;
    RUN(b, popf_if);
    assert_string_equal(b->out, "1i2i34i1i2i34i");
}

static void test_single_step_and_breakpoints(void **state)
{
    struct board *b = *state;
    RUN(b, debug);
    assert_string_equal(b->out, "swx1");
}

static void test_fault_inside_rep(void **state)
{
    struct board *b = *state;
    RUN(b, repfault);
    assert_string_equal(b->out, "fw");
    assert_int_equal(*(uint8_t *)mem_at(b->memory, 0x3fffff, 1), 0x5a);
}

static void test_interrupt_after_sti_shadow(void **state)
{
    struct board *b = *state;
    b->vector = 0x40;
    atomic_store(&b->requests[0], ENGINE_REQ_INTR);
    RUN(b, shadow);
    assert_string_equal(b->out, "1");
    assert_int_equal(ENGINE.vcpu_state(b->vcpu)->activity, X86_HALTED);
    atomic_store(&b->requests[0], ENGINE_REQ_INTR); /* and out of HLT */
    run_to_halt(b);
    assert_string_equal(b->out, "13");
}

/* x87 errors with CR0.NE clear: those that IGNNE# lets be ignored do no harm to the host. */
static void test_x87_errors_ignored(void **state)
{
    struct board *b = *state;
    b->ferr = b->ignne = true;
    RUN(b, x87_ignored);
    assert_string_equal(b->out, "ie");
}

/* And the others come as an interrupt, once each. */
static void test_x87_errors_by_interrupt(void **state)
{
    struct board *b = *state;
    RUN(b, x87_ferr);
    assert_string_equal(b->out, "awbwc");
}

static void test_x87_errors_by_interrupt_32(void **state)
{
    struct board *b = *state;
    RUN(b, x87_ferr32);
    assert_string_equal(b->out, "awbwc");
}

static void test_x87_errors_by_exception(void **state)
{
    struct board *b = *state;
    RUN(b, x87_mf);
    assert_string_equal(b->out, "ambcmdme");
    assert_int_equal((uint16_t)word_at(b, 0x504), 0x37b);
}

static void test_x87_state_is_switched(void **state)
{
    struct board *b = *state;
    RUN(b, x87_switch);
    assert_string_equal(b->out, "nanbcndnu");
    assert_int_equal(word_at(b, 0x504), 17153); /* 1000 (1 + pi)^2 */
    assert_int_equal(word_at(b, 0x508), 0x04080c10);
}

/* One state each, wherever it is kept. */
static void test_x87_of_two_vcpus(void **state)
{
    extern const uint8_t guest_x87_turns[], guest_x87_turns_end[];
    struct board *b = *state;
    struct engine_vcpu *const v[2] = {b->vcpu, b->other};
    unsigned turns = 0, halted = 0;
    load(b, guest_x87_turns, guest_x87_turns_end);
    start(b->other);
    for (unsigned i = 0; i < 2; i++) {
        ENGINE.vcpu_state(v[i])->gpr[X86_RBX] = 100 + i;
        ENGINE.vcpu_state(v[i])->gpr[X86_RSI] = 0x500 + 4 * i;
    }
    while (!halted) {
        for (unsigned i = 0; i < 2; i++) {
            atomic_store(&b->requests[i], 0);
            halted += ENGINE.vcpu_run(v[i]) == ENGINE_EXIT_HALT;
        }
        turns++;
    }
    assert_int_equal(halted, 2);
    assert_int_equal(turns, 6);
    assert_int_equal(word_at(b, 0x500), 3200);
    assert_int_equal(word_at(b, 0x504), 3232);
}

static void *run_other(void *opaque)
{
    struct board *b = opaque;
    return (void *)(uintptr_t)ENGINE.vcpu_run(b->other);
}

static void test_atomics_of_two_vcpus(void **state)
{
    extern const uint8_t guest_atomics[], guest_atomics_end[];
    struct board *b = *state;
    pthread_t thread;
    void *exit = NULL;
    if (getenv("DOMUS_JIT_LOCKSTEP")) /* takes the other's writes for differences */
        skip();
    load(b, guest_atomics, guest_atomics_end);
    start(b->other);
    assert_int_equal(pthread_create(&thread, NULL, run_other, b), 0);
    run_to_halt(b);
    pthread_join(thread, &exit);
    assert_int_equal((uintptr_t)exit, ENGINE_EXIT_HALT);
    assert_int_equal(word_at(b, 0x3000), 40000);
    assert_int_equal(word_at(b, 0x3008), 40000);
}

static void test_triple_fault(void **state)
{
    extern const uint8_t guest_doublefault[], guest_doublefault_end[];
    struct board *b = *state;
    load(b, guest_doublefault, guest_doublefault_end);
    assert_int_equal(ENGINE.vcpu_run(b->vcpu), ENGINE_EXIT_TRIPLE_FAULT);
}

/* All instructions and events of a run are in the file, then only the first ones. */
static void test_trace(void **state)
{
    struct board *b = *state;
    char text[16384] = "", *line = text;
    FILE *f = tmpfile();
    unsigned lines = 0;
    assert_non_null(f);
    assert_int_equal(ENGINE.trace(b->engine, dup(fileno(f)), 1000000), 0);
    assert_int_equal(ENGINE.trace(b->engine, dup(fileno(f)), 1), -EBUSY);
    b->vector = 0x40;
    atomic_fetch_or(&b->requests[0], ENGINE_REQ_INTR);
    RUN(b, shadow);
    assert_string_equal(b->out, "1");
    ENGINE.destroy(b->engine); /* and the file is whole */
    b->engine = NULL;
    rewind(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    (void)fclose(f);
    assert_ptr_equal(strstr(text, "0 system 0000:0000000000001000  c7 06 00 01 15 10"), text);
    assert_non_null(strstr(text, "  mov word ptr [0x0100], 0x1015"));
    assert_non_null(strstr(text, "  sti\n0 system"));
    assert_non_null(strstr(text, "  inc bx\n0 interrupt 64\n0 system"));
    assert_non_null(strstr(text, "  out 0xE9, al\n0 system"));
    for (; (line = strchr(line, '\n')) != NULL; line++)
        lines++;
    assert_int_equal(lines, 13);
}

static void test_trace_of_some(void **state)
{
    struct board *b = *state;
    char text[4096] = "";
    FILE *f = tmpfile();
    assert_non_null(f);
    assert_int_equal(ENGINE.trace(b->engine, dup(fileno(f)), 2), 0);
    RUN(b, real);
    assert_string_equal(b->out, "r!is");
    assert_int_equal(ENGINE.trace(b->engine, dup(fileno(f)), 1), 0); /* the first one has ended */
    rewind(f);
    assert_int_equal(fread(text, 1, sizeof text - 1, f), 0);
    (void)fclose(f);
}

static void test_stop_request(void **state)
{
    static const uint8_t forever[] = {0xeb, 0xfe};
    struct board *b = *state;
    load(b, forever, forever + sizeof forever);
    atomic_store(&b->requests[0], ENGINE_REQ_STOP);
    assert_int_equal(ENGINE.vcpu_run(b->vcpu), ENGINE_EXIT_REQUEST);
    assert_int_equal(ENGINE.vcpu_state(b->vcpu)->rip, START);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_real_mode),
        TEST(test_flat_protected_mode),
        TEST(test_flat_segments_and_others),
        TEST(test_long_mode_and_page_fault),
        TEST(test_self_modifying_code),
        TEST(test_instruction_in_two_pages),
        TEST(test_returns),
        TEST(test_calls_to_another_page),
        TEST(test_smap),
        TEST(test_task_switch),
        TEST(test_rings_and_call_gate),
        TEST(test_virtual_8086),
        TEST(test_big_real_mode),
        TEST(test_same_ip_in_other_segments),
        TEST(test_ip_wraps),
        TEST(test_virtual_8086_limits),
        TEST(test_code_with_data_beside_it),
        cmocka_unit_test_setup_teardown(test_code_with_data_beside_it, setup_alone, teardown),
        TEST(test_push_from_memory),
        TEST(test_popf_and_interrupts),
        TEST(test_single_step_and_breakpoints),
        TEST(test_fault_inside_rep),
        TEST(test_x87_errors_ignored),
        TEST(test_x87_errors_by_interrupt),
        TEST(test_x87_errors_by_interrupt_32),
        TEST(test_x87_errors_by_exception),
        TEST(test_x87_state_is_switched),
        TEST(test_x87_of_two_vcpus),
        TEST(test_interrupt_after_sti_shadow),
        TEST(test_atomics_of_two_vcpus),
        TEST(test_triple_fault),
        TEST(test_trace),
        TEST(test_trace_of_some),
        TEST(test_stop_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
