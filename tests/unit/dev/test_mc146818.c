/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dev/mc146818.h"

#include "fake.h"

#include <string.h>

#define S    1000000000ull
#define MS   1000000ull
#define BASE 1795348864ll /* 2026-11-22 12:01:04 UTC, a Sunday */

static struct fake_line irq8;
static struct device *rtc;
static int64_t told_offset;

static int64_t wall(void)
{
    return (int64_t)(loop_now_ns(fake_loop) - S) + BASE * (int64_t)S;
}

static void offset_changed(void *opaque, int64_t offset_s)
{
    told_offset = offset_s;
}

static struct device *new_rtc(struct irq_line *line, int64_t offset)
{
    struct mc146818_config config = {.offset_s = offset, .wall_ns = wall, .offset_changed = offset_changed};

    return mc146818_create(fake_loop, line, &config);
}

static int setup(void **state)
{
    fake_loop_reset();
    fake_line_init(&irq8);
    told_offset = 0;
    rtc = new_rtc(&irq8.line, 0);
    return 0;
}

static int teardown(void **state)
{
    rtc->ops->destroy(rtc);
    assert_int_equal(fake_timers_armed(), 0);
    return 0;
}

static uint8_t rd(unsigned i)
{
    out8(rtc, &mc146818_io, 0, i);
    return in8(rtc, &mc146818_io, 1);
}
static void wr(unsigned i, unsigned value)
{
    out8(rtc, &mc146818_io, 0, i);
    out8(rtc, &mc146818_io, 1, value);
}

static void test_time(void **state)
{
    static const uint8_t regs[] = {0x04, 0, 0x01, 0, 0x12, 0, 0x01, 0x22, 0x11, 0x26, 0x26, 0x02};

    for (unsigned i = 0; i < sizeof regs; i++)
        assert_int_equal(rd(i), regs[i]);
    assert_int_equal(rd(0x0D), 0x80);
    assert_int_equal(rd(0x32), 0x20);
    fake_advance(56 * S);
    assert_int_equal(rd(0), 0x00);
    assert_int_equal(rd(2), 0x02);
    wr(0x0B, 0x04); /* binary, 12 hours */
    assert_int_equal(rd(4), 12 | 0x80);
    assert_int_equal(rd(9), 26);
    fake_advance(13 * 3600 * S);
    assert_int_equal(rd(4), 1);
    fake_advance(S - 100000);
    assert_int_equal(rd(0x0A) & 0x80, 0x80); /* UIP */
    fake_advance(100000);
    assert_int_equal(rd(0x0A) & 0x80, 0);
}

static void test_setting(void **state)
{
    wr(0x0B, 0x82);
    wr(0, 0x30);
    wr(2, 0x59);
    wr(4, 0x23);
    wr(7, 0x31);
    wr(8, 0x12);
    wr(9, 0x99);
    wr(0x32, 0x19);
    fake_advance(5 * S);
    assert_int_equal(rd(0), 0x30); /* held */
    wr(0x0B, 0x02);
    assert_int_equal(told_offset, 946684770 - (BASE + 5));
    assert_int_equal(mc146818_offset_s(rtc), told_offset);
    fake_advance(30 * S);
    assert_int_equal(rd(0), 0x00);
    assert_int_equal(rd(9), 0x00);
    assert_int_equal(rd(0x32), 0x20);
    wr(2, 0x15); /* on the run */
    assert_int_equal(rd(2), 0x15);
    assert_int_equal(rd(4), 0x00);
}

static void test_update_and_alarm(void **state)
{
    rd(0x0C);
    wr(0x0B, 0x12);
    fake_advance(3 * S);
    assert_int_equal(irq8.rises, 1); /* one until it is read */
    assert_int_equal(rd(0x0C) & ~0x40, 0x90);
    assert_false(irq8.line.level);
    fake_advance(S);
    assert_int_equal(irq8.rises, 2);
    rd(0x0C);
    wr(0x0B, 0x22);
    wr(1, 0x30);
    wr(3, 0xFF);
    wr(5, 0xFF);
    irq8.rises = 0;
    fake_advance(20 * S);
    assert_int_equal(irq8.rises, 0);
    fake_advance(3 * S);
    assert_int_equal(irq8.rises, 1);
    assert_int_equal(rd(0x0C) & 0xA0, 0xA0);
    wr(0x0B, 0x02);
    assert_int_equal(fake_timers_armed(), 0); /* nothing ticks for nobody */
    fake_advance(2 * S);
    assert_int_equal(rd(0x0C) & ~0x40, 0x10); /* but flags are right */
    assert_int_equal(rd(0x0C) & ~0x40, 0x00);
}

static void test_periodic(void **state)
{
    unsigned ticks = 0;

    wr(0x0A, 0x26);
    wr(0x0B, 0x42);
    for (unsigned i = 0; i < 10000; i++) {
        fake_advance(MS / 10);
        if (irq8.line.level)
            ticks += (rd(0x0C) & 0xC0) == 0xC0;
    }
    assert_in_range(ticks, 1015, 1033);
    fake_jump(100 * MS); /* a late host: the guest gets its hundred ticks all the same */
    ticks = 0;
    for (unsigned i = 0; i < 4000; i++) {
        if (irq8.line.level)
            ticks += (rd(0x0C) & 0xC0) == 0xC0;
        fake_advance(MS / 10);
    }
    assert_in_range(ticks, 500, 524);
    wr(0x0B, 0x02);
    rd(0x0C);
    fake_advance(MS);
    assert_int_equal(rd(0x0C) & 0x40, 0x40); /* polled */
}

static void test_cmos(void **state)
{
    mc146818_set_cmos(rtc, 0x3D, 0x23);
    assert_int_equal(rd(0x3D), 0x23);
    assert_int_equal(rd(0xBD), 0x23);
    wr(0x0F, 0x0A);
    assert_int_equal(mc146818_cmos(rtc, 0x0F), 0x0A);
    mc146818_set_cmos(rtc, 4, 0x55); /* time is not the board's */
    assert_int_equal(rd(4), 0x12);
    mc146818_set_cmos(rtc, 1000, 1);
    wr(0x0D, 0);
    assert_int_equal(rd(0x0D), 0x80);
    assert_int_equal(in8(rtc, &mc146818_io, 0), 0xFF);
}

static void test_save(void **state)
{
    struct fake_line line;
    struct device *other;
    uint8_t bad[512];

    fake_line_init(&line);
    wr(0x0A, 0x26);
    wr(0x0B, 0x52);
    wr(0x40, 0x77);
    fake_advance(1234567);
    other = new_rtc(&line.line, 99);
    assert_roundtrip(rtc, other);
    assert_true(line.line.level == irq8.line.level);
    other->ops->destroy(other);
    memset(bad, 0xFF, sizeof bad);
    assert_true(rtc->ops->state_size <= sizeof bad);
    assert_refused(rtc, bad);
    torture(rtc, &mc146818_io, 2, 50000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_setting, setup, teardown),
        cmocka_unit_test_setup_teardown(test_update_and_alarm, setup, teardown),
        cmocka_unit_test_setup_teardown(test_periodic, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cmos, setup, teardown),
        cmocka_unit_test_setup_teardown(test_save, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
