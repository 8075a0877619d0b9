/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dev/i8254.h"

#include "fake.h"

#include <string.h>

#define MS 1000000ull

static struct fake_line irq0;
static struct device *pit;

static int setup(void **state)
{
    fake_loop_reset();
    fake_line_init(&irq0);
    pit = i8254_create(fake_loop, &irq0.line);
    return pit ? 0 : -1;
}

static int teardown(void **state)
{
    pit->ops->destroy(pit);
    assert_int_equal(fake_timers_armed(), 0);
    return 0;
}

static void load(unsigned control, unsigned channel, unsigned count)
{
    out8(pit, &i8254_io, 3, control);
    out8(pit, &i8254_io, channel, count & 0xFF);
    out8(pit, &i8254_io, channel, count >> 8);
}

static unsigned latched(unsigned channel)
{
    unsigned low;

    out8(pit, &i8254_io, 3, channel << 6);
    low = in8(pit, &i8254_io, channel);
    return low | (unsigned)in8(pit, &i8254_io, channel) << 8;
}

static void test_tick(void **state)
{
    load(0x34, 0, 11932); /* mode 2, 100 Hz */
    irq0.rises = 0;
    fake_advance(1000 * MS);
    assert_in_range(irq0.rises, 99, 101);
    load(0x36, 0, 0); /* mode 3, 18.2 Hz */
    irq0.rises = 0;
    fake_advance(10000 * MS);
    assert_in_range(irq0.rises, 181, 183);
}

static void test_late_host(void **state)
{
    load(0x34, 0, 11932);
    irq0.rises = 0;
    fake_jump(205 * MS); /* twenty ticks missed: made up, the fastest at the start */
    assert_in_range(irq0.rises, 1, 2);
    fake_advance(5 * MS);
    assert_in_range(irq0.rises, 7, 10);
    fake_advance(15 * MS);
    assert_in_range(irq0.rises, 14, 20);
    fake_advance(75 * MS);
    assert_in_range(irq0.rises, 29, 31);
    fake_advance(700 * MS);
    assert_in_range(irq0.rises, 98, 101);
    irq0.rises = 0;
    fake_jump(14 * MS); /* one: at twice the rate */
    fake_advance(4 * MS);
    assert_int_equal(irq0.rises, 1);
    fake_advance(32 * MS);
    assert_in_range(irq0.rises, 4, 6);
    fake_jump(3600 * 1000 * MS); /* an hour is forgotten, but a second's worth */
    irq0.rises = 0;
    fake_advance(10000 * MS);
    assert_in_range(irq0.rises, 998, 1102);
}

static bool guest_is_busy;

static bool tick_waits(void *opaque)
{
    return guest_is_busy;
}

static void test_busy_guest(void **state)
{
    load(0x34, 0, 11932);
    i8254_set_waiting(pit, tick_waits, NULL);
    irq0.rises = 0;
    guest_is_busy = true; /* has interrupts off for 200 ms */
    fake_advance(200 * MS);
    assert_int_equal(irq0.rises, 0);
    guest_is_busy = false;
    fake_advance(800 * MS);
    assert_in_range(irq0.rises, 98, 101);
    guest_is_busy = true; /* for ever: the line goes on after a second */
    irq0.rises = 0;
    fake_advance(10000 * MS);
    assert_in_range(irq0.rises, 890, 902);
}

static void test_fast_guest(void **state)
{
    load(0x34, 0, 1); /* a tick every 838 ns would be a denial of service */
    irq0.rises = 0;
    fake_advance(10 * MS);
    assert_in_range(irq0.rises, 1, 1100);
}

static void test_one_shot(void **state)
{
    load(0x30, 0, 1193);
    assert_false(irq0.line.level);
    irq0.rises = 0;
    fake_advance(MS / 2);
    assert_in_range(latched(0), 590, 600);
    fake_advance(MS);
    assert_int_equal(irq0.rises, 1);
    fake_advance(1000 * MS);
    assert_int_equal(irq0.rises, 1);
}

static void test_read_back(void **state)
{
    unsigned status;

    load(0xB4, 2, 0x1234);
    out8(pit, &i8254_io, 3, 0xC8); /* count and status of channel 2 */
    status = in8(pit, &i8254_io, 2);
    assert_int_equal(status & 0x3F, 0x34);
    assert_int_equal(in8(pit, &i8254_io, 2), 0x34); /* the gate is low: nothing counted */
    assert_int_equal(in8(pit, &i8254_io, 2), 0x12);
    out8(pit, &i8254_io, 3, 0xB4);
    out8(pit, &i8254_io, 3, 0xE8); /* status alone: no count was written yet */
    assert_int_equal(in8(pit, &i8254_io, 2) & 0x40, 0x40);
    load(0x71, 1, 0x0500); /* BCD */
    fake_advance(8381);    /* ten ticks */
    assert_int_equal(latched(1), 0x0490);
}

static void test_speaker_channel(void **state)
{
    load(0xB0, 2, 11932); /* 10 ms, as Linux calibrates */
    out8(pit, &i8254_port61_io, 0, 0x01);
    assert_int_equal(in8(pit, &i8254_port61_io, 0) & 0x20, 0);
    fake_advance(9 * MS);
    assert_int_equal(in8(pit, &i8254_port61_io, 0) & 0x20, 0);
    fake_advance(2 * MS);
    assert_int_equal(in8(pit, &i8254_port61_io, 0) & 0x21, 0x21);
    load(0xB6, 2, 1193);
    assert_int_equal(i8254_speaker_hz(pit), 0);
    out8(pit, &i8254_port61_io, 0, 0x03);
    assert_int_equal(i8254_speaker_hz(pit), 1000);
}

static void test_refresh_toggles(void **state)
{
    uint8_t first = in8(pit, &i8254_port61_io, 0) & 0x10;

    fake_advance(15085);
    assert_int_not_equal(in8(pit, &i8254_port61_io, 0) & 0x10, first);
}

static void test_save(void **state)
{
    struct device *other;
    struct fake_line line;
    uint8_t bad[256];

    fake_line_init(&line);
    other = i8254_create(fake_loop, &line.line);
    load(0x34, 0, 11932);
    load(0xB6, 2, 1000);
    out8(pit, &i8254_io, 3, 0x80);
    in8(pit, &i8254_io, 2);
    fake_advance(3 * MS);
    assert_roundtrip(pit, other);
    irq0.rises = line.rises = 0;
    fake_advance(100 * MS);
    assert_int_equal(irq0.rises, line.rises);
    other->ops->destroy(other);
    assert_true(pit->ops->state_size <= sizeof bad);
    memset(bad, 0xFF, sizeof bad);
    assert_refused(pit, bad);
    torture(pit, &i8254_io, 4, 20000);
    torture(pit, &i8254_port61_io, 1, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tick, setup, teardown),
        cmocka_unit_test_setup_teardown(test_late_host, setup, teardown),
        cmocka_unit_test_setup_teardown(test_busy_guest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fast_guest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_shot, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_speaker_channel, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refresh_toggles, setup, teardown),
        cmocka_unit_test_setup_teardown(test_save, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
