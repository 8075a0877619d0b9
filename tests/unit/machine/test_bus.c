/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_bus.c: who answers an address: overlaps, moves, straddling accesses, gaps. */
#include "machine/bus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct probe {
    struct device dev;
    uint64_t value, last_offset, last_value;
    unsigned last_size;
};

static uint64_t probe_read(struct device *d, uint64_t offset, unsigned size)
{
    struct probe *p = (struct probe *)d;

    p->last_offset = offset;
    p->last_size = size;
    return p->value + offset;
}

static void probe_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    struct probe *p = (struct probe *)d;

    p->last_offset = offset;
    p->last_size = size;
    p->last_value = value;
}

static const struct io_ops probe_io = {probe_read, probe_write};

static void newest_wins(void **state)
{
    struct bus *bus = bus_create("test", 0x10000);
    struct probe a = {.value = 0x10}, b = {.value = 0x80};
    struct bus_window *w;

    assert_int_equal(bus_read(bus, 0x100, 4), 0xffffffff);
    bus_map(bus, 0x100, 16, &a.dev, &probe_io);
    assert_int_equal(bus_read(bus, 0x101, 1), 0x11);
    w = bus_map(bus, 0x104, 4, &b.dev, &probe_io);
    assert_int_equal(bus_read(bus, 0x104, 1), 0x80);
    assert_int_equal(bus_read(bus, 0x108, 1), 0x18);
    bus_move(bus, w, 0x200);
    assert_int_equal(bus_read(bus, 0x104, 1), 0x14);
    assert_int_equal(bus_read(bus, 0x203, 1), 0x83);
    bus_unmap(bus, w);
    assert_int_equal(bus_read(bus, 0x203, 1), 0xff);
    assert_true(bus_claimed(bus, 0x10f));
    assert_false(bus_claimed(bus, 0x110));
    bus_destroy(bus);
}

static void straddling_is_split(void **state)
{
    struct bus *bus = bus_create("test", 0x10000);
    struct probe a = {.value = 0x10}, b = {.value = 0x80};

    bus_map(bus, 0x100, 2, &a.dev, &probe_io);
    bus_map(bus, 0x102, 1, &b.dev, &probe_io);
    assert_int_equal(bus_read(bus, 0x100, 4), 0xff801110);
    bus_write(bus, 0x100, 4, 0x44332211);
    assert_int_equal(a.last_value, 0x22);
    assert_int_equal(a.last_size, 1);
    assert_int_equal(b.last_value, 0x33);
    bus_write(bus, 0x100, 2, 0xabcdef);
    assert_int_equal(a.last_value, 0xcdef);
    bus_destroy(bus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(newest_wins), cmocka_unit_test(straddling_is_split)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
