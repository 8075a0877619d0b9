/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_interp.c: the reference engine on small guests (guest_code.S) in a board of RAM and one port.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine/engine.h"

#include "base/bytes.h"

#include <string.h>

#define RAM_BYTES (16u << 20)
#define START     0x1000

struct board {
    struct memory *memory;
    struct engine *engine;
    struct engine_vcpu *vcpu;
    _Atomic uint32_t requests;
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
    return -1;
}

static uint64_t cr8_read(void *opaque)
{
    return 0;
}

static void cr8_write(void *opaque, uint64_t value)
{
}

static const struct engine_host host = {port_read, port_write, mmio_read,     mmio_write, msr_read, msr_write,
                                        cpuid,     hypercall,  interrupt_ack, cr8_read,   cr8_write};

static int setup(void **state)
{
    static struct board board;
    memset(&board, 0, sizeof board);
    board.memory = memory_create(RAM_BYTES);
    assert_non_null(board.memory);
    assert_int_equal(memory_map_ram(board.memory, 0, 0, RAM_BYTES >> 12), 0);
    assert_int_equal(engine_interp.create(&board.engine, board.memory, 1), 0);
    board.vcpu = engine_interp.vcpu_create(board.engine, 0, &board.requests, &host, &board);
    assert_non_null(board.vcpu);
    *state = &board;
    return 0;
}

static int teardown(void **state)
{
    struct board *b = *state;
    engine_interp.destroy(b->engine);
    memory_destroy(b->memory);
    return 0;
}

static void load(struct board *b, const uint8_t *code, const uint8_t *end)
{
    assert_int_equal(mem_copy_out(b->memory, START, code, (uint64_t)(end - code)), 0);
    struct x86_cpu *cpu = engine_interp.vcpu_state(b->vcpu);
    for (unsigned i = X86_ES; i <= X86_GS; i++) {
        cpu->seg[i].selector = 0;
        cpu->seg[i].base = 0;
    }
    cpu->rip = START;
    cpu->gpr[X86_RSP] = START;
    engine_interp.vcpu_changed(b->vcpu);
}

static struct x86_cpu *run_to_halt(struct board *b)
{
    assert_int_equal(engine_interp.vcpu_run(b->vcpu), ENGINE_EXIT_HALT);
    return engine_interp.vcpu_state(b->vcpu);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_real_mode, setup, teardown),
        cmocka_unit_test_setup_teardown(test_flat_protected_mode, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_mode_and_page_fault, setup, teardown),
        cmocka_unit_test_setup_teardown(test_self_modifying_code, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
