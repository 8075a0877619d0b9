/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_lockstep.c: translated blocks against the reference engine: right ones agree, a wrong one is found and told of,
 * and devices are asked once.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine/jit/jit.h"

#include "base/bytes.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RAM_BYTES (1u << 20)
#define START     0x1000u
#define DATA      0x3000u
#define DEVICE    0x200000u
#define LOOPS     20u
#define ADDED     0x01234567u
#define STORED    0x09abcdefu

struct board {
    struct memory *memory;
    struct engine *engine;
    struct engine_vcpu *vcpu;
    _Atomic uint32_t requests;
    unsigned asked;
    FILE *log;
    char text[32768];
};

static uint64_t mmio_read(void *opaque, gpa_t gpa, unsigned size)
{
    return ++((struct board *)opaque)->asked;
}

static void mmio_write(void *opaque, gpa_t gpa, unsigned size, uint64_t value)
{
}

static const struct engine_host host = {.mmio_read = mmio_read, .mmio_write = mmio_write};

static int setup(void **state)
{
    static struct board board;
    struct board *b = &board;
    memset(b, 0, sizeof *b);
    setenv("DOMUS_JIT_LOCKSTEP", "1", 1);
    b->log = tmpfile();
    b->memory = memory_create(RAM_BYTES);
    assert_non_null(b->log);
    assert_non_null(b->memory);
    log_init(fileno(b->log), LOG_WARNING);
    assert_int_equal(memory_map_ram(b->memory, 0, 0, RAM_BYTES >> 12), 0);
    assert_int_equal(engine_jit_eager.create(&b->engine, b->memory, 1), 0);
    b->vcpu = engine_jit_eager.vcpu_create(b->engine, 0, &b->requests, &host, b);
    assert_non_null(b->vcpu);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct board *b = *state;
    engine_jit_eager.destroy(b->engine);
    memory_destroy(b->memory);
    log_init(STDERR_FILENO, LOG_WARNING);
    (void)fclose(b->log);
    return 0;
}

static const char *logged(struct board *b)
{
    rewind(b->log);
    b->text[fread(b->text, 1, sizeof b->text - 1, b->log)] = '\0';
    return b->text;
}

static uint64_t counted(struct board *b, const char *name)
{
    struct engine_counter c[ENGINE_COUNTERS_MAX];
    const unsigned n = engine_jit_eager.vcpu_counters(b->vcpu, c);
    for (unsigned i = 0; i < n; i++) {
        if (!strcmp(c[i].name, name))
            return c[i].value;
    }
    fail_msg("no counter \"%s\"", name);
    return 0;
}

/* Flat 32-bit code from START on, with EDI = address. */
static enum engine_exit run(struct board *b, uint32_t address)
{
    struct x86_cpu *cpu = engine_jit_eager.vcpu_state(b->vcpu);
    x86_cpu_reset(cpu);
    cpu->cr0 |= X86_CR0_PE;
    for (unsigned i = X86_ES; i <= X86_GS; i++)
        cpu->seg[i] = (struct x86_seg){.attr = i == X86_CS ? 0xc9b : 0xc93, .limit = 0xffffffff};
    cpu->rip = START;
    cpu->gpr[X86_RDI] = address;
    cpu->gpr[X86_RCX] = LOOPS;
    engine_jit_eager.vcpu_changed(b->vcpu);
    return engine_jit_eager.vcpu_run(b->vcpu);
}

static const uint8_t loop[] = {
    0x03, 0x07,                               /* 1000: add eax, [edi] */
    0xc7, 0x47, 0x04, 0xef, 0xcd, 0xab, 0x09, /*       mov dword ptr [edi + 4], STORED */
    0x05, 0x67, 0x45, 0x23, 0x01,             /*       add eax, ADDED */
    0x49,                                     /*       dec ecx */
    0x75, 0xef,                               /*       jnz 1000 */
    0xf4,                                     /*       hlt */
};

static struct board *loaded(void **state)
{
    struct board *b = *state;
    assert_int_equal(mem_copy_out(b->memory, START, loop, sizeof loop), 0);
    store_le32(mem_at(b->memory, DATA, 4), 3);
    return b;
}

static void test_agrees(void **state)
{
    struct board *b = loaded(state);
    assert_int_equal(run(b, DATA), ENGINE_EXIT_HALT);
    assert_int_equal(engine_jit_eager.vcpu_state(b->vcpu)->gpr[X86_RAX], (uint32_t)(LOOPS * (ADDED + 3)));
    assert_int_equal(load_le32(mem_at(b->memory, DATA + 4, 4)), STORED);
    assert_int_equal(counted(b, "blocks compared"), LOOPS);
    assert_int_equal(counted(b, "blocks not compared"), 0);
    assert_string_equal(logged(b), "");
}

/* Another immediate in what the loop was translated to. */
static void make_wrong(struct board *b, uint32_t value)
{
    struct jit_vcpu *j = (struct jit_vcpu *)(void *)b->vcpu;
    unsigned found = 0;
    for (size_t at = j->fixed; at + 4 <= j->used; at++) {
        if (load_le32(j->rw + at) == value) {
            store_le32(j->rw + at, value ^ 0x100);
            found++;
        }
    }
    assert_int_equal(found, 1);
}

static void test_wrong_register(void **state)
{
    struct board *b = loaded(state);
    assert_int_equal(run(b, DATA), ENGINE_EXIT_HALT);
    make_wrong(b, ADDED);
    assert_int_equal(run(b, DATA), ENGINE_EXIT_ERROR);
    const char *text = logged(b);
    assert_non_null(strstr(text, "the block at 1000 differs from the reference engine, after 20 that did not"));
    assert_non_null(strstr(text, "add eax, 0x1234567"));
    assert_non_null(strstr(text, "jnz 0x00001000"));
    assert_non_null(
        strstr(text, "rax      0000000000000000 -> reference 000000000123456a, translated 000000000123446a  <--"));
    assert_non_null(
        strstr(text, "rcx      0000000000000014 -> reference 0000000000000013, translated 0000000000000013\n"));
    assert_null(strstr(text, "memory"));
}

static void test_wrong_memory(void **state)
{
    struct board *b = loaded(state);
    assert_int_equal(run(b, DATA), ENGINE_EXIT_HALT);
    make_wrong(b, STORED);
    store_le32(mem_at(b->memory, DATA + 4, 4), 0x11);
    assert_int_equal(run(b, DATA), ENGINE_EXIT_ERROR);
    const char *text = logged(b);
    assert_non_null(strstr(text, "memory, page 0 at 000: 0000001100000003 -> reference 09abcdef00000003, "
                                 "translated 09abccef00000003"));
    assert_null(strstr(text, "<--"));
}

static void test_device_is_asked_once(void **state)
{
    struct board *b = loaded(state);
    assert_int_equal(run(b, DEVICE), ENGINE_EXIT_HALT);
    assert_int_equal(b->asked, LOOPS);
    assert_int_equal(engine_jit_eager.vcpu_state(b->vcpu)->gpr[X86_RAX],
                     (uint32_t)(LOOPS * ADDED + LOOPS * (LOOPS + 1) / 2));
    assert_int_equal(counted(b, "blocks compared"), 0);
    assert_int_equal(counted(b, "blocks not compared"), LOOPS);
    assert_string_equal(logged(b), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_agrees),
        TEST(test_wrong_register),
        TEST(test_wrong_memory),
        TEST(test_device_is_asked_once),
    };
    if (!engine_jit_possible())
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
