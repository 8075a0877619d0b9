/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dev/hpet.h"

#include "fake.h"

#include <string.h>

#define MS 1000000ull

static struct fake_line legacy[2], gsi[4];
static struct device *hpet;

static struct device *new_hpet(void)
{
    struct irq_line *const l[2] = {&legacy[0].line, &legacy[1].line};
    struct irq_line *const g[4] = {&gsi[0].line, &gsi[1].line, &gsi[2].line, &gsi[3].line};

    return hpet_create(fake_loop, l, g);
}

static int setup(void **state)
{
    fake_loop_reset();
    for (unsigned i = 0; i < 4; i++)
        fake_line_init(&gsi[i]);
    for (unsigned i = 0; i < 2; i++)
        fake_line_init(&legacy[i]);
    hpet = new_hpet();
    return 0;
}

static int teardown(void **state)
{
    hpet->ops->destroy(hpet);
    assert_int_equal(fake_timers_armed(), 0);
    return 0;
}

static uint64_t in64(unsigned reg)
{
    return hpet_io.read(hpet, reg, 8);
}
static void out64(unsigned reg, uint64_t value)
{
    hpet_io.write(hpet, reg, 8, value);
}

static void test_capabilities(void **state)
{
    assert_int_equal(in16(hpet, &hpet_io, 2), 0x8086); /* hvmloader's probe */
    assert_int_equal(in32(hpet, &hpet_io, 0), 0x8086A201);
    assert_int_equal(in32(hpet, &hpet_io, 4), 16000000);
    assert_int_equal(in64(0x100), 0x00F0000000000030);
    assert_int_equal(in64(0x128), ~0ull);
}

static void test_counter(void **state)
{
    fake_advance(MS);
    assert_int_equal(in64(0xF0), 0);
    out64(0x10, 1);
    fake_advance(MS);
    assert_int_equal(in64(0xF0), 62500);
    out64(0x10, 0);
    fake_advance(MS);
    assert_int_equal(in32(hpet, &hpet_io, 0xF0), 62500);
    out32(hpet, &hpet_io, 0xF4, 1);
    assert_int_equal(in64(0xF0), 0x100000000ull + 62500);
}

static void test_one_shot(void **state)
{
    out64(0x10, 1);
    out64(0x120, 20 << 9 | 4);
    gsi[0].rises = 0;
    out64(0x128, 62500);
    fake_advance(MS - 1);
    assert_int_equal(gsi[0].rises, 0);
    fake_advance(1);
    assert_int_equal(gsi[0].rises, 1);
    fake_advance(5000 * MS);
    assert_int_equal(gsi[0].rises, 1);
    out64(0x128, in64(0xF0) - 100); /* a little late: at once */
    fake_advance(0);
    assert_int_equal(gsi[0].rises, 2);
    out64(0x120, 21 << 9 | 4 | 0x100);
    out32(hpet, &hpet_io, 0x128, in32(hpet, &hpet_io, 0xF0) + 62500);
    fake_advance(MS);
    assert_int_equal(gsi[1].rises, 1);
    assert_int_equal(in32(hpet, &hpet_io, 0x12C), 0);
}

static void test_level(void **state)
{
    out64(0x10, 1);
    out64(0x140, 22 << 9 | 4 | 2);
    out64(0x148, 100);
    fake_advance(MS);
    assert_true(gsi[2].line.level);
    assert_int_equal(in64(0x20), 4);
    out64(0x20, 4);
    assert_false(gsi[2].line.level);
}

static void test_legacy(void **state)
{
    hpet_set_legacy_irq(hpet, 0, true);
    assert_true(legacy[0].line.level); /* the PIT's passes */
    out64(0x10, 3);
    assert_false(legacy[0].line.level);
    legacy[0].rises = 0;
    hpet_set_legacy_irq(hpet, 0, false);
    hpet_set_legacy_irq(hpet, 0, true);
    assert_int_equal(legacy[0].rises, 0);
    out64(0x100, 4 | 8 | 0x40); /* periodic: as Linux does, first the start, then the period */
    out64(0x108, in64(0xF0) + 62500);
    out64(0x108, 62500);
    fake_advance(100 * MS);
    assert_in_range(legacy[0].rises, 99, 101);
    out64(0x120, 4);
    out64(0x128, in64(0xF0) + 10);
    fake_advance(MS);
    assert_int_equal(legacy[1].rises, 1);
    out64(0x10, 1);
    assert_true(legacy[0].line.level); /* the PIT is back */
    out64(0x100, 4 | 8 | 0x40 | 20 << 9);
    out64(0x108, 1);
    gsi[0].rises = 0;
    fake_advance(10 * MS);
    assert_in_range(gsi[0].rises, 1, 1001); /* a period of 16 ns would flood the host */
}

static bool guest_is_busy;

static bool tick_waits(void *opaque)
{
    return guest_is_busy;
}

/* In the PIT's place no tick is lost: one that the guest has not taken holds the next back. */
static void test_busy_guest(void **state)
{
    hpet_set_waiting(hpet, tick_waits, NULL);
    out64(0x10, 3);
    out64(0x100, 4 | 8 | 0x40);
    out64(0x108, in64(0xF0) + 62500);
    out64(0x108, 62500);
    guest_is_busy = true;
    legacy[0].rises = 0;
    fake_advance(100 * MS);
    assert_int_equal(legacy[0].rises, 0);
    guest_is_busy = false;
    fake_advance(MS);
    assert_in_range(legacy[0].rises, 8, 20); /* what is missing is made up fast */
    fake_advance(99 * MS);
    assert_in_range(legacy[0].rises, 199, 201);
    guest_is_busy = true; /* for ever: the line goes on after a second */
    fake_advance(5000 * MS);
    assert_in_range(legacy[0].rises, 4000, 4400);
    guest_is_busy = false; /* and a second's worth is still there, at once: Linux counts on it after its last try */
    legacy[0].rises = 0;
    fake_advance(2 * MS);
    assert_in_range(legacy[0].rises, 10, 40);
    fake_advance(10000 * MS);
    assert_in_range(legacy[0].rises, 10950, 11010);
    out64(0x10, 1); /* a line of its own has no such care */
    out64(0x100, 4 | 8 | 0x40 | 20 << 9);
    out64(0x108, in64(0xF0) + 62500);
    out64(0x108, 62500);
    guest_is_busy = true;
    gsi[0].rises = 0;
    fake_advance(100 * MS);
    assert_in_range(gsi[0].rises, 99, 101);
}

static void test_save(void **state)
{
    struct device *other;
    uint8_t bad[512];

    out64(0x10, 1);
    out64(0x100, 4 | 8 | 0x40 | 20 << 9);
    out64(0x108, 62500);
    out64(0x120, 4 | 21 << 9);
    out64(0x128, 1000000);
    fake_advance(MS / 3);
    other = new_hpet();
    assert_roundtrip(hpet, other);
    assert_int_equal(fake_timers_armed(), 4);
    other->ops->destroy(other);
    memset(bad, 0xFF, sizeof bad);
    assert_true(hpet->ops->state_size <= sizeof bad);
    assert_refused(hpet, bad);
    torture(hpet, &hpet_io, 0x180, 50000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_capabilities, setup, teardown),
        cmocka_unit_test_setup_teardown(test_counter, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_shot, setup, teardown),
        cmocka_unit_test_setup_teardown(test_level, setup, teardown),
        cmocka_unit_test_setup_teardown(test_legacy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_busy_guest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_save, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
