/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_memory.c: the dynamic map, copies over page borders, write notification and the dirty log. */
#include "machine/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MIB (1024u * 1024u)

struct seen {
    gpa_t code_gpa;
    uint64_t code_len;
    gfn_t unmapped;
    unsigned calls;
};

static void on_unmapped(void *opaque, gfn_t first, uint64_t count)
{
    struct seen *s = opaque;

    s->unmapped = first;
    s->calls++;
}

static void on_code(void *opaque, gpa_t gpa, uint64_t len)
{
    struct seen *s = opaque;

    s->code_gpa = gpa;
    s->code_len = len;
}

static void map_and_copy(void **state)
{
    struct memory *m = memory_create(4 * MIB);
    char out[16] = "", in[] = "over the border";

    assert_non_null(m);
    assert_int_equal(mem_copy_in(m, out, 0, 1), -EFAULT);
    /* Two guest pages backed by RAM pages that are not neighbours. */
    assert_int_equal(memory_map_ram(m, 0x100, 5 * PAGE_BYTES, 1), 0);
    assert_int_equal(memory_map_ram(m, 0x101, 1 * PAGE_BYTES, 1), 0);
    assert_int_equal(mem_copy_out(m, 0x100ff8, in, sizeof in), 0);
    assert_int_equal(mem_copy_in(m, out, 0x100ff8, sizeof in), 0);
    assert_string_equal(out, in);
    assert_memory_equal(memory_ram(m) + 6 * PAGE_BYTES - 8, in, 8);
    assert_null(mem_at(m, 0x100ff8, sizeof in));
    assert_non_null(mem_at(m, 0x100ff8, 8));
    /* Off the end: nothing is copied. */
    memset(out, 0, sizeof out);
    assert_int_equal(mem_copy_in(m, out, 0x101ff8, 16), -EFAULT);
    assert_int_equal(mem_copy_out(m, 0xfffffffffffffff0, in, 0x20), -EFAULT);
    memory_unmap(m, 0x101, 1);
    assert_int_equal(mem_copy_in(m, out, 0x101000, 1), -EFAULT);
    memory_destroy(m);
}

static void refuses_bad_ranges(void **state)
{
    struct memory *m = memory_create(4 * MIB);

    assert_int_equal(memory_map_ram(m, 0, 4 * MIB, 1), -EINVAL);
    assert_int_equal(memory_map_ram(m, 0, 0, ~0ull), -EINVAL);
    assert_int_equal(memory_map_ram(m, 1ull << 60, 0, 1), -EINVAL);
    assert_null(memory_create(0));
    assert_null(memory_create(100));
    memory_destroy(m);
}

static void free_pages(void **state)
{
    struct memory *m = memory_create(4 * PAGE_BYTES);
    int64_t a, b;

    assert_int_equal(memory_map_ram(m, 0, 0, 2), 0);
    a = memory_alloc_page(m);
    assert_true(a >= 2 * PAGE_BYTES);
    assert_int_equal(memory_map_ram(m, 0xfc000, (uint64_t)a, 1), 0);
    b = memory_alloc_page(m);
    assert_true(b >= 2 * PAGE_BYTES && b != a);
    assert_int_equal(memory_map_ram(m, 0xfc001, (uint64_t)b, 1), 0);
    assert_int_equal(memory_alloc_page(m), -1);
    memory_unmap(m, 0xfc000, 1);
    memory_free_page(m, (uint64_t)a);
    assert_int_equal(memory_alloc_page(m), a);
    memory_destroy(m);
}

static void listeners(void **state)
{
    struct seen s = {0};
    struct memory *m = memory_create(MIB);
    const struct memory_listener l = {on_unmapped, on_code, &s};

    memory_set_listener(m, &l);
    assert_int_equal(memory_map_ram(m, 0, 0, 16), 0);
    assert_int_equal(s.calls, 1);
    mem_copy_out(m, 0x3000, "x", 1);
    assert_int_equal(s.code_len, 0);
    memory_set_code(m, 3, true);
    assert_true(memory_lookup(m, 3).flags & MEMORY_CODE);
    mem_copy_out(m, 0x2fff, "xyz", 3);
    assert_int_equal(s.code_gpa, 0x3000);
    assert_int_equal(s.code_len, 2);
    memory_set_code(m, 3, false);
    assert_false(memory_lookup(m, 3).flags & MEMORY_CODE);
    memory_unmap(m, 7, 2);
    assert_int_equal(s.unmapped, 7);
    memory_destroy(m);
}

static void readonly_and_dirty(void **state)
{
    struct memory *m = memory_create(MIB);
    uint8_t *host = aligned_alloc(PAGE_BYTES, 16 * PAGE_BYTES), bits[2];

    memset(host, 7, 16 * PAGE_BYTES);
    assert_int_equal(memory_map_host(m, 0xf0000, host, 16, MEMORY_LOGGED), 0);
    mem_copy_out(m, 0xf0003ffe, "abcd", 4);
    memory_dirty_fetch(m, host, 16, bits);
    assert_int_equal(bits[0], 0x18);
    assert_int_equal(bits[1], 0);
    memory_dirty_fetch(m, host, 16, bits);
    assert_int_equal(bits[0], 0);
    assert_int_equal(memory_map_host(m, 0xf0000, host, 1, MEMORY_READONLY), 0);
    assert_int_equal(mem_copy_out(m, 0xf0000000, "z", 1), -EFAULT);
    assert_int_equal(host[0], 7);
    memory_destroy(m);
    free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(map_and_copy), cmocka_unit_test(refuses_bad_ranges), cmocka_unit_test(free_pages),
        cmocka_unit_test(listeners),    cmocka_unit_test(readonly_and_dirty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
