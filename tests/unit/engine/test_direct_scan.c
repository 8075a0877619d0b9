/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_direct_scan.c: which pages of code may run directly. The pages are made of plain instructions with one place of
 * interest among them.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine/direct/pages.h"

#include <string.h>

static uint8_t page[PAGE_BYTES], next[DIRECT_NEXT_BYTES];
static uint16_t traps[DIRECT_TRAPS_MAX];

/* Instructions of several lengths, and then a run of what is at the place. */
static void fill(unsigned place, const char *bytes, unsigned n)
{
    static const uint8_t plain[] = {0x48, 0x89, 0xd8,             /* mov rax, rbx */
                                    0x83, 0xc0, 0x05,             /* add eax, 5 */
                                    0x0f, 0xb6, 0x4c, 0x24, 0x08, /* movzx ecx, byte [rsp + 8] */
                                    0xc3, 0x55};                  /* ret; push rbp */
    memset(next, 0x90, sizeof next);
    memset(page, 0x90, sizeof page);
    for (unsigned at = 0; at + sizeof plain <= place; at += sizeof plain)
        memcpy(page + at, plain, sizeof plain);
    for (unsigned i = 0; i < n; i++)
        *(place + i < PAGE_BYTES ? &page[place + i] : &next[place + i - PAGE_BYTES]) = (uint8_t)bytes[i];
}

static void plain_code_is_clean(void **state)
{
    fill(0x400, "", 0);
    assert_int_equal(direct_scan(page, next, traps), 0);
}

static void an_instruction_gets_a_trap(void **state)
{
    static const char *const insn[] = {"\x0f\xa2\x90", "\x0f\x01\xd0", "\x0f\xae\x20", "\x0f\xc7\x20", "\x0f\x03\xc0"};
    for (unsigned i = 0; i < ARRAY_SIZE(insn); i++) {
        fill(0x400, insn[i], 3);
        assert_int_equal(direct_scan(page, next, traps), 1);
        assert_int_equal(traps[0], 0x400);
        direct_put_trap(page, traps[0]);
        assert_memory_equal(page + 0x400, "\x0f\x0b", 2);
        assert_int_equal(direct_scan(page, next, traps), 0);
    }
    fill(0x400, "\xf3\x0f\xc7\xf8", 4); /* RDPID: its opcode is behind the prefix */
    assert_int_equal(direct_scan(page, next, traps), 1);
    assert_int_equal(traps[0], 0x401);
    fill(0x400, "\x8e\xe0", 2); /* MOV FS, EAX */
    assert_int_equal(direct_scan(page, next, traps), 1);
    direct_put_trap(page, traps[0]);
    assert_int_equal(page[0x400], 0x06);
}

static void bytes_inside_others_are_let_be(void **state)
{
    fill(0x400, "\xb8\x0f\xa2\x01\x00", 5); /* mov eax, 0x1a20f */
    assert_int_equal(direct_scan(page, next, traps), 0);
    fill(0x400, "\xe8\x0f\x01\xd0\xff", 5); /* call */
    assert_int_equal(direct_scan(page, next, traps), 0);
}

static void tables_are_barred(void **state)
{
    uint32_t random = 1;
    fill(0x400, "", 0);
    for (unsigned i = 0x400; i < 0xc00; i++) {
        random = random * 1664525 + 1013904223;
        page[i] = (uint8_t)(random >> 24);
    }
    for (unsigned i = 0x410; i < 0xc00; i += 16)
        memcpy(page + i, "\x0f\xa2", 2);
    assert_int_equal(direct_scan(page, next, traps), -1);
}

static void the_end_is_seen_with_the_next_page(void **state)
{
    fill(PAGE_BYTES - 1, "\x0f\xa2", 2);
    assert_int_equal(direct_scan(page, next, traps), 1);
    assert_int_equal(traps[0], PAGE_BYTES - 1);
    direct_put_trap(page, traps[0]);
    assert_int_equal(page[PAGE_BYTES - 1], 0x06);
    fill(PAGE_BYTES - 1, "\x0f\x84\xa2\x00\x00\x00", 6); /* jz */
    assert_int_equal(direct_scan(page, next, traps), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_code_is_clean),
        cmocka_unit_test(an_instruction_gets_a_trap),
        cmocka_unit_test(bytes_inside_others_are_let_be),
        cmocka_unit_test(tables_are_barred),
        cmocka_unit_test(the_end_is_seen_with_the_next_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
